"""Pictures that people name: works and images of the collection, and files."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, text

from analysis.colors.conversion import Bytes, Floats
from analysis.colors.palette import Palette, extract_palette
from analysis.duplicates.job import LEAST_BITS
from analysis.errors import NoSuchFile, NothingToShow
from analysis.similarity.composition import describe_layout
from analysis.similarity.measures import Measured, Models, measured
from analysis.similarity.palettes import PaletteColors
from storage.errors import ImageRejected, ObjectNotFound, UsageError
from storage.images import check_image, decode_rgb
from storage.objects import ObjectStore

Embed: TypeAlias = Callable[[Bytes], npt.NDArray[np.float32]]
"""Makes the (d,) embedding of a picture, (h, w, 3) uint8 sRGB."""

HOW = (
    "an artwork's id or SITE/SOURCE_ID, an image's sha256, or the URL of an artwork's page (the "
    "view artwork_overview has them)"
)
"""What people can name a stored picture by."""

_COLUMNS = """
    SELECT i.id, i.sha256, i.phash, i.preview_key, a.title, a.site, a.date_text, a.page_url,
           maker.artist
    FROM artworks a
    JOIN image_sources s ON s.artwork_id = a.id AND s.gone_at IS NULL
    JOIN images i ON i.id = s.image_id
    LEFT JOIN LATERAL (
        SELECT ar.name AS artist FROM artwork_artists aa JOIN artists ar ON ar.id = aa.artist_id
        WHERE aa.artwork_id = a.id ORDER BY aa.position LIMIT 1
    ) maker ON true
"""
_FIRST = "AND NOT i.placeholder ORDER BY a.gone_at IS NOT NULL, a.id, s.position, s.id LIMIT 1"
_FOUND = {
    "id": text(f"{_COLUMNS} WHERE a.id = :id {_FIRST}"),
    "page_url": text(f"{_COLUMNS} WHERE a.page_url = :page_url {_FIRST}"),
    "name": text(f"{_COLUMNS} WHERE a.site = :site AND a.source_id = :source_id {_FIRST}"),
    "sha256": text(f"{_COLUMNS} WHERE i.sha256 = :sha256 {_FIRST}"),
}
_KNOWN = {
    "id": text("SELECT 1 FROM artworks WHERE id = :id"),
    "page_url": text("SELECT 1 FROM artworks WHERE page_url = :page_url"),
    "name": text("SELECT 1 FROM artworks WHERE site = :site AND source_id = :source_id"),
    "sha256": text("SELECT 1 FROM images WHERE sha256 = :sha256"),
}
# Its own work, and other works that show it: all that they show.
_OWN = text("""
    SELECT DISTINCT other.image_id FROM image_sources s
    JOIN image_sources other ON other.artwork_id = s.artwork_id
    WHERE s.image_id = :image_id AND s.gone_at IS NULL AND other.image_id IS NOT NULL
