"""What a page says about a work of art."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from crawler.extraction.artists import artist_record
from crawler.extraction.dates import parse_years
from crawler.extraction.dimensions import parse_dimensions
from crawler.extraction.errors import ExtractionError, tried
from crawler.extraction.iiif import PaintedImage
from crawler.extraction.image_service import info_url, largest_urls, service_address
from crawler.extraction.images import element_candidates, text_candidates
from crawler.extraction.page import Page
from crawler.extraction.records import ArtistRecord, ArtworkRecord, ImageRecord
from crawler.extraction.rights import settle_license
from crawler.extraction.sources import Match, Node, Source
from crawler.extraction.terms import mapped_terms
from crawler.extraction.text import MAX_DESCRIPTION, MAX_TEXT, clean_text
from crawler.extraction.urls import canonical_url
from crawler.extraction.values import value_link

if TYPE_CHECKING:
    from crawler.profiles import Images, Profile

MAX_ID = 500
MAX_NAME = 500
MAX_TITLE = 2_000
MAX_RAW = 1_000
MAX_RAW_VALUES = 500
MAX_RAW_TOTAL = 200_000  # characters of a record's raw values together
MAX_ARTISTS = 100
MAX_IMAGES = 500
MAX_ALTERNATIVES = 8

Sources = tuple[Source, ...]
Offer = tuple[str | None, tuple[str, ...]]
"""The IIIF service of an image, and its addresses, best first."""

_TEXT_FIELDS = (
    ("medium", MAX_TEXT),
    ("classification", MAX_TEXT),
    ("culture", MAX_TEXT),
    ("place", MAX_TEXT),
    ("accession_number", MAX_TEXT),
    ("description", MAX_DESCRIPTION),
    ("credit_line", MAX_TEXT),
    ("institution", MAX_TEXT),
    ("rights_text", MAX_TEXT),
)


def extract_artwork(profile: Profile, page: Page) -> ArtworkRecord:
    """Read the page of a work.

    Raises:
        ExtractionError: it is none, or a required field is missing.
    """
    return _Reader(profile, page).record()


class _Reader:
    """Reads one page and notes where each value came from."""

    def __init__(self, profile: Profile, page: Page) -> None:
        self.profile = profile
        self.artwork = profile.artwork
        self.page = page
        self.raw: dict[str, list[str]] = {}
        self.raw_left = MAX_RAW_TOTAL
        self.cut: dict[str, None] = {}
        self.sources: dict[str, str] = {}

    def record(self) -> ArtworkRecord:
        artwork = self.artwork
        if artwork.match and not any(source.found(self.page) for source in artwork.match):
            raise ExtractionError(
                "not_an_artwork", f"nothing on the page matches {tried(artwork.match)}"
            )
        title = self.text("title", artwork.title, MAX_TITLE)
        date = self.text("date", artwork.date)
        dimensions = self.text("dimensions", artwork.dimensions)
        texts = {
            name: self.text(name, getattr(artwork, name), limit) for name, limit in _TEXT_FIELDS
        }
        license_url, license_name = settle_license(
            self.link("license_url", artwork.license_url), texts["rights_text"]
        )
        iiif_manifest = self.link("iiif_manifest", artwork.iiif_manifest) or self.own_manifest()
        artists = self.artists()
        images = self.images()
        terms = self.terms()
        self.require({"title": title, "date": date, "dimensions": dimensions, **texts,
                      "license_url": license_url, "iiif_manifest": iiif_manifest,
                      "artist": artists, "images": images})  # fmt: skip
        years = parse_years(date) or (None, None)
        size = parse_dimensions(dimensions)
        if texts["institution"] is None:
            texts["institution"] = self.profile.institution
        return ArtworkRecord(
            source_id=self.source_id(),
            page_url=self.page.url,
            title=title or "",
            date_text=date,
            year_from=years[0],
            year_to=years[1],
            dimensions_text=dimensions,
            height_cm=size.height_cm,
            width_cm=size.width_cm,
            depth_cm=size.depth_cm,
            license_url=license_url,
            license=license_name,
            iiif_manifest=iiif_manifest,
            artists=artists,
            terms=terms,
            images=images,
            raw=self.raw,
            sources=self.sources,
            cut=tuple(self.cut),
            **texts,
        )

    def require(self, values: dict[str, object]) -> None:
        for name in self.artwork.required:
            if not values[name]:
                if not self.raw:
                    raise ExtractionError("not_an_artwork", "no source of [artwork] gave anything")
                table = getattr(self.artwork, name)
                sources = table if isinstance(table, tuple) else _all_sources(table)
                raise ExtractionError(
                    "missing_field", f"{name} is required; tried {tried(sources)} in vain"
                )

    def source_id(self) -> str:
        if self.artwork.source_id is None:
            parts = urlsplit(canonical_url(self.page.url))
            return f"{parts.path}?{parts.query}" if parts.query else parts.path
        source_id = self.text("source_id", self.artwork.source_id, MAX_ID)
        if source_id is None:
            raise ExtractionError(
                "missing_field",
                f"source_id is required; tried {tried(self.artwork.source_id)} in vain",
            )
        return source_id

    def matches(self, name: str, sources: Sources | None, node: Node | None = None) -> list[Match]:
        """Return what the first source gives that gives anything, and note it."""
        for source in sources or ():
            if found := source.matches(self.page, node):
                self.note(name, source, [match.text for match in found])
                return found
        return []

    def note(self, name: str, source: Source, texts: list[str]) -> None:
        raw = self.raw.setdefault(name, [])
        self.sources[name] = source.written
        for text in texts:
            kept = text[: min(MAX_RAW, self.raw_left)]
            if len(kept) < len(text):
                self.cut[name] = None
            if len(raw) >= MAX_RAW_VALUES or (text and not kept):
                self.cut[name] = None
                return
            raw.append(kept)
            self.raw_left -= len(kept)

    def text(
        self,
        name: str,
        sources: Sources | None,
        limit: int = MAX_TEXT,
        node: Node | None = None,
    ) -> str | None:
        found = self.matches(name, sources, node)
        return clean_text(found[0].text, limit) if found else None

    def links(self, name: str, sources: Sources | None, node: Node | None = None) -> list[str]:
        for source in sources or ():
            if found := [url for url, _ in source.links(self.page, node)]:
                self.note(name, source, found)
                return found
        return []

    def link(self, name: str, sources: Sources | None, node: Node | None = None) -> str | None:
        found = self.links(name, sources, node)
        return found[0] if found else None

    def artists(self) -> tuple[ArtistRecord, ...]:
        table = self.artwork.artist
        if table is None:
            return ()
        found: list[ArtistRecord] = []
        if table.each is not None:
            for node in self.nodes(table.each):
                names = self.matches("artist", table.name, node)
                if names:
                    found.append(
                        artist_record(
                            names[0].text,
                            role=self.text("artist_role", table.role, MAX_NAME, node),
                            nationality=self.text(
                                "artist_nationality", table.nationality, MAX_NAME, node
                            ),
                            life=self.text("artist_life", table.life, MAX_NAME, node),
                            page_url=self.link("artist_page", table.page, node)
                            or _name_link(names[0], self.page),
                        )
                    )
        else:
            names = self.matches("artist", table.name)
            count = len(names)
            roles = self.aligned("artist_role", table.role, count)
            nationalities = self.aligned("artist_nationality", table.nationality, count)
            lives = self.aligned("artist_life", table.life, count)
            pages = _aligned(self.links("artist_page", table.page), count)
            for name, role, nationality, life, url in zip(
                names, roles, nationalities, lives, pages, strict=True
            ):
                found.append(
                    artist_record(
                        name.text,
                        role=role,
                        nationality=nationality,
                        life=life,
                        page_url=url or _name_link(name, self.page),
                    )
                )
        return tuple(dict.fromkeys(artist for artist in found if artist.name))[:MAX_ARTISTS]

    def own_manifest(self) -> str | None:
        """Return the address of the page if it is itself a IIIF manifest: as it says, or is."""
        presentation = self.page.presentation
        if presentation is None or presentation.kind != "manifest":
            return None
        return self.page.absolute(presentation.id or self.page.url)

    def images(self) -> tuple[ImageRecord, ...]:
        table = self.artwork.images
        if table is None:
            return ()
        found: dict[str, ImageRecord] = {}
        if table.each is not None:
            for node in self.nodes(table.each):
                for offer in self.offers(table, node)[:1]:
                    caption = self.text("image_caption", table.caption, MAX_TEXT, node)
                    rights = self.text("image_rights_text", table.rights_text, MAX_TEXT, node)
                    licence = self.link("image_license_url", table.license_url, node)
                    _add_image(found, offer, caption, rights, licence)
        else:
            offers = self.offers(table)
            count = len(offers)
            captions = self.aligned("image_caption", table.caption, count)
            rights_texts = self.aligned("image_rights_text", table.rights_text, count)
            licences = _aligned(self.links("image_license_url", table.license_url), count)
            for offer, *about in zip(offers, captions, rights_texts, licences, strict=True):
                _add_image(found, offer, *about)
        return tuple(found.values())

    def offers(self, table: Images, node: Node | None = None) -> list[Offer]:
        """Return for each image its service, if it has one, and its addresses, best first.

        Services come before addresses; both are of the same images only if they count the same.
        """
        services = self.services(table, node)
        written = self.addresses("image_url" if services else "images", table.url, node)
        if not services:
            return [(None, urls) for urls in written]
        beside = written if len(written) == len(services) else [()] * len(services)
        return [
            (service, (*urls, *further))
            for (service, urls), further in zip(services, beside, strict=True)
        ]

    def services(self, table: Images, node: Node | None) -> list[tuple[str, tuple[str, ...]]]:
        """Return each service with the addresses of the largest image that it gives."""
        version = node.version if isinstance(node, PaintedImage) else None
        for source in table.iiif or ():
            found: dict[str, tuple[str, ...]] = {}
            for url, _ in source.links(self.page, node):
                if (service := service_address(url)) is not None:
                    urls = largest_urls(service, version, table.max_side)
                    # Where the page shows one size of the image, that size can be had.
                    shown = () if url.rstrip("/") in (service, info_url(service)) else (url,)
                    found.setdefault(service, (*urls, *shown))
            if found:
                self.note("images", source, [urls[0] for urls in found.values()])
                return list(found.items())
        return []

    def addresses(
        self, name: str, sources: Sources | None, node: Node | None
    ) -> list[tuple[str, ...]]:
        """Return the addresses of each image that the first source gives that gives any."""
        for source in sources or ():
            found = [
                tuple(dict.fromkeys(urls))
                for written in self.candidates(source, node)
                if (urls := [url for one in written if (url := self.page.absolute(one))])
            ]
            if found:
                self.note(name, source, [urls[0] for urls in found])
                return found
        return []

    def candidates(self, source: Source, node: Node | None) -> list[tuple[str, ...]]:
        """Return what a source offers for each image: addresses as written, best first."""
        if source.written.startswith("{"):  # a table says itself which part of a value counts
            return [(url,) for url, _ in source.links(self.page, node)]
        if source.reads_json:
            return [
                several
                if isinstance(match.value, str) and len(several := text_candidates(match.value)) > 1
                else (url,)
                for url, match in source.links(self.page, node)
            ]
        selected = source.selected(self.page, node)
        if any(match.text for match in selected if not match.is_element):
            return [text_candidates(match.text) for match in selected if match.text]
        return [element_candidates(match.element) for match in selected if match.is_element]

    def terms(self) -> tuple[tuple[str, str], ...]:
        found = [
            (kind, match.text)
            for kind, sources in self.artwork.terms.items()
            for match in self.matches(f"terms.{kind}", sources)
        ]
        return mapped_terms(found, self.artwork.term_map)

    def nodes(self, sources: Sources) -> list[Node]:
        for source in sources:
            if found := source.nodes(self.page):
                return found
        return []

    def aligned(self, name: str, sources: Sources | None, count: int) -> list[str | None]:
        return _aligned([match.text for match in self.matches(name, sources)], count)


def _add_image(
    found: dict[str, ImageRecord],
    offer: Offer,
    caption: str | None,
    rights_text: str | None,
    license_url: str | None,
) -> None:
    service, (url, *further) = offer
    if url not in found and len(found) < MAX_IMAGES:
        license_url, license_name = settle_license(license_url, rights_text)
        found[url] = ImageRecord(
            url=url,
            position=len(found),
            caption=caption,
            rights_text=rights_text,
            license_url=license_url,
            license=license_name,
            iiif_service=service,
            alternatives=tuple(dict.fromkeys([url, *further]))[1 : 1 + MAX_ALTERNATIVES],
        )


def _aligned(values: list[str], count: int) -> list[str | None]:
    """Give the i-th value to the i-th of `count` things; if their numbers differ, nobody knows."""
    if len(values) == count or (count == 1 and values):
        return list(values[:count])
    return [None] * count


def _name_link(name: Match, page: Page) -> str | None:
    """Return where a maker's name links to: its `<a>`, or the `url` of the maker in JSON."""
    link: str | None = None
    if name.element is not None and name.element.tag == "a":
        link = name.element.get("href")
    elif isinstance(name.value, dict):
        link = value_link(name.value.get("url"))
    return page.absolute(link) if link else None


def _all_sources(table: object) -> list[Source]:
    """Return the sources of an `artist` or `images` table that give its value."""
    sources: list[Source] = []
    for name in ("each", "name", "iiif", "url"):
        sources += getattr(table, name, None) or ()
    return sources
