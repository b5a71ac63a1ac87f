"""Functions of the database that revision 0007 makes: what is like what, by embeddings."""
