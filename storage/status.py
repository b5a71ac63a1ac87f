"""What a collection holds, in numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from storage.collection import digest
from storage.models import FRONTIER_STATES, Base

RECENT_RUNS = 5

# A site's rows, or everybody's where no site is named.
_OURS = "(CAST(:site AS text) IS NULL OR {column} = :site)"
_WORKS = _OURS.format(column="a.site")

_COUNTS = text(f"""
    SELECT
      (SELECT count(*) FROM artworks a WHERE {_WORKS}) AS artworks,
      (SELECT count(*) FROM artworks a WHERE {_WORKS} AND a.gone_at IS NOT NULL) AS gone,
      (SELECT count(DISTINCT m.artist_id) FROM artwork_artists m
       JOIN artworks a ON a.id = m.artwork_id WHERE {_WORKS}) AS artists
""")  # noqa: S608 - the fragment is the constant above

_IMAGES = text("""
    SELECT count(*) AS images, coalesce(sum(i.bytes), 0) AS image_bytes
    FROM images i WHERE EXISTS (
        SELECT FROM image_sources s WHERE s.image_id = i.id AND s.gone_at IS NULL)
""")
_IMAGES_OF_SITE = text("""
    SELECT count(*) AS images, coalesce(sum(i.bytes), 0) AS image_bytes
    FROM images i WHERE EXISTS (
        SELECT FROM image_sources s JOIN artworks a ON a.id = s.artwork_id
        WHERE s.image_id = i.id AND s.gone_at IS NULL AND a.site = :site)
""")

_FRONTIER = text(f"""
    SELECT kind = 'image' AS is_image, state, count(*) AS rows
    FROM frontier f WHERE {_OURS.format(column="f.site")} GROUP BY 1, 2
""")  # noqa: S608 - the fragment is the constant above

_RENDERED = text(f"""
    SELECT count(*) FROM frontier f
    WHERE f.state = 'done' AND f.kind <> 'image'
      AND coalesce(f.meta->>'engine', 'never') <> 'never' AND {_OURS.format(column="f.site")}
""")  # noqa: S608 - the fragment is the constant above

_FAILURES = text(f"""
    SELECT reason, count(*) AS rows, count(*) FILTER (WHERE retryable) AS retryable
    FROM failures f WHERE resolved_at IS NULL AND {_OURS.format(column="f.site")}
    GROUP BY reason ORDER BY rows DESC, reason
""")  # noqa: S608 - the fragment is the constant above

_CATEGORIES = text(f"""
    SELECT t.name, count(*) AS rows
    FROM terms t JOIN artwork_terms at ON at.term_id = t.id JOIN artworks a ON a.id = at.artwork_id
    WHERE t.kind = 'category' AND {_WORKS} GROUP BY t.name ORDER BY rows DESC, t.name
""")  # noqa: S608 - the fragment is the constant above

_RUNS = text(f"""
    SELECT id, site, started_at, finished_at, finish_reason,
           CAST(stats->>'artworks/seconds' AS float8) AS seconds
    FROM crawl_runs r WHERE {_OURS.format(column="r.site")} ORDER BY id DESC LIMIT :most
""")  # noqa: S608 - the fragment is the constant above

_SITES = text("""
    SELECT s.name, s.generation, s.completed_at,
           (SELECT count(*) FROM artworks a WHERE a.site = s.name) AS artworks
    FROM sites s ORDER BY s.name
""")

_VERSIONS = text("""
    SELECT current_setting('server_version') AS postgresql,
           (SELECT extversion FROM pg_extension WHERE extname = 'vector') AS pgvector,
           (SELECT version_num FROM alembic_version) AS schema
