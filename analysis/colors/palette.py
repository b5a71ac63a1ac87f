"""Palettes: the few colours that an image is made of.

The pixels are first counted in a histogram of 32 × 32 × 32 cells of sRGB, of which an image
occupies a few thousand; every cell stands for the mean of its pixels, so colours stay exact. Then
one of two things happens in CIE L*a*b*:

- Where most of the image lies in sharp peaks (flat colours: prints, hard-edged painting, posters),
  the peaks are the palette. What compression and smoothing leave along the borders belongs to no
  peak and is no colour of its own.
- Otherwise weighted k-means over the cells, started by splitting along the axis of greatest
  variance, which needs no chance; a centre moves onto a flat colour that dominates its cluster.

The position of pixels plays no part: shuffling them changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.colors.conversion import Bytes, Floats, lab_to_rgb, rgb_to_hex, rgb_to_lab
from analysis.colors.difference import ciede2000
from analysis.colors.names import basic_term, nearest_names

DEFAULT_COLORS = 5

CELL_BITS = 5
"""Bits a channel that tell histogram cells apart."""
MERGE_DELTA_E = 2.0
"""Colours nearer to each other than this (CIEDE2000) are one."""
CORE_RADIUS = 3.5
"""Pixels this near to a peak of the histogram (Euclidean in L*a*b*) belong to it."""
FLAT_VARIANCE = 16.0
"""Most that pixels of a flat colour vary: summed over the channels, in squared levels of 255."""
SMALLEST_PEAK = 0.005
"""Least share of the image that makes a flat colour."""
FLAT_SHARE = 0.6
"""Least share of an image of flat colours that lies in their peaks …"""
BORDER_SHARE = 0.02
"""A peak below this share that is a blend of two larger ones is their border, no colour."""
STRAY_SHARE = 0.02
"""… and the most that is neither in a peak nor a blend of two."""
BLEND_ENDS = 12
"""Colours, the largest, that others may be a blend of."""
BLEND_REACH = 10.0
"""How far a blend may lie off the two colours it is between, in levels of 255."""
SNAP_SHARE = 0.5
"""Share of a cluster at its densest point from which on that point is its colour."""
PEAK_CANDIDATES = 64
"""Cells that are looked at as peaks, the fullest first."""
MOST_CELLS = 4096
"""Cells that are clustered; where noise occupies more, eight neighbours become one."""
SETTLED = 0.03
"""k-means ends when no centre moves farther than this (Euclidean in L*a*b*)."""
MAX_ROUNDS = 100
"""Rounds of k-means at most."""

RESTARTS = 2
"""Starts of k-means besides the one by splitting; the best result counts."""

# Luma and colour differences of JPEG (ITU-T T.871), as columns.
_TO_YCC: Floats = np.array(
    [
        [0.299, -0.168736, 0.5],
        [0.587, -0.331264, -0.418688],
        [0.114, 0.5, -0.081312],
    ]
)


@dataclass(frozen=True)
class Swatch:
    """One colour of a palette."""

    hex: str
    """`#rrggbb`, sRGB."""
    rgb: tuple[int, int, int]
    """sRGB, 0 to 255."""
    lab: tuple[float, float, float]
    """The same colour in CIE L*a*b* under D65."""
    fraction: float
    """Share of the image, above 0 and up to 1."""
    name: str
    """Name of the nearest CSS colour."""
    term: str
    """Which of the eleven basic colour terms fits."""

    def as_dict(self) -> dict[str, Any]:
        """Return the swatch for JSON."""
        return {
            "hex": self.hex,
            "rgb": list(self.rgb),
            "lab": [round(value, 3) for value in self.lab],
            "fraction": round(self.fraction, 6),
            "name": self.name,
            "term": self.term,
        }


@dataclass(frozen=True)
class Palette:
    """The colours of an image, the largest share first; the shares add up to 1."""

    swatches: tuple[Swatch, ...]

    def as_list(self) -> list[dict[str, Any]]:
        """Return the swatches for JSON."""
        return [swatch.as_dict() for swatch in self.swatches]


def extract_palette(rgb: Bytes, k: int = DEFAULT_COLORS) -> Palette:
    """Return the at most `k` colours that an image is made of.

    `rgb` is (h, w, 3) uint8 sRGB, or (n, 3). Images of fewer colours give fewer swatches. Equal
    pixels give equal palettes, in whatever order they lie. Raises ValueError for other shapes or
    types, for an image without pixels and for `k` below 1.
    """
    if rgb.dtype != np.uint8 or rgb.ndim not in (2, 3) or rgb.shape[-1] != 3 or rgb.size == 0:
        raise ValueError(f"an image is (h, w, 3) uint8, not {rgb.shape} {rgb.dtype}")
    if k < 1:
        raise ValueError(f"a palette has at least one colour, not {k}")
    cells = _histogram(rgb.reshape(-1, 3))
    colors, fractions = _flat_colors(cells) or _crowded(cells)
    if len(colors) > k:
        colors, fractions = _clustered(colors, fractions, k)
    return _palette(*_merged(colors, fractions))


@dataclass(frozen=True)
class _Cells:
    """The occupied cells of a histogram."""

    rgb: Floats
    """Mean colour of each cell's pixels, (m, 3) sRGB, 0 to 255."""
    power: Floats
    """Mean of r² + g² + b² over each cell's pixels, (m,)."""
    lab: Floats
    """The mean colours in CIE L*a*b*, (m, 3)."""
    weights: Floats
    """Share of the image in each cell, (m,)."""


