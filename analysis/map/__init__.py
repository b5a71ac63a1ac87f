"""A map of the collection: what is alike lies together."""
