"""What the page of a work says, by its layout: no more can be expected of anyone who reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from demo import iiif
from demo.catalogue import ImageFile, Work
from demo.wings import Layout

FIELDS = (
    "accession_number",
    "title",
    "date_text",
    "year_from",
    "year_to",
    "medium",
    "classification",
    "culture",
    "place",
    "dimensions_text",
    "height_cm",
    "width_cm",
    "description",
    "credit_line",
    "institution",
    "rights_text",
    "license_url",
    "license",
)
"""Columns of `artworks` that a page may fill."""

# Schema.org has no word for a culture of origin; a resident's culture would tell the nationality.
_LACKING: dict[Layout, tuple[str, ...]] = {
    "resident": ("culture",),
    "linked": ("culture",),
    "microdata": ("culture",),
    "social": tuple(set(FIELDS) - {"title", "description", "institution"}),
}
_TERMS: dict[Layout, tuple[str, ...]] = {
    "label": ("style", "genre", "period", "nationality", "category", "color", "tag"),
    "responsive": ("style", "genre", "period", "nationality", "category", "color", "tag"),
    "record": ("style", "genre", "period", "nationality", "category", "color", "tag"),
    "iiif": ("style", "genre", "period", "nationality", "category", "tag"),
    "linked": ("genre", "period", "nationality", "category", "tag"),
    "microdata": ("genre", "period", "nationality", "category", "tag"),
    "resident": ("genre", "period", "category", "color", "tag"),
    "social": ("genre", "tag"),
}


@dataclass(frozen=True)
class Shown:
    """An image as a page offers it; `paths` are all its addresses, the one that serves it first."""

    image: ImageFile
    paths: tuple[str, ...]
    service: str | None
    width: int
    height: int

    @property
    def is_original(self) -> bool:
        """Whether the bytes are those that were painted."""
        return (self.width, self.height) == (self.image.width_px, self.image.height_px)


def page_path(work: Work) -> str:
    """Where the page of a work lies that says all this."""
    if work.layout == "iiif":
        return iiif.manifest_path(work)
    return f"/data/v1/works/{work.id}" if work.layout == "record" else f"/work/{work.id}"


def fields_of(work: Work) -> dict[str, Any]:
    """Field to value; None where the page does not say it.

    However a page spells the address of a licence, its owner spells it in one way.
    """
    lacking = _LACKING.get(work.layout, ())
    return {name: None if name in lacking else getattr(work, name) for name in FIELDS}


def artist_of(work: Work) -> dict[str, Any]:
    """The maker: as the page says, for residents completed by the artist's own page."""
    artist = work.artist
    if work.layout == "social":
        return {"name": artist.name, "nationality": None, "birth_year": None, "death_year": None}
    return {
        "name": artist.name,
        "nationality": artist.nationality,
        "birth_year": artist.birth_year,
        "death_year": artist.death_year,
    }


def terms_of(work: Work) -> list[tuple[str, str, str]]:
    """Kind, name and source of the terms; what the artist's page says holds for the work too."""
    known: dict[str, tuple[str, ...]] = {
        "style": (work.style,),
        "genre": (work.genre,),
        "period": (work.period,),
        "nationality": (work.artist.nationality,),
        "category": work.categories,
        "color": (work.color_category,) if work.color_category else (),
        "tag": work.tags,
    }
    said = [(kind, name, "page") for kind in _TERMS[work.layout] for name in known[kind]]
    if work.layout == "resident":
        said.append(("nationality", work.artist.nationality, "artist"))
        said += [("style", style, "artist") for style in work.artist.styles]
    return said


def images_of(work: Work) -> list[Shown]:
    """The images that the page shows."""
    return [_shown(work, image) for image in work.images]


def rendition_path(image: ImageFile, width: int) -> str:
    """The image scaled to a width, under an address with commas as real image servers have."""
    return f"/picture/w_{width},c_limit/{quote(image.name)}"


def lost_path(image: ImageFile) -> str:
    """A rendition that some pages offer and the server does not have."""
    return f"/picture/w_9600,c_scale/{quote(image.name)}"


def _shown(work: Work, image: ImageFile) -> Shown:
    original = f"/image/{quote(image.name)}"
    paths: tuple[str, ...] = (original,)
    service = None
    size = iiif.Size(image.width_px, image.height_px)
    if work.layout == "iiif":
        known = iiif.service_of(work, image)
        paths, service, size = (known.image_path,), known.path, known.largest
    elif work.layout == "responsive" and work.variant in ("srcset", "picture", "lost"):
        paths = (rendition_path(image, image.width_px),)
        if work.variant == "lost":
            paths = (*paths, lost_path(image))
    return Shown(image, paths, service, size.width, size.height)
