"""The palette of a file on disk."""

from __future__ import annotations

from pathlib import Path

from analysis.colors.palette import DEFAULT_COLORS, Method, Palette, extract_palette
from analysis.errors import NoSuchFile
from storage.images import PREVIEW_SIDE, decode_rgb


def describe_file(
    path: Path, k: int = DEFAULT_COLORS, *, method: Method = "kmeans", accents: bool = False
) -> Palette:
    """Return the palette of at most `k` colours of an image file of any accepted format.

    Large JPEGs are decoded at a reduced size, which stays at or above that of a preview. Raises
    NoSuchFile where the file cannot be read, and ImageRejected where it is no acceptable image.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise NoSuchFile(f"cannot read {path} ({reason}): give the path of an image.") from error
    pixels = decode_rgb(data, size=PREVIEW_SIDE)
    return extract_palette(pixels, k, method=method, accents=accents)
