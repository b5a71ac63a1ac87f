"""Charts of a classifier: as wide as asked, the same for the same numbers, never empty."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from analysis.labels.heads import Mode
from analysis.plots.classifier_bars import draw_baselines, draw_classes
from analysis.plots.classifier_confusion import MOST_CLASSES, draw_confusion, most_supported
from analysis.plots.classifier_curves import draw_found, draw_history
from analysis.plots.classifier_reliability import draw_reliability
from analysis.plots.classifier_sheet import COLUMNS, Piece, Row, draw_rows
from analysis.plots.figure import ACCENT, SECOND
from analysis.plots.lettering import Canvas
from analysis.plots.page import ROOM
from tests.analysis.labels.judged import judged


def has(canvas: Canvas, color: tuple[int, int, int]) -> bool:
    return bool((canvas == color).all(axis=2).any())


def bare(canvas: Canvas) -> bool:
    """Whether nothing is drawn."""
    return bool((canvas == canvas[0, 0]).all())


@pytest.mark.parametrize(("mode", "width"), [("single", 1180), ("multi", ROOM)])
def test_charts_are_as_wide_as_asked(mode: Mode, width: int) -> None:
    _, metrics, _ = judged(mode)
    drawn = [
        draw_baselines(metrics, width=width),
        draw_classes(metrics["per_class"], width=width),
        draw_found(metrics["curves"], metrics["per_class"], width=width),
        draw_reliability(metrics["calibration"], width=width),
        draw_history(metrics["history"], width=width),
    ]
    if mode == "single":
        drawn.append(draw_confusion(metrics["classes"], metrics["confusion"], width=width))
    for canvas in drawn:
        assert canvas is not None
        assert canvas.shape[1:] == (width, 3)
        assert canvas.dtype == np.uint8
        assert not bare(canvas)
    again = draw_reliability(metrics["calibration"], width=width)
    assert (drawn[3] == again).all()


def test_a_perfect_classifier_takes_nothing_for_anything() -> None:
    right = draw_confusion(("a", "b", "c"), np.diag([5, 0, 7]))
    assert has(right, ACCENT)
    assert not has(right, SECOND)
    wrong = draw_confusion(("a", "b", "c"), [[0, 5, 0], [0, 4, 0], [0, 0, 7]])
    assert has(wrong, SECOND)
    shares = draw_confusion(("a", "b", "c"), [[0, 5, 0], [0, 4, 0], [0, 0, 7]], shares=True)
    assert wrong.shape == shares.shape
    assert (wrong != shares).any()


def test_of_many_classes_those_of_most_images_are_drawn() -> None:
    assert most_supported(np.array([3, 9, 0])) == [0, 1, 2]
    totals = np.arange(80) % 40
    shown = most_supported(totals)
    assert shown == sorted(shown)
    assert len(shown) == MOST_CLASSES
    assert totals[shown].min() >= np.delete(totals, shown).max()
    names = [f"a label with a long name, number {number}" for number in range(80)]
    few = draw_confusion(names[:6], np.diag(np.arange(6)))
    assert few.shape[0] > draw_confusion(list("abcdef"), np.diag(np.arange(6))).shape[0]
    curve = {"recall": [0.0, 1.0], "precision": [1.0, 0.4], "fpr": [0.0, 1.0], "tpr": [0.0, 1.0]}
    curves = {part: dict.fromkeys(names[:30], curve) for part in ("roc", "precision_recall")}
    per_class = [
        {"label": name, "support": at, "f1": 0.5, "precision": 0.5, "recall": 0.5, "ap": 0.5,
         "auc": None}
        for at, name in enumerate(names)
    ]  # fmt: skip
    assert draw_found(curves, per_class).shape[1] == ROOM
    assert draw_classes(per_class).shape[1] == ROOM


def test_what_is_not_defined_is_not_drawn() -> None:
    _, metrics, _ = judged("single")
    nothing: dict[str, Any] = {"precision": None, "recall": None, "f1": None, "ap": None}
    metrics["per_class"][0] |= nothing | {"auc": None, "support": 0}
    del metrics["curves"]["roc"][metrics["classes"][0]]
    assert not bare(draw_found(metrics["curves"], metrics["per_class"]))
    assert not bare(draw_classes(metrics["per_class"]))
    metrics["intervals"]["map"] = None
    metrics["baselines"]["majority"]["map"] = None
    assert not bare(draw_baselines(metrics))
    empty = {"ece": None, "bins": []}
    assert not bare(draw_reliability({"before": empty, "after": empty}))


def test_history_is_drawn_where_there_is_some() -> None:
    assert draw_history({}) is None
    assert draw_history({"loss": [0.5]}) is None
    one = draw_history({"loss": [3.0, 2.0, 1.0]})
    assert one is not None
    assert has(one, ACCENT)
    assert not has(one, SECOND)
    both = draw_history({"loss": [3.0, 2.0, 1.0], "validation_loss": [3.0, 2.0, 2.5]})
    assert both is not None
    assert has(both, SECOND)
    three = draw_history({name: [1.0, 0.5] for name in ("loss", "accuracy", "learning_rate")})
    assert three is not None
    assert three.shape[0] == 2 * one.shape[0]


def test_sheets_break_into_lines() -> None:
    red = np.full((40, 60, 3), (200, 30, 30), np.uint8)
    piece = Piece(red, (("wrong", "said portrait 0.98"), ("plain", "a line that is " * 9)))
    line = draw_rows([Row("", (piece,) * COLUMNS)])
    assert line.shape[1] == ROOM
    assert has(line, (200, 30, 30))
    assert draw_rows([Row("", (piece,) * (COLUMNS + 1))]).shape[0] == 2 * line.shape[0]
    assert draw_rows([Row("portrait", (piece,))]).shape[0] > line.shape[0]
    narrow, wide = np.zeros((900, 9, 3), np.uint8), np.zeros((9, 900, 3), np.uint8)
    assert draw_rows([Row("", (Piece(narrow, ()), Piece(wide, ())))]).shape[1] == ROOM
