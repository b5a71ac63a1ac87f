"""Any folder of images as a museum, with what a table beside it says about them."""

from __future__ import annotations

import csv
import hashlib
import io
import os
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from PIL import Image

from demo.errors import FolderError
from demo.exhibition import Entry, Exhibition, Link, Listing, Maker, Picture, item
from demo.images import CONTENT_TYPES, thumbnail, write_atomically

COLUMNS: dict[str, tuple[str, ...]] = {
    "file": ("file", "filename", "file_name", "image", "path"),
    "title": ("title",),
    "artist": ("artist",),
    "date": ("date", "year"),
    "style": ("style",),
    "genre": ("genre",),
    "medium": ("medium",),
    "period": ("period",),
    "nationality": ("nationality",),
    "description": ("description",),
    "rights": ("rights", "licence", "license"),
    "category": ("category", "categories"),
}
"""What is read from a table, under the names that a column may have, in any case."""

UNCATEGORISED = "uncategorised"
COLLECTION = "collection"

_BROKEN = (OSError, ValueError, SyntaxError, Image.DecompressionBombError)


@dataclass(frozen=True)
class Exhibit:
    """One image file and what the table says about it."""

    name: str
    path: Path
    row: dict[str, str]
    categories: tuple[str, ...]

    @property
    def id(self) -> str:
        """Readable, and the same however many files come and go around it."""
        mark = hashlib.sha256(self.name.encode()).hexdigest()[:8]
        return f"{_slug(Path(self.name).stem)[:40].strip('-') or 'work'}-{mark}"

    @property
    def title(self) -> str:
        """The title, or the file's name made readable."""
        return self.row.get("title") or re.sub(r"[_\s]+", " ", Path(self.name).stem).strip()


def _slug(text: str) -> str:
    return re.sub(r"[\W_]+", "-", unicodedata.normalize("NFC", text).casefold()).strip("-")


@dataclass
class _Slugs:
    """Different names get different slugs, the same name always the same one."""

    taken: dict[str, str] = field(default_factory=dict)

    def __call__(self, name: str) -> str:
        slug = base = _slug(name) or "unnamed"
        number = 2
        while self.taken.setdefault(slug, name) != name:
            slug = f"{base}-{number}"
            number += 1
        return slug


def image_files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Name within the folder and path of every image, sorted; links are not followed."""
    for place, folders, files in os.walk(folder, followlinks=False):
        folders.sort()
        for file in sorted(files):
            path = Path(place) / file
            known = path.suffix.lower().lstrip(".") in CONTENT_TYPES
            if known and not path.is_symlink() and path.is_file():
                name = path.relative_to(folder).as_posix()
                # Names that are not UTF-8 are shown as well as they can be.
                yield name.encode("utf-8", "surrogateescape").decode("utf-8", "replace"), path


def tables(folder: Path) -> list[Path]:
    """The CSV files that describe a folder: the one beside it, else those within."""
    beside = folder.parent / f"{folder.name}.csv"
    return [beside] if beside.is_file() else sorted(folder.glob("*.csv"))


def read_table(path: Path) -> Iterator[dict[str, str]]:
    """Rows with the known columns only, under their own names, empty values left out."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise FolderError(f"{path} cannot be read: {error.strerror}.") from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")
    reader = csv.reader(io.StringIO(text, newline=""))
    try:
        header = [name.strip().casefold() for name in next(reader, [])]
        places = {
            field: header.index(name)
            for field, names in COLUMNS.items()
            for name in reversed(names)
            if name in header
        }
        if "file" not in places:
            raise FolderError(
                f"{path} has no column that names the image files: "
                f"call one of them {', '.join(COLUMNS['file'][:-1])} or {COLUMNS['file'][-1]}."
            )
        for row in reader:
            found = {
                field: row[at].strip()
                for field, at in places.items()
                if at < len(row) and row[at].strip()
            }
            if "file" in found:
                yield found
    except csv.Error as error:
        raise FolderError(f"{path} is not a readable CSV table: {error}.") from error


def _matched(names: list[str], rows: Iterable[dict[str, str]]) -> dict[str, dict[str, str]]:
    """Image name to its row: by its path within the folder, else by its bare file name."""
    exact = {unicodedata.normalize("NFC", name): name for name in names}
    bare: dict[str, list[str]] = {}
    for key, whole in exact.items():
        bare.setdefault(key.rsplit("/", 1)[-1], []).append(whole)
    found: dict[str, dict[str, str]] = {}
    for row in rows:
        key = unicodedata.normalize("NFC", row["file"].replace("\\", "/").removeprefix("./"))
        name: str | None = exact.get(key)
        if name is None:
            alike = bare.get(key.rsplit("/", 1)[-1], [])
            # Two files of one name in different folders: the row could mean either.
            name = alike[0] if len(alike) == 1 else None
        if name is not None:
            found.setdefault(name, row)
    return found


