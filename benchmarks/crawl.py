"""The whole pipeline beside stock Scrapy: listings, a page per work, an image each.

Both walk the same site, served by one process in the same run; rounds alternate and the medians
are compared. Ours fetches, hashes, checks, previews (512 px), perceptually hashes, stores durably
and commits to PostgreSQL; the baselines are `FilesPipeline` (stores the bytes) and
`ImagesPipeline` with one 256 px thumbnail, both with the same concurrency and into a folder.

    python benchmarks/crawl.py [--works 1000] [--rounds 3] [--growth] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table
from sqlalchemy import text

from storage.database import Database
from storage.objects import open_store
from storage.settings import StorageSettings

HERE = Path(__file__).parent
TARGETS = {"ratio_images_pipeline_thumb": 1.5}
LARGEST_LAG_MS = 100.0
LARGEST_GROWTH_MB = 50.0
PROFILE = """
base_url = "{url}"
[politeness]
delay = 0
concurrency = 16
autothrottle = false
[categories]
works = "/listing"
[listing]
artworks = "css:a.work"
next = "css:a[rel=next]"
[artwork]
title = "css:h1"
artist = "css:.artist"
date = "css:.date"
medium = "css:.medium"
dimensions = "css:.dimensions"
description = "css:.description"
images = "css:img.image"
[artwork.terms]
style = "css:li.style"
genre = "css:li.genre"
"""


@contextmanager
def site(works: int, extra: list[str]) -> Iterator[tuple[str, str]]:
    """Serve the benchmark's site in a process of its own; give its URL and a note on its images."""
    command = [sys.executable, str(HERE / "crawling" / "site.py"), "--works", str(works), *extra]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        note = process.stdout.readline().strip()
        line = process.stdout.readline()
        try:
            yield line.split()[-2 if line.rstrip().endswith("=") else -1].rstrip("/"), note
        finally:
            process.terminate()


class Workshop:
    """A database and object folders, a fresh pair for each round."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.rounds = 0

    @contextmanager
    def fresh(self) -> Iterator[tuple[Database, dict[str, str]]]:
        """Give an empty, migrated database and the environment of a crawl into it."""
        self.rounds += 1
        home = self.folder / "home"
        objects = self.folder / f"objects{self.rounds}"
        settings = StorageSettings(home=home, objects_url=objects.as_uri(), _env_file=None)
        open_store(objects.as_uri(), create=True)
        with Database.open(settings) as database:
            database.migrate()
            with database.begin() as connection:
                connection.execute(
                    text(
                        "TRUNCATE sites, crawl_runs, frontier, hosts, failures, artists, artworks, "
                        "terms, images CASCADE"
                    )
                )
            yield (
                database,
                os.environ
                | {
                    "ARTWORKS_HOME": str(home),
                    "ARTWORKS_OBJECTS_URL": objects.as_uri(),
                    "ARTWORKS_ALLOWED_NETWORKS": "127.0.0.0/8",
                    "ARTWORKS_LOG_LEVEL": "ERROR",
                    "SCRAPY_SETTINGS_MODULE": "crawler.settings",
                },
            )


def ours(workshop: Workshop, profile: Path, works: int) -> dict[str, Any]:
    """Crawl once; return seconds, images and the lag of the event loop."""
    with workshop.fresh() as (database, environment):
        subprocess.run(crawl_command(profile), env=environment, cwd=HERE.parent, check=True)
        with database.begin() as connection:
            stats = connection.execute(text("SELECT stats FROM crawl_runs")).scalar_one()
            stored = connection.execute(text("SELECT count(*) FROM images")).scalar_one()
    assert stored == works, f"{stored} of {works} images stored"
    return {
        "seconds": stats["artworks/seconds"],
        "images": stored,
        "lag_p99_ms": stats["artworks/loop_lag_p99_ms"],
    }


def crawl_command(profile: Path) -> list[str]:
    """Return the command that crawls the benchmark's site."""
    return [sys.executable, "-m", "scrapy", "crawl", "artworks", "-a", f"site={profile}"]


def stock(url: str, kind: str, folder: Path, works: int) -> dict[str, Any]:
    """Crawl once with a stock pipeline."""
    command = [sys.executable, str(HERE / "crawling" / "stock.py"), url, kind, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder.parent)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert found["images"] == works, f"{found['images']} of {works} images stored"
    return found


