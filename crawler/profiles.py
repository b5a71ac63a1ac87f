"""Site profiles: everything that the crawler has to know about one site, in one TOML file.

The classes below are the tables of the file, their fields the keys, each with its meaning and
default; `crawler.extraction.sources` says how a source (where on a page a value is found) is
written. A complete profile of a simple site:

    base_url = "https://museum.example"

    [categories]
    paintings = "/collection/paintings"
    prints = "/collection/prints"

    [listing]
    artworks = "css:a.work"
    next = "css:a[rel=next]"

    [artwork]
    title = "css:h1"
    artist = "css:.artist"
    date = "css:.date"
    images = "css:.viewer img"
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, Self, get_args
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    PrivateAttr,
    ValidationError,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from crawler.extraction.sources import Source, check_css, parse_sources
from crawler.extraction.urls import absolute_url
from crawler.profile_problems import WrongKey, describe_problems, suggestion
from storage.errors import UsageError

BUNDLED_FOLDER = Path(__file__).parent / "sites"
USER_FOLDER = Path("sites")

Rendering = Literal["never", "auto", "splash", "chromium"]
TermKind = Literal[
    "category", "style", "genre", "period", "nationality", "color", "subject", "medium", "tag"
]
TERM_KINDS: tuple[str, ...] = get_args(TermKind)

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
_NO_NAME = re.compile(r"[^a-z0-9]+")
MAX_SLUG = 80


class ProfileError(UsageError):
    """A site profile is missing or wrong."""


def _check_rendering(value: object) -> object:
    if value not in get_args(Rendering):
        raise ValueError(
            f"{value!r} is no way of rendering; use 'never', 'auto', 'splash' or 'chromium'"
        )
    return value


def _check_css(value: object) -> object:
    return check_css(value) if isinstance(value, str) else value


def _written(sources: tuple[Source, ...]) -> list[str]:
    return [source.written for source in sources]


Sources = Annotated[
    tuple[Source, ...],
    PlainValidator(parse_sources),
    PlainSerializer(_written, return_type=list[str]),
    WithJsonSchema({"format": "sources"}),
]
RenderingChoice = Annotated[Rendering, BeforeValidator(_check_rendering)]
Css = Annotated[str, BeforeValidator(_check_css)]


class Table(BaseModel):
    """Base of all tables of a profile: read-only, and unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


def _check_relative(table: Table, names: Iterable[str], within: str) -> None:
    """Refuse sources that would give the same, or nothing, for every element of `within`."""
    outer: Sources = getattr(table, within)
    for name in names:
        for source in getattr(table, name) or ():
            if source.reads_page_only:
                cure = (
                    f"write 'xpath:.{source.expression}'"
                    if source.kind == "xpath"
                    else "use css or a relative xpath"
                )
                raise WrongKey(
                    (name,),
                    f"{source.written!r} reads the whole page, not each element of"
                    f" {within!r}; {cure}",
                )
            if source.reads_json and not any(each.reads_json for each in outer):
                raise WrongKey(
                    (name,),
                    f"{source.written!r} reads JSON, and {within!r} gives elements of the page;"
                    " use css or a relative xpath",
                )
            if source.kind in ("css", "xpath") and all(each.reads_json for each in outer):
                raise WrongKey(
                    (name,),
                    f"{source.written!r} reads elements of the page, and {within!r} gives JSON;"
                    f" use {outer[0].kind}",
                )


class Politeness(Table):
    """`[politeness]`: how gently the site is asked."""

    delay: float = Field(
        default=0.5,
        ge=0,
        le=3600,
        description="Seconds between two requests to one host, at least; a Crawl-delay in its "
        "robots.txt raises it.",
    )
    concurrency: int = Field(
        default=4, ge=1, le=64, description="Requests in flight to one host, at most."
    )
    autothrottle: bool = Field(
        default=True, description="Slow down when the site answers more slowly."
    )
    obey_robots: bool = Field(default=True, description="Leave out what robots.txt disallows.")
    retries: int = Field(
        default=2, ge=0, le=20, description="Further attempts after a failure that may pass."
    )
    timeout: float = Field(
        default=60.0,
        gt=0,
        le=3600,
        description="Seconds that a request may take as a whole, however it trickles.",
    )


class Start(Table):
    """`[[start]]`: a listing to begin with."""

    url: str = Field(min_length=1, description="Address, absolute or relative to `base_url`.")
    category: str | None = Field(
        default=None, min_length=1, description="Name of the category that is listed there."
    )
    rendering: RenderingChoice | None = Field(
        default=None, description="How this listing is rendered; default: `rendering.listing`."
    )


