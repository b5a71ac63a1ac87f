"""Images as vectors: networks that make them, and where they are kept."""
