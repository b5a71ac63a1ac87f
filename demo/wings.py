"""The wings: further listings of the same works, each made the way some real site is made.

A wing is a category of its own. Most works keep the museum's usual page; where a wing is about
how pages are written, its works have a layout of their own instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Layout = Literal[
    "label", "record", "resident", "linked", "social", "microdata", "responsive", "iiif"
]
"""How the page of a work says what it says; `label` is the museum's usual page."""

Needs = Literal["never", "splash", "chromium"]
"""The least engine that shows a listing's links."""

RECENT = "recent acquisitions"

DIGITAL = "digital commissions"
STUDIO = "open studio"
DATABASE = "collection database"
RESIDENCIES = "residencies"
LINKED = "linked data"
SOCIAL = "social"
MICRODATA = "microdata"
RESPONSIVE = "responsive"
IIIF = "IIIF"
INVENTORY = "inventory"

PER_WING_PAGE = 5
PER_WING_CHUNK = 4
PER_RESIDENT_PAGE = 3
PER_DATA_PAGE = 4
PER_INVENTORY_PAGE = 8


@dataclass(frozen=True)
class Wing:
    """A listing and the words about it; `share` of 480 works hang there, at least `least`."""

    name: str
    href: str
    lede: str
    share: int
    least: int
    layout: Layout = "label"
    variants: tuple[str, ...] = ("",)
    needs: Needs = "never"


# In the order in which they take their works: what cannot do without any comes first.
WINGS: tuple[Wing, ...] = (
    Wing(
        DATABASE,
        "/data/v1/works?page=1",
        "The catalogue as open data: JSON, page by page.",
        share=18,
        least=6,
        layout="record",
    ),
    Wing(
        IIIF,
        "/iiif/collection.json",
        "Manifests and deep zoom for viewers that speak IIIF.",
        share=18,
        least=6,
        layout="iiif",
        variants=("3", "2", "3 refused", "2 refused", "3 bounded", "3", "2", "3", "2"),
    ),
    Wing(
        RESIDENCIES,
        "/residents",
        "Artists who stayed for a year, and what they left behind.",
        share=24,
        least=8,
        layout="resident",
    ),
    Wing(
        LINKED,
        "/linked",
        "Works described for machines first.",
        share=18,
        least=6,
        layout="linked",
        variants=("clean", "comma", "comment", "stray", "neighbour", "graph"),
    ),
    Wing(
        RESPONSIVE,
        "/responsive",
        "Pictures that fit themselves to the wall.",
        share=20,
        least=6,
        layout="responsive",
        variants=("srcset", "picture", "lazy", "background", "lost"),
    ),
    Wing(
        MICRODATA,
        "/microdata",
        "Labels with a vocabulary of their own.",
        share=12,
        least=4,
        layout="microdata",
    ),
    Wing(SOCIAL, "/social", "Works made to be shared.", share=12, least=4, layout="social"),
    Wing(
        DIGITAL,
        "/digital",
        "New works for the screen. Best seen in a browser of this decade.",
        share=24,
        least=9,
        needs="chromium",
    ),
    Wing(
        STUDIO,
        "/studio",
        "Look over the artists’ shoulders, a few works at a time.",
        share=24,
        least=9,
        needs="splash",
    ),
    Wing(
        INVENTORY,
        "/inventory",
        "Every object has a number; these have been checked this year.",
        share=24,
        least=9,
    ),
)

WING: dict[str, Wing] = {wing.name: wing for wing in WINGS}
