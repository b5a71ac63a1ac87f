"""The contract of object stores, held by every implementation."""

from __future__ import annotations

import threading
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.errors import ObjectNotFound, ObjectStoreUnavailable
from storage.objects import FolderObjectStore, ObjectStore, open_store

MakeURL = Callable[[], str]


@pytest.fixture(scope="module", params=["folder", "s3"])
def fresh_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> MakeURL:
    """Return a function that names a store whose bucket does not exist yet."""
    if request.param == "folder":
        return lambda: (tmp_path_factory.mktemp("objects") / "bucket").as_uri()
    parts = urlsplit(request.getfixturevalue("s3_server"))
    return lambda: urlunsplit(parts._replace(path=f"/objects-{uuid.uuid4().hex[:12]}"))


@pytest.fixture(scope="module")
def shared(fresh_url: MakeURL) -> ObjectStore:
    return open_store(fresh_url(), create=True)


@pytest.fixture
def folder(shared: ObjectStore) -> Iterator[str]:
    """A prefix that belongs to one test."""
    prefix = f"{uuid.uuid4().hex}/"
    yield prefix
    for info in list(shared.list(prefix)):
        shared.delete(info.key)


def test_both_are_object_stores(shared: ObjectStore) -> None:
    assert isinstance(shared, ObjectStore)


def test_put_get_stat(shared: ObjectStore, folder: str) -> None:
    key = folder + "a/b.jpg"
    put = shared.put(key, b"bytes", content_type="image/jpeg", metadata={"title": "Dawn"})
    stat = shared.stat(key)
    assert shared.get(key) == b"bytes"
    assert (put.key, put.size, put.content_type, put.metadata) == (
        key,
        5,
        "image/jpeg",
        {"title": "Dawn"},
    )
    assert (stat.key, stat.size, stat.content_type, stat.metadata, stat.etag) == (
        put.key,
        put.size,
        put.content_type,
        put.metadata,
        put.etag,
    )
    assert stat.modified is not None
    assert abs(datetime.now(UTC) - stat.modified) < timedelta(minutes=2)


@pytest.mark.parametrize("content_type", ["image/png", "application/octet-stream", "text/x-odd"])
def test_content_type_may_differ_from_the_extension(
    shared: ObjectStore, folder: str, content_type: str
) -> None:
    shared.put(folder + "x.jpg", b"1", content_type=content_type)
    assert shared.stat(folder + "x.jpg").content_type == content_type


@pytest.mark.parametrize(
    "value",
    ["Œuvre – 春の海", "", " spaces  within ", "line\nbreak", "100%", "%C3%A9", "%", "a=b;c,d\"e'"],
)
def test_metadata_survives(shared: ObjectStore, folder: str, value: str) -> None:
    shared.put(folder + "m", b"", content_type="text/plain", metadata={"the-title": value})
    assert shared.stat(folder + "m").metadata == {"the-title": value}


@pytest.mark.parametrize(
    "metadata",
    [
        {"Title": "x"},
        {"a_b": "x"},
        {"": "x"},
        {"é": "x"},
        {"a": "x" * 257},
        {"a": "é" * 50},
        {f"n{i}": "x" * 250 for i in range(9)},
    ],
)
def test_metadata_beyond_what_stores_take_is_refused(
    shared: ObjectStore, folder: str, metadata: dict[str, str]
) -> None:
    with pytest.raises(ValueError, match="metadata"):
        shared.put(folder + "m", b"", content_type="text/plain", metadata=metadata)
    assert not shared.exists(folder + "m")


def test_put_again_replaces_everything(shared: ObjectStore, folder: str) -> None:
    key = folder + "x.jpg"
    first = shared.put(key, b"one", content_type="text/plain", metadata={"a": "1", "b": "2"})
    second = shared.put(key, b"two", content_type="image/jpeg", metadata={"a": "3"})
    third = shared.put(key, b"three", content_type="image/jpeg")
    assert shared.get(key) == b"three"
    assert shared.stat(key).metadata == {}
    assert shared.stat(key).content_type == "image/jpeg"
    assert len({first.etag, second.etag, third.etag}) == 3
    assert [info.key for info in shared.list(folder)] == [key]


def test_put_is_idempotent(shared: ObjectStore, folder: str) -> None:
    for _ in range(3):
        shared.put(folder + "x.png", b"same", content_type="image/png")
    assert [(info.key, info.size) for info in shared.list(folder)] == [(folder + "x.png", 4)]
    assert shared.get(folder + "x.png") == b"same"


def test_empty_object(shared: ObjectStore, folder: str) -> None:
    shared.put(folder + "empty", b"", content_type="text/plain")
    assert shared.get(folder + "empty") == b""
    assert shared.stat(folder + "empty").size == 0


