"""ResNet18 out of KerasHub, which is the library that still has it. Needs the extra `clip`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from analysis.embeddings.backbones import Layer
from analysis.embeddings.quiet import has, tensorflow
from analysis.embeddings.sources import Source
from analysis.embeddings.weights import keras_home
from analysis.errors import NetworkUnavailable

PRESET: Final = "resnet_18_imagenet"
SIZE: Final = 224
CHANNELS: Final = 512
SIDE: Final = 7
WEIGHTS: Final = "model.weights.h5"


def preset(name: str = PRESET, files: Sequence[str] = (WEIGHTS,)) -> Path | None:
    """Return the folder of a preset: a copy below KERAS_HOME, or the newest one fetched.

    A folder counts where all of `files` are in it.
    """
    home = os.environ.get("KAGGLEHUB_CACHE") or Path.home() / ".cache" / "kagglehub"
    fetched = (Path(home) / "models").glob(f"keras/*/keras/{name}/*")
    newest = sorted(fetched, key=lambda one: (len(one.name), one.name), reverse=True)
    for folder in (keras_home() / "models" / name, *newest):
        if all((folder / file).is_file() for file in files):
            return folder
    return None


def source(label: str, layer: Layer) -> Source:
    """Return ResNet18. Raises NetworkUnavailable without KerasHub, the preset, or such a layer."""
    _check_installed()
    if layer == "logits":
        raise NetworkUnavailable("resnet18 gives no logits here: choose pooled or feature_map.")
    folder = preset()
    if folder is None:
        raise NetworkUnavailable(
            f"the weights of resnet18 are not on this machine (looked for the preset {PRESET} in "
            f"{keras_home() / 'models' / PRESET} and in KaggleHub's cache): run `artworks analyze "
            "embeddings` once with internet, and KerasHub fetches them; or copy the preset into "
            "that folder; or set ARTWORKS_EMBEDDING=descriptors, which needs no weights."
        )
    return Source(
        label=label,
        name="resnet18",
        layer=layer,
        weights=folder / WEIGHTS,
        preprocessing="none",
        load=partial(load, str(folder), layer),
        size=SIZE,
        shape=(SIDE, SIDE, CHANNELS) if layer == "feature_map" else (CHANNELS,),
    )


def load(folder: str, layer: Layer) -> Any:
    """Return the `keras.Model` of a preset: RGB 0..255 in, its colours are brought in inside."""
    _check_installed()
    tensorflow()
    import keras
    import keras_hub

    converter = keras_hub.layers.ImageConverter.from_preset(folder)
    backbone = keras_hub.models.Backbone.from_preset(folder)
    images = keras.Input((SIZE, SIZE, 3), name="images")
    found = backbone(coloured(images, converter))
    if layer == "pooled":
        found = keras.layers.GlobalAveragePooling2D()(found)
    return keras.Model(images, found)


def coloured(images: Any, converter: Any) -> Any:
    """Return images, RGB 0..255, in the colours that an image converter gives them."""
    scale = np.asarray(1.0 if converter.scale is None else converter.scale, np.float32)
    offset = np.asarray(0.0 if converter.offset is None else converter.offset, np.float32)
    return images * scale + offset


def _check_installed() -> None:
    if not has("keras_hub"):
        raise NetworkUnavailable(
            "resnet18 needs KerasHub: `pip install 'artworks[clip]'`, or choose resnet50, which "
            "needs nothing more."
        )
