"""Which examples an epoch sees: rare labels as often as frequent ones, where that is asked for.

Weighting every image by how seldom it is labelled at all changes nothing: what is weighted is how
seldom each of its labels is.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from analysis.evaluation.relevance import Numbers
from analysis.labels.dataset import Targets
from analysis.labels.task import Balance

Weights: TypeAlias = npt.NDArray[np.float64]

FARTHEST: Final = 3.0
"""How many times a label may count more, or less, than 1 / frequency, to even out what comes
together. Without a bound, one image with a rare label beside a frequent one would be all that is
drawn; of the museum's categories, labels are drawn 0.87 to 1.20 times as often as their mean with
3, and 0.73 to 1.38 times with 1."""
ROUNDS: Final = 50
CLOSE: Final = 1e-4


def balanced_weights(targets: Targets) -> Weights:
    """Return how likely each image is drawn, (n,) adding up to 1, for labels to be drawn alike.

    With one label an image, it is 1 / frequency of the label, and labels are drawn alike. With
    several, it is the mean over the image's labels of 1 / frequency, where the frequency is
    corrected (at most FARTHEST times) for how often a label is drawn for the sake of others. An
    image without any label is as likely as the least likely one that has some.
    """
    said = targets.astype(np.float64)
    count = np.maximum(said.sum(axis=1), 1.0)
    frequency = said.sum(axis=0)
    seen = frequency > 0
    worth = np.divide(1.0, frequency, where=seen, out=np.zeros_like(frequency))
    correction = np.ones_like(worth)
    for _ in range(ROUNDS if (count > 1).any() else 0):
        drawn = (said @ (worth * correction) / count) @ said
        even = np.divide(drawn[seen].mean(), drawn, where=seen, out=np.ones_like(drawn))
        corrected = np.clip(correction * even, 1 / FARTHEST, FARTHEST)
        done = np.abs(corrected - correction).max() < CLOSE
        correction = corrected
        if done:
            break
    weights = said @ (worth * correction) / count
    some = weights[weights > 0]
    weights[weights == 0] = some.min() if some.size else 1.0
    return np.asarray(weights / weights.sum())


def draw_epoch(
    targets: Targets, places: Numbers, balance: Balance, rng: np.random.Generator
) -> Numbers:
    """Return the places that an epoch goes through, in order; as many as there are.

    With `sampling`, images are drawn by `balanced_weights`, systematically: each comes up as often
    as it should to within one time, and so does each label of images that have one. Otherwise
    every image comes up once.

    Args:
        targets: (n, classes) of the whole dataset.
        places: (m,) images that are learned from.
        balance: see `Balance`.
        rng: draws; a generator of its own for each epoch makes epochs differ, and repeatable.
    """
    if balance != "sampling":
        return rng.permutation(places)
    order = rng.permutation(len(places))
    chosen = targets[places]
    # Those with the same labels lie together, so that steps of one length meet each label often
    # enough.
    order = order[np.lexsort(chosen[order].T)]
    edges = np.cumsum(balanced_weights(chosen)[order])
    steps = (np.arange(len(places)) + rng.random()) / len(places) * edges[-1]
    drawn = order[np.searchsorted(edges, steps, side="right").clip(max=len(places) - 1)]
    return rng.permutation(places[drawn])


def class_weights(targets: Targets) -> Weights:
    """Return how much an error in each class weighs, (classes,): n / (classes · frequency).

    King and Zeng, "Logistic Regression in Rare Events Data", 2001, as scikit-learn's `balanced`
    has it: over all images, the mean is 1 where each has one label. A class without an image
    weighs nothing.
    """
    frequency = targets.sum(axis=0, dtype=np.float64)
    weights = np.divide(
        len(targets),
        frequency * targets.shape[1],
        where=frequency > 0,
        out=np.zeros_like(frequency),
    )
    return np.asarray(weights)
