"""Which works a report is about, asked for by site, terms and years."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from sqlalchemy import Connection, text

from analysis.errors import NothingToShow
from storage.errors import UsageError
from storage.models import TERM_KINDS

NAMED = 12
"""Known values that a refusal names at most."""

# What a query's site and terms ask of a work `a`.
OF_SITE_AND_TERMS = """
    (CAST(:site AS text) IS NULL OR a.site = :site)
    AND NOT EXISTS (
        SELECT FROM unnest(CAST(:kinds AS text[]), CAST(:names AS text[])) asked(kind, name)
        WHERE NOT EXISTS (
            SELECT FROM artwork_terms at JOIN terms t ON t.id = at.term_id
            WHERE at.artwork_id = a.id AND t.kind = asked.kind AND t.name = asked.name))
"""
# Works as the views for people show them: with the first image that their page still shows and
# that stands in for no other. Joined as `shown`; its parameters are those of Query.
SHOWN = f"""
    shown AS MATERIALIZED (
        SELECT a.id, a.site, a.source_id, a.year_from, a.year_to, first.image_id
        FROM artworks a
        JOIN LATERAL (
            SELECT s.image_id FROM image_sources s
            JOIN images p ON p.id = s.image_id AND NOT p.placeholder
            WHERE s.artwork_id = a.id AND s.gone_at IS NULL
            ORDER BY s.position, s.id LIMIT 1
        ) first ON true
        WHERE a.gone_at IS NULL
          AND {OF_SITE_AND_TERMS}
          AND (CAST(:year_from AS integer) IS NULL OR a.year_from >= :year_from)
          AND (CAST(:year_to AS integer) IS NULL OR a.year_to <= :year_to)
    )
"""  # noqa: S608 - the fragment is a constant
_PALETTES = "SELECT id, name, version FROM models WHERE kind = 'palette' AND is_default"
_COUNTS = text(f"""
    WITH {SHOWN}
    SELECT count(*) AS works,
           count(*) FILTER (WHERE EXISTS (
               SELECT FROM image_colors k
               WHERE k.image_id = w.image_id AND k.model_id = :model_id)) AS palettes,
           min(w.year_from) AS first_year, max(w.year_to) AS last_year,
           count(DISTINCT w.site) AS sites, min(w.site) AS a_site
    FROM shown w
""")  # noqa: S608 - the fragment is the constant above
_SITES = text("SELECT name FROM sites UNION SELECT DISTINCT site FROM artworks ORDER BY 1")
_TERMS = text("SELECT name FROM terms WHERE kind = :kind ORDER BY name")


@dataclass(frozen=True)
class Query:
    """What is asked of works: all of it must hold."""

    site: str | None = None
    terms: tuple[tuple[str, str], ...] = ()
    """(kind, name) of terms."""
    year_from: int | None = None
    """Not begun before this year …"""
    year_to: int | None = None
    """… nor ended after this one; either asks for works that are dated."""

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters of `SHOWN`."""
        return {
            "site": self.site,
            "year_from": self.year_from,
            "year_to": self.year_to,
            "kinds": [kind for kind, _ in self.terms],
            "names": [name for _, name in self.terms],
        }

    def as_dict(self) -> dict[str, Any]:
        """Return the query for JSON."""
        return {
            "site": self.site,
            "terms": [f"{kind}={name}" for kind, name in self.terms],
            "from": self.year_from,
            "to": self.year_to,
        }

    def __str__(self) -> str:
        """Say the query in a few words; empty where all works are asked for."""
        parts = [self.site or "", *(name for _, name in self.terms)]
        if self.year_from is not None or self.year_to is not None:
            parts.append(years(self.year_from, self.year_to))
        return ", ".join(part for part in parts if part)


@dataclass(frozen=True)
class Selection:
    """What a query finds, and the palettes that are there for it."""

    query: Query
    works: int
    """Works with a picture."""
    palettes: int
    """Those of them whose picture has a palette."""
    first_year: int | None
    last_year: int | None
    sites: int
    a_site: str
    """Site of the works, where they are of one."""
    model_id: int
    model: str
    """Name and version of the model whose palettes are shown, the default one."""

    @property
    def heading(self) -> str:
        """What the works are called in a heading."""
        return str(self.query) or (self.a_site if self.sites == 1 else "The collection")

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters of `SHOWN`, and `model_id`."""
        return {**self.query.parameters, "model_id": self.model_id}

    @property
    def missing(self) -> str:
        """A note about works that are not in the picture yet; empty where all are."""
        left = self.works - self.palettes
        if not left:
            return ""
        return f"{counted(left, 'work')} without a palette yet: see artworks analyze colors."


def years(first: int | None, last: int | None) -> str:
    """Return a span of years as people write it."""
    if first is None:
        return f"until {last}"
    if last is None:
        return f"from {first}"
    return str(first) if first == last else f"{first}–{last}"


def counted(count: int, noun: str) -> str:
    """Return a count with its noun."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def parse_term(said: str) -> tuple[str, str]:
    """Read `KIND=NAME`. Raises UsageError, naming the kinds that there are."""
    kind, separator, name = (part.strip() for part in said.partition("="))
    if not (separator and name and kind in TERM_KINDS):
        raise UsageError(
            f'"{said}" is no term: write KIND=NAME, as in category=landscapes; kinds are '
            f"{', '.join(TERM_KINDS)}."
        )
    return kind, name


def check_query(connection: Connection, query: Query) -> None:
    """Raise UsageError where the query names what the collection does not know."""
    if None not in (span := (query.year_from, query.year_to)) and span[0] > span[1]:  # type: ignore[operator]
        raise UsageError(f"no year is from {span[0]} and to {span[1]}: exchange --from and --to.")
    if query.site is not None:
        sites = list(connection.scalars(_SITES))
        if query.site not in sites:
            known = _named(query.site, sites)
            raise UsageError(f'site "{query.site}" has not been crawled; {known}.')
    for kind, name in query.terms:
        names = list(connection.scalars(_TERMS, {"kind": kind}))
        if name not in names:
            raise UsageError(f'no work has the {kind} "{name}"; {_named(name, names)}.')


def select_works(connection: Connection, query: Query) -> Selection:
    """Count what a query finds.

    Raises UsageError for a query that names unknown sites or terms, and NothingToShow where no work
    fits or none has a palette.
    """
    check_query(connection, query)
    model = connection.execute(text(_PALETTES)).first()
    parameters = {**query.parameters, "model_id": None if model is None else model.id}
    found = connection.execute(_COUNTS, parameters).one()
    if not found.works:
        if query == Query():
            raise NothingToShow(
                "the collection has no stored images yet: crawl first (scrapy crawl artworks)."
            )
        raise NothingToShow("no work with a stored image fits: ask for fewer terms or more years.")
    if model is None or not found.palettes:
        raise NothingToShow(
            f"{counted(found.works, 'work')} fit, and none has a palette yet: run `artworks "
            "analyze colors`."
        )
    return Selection(
        query,
        works=found.works,
        palettes=found.palettes,
        first_year=found.first_year,
        last_year=found.last_year,
        sites=found.sites,
        a_site=found.a_site,
        model_id=model.id,
        model=f"{model.name} {model.version}",
    )


def _named(wanted: str, known: Sequence[str]) -> str:
    if not known:
        return "none is known so far: crawl first"
    near = get_close_matches(wanted, known, n=NAMED, cutoff=0.5)
    shown = near if near and len(known) > NAMED else list(known[:NAMED])
    more = f" and {len(known) - len(shown):,} more" if len(known) > len(shown) else ""
    return f"known: {', '.join(shown)}{more}"
