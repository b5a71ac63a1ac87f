"""Clusters by density: as many colours as the image has dense regions in CIE L*a*b*.

M. Ester, H.-P. Kriegel, J. Sander, X. Xu, "A density-based algorithm for discovering clusters in
large spatial databases with noise" (1996), on the cells of a histogram instead of its pixels: a
cell weighs as much as it holds.
"""

from __future__ import annotations

import numpy as np

from analysis.colors.palettes.histogram import Cells
from analysis.colors.palettes.tones import Tones, dominant_colors

REACH = 3.5
"""DBSCAN's eps: colours this near (Euclidean in L*a*b*) are neighbours."""
CORE_SHARE = 0.02
"""Share of the image within reach that makes a colour part of a dense region."""
MOST_REGIONS = 64
"""Dense regions that are kept apart at most, the largest."""
MOST_CELLS = 4096
"""Cells that are clustered at most; coarse ones, at twice the reach, where noise occupies more."""


def cluster_by_density(cells: Cells) -> Tones:
    """Return the colours of an image's dense regions; the shares add up to 1.

    What lies in no dense region counts with the nearest. Where nothing is dense enough, as in
    noise, the share that a dense region needs is halved until something is.
    """
    # These take half a second to import, which k-means is spared.
    from scipy.spatial import KDTree
    from sklearn.cluster import DBSCAN

    tones, reach = cells.tones, REACH
    if len(tones) > MOST_CELLS:
        tones, reach = cells.coarse, 2.0 * REACH
    pixels = np.rint(tones.shares * cells.total)
    needed = max(1, round(CORE_SHARE * cells.total))
    while True:
        labels = DBSCAN(eps=reach, min_samples=needed).fit_predict(tones.lab, sample_weight=pixels)
        if labels.max() >= 0:
            break
        needed = max(1, needed // 2)
    inside = labels >= 0
    held = np.bincount(labels[inside], pixels[inside])
    inside &= np.isin(labels, np.argsort(-held, kind="stable")[:MOST_REGIONS])
    _, nearest = KDTree(tones.lab[inside]).query(tones.lab)
    return dominant_colors(tones, labels[inside][nearest])
