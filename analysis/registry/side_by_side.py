"""Two models side by side: what they have in common, and where they differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from analysis.registry.models import Model

MOST_ENTRIES: Final = 24
"""Entries of a document that are compared one by one; of more, only whether all are the same."""
LABEL: Final = "label"
"""What rows of a list are called by, where they have it."""


@dataclass(frozen=True)
class Line:
    """A parameter or measure of two models."""

    name: str
    """Its place: `param recipe.grid`, `metric test.f1.macro`."""
    first: Any
    """None: the model has none."""
    second: Any

    @property
    def differs(self) -> bool:
        """Whether the two are not the same."""
        return bool(self.first != self.second)


def side_by_side(first: Model, second: Model) -> list[Line]:
    """Return all that two models say of themselves, parameters first; what neither says is not."""
    ours, theirs = _flat(first), _flat(second)
    names = list(ours) + [name for name in theirs if name not in ours]
    lines = [Line(name, ours.get(name), theirs.get(name)) for name in sorted(names, key=_order)]
    return [line for line in lines if not (_empty(line.first) and _empty(line.second))]


def _empty(value: Any) -> bool:
    return value is None or value in ("", [], {})


def _order(name: str) -> tuple[int, str]:
    group = name.partition(" ")[0]
    return ("param", "metric").index(group) + 1 if group in ("param", "metric") else 0, name


def _flat(model: Model) -> dict[str, Any]:
    return {
        "kind": model.kind,
        "head": model.head,
        "examples": model.data_fingerprint,
        **_below("param ", model.params),
        **_below("metric ", model.metrics),
    }


def _below(place: str, value: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, one in value.items():
        found |= _entries(f"{place}{key}", one)
    return found


def _entries(place: str, value: Any) -> dict[str, Any]:
    """Return the values below `place`; rows of a list that have a label are called by that."""
    if isinstance(value, list) and value and all(_labelled(one) for one in value):
        value = {one[LABEL]: {k: v for k, v in one.items() if k != LABEL} for one in value}
    if not isinstance(value, Mapping) or len(value) > MOST_ENTRIES or _is_curve(value):
        return {place: value}
    return _below(f"{place}.", value)


def _labelled(one: object) -> bool:
    return isinstance(one, Mapping) and LABEL in one


def _is_curve(value: Mapping[str, Any]) -> bool:
    """Whether these are numbers to draw, or several such: nobody reads them side by side."""
    if all(isinstance(one, Mapping) and one and _is_curve(one) for one in value.values()):
        return bool(value)
    return len(value) > 1 and all(isinstance(one, list) and len(one) > 1 for one in value.values())
