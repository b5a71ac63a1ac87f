"""JSON-LD as sites write it: schema.org in a script, whole or broken in the usual ways."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from demo.artists import Artist
from demo.catalogue import ImageFile, Work

CONTEXT = "https://schema.org"
_END_OF_LIST = re.compile(r'(["\]}\d])\n(\s*[\]}])')


def _person(artist: Artist, base: str) -> dict[str, Any]:
    person = {
        "@type": "Person",
        "@id": f"{base}/artist/{artist.id}",
        "name": artist.name,
        "url": f"{base}/artist/{artist.id}",
        "nationality": {"@type": "Country", "name": artist.nationality},
        "birthDate": str(artist.birth_year),
    }
    return person | ({"deathDate": str(artist.death_year)} if artist.death_year else {})


def _image(image: ImageFile, base: str) -> dict[str, Any]:
    return {
        "@type": "ImageObject",
        "@id": f"{base}/image/{quote(image.name)}#image",
        "contentUrl": f"{base}/image/{quote(image.name)}",
        "caption": image.caption,
        "width": image.width_px,
        "height": image.height_px,
    }


def describe(work: Work, base: str) -> dict[str, Any]:
    """A work as schema.org's `VisualArtwork`, everything nested."""
    return {
        "@context": CONTEXT,
        "@type": "VisualArtwork",
        "@id": f"{base}/work/{work.id}",
        "url": f"{base}/work/{work.id}",
        "name": work.title,
        "creator": _person(work.artist, base),
        "dateCreated": work.date_text,
        "artMedium": work.medium,
        "artform": work.classification,
        "size": work.dimensions_text,
        "height": {"@type": "Distance", "name": f"{work.height_cm:g} cm"},
        "width": {"@type": "Distance", "name": f"{work.width_cm:g} cm"},
        "locationCreated": {"@type": "Place", "name": work.place},
        "identifier": {
            "@type": "PropertyValue",
            "propertyID": "accession number",
            "value": work.accession_number,
        },
        "description": work.description,
        "genre": work.genre,
        "temporalCoverage": work.period,
        "keywords": list(work.tags),
        "isPartOf": [{"@type": "Collection", "name": name} for name in work.categories],
        "creditText": work.credit_line,
        "copyrightNotice": work.rights_text,
        "license": work.license_url,
        "sourceOrganization": {"@type": "Museum", "name": work.institution},
        "image": [_image(image, base) for image in work.images],
    }


def _as_graph(work: Work, base: str) -> dict[str, Any]:
    """The same in pieces that refer to each other."""
    whole = describe(work, base)
    museum = {"@id": f"{base}/#museum", **whole["sourceOrganization"]}
    pieces = [whole["creator"], museum, *whole["image"]]
    del whole["@context"]
    whole["creator"] = {"@id": whole["creator"]["@id"]}
    whole["sourceOrganization"] = {"@id": museum["@id"]}
    whole["image"] = [{"@id": image["@id"]} for image in whole["image"]]
    site = {"@type": "WebSite", "@id": f"{base}/#site", "name": work.institution, "url": f"{base}/"}
    return {"@context": CONTEXT, "@graph": [site, whole, *pieces]}


def listing(hrefs: Iterable[str], base: str) -> str:
    """The script of a page that lists works: an `ItemList`."""
    return _written(
        {
            "@context": CONTEXT,
            "@type": "ItemList",
            "itemListElement": [
                {"@type": "ListItem", "position": at, "url": base + href}
                for at, href in enumerate(hrefs, 1)
            ],
        }
    )


def scripts(work: Work, base: str) -> list[str]:
    """The texts of the JSON-LD scripts on a work's page, broken as its variant says."""
    if work.variant == "graph":
        return [_written(_as_graph(work, base))]
    text = _written(describe(work, base))
    if work.variant == "comma":
        return [_END_OF_LIST.sub(r"\1,\n\2", text)]
    if work.variant == "comment":
        opening = "{\n  // Written by the collection system, do not edit.\n"
        closing = "\n  /* end of record */\n}"
        return [opening + text.removeprefix("{\n").removesuffix("\n}") + closing]
    if work.variant == "stray":
        return [f"{text}\n}};"]
    if work.variant == "neighbour":
        trail = _written({"@context": CONTEXT, "@type": "BreadcrumbList", "itemListElement": []})
        # Cut off in the middle of a string: nobody can say what it should have been.
        return [trail.replace("[]", '[{"@type": "ListItem", "name": "Home\n'), text]
    return [text]


def _written(document: dict[str, Any]) -> str:
    # A script ends at "</", even inside a string.
    return json.dumps(document, ensure_ascii=False, indent=2).replace("</", "<\\/")
