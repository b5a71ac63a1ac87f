"""Jobs over stored images: complete, incremental, and indifferent to what goes wrong."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import simplejpeg
from sqlalchemy import text

from analysis.colors.job import COLORS
from analysis.colors.palette import extract_palette
from analysis.engine import run_jobs
from analysis.errors import JobBroken, JobRunning, ModelChanged, UnknownJob
from analysis.jobs import RGB, ImageJob, ModelSpec, Row
from analysis.local import LocalEngine
from analysis.pending import pending_images
from analysis.results import job_lock
from storage.database import Database
from storage.errors import ObjectStoreUnavailable
from storage.failures import Choice, retry_analyses
from storage.images import decode_rgb
from storage.objects import ObjectStore

AddWork = Callable[..., int]


class CountingStore:
    """A store that counts reads, and loses its connection after `working` of them."""

    def __init__(self, store: ObjectStore, working: int | None = None) -> None:
        self.store = store
        self.reads: list[str] = []
        self.working = working

    def get(self, key: str) -> bytes:
        self.reads.append(key)
        if self.working is not None and len(self.reads) > self.working:
            raise ObjectStoreUnavailable("the object store does not answer: check it.")
        return self.store.get(key)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)


def rows(database: Database, query: str) -> list[tuple[Any, ...]]:
    with database.begin() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def palettes(database: Database) -> list[tuple[Any, ...]]:
    return rows(
        database,
        "SELECT i.sha256, c.rank, c.hex, c.lab_l, c.lab_a, c.lab_b, c.fraction, c.name, m.name "
        "FROM image_colors c JOIN images i ON i.id = c.image_id JOIN models m ON m.id = c.model_id "
        "ORDER BY 1, 2",
    )


def features(database: Database) -> Any:
    """Statistics of each image, (n, 18), in the order of keys."""
    found = rows(
        database,
        "SELECT f.values FROM image_features f JOIN images i ON i.id = f.image_id ORDER BY sha256",
    )
    return np.array([values for (values,) in found])


def test_palettes_of_all_images_are_written(
    database: Database, store: ObjectStore, add_work: AddWork
) -> None:
    ids = [add_work(number) for number in range(7)]
    seen: list[tuple[int, int]] = []
    (summary,) = run_jobs(
        database, store, ["colors"], progress=lambda done, total: seen.append((done, total))
    )

    assert (summary.done, summary.empty, summary.failed) == (7, 0, 0)
    assert seen[0] == (0, 7)
    assert seen[-1] == (7, 7)
    written = palettes(database)
    (key, sha256), *_ = rows(database, f"SELECT preview_key, sha256 FROM images WHERE id={ids[0]}")
    expected = extract_palette(decode_rgb(store.get(key)))
    assert [row[2:3] + row[6:8] for row in written if row[0] == sha256] == [
        (swatch.hex, swatch.fraction, swatch.name) for swatch in expected.swatches
    ]
    assert {row[8] for row in written} == {"palette-kmeans-lab"}
    assert rows(database, "SELECT state, attempts, count(*) FROM image_results GROUP BY 1, 2") == [
        ("done", 1, 7)
    ]
    assert rows(database, "SELECT name, version, kind, is_default, active FROM models") == [
        ("palette-kmeans-lab", COLORS.model.version, "palette", True, True)
    ]
    ((state, processed, failed, finished, seconds),) = rows(
        database, "SELECT state, processed, failed, finished_at, seconds FROM analysis_runs"
    )
    assert (state, processed, failed) == ("done", 7, 0)
    assert finished is not None
    assert set(seconds) == {"read", "decode", "compute", "write", "total"}
    assert min(seconds.values()) > 0.0
    assert rows(database, "SELECT count(*) FROM artwork_overview WHERE dominant_hex IS NULL") == [
        (0,)
    ]


def test_a_rerun_reads_and_writes_nothing(
    database: Database, store: ObjectStore, add_work: AddWork
) -> None:
    for number in range(3):
        add_work(number)
    run_jobs(database, store, ["colors"])
    before = rows(database, "SELECT xmin::text, * FROM image_colors ORDER BY image_id, rank")
    counting = CountingStore(store)
    (summary,) = run_jobs(database, counting, ["colors"])
    assert counting.reads == []
    assert summary.done == 0
    after = rows(database, "SELECT xmin::text, * FROM image_colors ORDER BY image_id, rank")
    assert after == before

    add_work(99)
    (summary,) = run_jobs(database, counting, ["colors"])
    assert summary.done == 1
    assert len(counting.reads) == 1


def test_previews_are_read_in_the_order_of_their_keys(
    database: Database, store: ObjectStore, add_work: AddWork
) -> None:
    for number in range(9):
        add_work(number)
    counting = CountingStore(store)
    run_jobs(database, counting, ["colors"], engine=LocalEngine(readers=1))
    assert len(counting.reads) == 9
    assert counting.reads == sorted(counting.reads)
    assert all(key.startswith("previews/512/") for key in counting.reads)


def test_pages_of_pending_images_leave_none_out(
    database: Database, store: ObjectStore, add_work: AddWork
) -> None:
    ids = {add_work(number) for number in range(7)}
    run_jobs(database, store, ["colors"], limit=2)
    ((model_id,),) = rows(database, "SELECT id FROM models")
    for page in (1, 2, 5, 100):
        pending = [
            image.id for image in pending_images(database, [model_id], redo=False, page=page)
        ]
        assert len(pending) == len(set(pending)) == 5
        every = [image.id for image in pending_images(database, [model_id], redo=True, page=page)]
        assert set(every) == ids


def test_limit(database: Database, store: ObjectStore, add_work: AddWork) -> None:
    for number in range(5):
        add_work(number)
    seen: list[tuple[int, int]] = []
    for expected in (2, 2, 1, 0):
        (summary,) = run_jobs(
            database,
            store,
            ["colors"],
            limit=2,
            progress=lambda done, total: seen.append((done, total)),
        )
        assert summary.done == expected
        assert seen[-1] == (expected, expected)
    assert len({row[0] for row in palettes(database)}) == 5


def test_failing_images_are_recorded_and_the_others_done(
    database: Database, store: ObjectStore, add_work: AddWork
) -> None:
    ids = [add_work(number) for number in range(6)]
    keys = dict(rows(database, "SELECT id, preview_key FROM images"))
    store.delete(keys[ids[1]])
    store.put(keys[ids[4]], store.get(keys[ids[4]])[:2000], content_type="image/jpeg")

    (summary,) = run_jobs(database, store, ["colors"])

    assert (summary.done, summary.failed, summary.retryable) == (4, 2, 1)
    assert summary.reasons == {"object_missing": 1, "truncated": 1}
    assert rows(
        database, "SELECT image_id, reason FROM image_results WHERE state = 'failed' ORDER BY 1"
    ) == [(ids[1], "object_missing"), (ids[4], "truncated")]
    assert rows(
        database,
        "SELECT site, url, image_id, stage, reason, retryable, attempts, resolved_at "
        "FROM failures ORDER BY image_id",
    ) == [
        (
            "museum",
            "https://museum.example/1.jpg",
            ids[1],
            "analysis",
            "object_missing",
            True,
            1,
            None,
        ),
        ("museum", "https://museum.example/4.jpg", ids[4], "analysis", "truncated", False, 1, None),
    ]
    assert rows(database, "SELECT processed, failed FROM analysis_runs") == [(4, 2)]

    counting = CountingStore(store)
    (summary,) = run_jobs(database, counting, ["colors"])
    assert counting.reads == []


def test_redo_computes_everything_again_and_mends_what_failed(
    database: Database, store: ObjectStore, add_work: AddWork
) -> None:
    ids = [add_work(number) for number in range(4)]
    keys = dict(rows(database, "SELECT id, preview_key FROM images"))
    preview = store.get(keys[ids[2]])
    store.delete(keys[ids[2]])
    run_jobs(database, store, ["colors"])
    store.put(keys[ids[2]], preview, content_type="image/jpeg")
    with database.begin() as connection:
        connection.execute(text(f"UPDATE image_colors SET hex = '#bad' WHERE image_id = {ids[0]}"))
        connection.execute(
            text(
                "INSERT INTO image_colors (image_id, model_id, rank, hex, lab_l, lab_a, lab_b, "
                "fraction, name) SELECT image_id, model_id, 9, hex, 0, 0, 0, 0, name "
                f"FROM image_colors WHERE image_id = {ids[0]} AND rank = 1"
            )
        )

    (summary,) = run_jobs(database, store, ["colors"], redo=True)

    assert (summary.done, summary.failed) == (4, 0)
    assert rows(database, "SELECT DISTINCT attempts, state, reason FROM image_results") == [
        (2, "done", None)
    ]
    assert rows(database, "SELECT count(*) FROM image_colors WHERE hex='#bad' OR rank=9") == [(0,)]
    assert rows(database, "SELECT count(*) FROM failures WHERE resolved_at IS NULL") == [(0,)]
    assert rows(database, "SELECT count(*) FROM failures") == [(1,)]


def test_retryable_failures_can_be_made_pending_again(
    database: Database, store: ObjectStore, add_work: AddWork
) -> None:
    ids = [add_work(number) for number in range(3)]
    keys = dict(rows(database, "SELECT id, preview_key FROM images"))
    preview = store.get(keys[ids[0]])
    store.delete(keys[ids[0]])
    store.put(keys[ids[1]], b"no image", content_type="image/jpeg")
    run_jobs(database, store, ["colors"])
    store.put(keys[ids[0]], preview, content_type="image/jpeg")

    with database.begin() as connection:
        assert retry_analyses(connection, Choice(reason="object_missing"), dry_run=True) == 1
        assert retry_analyses(connection, Choice(reason="object_missing")) == 1
    (summary,) = run_jobs(database, store, ["colors"])
    assert (summary.done, summary.failed) == (1, 0)
    assert rows(database, "SELECT image_id FROM failures WHERE resolved_at IS NULL") == [(ids[1],)]


def test_an_outage_stops_the_run_and_blames_no_image(
    database: Database, store: ObjectStore, add_work: AddWork
) -> None:
    for number in range(20):
        add_work(number)
    job = replace(COLORS, batch=2)
    with pytest.raises(ObjectStoreUnavailable):
        run_jobs(database, CountingStore(store, working=11), [job], engine=LocalEngine(ahead=4))
    assert rows(database, "SELECT count(*) FROM failures") == [(0,)]
    assert rows(database, "SELECT count(*) FROM image_results WHERE state = 'failed'") == [(0,)]
    ((done,),) = rows(database, "SELECT count(*) FROM image_results")
    assert 0 < done <= 11
    assert rows(database, "SELECT state, processed FROM analysis_runs") == [("failed", done)]

    (summary,) = run_jobs(database, store, [job])
    assert summary.done == 20 - done


def test_two_runs_of_one_job_are_kept_apart(
    database: Database, store: ObjectStore, add_work: AddWork
) -> None:
    add_work(1)
    with job_lock(database, "colors"):
        with pytest.raises(JobRunning, match='"colors" is being run by another process'):
            run_jobs(database, store, ["colors"])
        with job_lock(database, "another"):
            pass
    (summary,) = run_jobs(database, store, ["colors"])
    assert summary.done == 1


KILLED = """
import sys, time
from dataclasses import replace
from analysis.colors.features import FEATURES
from analysis.colors.job import COLORS
from analysis.engine import run_jobs
from storage.database import Database
from storage.objects import open_store
from storage.settings import load_settings

