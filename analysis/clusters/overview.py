"""Groups as people look at them: which there are, their works, and which groups a work mixes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from analysis.clusters import DEFAULT_METHOD, KIND, NO_THEME
from analysis.clusters.fitting import Settings
from analysis.clusters.stored import versions_of
from analysis.embeddings.stored import embedding_model
from analysis.errors import NothingToShow, WrongClusters
from analysis.registry.models import Model, default_model

_CLUSTERS = text("""
    SELECT cluster, size, theme, metrics FROM clusters
    WHERE model_id = :model_id AND size > 0 ORDER BY cluster
""")
# What no page shows any more stays in its group, and is not shown.
_WORKS = text("""
    SELECT DISTINCT ON (s.image_id)
           s.image_id, a.site, a.source_id, a.title, a.date_text, a.page_url, i.sha256,
           i.preview_key, maker.name AS artist
    FROM image_sources s
    JOIN artworks a ON a.id = s.artwork_id
    JOIN images i ON i.id = s.image_id
    LEFT JOIN LATERAL (
        SELECT ar.name FROM artwork_artists aa JOIN artists ar ON ar.id = aa.artist_id
        WHERE aa.artwork_id = a.id ORDER BY aa.position LIMIT 1
    ) maker ON true
    WHERE s.image_id = ANY(:ids) AND s.gone_at IS NULL AND a.gone_at IS NULL
    ORDER BY s.image_id, a.site, a.source_id
""")
_MEMBERS = text("""
    SELECT c.image_id, c.probability FROM image_clusters c
    WHERE c.model_id = :model_id AND c.cluster = :cluster
      AND EXISTS (SELECT FROM image_sources s JOIN artworks a ON a.id = s.artwork_id
                  WHERE s.image_id = c.image_id AND s.gone_at IS NULL AND a.gone_at IS NULL)
    ORDER BY c.probability DESC, array_position(CAST(:first AS bigint[]), c.image_id), c.image_id
    LIMIT :limit
""")
_MIXED = text("""
    SELECT cluster, probability FROM image_clusters
    WHERE model_id = :model_id AND image_id = :image_id ORDER BY probability DESC, cluster
