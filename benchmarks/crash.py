"""Kills a crawl of the demo museum again and again, and compares it with an undisturbed one.

The crawl is killed (kill -9) after 0 to 20 acknowledgements, and at each arrow of "How a page
becomes durable"; image workers are killed alone besides. Killed often enough, it runs to its end:
then the collection must have the digest of the undisturbed one, no object without a row and no row
without its object, and `artworks verify --full-hash` must find nothing wrong.

    python benchmarks/crash.py [--kills 100] [--works 1000] [--seed 0] [--s3] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psycopg2
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.crashing.loop import (  # noqa: E402 - the checkout need not be installed
    ACKNOWLEDGEMENTS,
    Attempt,
    Collection,
    Report,
    finish,
    kill_again_and_again,
    plan,
    verify,
)
from benchmarks.crashing.points import POINTS  # noqa: E402
from demo.server import MuseumServer  # noqa: E402
from storage.database import Database  # noqa: E402
from storage.embedded.postgres import EmbeddedPostgres  # noqa: E402
from storage.embedded.services import down, up  # noqa: E402
from storage.objects import open_store  # noqa: E402
from storage.settings import StorageSettings  # noqa: E402


@contextmanager
def collections(folder: Path, museum: MuseumServer, *, s3: bool) -> Iterator[list[Collection]]:
    """Two empty collections: databases of one server, and a folder or a bucket each."""
    with ExitStack() as stack:
        server = stack.enter_context(EmbeddedPostgres(folder))
        if s3:
            stack.callback(down, folder)
        found = []
        for name in ("undisturbed", "killed"):
            execute(server, f"CREATE DATABASE {name}")
            objects = (folder / f"objects-{name}").as_uri()
            if s3:
                base = up(folder, ["s3"])["s3"].url
                objects = base.rpartition("/")[0] + f"/{name}?" + base.partition("?")[2]
            settings = StorageSettings(
                home=folder, database_url=server.url_of(name), objects_url=objects, _env_file=None
            )
            database = stack.enter_context(Database.open(settings))
            database.migrate()
            environment = {
                variable: value
                for variable, value in os.environ.items()
                if not variable.startswith("ARTWORKS_")
            } | {
                "ARTWORKS_HOME": str(folder),
                "ARTWORKS_DATABASE_URL": server.url_of(name),
                "ARTWORKS_OBJECTS_URL": objects,
                "ARTWORKS_ALLOWED_NETWORKS": "127.0.0.0/8",
                "ARTWORKS_LOG_LEVEL": "WARNING",
                "PYTHONPATH": str(ROOT),
            }
            arguments = ["site=demo", f"base_url={museum.url}"]
            store = open_store(objects, create=True)
            found.append(Collection(database, store, environment, arguments))
        yield found


def execute(server: EmbeddedPostgres, statement: str) -> None:
    """Run a statement that no transaction may hold."""
    url = server.url_of("postgres").replace("postgresql+psycopg2", "postgresql", 1)
    connection = psycopg2.connect(url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(statement)
    connection.close()


def requests_of(museum: MuseumServer) -> dict[str, int]:
    """How often each path of the museum was asked for."""
    with urllib.request.urlopen(f"{museum.url}/_requests.json", timeout=60) as answer:  # noqa: S310
        paths: dict[str, int] = json.load(answer)["paths"]
    return paths


def forget_requests(museum: MuseumServer) -> None:
    """Begin to count anew."""
    url = f"{museum.url}/_reset"
    urllib.request.urlopen(urllib.request.Request(url, method="POST")).close()  # noqa: S310


def main() -> int:
    """Crawl, kill, compare, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--works", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0, help="another seed, other moments")
    parser.add_argument("--s3", action="store_true", help="a real S3 server instead of a folder")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    options = parser.parse_args()
    rng = random.Random(options.seed)
    console = Console(stderr=True)
    began = time.monotonic()

    def tell(attempt: Attempt, code: int) -> None:
        console.print(f"{attempt.point} ({attempt.count}): exit status {code}", highlight=False)

    with (
        tempfile.TemporaryDirectory(prefix="artworks-crash-", dir="/tmp") as name,
        MuseumServer(works=options.works, crawl_delay=0) as museum,
    ):
        folder = Path(name)
        folder.chmod(0o755)  # the services may run as other users
        with collections(folder, museum, s3=options.s3) as (undisturbed, killed):
            codes = [finish(undisturbed)]
            console.print(f"undisturbed: exit status {codes[0]}", highlight=False)
            forget_requests(museum)
            attempts = plan(options.kills, rng)
            report = kill_again_and_again(killed, attempts, rng, lambda: requests_of(museum), tell)
            codes.append(report.exit_code)
            verified = verify(killed)
            result = judge(undisturbed, killed, report, codes, verified.returncode)
    result |= {
        "works": options.works,
        "seed": options.seed,
        "store": "s3" if options.s3 else "folder",
        "seconds": round(time.monotonic() - began, 1),
    }
    show(result, report)
    if verified.returncode:
        print(verified.stdout, verified.stderr, file=sys.stderr)
    if options.json:
        print(json.dumps(result))
    return 0 if result["equal"] and result["kills"] >= options.kills else 1


def judge(
    undisturbed: Collection, killed: Collection, report: Report, codes: list[int], verified: int
) -> dict[str, Any]:
    """Return what the comparison says."""
    one_sided = sorted(killed.stored_twice_or_in_vain())
    result: dict[str, Any] = {
        "kills": sum(report.kills.values()),
        "workers_killed_alone": sum(report.workers.values()),
        "kills_by_point": dict(report.kills + report.workers),
        "not_reached": dict(report.missed),
        "fetched_again": sum(report.again.values()),
        "digest_undisturbed": undisturbed.digest(),
        "digest_killed": killed.digest(),
        "same_failures": undisturbed.failures() == killed.failures(),
        "exit_codes": codes,
        "unsettled": sum(killed.left().values()),
        "one_sided_objects": len(one_sided),
        "verify_exit_code": verified,
    }
    result["equal"] = (
        result["digest_undisturbed"] == result["digest_killed"]
        and result["same_failures"]
        and codes[0] == codes[1]
        and not (result["unsettled"] or one_sided or verified)
    )
    return result


def show(result: dict[str, Any], report: Report) -> None:
    """Print what was measured."""
    table = Table(title=f"{result['kills']} kills in one crawl of {result['works']} works")
    for heading in ("killed when", "kills", "not reached", "fetched again"):
        table.add_column(heading, justify="left" if heading == "killed when" else "right")
    said = {name: point.said for name, point in POINTS.items()}
    said[ACKNOWLEDGEMENTS] = "0 to 20 outcomes are committed"
    for name, words in said.items():
        killed = report.kills[name] + report.workers[name]
        numbers = (killed, report.missed[name], report.again[name])
        table.add_row(words, *map(str, numbers))
    console = Console()
    console.print(table)
    console.print(
        f"{'as' if result['equal'] else 'NOT as'} the undisturbed crawl left it: digests "
        f"{result['digest_killed'][:12]} and {result['digest_undisturbed'][:12]}, failures "
        f"{'equal' if result['same_failures'] else 'different'}, {result['one_sided_objects']} "
        f"objects or rows alone, verify ended with {result['verify_exit_code']}; "
        f"{result['seconds']:.0f} s"
    )


if __name__ == "__main__":
    sys.exit(main())
