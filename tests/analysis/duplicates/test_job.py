"""Pairs in SQL: complete, incremental, and the same however the runs followed each other."""

from __future__ import annotations

import io
import subprocess
import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageEnhance
from sqlalchemy import text
from support.databases import emptied, one, sql
from support.samples import image

from analysis.duplicates import job
from analysis.duplicates.job import DEFAULT_RADIUS, LEAST_BITS, duplicates_job, model_of
from analysis.engine import RunSummary, run_jobs
from analysis.errors import JobRunning, ModelChanged
from analysis.results import job_lock
from storage.collection import store_images
from storage.database import Database
from storage.images import check_image
from storage.objects import open_store

AddWork = Callable[..., int]

NOWHERE = "file:///nonexistent/objects"


def find_duplicates(
    database: Database, *, radius: int = DEFAULT_RADIUS, **options: Any
) -> RunSummary:
    """Run the job, which reads no objects: there is not even a folder of them."""
    [summary] = run_jobs(database, open_store(NOWHERE), [duplicates_job(radius)], **options)
    return summary


def far(number: int) -> int:
    """A hash of 32 bits that is far from the others of this function."""
    rng = np.random.default_rng(number)
    return sum(1 << int(bit) for bit in rng.permutation(64)[:32])


def swapped(value: int, pairs: int) -> int:
    """`value` with `pairs` set bits moved: 2 × `pairs` bits away, and as many bits set."""
    ones = [bit for bit in range(64) if value >> bit & 1][:pairs]
    zeros = [bit for bit in range(64) if not value >> bit & 1][:pairs]
    for bit in (*ones, *zeros):
        value ^= 1 << bit
    return value