def growth(workshop: Workshop, folder: Path, extra: list[str]) -> tuple[float, float]:
    """Return the resident megabytes of the crawl's processes at 1,000 and at 4,000 works."""
    at: dict[int, float] = {}
    with site(4000, extra) as (url, _):
        profile = folder / "growth.toml"
        profile.write_text(PROFILE.format(url=url))
        with workshop.fresh() as (database, environment):
            process = subprocess.Popen(crawl_command(profile), env=environment, cwd=HERE.parent)
            while process.poll() is None:
                with database.begin() as connection:
                    done = connection.execute(text("SELECT count(*) FROM images")).scalar_one()
                for goal in (1000, 3950):
                    if done >= goal and goal not in at:
                        at[goal] = resident_mb(process.pid)
                time.sleep(0.1)
    return at[1000], at[3950]


def resident_mb(pid: int) -> float:
    """Return the resident memory of a process and its children, in megabytes."""
    process = psutil.Process(pid)
    family = [process, *process.children(recursive=True)]
    return float(sum(member.memory_info().rss for member in family)) / 1e6


def main() -> int:
    """Measure, print a table, and say whether the targets are met."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--works", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--width", type=int, default=640)
    parser.add_argument("--height", type=int, default=512)
    parser.add_argument("--growth", action="store_true", help="also measure memory (4,000 works)")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    options = parser.parse_args()
    extra = ["--width", str(options.width), "--height", str(options.height)]

    rates: dict[str, list[float]] = {"ours": [], "files": [], "images_thumb": []}
    lags: list[float] = []
    with tempfile.TemporaryDirectory(prefix="artworks-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # the embedded PostgreSQL may run as another user
        workshop = Workshop(folder)
        with site(options.works, extra) as (url, note):
            profile = folder / "bench.toml"
            profile.write_text(PROFILE.format(url=url))
            for turn in range(options.rounds):
                found = ours(workshop, profile, options.works)
                rates["ours"].append(options.works / found["seconds"])
                lags.append(found["lag_p99_ms"])
                for kind, label in (("files", "files"), ("images", "images_thumb")):
                    target = folder / f"{kind}{turn}"
                    target.mkdir()
                    done = stock(url, kind, target, options.works)
                    rates[label].append(options.works / done["seconds"])
        memory = growth(workshop, folder, extra) if options.growth else None

    medians = {label: statistics.median(found) for label, found in rates.items()}
    result: dict[str, Any] = {
        "ratio_images_pipeline_thumb": medians["ours"] / medians["images_thumb"],
        "ratio_files_pipeline": medians["ours"] / medians["files"],
        "images_per_second": medians,
        "loop_lag_p99_ms": max(lags),
        "works": options.works,
        "rounds": options.rounds,
        "images": note,
    }
    if memory is not None:
        result["rss_mb_at_1000"], result["rss_mb_at_4000"] = memory
        result["rss_growth_mb"] = memory[1] - memory[0]
    show(result, rates)
    if options.json:
        print(json.dumps(result))
    missed = [name for name, least in TARGETS.items() if result[name] < least]
    if result["loop_lag_p99_ms"] > LARGEST_LAG_MS:
        missed.append("loop_lag_p99_ms")
    if result.get("rss_growth_mb", 0) > LARGEST_GROWTH_MB:
        missed.append("rss_growth_mb")
    if missed:
        Console(stderr=True).print(f"missed: {', '.join(missed)}")
    return 1 if missed else 0


def show(result: dict[str, Any], rates: dict[str, list[float]]) -> None:
    """Print what was measured."""
    table = Table(title=f"{result['works']} works, {result['images']}, {result['rounds']} rounds")
    for heading in ("pipeline", "images/s (median)", "all rounds", "ours is"):
        table.add_column(heading)
    names = {
        "ours": "artworks",
        "files": "Scrapy FilesPipeline",
        "images_thumb": "Scrapy ImagesPipeline + 256 px",
    }
    for label, found in rates.items():
        median = result["images_per_second"][label]
        table.add_row(
            names[label],
            f"{median:.0f}",
            " ".join(f"{rate:.0f}" for rate in found),
            f"{result['images_per_second']['ours'] / median:.2f} ×",
        )
    console = Console()
    console.print(table)
    console.print(f"event loop lag p99: {result['loop_lag_p99_ms']:.1f} ms")
    if "rss_growth_mb" in result:
        console.print(
            f"resident memory: {result['rss_mb_at_1000']:.0f} MB at 1,000 works, "
            f"{result['rss_mb_at_4000']:.0f} MB at 4,000"
        )


if __name__ == "__main__":
    sys.exit(main())