def read_folder(folder: Path) -> tuple[Exhibit, ...]:
    """Every image below the folder with its row and its categories."""
    if not folder.is_dir():
        raise FolderError(f"{folder} is not a folder: name a folder of images.")
    files = list(image_files(folder))
    if not files:
        kinds = ", ".join(sorted(CONTENT_TYPES))
        raise FolderError(f"{folder} holds no image: put some ({kinds}) into it or below.")
    listed = (row for path in tables(folder) for row in read_table(path))
    rows = _matched([name for name, _ in files], listed)
    column = next(
        (name for name in ("category", "genre", "style") if any(name in r for r in rows.values())),
        None,
    )
    exhibits = []
    for name, path in files:
        row = rows.get(name, {})
        if column is None:
            categories: tuple[str, ...] = (COLLECTION,)
        else:
            parts = (part.strip() for part in row.get(column, "").split(";"))
            categories = tuple(dict.fromkeys(part for part in parts if part)) or (UNCATEGORISED,)
        exhibits.append(Exhibit(name, path, row, categories))
    return tuple(exhibits)


def _entry(exhibit: Exhibit, category_slug: _Slugs, artist_slug: _Slugs) -> Entry:
    row = exhibit.row

    def link(kind: str) -> tuple[Link, ...]:
        name = row.get(kind)
        return (Link(name, f"/{kind}/{quote(_slug(name))}"),) if name else ()

    artist = row.get("artist")
    rights = row.get("rights", "")
    return Entry(
        id=exhibit.id,
        title=exhibit.title,
        pictures=(Picture(exhibit.name, exhibit.title),),
        maker=Maker(artist_slug(artist), artist, row.get("nationality", "")) if artist else None,
        facts=tuple(
            (label, kind, row[kind])
            for label, kind in (("Date", "date"), ("Medium", "medium"))
            if kind in row
        ),
        description=row.get("description", ""),
        rights_text=rights,
        license_url=rights if re.fullmatch(r"https?://\S+", rights) else "",
        styles=link("style"),
        genres=link("genre"),
        periods=link("period"),
        categories=tuple(
            Link(name, f"/category/{quote(category_slug(name))}") for name in exhibit.categories
        ),
        date_text=row.get("date", ""),
    )


def open_folder(folder: Path, cache: Path) -> Exhibition:
    """The exhibition of a folder; thumbnails are kept in the cache."""
    folder = folder.expanduser().resolve()
    exhibits = read_folder(folder)
    category_slug, artist_slug = _Slugs(), _Slugs()
    entries = {exhibit.id: _entry(exhibit, category_slug, artist_slug) for exhibit in exhibits}
    paths = {exhibit.name: exhibit.path for exhibit in exhibits}

    def image_file(name: str) -> Path | None:
        path = paths.get(name)
        # Looked at again: the folder may have changed since it was read.
        if path is None or not path.is_file() or path.resolve() != path:
            return None
        return path

    def thumb_file(name: str) -> Path | None:
        path = image_file(name.removesuffix(".jpg"))
        if path is None:
            return None
        status = path.stat()
        key = f"{path}\0{status.st_mtime_ns}\0{status.st_size}".encode("utf-8", "surrogateescape")
        mark = hashlib.sha256(key).hexdigest()[:32]
        small = cache / mark[:2] / f"{mark}.thumb.jpg"
        if not small.exists():
            try:
                write_atomically(small, thumbnail(path.read_bytes()))
            except _BROKEN:
                return None
        return small

    categories: dict[str, Listing] = {}
    for name in sorted({name for exhibit in exhibits for name in exhibit.categories}):
        slug = category_slug(name)
        shown = (entries[found.id] for found in exhibits if name in found.categories)
        categories[slug] = Listing(name, f"/category/{quote(slug)}", tuple(map(item, shown)))
    return Exhibition(
        name=folder.name or "Collection",
        lede=f"{len(exhibits):,} pictures from a folder.",
        entries=entries,
        categories=categories,
        image_file=image_file,
        thumb_file=thumb_file,
        truth=lambda base_url: _truth(exhibits, entries, base_url),
    )


def _truth(
    exhibits: tuple[Exhibit, ...], entries: dict[str, Entry], base_url: str
) -> dict[str, Any]:
    base = base_url.rstrip("/")
    works = []
    for exhibit in exhibits:
        entry = entries[exhibit.id]
        try:
            digest = hashlib.sha256(exhibit.path.read_bytes()).hexdigest()
        except OSError:
            digest = None
        works.append(
            {
                "id": exhibit.id,
                "url": base + entry.href,
                "title": exhibit.title,
                "artist": exhibit.row.get("artist"),
                "date_text": exhibit.row.get("date"),
                "style": exhibit.row.get("style"),
                "genre": exhibit.row.get("genre"),
                "period": exhibit.row.get("period"),
                "medium": exhibit.row.get("medium"),
                "categories": list(exhibit.categories),
                "listings": [link.href for link in entry.categories],
                "images": [
                    {
                        "url": base + entry.pictures[0].href,
                        "path": entry.pictures[0].href,
                        "file": exhibit.name,
                        "sha256": digest,
                        "available": digest is not None,
                    }
                ],
            }
        )
    return {
        "base_url": base,
        "works": works,
        "failures": [],
        "forbidden": [],
        "counts": {"works": len(works), "images": len(works)},
    }
