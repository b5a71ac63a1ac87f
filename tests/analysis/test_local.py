"""The local engine: what it holds at a time, how it ends, and that threads change no result."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

import numpy as np
import pytest
import simplejpeg

from analysis.colors.job import COLORS
from analysis.errors import JobBroken
from analysis.jobs import RGB, ImageJob, ModelSpec, Row
from analysis.loading import Loading
from analysis.local import LocalEngine, Results, Written
from analysis.pending import PendingImage
from storage.errors import ObjectStoreUnavailable
from storage.images import decode_rgb

PATIENCE_S = 60
"""What is waited for comes; if not, the test ends all the same."""

MODEL = 1


class Objects:
    """A store of a few objects that are in memory."""

    def __init__(self, images: Sequence[bytes]) -> None:
        self.objects = {f"images/{number}": data for number, data in enumerate(images)}
        self.reads: list[str] = []

    def get(self, key: str) -> bytes:
        self.reads.append(key)
        return self.objects[key]


def photo(number: int, width: int = 40, height: int = 30) -> bytes:
    pixels = np.random.default_rng(number).integers(0, 255, (height, width, 3), dtype=np.uint8)
    return simplejpeg.encode_jpeg(pixels, 80, "RGB", "444")


def listed(
    store: Objects, *, sizes: Sequence[tuple[int, int]] = (), model_ids: Sequence[int] = (MODEL,)
) -> Iterator[PendingImage]:
    for number, (key, data) in enumerate(store.objects.items()):
        width, height = sizes[number] if sizes else (40, 30)
        yield PendingImage(
            id=number,
            sha256=f"{number:064x}",
            object_key=key,
            preview_key=key,
            format="jpeg",
            width=width,
            height=height,
            bytes=len(data),
            model_ids=frozenset(model_ids),
        )


def sums(images: Sequence[RGB]) -> list[list[Row]]:
    return [[{"sum": int(image.sum())}] for image in images]


def job_of(compute: Callable[[Sequence[RGB]], Any] = sums, **options: Any) -> ImageJob:
    options = {"batch": 4, "input_px": None, **options}
    spec = ModelSpec(name="sums", version="1", kind="sums")
    return ImageJob("sums", spec, COLORS.table, compute, **options)


class Table:
    """What was written, batch by batch."""

    def __init__(self) -> None:
        self.batches: list[Results] = []

    def write(self, results: Results) -> Mapping[int, float]:
        self.batches.append(results)
        return dict.fromkeys(results, 0.0)

    def ids(self, model_id: int = MODEL) -> list[int]:
        return [one.image_id for batch in self.batches for one in batch[model_id]]

    def rows(self, model_id: int = MODEL) -> list[Any]:
        return [one.rows for batch in self.batches for one in batch[model_id]]


def go(
    engine: LocalEngine,
    store: Any,
    job: ImageJob | Mapping[int, ImageJob],
    table: Table,
    images: Iterator[PendingImage] | None = None,
    **options: Any,
) -> list[Written]:
    jobs = job if isinstance(job, Mapping) else {MODEL: job}
    images = listed(store, model_ids=tuple(jobs)) if images is None else images
    with closing(engine.run(images, store, jobs, table.write, **options)) as batches:
        return list(batches)


def threads() -> list[str]:
    return [one.name for one in threading.enumerate() if one.name.startswith("analysis-")]


@pytest.mark.parametrize("engine", [LocalEngine(1, 1, 1, 1, 1), LocalEngine(7, 3), LocalEngine()])
def test_results_do_not_depend_on_the_threads(engine: LocalEngine) -> None:
    store, table = Objects([photo(number) for number in range(21)]), Table()
    written = go(engine, store, job_of(), table)
    assert table.ids() == list(range(21))
    assert table.rows() == [sums([decode_rgb(data)])[0] for data in store.objects.values()]
    assert sum(batch.images for batch in written) == 21
    assert len(store.reads) == 21
    assert threads() == []


def test_batches_are_as_large_as_the_smallest_that_a_job_asks_for() -> None:
    store, table = Objects([photo(number) for number in range(10)]), Table()
    jobs = {1: job_of(batch=4), 2: job_of(batch=3)}
    written = go(LocalEngine(), store, jobs, table)
    assert [batch.images for batch in written] == [3, 3, 3, 1]
    assert table.ids(1) == table.ids(2) == list(range(10))


class Impatient(Objects):
    """The first object comes when the third one is asked for."""

    def __init__(self, images: Sequence[bytes]) -> None:
        super().__init__(images)
        self.third = threading.Event()

    def get(self, key: str) -> bytes:
        if key == "images/2":
            self.third.set()
        if key == "images/0":
            assert self.third.wait(PATIENCE_S)
        return super().get(key)


def test_reads_overlap_and_results_keep_their_order() -> None:
    store, table = Impatient([photo(number) for number in range(5)]), Table()
    go(LocalEngine(readers=3, decoders=1), store, job_of(), table)
    assert store.reads.index("images/0") > 0
    assert table.ids() == list(range(5))


class Counted(Objects):
    """A store that knows how many images are between it and the end of their computation."""

    def __init__(self, images: Sequence[bytes]) -> None:
        super().__init__(images)
        self.lock = threading.Lock()
        self.held: set[int] = set()
        self.seen: list[frozenset[int]] = []

    def get(self, key: str) -> bytes:
        with self.lock:
            self.held.add(int(key.removeprefix("images/")))
            self.seen.append(frozenset(self.held))
        return super().get(key)

    def compute(self, images: Sequence[RGB]) -> list[list[Row]]:
        with self.lock:
            for number in sorted(self.held)[: len(images)]:
                self.held.remove(number)
        return sums(images)


def test_what_is_in_memory_stays_within_its_bounds() -> None:
    small, large = (40, 30), (400, 300)
    sizes = [large if number in (0, 5, 6, 13) else small for number in range(16)]
    store = Counted([photo(number, *size) for number, size in enumerate(sizes)])
    job, table = job_of(store.compute), Table()
    loading = Loading({MODEL: job}, store)  # type: ignore[arg-type]
    needed = [loading.memory(image) for image in listed(store, sizes=sizes)]
    budget = 6 * needed[1]
    assert needed[0] > budget

    go(LocalEngine(6, 3, memory=budget), store, job, table, listed(store, sizes=sizes))
    assert table.ids() == list(range(16))
    for held in store.seen:
        assert len(held) == 1 or sum(needed[number] for number in held) <= budget
    assert max(len(held) for held in store.seen) > 1
    assert [held for held in store.seen if 5 in held] == [frozenset({5})]


def test_no_more_images_are_ahead_than_allowed() -> None:
    store, table = Counted([photo(number) for number in range(30)]), Table()
    go(LocalEngine(8, 2, ahead=5), store, job_of(store.compute), table)
    # Five are ahead of the batch that is being put together, which has three until it is complete.
    assert max(len(held) for held in store.seen) <= 5 + 4
    assert table.ids() == list(range(30))


def test_the_computation_waits_for_the_writer() -> None:
    computed = 0
    leads = []

    def compute(images: Sequence[RGB]) -> list[list[Row]]:
        nonlocal computed
        computed += 1
        return sums(images)

    class Slow(Table):
        def write(self, results: Results) -> Mapping[int, float]:
            leads.append(computed - len(self.batches))
            return super().write(results)

    store, table = Objects([photo(number) for number in range(40)]), Slow()
    go(LocalEngine(unwritten=1), store, job_of(compute, batch=1), table)
    # One is being written, one waits, one is computed.
    assert max(leads) <= 3
    assert table.ids() == list(range(40))


class Broken(Objects):
    """A store that is lost after so many reads."""

    def __init__(self, images: Sequence[bytes], working: int) -> None:
        super().__init__(images)
        self.working = working

    def get(self, key: str) -> bytes:
        if int(key.removeprefix("images/")) >= self.working:
            raise ObjectStoreUnavailable("the object store does not answer: check it.")
        return super().get(key)


def test_an_outage_ends_the_run_after_what_was_computed_is_written() -> None:
    store, table = Broken([photo(number) for number in range(20)], working=10), Table()
    with pytest.raises(ObjectStoreUnavailable):
        go(LocalEngine(ahead=4), store, job_of(), table)
    assert table.ids() == list(range(8))
    assert threads() == []


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_leaves_no_thread_and_loses_no_batch(stop: type[BaseException]) -> None:
    batches = 0

    def compute(images: Sequence[RGB]) -> list[list[Row]]:
        nonlocal batches
        batches += 1
        if batches == 3:
            raise stop
        return sums(images)

    store, table = Objects([photo(number) for number in range(20)]), Table()
    with pytest.raises(stop):
        go(LocalEngine(), store, job_of(compute), table)
    assert table.ids() == list(range(8))
    assert threads() == []


def test_who_stops_listening_finds_everything_written() -> None:
    store, table = Objects([photo(number) for number in range(20)]), Table()
    batches = LocalEngine().run(listed(store), store, {MODEL: job_of()}, table.write)  # type: ignore[arg-type]
    first = next(batches)
    batches.close()
    assert first.images == 4
    assert table.ids()[:4] == [0, 1, 2, 3]
    assert len(table.ids()) % 4 == 0
    assert threads() == []


def test_what_cannot_be_written_ends_the_run() -> None:
    class Full(Table):
        def write(self, results: Results) -> Mapping[int, float]:
            if self.batches:
                raise OSError("disk full")
            return super().write(results)

    store, table = Objects([photo(number) for number in range(40)]), Full()
    with pytest.raises(OSError, match="disk full"):
        go(LocalEngine(), store, job_of(), table)
    assert table.ids() == list(range(4))
    assert threads() == []


def test_each_job_has_its_own_seconds() -> None:
    passed = threading.Event()

    def slow(images: Sequence[RGB]) -> list[list[Row]]:
        passed.wait(0.02)
        return sums(images)

    store, table = Objects([photo(number) for number in range(4)]), Table()
    [written] = go(LocalEngine(), store, {1: job_of(slow), 2: job_of()}, table)
    assert written.compute[1] > 0.02
    assert set(written.compute) == set(written.write) == {1, 2}
    assert min(written.read, written.decode, *written.compute.values()) > 0.0


def test_a_lack_of_memory_is_held_against_the_image(monkeypatch: pytest.MonkeyPatch) -> None:
    store, table = Objects([photo(number) for number in range(6)]), Table()
    decode = simplejpeg.decode_jpeg

    def decode_or_fail(data: bytes, *arguments: Any, **options: Any) -> Any:
        if data == store.objects["images/2"]:
            raise MemoryError
        return decode(data, *arguments, **options)

    monkeypatch.setattr(simplejpeg, "decode_jpeg", decode_or_fail)
    go(LocalEngine(), store, job_of(), table)
    faults = {one.image_id: one.fault for batch in table.batches for one in batch[MODEL]}
    assert [at for at, fault in faults.items() if fault is not None] == [2]
    fault = faults[2]
    assert fault is not None
    assert (fault.reason, fault.retryable) == ("out_of_memory", True)
    assert "images/2" in fault.detail


def test_a_batch_that_is_too_much_is_computed_one_by_one() -> None:
    def compute(images: Sequence[RGB]) -> list[list[Row]]:
        if len(images) > 1:
            raise MemoryError
        return sums(images)

    store, table = Objects([photo(number) for number in range(6)]), Table()
    go(LocalEngine(), store, job_of(compute), table)
    assert all(one.fault is None for batch in table.batches for one in batch[MODEL])
    assert table.ids() == list(range(6))


def refuse(images: Sequence[RGB]) -> list[list[Row]]:
    raise ZeroDivisionError("never")


def test_a_job_that_never_went_through_is_to_blame_for_the_second_failure() -> None:
    store, table = Objects([photo(number) for number in range(2)]), Table()
    with pytest.raises(JobBroken, match=r"sums.*ZeroDivisionError: never .*test_local") as broken:
        go(LocalEngine(), store, job_of(refuse), table)
    assert broken.value.job == "sums"
    assert isinstance(broken.value.__cause__, ZeroDivisionError)
    assert table.batches == []

    one = Objects([photo(1)])
    go(LocalEngine(), one, job_of(refuse), table)
    assert [one.state for one in table.batches[0][MODEL]] == ["failed"]


def test_a_job_that_went_through_before_is_to_blame_for_a_full_batch() -> None:
    store, table = Objects([photo(number) for number in range(3)]), Table()
    go(LocalEngine(), store, job_of(refuse), table, proven={MODEL})
    assert [one.state for one in table.batches[0][MODEL]] == ["failed"] * 3

    store, table = Objects([photo(number) for number in range(4)]), Table()
    with pytest.raises(JobBroken):
        go(LocalEngine(), store, job_of(refuse), table, proven={MODEL})
    assert table.batches == []


def test_a_wrong_number_of_results_is_the_fault_of_the_job() -> None:
    store, table = Objects([photo(number) for number in range(4)]), Table()
    with pytest.raises(JobBroken, match="0 results for"):
        go(LocalEngine(), store, job_of(lambda images: []), table)


def test_errors_of_our_own_are_nobodys_fault() -> None:
    def compute(images: Sequence[RGB]) -> list[list[Row]]:
        raise ObjectStoreUnavailable("the object store does not answer: check it.")

    store, table = Objects([photo(number) for number in range(4)]), Table()
    with pytest.raises(ObjectStoreUnavailable):
        go(LocalEngine(), store, job_of(compute), table)
    assert table.batches == []


def test_jobs_of_different_sizes_share_a_read_and_decodes_of_one_reduction(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    size = (2400, 1800)
    store, table = Objects([photo(number, *size) for number in range(2)]), Table()
    decodes = []
    decode = simplejpeg.decode_jpeg

    def counted(data: bytes, *arguments: Any, **options: Any) -> Any:
        decodes.append(data)
        return decode(data, *arguments, **options)

    seen: dict[int | None, list[RGB]] = {}

    def keep(input_px: int | None) -> ImageJob:
        def compute(images: Sequence[RGB]) -> list[list[Row]]:
            seen.setdefault(input_px, []).extend(images)
            return sums(images)

        return job_of(compute, input_px=input_px)

    wanted = (None, 1700, 900, 700, 680, 600)
    jobs = {at: keep(px) for at, px in enumerate(wanted)}
    monkeypatch.setattr(simplejpeg, "decode_jpeg", counted)
    go(LocalEngine(), store, jobs, table, listed(store, sizes=[size] * 2, model_ids=tuple(jobs)))
    # All pixels serve the first two, half of them the third, three eighths the last three.
    assert len(decodes) == 2 * 3
    monkeypatch.undo()
    assert len(store.reads) == 2
    for px in wanted:
        for pixels, data in zip(seen[px], store.objects.values(), strict=True):
            assert np.array_equal(pixels, decode_rgb(data, size=px))


@pytest.mark.parametrize("setting", ["readers", "decoders", "ahead", "memory", "unwritten"])
def test_settings_have_a_least_value(setting: str) -> None:
    with pytest.raises(ValueError, match=f"LocalEngine.{setting} is 0: at least 1"):
        LocalEngine(**{setting: 0})
