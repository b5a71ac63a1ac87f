"""The catalogue: every work the museum can paint, with the truth about each, made from a seed.

Building it draws nothing; `demo.painters.paint` turns a `Work` into the bytes of its images.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Literal, NamedTuple

from demo import wording
from demo.artists import ARTISTS, Artist
from demo.colors import COLORS, Scheme, family_scheme, mixed_scheme
from demo.hanging import hang
from demo.layouts import fractions
from demo.styles import STYLES, Motif, Style
from demo.wings import RECENT, WINGS, Layout

ImageFormat = Literal["jpg", "png", "webp", "avif"]
Change = Literal["crop", "recompress", "brightness"]

DEFAULT_SEED = 7
DEFAULT_WORKS = 480

PER_PAGE = 24
PER_CHUNK = 12


class Swatch(NamedTuple):
    """A colour that was really put on the canvas; `fraction` of the area for flat styles."""

    hex: str
    role: str
    fraction: float | None = None


@dataclass(frozen=True)
class Alteration:
    """How a near-duplicate differs from the picture it repeats, whose size is given."""

    change: Change
    width_px: int
    height_px: int


@dataclass(frozen=True)
class ImageFile:
    """One image of a work: the name it is served under, its size and its caption."""

    name: str
    index: int
    width_px: int
    height_px: int
    format: ImageFormat
    caption: str


@dataclass(frozen=True, kw_only=True)
class Work:
    """One work, complete: what its label says and what its pictures contain."""

    id: str
    accession_number: str
    title: str
    artist: Artist
    year_from: int
    year_to: int
    date_text: str
    medium: str
    classification: str
    culture: str
    place: str
    width_px: int
    height_px: int
    dimensions_text: str
    height_cm: float
    width_cm: float
    style: str
    motif: str
    genre: str
    period: str
    categories: tuple[str, ...]
    tags: tuple[str, ...]
    description: str
    credit_line: str
    institution: str
    rights_text: str
    license_url: str
    palette: tuple[Swatch, ...]
    image_format: ImageFormat
    images: tuple[ImageFile, ...]
    paint_seed: int
    color_category: str | None = None
    near_duplicate_of: str | None = None
    same_image_as: str | None = None
    alteration: Alteration | None = None
    image_missing: bool = False
    layout: Layout = "label"
    variant: str = ""
    wings: tuple[str, ...] = ()

    @property
    def license(self) -> str:
        """Short name of the licence."""
        return wording.LICENSES[self.license_url]

    @property
    def flat(self) -> bool:
        """Whether the picture consists of its palette's colours and nothing else."""
        return STYLES[self.style].flat

    @property
    def lossless(self) -> bool:
        """Whether the served bytes keep the painted colours exactly."""
        return self.flat and self.image_format in ("png", "webp")

    @property
    def scheme(self) -> Scheme:
        """The palette as the painters take it: role to hex."""
        return {swatch.role: swatch.hex for swatch in self.palette}


def slug(name: str) -> str:
    """`still lifes` as it stands in a URL."""
    return name.replace(" ", "-")


@dataclass(frozen=True)
class Catalogue:
    """All works of the museum, in the order of their ids."""

    seed: int
    works: tuple[Work, ...]

    @property
    def artists(self) -> tuple[Artist, ...]:
        """The artists with at least one work here."""
        shown = {work.artist.id for work in self.works}
        return tuple(artist for artist in ARTISTS if artist.id in shown)

    @property
    def categories(self) -> dict[str, tuple[Work, ...]]:
        """Category name to its works, the rendered one left out."""
        names = sorted({name for work in self.works for name in work.categories} - {RECENT})
        return {
            name: tuple(work for work in self.works if name in work.categories) for name in names
        }

    @property
    def colors(self) -> dict[str, tuple[Work, ...]]:
        """Colour name to its works, in the order of the rainbow."""
        return {
            name: found
            for name in COLORS
            if (found := tuple(work for work in self.works if work.color_category == name))
        }

    @property
    def recent(self) -> tuple[Work, ...]:
        """The works of the category that exists only through JavaScript."""
        return tuple(work for work in self.works if RECENT in work.categories)

    @property
    def wings(self) -> dict[str, tuple[Work, ...]]:
        """Wing to its works; a small museum lacks some wings."""
        return {
            wing.name: found
            for wing in WINGS
            if (found := tuple(work for work in self.works if wing.name in work.wings))
        }

    @property
    def residents(self) -> dict[Artist, tuple[Work, ...]]:
        """Artists with a page of their own between a listing and their works."""
        found: dict[Artist, list[Work]] = {}
        for work in self.works:
            if work.layout == "resident":
                found.setdefault(work.artist, []).append(work)
        return {artist: tuple(works) for artist, works in found.items()}

    @property
    def near_duplicates(self) -> tuple[tuple[str, str, str], ...]:
        """Pairs (original, repetition) with the change that was made."""
        return tuple(
            (work.near_duplicate_of, work.id, work.alteration.change)
            for work in self.works
            if work.near_duplicate_of and work.alteration
        )

    @property
    def identical(self) -> tuple[tuple[str, str], ...]:
        """Pairs of works whose image bytes are the same."""
        return tuple((work.same_image_as, work.id) for work in self.works if work.same_image_as)


