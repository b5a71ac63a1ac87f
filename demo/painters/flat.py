"""Flat styles: the layout filled with the palette, and nothing else."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from demo.catalogue import Work
from demo.layouts import indices
from demo.styles import STYLES


def paint(work: Work, width: int, height: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Palette indices `(h, w)` and the palette itself, `(n, 3)` RGB."""
    roles = STYLES[work.style].roles
    scheme = work.scheme
    # A role too small to be listed in the truth takes the ground's colour.
    codes = [scheme.get(role, work.palette[0].hex) for role in roles]
    palette = [[int(code[at : at + 2], 16) for at in (1, 3, 5)] for code in codes]
    found = indices(work.motif, work.paint_seed, width, height, len(roles))
    return found, np.array(palette, dtype=np.uint8)
