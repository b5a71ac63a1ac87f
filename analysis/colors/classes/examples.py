"""The examples to learn from: images of works that a site, an import or a person calls a colour.

An example is the first image of a work, which shows the whole of it: details may well be of
another colour. Placeholders and what no page shows any more teach nothing. What people say of an
image (`corrections`) takes the place of what pages say.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from sqlalchemy import Connection, text

from analysis.colors.classes import HEAD
from analysis.colors.classes.rules import term_shares
from analysis.colors.conversion import Floats
from analysis.errors import NothingToTrain
from analysis.labels.people.truth import correct_all
from analysis.registry.models import default_model

LEAST_GROUPS = 5
"""Fewest groups of images that a class can be learned from, however few the folds."""

MOST_IMAGES = 300
"""Most images of a class that are learned from: more make training slow, and little better."""

Groups = npt.NDArray[np.int64]

# Terms that a work inherits from its artist's page say nothing of this picture.
_LABELLED = text("""
    WITH labelled AS (
        SELECT at.artwork_id, lower(btrim(t.name)) AS label
        FROM terms t JOIN artwork_terms at ON at.term_id = t.id
        JOIN artworks a ON a.id = at.artwork_id
        WHERE t.kind = 'color' AND at.source <> 'artist' AND a.gone_at IS NULL
        UNION
        SELECT s.artwork_id, NULL
        FROM label_verdicts v JOIN image_sources s ON s.image_id = v.image_id
        JOIN artworks a ON a.id = s.artwork_id
        WHERE v.head = 'color' AND v.verdict = 'yes' AND s.gone_at IS NULL AND a.gone_at IS NULL
    ), shown AS (
        SELECT DISTINCT ON (s.artwork_id) s.artwork_id, s.image_id
        FROM image_sources s
        WHERE s.artwork_id IN (SELECT artwork_id FROM labelled)
          AND s.gone_at IS NULL AND s.image_id IS NOT NULL
        ORDER BY s.artwork_id, s.position, s.id
    )
    SELECT i.id, i.sha256, array_remove(array_agg(DISTINCT labelled.label), NULL) AS labels,
           array_agg(DISTINCT labelled.artwork_id) AS works
    FROM shown JOIN labelled USING (artwork_id) JOIN images i ON i.id = shown.image_id
    WHERE NOT i.placeholder
    GROUP BY i.id ORDER BY i.sha256
""")
_FEATURES = text("""
    SELECT f.image_id, f.values FROM image_features f
    WHERE f.model_id = :model_id AND f.image_id = ANY(:ids)
""")
_PAIRS = text("""
    SELECT d.image_id, d.other_id FROM image_duplicates d WHERE d.model_id = :model_id
""")
_COMPARED = text("""
    SELECT count(*) FROM image_results r WHERE r.model_id = :model_id AND r.image_id = ANY(:ids)
""")
_ARTISTS = text("""
    SELECT m.artwork_id, m.artist_id FROM artwork_artists m WHERE m.artwork_id = ANY(:works)
""")
_PALETTES = text("""
    SELECT c.image_id, array_agg(c.fraction ORDER BY c.rank) AS fractions,
           array_agg(ARRAY[c.lab_l, c.lab_a, c.lab_b] ORDER BY c.rank) AS lab
    FROM image_colors c WHERE c.model_id = :model_id AND c.image_id = ANY(:ids)
    GROUP BY c.image_id
