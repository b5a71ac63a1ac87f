"""Palettes of three colours on 224 × 224 pixels, beside scikit-learn's k-means over all of them.

Decoding is not counted. Both begin with sRGB bytes; k-means works on L*a*b*, 32-bit floats, which
OpenCV makes in less than a millisecond (counted). Colours are compared with those of k-means with
ten starts: the assignment with the least sum of CIEDE2000 differences, weighted by the shares of
k-means; where a way found fewer colours, those left over count with the nearest.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeAlias

import cv2
import numpy as np
from PIL import Image
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans

from analysis.colors.conversion import Floats, rgb_to_lab
from analysis.colors.difference import ciede2000
from analysis.colors.palette import extract_palette
from analysis.jobs import RGB
from benchmarks.analysing.clock import cpu_seconds_each, in_turn, medians, one_thread
from benchmarks.analysing.figures import Figure, Section
from benchmarks.analysing.pictures import Pictures, pictures, square

COLORS = 3
SIDE = 224

Colors: TypeAlias = tuple[Floats, Floats]
"""Colours (k, 3) in CIE L*a*b* and their shares (k,)."""


def ours(rgb: RGB) -> Colors:
    """Find them as `artworks colors` does."""
    swatches = extract_palette(rgb, COLORS).swatches
    return np.array([swatch.lab for swatch in swatches]), np.array(
        [swatch.fraction for swatch in swatches]
    )


def k_means(rgb: RGB, *, starts: int, seed: int = 0, side: int = SIDE) -> Colors:
    """Find them with scikit-learn, over all pixels of the image or of a smaller one."""
    small = rgb if side == SIDE else square(rgb, side)
    lab = cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_RGB2Lab).reshape(-1, 3)
    found = KMeans(COLORS, n_init=starts, random_state=seed).fit(lab)
    shares = np.bincount(found.labels_, minlength=COLORS) / len(lab)
    return found.cluster_centers_.astype(np.float64), shares


def pillow(rgb: RGB, method: Image.Quantize) -> Colors:
    """Find them with Pillow's quantization."""
    reduced = Image.fromarray(rgb).quantize(COLORS, method)
    counts = np.bincount(np.asarray(reduced).ravel())
    table = np.array(reduced.getpalette(), dtype=np.uint8).reshape(-1, 3)[: len(counts)]
    return rgb_to_lab(table[counts > 0]), counts[counts > 0] / counts.sum()


WAYS: Mapping[str, tuple[str, Callable[[RGB], Colors]]] = {
    "ours": ("artworks", ours),
    "n_init_1": ("scikit-learn KMeans, n_init=1", partial(k_means, starts=1, seed=1)),
    "n_init_10": ("scikit-learn KMeans, n_init=10", partial(k_means, starts=10)),
    "small": ("… n_init=10 on 64 × 64", partial(k_means, starts=10, side=64)),
    "median_cut": ("Pillow, median cut", partial(pillow, method=Image.Quantize.MEDIANCUT)),
    "octree": ("Pillow, fast octree", partial(pillow, method=Image.Quantize.FASTOCTREE)),
}


def measure(images: int = 48, rounds: int = 3, found: Pictures | None = None) -> Section:
    """Find the colours of `images` pictures `rounds` times in every way, in turn."""
    found = found or pictures(images)
    squares = [square(pixels, SIDE) for pixels in found.pixels]
    seconds: dict[str, list[float]] = {name: [] for name in WAYS}
    differences: dict[str, list[float]] = {name: [] for name in WAYS}
    with one_thread():
        ours(squares[0])
        for rgb in squares:
            colors: dict[str, Colors] = {}
            works = {
                name: partial(_kept, colors, name, way, rgb) for name, (_, way) in WAYS.items()
            }
            for name, took in medians(in_turn(works, rounds, cpu_seconds_each)).items():
                seconds[name].append(took)
            for name in WAYS:
                differences[name].append(matched_difference(colors["n_init_10"], colors[name]))
    milliseconds = {name: value * 1000 for name, value in medians(seconds).items()}
    difference = {name: statistics.fmean(values) for name, values in differences.items()}
    title = (
        f"Palettes of {COLORS} colours on {SIDE} × {SIDE}: {len(squares)} {found.source}, "
        f"{rounds} rounds, one core"
    )
    figures = [
        Figure("ratio_palette_n_init_10", "artworks beside KMeans n_init=10, speed",
               milliseconds["n_init_10"] / milliseconds["ours"], "×", least=30),
        Figure("ratio_palette_n_init_1", "artworks beside KMeans n_init=1, speed",
               milliseconds["n_init_1"] / milliseconds["ours"], "×", least=5),
        Figure("palette_delta_e", "difference to n_init=10, mean", difference["ours"],
               "CIEDE2000", most=1.5),
        Figure("palette_delta_e_median", "… median", statistics.median(differences["ours"]),
               "CIEDE2000"),
        Figure("palette_delta_e_largest", "… largest", max(differences["ours"]), "CIEDE2000"),
    ]  # fmt: skip
    for name, (label, _) in WAYS.items():
        figures.append(Figure(f"palette_{name}_ms", label, milliseconds[name], "ms"))
        if name not in ("ours", "n_init_10"):
            figures.append(
                Figure(f"palette_{name}_delta_e", "… difference", difference[name], "CIEDE2000")
            )
    return Section(title, tuple(figures))


def _kept(colors: dict[str, Colors], name: str, way: Callable[[RGB], Colors], rgb: RGB) -> None:
    colors[name] = way(rgb)


def matched_difference(wanted: Colors, found: Colors) -> float:
    """Return how far `found` is from `wanted`, CIEDE2000, weighted by the shares of `wanted`."""
    (lab, shares), (other, _) = wanted, found
    costs = ciede2000(lab[:, np.newaxis], other)
    rows, columns = linear_sum_assignment(costs)
    nearest = costs.min(axis=1)
    nearest[rows] = costs[rows, columns]
    return float(nearest @ shares / shares.sum())
