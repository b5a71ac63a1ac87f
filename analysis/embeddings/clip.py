"""CLIP out of KerasHub: images and words in one space. Needs the extra `clip`.

Only the image tower is embedded by the job; what turns words into vectors is loaded when somebody
asks by words.
"""

from __future__ import annotations

import json
import re
from functools import partial
from pathlib import Path
from typing import Any, Final

from analysis.embeddings import hub
from analysis.embeddings.backbones import LAYERS, Layer
from analysis.embeddings.embedder import EmbedWords
from analysis.embeddings.quiet import has
from analysis.embeddings.sources import Source
from analysis.embeddings.weights import keras_home
from analysis.errors import NetworkUnavailable

NAME: Final = "clip"
DEFAULT: Final = "clip_vit_base_patch32"
"""The preset that ARTWORKS_EMBEDDING=clip means: none has less to compute."""

CONFIG: Final = "config.json"
VOCABULARY: Final = "assets/tokenizer/vocabulary.json"
MERGES: Final = "assets/tokenizer/merges.txt"
FILES: Final = (CONFIG, hub.WEIGHTS, "image_converter.json", VOCABULARY, MERGES)
"""What is needed of a preset."""

_ASKED: Final = re.compile(rf"{NAME}(_\w+)?(:({'|'.join(LAYERS)}))?|{NAME}:.+")


def is_clip(network: str) -> bool:
    """Whether a network is named as CLIP: clip, clip:PRESET, clip:FOLDER or clip_…, a preset."""
    return _ASKED.fullmatch(network) is not None


def missing(network: str) -> bool:
    """Whether it is only the preset that `network` lacks, which KerasHub can fetch."""
    preset, _ = _parsed(network)
    return not _is_path(preset) and has("keras_hub") and hub.preset(preset, FILES) is None


def source(network: str) -> Source:
    """Return the image tower of CLIP, with its projection, and what embeds words.

    Raises NetworkUnavailable without KerasHub, the preset, or such a layer.
    """
    if not has("keras_hub"):
        raise NetworkUnavailable(
            "CLIP needs KerasHub: `pip install 'artworks[clip]'`, or choose a network that needs "
            "nothing more, such as mobilenet_v2."
        )
    preset, layer = _parsed(network)
    if layer != "pooled":
        raise NetworkUnavailable(
            f'"{network}": CLIP gives the vector that images and words share; leave :{layer} out.'
        )
    folder = _folder(preset)
    size, dimensions = _sizes(folder)
    return Source(
        label=f"{NAME}:{folder if _is_path(preset) else preset}",
        name=_name(folder.name if _is_path(preset) else preset),
        layer=layer,
        weights=folder / hub.WEIGHTS,
        preprocessing="none",
        load=partial(_load_images, folder, size),
        size=size,
        shape=(dimensions,),
        load_words=partial(_load_words, folder),
    )


def fetch(network: str) -> None:
    """Have KerasHub's own loader fetch a preset into its cache. Raises NetworkUnavailable."""
    import kagglehub
    import keras_hub

    preset, _ = _parsed(network)
    known = keras_hub.models.CLIPBackbone.presets
    if preset not in known:
        raise NetworkUnavailable(
            f'KerasHub has no preset of CLIP "{preset}": choose from {", ".join(sorted(known))}, '
            "or give the path of a folder, as in clip:/path/to/preset."
        )
    # What `from_preset` calls for each file that it reads; it would not read all that we need.
    kagglehub.model_download(known[preset]["kaggle_handle"].removeprefix("kaggle://"))


def _parsed(network: str) -> tuple[str, Layer]:
    """Return the preset, or the path of one, and the layer that was named after it."""
    for layer in LAYERS:
        if network.endswith(f":{layer}"):
            preset, _ = _parsed(network.removesuffix(f":{layer}"))
            return preset, layer
    if network == NAME:
        return DEFAULT, "pooled"
    return network.removeprefix(f"{NAME}:"), "pooled"


def _is_path(preset: str) -> bool:
    return "/" in preset or preset.startswith((".", "~"))


def _folder(preset: str) -> Path:
    if not _is_path(preset):
        found = hub.preset(preset, FILES)
        if found is None:
            raise NetworkUnavailable(
                f"the preset {preset} of CLIP is not on this machine (looked in "
                f"{keras_home() / 'models' / preset} and in KaggleHub's cache): run "
                f"`ARTWORKS_EMBEDDING={NAME}:{preset} artworks analyze embeddings` once with "
                "internet, and KerasHub fetches it; or copy the preset into that folder; or name "
                "another folder, as in clip:/path/to/preset."
            )
        return found
    folder = Path(preset).expanduser().resolve()
    absent = [name for name in FILES if not (folder / name).is_file()]
    if absent:
        raise NetworkUnavailable(
            f"{folder} is not the folder of a preset of CLIP ({', '.join(absent)} missing): give "
            "one that KerasHub fetched, or that `save_to_preset` of a CLIPBackbone and of its "
            "CLIPPreprocessor wrote."
        )
    return folder


def _name(preset: str) -> str:
    """Return the name of the model: by it, another session finds a preset again."""
    if preset == DEFAULT:
        return NAME
    plain = re.sub(r"[^a-z0-9]+", "_", preset.lower()).strip("_")
    return plain if plain.startswith(f"{NAME}_") else f"{NAME}_{plain}"


def _sizes(folder: Path) -> tuple[int, int]:
    """Return the side of the images that a preset takes, and the length of its vectors."""
    try:
        config: Any = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        if config["class_name"] != "CLIPBackbone":
            raise ValueError(f"it is a {config['class_name']}")
        tower = config["config"]["vision_encoder"]["config"]
        return int(tower["image_shape"][0]), int(config["config"]["projection_dim"])
    except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
        raise NetworkUnavailable(
            f"{folder / CONFIG} does not describe a CLIP of KerasHub ({error}): delete {folder}, "
            "and let KerasHub fetch the preset again or copy it again."
        ) from error


def _load_images(folder: Path, size: int) -> Any:
    from analysis.embeddings.clip_towers import load_images

    return load_images(folder, size)


def _load_words(folder: Path) -> EmbedWords:
    from analysis.embeddings.clip_towers import load_words

    return load_words(folder)
