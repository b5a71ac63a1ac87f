"""Fitting a projection with Keras: two dense layers over embeddings that stay as they are.

The numbers of an embedding of length 1 are small (1/√d on average); they are multiplied by √d, so
that all networks are learned from alike, and the factor ends up in the first layer's weights.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.embeddings.quiet import tensorflow
from analysis.embeddings.stored import Vectors
from analysis.evaluation.relevance import Labels, term_matrix
from analysis.evaluation.retrieval import by_cosine, judge
from analysis.similarity.learned.losses import DEFAULT_LOSS, LOSSES
from analysis.similarity.learned.projection import Projection

Progress = Callable[[int, int], None]
"""Called with epochs done and the most that there may be."""


DEFAULT_KEEP = 0.7
"""On 1,216 paintings, held-out NDCG@10 by genre and style: embedding 0.677, projection alone 0.784,
0.7 of the embedding kept 0.774. Copies cut to 80 % that came first: 88, 35 and 82 in 100."""
LEAST_STEPS = 4
"""Steps of an epoch, at least, …"""
LEAST_IN_BATCH = 32
"""… unless batches would be smaller than this: in few images, hardly any belong together."""


@dataclass(frozen=True)
class Recipe:
    """How a projection is fitted; see docs/evaluation.md."""

    loss: str = DEFAULT_LOSS
    keep: float = DEFAULT_KEEP
    """Weight of the embedding itself in the likeness of two works, 0 to 1."""
    hidden: int = 256
    dimensions: int = 128
    """Numbers that are learned; with the embedding kept, those of the embedding come before."""
    dropout: float = 0.3
    weight_decay: float = 1e-4
    learning_rate: float = 1e-3
    most_epochs: int = 60
    patience: int = 8
    """Epochs without a better validation before it stops."""

    @property
    def most_in_batch(self) -> int:
        """Images whose pairs are looked at together, at most."""
        return LOSSES[self.loss][1]

    def batch(self, images: int) -> int:
        """Return the same for so many images: few of them are still seen in several steps."""
        return min(self.most_in_batch, max(LEAST_IN_BATCH, images // LEAST_STEPS))

    def as_dict(self) -> dict[str, Any]:
        """Return this for JSON."""
        return {**asdict(self), "batch": self.most_in_batch}


@dataclass(frozen=True)
class Fit:
    """What was fitted, and how it went."""

    projection: Projection
    epochs: int
    """After which the weights are taken."""
    validation: tuple[float, ...]
    """NDCG@10 on the validation part after each epoch."""


def fit_projection(
    recipe: Recipe,
    train: tuple[Labels, Vectors],
    validation: tuple[Labels, Vectors],
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> Fit:
    """Fit a projection to images that share terms, and stop where validation gets no better.

    The same input and seed give the same weights on the same machine: the generators of Python,
    NumPy and TensorFlow are seeded, and TensorFlow is kept to deterministic operations in this
    process from then on. Raises NetworkUnavailable where TensorFlow is not installed.
    """
    tf = tensorflow()
    import keras

    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
    labels, vectors = train
    scale = float(np.sqrt(vectors.shape[1]))
    taught, kinds = _targets(labels)
    loss, _ = LOSSES[recipe.loss]

    model = _model(recipe, vectors.shape[1])
    model.compile(
        optimizer=keras.optimizers.Adam(recipe.learning_rate),
        loss=lambda targets, found: loss(_near(targets, kinds), found),
    )
    seen, heard = validation

    class Watch(keras.callbacks.Callback):  # type: ignore[misc]
        """Measures each epoch by what counts, where others stop by it."""

        def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
            found = by_cosine(_projection(model, scale).project(heard))
            ndcg = judge(found, seen).measures["ndcg"]
            if logs is not None:
                logs["ndcg"] = float(ndcg.mean()) if len(ndcg) else 0.0
            if progress is not None:
                progress(epoch + 1, recipe.most_epochs)

    history = model.fit(
        vectors * np.float32(scale),
        taught,
        batch_size=recipe.batch(len(labels)),
        epochs=recipe.most_epochs,
        shuffle=True,
        verbose=0,
        callbacks=[
            Watch(),
            keras.callbacks.EarlyStopping(
                monitor="ndcg", mode="max", patience=recipe.patience, restore_best_weights=True
            ),
        ],
    ).history["ndcg"]
    if progress is not None:
        progress(recipe.most_epochs, recipe.most_epochs)
    projection = replace(_projection(model, scale), keep=recipe.keep)
    return Fit(projection, int(np.argmax(history)) + 1, tuple(history))


def _model(recipe: Recipe, inputs: int) -> Any:
    import keras

    decay = keras.regularizers.L2(recipe.weight_decay)
    return keras.Sequential(
        [
            keras.Input((inputs,)),
            keras.layers.Dropout(recipe.dropout),
            keras.layers.Dense(recipe.hidden, activation="relu", kernel_regularizer=decay),
            keras.layers.Dropout(recipe.dropout),
            keras.layers.Dense(recipe.dimensions, kernel_regularizer=decay),
            keras.layers.UnitNormalization(),
        ]
    )


def _targets(labels: Labels) -> tuple[npt.NDArray[np.float32], Mapping[str, slice]]:
    """Return (n, terms + 1): 1 for each term of an image, kind after kind, and its group."""
    parts, kinds, reached = [], {}, 0
    for kind, names in labels.terms.items():
        matrix = term_matrix(names).toarray()
        kinds[kind] = slice(reached, reached + matrix.shape[1])
        reached += matrix.shape[1]
        parts.append(matrix)
    # Numbered anew from 0: as float32, group numbers are exact up to 16 million.
    groups = np.unique(labels.groups, return_inverse=True)[1].astype(np.float32)
    return np.concatenate([*parts, groups[:, None]], axis=1).astype(np.float32), kinds


def _near(targets: Any, kinds: Mapping[str, slice]) -> Any:
    """Return how much the images of a batch belong together: see `losses`."""
    from keras import ops

    agreeing = 0.0
    for columns in kinds.values():
        terms = targets[:, columns]
        agreeing += ops.cast(ops.matmul(terms, ops.transpose(terms)) > 0, "float32")
    group = targets[:, -1]
    same = ops.cast(ops.equal(group[:, None], group[None, :]), "float32")
    near = ops.maximum(agreeing / len(kinds), same)
    return near * (1 - ops.eye(ops.shape(targets)[0]))


def _projection(model: Any, scale: float) -> Projection:
    weights = [np.asarray(one, np.float32) for one in model.get_weights()]
    first, *others = weights[::2]
    return Projection((first * np.float32(scale), *others), tuple(weights[1::2]))
