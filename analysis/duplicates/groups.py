"""Groups of images that look the same, with the works that show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from sqlalchemy import Connection, text

from analysis.showing import WORKS_SHOWING, ShowingWork

_PAIRS = text("""
    SELECT image_id, other_id, distance FROM image_duplicates
    WHERE model_id = :model_id AND distance <= :radius
""")
# What no page shows any more is in the table, and not in the groups.
_SHOWN = text("""
    SELECT i.id, i.phash, bool_or(CAST(:site AS text) IS NULL OR a.site = :site) AS wanted
    FROM images i
    JOIN image_sources s ON s.image_id = i.id
    JOIN artworks a ON a.id = s.artwork_id
    WHERE i.id = ANY(:ids) AND s.gone_at IS NULL AND a.gone_at IS NULL
    GROUP BY i.id
""")
_IMAGES = text("""
    SELECT id, sha256, object_key, preview_key, width, height, phash, placeholder
    FROM images WHERE id = ANY(:ids)
""")
_FROM_FIRST = text("""
    SELECT other.image_id, first.embedding <=> other.embedding AS distance
    FROM image_embeddings first JOIN image_embeddings other ON other.model_id = first.model_id
    WHERE first.model_id = :embedding_id AND first.image_id = :first
      AND other.image_id = ANY(:ids)
""")

Unit = Literal["bits", "cosine"]
"""Of distances: differing bits of 64-bit hashes, or cosine distance of embeddings."""


@dataclass(frozen=True, slots=True)
class GroupedImage:
    """An image of a group."""

    image_id: int
    sha256: str
    object_key: str
    preview_key: str
    width: int
    height: int
    placeholder: bool
    """Whether it stands in for pictures that a site does not show."""
    distance: float
    """How far it is from the group's first image, in the unit of the group."""
    works: tuple[ShowingWork, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Images that are connected by pairs, in the order in which they were stored."""

    images: tuple[GroupedImage, ...]
    unit: Unit = "bits"

    @property
    def widest(self) -> float:
        """The largest distance from the first image; more than the radius where pairs chain."""
        return max(image.distance for image in self.images)

    def told(self, distance: float) -> str:
        """Say a distance for people."""
        return f"{distance:g} bits" if self.unit == "bits" else f"{distance:.3f}"

    def as_dict(self) -> dict[str, Any]:
        """Return the group for JSON."""
        return {"images": [asdict(image) for image in self.images]}


@dataclass(frozen=True, slots=True)
class Groups:
    """The groups that were asked for, and how many there are."""

    groups: tuple[Group, ...]
    total: int
    images: int
    """Images in all groups."""


def duplicate_groups(
    connection: Connection,
    model_id: int,
    *,
    radius: float,
    embedding_id: int | None = None,
    site: str | None = None,
    limit: int | None = None,
) -> Groups:
    """Return groups of images that look the same: the largest first, then the closest.

    Args:
        connection: a transaction; of one moment where it is one of REPEATABLE READ.
        model_id: the model whose pairs count.
        radius: pairs that are at most so far apart, in the model's unit.
        embedding_id: the embedding that distances are taken by; without, hashes are compared.
        site: groups with an image of this site only.
        limit: most groups that are returned.
    """
    rows = connection.execute(_PAIRS, {"model_id": model_id, "radius": radius})
    found = [tuple(row) for row in rows]
    pairs = np.array([row[:2] for row in found], dtype=np.int64).reshape(-1, 2)
    farthest: dict[int, float] = {}
    for one, other, distance in found:
        for end in (one, other):
            farthest[end] = max(farthest.get(end, 0.0), distance)
    ids = np.unique(pairs)
    shown = {row.id: row for row in connection.execute(_SHOWN, {"ids": ids.tolist(), "site": site})}
    members = [
        seen
        for group in _connected(ids.tolist(), np.searchsorted(ids, pairs))
        if len(seen := [one for one in group if one in shown]) > 1
        and any(shown[one].wanted for one in seen)
    ]

    def widest(group: Sequence[int]) -> float:
        if embedding_id is not None:
            return max(farthest[one] for one in group)
        return max(_apart(shown[group[0]].phash, shown[one].phash) for one in group)

    members.sort(key=lambda group: (-len(group), widest(group), group[0]))
    chosen = members[:limit]
    every = [one for group in chosen for one in group]
    images = {row.id: row for row in connection.execute(_IMAGES, {"ids": every})}
    works: dict[int, list[ShowingWork]] = {}
    for row in connection.execute(WORKS_SHOWING, {"ids": every}):
        work = ShowingWork(row.site, row.source_id, row.title, row.artist, row.page_url)
        works.setdefault(row.image_id, []).append(work)

    def distances(group: Sequence[int]) -> Mapping[int, float]:
        if embedding_id is None:
            return {one: _apart(images[group[0]].phash, images[one].phash) for one in group}
        values = {"embedding_id": embedding_id, "first": group[0], "ids": group}
        near = {row.image_id: row.distance for row in connection.execute(_FROM_FIRST, values)}
        # Rounding leaves a trifle between a vector and itself; a vector may be gone.
        return {
            one: 0.0 if one == group[0] else max(near.get(one, farthest[one]), 0.0) for one in group
        }

    unit: Unit = "bits" if embedding_id is None else "cosine"
    return Groups(
        groups=tuple(
            Group(_described(group, images, works, distances(group)), unit) for group in chosen
        ),
        total=len(members),
        images=sum(map(len, members)),
    )


def _connected(ids: Sequence[int], pairs: np.ndarray[Any, np.dtype[np.int64]]) -> list[list[int]]:
    """Return the connected components of pairs of places in `ids`, as ids in order."""
    ones = np.ones(len(pairs), dtype=np.bool_)
    graph = coo_array((ones, (pairs[:, 0], pairs[:, 1])), shape=(len(ids), len(ids)))
    count, component = connected_components(graph, directed=False)
    groups: list[list[int]] = [[] for _ in range(count)]
    for one, at in zip(ids, component.tolist(), strict=True):
        groups[at].append(one)
    return groups


def _apart(one: int, other: int) -> int:
    """Return the differing bits of two hashes; the sign is a bit like the others."""
    return ((one ^ other) & 0xFFFF_FFFF_FFFF_FFFF).bit_count()


def _described(
    group: Sequence[int],
    images: Mapping[int, Any],
    works: Mapping[int, list[ShowingWork]],
    distances: Mapping[int, float],
) -> tuple[GroupedImage, ...]:
    return tuple(
        GroupedImage(
            image_id=row.id,
            sha256=row.sha256,
            object_key=row.object_key,
            preview_key=row.preview_key,
            width=row.width,
            height=row.height,
            placeholder=row.placeholder,
            distance=distances[row.id],
            works=tuple(works[row.id]),
        )
        for row in (images[one] for one in group)
    )
