"""Networks in Keras, frozen and in OpenVINO: what needs TensorFlow, and takes seconds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import text

from analysis.catalog import make_job
from analysis.embeddings import converting
from analysis.embeddings.backbones import BACKBONES
from analysis.embeddings.converted import CARD, FROZEN, network_folder, read_converted
from analysis.embeddings.network import Network, open_network
from analysis.embeddings.preparing import preprocess, squash_all
from analysis.embeddings.quiet import has, tensorflow
from analysis.embeddings.sources import source_of
from analysis.embeddings.stored import embedding_model, read_embeddings
from analysis.engine import run_jobs
from analysis.errors import NetworkUnavailable
from storage.images import decode_rgb

# mypy: disable-error-code="no-untyped-def"

pytestmark = [
    pytest.mark.skipif(not has("tensorflow"), reason="needs TensorFlow"),
    # Keras' own, about NumPy and about models that a test means to be unfinished.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:You are saving a model:UserWarning"),
]
needs_openvino = pytest.mark.skipif(not has("openvino"), reason="needs the extra `fast`")

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> Path:
    """A small network with random weights, saved whole: 32 px, a map of 4 × 4 × 12."""
    tensorflow()
    import keras

    keras.utils.set_random_seed(5)
    model = keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            keras.layers.Rescaling(1 / 127.5, offset=-1),
            keras.layers.Conv2D(8, 3, strides=4, padding="same", activation="relu"),
            keras.layers.BatchNormalization(),
            keras.layers.Conv2D(12, 3, strides=2, padding="same", activation="relu"),
        ]
    )
    file = tmp_path_factory.mktemp("saved") / "My Network.keras"
    model.save(file)
    return Path(file)


@pytest.fixture(scope="module")
def cache(saved, tmp_path_factory) -> Path:
    """Converted networks: the small one, converted as `artworks` does, in a process of its own."""
    folder = Path(tmp_path_factory.mktemp("networks"))
    open_network(source_of(str(saved)), cache=folder)
    return folder


@pytest.fixture(scope="module")
def images() -> list[Any]:
    rng = np.random.default_rng(3)
    shapes = ((48, 64, 3), (32, 32, 3), (90, 20, 3), (33, 31, 3))
    return [rng.integers(0, 256, shape, dtype=np.uint8) for shape in shapes]


def expected(saved: Path, images: list[Any]) -> Any:
    """What Keras gives for images squashed to 32 px: maps."""
    import keras

    model = keras.models.load_model(saved)
    return model.predict(squash_all(images, 32).astype(np.float32), verbose=0)


def test_preprocessing_is_that_of_keras() -> None:
    tensorflow()
    import keras

    images = np.random.default_rng(1).integers(0, 256, (3, 5, 5, 3), dtype=np.uint8)
    modules = {
        "efficientnet_b0": "efficientnet",
        "efficientnet_v2_s": "efficientnet_v2",
    }
    for name, backbone in BACKBONES.items():
        module = getattr(keras.applications, modules.get(name, name))
        theirs = module.preprocess_input(images.astype(np.float32))
        np.testing.assert_array_equal(preprocess(images, backbone.preprocessing), theirs, name)
        assert callable(getattr(keras.applications, backbone.application))


def test_the_names_of_files_are_those_of_keras() -> None:
    tensorflow()
    from keras.src.applications import (
        efficientnet,
        efficientnet_v2,
        inception_v3,
        resnet,
        vgg16,
        vgg19,
    )

    for module, name in ((vgg16, "vgg16"), (vgg19, "vgg19"), (inception_v3, "inception_v3")):
        assert module.WEIGHTS_PATH_NO_TOP.endswith(f"/{BACKBONES[name].weights}")
        assert module.WEIGHTS_PATH.endswith(f"/{BACKBONES[name].weights_with_top}")
    for module, name, theirs in (
        (efficientnet, "efficientnet_b0", "efficientnetb0"),
        (efficientnet_v2, "efficientnet_v2_s", "efficientnetv2-s"),
        (resnet, "resnet50", "resnet50"),
    ):
        known = [found for found in module.WEIGHTS_HASHES if theirs.endswith(found)]
        assert len(known) == 1
        assert BACKBONES[name].weights.startswith(theirs)


@pytest.mark.parametrize(
    "route", [pytest.param("openvino", marks=needs_openvino), "frozen", "keras"]
)
def test_all_routes_give_what_keras_gives(saved, cache, images, route) -> None:
    network = open_network(source_of(str(saved)), inference=route, cache=cache)
    assert network.route.name == route
    theirs = expected(saved, images).mean(axis=(1, 2))
    np.testing.assert_allclose(network.outputs(images), theirs, atol=1e-4)
    vectors = network.embed(images)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-6)
    np.testing.assert_allclose(network.embed(images[:1])[0], vectors[0], atol=1e-5)
    assert network.outputs([]).shape == (0, 12)


def test_maps_for_the_python_interface(saved, cache, images) -> None:
    source = source_of(f"{saved}:feature_map")
    converting.convert(source, network_folder(source, cache))
    network = open_network(source, cache=cache)
    np.testing.assert_allclose(network.outputs(images), expected(saved, images), atol=1e-4)
    with pytest.raises(NetworkUnavailable, match="not vectors"):
        network.embed(images)


def test_a_damaged_cache_is_made_anew(saved, cache, monkeypatch) -> None:
    source = source_of(str(saved))
    folder = network_folder(source, cache)
    (folder / FROZEN).write_bytes(b"damage")
    made: list[str] = []

    def here(arguments: list[str], _doing: str) -> None:
        made.append(arguments[0])
        converting.main(arguments)

    monkeypatch.setattr(converting, "_in_a_process", here)
    assert open_network(source, cache=cache).size == 32
    assert made == [source.label]
    assert read_converted(folder) is not None


@needs_openvino
def test_the_second_start_needs_no_tensorflow_and_sends_nothing(saved, cache, tmp_path) -> None:
    script = f"""
