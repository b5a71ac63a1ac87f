"""CLIP by name, and a tiny one with random weights: images and words in one space."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.embeddings import clip, converting, hub
from analysis.embeddings.converted import network_folder
from analysis.embeddings.embedder import embedder_of
from analysis.embeddings.network import open_network
from analysis.embeddings.networks import network_embedder
from analysis.embeddings.preparing import squash_all
from analysis.embeddings.quiet import has, tensorflow
from analysis.embeddings.sources import missing, source_of
from analysis.embeddings.stored import embedding_model, read_embeddings
from analysis.engine import run_jobs
from analysis.errors import NetworkUnavailable
from analysis.similarity.embedding import embed_words, embedder_like
from storage.images import decode_rgb

# mypy: disable-error-code="no-untyped-def"

needs_keras_hub = pytest.mark.skipif(
    not (has("tensorflow") and has("keras_hub")), reason="needs the extra `clip`"
)
needs_tokenizers = pytest.mark.skipif(not has("tokenizers"), reason="needs the extra `clip`")
needs_tensorflow_text = pytest.mark.skipif(
    not (has("keras_hub") and has("tensorflow_text")), reason="needs tensorflow-text"
)
needs_openvino = pytest.mark.skipif(not has("openvino"), reason="needs the extra `fast`")

# Keras' own, about NumPy.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

SIZE, DIMENSIONS, LENGTH = 32, 24, 12
WORDS = ("a", "cat", "dog", "painting", "of", "blue")
PHRASES = ["a blue cat", "painting of a dog", "", "a " * 40 + "dog"]


@pytest.fixture
def models(tmp_path, monkeypatch) -> Path:
    """Where presets are looked for: there are none, and KerasHub is said to be installed."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path / "kaggle"))
    monkeypatch.setattr(clip, "has", lambda package: True)
    return tmp_path / "models"


def vocabulary() -> tuple[dict[str, int], list[str]]:
    """Every byte, the words that there are, and how they grow out of letters."""
    from tokenizers.pre_tokenizers import ByteLevel

    letters = sorted(ByteLevel.alphabet())
    tokens = [*letters, *(f"{letter}</w>" for letter in letters)]
    merges: list[str] = []
    for word in WORDS:
        grown, *rest = [*word[:-1], f"{word[-1]}</w>"]
        for part in rest:
            merges.append(f"{grown} {part}")
            grown += part
            tokens.append(grown)
    names = [*dict.fromkeys(tokens), "<|startoftext|>", "<|endoftext|>"]
    return {name: number for number, name in enumerate(names)}, merges


def write_words(folder: Path) -> dict[str, int]:
    numbers, merges = vocabulary()
    (folder / clip.VOCABULARY).parent.mkdir(parents=True)
    (folder / clip.VOCABULARY).write_text(json.dumps(numbers))
    (folder / clip.MERGES).write_text("#version: 0.2\n" + "\n".join(merges))
    return numbers


def write_config(folder: Path, **changes: Any) -> Path:
    """Write what is read of a preset before it is loaded."""
    for name in clip.FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")
    config = {
        "class_name": "CLIPBackbone",
        "config": {
            "projection_dim": 512,
            "vision_encoder": {"config": {"image_shape": [224, 224, 3]}},
        },
    }
    (folder / clip.CONFIG).write_text(json.dumps(config | changes))
    return folder


@pytest.mark.parametrize(
    ("network", "named"),
    [
        ("clip", True),
        ("clip:pooled", True),
        ("clip:clip_vit_base_patch16", True),
        ("clip_vit_base_patch16:pooled", True),
        ("clip:/some/where.keras", True),
        ("clip_mine.keras", False),
        ("clip_mine.keras:pooled", False),
        ("clipped", False),
        ("mobilenet_v2", False),
    ],
)
def test_what_is_named_as_clip(network, named) -> None:
    assert clip.is_clip(network) is named


def test_a_preset_is_found_again_by_the_name_of_its_model(models) -> None:
    write_config(models / clip.DEFAULT)
    write_config(models / "clip_vit_large_patch14")
    for asked, name in (
        ("clip", "clip"),
        (f"clip:{clip.DEFAULT}:pooled", "clip"),
        (f"clip:{models / clip.DEFAULT}", "clip"),
        ("clip:clip_vit_large_patch14", "clip_vit_large_patch14"),
    ):
        found = network_embedder(asked)
        assert found.name == name
        assert found.label == embedder_of(f"{name}:pooled").label
        assert (found.params["dimensions"], found.input_px) == (512, 224)
        assert found.open_words is not None
        assert not missing(asked)
    mine = write_config(models / "My Art")
    source = source_of(f"clip:{mine}")
    assert source.name == "clip_my_art"
    assert source_of(source.label).weights == source.weights


