"""Names of colours: the named colours of CSS, and the eleven basic colour terms."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from analysis.colors.conversion import Floats, hex_to_rgb, rgb_to_lab
from analysis.colors.difference import ciede2000

BASIC_TERMS = (
    "black",
    "white",
    "red",
    "green",
    "yellow",
    "blue",
    "brown",
    "purple",
    "pink",
    "orange",
    "gray",
)

# CSS Color Module Level 4, section 6.1: the 148 named colours.
_NAMED = """
aliceblue f0f8ff, antiquewhite faebd7, aqua 00ffff, aquamarine 7fffd4, azure f0ffff,
beige f5f5dc, bisque ffe4c4, black 000000, blanchedalmond ffebcd, blue 0000ff,
blueviolet 8a2be2, brown a52a2a, burlywood deb887, cadetblue 5f9ea0, chartreuse 7fff00,
chocolate d2691e, coral ff7f50, cornflowerblue 6495ed, cornsilk fff8dc, crimson dc143c,
cyan 00ffff, darkblue 00008b, darkcyan 008b8b, darkgoldenrod b8860b, darkgray a9a9a9,
darkgreen 006400, darkgrey a9a9a9, darkkhaki bdb76b, darkmagenta 8b008b,
darkolivegreen 556b2f, darkorange ff8c00, darkorchid 9932cc, darkred 8b0000,
darksalmon e9967a, darkseagreen 8fbc8f, darkslateblue 483d8b, darkslategray 2f4f4f,
darkslategrey 2f4f4f, darkturquoise 00ced1, darkviolet 9400d3, deeppink ff1493,
deepskyblue 00bfff, dimgray 696969, dimgrey 696969, dodgerblue 1e90ff, firebrick b22222,
floralwhite fffaf0, forestgreen 228b22, fuchsia ff00ff, gainsboro dcdcdc,
ghostwhite f8f8ff, gold ffd700, goldenrod daa520, gray 808080, green 008000,
greenyellow adff2f, grey 808080, honeydew f0fff0, hotpink ff69b4, indianred cd5c5c,
indigo 4b0082, ivory fffff0, khaki f0e68c, lavender e6e6fa, lavenderblush fff0f5,
lawngreen 7cfc00, lemonchiffon fffacd, lightblue add8e6, lightcoral f08080,
lightcyan e0ffff, lightgoldenrodyellow fafad2, lightgray d3d3d3, lightgreen 90ee90,
lightgrey d3d3d3, lightpink ffb6c1, lightsalmon ffa07a, lightseagreen 20b2aa,
lightskyblue 87cefa, lightslategray 778899, lightslategrey 778899, lightsteelblue b0c4de,
lightyellow ffffe0, lime 00ff00, limegreen 32cd32, linen faf0e6, magenta ff00ff,
maroon 800000, mediumaquamarine 66cdaa, mediumblue 0000cd, mediumorchid ba55d3,
mediumpurple 9370db, mediumseagreen 3cb371, mediumslateblue 7b68ee,
mediumspringgreen 00fa9a, mediumturquoise 48d1cc, mediumvioletred c71585,
midnightblue 191970, mintcream f5fffa, mistyrose ffe4e1, moccasin ffe4b5,
navajowhite ffdead, navy 000080, oldlace fdf5e6, olive 808000, olivedrab 6b8e23,
orange ffa500, orangered ff4500, orchid da70d6, palegoldenrod eee8aa, palegreen 98fb98,
paleturquoise afeeee, palevioletred db7093, papayawhip ffefd5, peachpuff ffdab9,
peru cd853f, pink ffc0cb, plum dda0dd, powderblue b0e0e6, purple 800080,
rebeccapurple 663399, red ff0000, rosybrown bc8f8f, royalblue 4169e1, saddlebrown 8b4513,
salmon fa8072, sandybrown f4a460, seagreen 2e8b57, seashell fff5ee, sienna a0522d,
silver c0c0c0, skyblue 87ceeb, slateblue 6a5acd, slategray 708090, slategrey 708090,
snow fffafa, springgreen 00ff7f, steelblue 4682b4, tan d2b48c, teal 008080,
thistle d8bfd8, tomato ff6347, turquoise 40e0d0, violet ee82ee, wheat f5deb3,
white ffffff, whitesmoke f5f5f5, yellow ffff00, yellowgreen 9acd32,
"""

CSS_COLORS: Mapping[str, str] = MappingProxyType(
    {
        name: f"#{digits}"
        for name, digits in (entry.split() for entry in _NAMED.split(",") if entry.strip())
    }
)
"""Name to `#rrggbb`."""

# Seven grays are spelled both ways and two colours have two names: people get the first of each.
_SECOND_NAMES = frozenset({"aqua", "fuchsia"} | {name for name in CSS_COLORS if "grey" in name})
_NAMES = tuple(name for name in CSS_COLORS if name not in _SECOND_NAMES)
_NAMED_LAB: Floats = rgb_to_lab([hex_to_rgb(CSS_COLORS[name]) for name in _NAMES])


def nearest_names(lab: npt.ArrayLike) -> tuple[str, ...]:
    """Return the CSS name nearest by CIEDE2000 to each of the colours, (n, 3) CIE L*a*b* D65.

    Of names for one colour, "gray" is preferred to "grey", "cyan" to "aqua" and "magenta" to
    "fuchsia".
    """
    colors = np.asarray(lab, dtype=np.float64).reshape(-1, 1, 3)
    return tuple(_NAMES[at] for at in np.argmin(ciede2000(colors, _NAMED_LAB), axis=1))


def basic_term(lab: npt.ArrayLike) -> str:
    """Return which of the eleven basic colour terms of English fits a colour, (3,) CIE L*a*b*.

    The terms are those of B. Berlin and P. Kay, "Basic Color Terms" (1969). Their borders have no
    formula: these are drawn by hand in lightness, chroma and hue so that the named colours of CSS
    fall where their names say, brown being dark or dull orange and pink being light red.
    """
    lightness, a, b = (float(value) for value in np.asarray(lab, dtype=np.float64).ravel())
    chroma = float(np.hypot(a, b))
    hue = float(np.degrees(np.arctan2(b, a))) % 360.0
    neutral = _neutral_term(lightness, chroma, hue)
    return neutral if neutral is not None else _hue_term(lightness, chroma, hue)


def _neutral_term(lightness: float, chroma: float, hue: float) -> str | None:
    if (lightness < 22.0 and chroma < 10.0) or (lightness < 6.0 and chroma < 20.0):
        return "black"
    if lightness >= 90.0 and chroma < lightness - 82.0:
        return "white"
    # A trace of blue still passes for gray where a trace of yellow does not.
    if chroma < (12.5 if 180.0 <= hue < 300.0 else 10.0):
        return "gray"
    return None


def _hue_term(lightness: float, chroma: float, hue: float) -> str:
    if hue >= 340.0 or hue < 15.0:
        return _between_purple_and_red(lightness, hue)
    if hue < 45.0:
        return _reddish(lightness, chroma)
    if hue < 80.0:
        return _orangish(lightness, chroma, hue)
    if hue < 112.0:
        return _yellowish(lightness, chroma, hue)
    if hue < 190.0:
        return "green"
    # Vivid blues reach further towards purple than dull ones.
    if hue < (310.0 if chroma > 78.0 else 304.5):
        return "blue"
    return "purple"


def _between_purple_and_red(lightness: float, hue: float) -> str:
    if lightness >= 50.0:
        return "pink"
    return "purple" if 340.0 <= hue < 354.0 else "red"


def _reddish(lightness: float, chroma: float) -> str:
    if lightness >= 62.0 and chroma < 66.0:
        return "pink"
    return "red" if chroma >= 42.0 else "brown"


def _orangish(lightness: float, chroma: float, hue: float) -> str:
    if lightness >= 80.0:
        return "pink" if hue < 60.0 and chroma < 40.0 else "orange"
    dull = chroma < 42.0 or (chroma < 58.0 and lightness < 66.0)
    return "brown" if dull or lightness < 52.0 else "orange"


def _yellowish(lightness: float, chroma: float, hue: float) -> str:
    if hue < 96.0:
        return "brown" if lightness < 60.0 or (chroma < 35.0 and lightness < 80.0) else "yellow"
    return "green" if lightness < 66.0 else "yellow"
