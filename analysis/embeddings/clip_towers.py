"""The two towers of CLIP as Keras models. Needs TensorFlow and KerasHub."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from analysis.embeddings import hub
from analysis.embeddings.clip_tokens import read_tokenizer, token_ids
from analysis.embeddings.embedder import EmbedWords
from analysis.embeddings.network import normalised
from analysis.embeddings.quiet import tensorflow
from analysis.embeddings.routes.route import BATCH
from analysis.embeddings.stored import Vectors
from analysis.errors import NetworkUnavailable


def load_images(folder: Path, size: int) -> Any:
    """Return the image tower with its projection: (n, size, size, 3) RGB 0..255 in, (n, d) out.

    Raises NetworkUnavailable where the preset is damaged.
    """
    backbone, converter = _loaded(folder)
    import keras

    images = keras.Input((size, size, 3), name="images")
    return keras.Model(images, backbone.get_vision_embeddings(hub.coloured(images, converter)))


def load_words(folder: Path) -> EmbedWords:
    """Return what embeds words by the text tower with its projection.

    Raises NetworkUnavailable where the preset is damaged.
    """
    tokenizer = read_tokenizer(folder)
    backbone, _ = _loaded(folder)
    import keras

    length = int(backbone.text_encoder.max_sequence_length)
    tokens = keras.Input((length,), dtype="int32", name="token_ids")
    model = keras.Model(tokens, backbone.get_text_embeddings(tokens))

    def embed(words: Sequence[str]) -> Vectors:
        found = np.empty((len(words), int(backbone.projection_dim)), np.float32)
        for at in range(0, len(words), BATCH):
            ids = token_ids(tokenizer, words[at : at + BATCH], length)
            found[at : at + BATCH] = model(ids, training=False).numpy()
        return normalised(found)

    return embed


def _loaded(folder: Path) -> tuple[Any, Any]:
    """Return the backbone, and the converter that knows what colours its images have."""
    tensorflow()
    import keras_hub

    try:
        # Published presets may be in half precision, which this processor computes slowly.
        backbone = keras_hub.models.CLIPBackbone.from_preset(str(folder), dtype="float32")
        return backbone, keras_hub.layers.CLIPImageConverter.from_preset(str(folder))
    except Exception as error:
        # A file cut short, another version's layers: Keras raises whatever comes up.
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise NetworkUnavailable(
            f"the preset in {folder} cannot be loaded: {lines[0].rstrip('.')}. Delete the folder, "
            "and let KerasHub fetch it again or copy it again."
        ) from error
