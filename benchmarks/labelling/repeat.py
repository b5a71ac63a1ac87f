"""Trained twice, and trained after a kill: the measures are the same."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.analysing.collection import Workshop
from benchmarks.analysing.figures import Figure, Section
from benchmarks.labelling.museum import hung

SAME = 1e-6
PATIENCE_S = 300.0
STYLE = ("style", "--split", "artists", "--no-activate", "--force", "--json")
TRANSFER = (*STYLE, "--method", "transfer", "--views", "1", "--learning-rate", "0.001")


def measure(workshop: Workshop) -> list[Section]:
    """Train a probe and a transfer head twice, and the latter after a kill in the middle."""
    hung(workshop)
    environment = workshop.environment | {"ARTWORKS_HOME": str(workshop.home)}
    probes = [_trained(STYLE, environment) for _ in range(2)]
    transfers = [_trained(TRANSFER, environment) for _ in range(2)]
    epochs = _killed(TRANSFER, environment, workshop.home)
    resumed = _trained(TRANSFER, environment)
    return [
        Section(
            "Trained twice with one seed, and after a kill: the greatest difference of any measure",
            (
                Figure("repeat_probe", "probe", difference(*probes), most=SAME),
                Figure("repeat_transfer", "transfer", difference(*transfers), most=SAME),
                Figure(
                    "repeat_killed",
                    f"transfer, killed after {epochs} epochs or more, and run again",
                    difference(transfers[0], resumed),
                    most=SAME,
                ),
            ),
        )
    ]


def difference(first: Any, second: Any) -> float:
    """Return the greatest difference of two documents' numbers; infinite where others differ."""
    if isinstance(first, dict) and isinstance(second, dict) and first.keys() == second.keys():
        return max((difference(first[key], second[key]) for key in first), default=0.0)
    if isinstance(first, list) and isinstance(second, list) and len(first) == len(second):
        both = zip(first, second, strict=True)
        return max((difference(one, other) for one, other in both), default=0.0)
    if isinstance(first, float) and isinstance(second, float):
        return abs(first - second)
    return 0.0 if first == second else float("inf")


def _trained(arguments: tuple[str, ...], environment: dict[str, str]) -> Any:
    done = subprocess.run(
        _command(arguments), env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    metrics = json.loads(done.stdout)["model"]["metrics"]
    # What a training took on the way is not what it measured.
    metrics["chosen"].pop("seconds", None)
    return metrics


def _killed(arguments: tuple[str, ...], environment: dict[str, str], home: Path) -> int:
    """Kill a training once it has kept three epochs; return how many it had kept by then."""
    with subprocess.Popen(
        _command(arguments),
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        seen: set[tuple[str, int]] = set()
        until = time.monotonic() + PATIENCE_S
        while len(seen) < 3 and process.poll() is None and time.monotonic() < until:
            seen |= set(_kept(home))
            time.sleep(0.005)
        assert process.poll() is None, "the training ended before it could be killed"
        process.kill()
    assert list(_kept(home)), "nothing was kept of the training that was killed"
    return len(seen)


def _kept(home: Path) -> Iterator[tuple[str, int]]:
    """Yield what is kept of trainings under way, and when it was written."""
    for path in (home / "cache" / "training").rglob("*"):
        try:
            if path.is_file():
                yield str(path), path.stat().st_mtime_ns
        except FileNotFoundError:
            continue  # replaced meanwhile


def _command(arguments: tuple[str, ...]) -> list[str]:
    return [sys.executable, "-m", "cli", "train", *arguments]