def _histogram(pixels: Bytes) -> _Cells:
    """Count pixels, (n, 3), by cells of sRGB."""
    drop = 8 - CELL_BITS
    red, green, blue = (pixels[:, channel].astype(np.int32) for channel in range(3))
    cells = (red >> drop << 2 * CELL_BITS) | (green >> drop << CELL_BITS) | (blue >> drop)
    cells = cells.astype(np.intp)  # once, instead of in every count
    counts = np.bincount(cells)
    occupied = np.flatnonzero(counts)
    counts = counts[occupied]
    power = red * red + green * green + blue * blue
    # Sums of whole numbers are exact in float64, whatever the order of the pixels.
    sums = [
        np.bincount(cells, weights=values)[occupied] / counts
        for values in (red, green, blue, power)
    ]
    means = np.stack(sums[:3], axis=1)
    return _Cells(means, sums[3], rgb_to_lab(means), counts / len(pixels))


def _crowded(cells: _Cells) -> tuple[Floats, Floats]:
    """Return colours (m, 3) in L*a*b* and shares (m,) to cluster: cells, joined if too many."""
    if len(cells.lab) <= MOST_CELLS:
        return cells.lab, cells.weights
    corners = cells.rgb.astype(np.intp) >> (9 - CELL_BITS)
    _, parents = np.unique(corners @ (256**2, 256, 1), return_inverse=True)
    weights: Floats = np.bincount(parents, cells.weights).astype(np.float64)
    sums = [np.bincount(parents, cells.weights * channel) for channel in cells.rgb.T]
    return rgb_to_lab(np.stack(sums, axis=1) / weights[:, np.newaxis]), weights


def _squared_distances(points: Floats, centres: Floats) -> Floats:
    """Squared Euclidean distances (m, k) of points (m, 3) to centres (k, 3)."""
    squares = np.einsum("ij,ij->i", points, points)[:, np.newaxis]
    squares = squares + np.einsum("ij,ij->i", centres, centres) - 2.0 * (points @ centres.T)
    distances: Floats = np.maximum(squares, 0.0)
    return distances


def _flat_colors(cells: _Cells) -> tuple[Floats, Floats] | None:
    """Return the colours (p, 3) and shares (p,) of an image of flat colours; None for others."""
    lab, weights = cells.lab, cells.weights
    candidates = np.argsort(-weights, kind="stable")[:PEAK_CANDIDATES]
    core = _squared_distances(lab, lab[candidates]).T <= CORE_RADIUS**2
    free = np.ones(len(candidates), dtype=bool)
    stray = np.ones(len(lab), dtype=bool)
    centres: list[Floats] = []
    colors: list[Floats] = []
    shares: list[float] = []
    for at in np.argsort(-(core @ weights), kind="stable"):
        mine = core[at] & stray
        share = float(weights[mine].sum())
        if not free[at] or share < SMALLEST_PEAK:
            continue
        color = weights[mine] @ cells.rgb[mine] / share
        if weights[mine] @ cells.power[mine] / share - color @ color > FLAT_VARIANCE:
            continue
        stray &= ~mine
        free &= ~core[at, candidates]
        if share < BORDER_SHARE and _blended(color[np.newaxis], np.array(colors)).all():
            continue
        centres.append(weights[mine] @ lab[mine] / share)
        colors.append(color)
        shares.append(share)
    if sum(shares) < FLAT_SHARE:
        return None
    stray[stray] = ~_blended(cells.rgb[stray], np.array(colors))
    if weights[stray].sum() > STRAY_SHARE:
        return None
    return np.array(centres), np.array(shares) / sum(shares)