import json, os, socket, sys, time
def refused(*_):
    raise AssertionError("something connects")
socket.socket.connect = refused
socket.getaddrinfo = refused
from pathlib import Path
import numpy as np
from analysis.embeddings.network import open_network
from analysis.embeddings.sources import source_of
network = open_network(source_of({str(saved)!r}), cache=Path({str(cache)!r}))
vector = network.embed([np.full((40, 50, 3), 90, np.uint8)])
loaded = [name for name in sys.modules if name.split(".")[0] in ("tensorflow", "keras")]
senders = [name for name in sys.modules if name.startswith("openvino_telemetry.")]
print(json.dumps([network.route.name, loaded, senders, vector.shape]))
"""
    home = {"HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", script], env=os.environ | home, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert json.loads(done.stdout) == ["openvino", [], [], [1, 12]]
    assert done.stderr == ""
    # Where its telemetry keeps who one is.
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_such_model(tmp_path, saved) -> None:
    import keras

    cases = {
        "two.keras": (
            keras.Model([one := keras.Input((8, 8, 3)), keras.Input((8, 8, 3))], one),
            "2 inputs",
        ),
        "grey.keras": (
            keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten()]),
            r"takes \(None, 8, 8, 1\)",
        ),
        "unbuilt.keras": (keras.Sequential([keras.layers.Flatten()]), "0 inputs"),
        "rows.keras": (
            keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Reshape((64, 3))]),
            r"gives \(None, 64, 3\)",
        ),
    }
    for name, (model, said) in cases.items():
        model.save(tmp_path / name)
        with pytest.raises(NetworkUnavailable, match=said):
            source_of(str(tmp_path / name)).load()
    (tmp_path / "text.keras").write_text("no model")
    with pytest.raises(NetworkUnavailable, match="cannot be loaded"):
        source_of(str(tmp_path / "text.keras")).load()


def test_damaged_weights_name_their_file(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    file = tmp_path / "models" / BACKBONES["mobilenet_v2"].weights
    file.parent.mkdir()
    file.write_bytes(b"half a file")
    with pytest.raises(NetworkUnavailable, match=r"no_top\.h5 cannot be used.*[Dd]elete the file"):
        source_of("mobilenet_v2").load()


def test_a_saved_model_from_the_store_to_rows(
    saved, cache, database, store, add_work, tmp_path, monkeypatch
) -> None:
    monkeypatch.setenv("ARTWORKS_EMBEDDING", str(saved))
    monkeypatch.setenv("ARTWORKS_HOME", str(tmp_path))
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "networks").symlink_to(cache)
    ids = [add_work(number) for number in range(3)]
    [summary] = run_jobs(database, store, ["embeddings"])
    assert (summary.done, summary.failed) == (3, 0)
    with database.begin() as connection:
        model = embedding_model(connection)
        found = read_embeddings(connection, model)
        previews = dict(connection.execute(text("SELECT id, preview_key FROM images")).all())
    assert model.label == f"my_network/pooled-{source_of(str(saved)).sha256[:8]}"
    assert model.is_default
    assert model.params["dimensions"] == 12
    assert model.params["input_px"] == 32
    assert found.ids.tolist() == ids
    network: Network = open_network(source_of(str(saved)), cache=cache)
    pixels = [decode_rgb(store.get(previews[image_id])) for image_id in ids]
    np.testing.assert_allclose(found.vectors, network.embed(pixels), atol=1e-3)
    [again] = run_jobs(database, store, [make_job("embeddings", database)])
    assert again.images == 0


def test_two_parts_of_a_painting_are_nearer_than_two_paintings(
    shared_folder, tmp_path, monkeypatch
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(shared_folder / "keras"))
    source = source_of("mobilenet_v2")
    folder = network_folder(source, tmp_path)
    converting.convert(source, folder)
    assert json.loads((folder / CARD).read_text())["shape"] == [1280]
    network = open_network(source, cache=tmp_path)
    paintings = sorted((shared_folder / "art" / "paintings").glob("*.jpg"))[:240:60]
    parts = []
    for path in paintings:
        with Image.open(path) as image:
            pixels = np.asarray(image.convert("RGB"))
        height, width, _ = pixels.shape
        parts += [
            np.ascontiguousarray(pixels[: height * 9 // 10, : width * 9 // 10]),
            np.ascontiguousarray(pixels[height // 10 :, width // 10 :]),
        ]
    vectors = network.embed(parts)
    cosines = vectors @ vectors.T
    for at in range(0, len(parts), 2):
        others = np.delete(cosines[at], [at, at + 1])
        assert cosines[at, at + 1] > others.max()
