"""What is known about the wishes of hosts: it holds across workers and restarts."""

from __future__ import annotations

from sqlalchemy import Connection, text

_CRAWL_DELAYS = text("SELECT host, crawl_delay FROM hosts WHERE crawl_delay IS NOT NULL")
_REMEMBER_DELAY = text("""
    INSERT INTO hosts (host, crawl_delay) VALUES (:host, :seconds)
    ON CONFLICT (host) DO UPDATE SET crawl_delay = excluded.crawl_delay
""")


def crawl_delays(connection: Connection) -> dict[str, float]:
    """Return the Crawl-delays that robots.txt files asked for last time, in seconds by host."""
    return {row.host: row.crawl_delay for row in connection.execute(_CRAWL_DELAYS)}


def remember_delay(connection: Connection, host: str, seconds: float | None) -> None:
    """Keep a host's Crawl-delay, in seconds; None: it asks for none."""
    connection.execute(_REMEMBER_DELAY, {"host": host, "seconds": seconds})
