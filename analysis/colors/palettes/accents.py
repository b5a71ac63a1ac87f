"""Accents: small areas of a vivid colour that is like no other in the image.

A red sail on a gray sea covers half a percent, which no palette by area shows. An accent is a
colour of high chroma, far from the colours by area, around which enough of the image lies close
together. Noise is vivid too, but thin: there is more of it around than within.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from analysis.colors.conversion import Floats
from analysis.colors.difference import ciede2000
from analysis.colors.palettes.tones import Tones, dominant_colors, squared_distances

ACCENT_SHARE = 0.002
"""Least share of the image in an accent."""
ACCENT_CHROMA = 30.0
"""Least chroma (L*a*b*) of an accent …"""
ACCENT_CONTRAST = 1.6
"""… and least multiple of the image's mean chroma."""
ACCENT_DELTA_E = 20.0
"""Least difference (CIEDE2000) between an accent and every other colour of the palette."""
ACCENT_RADIUS = 10.0
"""What is this near to the densest point of an accent (Euclidean in L*a*b*) is its core."""
MOST_AROUND = 1.0
"""Most that lies around that core, up to twice its radius, as a multiple of what lies within."""
CANDIDATES = 64
"""Tones that are looked at as accents, the fullest first."""


def with_accents(palette: Tones, image: Tones, k: int) -> Tones:
    """Give the accents of an image, all its tones, places among the `k` of its palette.

    Accents take at most half of the places, the densest first. Where none are free, colours of the
    palette that are most alike are joined. A palette that lacks no accent is returned as it is.
    """
    vivid = max(ACCENT_CHROMA, ACCENT_CONTRAST * float(image.shares @ _chroma(image)))
    labels = _find_accents(palette, image, vivid, k // 2)
    accent = labels >= 0
    if not accent.any():
        return palette
    inside = Tones(image.lab[accent], image.shares[accent])
    accents = dominant_colors(inside, labels[accent])
    # What is an accent now counted with the nearest colour until now.
    former = squared_distances(inside.lab, palette.lab).argmin(axis=1)
    left = palette.shares - np.bincount(former, inside.shares, len(palette))
    others = Tones(palette.lab[left > 0.0], left[left > 0.0])
    while len(others) + len(accents) > k:
        others = _joined(others, vivid)
    shares = np.append(others.shares, accents.shares)
    return Tones(np.vstack([others.lab, accents.lab]), shares / shares.sum())


def _chroma(tones: Tones) -> Floats:
    chroma: Floats = np.hypot(tones.lab[:, 1], tones.lab[:, 2])
    return chroma


def _find_accents(palette: Tones, image: Tones, vivid: float, most: int) -> npt.NDArray[np.intp]:
    """Return which accent, from 0 to `most` - 1, each of the image's tones belongs to; else -1."""
    labels = np.full(len(image), -1, dtype=np.intp)
    left = np.flatnonzero(_chroma(image) >= vivid)
    apart = ciede2000(image.lab[left, np.newaxis], palette.lab).min(axis=1)
    left = left[apart >= ACCENT_DELTA_E]
    for accent in range(most):
        centre = _densest(image, left)
        if centre is None:
            break
        near = ciede2000(image.lab[left], image.lab[centre]) < ACCENT_DELTA_E
        labels[left[near]] = accent
        left = left[~near]
    return labels


def _densest(image: Tones, left: npt.NDArray[np.intp]) -> int | None:
    """Return the one of the tones `left` around which most of the image lies.

    None where too little lies around any, or more around its core than within.
    """
    candidates = left[np.argsort(-image.shares[left], kind="stable")[:CANDIDATES]]
    distances = squared_distances(image.lab[candidates], image.lab)
    within = (distances <= ACCENT_RADIUS**2) @ image.shares
    around = (distances <= (2.0 * ACCENT_RADIUS) ** 2) @ image.shares - within
    accents = (within >= ACCENT_SHARE) & (around <= MOST_AROUND * within)
    if not accents.any():
        return None
    return int(candidates[np.where(accents, within, 0.0).argmax()])


def _joined(tones: Tones, vivid: float) -> Tones:
    """Let one colour go, of the pair whose union changes the image least, to the other.

    The change is that of J. H. Ward, "Hierarchical grouping to optimize an objective function"
    (1963), with CIEDE2000 as the distance. Vivid colours stay as long as there are others: one
    accent is not to cost another.
    """
    shares = tones.shares
    apart = ciede2000(tones.lab[:, np.newaxis], tones.lab)
    weights = np.multiply.outer(shares, shares) / np.add.outer(shares, shares)
    # Rows are what goes, columns where to: from the smaller to the larger.
    change = np.where(shares[:, np.newaxis] <= shares, weights * apart**2, np.inf)
    np.fill_diagonal(change, np.inf)
    if (dull := _chroma(tones) < vivid).any() and np.isfinite(change[dull]).any():
        change[~dull] = np.inf
    lost, kept = np.unravel_index(change.argmin(), change.shape)
    joined = shares.copy()
    joined[kept] += joined[lost]
    return Tones(np.delete(tones.lab, lost, axis=0), np.delete(joined, lost))
