"""What decoding takes is known beforehand, kept within a limit, and no more than was said."""

from __future__ import annotations

import io
import json
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

from storage import images
from storage.errors import ImageRejected
from storage.image_memory import FIXED, decoding_memory, frugal_memory, jpeg_segments
from storage.images import CheckedImage, ImageFormat, check_image

REPOSITORY = Path(__file__).parents[2]
MEGAPIXEL = 1_000_000


def painting(width: int, height: int, mode: str = "RGB") -> Image.Image:
    patches = np.random.default_rng(3).integers(0, 256, (9, 16, 3), dtype=np.uint8)
    return Image.fromarray(patches).resize((width, height), Image.Resampling.BICUBIC).convert(mode)


def encode(image: Image.Image, image_format: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


def png(
    width: int, height: int, rows: bytes, *chunks: tuple[bytes, bytes], interlaced: int = 0
) -> bytes:
    """An RGB PNG of these rows, with further chunks behind them."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + checksum

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, interlaced)
    parts = [(b"IHDR", head), (b"IDAT", zlib.compress(rows)), *chunks, (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, data) for kind, data in parts)


# --- what is said of a header ---


def test_pngs_take_what_pillow_holds_for_a_pixel() -> None:
    for mode, per_pixel in {"RGB": 4, "RGBA": 4, "L": 1, "P": 1, "1": 1, "LA": 4}.items():
        data = encode(painting(400, 250, mode), "PNG")
        opened = PngImagePlugin.PngImageFile(io.BytesIO(data))
        assert decoding_memory(opened, data) == 100_000 * per_pixel + FIXED + len(data)
        assert (frugal_memory(opened, data) is not None) == (mode == "RGB")


def test_only_jpegs_whose_scans_add_up_keep_coefficients() -> None:
    def coefficients(data: bytes) -> int:
        opened = JpegImagePlugin.JpegImageFile(io.BytesIO(data))
        return decoding_memory(opened, data) - FIXED - len(data)

    image = painting(1600, 1000)
    assert coefficients(encode(image, "JPEG")) == 0
    assert coefficients(encode(image.convert("L"), "JPEG")) == 0
    whole = 1600 * 1000 * 3 * 2
    assert coefficients(encode(image, "JPEG", progressive=True, subsampling=0)) >= whole
    halved = coefficients(encode(image, "JPEG", progressive=True, subsampling=2))
    assert whole / 2 <= halved < whole * 0.55


def test_a_still_webp_says_how_it_is_coded() -> None:
    image = painting(400, 250)
    for options, per_pixel in (({}, 3), ({"lossless": True}, 7)):
        data = encode(image, "WEBP", **options)
        found = frugal_memory(WebPImagePlugin.WebPImageFile(io.BytesIO(data)), data)
        assert found is not None
        assert found // 100_000 == (per_pixel * 100_000 + FIXED // 2 + len(data)) // 100_000
    data = encode(image, "WEBP", save_all=True, append_images=[image.rotate(90)])
    assert frugal_memory(WebPImagePlugin.WebPImageFile(io.BytesIO(data)), data) is None


def test_segments_end_at_the_first_scan() -> None:
    data = encode(painting(40, 30), "JPEG", comment=b"\xff\xda is no scan")
    markers = [marker for marker, _ in jpeg_segments(data)]
    assert markers[0] == 0xE0
    assert markers[-1] == 0xDA
    assert markers.count(0xDA) == 1
    assert list(jpeg_segments(b"\xff\xd8\xff\xff\xff")) == []
    assert list(jpeg_segments(b"\xff\xd8no marker")) == []


MEASURE = """
import sys, json
from pathlib import Path
from storage.images import check_image

def resident(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))

measured = {}
for path in map(Path, sys.argv[1:]):
    data, said = path.read_bytes(), []
    check_image(data, reserve=Reserve(said))
    Path("/proc/self/clear_refs").write_text("5")  # forgets the peak
    before = resident("VmRSS")
    check_image(data)
    measured[path.name] = [said[0], resident("VmHWM") - before]
print(json.dumps(measured))
"""
RESERVE = """
from contextlib import nullcontext
def Reserve(said):
    def reserve(size):
        said.append(size)
        return nullcontext()
    return reserve