LOST_WORK = "w0000"
"""A work that a listing links to and that is not there."""
VAULT = "/private/vault"
"""A page that robots.txt closes, linked like a work."""


def _size(rng: random.Random, shapes: tuple[float, ...], image_format: str) -> tuple[int, int]:
    """Width and height, both within 600 to 2,400 px and even."""
    ratio = rng.choice(shapes) * rng.uniform(0.97, 1.03)
    spans: list[tuple[int, int]] = [(820, 1000), (1000, 1300), (1300, 1700), (1800, 2400)]
    # AVIF costs by the pixel, so the largest canvases go to the quicker formats.
    weights = (50, 40, 10, 0) if image_format == "avif" else (46, 36, 13, 5)
    low, high = rng.choices(spans, weights)[0]
    long_side = rng.randint(low, high)
    short_side = max(600, round(long_side * min(ratio, 1 / ratio)))
    width, height = (long_side, short_side) if ratio >= 1 else (short_side, long_side)
    return width - width % 2, height - height % 2


def _centimetres(rng: random.Random, width: int, height: int) -> tuple[float, float, str]:
    per_cm = rng.uniform(11, 26)
    whole = rng.random() < 0.7
    height_cm = round(height / per_cm) if whole else round(height / per_cm * 2) / 2
    width_cm = round(width / per_cm) if whole else round(width / per_cm * 2) / 2
    return float(height_cm), float(width_cm), f"{height_cm:g} × {width_cm:g} cm"


def _format(rng: random.Random, style: Style) -> ImageFormat:
    formats: tuple[ImageFormat, ...] = ("jpg", "png", "webp", "avif")
    return rng.choices(formats, (12, 60, 20, 8) if style.flat else (66, 0, 16, 18))[0]


def _dates(rng: random.Random, artist: Artist) -> tuple[int, int, str]:
    last = min(artist.death_year or 2008, artist.birth_year + 75)
    year_from = rng.randint(artist.birth_year + 22, last - 3)
    year_to = year_from + (rng.choice((1, 2, 3)) if rng.random() < 0.3 else 0)
    return year_from, year_to, wording.date_text(year_from, year_to, rng.random() < 0.3)


def _favourites(artist: Artist) -> tuple[int, ...]:
    """Five mixed schemes that an artist keeps coming back to."""
    first = [known.id for known in ARTISTS].index(artist.id)
    return tuple(first + step for step in (0, 3, 7, 11, 13))


def _contrast(a: str, b: str) -> float:
    """Difference in brightness of two colours, 0 to 255."""
    weights = (0.2126, 0.7152, 0.0722)
    return abs(
        sum(
            weight * (int(a[at : at + 2], 16) - int(b[at : at + 2], 16))
            for weight, at in zip(weights, (1, 3, 5), strict=True)
        )
    )


