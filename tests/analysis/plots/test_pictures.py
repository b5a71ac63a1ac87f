"""Pictures from data made by hand: what is where, and in which colour."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.colors.conversion import hex_to_rgb, rgb_to_lab
from analysis.contact_sheet import MARGIN
from analysis.plots import class_charts, color_distribution, color_time, palette_wall
from analysis.plots.figure import ACCENT, SECOND
from analysis.plots.lettering import Canvas, Color
from analysis.plots.page import ROOM
from analysis.plots.palette_wall import draw_wall, percent, wall_grid
from analysis.plots.strip import PAPER
from analysis.plots.work_page import ENLARGED, PICTURE, draw_work_page
from analysis.reports.classes import Trained, read_metrics
from analysis.reports.distribution import Distribution, Group
from analysis.reports.periods import Period, Timeline
from analysis.reports.shares import Cell, TermShare, term_shares
from analysis.reports.wall import Wall, WallColumn, column_of
from analysis.reports.work import NamedColor, ShownWork

RED, GREEN, BLUE = "#c02020", "#208040", "#2040b0"


def shares(**weights: float) -> tuple[TermShare, ...]:
    """Shares of `red`, `green` and `blue`."""
    codes = {"red": RED, "green": GREEN, "blue": BLUE}
    return term_shares(Cell(weight, lab(codes[name])) for name, weight in weights.items())


def lab(code: str) -> tuple[float, float, float]:
    lightness, a, b = (float(value) for value in rgb_to_lab(hex_to_rgb(code)))
    return lightness, a, b


def column(*palette: tuple[str, float], **known: object) -> WallColumn:
    codes, fractions = zip(*palette, strict=True)
    return column_of(codes, fractions, [lab(code) for code in codes], **known)  # type: ignore[arg-type]


def count(canvas: npt.NDArray[np.uint8], color: str | Color) -> int:
    rgb = hex_to_rgb(color) if isinstance(color, str) else color
    return int((canvas == rgb).all(axis=2).sum())


# --- A work -----------------------------------------------------------------------------------


def work(width: int, height: int, *palette: tuple[str, float]) -> ShownWork:
    return ShownWork(
        picture=np.full((height, width, 3), 77, dtype=np.uint8),
        title="Étude № 1",
        artist="Ada Möller",
        date="c. 1900",
        source=("Oil on canvas", "demo / 1"),
        palette=tuple(NamedColor(code, "a name", share) for code, share in palette),
        model="palette 1",
    )


@pytest.mark.parametrize(("width", "height"), [(1600, 900), (900, 1600), (60, 60), (3000, 20)])
def test_a_work_beside_its_palette(width: int, height: int) -> None:
    palette = ((RED, 0.6), (GREEN, 0.3), (BLUE, 0.08), ("#ffffff", 0.02))
    page = np.asarray(draw_work_page(work(width, height, *palette)))
    picture = count(page, (77, 77, 77))
    scale = min(PICTURE[0] / width, PICTURE[1] / height, ENLARGED)
    assert picture == pytest.approx(width * height * scale**2, rel=0.05)
    areas = np.array([count(page, code) for code in (RED, GREEN, BLUE)])
    assert areas / areas[0] == pytest.approx([1, 0.5, 0.08 / 0.6], rel=0.1)
    bars = np.flatnonzero((page == hex_to_rgb(RED)).all(axis=2).any(axis=0))
    shown = np.flatnonzero((page == 77).all(axis=2).any(axis=0))
    assert bars.min() > shown.max()


# --- A wall -----------------------------------------------------------------------------------


@given(st.integers(1, 6000))
def test_a_grid_has_room_for_all(works: int) -> None:
    grid = wall_grid(works)
    assert (grid.rows - 1) * grid.per_row < works <= grid.rows * grid.per_row
    assert palette_wall.LEAST_HEIGHT <= grid.height <= palette_wall.MOST_HEIGHT
    if works >= 60:
        assert 600 < grid.rows * (grid.height + grid.gap) < 1800


@pytest.mark.parametrize("works", [1, 7, 12, 48, 49, 480, 4000])
def test_every_work_is_on_the_wall(works: int) -> None:
    light = "#e0d8c8"
    columns = tuple(
        column((RED, 0.25), (light, 0.75), title="風景", year=1900) for _ in range(works)
    )
    canvas = draw_wall(Wall(columns, shares(red=1, blue=3), "hue", works))
    assert canvas.shape[1] == ROOM
    band = palette_wall.BAND
    assert count(canvas[:band], RED) == pytest.approx(ROOM * band / 4, rel=0.05)
    assert count(canvas[:band], BLUE) == pytest.approx(ROOM * band * 3 / 4, rel=0.05)
    wall = canvas[band + palette_wall.BAND_LABELS :]
    assert count(wall, light) == pytest.approx(3 * count(wall, RED), rel=0.05)
    rows, columns_ = np.nonzero((wall == hex_to_rgb(RED)).all(axis=2))
    pale = np.nonzero((wall == hex_to_rgb(light)).all(axis=2))[0]
    assert pale.min() < rows.min(), "light colours lie above dark ones"
    if works >= 480:
        assert columns_.min() == 0
        assert columns_.max() == ROOM - 1


def test_few_works_are_shown_with_their_picture() -> None:
    picture = np.full((50, 80, 3), (9, 99, 199), dtype=np.uint8)
    some = column((RED, 1.0), title="One", picture=picture)
    without = column((RED, 1.0), title="Two")
    canvas = draw_wall(Wall((some, without), shares(red=1), "hue", 2))
    assert count(canvas, (9, 99, 199)) > 200**2


def test_years_stand_above_the_rows_of_a_wall_by_year() -> None:
    columns = tuple(column((RED, 1.0), year=1800 + number) for number in range(60))
    by_year = draw_wall(Wall(columns, shares(red=1), "year", 60))
    by_hue = draw_wall(Wall(columns, shares(red=1), "hue", 60))
    grid = wall_grid(60)
    assert by_year.shape[0] == by_hue.shape[0] + grid.rows * palette_wall.YEARS


def test_percent() -> None:
    assert [percent(share) for share in (1.0, 0.256, 0.0095, 0.009, 0.0001)] == [
        "100%",
        "26%",
        "1%",
        "< 1%",
        "< 1%",
    ]


# --- Colours over time ------------------------------------------------------------------------


def timeline(*periods: tuple[int, int, tuple[TermShare, ...]], step: int = 10) -> Timeline:
    return Timeline(
        tuple(Period(first, step, works, parts) for first, works, parts in periods),
        together=shares(red=2, blue=2),
        step=step,
        works=sum(works for _, works, _ in periods),
        undated=0,
        vague=0,
    )


def in_column(canvas: Canvas, color: str) -> npt.NDArray[np.bool_]:
    """In which columns of pixels of the chart's periods a colour is."""
    right = ROOM - color_time.RIGHT - color_time.GAP
    part = canvas[color_time.TILES[0] : color_time.TILES[1], color_time.LEFT : right]
    return (part == hex_to_rgb(color)).all(axis=2).any(axis=0)