""")


@dataclass(frozen=True)
class ShownWork:
    """A work that shows an image."""

    image_id: int
    sha256: str
    preview_key: str
    site: str
    source_id: str
    title: str
    artist: str | None
    date: str | None
    page_url: str

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "sha256": self.sha256,
            "site": self.site,
            "source_id": self.source_id,
            "title": self.title,
            "artist": self.artist,
            "date": self.date,
            "page_url": self.page_url,
        }


@dataclass(frozen=True)
class Group:
    """A group, as `clusters` has it."""

    cluster: int
    size: int
    """Images that belong to it most of all."""
    share: float
    """Of all images in groups."""
    theme: str | None
    metrics: Mapping[str, Any]
    typical: tuple[ShownWork, ...] = ()
    atypical: tuple[ShownWork, ...] = ()

    @property
    def name(self) -> str:
        """What its works have in common."""
        return self.theme or NO_THEME

    @property
    def cohesion(self) -> float:
        """Mean cosine similarity of its works to its centre."""
        return float(self.metrics["cohesion"])

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        measured = ("cohesion", "mean_distance", "diameter", "neighbors", "terms")
        return {
            "cluster": self.cluster,
            "size": self.size,
            "share": round(self.share, 6),
            "theme": self.theme,
            **{name: self.metrics[name] for name in measured},
            "typical": [work.as_dict() for work in self.typical],
            "atypical": [work.as_dict() for work in self.atypical],
        }


@dataclass(frozen=True)
class Mixed:
    """How much a picture belongs to a group."""

    group: Group
    probability: float


def shown_model(connection: Connection, settings: Settings, embedding: str | None = None) -> Model:
    """Return the groups that are in use for a method, or those of a number or an embedding.

    Raises NothingToShow, with the cure, where none have been found.
    """
    found: Model | None = None
    if settings.k is None and embedding is None:
        found = default_model(connection, KIND, settings.method)
    if found is None:
        versions = versions_of(connection, settings, embedding_model(connection, embedding))
        found = next(iter(versions), None)
    if found is None:
        asked = "" if settings.method == DEFAULT_METHOD else f" --method {settings.method}"
        raise NothingToShow(f"no groups have been found yet: run `artworks clusters{asked}`.")
    return found


def list_groups(connection: Connection, model: Model, *, works: int = 3) -> list[Group]:
    """Return the groups of a model by their numbers, each with its most typical works."""
    rows = connection.execute(_CLUSTERS, {"model_id": model.id}).all()
    total = sum(row.size for row in rows)
    typical = {row.cluster: _ids(row.metrics["typical"])[:works] for row in rows}
    shown = works_of(connection, [one for ids in typical.values() for one in ids])
    return [
        Group(
            row.cluster,
            row.size,
            row.size / total,
            row.theme,
            row.metrics,
            _known(shown, typical[row.cluster]),
        )
        for row in rows
    ]


def find_group(connection: Connection, model: Model, number: int) -> Group:
    """Return a group with its most and least typical works. Raises WrongClusters."""
    groups = list_groups(connection, model, works=0)
    group = next((one for one in groups if one.cluster == number), None)
    if group is None:
        known = ", ".join(str(one.cluster) for one in groups) or "none"
        raise WrongClusters(f"there is no group {number} in {model.label}: choose from {known}.")
    typical, atypical = (_ids(group.metrics[name]) for name in ("typical", "atypical"))
    shown = works_of(connection, [*typical, *atypical])
    return Group(
        group.cluster,
        group.size,
        group.share,
        group.theme,
        group.metrics,
        _known(shown, typical),
        _known(shown, atypical),
    )


def members_of(
    connection: Connection, model: Model, group: Group, limit: int
) -> list[tuple[ShownWork, float]]:
    """Return works of a group with their probabilities: the likeliest, then the most typical."""
    values = {
        "model_id": model.id,
        "cluster": group.cluster,
        "first": _ids(group.metrics["typical"]),
        "limit": limit,
    }
    rows = connection.execute(_MEMBERS, values).all()
    shown = works_of(connection, [row.image_id for row in rows])
    return [(shown[row.image_id], row.probability) for row in rows if row.image_id in shown]


def mixture_of(connection: Connection, model: Model, image_id: int) -> list[Mixed]:
    """Return the groups that a stored image belongs to, the likeliest first."""
    rows = connection.execute(_MIXED, {"model_id": model.id, "image_id": image_id}).all()
    return mixed(connection, model, [(row.cluster, row.probability) for row in rows])


def mixed(connection: Connection, model: Model, parts: Sequence[tuple[int, float]]) -> list[Mixed]:
    """Return groups by number, with how much a picture belongs to each."""
    groups = {group.cluster: group for group in list_groups(connection, model)}
    return [Mixed(groups[number], share) for number, share in parts if number in groups]


def works_of(connection: Connection, ids: Iterable[int]) -> dict[int, ShownWork]:
    """Return the works that show images, one for each image that is still shown."""
    rows = connection.execute(_WORKS, {"ids": list(ids)})
    return {
        row.image_id: ShownWork(
            image_id=row.image_id,
            sha256=row.sha256,
            preview_key=row.preview_key,
            site=row.site,
            source_id=row.source_id,
            title=" ".join(row.title.split()) or "Untitled",
            artist=row.artist,
            date=row.date_text,
            page_url=row.page_url,
        )
        for row in rows
    }


def _ids(places: Sequence[Sequence[Any]]) -> list[int]:
    return [int(image) for image, _ in places]


def _known(shown: Mapping[int, ShownWork], ids: Iterable[int]) -> tuple[ShownWork, ...]:
    return tuple(shown[one] for one in ids if one in shown)
