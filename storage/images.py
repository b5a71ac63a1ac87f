"""Images: recognise, check, decode, preview and hash. The one place where pixels are decoded.

Everything here is a pure function of bytes, safe to call from several threads at once. JPEG, the
bulk of what the web serves, is decoded at a reduced size by libjpeg-turbo, which reads its whole
entropy-coded stream, tells damage apart from oddities, and releases the GIL; the other formats go
through Pillow.
"""

from __future__ import annotations

import hashlib
import json
import re
import struct
import zlib
from contextlib import nullcontext
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import cv2
import numpy as np
import simplejpeg
from PIL import (
    AvifImagePlugin,
    GifImagePlugin,
    Image,
    ImageCms,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from storage.errors import ImageRejected
from storage.image_memory import (
    MAX_JPEG_SEGMENTS,
    REDUCTION,
    decoding_memory,
    frugal_memory,
    jpeg_segments,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable
    from contextlib import AbstractContextManager

    from numpy.typing import NDArray

    RGBArray: TypeAlias = NDArray[np.uint8]

Blob: TypeAlias = bytes
"""`bytes`, under a name that the field `CheckedImage.bytes` does not hide."""

PREVIEW_SIDE: Final = 512
"""Longer side of a preview, in pixels."""

PREVIEW_QUALITY: Final = 85
"""JPEG quality of a preview, with 4:2:0 chroma."""

MAX_PIXELS: Final = 150_000_000
"""The default pixel budget of one image.

Beyond 179 megapixels, some of Pillow's plugins hold the size against a limit of their own.
"""

MAX_MEMORY: Final = 480_000_000
"""The default memory budget of one image, in bytes: what checking it may take at its peak."""

# A progressive JPEG has about ten scans; thousands of empty ones burn minutes in a few kilobytes.
_MAX_JPEG_SCANS: Final = 500

# Containers of countless tiny parts, which would be walked through for minutes.
_MAX_PNG_CHUNKS: Final = 500_000
_MAX_GIF_BLOCKS: Final = 2_000_000
_MAX_AVIF_BOXES: Final = 100_000
_MAX_TIFF_STRIPS: Final = 500_000

# What Pillow puts together piece by piece before the first frame of a GIF (comments, XMP), bytes.
_MAX_GIF_PROLOGUE: Final = 1_000_000

# Profiles of printers have two megabytes; beyond, none is worth being kept in mind, in bytes.
_MAX_PROFILE: Final = 4_000_000

_HASH_SIDE: Final = 32
_HASH_FREQUENCIES: Final = 8


class ImageFormat(StrEnum):
    """The formats that are stored; the value is what the database and the API say."""

    JPEG = "jpeg"
    PNG = "png"
    WEBP = "webp"
    AVIF = "avif"
    GIF = "gif"
    TIFF = "tiff"

    @property
    def extension(self) -> str:
        """The file name extension in object keys, without the dot."""
        return _EXTENSIONS.get(self, self.value)

    @property
    def content_type(self) -> str:
        """The media type."""
        return f"image/{self.value}"


_EXTENSIONS: Final = {ImageFormat.JPEG: "jpg", ImageFormat.TIFF: "tif"}

_PLUGINS: Final[dict[ImageFormat, type[ImageFile.ImageFile]]] = {
    ImageFormat.JPEG: JpegImagePlugin.JpegImageFile,
    ImageFormat.PNG: PngImagePlugin.PngImageFile,
    ImageFormat.WEBP: WebPImagePlugin.WebPImageFile,
    ImageFormat.AVIF: AvifImagePlugin.AvifImageFile,
    ImageFormat.GIF: GifImagePlugin.GifImageFile,
    ImageFormat.TIFF: TiffImagePlugin.TiffImageFile,
}


@dataclass(frozen=True, slots=True)
class CheckedImage:
    """An image that was decoded to its end, and what is worth keeping of it.

    `width` and `height` are pixels with the EXIF orientation applied, `bytes` is the size of the
    original. `preview` is an upright sRGB JPEG whose longer side is at most 512 pixels, or None
    where the original serves as its own preview. `phash` is the 64-bit perceptual hash (DCT, as
    `imagehash.phash`) as a signed integer, which is what a PostgreSQL bigint holds.
    """

    sha256: str
    format: ImageFormat
    width: int
    height: int
    bytes: int
    preview: Blob | None
    phash: int

    @property
    def phash_hex(self) -> str:
        """The perceptual hash as 16 hexadecimal digits, as `str(imagehash.phash(image))`."""
        return phash_hex(self.phash)

    @property
    def content_type(self) -> str:
        """The media type of the original."""
        return self.format.content_type

    @property
    def object_key(self) -> str:
        """Where the original is stored."""
        return image_key(self.sha256, self.format)

    @property
    def preview_key(self) -> str:
        """Where the preview is stored; the original's key where there is no separate one."""
        return self.object_key if self.preview is None else preview_key(self.sha256)


def image_key(sha256: str, image_format: ImageFormat | str) -> str:
    """Return the object key of an original: `images/ab/cd/<sha256>.<extension>`."""
    extension = ImageFormat(image_format).extension
    return f"images/{sha256[:2]}/{sha256[2:4]}/{sha256}.{extension}"


def preview_key(sha256: str) -> str:
    """Return the object key of a preview: `previews/512/ab/cd/<sha256>.jpg`."""
    return f"previews/{PREVIEW_SIDE}/{sha256[:2]}/{sha256[2:4]}/{sha256}.jpg"


def phash_hex(phash: int) -> str:
    """Return a signed 64-bit perceptual hash as 16 hexadecimal digits."""
    return f"{phash & 0xFFFF_FFFF_FFFF_FFFF:016x}"


def sniff(data: bytes) -> ImageFormat | None:
    """Return the format that the signature of `data` announces, or None."""
    if data.startswith(b"\xff\xd8\xff"):
        return ImageFormat.JPEG
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return ImageFormat.PNG
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return ImageFormat.WEBP
    if data.startswith((b"GIF87a", b"GIF89a")):
        return ImageFormat.GIF
    if data.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")):
        return ImageFormat.TIFF
    if not _brands(data).isdisjoint((b"avif", b"avis")):
        return ImageFormat.AVIF
    return None


def check_image(
    data: bytes,
    *,
    max_pixels: int = MAX_PIXELS,
    max_memory: int = MAX_MEMORY,
    reserve: Callable[[int], AbstractContextManager[object]] = nullcontext,
) -> CheckedImage:
    """Decode `data` to its end, and return its identity, size, preview and perceptual hash.

    The pixel count is read from the header and held against `max_pixels` before anything is
    decoded; then the bytes that decoding takes are held against `max_memory`, and asked of
    `reserve`, which may wait. Of an animation, the first frame counts. What an image is besides, a
    script or an archive, does not matter: it is kept as it came, and served as an image.

    Raises ImageRejected with one of these reasons: `empty_body`, `html_as_image`,
    `svg_as_image`, `xml_as_image`, `json_as_image`, `text_as_image`, `not_an_image`,
    `unsupported_image`, `too_many_pixels`, `truncated`, `corrupt`.
    """
    source = _Source(data, max_pixels, max_memory)
    with reserve(source.memory()):
        return _checked(source)


def _checked(source: _Source) -> CheckedImage:
    data = source.data
    width, height = source.size
    longer = max(width, height)
    preview: bytes | None = None
    if source.serves_as_preview and longer <= PREVIEW_SIDE:
        # Grey is all the hash needs, and decoding it skips the chroma planes' arithmetic.
        orientation, small = 1, source.decode_grey(at_least=4 * _HASH_SIDE)
    else:
        min_width, min_height = source.preview_minimum()
        small = source.decode(min_width=min_width, min_height=min_height)
        if longer > PREVIEW_SIDE:
            scale = PREVIEW_SIDE / longer
            size = (max(1, round(width * scale)), max(1, round(height * scale)))
            if small.size != size:
                small = _shrunk(small, size)
        orientation = source.orientation()
        small = _upright(small, orientation)
        preview = simplejpeg.encode_jpeg(np.asarray(small), PREVIEW_QUALITY, "RGB", "420")
    if orientation in _TURNED:
        width, height = height, width
    return CheckedImage(
        sha256=hashlib.sha256(data).hexdigest(),
        format=source.format,
        width=width,
        height=height,
        bytes=len(data),
        preview=preview,
        phash=_perceptual_hash(small),
    )


def decode_rgb(data: bytes, *, size: int | None = None, max_pixels: int = MAX_PIXELS) -> RGBArray:
    """Decode `data` into `(height, width, 3) uint8` sRGB, upright, alpha composed on white.

    With `size` (pixels), the image is shrunk while decoding by the largest step that keeps the
    shorter side at `size` or more; an image that is smaller already keeps its own size. The
    result is seldom exactly `size`: the caller resizes as its model wants. Without `size`, the
    result has every pixel. Of an animation, the first frame is decoded.

    Raises ImageRejected as `check_image` does.
    """
    return _pixels(_Source(data, max_pixels), size)


def decode_rgb_sizes(
    data: bytes, sizes: Iterable[int | None], *, max_pixels: int = MAX_PIXELS
) -> dict[int | None, RGBArray]:
    """Return what `decode_rgb` gives for each of `sizes`, decoding once for each reduction.

    Sizes for which the image is shrunk alike share one array: nobody may write into it.
    """
    source = _Source(data, max_pixels)
    decoded: dict[Hashable, RGBArray] = {}
    found: dict[int | None, RGBArray] = {}
    for size in sizes:
        reduction = source.reduction(size)
        if reduction not in decoded:
            decoded[reduction] = _pixels(source, size)
        found[size] = decoded[reduction]
    return found


def _pixels(source: _Source, size: int | None) -> RGBArray:
    min_width, min_height = source.size
    if size is not None and size < min(source.size):
        min_width = min_height = max(1, size)
    if source.serves_as_preview:
        return source.decode_plain(min_width=min_width, min_height=min_height)
    image = source.decode(min_width=min_width, min_height=min_height)
    return np.array(_upright(image, source.orientation()))


class _Source:
    """Encoded bytes whose header was read and found acceptable."""

    def __init__(self, data: bytes, max_pixels: int, max_memory: int = MAX_MEMORY) -> None:
        if not data:
            raise ImageRejected("empty_body", "the answer has no bytes")
        image_format = sniff(data)
        if image_format is None:
            raise _not_an_image(data)
        self.data = data
        self.format = image_format
        self._max_memory = max_memory
        # Some decoders allocate their canvas when they are opened, so these headers are read by
        # hand first; the check after opening is for the others.
        if (declared := _declared_size(data, image_format)) is not None:
            _check_pixels(declared, max_pixels)
        _check_structure(data, image_format)
        self.image = self._open()
        self.size = (self.image.width, self.image.height)
        _check_pixels(self.size, max_pixels)
        if "progressive" in self.image.info and data.count(b"\xff\xda") > _MAX_JPEG_SCANS:
            raise ImageRejected("unsupported_image", f"a JPEG of more than {_MAX_JPEG_SCANS} scans")
        # Pillow turns TIFF by itself when it loads the pixels, and gives the turned size at once.
        self._turns_itself = image_format is ImageFormat.TIFF

    def _open(self) -> ImageFile.ImageFile:
        # The format's own class instead of `Image.open`: that would hold the size against
        # Pillow's process-wide limit, and would try formats that were not announced.
        try:
            return _PLUGINS[self.format](BytesIO(self.data))
        except Exception as error:
            raise self._rejection(error) from error

    def _rejection(self, error: Exception) -> ImageRejected:
        """Translate what a decoder raised; Pillow raises nearly anything on hostile bytes."""
        if isinstance(error, ImageRejected):
            return error
        detail = f"{self.format.value}: {str(error) or type(error).__name__}"
        if isinstance(error, (Image.DecompressionBombError, Image.DecompressionBombWarning)):
            return ImageRejected("too_many_pixels", detail)
        if isinstance(error, NotImplementedError):
            return ImageRejected("unsupported_image", detail)
        cut_jpeg = self.format is ImageFormat.JPEG and not self.data.endswith(b"\xff\xd9")
        if cut_jpeg or re.search(r"truncated|premature end of jpeg|not enough", detail.lower()):
            return ImageRejected("truncated", detail)
        if re.search(r"unsupported|not supported|cannot (handle|decode)|unknown", detail.lower()):
            return ImageRejected("unsupported_image", detail)
        return ImageRejected("corrupt", detail)

    def preview_minimum(self) -> tuple[int, int]:
        """Return the width and height that are decoded at least for a preview."""
        width, height = self.size
        # Box filtering down to the very size would alias; JPEG's own scaling does not.
        gap = 1 if self.format is ImageFormat.JPEG else 2
        least = min(max(width, height), gap * PREVIEW_SIDE)
        return (least, 0) if width >= height else (0, least)

    def reduction(self, size: int | None) -> Hashable:
        """Return what sizes have in common for which `decode_rgb` gives the same pixels."""
        shorter = min(self.size)
        size = shorter if size is None else min(max(1, size), shorter)
        times = shorter // size
        if self.format is not ImageFormat.JPEG:
            return "frugal" if self._is_frugal(size, size) else times
        # Eighths as libjpeg takes them, and halves for files that are left to Pillow.
        eighths = next(n for n in (1, 2, 3, 4, 8) if -(-shorter * n // 8) >= size)
        return eighths, min(times, 8).bit_length()

    def memory(self) -> int:
        """Return the bytes that a check takes; raise ImageRejected if it may not take them."""
        needed = decoding_memory(self.image, self.data)
        if self._is_frugal(*self.preview_minimum()):
            needed = frugal_memory(self.image, self.data) or needed
        if needed <= self._max_memory:
            return needed
        width, height = self.size
        raise ImageRejected(
            "too_many_pixels",
            f"decoding {width}×{height} pixels of this {self.format.value} takes "
            f"{needed / 1e6:,.0f} MB, the limit is {self._max_memory / 1e6:,.0f} "
            "(ARTWORKS_MAX_IMAGE_MEMORY)",
        )

    @property
    def serves_as_preview(self) -> bool:
        """Whether the original is an upright sRGB JPEG."""
        return (
            self.format is ImageFormat.JPEG
            and self.image.mode in ("L", "RGB")
            and self.orientation() == 1
            and _transform(self.image.info.get("icc_profile"), self.image.mode) is None
        )

    def orientation(self) -> int:
        """The EXIF orientation that is still to be applied, 1 to 8.

        For formats other than JPEG, call it after the pixels are decoded: the tag may follow
        them.
        """
        if self._turns_itself:
            return 1
        info = self.image.info
        if self.format is ImageFormat.JPEG and "exif" not in info and "xmp" not in info:
            return 1
        try:
            value = self.image.getexif().get(0x0112, 1)
        except Exception:  # noqa: BLE001 - broken EXIF says nothing about the pixels
            return 1
        return value if value in _TRANSPOSITIONS else 1

    def decode_grey(self, *, at_least: int) -> Image.Image:
        """Decode a JPEG's luma, shrunk while both sides keep `at_least` pixels; mode L."""
        try:
            pixels = _decode_jpeg(self.data, "GRAY", at_least, at_least)
        except Exception as error:
            raise self._rejection(error) from error
        return Image.fromarray(pixels[:, :, 0])

    def decode_plain(self, *, min_width: int, min_height: int) -> RGBArray:
        """Decode a JPEG that `serves_as_preview`, without the copies that Pillow's images take."""
        try:
            return _decode_jpeg(self.data, "RGB", min_width, min_height)
        except Exception as error:
            raise self._rejection(error) from error

    def decode(self, *, min_width: int, min_height: int) -> Image.Image:
        """Decode into mode RGB (sRGB), shrunk while both sides keep the minimum; not upright."""
        try:
            if self.format is ImageFormat.JPEG:
                image = self._decode_jpeg(min_width, min_height)
            else:
                image = self._decode_other(min_width, min_height)
            return _to_srgb(image, self.image.info.get("icc_profile"))
        except Exception as error:
            raise self._rejection(error) from error

    def _decode_jpeg(self, min_width: int, min_height: int) -> Image.Image:
        if self.image.mode == "CMYK":
            pixels = _decode_jpeg(self.data, "CMYK", min_width, min_height)
            if "adobe" in self.image.info:
                pixels = 255 - pixels  # Adobe's programs store the complement
            height, width, _ = pixels.shape
            return Image.frombytes("CMYK", (width, height), pixels.tobytes())
        return Image.fromarray(_decode_jpeg(self.data, "RGB", min_width, min_height))

    def _decode_other(self, min_width: int, min_height: int) -> Image.Image:
        if isinstance(self.image, TiffImagePlugin.TiffImageFile):
            _check_tiff_extents(self.image, len(self.data))
        if self._is_frugal(min_width, min_height):
            if self.format is ImageFormat.PNG:
                # Where Pillow has not seen it yet, it would decode the pixels to look behind them.
                self.image.info.setdefault("exif", _png_exif(self.data))
            return _decode_frugally(self.data, self.format)
        self.image.load()
        if self.format is ImageFormat.PNG:
            _check_png_rows(self.image, self.data)
        width, height = self.image.size
        factor = min(
            width // min_width if min_width else width,
            height // min_height if min_height else height,
        )
        return _flatten(self.image, max(1, factor))

    def _is_frugal(self, min_width: int, min_height: int) -> bool:
        """Whether only the frugal decoder takes little enough, and leaves enough pixels."""
        width, height = self.image.size
        return (
            width // REDUCTION >= min_width
            and height // REDUCTION >= min_height
            and decoding_memory(self.image, self.data) > self._max_memory
            and frugal_memory(self.image, self.data) is not None
        )


# --- Headers -------------------------------------------------------------------------------------


def _check_pixels(size: tuple[int, int], max_pixels: int) -> None:
    width, height = size
    if width <= 0 or height <= 0:
        raise ImageRejected("corrupt", f"the header says {width}×{height} pixels")
    if width * height > max_pixels:
        raise ImageRejected(
            "too_many_pixels",
            f"{width}×{height} is {width * height / 1e6:,.0f} megapixels, "
            f"the limit is {max_pixels / 1e6:,.0f} (ARTWORKS_MAX_IMAGE_PIXELS)",
        )


def _declared_size(data: bytes, image_format: ImageFormat) -> tuple[int, int] | None:
    """Read width and height where opening the file would already allocate by them."""
    if image_format is ImageFormat.PNG and data[12:16] == b"IHDR" and len(data) >= 24:
        width, height = struct.unpack_from(">II", data, 16)
        return width, height
    if image_format is ImageFormat.GIF:
        return _gif_canvas(data)
    if image_format is ImageFormat.WEBP:
        return _webp_canvas(data)
    if image_format is ImageFormat.AVIF:
        return _avif_extents(data)
    return None


def _avif_extents(data: bytes) -> tuple[int, int] | None:
    """The largest size that an item of the file has: that of the image, of its tiles' grid."""
    at = data.find(b"meta", 0, 1 << 12)
    end = at - 4 + int.from_bytes(data[at - 4 : at], "big") if at >= 4 else 0
    found: list[tuple[int, int]] = []
    while 0 <= (at := data.find(b"ispe", at + 4, min(end, 1 << 20))) <= len(data) - 16:
        width, height = struct.unpack_from(">II", data, at + 8)
        found.append((width, height))
    return max(found, key=lambda size: size[0] * size[1], default=None)


def _webp_canvas(data: bytes) -> tuple[int, int] | None:
    chunk = data[12:16]
    if chunk == b"VP8X" and len(data) >= 30:
        return (
            int.from_bytes(data[24:27], "little") + 1,
            int.from_bytes(data[27:30], "little") + 1,
        )
    if chunk == b"VP8L" and len(data) >= 25:
        bits = int.from_bytes(data[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if chunk == b"VP8 " and len(data) >= 30:
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    return None


def _gif_canvas(data: bytes) -> tuple[int, int] | None:
    """The logical screen, widened to hold the first frame where that is larger."""
    if len(data) < 13:
        return None
    width, height = struct.unpack_from("<HH", data, 6)
    at = first = _gif_first_block(data)
    while data[at : at + 1] == b"!":
        at, _ = _skip_gif_blocks(data, at + 2)
        if at - first > _MAX_GIF_PROLOGUE:
            raise _too_many(ImageFormat.GIF, _MAX_GIF_PROLOGUE, "bytes before its first frame")
    if data[at : at + 1] == b"," and at + 10 <= len(data):
        left, top, frame_width, frame_height = struct.unpack_from("<HHHH", data, at + 1)
        width, height = max(width, left + frame_width), max(height, top + frame_height)
    return width, height


# --- Structure: what can be told from the container, without decoding ----------------------------


def _check_structure(data: bytes, image_format: ImageFormat) -> None:
    """Refuse a file whose container ends early, or whose checksums are wrong.

    Decoders stop at the last pixel that they were asked for, so they miss what follows it.
    """
    match image_format:
        case ImageFormat.PNG:
            _check_png(data)
        case ImageFormat.GIF:
            _check_gif(data)
        case ImageFormat.WEBP:
            if int.from_bytes(data[4:8], "little") + 8 > len(data):
                raise _truncated(image_format, "the file is shorter than its header says")
        case ImageFormat.AVIF:
            _check_boxes(data)
        case ImageFormat.TIFF:
            _check_tiff_directory(data)
        case ImageFormat.JPEG:
            # Its decoder tells of damage; Pillow keeps every segment that it reads.
            for number, _ in enumerate(jpeg_segments(data)):
                if number > MAX_JPEG_SEGMENTS:
                    raise _too_many(image_format, MAX_JPEG_SEGMENTS, "segments")


def _truncated(image_format: ImageFormat, detail: str) -> ImageRejected:
    return ImageRejected("truncated", f"{image_format.value}: {detail}")


def _too_many(image_format: ImageFormat, most: int, parts: str) -> ImageRejected:
    return ImageRejected("unsupported_image", f"{image_format.value}: more than {most:,} {parts}")


def _check_png(data: bytes) -> None:
    at, view = 8, memoryview(data)
    for _ in range(_MAX_PNG_CHUNKS):
        if at + 12 > len(data):
            raise _truncated(ImageFormat.PNG, "it ends before its IEND chunk")
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        if end > len(data):
            raise _truncated(ImageFormat.PNG, f"it ends within its chunk {kind!r}")
        if zlib.crc32(view[at + 4 : end - 4]) != int.from_bytes(data[end - 4 : end], "big"):
            raise ImageRejected("corrupt", f"png: wrong checksum of the chunk {kind!r}")
        if kind == b"IEND":
            return
        at = end
    raise _too_many(ImageFormat.PNG, _MAX_PNG_CHUNKS, "chunks")


def _check_png_rows(image: ImageFile.ImageFile, data: bytes) -> None:
    """Refuse a PNG whose pixels end early, though its chunks do not.

    Its decoder leaves what is missing black. So where the last rows are, the pixels are counted.
    """
    width, height = image.size
    last = image.crop((0, max(0, height - 2), width, height))
    if np.asarray(last)[-1:].any() and (not data[28] or np.asarray(last).any()):
        return
    bits = data[24] * _PNG_SAMPLES.get(data[25], 1)
    missing = _png_bytes(width, height, bits, is_interlaced=bool(data[28]))
    unpacker, at = zlib.decompressobj(), 8
    while missing > 0 and at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        part = data[at + 8 : at + 8 + length] if kind == b"IDAT" else b""
        while part and missing > 0:
            missing -= len(unpacker.decompress(part, 1 << 20))
            part = unpacker.unconsumed_tail
        at += 12 + length
    if missing > 0:
        raise _truncated(ImageFormat.PNG, "its pixels end early")


def _png_exif(data: bytes) -> bytes:
    """Return what the EXIF chunk of a PNG holds; nothing if it has none."""
    at = 8
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind == b"eXIf":
            return b"Exif\0\0" + data[at + 8 : at + 8 + length]
        at += 12 + length
    return b""


_PNG_SAMPLES: Final = {2: 3, 4: 2, 6: 4}
# First column, first row, and steps of the seven passes of Adam7.
_PASSES: Final = (
    *((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4)),
    *((1, 0, 2, 2), (0, 1, 1, 2)),
)


def _png_bytes(width: int, height: int, bits: int, *, is_interlaced: bool) -> int:
    """Return how many bytes the rows of a PNG have, a filter's byte each."""
    total = 0
    for left, top, across, down in _PASSES if is_interlaced else ((0, 0, 1, 1),):
        columns, rows = -(-(width - left) // across), -(-(height - top) // down)
        if columns > 0 and rows > 0:
            total += rows * (1 + -(-columns * bits // 8))
    return total


def _gif_first_block(data: bytes) -> int:
    flags = data[10]
    return 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)


def _skip_gif_blocks(data: bytes, at: int) -> tuple[int, int]:
    """Return the offset after a chain of sub-blocks, beyond the end where it is cut; and count."""
    size, blocks = len(data), 0
    while at < size and (length := data[at]):
        at += length + 1
        blocks += 1
        if blocks > _MAX_GIF_BLOCKS:
            break
    return at + 1, blocks


def _check_gif(data: bytes) -> None:
    at = _gif_first_block(data) if len(data) >= 13 else len(data)
    count = 0
    while at < len(data):
        kind = data[at]
        if kind == 0x3B:
            return
        if kind == 0x21:
            at, blocks = _skip_gif_blocks(data, at + 2)
        elif kind == 0x2C and at + 10 <= len(data):
            flags = data[at + 9]
            table = 3 << (flags & 7) + 1 if flags & 0x80 else 0
            at, blocks = _skip_gif_blocks(data, at + 11 + table)
        elif kind == 0x2C:
            break
        else:
            raise ImageRejected("corrupt", f"gif: unknown block 0x{kind:02x}")
        count += 1 + blocks
        if count > _MAX_GIF_BLOCKS:
            raise _too_many(ImageFormat.GIF, _MAX_GIF_BLOCKS, "blocks")
    raise _truncated(ImageFormat.GIF, "it ends before its trailer")


def _check_boxes(data: bytes) -> None:
    at = 0
    for _ in range(_MAX_AVIF_BOXES):
        if at >= len(data):
            break
        if at + 8 > len(data):
            raise _truncated(ImageFormat.AVIF, "it ends within the header of a box")
        length = int.from_bytes(data[at : at + 4], "big")
        if length == 0:
            return  # up to the end of the file
        if length == 1:
            length = int.from_bytes(data[at + 8 : at + 16], "big")
        if length < 8:
            raise ImageRejected("corrupt", "avif: a box is smaller than its own header")
        at += length
    else:
        raise _too_many(ImageFormat.AVIF, _MAX_AVIF_BOXES, "boxes")
    if at > len(data):
        raise _truncated(ImageFormat.AVIF, "it ends within a box")


# What the pixels cannot be found or read without: bits per sample, offsets, planes, sizes, colours.
_TIFF_PIXEL_TAGS: Final = frozenset({258, 273, 277, 279, 320, 324, 325, 347})
_TIFF_TYPE_BYTES: Final = {3: 2, 4: 4, 5: 8, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8}


def _check_tiff_directory(data: bytes) -> None:
    """Refuse a TIFF whose first directory, often the last thing in the file, is cut off."""
    order: Literal["little", "big"] = "little" if data.startswith(b"II") else "big"
    big = 0x2B in data[2:4]
    word, count_bytes, entry_bytes = (8, 8, 20) if big else (4, 2, 12)

    def number(start: int, size: int) -> int:
        return int.from_bytes(data[start : start + size], order)

    start = number(word, word)
    entries = start + count_bytes
    end = entries + number(start, count_bytes) * entry_bytes
    if len(data) < 2 * word or end + word > len(data):
        raise _truncated(ImageFormat.TIFF, "it ends within its directory")
    if end - entries > 0xFFFF * entry_bytes:
        raise _too_many(ImageFormat.TIFF, 0xFFFF, "entries in its directory")
    for at in range(entries, end, entry_bytes):
        if number(at, 2) in _TIFF_PIXEL_TAGS:
            if number(at + 4, word) > _MAX_TIFF_STRIPS:
                raise _too_many(ImageFormat.TIFF, _MAX_TIFF_STRIPS, "strips")
            size = _TIFF_TYPE_BYTES.get(number(at + 2, 2), 1) * number(at + 4, word)
            if size > word and number(at + 4 + word, word) + size > len(data):
                raise _truncated(ImageFormat.TIFF, "it ends within the values of its directory")


def _check_tiff_extents(image: TiffImagePlugin.TiffImageFile, size: int) -> None:
    """Refuse a TIFF whose strips or tiles lie beyond the end of the file."""
    for offsets, counts in ((273, 279), (324, 325)):
        starts, lengths = image.tag_v2.get(offsets), image.tag_v2.get(counts)
        if not isinstance(starts, tuple) or not isinstance(lengths, tuple):
            continue
        for start, length in zip(starts, lengths, strict=False):
            if start + length > size:
                raise _truncated(ImageFormat.TIFF, "it ends before its last strip of pixels")


# --- Pixels --------------------------------------------------------------------------------------


def _decode_jpeg(
    data: bytes, colour_space: Literal["RGB", "GRAY", "CMYK"], min_width: int, min_height: int
) -> NDArray[np.uint8]:
    """Decode to `(height, width, channels) uint8`, refusing what is damaged.

    Scaling by anything between one half and one is slower than not scaling: hence `min_factor`.
    """
    try:
        pixels: NDArray[np.uint8] = simplejpeg.decode_jpeg(
            data, colour_space, min_width=min_width, min_height=min_height, min_factor=2
        )
        return pixels
    except ValueError as error:
        message = str(error)
        if _is_oddity(message, data):
            return _decode_odd_jpeg(data, colour_space, min_width, min_height)
        if message == "Premature end of JPEG file":
            raise _truncated(ImageFormat.JPEG, message) from error
        if re.search(r"precision|arithmetic|SOF type", message):
            raise ImageRejected("unsupported_image", f"jpeg: {message}") from error
        raise ImageRejected("corrupt", f"jpeg: {message}") from error


def _decode_odd_jpeg(
    data: bytes, colour_space: Literal["RGB", "GRAY", "CMYK"], min_width: int, min_height: int
) -> NDArray[np.uint8]:
    """Decode what turbojpeg's interface refuses altogether, as libjpeg itself does not."""
    image = JpegImagePlugin.JpegImageFile(BytesIO(data))
    image.draft(
        "L" if colour_space == "GRAY" else colour_space,
        (min_width or image.width, min_height or image.height),
    )
    if colour_space == "CMYK":
        pixels = np.array(image)
        return 255 - pixels if "adobe" in image.info else pixels
    return np.atleast_3d(np.array(image.convert("L" if colour_space == "GRAY" else "RGB")))


def _is_oddity(message: str, data: bytes) -> bool:
    """Whether a warning of libjpeg tells of an odd encoder, not of damage."""
    if re.search(r"unknown JFIF|Unknown Adobe color transform|subsampling", message):
        return True
    if match := re.search(r"(\d+) extraneous bytes before marker 0xd9", message):
        # Padding is uniform; what remains of a stream that went wrong is not.
        end = data.rfind(b"\xff\xd9")
        padding = data[max(0, end - int(match[1])) : end]
        return len(set(padding)) <= 1 and padding[:1] in (b"\0", b"\xff", b"")
    return False


def _decode_frugally(data: bytes, image_format: ImageFormat) -> Image.Image:
    """Decode into mode RGB, shrunk `REDUCTION` times, at three bytes for a pixel."""
    flags = cv2.IMREAD_REDUCED_COLOR_8 | cv2.IMREAD_IGNORE_ORIENTATION
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    if pixels is None:
        raise ImageRejected("corrupt", f"{image_format.value}: its pixels cannot be decoded")
    return Image.fromarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB))


_BAND_PIXELS: Final = 1 << 20


def _flatten(image: Image.Image, factor: int) -> Image.Image:
    """Return `image` without palette, alpha and deep samples, shrunk `factor` times.

    The mode is L, RGB, CMYK or LAB. It works in bands of rows: 150 megapixels of one bit would
    grow to 600 MB of RGB before they shrink.
    """
    flat = _flattener(image)
    if factor == 1:
        return flat(image)
    width, height = image.size
    rows = max(1, _BAND_PIXELS // (width * factor)) * factor
    if rows >= height:
        return flat(image).reduce(factor)
    result: Image.Image | None = None
    for top in range(0, height, rows):
        band = flat(image.crop((0, top, width, min(top + rows, height)))).reduce(factor)
        if result is None:
            result = Image.new(band.mode, (band.width, -(-height // factor)))
        result.paste(band, (0, top // factor))
    assert result is not None
    return result


class _flattener:  # noqa: N801 - a function that remembers the whole image's range
    def __init__(self, image: Image.Image) -> None:
        self._scale = 1.0
        if image.mode in ("I", "F"):
            low_high = image.getextrema()
            high = float(low_high[1]) if isinstance(low_high[1], (int, float)) else 255.0
            self._scale = _deep_scale(image.mode, high)

    def __call__(self, image: Image.Image) -> Image.Image:
        mode = image.mode
        if mode.startswith("I;16"):
            deep = np.asarray(image)
            return Image.fromarray((deep >> 8).astype(np.uint8))
        if mode in ("I", "F"):
            deep = np.nan_to_num(np.asarray(image, dtype=np.float32) * self._scale)
            return Image.fromarray(np.clip(deep, 0, 255).astype(np.uint8))
        if mode == "La":
            image = image.convert("LA")
        if image.has_transparency_data:
            rgba = image.convert("RGBA")
            flat = Image.new("RGB", rgba.size, (255, 255, 255))
            flat.paste(rgba, mask=rgba.getchannel("A"))
            return flat
        if mode == "1":
            return image.convert("L")
        return image if mode in ("L", "RGB", "CMYK", "LAB") else image.convert("RGB")


def _deep_scale(mode: str, high: float) -> float:
    """Guess the white of samples whose range the file does not tell."""
    if mode == "F" and 0 < high <= 1:
        return 255.0
    if high <= 255 or not np.isfinite(high):
        return 1.0
    return 255 / 65535 if high <= 65535 else 255 / high


_TURNED: Final = frozenset({5, 6, 7, 8})
"""EXIF orientations that exchange width and height."""

_TRANSPOSITIONS: Final[dict[int, Image.Transpose | None]] = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    transposition = _TRANSPOSITIONS[orientation]
    return image if transposition is None else image.transpose(transposition)


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Return `image` (L, RGB, CMYK or LAB) as sRGB in mode RGB."""
    transform = _transform(profile, image.mode)
    if transform is not None:
        return transform.apply(image)
    return image if image.mode == "RGB" else image.convert("RGB")


# Building a transform costs milliseconds and most images of a site share one profile; applying
# one from several threads is safe.
@lru_cache(maxsize=16)
def _transform(profile: bytes | None, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Return how to get from `mode` under an ICC profile to sRGB; None where nothing is to do.

    A broken profile, or one of another colour space than the pixels', is ignored, as browsers
    do.
    """
    try:
        if mode == "LAB":
            source = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
        elif not profile or len(profile) > _MAX_PROFILE:
            return None
        else:
            source = ImageCms.ImageCmsProfile(BytesIO(profile))
            name = ImageCms.getProfileDescription(source).lower()
            if mode == "RGB" and "srgb" in name and "linear" not in name:
                return None
        return ImageCms.buildTransform(
            source,
            ImageCms.createProfile("sRGB"),
            mode,
            "RGB",
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
            ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None


# --- Perceptual hash -----------------------------------------------------------------------------


def _cosines() -> NDArray[np.float64]:
    """The first 8 rows of the unnormalised DCT-II of 32 samples, as scipy's."""
    frequency = np.arange(_HASH_FREQUENCIES)[:, None]
    sample = np.arange(_HASH_SIDE)[None, :]
    return 2 * np.cos(np.pi * frequency * (2 * sample + 1) / (2 * _HASH_SIDE))


_COSINES: Final = _cosines()


def _shrunk(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Return `image` at a smaller size.

    Down to a half, two neighbours hold all that a pixel needs, and OpenCV's bilinear filter is
    eight times as fast as Pillow's filters, which would be half of a check's time. Below, each
    pixel is the mean of the area it stands for.
    """
    halved = 2 * max(size) < max(image.size)
    method = cv2.INTER_AREA if halved else cv2.INTER_LINEAR
    return Image.fromarray(cv2.resize(np.asarray(image), size, interpolation=method))


def _perceptual_hash(image: Image.Image) -> int:
    """Return `imagehash.phash` of `image` as a signed 64-bit integer."""
    grey = image if image.mode == "L" else image.convert("L")
    tile = grey.resize((_HASH_SIDE, _HASH_SIDE), Image.Resampling.LANCZOS, reducing_gap=3.0)
    low = _COSINES @ np.asarray(tile, dtype=np.float64) @ _COSINES.T
    # Flat pictures have coefficients of zero up to rounding, which must not decide about bits.
    low = np.round(low, 6)
    bits = np.packbits(low > np.median(low))
    return int.from_bytes(bits.tobytes(), "big", signed=True)


# --- What else a server may have sent ------------------------------------------------------------


def _brands(data: bytes) -> set[bytes]:
    """The brands of an ISO media file's first box; empty for anything else."""
    if data[4:8] != b"ftyp":
        return set()
    box = data[8 : min(int.from_bytes(data[:4], "big"), 256)]
    return {box[at : at + 4] for at in (0, *range(8, len(box) - 3, 4))}


_OTHER_IMAGES: Final = (
    (b"\xff\x0a", "JPEG XL"),
    (b"\0\0\0\x0cJXL ", "JPEG XL"),
    (b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"8BPS", "Photoshop"),
    (b"\0\0\x01\0", "Windows icon"),
    (b"qoif", "QOI"),
)


def _not_an_image(data: bytes) -> ImageRejected:
    """Say what bytes without an accepted signature seem to be."""
    for signature, name in _OTHER_IMAGES:
        if data.startswith(signature):
            return ImageRejected("unsupported_image", f"{name} is not among the accepted formats")
    if data.startswith(b"BM") and data[15:18] == b"\0\0\0" and len(data) > 26:
        return ImageRejected("unsupported_image", "BMP is not among the accepted formats")
    if brands := _brands(data):
        if not brands.isdisjoint((b"heic", b"heix", b"hevc", b"mif1", b"msf1")):
            return ImageRejected("unsupported_image", "HEIC is not among the accepted formats")
        return ImageRejected("not_an_image", "an audio or video file")
    if data.startswith(b"%PDF-"):
        return ImageRejected("not_an_image", "a PDF document")
    if data.startswith(b"\x1f\x8b"):
        return ImageRejected("not_an_image", "gzip data")
    text = _as_text(data[:4096])
    if text is None:
        return ImageRejected("not_an_image", f"unknown bytes, beginning with {data[:8].hex(' ')}")
    start = text.lstrip("\ufeff \t\r\n\0")
    shown = json.dumps(start[:60], ensure_ascii=False)
    lower = re.sub(r"<!--.*?-->\s*", "", start.lower(), flags=re.DOTALL)
    if re.match(r"<(!doctype html|html|head|body|script|title|meta|div|p\b)", lower):
        return ImageRejected("html_as_image", f"an HTML page, beginning with {shown}")
    if lower.startswith("<"):
        if "<svg" in lower or "<!doctype svg" in lower:
            return ImageRejected("svg_as_image", "SVG is not among the accepted formats")
        if "<html" in lower:
            return ImageRejected("html_as_image", f"an HTML page, beginning with {shown}")
        return ImageRejected("xml_as_image", f"an XML document, beginning with {shown}")
    if re.match(r'\{\s*("|\}|$)|\[\s*([\[\]{"\d-]|true|false|null|$)', lower):
        return ImageRejected("json_as_image", f"JSON, beginning with {shown}")
    return ImageRejected("text_as_image", f"text, beginning with {shown}")


def _as_text(head: bytes) -> str | None:
    """Decode `head` where it looks like text."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return head.decode("utf-16", "replace")
    text = head.decode("utf-8", "replace")
    strange = sum(1 for sign in text if sign == "\ufffd" or (sign < " " and sign not in "\t\r\n"))
    return text if strange * 20 <= len(text) else None
