"""Self-retrieval: an altered copy of a stored image is embedded anew, and has to find itself.

No labels are needed. Stored images that look the same as the one that is looked for are no rivals:
whoever finds those has found it, too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, text

from analysis.embeddings.embedder import Embed
from analysis.embeddings.stored import Vectors, embedding_model, pages_of, vectors_of
from analysis.errors import NoEmbeddings
from analysis.evaluation.alterations import ALTERATIONS
from analysis.evaluation.collection import look_alikes
from analysis.evaluation.similarity import keep_metrics
from analysis.jobs import RGB
from analysis.registry.models import Model, find_model
from analysis.similarity.embedding import embedder_like
from analysis.similarity.learned.job import base_label, load_projection
from storage.database import Database
from storage.errors import ImageRejected, ObjectNotFound
from storage.images import decode_rgb
from storage.objects import ObjectStore

METRICS = "self_retrieval"
"""Key in `models.metrics`."""
BATCH = 16
"""Images that are decoded and altered at once."""

Progress = Callable[[int, int], None]
"""Called with images looked for and images in all."""

_SAMPLE = text("""
    SELECT i.id, i.preview_key FROM images i
    WHERE NOT i.placeholder
      AND EXISTS (SELECT FROM image_embeddings e
                  WHERE e.image_id = i.id AND e.model_id = :model_id)
      AND EXISTS (SELECT FROM image_sources s WHERE s.image_id = i.id AND s.gone_at IS NULL)
    ORDER BY md5(i.sha256 || :seed) LIMIT :count
""")


@dataclass(frozen=True)
class SelfRetrieval:
    """How often altered copies found what they are copies of."""

    model: str
    images: int
    """Images that were altered and looked for."""
    among: int
    """Images that they were looked for among."""
    unreadable: int
    """Images of the sample that could not be read from the object store."""
    seed: int
    ranks: Mapping[str, npt.NDArray[np.int64]]
    """Alteration to the rank of the right answer for each image, from 1."""

    def recall(self, alteration: str, k: int) -> float:
        """Return the share of images that are among the first k answers."""
        return float((self.ranks[alteration] <= k).mean())

    def as_dict(self) -> dict[str, Any]:
        """Return this for JSON."""
        return {
            "model": self.model,
            "images": self.images,
            "among": self.among,
            "unreadable": self.unreadable,
            "seed": self.seed,
            "alterations": {
                name: {
                    "recall@1": self.recall(name, 1),
                    "recall@10": self.recall(name, 10),
                    "median_rank": float(np.median(ranks)),
                }
                for name, ranks in self.ranks.items()
            },
        }


def measure_self_retrieval(
    database: Database,
    store: ObjectStore,
    *,
    model: str | None = None,
    images: int = 100,
    seed: int = 0,
    progress: Progress | None = None,
) -> SelfRetrieval:
    """Alter sampled images in each way, embed them, and rank what they are copies of.

    Reads previews. Raises NoEmbeddings, NoSuchModel, NetworkUnavailable where the network of the
    stored vectors cannot be run here, NetworkDisagrees, ArtifactDamaged, ObjectStoreUnavailable
    and DatabaseUnavailable.
    """
    with database.begin() as connection:
        chosen = embedding_model(connection, model)
        values = {"model_id": chosen.id, "seed": str(seed), "count": images}
        rows = connection.execute(_SAMPLE, values).all()
        below = base_label(chosen)
        base = chosen if below is None else find_model(connection, below)
    if not rows:
        raise NoEmbeddings(
            f"no image has a vector of {chosen.label}: run "
            f"`artworks analyze {'embeddings' if below is None else 'projection'}`."
        )
    embed = embedder_like(base).open()
    if below is not None:
        embed = _projected(embed, load_projection(store, chosen).project)
    ids: list[int] = []
    found: dict[str, list[Vectors]] = {name: [] for name in ALTERATIONS}
    for start in range(0, len(rows), BATCH):
        read = [(row.id, _read(store, row.preview_key)) for row in rows[start : start + BATCH]]
        there = [(one, rgb) for one, rgb in read if rgb is not None]
        if there:
            for name, alter in ALTERATIONS.items():
                found[name].append(embed([alter(rgb) for _, rgb in there]))
        ids += [one for one, _ in there]
        if progress is not None:
            progress(min(start + BATCH, len(rows)), len(rows))
    if not ids:
        raise NoEmbeddings(
            f"none of {len(rows):,} sampled images can be read from the object store: run "
            "`artworks verify`."
        )
    with database.begin() as connection:
        asked = {name: np.concatenate(parts) for name, parts in found.items()}
        ranks, among = _ranks(connection, chosen, np.array(ids, np.int64), asked)
    result = SelfRetrieval(chosen.label, len(ids), among, len(rows) - len(ids), seed, ranks)
    keep_metrics(database, chosen.label, METRICS, result.as_dict())
    return result


def _projected(embed: Embed, project: Callable[[npt.ArrayLike], Vectors]) -> Embed:
    def both(images: Sequence[RGB]) -> Vectors:
        return project(embed(images))

    return both


def _read(store: ObjectStore, key: str) -> RGB | None:
    """Return a preview; None where it is missing or no image, which `artworks verify` tells."""
    try:
        return decode_rgb(store.get(key))
    except (ObjectNotFound, ImageRejected):
        return None


def _ranks(
    connection: Connection,
    model: Model,
    ids: npt.NDArray[np.int64],
    asked: Mapping[str, Vectors],
) -> tuple[dict[str, npt.NDArray[np.int64]], int]:
    """Return the rank of each image for each alteration, and among how many, page by page."""
    stored = vectors_of(connection, model, ids.tolist())
    own = stored.vectors[np.searchsorted(stored.ids, ids)]
    alike = look_alikes(connection, ids.tolist())
    # NaN, of a copy that the network makes nothing of, is never above: it has the last rank.
    right = {name: np.einsum("nd,nd->n", vectors, own) for name, vectors in asked.items()}
    better = {name: np.zeros(len(ids), np.int64) for name in asked}
    among = 0
    for page, vectors in pages_of(connection, model):
        among += len(page)
        barred = np.array([np.isin(page, alike[one]) for one in ids.tolist()])
        for name, queries in asked.items():
            nearer = ~(queries @ vectors.T <= right[name][:, None])
            better[name] += (nearer & ~barred).sum(axis=1)
    return {name: 1 + count for name, count in better.items()}, among
