"""What the database alone tells: leases, runs, and rows that lead nowhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import text

from storage.database import Database
from storage.locks import WORKER_LIVES
from storage.verification.findings import Finding

ROWS_AT_ONCE = 1000

_LEASES = text(f"""
    SELECT f.id, f.site, f.url, f.lease_owner, f.lease_until,
           {WORKER_LIVES.format(worker="f.lease_owner")} AS is_alive
    FROM frontier f
    WHERE f.state = 'leased'
      AND (f.lease_owner IS NULL OR f.lease_until < now()
           OR NOT {WORKER_LIVES.format(worker="f.lease_owner")})
    ORDER BY f.id
""")  # noqa: S608 - the fragment is a constant

_RUNS = text(f"""
    SELECT r.id, r.site, r.started_at FROM crawl_runs r
    WHERE r.finished_at IS NULL AND NOT {WORKER_LIVES.format(worker="r.id")}
    ORDER BY r.id
""")  # noqa: S608 - the fragment is a constant

_UNLINKED_IMAGES = text("""
    SELECT f.id, f.site, f.url, f.image_id, count(*) AS works
    FROM frontier f JOIN image_sources s ON s.frontier_id = f.id
    WHERE f.kind = 'image' AND f.state = 'done' AND s.gone_at IS NULL
      AND (f.image_id IS NULL OR s.image_id IS NULL)
    GROUP BY f.id ORDER BY f.id
""")

_UNLINKED_PAGES = text("""
    SELECT id, site, url FROM frontier
    WHERE kind = 'artwork' AND state = 'done' AND artwork_id IS NULL ORDER BY id
""")

_UNQUEUED = text("""
    SELECT a.id, a.site, a.source_id, min(s.url) AS url, count(*) AS images
    FROM image_sources s JOIN artworks a ON a.id = s.artwork_id
    WHERE s.frontier_id IS NULL AND s.image_id IS NULL AND s.gone_at IS NULL AND a.gone_at IS NULL
    GROUP BY a.id ORDER BY a.id
""")

# An image that a work's address leads to only lacks its link, and versions of works name the
# images that they showed before: these are their history.
UNREFERENCED = """NOT EXISTS (SELECT FROM image_sources s WHERE s.image_id = i.id)
    AND NOT EXISTS (
        SELECT FROM frontier f JOIN image_sources s ON s.frontier_id = f.id
        WHERE f.image_id = i.id AND f.state = 'done' AND s.image_id IS NULL AND s.gone_at IS NULL)
    AND i.sha256 NOT IN (
        SELECT hash FROM artwork_versions v
        CROSS JOIN LATERAL jsonb_each(
            CASE WHEN jsonb_typeof(v.changed->'image') = 'object' THEN v.changed->'image'
                 ELSE '{}' END) e
        CROSS JOIN LATERAL jsonb_array_elements_text(e.value) hash
        WHERE jsonb_exists(v.changed, 'image') AND hash IS NOT NULL)"""
_UNREFERENCED = text(f"""
    SELECT i.id, i.object_key FROM images i WHERE {UNREFERENCED} ORDER BY i.id
""")  # noqa: S608 - the fragment is the constant above


def record_findings(database: Database) -> Iterator[Finding]:
    """Yield what is wrong in the database alone."""
    yield from _stuck_leases(database)
    yield from _unfinished_runs(database)
    for row in _rows(database, _UNLINKED_IMAGES):
        yield Finding(
            "image_unlinked",
            row.url,
            "the address gave no image that is stored"
            if row.image_id is None
            else f"works that do not know image {row.image_id}, which it gave: {row.works}",
            site=row.site,
            image_id=row.image_id,
            row_id=row.id,
        )
    for row in _rows(database, _UNLINKED_PAGES):
        told = "the page is done, and gave no work"
        yield Finding("page_unlinked", row.url, told, site=row.site, row_id=row.id)
    for row in _rows(database, _UNQUEUED):
        told = f"images of work {row.source_id} that have no row in frontier: {row.images}"
        yield Finding("source_unqueued", row.url, told, site=row.site, row_id=row.id)
    for row in _rows(database, _UNREFERENCED):
        told = "no row of image_sources refers to it"
        yield Finding("image_unreferenced", row.object_key, told, image_id=row.id)


def _stuck_leases(database: Database) -> Iterator[Finding]:
    for row in _asked_twice(database, _LEASES, "id", "lease_owner"):
        told = (
            f"leased to run {row.lease_owner} until {row.lease_until:%Y-%m-%d %H:%M} and not done"
            if row.is_alive
            else f"leased to run {row.lease_owner}, which is gone"
        )
        yield Finding(
            "lease_stuck", row.url, told, site=row.site, row_id=row.id, owner=row.lease_owner
        )


def _unfinished_runs(database: Database) -> Iterator[Finding]:
    for row in _asked_twice(database, _RUNS, "id"):
        told = f"it began {row.started_at:%Y-%m-%d %H:%M %Z} and was killed"
        yield Finding("run_unfinished", f"run {row.id}", told, site=row.site, row_id=row.id)


def _asked_twice(database: Database, statement: Any, *identity: str) -> list[Any]:
    """Return the rows that two executions give.

    Rows are of the moment when a statement begins, locks of a later one: a worker that ended
    between the two had finished well, and the second execution knows.
    """

    def ask() -> dict[tuple[Any, ...], Any]:
        with database.begin() as connection:
            rows = connection.execute(statement).all()
        return {tuple(getattr(row, name) for name in identity): row for row in rows}

    first = ask()
    return [row for key, row in ask().items() if key in first] if first else []


def _rows(database: Database, statement: Any) -> Iterator[Any]:
    with database.begin() as connection:
        found = connection.execute(statement, execution_options={"stream_results": True})
        yield from found.yield_per(ROWS_AT_ONCE)
