"""Blends: what smoothing and compression leave along the border between two colours."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from analysis.colors.conversion import Floats

BLEND_ENDS = 12
"""Colours, the largest, that others may be a blend of."""
BLEND_REACH = 10.0
"""How far a blend may lie off the two colours it is between, in levels of 255."""

SPILL_LUMA = 4.0
"""How far the luma of a spill may be from that of the colour it covers, in levels of 255."""
SPILL_REACH = 6.0
"""How far the chroma of a spill may lie off the line between two colours, in levels of 255."""
SPILL_PART = 0.6
"""How far along that line it lies at most."""

# Luma and colour differences of JPEG (ITU-T T.871), as columns.
_TO_YCC: Floats = np.array(
    [
        [0.299, -0.168736, 0.5],
        [0.587, -0.331264, -0.418688],
        [0.114, 0.5, -0.081312],
    ]
)


def are_blends(rgb: Floats, colors: Floats) -> npt.NDArray[np.bool_]:
    """Tell which of `rgb` (m, 3) lie between two of `colors` (p, 3), as pixels on a border do.

    JPEG keeps chroma more coarsely than luma, so a border pixel has a luma between the two and,
    apart from that, a chroma on the line between theirs. `colors` begin with the largest. Returns
    (m,).
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


def is_spill(rgb: Floats, colors: Floats) -> bool:
    """Tell whether `rgb` (3,) is one of `colors` (p, 3) tinted by another of them.

    JPEG keeps one value of chroma for four pixels, or for eight by eight where it is strong: along
    thin stripes and borders the luma is right and the chroma is that of both sides.
    """
    point, ends = rgb @ _TO_YCC, colors @ _TO_YCC
    for at in np.flatnonzero(np.abs(ends[:, 0] - point[0]) <= SPILL_LUMA):
        offset = point[1:] - ends[at, 1:]
        way = ends[:, 1:] - ends[at, 1:]
        length = np.maximum((way**2).sum(axis=1), 1e-9)
        along = way @ offset / length
        off_line = offset - along[:, np.newaxis] * way
        near = (off_line**2).sum(axis=1) < SPILL_REACH**2
        if (near & (along > 0.0) & (along <= SPILL_PART)).any():
            return True
    return False
