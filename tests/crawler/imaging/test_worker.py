"""An image worker's answers, and what travels over its socket."""

from __future__ import annotations

import io
import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from crawler.imaging.frames import REPLY_HEAD, encode_reply, job_head, receive_job
from crawler.imaging.worker import Checker, reply_to, serve, store_image
from crawler.reasons import REASONS
from storage.errors import ImageRejected, ObjectStoreUnavailable
from storage.objects import ObjectStore, open_store


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return open_store((tmp_path / "objects").as_uri(), create=True)


def png(size: tuple[int, int]) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, "teal").save(buffer, "PNG")
    return buffer.getvalue()


@given(jobs=st.lists(st.tuples(st.integers(0, 2**64 - 1), st.binary(max_size=200)), max_size=5))
def test_jobs_arrive_as_they_were_sent(jobs: list[tuple[int, bytes]]) -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        with ours:
            for number, body in jobs:
                ours.sendall(job_head(number, body) + body)
        for job in jobs:
            assert receive_job(theirs) == job
        assert receive_job(theirs) is None


@pytest.mark.parametrize("sent", [b"", b"abc", job_head(1, b"abcdef"), job_head(1, b"abc") + b"a"])
def test_a_crawl_that_dies_in_the_middle_of_a_job_is_an_end(sent: bytes) -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        with ours:
            ours.sendall(sent)
        assert receive_job(theirs) is None


def test_a_crawl_that_dies_without_reading_its_replies_is_an_end() -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        theirs.sendall(b"a reply")
        ours.close()
        assert receive_job(theirs) is None


def test_putting_an_image_twice_gives_the_same_row(store: ObjectStore) -> None:
    body = png((900, 600))
    row = store_image(store, body, Checker(10**6))
    assert store_image(store, body, Checker(10**6)) == row
    assert row["format"] == "png"
    assert (
        row["object_key"] == f"images/{row['sha256'][:2]}/{row['sha256'][2:4]}/{row['sha256']}.png"
    )
    assert store.get(row["object_key"]) == body
    assert {info.key for info in store.list()} == {row["object_key"], row["preview_key"]}


def test_refusals_and_outages_are_answers_with_documented_reasons(store: ObjectStore) -> None:
    class Broken:
        def put(self, *args: Any, **keywords: Any) -> None:
            raise ObjectStoreUnavailable("no room")

    refused = reply_to(store, b"%PDF-1.7 ...", Checker(10**6))
    assert refused["reason"] == "not_an_image"
    outage = reply_to(Broken(), png((8, 8)), Checker(10**6))  # type: ignore[arg-type]
    assert outage == {"reason": "object_store_unavailable", "detail": "no room"}
    assert {refused["reason"], outage["reason"]} <= REASONS.keys()
    with pytest.raises(ImageRejected):
        store_image(store, png((30, 30)), Checker(100))


@pytest.mark.parametrize("size", [(1, 1), (2, 400), (400, 7)])
def test_what_shows_nothing_is_a_placeholder(store: ObjectStore, size: tuple[int, int]) -> None:
    refused = reply_to(store, png(size), Checker(10**6))
    assert refused["reason"] == "placeholder_image"
    assert refused["detail"].startswith(f"{size[0]}×{size[1]} pixels")
    assert not list(store.list())
    assert "stored" in reply_to(store, png((8, 400)), Checker(10**6))


def test_images_that_take_much_are_decoded_one_after_the_other(store: ObjectStore) -> None:
    check = Checker(10**6, 33_000_000)  # enough for one of these
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(check, [png((300, 200 + n)) for n in range(8)]))
    assert [image.height for image in found] == [200 + n for n in range(8)]
    assert reply_to(store, png((600, 600)), check)["reason"] == "too_many_pixels"


def test_a_worker_answers_until_the_crawl_closes_the_socket(store: ObjectStore) -> None:
    ours, theirs = socket.socketpair()
    serving = threading.Thread(target=serve, args=(theirs, store, Checker(10**6)))
    serving.start()
    bodies = {1: png((8, 8)), 2: b"{}", 3: png((9, 9))}
    for number, body in bodies.items():
        ours.sendall(job_head(number, body) + body)
    replies = {}
    with ours.makefile("rb") as stream:
        while len(replies) < 3:
            (length,) = REPLY_HEAD.unpack(stream.read(REPLY_HEAD.size))
            reply = json.loads(stream.read(length))
            replies[reply.pop("number")] = reply
    ours.close()
    serving.join(10)
    assert not serving.is_alive()
    theirs.close()
    assert replies[1]["stored"]["width"] == 8
    assert replies[2]["reason"] == "json_as_image"
    assert replies[3]["stored"]["width"] == 9


def test_replies_say_their_length() -> None:
    frame = encode_reply({"number": 7, "detail": "ü"})
    (length,) = REPLY_HEAD.unpack(frame[: REPLY_HEAD.size])
    assert json.loads(frame[REPLY_HEAD.size :]) == {"number": 7, "detail": "ü"}
    assert length == len(frame) - REPLY_HEAD.size
