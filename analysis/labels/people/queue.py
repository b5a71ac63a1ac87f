"""Which images people had better look at first: those of which a classifier is least sure.

How sure it is of an image is its margin, 0 (any of two) to 1 (no doubt): where one label is told,
the score of the likeliest less that of the next (0 where no other is kept); where several may be,
how far the score that is nearest to its threshold is from it, as a share of the way to 0 or 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from sqlalchemy import Connection, text

from analysis.errors import NoClassifier
from analysis.labels.heads import HEADS
from analysis.labels.people.corrections import CLASSIFIER, COLOR, check_head
from analysis.registry.models import Model, default_model
from analysis.reports.query import OF_SITE_AND_TERMS, Query, check_query
from analysis.showing import WORKS_SHOWING, ShowingWork

TOLD: Final = 4
"""Labels of an image that are shown at most."""
RUNGS: Final = (0.01, 0.05, 0.2, 1.0)
"""Margins within which images are looked for, one after the other until there are enough: the
unsure ones are few, and a look at them alone is many times faster than at all."""
HALF: Final = 0.5
"""Threshold of labels of which a model says none."""

# Left to look at: shown by a work that fits, and nobody has said anything of this head.
_LEFT = f"""
    NOT EXISTS (SELECT FROM corrections c WHERE c.image_id = d.image_id AND c.head = :head)
    AND EXISTS (
        SELECT FROM image_sources s JOIN artworks a ON a.id = s.artwork_id
        WHERE s.image_id = d.image_id AND s.gone_at IS NULL AND a.gone_at IS NULL
          AND {OF_SITE_AND_TERMS})
"""  # noqa: S608 - the fragment is a constant
_FOUND = f"""
    SELECT d.image_id, d.margin, d.about, i.sha256, i.preview_key
    FROM doubts d JOIN images i ON i.id = d.image_id AND NOT i.placeholder
    WHERE d.margin <= :within AND {_LEFT}
    ORDER BY d.margin, i.sha256 LIMIT :most
"""  # noqa: S608 - the fragment is a constant
# Scores sum to 1 at most, so a likeliest of s leaves the next 1 - s and a margin of 2 s - 1.
_SINGLE = text(f"""
    WITH doubts AS (
        SELECT l.image_id, l.score - coalesce((
            SELECT max(o.score) FROM image_labels o
            WHERE o.image_id = l.image_id AND o.model_id = :model_id AND o.head = :head
              AND o.label <> l.label), 0) AS margin, CAST(NULL AS text) AS about
        FROM image_labels l
        WHERE l.model_id = :model_id AND l.head = :head AND l.accepted
          AND l.score <= (1 + CAST(:within AS double precision)) / 2
    )
    {_FOUND}
""")  # noqa: S608 - the fragment is the constant above
_MULTI = text(f"""
    WITH limits AS MATERIALIZED (
        SELECT label, threshold
        FROM unnest(CAST(:labels AS text[]), CAST(:thresholds AS double precision[]))
             said(label, threshold)
    ), near AS (
        SELECT l.image_id, l.label, l.score, coalesce(limits.threshold, :half) AS threshold
        FROM image_labels l LEFT JOIN limits USING (label)
        WHERE l.model_id = :model_id AND l.head = :head
    ), doubts AS (
        SELECT DISTINCT ON (image_id) image_id, label AS about,
               abs(score - threshold)
                   / CASE WHEN score < threshold THEN threshold
                          ELSE greatest(1 - threshold, 1e-9) END AS margin
        FROM near
        WHERE score BETWEEN threshold - :within * threshold
                        AND threshold + :within * (1 - threshold)
        ORDER BY image_id, margin, label
    )
    {_FOUND}
""")  # noqa: S608 - the fragment is the constant above
_SCORES = text("""
    SELECT l.image_id, l.label, l.score, l.accepted FROM image_labels l
    WHERE l.image_id = ANY(:ids) AND l.model_id = :model_id AND l.head = :head
    ORDER BY l.image_id, l.score DESC, l.label
""")
# Of a work that is named, the first picture is meant.
_FIRST_OF = text("""
    SELECT DISTINCT ON (s.image_id) s.image_id, a.site || '/' || a.source_id AS name
    FROM image_sources s JOIN artworks a ON a.id = s.artwork_id
    JOIN LATERAL (
        SELECT o.image_id FROM image_sources o
        JOIN images p ON p.id = o.image_id AND NOT p.placeholder
        WHERE o.artwork_id = a.id AND o.gone_at IS NULL ORDER BY o.position, o.id LIMIT 1
    ) first ON first.image_id = s.image_id
    WHERE s.image_id = ANY(:ids) AND s.gone_at IS NULL AND a.gone_at IS NULL
    ORDER BY s.image_id, a.site, a.source_id