class Discover(Table):
    """`[discover]` (or several `[[discover]]`): a page that names the site's categories."""

    url: str = Field(
        default="/", min_length=1, description="The page, absolute or relative to `base_url`."
    )
    links: Sources = Field(description="Links to the categories' listings.")
    name: Sources | None = Field(
        default=None, description="Name within each link; default: the link's text."
    )
    rendering: RenderingChoice | None = Field(
        default=None,
        description="How the listings found are rendered; default: `rendering.listing`.",
    )

    @model_validator(mode="after")
    def _check_name(self) -> Self:
        _check_relative(self, ("name",), "links")
        return self


class BrowserOptions(Table):
    """`[rendering.browser]`: what Splash or Chromium does with a page before it is read."""

    scroll: bool = Field(
        default=True, description="Scroll down until the page grows no more (listings only)."
    )
    max_scrolls: int = Field(default=50, ge=1, le=1000, description="Scrolls, at most.")
    click: Css | None = Field(
        default=None,
        description='CSS of a "load more" button, clicked until it is gone or nothing is added.',
    )
    max_clicks: int = Field(default=50, ge=1, le=1000, description="Clicks, at most.")
    wait_for: Css | None = Field(
        default=None, description="CSS of an element that must be there before the page is read."
    )
    wait: float = Field(
        default=0.3,
        ge=0,
        le=30,
        description="Seconds between loading, scrolling or clicking and looking again.",
    )
    until: str | None = Field(
        default=None,
        description="JavaScript expression (ES5) that is true once everything is there; ends the "
        "scrolling early.",
    )
    images: bool = Field(default=False, description="Load images while rendering.")
    timeout: float = Field(
        default=60.0, gt=0, le=120, description="Seconds until rendering is given up."
    )


class RenderingTable(Table):
    """`[rendering]`: which pages need a browser.

    `auto` fetches a page plainly and asks Splash, then Chromium, only where that shows nothing:
    a listing without links, a work without a field that is required. What a site needed is
    remembered.
    """

    listing: RenderingChoice = Field(
        default="auto", description="Listings: never, auto, splash or chromium."
    )
    artist: RenderingChoice = Field(default="auto", description="Pages of artists: the same.")
    artwork: RenderingChoice = Field(default="auto", description="Pages of works: the same.")
    browser: BrowserOptions = Field(
        default_factory=BrowserOptions, description="What the browser does."
    )


class PageCount(Table):
    """`[listing.pages]`: a listing that says how many pages it has, but links to none."""

    last: Sources = Field(description="Number of the last page.")
    parameter: str = Field(
        default="page", min_length=1, description="Parameter of the address that counts them."
    )
    first: int = Field(default=1, ge=0, le=1, description="Number of the first page.")


class Listing(Table):
    """`[listing]`: what a listing leads to. A source that selects elements means their link."""

    artworks: Sources | None = Field(default=None, description="Links to pages of artworks.")
    artists: Sources | None = Field(
        default=None, description="Links to pages of artists, which `[artist]` reads."
    )
    next: Sources | None = Field(default=None, description="Link to the next page of the listing.")
    pages: PageCount | None = Field(
        default=None, description="How many pages there are, where none is linked to."
    )
    listings: Sources | None = Field(default=None, description="Links to further listings.")
    newest_first: bool = Field(
        default=False,
        description="New works come first: a page that shows only works that are known already "
        "does not lead to its next page, unless the crawl is told to read everything.",
    )

    @model_validator(mode="after")
    def _check_leads_on(self) -> Self:
        if self.artworks is None and self.artists is None and self.listings is None:
            raise ValueError('it leads nowhere; add artworks = "css:…", the links to the works')
        return self