@pytest.mark.parametrize("size", [0, 1, 300_000, 11_000_000])
def test_put_of_a_stream_of_unknown_length(shared: ObjectStore, folder: str, size: int) -> None:
    data = bytes(range(256)) * (size // 256 + 1)
    info = shared.put(folder + "s", BytesIO(data[:size]), content_type="text/plain")
    assert info.size == size
    assert shared.get(folder + "s") == data[:size]


@pytest.mark.parametrize("source", [bytes, BytesIO])
def test_put_takes_length_bytes(
    shared: ObjectStore, folder: str, source: Callable[[bytes], bytes | BytesIO]
) -> None:
    info = shared.put(folder + "s", source(b"abcdef"), content_type="text/plain", length=4)
    assert info.size == 4
    assert shared.get(folder + "s") == b"abcd"


@pytest.mark.parametrize("source", [bytes, BytesIO])
def test_data_shorter_than_its_length_stores_nothing(
    shared: ObjectStore, folder: str, source: Callable[[bytes], bytes | BytesIO]
) -> None:
    with pytest.raises(ValueError, match=r"ends|ended|enough"):
        shared.put(folder + "s", source(b"abc"), content_type="text/plain", length=9)
    assert not shared.exists(folder + "s")


class _Failing(BytesIO):
    def read(self, size: int | None = -1) -> bytes:
        if piece := super().read(size if size and 0 < size < 1000 else 1000):
            return piece
        raise RuntimeError("the source broke")


def test_a_source_that_breaks_stores_nothing(shared: ObjectStore, folder: str) -> None:
    with pytest.raises(RuntimeError, match="the source broke"):
        shared.put(folder + "s", _Failing(b"x" * 5000), content_type="text/plain")
    assert not shared.exists(folder + "s")
    assert list(shared.list(folder)) == []


def test_open_streams_in_chunks(shared: ObjectStore, folder: str) -> None:
    data = bytes(range(256)) * 4000
    shared.put(folder + "s", data, content_type="text/plain")
    with shared.open(folder + "s", chunk_bytes=100_000) as chunks:
        pieces = list(chunks)
    assert b"".join(pieces) == data
    assert len(pieces) >= 11
    assert max(map(len, pieces)) <= 100_000


def test_open_may_be_left_early(shared: ObjectStore, folder: str) -> None:
    shared.put(folder + "s", b"x" * 3_000_000, content_type="text/plain")
    for _ in range(40):
        with shared.open(folder + "s", chunk_bytes=10) as chunks:
            assert next(chunks) == b"x" * 10


def test_missing_object(shared: ObjectStore, folder: str) -> None:
    key = folder + "missing.jpg"
    assert not shared.exists(key)
    with pytest.raises(ObjectNotFound, match="missing"):
        shared.get(key)
    with pytest.raises(ObjectNotFound, match="missing"):
        shared.stat(key)
    with pytest.raises(ObjectNotFound, match="missing"), shared.open(key):
        pass


def test_delete_is_idempotent(shared: ObjectStore, folder: str) -> None:
    shared.put(folder + "x", b"1", content_type="image/jpeg", metadata={"a": "b"})
    assert shared.exists(folder + "x")
    for _ in range(2):
        shared.delete(folder + "x")
        assert not shared.exists(folder + "x")
    assert list(shared.list(folder)) == []
    shared.put(folder + "x", b"2", content_type="application/octet-stream")
    assert shared.stat(folder + "x").metadata == {}


def test_list_is_sorted_by_key_and_complete(shared: ObjectStore, folder: str) -> None:
    names = ["a", "a/b", "a-b", "a.jpg", "a.jpg/x", "a/b/c", "b/1.0/w", "b/LATEST", "B", "é", "😀"]
    names += ["\uff01", "a b", "a+b", "100%", "a%2Fb", ".tmp/x", ".hidden", "x%meta", "x%~"]
    names += [f"n/{i:04}" for i in range(12)]
    for name in names:
        shared.put(folder + name, name.encode(), content_type="text/plain")
    found = list(shared.list(folder))
    assert [info.key for info in found] == sorted(folder + name for name in names)
    assert [info.size for info in found] == [
        len(info.key.removeprefix(folder).encode()) for info in found
    ]
    assert {(info.content_type, len(info.metadata)) for info in found} == {(None, 0)}
    for name in names:
        assert shared.get(folder + name) == name.encode()
    for prefix in ("", "a", "a/", "a.", "n/000", "é", "none", "b/"):
        assert [info.key for info in shared.list(folder + prefix)] == sorted(
            folder + name for name in names if name.startswith(prefix)
        )
    for after in ("a", "a/b", "n/0005", "n", "zzz", "\uff01"):
        assert [info.key for info in shared.list(folder, start_after=folder + after)] == sorted(
            folder + name for name in names if name > after
        )


def test_presigned_url_reads_without_credentials(shared: ObjectStore, folder: str) -> None:
    key = folder + "né a+b%.jpg"
    shared.put(key, b"picture", content_type="image/jpeg")
    url = shared.presign_get(key, timedelta(minutes=5))
    with urllib.request.urlopen(url) as response:  # noqa: S310 - file:// is meant
        assert response.read() == b"picture"
    for expires in (timedelta(0), timedelta(days=8)):
        with pytest.raises(ValueError, match="seven days"):
            shared.presign_get(key, expires)


BAD_KEYS = ["", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "../a", "a/.", "a\0b", "a\nb"]
BAD_KEYS += ["x" * 1025, "é" * 513, "\ud800"]


@pytest.mark.parametrize("key", BAD_KEYS)
def test_bad_keys_are_refused(shared: ObjectStore, key: str) -> None:
    for use in (shared.get, shared.stat, shared.exists, shared.delete):
        with pytest.raises(ValueError, match="is not an object key"):
            use(key)
    with pytest.raises(ValueError, match="is not an object key"):
        shared.put(key, b"", content_type="text/plain")
    with pytest.raises(ValueError, match="is not an object key"):
        shared.presign_get(key, timedelta(minutes=1))
    with pytest.raises(ValueError, match="is not an object key"), shared.open(key):
        pass


def test_longest_keys(shared: ObjectStore, folder: str) -> None:
    for sign in ("x", "é", "春", "%"):
        size = len(sign.encode())
        key = folder + sign * ((1024 - len(folder)) // size)
        shared.put(key, sign.encode(), content_type="text/plain")
        assert shared.get(key) == sign.encode()
        assert [info.key for info in shared.list(key)] == [key]


def test_missing_bucket_is_not_a_missing_object(fresh_url: MakeURL) -> None:
    store = open_store(fresh_url())
    for use in (
        store.check,
        lambda: store.get("a"),
        lambda: store.stat("a"),
        lambda: store.exists("a"),
        lambda: store.delete("a"),
        lambda: store.put("a", b"", content_type="text/plain"),
        lambda: list(store.list()),
        lambda: store.open("a").__enter__(),
    ):
        with pytest.raises(ObjectStoreUnavailable, match="artworks init"):
            use()
    store.ensure_bucket()
    store.ensure_bucket()
    store.check()
    assert not store.exists("a")


def test_concurrent_puts_never_tear(shared: ObjectStore, folder: str) -> None:
    key = folder + "x.jpg"
    versions = [bytes([i]) * 60_000 for i in range(8)]
    shared.put(key, versions[0], content_type="image/jpeg")
    seen: list[bytes] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            # A server may replace by removing, and have none for a moment. Nobody is hurt: the
            # product never puts other bytes under a key.
            with suppress(*() if isinstance(shared, FolderObjectStore) else (ObjectNotFound,)):
                seen.append(shared.get(key))

    with ThreadPoolExecutor(6) as pool:
        readers = [pool.submit(read) for _ in range(2)]
        writers = [
            pool.submit(shared.put, key, version, content_type="image/jpeg") for version in versions
        ]
        for writer in writers:
            writer.result()
        stop.set()
        for reader in readers:
            reader.result()
    seen.append(shared.get(key))
    assert set(seen) <= set(versions)


def test_many_threads(shared: ObjectStore, folder: str) -> None:
    keys = [f"{folder}{i:03}" for i in range(48)]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda k: shared.put(k, k.encode(), content_type="text/plain"), keys))
        assert list(pool.map(shared.get, keys)) == [key.encode() for key in keys]
    assert [info.key for info in shared.list(folder)] == keys


