"""Two models side by side: everything is there once, and what differs is marked."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from analysis.registry.models import Model
from analysis.registry.side_by_side import side_by_side


def model(params: dict[str, Any], metrics: dict[str, Any]) -> Model:
    return Model(
        1, "probe-style", "1", "classifier", "style", params, metrics, None, "abc", True, False,
        datetime.now(UTC),
    )  # fmt: skip


def test_entries_are_compared_one_by_one() -> None:
    first = model(
        {"seed": 0, "nothing": [], "recipe": {"grid": [1, 2], "dropout": 0.2}, "only": "here"},
        {"test": {"f1": {"macro": 0.5}}},
    )
    second = model(
        {"seed": 1, "nothing": None, "recipe": {"grid": [1, 2]}}, {"test": {"f1": {"macro": 0.5}}}
    )
    lines = {line.name: line for line in side_by_side(first, second)}
    assert [name for name in lines if name.startswith("metric")] == ["metric test.f1.macro"]
    assert {name for name, line in lines.items() if line.differs} == {
        "param only",
        "param recipe.dropout",
        "param seed",
    }
    assert (lines["param only"].first, lines["param only"].second) == ("here", None)
    assert lines["param recipe.grid"].first == [1, 2]
    assert not lines["examples"].differs
    assert "param nothing" not in lines


def test_rows_are_called_by_their_label_and_curves_stay_whole() -> None:
    def metrics(f1: float) -> dict[str, Any]:
        curve = {"fpr": [0.0, f1, 1.0], "tpr": [0.0, 0.5, 1.0]}
        return {
            "per_class": [{"label": "portrait", "f1": f1}, {"label": "landscape", "f1": 0.9}],
            "curves": {"roc": {"portrait": curve}},
            "many": {str(number): number for number in range(100)},
        }

    lines = {
        one.name: one for one in side_by_side(model({}, metrics(0.1)), model({}, metrics(0.2)))
    }
    assert lines["metric per_class.portrait.f1"].differs
    assert not lines["metric per_class.landscape.f1"].differs
    assert lines["metric curves"].differs
    assert "metric many.1" not in lines
    assert not lines["metric many"].differs
