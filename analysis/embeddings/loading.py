"""Keras models out of files of weights and saved models. Needs TensorFlow."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from analysis.embeddings.backbones import Backbone, Layer
from analysis.embeddings.quiet import tensorflow
from analysis.errors import NetworkUnavailable

USUAL_SIZE: Final = 224
"""Side given to models that take any."""


def load_backbone(backbone: Backbone, layer: Layer, file: Path | None) -> Any:
    """Return a `keras.Model` with the weights in `file`; with random ones where that is None.

    Raises NetworkUnavailable where the file is damaged or of another network.
    """
    tensorflow()
    import keras

    make = getattr(keras.applications, backbone.application)
    choice: dict[str, Any] = {"include_top": False}
    if layer == "logits":
        # Scores, not shares: the softmax would leave a few numbers near one and the rest at zero.
        choice = {"include_top": True, "classifier_activation": None}
    elif layer == "pooled":
        choice["pooling"] = "avg"
    shape = (backbone.size, backbone.size, 3)
    try:
        return make(weights=None if file is None else str(file), input_shape=shape, **choice)
    except (OSError, ValueError, KeyError) as error:
        raise NetworkUnavailable(
            f"the weights of {backbone.name} in {file} cannot be used: {_first_line(error)}. "
            "Delete the file, and let Keras fetch it again or copy it again."
        ) from error


def load_saved(file: Path, layer: Layer) -> Any:
    """Return a saved model, (n, s, s, 3) float32 in; a map is averaged where `layer` is pooled.

    Raises NetworkUnavailable where it is no model of one image and one output.
    """
    tensorflow()
    import keras

    try:
        model = keras.models.load_model(file, compile=False)
    except Exception as error:
        # Layers of one's own, other versions, damage: Keras raises whatever comes up.
        raise NetworkUnavailable(
            f"the saved model {file} cannot be loaded: {_first_line(error)}. Save it with "
            "`model.save` of an installed version of Keras, with Keras' own layers only."
        ) from error
    # A model that was never called, or that is a class of its own, has neither.
    inputs, outputs = getattr(model, "inputs", None) or [], getattr(model, "outputs", None) or []
    if len(inputs) != 1 or len(outputs) != 1:
        raise NetworkUnavailable(
            f"{file} has {len(inputs)} inputs and {len(outputs)} outputs: give a model that begins "
            "with one `keras.Input` of images and gives one vector or map."
        )
    taken = tuple(inputs[0].shape)
    if len(taken) != 4 or taken[3] != 3 or taken[1] != taken[2]:
        raise NetworkUnavailable(
            f"{file} takes {taken}: give a model of square images in RGB, (n, s, s, 3)."
        )
    given = tuple(outputs[0].shape)
    rank = len(given)
    if rank not in (2, 4) or (layer == "feature_map" and rank != 4):
        wanted = "a map (n, h, w, c)" if layer == "feature_map" else "(n, d) or (n, h, w, c)"
        raise NetworkUnavailable(f"{file} gives {given}: give a model that gives {wanted}.")
    size = int(taken[1] or USUAL_SIZE)
    images = keras.Input((size, size, 3), name="images")
    found = model(images)
    if layer == "pooled" and rank == 4:
        found = keras.layers.GlobalAveragePooling2D()(found)
    return keras.Model(images, found)


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__).rstrip(".")
