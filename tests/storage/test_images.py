"""Images: what is accepted, what is refused and why, and that colours and sides come out right."""

from __future__ import annotations

import contextlib
import hashlib
import json
import random
import struct
import sys
import threading
import time
import tracemalloc
import zlib
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from io import BytesIO
from typing import Any

import imagehash
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageFile

from storage.errors import ImageRejected
from storage.images import (
    ImageFormat,
    check_image,
    decode_rgb,
    decode_rgb_sizes,
    image_key,
    phash_hex,
    preview_key,
    sniff,
)

FORMATS = list(ImageFormat)
LOSSLESS: dict[ImageFormat, dict[str, Any]] = {
    ImageFormat.JPEG: {"quality": 97, "subsampling": 0},
    ImageFormat.PNG: {},
    ImageFormat.WEBP: {"lossless": True, "method": 0},
    ImageFormat.AVIF: {"quality": 95, "speed": 10, "subsampling": "4:4:4"},
    ImageFormat.GIF: {},
    ImageFormat.TIFF: {"compression": "tiff_deflate"},
}


@cache
def picture(width: int = 96, height: int = 64) -> Image.Image:
    """A picture whose four corners differ: red, green, blue, yellow, on a gradient."""
    y, x = np.mgrid[0:height, 0:width]
    pixels = np.stack([x * 255 // width, y * 255 // height, 255 - x * 255 // width], axis=2)
    h, w = height // 2, width // 2
    for rows, columns, colour in (
        (slice(0, h // 2), slice(0, w // 2), (255, 0, 0)),
        (slice(0, h // 2), slice(-w // 2, None), (0, 255, 0)),
        (slice(-h // 2, None), slice(0, w // 2), (0, 0, 255)),
        (slice(-h // 2, None), slice(-w // 2, None), (255, 255, 0)),
    ):
        pixels[rows, columns] = colour
    return Image.fromarray(pixels.astype(np.uint8))


def encode(image: Image.Image, image_format: ImageFormat, **options: Any) -> bytes:
    buffer = BytesIO()
    image.save(buffer, image_format.value, **{**LOSSLESS[image_format], **options})
    return buffer.getvalue()


@cache
def encoded(image_format: ImageFormat, width: int = 96, height: int = 64) -> bytes:
    return encode(picture(width, height), image_format)


def difference(one: Any, other: Any) -> float:
    """Mean absolute difference of 255."""
    return float(np.abs(np.asarray(one, dtype=int) - np.asarray(other, dtype=int)).mean())


def reason(data: bytes, max_pixels: int = 1_000_000) -> str:
    with pytest.raises(ImageRejected) as caught:
        check_image(data, max_pixels=max_pixels)
    assert caught.value.detail
    with pytest.raises(ImageRejected) as again:
        decode_rgb(data, size=32, max_pixels=max_pixels)
    assert again.value.reason == caught.value.reason
    return caught.value.reason


# --- what is kept ---


@pytest.mark.parametrize("image_format", FORMATS)
def test_every_format(image_format: ImageFormat) -> None:
    data = encoded(image_format)
    checked = check_image(data, max_pixels=96 * 64)
    assert sniff(data) is image_format
    assert checked.format is image_format
    assert (checked.width, checked.height, checked.bytes) == (96, 64, len(data))
    assert checked.sha256 == hashlib.sha256(data).hexdigest()
    pixels = decode_rgb(data)
    assert pixels.shape == (64, 96, 3)
    assert pixels.dtype == np.uint8
    assert pixels.flags.writeable
    assert difference(pixels, picture()) < (12 if image_format is ImageFormat.GIF else 3)
    if image_format is ImageFormat.JPEG:
        assert checked.preview is None
        assert checked.preview_key == checked.object_key
    else:
        assert checked.preview is not None
        assert difference(Image.open(BytesIO(checked.preview)), pixels) < 6
        assert checked.preview_key == preview_key(checked.sha256)


@pytest.mark.parametrize("image_format", FORMATS)
@pytest.mark.parametrize("size", [(900, 600), (600, 900), (3000, 40), (513, 513)])
def test_preview_sides(image_format: ImageFormat, size: tuple[int, int]) -> None:
    checked = check_image(encoded(image_format, *size), max_pixels=10**6)
    assert (checked.width, checked.height) == size
    assert checked.preview is not None
    preview = Image.open(BytesIO(checked.preview))
    scale = 512 / max(size)
    assert preview.format == "JPEG"
    assert preview.mode == "RGB"
    assert max(preview.size) == 512
    assert preview.size == (round(size[0] * scale), round(size[1] * scale))
    assert difference(preview, picture(*size).resize(preview.size, Image.Resampling.BOX)) < (
        14 if min(preview.size) < 10 else 8
    )


def test_small_images_are_not_enlarged() -> None:
    for width, height in ((1, 1), (1, 700), (700, 1), (5, 3), (512, 512)):
        for image_format in (ImageFormat.JPEG, ImageFormat.PNG):
            data = encode(Image.new("RGB", (width, height), (9, 99, 199)), image_format)
            checked = check_image(data, max_pixels=10**6)
            assert (checked.width, checked.height) == (width, height)
            if checked.preview:
                preview = Image.open(BytesIO(checked.preview))
                assert max(preview.size) == min(512, max(width, height))
            if min(width, height) < 224:
                assert decode_rgb(data, size=224).shape[:2] == (height, width)


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from([ImageFormat.JPEG, ImageFormat.PNG, ImageFormat.WEBP]),
    st.tuples(st.integers(1, 300), st.integers(1, 300)),
    st.lists(st.one_of(st.none(), st.integers(1, 400)), max_size=8),
)
def test_sizes_that_are_decoded_together_are_those_decoded_alone(
    image_format: ImageFormat, size: tuple[int, int], wanted: list[int | None]
) -> None:
    data = encoded(image_format, *size)
    found = decode_rgb_sizes(data, wanted)
    assert found.keys() == set(wanted)
    for one, pixels in found.items():
        assert np.array_equal(pixels, decode_rgb(data, size=one))


def test_sizes_of_one_reduction_share_their_pixels() -> None:
    for image_format, same in ((ImageFormat.JPEG, (301, 400)), (ImageFormat.PNG, (267, 400))):
        found = decode_rgb_sizes(encoded(image_format, 1000, 800), (None, 900, *same, 80))
        assert found[None] is found[900]
        assert found[same[0]] is found[same[1]]
        assert len({id(pixels) for pixels in found.values()}) == 3


@pytest.mark.parametrize("image_format", [ImageFormat.JPEG, ImageFormat.PNG, ImageFormat.AVIF])
@pytest.mark.parametrize("size", [(1600, 1200), (500, 2000), (300, 230)])
@pytest.mark.parametrize("target", [1, 64, 224, 512])
def test_scaled_decoding(image_format: ImageFormat, size: tuple[int, int], target: int) -> None:
    full = picture(*size)
    pixels = decode_rgb(encoded(image_format, *size), size=target)
    height, width, _ = pixels.shape
    assert min(height, width) >= min(target, *size)
    assert (
        abs(width / height - size[0] / size[1]) < 0.05 * size[0] / size[1]
        or min(width, height) < 40
    )
    if min(size) >= 8 * target and image_format is not ImageFormat.JPEG:
        assert min(height, width) < 2 * target
    if min(height, width) > 16:
        assert difference(pixels, full.resize((width, height), Image.Resampling.BOX)) < 6


@pytest.mark.parametrize(
    "image_format",
    [ImageFormat.JPEG, ImageFormat.PNG, ImageFormat.WEBP, ImageFormat.AVIF, ImageFormat.TIFF],
)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation(image_format: ImageFormat, orientation: int) -> None:
    turn: dict[int, Any] = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    upright = picture(96, 64)
    stored = upright.transpose(turn[orientation]) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    tag = exif.tobytes()  # the AVIF plugin takes the tag out of what it is given
    data = encode(stored, image_format, exif=tag)
    checked = check_image(data, max_pixels=10**6)
    assert (checked.width, checked.height) == (96, 64)
    assert difference(decode_rgb(data), upright) < 3
    assert decode_rgb(data, size=16).shape == (16, 24, 3)
    canvas = painting(1, 96, 64)
    stored = canvas.transpose(turn[orientation]) if orientation > 1 else canvas
    hashes = [
        check_image(data, max_pixels=10**6).phash
        for data in (encode(canvas, image_format), encode(stored, image_format, exif=tag))
    ]
    assert distance(*hashes) <= 4
    if image_format is ImageFormat.JPEG:
        assert (checked.preview is None) == (orientation == 1)
    if checked.preview:
        assert difference(Image.open(BytesIO(checked.preview)), upright) < 6


@pytest.mark.parametrize("exif", [b"Exif\0\0garbage", b"Exif\0\0MM\0*\0\0\xff\xff", b"Exif\0\0"])
def test_broken_exif_is_ignored(exif: bytes) -> None:
    checked = check_image(encode(picture(), ImageFormat.JPEG, exif=exif), max_pixels=10**6)
    assert (checked.width, checked.height, checked.preview) == (96, 64, None)


# --- colour ---


def profile_bytes(name: Any) -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile(name)).tobytes()


@cache
def swapped_profile() -> bytes:
    """An RGB profile whose red and green primaries are exchanged: hard to overlook."""
    data = bytearray(profile_bytes("sRGB").replace(b"s\0R\0G\0B", b"t\0e\0s\0t"))
    data = bytearray(bytes(data).replace(b"sRGB", b"test"))
    table = {bytes(data[at : at + 4]): at for at in range(132, 132 + 12 * data[131], 12)}
    red, green = table[b"rXYZ"], table[b"gXYZ"]
    data[red + 4 : red + 8], data[green + 4 : green + 8] = (
        data[green + 4 : green + 8],
        data[red + 4 : red + 8],
    )
    return bytes(data)


@pytest.mark.parametrize(
    "image_format", [ImageFormat.JPEG, ImageFormat.PNG, ImageFormat.WEBP, ImageFormat.TIFF]
)
def test_icc_profile_is_applied(image_format: ImageFormat) -> None:
    data = encode(
        Image.new("RGB", (64, 64), (255, 0, 0)), image_format, icc_profile=swapped_profile()
    )
    red, green, blue = decode_rgb(data)[32, 32]
    assert (red < 20, green > 235, blue < 20) == (True, True, True)
    checked = check_image(data, max_pixels=10**6)
    assert checked.preview is not None
    assert difference(Image.open(BytesIO(checked.preview)), np.full((64, 64, 3), (0, 255, 0))) < 8


def test_srgb_profile_needs_no_conversion() -> None:
    data = encode(picture(), ImageFormat.JPEG, icc_profile=profile_bytes("sRGB"))
    assert check_image(data, max_pixels=10**6).preview is None


@pytest.mark.parametrize("profile", [b"x", b"\0" * 200, swapped_profile()[:300], b"ICC" * 999])
@pytest.mark.parametrize("image_format", [ImageFormat.JPEG, ImageFormat.PNG, ImageFormat.TIFF])
def test_corrupt_icc_profile_is_ignored(image_format: ImageFormat, profile: bytes) -> None:
    data = encode(picture(), image_format, icc_profile=profile)
    assert difference(decode_rgb(data), picture()) < 3
    check_image(data, max_pixels=10**6)


def test_profile_of_another_colour_space_is_ignored() -> None:
    data = encode(picture().convert("L"), ImageFormat.JPEG, icc_profile=swapped_profile())
    assert difference(decode_rgb(data), picture().convert("L").convert("RGB")) < 3


@pytest.mark.parametrize("image_format", [ImageFormat.JPEG, ImageFormat.TIFF])
def test_cmyk(image_format: ImageFormat) -> None:
    stored = picture().convert("CMYK")
    data = encode(stored, image_format)
    assert difference(decode_rgb(data), picture()) < 5
    checked = check_image(data, max_pixels=10**6)
    assert checked.preview is not None
    assert difference(Image.open(BytesIO(checked.preview)), picture()) < 8
    assert difference(decode_rgb(data), Image.open(BytesIO(data)).convert("RGB")) < 3


def test_lab_tiff() -> None:
    transform = ImageCms.buildTransform(
        ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB"
    )
    data = encode(transform.apply(picture()), ImageFormat.TIFF)
    assert difference(decode_rgb(data), picture()) < 4


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, depth: int, colour: int, rows: bytes, *more: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", header)
        + b"".join(more)
        + png_chunk(b"IDAT", zlib.compress(rows))
        + png_chunk(b"IEND", b"")
    )


def test_16_bit_png() -> None:
    grey = np.linspace(0, 65535, 64 * 64).reshape(64, 64).astype(">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in grey)
    expected = np.repeat((grey >> 8)[:, :, None], 3, axis=2)
    assert difference(decode_rgb(png(64, 64, 16, 0, rows)), expected) < 1
    colour = np.stack([grey, grey[::-1], grey.T], axis=2).astype(">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in colour)
    assert difference(decode_rgb(png(64, 64, 16, 2, rows)), colour >> 8) < 1


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.float32])
@pytest.mark.parametrize("size", [(64, 64), (1200, 900)])
def test_deep_tiff(dtype: Any, size: tuple[int, int]) -> None:
    width, height = size
    ramp = np.linspace(0, 1, width * height).reshape(height, width)
    deep = ramp.astype(np.float32) if dtype is np.float32 else (ramp * 65535).astype(dtype)
    buffer = BytesIO()
    Image.fromarray(deep).save(buffer, "TIFF")
    expected = np.repeat((ramp * 255)[:, :, None], 3, axis=2)
    assert difference(decode_rgb(buffer.getvalue()), expected) < 1.5
    assert decode_rgb(buffer.getvalue(), size=64).max() >= 250


def test_one_bit_and_palette() -> None:
    one = picture().convert("1")
    assert difference(decode_rgb(encode(one, ImageFormat.PNG)), one.convert("RGB")) == 0
    palette = picture().quantize(16)
    assert difference(decode_rgb(encode(palette, ImageFormat.PNG)), palette.convert("RGB")) == 0


@pytest.mark.parametrize("image_format", [ImageFormat.PNG, ImageFormat.WEBP, ImageFormat.TIFF])
@pytest.mark.parametrize("size", [(64, 64), (1400, 1100)])
def test_alpha_is_composed_on_white(image_format: ImageFormat, size: tuple[int, int]) -> None:
    image = Image.new("RGBA", size, (255, 0, 0, 0))
    image.paste((0, 0, 255, 128), (0, 0, size[0] // 2, size[1]))
    data = encode(image, image_format)
    for pixels in (decode_rgb(data), decode_rgb(data, size=32)):
        height, width, _ = pixels.shape
        assert difference(pixels[height // 2, width // 4], (127, 127, 255)) < 2
        assert difference(pixels[height // 2, 3 * width // 4], (255, 255, 255)) < 2
    preview = check_image(data, max_pixels=10**7).preview
    assert preview is not None
    corner = Image.open(BytesIO(preview)).getpixel((min(500, size[0] - 4), 10))
    assert difference(corner, (255, 255, 255)) < 4


@pytest.mark.parametrize("mode", ["LA", "PA", "P"])
def test_other_transparency(mode: str) -> None:
    if mode == "P":
        image = Image.new("P", (64, 64), 1)
        image.putpalette([0, 0, 0, 255, 0, 0])
        image.paste(0, (0, 0, 32, 64))
        data = encode(image, ImageFormat.PNG, transparency=bytes([0, 255]))
        assert difference(decode_rgb(data)[10, 50], (255, 0, 0)) == 0
    else:
        data = encode(Image.new("LA", (64, 64), (0, 0)), ImageFormat.PNG)
    assert difference(decode_rgb(data)[10, 10], (255, 255, 255)) == 0


@pytest.mark.parametrize(
    "image_format", [ImageFormat.GIF, ImageFormat.WEBP, ImageFormat.PNG, ImageFormat.AVIF]
)
def test_animations_are_their_first_frame(image_format: ImageFormat) -> None:
    frames = [Image.new("RGB", (80, 60), colour) for colour in ("red", "lime", "blue")]
    data = encode(frames[0], image_format, save_all=True, append_images=frames[1:], duration=50)
    checked = check_image(data, max_pixels=80 * 60)
    assert (checked.format, checked.width, checked.height) == (image_format, 80, 60)
    assert difference(decode_rgb(data), frames[0]) < 6


def test_progressive_and_grey_jpeg() -> None:
    big = picture(900, 700)
    for image in (big, big.convert("L")):
        data = encode(image, ImageFormat.JPEG, progressive=True)
        assert difference(decode_rgb(data), image.convert("RGB")) < 3
        assert check_image(data, max_pixels=10**6).preview is not None
    assert check_image(encode(picture().convert("L"), ImageFormat.JPEG)).preview is None


# --- hash ---


@cache
def painting(seed: int, width: int = 640, height: int = 480) -> Image.Image:
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8))
    return coarse.resize((width, height), Image.Resampling.BICUBIC)


def distance(one: int, other: int) -> int:
    return bin((one ^ other) & (2**64 - 1)).count("1")


@pytest.mark.parametrize("image_format", FORMATS)
def test_phash_is_that_of_imagehash(image_format: ImageFormat) -> None:
    for seed in range(4):
        image = painting(seed)
        checked = check_image(encode(image, image_format), max_pixels=10**6)
        expected = int(str(imagehash.phash(image)), 16)
        assert distance(checked.phash, expected) <= (8 if image_format is ImageFormat.GIF else 3)
        assert -(2**63) <= checked.phash < 2**63
        assert int(checked.phash_hex, 16) == checked.phash % 2**64
        assert len(checked.phash_hex) == 16


def test_phash_does_not_depend_on_size_or_quality() -> None:
    small, large = painting(1, 400, 300), painting(1, 1600, 1200)
    hashes = [
        check_image(encode(small, ImageFormat.JPEG)).phash,
        check_image(encode(small, ImageFormat.PNG)).phash,
        check_image(encode(large, ImageFormat.JPEG, quality=60)).phash,
        check_image(encode(large, ImageFormat.PNG)).phash,
    ]
    assert max(distance(one, other) for one in hashes for other in hashes) <= 4
    others = [check_image(encode(painting(seed), ImageFormat.JPEG)).phash for seed in range(2, 8)]
    assert min(distance(hashes[0], other) for other in others) > 12


def test_flat_images_hash_alike() -> None:
    hashes = {
        check_image(encode(Image.new("RGB", (700, 500), (grey,) * 3), ImageFormat.PNG)).phash
        for grey in (1, 77, 128, 255)
    }
    assert len(hashes) == 1


def test_phash_hex() -> None:
    assert phash_hex(-1) == "f" * 16
    assert phash_hex(1) == "0" * 15 + "1"


def test_keys() -> None:
    sha256 = "ab" + "cd" + "0" * 60
    assert image_key(sha256, ImageFormat.JPEG) == f"images/ab/cd/{sha256}.jpg"
    assert image_key(sha256, "tiff") == f"images/ab/cd/{sha256}.tif"
    assert preview_key(sha256) == f"previews/512/ab/cd/{sha256}.jpg"
    assert [f.extension for f in FORMATS] == ["jpg", "png", "webp", "avif", "gif", "tif"]
    assert {f.content_type for f in FORMATS} == {
        f"image/{name}" for name in ("jpeg", "png", "webp", "avif", "gif", "tiff")
    }


# --- what is refused ---


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", "empty_body"),
        (b"<!DOCTYPE html><html>", "html_as_image"),
        (b"\xef\xbb\xbf\n <html lang=en><body>Not found", "html_as_image"),
        (b"<!-- hi --><HTML>", "html_as_image"),
        (b'<?xml version="1.0"?><!DOCTYPE html PUBLIC "x"><html>', "html_as_image"),
        ("<html>Größe".encode("utf-16"), "html_as_image"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "svg_as_image"),
        (b'<?xml version="1.0"?>\n<!-- c -->\n<svg/>', "svg_as_image"),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "xml_as_image"),
        (b'{"error": "not found"}', "json_as_image"),
        (b' [1, {"a": 2}]', "json_as_image"),
        (json.dumps({"a": ["é"]}).encode(), "json_as_image"),
        (b"Not found", "text_as_image"),
        (b"{what is this}", "text_as_image"),
        (b"%PDF-1.7 ...", "not_an_image"),
        (b"\x1f\x8b\x08\0\0\0", "not_an_image"),
        (bytes(range(256)), "not_an_image"),
        (b"\0" * 1000, "not_an_image"),
        (b"\0\0\0\x18ftypisom\0\0\0\0isomiso2", "not_an_image"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "unsupported_image"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "unsupported_image"),
        (b"8BPS\0\x01", "unsupported_image"),
    ],
)
def test_other_bodies(body: bytes, expected: str) -> None:
    assert reason(body) == expected


def test_bmp_is_unsupported() -> None:
    buffer = BytesIO()
    picture().save(buffer, "BMP")
    assert reason(buffer.getvalue()) == "unsupported_image"


@pytest.mark.parametrize("image_format", FORMATS)
def test_truncation_is_refused(image_format: ImageFormat) -> None:
    for data in (encoded(image_format), encoded(image_format, 700, 520)):
        cuts = {1, 2, 3, 4, 9, 30, len(data) // 10, len(data) // 3, len(data) // 2}
        cuts |= {len(data) * 9 // 10, len(data) - 40}
        for cut in cuts:
            what = reason(data[: len(data) - cut])
            if cut < len(data) // 2:
                assert what == "truncated", (cut, what)


@pytest.mark.parametrize("image_format", [ImageFormat.GIF, ImageFormat.WEBP, ImageFormat.PNG])
def test_truncation_in_a_later_frame_is_refused(image_format: ImageFormat) -> None:
    frames = [painting(seed, 80, 60) for seed in range(3)]
    data = encode(frames[0], image_format, save_all=True, append_images=frames[1:])
    assert reason(data[:-100]) == "truncated"


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_blocks": 4}])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_damaged_jpeg_is_refused(options: dict[str, Any], mode: str) -> None:
    for size in ((300, 200), (900, 700)):
        data = encode(painting(3, *size).convert(mode), ImageFormat.JPEG, **options)
        check_image(data, max_pixels=10**6)
        middle = len(data) // 2
        assert reason(data[:middle] + bytes(400) + data[middle + 400 :]) == "corrupt"
        assert reason(data[:middle] + b"\xff\xd9") in ("corrupt", "truncated")


def test_jpeg_oddities_are_accepted() -> None:
    data = encode(painting(3, 900, 700), ImageFormat.JPEG)
    for odd in (
        data + b"trailing",
        data + b"\xff\xd8" * 3,
        data[:-2] + b"\0" * 7 + b"\xff\xd9",
        data[:-2] + b"\xff" * 7 + b"\xff\xd9",
        data.replace(b"JFIF\0\1", b"JFIF\0\2", 1),
    ):
        assert check_image(odd, max_pixels=10**6).width == 900


def test_png_checksums_are_verified() -> None:
    data = bytearray(encoded(ImageFormat.PNG, 300, 200))
    generator = random.Random(7)
    for _ in range(100):
        at = generator.randrange(8, len(data))
        data[at] ^= 1 << (bit := generator.randrange(8))
        assert reason(bytes(data)) in ("corrupt", "truncated", "too_many_pixels")
        data[at] ^= 1 << bit


@pytest.mark.parametrize("image_format", FORMATS)
def test_flipped_bits_raise_nothing_else(image_format: ImageFormat) -> None:
    data = bytearray(encoded(image_format))
    generator = random.Random(5)
    refused = 0
    for number in range(150):
        limit = min(len(data), 400) if number % 2 else len(data)  # headers above all
        at, bit = generator.randrange(limit), generator.randrange(8)
        data[at] ^= 1 << bit
        try:
            check_image(bytes(data), max_pixels=10**6)
        except ImageRejected:
            refused += 1
        data[at] ^= 1 << bit
    assert refused


def gif_header(width: int, height: int, frame: tuple[int, int]) -> bytes:
    return (
        b"GIF89a"
        + struct.pack("<HHBBB", width, height, 0x80, 0, 0)
        + bytes(6)
        + b"!\xf9\x04\x08\0\0\0\0"
        + b","
        + struct.pack("<HHHHB", 0, 0, *frame, 0)
        + b"\x02\x02\x4c\x01\0;"
    )


def webp_header(kind: bytes, body: bytes) -> bytes:
    chunk = kind + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", len(chunk) + 4) + b"WEBP" + chunk


def tiff_header(width: int, height: int) -> bytes:
    tags = [(256, 4, width), (257, 4, height), (258, 3, 1), (259, 3, 1), (262, 3, 1)]
    tags += [(273, 4, 8), (277, 3, 1), (278, 4, height), (279, 4, 4)]
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + entries + bytes(4)


def jpeg_header(width: int, height: int) -> bytes:
    data = encoded(ImageFormat.JPEG)
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]


def avif_header(width: int, height: int) -> bytes:
    data = encoded(ImageFormat.AVIF)
    at = data.index(b"ispe") + 8
    return data[:at] + struct.pack(">II", width, height) + data[at + 8 :]


BOMBS = {
    "png": png(60_000, 60_000, 8, 2, b""),
    "png 1 bit": png(40_000, 40_000, 1, 0, bytes(100_000)),
    "gif screen": gif_header(65_535, 65_535, (1, 1)),
    "gif frame": gif_header(1, 1, (65_535, 65_535)),
    "webp": webp_header(b"VP8 ", b"\0\0\0\x9d\x01\x2a\xff\x3f\xff\x3f" + bytes(20)),
    "webp lossless": webp_header(b"VP8L", b"\x2f" + b"\xff\xff\xff\x0f" + bytes(20)),
    "webp extended": webp_header(b"VP8X", b"\x02\0\0\0" + b"\xff" * 6 + bytes(20)),
    "tiff": tiff_header(100_000, 100_000),
    "jpeg": jpeg_header(65_000, 65_000),
    "avif": avif_header(60_000, 60_000),
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_refused_by_their_header(name: str) -> None:
    resource = pytest.importorskip("resource")
    check_image(encoded(ImageFormat.JPEG), max_pixels=10**6)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    tracemalloc.start()
    started = time.monotonic()
    try:
        what = reason(BOMBS[name], max_pixels=150_000_000)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # libavif has a limit of its own, which it tells while reading the header.
    assert what == "too_many_pixels" or (name == "avif" and what != "empty_body")
    assert time.monotonic() - started < 1
    assert peak < 5_000_000
    if sys.platform == "linux":  # kilobytes there
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 30_000


@pytest.mark.parametrize("image_format", FORMATS)
def test_one_pixel_too_many(image_format: ImageFormat) -> None:
    assert reason(encoded(image_format), max_pixels=96 * 64 - 1) == "too_many_pixels"


def test_large_one_bit_images_shrink_in_bands() -> None:
    side = 6000
    rows = (b"\0" + b"\xaa" * (side // 8)) * side
    data = png(side, side, 1, 0, rows)
    checked = check_image(data, max_pixels=side * side)
    assert (checked.width, checked.height) == (side, side)
    assert checked.preview is not None
    assert difference(Image.open(BytesIO(checked.preview)), np.full((512, 512, 3), 128)) < 4


def test_a_jpeg_of_countless_scans_is_refused() -> None:
    data = encode(painting(1), ImageFormat.JPEG, progressive=True)
    scan = data.index(b"\xff\xda")
    empty = data[scan : scan + 2 + int.from_bytes(data[scan + 2 : scan + 4], "big")]
    assert reason(data[:scan] + empty * 3000 + data[scan:]) == "unsupported_image"


# --- anything at all ---

SIGNATURES = [encoded(image_format)[:40] for image_format in FORMATS]


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=200),
        st.builds(bytes.__add__, st.sampled_from(SIGNATURES), st.binary(max_size=200)),
        st.builds(
            lambda start, size, body: start[:size] + body,
            st.sampled_from(SIGNATURES),
            st.integers(0, 40),
            st.binary(max_size=100),
        ),
        st.text(max_size=60).map(str.encode),
    )
)
@example(b"\xff\xd8\xff")
@example(b"GIF89a")
@example(b"RIFF\0\0\0\0WEBP")
@example(b"II*\0")
@example(b"\0\0\0\x20ftypavif")
def test_arbitrary_bytes_raise_only_rejections(data: bytes) -> None:
    with contextlib.suppress(ImageRejected):
        check_image(data, max_pixels=10**6)
    sniff(data)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(FORMATS), st.integers(0, 3000), st.integers(0, 200), st.binary(max_size=20))
def test_spliced_images_raise_only_rejections(
    image_format: ImageFormat, at: int, removed: int, inserted: bytes
) -> None:
    data = encoded(image_format)
    at %= len(data)
    with contextlib.suppress(ImageRejected):
        decode_rgb(data[:at] + inserted + data[at + removed :], size=32, max_pixels=10**6)


# --- manners ---


def test_pillow_is_left_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", False)
    for image_format in FORMATS:
        # These two plugins hold the size against Pillow's limit by themselves.
        if image_format not in (ImageFormat.WEBP, ImageFormat.TIFF):
            assert check_image(encoded(image_format), max_pixels=10**6).width == 96
    assert Image.MAX_IMAGE_PIXELS == 100
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False


def test_threads_agree() -> None:
    bodies = [encoded(image_format, 700, 520) for image_format in FORMATS]
    bodies.append(encode(painting(2, 800, 600), ImageFormat.JPEG, icc_profile=swapped_profile()))
    expected = [check_image(body) for body in bodies]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(4):
            assert list(pool.map(check_image, bodies)) == expected


def test_decoding_a_jpeg_lets_other_threads_run() -> None:
    data = encode(painting(5, 3000, 2400), ImageFormat.JPEG)
    gaps: list[float] = []
    stop = threading.Event()

    def tick() -> None:
        last = time.perf_counter()
        while not stop.is_set():
            time.sleep(0.0005)
            now = time.perf_counter()
            gaps.append(now - last)
            last = now

    ticking = threading.Thread(target=tick)
    ticking.start()
    for _ in range(5):
        check_image(data, max_pixels=10**7)
    stop.set()
    ticking.join()
    assert len(gaps) > 20
    assert sorted(gaps)[len(gaps) // 2] < 0.02