def progress(done, total):
    print(done, flush=True)
    if done >= int(sys.argv[1]):
        time.sleep(60)

settings = load_settings()
with Database.open(settings) as database:
    store = open_store(settings.objects_location)
    jobs = [replace(job, batch=2) for job in (COLORS, FEATURES)]
    run_jobs(database, store, jobs, progress=progress)
"""


@pytest.mark.parametrize("after", [2, 8])
def test_two_jobs_killed_and_run_again_give_the_same_rows(
    after: int,
    database: Database,
    store: ObjectStore,
    add_work: AddWork,
    tmp_path: Path,
) -> None:
    for number in range(16):
        add_work(number)
    objects = (tmp_path / "objects").as_uri()
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(KILLED), str(after)],
        stdout=subprocess.PIPE,
        text=True,
        env={
            "ARTWORKS_DATABASE_URL": database.engine.url.render_as_string(hide_password=False),
            "ARTWORKS_OBJECTS_URL": objects,
            "PYTHONPATH": str(Path(__file__).parents[2]),
        },
    )
    assert process.stdout is not None
    with process:
        for line in process.stdout:
            if int(line) >= after:
                process.kill()
                break
    finished = dict(rows(database, "SELECT model_id, count(*) FROM image_results GROUP BY 1"))
    assert finished[1] == finished[2]
    assert after <= finished[1] < 16
    running = rows(database, "SELECT job, state, finished_at FROM analysis_runs ORDER BY job")
    assert running == [("colors", "running", None), ("features", "running", None)]

    summaries = run_jobs(database, store, ["features", "colors"])
    assert [summary.done for summary in summaries] == [16 - finished[1]] * 2
    assert rows(database, "SELECT job, state FROM analysis_runs ORDER BY job, id") == [
        ("colors", "interrupted"),
        ("colors", "done"),
        ("features", "interrupted"),
        ("features", "done"),
    ]
    resumed, resumed_features = palettes(database), features(database)
    assert len({row[0] for row in resumed}) == len(resumed_features) == 16
    run_jobs(database, store, ["colors", "features"], redo=True)
    assert palettes(database) == resumed
    # Their last digits depend on how memory is aligned.
    np.testing.assert_allclose(features(database), resumed_features, rtol=1e-9, atol=1e-9)


def test_an_interrupted_run_is_logged_and_continued(
    database: Database, store: ObjectStore, add_work: AddWork
) -> None:
    for number in range(8):
        add_work(number)

    def stop(done: int, total: int) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_jobs(database, store, [replace(COLORS, batch=2)], progress=stop)
    ((state, processed),) = rows(database, "SELECT state, processed FROM analysis_runs")
    assert state == "interrupted"
    assert rows(database, "SELECT count(*) FROM image_results") == [(processed,)]
    (summary,) = run_jobs(database, store, ["colors"])
    assert summary.done == 8 - processed


def job_of(
    compute: Callable[[Sequence[RGB]], Sequence[Sequence[Row]]], name: str = "marks", **options: Any
) -> ImageJob:
    model = ModelSpec(name=f"{name}-model", version="1", kind=name)
    return ImageJob(name=name, model=model, table=COLORS.table, compute=compute, **options)


def mark(images: Sequence[RGB]) -> list[list[Row]]:
    row = {"rank": 1, "hex": "#000000", "lab_l": 0.0, "lab_a": 0.0, "lab_b": 0.0}
    return [[{**row, "fraction": 1.0, "name": str(image.shape)}] for image in images]


@pytest.fixture
def decodes(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What is decoded from now on."""
    decoded: list[bytes] = []
    decode = simplejpeg.decode_jpeg

    def counted(data: bytes, *arguments: Any, **options: Any) -> Any:
        decoded.append(data)
        return decode(data, *arguments, **options)

    monkeypatch.setattr(simplejpeg, "decode_jpeg", counted)
    return decoded


