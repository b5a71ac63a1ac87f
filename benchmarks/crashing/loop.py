"""A crawl that is killed again and again until it has been killed often enough, then let go."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import text

from benchmarks.crashing.points import POINTS
from storage.collection import digest
from storage.database import Database
from storage.objects import ObjectStore

ROOT = Path(__file__).parents[2]
ACKNOWLEDGEMENTS = "acknowledgements"
MOST_ACKNOWLEDGEMENTS = 20
EACH = 5
KILLS_PER_WORKER = 20
TIMEOUT_S = 900
# Finished, and finished with failures that the next run tries again.
IN_GOOD_ORDER = (0, 4)
# Where the museum keeps what need not be asked for twice.
KEPT = ("/work/", "/object/", "/image/", "/picture/", "/data/v1/works/", "/iiif/image/")


class CrashLoopError(Exception):
    """A run ended as none may, however it is killed."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One run that is to be killed: where, and at the how-manieth passage."""

    point: str
    count: int

    @property
    def phase(self) -> str:
        """When in the life of the crawl it can be made."""
        return "middle" if self.point == ACKNOWLEDGEMENTS else POINTS[self.point].phase

    @property
    def needs(self) -> str | None:
        """The kind of frontier row that has to be left."""
        return "artwork" if self.point == ACKNOWLEDGEMENTS else POINTS[self.point].needs

    @property
    def spares_crawl(self) -> bool:
        """Whether an image worker dies alone."""
        return self.point != ACKNOWLEDGEMENTS and POINTS[self.point].victim == "worker"


@dataclass(slots=True)
class Report:
    """What became of the attempts, by point; `again`: requests that a kill caused."""

    kills: Counter[str] = field(default_factory=Counter)
    workers: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)
    again: Counter[str] = field(default_factory=Counter)
    made: list[Attempt] = field(default_factory=list)
    exit_code: int = 0


@dataclass(slots=True)
class Collection:
    """What a crawl writes to, and how it is started."""

    database: Database
    store: ObjectStore
    environment: Mapping[str, str]
    arguments: Sequence[str]

    def crawl(self, *plan: str) -> subprocess.CompletedProcess[str]:
        """Run one crawl; `plan` is POINT, COUNT, MARK and ACKS of `child`."""
        command = [sys.executable, "-m", "benchmarks.crashing.child", *(plan or ("-",) * 4)]
        # No pipe: a worker that outlives its crawl by a moment would hold it open.
        with tempfile.TemporaryFile("w+", errors="replace") as said:
            done = subprocess.run(
                [*command, *self.arguments],
                cwd=ROOT,
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=said,
                timeout=TIMEOUT_S,
                check=False,
            )
            said.seek(0)
            return subprocess.CompletedProcess(done.args, done.returncode, stderr=said.read())

    def left(self) -> Counter[str]:
        """Rows of the frontier that are not settled, by kind."""
        with self.database.begin() as connection:
            rows = connection.execute(
                text(
                    "SELECT kind, count(*) FROM frontier "
                    "WHERE state IN ('pending', 'leased') GROUP BY kind"
                )
            )
            return Counter({kind: number for kind, number in rows})  # noqa: C416 - typed

    def digest(self) -> str:
        """The collection's digest; equal collections have equal ones."""
        with self.database.begin() as connection:
            return digest(connection)

    def failures(self) -> set[tuple[str, str]]:
        """What could not be had, and why."""
        with self.database.begin() as connection:
            rows = connection.execute(
                text("SELECT url, reason FROM failures WHERE resolved_at IS NULL")
            )
            return {(row.url, row.reason) for row in rows}

    def stored_twice_or_in_vain(self) -> set[str]:
        """Objects without a row, and rows without their object, by key."""
        with self.database.begin() as connection:
            rows = connection.execute(text("SELECT object_key, preview_key FROM images"))
            named = {key for row in rows for key in row if key is not None}
        kept = {info.key for prefix in ("images/", "previews/") for info in self.store.list(prefix)}
        return named ^ kept


def verify(collection: Collection) -> subprocess.CompletedProcess[str]:
    """Compare both sides of the collection, reading every byte."""
    command = [str(Path(sys.executable).with_name("artworks")), "verify", "--full-hash"]
    return subprocess.run(
        command, env=dict(collection.environment), capture_output=True, text=True, check=False
    )


