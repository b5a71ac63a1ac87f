"""The oddest works, where they stand, and what they are nearest to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, text

from analysis.embeddings.near import nearest
from analysis.embeddings.stored import embedding_model
from analysis.errors import NothingToShow
from analysis.outliers.labels import KINDS, PEOPLE, SINGLE, UNCORRECTED
from analysis.outliers.mahalanobis import tail
from analysis.outliers.methods import DEFAULT_METHOD, KIND, METHODS
from analysis.registry.models import default_model, find_model
from analysis.reports.query import OF_SITE_AND_TERMS, Query, check_query
from analysis.showing import WORKS_SHOWING, ShowingWork
from storage.errors import UsageError

T = TypeVar("T")

NEIGHBORS: Final = 3
ALONE: Final = 1.5
"""An image is near nothing where its nearest is so many times as far as is usual, and has a few of
its like where it is so many times as near."""

_ODDEST = text(f"""
    SELECT o.image_id, o.score, o.is_outlier, o.label, i.sha256, i.object_key, i.preview_key,
           (SELECT count(*) FROM image_outliers b
            WHERE b.model_id = :model_id AND b.score < o.score) AS below
    FROM image_outliers o JOIN images i ON i.id = o.image_id
    WHERE o.model_id = :model_id AND EXISTS (
        SELECT FROM image_sources s JOIN artworks a ON a.id = s.artwork_id
        WHERE s.image_id = o.image_id AND s.gone_at IS NULL AND a.gone_at IS NULL
          AND {OF_SITE_AND_TERMS})
    ORDER BY o.score DESC, o.image_id LIMIT :top
""")  # noqa: S608 - the fragment is a constant
_COUNT = text("SELECT count(*) FROM image_outliers WHERE model_id = :model_id")
_IMAGES = text("SELECT id, sha256, preview_key FROM images WHERE id = ANY(:ids)")
_TERMS = text(f"""
    {PEOPLE}
    SELECT s.image_id, array_position(CAST(:kinds AS text[]), t.kind) AS k, t.kind, t.name
    FROM image_sources s JOIN artworks a ON a.id = s.artwork_id
    JOIN artwork_terms at ON at.artwork_id = a.id JOIN terms t ON t.id = at.term_id
    WHERE s.image_id = ANY(:ids) AND s.gone_at IS NULL AND a.gone_at IS NULL
      AND t.kind = ANY(:kinds) AND {UNCORRECTED}
    UNION
    SELECT p.image_id, array_position(CAST(:kinds AS text[]), p.head), p.head, p.label
    FROM people p WHERE p.image_id = ANY(:ids) AND p.yes
    ORDER BY 1, 2, 4
