"""The registry of models: their rows in SQL, and the artifacts of those that were trained."""
