"""`artworks analyze` and docs/analysis.md: what they say is so."""

from __future__ import annotations

import io
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.crawls import REPOSITORY
from support.databases import opened, sql
from support.labellers import add_labeller
from support.vectors import add_embeddings

from analysis.catalog import JOBS
from analysis.local import LocalEngine
from cli.job_progress import EVERY, Lines
from storage.errors import ExitCode
from storage.objects import ObjectStore, open_store
from storage.settings import load_settings

# mypy: disable-error-code="no-untyped-def"

NAMES = [
    "colors",
    "features",
    "layout",
    "embeddings",
    "color-class",
    "duplicates",
    "projection",
    "index",
    "look-alikes",
    "clusters",
    "map",
    "outliers",
]

FAMILY = "labels"
"""Stands for one job of each head that has a classifier: none here."""

PAGE = (REPOSITORY / "docs" / "analysis.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^ *```(console|sql|python)\n(.*?)^ *```", PAGE, re.DOTALL | re.MULTILINE)
TIMEOUT_S = 120


def put_picture(store: ObjectStore, number: int) -> None:
    """Put what the image of this number in the sample collection is said to be."""
    drawn = np.random.default_rng(number).integers(0, 255, (4, 5, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(drawn).resize((300, 200)).save(buffer, "JPEG")
    sha256 = f"{number:064x}"
    key = f"images/{sha256[:2]}/{sha256[2:4]}/{sha256}.jpg"
    store.put(key, buffer.getvalue(), content_type="image/jpeg")


@pytest.fixture
def store(sample) -> ObjectStore:
    """A store that holds the first of the two images of the sample collection."""
    made = open_store(load_settings().objects_location, create=True)
    put_picture(made, 1)
    return made


def test_all_jobs_and_taking_up_again_what_failed(sample, store: ObjectStore) -> None:
    first = sample("analyze", "--json")
    assert first.code == ExitCode.RETRYABLE_FAILURES
    ran = {one["job"]: one for one in first.json}
    assert list(ran) == NAMES
    for name in ("colors", "features", "layout", "embeddings"):
        assert (ran[name]["done"], ran[name]["failed"], ran[name]["retryable"]) == (1, 1, 1)
        assert ran[name]["reasons"] == {"object_missing": 1}
    assert ran["colors"]["shared_with"] == ["features", "layout", "embeddings"]
    assert ran["duplicates"]["images"] == 2

    again = sample("analyze", "--json")
    assert again.code == 0
    assert {one["job"]: one["images"] for one in again.json} == dict.fromkeys(NAMES, 0)

    put_picture(store, 2)
    failed = sample("failures", "--stage", "analysis", "--reason", "object_missing", "--json").json
    assert failed["total"] == 1
    taken_up = sample("failures", "--stage", "analysis", "--retry")
    assert taken_up.out == "taken up again: 1 image to analyse\nnow run: artworks analyze\n"
    last = sample("analyze", "colors", "features", "layout", "embeddings", "--json")
    assert last.code == 0
    assert [(one["done"], one["failed"]) for one in last.json] == [(1, 0)] * 4
    assert sample("failures", "--stage", "analysis", "--json").json["total"] == 0


def test_the_list_says_how_far_jobs_are(sample, sample_url: str, store: ObjectStore) -> None:
    fresh = {one["job"]: one for one in sample("analyze", "--list", "--json").json}
    assert list(fresh) == NAMES
    assert (fresh["colors"]["pending"], fresh["features"]["pending"]) == (2, 2)
    assert fresh["features"]["last_run"] is None
    with opened(sample_url) as database:
        assert sql(database, "SELECT job FROM analysis_runs") == []

    sample("analyze", "features", "--limit", "1")
    [features] = sample("analyze", "features", "--list", "--json").json
    assert (features["done"], features["failed"], features["pending"]) == (1, 0, 1)
    last = features["last_run"]
    assert (last["state"], last["processed"], last["failed"]) == ("done", 1, 0)
    assert last["images_per_second"] == pytest.approx(1 / last["seconds"])

    header, *lines = sample("analyze", "--list").out.splitlines()
    assert header.split("\t")[:6] == ["Job", "Model", "Done", "Empty", "Failed", "Pending"]
    assert [line.split("\t")[0] for line in lines] == NAMES
    assert lines[1].split("\t")[2:7] == ["1", "0", "0", "1", "done"]


def test_results_for_people(sample, store: ObjectStore) -> None:
    done = sample("analyze", "colors")
    assert done.code == ExitCode.RETRYABLE_FAILURES
    header, line = done.out.splitlines()
    assert header.split("\t")[:2] == ["Job", "Model"]
    assert line.split("\t")[2:5] == ["1", "0", "1"]
    assert line.endswith("\tobject_missing 1")
    assert "artworks failures --retry" in done.err
    again = sample("analyze", "colors")
    assert "colors: nothing new" in again.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("paintings",), "choose from clusters, color-class, colors"),
        (("labels-mood",), "or labels-HEAD for one head"),
        (("colors", "--engine", "ray"), "choose local, or leave --engine out"),
        (("--list", "--limit", "2"), "leave --list out"),
        (("--list", "--redo"), "leave --list out"),
    ],
)
def test_what_is_wrong_is_refused_with_the_cure(
    command, arguments: Sequence[str], said: str
) -> None:
    refused = command("analyze", *arguments)
    assert refused.code == ExitCode.USAGE
    assert said in refused.err
    assert refused.err.count("\n") == 1


