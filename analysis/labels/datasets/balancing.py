"""Which labels, and which of their images, make a dataset: rare ones are dropped, large ones cut.

Images are rows in the order of their sha256, so that the first of some are a sample as good as a
random one, and the same after another crawl.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from analysis.evaluation.relevance import Numbers
from analysis.labels.dataset import DatasetQuery

Chosen = npt.NDArray[np.bool_]

SEVERAL_LABELS: Final = "several_labels"
SEVERAL_PERIODS: Final = "several_periods"
NO_LABEL_LEFT: Final = "no_label_left"
SMALL_CLASSES: Final = "small_classes"
NOT_AMONG_TOP: Final = "not_among_top"
UNDERSAMPLED: Final = "undersampled"
BEYOND_MOST: Final = "beyond_most"
"""Why images that were found are not learned from."""


@dataclass(frozen=True)
class Balanced:
    """What stays of images and labels."""

    rows: Numbers
    """Places of images, ascending."""
    columns: Numbers
    """Places of labels, ascending."""
    left_out: Mapping[str, int]
    """Images that do not stay, by reason."""


def balance(
    query: DatasetQuery, said: csr_array, names: Sequence[str], groups: Numbers
) -> Balanced:
    """Choose labels with enough images, and images with such labels, as a query asks for them.

    Args:
        query: min_support, top, undersample and most count.
        said: (n, labels), not zero where an image has a label; one in each row of single labels.
        names: of the labels.
        groups: (n,) images of one group look the same.
    """
    rows, columns = np.arange(said.shape[0]), np.arange(len(names))
    left_out: Counter[str] = Counter()

    def keep(labels: Chosen, reason: str) -> None:
        nonlocal rows, columns
        columns = columns[labels]
        told = np.diff(said[rows][:, columns].indptr) > 0
        left_out[reason if query.mode == "single" else NO_LABEL_LEFT] += int((~told).sum())
        rows = rows[told]

    def counts() -> Numbers:
        return support(said[rows][:, columns], groups[rows])

    keep(counts() >= query.min_support, SMALL_CLASSES)
    if query.top is not None and len(columns) > query.top:
        keep(frequent(counts(), [names[at] for at in columns.tolist()], query.top), NOT_AMONG_TOP)
    if query.undersample is not None and len(rows):
        stay = undersampled(said[rows][:, columns].indices.astype(np.int64), query.undersample)
        left_out[UNDERSAMPLED] += int((~stay).sum())
        rows = rows[stay]
    if len(rows) > query.most:
        left_out[BEYOND_MOST] += len(rows) - query.most
        rows = rows[: query.most]
    # A sample has less of everything.
    keep(counts() >= query.min_support, SMALL_CLASSES)
    return Balanced(rows, columns, left_out)


def support(said: csr_array, groups: Numbers) -> Numbers:
    """Return how many groups of look-alikes each label has, (labels,).

    Args:
        said: (n, labels), not zero where an image has a label.
        groups: (n,) images of one group look the same, and count once.
    """
    places = said.tocoo()
    pairs = np.unique(np.stack((groups[places.row], places.col)), axis=1)
    counts: Numbers = np.bincount(pairs[1], minlength=said.shape[1]).astype(np.int64)
    return counts


def frequent(counts: Numbers, names: Sequence[str], top: int) -> Chosen:
    """Tell which labels are the `top` with most groups; of equal ones, the first by name."""
    order = sorted(range(len(names)), key=lambda at: (-int(counts[at]), names[at]))
    chosen = np.zeros(len(names), np.bool_)
    chosen[order[:top]] = True
    return chosen


def undersampled(labels: Numbers, ratio: float) -> Chosen:
    """Tell which images stay, (n,): of each class the first, `ratio` × the smallest class at most.

    `labels`, (n,), is the class of each image; every class has at least one.
    """
    sizes = np.unique(labels, return_counts=True)[1]
    most = int(ratio * sizes.min())
    chosen = np.zeros(len(labels), np.bool_)
    for label in np.unique(labels):
        chosen[np.flatnonzero(labels == label)[:most]] = True
    return chosen
