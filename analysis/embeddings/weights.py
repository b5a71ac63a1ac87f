"""Files of weights: where Keras keeps them, what tells them apart, and how it fetches them."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from analysis.embeddings.backbones import Backbone, Layer
from analysis.errors import NetworkUnavailable


def keras_home() -> Path:
    """Return the folder that Keras keeps its files in: $KERAS_HOME, else ~/.keras."""
    return Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras").expanduser()


def weights_file(backbone: Backbone, layer: Layer) -> Path:
    """Return where Keras' own loader puts the weights of a backbone; they need not be there."""
    return keras_home() / "models" / backbone.file(layer)


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def missing_weights(network: str, file: Path) -> NetworkUnavailable:
    """Return the error that says which file of weights is not there, and what helps."""
    return NetworkUnavailable(
        f"the weights of {network} are not on this machine (looked for {file}): run `artworks "
        f"analyze embeddings` once with internet, and Keras fetches them; or copy {file.name} into "
        f"{file.parent} (KERAS_HOME moves that folder); or set ARTWORKS_EMBEDDING=descriptors, "
        "which needs no weights."
    )
