"""A crawl that is killed: `python -m benchmarks.crashing.child POINT COUNT MARK ACKS ARGUMENT…`.

It dies at the COUNTth passage of POINT ("-": no point), or after ACKS committed outcomes ("-":
never). At the points of image workers its workers die, and take it along where the point says so.
MARK is the file that a worker leaves which died alone. ARGUMENTs are those of the spider.
"""

from __future__ import annotations

import os
import sys

from benchmarks.crashing.fatal import at_passage, die
from benchmarks.crashing.points import POINTS, install_acknowledgements


def main() -> None:
    """Crawl until killed, or to the end."""
    name, number, mark, acks, *arguments = sys.argv[1:]
    os.environ.setdefault("SCRAPY_SETTINGS_MODULE", "crawler.settings")
    sys.argv = ["scrapy", "crawl", "artworks"]
    for argument in arguments:
        sys.argv += ["-a", argument]
    from scrapy.utils.reactor import install_reactor

    install_reactor("twisted.internet.asyncioreactor.AsyncioSelectorReactor")
    point = POINTS.get(name)
    if point is not None and point.victim != "crawl":
        from crawler.pipelines import images

        worker = (sys.executable, "-m", "benchmarks.crashing.worker")
        vars(images)["WORKER"] = (*worker, name, number, mark, str(os.getpid()))
    elif point is not None:
        point.install(at_passage(int(number), die))
    if acks == "0":
        POINTS["leased"].install(die)  # before anything could be committed
    elif acks != "-":
        committed = 0

        def acknowledged(outcomes: int) -> None:
            nonlocal committed
            committed += outcomes
            if committed >= int(acks):
                die()

        install_acknowledgements(acknowledged)
    from scrapy.cmdline import execute

    execute()


if __name__ == "__main__":
    main()