def _files(
    rng: random.Random, name: str, width: int, height: int, image_format: ImageFormat
) -> tuple[ImageFile, ...]:
    files = [ImageFile(f"{name}.{image_format}", 0, width, height, image_format, "The whole work")]
    if min(width, height) >= 660 and rng.random() < 0.13:
        # Details are photographs: always JPEG, whatever the main image is.
        for index in range(1, rng.choice((2, 3))):
            detail = f"{name}-{index + 1}.jpg"
            caption = ("Detail, upper left", "Detail, lower right")[index - 1]
            side = (max(600, width * 5 // 8), max(600, height * 5 // 8))
            files.append(ImageFile(detail, index, *side, "jpg", caption))
    return tuple(files)


def _palette(
    style: Style, motif: Motif, scheme: Scheme, seed: int, ratio: float
) -> tuple[Swatch, ...]:
    if not style.flat:
        return tuple(Swatch(scheme[role], role) for role in style.roles)
    areas = fractions(style.name, motif.name, seed, ratio, len(style.roles))
    return tuple(
        Swatch(scheme[role], role, round(area, 4))
        for role, area in zip(style.roles, areas, strict=True)
        if area > 0
    )


@dataclass(frozen=True)
class _Plan:
    """What is decided for the whole catalogue before a work is made."""

    style: str
    artist: Artist
    turn: int
    color: str | None
    recent: bool
    elsewhere: bool


def _make(name: str, number: int, seed: int, plan: _Plan) -> Work:
    rng = random.Random(f"{seed}:{number}:work")
    style, artist = STYLES[plan.style], plan.artist
    motif = style.motifs[plan.turn % len(style.motifs)]
    image_format = _format(rng, style)
    width, height = _size(rng, motif.shapes, image_format)
    scheme = (
        family_scheme(rng, plan.color) if plan.color else mixed_scheme(rng, _favourites(artist))
    )
    if plan.style in ("calligraphic", "op art"):
        # Black ground and black ink would show nothing: such works are drawn in the light tone.
        scheme["ink"] = (
            max(scheme["ink"], scheme["light"], key=lambda code: _contrast(scheme["ground"], code))
            if _contrast(scheme["ground"], scheme["ink"]) < 60
            else scheme["ink"]
        )
    paint_seed = rng.getrandbits(32)
    year_from, year_to, date_text = _dates(rng, artist)
    height_cm, width_cm, dimensions = _centimetres(rng, width, height)
    rights = wording.RIGHTS[4 if year_to > 1960 and rng.random() < 0.5 else rng.randrange(4)]
    acquired = rng.randint(max(year_to + 1, 1946), 2024)
    categories = motif.categories if plan.elsewhere else ()
    if plan.recent:
        categories = (*categories, RECENT)
    return Work(
        id=name,
        accession_number=f"{acquired}.{number}.{rng.randint(1, 9)}",
        title=wording.title(rng, motif.titles),
        artist=artist,
        year_from=year_from,
        year_to=year_to,
        date_text=date_text,
        medium=rng.choice(style.mediums),
        classification=style.classification,
        culture=artist.culture,
        place=artist.place,
        width_px=width,
        height_px=height,
        dimensions_text=dimensions,
        height_cm=height_cm,
        width_cm=width_cm,
        style=style.name,
        motif=motif.name,
        genre=motif.genre,
        period=wording.period(year_from),
        categories=categories,
        tags=motif.tags,
        description=wording.description(rng, motif.genre),
        credit_line=rng.choice(wording.CREDITS).format(year=acquired),
        institution=wording.INSTITUTION,
        rights_text=rights[0],
        license_url=rights[1],
        palette=_palette(style, motif, scheme, paint_seed, width / height),
        image_format=image_format,
        images=_files(rng, name, width, height, image_format),
        paint_seed=paint_seed,
        color_category=plan.color,
    )


def _repeated(original: Work, name: str, number: int, change: Change) -> Work:
    """A second version of a work: its own label, nearly the same picture."""
    width, height = original.width_px, original.height_px
    if change == "crop":
        width, height = (side * 47 // 50 - (side * 47 // 50) % 2 for side in (width, height))
    image_format: ImageFormat = "webp" if original.image_format != "webp" else "jpg"
    if change == "brightness":
        image_format = "jpg"
    return replace(
        original,
        id=name,
        accession_number=f"{original.accession_number.rsplit('.', 2)[0]}.{number}.2",
        title=f"{original.title} (second version)",
        width_px=width,
        height_px=height,
        categories=tuple(part for part in original.categories if part != RECENT),
        image_format=image_format,
        images=(
            ImageFile(f"{name}.{image_format}", 0, width, height, image_format, "The whole work"),
        ),
        near_duplicate_of=original.id,
        alteration=Alteration(change, original.width_px, original.height_px),
    )


def _twin(original: Work, name: str, number: int) -> Work:
    """The same photograph filed once more, as happens in every museum."""
    main = replace(original.images[0], name=f"{name}.{original.image_format}")
    return replace(
        original,
        id=name,
        accession_number=f"{original.accession_number.rsplit('.', 2)[0]}.{number}.2",
        title=f"{original.title} (duplicate record)",
        images=(main,),
        same_image_as=original.id,
    )


def _plans(seed: int, works: int) -> list[_Plan]:
    rng = random.Random(f"{seed}:plan")
    by_style = {name: [artist for artist in ARTISTS if name in artist.styles] for name in STYLES}
    names = list(STYLES)
    order = [
        name for start in range(0, works, len(names)) for name in rng.sample(names, len(names))
    ]
    per_color = max(1, works * 4 // 10 // len(COLORS)) if works >= 2 * len(COLORS) else 0
    colored = [color for color in COLORS for _ in range(per_color)]
    recent = max(2, works * 40 // DEFAULT_WORKS)
    only_recent = max(1, works * 25 // DEFAULT_WORKS)
    # Shuffled fates, so that colours and acquisitions fall on every style.
    fates: list[tuple[str | None, bool, bool]] = [(None, True, False)] * only_recent
    fates += [(color, False, True) for color in colored]
    fates += [(None, False, True)] * max(0, works - len(fates))
    rng.shuffle(fates)
    also = [at for at, fate in enumerate(fates) if not fate[1]]
    for at in rng.sample(also, min(len(also), recent - only_recent)):
        fates[at] = (fates[at][0], True, True)
    turns = {name: rng.randrange(6) for name in names}
    plans = []
    for style, (color, is_recent, elsewhere) in zip(order, fates, strict=False):
        turn = turns[style]
        turns[style] += 1
        artists = by_style[style]
        # Motifs go round faster than artists do, so that each artist meets each motif.
        artist = artists[(turn + turn // len(artists)) % len(artists)]
        plans.append(_Plan(style, artist, turn, color, is_recent, elsewhere))
    return plans[:works]


def _next_old(plans: list[_Plan], at: int) -> int:
    return next(later for later in range(at, len(plans)) if not plans[later].recent)


def build_catalogue(seed: int = DEFAULT_SEED, works: int = DEFAULT_WORKS) -> Catalogue:
    """The same catalogue for the same seed and number of works, every time.

    About one work in forty repeats an earlier one nearly, one exactly, and one has lost its image.
    """
    if works < 1:
        raise ValueError(f"a museum needs at least one work, not {works}")
    plans = _plans(seed, works)
    repeats = max(2, works // 40) if works >= 20 else 0
    places = {(at + 1) * works // (repeats + 1): at for at in range(repeats)}
    changes: tuple[Change, ...] = ("crop", "recompress", "brightness")
    twin_at = works * 5 // 6 if works >= 20 else -1
    # Recent acquisitions are originals.
    places = {_next_old(plans, at): change for at, change in places.items()}
    while twin_at in places or (twin_at >= 0 and plans[twin_at].recent):
        twin_at += 1
    made: list[Work] = []
    repeatable: list[Work] = []
    for at, plan in enumerate(plans):
        name, number = f"w{at + 1:04d}", at + 1
        source = repeatable.pop(0) if (at in places or at == twin_at) and repeatable else None
        if source and at == twin_at:
            made.append(_twin(source, name, number))
        elif source:
            made.append(_repeated(source, name, number, changes[places[at] % len(changes)]))
        else:
            work = _make(name, number, seed, plan)
            made.append(work)
            whole = work.categories and RECENT not in work.categories
            roomy = min(work.width_px, work.height_px) >= 660 and work.width_px <= 1500
            if whole and roomy and not work.flat:
                repeatable.append(work)
    if works >= 20:
        spoken_for = {work.near_duplicate_of or work.same_image_as for work in made}
        lost = next(
            at
            for at, work in enumerate(made)
            if at >= works // 3
            and work.id not in spoken_for
            and not (work.near_duplicate_of or work.same_image_as)
            and RECENT not in work.categories
        )
        made[lost] = replace(made[lost], images=made[lost].images[:1], image_missing=True)
    return Catalogue(seed=seed, works=hang(made, seed))


def styles_by_artist(catalogue: Catalogue) -> Mapping[str, frozenset[str]]:
    """Artist id to the styles that the catalogue really shows of them."""
    pairs = sorted({(work.artist.id, work.style) for work in catalogue.works})
    return {
        artist: frozenset(style for _, style in group)
        for artist, group in groupby(pairs, key=lambda pair: pair[0])
    }
