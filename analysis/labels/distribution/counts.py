"""How labels are spread over works: how many have which, and how unequal that is.

A work counts by its first image, as in a dataset, so a verdict of a person on that image is one on
the work. Labels that works inherit from their artist's page count here, and are told apart.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn

from sqlalchemy import Connection, text

from analysis.errors import NothingToShow
from analysis.labels.datasets.origins import NO_HAND, NOBODY
from analysis.labels.distribution.told import told_by, told_values
from analysis.labels.heads import HEADS, Mode
from analysis.labels.people.corrections import COLOR, check_head, mode_of
from analysis.reports.query import SHOWN, Query, check_query, counted

ALL: Final = (*HEADS, COLOR)
"""Heads of which there may be labels."""
DEFAULT_TOP: Final = 20
"""Labels of a head that are shown, unless people say otherwise."""

# A branch for each head. Makers whom nobody knows are not counted, nor are publishers.
_BRANCH = """
    (WITH told AS MATERIALIZED ({told}),
    sizes AS (
        SELECT label, count(*) AS works, count(DISTINCT image_id) AS images,
               count(*) FILTER (WHERE weak) AS inherited, count(*) FILTER (WHERE person) AS people
        FROM told GROUP BY label
    ), supported AS (
        SELECT * FROM sizes WHERE works >= :least
    ), listed AS (
        SELECT * FROM supported ORDER BY works DESC, label COLLATE "C" LIMIT :top
    ), makers AS (
        SELECT told.label, count(DISTINCT r.name_key) AS artists
        FROM told JOIN listed USING (label) JOIN artwork_artists m ON m.artwork_id = told.id
        JOIN artists r ON r.id = m.artist_id
        WHERE r.name_key !~ :nobody AND (m.role = 'artist' OR m.role !~* :no_hand)
        GROUP BY told.label
    ), per_work AS (
        SELECT labels, count(*) AS works FROM (
            SELECT count(*) AS labels FROM told JOIN supported USING (label) GROUP BY told.id
        ) each GROUP BY labels
    )
    SELECT '{head}' AS head, json_build_object(
        'every', (SELECT count(*) FROM sizes),
        'sizes', coalesce((SELECT json_agg(works ORDER BY works DESC) FROM supported), '[]'),
        'per_work', coalesce((
            SELECT json_agg(json_build_array(labels, works) ORDER BY labels) FROM per_work), '[]'),
        'labels', coalesce((
            SELECT json_agg(json_build_array(l.label, l.works, l.images, coalesce(m.artists, 0),
                                             l.inherited, l.people)
                            ORDER BY l.works DESC, l.label COLLATE "C")
            FROM listed l LEFT JOIN makers m USING (label)), '[]')) AS found)
"""


@dataclass(frozen=True)
class Label:
    """A label, and what has it."""

    name: str
    works: int
    images: int
    """First images of those works: two works may show one."""
    artists: int
    """Makers of those works, in whichever role."""
    inherited: int
    """Works that have it from their artist's page alone."""
    people: int
    """Works of which a person says so."""


@dataclass(frozen=True)
class HeadLabels:
    """The labels of a head, those of the most works first."""

    head: str
    mode: Mode
    works: int
    """Works with a stored image that were asked for."""
    labelled: int
    """Works of these that have a label that is counted."""
    per_work: Mapping[int, int]
    """Works by how many labels they have, of those that have any."""
    labels: tuple[Label, ...]
    sizes: tuple[int, ...] = field(repr=False)
    """Works of each label that is counted, the largest first."""
    further: int
    """Labels that are counted, and not listed because others have more works."""
    dropped: int
    """Labels that are not counted because too few works have them."""

    @property
    def imbalance(self) -> float:
        """Works of the commonest label by those of the rarest; 0 where there is none."""
        return self.sizes[0] / self.sizes[-1] if self.sizes else 0.0

    @property
    def effective(self) -> float:
        """How many labels of equal size are as hard to guess, see `effective_classes`."""
        return effective_classes(self.sizes)

    @property
    def unlabelled(self) -> int:
        """Works without a label that is counted."""
        return self.works - self.labelled

    @property
    def several(self) -> int:
        """Works that have more than one label."""
        return sum(works for labels, works in self.per_work.items() if labels > 1)

    @property
    def classes(self) -> int:
        """How many labels are counted."""
        return len(self.sizes)

    def share(self, label: Label) -> float:
        """Return the part of the labelled works that have a label, 0 to 1."""
        return label.works / self.labelled

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "head": self.head,
            "mode": self.mode,
            "works": self.works,
            "labelled": self.labelled,
            "unlabelled": self.unlabelled,
            "several": self.several,
            "labels_per_work": {str(labels): works for labels, works in self.per_work.items()},
            "classes": self.classes,
            "dropped": self.dropped,
            "imbalance": round(self.imbalance, 6),
            "effective": round(self.effective, 6),
            "labels": [
                {
                    "label": one.name,
                    "works": one.works,
                    "share": round(self.share(one), 6),
                    "images": one.images,
                    "artists": one.artists,
                    "inherited": one.inherited,
                    "people": one.people,
                }
                for one in self.labels
            ],
        }


