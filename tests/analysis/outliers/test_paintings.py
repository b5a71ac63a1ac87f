"""Real paintings, by MobileNetV2: foreign pictures stand out, and altered copies are found."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
from PIL import Image, ImageOps

from analysis.duplicates.candidates import nearest_exactly
from analysis.duplicates.details import details_of, same_picture
from analysis.duplicates.look_alikes import MOST, WITHIN
from analysis.embeddings.folder import embed_folder
from analysis.outliers.methods import DEFAULT_METHOD
from analysis.outliers.scoring import points_of, reduced, score_all
from benchmarks.likening.foreign import foreign_picture

PAINTINGS, FOREIGN, ALTERED = 300, 15, 4
TOP = 0.05


def cut(picture: Image.Image) -> Image.Image:
    """The middle 80 % of its sides."""
    width, height = picture.size
    return picture.crop((width // 10, height // 10, width - width // 10, height - height // 10))


def recompressed(picture: Image.Image) -> Image.Image:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=30)
    return Image.open(buffer).convert("RGB")


ALTER: Mapping[str, Callable[[Image.Image], Image.Image]] = MappingProxyType(
    {
        "cut": cut,
        "grey": lambda picture: ImageOps.grayscale(picture).convert("RGB"),
        "mirrored": ImageOps.mirror,
        "recompressed": recompressed,
        "turned": lambda picture: picture.rotate(3, Image.Resampling.BICUBIC),
    }
)


def picture(path: Path) -> Image.Image:
    with Image.open(path) as opened:
        return opened.convert("RGB")


def test_foreign_pictures_and_altered_copies(
    shared_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One test, since the network takes seconds to load."""
    monkeypatch.setenv("KERAS_HOME", str(shared_folder / "keras"))
    monkeypatch.setenv("ARTWORKS_HOME", str(tmp_path / "home"))
    folder = tmp_path / "pictures"
    folder.mkdir()
    every = sorted((shared_folder / "art" / "paintings").glob("*.jpg"))
    chosen = every[:: len(every) // PAINTINGS][:PAINTINGS]
    for number, path in enumerate(chosen):
        (folder / f"a{number:03}.jpg").symlink_to(path)
    for number in range(FOREIGN):
        foreign_picture(number).save(folder / f"b{number:03}.png")
    for number in range(ALTERED):
        for name, alter in ALTER.items():
            altered = alter(picture(chosen[number]))
            altered.save(folder / f"c{number:03}-{name}.png", compress_level=1)
    embedded = embed_folder(folder)
    assert embedded.failed == {}
    vectors = embedded.vectors
    assert list(embedded.files) == sorted(embedded.files)

    for share in (0.01, 0.03, 0.05):
        foreign = round(share * PAINTINGS)
        chosen_vectors = vectors[: PAINTINGS + foreign]
        ids = np.arange(len(chosen_vectors))
        _, points = points_of(reduced(chosen_vectors), [(ids, chosen_vectors)], len(ids))
        scored = {one.method: one for one in score_all(ids, points, [])}
        order = np.argsort(-scored[DEFAULT_METHOD].scores)
        top = set(order[: int(np.ceil(TOP * len(ids)))].tolist())
        assert set(range(PAINTINGS, len(ids))) <= top, f"{share:.0%} of foreign pictures"
        assert scored[DEFAULT_METHOD].is_outlier[:PAINTINGS].mean() < 0.05

    pages = [(np.arange(PAINTINGS), vectors[:PAINTINGS])]
    copies = np.arange(PAINTINGS + FOREIGN, len(vectors))
    near = nearest_exactly(copies, vectors[copies], pages, most=MOST, within=WITHIN)
    candidates = set(zip(near.image.tolist(), near.other.tolist(), strict=True))
    found = dict.fromkeys(ALTER, 0)
    for at in copies.tolist():
        number, name = divmod(at - PAINTINGS - FOREIGN, len(ALTER))
        altered = details_of(np.asarray(picture(folder / embedded.files[at])))
        original = np.asarray(picture(chosen[number]))
        same = same_picture(details_of(original), altered) or same_picture(
            details_of(original, mirrored=True), altered
        )
        found[sorted(ALTER)[name]] += same and (at, number) in candidates
    assert min(found.values()) >= ALTERED - 1, found
    assert sum(found.values()) >= 0.9 * ALTERED * len(ALTER), found
