"""What the pages show, whether the works were generated or lie in a folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from demo import said
from demo.artists import Artist
from demo.catalogue import LOST_WORK, VAULT, Catalogue, ImageFile, Work, slug
from demo.iiif import Size
from demo.images import ImageCache
from demo.truth import truth_of
from demo.wings import RECENT, WING, Layout


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
    styles: tuple[str, ...] = ()
    href: str = ""

    def __post_init__(self) -> None:
        if not self.href:
            object.__setattr__(self, "href", "/artist/" + quote(self.id))


@dataclass(frozen=True)
class Picture:
    """One image of an entry, by the name it is served under."""

    name: str
    caption: str
    width: int | None = None
    height: int | None = None
    renditions: tuple[tuple[int, str], ...] = ()
    lost: str = ""

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
    accession: str = ""
    layout: Layout = "label"
    variant: str = ""
    record: Link | None = None

    @property
    def href(self) -> str:
        """The address of its page for people."""
        return "/work/" + quote(self.id)


@dataclass(frozen=True)
class Item:
    """A work link in a listing; a link without an entry leads nowhere good.

    `record` is where programs find the work, if that is not where people do.
    """

    href: str
    title: str
    subtitle: str = ""
    thumb: str = ""
    record: Link | None = None
    accession: str = ""


@dataclass(frozen=True)
class Listing:
    """A named sequence of work links, cut into pages by the server."""

    name: str
    href: str
    items: tuple[Item, ...]
    lede: str = ""


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
    catalogue: Catalogue | None = None
    wings: dict[str, Listing] = field(default_factory=dict)
    with_sessions: frozenset[str] = frozenset()
    sized_file: Callable[[str, Size], Path | None] = lambda name, size: None

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
                known, entries = found.get(entry.maker.id, (entry.maker, []))
                # Some pages leave out what others say of the same artist.
                maker = known if known.nationality else entry.maker
                found[entry.maker.id] = (maker, [*entries, entry])
        return {key: (maker, tuple(entries)) for key, (maker, entries) in found.items()}


def item(entry: Entry) -> Item:
    """The link to an entry as listings show it."""
    subtitle = ", ".join(
        part for part in (entry.maker and entry.maker.name, entry.date_text) if part
    )
    thumb = entry.pictures[0].thumb if entry.pictures else ""
    return Item(entry.href, entry.title, subtitle, thumb, entry.record, entry.accession)


def maker_of(artist: Artist) -> Maker:
    """The artist with everything that is known."""
    return Maker(artist.id, artist.name, artist.nationality, artist.life, artist.styles)


RECORDS: dict[Layout, str] = {"record": "JSON", "iiif": "IIIF"}
"""Layouts that are no pages, and what the link to them says."""

# Widths that responsive pages offer beside the full one, in pixels.
RENDITIONS = (320, 560)


def _picture(work: Work, image: ImageFile) -> Picture:
    picture = Picture(image.name, image.caption, image.width_px, image.height_px)
    if work.layout != "responsive":
        return picture
    widths = (*RENDITIONS, image.width_px)
    return replace(
        picture,
        renditions=tuple((width, said.rendition_path(image, width)) for width in widths),
        lost=said.lost_path(image),
    )


def _entry(work: Work) -> Entry:
    place = {name: f"/category/{slug(name)}" for name in work.categories} | {RECENT: "/new"}
    facts: tuple[tuple[str, str, str], ...] = (
        ("Date", "date", work.date_text),
        ("Medium", "medium", work.medium),
        ("Dimensions", "dimensions", work.dimensions_text),
        ("Accession number", "accession", work.accession_number),
        ("Classification", "classification", work.classification),
        ("Culture", "culture", work.culture),
        ("Place", "place", work.place),
        ("Credit line", "credit", work.credit_line),
        ("Institution", "institution", work.institution),
    )
    maker = maker_of(work.artist)
    styles: tuple[Link, ...] = (Link(work.style, f"/style/{slug(work.style)}"),)
    if work.layout == "resident":
        # Who they are and how they work is told once, on their own page.
        maker = Maker(maker.id, maker.name, href=f"/resident/{quote(maker.id)}")
        styles = ()
        facts = tuple(fact for fact in facts if fact[1] != "culture")
    record = RECORDS.get(work.layout)
    return Entry(
        id=work.id,
        title=work.title,
        pictures=tuple(_picture(work, image) for image in work.images),
        maker=maker,
        facts=facts,
        description=work.description,
        rights_text=work.rights_text,
        license_url=work.license_url,
        styles=styles,
        genres=(Link(work.genre, f"/genre/{slug(work.genre)}"),),
        periods=(Link(work.period, f"/period/{quote(slug(work.period))}"),),
        categories=tuple(Link(name, place[name]) for name in work.categories),
        colors=(Link(work.color_category, f"/color/{work.color_category}"),)
        if work.color_category
        else (),
        tags=tuple(Link(tag, f"/tag/{slug(tag)}") for tag in work.tags),
        date_text=work.date_text,
        accession=work.accession_number,
        layout=work.layout,
        variant=work.variant,
        record=Link(record, said.page_path(work)) if record else None,
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

    # The largest of the others gives every visitor a session, as shops and libraries do.
    others = list(categories)[1:]
    largest = max(others, key=lambda key: len(categories[key].items), default=None)

    def image_file(name: str) -> Path | None:
        if name not in files or files[name][0].image_missing:
            return None
        return cache.path(*files[name])

    def thumb_file(name: str) -> Path | None:
        known = files.get(name.removesuffix(".jpg"))
        return cache.thumb_path(*known) if known else None

    def sized_file(name: str, size: Size) -> Path | None:
        if name not in files or files[name][0].image_missing:
            return None
        work, index = files[name]
        image = work.images[index]
        if size == (image.width_px, image.height_px):
            return cache.path(work, index)
        return cache.sized_path(work, index, size)

    return Exhibition(
        name="Museum of Unpainted Pictures",
        lede="Pictures that nobody painted, by artists who never lived.",
        entries=entries,
        categories=categories,
        colors={name: listing("color", name, works) for name, works in catalogue.colors.items()},
        recent=Listing(RECENT, "/new", tuple(item(entries[work.id]) for work in catalogue.recent)),
        image_file=image_file,
        thumb_file=thumb_file,
        sized_file=sized_file,
        truth=lambda base_url: truth_of(catalogue, base_url, cache.digest),
        vault=VAULT,
        catalogue=catalogue,
        wings={
            name: Listing(
                name,
                WING[name].href,
                tuple(item(entries[work.id]) for work in works),
                WING[name].lede,
            )
            for name, works in catalogue.wings.items()
        },
        with_sessions=frozenset({largest} if largest else ()),
    )
