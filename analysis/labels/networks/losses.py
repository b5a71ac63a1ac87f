"""What networks are taught by, of scores before the softmax or the sigmoid.

Weights against classes of unequal size are those of `class_weights` for single labels: an image
counts as much as its class weighs. Of several labels, each positive counts as often as there are
negatives to it (`positive_weights`), and negatives count once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.special import log_softmax

from analysis.labels.dataset import Targets
from analysis.labels.heads import Mode
from analysis.labels.networks.sampling import class_weights
from analysis.labels.scorer import Logits
from analysis.labels.task import Balance

Weights: TypeAlias = npt.NDArray[np.float32]
"""(classes,); ones where nothing is balanced."""
Loss: TypeAlias = Callable[[Any, Any], Any]
"""Targets and scores of a batch, both (b, classes) → the mean over the batch (Keras operations)."""

MOST: Final = 100.0
"""A positive counts at most as often: one image of a class is not to outvote all others."""


def balancing_weights(targets: Targets, mode: Mode, balance: Balance) -> Weights:
    """Return what each class weighs in the loss that teaches: ones unless weights balance it."""
    if balance != "weights":
        return np.ones(targets.shape[1], np.float32)
    return _weights(targets, mode)


def judging_weights(targets: Targets, mode: Mode, balance: Balance) -> Weights:
    """Return what each class weighs in the loss on validation.

    Where rare classes were drawn more often, they count more there too: what is looked for is the
    epoch that did best by what was taught.
    """
    if balance == "none":
        return np.ones(targets.shape[1], np.float32)
    return _weights(targets, mode)


def positive_weights(targets: Targets) -> Weights:
    """Return negatives per positive of each class, (classes,) float32, 1 to MOST."""
    positive = targets.sum(axis=0, dtype=np.float64)
    found: Weights = np.clip((len(targets) - positive) / np.maximum(positive, 1), 1, MOST).astype(
        np.float32
    )
    return found


def teaching_loss(mode: Mode, weights: Weights, smoothing: float) -> Loss:
    """Return cross-entropy in Keras operations; smoothing is for single labels only."""
    from keras import ops

    if mode == "multi":

        def several(targets: Any, scores: Any) -> Any:
            missed = ops.softplus(-scores) * weights
            return ops.mean(targets * missed + (1 - targets) * ops.softplus(scores))

        return several

    def one(targets: Any, scores: Any) -> Any:
        wanted = targets * (1 - smoothing) + smoothing / len(weights)
        each = -ops.sum(wanted * ops.log_softmax(scores, axis=-1), axis=-1)
        return ops.mean(ops.sum(targets * weights, axis=-1) * each)

    return one


def loss_of(scores: Logits, targets: Targets, mode: Mode, weights: Weights) -> float:
    """Return the same of an array, without smoothing: the mean by weight, nats.

    Infinite where scores are not finite.
    """
    if not np.isfinite(scores).all():
        return float("inf")
    z, y = scores.astype(np.float64), targets.astype(np.float64)
    if mode == "multi":
        each = y * weights * np.logaddexp(0, -z) + (1 - y) * np.logaddexp(0, z)
        return float(each.mean())
    own = (y * weights).sum(axis=1)
    return float((own * -(y * log_softmax(z, axis=1)).sum(axis=1)).sum() / own.sum())


def _weights(targets: Targets, mode: Mode) -> Weights:
    if mode == "multi":
        return positive_weights(targets)
    return class_weights(targets).astype(np.float32)
