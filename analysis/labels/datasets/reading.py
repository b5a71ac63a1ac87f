"""Datasets: images with their labels, read from the collection as a query asks for them.

Two statements read everything, however large the collection is; the rest is arithmetic. What is
not learned from is counted by its reason.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from sqlalchemy import Connection, text

from analysis.colors.classes.examples import connected
from analysis.errors import NothingToTrain, WrongDataset
from analysis.evaluation.relevance import Numbers
from analysis.labels.dataset import Dataset, DatasetQuery
from analysis.labels.datasets.balancing import (
    BEYOND_MOST,
    NO_LABEL_LEFT,
    SEVERAL_LABELS,
    SEVERAL_PERIODS,
    balance,
    support,
)
from analysis.labels.datasets.origins import NO_HAND, NOBODY, said_by, said_values
from analysis.labels.datasets.settling import Settled, checked_merging, settle
from analysis.labels.datasets.shortage import check_named, nothing_said, too_few
from analysis.labels.heads import MODES, Head, find_head
from analysis.registry.models import default_model
from analysis.reports.query import SHOWN, Query, check_query

LEAST_CLASSES: Final = 2
CANDIDATES: Final = 4
"""Of so many times the images that are wanted at most, labels are read: of more works, the images
with the lowest sha256."""
NAMED: Final = 12
"""Labels that a refusal names at most."""

# Each work with the image that stands for it, where it is called something or a person says so;
# and other images of works that a person has said something of.
_FOUND = """
    WITH {shown}, {said},
    spoken AS (
        SELECT artwork_id, array_agg(label) FILTER (WHERE label IS NOT NULL) AS labels,
               bool_and(weak) AS weak
        FROM said GROUP BY artwork_id
    ), praised AS MATERIALIZED (
        SELECT DISTINCT v.image_id FROM label_verdicts v
        WHERE v.head = :head AND v.verdict = 'yes'
    )
    SELECT every.*, count(*) OVER () AS rows FROM (
    SELECT i.sha256, i.id AS image_id, w.id AS work, w.site, s.labels, s.weak
    FROM shown w JOIN images i ON i.id = w.image_id
    LEFT JOIN spoken s ON s.artwork_id = w.id
    WHERE s.artwork_id IS NOT NULL OR i.id IN (SELECT image_id FROM praised)
    UNION ALL
    SELECT DISTINCT i.sha256, i.id, w.id, w.site, CAST(NULL AS text[]), CAST(NULL AS boolean)
    FROM praised JOIN images i ON i.id = praised.image_id AND NOT i.placeholder
    JOIN image_sources x ON x.image_id = i.id AND x.gone_at IS NULL
    JOIN shown w ON w.id = x.artwork_id AND w.image_id <> i.id
    ) every
    ORDER BY sha256, site, work LIMIT :rows
"""
_VERDICTS = text("""
    SELECT v.image_id, v.label, v.verdict FROM label_verdicts v WHERE v.head = :head
""")
_MAKERS = text(f"""
    SELECT m.artwork_id, m.artist_id
    FROM artwork_artists m JOIN artists r ON r.id = m.artist_id
    WHERE m.artwork_id = ANY(:works) AND r.name_key !~ '{NOBODY}' AND m.role !~* '{NO_HAND}'
""")  # noqa: S608 - the fragments are constants
_PAIRS = text("""
    SELECT d.image_id, d.other_id FROM image_duplicates d WHERE d.model_id = :model_id
""")

_COMPARED = text("""
    SELECT count(*) FROM image_results r WHERE r.model_id = :model_id AND r.image_id = ANY(:ids)
