"""Charts: matplotlib draws the shapes, and the type is that of all other pictures.

Lettering goes through `analysis.plots.lettering`, so charts show the same scripts on every machine,
whatever fonts are installed. There is no global state: figures are made and rendered here, without
pyplot, at 72 dots an inch, so that a point is a pixel.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backend_bases import GraphicsContextBase
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.text import Text

from analysis.contact_sheet import GRAY, INK, RULE
from analysis.plots.lettering import BOLD, REGULAR, Color, Type
from analysis.plots.page import ROOM
from analysis.plots.strip import PAPER

SMALL = 19
"""Size of the type on axes, in pixels."""
TINY = 16
DESCENT = 0.24
"""How far letters reach below the baseline, as a share of their size."""
ASCENT = 0.78

ACCENT: Color = (31, 78, 121)
"""For what a chart is about, where colour is not itself the data."""
SECOND: Color = (204, 121, 32)
"""For what it is compared with; told from the accent by those who do not see red or green."""
FAINT: Color = (190, 198, 206)


def shade(color: Color) -> str:
    """Return a colour as matplotlib takes it."""
    return "#{:02x}{:02x}{:02x}".format(*color)


def text_on(color: Color) -> Color:
    """Return ink or paper, whichever has more contrast with `color` (at least 4 to 1).

    The contrast of WCAG 2.2 is a ratio of relative luminances, each raised by 0.05; the two are
    equally readable at the geometric mean.
    """
    light, dark = _luminance(PAPER) + 0.05, _luminance(INK) + 0.05
    return INK if (_luminance(color) + 0.05) ** 2 > light * dark else PAPER


def _luminance(color: Color) -> float:
    """Return the relative luminance of an sRGB colour, 0 to 1."""
    red, green, blue = (
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in (channel / 255 for channel in color)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


class _Renderer(RendererAgg):
    """Agg, with OpenCV's letters in place of FreeType's."""

    def get_text_width_height_descent(
        self, s: str, prop: FontProperties, ismath: Any
    ) -> tuple[float, float, float]:
        face = _type(prop)
        return float(face.width(s)), face.size * (ASCENT + DESCENT), face.size * DESCENT

    def draw_text(
        self,
        gc: GraphicsContextBase,
        x: float,
        y: float,
        s: str,
        prop: FontProperties,
        angle: float,
        ismath: Any = False,
        mtext: Text | None = None,
    ) -> None:
        face = _type(prop)
        above, below = round(face.size * 1.2), round(face.size * 0.5)
        ink = np.zeros((above + below, face.width(s) + 2 * below, 3), dtype=np.uint8)
        face.draw(ink, s, below, above, (255, 255, 255))
        left, down = float(below), float(below)
        coverage = ink[..., 0]
        if round(angle) % 360 == 90:
            coverage, left, down = np.rot90(coverage), float(above), float(below)
        elif round(angle) % 360 != 0:
            raise ValueError(f"text is level or upright, not at {angle}°: turn the chart instead.")
        image = np.empty((*coverage.shape, 4), dtype=np.uint8)
        image[..., :3] = np.rint(np.asarray(gc.get_rgb()[:3]) * 255)
        image[..., 3] = np.rint(coverage * float(gc.get_alpha()))
        # Images are placed by their lower left corner, counted from the bottom.
        self.draw_image(gc, round(x - left), round(self.height - y - down), image[::-1])


class _Canvas(FigureCanvasAgg):
    def get_renderer(self) -> RendererAgg:
        width, height = (round(value) for value in self.figure.bbox.size)
        return _Renderer(width, height, self.figure.dpi)  # type: ignore[no-untyped-call]


def new_figure(height: int, width: int = ROOM) -> Figure:
    """Return an empty figure of a size in pixels."""
    return Figure(figsize=(width / 72, height / 72), dpi=72, facecolor=shade(PAPER))


def new_axes(figure: Figure, box: tuple[float, float, float, float]) -> Axes:
    """Return axes in `box` (left, top, right, bottom in pixels), without frame and ticks."""
    width, height = figure.bbox.size
    left, top, right, bottom = box
    axes = figure.add_axes(
        (left / width, 1 - bottom / height, (right - left) / width, (bottom - top) / height)
    )
    axes.set_facecolor("none")
    for side in axes.spines.values():
        side.set_visible(False)
    axes.tick_params(length=0, labelsize=SMALL, labelcolor=shade(GRAY), pad=8)
    axes.set_axisbelow(True)
    return axes


def rule_across(axes: Axes, which: str = "y") -> None:
    """Draw thin rules behind the data."""
    axes.grid(visible=True, axis=which, color=shade(RULE), linewidth=1.5)  # type: ignore[arg-type]


def write(
    axes: Axes,
    x: float,
    y: float,
    text: str,
    *,
    size: int = SMALL,
    bold: bool = False,
    color: Color = INK,
    **placing: Any,
) -> None:
    """Write `text` at a place in the data of `axes`; dollars in it are dollars."""
    axes.text(
        x,
        y,
        text,
        fontsize=size,
        fontweight="bold" if bold else "normal",
        color=shade(color),
        parse_math=False,
        **placing,
    )


def pixels(figure: Figure) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Render a figure: (h, w, 3) uint8 sRGB, the same bytes for the same figure."""
    canvas = _Canvas(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    rgba = np.asarray(canvas.buffer_rgba())  # type: ignore[no-untyped-call]
    return np.ascontiguousarray(cv2.cvtColor(rgba, cv2.COLOR_RGBA2RGB))


def _type(prop: FontProperties) -> Type:
    weight = BOLD if prop.get_weight() == "bold" else REGULAR
    return Type(max(1, round(prop.get_size_in_points())), weight)