""")  # noqa: S608 - the fragments are constants


@dataclass(frozen=True)
class Neighbor:
    """An image that an odd one is nearest to."""

    image_id: int
    sha256: str
    preview_key: str
    distance: float
    """Cosine distance."""
    terms: tuple[str, ...]
    """kind:name of its styles, genres and categories."""
    works: tuple[ShowingWork, ...]


@dataclass(frozen=True)
class OddImage:
    """An image with its score."""

    image_id: int
    sha256: str
    object_key: str
    preview_key: str
    score: float
    """In the unit of the method; more is odder."""
    percentile: float
    """Percent of the images that are less odd: comparable across methods."""
    tail: float | None
    """Of Mahalanobis distances, the probability to lie so far out; None for other methods."""
    is_outlier: bool
    label: str | None
    """kind:name of what it was compared with; None: with all."""
    terms: tuple[str, ...]
    works: tuple[ShowingWork, ...]
    neighbors: tuple[Neighbor, ...]
    why: str
    """What is odd about it, in a few words."""


@dataclass(frozen=True)
class Outliers:
    """The oddest images of those that were asked for."""

    method: str
    model: str
    """name/version of the method's model."""
    embedding: str
    images: int
    """Images that have a score."""
    outliers: int
    """Images beyond the threshold."""
    threshold: float | None
    """None where scores have no spread."""
    usual_distance: float
    """Cosine distance of an image to its nearest one, the median."""
    found: tuple[OddImage, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return asdict(self)


def oddest(
    connection: Connection, query: Query, *, method: str = DEFAULT_METHOD, top: int = 20
) -> Outliers:
    """Return the `top` oddest images of a query, scored among all images.

    Raises UsageError for an unknown method, site or term, NoEmbeddings where nothing is embedded,
    and NothingToShow where there are no scores.
    """
    if method not in METHODS:
        raise UsageError(f'there is no method "{method}": choose from {", ".join(METHODS)}.')
    check_query(connection, query)
    embedding_model(connection)
    model = default_model(connection, KIND, method)
    scored = 0 if model is None else connection.scalar(_COUNT, {"model_id": model.id})
    if model is None or not scored:
        needed = METHODS[DEFAULT_METHOD].params["least_works"]
        raise NothingToShow(
            f"no image has a score by {method}: run `artworks analyze outliers`, which needs "
            f"{needed} embedded images."
        )
    metrics, images = model.metrics, int(scored)
    embedding = find_model(connection, str(model.params["embedding"]))
    values = {**query.parameters, "model_id": model.id, "top": top}
    rows = connection.execute(_ODDEST, values).all()
    near = {
        row.image_id: nearest(connection, embedding, row.image_id, limit=NEIGHBORS) for row in rows
    }
    ids = {image for found in near.values() for image, _ in found} | near.keys()
    known = _Known(connection, sorted(ids))
    usual = float(metrics.get("usual_distance", 0.0))
    components = int(metrics.get("components", 1))
    found = []
    for row in rows:
        neighbors = tuple(known.neighbor(image, apart) for image, apart in near[row.image_id])
        terms = known.terms.get(row.image_id, ())
        found.append(
            OddImage(
                image_id=row.image_id,
                sha256=row.sha256,
                object_key=row.object_key,
                preview_key=row.preview_key,
                score=row.score,
                percentile=100 * row.below / images,
                tail=tail(row.score, components) if method == "mahalanobis" else None,
                is_outlier=row.is_outlier,
                label=row.label,
                terms=terms,
                works=known.works.get(row.image_id, ()),
                neighbors=neighbors,
                why=why(terms, neighbors, usual),
            )
        )
    return Outliers(
        method=method,
        model=model.label,
        embedding=embedding.label,
        images=images,
        outliers=int(metrics.get("outliers", 0)),
        threshold=metrics.get("threshold"),
        usual_distance=usual,
        found=tuple(found),
    )


def why(terms: Sequence[str], neighbors: Sequence[Neighbor], usual: float) -> str:
    """Say what is odd about an image that has these terms and these nearest ones.

    `usual` is the distance that images usually have to their nearest one.
    """
    if not neighbors:
        return "there is nothing to compare it with"
    apart = neighbors[0].distance
    if usual and apart > ALONE * usual:
        return f"near to nothing: its nearest is {apart:.2f} away, usual is {usual:.2f}"
    others = f"the others of {terms[0].replace(':', ' ', 1)}" if terms else "the others"
    if apart < usual / ALONE:
        return f"with a few of its like ({apart:.2f} away), far from {others}"
    theirs = Counter(term for neighbor in neighbors for term in neighbor.terms)
    common = [term for term, count in theirs.most_common() if 2 * count > len(neighbors)]
    if terms and common and not set(terms) & set(theirs):
        return f"{_name(terms[0])}, and its nearest are {_name(common[0])}"
    return f"its nearest are {apart:.2f} away, as is usual; as a whole it is unlike {others}"


def _name(term: str) -> str:
    """Return the name of kind:name."""
    return term.partition(":")[2]


class _Known:
    """What is known of images."""

    def __init__(self, connection: Connection, ids: Sequence[int]) -> None:
        self.images = {row.id: row for row in connection.execute(_IMAGES, {"ids": ids})}
        self.works: Mapping[int, tuple[ShowingWork, ...]] = _grouped(
            (
                row.image_id,
                ShowingWork(row.site, row.source_id, row.title, row.artist, row.page_url),
            )
            for row in connection.execute(WORKS_SHOWING, {"ids": ids})
        )
        self.terms: Mapping[int, tuple[str, ...]] = _grouped(
            (row.image_id, f"{row.kind}:{row.name}")
            for row in connection.execute(
                _TERMS, {"ids": ids, "kinds": list(KINDS), "single": list(SINGLE)}
            )
        )

    def neighbor(self, image_id: int, distance: float) -> Neighbor:
        image = self.images[image_id]
        return Neighbor(
            image_id,
            image.sha256,
            image.preview_key,
            distance,
            self.terms.get(image_id, ()),
            self.works.get(image_id, ()),
        )


def _grouped(pairs: Iterable[tuple[int, T]]) -> dict[int, tuple[T, ...]]:
    found: dict[int, tuple[T, ...]] = {}
    for key, value in pairs:
        found[key] = (*found.get(key, ()), value)
    return found
