"""What works inherit from the pages of their artists: a pure function of who said what.

The page of an artist leaves what it says with every work that it leads to. What a work inherits
follows from all that was left with it and from what its own page says, never from what was stored
before: so it does not matter which page was read first, or how often.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

# An artist is left in the `meta` of a work's page under this and the fingerprint of the artist's
# (first) page: name, name_key, nationality, birth_year, death_year, page_url, terms.
TOLD_BY = "artist:"

MAKER_FIELDS = ("name", "name_key", "nationality", "birth_year", "death_year", "page_url")

Told = Mapping[str, Mapping[str, Any]]
"""Artists by the key of their page."""

Maker = dict[str, Any]
"""The fields of an artist, role, qualifier, and `said`: what the work's own page says, or None."""


def told_in(meta: Mapping[str, Any]) -> Told:
    """Return the artists that were left with a page."""
    return {name: value for name, value in meta.items() if name.startswith(TOLD_BY)}


def inherited_terms(told: Told) -> list[tuple[str, str]]:
    """Return the terms (kind, name) of the artists, sorted."""
    return sorted(
        {(kind, name) for artist in told.values() for kind, name in artist.get("terms") or ()}
    )


def settled_makers(said: Sequence[Maker], told: Told) -> list[Maker]:
    """Return who made a work.

    A maker whom the work's page names without a year of birth is the artist of that name whose
    page leads to the work. A work whose page names nobody is by all artists whose pages lead to
    it. Of several pages, the one whose key comes first counts.

    Args:
        said: the makers that the work's page names, in its order.
        told: the artists whose pages lead to the work.
    """
    artists = [told[key] for key in sorted(told) if told[key].get("name_key")]
    dated: dict[str, Mapping[str, Any]] = {}
    for artist in artists:
        if artist.get("birth_year") is not None:
            dated.setdefault(artist["name_key"], artist)
    if said:
        return [_completed(maker, dated.get(maker["name_key"])) for maker in said]
    makers: dict[tuple[str, int | None], Maker] = {}
    for artist in artists:
        if artist.get("birth_year") is None:
            artist = dated.get(artist["name_key"], artist)
        maker = {name: artist.get(name) for name in MAKER_FIELDS}
        makers.setdefault(
            (artist["name_key"], artist.get("birth_year")),
            {**maker, "role": "artist", "qualifier": None, "said": None},
        )
    return list(makers.values())


def _completed(maker: Maker, artist: Mapping[str, Any] | None) -> Maker:
    if artist is None or maker.get("birth_year") is not None:
        return maker
    known = {name: artist[name] for name in MAKER_FIELDS if artist.get(name) is not None}
    return {**maker, **known}
