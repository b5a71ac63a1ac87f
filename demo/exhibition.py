"""What the pages show, whether the works were generated or lie in a folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from demo.artists import Artist
from demo.catalogue import LOST_WORK, RECENT, VAULT, Catalogue, Work, slug
from demo.images import ImageCache


@dataclass(frozen=True)
class Link:
    """A word on a page and where it leads."""

    name: str
    href: str


@dataclass(frozen=True)
class Maker:
    """An artist as the pages show them; what is not known is empty."""

    id: str
    name: str
    nationality: str = ""
    life: str = ""


@dataclass(frozen=True)
class Picture:
    """One image of an entry, by the name it is served under."""

    name: str
    caption: str
    width: int | None = None
    height: int | None = None

    @property
    def href(self) -> str:
        """Its address, percent-encoded."""
        return "/image/" + quote(self.name)

    @property
    def thumb(self) -> str:
        """The address of its thumbnail."""
        return "/thumb/" + quote(self.name) + ".jpg"


@dataclass(frozen=True)
class Entry:
    """One work as a page shows it; what is not known is empty and left out."""

    id: str
    title: str
    pictures: tuple[Picture, ...]
    maker: Maker | None = None
    facts: tuple[tuple[str, str, str], ...] = ()
    description: str = ""
    rights_text: str = ""
    license_url: str = ""
    styles: tuple[Link, ...] = ()
    genres: tuple[Link, ...] = ()
    periods: tuple[Link, ...] = ()
    categories: tuple[Link, ...] = ()
    colors: tuple[Link, ...] = ()
    tags: tuple[Link, ...] = ()
    date_text: str = ""

    @property
    def href(self) -> str:
        """The address of its page."""
        return "/work/" + quote(self.id)


@dataclass(frozen=True)
class Item:
    """A work link in a listing; a link without an entry leads nowhere good."""

    href: str
    title: str
    subtitle: str = ""
    thumb: str = ""


@dataclass(frozen=True)
class Listing:
    """A named sequence of work links, cut into pages by the server."""

    name: str
    href: str
    items: tuple[Item, ...]


@dataclass(frozen=True)
class Exhibition:
    """Everything the server needs to know."""

    name: str
    lede: str
    entries: dict[str, Entry]
    categories: dict[str, Listing]
    colors: dict[str, Listing] = field(default_factory=dict)
    recent: Listing | None = None
    image_file: Callable[[str], Path | None] = lambda name: None
    thumb_file: Callable[[str], Path | None] = lambda name: None
    truth: Callable[[str], dict[str, Any]] = lambda base_url: {}
    vault: str | None = None

    @property
    def terms(self) -> dict[str, Listing]:
        """The listings that the words on a work's page lead to, by their address."""
        found: dict[str, tuple[str, list[Item]]] = {}
        for entry in self.entries.values():
            for link in (*entry.styles, *entry.genres, *entry.periods, *entry.tags):
                found.setdefault(link.href, (link.name, []))[1].append(item(entry))
        return {href: Listing(name, href, tuple(items)) for href, (name, items) in found.items()}

    @property
    def makers(self) -> dict[str, tuple[Maker, tuple[Entry, ...]]]:
        """Artist id to the artist and the works shown of them."""
        found: dict[str, tuple[Maker, list[Entry]]] = {}
        for entry in self.entries.values():
            if entry.maker:
                found.setdefault(entry.maker.id, (entry.maker, []))[1].append(entry)
        return {key: (maker, tuple(entries)) for key, (maker, entries) in found.items()}


def item(entry: Entry) -> Item:
    """The link to an entry as listings show it."""
    subtitle = ", ".join(
        part for part in (entry.maker and entry.maker.name, entry.date_text) if part
    )
    thumb = entry.pictures[0].thumb if entry.pictures else ""
    return Item(entry.href, entry.title, subtitle, thumb)


def _maker(artist: Artist) -> Maker:
    return Maker(artist.id, artist.name, artist.nationality, artist.life)


def _entry(work: Work) -> Entry:
    place = {name: f"/category/{slug(name)}" for name in work.categories} | {RECENT: "/new"}
    return Entry(
        id=work.id,
        title=work.title,
        pictures=tuple(
            Picture(image.name, image.caption, image.width_px, image.height_px)
            for image in work.images
        ),
        maker=_maker(work.artist),
        facts=(
            ("Date", "date", work.date_text),
            ("Medium", "medium", work.medium),
            ("Dimensions", "dimensions", work.dimensions_text),
            ("Accession number", "accession", work.accession_number),
            ("Classification", "classification", work.classification),
            ("Culture", "culture", work.culture),
            ("Place", "place", work.place),
            ("Credit line", "credit", work.credit_line),
            ("Institution", "institution", work.institution),
        ),
        description=work.description,
        rights_text=work.rights_text,
        license_url=work.license_url,
        styles=(Link(work.style, f"/style/{slug(work.style)}"),),
        genres=(Link(work.genre, f"/genre/{slug(work.genre)}"),),
        periods=(Link(work.period, f"/period/{quote(slug(work.period))}"),),
        categories=tuple(Link(name, place[name]) for name in work.categories),
        colors=(Link(work.color_category, f"/color/{work.color_category}"),)
        if work.color_category
        else (),
        tags=tuple(Link(tag, f"/tag/{slug(tag)}") for tag in work.tags),
        date_text=work.date_text,
    )


def from_catalogue(catalogue: Catalogue, cache: ImageCache) -> Exhibition:
    """The generated museum, with its vault, its dead link and its lost image."""
    entries = {work.id: _entry(work) for work in catalogue.works}
    files = {image.name: (work, image.index) for work in catalogue.works for image in work.images}
    vault = Item(VAULT, "The vault (staff only)", "not for visitors")
    lost = Item(f"/work/{LOST_WORK}", "A work that went astray", "whereabouts unknown")

    def listing(kind: str, name: str, works: tuple[Work, ...], *more: Item) -> Listing:
        items = [item(entries[work.id]) for work in works]
        for at, extra in enumerate(more):
            items.insert(min(len(items), 5 + 4 * at), extra)
        return Listing(name, f"/{kind}/{slug(name)}", tuple(items))

    categories = {}
    for at, (name, works) in enumerate(catalogue.categories.items()):
        # The first category holds both links that a polite crawler survives.
        categories[slug(name)] = listing(
            "category", name, works, *((vault, lost) if at == 0 else ())
        )

    def image_file(name: str) -> Path | None:
        if name not in files or files[name][0].image_missing:
            return None
        return cache.path(*files[name])

    def thumb_file(name: str) -> Path | None:
        known = files.get(name.removesuffix(".jpg"))
        return cache.thumb_path(*known) if known else None

    return Exhibition(
        name="Museum of Unpainted Pictures",
        lede="Pictures that nobody painted, by artists who never lived.",
        entries=entries,
        categories=categories,
        colors={name: listing("color", name, works) for name, works in catalogue.colors.items()},
        recent=Listing(RECENT, "/new", tuple(item(entries[work.id]) for work in catalogue.recent)),
        image_file=image_file,
        thumb_file=thumb_file,
        truth=lambda base_url: catalogue.truth(base_url, cache.digest),
        vault=VAULT,
    )
