"""`python -m crawler crawl artworks …`: what `scrapy crawl artworks …` does, for programs to start.

Until the crawl listens for signals itself, SIGINT ends it at once and without a word: nothing has
begun yet, and a traceback through half-loaded modules tells nobody anything.
"""

from __future__ import annotations

import os
import signal


def main() -> None:
    """Run Scrapy's command line with this project's settings."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.environ.setdefault("SCRAPY_SETTINGS_MODULE", "crawler.settings")
    from scrapy.cmdline import execute

    execute()


if __name__ == "__main__":
    main()
