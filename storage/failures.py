"""Why something is missing: reading the failures, and taking them up again."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, text

from storage.errors import UsageError

_CHOSEN = """(CAST(:site AS text) IS NULL OR f.site = :site)
    AND (CAST(:reason AS text) IS NULL OR f.reason = :reason)
    AND (CAST(:stage AS text) IS NULL OR f.stage = :stage)
    AND (CAST(:url AS text) IS NULL OR position(lower(:url) IN lower(f.url)) > 0)
    AND (CAST(:older_than AS interval) IS NULL OR f.at < now() - CAST(:older_than AS interval))
    AND (CAST(:newer_than AS interval) IS NULL OR f.at >= now() - CAST(:newer_than AS interval))
    AND (:resolved OR f.resolved_at IS NULL)"""

_GROUPS = text(f"""
    SELECT f.reason, f.stage, f.site, count(*) AS rows,
           count(*) FILTER (WHERE f.retryable AND f.resolved_at IS NULL) AS retryable,
           count(f.resolved_at) AS resolved, max(f.at) AS last_at
    FROM failures f WHERE {_CHOSEN}
    GROUP BY f.reason, f.stage, f.site ORDER BY rows DESC, f.reason, f.stage, f.site
""")  # noqa: S608 - the fragment is the constant above

_ROWS = text(f"""
    SELECT f.id, f.site, f.url, f.stage, f.reason, f.detail, f.retryable, f.attempts, f.at,
           f.resolved_at, f.run_id
    FROM failures f WHERE {_CHOSEN}
    ORDER BY f.resolved_at IS NOT NULL, f.reason, f.site, f.url COLLATE "C", f.stage
    LIMIT :most
""")  # noqa: S608 - the fragment is the constant above

# Skipped rows are failures that were decided on purpose (robots.txt): only those asked for by
# their reason are taken up again. What was taken down is not, whatever is asked for.
_RETRIED = f"""(r.state = 'failed' OR (r.state = 'skipped' AND CAST(:reason AS text) IS NOT NULL))
    AND NOT jsonb_exists(r.meta, 'forgotten')
    AND EXISTS (SELECT FROM failures f WHERE f.site = r.site AND f.url = r.url AND {_CHOSEN})"""

_RETRY = text(f"""
    WITH retried AS (
        UPDATE frontier r
        SET state = 'pending', attempts = 0, not_before = NULL, lease_owner = NULL,
            lease_until = NULL, updated_at = now()
        WHERE {_RETRIED} RETURNING r.site
    )
    SELECT site, count(*) AS rows FROM retried GROUP BY site ORDER BY site
""")  # noqa: S608 - the fragment is the constant above

_COUNT_RETRIED = text(f"""
    SELECT r.site, count(*) AS rows FROM frontier r WHERE {_RETRIED}
    GROUP BY r.site ORDER BY r.site
""")  # noqa: S608 - the fragment is the constant above

# An image that a job failed on is pending again when its result is gone.
_ANALYSED = f"""r.state = 'failed' AND EXISTS (
    SELECT FROM failures f WHERE f.stage = 'analysis' AND f.image_id = r.image_id AND {_CHOSEN})"""
_RETRY_ANALYSES = text(f"""
    WITH gone AS (DELETE FROM image_results r WHERE {_ANALYSED} RETURNING r.image_id)
    SELECT count(DISTINCT image_id) FROM gone
""")  # noqa: S608 - the fragment is the constant above
_COUNT_ANALYSES = text(f"""
    SELECT count(DISTINCT r.image_id) FROM image_results r WHERE {_ANALYSED}
""")  # noqa: S608 - the fragment is the constant above

_AGE = re.compile(r"([0-9]{1,5})\s*([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@dataclass(frozen=True, slots=True)
class Choice:
    """Which failures are meant: those to which all that is given applies.

    Attributes:
        site: name of the site.
        reason: reason code.
        stage: step that failed.
        url: part of the address, in any case.
        older_than: failed last before this long ago.
        newer_than: failed last within this time.
        resolved: also those that succeeded later; they are never taken up again.
    """

    site: str | None = None
    reason: str | None = None
    stage: str | None = None
    url: str | None = None
    older_than: timedelta | None = None
    newer_than: timedelta | None = None
    resolved: bool = False


def parse_age(words: str) -> timedelta:
    """Read an age: a number of minutes, hours, days or weeks; raise UsageError for none.

    Example:
        >>> parse_age("12h"), parse_age("2w")
        (datetime.timedelta(seconds=43200), datetime.timedelta(days=14))
    """
    match = _AGE.fullmatch(words.strip().lower())
    if match is None:
        raise UsageError(
            f"{words!r} is no age: write a number with m, h, d or w (minutes, hours, days, weeks), "
            "as in 12h."
        )
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Failures of one site that have a reason and a stage in common."""

    reason: str
    stage: str
    site: str
    rows: int
    retryable: int
    resolved: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class FailureRow:
    """One failure. `retryable`: the next crawl tries again without being told to."""

    id: int
    site: str
    url: str
    stage: str
    reason: str
    detail: str
    retryable: bool
    attempts: int
    at: datetime
    resolved_at: datetime | None
    run_id: int | None

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON knows it; times in ISO 8601."""
        return {
            name: value.isoformat() if isinstance(value, datetime) else value
            for name, value in asdict(self).items()
        }


ALL_UNRESOLVED = Choice()


def failure_groups(connection: Connection, choice: Choice = ALL_UNRESOLVED) -> list[FailureGroup]:
    """Count failures by reason, stage and site, the largest group first."""
    rows = connection.execute(_GROUPS, asdict(choice))
    return [FailureGroup(**row) for row in rows.mappings()]


def failure_rows(
    connection: Connection, choice: Choice = ALL_UNRESOLVED, *, limit: int | None = None
) -> list[FailureRow]:
    """Return failures by reason, site and address; unresolved ones first."""
    rows = connection.execute(_ROWS, {**asdict(choice), "most": limit})
    return [FailureRow(**row) for row in rows.mappings()]


def retry_failures(
    connection: Connection, choice: Choice = ALL_UNRESOLVED, *, dry_run: bool = False
) -> dict[str, int]:
    """Make failed pages and images pending again; return how many, by site.

    What failed for good (a page that is not there) is taken up too: it was asked for. Each begins
    anew, with no attempts counted and no time to wait for but that of its host. The failures stay
    unresolved until a crawl succeeds. `dry_run` only counts.
    """
    statement = _COUNT_RETRIED if dry_run else _RETRY
    rows = connection.execute(statement, asdict(replace(choice, resolved=False)))
    return {row.site: row.rows for row in rows}


def retry_analyses(
    connection: Connection, choice: Choice = ALL_UNRESOLVED, *, dry_run: bool = False
) -> int:
    """Make images that a job failed on pending again for that job; return how many.

    The failures stay unresolved until a run of the job succeeds. `dry_run` only counts.
    """
    statement = _COUNT_ANALYSES if dry_run else _RETRY_ANALYSES
    return int(connection.execute(statement, asdict(replace(choice, resolved=False))).scalar_one())
