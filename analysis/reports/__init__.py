"""Reports: pictures of a collection's colours, kept in the object store with what they show."""