def _blended(rgb: Floats, colors: Floats) -> npt.NDArray[np.bool_]:
    """Tell which of `rgb` (m, 3) lie between two of `colors` (p, 3), as pixels on a border do.

    JPEG keeps chroma more coarsely than luma, so a border pixel has a luma between the two and,
    apart from that, a chroma on the line between theirs. Returns (m,).
    """
    if len(colors) < 2:
        return np.zeros(len(rgb), dtype=bool)
    points, ends = rgb @ _TO_YCC, colors[:BLEND_ENDS] @ _TO_YCC
    first, second = np.triu_indices(len(ends), 1)
    start, way = ends[first], ends[second] - ends[first]
    luma = points[:, :1] - start[:, 0]
    low, high = np.minimum(way[:, 0], 0.0), np.maximum(way[:, 0], 0.0)
    between = (luma > low - BLEND_REACH) & (luma < high + BLEND_REACH)
    offset = points[:, np.newaxis, 1:] - start[:, 1:]
    chroma_way = way[:, 1:]
    length = np.maximum((chroma_way**2).sum(axis=1), 1e-9)
    along = np.clip(np.einsum("mpc,pc->mp", offset, chroma_way) / length, 0.0, 1.0)
    off_line = offset - along[..., np.newaxis] * chroma_way
    near = (off_line**2).sum(axis=2) < BLEND_REACH**2
    blended: npt.NDArray[np.bool_] = (between & near).any(axis=1)
    return blended


def _clustered(lab: Floats, weights: Floats, k: int) -> tuple[Floats, Floats]:
    """Weighted k-means of (m, 3) in L*a*b*; return at most `k` colours (j, 3) and shares (j,)."""
    parts = _split(lab, weights, k)
    starts = [_means(lab, weights, parts, np.zeros((int(parts.max()) + 1, 3)))]
    # Drawn from the cells alone, so equal images draw alike.
    rng = np.random.default_rng(0)
    starts += [_scattered(lab, weights, k, rng) for _ in range(RESTARTS)]
    _, labels = min((_settled(lab, weights, start) for start in starts), key=lambda run: run[0])
    colors, shares = [], []
    for label in range(k):
        mine = labels == label
        if mine.any():
            colors.append(_snapped(lab[mine], weights[mine]))
            shares.append(weights[mine].sum())
    return np.array(colors), np.array(shares) / np.sum(shares)


def _settled(lab: Floats, weights: Floats, centres: Floats) -> tuple[float, npt.NDArray[np.intp]]:
    """Run Lloyd's rounds from `centres` (k, 3); return the weighted squared error and the parts."""
    for _ in range(MAX_ROUNDS):
        labels = _nearest(lab, centres)
        moved = _means(lab, weights, labels, centres)
        shift = float(((moved - centres) ** 2).sum(axis=1).max())
        centres = moved
        if shift < SETTLED**2:
            break
    labels = _nearest(lab, centres)
    return float(weights @ ((lab - centres[labels]) ** 2).sum(axis=1)), labels


def _nearest(lab: Floats, centres: Floats) -> npt.NDArray[np.intp]:
    """Return which of `centres` (k, 3) is nearest to each of `lab` (m, 3), as (m,)."""
    # |x - c|² without |x|², which is the same for all centres.
    offset = lab @ (-2.0 * centres.T)
    offset += (centres**2).sum(axis=1)
    nearest: npt.NDArray[np.intp] = offset.argmin(axis=1)
    return nearest


def _means(lab: Floats, weights: Floats, labels: npt.NDArray[np.intp], former: Floats) -> Floats:
    """Weighted means (k, 3) of the parts; an empty part keeps its former centre."""
    shares = np.zeros((len(former), len(lab)))
    shares[labels, np.arange(len(lab))] = weights
    total = shares.sum(axis=1, keepdims=True)
    means: Floats = np.where(total > 0.0, shares @ lab / np.maximum(total, 1e-300), former)
    return means