segments = st.text(
    st.characters(
        exclude_categories=["Cs"], exclude_characters="/\ufffe\uffff", min_codepoint=32
    ).filter(lambda sign: sign != "\x7f"),
    min_size=1,
    max_size=60,
).filter(lambda segment: segment not in (".", ".."))
keys = st.lists(segments, min_size=1, max_size=4).map("/".join)
names = st.from_regex("[a-z0-9][a-z0-9-]{0,10}", fullmatch=True)
values = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(key=keys, metadata=st.dictionaries(names, values, max_size=3), data=st.binary(max_size=50))
def test_any_key_and_metadata_round_trip(
    shared: ObjectStore, folder: str, key: str, metadata: dict[str, str], data: bytes
) -> None:
    key = folder + key
    shared.put(key, data, content_type="text/plain", metadata=metadata)
    assert shared.get(key) == data
    assert shared.stat(key).metadata == metadata
    assert key in [info.key for info in shared.list(folder)]
    shared.delete(key)


def test_repr_and_errors_hide_the_secret(fresh_url: MakeURL) -> None:
    url = fresh_url()
    store = open_store(url)
    secret = urlsplit(url).password or "no secret in a folder's URL"
    assert secret not in repr(store)
    with pytest.raises(ObjectStoreUnavailable) as caught:
        store.check()
    assert secret not in str(caught.value)


def test_folder_of_the_test_is_not_shared(tmp_path: Path) -> None:
    one = open_store((tmp_path / "one").as_uri(), create=True)
    two = open_store((tmp_path / "two").as_uri(), create=True)
    one.put("a", b"1", content_type="text/plain")
    assert not two.exists("a")
