"""Where likes are looked for: everywhere, or among works of a site or with certain terms."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection, text

from analysis.embeddings.stored import Ids
from analysis.errors import NothingToShow
from analysis.reports.query import OF_SITE_AND_TERMS, Query, check_query, parse_term

# A work counts with all the pictures that its page shows, as searches by colour have it.
_IDS = text(f"""
    SELECT i.id FROM images i
    WHERE NOT i.placeholder AND EXISTS (
        SELECT FROM image_sources s JOIN artworks a ON a.id = s.artwork_id
        WHERE s.image_id = i.id AND s.gone_at IS NULL
          AND {OF_SITE_AND_TERMS})
    ORDER BY i.id LIMIT :most
""")  # noqa: S608 - the fragment is a constant


@dataclass(frozen=True)
class Scope:
    """The images among which likes are looked for."""

    query: Query
    ids: Ids | None
    """(n,), ascending; None: all that are shown."""

    @property
    def site(self) -> str | None:
        """Works of one site only."""
        return self.query.site

    @property
    def terms(self) -> tuple[tuple[str, str], ...]:
        """(kind, name) of terms that the works must have."""
        return self.query.terms


def parse_terms(said: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Read `KIND=NAME` or `KIND:NAME`. Raises UsageError, naming the kinds that there are."""
    return tuple(parse_term(term if "=" in term else term.replace(":", "=", 1)) for term in said)


def make_scope(connection: Connection, query: Query) -> Scope:
    """Return where to look.

    Raises UsageError for sites and terms that there are not, and NothingToShow where no picture
    fits.
    """
    check_query(connection, query)
    if query == Query():
        return Scope(query, None)
    ids = _ids(connection, query, None)
    if not len(ids):
        raise NothingToShow(f"no work with a stored image is in {query}: ask for less.")
    return Scope(query, ids)


def ids_to_scan(connection: Connection, scope: Scope, most: int) -> Ids | None:
    """Return the images in a scope, ascending; None where they are more than `most`."""
    ids = _ids(connection, Query(), most + 1) if scope.ids is None else scope.ids
    return None if len(ids) > most else ids


def _ids(connection: Connection, query: Query, most: int | None) -> Ids:
    found = connection.scalars(_IDS, {**query.parameters, "most": most})
    return np.fromiter(found, dtype=np.int64)