""")
_ALIKE = text("SELECT id FROM images WHERE phash = :phash")


@dataclass(frozen=True)
class Subject:
    """A picture to compare, or words."""

    said: str
    """What people called it."""
    title: str
    measured: Measured
    artist: str | None = None
    date: str | None = None
    site: str | None = None
    page_url: str | None = None
    image_id: int | None = None
    sha256: str | None = None
    phash: int | None = None
    """Of 64 bits, signed; None: words."""
    preview_key: str | None = None
    picture: Bytes | None = field(default=None, repr=False)
    """(h, w, 3) uint8 sRGB of a file."""

    @property
    def tells(self) -> bool:
        """Whether its perceptual hash says enough to be compared."""
        return self.phash is not None and _bits(self.phash) >= LEAST_BITS

    def bits_to(self, phash: int) -> int | None:
        """Return the bits of 64 in which a hash differs; None where either says too little."""
        if self.phash is None or not self.tells or _bits(phash) < LEAST_BITS:
            return None
        return _bits(self.phash ^ phash)

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "said": self.said,
            "sha256": self.sha256,
            "title": self.title,
            "artist": self.artist,
            "date": self.date,
            "site": self.site,
            "page_url": self.page_url,
        }


def _bits(number: int) -> int:
    # The sign is a bit like the others.
    return (number & 0xFFFF_FFFF_FFFF_FFFF).bit_count()


def find_subject(connection: Connection, models: Models, said: str) -> Subject:
    """Return the stored picture that people name; of a work, its first.

    Raises UsageError where there is none, and NothingToShow for works that show no picture.
    """
    how, parameters = _way(said)
    row = connection.execute(_FOUND[how], parameters).first()
    if row is None:
        if connection.execute(_KNOWN[how], parameters).first() is not None:
            raise NothingToShow(
                f"{said} is known, and no picture of it is stored: see `artworks failures`."
            )
        raise UsageError(f'"{said}" is not in the collection: give {HOW}.')
    return Subject(
        said=said,
        title=" ".join(row.title.split()) or "Untitled",
        measured=measured(connection, models, row.id),
        artist=row.artist,
        date=row.date_text,
        site=row.site,
        page_url=row.page_url,
        image_id=row.id,
        sha256=row.sha256,
        phash=row.phash,
        preview_key=row.preview_key,
    )


def _way(said: str) -> tuple[str, dict[str, Any]]:
    named = _named(said)
    if named is None:
        raise UsageError(f'"{said}" names no work and no image: give {HOW}.')
    return named


def _named(said: str) -> tuple[str, dict[str, Any]] | None:
    said = said.strip()
    if re.fullmatch(r"[0-9]{1,18}", said):
        return "id", {"id": int(said)}
    if re.fullmatch("[0-9a-fA-F]{64}", said):
        return "sha256", {"sha256": said.lower()}
    if re.match("https?://", said):
        return "page_url", {"page_url": said}
    site, slash, source_id = said.partition("/")
    if site and slash and source_id:
        return "name", {"site": site, "source_id": source_id}
    return None


def file_subject(path: Path) -> Subject:
    """Return the picture in a file, measured as the jobs measure stored ones, not embedded yet.

    The preview that a crawl would store of it is what is looked at. Raises NoSuchFile where it
    cannot be read or is no image.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise NoSuchFile(f"cannot read {path} ({reason}): give the path of an image.") from error
    try:
        checked = check_image(data)
        rgb = decode_rgb(data if checked.preview is None else checked.preview)
    except ImageRejected as error:
        raise NoSuchFile(
            f"{path} is no image that can be read ({error}): JPEG, PNG, WebP, AVIF, GIF and TIFF "
            "can."
        ) from error
    return Subject(
        said=str(path),
        title=path.name,
        measured=Measured(palette=colors_of(extract_palette(rgb)), layout=describe_layout(rgb)),
        sha256=checked.sha256,
        phash=checked.phash,
        picture=rgb,
    )


def embedded(subject: Subject, embed: Embed) -> Subject:
    """Return the picture of a file with its embedding."""
    assert subject.picture is not None
    known = replace(subject.measured, vector=embed(subject.picture))
    return replace(subject, measured=known)


def colors_of(palette: Palette) -> PaletteColors:
    """Return a palette as it is compared."""
    lab: Floats = np.array([swatch.lab for swatch in palette.swatches], dtype=np.float64)
    return PaletteColors(lab, np.array([swatch.fraction for swatch in palette.swatches]))


def left_out(connection: Connection, subject: Subject) -> frozenset[int]:
    """Return the images that are no answer: those of its own works, and the same pictures.

    A file has no work, and the pictures that are the same are what is asked for.
    """
    if subject.image_id is None:
        return frozenset()
    own = set(connection.scalars(_OWN, {"image_id": subject.image_id}))
    if subject.tells:
        own |= set(connection.scalars(_ALIKE, {"phash": subject.phash}))
    return frozenset(own | {subject.image_id})


def picture_of(store: ObjectStore, subject: Subject) -> Bytes | None:
    """Return the picture to draw, (h, w, 3) uint8 sRGB; None: words, or one that cannot be read.

    Raises ObjectStoreUnavailable.
    """
    if subject.picture is not None or subject.preview_key is None:
        return subject.picture
    try:
        return decode_rgb(store.get(subject.preview_key))
    except (ObjectNotFound, ImageRejected):
        return None
