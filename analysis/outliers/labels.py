"""What works are called: the groups that Mahalanobis distances are taken within."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, text

from analysis.labels.heads import HEADS

KINDS: Final = ("style", "genre", "category")
"""The narrower kind first. Of an image, the first kind counts that has a group for it: in a wide
category everything is near something. Among the works of the generated museum with 3 % of
foreign pictures, 83 % of these were in the top 5 % where categories counted beside styles, and all
where styles did alone."""
_PAGE: Final = 50_000

SINGLE: Final = tuple(kind for kind in KINDS if HEADS[kind].mode == "single")
"""Kinds of which a person's yes leaves an image no other term."""

# What people say of an image corrects what the pages of its works do.
PEOPLE: Final = """
    WITH people AS MATERIALIZED (
        SELECT v.image_id, v.head, v.label, v.verdict = 'yes' AS yes FROM label_verdicts v
        WHERE v.head = ANY(:kinds)
    )
"""
UNCORRECTED: Final = """NOT EXISTS (
    SELECT FROM people p WHERE p.image_id = s.image_id AND p.head = t.kind
      AND (p.label = lower(btrim(t.name)) OR p.yes AND p.head = ANY(:single)))
"""
_LABELS = text(f"""
    {PEOPLE}
    SELECT s.image_id, t.id AS term_id, array_position(CAST(:kinds AS text[]), t.kind) AS k
    FROM image_sources s
    JOIN artworks a ON a.id = s.artwork_id AND a.gone_at IS NULL
    JOIN artwork_terms at ON at.artwork_id = a.id
    JOIN terms t ON t.id = at.term_id
    WHERE s.gone_at IS NULL AND s.image_id IS NOT NULL AND t.kind = ANY(:kinds) AND {UNCORRECTED}
    UNION
    SELECT p.image_id, t.id, array_position(CAST(:kinds AS text[]), t.kind)
    FROM people p JOIN terms t ON t.kind = p.head AND lower(btrim(t.name)) = p.label WHERE p.yes
""")  # noqa: S608 - the fragments are the constants above
_NAMES = text("SELECT id, kind || ':' || name AS label FROM terms WHERE id = ANY(:ids)")


@dataclass(frozen=True)
class Labelled:
    """The images of one label, by their places among all."""

    label: str
    """kind:name"""
    places: npt.NDArray[np.int64]
    """(m,) ascending."""


def read_labels(
    connection: Connection, ids: npt.NDArray[np.int64], least_works: int
) -> list[Labelled]:
    """Return the labels that at least `least_works` of the images `ids`, (n,) ascending, have.

    Each image is in those of the first of KINDS for which it has any; it may be in none.
    """
    asked = {"kinds": list(KINDS), "single": list(SINGLE)}
    found = connection.execution_options(yield_per=_PAGE).execute(_LABELS, asked)
    parts = [np.empty((0, 3), np.int64)]
    for page in found.partitions():
        parts.append(np.array([tuple(row) for row in page], dtype=np.int64))
    image, term, kind = np.concatenate(parts).T
    place = np.searchsorted(ids, image)
    known = place < len(ids)
    known[known] = ids[place[known]] == image[known]
    place, term, kind = place[known], term[known], kind[known]

    terms, code, count = np.unique(term, return_inverse=True, return_counts=True)
    enough = count[code] >= least_works
    place, code, kind = place[enough], code[enough], kind[enough]
    first = np.full(len(ids), len(KINDS) + 1)
    np.minimum.at(first, place, kind)
    chosen = kind == first[place]
    place, code = place[chosen], code[chosen]

    used = np.unique(code)
    names = {row.id: row.label for row in connection.execute(_NAMES, {"ids": terms[used].tolist()})}
    groups = [Labelled(names[int(terms[at])], np.sort(place[code == at])) for at in used.tolist()]
    # Where a narrower kind took most of a term's images, too few are left of it.
    kept = [group for group in groups if len(group.places) >= least_works]
    return sorted(kept, key=lambda group: group.label)
