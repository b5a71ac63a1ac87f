"""What a projection is taught by, on the pairs of one batch (Keras operations).

`near` is (b, b) float32 between 0 and 1: how much two images belong together, which is the share of
the kinds of terms that agree, 1 for pictures that look the same; its diagonal is 0. `vectors` is
(b, d) float32 of length 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

TEMPERATURE = 0.2
"""Of the contrastive loss: lower looks at the nearest only. On the genres of 949 paintings 0.05,
0.1 and 0.2 were within 0.015 of each other, 0.2 the best."""
MARGIN = 0.2
"""Squared distance by which what belongs together is to be nearer (Schroff et al. 2015, 3.1)."""
_FAR = 1e9

Loss: TypeAlias = Callable[[Any, Any], Any]
"""`near`, `vectors` → a number."""


def contrastive(near: Any, vectors: Any) -> Any:
    """Supervised contrastive loss, L_out of Khosla et al. (2020), with graded positives.

    For each image, the mean over those it belongs to, weighted by how much, of minus the logarithm
    of their share in the softmax of all likenesses of the batch. Images that belong to nothing in
    the batch do not count.
    """
    from keras import ops

    likeness = ops.matmul(vectors, ops.transpose(vectors)) / TEMPERATURE
    likeness = likeness - _FAR * ops.eye(ops.shape(vectors)[0])
    log_share = likeness - ops.logsumexp(likeness, axis=1, keepdims=True)
    weight = ops.sum(near, axis=1)
    each = -ops.sum(near * ops.where(near > 0, log_share, 0.0), axis=1)
    counted = ops.cast(weight > 0, "float32")
    mean = ops.sum(each / ops.maximum(weight, 1e-6) * counted)
    return mean / ops.maximum(ops.sum(counted), 1.0)


def triplet(near: Any, vectors: Any) -> Any:
    """Triplet loss with the semi-hard negatives of the batch (FaceNet, Schroff et al. 2015, 3.2).

    Over all images a, those p that they belong to and those n that they do not, with
    d(a, p) < d(a, n) < d(a, p) + MARGIN: the mean of d(a, p) - d(a, n) + MARGIN, where d is the
    squared distance. Needs b³ numbers.
    """
    from keras import ops

    distance = 2 - 2 * ops.matmul(vectors, ops.transpose(vectors))
    apart = ops.cast(near <= 0, "float32") - ops.eye(ops.shape(vectors)[0])
    nearer, farther = distance[:, :, None], distance[:, None, :]
    lacking = nearer - farther + MARGIN
    semi_hard = ops.cast((farther > nearer) & (lacking > 0), "float32")
    counted = semi_hard * ops.cast(near > 0, "float32")[:, :, None] * apart[:, None, :]
    return ops.sum(lacking * counted) / ops.maximum(ops.sum(counted), 1.0)


LOSSES: Mapping[str, tuple[Loss, int]] = MappingProxyType(
    {"contrastive": (contrastive, 256), "triplet": (triplet, 128)}
)
"""Each by name, with the images of a batch."""
DEFAULT_LOSS = "contrastive"
