"""The ground truth: everything that a crawl of the museum should find, ready for JSON."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any
from urllib.parse import quote

from demo import said, wording
from demo.catalogue import LOST_WORK, VAULT, Catalogue, Work, slug
from demo.iiif import Size
from demo.wings import RECENT, WING, Needs

Digest = Callable[[Work, int, Size | None], str]
"""The sha256 of an image of a work: as painted, or scaled to a size."""


def truth_of(
    catalogue: Catalogue, base_url: str = "", digest: Digest | None = None
) -> dict[str, Any]:
    """Return the truth about a museum at `base_url`.

    A work's own values are what it is; under `says` is what its page says, with None where that
    is nothing. Without `digest` each sha256 is None, since nothing is painted.
    """
    base = base_url.rstrip("/")
    return {
        "base_url": base,
        "seed": catalogue.seed,
        "institution": wording.INSTITUTION,
        "works": [_work(work, base, digest) for work in catalogue.works],
        "artists": [
            asdict(artist) | {"life": artist.life, "url": f"{base}/artist/{artist.id}"}
            for artist in catalogue.artists
        ],
        "categories": {
            name: _listing(f"{base}/category/{slug(name)}", name, found)
            for name, found in catalogue.categories.items()
        },
        "colors": {
            name: _listing(f"{base}/color/{slug(name)}", name, found)
            for name, found in catalogue.colors.items()
        },
        "recent": {
            **_listing(f"{base}/new", RECENT, catalogue.recent, "splash"),
            "only_here": [work.id for work in catalogue.recent if work.categories == (RECENT,)],
        },
        "wings": {
            name: _listing(base + WING[name].href, name, found, WING[name].needs)
            for name, found in catalogue.wings.items()
        },
        "residents": {
            artist.id: {
                "url": f"{base}/resident/{artist.id}",
                "name": artist.name,
                "works": [work.id for work in works],
            }
            for artist, works in catalogue.residents.items()
        },
        "near_duplicates": [list(pair) for pair in catalogue.near_duplicates],
        "identical": [list(pair) for pair in catalogue.identical],
        "failures": [
            {"kind": "artwork", "url": f"{base}/work/{LOST_WORK}", "status": 404, "work": None},
            *(
                {
                    "kind": "image",
                    "url": f"{base}/image/{quote(work.images[0].name)}",
                    "status": 404,
                    "work": work.id,
                }
                for work in catalogue.works
                if work.image_missing
            ),
        ],
        "forbidden": [f"{base}{VAULT}", f"{base}/api/", f"{base}/_truth.json"],
        "counts": {
            "works": len(catalogue.works),
            "works_without_rendering": sum(
                work.categories != (RECENT,) for work in catalogue.works
            ),
            "images": sum(len(work.images) for work in catalogue.works if not work.image_missing),
        },
    }


def _listing(
    url: str, name: str, works: tuple[Work, ...], needs: Needs = "never"
) -> dict[str, Any]:
    return {"name": name, "url": url, "needs": needs, "works": [work.id for work in works]}


def _work(work: Work, base: str, digest: Digest | None) -> dict[str, Any]:
    listings = [f"/category/{slug(name)}" for name in work.categories if name != RECENT]
    if RECENT in work.categories:
        listings.append("/new")
    if work.color_category:
        listings.append(f"/color/{work.color_category}")
    listings += [WING[name].href for name in work.wings]
    found = asdict(work)
    found.pop("paint_seed")
    found["palette"] = [swatch._asdict() for swatch in work.palette]
    found["artist"]["life"] = work.artist.life
    page = said.page_path(work)
    urls = [base + page]
    if page.startswith("/work/"):
        urls.append(f"{base}/object/{quote(work.accession_number)}")
    return found | {
        "url": urls[0],
        "urls": urls,
        "listings": listings,
        "license": work.license,
        "flat": work.flat,
        "lossless": work.lossless,
        "images": [
            {
                "url": f"{base}/image/{quote(image.name)}",
                "path": f"/image/{quote(image.name)}",
                "sha256": _digest(work, image.index, None, digest),
                "width": image.width_px,
                "height": image.height_px,
                "format": image.format,
                "caption": image.caption,
                "available": not work.image_missing,
            }
            for image in work.images
        ],
        "says": {
            **said.fields_of(work),
            "artist": said.artist_of(work),
            "terms": [list(term) for term in said.terms_of(work)],
            "images": [
                {
                    "url": base + shown.paths[0],
                    "urls": [base + path for path in shown.paths],
                    "service": None if shown.service is None else base + shown.service,
                    "sha256": _digest(
                        work,
                        shown.image.index,
                        None if shown.is_original else Size(shown.width, shown.height),
                        digest,
                    ),
                    "width": shown.width,
                    "height": shown.height,
                    "caption": shown.image.caption,
                    "available": not work.image_missing,
                }
                for shown in said.images_of(work)
            ],
        },
    }


def _digest(work: Work, index: int, size: Size | None, digest: Digest | None) -> str | None:
    return None if digest is None or work.image_missing else digest(work, index, size)
