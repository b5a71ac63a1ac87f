"""Networks before they are loaded: found by name or path, and told apart by their weights."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Final

from analysis.embeddings.backbones import BACKBONES, LAYERS, Backbone, Layer, Preprocessing
from analysis.embeddings.embedder import EmbedWords
from analysis.embeddings.weights import missing_weights, sha256_of, weights_file
from analysis.errors import NetworkUnavailable

SAVED: Final = ".keras"
"""Ending of a model that was saved whole."""


@dataclass(frozen=True)
class Source:
    """A network that can be loaded, and what is known of it before it is."""

    label: str
    """What it was asked for by: `source_of` finds it again, in another process too."""
    name: str
    """Of its model in the database."""
    layer: Layer
    weights: Path
    """The file that tells it apart from others of the same name; it is there."""
    preprocessing: Preprocessing
    """What is done to RGB 0..255 before `load` comes in."""
    load: Callable[[], Any]
    """Returns the `keras.Model`: (n, s, s, 3) float32 in, one output."""
    size: int | None = None
    """Side of the input; None: only the loaded network knows."""
    shape: tuple[int, ...] | None = None
    """Of the output for one image; None: only the loaded network knows."""
    load_words: Callable[[], EmbedWords] | None = None
    """Loads what embeds words in the space of its images; None: it knows none."""

    @cached_property
    def sha256(self) -> str:
        """Of the file of weights."""
        return sha256_of(self.weights)


def source_of(network: str) -> Source:
    """Return the network NAME, NAME:LAYER or PATH[:LAYER], whose weights are on this machine.

    CLIP is named `clip`, `clip:PRESET` or `clip:FOLDER`.

    Raises NetworkUnavailable where they are not, and where there is no such network or layer.
    """
    from analysis.embeddings import clip

    if clip.is_clip(network):
        return clip.source(network)
    name, layer = _parsed(network)
    if name in BACKBONES:
        return _of_backbone(network, BACKBONES[name], layer)
    if name == "resnet18":
        from analysis.embeddings import hub

        return hub.source(network, layer)
    if name.endswith(SAVED):
        return _saved(network, Path(name).expanduser(), layer)
    known = ", ".join([*BACKBONES, "resnet18", "clip", "descriptors"])
    raise NetworkUnavailable(
        f'there is no network "{network}": choose from {known}, or give the path of a saved model '
        f"that ends in {SAVED}."
    )


def missing(network: str) -> bool:
    """Whether it is only the weights that `network` lacks, which Keras can fetch."""
    from analysis.embeddings import clip

    if clip.is_clip(network):
        return clip.missing(network)
    name, layer = _parsed(network)
    if name in BACKBONES:
        return not weights_file(BACKBONES[name], layer).is_file()
    if name == "resnet18":
        from analysis.embeddings import hub

        return hub.preset() is None
    return False


def _parsed(network: str) -> tuple[str, Layer]:
    name, colon, said = network.rpartition(":")
    if not colon:
        return network, "pooled"
    for layer in LAYERS:
        if said == layer:
            return name, layer
    raise NetworkUnavailable(
        f'"{network}" asks for a layer "{said}", which no network has: choose {", ".join(LAYERS)}.'
    )


def _of_backbone(label: str, backbone: Backbone, layer: Layer) -> Source:
    file = weights_file(backbone, layer)
    if not file.is_file():
        raise missing_weights(label, file)
    return Source(
        label=label,
        name=backbone.name,
        layer=layer,
        weights=file,
        preprocessing=backbone.preprocessing,
        load=partial(_load_backbone, backbone, layer, file),
        size=backbone.size,
        shape=backbone.shape(layer),
    )


def _load_backbone(backbone: Backbone, layer: Layer, file: Path) -> Any:
    from analysis.embeddings.loading import load_backbone

    return load_backbone(backbone, layer, file)


def _saved(label: str, file: Path, layer: Layer) -> Source:
    if not file.is_file():
        raise NetworkUnavailable(
            f"there is no saved model {file}: give the path of a file that `model.save` wrote."
        )
    if layer == "logits":
        raise NetworkUnavailable(
            f'"{label}": a saved model gives what it gives; leave :logits out.'
        )
    return Source(
        label=f"{file.resolve()}:{layer}",
        name=re.sub(r"[^a-z0-9]+", "_", file.stem.lower()).strip("_") or "saved",
        layer=layer,
        weights=file.resolve(),
        preprocessing="none",
        load=partial(_load_saved, file.resolve(), layer),
    )


def _load_saved(file: Path, layer: Layer) -> Any:
    from analysis.embeddings.loading import load_saved

    return load_saved(file, layer)
