"""The layers on top of a network that learn what is to be told. Needs TensorFlow."""

from __future__ import annotations

from typing import Any

from analysis.labels.networks.precision import Precision, computing_with, seeded
from analysis.labels.networks.recipes import TransferRecipe


def build_head(
    recipe: TransferRecipe, dimensions: int, classes: int, *, seed: int, precision: Precision
) -> Any:
    """Return a `keras.Sequential`: (b, d) float32, scaled by √d, in; (b, classes) scores out.

    The same seed gives the same weights, and the same dropout.
    """
    keras = seeded(seed)
    size = keras.regularizers.L1L2(l1=recipe.l1, l2=recipe.l2)
    layers: list[Any] = [keras.Input((dimensions,))]
    with computing_with(precision):
        for width in recipe.hidden:
            layers += [
                keras.layers.Dropout(recipe.dropout),
                keras.layers.Dense(width, kernel_regularizer=size),
            ]
            if recipe.batch_norm:
                # An epoch may be a few steps long: with 0.99, means would lag behind by several.
                layers.append(keras.layers.BatchNormalization(momentum=0.9))
            layers.append(keras.layers.ReLU())
        layers += [
            keras.layers.Dropout(recipe.dropout),
            # Scores have to be exact to a few digits more than 16 bits have.
            keras.layers.Dense(classes, kernel_regularizer=size, dtype="float32"),
        ]
        return keras.Sequential(layers)
