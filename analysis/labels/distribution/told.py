"""What is told of works in the end, as SQL: what is said of them, corrected by people."""

from __future__ import annotations

from typing import Any, Final

from analysis.labels.datasets.origins import has_terms, said_by, said_values
from analysis.labels.heads import HEADS, Head, Mode
from analysis.labels.people.corrections import COLOR

_COLOR: Final = Head(COLOR, "terms", "single")

# Where one label is told, a person's yes leaves no other.
_TOLD = """
    WITH {said}, verdicts AS MATERIALIZED (
        SELECT v.image_id, v.label, v.verdict FROM label_verdicts v WHERE v.head = :head
    ), persons AS MATERIALIZED (
        SELECT at.artwork_id, lower(btrim(t.name)) AS label
        FROM terms t JOIN artwork_terms at ON at.term_id = t.id
        WHERE t.kind = :head AND at.source = 'person'
    )
    SELECT s.id, s.image_id, s.label, bool_and(s.weak) AS weak, bool_or(s.person) AS person
    FROM (
        SELECT w.id, w.image_id, said.label, said.weak, p.artwork_id IS NOT NULL AS person
        FROM said JOIN shown w ON w.id = said.artwork_id
        LEFT JOIN persons p ON p.artwork_id = said.artwork_id AND p.label = said.label
        WHERE said.label IS NOT NULL AND NOT EXISTS (
            SELECT FROM verdicts v WHERE v.image_id = w.image_id
              AND (v.verdict = 'no' AND v.label = said.label {other}))
        UNION ALL
        SELECT w.id, w.image_id, v.label, false, true
        FROM shown w JOIN verdicts v ON v.image_id = w.image_id
        WHERE v.verdict = 'yes'
    ) s
    GROUP BY s.id, s.image_id, s.label
"""
_OTHER: Final = "OR v.verdict = 'yes' AND v.label <> said.label"


def told_by(name: str, mode: Mode) -> str:
    """Return a SELECT of the labels of works, for a statement that has `shown`.

    `shown` is that of `analysis.reports.query.SHOWN`. A row is (id, image_id, label, weak, person):
    a work, its first image, and a label that it has; whether it only has it from its artist's page;
    whether a person says so. A verdict on an image is one on all works that it is the first of.

    Args:
        name: a head, or `color`.
        mode: whether a work has one label of it, or any number.
    """
    head = _head(name)
    said = said_by(head, weak=has_terms(head))
    told = _TOLD.format(said=said, other=_OTHER if mode == "single" else "")
    # Several heads may be asked for in one statement; their names are those of HEADS.
    return told.replace(":head", f"'{head.name}'")


def told_values(*names: str) -> dict[str, Any]:
    """Return the parameters of `told_by`, for heads in one statement."""
    values: dict[str, Any] = {}
    for name in names:
        values |= said_values(_head(name))
    values.pop("head", None)
    return values


def _head(name: str) -> Head:
    return _COLOR if name == COLOR else HEADS[name]
