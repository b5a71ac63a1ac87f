"""Networks by name or path, and what is said where their weights are missing."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from analysis.embeddings import hub
from analysis.embeddings.backbones import BACKBONES
from analysis.embeddings.embedder import embedder_of
from analysis.embeddings.networks import network_embedder
from analysis.embeddings.sources import missing, source_of
from analysis.errors import NetworkUnavailable

# mypy: disable-error-code="no-untyped-def"


@pytest.fixture
def models(tmp_path, monkeypatch) -> Path:
    """Where Keras looks for weights: there are none."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path / "kaggle"))
    folder = tmp_path / "models"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("name", BACKBONES)
def test_the_error_names_the_file_the_place_and_the_cures(models, name) -> None:
    file = models / BACKBONES[name].weights
    assert missing(name)
    with pytest.raises(NetworkUnavailable) as raised:
        source_of(name)
    said = str(raised.value)
    for part in (str(file), "analyze embeddings", "copy", "KERAS_HOME", "descriptors"):
        assert part in said
    assert "\n" not in said


def test_the_version_tells_weights_apart_without_loading_them(models) -> None:
    file = models / BACKBONES["vgg16"].weights
    file.write_bytes(b"weights")
    digest = hashlib.sha256(b"weights").hexdigest()
    assert not missing("vgg16")
    embedder = network_embedder("vgg16")
    assert embedder.label == f"vgg16/pooled-{digest[:8]}"
    assert embedder.input_px == 224
    assert embedder.params == {
        "backbone": "vgg16",
        "layer": "pooled",
        "weights": digest,
        "input_px": 224,
        "resize": "squash, area",
        "dimensions": 512,
    }


def test_logits_need_the_weights_of_the_top(models) -> None:
    (models / BACKBONES["resnet50"].weights).write_bytes(b"notop")
    assert missing("resnet50:logits")
    (models / BACKBONES["resnet50"].weights_with_top).write_bytes(b"top")
    embedder = network_embedder("resnet50:logits")
    assert embedder.params["dimensions"] == 1000
    assert embedder.name == "resnet50-logits"


def test_maps_are_no_embeddings(models) -> None:
    (models / BACKBONES["vgg19"].weights).write_bytes(b"weights")
    assert source_of("vgg19:feature_map").shape == (7, 7, 512)
    with pytest.raises(NetworkUnavailable, match=r"\(7, 7, 512\).*pooled or logits"):
        network_embedder("vgg19:feature_map")


@pytest.mark.parametrize(
    ("network", "said"),
    [
        ("mobilenet", "there is no network.*mobilenet_v2.*resnet18.*descriptors"),
        ("vgg16:fc2", 'layer "fc2".*pooled, logits, feature_map'),
        ("/nowhere/my.keras", "no saved model /nowhere/my.keras"),
        ("/nowhere/my.keras:logits", "no saved model"),
    ],
)
def test_what_does_not_exist(models, network, said) -> None:
    with pytest.raises(NetworkUnavailable, match=said):
        embedder_of(network)


def test_resnet18_comes_from_keras_hub(models, monkeypatch) -> None:
    monkeypatch.setattr(hub, "has", lambda package: False)
    with pytest.raises(NetworkUnavailable, match=r"artworks\[clip\].*resnet50"):
        source_of("resnet18")
    monkeypatch.setattr(hub, "has", lambda package: True)
    assert missing("resnet18")
    with pytest.raises(NetworkUnavailable, match="resnet_18_imagenet"):
        source_of("resnet18")


def test_the_newest_preset_that_was_fetched_or_a_copy(models, monkeypatch) -> None:
    monkeypatch.setattr(hub, "has", lambda package: True)
    fetched = models.parent / "kaggle" / "models" / "keras" / "resnetv1" / "keras" / hub.PRESET
    for version in ("2", "9", "10"):
        (fetched / version).mkdir(parents=True)
        (fetched / version / hub.WEIGHTS).write_bytes(version.encode())
    assert hub.preset() == fetched / "10"
    assert network_embedder("resnet18").params["dimensions"] == 512
    copied = models / hub.PRESET
    copied.mkdir()
    (copied / hub.WEIGHTS).write_bytes(b"copy")
    assert hub.preset() == copied
    with pytest.raises(NetworkUnavailable, match="no logits"):
        source_of("resnet18:logits")