def test_what_is_not_there_is_named_with_the_cure(models, monkeypatch) -> None:
    for asked, preset in (("clip", clip.DEFAULT), ("clip:clip_vit_x", "clip_vit_x")):
        assert missing(asked)
        with pytest.raises(NetworkUnavailable) as raised:
            embedder_of(asked)
        for part in (str(models / preset), f"=clip:{preset} artworks analyze", "clip:/path"):
            assert part in str(raised.value)
        assert "\n" not in str(raised.value)
    half = write_config(models / clip.DEFAULT)
    (half / clip.MERGES).unlink()
    assert missing("clip")
    assert not missing(f"clip:{half}")
    with pytest.raises(NetworkUnavailable, match=r"\(assets/tokenizer/merges\.txt missing\)"):
        source_of(f"clip:{half}")
    write_config(models / "other", class_name="ResNetBackbone")
    with pytest.raises(NetworkUnavailable, match="it is a ResNetBackbone"):
        source_of(f"clip:{models / 'other'}")
    with pytest.raises(NetworkUnavailable, match="leave :logits out"):
        source_of("clip:logits")
    monkeypatch.setattr(clip, "has", lambda package: False)
    assert not missing("clip")
    with pytest.raises(NetworkUnavailable, match=r"pip install 'artworks\[clip\]'"):
        source_of("clip")


@needs_tokenizers
def test_words_become_numbers(tmp_path) -> None:
    from analysis.embeddings.clip_tokens import read_tokenizer, token_ids

    numbers = write_words(tmp_path)
    tokenizer = read_tokenizer(tmp_path)
    start, end = numbers["<|startoftext|>"], numbers["<|endoftext|>"]
    blue, cat = numbers["blue</w>"], numbers["cat</w>"]
    found = token_ids(tokenizer, ["  Blue\n CAT!", "", "blue " * 9], 6)
    assert found.dtype == np.int32
    assert found.tolist() == [
        [start, blue, cat, numbers["!</w>"], end, end],
        [start, end, end, end, end, end],
        [start, blue, blue, blue, blue, end],
    ]
    # No word of another language ends what comes after it: all bytes are known.
    [greek] = token_ids(tokenizer, ["θάλασσα cat"], 40).tolist()
    assert greek.index(end) == greek.index(cat) + 1
    (tmp_path / clip.MERGES).write_text("nobody knows")
    with pytest.raises(NetworkUnavailable, match=r"merges\.txt cannot be used"):
        read_tokenizer(tmp_path)


@needs_tensorflow_text
def test_words_become_the_numbers_of_keras_hub(tmp_path) -> None:
    from analysis.embeddings.clip_tokens import read_tokenizer, token_ids

    tensorflow()
    from keras_hub.models import CLIPPreprocessor, CLIPTokenizer

    write_words(tmp_path)
    theirs = CLIPPreprocessor(
        CLIPTokenizer(*vocabulary(), pad_with_end_token=True), sequence_length=LENGTH
    )
    said = [
        *PHRASES,
        "It's 1888, l'été à Arles — “Sunflowers”\t(2nd)",
        "猫 и кот",
        "<|endoftext|>a",
    ]
    expected = theirs({"images": None, "prompts": said})["token_ids"]
    np.testing.assert_array_equal(token_ids(read_tokenizer(tmp_path), said, LENGTH), expected)


@pytest.fixture(scope="module")
def preset(tmp_path_factory) -> Path:
    """A tiny CLIP with random weights, as KerasHub saves one."""
    tensorflow()
    import keras
    import keras_hub

    folder = Path(tmp_path_factory.mktemp("presets")) / "tiny"
    numbers = write_words(folder)
    keras.utils.set_random_seed(3)
    sizes = {"hidden_dim": 16, "num_layers": 2, "num_heads": 2, "intermediate_dim": 32}
    backbone = keras_hub.models.CLIPBackbone(
        keras_hub.models.CLIPVisionEncoder(patch_size=8, image_shape=(SIZE, SIZE, 3), **sizes),
        keras_hub.models.CLIPTextEncoder(
            len(numbers), embedding_dim=16, max_sequence_length=LENGTH, **sizes
        ),
        projection_dim=DIMENSIONS,
    )
    for weight in backbone.weights:
        # Those of an untrained one are so small that all images look the same.
        if weight.dtype == "float32" and len(weight.shape) > 1:
            weight.assign(weight * 3.0)
    backbone.save_to_preset(str(folder))
    keras_hub.layers.CLIPImageConverter(
        image_size=(SIZE, SIZE),
        scale=[0.0146, 0.0150, 0.0142],
        offset=[-1.79, -1.75, -1.48],
        interpolation="bicubic",
    ).save_to_preset(str(folder))
    return folder


@pytest.fixture(scope="module")
def cache(preset, tmp_path_factory) -> Path:
    """The image tower, converted."""
    folder = Path(tmp_path_factory.mktemp("networks"))
    source = source_of(f"clip:{preset}")
    converting.convert(source, network_folder(source, folder))
    return folder


