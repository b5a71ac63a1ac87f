"""Why a page gives no record."""

from __future__ import annotations

from collections.abc import Iterable

from crawler.extraction.sources import Source
from storage.errors import ArtworksError


class ExtractionError(ArtworksError):
    """A page does not give what the profile promises; `reason` is a documented failure code.

    - `not_an_artwork`: what `artwork.match` names is not there, or no source gave anything.
    - `not_an_artist`: the same of `artist.match`, and the page of an artist.
    - `missing_field`: a required field is empty.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


def tried(sources: Iterable[Source]) -> str:
    """Return the sources as messages quote them."""
    return ", ".join(repr(source.written) for source in sources)