class Images(Table):
    """`[artwork.images]`: `images = SOURCE` is short for `url = SOURCE`."""

    each: Sources | None = Field(
        default=None,
        description="Elements that hold one image each; the other sources are then looked for "
        "within each.",
    )
    url: Sources | None = Field(
        default=None,
        description="Address of the image: an `img`, of whose `srcset` the largest is taken, an "
        "element with a background image, an attribute, or a value.",
    )
    iiif: Sources | None = Field(
        default=None,
        description="Address of the image's IIIF Image API service, with or without `/info.json`; "
        "the largest size that it gives is fetched.",
    )
    max_side: int | None = Field(
        default=None,
        ge=64,
        le=100_000,
        description="Longest side asked of a IIIF service, in pixels; default: what it has.",
    )
    caption: Sources | None = Field(default=None, description="Caption.")
    rights_text: Sources | None = Field(default=None, description="Rights of the image.")
    license_url: Sources | None = Field(default=None, description="Link to its licence.")

    @model_validator(mode="after")
    def _check_each(self) -> Self:
        if self.url is None and self.iiif is None:
            raise ValueError('no address is given; add url = "css:img", or iiif for a IIIF service')
        if self.each is not None:
            _check_relative(self, RELATIVE_TO_IMAGE, "each")
        return self


RELATIVE_TO_IMAGE = ("url", "iiif", "caption", "rights_text", "license_url")


class Artists(Table):
    """`[artwork.artist]`: `artist = SOURCE` is short for `name = SOURCE`."""

    each: Sources | None = Field(
        default=None,
        description="Elements that hold one maker each; the other sources are then looked for "
        "within each.",
    )
    name: Sources = Field(
        description='Name; "after", "workshop of" … before it and "(Dutch, 1606–1669)" behind it '
        "are understood."
    )
    role: Sources | None = Field(default=None, description="Role; default: artist.")
    nationality: Sources | None = Field(default=None, description="Nationality.")
    life: Sources | None = Field(default=None, description='Life dates, such as "1871–1943".')
    page: Sources | None = Field(
        default=None, description="Link to the maker's page; default: where the name links to."
    )

    @model_validator(mode="after")
    def _check_each(self) -> Self:
        if self.each is not None:
            _check_relative(self, tuple(self.__class__.model_fields)[1:], "each")
        return self


def _short_for(key: str, *others: str) -> BeforeValidator:
    """Accept a source where a table with `key`, one of `others` or `each` is meant."""

    def expand(value: object) -> object:
        is_table = isinstance(value, dict) and not {key, "each", *others}.isdisjoint(value)
        return value if is_table or isinstance(value, BaseModel) else {key: value}

    return BeforeValidator(expand)


