"""Indexes of vectors, which are made for each model while the product runs.

No migration makes them and the tables' models do not name them, so comparing the two leaves them
out. They belong to `analysis.embeddings.vector_index`.
"""

from __future__ import annotations

from typing import Any, Final

PREFIX: Final = "ix_image_embeddings_hnsw_"
"""What the name of such an index begins with; the id of its model follows."""


def is_compared(part: Any, name: str | None, kind: str, reflected: bool, _other: Any) -> bool:
    """Whether a part of the schema is compared with the models (Alembic's `include_object`)."""
    return not (kind == "index" and reflected and (name or "").startswith(PREFIX))
