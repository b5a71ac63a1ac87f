"""What can be taken down, found by what people call it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, text

from storage.errors import UsageError
from storage.forgotten import artist_key, artist_named

Kind = Literal["site", "artist", "artwork", "image"]

# Numbers are compared as words: people write some that no column can hold.
_ARTWORK_BY_ID = text("""
    SELECT site, source_id, title FROM artworks WHERE CAST(id AS text) = :named
""")
_ARTWORK_BY_NAME = text("""
    SELECT site, source_id, title FROM artworks WHERE (site, source_id) IN (
        SELECT * FROM unnest(CAST(:sites AS text[]), CAST(:keys AS text[])))
""")
_ARTWORK_BY_PAGE = text("""
    SELECT site, source_id, title FROM artworks
    WHERE page_url = :url OR id IN (
        SELECT artwork_id FROM frontier
        WHERE kind = 'artwork' AND (url = :url OR fingerprint = :fingerprint))
    ORDER BY site, source_id
""")
_ARTISTS = text("""
    SELECT id, name, name_key, birth_year, death_year FROM artists
    WHERE CAST(id AS text) = :named OR name_key = :name_key ORDER BY birth_year NULLS LAST
""")
_IMAGE = text("SELECT sha256 FROM images WHERE sha256 = :named OR CAST(id AS text) = :named")
_SITE = text("""
    SELECT EXISTS (SELECT FROM sites WHERE name = :named)
        OR EXISTS (SELECT FROM frontier WHERE site = :named)
        OR EXISTS (SELECT FROM artworks WHERE site = :named)
""")
_SITES = text("SELECT name FROM sites ORDER BY name")
_KNOWN = text(r"""
    SELECT kind, site, key, label FROM forgotten
    WHERE kind = :kind AND (
        (site IS NULL AND :key IN (
            key, CASE WHEN kind = 'artist' THEN regexp_replace(key, '/\d+$', '') END))
        OR (site, key) IN (SELECT * FROM unnest(CAST(:sites AS text[]), CAST(:keys AS text[]))))
    ORDER BY id LIMIT 1
""")


@dataclass(frozen=True, slots=True)
class Target:
    """What is to be taken down.

    Attributes:
        kind: site, artist, artwork or image.
        site: the site of a work; None for what is taken down wherever it is met.
        key: the site's name, the artist's `artist_key`, the work's source_id, the image's sha256.
        label: what people call it.
    """

    kind: Kind
    site: str | None
    key: str
    label: str

    def __str__(self) -> str:
        name = f"{self.site}/{self.key}" if self.kind == "artwork" else self.key
        return f"{self.kind} {name}" + (f" ({self.label})" if self.label not in ("", name) else "")

    def scope(self) -> dict[str, Any]:
        """Return the parameters of the statements that say what goes."""
        name_key, year = artist_named(self.key) if self.kind == "artist" else (None, None)
        return {
            "kind": self.kind,
            "site": self.site,
            "key": self.key,
            "name_key": name_key,
            "year": year,
        }


def find_artwork(connection: Connection, named: str) -> Target:
    """Return the work named `SITE/SOURCE_ID`, or by its number; raise UsageError for none."""
    # Either part may hold slashes.
    parts = named.split("/")
    cuts = range(1, len(parts))
    sites = ["/".join(parts[:cut]) for cut in cuts]
    keys = ["/".join(parts[cut:]) for cut in cuts]
    if sites:
        rows = connection.execute(_ARTWORK_BY_NAME, {"sites": sites, "keys": keys}).all()
    else:
        rows = connection.execute(_ARTWORK_BY_ID, {"named": named}).all()
    if rows:
        return _the_work(rows)
    return _known(connection, "artwork", sites=sites, keys=keys) or _refuse(
        f"no work {named} is stored: name it SITE/SOURCE_ID, or by its number in artworks.id"
    )


def find_page(connection: Connection, url: str, fingerprint: str) -> Target:
    """Return the work that a page describes; `fingerprint` is that of the page in the frontier."""
    rows = connection.execute(_ARTWORK_BY_PAGE, {"url": url, "fingerprint": fingerprint}).all()
    if rows:
        return _the_work(rows)
    return _refuse(
        f"no stored work has the page {url}: name the work with --artwork SITE/SOURCE_ID"
    )


def find_artist(connection: Connection, named: str, name_key: str) -> Target:
    """Return the artist of a name (and its `name_key`), or by number; raise UsageError for none.

    With a year of birth that is known, those of the name without one go as well.
    """
    rows = connection.execute(_ARTISTS, {"named": named, "name_key": name_key}).all()
    if by_number := [row for row in rows if str(row.id) == named]:
        rows = by_number
    dated = [row for row in rows if row.birth_year is not None]
    if len(dated) > 1:
        listed = " or ".join(
            f"--artist {row.id} ({row.birth_year}–{row.death_year or ''})" for row in dated
        )
        raise UsageError(f"{len(dated)} artists are called {named}: say which, {listed}.")
    if rows:
        row = (dated or rows)[0]
        return Target("artist", None, artist_key(row.name_key, row.birth_year), row.name)
    return _known(connection, "artist", key=name_key) or _refuse(
        f"no artist {named} is stored: write the name as in artists.name, or its number in "
        "artists.id"
    )


def find_site(connection: Connection, named: str) -> Target:
    """Return a site that was crawled; raise UsageError for one that was not."""
    if connection.execute(_SITE, {"named": named}).scalar_one():
        return Target("site", None, named, named)
    crawled = ", ".join(connection.execute(_SITES).scalars()) or "none"
    return _known(connection, "site", key=named) or _refuse(
        f"site {named} has not been crawled; crawled so far: {crawled}"
    )


def find_image(connection: Connection, named: str) -> Target:
    """Return the image of a sha256, or by number; raise UsageError for none."""
    sha256 = connection.execute(_IMAGE, {"named": named.lower()}).scalar()
    if sha256 is not None:
        return Target("image", None, sha256, "")
    return _known(connection, "image", key=named.lower()) or _refuse(
        f"no image {named} is stored: give its sha256, or its number in images.id"
    )


def _the_work(rows: Sequence[Any]) -> Target:
    if len(rows) > 1:
        listed = " or ".join(f"--artwork {row.site}/{row.source_id}" for row in rows)
        raise UsageError(f"{len(rows)} works are meant by that: say which, {listed}.")
    [row] = rows
    return Target("artwork", row.site, row.source_id, row.title)


def _known(
    connection: Connection,
    kind: Kind,
    *,
    key: str | None = None,
    sites: Sequence[str] = (),
    keys: Sequence[str] = (),
) -> Target | None:
    """Return what was taken down before: what a killed request left may go once more."""
    scope = {"kind": kind, "key": key, "sites": list(sites), "keys": list(keys)}
    row = connection.execute(_KNOWN, scope).first()
    return None if row is None else Target(row.kind, row.site, row.key, row.label)


def _refuse(problem: str) -> Target:
    raise UsageError(f"{problem}.")
