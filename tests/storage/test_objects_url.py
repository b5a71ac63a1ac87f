"""ARTWORKS_OBJECTS_URL: what is accepted, and how mistakes are told."""

from __future__ import annotations

import contextlib
import traceback
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.errors import SettingError
from storage.objects import FolderObjectStore, S3ObjectStore, open_store

SECRET = "sEcReT0"


def test_folder() -> None:
    store = open_store("file:///srv/art%20works")
    assert isinstance(store, FolderObjectStore)
    assert store.root == Path("/srv/art works")


def test_s3() -> None:
    store = open_store("minio://a%3Ab:c%2Fd%40@example.org:9000/artworks?secure=0&region=eu-1")
    assert isinstance(store, S3ObjectStore)
    assert (store.endpoint, store.bucket) == ("example.org:9000", "artworks")
    assert isinstance(open_store("minio://K:S@s3.example.org/artworks"), S3ObjectStore)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("", "does not begin with"),
        ("/srv/objects", "does not begin with"),
        (f"s3://K:{SECRET}@host/bucket", "does not begin with"),
        ("file://relative/path", "not absolute"),
        ("file:relative", "not absolute"),
        ("file:///a?b", "no options"),
        ("minio://host:9000/bucket", "lacks KEY:SECRET@"),
        (f"minio://{SECRET}@host:9000/bucket", "lacks KEY:SECRET@"),
        (f"minio://K:{SECRET}/x@host:9000/bucket", "lacks KEY:SECRET@"),
        (f"minio://K:{SECRET}@x@host:9000/bucket", "sign that ends it"),
        (f"minio://K:{SECRET}:x@host:9000/bucket", "sign that ends it"),
        (f"minio://K:{SECRET}#x@host:9000/bucket", "lacks KEY:SECRET@"),
        (f"minio://K:{SECRET}@host:port/bucket", "port"),
        (f"minio://K:{SECRET}@host:99999/bucket", "port"),
        (f"minio://K:{SECRET}@/bucket", "host"),
        (f"minio://K:{SECRET}@[::1/bucket", "no URL"),
        (f"minio://K:{SECRET}@host", "name of a bucket"),
        (f"minio://K:{SECRET}@host/b", "name of a bucket"),
        (f"minio://K:{SECRET}@host/Bucket", "name of a bucket"),
        (f"minio://K:{SECRET}@host/buc/ket", "name of a bucket"),
        (f"minio://K:{SECRET}@host/bucket?secure=yes", "neither 0 nor 1"),
        (f"minio://K:{SECRET}@host/bucket?tls=1", "unknown option 'tls'"),
    ],
)
def test_mistakes(url: str, problem: str) -> None:
    with pytest.raises(SettingError) as caught:
        open_store(url)
    told = "".join(traceback.format_exception(caught.value))
    message = str(caught.value)
    assert message.startswith("ARTWORKS_OBJECTS_URL is wrong: ")
    assert problem in message
    assert "; " in message
    assert SECRET not in message
    assert SECRET not in told.partition("SettingError")[2]


@given(st.text(max_size=60), st.sampled_from(["", "minio://", "minio://K:S@", "minio://K:S@h/"]))
def test_nothing_else_is_raised(text: str, start: str) -> None:
    with contextlib.suppress(SettingError):
        open_store(start + text)
