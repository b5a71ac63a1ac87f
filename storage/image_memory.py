"""How much memory decoding an image takes, told from its header before anything is decoded.

Pixels alone do not tell: of 144 megapixels, a baseline JPEG takes 20 MB, since it is shrunk while
it is decoded; a grey PNG takes 144 MB; a progressive JPEG up to 1.2 GB, since its scans refine
coefficients that are all kept; a WebP 2.2 GB in Pillow, which holds several canvases of it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

from PIL import ImageFile, JpegImagePlugin, TiffImagePlugin

# Bands of rows, entropy tables, and what becomes a preview: up to 2,047 pixels a side.
FIXED: Final = 32_000_000
REDUCTION: Final = 8
"""How many times the frugal decoder shrinks what it decodes, in each direction."""

_PNG_BYTES: Final = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2}
_TIFF_BYTES: Final = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16N": 2}
_WEBP_BYTES: Final = 16
_GIF_BYTES: Final = 2

MAX_JPEG_SEGMENTS: Final = 20_000


def decoding_memory(image: ImageFile.ImageFile, data: bytes) -> int:
    """Return the bytes that the usual decoder takes at most, its encoded `data` included.

    `image` was opened by Pillow, and its pixels were not asked for yet.
    """
    pixels = image.width * image.height
    match image.format:
        case "PNG":
            needed = pixels * _PNG_BYTES.get(image.mode, 4)
        case "WEBP":
            needed = pixels * _WEBP_BYTES
        case "GIF":
            needed = pixels * _GIF_BYTES
        case "TIFF":
            needed = pixels * _TIFF_BYTES.get(image.mode, 4) + _tiff_strip(image)
        case "AVIF":
            needed = round(pixels * _avif_bytes(image.mode, data))
        case _:
            needed = _jpeg_coefficients(image, data)
    return needed + FIXED + len(data)


def frugal_memory(image: ImageFile.ImageFile, data: bytes) -> int | None:
    """Return the bytes that OpenCV takes, which holds three for a pixel, for the same picture.

    None where it would show another one: it knows no transparency, and no format but two.
    """
    if image.mode != "RGB" or image.has_transparency_data:
        return None
    if image.format == "PNG":
        per_pixel = 3
    elif image.format == "WEBP" and (kind := _webp_bitstream(data)) is not None:
        per_pixel = 7 if kind == b"VP8L" else 3
    else:
        return None
    pixels = image.width * image.height
    return pixels * per_pixel + 6 * pixels // REDUCTION**2 + FIXED // 2 + len(data)


def jpeg_segments(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield marker and offset (of the length that follows it) up to the first scan, included.

    It ends with what is no segment; what that means, the decoder tells.
    """
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # padding
            at += 1
            continue
        if marker == 0x01 or 0xD0 <= marker <= 0xD9:  # without a length
            at += 2
            continue
        yield marker, at + 2
        if marker == 0xDA:
            return
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")


def _jpeg_coefficients(image: ImageFile.ImageFile, data: bytes) -> int:
    """Return the bytes of all coefficients of a JPEG whose scans add up; 0 if it has one scan."""
    assert isinstance(image, JpegImagePlugin.JpegImageFile)
    layers: list[tuple[int, int, int, int]] = image.layer
    in_first_scan = next((data[at + 2] for mark, at in jpeg_segments(data) if mark == 0xDA), 0)
    if "progressive" not in image.info and in_first_scan >= len(layers):
        return 0
    widest = max((layer[1] for layer in layers), default=1) or 1
    highest = max((layer[2] for layer in layers), default=1) or 1
    total = 0
    for _, across, down, _ in layers:
        columns = -(-image.width * across // (widest * 8)) + across
        rows = -(-image.height * down // (highest * 8)) + down
        total += columns * rows * 64 * 2
    return total


def _tiff_strip(image: ImageFile.ImageFile) -> int:
    """Return the bytes of a decoded strip or tile, which may be the whole image."""
    assert isinstance(image, TiffImagePlugin.TiffImageFile)
    tags = image.tag_v2
    bits = tags.get(TiffImagePlugin.BITSPERSAMPLE, (1,))
    per_pixel = -(-sum(bits) // 8) if isinstance(bits, tuple) else 4
    width = tags.get(TiffImagePlugin.TILEWIDTH)
    rows = tags.get(TiffImagePlugin.TILELENGTH)
    if not isinstance(width, int) or not isinstance(rows, int):
        width, rows = image.width, tags.get(TiffImagePlugin.ROWSPERSTRIP, image.height)
    if not isinstance(rows, int):
        rows = image.height
    return width * min(rows, max(image.height, 1 << 16)) * per_pixel


def _avif_bytes(mode: str, data: bytes) -> float:
    """Return the bytes for a pixel: planes as coded, the same as RGB twice, and Pillow's own."""
    at = data.find(b"av1C", 0, 1 << 16)
    flags = data[at + 6] if 0 <= at < len(data) - 6 else 0b0100_0000
    chroma = 0.0 if flags & 0x10 else 2 / (1 + bool(flags & 0x08)) / (1 + bool(flags & 0x04))
    samples = 1 + chroma + (mode == "RGBA")
    return samples * (2 if flags & 0x40 else 1) + 2 * len(mode) + 4


def _webp_bitstream(data: bytes) -> bytes | None:
    """Return which kind of bitstream a still WebP holds; None for an animation."""
    at = 12
    for _ in range(100):
        if at + 8 > len(data):
            break
        kind, length = struct.unpack_from("<4sI", data, at)
        if kind in (b"VP8 ", b"VP8L"):
            return bytes(kind)
        if kind in (b"ANIM", b"ANMF"):
            break
        at += 8 + length + (length & 1)
    return None
