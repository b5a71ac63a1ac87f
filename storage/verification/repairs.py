"""Mending what was found: in small transactions, each of which may be the last.

Nothing that is the only copy is deleted: an original that is missing or damaged is fetched anew by
the next crawl and stored over what is there, as an object's key follows from its content.

Objects and images that nobody refers to are deleted while no crawl is at work. A crawl holds its
side of the lock (`storage.locks`) from before its first object until after its last row, so what
has no row under the lock gets none before it is deleted. A worker of a crawl that was killed may
put an object for a moment longer; without its crawl no row follows, and the next verification
finds it.
"""

from __future__ import annotations

import hashlib
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final

from sqlalchemy import text

from storage.database import Database
from storage.errors import ImageRejected, ObjectNotFound
from storage.images import MAX_PIXELS, check_image
from storage.locks import may_delete
from storage.objects import ObjectStore
from storage.verification.artifacts import delete_orphans, delete_unfinished, leave_artifacts
from storage.verification.findings import Finding, Repaired
from storage.verification.listing import THREADS, owned_within
from storage.verification.records import UNREFERENCED

# Originals held in memory while previews are made.
ORIGINALS_AT_ONCE: Final = 3
_BUSY: Final = "a crawl is running: verify again when it has ended"

# What the server said of the bytes is forgotten, so that it sends them instead of "not modified".
# Addresses that are not to be asked (skipped), or are not there any more, stay as they are.
_ASK_ANEW: Final = """
    UPDATE frontier f
    SET state = 'pending', etag = NULL, last_modified = NULL, not_before = NULL, attempts = 0,
        updated_at = now()
    WHERE f.state IN ('done', 'failed')
      AND NOT (f.state = 'failed' AND coalesce(f.http_status, 0) IN (404, 410))
"""
_FETCH_ANEW: Final = text(f"""{_ASK_ANEW} AND f.id IN (
    SELECT s.frontier_id FROM image_sources s WHERE s.image_id = ANY(:ids))
""")  # noqa: S608 - the fragment is the constant above
_READ_ROWS_ANEW: Final = text(f"{_ASK_ANEW} AND f.id = ANY(:ids)")
# The page of a work may not know what it gave.
_PAGE_OF: Final = "(f.artwork_id = a.id OR (f.site = a.site AND f.url = a.page_url))"
_READ_WORKS_ANEW: Final = text(f"""{_ASK_ANEW} AND EXISTS (
    SELECT FROM artworks a WHERE a.id = ANY(:ids) AND {_PAGE_OF})
""")

_SOURCES: Final = text("""
    SELECT DISTINCT s.image_id AS id, f.site, f.state, f.http_status
    FROM image_sources s LEFT JOIN frontier f ON f.id = s.frontier_id
    WHERE s.image_id = ANY(:ids)
""")
_ROWS: Final = text("SELECT id, site, state, http_status FROM frontier WHERE id = ANY(:ids)")
_PAGES: Final = text(f"""
    SELECT a.id, f.site, f.state, f.http_status
    FROM artworks a LEFT JOIN frontier f ON {_PAGE_OF} WHERE a.id = ANY(:ids)
""")  # noqa: S608 - the fragment is the constant above

_LINK: Final = text("""
    UPDATE image_sources s SET image_id = f.image_id, fetched_at = coalesce(s.fetched_at, now())
    FROM frontier f
    WHERE f.id = ANY(:ids) AND f.state = 'done' AND f.image_id IS NOT NULL
      AND s.frontier_id = f.id AND s.image_id IS NULL AND s.gone_at IS NULL
    RETURNING f.id
""")

_IMAGE: Final = text("""
    SELECT id, sha256, object_key, preview_key, width, height FROM images WHERE id = :id
""")
_SET_PREVIEW: Final = text("UPDATE images SET preview_key = :key WHERE id = :id")

# An address that nobody shows is forgotten with its image: found again, it is fetched anew.
_DROP: Final = """
    WITH dropped AS (
        DELETE FROM images i WHERE i.id = ANY(:ids) AND {condition}
        RETURNING i.id, i.object_key, i.preview_key
    ), addresses AS (
        DELETE FROM frontier f USING dropped
        WHERE f.image_id = dropped.id AND f.kind = 'image' AND f.state = 'done'
          AND NOT EXISTS (SELECT FROM image_sources s WHERE s.frontier_id = f.id)
    )
    SELECT id, object_key, preview_key FROM dropped
"""
_DROP_UNREFERENCED: Final = text(_DROP.format(condition=UNREFERENCED))
# The history of works names their former images by hash: what is lost is not kept for that.
_DROP_LOST: Final = text(
    _DROP.format(condition="NOT EXISTS (SELECT FROM image_sources s WHERE s.image_id = i.id)")
)

