"""Taking things down with the command, and letting them come back."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from support.crawls import REPOSITORY
from support.samples import AWKWARD_TITLE, image

from storage.errors import ExitCode, ObjectStoreUnavailable
from storage.objects import FolderObjectStore, open_store
from storage.settings import load_settings

# mypy: disable-error-code="no-untyped-def"

SHARED, OWN = image(1), image(2)


@pytest.fixture
def stored(sample) -> Any:
    """The command on the sample collection, with its two images in the object store."""
    store = open_store(load_settings().objects_location, create=True)
    for one in (SHARED, OWN):
        store.put(one["object_key"], b"bytes", content_type="image/jpeg")
    return sample


def keys() -> set[str]:
    return {info.key for info in open_store(load_settings().objects_location).list()}


def source_ids(url: str) -> list[str]:
    with create_engine(url).connect() as connection:
        found = connection.execute(text("SELECT source_id FROM artworks ORDER BY 1")).scalars()
        return list(found)


def test_a_dry_run_shows_what_would_go(stored, sample_url: str) -> None:
    shown = stored("forget", "--artwork", "alpha/2", "--dry-run", "--json").json
    assert shown["dry_run"] is True
    assert shown["target"] == {
        "kind": "artwork",
        "site": "alpha",
        "key": "2",
        "label": AWKWARD_TITLE,
    }
    # Image 1 is shown by a work of the other site, too; its palette stays with it.
    assert (shown["works"], shown["images"], shown["shared_images"]) == (1, 1, 1)
    assert (shown["image_bytes"], shown["results"]) == (OWN["bytes"], 0)
    plain = dict(
        line.split(": ", 1)
        for line in stored("forget", "--artwork", "alpha/2", "--dry-run").out.splitlines()
    )
    assert plain["would go"].startswith("artwork alpha/2")
    assert plain["works"] == "1"
    assert source_ids(sample_url) == ["1", "10", "2", "7"]
    assert keys() == {SHARED["object_key"], OWN["object_key"]}


def test_a_work_is_taken_down_remembered_and_allowed_again(stored, sample_url: str) -> None:
    done = stored("forget", "--artwork", "alpha/2", "--reason", "asked for", "--yes", "--json").json
    assert (done["id"], done["works"], done["objects_removed"]) == (1, 1, 1)
    assert source_ids(sample_url) == ["1", "10", "7"]
    assert keys() == {SHARED["object_key"]}
    [listed] = stored("forget", "--list", "--json").json
    assert {name: listed[name] for name in ("id", "kind", "site", "key", "images", "reason")} == {
        "id": 1,
        "kind": "artwork",
        "site": "alpha",
        "key": "2",
        "images": 1,
        "reason": "asked for",
    }
    assert stored("forget", "--list").out.splitlines()[1].startswith("1\tartwork\talpha\t2\t")
    again = stored("forget", "--artwork", "alpha/2", "--yes", "--json").json
    assert (again["id"], again["works"]) == (1, 0)
    undone = stored("forget", "--undo", "1", "--json").json
    assert undone["target"]["key"] == "2"
    assert stored("forget", "--list", "--json").json == []
    assert stored("forget", "--undo", "1").code == ExitCode.USAGE


def test_files_that_could_not_be_deleted_go_with_the_next_request(
    stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: FolderObjectStore, key: str) -> None:
        raise ObjectStoreUnavailable("the disk is gone")

    with monkeypatch.context() as patch:
        patch.setattr(FolderObjectStore, "delete", refuse)
        half_done = stored("forget", "--artwork", "alpha/2", "--yes")
    assert half_done.code == ExitCode.UNREACHABLE
    assert "run the same command again" in half_done.err
    assert OWN["object_key"] in keys()
    again = stored("forget", "--artwork", "alpha/2", "--yes", "--json").json
    assert again["objects_removed"] == 1
    assert keys() == {SHARED["object_key"]}


def test_reports_that_show_it_go_as_well(stored) -> None:
    store = open_store(load_settings().objects_location)
    folders = {name: f"reports/work/20261121T10150{at}Z" for at, name in enumerate("abcd")}
    for name, folder in folders.items():
        store.put(f"{folder}/work.png", b"png", content_type="image/png")
        shown = {"a": {"images": [OWN["sha256"]]}, "b": {"images": [SHARED["sha256"]]}, "c": []}
        if name in shown:
            document = json.dumps(shown[name]).encode()
            store.put(f"{folder}/report.json", document, content_type="application/json")
    done = stored("forget", "--artwork", "alpha/2", "--yes", "--json").json
    # What c and d show is not known: one has no list of its images, the other was cut off.
    assert done["reports_removed"] == 3
    left = {key for key in keys() if key.startswith("reports/")}
    assert left == {f"{folders['b']}/work.png", f"{folders['b']}/report.json"}


def test_the_name_need_not_be_kept(stored, sample_url: str) -> None:
    assert stored("forget", "--artwork", "alpha/2", "--no-label", "--yes").code == 0
    [listed] = stored("forget", "--list", "--json").json
    assert listed["label"] == ""
    with create_engine(sample_url).connect() as connection:
        kept = connection.execute(text("SELECT to_jsonb(f)::text FROM forgotten f")).scalars()
        assert "nïcode" not in "".join(kept)


NAMED = {
    ("--artwork", "alpha/2"): 1,
    ("--artwork", "1"): 1,
    ("--url", "http://alpha.example/work/2"): 1,
    ("--artist", "example, ann"): 2,
    ("--artist", "1"): 2,
    ("--artist", "bo SAMPLE"): 1,
    ("--site", "alpha"): 3,
    ("--image", SHARED["sha256"]): 0,
    ("--image", "1"): 0,
}


def test_what_people_name_is_found(stored) -> None:
    for arguments, works in NAMED.items():
        assert stored("forget", *arguments, "--dry-run", "--json").json["works"] == works, arguments


REFUSED = {
    (): "--artwork, --artist, --site, --image or --url",
    ("--artwork", "alpha/2", "--site", "alpha"): "one of",
    ("--list", "--undo", "1"): "one of",
    ("--artwork", "alpha/nothing"): "SITE/SOURCE_ID",
    ("--artwork", "99999999999999999999999"): "artworks.id",
    ("--artist", "Nobody"): "artists.name",
    ("--site", "gamma"): "alpha, beta",
    ("--image", "00ff"): "sha256",
    ("--url", "http://alpha.example/none"): "--artwork SITE/SOURCE_ID",
    ("--undo", "7"): "--list",
    ("--artwork", "alpha/2"): "--yes",
    ("--artwork", "alpha/2", "--json"): "--dry-run",
}


def test_what_is_not_clear_is_refused_with_the_cure(stored, sample_url: str) -> None:
    for arguments, cure in REFUSED.items():
        refused = stored("forget", *arguments)
        assert refused.code == ExitCode.USAGE, arguments
        assert cure in refused.err, arguments
        assert refused.err.count("\n") == 1
    assert len(source_ids(sample_url)) == 4


def test_namesakes_are_told_apart_by_number(stored, sample_url: str) -> None:
    with create_engine(sample_url).begin() as connection:
        connection.execute(
            text(
                "INSERT INTO artists (name, name_key, birth_year) "
                "VALUES ('Ann Example', 'ann example', 1970)"
            )
        )
    refused = stored("forget", "--artist", "Ann Example", "--dry-run")
    assert refused.code == ExitCode.USAGE
    assert "--artist 1 (1850–1910)" in refused.err
    assert stored("forget", "--artist", "1", "--dry-run", "--json").json["works"] == 2


def test_without_the_object_store_nothing_goes(stored, sample_url: str, open_folder: Path) -> None:
    away = (open_folder / "elsewhere").as_uri()
    refused = stored("forget", "--artwork", "alpha/2", "--yes", objects_url=away)
    assert refused.code == ExitCode.UNREACHABLE
    assert len(source_ids(sample_url)) == 4


@pytest.mark.parametrize(("answer", "left"), [("n", 4), ("y", 3)])
def test_a_person_is_asked(
    stored, sample_url: str, open_folder: Path, answer: str, left: int
) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from cli.main import main; main()",
            "forget",
            "--artwork",
            "alpha/2",
        ],
        cwd=REPOSITORY,
        env=os.environ | {"COLUMNS": "120", "TERM": "xterm", "ARTWORKS_DATABASE_URL": sample_url},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    shown = b""
    while b"[y/N]" not in shown:
        part = os.read(ours, 65536)
        assert part, shown.decode()
        shown += part
    assert b"would go" in shown
    os.write(ours, f"{answer}\n".encode())
    try:
        while part := os.read(ours, 65536):
            shown += part
    except OSError:
        pass  # the other end of a terminal is closed that way
    os.close(ours)
    assert process.wait(60) == 0, shown.decode()
    assert len(source_ids(sample_url)) == left