""")


@dataclass(frozen=True)
class LeftOut:
    """Images and classes that are not learned from, and why."""

    two_classes: int = 0
    """Images that are called two colours."""
    without_features: int = 0
    """Images whose channel statistics are not known yet."""
    small_classes: Mapping[str, int] = field(default_factory=dict)
    """Classes of too few images that differ, with their images."""
    more_than_enough: int = 0
    """Images of classes that have more than are learned from."""

    def as_dict(self) -> dict[str, Any]:
        """Return this for JSON."""
        return {
            "two_classes": self.two_classes,
            "without_features": self.without_features,
            "small_classes": dict(self.small_classes),
            "more_than_enough": self.more_than_enough,
        }


@dataclass(frozen=True)
class Examples:
    """Images with what they are called, in the order of their sha256; arrays of one length n."""

    sha256: tuple[str, ...]
    features: Floats
    """(n, 18) float64: see `analysis.colors.features`."""
    labels: npt.NDArray[np.str_]
    groups: Groups
    """Images that look the same are of one group, and are never told apart by a split."""
    artists: Groups
    """Likewise images by the same artist."""
    rules: tuple[str | None, ...]
    """The fixed class of each; None where its palette is not known."""
    feature_model: str
    """Name and version of the features."""
    not_compared: int
    """Images whose look-alikes were not looked for yet."""
    left_out: LeftOut

    @property
    def classes(self) -> list[str]:
        """The labels that there are, sorted."""
        return sorted(set(self.labels.tolist()))

    @property
    def fingerprint(self) -> str:
        """The sha256 over what was learned from: image and label, line by line, sorted."""
        return _digest(zip(self.sha256, self.labels.tolist(), strict=True))

    @property
    def split_fingerprint(self) -> str:
        """The sha256 over which images belong together, by look and by artist."""
        named = []
        for groups in (self.groups, self.artists):
            _, first, place = np.unique(groups, return_index=True, return_inverse=True)
            named.append([self.sha256[at] for at in first[place]])
        return _digest(zip(self.sha256, *named, strict=True))

    def subset(self, chosen: npt.NDArray[np.bool_]) -> Examples:
        """Return those that are chosen, (n,) bool."""
        at = np.flatnonzero(chosen)
        return replace(
            self,
            sha256=tuple(self.sha256[one] for one in at),
            features=self.features[at],
            labels=self.labels[at],
            groups=self.groups[at],
            artists=self.artists[at],
            rules=tuple(self.rules[one] for one in at),
        )


def read_examples(connection: Connection) -> Examples:
    """Return all examples that have features; classes of any size.

    Raises NothingToTrain where there are none, saying what to do.
    """
    rows = _labelled(connection)
    if not rows:
        raise NothingToTrain(
            "no stored work has a term of kind `color`, and nothing says what is red or blue: "
            "crawl a site whose profile finds colours (`[artwork.terms]` with `color`, see "
            "docs/sites.md), or try it with `artworks demo`."
        )
    clear = [row for row in rows if len(row.labels) == 1]
    if not clear:
        raise NothingToTrain(
            f"each of the {len(rows):,} images that have a colour class has several, and none of "
            "them says what one colour is: correct the `color` of `[artwork.terms]` in the "
            "profile of the site (docs/sites.md), and crawl it again."
        )
    model = default_model(connection, "features")
    ids = [row.id for row in clear]
    values: dict[int, list[float]] = {}
    if model is not None:
        found = connection.execute(_FEATURES, {"model_id": model.id, "ids": ids})
        values = {row.image_id: row.values for row in found}
    measured = [row for row in clear if row.id in values]
    if model is None or not measured:
        raise NothingToTrain(
            f"{len(clear):,} images have one colour class, and the channel statistics of none of "
            "them are known: run `artworks analyze features` first."
        )
    ids = [row.id for row in measured]
    pairs, compared = _look_alikes(connection, ids)
    return Examples(
        sha256=tuple(row.sha256 for row in measured),
        features=np.array([values[one] for one in ids], dtype=np.float64),
        labels=np.array([row.labels[0] for row in measured], dtype=np.str_),
        groups=connected(ids, pairs),
        artists=connected(ids, pairs + _same_artist(connection, measured)),
        rules=_fixed_classes(connection, ids),
        feature_model=model.label,
        not_compared=len(ids) - compared,
        left_out=LeftOut(
            two_classes=len(rows) - len(clear), without_features=len(clear) - len(measured)
        ),
    )


@dataclass(frozen=True)
class _Labelled:
    """An image, what it is called, and the works that show it."""

    id: int
    sha256: str
    labels: Sequence[str]
    works: Sequence[int]


def _labelled(connection: Connection) -> list[_Labelled]:
    """Return the images that pages or people call a colour, by sha256."""
    found = connection.execute(_LABELLED).all()
    labels = correct_all(connection, HEAD, {row.id: row.labels for row in found})
    return [
        _Labelled(row.id, row.sha256, labels[row.id], row.works) for row in found if labels[row.id]
    ]


def balanced(examples: Examples, folds: int) -> Examples:
    """Return the examples of classes that have enough groups to be in every fold, and not too many.

    Of a class with more than MOST_IMAGES, those of the lowest sha256 are taken: a sample that is
    as good as a random one, and always the same. Raises NothingToTrain where fewer than two
    classes remain.
    """
    least = max(folds, LEAST_GROUPS)
    labels = examples.labels.tolist()
    sizes = Counter(labels)
    groups = Counter(label for label, _ in set(zip(labels, examples.groups.tolist(), strict=True)))
    small = {label: sizes[label] for label in sorted(sizes) if groups[label] < least}
    if len(sizes) - len(small) < 2:
        told = ", ".join(f"{label} {groups[label]}" for label in sorted(groups))
        raise NothingToTrain(
            f"two colour classes or more need {least} images each that do not look the same, and "
            f"there are: {told}. Crawl more works with colour categories, or ask for fewer --folds "
            f"(down to {LEAST_GROUPS} images)."
        )
    seen: Counter[str] = Counter()
    chosen = np.zeros(len(labels), dtype=np.bool_)
    for at, label in enumerate(labels):
        seen[label] += 1
        chosen[at] = label not in small and seen[label] <= MOST_IMAGES
    dropped = int((~chosen).sum()) - sum(small.values())
    left_out = replace(examples.left_out, small_classes=small, more_than_enough=dropped)
    return replace(examples.subset(chosen), left_out=left_out)


def connected(ids: Sequence[int], pairs: Iterable[tuple[int, int]]) -> Groups:
    """Return the number of the group of each id; pairs, and chains of pairs, are of one group.

    Ids of pairs need not be among `ids`. Groups are numbered as they first appear in `ids`: splits
    are drawn by these numbers, and ids follow the order of a crawl, which is never the same twice.
    """
    ends = np.array(list(pairs), dtype=np.int64).reshape(-1, 2)
    nodes = np.unique(np.concatenate([np.asarray(ids, dtype=np.int64), ends.ravel()]))
    left, right = np.searchsorted(nodes, ends).T
    ones = np.ones(len(ends), dtype=np.bool_)
    graph = coo_array((ones, (left, right)), shape=(len(nodes), len(nodes)))
    _, component = connected_components(graph, directed=False)
    _, first, place = np.unique(
        component[np.searchsorted(nodes, ids)], return_index=True, return_inverse=True
    )
    groups: Groups = first.argsort().argsort()[place].astype(np.int64)
    return groups


def _look_alikes(connection: Connection, ids: Sequence[int]) -> tuple[list[tuple[int, int]], int]:
    """Return the pairs that look the same, and how many of the images were compared."""
    model = default_model(connection, "duplicates")
    if model is None:
        return [], 0
    pairs = connection.execute(_PAIRS, {"model_id": model.id})
    compared = connection.scalar(_COMPARED, {"model_id": model.id, "ids": list(ids)})
    return [(row.image_id, row.other_id) for row in pairs], int(compared or 0)


def _same_artist(connection: Connection, rows: Sequence[_Labelled]) -> list[tuple[int, int]]:
    """Return pairs of an image and its artists, whose ids are made negative."""
    image_of = {work: row.id for row in rows for work in row.works}
    found = connection.execute(_ARTISTS, {"works": list(image_of)})
    return [(image_of[row.artwork_id], -row.artist_id) for row in found]


def _fixed_classes(connection: Connection, ids: Sequence[int]) -> tuple[str | None, ...]:
    model = default_model(connection, "palette")
    if model is None:
        return (None,) * len(ids)
    found = connection.execute(_PALETTES, {"model_id": model.id, "ids": list(ids)})
    classes = {row.image_id: next(iter(term_shares(row.lab, row.fractions))) for row in found}
    return tuple(classes.get(one) for one in ids)


def _digest(rows: Iterable[Iterable[str]]) -> str:
    lines = sorted(" ".join(row) for row in rows)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