_RELEASE: Final = text("""
    UPDATE frontier f SET state = 'pending', lease_owner = NULL, lease_until = NULL
    FROM unnest(CAST(:ids AS bigint[]), CAST(:owners AS bigint[])) AS stuck(id, owner)
    WHERE f.id = stuck.id AND f.state = 'leased' AND f.lease_owner IS NOT DISTINCT FROM stuck.owner
""")
_END_RUNS: Final = text("""
    UPDATE crawl_runs SET finished_at = now(), finish_reason = 'killed'
    WHERE id = ANY(:ids) AND finished_at IS NULL
""")

_RESTORE: Final = "restore the object from a backup, or take the image down (`artworks forget`)"
_READ_SITE: Final = "crawl its site with -a full=1, or take the work down (`artworks forget`)"

Mender = Callable[[Sequence[Finding]], Iterator[Repaired]]


class Repairs:
    """Mends findings, a batch of one code at a time."""

    def __init__(self, database: Database, store: ObjectStore) -> None:
        self._database = database
        self._store = store
        self._decoding = threading.Lock()
        self._menders: Mapping[str, Mender] = {
            "object_missing": self._fetch_anew,
            "size_differs": self._fetch_anew,
            "hash_differs": self._fetch_anew,
            "preview_missing": self._make_previews,
            "preview_damaged": self._make_previews,
            "object_orphaned": self._delete_orphans,
            "object_unknown": _leave,
            "image_unreferenced": self._delete_images,
            "image_unlinked": self._link_images,
            "page_unlinked": self._read_pages,
            "source_unqueued": self._read_works,
            "lease_stuck": self._release,
            "run_unfinished": self._end_runs,
            "artifact_missing": leave_artifacts,
            "artifact_damaged": leave_artifacts,
            "artifact_orphaned": partial(delete_orphans, database, store),
            "report_unfinished": partial(delete_unfinished, database, store),
        }

    def mend(self, findings: Sequence[Finding]) -> Iterator[Repaired]:
        """Mend what is safe; yield what became of each finding."""
        by_code: dict[str, list[Finding]] = defaultdict(list)
        for finding in findings:
            by_code[finding.code].append(finding)
        for code, found in by_code.items():
            yield from self._menders[code](found)

    # Asking anew

    def _fetch_anew(self, findings: Sequence[Finding]) -> Iterator[Repaired]:
        """Have the addresses of images asked for again; images without any are lost."""
        ids = [finding.image_id for finding in findings]
        with self._database.begin() as connection:
            connection.execute(_FETCH_ANEW, {"ids": ids})
            sources = _by_id(connection.execute(_SOURCES, {"ids": ids}))
        shown = [finding for finding in findings if finding.image_id in sources]
        yield from _asked(shown, sources, lambda finding: finding.image_id, _RESTORE)
        lost = [finding for finding in findings if finding.image_id not in sources]
        if lost:
            yield from self._delete(lost, _DROP_LOST, "no work shows it: deleted with its row")

    def _read_pages(self, findings: Sequence[Finding]) -> Iterator[Repaired]:
        ids = [finding.row_id for finding in findings]
        with self._database.begin() as connection:
            connection.execute(_READ_ROWS_ANEW, {"ids": ids})
            rows = _by_id(connection.execute(_ROWS, {"ids": ids}))
        yield from _asked(findings, rows, lambda finding: finding.row_id, _READ_SITE)

    def _read_works(self, findings: Sequence[Finding]) -> Iterator[Repaired]:
        ids = [finding.row_id for finding in findings]
        with self._database.begin() as connection:
            connection.execute(_READ_WORKS_ANEW, {"ids": ids})
            rows = _by_id(connection.execute(_PAGES, {"ids": ids}))
        yield from _asked(findings, rows, lambda finding: finding.row_id, _READ_SITE)

    def _link_images(self, findings: Sequence[Finding]) -> Iterator[Repaired]:
        ids = [finding.row_id for finding in findings]
        with self._database.begin() as connection:
            linked = set(connection.execute(_LINK, {"ids": ids}).scalars())
        for finding in findings:
            if finding.row_id in linked:
                yield Repaired(finding, "mended", "its works have the image now")
        yield from self._read_pages([one for one in findings if one.row_id not in linked])

    # Previews

    def _make_previews(self, findings: Sequence[Finding]) -> Iterator[Repaired]:
        without: list[Finding] = []
        with ThreadPoolExecutor(ORIGINALS_AT_ONCE, thread_name_prefix="verify") as threads:
            made = threads.map(self._make_preview, [finding.image_id for finding in findings])
            for finding, told in zip(findings, made, strict=True):
                if told is None:
                    without.append(finding)
                else:
                    yield Repaired(finding, "mended", told)
        if without:
            yield from self._fetch_anew(without)

    def _make_preview(self, image_id: int | None) -> str | None:
        """Make a preview from the original; return None where that is missing or damaged."""
        with self._database.begin() as connection:
            row = connection.execute(_IMAGE, {"id": image_id}).first()
        if row is None:
            return "the image was taken down meanwhile"
        try:
            body = self._store.get(row.object_key)
        except ObjectNotFound:
            return None
        if hashlib.sha256(body).hexdigest() != row.sha256:
            return None
        try:
            # It was accepted when it was stored, whatever the limit is now. One at a time is
            # decoded: that is what takes memory.
            image = check_image(
                body,
                max_pixels=max(MAX_PIXELS, row.width * row.height),
                reserve=lambda needed: self._decoding,
            )
        except ImageRejected:
            return None  # what its limits refuse here, the crawl checks under its own
        if image.preview is not None:
            self._store.put(image.preview_key, image.preview, content_type="image/jpeg")
        if image.preview_key != row.preview_key:
            with self._database.begin() as connection:
                connection.execute(_SET_PREVIEW, {"id": row.id, "key": image.preview_key})
        return "made anew from the original"

    # Deleting

    def _delete_orphans(self, findings: Sequence[Finding]) -> Iterator[Repaired]:
        kept = self._delete_objects([finding.subject for finding in findings])
        for finding in findings:
            if kept is None:
                yield Repaired(finding, "left", _BUSY)
            elif finding.subject in kept:
                yield Repaired(finding, "mended", "an image refers to it now")
            else:
                yield Repaired(finding, "mended", "deleted")

    def _delete_objects(self, keys: Sequence[str]) -> set[str] | None:
        """Delete objects that no row refers to.

        Returns those that a row refers to, and None where a crawl is running: nothing is deleted.
        """
        with self._database.begin() as connection:
            if not may_delete(connection):
                return None
            owned = owned_within(connection, keys)
            with ThreadPoolExecutor(THREADS, thread_name_prefix="verify") as threads:
                list(threads.map(self._store.delete, [key for key in keys if key not in owned]))
        return owned

    def _delete_images(self, findings: Sequence[Finding]) -> Iterator[Repaired]:
        yield from self._delete(findings, _DROP_UNREFERENCED, "deleted with its results")

    def _delete(self, findings: Sequence[Finding], statement: Any, told: str) -> Iterator[Repaired]:
        """Delete images, the rows first: never a row without its object."""
        ids = [finding.image_id for finding in findings]
        dropped: dict[int, Any] = {}
        with self._database.begin() as connection:
            is_free = may_delete(connection)
            if is_free:
                dropped = {row.id: row for row in connection.execute(statement, {"ids": ids})}
        keys = {key for row in dropped.values() for key in (row.object_key, row.preview_key)}
        # Without the lock they are orphans, which the next verification finds.
        self._delete_objects(sorted(keys))
        for finding in findings:
            if not is_free:
                yield Repaired(finding, "left", _BUSY)
            elif finding.image_id in dropped:
                yield Repaired(finding, "mended", told)
            else:
                yield Repaired(finding, "mended", "a work refers to it now, or it is gone")

    # Leases and runs

    def _release(self, findings: Sequence[Finding]) -> Iterator[Repaired]:
        scope = {
            "ids": [finding.row_id for finding in findings],
            "owners": [finding.owner for finding in findings],
        }
        with self._database.begin() as connection:
            connection.execute(_RELEASE, scope)
        for finding in findings:
            yield Repaired(finding, "mended", "given back")

    def _end_runs(self, findings: Sequence[Finding]) -> Iterator[Repaired]:
        with self._database.begin() as connection:
            connection.execute(_END_RUNS, {"ids": [finding.row_id for finding in findings]})
        for finding in findings:
            yield Repaired(finding, "mended", "marked as ended: killed")


def _leave(findings: Sequence[Finding]) -> Iterator[Repaired]:
    for finding in findings:
        yield Repaired(finding, "left", "left alone: it is not artworks' own")


def _by_id(rows: Any) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = defaultdict(list)
    for row in rows:
        found[row.id].append(row)
    return dict(found)


def _asked(
    findings: Sequence[Finding],
    rows: Mapping[int, Sequence[Any]],
    key: Callable[[Finding], int | None],
    cure: str,
) -> Iterator[Repaired]:
    """Say whether the addresses of findings will be asked; `rows` are the addresses, by `key`."""
    for finding in findings:
        addresses = rows.get(key(finding) or 0, ())
        due = sorted({row.site for row in addresses if row.state in ("pending", "leased")})
        if due:
            yield Repaired(finding, "queued", "the next crawl asks for it anew", tuple(due))
        else:
            yield Repaired(finding, "left", f"{_why_not(addresses)}: {cure}")


def _why_not(addresses: Sequence[Any]) -> str:
    for row in addresses:
        if row.state == "failed":
            return f"its address is not there any more (HTTP {row.http_status})"
        if row.state == "skipped":
            return "its address is not to be asked (see `artworks failures`)"
    return "no address is known that could be asked"