""")


@dataclass(frozen=True)
class _Found:
    """Images with what their works say, by sha256; lists of one length."""

    ids: tuple[int, ...]
    sha256: tuple[str, ...]
    sites: tuple[str, ...]
    works: tuple[tuple[int, ...], ...]
    said: tuple[frozenset[str], ...]
    """None: a person alone says something of it, or its years lie in two periods."""
    weak: tuple[bool, ...]


def read_dataset(connection: Connection, query: DatasetQuery) -> Dataset:
    """Return the images that a query finds, with their labels; no embeddings are needed.

    Raises WrongHead and WrongDataset for a query that names what does not exist or contradicts
    itself, and NothingToTrain where fewer than two labels have enough images, saying which there
    are.
    """
    head = find_head(query.head)
    check_dataset_query(query)
    asked = Query(query.site, query.terms, query.year_from, query.year_to)
    check_query(connection, asked)
    merging = checked_merging(query.merge)
    only = frozenset(label.strip().lower() for label in query.only)
    most = CANDIDATES * query.most
    values = {**asked.parameters, **said_values(head, bins=query.bins), "rows": most}
    said = said_by(head, weak=query.weak, bins=query.bins)
    rows = connection.execute(text(_FOUND.format(shown=SHOWN, said=said)), values).all()
    beyond = rows[0].rows - len(rows) if rows else 0
    found = _by_image(rows)
    if not found.ids:
        raise NothingToTrain(nothing_said(connection, head, query))
    verdicts = _verdicts(connection, head)
    settled = [
        settle(
            labels,
            weak=weak,
            verdicts=verdicts.get(one, {}),
            mode=query.mode,
            merging=merging,
            only=only,
        )
        for one, labels, weak in zip(found.ids, found.said, found.weak, strict=True)
    ]
    here = {label for labels in found.said for label in labels}
    here |= {label for told in verdicts.values() for label in told}
    check_named(connection, head, query, merging.keys(), here)
    renamed = {merging.get(label, label) for label in here} | set(merging.values())
    check_named(connection, head, query, only, renamed)
    return _dataset(connection, query, found, settled, beyond)


def count_not_compared(connection: Connection, dataset: Dataset) -> int:
    """Return of how many images nobody has looked yet which others look the same."""
    model = default_model(connection, "duplicates")
    if model is None:
        return len(dataset)
    values = {"model_id": model.id, "ids": dataset.ids.tolist()}
    return len(dataset) - int(connection.scalar(_COMPARED, values) or 0)


def check_dataset_query(query: DatasetQuery) -> None:
    """Raise WrongDataset where a query contradicts itself or asks for less than nothing."""
    if query.mode not in MODES:
        raise WrongDataset(f'labels are "{query.mode}": choose from {", ".join(MODES)}.')
    if query.undersample is not None:
        if query.mode == "multi":
            raise WrongDataset(
                "an image with several labels cannot be left out for one of them: balance with "
                "weights or sampling instead of --undersample, or ask for --labels single."
            )
        if not query.undersample >= 1:
            raise WrongDataset(
                f"the smallest class has no {query.undersample:g} of its images: --undersample is "
                "a multiple of it, 1 or more."
            )
    least = {"--min-support": (query.min_support, 1), "most images": (query.most, 1)}
    if query.top is not None:
        least["--top"] = (query.top, LEAST_CLASSES)
    for name, (value, lowest) in least.items():
        if value < lowest:
            raise WrongDataset(f"{name} is {value}, and at least {lowest} makes sense.")


def _by_image(rows: Iterable[Any]) -> _Found:
    """Put rows by (sha256, site, work) together; what a work says itself outranks the inherited."""
    images = []
    for (sha256, image_id), group in groupby(rows, key=lambda row: (row.sha256, row.image_id)):
        works = list(group)
        own = [row for row in works if row.labels and not row.weak]
        counting = own or [row for row in works if row.labels]
        images.append(
            (
                image_id,
                sha256,
                works[0].site,
                tuple(row.work for row in works),
                frozenset(label for row in counting for label in row.labels),
                bool(counting) and not own,
            )
        )
    return _Found(*zip(*images, strict=True)) if images else _Found((), (), (), (), (), ())


def _verdicts(connection: Connection, head: Head) -> Mapping[int, Mapping[str, str]]:
    """Return the last word of people by image and label."""
    told: dict[int, dict[str, str]] = defaultdict(dict)
    for row in connection.execute(_VERDICTS, {"head": head.name}):
        told[row.image_id][row.label.strip().lower()] = row.verdict
    return told


def _dataset(
    connection: Connection,
    query: DatasetQuery,
    found: _Found,
    settled: Sequence[Settled],
    beyond: int,
) -> Dataset:
    reasons: Counter[str] = Counter({BEYOND_MOST: beyond})
    for one, said in zip(settled, found.said, strict=True):
        if not one.labels:
            reasons[NO_LABEL_LEFT if said or query.head != "period" else SEVERAL_PERIODS] += 1
        elif query.mode == "single" and len(one.labels) > 1:
            reasons[SEVERAL_LABELS] += 1
    places = [
        at
        for at, one in enumerate(settled)
        if one.labels and (query.mode == "multi" or len(one.labels) == 1)
    ]
    labels = [settled[at].labels for at in places]
    names = sorted({label for one in labels for label in one})
    matrix = _matrix(labels, names)
    groups, artists, known = _kinship(connection, found, places)
    stays = balance(query, matrix, names, groups)
    kept, classes = stays.rows, stays.columns
    reasons.update(stays.left_out)
    if len(classes) < LEAST_CLASSES:
        raise NothingToTrain(too_few(query, support(matrix, groups), names, reasons))
    at = np.array(places, np.int64)[kept]
    targets = matrix[kept][:, classes].toarray().astype(np.uint8)
    return Dataset(
        query=query,
        classes=tuple(names[one] for one in classes.tolist()),
        ids=np.array([found.ids[one] for one in at], np.int64),
        sha256=tuple(found.sha256[one] for one in at),
        targets=targets,
        weak=np.array([settled[one].weak for one in at], np.bool_),
        groups=groups[kept],
        artists=artists[kept],
        sites=tuple(found.sites[one] for one in at),
        artists_known=2 * int(known[kept].sum()) >= len(at),
        left_out={reason: count for reason, count in reasons.items() if count},
    )


def _matrix(labels: Sequence[frozenset[str]], names: Sequence[str]) -> csr_array:
    """Return (n, labels) with 1 where an image has a label."""
    column = {name: at for at, name in enumerate(names)}
    columns = [column[label] for one in labels for label in sorted(one)]
    ends = np.concatenate(([0], np.cumsum([len(one) for one in labels]))).astype(np.int64)
    ones = np.ones(len(columns), np.uint8)
    return csr_array((ones, np.array(columns, np.int64), ends), shape=(len(labels), len(names)))


def _kinship(
    connection: Connection, found: _Found, places: Sequence[int]
) -> tuple[Numbers, Numbers, npt.NDArray[np.bool_]]:
    """Return the group and the artist of each image, and whether anybody says who made it.

    What connects images that are not learned from connects those that are: copies of one copy.
    """
    works = [(found.ids[at], work) for at in places for work in found.works[at]]
    model = default_model(connection, "duplicates")
    pairs: list[tuple[int, int]] = []
    if model is not None:
        pairs = [tuple(row) for row in connection.execute(_PAIRS, {"model_id": model.id})]
    # Works and artists are numbers below 0, even and odd: images have those above.
    pairs += [(image, -2 * work) for image, work in works]
    numbers = sorted({work for _, work in works})
    makers = connection.execute(_MAKERS, {"works": numbers}).all()
    signed = {row.artwork_id for row in makers}
    by_maker = [(-2 * row.artwork_id, -2 * row.artist_id - 1) for row in makers]
    ids = [found.ids[at] for at in places]
    known = [any(work in signed for work in found.works[at]) for at in places]
    return connected(ids, pairs), connected(ids, pairs + by_maker), np.array(known, np.bool_)