def find_labels(
    connection: Connection,
    query: Query | None = None,
    heads: Sequence[str] = (),
    *,
    top: int = DEFAULT_TOP,
    min_support: int = 1,
) -> tuple[HeadLabels, ...]:
    """Count the labels of heads, of the works of a query.

    Args:
        connection: an open transaction.
        query: which works; None: all.
        heads: those asked for; none: all that have labels.
        top: most labels of a head that are listed; the figures are of all that are counted.
        min_support: fewest works of a label that is counted.

    Raises WrongHead, UsageError for a site or term that there is not, and NothingToShow where no
    work fits, or none has a label.
    """
    query = query or Query()
    check_query(connection, query)
    wanted = [check_head(head) for head in dict.fromkeys(heads)] or list(ALL)
    found = _count(connection, query, wanted, top, min_support)
    if not found[0].works:
        raise NothingToShow("no work with a stored image fits: crawl first, or ask for less.")
    labelled = tuple(one for one in found if one.labels)
    lacking = [one for one in found if not one.labels]
    if (heads and lacking) or not labelled:
        _refuse(lacking[0], min_support, named=bool(heads))
    return labelled


def effective_classes(works: Sequence[int]) -> float:
    """Return exp of the entropy of sizes, Hill's number of order 1: 1 to their number; 0 of none.

    Hill, M. O. (1973): Diversity and evenness. Ecology 54, 427–432.
    """
    total = sum(works)
    shares = [count / total for count in works if count]
    return math.exp(-sum(share * math.log(share) for share in shares)) if shares else 0.0


def _count(
    connection: Connection, query: Query, heads: Sequence[str], top: int, min_support: int
) -> list[HeadLabels]:
    """Count all heads in one statement, which looks once for the works that are shown."""
    modes = {head: mode_of(connection, head) for head in heads}
    branches = " UNION ALL ".join(
        _BRANCH.format(head=head, told=told_by(head, mode)) for head, mode in modes.items()
    )
    statement = text(f"""
        WITH {SHOWN}, every AS (SELECT count(*) AS works FROM shown), heads AS ({branches})
        SELECT every.works, heads.head, heads.found FROM every, heads
    """)  # noqa: S608 - the fragments are constants and the names of heads
    values = {
        **query.parameters,
        **told_values(*heads),
        "least": min_support,
        "top": top,
        "nobody": NOBODY,
        "no_hand": NO_HAND,
    }
    found = {row.head: row for row in connection.execute(statement, values)}
    return [_labels(head, modes[head], found[head].works, found[head].found) for head in heads]


def _labels(head: str, mode: Mode, works: int, found: Mapping[str, Any]) -> HeadLabels:
    sizes: Sequence[int] = found["sizes"]
    per_work = dict(found["per_work"])
    return HeadLabels(
        head=head,
        mode=mode,
        works=works,
        labelled=sum(per_work.values()),
        per_work=per_work,
        labels=tuple(Label(*row) for row in found["labels"]),
        sizes=tuple(sizes),
        further=len(sizes) - len(found["labels"]),
        dropped=found["every"] - len(sizes),
    )


def _refuse(head: HeadLabels, min_support: int, *, named: bool) -> NoReturn:
    what = f"a {head.head}" if named else "a label"
    few = f" that {min_support} works share" if min_support > 1 else ""
    cure = "lower --min-support" if min_support > 1 else "see whether the site's profile reads some"
    raise NothingToShow(f"none of {counted(head.works, 'work')} has {what}{few}: {cure}.")