class Artwork(Table):
    """`[artwork]`: what a page says about a work. Only `title` and `images` are required."""

    match: Sources | None = Field(
        default=None, description="Must be found, or the page is none of an artwork."
    )
    source_id: Sources | None = Field(
        default=None,
        description="What tells the work from the site's others; default: path and query of the "
        "page's address.",
    )
    title: Sources | None = Field(default=None, description="Title.")
    artist: Annotated[Artists, _short_for("name")] | None = Field(
        default=None, description="Makers: a source of names, or a table."
    )
    date: Sources | None = Field(
        default=None, description='Date as written ("c. 1503–19"); its years are read from it.'
    )
    medium: Sources | None = Field(default=None, description="Material and technique.")
    classification: Sources | None = Field(default=None, description="Kind of object.")
    culture: Sources | None = Field(default=None, description="Culture of origin.")
    place: Sources | None = Field(default=None, description="Place of origin.")
    dimensions: Sources | None = Field(
        default=None, description="Dimensions as written; centimetres are read from them."
    )
    accession_number: Sources | None = Field(default=None, description="Inventory number.")
    description: Sources | None = Field(default=None, description="Description.")
    credit_line: Sources | None = Field(default=None, description="Credit line.")
    institution: Sources | None = Field(
        default=None, description="Holder of the work; default: the profile's `institution`."
    )
    rights_text: Sources | None = Field(default=None, description="Rights as written.")
    license_url: Sources | None = Field(default=None, description="Link to the licence.")
    iiif_manifest: Sources | None = Field(
        default=None, description="Link to the work's IIIF Presentation manifest."
    )
    images: Annotated[Images, _short_for("url", "iiif")] | None = Field(
        default=None, description="Images: a source of addresses, or a table."
    )
    terms: dict[TermKind, Sources] = Field(
        default_factory=dict, description="`[artwork.terms]`: kind of term → source."
    )
    term_map: dict[TermKind, dict[str, str]] = Field(
        default_factory=dict,
        description="`[artwork.term_map.KIND]`: the site's word, in any case → our term; "
        '"" drops it.',
    )
    required: tuple[str, ...] = Field(
        default=("title", "images"),
        description="Fields without which a page is reported as failed.",
    )

    @field_validator("term_map", mode="after")
    @classmethod
    def _fold_words(cls, value: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
        return {
            kind: {word.strip().casefold(): term.strip() for word, term in words.items()}
            for kind, words in value.items()
        }

    @model_validator(mode="after")
    def _check_required(self) -> Self:
        known = [name for name in ARTWORK_FIELDS if name not in ("match", "source_id")]
        for name in self.required:
            if name not in known:
                raise WrongKey(("required",), f"no such field {name!r}{suggestion(name, known)}")
            if getattr(self, name) is None:
                raise ValueError(
                    f"no source is given for {name!r}, which is required;"
                    f' add one, such as {name} = "css:…", or set required = [...] without it'
                )
        return self


ARTWORK_FIELDS: tuple[str, ...] = tuple(
    name for name in Artwork.model_fields if name not in ("terms", "term_map", "required")
)


class ArtistPage(Table):
    """`[artist]`: a page of an artist, between a listing and the works.

    What it says of the artist holds for the works it leads to: years and nationality complete
    what their own pages say of the same name, and its terms become theirs, marked as inherited.
    """

    match: Sources | None = Field(
        default=None, description="Must be found, or the page is none of an artist."
    )
    artworks: Sources = Field(description="Links to pages of works.")
    next: Sources | None = Field(default=None, description="Link to the next page of works.")
    name: Sources = Field(description="Name.")
    nationality: Sources | None = Field(default=None, description="Nationality.")
    life: Sources | None = Field(default=None, description='Life dates, such as "1871–1943".')
    terms: dict[TermKind, Sources] = Field(
        default_factory=dict,
        description="`[artist.terms]`: kind of term → source; `[artwork.term_map]` applies.",
    )


def _as_list(value: object) -> object:
    return [value] if isinstance(value, dict) else value


class Profile(Table):
    """A site."""

    name: str = Field(description="Name on the command line; default: the file's name.")
    title: str | None = Field(default=None, min_length=1, description="Name for people.")
    base_url: str | None = Field(
        default=None,
        description="Address that relative addresses here are resolved against; `-a base_url=` "
        "replaces it.",
    )
    institution: str | None = Field(
        default=None, min_length=1, description="Holder of the works whose page names none."
    )
    domains: tuple[str, ...] = Field(
        default=(),
        description="Further domains that pages may be on, subdomains included; images may be "
        "anywhere.",
    )
    politeness: Politeness = Field(default_factory=Politeness, description="How gently to ask.")
    rendering: RenderingTable = Field(
        default_factory=RenderingTable, description="Which pages need a browser."
    )
    categories: dict[str, str] = Field(
        default_factory=dict, description="`[categories]`: name → address of its listing."
    )
    start: tuple[Start, ...] = Field(default=(), description="`[[start]]`: listings.")
    discover: Annotated[tuple[Discover, ...], BeforeValidator(_as_list)] = Field(
        default=(), description="`[discover]`: pages on which the categories are found."
    )
    general: bool = Field(
        default=False,
        description="The profile fits many sites; `-a start=URL` says which, and where to begin.",
    )
    listing: Listing = Field(description="What listings lead to.")
    artist: ArtistPage | None = Field(default=None, description="What pages of artists say.")
    artwork: Artwork = Field(description="What pages say about a work.")

    _path: Path | None = PrivateAttr(default=None)

    @field_validator("name")
    @classmethod
    def _check_name(cls, value: str) -> str:
        if not _NAME.fullmatch(value):
            raise ValueError(
                f"{value!r} is no name for a site: use lower-case letters, digits, '-' and '_'"
            )
        return value

    @field_validator("base_url")
    @classmethod
    def _check_base_url(cls, value: str | None) -> str | None:
        return None if value is None else _base_url(value)

    @field_validator("domains")
    @classmethod
    def _check_domains(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for domain in value:
            if not re.fullmatch(r"[\w.-]+", domain):
                raise ValueError(f"{domain!r} is no domain; write it as in 'museum.example'")
        return tuple(domain.lower().strip(".") for domain in value)

    @model_validator(mode="after")
    def _check_starts(self) -> Self:
        addresses: list[tuple[tuple[str | int, ...], str]] = [
            *((("start", i, "url"), start.url) for i, start in enumerate(self.start)),
            *((("categories", name), url) for name, url in self.categories.items()),
            *((("discover", i, "url"), table.url) for i, table in enumerate(self.discover)),
        ]
        if not addresses and not self.general:
            raise ValueError(
                "nothing to begin with; add [categories], [[start]] or [discover] with the"
                " address of a listing"
            )
        for key, url in addresses:
            if self._absolute(url) is None:
                is_relative = not self.base_url and not urlsplit(url).scheme
                cure = (
                    "give the site's base_url as well"
                    if is_relative
                    else "use an http or https address"
                )
                raise WrongKey(key, f"{url!r} is no address; {cure}")
        return self

    @property
    def path(self) -> Path | None:
        """The file that it was read from."""
        return self._path

    @property
    def label(self) -> str:
        """Name for people."""
        return self.title or self.name

    @cached_property
    def hash(self) -> str:
        """sha256 of the profile's meaning: not of its comments, order or defaults left out."""
        content = json.dumps(self.model_dump(mode="json"), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(content.encode()).hexdigest()

    def with_base_url(self, base_url: str) -> Profile:
        """Return the same profile for another address of the site, such as a test server."""
        try:
            return self._changed({"base_url": base_url})
        except ValidationError as error:
            detail = error.errors()[0]["msg"].removeprefix("Value error, ")
            raise ProfileError(f"base_url: {detail}") from error

    def with_starts(self, urls: Sequence[str]) -> Profile:
        """Return a general profile as one of the site that begins at these addresses.

        Its name follows from them: collections that begin elsewhere are kept apart.

        Raises:
            ProfileError: it is no general profile, or one of them is no address.
        """
        if not self.general:
            raise ProfileError(
                f"site {self.name!r} knows where to begin; -a start= is for general profiles,"
                " such as jsonld and iiif"
            )
        resolved = [self._absolute(url) for url in urls]
        for written, url in zip(urls, resolved, strict=True):
            if url is None:
                raise ProfileError(f"-a start: {written!r} is no http or https address")
        slug = _NO_NAME.sub("-", urls[0].partition("://")[2].casefold()).strip("-")[:MAX_SLUG]
        if len(urls) > 1 or len(slug) == MAX_SLUG:
            slug += f"-{hashlib.sha256(' '.join(urls).encode()).hexdigest()[:8]}"
        starts = tuple(Start(url=url) for url in resolved if url is not None)
        return self._changed({"start": starts, "name": f"{self.name}-{slug}"})

    @property
    def discovers(self) -> bool:
        """Whether categories exist that are known only when the site has been asked."""
        return bool(self.discover)

    @property
    def category_names(self) -> tuple[str, ...]:
        """Names of the categories that are known beforehand."""
        starts = [start.category for start in self.start if start.category]
        return tuple(dict.fromkeys([*self.categories, *starts]))

    def starts(self, categories: Collection[str] = ()) -> tuple[StartPage, ...]:
        """Return the pages to begin with, of all categories or of some.

        Raises:
            ProfileError: there is no such category, and none can be discovered.
        """
        wanted = {category.casefold(): category for category in categories}
        known = {name.casefold() for name in self.category_names}
        unknown = [category for key, category in wanted.items() if key not in known]
        if unknown and not self.discovers:
            raise ProfileError(
                f"site {self.name!r} has no category {unknown[0]!r}"
                f"{suggestion(unknown[0], self.category_names)};"
                f" it has: {', '.join(self.category_names) or 'none with a name'}"
            )
        listed = [
            *((start.url, start.category, start.rendering) for start in self.start),
            *((url, name, None) for name, url in self.categories.items()),
        ]
        pages = [
            StartPage(self._resolved(url), category, rendering or self.rendering.listing)
            for url, category, rendering in listed
            if not wanted or (category is not None and category.casefold() in wanted)
        ]
        if not wanted or unknown:
            pages += [
                StartPage(self._resolved(discover.url), None, self.rendering.listing, index)
                for index, discover in enumerate(self.discover)
            ]
        return tuple(pages)

    def renders_with(self, *renderings: Rendering) -> bool:
        """Whether any page is rendered in one of these ways."""
        table = self.rendering
        asked = {table.listing, table.artwork, *([table.artist] if self.artist else [])}
        asked |= {start.rendering for start in self.start if start.rendering}
        asked |= {discover.rendering for discover in self.discover if discover.rendering}
        return not asked.isdisjoint(renderings)

    @cached_property
    def hosts(self) -> tuple[str, ...]:
        """Domains that pages may be on."""
        addresses = [self.base_url] if self.base_url else []
        addresses += [page.url for page in self.starts()]
        hosts = [(urlsplit(url).hostname or "").removeprefix("www.") for url in addresses]
        return tuple(dict.fromkeys([*hosts, *self.domains]))

    def allows(self, url: str) -> bool:
        """Whether a page at this address belongs to the site."""
        host = urlsplit(url).hostname or ""
        return any(host == domain or host.endswith(f".{domain}") for domain in self.hosts)

    def _changed(self, values: Mapping[str, object]) -> Profile:
        known = {name: getattr(self, name) for name in type(self).model_fields}
        profile = type(self).model_validate(known | dict(values))
        profile._path = self._path
        return profile

    def _absolute(self, url: str) -> str | None:
        return absolute_url(self.base_url or "", url)

    def _resolved(self, url: str) -> str:
        resolved = self._absolute(url)
        assert resolved is not None, "checked by the validator"
        return resolved


@dataclass(frozen=True, slots=True)
class StartPage:
    """A page to begin with; `discover` is the index of the `[discover]` table it belongs to."""

    url: str
    category: str | None
    rendering: Rendering
    discover: int | None = None


@dataclass(frozen=True, slots=True)
class ProfileEntry:
    """A profile file that was found; `error` says why it cannot be used."""

    name: str
    path: Path
    profile: Profile | None = None
    error: ProfileError | None = None


def load_profile(name_or_path: str | Path, *, folders: Sequence[Path] | None = None) -> Profile:
    """Read a profile by the name of its site, or by the path of its file.

    A name is looked for in `./sites`, then among the bundled profiles.

    Raises:
        ProfileError: there is none, or it is wrong. The message names file, line, key and cure.
    """
    folders = _folders(folders)
    written = str(name_or_path)
    if isinstance(name_or_path, Path) or written.endswith(".toml") or "/" in written:
        path = Path(name_or_path)
        if not path.is_file():
            raise ProfileError(f"{path}: no such file; give the path of a site profile (TOML)")
        return _read(path)
    for folder in folders:
        path = folder / f"{written}.toml"
        if _NAME.fullmatch(written) and path.is_file():
            return _read(path)
    names = sorted(_files(folders))
    raise ProfileError(
        f"unknown site {written!r}{suggestion(written, names)};"
        f" known sites: {', '.join(names) or 'none'} (or give the path of a profile: ./my.toml)"
    )


def list_profiles(*, folders: Sequence[Path] | None = None) -> tuple[ProfileEntry, ...]:
    """Return all profiles by name, those that cannot be used with their error."""
    entries = []
    for name, path in sorted(_files(_folders(folders)).items()):
        try:
            entries.append(ProfileEntry(name, path, profile=_read(path)))
        except ProfileError as error:
            entries.append(ProfileEntry(name, path, error=error))
    return tuple(entries)


def parse_profile(text: str, path: Path) -> Profile:
    """Check the text of a profile; `path` serves its messages and its default name.

    Raises:
        ProfileError: it is wrong.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message, _, place = str(error).partition(" (at line ")
        line = place.partition(",")[0]
        where = f"{path}:{line}" if line.isdigit() else str(path)
        raise ProfileError(f"{where}: no valid TOML: {message}") from error
    try:
        profile = Profile.model_validate({"name": path.stem} | data)
    except ValidationError as error:
        raise ProfileError(describe_problems(error, Profile, text, data, path)) from error
    profile._path = path
    return profile


def _read(path: Path) -> Profile:
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ProfileError(f"{path}: not in UTF-8; save it in that encoding") from error
    except OSError as error:
        raise ProfileError(f"{path}: cannot be read: {error.strerror}") from error
    return parse_profile(text, path)


def _folders(folders: Sequence[Path] | None) -> Sequence[Path]:
    return (USER_FOLDER, BUNDLED_FOLDER) if folders is None else folders


def _files(folders: Sequence[Path]) -> dict[str, Path]:
    """Return the files by name; the first folder wins."""
    found: dict[str, Path] = {}
    for folder in folders:
        for path in sorted(folder.glob("*.toml")):
            if _NAME.fullmatch(path.stem):
                found.setdefault(path.stem, path)
    return found


def _base_url(value: str) -> str:
    url = absolute_url("", value)
    if url is None:
        raise ValueError(f"{value!r} is no http or https address")
    parts = urlsplit(url)
    # "https://host/museum" is meant as a folder: "works" below it is /museum/works.
    path = parts.path if parts.path.endswith("/") else f"{parts.path}/"
    return parts._replace(path=path, query="").geturl()