@pytest.fixture(scope="module")
def images() -> list[Any]:
    rng = np.random.default_rng(3)
    shapes = {255: (48, 64, 3), 120: (32, 32, 3), 80: (90, 20, 3)}
    return [rng.integers(0, high, shape, dtype=np.uint8) for high, shape in shapes.items()]


@needs_keras_hub
@pytest.mark.parametrize(
    "route", [pytest.param("openvino", marks=needs_openvino), "frozen", "keras"]
)
def test_all_routes_see_what_clip_sees(preset, cache, images, route) -> None:
    """Cosines of images and words are the logits of the whole CLIP, but for its scale."""
    import keras_hub

    from analysis.embeddings.clip_tokens import read_tokenizer, token_ids

    embedder = network_embedder(f"clip:{preset}", inference=route, cache=cache)
    assert embedder.open_words is not None
    seen, said = embedder.open()(images), embedder.open_words()(PHRASES)
    assert (seen.shape, said.shape) == ((len(images), DIMENSIONS), (len(PHRASES), DIMENSIONS))
    assert (seen.dtype, said.dtype) == (np.float32, np.float32)
    np.testing.assert_allclose(np.linalg.norm(np.vstack([seen, said]), axis=1), 1.0, atol=1e-6)

    whole = keras_hub.models.CLIPBackbone.from_preset(str(preset))
    converter = keras_hub.layers.CLIPImageConverter.from_preset(str(preset))
    logits = whole(
        {
            "images": np.asarray(converter(squash_all(images, SIZE).astype(np.float32))),
            "token_ids": token_ids(read_tokenizer(preset), PHRASES, LENGTH),
        }
    )["vision_logits"]
    scale = np.exp(np.asarray(whole.clip_head.logit_scale))
    np.testing.assert_allclose(seen @ said.T, np.asarray(logits) / scale, atol=1e-4)
    assert np.ptp(seen @ said.T) > 0.05


@needs_keras_hub
def test_words_find_images_of_the_collection(
    preset, cache, database, store, add_work, tmp_path, monkeypatch
) -> None:
    monkeypatch.setenv("ARTWORKS_EMBEDDING", f"clip:{preset}")
    monkeypatch.setenv("ARTWORKS_HOME", str(tmp_path))
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "networks").symlink_to(cache)
    ids = [add_work(number) for number in range(3)]
    [summary] = run_jobs(database, store, ["embeddings"])
    assert (summary.done, summary.failed) == (3, 0)
    with database.begin() as connection:
        model = embedding_model(connection)
        found = read_embeddings(connection, model)
        keys = dict(connection.exec_driver_sql("SELECT id, preview_key FROM images").all())
    assert model.label == f"clip_tiny/pooled-{source_of(f'clip:{preset}').sha256[:8]}"
    assert model.params["dimensions"] == DIMENSIONS
    network = open_network(source_of(f"clip:{preset}"), cache=cache)
    pixels = [decode_rgb(store.get(keys[image_id])) for image_id in ids]
    np.testing.assert_allclose(found.vectors, network.embed(pixels), atol=1e-3)

    vector = embed_words(model, PHRASES[0])
    embedder = embedder_like(model)
    assert embedder.open_words is not None
    np.testing.assert_allclose(vector, embedder.open_words()(PHRASES[:1])[0], atol=1e-5)


@needs_keras_hub
def test_a_damaged_preset_is_named(preset, tmp_path) -> None:
    folder = tmp_path / "damaged"
    shutil.copytree(preset, folder)
    (folder / hub.WEIGHTS).write_bytes(b"half a file")
    source = source_of(f"clip:{folder}")
    with pytest.raises(NetworkUnavailable, match=rf"{folder} cannot be loaded.*Delete the folder"):
        source.load()


@needs_keras_hub
@pytest.mark.skipif(not has("kagglehub"), reason="needs the extra `clip`")
def test_only_the_loader_of_keras_hub_fetches(models, monkeypatch) -> None:
    import kagglehub

    asked: list[str] = []

    def unreachable(handle: str) -> str:
        asked.append(handle)
        raise ConnectionError("no route to host")

    def here(arguments: list[str], _doing: str) -> None:
        converting._fetch_here(arguments[1])

    monkeypatch.setattr(kagglehub, "model_download", unreachable)
    monkeypatch.setattr(converting, "_in_a_process", here)
    with pytest.raises(NetworkUnavailable, match=r"\(no route to host\).*copy the preset into"):
        converting.fetch("clip")
    assert [handle.rpartition("/")[0] for handle in asked] == [f"keras/clip/keras/{clip.DEFAULT}"]
    with pytest.raises(NetworkUnavailable, match=f'no preset of CLIP "vit".*{clip.DEFAULT}'):
        converting.fetch("clip:vit")
    assert len(asked) == 1
