"""`artworks verify`: what it prints, and the exit codes that scripts rely on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.databases import opened, sql
from support.gallery import Gallery, picture

from storage.errors import ExitCode
from storage.objects import open_store
from storage.settings import load_settings

# mypy: disable-error-code="no-untyped-def"

BODIES = [picture(number) for number in (1, 2, 3)]


@pytest.fixture
def gallery(command, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gallery]:
    """A sound collection that the command looks at."""
    monkeypatch.setenv("ARTWORKS_DATABASE_URL", database_url)
    store = open_store(load_settings().objects_location, create=True)
    with opened(database_url) as database:
        database.migrate()
        made = Gallery(database, store)
        made.hang(*BODIES)
        yield made


def test_a_sound_collection(command, gallery: Gallery) -> None:
    result = command("verify", "--full-hash", "--json")
    assert result.code == ExitCode.DONE
    found = result.json
    assert (found["clean"], found["findings"], found["repaired"]) == (True, [], [])
    assert (found["checked"]["images"], found["checked"]["read"]) == (3, 3)
    plain = command("verify")
    assert plain.code == ExitCode.DONE
    lines = dict(line.split(": ", 1) for line in plain.out.splitlines())
    assert (lines["images"], lines["findings"]) == ("3", "0")


def test_damage_is_told_mended_and_gone(command, gallery: Gallery) -> None:
    first, second, third = gallery.hang(*(picture(number) for number in (11, 12, 13)))
    gallery.store.delete(first.object_key)
    gallery.store.delete(second.preview_key)
    changed = gallery.store.get(third.object_key)
    gallery.put(third.object_key, changed[:-1] + b"?")
    sql(gallery.database, "INSERT INTO crawl_runs (site) VALUES ('museum')")

    told = command("verify", "--json")
    assert told.code == ExitCode.MISMATCH
    assert told.json["counts"] == {"object_missing": 1, "preview_missing": 1, "run_unfinished": 1}
    assert told.json["left"] == 2
    assert {found["code"]: found["mismatch"] for found in told.json["findings"]} == {
        "object_missing": True,
        "preview_missing": True,
        "run_unfinished": False,
    }
    plain = command("verify", "--full-hash")
    assert plain.code == ExitCode.MISMATCH
    assert "Found\tCode\tMeaning and what --repair does" in plain.out
    assert f"hash_differs\t{third.object_key}\t" in plain.out
    assert "artworks verify --repair" in plain.err

    repaired = command("verify", "--repair", "--full-hash")
    assert repaired.code == ExitCode.DONE
    assert f"{second.preview_key}\tthe store holds no such object\tmended\t" in repaired.out
    assert "scrapy crawl artworks -a site=museum" in repaired.err
    # What is queued is wrong until it is fetched.
    waiting = command("verify", "--full-hash", "--json")
    assert waiting.code == ExitCode.MISMATCH
    assert waiting.json["counts"] == {"hash_differs": 1, "object_missing": 1}
    gallery.crawl()
    assert command("verify", "--full-hash").code == ExitCode.DONE


def test_what_cannot_be_mended_is_an_error(command, gallery: Gallery) -> None:
    [image] = gallery.hang(picture(11))
    gallery.store.delete(image.object_key)
    sql(gallery.database, "UPDATE frontier SET state = 'failed', http_status = 410 "
        "WHERE url LIKE '%/image/4'")  # fmt: skip
    result = command("verify", "--repair", "--json")
    assert result.code == ExitCode.MISMATCH
    [left] = result.json["repaired"]
    assert (left["state"], result.json["left"], result.json["sites"]) == ("left", 1, [])
    assert "HTTP 410" in left["detail"]


def test_the_lists_are_as_long_as_is_said(command, gallery: Gallery) -> None:
    for info in list(gallery.store.list("images/")):
        gallery.store.delete(info.key)
    result = command("verify", "--limit", "1")
    assert result.out.count("\tthe store holds no such object") == 1
    assert "and 2 more" in result.err
    found = command("verify", "--json", "--limit", "0").json
    assert (found["findings"], found["counts"]) == ([], {"object_missing": 3})


def test_a_sample_says_its_seed(command, gallery: Gallery) -> None:
    found = command("verify", "--sample", "2", "--json").json["checked"]
    assert (found["read"], found["sample"]) == (2, 2)
    again = command("verify", "--sample", "2", "--seed", str(found["seed"]))
    assert f"sample: --sample 2 --seed {found['seed']}" in again.out
    assert command("verify", "--sample", "0").code == ExitCode.USAGE


def test_services_that_are_away(command, gallery: Gallery, open_folder: Path) -> None:
    nowhere = command("verify", objects_url=(open_folder / "not mounted").as_uri())
    assert nowhere.code == ExitCode.UNREACHABLE
    assert "mount it" in nowhere.err
    nobody = command("verify", database_url="postgresql://me:s3cret@127.0.0.1:1/art")
    assert nobody.code == ExitCode.UNREACHABLE
    assert nowhere.out + nobody.out == ""