""")


@dataclass(frozen=True, slots=True)
class RunSummary:
    """One crawl. `finished_at` is None while it is under way, and after it was killed."""

    id: int
    site: str
    started_at: datetime
    finished_at: datetime | None
    finish_reason: str | None
    seconds: float | None


@dataclass(frozen=True, slots=True)
class SiteSummary:
    """A site that was crawled. `completed_at` is None while a pass over it is under way."""

    name: str
    generation: int
    completed_at: datetime | None
    artworks: int


@dataclass(frozen=True, slots=True)
class CollectionStatus:
    """The numbers of a collection, or of one of its sites.

    `artworks` are all works, `gone` those of them that their site no longer shows; `images` are
    those that the pages of works show. `pages` and `image_addresses` count frontier rows by state,
    all states named, and `rendered_pages` the pages that a renderer read; `failures` are the
    unresolved ones by reason,
    `retryable_failures` those of them that the next crawl tries again; `results` counts the rows
    of each analysis table; `digest` is equal for equal collections.
    """

    site: str | None
    artworks: int
    gone: int
    artists: int
    images: int
    image_bytes: int
    categories: Mapping[str, int]
    pages: Mapping[str, int]
    rendered_pages: int
    image_addresses: Mapping[str, int]
    failures: Mapping[str, int]
    retryable_failures: Mapping[str, int]
    results: Mapping[str, int]
    runs: tuple[RunSummary, ...]
    sites: tuple[SiteSummary, ...]
    schema: str
    postgresql: str
    pgvector: str | None
    digest: str

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON knows it; times in ISO 8601."""
        values: dict[str, Any] = asdict(self)
        for listed in ("runs", "sites"):
            values[listed] = [
                {
                    name: value.isoformat() if isinstance(value, datetime) else value
                    for name, value in item.items()
                }
                for item in values[listed]
            ]
        return values


def collection_status(connection: Connection, site: str | None = None) -> CollectionStatus:
    """Count what is stored, of the whole collection or of one site.

    All numbers are of one moment if the transaction is one of REPEATABLE READ.
    """
    scope = {"site": site}
    counts = connection.execute(_COUNTS, scope).one()
    images = connection.execute(_IMAGES if site is None else _IMAGES_OF_SITE, scope).one()
    pages, addresses = dict.fromkeys(FRONTIER_STATES, 0), dict.fromkeys(FRONTIER_STATES, 0)
    for row in connection.execute(_FRONTIER, scope):
        (addresses if row.is_image else pages)[row.state] = row.rows
    failures = connection.execute(_FAILURES, scope).all()
    versions = connection.execute(_VERSIONS).one()
    return CollectionStatus(
        site=site,
        artworks=counts.artworks,
        gone=counts.gone,
        artists=counts.artists,
        images=images.images,
        image_bytes=int(images.image_bytes),
        categories={row.name: row.rows for row in connection.execute(_CATEGORIES, scope)},
        pages=pages,
        rendered_pages=connection.execute(_RENDERED, scope).scalar_one(),
        image_addresses=addresses,
        failures={row.reason: row.rows for row in failures},
        retryable_failures={row.reason: row.retryable for row in failures if row.retryable},
        results=result_counts(connection, site),
        runs=tuple(
            RunSummary(**row)
            for row in connection.execute(_RUNS, {**scope, "most": RECENT_RUNS}).mappings()
        ),
        sites=crawled_sites(connection),
        schema=versions.schema,
        postgresql=versions.postgresql,
        pgvector=versions.pgvector,
        digest=digest(connection, site),
    )


def crawled_sites(connection: Connection) -> tuple[SiteSummary, ...]:
    """Return the sites that have been crawled, by name."""
    return tuple(SiteSummary(**row) for row in connection.execute(_SITES).mappings())


def result_tables() -> tuple[str, ...]:
    """Return the tables whose rows are a model's results about images."""
    return tuple(
        sorted(
            name
            for name, table in Base.metadata.tables.items()
            if name.startswith("image_") and {"image_id", "model_id"} <= set(table.columns.keys())
        )
    )


def result_counts(connection: Connection, site: str | None = None) -> dict[str, int]:
    """Count the rows of each analysis table, of all images or of those of one site."""
    ours = """EXISTS (SELECT FROM image_sources s JOIN artworks a ON a.id = s.artwork_id
                      WHERE s.image_id = r.image_id AND a.site = :site)"""
    counts = {}
    for table in result_tables():
        statement = f"SELECT count(*) FROM {table} r" + (f" WHERE {ours}" if site else "")  # noqa: S608 - names of our own tables
        counts[table] = connection.execute(text(statement), {"site": site}).scalar_one()
    return counts


def schema_revision(connection: Connection) -> str | None:
    """Return the revision of the schema; None where there are no tables yet."""
    if connection.execute(text("SELECT to_regclass('alembic_version')")).scalar_one() is None:
        return None
    revision: str | None = connection.execute(
        text("SELECT max(version_num) FROM alembic_version")
    ).scalar_one()
    return revision
