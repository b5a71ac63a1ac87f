"""What extraction gives: plain records, ready to be stored."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, fields
from typing import Any

from crawler.extraction.urls import canonical_url


@dataclass(frozen=True, slots=True)
class ArtistRecord:
    """A maker of a work."""

    name: str
    role: str = "artist"
    qualifier: str | None = None
    nationality: str | None = None
    birth_year: int | None = None
    death_year: int | None = None
    page_url: str | None = None


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """An image of a work; positions count from 0.

    `url` is the best address that is known, `alternatives` are what to try where that fails, the
    next best first. `iiif_service` is the base address of its IIIF Image API service. `license` is
    the short name of its licence, if that is known.
    """

    url: str
    position: int
    caption: str | None = None
    rights_text: str | None = None
    license_url: str | None = None
    license: str | None = None
    iiif_service: str | None = None
    alternatives: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ArtworkRecord:
    """A work as its page describes it.

    `license` is the short name of the licence, if that is known (`crawler.extraction.rights`).
    `terms` are (kind, name). `raw` holds what each field's source gave, as written on the page;
    `sources` names the source of the profile that gave it; `cut` are the fields of which `raw` does
    not hold all, since it is bounded.
    """

    source_id: str
    page_url: str
    title: str
    accession_number: str | None = None
    date_text: str | None = None
    year_from: int | None = None
    year_to: int | None = None
    medium: str | None = None
    classification: str | None = None
    culture: str | None = None
    place: str | None = None
    dimensions_text: str | None = None
    height_cm: float | None = None
    width_cm: float | None = None
    depth_cm: float | None = None
    description: str | None = None
    credit_line: str | None = None
    institution: str | None = None
    rights_text: str | None = None
    license_url: str | None = None
    license: str | None = None
    iiif_manifest: str | None = None
    artists: tuple[ArtistRecord, ...] = ()
    terms: tuple[tuple[str, str], ...] = ()
    images: tuple[ImageRecord, ...] = ()
    raw: dict[str, list[str]] = field(default_factory=dict, hash=False)
    sources: dict[str, str] = field(default_factory=dict, hash=False)
    cut: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON knows it: tuples as lists."""
        # `dataclasses.asdict` copies everything deeply, at ten times the cost.
        values = {name: getattr(self, name) for name in _ARTWORK_FIELDS}
        values["artists"] = [_flat(artist, _ARTIST_FIELDS) for artist in self.artists]
        values["terms"] = [list(term) for term in self.terms]
        values["images"] = [_flat(image, _IMAGE_FIELDS) for image in self.images]
        return values


def _flat(record: ArtistRecord | ImageRecord, names: tuple[str, ...]) -> dict[str, Any]:
    values = ((name, getattr(record, name)) for name in names)
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values}


_ARTWORK_FIELDS = tuple(field.name for field in fields(ArtworkRecord))
_ARTIST_FIELDS = tuple(field.name for field in fields(ArtistRecord))
_IMAGE_FIELDS = tuple(field.name for field in fields(ImageRecord))


def content_hash(record: ArtworkRecord) -> str:
    """Return the sha256 of what a record says about the work.

    It does not change with the page's address, with session identifiers in addresses, with the
    order of terms, or with how the values were found and images are had. The short name of a
    licence follows from its words or its address, which count.
    """
    values = record.to_dict()
    for volatile in ("page_url", "raw", "sources", "cut", "license"):
        del values[volatile]
    # A work without a manifest keeps the hash that it had before manifests were read.
    if values["iiif_manifest"] is None:
        del values["iiif_manifest"]
    values["terms"] = sorted(values["terms"])
    for image in values["images"]:
        del image["iiif_service"], image["alternatives"], image["license"]
    for linked in (*values["artists"], *values["images"]):
        for key in ("url", "page_url"):
            if linked.get(key):
                linked[key] = canonical_url(linked[key])
    text = json.dumps(values, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
