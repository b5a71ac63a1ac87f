"""The network that made stored embeddings, found again so that it can be taught."""

from __future__ import annotations

from typing import Any, Final

from analysis.config import load_analysis_settings
from analysis.embeddings.backbones import BACKBONES
from analysis.embeddings.sources import SAVED, Source, source_of
from analysis.errors import NetworkUnavailable
from analysis.registry.models import Model

CLIP: Final = "clip"
RESNET18: Final = "resnet18"
"""Networks of KerasHub, by how their names begin: their layers are not those of Keras."""


def teachable(model: Model) -> Source:
    """Return the network below embeddings, with the weights that made them; nothing is loaded.

    Raises NetworkUnavailable where it, or its weights, cannot be had, or its layers cannot be
    taught: only those of Keras' own networks and of saved models can.
    """
    made_by, layer = model.params.get("backbone"), model.params.get("layer")
    if made_by in BACKBONES:
        source = source_of(f"{made_by}:{layer}")
    elif made_by is None or made_by == RESNET18 or made_by.startswith(CLIP):
        raise _fixed(model)
    else:
        # A saved model is known by its path only, which the setting says.
        setting = load_analysis_settings().embedding
        if SAVED not in setting:
            raise _elsewhere(model, f"ARTWORKS_EMBEDDING is {setting}")
        source = source_of(setting)
    if source.sha256 != model.params.get("weights") or source.layer != layer:
        raise _elsewhere(model, f"{source.label} on this machine is another one")
    return source


def rebuilt(backbone: str, layer: Any, config: str | None) -> Any:
    """Return the `keras.Model` of an artifact with random weights: by its name, or as it says.

    Raises ValueError where no such network is known.
    """
    from analysis.embeddings.loading import load_backbone

    if config is None:
        if backbone not in BACKBONES:
            raise ValueError(f"there is no network {backbone}")
        return load_backbone(BACKBONES[backbone], layer, None)
    from analysis.embeddings.quiet import tensorflow

    tensorflow()
    import keras

    # Only Keras' own layers: nothing that a text could have run.
    return keras.models.model_from_json(config)


def config_of(source: Source, network: Any) -> str | None:
    """Return how a saved model is put together, as JSON; None for one that has a name."""
    if source.name in BACKBONES and source.weights.suffix != SAVED:
        return None
    text: str = network.to_json()
    return text


def _fixed(model: Model) -> NetworkUnavailable:
    return NetworkUnavailable(
        f"what made {model.label} has no layers that can be fine-tuned: leave --fine-tune out, or "
        "train with the embeddings of a Keras network (--model mobilenet_v2)."
    )


def _elsewhere(model: Model, reason: str) -> NetworkUnavailable:
    return NetworkUnavailable(
        f"the network that made {model.label} cannot be had: {reason}. Set ARTWORKS_EMBEDDING to "
        "it, leave --fine-tune out, or train with embeddings of another one (--model)."
    )
