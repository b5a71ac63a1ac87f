"""Charts and pages: matplotlib's shapes, OpenCV's letters, the same bytes every time."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.contact_sheet import GRAY, INK, MARGIN, RULE
from analysis.plots.figure import ACCENT, new_axes, new_figure, pixels, shade, text_on, write
from analysis.plots.lettering import Canvas, Color, Type
from analysis.plots.page import ROOM, as_png, blank, compose_page, wrapped
from analysis.plots.strip import PAPER

CHANNEL = st.integers(0, 255)


def chart(text: str, rotation: float = 0) -> Canvas:
    figure = new_figure(200, 400)
    axes = new_axes(figure, (100, 0, 300, 100))
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.bar(0.25, 1, 0.5, color=shade(ACCENT))
    write(axes, 0.5, -0.5, text, rotation=rotation, ha="center", va="center")
    return pixels(figure)


def luminance(color: Color) -> float:
    linear = [
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in np.asarray(color) / 255
    ]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


def inked(canvas: Canvas) -> tuple[int, int, int, int]:
    """Where letters are: left, top, right, bottom."""
    rows, columns = np.nonzero((canvas < 120).all(axis=2))
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


def test_shapes_are_where_the_axes_say() -> None:
    canvas = chart("")
    assert canvas.shape == (200, 400, 3)
    assert canvas.dtype == np.uint8
    assert (canvas[2:98, 102:198] == ACCENT).all()
    assert (canvas[:98, 203:] == PAPER).all()
    assert (canvas[103:] == PAPER).all()


def test_letters_stand_where_they_belong() -> None:
    words = "Größe"
    left, top, right, bottom = inked(chart(words)[110:])
    assert right - left == pytest.approx(Type(19).width(words), abs=6)
    assert (left + right) / 2 == pytest.approx(200, abs=3)
    assert (top + bottom) / 2 + 110 == pytest.approx(150, abs=4)
    upright = chart(words, rotation=90)[101:]
    left, top, right, bottom = inked(upright)
    assert bottom - top == pytest.approx(Type(19).width(words), abs=6)
    assert right - left < 30


def test_other_scripts_and_signs_are_letters_too() -> None:
    seen = {as_png(compose_page(chart(text), "")) for text in ("風景", "Ночь", "$x^2$", "x2", "…")}
    assert len(seen) == 5


def test_slanted_text_is_refused() -> None:
    with pytest.raises(ValueError, match="level or upright"):
        chart("x", rotation=45)


def test_equal_charts_have_equal_bytes() -> None:
    assert as_png(compose_page(chart("a"), "b")) == as_png(compose_page(chart("a"), "b"))


def test_nothing_global_is_touched() -> None:
    script = (
        "import sys, matplotlib; before = dict(dict.items(matplotlib.rcParams));"
        "from analysis.plots import class_charts, color_distribution, color_time, figure;"
        "figure.pixels(figure.new_figure(20, 20));"
        "print('matplotlib.pyplot' in sys.modules, before == dict(dict.items(matplotlib.rcParams)))"
    )
    found = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert found.stdout.split() == ["False", "True"]
    assert found.stderr == ""


@given(st.tuples(CHANNEL, CHANNEL, CHANNEL))
def test_text_is_readable_on_every_color(color: Color) -> None:
    chosen, behind = luminance(text_on(color)), luminance(color)
    contrast = (max(chosen, behind) + 0.05) / (min(chosen, behind) + 0.05)
    assert contrast >= 4


def test_a_page() -> None:
    body = blank(100, ROOM)
    body[:] = ACCENT
    page = np.asarray(compose_page(body, "Heading", "12 works", ["A note."]))
    assert page.shape[1] == 2000
    top = int(np.flatnonzero((page[:, 1000] == ACCENT).all(axis=1))[0])
    assert (page[top : top + 100, MARGIN : MARGIN + ROOM] == ACCENT).all()
    assert (page[:, :MARGIN] == PAPER).all()
    assert (page[MARGIN + 58, MARGIN:-MARGIN] == RULE).all()
    above, below = page[: MARGIN + 50], page[top + 100 :]
    assert (above[:, MARGIN : MARGIN + 200] == INK).all(axis=2).any()
    assert (above[:, -200:] == GRAY).all(axis=2).any()
    assert (below == GRAY).all(axis=2).any()
    plain = np.asarray(compose_page(body, "Heading"))
    assert plain.shape[0] < page.shape[0]
    narrow = compose_page(blank(10, 900), "A heading that is far too long for its page " * 3, "x")
    assert narrow.width == 900 + 2 * MARGIN


@given(st.text(max_size=80), st.integers(60, 400))
def test_wrapped_lines_fit(text: str, width: int) -> None:
    face = Type(18)
    lines = wrapped(text, face, width)
    assert all(face.width(line) <= width for line in lines)
    if all(face.width(word) <= width for word in text.split()):
        assert " ".join(lines) == " ".join(text.split())
