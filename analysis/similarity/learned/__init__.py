"""Similarity that is learned: a projection of embeddings, taught by the terms that works share."""
