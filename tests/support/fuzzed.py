"""What is fuzzed: one attempt each, which raises where anything but the promised comes out."""

from __future__ import annotations

import io
import json
import random
import re
import struct
import tomllib
import zlib
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from scrapy.http import HtmlResponse, TextResponse

from crawler.extraction import (
    ExtractionError,
    Page,
    challenge,
    content_hash,
    extract_artist,
    extract_artwork,
    extract_listing,
)
from crawler.extraction.urls import MAX_URL, canonical_url
from crawler.pipelines.validate import problem_with
from crawler.profiles import BUNDLED_FOLDER, Profile, load_profile
from crawler.reasons import REASONS
from storage.errors import ImageRejected
from storage.images import check_image, decode_rgb
from support.fuzzing import mutated

FIXTURES = Path(__file__).parents[1] / "crawler" / "fixtures"
MAX_PIXELS = 4_000_000
MAX_MEMORY = 100_000_000
# A record as JSON: raw values, texts, terms, makers and images are each bounded.
MAX_RECORD = 3_000_000
# As JSON writes it; a backslash that is itself escaped is a text's own.
ESCAPED_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


# --- Images --------------------------------------------------------------------------------------


@cache
def pictures() -> list[bytes]:
    """Small images of every format and of most of their variants."""
    patches = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    image = Image.fromarray(patches).resize((70, 50))
    others = [image.rotate(90 * turn) for turn in range(1, 4)]
    exif = Image.Exif()
    exif[0x0112] = 6
    frames: dict[str, Any] = {"save_all": True, "append_images": others, "duration": 30}
    deep = Image.fromarray(np.arange(3_500, dtype=np.uint16).reshape(50, 70))
    wanted: list[tuple[str, Image.Image, dict[str, Any]]] = [
        ("JPEG", image, {}),
        ("JPEG", image, {"progressive": True, "exif": exif}),
        ("JPEG", image.convert("CMYK"), {}),
        ("JPEG", image.convert("L"), {"restart_marker_rows": 1}),
        ("PNG", image, {"exif": exif}),
        ("PNG", image.convert("P"), {"transparency": 3}),
        ("PNG", image.convert("1"), {}),
        ("PNG", image.convert("RGBA"), {}),
        ("PNG", deep, {}),
        ("GIF", image, {}),
        ("GIF", image, frames),
        ("WEBP", image, {}),
        ("WEBP", image.convert("RGBA"), {"lossless": True, "exif": exif}),
        ("WEBP", image, frames),
        ("AVIF", image, {"speed": 10}),
        ("AVIF", image.convert("RGBA"), {"speed": 10, "exif": exif}),
        ("TIFF", image, {}),
        ("TIFF", image, {"compression": "tiff_lzw"}),
        ("TIFF", image, {"compression": "jpeg"}),
        ("TIFF", image.convert("1"), {"compression": "group4"}),
        ("TIFF", deep, {"compression": "tiff_deflate"}),
        ("TIFF", image.convert("CMYK"), {}),
    ]
    found = []
    for image_format, picture, options in wanted:
        buffer = io.BytesIO()
        picture.save(buffer, image_format, **options)
        found.append(buffer.getvalue())
    return found


def image(rng: random.Random) -> None:
    """Check a mutated image: it is stored, or refused for a documented reason."""
    data = mutated(rng, pictures())
    if rng.random() < 0.5:
        data = _with_checksums(data)
    try:
        checked = check_image(data, max_pixels=MAX_PIXELS, max_memory=MAX_MEMORY)
    except ImageRejected as error:
        _check_reason(error.reason, error.detail)
        return
    assert 0 < checked.width * checked.height <= MAX_PIXELS
    assert checked.preview is None or checked.preview.startswith(b"\xff\xd8")
    assert -(2**63) <= checked.phash < 2**63
    assert decode_rgb(data, size=32, max_pixels=MAX_PIXELS).ndim == 3


def _with_checksums(data: bytes) -> bytes:
    """Return a PNG with the checksums that its chunks should have, so that decoding goes on."""
    if not data.startswith(b"\x89PNG"):
        return data
    parts, at = [data[:8]], 8
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        body = data[at + 4 : at + 8 + length]
        parts += [data[at : at + 4], body, struct.pack(">I", zlib.crc32(body))]
        at += 12 + length
    return b"".join(parts)


# --- Pages ---------------------------------------------------------------------------------------


@cache
def layouts() -> list[tuple[Profile, str, str, bytes]]:
    """Profile, address, media type and body of every recorded page."""
    found = []
    cases: dict[str, dict[str, str]] = tomllib.loads((FIXTURES / "cases.toml").read_text("utf-8"))
    for case, about in cases.items():
        folder = FIXTURES / case
        name = about.get("profile", folder / "profile.toml")
        profile = load_profile(name, folders=[BUNDLED_FOLDER])
        if profile.general:
            profile = profile.with_starts([about["url"]])
        [body] = folder.glob("page.*")
        kind = "application/json" if body.suffix == ".json" else "text/html"
        found.append((profile, about["url"], kind, body.read_bytes()))
    return found


def page(rng: random.Random) -> None:
    """Read a mutated page in every way: it gives what can be stored, or a documented reason."""
    known = layouts()
    profile, url, kind, _ = rng.choice(known)
    body = mutated(
        rng, [layout[3] for layout in known if layout[0] is profile or rng.random() < 0.2]
    )
    media = {"Content-Type": rng.choice((kind, kind, "text/html; charset=latin-1", "text/plain"))}
    response = HtmlResponse(url, headers=media, body=body)
    assert isinstance(response, TextResponse)

    def read() -> Page:
        return Page(url, response.text, media["Content-Type"])

    found = extract_listing(profile, read())
    for link in (*found.artworks, *found.artists, *found.listings):
        _check_address(link.url)
        _check_storable(link.text)
    for address in found.next_pages:
        _check_address(address)
    challenge(read())
    try:
        artist = extract_artist(profile, read())
    except ExtractionError as error:
        _check_reason(error.reason, error.detail)
    else:
        _check_storable(json.dumps([artist.artist.name, artist.terms], ensure_ascii=False))
    try:
        record = extract_artwork(profile, read())
    except ExtractionError as error:
        _check_reason(error.reason, error.detail)
        return
    written = json.dumps(record.to_dict(), ensure_ascii=False)
    assert len(written) < MAX_RECORD
    _check_storable(written)
    assert not ESCAPED_NUL.search(written)
    assert len(content_hash(record)) == 64
    for one in record.images:
        _check_address(one.url)
    values = {**record.to_dict(), "content_hash": content_hash(record)}
    values["terms"] = [(kind, name, "page") for kind, name in record.terms]
    problem_with(values)


def _check_reason(reason: str, detail: str) -> None:
    assert reason in REASONS, reason
    assert detail


def _check_address(url: str) -> None:
    assert url.startswith(("http://", "https://")), url
    assert len(url) <= MAX_URL
    assert url.isascii(), url
    assert url.isprintable(), url
    assert canonical_url(canonical_url(url)) == canonical_url(url)


def _check_storable(text: str) -> None:
    assert "\0" not in text
    text.encode("utf-8")
