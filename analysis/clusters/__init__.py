"""Which works belong together: groups of embeddings, their themes and their distances."""

from __future__ import annotations

from typing import Final

KIND: Final = "clusters"
"""Kind of the models whose rows are in `clusters` and `image_clusters`."""
JOB: Final = "clusters"
METHODS: Final = ("kmeans", "gaussian")
DEFAULT_METHOD: Final = "kmeans"
SEED: Final = 0
"""Of samples and starts: the same images give the same groups."""
NO_THEME: Final = "no common theme"
