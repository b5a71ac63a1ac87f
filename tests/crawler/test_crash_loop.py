"""A crawl that is killed at the arrows of "How a page becomes durable" ends as if undisturbed."""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from support.crawls import Workspace, get_json

from benchmarks.crashing.loop import (
    ACKNOWLEDGEMENTS,
    EACH,
    Collection,
    finish,
    kill_again_and_again,
    plan,
    verify,
)
from benchmarks.crashing.points import POINTS
from demo.server import MuseumServer
from storage.errors import ExitCode

KILLS = 10


@pytest.fixture
def collection_factory(
    workspace_factory: Callable[[], Workspace], museum: MuseumServer
) -> Callable[[], Collection]:
    """Makes collections of the small museum, for crawls without any browser."""

    def make() -> Collection:
        workspace = workspace_factory()
        environment = workspace.environment | {"PATH": str(Path(sys.executable).parent)}
        arguments = ["site=demo", f"base_url={museum.url}"]
        return Collection(workspace.database, workspace.store, environment, arguments)

    return make


def requests_of(museum: MuseumServer) -> dict[str, int]:
    paths: dict[str, int] = get_json(f"{museum.url}/_requests.json")["paths"]
    return paths


def test_killed_again_and_again_it_ends_as_if_undisturbed(
    collection_factory: Callable[[], Collection],
    museum: MuseumServer,
) -> None:
    undisturbed = collection_factory()
    killed = collection_factory()
    code = finish(undisturbed)
    # Three pages need a browser.
    assert code == ExitCode.RETRYABLE_FAILURES

    rng = random.Random(KILLS)
    report = kill_again_and_again(killed, plan(KILLS, rng), rng, lambda: requests_of(museum))

    assert report.exit_code == code
    # Some may come too late: the museum is small, and a slow machine commits many at a time.
    assert sum(report.kills.values()) >= KILLS // 2, report
    assert killed.digest() == undisturbed.digest()
    assert killed.failures() == undisturbed.failures()
    assert killed.left() == Counter()
    assert killed.stored_twice_or_in_vain() == set()
    verified = verify(killed)
    assert verified.returncode == ExitCode.DONE, verified.stdout + verified.stderr


@pytest.mark.parametrize("kills", [1, 10, 60, 100, 250])
def test_the_plan_has_each_place_as_often_as_any_other(kills: int) -> None:
    attempts = plan(kills, random.Random(kills))
    ours = [attempt for attempt in attempts if not attempt.spares_crawl]
    assert len(ours) == kills
    at = Counter(attempt.point for attempt in attempts)
    places = {name for name, point in POINTS.items() if point.victim != "worker"}
    counts = [at[name] for name in places]
    assert max(counts) - min(counts) <= 1
    assert max(counts) <= EACH
    assert at[ACKNOWLEDGEMENTS] or kills <= EACH * len(places)
    if kills >= 100:
        assert all(at[name] == EACH for name in POINTS)
        assert at[ACKNOWLEDGEMENTS] == kills - EACH * len(places) >= 10
    for attempt in attempts:
        most = 20 if attempt.point == ACKNOWLEDGEMENTS else POINTS[attempt.point].most
        assert 0 <= attempt.count <= most
