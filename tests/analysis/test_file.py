"""The palette of a file."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from analysis.colors.file import describe_file
from analysis.errors import NoSuchFile
from storage.errors import ExitCode, ImageRejected


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp"])
def test_a_file_is_described(name: str, tmp_path: Path) -> None:
    image = Image.new("RGB", (900, 600), "#1f4e5f")
    image.paste("#f2c14e", (0, 0, 450, 300))
    image.save(tmp_path / name, quality=92)
    first, second = describe_file(tmp_path / name).swatches
    assert first.fraction == pytest.approx(0.75, abs=0.01)
    assert max(abs(a - b) for a, b in zip(first.rgb, (31, 78, 95), strict=True)) <= 2
    assert max(abs(a - b) for a, b in zip(second.rgb, (242, 193, 78), strict=True)) <= 2
    assert len(describe_file(tmp_path / name, 1).swatches) == 1


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(NoSuchFile, match="No such file") as told:
        describe_file(tmp_path / "none.png")
    assert told.value.exit_code is ExitCode.USAGE


def test_a_file_that_is_no_image_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("no image")
    with pytest.raises(ImageRejected):
        describe_file(tmp_path / "a.png")


def test_a_file_is_described_as_people_ask_for(tmp_path: Path) -> None:
    image = Image.effect_noise((600, 400), 60).convert("RGB")
    image.paste("#c1272d", (280, 180, 312, 212))
    image.save(tmp_path / "a.png")
    plain = describe_file(tmp_path / "a.png", 3)
    accented = describe_file(tmp_path / "a.png", 3, accents=True)
    assert "red" not in {swatch.term for swatch in plain.swatches}
    assert accented.swatches[-1].term == "red"
    assert len(describe_file(tmp_path / "a.png", 8, method="dbscan").swatches) < 8