"""


@pytest.mark.skipif(sys.platform != "linux", reason="Linux tells the peak of a process")
def test_decoding_takes_no_more_than_was_said(tmp_path: Path) -> None:
    image = painting(2200, 2000)
    wanted: dict[str, tuple[str, Image.Image, dict[str, Any]]] = {
        "jpeg": ("JPEG", image, {}),
        "progressive": ("JPEG", image, {"progressive": True, "subsampling": 0}),
        "png": ("PNG", image, {"compress_level": 1}),
        "grey": ("PNG", image.convert("L"), {"compress_level": 1}),
        "webp": ("WEBP", image, {"method": 0}),
        "lossless": ("WEBP", image, {"lossless": True, "method": 0, "quality": 0}),
        "gif": ("GIF", image.convert("P"), {}),
        "tiff": ("TIFF", image, {"compression": "tiff_lzw"}),
        "avif": ("AVIF", image.crop((0, 0, 1200, 1000)), {"speed": 10}),
    }
    for name, (image_format, picture, options) in wanted.items():
        (tmp_path / name).write_bytes(encode(picture, image_format, **options))
    done = subprocess.run(
        [sys.executable, "-c", RESERVE + MEASURE, *(str(tmp_path / name) for name in wanted)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    measured = json.loads(done.stdout)
    assert measured.keys() == wanted.keys()
    assert not {name: sizes for name, sizes in measured.items() if sizes[1] > sizes[0]}


# --- what is made of it ---


def test_what_takes_too_much_is_refused_by_its_header() -> None:
    data = encode(painting(1600, 1000), "JPEG", progressive=True, subsampling=0)
    with pytest.raises(
        ImageRejected, match=r"of this jpeg takes 4\d MB, the limit is 10 \(ART"
    ) as e:
        check_image(data, max_memory=10 * MEGAPIXEL)
    assert e.value.reason == "too_many_pixels"
    assert "ARTWORKS_MAX_IMAGE_MEMORY" in e.value.detail
    check_image(data, max_memory=45 * MEGAPIXEL)


def test_memory_is_asked_for_before_decoding_and_given_back() -> None:
    asked: list[int] = []

    @contextmanager
    def reserve(size: int) -> Iterator[None]:
        asked.append(size)
        yield
        asked.append(-size)

    data = encode(painting(400, 250), "PNG")
    check_image(data, reserve=reserve)
    assert asked == [400_000 + FIXED + len(data), -400_000 - FIXED - len(data)]


FRUGAL = 30 * MEGAPIXEL  # too little for Pillow, and enough for OpenCV


def both_ways(data: bytes) -> tuple[CheckedImage, CheckedImage]:
    return check_image(data), check_image(data, max_memory=FRUGAL)


@pytest.mark.parametrize(
    ("image_format", "options"), [("PNG", {"compress_level": 1}), ("WEBP", {"quality": 90})]
)
def test_the_frugal_decoder_shows_the_same(image_format: str, options: dict[str, Any]) -> None:
    usual, frugal = both_ways(encode(painting(8400, 300), image_format, **options))
    assert (frugal.width, frugal.height, frugal.sha256) == (8400, 300, usual.sha256)
    assert usual.preview
    assert frugal.preview
    one, other = (
        np.asarray(Image.open(io.BytesIO(x.preview or b"")), int) for x in (usual, frugal)
    )
    assert np.abs(one - other).mean() < 6
    assert (usual.phash ^ frugal.phash).bit_count() <= 4


@pytest.mark.parametrize("orientation", [None, 1, 6])
def test_the_frugal_decoder_leaves_turning_to_us(orientation: int | None) -> None:
    row = b"\0" + bytes(range(210)) * 120
    exif = struct.pack(">2sHIHHHIHHI", b"MM", 42, 8, 1, 0x0112, 3, 1, orientation or 1, 0, 0)
    chunks = [] if orientation is None else [(b"eXIf", exif)]
    for checked in both_ways(png(8400, 300, row * 300, *chunks)):
        turned = (300, 8400) if orientation == 6 else (8400, 300)
        assert (checked.width, checked.height) == turned


def test_damage_is_found_by_the_frugal_decoder_too() -> None:
    rows = (b"\0" + bytes(range(210)) * 120) * 290
    with pytest.raises(ImageRejected) as caught:
        check_image(png(8400, 300, rows), max_memory=FRUGAL)
    assert caught.value.reason in ("corrupt", "truncated")


# --- pixels that end early, in a file that does not ---


def test_a_png_without_its_last_rows_is_truncated() -> None:
    row = b"\0" + bytes(range(1, 201)) * 3
    black = b"\0" + bytes(600)
    assert check_image(png(200, 30, row * 30)).height == 30
    assert check_image(png(200, 30, row * 29 + black)).height == 30
    assert check_image(png(200, 30, black * 30)).height == 30
    for rows in (row * 29, row * 29 + row[:-1], row * 3, black * 29, black * 29 + black[:-1]):
        with pytest.raises(ImageRejected) as caught:
            check_image(png(200, 30, rows))
        assert caught.value.reason == "truncated"


def test_an_interlaced_png_without_its_last_pass_is_truncated() -> None:
    size = images._png_bytes(40, 24, 24, is_interlaced=True)
    assert size == sum(
        rows * (1 + 3 * columns)
        for columns, rows in ((5, 3), (5, 3), (10, 3), (10, 6), (20, 6), (20, 12), (40, 12))
    )
    assert check_image(png(40, 24, bytes(size), interlaced=1)).width == 40
    with pytest.raises(ImageRejected, match="its pixels end early"):
        check_image(png(40, 24, bytes(size - 121), interlaced=1))


# --- containers of countless parts ---


def refusal(data: bytes) -> str:
    with pytest.raises(ImageRejected) as caught:
        check_image(data)
    assert caught.value.reason == "unsupported_image"
    return caught.value.detail


def test_containers_of_countless_parts_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    image = painting(40, 30)
    for name in ("_MAX_PNG_CHUNKS", "_MAX_GIF_BLOCKS", "_MAX_AVIF_BOXES", "_MAX_TIFF_STRIPS"):
        monkeypatch.setattr(images, name, 50)
    monkeypatch.setattr(images, "MAX_JPEG_SEGMENTS", 50)
    row = b"\0" + bytes(120)
    assert "50 chunks" in refusal(png(40, 30, row * 30, *[(b"tEXt", b"a\0b")] * 60))
    gif = encode(image, "GIF")
    assert "50 blocks" in refusal(gif[:-1] + b"!\xfe\0" * 60 + b";")
    assert "50 blocks" in refusal(gif[:-1] + b"!\xfe" + b"\1a" * 60 + b"\0;")
    avif = encode(image, "AVIF", speed=10)
    assert "50 boxes" in refusal(avif + b"\0\0\0\x08free" * 60)
    jpeg = encode(image, "JPEG")
    assert "50 segments" in refusal(jpeg[:2] + b"\xff\xfe\0\2" * 60 + jpeg[2:])
    tiff = encode(painting(40, 400), "TIFF", compression="tiff_lzw", strip_size=120)
    assert "50 strips" in refusal(tiff)


def test_what_precedes_the_first_frame_of_a_gif_is_bounded() -> None:
    gif = encode(painting(40, 30), "GIF")
    at = images._gif_first_block(gif)
    comment = b"!\xfe" + (b"\xff" + b"a" * 255) * 4_000 + b"\0"
    assert check_image(gif[:at] + comment[:2] + b"\xff" + b"a" * 255 + b"\0" + gif[at:]).width == 40
    assert "bytes before its first frame" in refusal(gif[:at] + comment + gif[at:])


def test_a_profile_that_is_much_too_long_is_ignored() -> None:
    plain = check_image(encode(painting(40, 30), "PNG"))
    assert images._transform(b"x" * 5_000_000, "RGB") is None
    assert plain.format is ImageFormat.PNG


def test_the_size_of_an_avif_is_that_of_its_largest_item() -> None:
    data = encode(painting(40, 30), "AVIF", speed=10)
    at = data.index(b"ispe") + 8
    huge = data[:at] + struct.pack(">II", 60_000, 60_000) + data[at + 8 :]
    with pytest.raises(ImageRejected, match="60000×60000 is 3,600 megapixels"):
        check_image(huge)
    # What looks like a size behind the description of the items is not one.
    assert check_image(data + b"\0\0\0\x18free" + data[at - 8 : at] + b"\xff" * 8).width == 40
