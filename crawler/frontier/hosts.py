"""What is known about the wishes of hosts: it holds across workers and restarts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, text

from crawler.opt_outs import Rule, read_rules
from crawler.pauses import Pause

_CRAWL_DELAYS = text("SELECT host, crawl_delay FROM hosts WHERE crawl_delay IS NOT NULL")
_REMEMBER_DELAY = text("""
    INSERT INTO hosts (host, crawl_delay) VALUES (:host, :seconds)
    ON CONFLICT (host) DO UPDATE SET crawl_delay = excluded.crawl_delay
""")
# Spans, not times, pass between the worker and the database: their clocks may differ.
_PAUSES = text("""
    SELECT host, not_before_reason, extract(epoch FROM not_before - now()) AS seconds
    FROM hosts WHERE not_before > now()
""")
_PAUSE = text("""
    INSERT INTO hosts (host, not_before, not_before_reason)
    VALUES (:host, now() + make_interval(secs => :seconds), :because)
    ON CONFLICT (host) DO UPDATE
    SET not_before = excluded.not_before, not_before_reason = excluded.not_before_reason
    WHERE hosts.not_before IS NULL OR hosts.not_before < excluded.not_before
""")
_TDM_RULES = text("SELECT host, tdm FROM hosts WHERE tdm IS NOT NULL")
_REMEMBER_TDM_RULES = text("""
    INSERT INTO hosts (host, tdm) VALUES (:host, CAST(:rules AS jsonb))
    ON CONFLICT (host) DO UPDATE SET tdm = excluded.tdm
""")


def crawl_delays(connection: Connection) -> dict[str, float]:
    """Return the Crawl-delays that robots.txt files asked for last time, in seconds by host."""
    return {row.host: row.crawl_delay for row in connection.execute(_CRAWL_DELAYS)}


def remember_delay(connection: Connection, host: str, seconds: float | None) -> None:
    """Keep a host's Crawl-delay, in seconds; None: it asks for none."""
    connection.execute(_REMEMBER_DELAY, {"host": host, "seconds": seconds})


def pauses(connection: Connection) -> dict[str, Pause]:
    """Return the pauses that are in effect, by host."""
    now = datetime.now(UTC)
    return {
        row.host: Pause(now + timedelta(seconds=float(row.seconds)), row.not_before_reason or "")
        for row in connection.execute(_PAUSES)
    }


def pause(connection: Connection, host: str, wanted: Pause) -> None:
    """Leave a host alone; a longer pause in effect stays."""
    connection.execute(
        _PAUSE,
        {
            "host": host,
            "seconds": wanted.seconds(datetime.now(UTC)),
            "because": wanted.because,
        },
    )


def tdm_rules(connection: Connection) -> dict[str, tuple[Rule, ...]]:
    """Return the rules of the hosts' `tdmrep.json` files, as they were last read."""
    return {row.host: read_rules(row.tdm)[0] for row in connection.execute(_TDM_RULES)}


def remember_tdm_rules(connection: Connection, host: str, rules: Sequence[Rule]) -> None:
    """Keep the rules of a host's `tdmrep.json`; none: it has no such file."""
    told = json.dumps([rule.to_dict() for rule in rules]) if rules else None
    connection.execute(_REMEMBER_TDM_RULES, {"host": host, "rules": told})