def patches(number: int) -> Image.Image:
    """A picture of soft patches, different for every number."""
    drawn = np.random.default_rng(number).integers(10, 245, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(drawn).resize((640, 480), Image.Resampling.BICUBIC)


def file(picture: Image.Image, kind: str = "JPEG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def add(database: Database, hashes: Sequence[int], first: int = 1) -> list[int]:
    """Store images of these hashes in this order; return their ids."""
    rows = [
        {**image(first + at), "phash": value - (value >> 63 << 64)}
        for at, value in enumerate(hashes)
    ]
    with database.begin() as connection:
        return [store_images(connection, [row])[row["sha256"]] for row in rows]


ADD = text("""
    INSERT INTO images (id, sha256, object_key, preview_key, format, width, height, bytes, phash)
    OVERRIDING SYSTEM VALUE
    VALUES (:id, :sha256, :object_key, :preview_key, :format, :width, :height, :bytes, :phash)
""")


def add_as(database: Database, hashes: Mapping[int, int]) -> None:
    """Store images with these hashes under these ids."""
    with database.begin() as connection:
        for number, value in hashes.items():
            row = {**image(number), "id": number, "phash": value - (value >> 63 << 64)}
            connection.execute(ADD, row)


def pairs(database: Database) -> list[tuple[Any, ...]]:
    return [
        tuple(row)
        for row in sql(
            database,
            "SELECT image_id, other_id, distance, kind FROM image_duplicates ORDER BY 1, 2",
        )
    ]


def states(database: Database) -> dict[int, str]:
    return {row[0]: row[1] for row in sql(database, "SELECT image_id, state FROM image_results")}


def test_pairs_are_written_once_with_their_kind(database: Database) -> None:
    ids = add(database, [far(1), far(2), swapped(far(1), 3), far(1), swapped(far(2), 4), far(3)])
    seen: list[tuple[int, int]] = []
    summary = find_duplicates(database, progress=lambda *done: seen.append(done))

    assert pairs(database) == [(ids[0], ids[2], 6, "near"), (ids[0], ids[3], 0, "exact")]
    assert states(database) == dict(
        zip(ids, ("done", "empty", "done", "done", "empty", "empty"), strict=True)
    )
    assert (summary.images, summary.details) == (6, {"flat": 0, "pairs": 2})
    assert seen == [(0, 6), (6, 6)]
    [model] = sql(database, "SELECT name, version, kind, params, is_default FROM models")
    assert tuple(model) == (
        "phash",
        "1-r6",
        "duplicates",
        {"radius": 6, "bits": 64, "least_bits_set": 24},
        True,
    )
    [run] = sql(database, "SELECT job, state, processed, failed, seconds FROM analysis_runs")
    assert tuple(run)[:4] == ("duplicates", "done", 6, 0)
    assert set(run.seconds) == {"read", "compute", "write", "total"}


def test_a_run_without_new_images_writes_nothing(database: Database) -> None:
    add(database, [far(1), far(1), far(2)])
    find_duplicates(database)
    before = sql(database, "SELECT xmin::text, * FROM image_duplicates")
    summary = find_duplicates(database)
    assert (summary.images, summary.details) == (0, {"flat": 0, "pairs": 0})
    assert sql(database, "SELECT xmin::text, * FROM image_duplicates") == before
    assert sql(database, "SELECT state, processed FROM analysis_runs ORDER BY id") == [
        ("done", 3),
        ("done", 0),
    ]


def test_new_images_are_compared_with_those_before(database: Database) -> None:
    old = add(database, [far(1), far(2), far(2)])
    find_duplicates(database)
    new = add(database, [swapped(far(1), 1), far(2)], first=10)
    summary = find_duplicates(database)
    assert (summary.images, summary.details["pairs"]) == (2, 2)
    assert pairs(database) == [
        (old[0], new[0], 2, "near"),
        (old[1], old[2], 0, "exact"),
        (old[1], new[1], 0, "exact"),
    ]
    assert set(states(database).values()) == {"done"}


def test_of_equal_hashes_the_first_stands_for_all(database: Database) -> None:
    ids = add(database, [far(1)] * 50 + [swapped(far(1), 2)] * 50)
    find_duplicates(database)
    found = pairs(database)
    assert len(found) == 49 + 49 + 1
    assert {pair[0] for pair in found} == {ids[0], ids[50]}
    assert (ids[0], ids[50], 4, "near") in found


def test_flat_pictures_are_not_each_others_duplicates(
    database: Database, add_work: AddWork
) -> None:
    halves = Image.new("RGB", (600, 400), "#eeeeee")
    halves.paste("#222222", (0, 0, 300, 400))
    flat = [
        *(file(Image.new("RGB", (600, 400), color)) for color in ("black", "white", "#c81e1e")),
        file(Image.new("RGB", (300, 500), "#c81e1e"), "PNG"),
        file(halves, "PNG"),
        file(halves.transpose(Image.Transpose.FLIP_LEFT_RIGHT), "PNG"),
        file(Image.linear_gradient("L").convert("RGB"), "PNG"),
    ]
    for number, data in enumerate(flat):
        add_work(number, data=data)
    add_work(100)
    bits = [
        (row.phash & 2**64 - 1).bit_count()
        for row in sql(database, "SELECT phash FROM images ORDER BY id")
    ]
    assert max(bits[:-1]) < LEAST_BITS <= bits[-1] == 32

    summary = find_duplicates(database)
    assert (summary.images, summary.details) == (8, {"flat": 7, "pairs": 0})
    assert set(states(database).values()) == {"empty"}


@pytest.mark.parametrize(
    "alter",
    [
        pytest.param(lambda picture: picture.resize((240, 180)), id="smaller"),
        pytest.param(lambda picture: ImageEnhance.Brightness(picture).enhance(1.1), id="brighter"),
        pytest.param(lambda picture: picture.convert("L"), id="grey"),
        pytest.param(lambda picture: picture.crop((4, 3, 636, 477)), id="cropped a little"),
    ],
)
def test_altered_pictures_are_found(
    database: Database, add_work: AddWork, alter: Callable[[Image.Image], Image.Image]
) -> None:
    for number in range(6):
        picture = patches(number)
        add_work(number, data=file(picture))
        add_work(10 + number, data=file(alter(picture), quality=60))
    find_duplicates(database)
    assert [pair[:2] for pair in pairs(database)] == [(at, at + 1) for at in range(1, 13, 2)]


def test_radii_below_the_default_share_its_pairs() -> None:
    assert model_of(0) == model_of(6)
    assert model_of(8).version == "1-r8"
    assert not model_of(8).is_default
    for radius in (-1, 13):
        with pytest.raises(ValueError, match="choose one from 0 to 12"):
            model_of(radius)


def test_a_larger_radius_is_another_model(database: Database) -> None:
    ids = add(database, [far(1), swapped(far(1), 4)])
    find_duplicates(database)
    assert pairs(database) == []
    find_duplicates(database, radius=8)
    assert pairs(database) == [(ids[0], ids[1], 8, "near")]
    assert one(database, "SELECT count(*) FROM image_results") == 4


def rows_of(database: Database) -> tuple[list[tuple[Any, ...]], dict[int, str]]:
    return pairs(database), states(database)


HASHES = st.lists(
    st.tuples(st.sampled_from([far(1), far(2), swapped(far(1), 9)]), st.integers(0, 5)).map(
        lambda drawn: swapped(*drawn)
    ),
    max_size=24,
)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(HASHES, st.data())
def test_however_runs_follow_each_other(
    database: Database, hashes: list[int], data: st.DataObject
) -> None:
    """Images become visible in any order and are taken down: one run over all says the same."""
    emptied(database)
    waiting = data.draw(st.permutations(list(enumerate(hashes, start=1))))
    while waiting:
        several = data.draw(st.integers(1, len(waiting)))
        add_as(database, dict(waiting[:several]))
        waiting = waiting[several:]
        find_duplicates(database)
        there = [row.id for row in sql(database, "SELECT id FROM images")]
        gone = data.draw(st.lists(st.sampled_from(there), max_size=3))
        sql(database, "DELETE FROM images WHERE id = ANY(:gone)", gone=gone)
    find_duplicates(database)
    found = rows_of(database)
    find_duplicates(database, redo=True)
    assert rows_of(database) == found


def test_the_next_copy_takes_over_when_the_first_is_taken_down(database: Database) -> None:
    ids = add(database, [far(1), far(1), far(1), swapped(far(1), 3), far(2)])
    find_duplicates(database)
    sql(database, "DELETE FROM images WHERE id = :id", id=ids[0])
    assert find_duplicates(database).images == 3
    assert pairs(database) == [(ids[1], ids[2], 0, "exact"), (ids[1], ids[3], 6, "near")]
    sql(database, "DELETE FROM images WHERE id = ANY(:ids)", ids=ids[1:3])
    find_duplicates(database)
    assert pairs(database) == []
    assert states(database) == {ids[3]: "empty", ids[4]: "empty"}


def test_an_image_that_is_committed_late_may_be_the_first(database: Database) -> None:
    add_as(database, {5: far(1), 6: far(1), 7: swapped(far(1), 3), 8: far(2)})
    find_duplicates(database)
    assert pairs(database) == [(5, 6, 0, "exact"), (5, 7, 6, "near")]
    add_as(database, {2: far(1)})
    assert find_duplicates(database).images == 3
    assert pairs(database) == [(2, 5, 0, "exact"), (2, 6, 0, "exact"), (2, 7, 6, "near")]


def test_an_image_that_is_taken_down_meanwhile(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = add(database, [far(1), far(1), far(1), far(2)])
    read = job._read

    def read_and_lose(*arguments: Any) -> Any:
        found = read(*arguments)
        sql(database, "DELETE FROM images WHERE id = :id", id=ids[0])
        return found

    with monkeypatch.context() as patch:
        patch.setattr(job, "_read", read_and_lose)
        summary = find_duplicates(database)
    assert (summary.images, summary.details["pairs"]) == (1, 0)
    assert states(database) == {ids[3]: "empty"}
    find_duplicates(database)
    assert pairs(database) == [(ids[1], ids[2], 0, "exact")]


def test_redo_finds_again_what_was_lost(database: Database) -> None:
    add(database, [far(1), far(1), far(2)])
    find_duplicates(database)
    expected = pairs(database)
    sql(database, "UPDATE image_duplicates SET distance = 5, kind = 'near'")
    assert find_duplicates(database).images == 0
    assert find_duplicates(database, redo=True).images == 3
    assert pairs(database) == expected


def test_two_runs_are_kept_apart(database: Database) -> None:
    with (
        job_lock(database, "duplicates"),
        pytest.raises(JobRunning, match='"duplicates" is being run by another process'),
    ):
        find_duplicates(database)


def test_other_parameters_need_another_version(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    find_duplicates(database)
    monkeypatch.setattr(job, "LEAST_BITS", 30)
    with pytest.raises(ModelChanged, match="give it a new version"):
        find_duplicates(database)


KILLED = """
import os, sys, time
from analysis.duplicates import job
from analysis.engine import run_jobs
from storage.database import Database
from storage.objects import open_store
from storage.settings import load_settings

job.BATCH = 3

def progress(done, total):
    if done >= int(sys.argv[1]):
        print("now", flush=True)
        time.sleep(600)

with Database.open(load_settings()) as database:
    store = open_store("file:///nonexistent/objects")
    run_jobs(database, store, [job.duplicates_job()], progress=progress)
"""


@pytest.mark.parametrize("after", [0, 6])
def test_killed_and_run_again_gives_the_same_rows(after: int, database: Database) -> None:
    hashes = [swapped(far(at % 4), at % 3) for at in range(14)]
    add(database, hashes)
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(KILLED), str(after)],
        stdout=subprocess.PIPE,
        text=True,
        env={
            "ARTWORKS_DATABASE_URL": database.engine.url.render_as_string(hide_password=False),
            "PYTHONPATH": str(Path(__file__).parents[3]),
        },
    )
    assert process.stdout is not None
    with process:
        assert process.stdout.readline() == "now\n"
        process.kill()
    assert len(states(database)) == after
    assert find_duplicates(database).images == 14 - after
    found = rows_of(database)
    assert sql(database, "SELECT state FROM analysis_runs ORDER BY id") == [
        ("interrupted",),
        ("done",),
    ]
    find_duplicates(database, redo=True)
    assert rows_of(database) == found
    assert len(found[0]) > 10


def test_an_interrupted_run_is_logged(database: Database) -> None:
    add(database, [far(1), far(1)])

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        find_duplicates(database, progress=stop)
    assert one(database, "SELECT state FROM analysis_runs") == "interrupted"
    assert find_duplicates(database).details["pairs"] == 1


def test_hashes_of_pictures_have_half_their_bits_set() -> None:
    for number in range(20):
        phash = check_image(file(patches(number))).phash
        assert (phash & 2**64 - 1).bit_count() == 32