def plan(kills: int, rng: random.Random) -> list[Attempt]:
    """Return what to do: `kills` of the crawl, and some of its image workers alone besides.

    Each place where the crawl dies comes as often as any other, up to five times; what is left of
    the kills is for moments after so many acknowledgements.
    """
    places = [name for name, point in POINTS.items() if point.victim != "worker"]
    names: list[str] = []
    while len(names) < min(kills, EACH * len(places)):
        names += rng.sample(places, min(len(places), kills - len(names)))
    if names and kills <= len(places):
        names[-1] = ACKNOWLEDGEMENTS
    names += [ACKNOWLEDGEMENTS] * (kills - len(names))
    for name in set(POINTS) - set(places):
        names += [name] * min(EACH, kills // KILLS_PER_WORKER)
    return [
        Attempt(
            name,
            rng.randint(0, MOST_ACKNOWLEDGEMENTS)
            if name == ACKNOWLEDGEMENTS
            else rng.randint(1, POINTS[name].most),
        )
        for name in sorted(names)
    ]


def kill_again_and_again(
    collection: Collection,
    attempts: Sequence[Attempt],
    rng: random.Random,
    asked: Callable[[], Mapping[str, int]],
    tell: Callable[[Attempt, int], object] = lambda *_: None,
) -> Report:
    """Make every attempt in an order in which it is possible, then crawl to the end.

    `asked` counts the site's requests by path. Raises CrashLoopError when a run ends in another
    way than by the kill or in good order.
    """
    report = Report()
    todo = list(attempts)
    before = dict(asked())
    with tempfile.TemporaryDirectory(prefix="artworks-crash-") as marks:
        while todo:
            attempt = _choose(todo, collection.left(), rng)
            todo.remove(attempt)
            mark = Path(marks) / str(len(todo))
            done = collection.crawl(*_plan_of(attempt, mark, rng))
            if _was_killed(attempt, done.returncode, mark):
                victims = report.workers if attempt.spares_crawl else report.kills
                victims[attempt.point] += 1
            elif done.returncode in (*IN_GOOD_ORDER, -signal.SIGKILL):
                report.missed[attempt.point] += 1
            else:
                raise CrashLoopError(
                    f"killed at {attempt.point} (passage {attempt.count}), the crawl ended with "
                    f"{done.returncode}:\n{done.stderr[-3000:]}"
                )
            tell(attempt, done.returncode)
            # What the next run asks for again is what this kill cost.
            after = dict(asked())
            if report.made:
                report.again[report.made[-1].point] += _repeats(before, after)
            report.made.append(attempt)
            before = after
        report.exit_code = finish(collection)
        report.again[report.made[-1].point] += _repeats(before, asked())
    return report


def finish(collection: Collection) -> int:
    """Crawl to the end; return the exit code, or raise CrashLoopError for one that may not be."""
    done = collection.crawl()
    if done.returncode not in IN_GOOD_ORDER:
        raise CrashLoopError(f"the crawl ended with {done.returncode}:\n{done.stderr[-3000:]}")
    return done.returncode


def _repeats(before: Mapping[str, int], after: Mapping[str, int]) -> int:
    """How often works and images were asked for that had been asked for before."""
    return sum(
        times - max(before.get(path, 0), 1)
        for path, times in after.items()
        if path.startswith(KEPT)
    )


def _was_killed(attempt: Attempt, code: int, mark: Path) -> bool:
    """Whether it was killed where it was to be: a worker that died alone left its mark."""
    if attempt.spares_crawl:
        return mark.exists()
    return code == -signal.SIGKILL


def _choose(todo: Sequence[Attempt], left: Counter[str], rng: random.Random) -> Attempt:
    """Return the next attempt: those of the start first, those of the end last."""
    starting = [attempt for attempt in todo if attempt.phase == "start"]
    # Listings lead to works, and works to images.
    possible = [
        attempt
        for attempt in todo
        if attempt.phase == "middle"
        and (attempt.needs is None or not left or left[attempt.needs] or left["listing"])
    ]
    # Listings come last in a crawl: whoever waits for one has the works before it crawled.
    listings = [attempt for attempt in possible if attempt.needs == "listing"]
    ending = [attempt for attempt in todo if attempt.phase == "end"]
    return rng.choice(starting or listings or possible or ending or list(todo))


def _plan_of(attempt: Attempt, mark: Path, rng: random.Random) -> tuple[str, str, str, str]:
    if attempt.point == ACKNOWLEDGEMENTS:
        return "-", "-", str(mark), str(attempt.count)
    acks = "-"
    if attempt.spares_crawl:
        # The crawl goes on with another worker; it ends a little later, as the others do.
        acks = str(rng.randint(2, 3) * MOST_ACKNOWLEDGEMENTS)
    return attempt.point, str(attempt.count), str(mark), acks
