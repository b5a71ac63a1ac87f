"""The collection database: the works of one wing as a JSON API, with links left to the reader."""

from __future__ import annotations

from html import escape
from typing import Any
from urllib.parse import quote

from demo.catalogue import Catalogue, Work
from demo.wings import DATABASE, PER_DATA_PAGE

HOME = "/data/v1/works"


def record_path(work: Work) -> str:
    """Where the record of a work lies."""
    return f"{HOME}/{work.id}"


def page(catalogue: Catalogue, number: int) -> dict[str, Any] | None:
    """One page of the list: ids, and how many pages there are."""
    works = catalogue.wings.get(DATABASE, ())
    last = max(1, -(-len(works) // PER_DATA_PAGE))
    if not 1 <= number <= last:
        return None
    shown = works[(number - 1) * PER_DATA_PAGE : number * PER_DATA_PAGE]
    return {
        "pagination": {
            "total": len(works),
            "limit": PER_DATA_PAGE,
            "current_page": number,
            "total_pages": last,
        },
        "data": [{"id": work.id, "title": work.title} for work in shown],
        "info": {"version": "1.4", "license": "https://creativecommons.org/publicdomain/zero/1.0/"},
    }


def _paragraphs(description: str) -> str:
    """The description as the museum's editors left it in their text field."""
    first, _, rest = description.partition(". ")
    return f"<p>{escape(first, quote=False)}.</p>\n<p><em>{escape(rest, quote=False)}</em></p>"


def record(work: Work, base: str) -> dict[str, Any]:
    """Everything about a work, nested as databases nest it."""
    artist = work.artist
    terms = [
        ("style", (work.style,)),
        ("genre", (work.genre,)),
        ("period", (work.period,)),
        ("collection", work.categories),
        ("subject", work.tags),
        ("colour", (work.color_category,) if work.color_category else ()),
    ]
    return {
        "data": {
            "id": work.id,
            "object": {
                "title": work.title,
                "accession": {"number": work.accession_number},
                "dating": {"display": work.date_text, "from": work.year_from, "to": work.year_to},
                "medium": {"display": work.medium},
                "classification": {"term": work.classification},
                "dimensions": {"display": work.dimensions_text},
                "origin": {"culture": work.culture, "place": work.place},
            },
            "makers": [
                {
                    "role": "artist",
                    "person": {
                        "id": artist.id,
                        "name": artist.name,
                        "nationality": artist.nationality,
                        "life": artist.life,
                        "url": f"{base}/artist/{artist.id}",
                    },
                }
            ],
            "texts": {
                "description": _paragraphs(work.description),
                "credit_line": work.credit_line,
            },
            "rights": {"statement": work.rights_text, "licence": work.license_url},
            "holder": {"name": work.institution},
            "terms": [{"type": kind, "label": label} for kind, labels in terms for label in labels],
            "media": [
                {
                    "type": "image",
                    "sort": image.index,
                    "path": f"/image/{quote(image.name)}",
                    "caption": image.caption,
                    "width": image.width_px,
                    "height": image.height_px,
                }
                for image in work.images
            ],
        },
    }
