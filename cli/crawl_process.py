"""`scrapy crawl artworks` as a process of its own, which shows its bars on our terminal."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping

PATIENCE_S = 60.0


def crawl_command(site: str, base_url: str | None = None) -> list[str]:
    """Return the command line of a crawl, as people type it."""
    command = ["scrapy", "crawl", "artworks", "-a", f"site={site}"]
    return [*command, "-a", f"base_url={base_url}"] if base_url else command


def run_crawl(site: str, base_url: str, environment: Mapping[str, str]) -> int:
    """Crawl a site and return the exit code; interrupted, the crawl ends before we do."""
    process = subprocess.Popen(
        [sys.executable, "-m", "crawler", *crawl_command(site, base_url)[1:]],
        stdin=subprocess.DEVNULL,
        env={**os.environ, **environment},
        # Ctrl-C reaches us alone and is passed on once: a second one would make Scrapy drop what
        # it has in hand.
        start_new_session=True,
    )
    try:
        return process.wait()
    except KeyboardInterrupt:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(PATIENCE_S)
        except (KeyboardInterrupt, subprocess.TimeoutExpired):
            # Every step of a crawl is durable: the next one continues.
            process.kill()
        raise
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
