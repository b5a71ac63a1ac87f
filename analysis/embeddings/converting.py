"""Networks into the cache, in a process of its own.

TensorFlow takes 700 MB and seconds to load, and has much to say on standard error: the process that
analyses does without it wherever another way of running networks is there.

    python -m analysis.embeddings.converting NETWORK FOLDER
    python -m analysis.embeddings.converting --fetch NETWORK
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import numpy as np

from analysis.embeddings import clip
from analysis.embeddings.agreement import probe_images
from analysis.embeddings.backbones import BACKBONES
from analysis.embeddings.converted import (
    Converted,
    network_folder,
    read_converted,
    write_converted,
)
from analysis.embeddings.preparing import preprocess
from analysis.embeddings.quiet import tensorflow
from analysis.embeddings.sources import Source, missing, source_of
from analysis.errors import NetworkUnavailable

ROOT: Final = Path(__file__).resolve().parents[2]
_REFUSED: Final = 3
"""Exit code of the process where the last line on standard error is for people."""


def converted(source: Source, cache: Path) -> Converted:
    """Return a network out of the cache, converted now where it is not there, or damaged.

    Raises NetworkUnavailable where it cannot be loaded.
    """
    folder = network_folder(source, cache)
    found = read_converted(folder)
    if found is None:
        _in_a_process([source.label, str(folder)], f"converting {source.label}")
        found = read_converted(folder)
        if found is None:
            raise NetworkUnavailable(
                f"{folder} does not hold what was just written there: check the disk below {cache}."
            )
    return found


def fetch(network: str) -> bool:
    """Have Keras fetch the weights of `network` where they are missing; whether it had to.

    Raises NetworkUnavailable where it could not.
    """
    if not missing(network):
        return False
    _in_a_process(["--fetch", network], f"fetching the weights of {network}")
    source_of(network)
    return True


def convert(source: Source, folder: Path) -> Converted:
    """Load a network and write it into a folder of the cache. Needs TensorFlow, and keeps it.

    Raises NetworkUnavailable where it cannot be loaded.
    """
    tensorflow()
    model = source.load()
    size = int(model.inputs[0].shape[1])
    expected = model.predict(preprocess(probe_images(size), source.preprocessing), verbose=0)
    return write_converted(
        folder,
        size=size,
        expected=np.asarray(expected, np.float32),
        frozen=_frozen(model, size, source),
    )


def _frozen(model: Any, size: int, source: Source) -> bytes | str:
    from analysis.embeddings.freezing import freeze

    try:
        return freeze(model, size, source.preprocessing)
    except Exception as error:  # noqa: BLE001 - a saved model may hold anything; Keras runs it
        lines = str(error).strip().splitlines()
        return f"{type(error).__name__}: {lines[0] if lines else ''}"


def _in_a_process(arguments: list[str], doing: str) -> None:
    path = os.pathsep.join(part for part in (str(ROOT), os.environ.get("PYTHONPATH")) if part)
    done = subprocess.run(
        [sys.executable, "-m", "analysis.embeddings.converting", *arguments],
        env=os.environ | {"PYTHONPATH": path, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        return
    said = done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"]
    if done.returncode == _REFUSED:
        raise NetworkUnavailable(said[-1])
    raise NetworkUnavailable(f"{doing} failed: {said[-1]}.")


def _fetch_here(network: str) -> None:
    """Load the network as Keras documents it, which fetches its weights."""
    tensorflow()
    name, _, layer = network.partition(":")
    try:
        if name in BACKBONES:
            import keras

            make = getattr(keras.applications, BACKBONES[name].application)
            make(weights="imagenet", include_top=layer == "logits")
        elif clip.is_clip(network):
            clip.fetch(network)
        else:
            import keras_hub

            from analysis.embeddings.hub import PRESET

            keras_hub.layers.ImageConverter.from_preset(PRESET)
            keras_hub.models.Backbone.from_preset(PRESET)
    except NetworkUnavailable:
        raise
    except Exception as error:
        # Keras raises a bare Exception where an address does not answer.
        reason = str(error).strip().splitlines() or [type(error).__name__]
        hint = ""
        try:
            source_of(network)
        except NetworkUnavailable as absent:
            hint = f" ({reason[-1].rstrip('.')})"
            raise NetworkUnavailable(f"Keras could not fetch them{hint}: {absent}") from error
        raise NetworkUnavailable(f"{network} cannot be loaded: {reason[-1]}") from error


def main(arguments: list[str]) -> int:
    """Fetch or convert one network; what went wrong is the last line on standard error."""
    try:
        if arguments[0] == "--fetch":
            _fetch_here(arguments[1])
        else:
            convert(source_of(arguments[0]), Path(arguments[1]))
    except NetworkUnavailable as error:
        print(error, file=sys.stderr)
        return _REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