def test_without_a_classifier_labels_are_no_job(sample, store: ObjectStore) -> None:
    assert FAMILY not in {one["job"] for one in sample("analyze", "--list", "--json").json}
    for arguments in (("labels",), ("labels", "--list"), ("colors", "labels-style")):
        refused = sample("analyze", *arguments)
        assert refused.code == ExitCode.USAGE
        assert "is the default: train one with `artworks train style`" in refused.err
        assert refused.out == ""


def test_each_head_with_a_classifier_has_a_job(sample, sample_url: str, store: ObjectStore) -> None:
    with opened(sample_url) as database:
        add_embeddings(database, {1: (1, 0), 2: (0, 1)})
        for head in ("genre", "style"):
            add_labeller(database, store, head, ("one", "other"))
    listed = sample("analyze", "--list", "labels", "--json").json
    assert [(one["job"], one["pending"]) for one in listed] == [
        ("labels-style", 2),
        ("labels-genre", 2),
    ]
    [genre] = sample("analyze", "labels-genre", "--json").json
    assert (genre["job"], genre["model"], genre["done"]) == ("labels-genre", "probe-genre", 2)
    assert [one["done"] for one in sample("analyze", "labels", "--json").json] == [2, 0]


def test_long_runs_say_in_lines_how_far_they_are() -> None:
    now = 100.0
    said: list[str] = []
    lines = Lines(say=said.append, clock=lambda: now)
    lines.announce(["colors", "features"])
    for seconds, done in ((1, 0), (EVERY, 600), (EVERY + 5, 700), (2 * EVERY, 1200)):
        now = 100.0 + seconds
        lines.tell(done, 3000)
    assert said == [
        "colors, features: 600 of 3000 images, 20/s, about 2 min 0 s left",
        "colors, features: 1200 of 3000 images, 20/s, about 1 min 30 s left",
    ]
    lines.announce(["duplicates"])
    now += EVERY
    lines.tell(0, 10)
    assert said[-1] == "duplicates: 0 of 10 images, 0/s"


def test_the_page_has_every_job_and_every_field_of_the_engine() -> None:
    jobs = re.findall(r"^\| `([\w-]+)` \| [^|]+ \| [^|]+ \| [^|]+ \|$", PAGE, re.MULTILINE)
    assert jobs == list(JOBS)
    assert [name for name in jobs if name != FAMILY] == NAMES
    fields = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \| [^|]+\|$", PAGE, re.MULTILINE))
    assert list(fields) == list(LocalEngine.__dataclass_fields__)
    for name, default in fields.items():
        if default[0].isdigit():
            assert getattr(LocalEngine(), name) == int(default.replace(",", "")), name


def test_commands_and_queries_of_the_page_work(sample, store: ObjectStore) -> None:
    put_picture(store, 2)
    for language, block in BLOCKS:
        if language == "console":
            for line in block.splitlines():
                arguments = shlex.split(line.strip().removeprefix("$ artworks "), comments=True)
                assert sample(*arguments).code == 0, line
        elif language == "sql":
            assert sample("sql", block).code == 0, block


def test_programs_of_the_page_work(
    sample, sample_url: str, store: ObjectStore, tmp_path: Path
) -> None:
    put_picture(store, 2)
    settings = {
        "ARTWORKS_DATABASE_URL": sample_url,
        "ARTWORKS_OBJECTS_URL": load_settings().objects_location,
        "PYTHONPATH": str(REPOSITORY),
    }
    said = []
    for number, program in enumerate(block for language, block in BLOCKS if language == "python"):
        path = tmp_path / f"program{number}.py"
        path.write_text(program, encoding="utf-8")
        done = subprocess.run(
            [sys.executable, path],
            env=os.environ | settings,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, ""), program
        said.append(done.stdout)
    brightness, counting = said
    assert [line.split(" in ")[0] for line in brightness.splitlines()] == [
        "brightness: 2 images",
        "colors: 2 images",
    ]
    assert counting == "{'shown': 2}\n"
    [query] = [block for language, block in BLOCKS if "AS brightness" in block]
    rows = sample("sql", query, "--json").json
    assert len(rows) == 2
    assert all(20 < row["brightness"] < 235 for row in rows)