""")


@dataclass(frozen=True)
class Scored:
    """What a model says of a label of an image."""

    label: str
    score: float
    """How sure it is, 0 to 1."""
    accepted: bool


@dataclass(frozen=True)
class Doubt:
    """An image of which a classifier is not sure."""

    head: str
    model: str
    """name/version of the classifier."""
    image_id: int
    sha256: str
    preview_key: str
    margin: float
    """How sure it is, 0 to 1: see above."""
    about: tuple[str, ...]
    """What is in doubt: the two likeliest labels, or the one that is nearest to its threshold."""
    said: tuple[Scored, ...]
    """The likeliest labels, the first one first, and those in doubt."""
    name: str
    """What people call it by: SITE/SOURCE_ID of the work whose first picture it is, else its
    sha256."""
    works: tuple[ShowingWork, ...]
    """Works that show it, by site and source_id."""

    @property
    def line(self) -> str:
        """What is said of it in one line; an asterisk marks what is accepted."""
        return ", ".join(
            f"{one.label}{'*' if one.accepted else ''} {one.score:.2f}" for one in self.said
        )

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return asdict(self)


def find_doubts(
    connection: Connection,
    *,
    heads: Sequence[str] = (),
    query: Query | None = None,
    limit: int = 20,
) -> tuple[Doubt, ...]:
    """Return the images of which default classifiers are least sure, the least sure first.

    Args:
        connection: an open transaction.
        heads: whose classifiers are asked; none: all but that of `color`.
        query: site and terms of the works whose images are looked at; years are not asked for.
        limit: most images that are returned. An image may come up once for each head.

    Of several heads, each has its turn: the least sure of each comes first.

    Raises WrongHead for a head that there is not, NoClassifier where nothing has been trained, and
    UsageError for a site or term that there is not.
    """
    query = query or Query()
    check_query(connection, query)
    turns = [
        (turn, doubt.margin, doubt.head, doubt)
        for model in _classifiers(connection, heads)
        for turn, doubt in enumerate(_doubts(connection, model, query, limit))
    ]
    return tuple(doubt for *_, doubt in sorted(turns, key=lambda one: one[:3])[:limit])


def _classifiers(connection: Connection, heads: Sequence[str]) -> list[Model]:
    wanted = [check_head(head) for head in dict.fromkeys(heads)] or list(HEADS)
    models = {head: default_model(connection, CLASSIFIER, head) for head in wanted}
    lacking = [head for head, model in models.items() if model is None]
    known = [model for model in models.values() if model is not None]
    if heads and lacking:
        cure = "`artworks analyze color-class`" if lacking[0] == COLOR else _training(lacking[0])
        raise NoClassifier(f"no classifier tells the {lacking[0]} of images: run {cure}.")
    if not known:
        raise NoClassifier(f"no classifier is the default of any head: run {_training('style')}.")
    return known


def _training(head: str) -> str:
    return f"`artworks train {head}` and `artworks analyze labels`"


def _doubts(connection: Connection, model: Model, query: Query, limit: int) -> list[Doubt]:
    assert model.head is not None
    multi = model.params.get("labels") == "multi"
    thresholds = thresholds_of(model) if multi else {}
    asked = {"model_id": model.id, "head": model.head}
    parameters = {**asked, "most": limit, **query.parameters}
    if multi:
        parameters |= {
            "labels": list(thresholds),
            "thresholds": list(thresholds.values()),
            "half": HALF,
        }
    rows: Sequence[Any] = ()
    for within in RUNGS:
        statement = _MULTI if multi else _SINGLE
        rows = connection.execute(statement, {**parameters, "within": within}).all()
        if len(rows) == limit:
            break
    ids = [row.image_id for row in rows]
    scores: dict[int, list[Scored]] = {}
    for row in connection.execute(_SCORES, {"ids": ids, **asked}):
        scores.setdefault(row.image_id, []).append(Scored(row.label, row.score, row.accepted))
    works = works_showing(connection, ids)
    names = {row.image_id: row.name for row in connection.execute(_FIRST_OF, {"ids": ids})}
    doubts = []
    for row in rows:
        said = scores[row.image_id]
        about = [row.about] if multi else [one.label for one in said[:2]]
        shown = [one for at, one in enumerate(said) if at < TOLD or one.label in about]
        doubts.append(
            Doubt(
                head=model.head,
                model=model.label,
                image_id=row.image_id,
                sha256=row.sha256,
                preview_key=row.preview_key,
                margin=row.margin,
                about=tuple(about),
                said=tuple(shown),
                name=names.get(row.image_id, row.sha256),
                works=works.get(row.image_id, ()),
            )
        )
    return doubts


def thresholds_of(model: Model) -> Mapping[str, float]:
    """Return from which score a classifier accepts each label, as its measures record it."""
    return {
        str(one["label"]): float(one["threshold"])
        for one in model.metrics.get("per_class", ())
        if one.get("threshold") is not None
    }


def works_showing(connection: Connection, ids: Iterable[int]) -> dict[int, tuple[ShowingWork, ...]]:
    """Return the works that show images now, by image."""
    works: dict[int, list[ShowingWork]] = {}
    for row in connection.execute(WORKS_SHOWING, {"ids": list(ids)}):
        work = ShowingWork(row.site, row.source_id, row.title, row.artist, row.page_url)
        works.setdefault(row.image_id, []).append(work)
    return {image: tuple(those) for image, those in works.items()}
