"""An image worker that is killed: what the crawl starts instead of `crawler.imaging.worker`."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

from benchmarks.crashing.fatal import at_passage, die_once, die_with
from benchmarks.crashing.points import POINTS
from crawler.imaging import worker


def main() -> None:
    """Serve the crawl, and die at the COUNTth passage of POINT."""
    name, number, mark, crawl = sys.argv[1:5]
    point = POINTS[name]
    both = point.victim == "both"
    die = partial(die_with, int(crawl)) if both else partial(die_once, Path(mark))
    point.install(at_passage(int(number), die))
    worker.main()


if __name__ == "__main__":
    main()
