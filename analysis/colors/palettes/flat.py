"""Flat colours: prints, posters and hard-edged painting, where sharp peaks are the palette.

What compression and smoothing leave along the borders belongs to no peak and is no colour of its
own; it counts with the colour that it is nearest to.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from analysis.colors.conversion import Floats, rgb_to_lab
from analysis.colors.palettes.blends import are_blends, is_spill
from analysis.colors.palettes.histogram import Cells
from analysis.colors.palettes.tones import Tones, squared_distances

CORE_RADIUS = 3.0
"""Pixels this near to a peak of the histogram (Euclidean in L*a*b*) belong to it."""
FLAT_VARIANCE = 36.0
"""Most that pixels in the heart of a peak vary: summed over channels, in squared levels of 255."""
HEART_FLOOR = 0.15
"""A cell counts to the heart of a peak from this multiple of the peak's fullest cell on …"""
HEART_SHARE = 0.5
"""… and the heart holds at least this share of the peak."""
SMALLEST_PEAK = 0.005
"""Least share of the image that makes a flat colour."""
FLAT_SHARE = 0.6
"""Least share of an image of flat colours that lies in their peaks …"""
STRAY_SHARE = 0.02
"""… and the most that is neither in a peak nor a blend of two."""
BORDER_SHARE = 0.02
"""A peak below this share that is a blend of two larger ones is their border, no colour."""
SPILL_VARIANCE = 1.0
"""What varies less is as it was painted, and no spill."""
MOST_COLORS = 8
"""An image of more colours than this is not described by its largest few, however flat it is."""
SHADE_REACH = 5.0
"""A colour this near to a larger one (Euclidean in L*a*b*) is a shade of it …"""
MOST_SHADES = 2
"""… and where there are more shades than this, they are steps of a gradient."""
FEW_CELLS = 32
"""The fullest cells, which hold as much as peaks do if the image is one of flat colours."""
PEAK_CANDIDATES = 64
"""Cells that are looked at as peaks, the fullest first."""

Mask = npt.NDArray[np.bool_]


def find_flat_colors(cells: Cells) -> Tones | None:
    """Return the flat colours that an image consists of; None where it does not.

    Every pixel counts with the colour that it is nearest to in sRGB, so the shares add up to 1.
    """
    peaks = _likely_peaks(cells)
    if peaks is None:
        return None
    candidates, core, heart = peaks
    counts, total = cells.counts, cells.total
    free = np.ones(len(candidates), dtype=bool)
    stray = np.ones(len(counts), dtype=bool)
    colors: list[Floats] = []
    shares: list[float] = []
    variances: list[float] = []
    for at in range(len(candidates)):
        mine, dense = core[at] & stray, heart[at] & stray
        pixels, inner = counts[mine].sum(), counts[dense].sum()
        if not free[at] or pixels < SMALLEST_PEAK * total or inner < HEART_SHARE * pixels:
            continue
        color = cells.sums[dense].sum(axis=0) / inner
        variance = cells.squares[dense].sum() / inner - color @ color
        if variance > FLAT_VARIANCE:
            continue
        stray &= ~mine
        free &= ~core[at, candidates]
        if pixels < BORDER_SHARE * total and are_blends(color[np.newaxis], np.array(colors)).all():
            continue
        colors.append(color)
        shares.append(pixels / total)
        variances.append(variance)
    if sum(shares) < FLAT_SHARE:
        return None
    order = np.argsort(-np.array(shares), kind="stable")
    palette = _without_spills(np.array(colors)[order], np.array(variances)[order])
    if len(palette) > MOST_COLORS or _count_shades(palette) > MOST_SHADES:
        return None
    strange = stray.copy()
    strange[stray] = ~are_blends(cells.rgb[stray], palette)
    if counts[strange].sum() > STRAY_SHARE * total:
        return None
    nearest = squared_distances(cells.rgb, palette).argmin(axis=1)
    held = np.bincount(nearest, counts, len(palette))
    return Tones(rgb_to_lab(palette[held > 0.0]), held[held > 0.0] / total)


def _without_spills(colors: Floats, variances: Floats) -> Floats:
    """Leave out those of `colors` (p, 3), the largest first, that larger ones explain as spills."""
    kept = [
        at
        for at in range(len(colors))
        if variances[at] < SPILL_VARIANCE or not is_spill(colors[at], colors[:at])
    ]
    return colors[kept]


def _count_shades(colors: Floats) -> int:
    """Count the colours (p, 3), the largest first, that are near to a larger one."""
    lab = rgb_to_lab(colors)
    near = np.tril(squared_distances(lab, lab) < SHADE_REACH**2, -1)
    return int(near.any(axis=1).sum())


def _likely_peaks(cells: Cells) -> tuple[npt.NDArray[np.intp], Mask, Mask] | None:
    """Return the cells (p,) that may be peaks, the fullest first, their cores and hearts (p, m).

    None where all of them together hold too little: so it is with most paintings and photographs,
    which are told apart here without a look at their pixels.
    """
    counts, lab = cells.counts, cells.tones.lab
    few = min(FEW_CELLS, len(counts))
    if np.partition(counts, -few)[-few:].sum() < FLAT_SHARE * cells.total:
        return None
    candidates = np.argsort(-counts, kind="stable")[:PEAK_CANDIDATES]
    least = HEART_FLOOR * counts[candidates]
    full = np.flatnonzero(counts >= least[-1])
    heart = np.zeros((len(candidates), len(counts)), dtype=bool)
    reached = squared_distances(lab[candidates], lab[full]) <= CORE_RADIUS**2
    reached &= counts[full] >= least[:, np.newaxis]
    heart[:, full] = reached
    held = reached.astype(np.float64) * counts[full]
    core = squared_distances(lab[candidates], lab) <= CORE_RADIUS**2
    # What varies from cell to cell is less than the variance that counts; most images fail that.
    rgb = cells.rgb[full]
    sharp = _variances(held, rgb, np.einsum("ij,ij->i", rgb, rgb)) <= FLAT_VARIANCE
    if not _hold_enough(cells, core[sharp]):
        return None
    sharp &= _variances(held, rgb, cells.squares[full] / counts[full]) <= FLAT_VARIANCE
    if not _hold_enough(cells, core[sharp]):
        return None
    return candidates[sharp], core[sharp], heart[sharp]


def _variances(held: Floats, rgb: Floats, squares: Floats) -> Floats:
    """Variance of the colours of each peak, (p,), that holds so many pixels of each cell (p, m).

    `squares` (m,) are the cells' means of r² + g² + b², or the squares of their means.
    """
    pixels = held.sum(axis=1)
    means = (held @ rgb) / pixels[:, np.newaxis]
    variances: Floats = held @ squares / pixels - (means**2).sum(axis=1)
    return variances


def _hold_enough(cells: Cells, core: Mask) -> bool:
    return bool(cells.counts[core.any(axis=0)].sum() >= FLAT_SHARE * cells.total)