def _scattered(lab: Floats, weights: Floats, k: int, rng: np.random.Generator) -> Floats:
    """Draw `k` starting centres (k, 3), the farther from the others the likelier (k-means++)."""
    chosen = [int(rng.choice(len(lab), p=weights / weights.sum()))]
    distances = _squared_distances(lab, lab[chosen])[:, 0]
    while len(chosen) < k:
        odds = distances * weights
        if odds.sum() <= 0.0:
            break
        chosen.append(int(rng.choice(len(lab), p=odds / odds.sum())))
        distances = np.minimum(distances, _squared_distances(lab, lab[chosen[-1:]])[:, 0])
    return lab[chosen]


def _split(lab: Floats, weights: Floats, k: int) -> npt.NDArray[np.intp]:
    """Cut the points into `k` parts, always the part of greatest variance along its main axis.

    T. Su, J. G. Dy, "In search of deterministic methods for initializing k-means and Gaussian
    mixture clustering" (2007). Returns the part of each point, (m,).
    """
    labels = np.zeros(len(lab), dtype=np.intp)
    spread: list[float] = [np.inf]
    for part in range(1, k):
        widest = int(np.argmax(spread))
        if spread[widest] <= 0.0:
            break
        inside = np.flatnonzero(labels == widest)
        points, share = lab[inside], weights[inside]
        centred = points - share @ points / share.sum()
        axis = np.linalg.eigh((centred * share[:, np.newaxis]).T @ centred)[1][:, -1]
        labels[inside[centred @ axis > 0.0]] = part
        spread[widest : widest + 1] = [_spread(lab, weights, labels == widest)]
        spread.append(_spread(lab, weights, labels == part))
    return labels


def _spread(lab: Floats, weights: Floats, mine: npt.NDArray[np.bool_]) -> float:
    points, share = lab[mine], weights[mine]
    if len(points) < 2:
        return 0.0
    return float(share @ ((points - share @ points / share.sum()) ** 2).sum(axis=1))


def _snapped(lab: Floats, weights: Floats) -> Floats:
    """Return the colour of a cluster: its flat colour where one dominates it, else its mean."""
    distances = _squared_distances(lab, lab[[np.argmax(weights)]])[:, 0]
    core = distances <= CORE_RADIUS**2
    share = weights[core].sum()
    if share < SNAP_SHARE * weights.sum():
        core[:] = True
        share = weights.sum()
    color: Floats = weights[core] @ lab[core] / share
    return color


def _merged(centres: Floats, fractions: Floats) -> tuple[Floats, Floats]:
    """Join colours nearer than MERGE_DELTA_E, the nearest first, weighted by their shares."""
    while len(centres) > 1:
        distances = ciede2000(centres[:, np.newaxis], centres)
        distances[np.diag_indices_from(distances)] = np.inf
        one, two = sorted(int(at) for at in np.unravel_index(distances.argmin(), distances.shape))
        if distances[one, two] >= MERGE_DELTA_E:
            break
        share = fractions[one] + fractions[two]
        joined = (fractions[one] * centres[one] + fractions[two] * centres[two]) / share
        centres = np.vstack([np.delete(centres, (one, two), axis=0), joined])
        fractions = np.append(np.delete(fractions, (one, two)), share)
    return centres, fractions


def _palette(centres: Floats, fractions: Floats) -> Palette:
    rgb = lab_to_rgb(centres)
    # Of equal shares the lighter colour is first, so that the order depends on colours alone.
    order = sorted(range(len(rgb)), key=lambda at: (-fractions[at], *(-int(v) for v in rgb[at])))
    rgb, fractions = rgb[order], fractions[order]
    lab = rgb_to_lab(rgb)
    swatches = tuple(
        Swatch(
            hex=rgb_to_hex(color),
            rgb=(int(color[0]), int(color[1]), int(color[2])),
            lab=(float(position[0]), float(position[1]), float(position[2])),
            fraction=float(fraction),
            name=name,
            term=basic_term(position),
        )
        for color, position, fraction, name in zip(
            rgb, lab, fractions, nearest_names(lab), strict=True
        )
    )
    return Palette(swatches)
