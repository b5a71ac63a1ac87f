"""Pages fetched plainly, rendered by Splash and rendered by Chromium, side by side.

The same pages of one site, which a script fills with 24 works; each engine is asked through the
middlewares and the download handler of a crawl, behind the guarding proxy, with one and with four
pages at a time. Rounds alternate and the medians are compared. Memory is what the renderer's
processes have to themselves plus their share of the rest (PSS), with no page open.

    python benchmarks/render.py [--pages 40] [--rounds 3] [--growth 400] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from rendering.pages import memory_mb
from rich.console import Console
from rich.table import Table

from crawler.extensions.chromium import Bounds
from storage.embedded.accounts import public_temporary_folder
from storage.embedded.services import down, status, up
from storage.errors import ServiceUnavailable

HERE = Path(__file__).parent
NAMES = {"plain": "plain fetch", "splash": "Splash", "chromium": "Chromium"}
CONCURRENCIES = (1, 4)
# A plain fetch is too short to be timed over as many pages.
PLAIN_FACTOR = 10
LARGEST_GROWTH_MB = 100.0
GROWTH_FROM = 100


@contextmanager
def site() -> Iterator[str]:
    """Serve the benchmark's site in a process of its own; give its URL."""
    command = [sys.executable, str(HERE / "rendering" / "site.py")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


@contextmanager
def renderers() -> Iterator[tuple[dict[str, str], Path]]:
    """Start what there is; give the settings that name it, and where the services live."""
    parent = public_temporary_folder()
    with tempfile.TemporaryDirectory(prefix="artworks-bench-", dir=parent) as name:
        home = Path(name)
        home.chmod(0o755)  # Splash runs as another user
        found = {}
        for service in ("splash", "chromium"):
            try:
                found[service] = up(home, [service])[service].url
            except ServiceUnavailable as error:
                Console(stderr=True).print(f"left out: {error}")
        try:
            yield found, home
        finally:
            down(home)


def fetch(
    url: str, engine: str, concurrency: int, batches: list[int], found: dict[str, str]
) -> dict[str, Any]:
    """Fetch batches of pages in a process of its own; return seconds and memory of each."""
    command = [sys.executable, str(HERE / "rendering" / "pages.py"), url, engine, str(concurrency)]
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("ARTWORKS_")
    }
    named = {"splash": "ARTWORKS_SPLASH_URL", "chromium": "ARTWORKS_CHROMIUM"}
    environment |= {named[name]: value for name, value in found.items()}
    environment |= {
        "ARTWORKS_ALLOWED_NETWORKS": "127.0.0.0/8",
    }
    done = subprocess.run(
        [*command, *map(str, batches)],
        env=environment,
        cwd=HERE.parent,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert done.returncode == 0, result["problems"][:3]
    return result


def splash_mb(home: Path) -> float:
    """Return the memory of the Splash that was started for `home`."""
    pids = [pid for it in status(home) if it.name == "splash" for pid in it.pids]
    return memory_mb([psutil.Process(pid) for pid in pids])


def main() -> int:
    """Measure, print a table, and say whether the targets are met."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pages", type=int, default=40, help="pages rendered in one go")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--growth",
        type=int,
        default=400,
        help=f"pages after which the memory of one Chromium is compared with that after "
        f"{GROWTH_FROM}; 0: not at all",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    options = parser.parse_args()

    rates: dict[tuple[str, int], list[float]] = {}
    memory: dict[str, list[float]] = {}
    contexts = 0
    growth: list[float] = []
    with site() as url, renderers() as (found, home):
        engines = ["plain", *found]
        if "splash" in found:
            memory["splash"] = [splash_mb(home)]
        for _ in range(options.rounds):
            for concurrency in CONCURRENCIES:
                for engine in engines:
                    pages = options.pages * (PLAIN_FACTOR if engine == "plain" else 1)
                    done = fetch(url, engine, concurrency, [2 * concurrency, pages], found)
                    rates.setdefault((engine, concurrency), []).append(pages / done["seconds"][1])
                    contexts = max(contexts, done["contexts"])
                    if engine == "chromium":
                        memory.setdefault("chromium", [done["memory_mb"][0]])
                        memory["chromium"].append(done["memory_mb"][1])
        if "splash" in found:
            memory["splash"].append(splash_mb(home))
        if "chromium" in found and options.growth > GROWTH_FROM:
            batches = [GROWTH_FROM, options.growth - GROWTH_FROM]
            done = fetch(url, "chromium", max(CONCURRENCIES), batches, found)
            growth, contexts = done["memory_mb"], max(contexts, done["contexts"])

    medians = {key: statistics.median(measured) for key, measured in rates.items()}
    result: dict[str, Any] = {
        f"ratio_{engine}_plain": medians[engine, 1] / medians["plain", 1] for engine in found
    }
    result |= {
        "pages_per_second": {
            f"{engine}_{concurrency}": rate for (engine, concurrency), rate in medians.items()
        },
        "memory_mb": {name: {"before": it[0], "after": it[-1]} for name, it in memory.items()},
        "chromium_contexts": contexts,
        "pages": options.pages,
        "rounds": options.rounds,
    }
    if growth:
        result["chromium_memory_mb"] = {GROWTH_FROM: growth[0], options.growth: growth[-1]}
        result["chromium_memory_growth_mb"] = growth[-1] - growth[0]
    show(result, rates)
    if options.json:
        print(json.dumps(result))
    missed = []
    if result.get("chromium_memory_growth_mb", 0) > LARGEST_GROWTH_MB:
        missed.append("chromium_memory_growth_mb")
    if contexts > Bounds().pages_at_a_time:
        missed.append("chromium_contexts")
    if missed:
        Console(stderr=True).print(f"missed: {', '.join(missed)}")
    return 1 if missed else 0


def show(result: dict[str, Any], rates: dict[tuple[str, int], list[float]]) -> None:
    """Print what was measured."""
    table = Table(title=f"{result['pages']} pages of 24 works, {result['rounds']} rounds")
    for heading in ("engine", "at a time", "pages/s (median)", "all rounds", "of plain", "memory"):
        table.add_column(heading)
    for (engine, concurrency), measured in rates.items():
        median = result["pages_per_second"][f"{engine}_{concurrency}"]
        plain = result["pages_per_second"][f"plain_{concurrency}"]
        kept = result["memory_mb"].get(engine)
        table.add_row(
            NAMES[engine],
            str(concurrency),
            f"{median:.1f}",
            " ".join(f"{rate:.1f}" for rate in measured),
            f"{median / plain:.4f} ×",
            f"{kept['before']:.0f} → {kept['after']:.0f} MB" if kept else "none",
        )
    console = Console()
    console.print(table)
    if "chromium_memory_growth_mb" in result:
        (few, before), (many, after) = result["chromium_memory_mb"].items()
        console.print(
            f"one Chromium: {before:.0f} MB after {few} pages, {after:.0f} MB after {many}; "
            f"{result['chromium_contexts']} contexts at a time, at most"
        )


if __name__ == "__main__":
    sys.exit(main())
