"""Why something is missing: reading the failures, and taking them up again."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

_CHOSEN = """(CAST(:site AS text) IS NULL OR f.site = :site)
    AND (CAST(:reason AS text) IS NULL OR f.reason = :reason)
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
# their reason are taken up again.
_RETRY = text("""
    UPDATE frontier r
    SET state = 'pending', not_before = NULL, lease_owner = NULL, lease_until = NULL,
        updated_at = now()
    WHERE (r.state = 'failed' OR (r.state = 'skipped' AND CAST(:reason AS text) IS NOT NULL))
      AND EXISTS (
        SELECT FROM failures f
        WHERE f.site = r.site AND f.url = r.url AND f.resolved_at IS NULL
          AND (CAST(:site AS text) IS NULL OR f.site = :site)
          AND (CAST(:reason AS text) IS NULL OR f.reason = :reason))
    RETURNING r.site
""")


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


def failure_groups(
    connection: Connection,
    *,
    site: str | None = None,
    reason: str | None = None,
    resolved: bool = False,
) -> list[FailureGroup]:
    """Count failures by reason, stage and site, the largest group first."""
    scope = {"site": site, "reason": reason, "resolved": resolved}
    return [FailureGroup(**row) for row in connection.execute(_GROUPS, scope).mappings()]


def failure_rows(
    connection: Connection,
    *,
    site: str | None = None,
    reason: str | None = None,
    resolved: bool = False,
    limit: int | None = None,
) -> list[FailureRow]:
    """Return failures by reason, site and address; unresolved ones first."""
    scope = {"site": site, "reason": reason, "resolved": resolved, "most": limit}
    return [FailureRow(**row) for row in connection.execute(_ROWS, scope).mappings()]


def retry_failures(
    connection: Connection, *, site: str | None = None, reason: str | None = None
) -> dict[str, int]:
    """Make failed pages and images pending again; return how many, by site.

    What failed for good (a page that is not there) is taken up too: it was asked for. The
    failures stay unresolved until a crawl succeeds.
    """
    counts: dict[str, int] = {}
    for row in connection.execute(_RETRY, {"site": site, "reason": reason}):
        counts[row.site] = counts.get(row.site, 0) + 1
    return dict(sorted(counts.items()))