def test_periods_stand_side_by_side_with_their_gaps() -> None:
    canvas = color_time.draw_timeline(
        timeline((1900, 12, shares(red=1, blue=1)), (1920, 3, shares(green=1)))
    )
    assert canvas.shape == (color_time.HEIGHT, ROOM, 3)
    red, green, blue = (np.flatnonzero(in_column(canvas, code)) for code in (RED, GREEN, BLUE))
    assert (red == blue).all()
    assert green.min() - red.max() > red.max() - red.min(), "1910 to 1919 has no works"
    rows = {
        code: np.flatnonzero((canvas[:, : ROOM // 2] == hex_to_rgb(code)).all(axis=2).any(axis=1))
        for code in (RED, BLUE)
    }
    height = color_time.TILES[1] - color_time.TILES[0]
    assert rows[RED].max() < rows[BLUE].min()
    assert len(rows[RED]) == pytest.approx(height / 2, abs=4)
    beside = canvas[:, ROOM - color_time.RIGHT :]
    assert count(beside, RED) == pytest.approx(color_time.TOGETHER * height / 2, rel=0.03)


@pytest.mark.parametrize("periods", [1, 20, 100])
def test_any_number_of_periods(periods: int) -> None:
    made = [(1000 + number, 1 + number, shares(red=1, blue=2)) for number in range(periods)]
    canvas = color_time.draw_timeline(timeline(*made, step=1))
    assert in_column(canvas, RED).sum() > 80


# --- Dominant colours -------------------------------------------------------------------------


def test_bars_are_as_long_as_their_share() -> None:
    groups = (
        Group("landscapes", 4, shares(red=3, blue=1)),
        Group("a very long name of a group of works, which is cut " * 2, 2, shares(green=2)),
    )
    canvas = color_distribution.draw_distribution(
        Distribution("category", Group("all works", 6, shares(red=3, green=2, blue=1)), groups, 0)
    )
    height = color_distribution.SCALE + round(
        (3 + color_distribution.AFTER_ALL) * color_distribution.ROW
    )
    assert canvas.shape == (height, ROOM, 3)
    lower = canvas[color_distribution.SCALE + 2 * color_distribution.ROW - 20 :]
    widths = {
        code: int((lower == hex_to_rgb(code)).all(axis=2).any(axis=0).sum())
        for code in (RED, GREEN, BLUE)
    }
    assert widths[RED] == pytest.approx(3 * widths[BLUE], rel=0.02)
    assert widths[GREEN] == pytest.approx(4 * widths[BLUE], rel=0.02)


# --- Classes of colour ------------------------------------------------------------------------


def trained(classes: int = 3, **changes: object) -> Trained:
    names = ["red", "blue", "nothing known", *(f"class {number}" for number in range(30))][:classes]
    metrics: dict[str, object] = {
        "selected": "svm",
        "models": {
            "forest": {"accuracy": [0.8, 0.9], "macro_f1": [0.8, 0.9]},
            "svm": {"accuracy": [0.95, 1.0], "macro_f1": [0.9, 1.0]},
        },
        "baselines": {"majority": 0.4, "rules": 0.85},
        "classes": names,
        "confusion": [[int(row == column) * 9 + (row == 0) for column in range(classes)]
                      for row in range(classes)],
        "support": {name: 9 + number for number, name in enumerate(names)},
        "per_class": {name: {"precision": 1, "recall": 1, "f1": 0.9} for name in names},
        "importance": {
            "lab_a_mean": {"mean": 0.2, "std": 0.05},
            "red_std": {"mean": -0.01, "std": 0.02},
        },
        "split": {"policy": "by artist"},
    }  # fmt: skip
    return read_metrics("color 1", metrics | changes)


def test_examples_of_each_class() -> None:
    canvas = class_charts.draw_support(trained())
    red, blue = (count(canvas, class_charts.class_color(name)) for name in ("red", "blue"))
    assert blue / red == pytest.approx(10 / 9, rel=0.02)
    assert count(canvas, class_charts.class_color("nothing known")) / red == pytest.approx(
        11 / 9, rel=0.02
    )


def test_classifiers_beside_their_baselines() -> None:
    canvas = class_charts.draw_comparison(trained())
    best = np.nonzero((canvas == ACCENT).all(axis=2))
    assert best[0].max() < class_charts.ROW, "the chosen one is the best one, in the first row"
    rows, columns = np.nonzero((canvas == SECOND).all(axis=2))
    assert (rows > 2 * class_charts.ROW).all()
    rules, majority = columns[rows < 3 * class_charts.ROW], columns[rows > 3 * class_charts.ROW]
    assert majority.max() < rules.min(), "what is far below stands at the edge"
    assert (
        class_charts.draw_comparison(trained(baselines={"majority": 0.4, "rules": None})).shape[0]
        == canvas.shape[0] - class_charts.ROW
    )


def test_importance() -> None:
    canvas = class_charts.draw_importance(trained())
    rows, columns = np.nonzero((canvas == ACCENT).all(axis=2))
    assert rows.max() < class_charts.ROW, "the other one is within its deviation"
    assert columns.max() - columns.min() > 500


@pytest.mark.parametrize("classes", [2, 3, 11, 33])
def test_what_is_taken_for_what(classes: int) -> None:
    canvas = class_charts.draw_confusion(trained(classes))
    assert canvas.shape[1] == ROOM
    assert canvas.shape[0] < 2600
    assert (canvas[:, -1] == PAPER).all()
    diagonal = np.nonzero((canvas == ACCENT).all(axis=2))
    assert len(diagonal[0])
    assert diagonal[1].min() > MARGIN