def test_jobs_that_need_the_preview_share_a_read_and_a_decode(
    database: Database, store: ObjectStore, add_work: AddWork, decodes: list[bytes]
) -> None:
    for number in range(5):
        add_work(number)
    counting = CountingStore(store)
    run_jobs(database, counting, ["colors"], limit=2)
    assert len(counting.reads) == 2
    decodes.clear()
    one, two = run_jobs(database, counting, ["colors", job_of(mark, input_px=64)])
    assert (one.done, two.done) == (3, 5)
    assert len(counting.reads) == 2 + 5
    assert len(decodes) == 5
    assert (one.shared_with, two.shared_with) == (("marks",), ("colors",))
    shared, own = rows(database, "SELECT seconds FROM analysis_runs ORDER BY id DESC LIMIT 2")
    assert shared[0]["shared_with"] == ["colors"]
    for stage in ("read", "decode", "total"):
        assert shared[0][stage] == own[0][stage]
    assert shared[0]["compute"] != own[0]["compute"]


def test_jobs_that_need_originals_share_a_read_and_decodes_of_one_reduction(
    database: Database, store: ObjectStore, add_work: AddWork, decodes: list[bytes]
) -> None:
    for number in range(3):
        add_work(number, size=(2400, 1800))
    jobs = [
        job_of(mark, name=f"marks {px}", input_px=px) for px in (None, 1700, 900, 700, 600, 512)
    ]
    alone = {job.name: marks_of(database, store, job) for job in jobs}
    emptied(database, "image_results", "image_colors")
    decodes.clear()
    counting = CountingStore(store)

    summaries = run_jobs(database, counting, jobs)

    assert [summary.done for summary in summaries] == [3] * 6
    originals = [key for key in counting.reads if key.startswith("images/")]
    previews = [key for key in counting.reads if key.startswith("previews/")]
    assert (len(originals), len(previews)) == (3, 3)
    # All pixels for two jobs, half of them for one, three eighths for two; the preview for one.
    assert len(decodes) == 3 * 3 + 3
    for job in jobs:
        assert marks_of(database, store, job) == alone[job.name]


