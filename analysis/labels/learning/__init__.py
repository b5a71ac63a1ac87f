"""Training: a probe on embeddings, and all that happens around any method."""
