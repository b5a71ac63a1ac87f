"""Indexes of FAISS in the object store: made from the database, kept in step with it, searched."""