def marks_of(database: Database, store: ObjectStore, job: ImageJob) -> list[tuple[Any, ...]]:
    """Run a job; return what it found."""
    [summary] = run_jobs(database, store, [job])
    return rows(
        database,
        f"SELECT image_id, name FROM image_colors WHERE model_id = {summary.model_id} ORDER BY 1",
    )


def emptied(database: Database, *tables: str) -> None:
    with database.begin() as connection:
        connection.execute(text(f"TRUNCATE {', '.join(tables)}"))


def test_a_job_may_ask_for_the_original(
    database: Database, store: ObjectStore, add_work: AddWork
) -> None:
    add_work(1, size=(1400, 1200))
    counting = CountingStore(store)
    run_jobs(database, counting, [job_of(mark, input_px=None)])
    assert counting.reads[0].startswith("images/")
    assert rows(database, "SELECT name FROM image_colors") == [("(1200, 1400, 3)",)]


def test_an_image_without_rows_is_empty(
    database: Database, store: ObjectStore, add_work: AddWork
) -> None:
    add_work(1)
    (summary,) = run_jobs(database, store, [job_of(lambda images: [[] for _ in images])])
    assert summary.empty == 1
    assert rows(database, "SELECT state FROM image_results") == [("empty",)]


def test_an_image_that_a_job_fails_on_is_recorded(
    database: Database, store: ObjectStore, add_work: AddWork
) -> None:
    for number in range(4):
        add_work(number)
    portrait = add_work(9, size=(300, 500))

    def compute(images: Sequence[RGB]) -> list[list[Row]]:
        if any(image.shape[0] > image.shape[1] for image in images):
            raise ZeroDivisionError("upright")
        return mark(images)

    (summary,) = run_jobs(database, store, [job_of(compute)])
    assert (summary.done, summary.failed) == (4, 1)
    assert rows(database, "SELECT image_id, reason, detail FROM failures") == [
        (portrait, "compute_failed", "marks: ZeroDivisionError: upright")
    ]


