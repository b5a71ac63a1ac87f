"""Vectors of a folder, without any database."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from analysis.embeddings import descriptors
from analysis.embeddings.folder import FolderEmbeddings, embed_folder
from analysis.errors import NetworkUnavailable, NoSuchFile

# mypy: disable-error-code="no-untyped-def"


def paint(path, seed: int, size: tuple[int, int] = (60, 40)) -> None:
    patches = np.random.default_rng(seed).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(patches).resize(size).save(path)


@pytest.fixture
def folder(tmp_path):
    paint(tmp_path / "b.png", 1)
    paint(tmp_path / "a" / "deep" / "c.jpg", 2)
    paint(tmp_path / "Ä.webp", 3)
    paint(tmp_path / ".secret.png", 4)
    paint(tmp_path / ".hidden" / "d.png", 5)
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "broken.jpg").write_bytes((tmp_path / "a/deep/c.jpg").read_bytes()[:-40])
    (tmp_path / "empty.png").touch()
    return tmp_path


def test_all_images_in_the_order_of_their_names(folder) -> None:
    found = embed_folder(folder, backbone="descriptors")
    assert found.files == ("a/deep/c.jpg", "b.png", "Ä.webp")
    assert found.vectors.shape == (3, descriptors.DIMENSIONS)
    assert found.model == f"descriptors/{descriptors.VERSION}"
    assert len(found) == 3
    with Image.open(folder / "b.png") as image:
        expected = descriptors.describe(np.asarray(image))
    np.testing.assert_allclose(found.vectors[1], expected, atol=1e-6)


def test_what_gives_no_vector_has_a_reason(folder) -> None:
    failed = embed_folder(folder, backbone="descriptors").failed
    assert {name: reason.split(":")[0] for name, reason in failed.items()} == {
        ".hidden": "hidden",
        ".secret.png": "hidden",
        "broken.jpg": "truncated",
        "empty.png": "empty_body",
        "notes.txt": "text_as_image",
    }
    assert list(failed) == sorted(failed)


def test_folders_in_the_folder_are_left_out_on_request(folder) -> None:
    found = embed_folder(str(folder), backbone="descriptors", recursive=False)
    assert found.files == ("b.png", "Ä.webp")
    assert not any("/" in name for name in found.failed)


@pytest.mark.parametrize("batch", [1, 2, 3, 64])
def test_batches_change_nothing(folder, batch) -> None:
    found = embed_folder(folder, backbone="descriptors", batch=batch)
    whole = embed_folder(folder, backbone="descriptors")
    assert found.files == whole.files
    np.testing.assert_array_equal(found.vectors, whole.vectors)


def test_saved_and_loaded(folder, tmp_path_factory) -> None:
    found = embed_folder(folder, backbone="descriptors")
    path = found.save(tmp_path_factory.mktemp("out") / "paintings")
    assert path.name == "paintings.npz"
    assert [one.name for one in path.parent.iterdir()] == ["paintings.npz"]
    loaded = FolderEmbeddings.load(path)
    assert (loaded.files, loaded.failed, loaded.model) == (found.files, found.failed, found.model)
    np.testing.assert_array_equal(loaded.vectors, found.vectors)
    with pytest.raises(NoSuchFile, match=r"notes\.txt holds no embeddings"):
        FolderEmbeddings.load(folder / "notes.txt")


def test_an_empty_folder(tmp_path) -> None:
    found = embed_folder(tmp_path, backbone="descriptors")
    assert (found.files, found.failed) == ((), {})
    assert found.vectors.shape == (0, descriptors.DIMENSIONS)
    assert FolderEmbeddings.load(found.save(tmp_path / "none.npz")).failed == {}


def test_what_was_asked_wrong(folder, tmp_path) -> None:
    with pytest.raises(NoSuchFile, match="no folder"):
        embed_folder(tmp_path / "nowhere", backbone="descriptors")
    with pytest.raises(NetworkUnavailable, match='no way "gpu"'):
        embed_folder(folder, inference="gpu")
    with pytest.raises(ValueError, match="at least 1"):
        embed_folder(folder, backbone="descriptors", batch=0)
