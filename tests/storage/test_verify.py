"""Verification: every damage is found by its name, mended where that is safe, and nothing else."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from support.databases import emptied, one, sql
from support.gallery import Gallery, checked, picture, row_of

from storage.collection import store_images
from storage.database import Database
from storage.errors import ObjectStoreUnavailable
from storage.images import CheckedImage, image_key, preview_key
from storage.locks import GARBAGE_LOCK, WORKER_LOCKS, hold_off_deletion, is_storing, may_delete
from storage.objects import ObjectInfo, ObjectStore, open_store
from storage.verification import CODES
from storage.verification.listing import merged, sha256_in
from storage.verify import Report, Scope, verify

REPOSITORY = Path(__file__).parents[2]
# Nothing is too young to be judged, though servers round their times up.
FULL = Scope(full_hash=True, grace=timedelta(seconds=-10))
# A PNG has a preview of its own; a small JPEG serves as its own preview.
PICTURES = [picture(1), picture(2, (300, 500)), picture(3, (700, 700)), picture(4, (520, 60))]
SMALL = picture(5, (200, 150), "JPEG")
BODIES = {checked(body).sha256: body for body in (*PICTURES, SMALL)}

Damage = Callable[[Gallery, CheckedImage], None]


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    """Each kind of object store, empty."""
    if request.param == "folder":
        return open_store((tmp_path / "objects").as_uri(), create=True)
    return open_store(request.getfixturevalue("s3_url"), create=True)


@pytest.fixture
def folder(tmp_path: Path) -> ObjectStore:
    return open_store((tmp_path / "objects").as_uri(), create=True)


@pytest.fixture
def gallery(database: Database, folder: ObjectStore) -> Gallery:
    return Gallery(database, folder)


def codes(report: Report) -> dict[str, int]:
    return dict(report.counts)


def states(report: Report) -> dict[str, str]:
    """What became of the findings of each code; all of one code fare alike."""
    found: dict[str, str] = {}
    for code, state in report.states:
        assert code not in found, report.repaired
        found[code] = state
    return found


def snapshot(gallery: Gallery) -> tuple[Any, ...]:
    """Everything that verification could write to."""
    rows = [
        sql(gallery.database, f"SELECT * FROM {table} ORDER BY id")
        for table in ("images", "image_sources", "frontier", "crawl_runs")
    ]
    return (*rows, [(info.key, info.etag) for info in gallery.store.list()])


# Damages, each with the codes that it is found under


def lose_original(gallery: Gallery, image: CheckedImage) -> None:
    gallery.store.delete(image.object_key)


def shorten_original(gallery: Gallery, image: CheckedImage) -> None:
    gallery.put(image.object_key, gallery.store.get(image.object_key)[:-7])


def change_original(gallery: Gallery, image: CheckedImage) -> None:
    body = bytearray(gallery.store.get(image.object_key))
    body[len(body) // 2] ^= 1
    gallery.put(image.object_key, bytes(body))


def lose_preview(gallery: Gallery, image: CheckedImage) -> None:
    gallery.store.delete(image.preview_key)


def empty_preview(gallery: Gallery, image: CheckedImage) -> None:
    gallery.put(image.preview_key, b"")


def spoil_preview(gallery: Gallery, image: CheckedImage) -> None:
    gallery.put(image.preview_key, gallery.store.get(image.preview_key)[:-100])


def show_another(gallery: Gallery, image: CheckedImage) -> None:
    gallery.put(image.preview_key, picture(9, (100, 400), "JPEG"))


def lose_both(gallery: Gallery, image: CheckedImage) -> None:
    lose_original(gallery, image)
    lose_preview(gallery, image)


def unlink_address(gallery: Gallery, image: CheckedImage) -> None:
    scope = {"id": gallery.image_id(image)}
    sql(gallery.database, "UPDATE frontier SET image_id = NULL WHERE image_id = :id", **scope)


def unlink_work(gallery: Gallery, image: CheckedImage) -> None:
    scope = {"id": gallery.image_id(image)}
    sql(gallery.database, "UPDATE image_sources SET image_id = NULL WHERE image_id = :id", **scope)


def unlink_page(gallery: Gallery, image: CheckedImage) -> None:
    sql(
        gallery.database,
        "UPDATE frontier SET artwork_id = NULL WHERE artwork_id = "
        "(SELECT artwork_id FROM image_sources WHERE image_id = :id)",
        id=gallery.image_id(image),
    )


def lease_to_nobody(gallery: Gallery, image: CheckedImage) -> None:
    sql(
        gallery.database,
        "UPDATE frontier SET state = 'leased', lease_owner = 999, etag = NULL, "
        "lease_until = now() + interval '1 hour' WHERE image_id = :id",
        id=gallery.image_id(image),
    )


DAMAGES: dict[Damage, tuple[str, ...]] = {
    lose_original: ("object_missing",),
    shorten_original: ("size_differs",),
    change_original: ("hash_differs",),
    lose_preview: ("preview_missing",),
    empty_preview: ("preview_damaged",),
    spoil_preview: ("preview_damaged",),
    show_another: ("preview_damaged",),
    lose_both: ("object_missing", "preview_missing"),
    unlink_address: ("image_unlinked",),
    unlink_work: ("image_unlinked",),
    unlink_page: ("page_unlinked",),
    lease_to_nobody: ("lease_stuck",),
}


# Things that are too many


def orphan_original(gallery: Gallery) -> None:
    gallery.put(image_key(hashlib.sha256(b"o").hexdigest(), "webp"), b"o")


def orphan_preview(gallery: Gallery) -> None:
    gallery.put(preview_key(hashlib.sha256(b"p").hexdigest()), b"p")


def old_preview(gallery: Gallery) -> None:
    """A preview of an image that serves as its own."""
    gallery.put(preview_key(checked(SMALL).sha256), b"preview")


def unreferenced(gallery: Gallery) -> None:
    body = picture(77)
    image = checked(body)
    assert image.preview is not None
    gallery.put(image.object_key, body)
    gallery.put(image.preview_key, image.preview)
    with gallery.database.begin() as connection:
        store_images(connection, [row_of(image)])


def unqueued(gallery: Gallery) -> None:
    url = "http://museum.example/image/unqueued"
    gallery.offers[url] = picture(88)
    sql(
        gallery.database,
        "INSERT INTO image_sources (artwork_id, position, url) SELECT min(id), 7, :url "
        "FROM artworks",
        url=url,
    )


def stranger(gallery: Gallery) -> None:
    gallery.put("images/readme.jpg", b"hello")


def killed_run(gallery: Gallery) -> None:
    sql(gallery.database, "INSERT INTO crawl_runs (site) VALUES ('museum')")


def register(gallery: Gallery, name: str, **params: str) -> str:
    """Register a trained model without its artifact; return the key of that."""
    key = f"models/{name}/1/model.joblib"
    sql(
        gallery.database,
        "INSERT INTO models (name, version, kind, artifact_key, params) "
        "VALUES (:name, '1', 'classifier', :key, CAST(:params AS jsonb))",
        name=name,
        key=key,
        params=json.dumps(params),
    )
    return key


def lost_artifact(gallery: Gallery) -> None:
    register(gallery, "lost", artifact_sha256="0" * 64)


def spoiled_artifact(gallery: Gallery) -> None:
    gallery.put(register(gallery, "spoiled", artifact_sha256="0" * 64), b"spoiled")


def cut_off_training(gallery: Gallery) -> None:
    gallery.put("models/color/7/model.joblib", b"trained")


def cut_off_report(gallery: Gallery) -> None:
    gallery.put("reports/work/20260102T030405Z/work.png", b"a picture")


EXTRAS: dict[Callable[[Gallery], None], str] = {
    orphan_original: "object_orphaned",
    orphan_preview: "object_orphaned",
    old_preview: "object_orphaned",
    unreferenced: "image_unreferenced",
    unqueued: "source_unqueued",
    stranger: "object_unknown",
    killed_run: "run_unfinished",
    lost_artifact: "artifact_missing",
    spoiled_artifact: "artifact_damaged",
    cut_off_training: "artifact_orphaned",
    cut_off_report: "report_unfinished",
}
LEFT = {"object_unknown", "artifact_missing", "artifact_damaged"}
"""Codes of extras that nothing but a person can mend."""
REMARKS = {code for code, known in CODES.items() if not known.is_mismatch}


def damage(gallery: Gallery, kinds: Sequence[Damage], extras: Sequence[Any]) -> Counter[str]:
    """Damage one image after the other; return how often each code is to be found."""
    images = gallery.hang(*PICTURES, SMALL)
    expected: Counter[str] = Counter()
    for kind, image in zip(kinds, images, strict=False):
        kind(gallery, image)
        expected.update(DAMAGES[kind])
    for extra in extras:
        extra(gallery)
        expected[EXTRAS[extra]] += 1
    return expected


# The property


def test_each_damage_is_found_and_mended_in_each_store(
    database: Database, store: ObjectStore
) -> None:
    gallery = Gallery(database, store)
    originals = {body: checked(body) for body in map(picture, range(100, 100 + len(DAMAGES)))}
    gallery.hang(*PICTURES, SMALL)
    images = gallery.hang(*originals)
    expected: Counter[str] = Counter()
    for (kind, found), image in zip(DAMAGES.items(), images, strict=True):
        kind(gallery, image)
        expected.update(found)
    for extra, code in EXTRAS.items():
        extra(gallery)
        expected[code] += 1
    assert expected.keys() == CODES.keys()

    before = snapshot(gallery)
    report = verify(database, store, FULL)
    assert report.counts == expected
    assert report.mismatches == sum(expected.values()) - len(REMARKS)
    assert snapshot(gallery) == before, "looking changes nothing"

    repaired = verify(database, store, FULL, repair=True)
    assert repaired.counts == expected
    assert {code for code, state in repaired.states if state == "left"} == LEFT
    assert repaired.mismatches == len(LEFT - REMARKS)
    assert repaired.sites == {"museum"}
    gallery.crawl()
    after = verify(database, store, FULL)
    assert codes(after) == dict.fromkeys(LEFT, 1)
    for body, image in originals.items():
        assert store.get(image.object_key) == body
    assert one(database, "SELECT finish_reason FROM crawl_runs") == "killed"


@settings(max_examples=12, suppress_health_check=list(HealthCheck))
@given(
    kinds=st.lists(st.sampled_from(list(DAMAGES)), max_size=len(PICTURES)),
    extras=st.lists(st.sampled_from(list(EXTRAS)), unique=True, max_size=3),
)
def test_random_damage_is_named_exactly_and_mended(
    migrated: Database,
    tmp_path: Path,
    kinds: Sequence[Damage],
    extras: Sequence[Callable[[Gallery], None]],
) -> None:
    shutil.rmtree(tmp_path / "any", ignore_errors=True)
    store = open_store((tmp_path / "any").as_uri(), create=True)
    gallery = Gallery(emptied(migrated), store)
    expected = damage(gallery, kinds, extras)
    assert codes(verify(migrated, store, FULL)) == dict(expected)
    report = verify(migrated, store, FULL, repair=True)
    kept = {EXTRAS[extra] for extra in extras} & LEFT
    assert codes(report) == dict(expected)
    assert report.is_clean is not bool(kept - REMARKS)
    gallery.crawl()
    assert codes(verify(migrated, store, FULL)) == dict.fromkeys(kept, 1)
    stored = {info.key: store.get(info.key) for info in store.list("images/") if len(info.key) > 40}
    assert set(BODIES.values()) <= set(stored.values())
    assert all(hashlib.sha256(body).hexdigest() == sha256_in(key) for key, body in stored.items())


def test_a_sound_collection_has_no_findings(gallery: Gallery) -> None:
    gallery.hang(*PICTURES, SMALL)
    report = verify(gallery.database, gallery.store, FULL)
    looked = report.checked()
    assert (report.counts, report.is_clean) == (Counter(), True)
    assert (looked["images"], looked["objects"], looked["read"]) == (5, 9, 5)
    assert looked["read_bytes"] == sum(map(len, BODIES.values()))
    previews = [gallery.store.stat(i.key).size for i in gallery.store.list("previews/")]
    assert looked["object_bytes"] == looked["read_bytes"] + sum(previews)


def test_nothing_is_read_unless_asked_for(gallery: Gallery) -> None:
    for kind, image in zip((change_original, spoil_preview), gallery.hang(*PICTURES), strict=False):
        kind(gallery, image)
    report = verify(gallery.database, _Watched(gallery.store, fail=("get", "open")))  # type: ignore[arg-type]
    assert report.is_clean
    assert not report.checked()["read"]


def test_a_sample_is_told_by_its_seed(gallery: Gallery) -> None:
    for image in gallery.hang(*PICTURES, SMALL):
        change_original(gallery, image)
    seen = []
    for seed in (1, 1, *range(2, 8)):
        report = verify(gallery.database, gallery.store, Scope(sample=2, seed=seed))
        assert report.checked()["read"] == report.counts["hash_differs"] == 2
        assert (report.checked()["sample"], report.checked()["seed"]) == (2, seed)
        seen.append(frozenset(finding.subject for finding in report.findings))
    assert seen[0] == seen[1]
    assert len(set(seen)) > 1
    assert verify(gallery.database, gallery.store, Scope(sample=99)).checked()["read"] == 5


# What cannot be had anew


@pytest.mark.parametrize(
    ("state", "told"), [("failed", "HTTP 404"), ("skipped", "not to be asked")]
)
def test_what_cannot_be_fetched_is_left_and_said(gallery: Gallery, state: str, told: str) -> None:
    [image] = gallery.hang(PICTURES[0])
    lose_original(gallery, image)
    sql(
        gallery.database,
        "UPDATE frontier SET state = :state, http_status = 404 WHERE kind = 'image'",
        state=state,
    )
    for _ in range(2):
        report = verify(gallery.database, gallery.store, repair=True)
        assert states(report) == {"object_missing": "left"}
        assert told in report.repaired[0].told
        assert not report.is_clean
    assert gallery.states() == [state]
    assert one(gallery.database, "SELECT count(*) FROM images") == 1


def test_a_picture_without_an_address_is_left(gallery: Gallery) -> None:
    [image] = gallery.hang(PICTURES[0])
    lose_original(gallery, image)
    sql(gallery.database, "DELETE FROM frontier WHERE kind = 'image'")
    report = verify(gallery.database, gallery.store, repair=True)
    assert states(report) == {"object_missing": "left"}
    assert "no address" in report.repaired[0].told


def test_other_bytes_at_the_address_become_another_image(gallery: Gallery) -> None:
    """The former image is lost: its row goes with the second repair."""
    [image] = gallery.hang(PICTURES[0])
    lose_original(gallery, image)
    gallery.keep_version({"image": {"http://museum.example/image/1": [image.sha256, "new"]}})
    verify(gallery.database, gallery.store, repair=True)
    gallery.offers["http://museum.example/image/1"] = PICTURES[1]
    gallery.crawl()
    assert codes(verify(gallery.database, gallery.store)) == {"object_missing": 1}
    again = verify(gallery.database, gallery.store, repair=True)
    # Its preview went with it.
    assert states(again) == {"object_missing": "mended"}
    assert verify(gallery.database, gallery.store, FULL).counts == Counter()
    new = checked(PICTURES[1])
    assert one(gallery.database, "SELECT sha256 FROM images") == new.sha256


def test_what_a_work_showed_before_is_kept(gallery: Gallery) -> None:
    unreferenced(gallery)
    gallery.hang(PICTURES[0])
    sha256 = checked(picture(77)).sha256
    assert codes(verify(gallery.database, gallery.store)) == {"image_unreferenced": 1}
    gallery.keep_version({"image": {"http://museum.example/x": [None, sha256]}})
    gallery.keep_version({"image": "odd", "title": [1, 2]})
    report = verify(gallery.database, gallery.store, FULL, repair=True)
    assert report.counts == Counter()
    assert gallery.store.exists(image_key(sha256, "png"))


def test_an_unreferenced_image_goes_with_its_results_and_address(gallery: Gallery) -> None:
    gone, kept = gallery.hang(*PICTURES[:2])
    sql(
        gallery.database,
        "INSERT INTO models (name, version, kind) VALUES ('palette', '1', 'palette')",
    )
    sql(
        gallery.database,
        "INSERT INTO image_results (image_id, model_id, state) SELECT id, 1, 'done' FROM images",
    )
    sql(
        gallery.database,
        "DELETE FROM artworks WHERE id = (SELECT artwork_id FROM image_sources WHERE image_id = "
        ":id)",
        id=gallery.image_id(gone),
    )
    sql(gallery.database, "DELETE FROM frontier WHERE kind = 'artwork' AND artwork_id IS NULL")
    report = verify(gallery.database, gallery.store, repair=True)
    assert states(report) == {"image_unreferenced": "mended"}
    assert {info.key for info in gallery.store.list()} == {kept.object_key, kept.preview_key}
    assert one(gallery.database, "SELECT count(*) FROM image_results") == 1
    # Found again, the address is asked again.
    assert gallery.states() == ["done"]
    assert codes(verify(gallery.database, gallery.store, FULL)) == {}


def test_a_preview_key_that_is_not_needed_any_more(gallery: Gallery) -> None:
    [image] = gallery.hang(SMALL)
    sql(gallery.database, "UPDATE images SET preview_key = :key", key=preview_key(image.sha256))
    report = verify(gallery.database, gallery.store, repair=True)
    assert states(report) == {"preview_missing": "mended"}
    assert one(gallery.database, "SELECT preview_key FROM images") == image.object_key
    assert verify(gallery.database, gallery.store, FULL).counts == Counter()


# Beside a crawl


class _Watched:
    """A store that does something before a method is called, or fails in it."""

    def __init__(
        self,
        store: ObjectStore,
        before: dict[str, Callable[[], None]] | None = None,
        *,
        fail: Sequence[str] = (),
        after: int = 0,
    ) -> None:
        self._store = store
        self._before = before or {}
        self._fail = fail
        self._left = after

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)

        def call(*args: Any, **keywords: Any) -> Any:
            if name in self._before:
                self._before[name]()
            if name in self._fail:
                if not self._left:
                    raise ObjectStoreUnavailable("the store went away")
                self._left -= 1
            return method(*args, **keywords)

        return call


@contextlib.contextmanager
def crawling(database: Database) -> Iterator[None]:
    """Hold what a crawl holds for its life."""
    with database.engine.connect() as connection:
        hold_off_deletion(connection)
        connection.commit()
        try:
            yield
        finally:
            # Back in the pool, the connection would keep the lock.
            connection.invalidate()


def test_the_lock_is_shared_by_crawls_and_refused_to_whoever_deletes(database: Database) -> None:
    def free() -> tuple[bool, bool]:
        with database.begin() as connection:
            return is_storing(connection), may_delete(connection)

    assert free() == (False, True)
    with crawling(database), crawling(database):
        assert free() == (True, False)
    # A connection that was cut is gone for the server a moment later.
    with database.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": GARBAGE_LOCK})
    assert free() == (False, True)


def test_beside_a_crawl_young_objects_are_not_judged_and_none_is_deleted(gallery: Gallery) -> None:
    gallery.hang(PICTURES[0])
    orphan_original(gallery)
    unreferenced(gallery)
    with crawling(gallery.database):
        young = verify(gallery.database, gallery.store, repair=True)
        assert states(young) == {"image_unreferenced": "left"}
        assert young.checked()["objects_too_young"] == 1
        old = verify(gallery.database, gallery.store, Scope(grace=timedelta(0)), repair=True)
        assert states(old) == {"image_unreferenced": "left", "object_orphaned": "left"}
        assert {one.told for one in old.repaired} == {
            "a crawl is running: verify again when it has ended"
        }
        assert not old.is_clean
        assert len(list(gallery.store.list())) == 5
    with gallery.database.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": GARBAGE_LOCK})
    report = verify(gallery.database, gallery.store, repair=True)
    assert states(report) == {"image_unreferenced": "mended", "object_orphaned": "mended"}
    assert len(list(gallery.store.list())) == 2


def test_no_crawl_begins_to_store_while_something_is_deleted(gallery: Gallery) -> None:
    gallery.hang(PICTURES[0])
    orphan_original(gallery)
    entered = []

    def try_to_store() -> None:
        statement = "SELECT pg_try_advisory_lock_shared(:key)"
        entered.append(one(gallery.database, statement, key=GARBAGE_LOCK))

    store = _Watched(gallery.store, {"delete": try_to_store})
    assert verify(gallery.database, store, repair=True).is_clean  # type: ignore[arg-type]
    assert entered == [False]


def test_what_a_crawl_commits_meanwhile_is_no_orphan(gallery: Gallery) -> None:
    """The rows are read, a crawl puts an object and commits its row, the listing shows it."""
    gallery.hang(PICTURES[0])
    store = _Watched(gallery.store, {"list": lambda: _once(gallery, PICTURES[1])})
    report = verify(gallery.database, store, FULL, repair=True)  # type: ignore[arg-type]
    assert report.counts == Counter()
    assert verify(gallery.database, gallery.store, FULL).counts == Counter()
    assert one(gallery.database, "SELECT count(*) FROM images") == 2


def _once(gallery: Gallery, body: bytes) -> None:
    if body not in gallery.offers.values():
        gallery.hang(body)


@pytest.mark.parametrize("method", ["list", "open"])
def test_what_is_taken_down_meanwhile_is_not_missed(gallery: Gallery, method: str) -> None:
    [gone, _] = gallery.hang(*PICTURES[:2])

    def take_down() -> None:
        sql(gallery.database, "DELETE FROM artworks WHERE source_id = 'w1'")
        sql(gallery.database, "UPDATE frontier SET state = 'skipped' WHERE url LIKE '%1'")
        sql(gallery.database, "DELETE FROM images WHERE sha256 = :hash", hash=gone.sha256)
        lose_both(gallery, gone)

    store = _Watched(gallery.store, {method: take_down})
    assert codes(verify(gallery.database, store, FULL)) == {}  # type: ignore[arg-type]
    assert one(gallery.database, "SELECT count(*) FROM images") == 1


def test_a_lease_of_a_worker_that_lives_is_not_stuck(gallery: Gallery) -> None:
    [image] = gallery.hang(PICTURES[0])
    lease_to_nobody(gallery, image)
    sql(
        gallery.database,
        "INSERT INTO crawl_runs (id, site) OVERRIDING SYSTEM VALUE VALUES (999, 'museum')",
    )
    assert codes(verify(gallery.database, gallery.store)) == {
        "lease_stuck": 1,
        "run_unfinished": 1,
    }
    with gallery.database.engine.connect() as connection:
        lock = text("SELECT pg_advisory_lock(:locks, 999)")
        connection.execute(lock, {"locks": WORKER_LOCKS})
        connection.commit()
        assert codes(verify(gallery.database, gallery.store)) == {}
        # Nor may anybody have a lease for ever.
        sql(gallery.database, "UPDATE frontier SET lease_until = now() - interval '1 minute' "
            "WHERE state = 'leased'")  # fmt: skip
        late = verify(gallery.database, gallery.store)
        assert codes(late) == {"lease_stuck": 1}
        assert "run 999 until" in late.findings[0].detail
        connection.invalidate()


# Interrupted, and in odd surroundings


@settings(max_examples=8, suppress_health_check=list(HealthCheck))
@given(
    method=st.sampled_from(["delete", "put", "get", "stat", "list", "open"]),
    after=st.integers(0, 4),
)
def test_a_repair_that_is_cut_short_is_ended_by_the_next(
    migrated: Database, tmp_path: Path, method: str, after: int
) -> None:
    shutil.rmtree(tmp_path / "cut", ignore_errors=True)
    store = open_store((tmp_path / "cut").as_uri(), create=True)
    gallery = Gallery(emptied(migrated), store)
    damage(
        gallery,
        [lose_original, lose_preview, shorten_original, spoil_preview],
        [orphan_original, orphan_preview, unreferenced, killed_run],
    )
    broken = _Watched(store, fail=(method,), after=after)
    with contextlib.suppress(ObjectStoreUnavailable):
        verify(migrated, broken, FULL, repair=True)  # type: ignore[arg-type]
    assert verify(migrated, store, FULL, repair=True).is_clean
    gallery.crawl()
    assert verify(migrated, store, FULL).counts == Counter()
    assert len(list(store.list())) == 9


def test_a_listing_that_lags_behind_or_is_out_of_order_is_no_damage(gallery: Gallery) -> None:
    gallery.hang(*PICTURES)

    class Odd(_Watched):
        def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
            found = list(gallery.store.list(prefix))
            return iter(found[:0:-1])

    report = verify(gallery.database, Odd(gallery.store), repair=True)  # type: ignore[arg-type]
    assert report.counts == Counter()


def test_findings_are_counted_all_and_kept_some(gallery: Gallery) -> None:
    for image in gallery.hang(*PICTURES, SMALL):
        lose_original(gallery, image)
    report = verify(gallery.database, gallery.store, repair=True, keep=2)
    assert (report.counts["object_missing"], len(report.findings), len(report.repaired)) == (
        5,
        2,
        2,
    )
    assert report.states == {("object_missing", "queued"): 5}
    document = json.loads(json.dumps(report.as_dict()))
    assert document["counts"] == {"object_missing": 5}
    assert {*document} == {
        "clean", "checked", "counts", "findings", "repaired", "left", "sites"
    }  # fmt: skip
    assert document["findings"][0]["code"] == document["repaired"][0]["code"] == "object_missing"


def test_a_missing_store_is_said_and_nothing_is_repaired(
    database: Database, folder: ObjectStore, tmp_path: Path
) -> None:
    gallery = Gallery(database, folder)
    gallery.hang(*PICTURES)
    (tmp_path / "objects").rename(tmp_path / "elsewhere")
    with pytest.raises(ObjectStoreUnavailable, match="mount it"):
        verify(database, folder, repair=True)
    assert gallery.states() == ["done"] * len(PICTURES)


# Parts


class _Row:
    def __init__(self, key: str) -> None:
        self.key = key


@given(
    st.lists(st.text("ab/\u00e9\U0001f600", max_size=4), max_size=8),
    st.sets(st.text("ab/\u00e9\U0001f600", max_size=4), max_size=8),
)
def test_merging_two_sorted_streams(rows: list[str], objects: set[str]) -> None:
    rows.sort(key=str.encode)
    listed = [ObjectInfo(key, 1, None) for key in sorted(objects, key=str.encode)]
    found = list(merged(map(_Row, rows), listed))
    assert [row.key for row, _ in found if row is not None] == rows
    assert {info.key for row, info in found if row and info} == set(rows) & objects
    assert [info.key for row, info in found if row is None and info] == sorted(
        objects - set(rows), key=str.encode
    )


def test_keys_that_are_ours() -> None:
    sha256 = hashlib.sha256(b"x").hexdigest()
    for image_format in ("jpeg", "png", "webp", "avif", "gif", "tiff"):
        assert sha256_in(image_key(sha256, image_format)) == sha256
    assert sha256_in(preview_key(sha256)) == sha256
    other = hashlib.sha256(b"y").hexdigest()
    for key in (
        f"images/{sha256}.jpg",
        f"images/{other[:2]}/{other[2:4]}/{sha256}.jpg",
        image_key(sha256, "jpeg") + ".bak",
        preview_key(sha256).replace("512", "64"),
        preview_key(sha256).replace("jpg", "png"),
        image_key(sha256.upper(), "jpeg"),
    ):
        assert sha256_in(key) is None, key


def test_every_code_is_documented_as_it_is() -> None:
    row = re.compile(r"^\| `(\w+)` \| (.+?) \| (yes|no) \| (.+?) \|$", re.MULTILINE)
    page = (REPOSITORY / "docs" / "verify.md").read_text()
    documented = {code: (meaning, is_one == "yes", cure) for code, meaning, is_one, cure in
                  row.findall(page)}  # fmt: skip
    assert documented == {
        code: (known.meaning, known.is_mismatch, known.cure) for code, known in CODES.items()
    }