def test_a_job_that_fails_on_every_image_is_itself_to_blame(
    database: Database, store: ObjectStore, add_work: AddWork
) -> None:
    for number in range(4):
        add_work(number)

    def compute(images: Sequence[RGB]) -> list[list[Row]]:
        raise ZeroDivisionError

    with pytest.raises(JobBroken, match=r'"marks" failed on every .*ZeroDivisionError.*test_eng'):
        run_jobs(database, store, [job_of(compute)])
    assert rows(database, "SELECT count(*) FROM image_results") == [(0,)]
    assert rows(database, "SELECT state FROM analysis_runs") == [("failed",)]


def test_a_broken_job_does_not_let_others_fail(
    database: Database, store: ObjectStore, add_work: AddWork
) -> None:
    for number in range(4):
        add_work(number)

    def compute(images: Sequence[RGB]) -> list[list[Row]]:
        raise ZeroDivisionError

    with pytest.raises(JobBroken):
        run_jobs(database, store, ["colors", job_of(compute)])
    assert rows(database, "SELECT job, state FROM analysis_runs ORDER BY job") == [
        ("colors", "interrupted"),
        ("marks", "failed"),
    ]
    [summary] = run_jobs(database, store, ["colors"])
    assert summary.done == 4


def test_an_image_taken_down_meanwhile_is_passed_over(
    database: Database, store: ObjectStore, add_work: AddWork
) -> None:
    ids = [add_work(number) for number in range(3)]

    def compute(images: Sequence[RGB]) -> list[list[Row]]:
        with database.begin() as connection:
            connection.execute(text(f"DELETE FROM images WHERE id = {ids[1]}"))
        return mark(images)

    run_jobs(database, store, [job_of(compute)])
    assert rows(database, "SELECT image_id FROM image_results ORDER BY 1") == [(ids[0],), (ids[2],)]


def test_a_new_version_becomes_the_default_and_keeps_the_old_rows(
    database: Database, store: ObjectStore, add_work: AddWork
) -> None:
    add_work(1)
    run_jobs(database, store, ["colors"])
    before = len(palettes(database))
    newer = replace(COLORS, model=replace(COLORS.model, version="newer"))
    run_jobs(database, store, [newer])
    assert len(palettes(database)) == 2 * before
    defaults = "SELECT version FROM models WHERE is_default"
    assert rows(database, defaults) == [("newer",)]
    run_jobs(database, store, ["colors"])
    assert rows(database, defaults) == [("newer",)]

    other = replace(COLORS, model=replace(COLORS.model, name="palette-other"))
    run_jobs(database, store, [other])
    assert rows(database, defaults) == [("newer",)]


def test_other_parameters_need_another_version(
    database: Database, store: ObjectStore, add_work: AddWork
) -> None:
    add_work(1)
    run_jobs(database, store, ["colors"])
    changed = replace(COLORS, model=replace(COLORS.model, params={"colors": 7}))
    with pytest.raises(ModelChanged, match="give it a new version"):
        run_jobs(database, store, [changed])


def test_an_unknown_job_is_refused(database: Database, store: ObjectStore) -> None:
    with pytest.raises(
        UnknownJob, match='no job "colours": choose from clusters, color-class, colors'
    ):
        run_jobs(database, store, ["colours"])
    assert rows(database, "SELECT count(*) FROM analysis_runs") == [(0,)]
