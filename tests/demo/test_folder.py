from __future__ import annotations

import hashlib
import io
import os
import re
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from demo.errors import FolderError
from demo.folder import open_folder, read_folder
from demo.server import MuseumServer, main
from storage.errors import UsageError

Get = Callable[..., Any]

HOSTILE = (
    "plain.jpg",
    "two words.jpg",
    "100% #1?.png",
    "Æther – пейзаж 風景.webp",
    "a&b<c>\"d'.jpg",
    "semi;colon+plus.jpeg",
    "%2e%2e.gif",
    "UPPER.JPG",
    "deep/er/..hidden.tif",
    "deep/plain.jpg",
)


def _picture(path: Path, shade: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.new("RGB", (40, 30), (shade, 90, 255 - shade))
    formats = {".tif": "TIFF", ".gif": "GIF", ".png": "PNG", ".webp": "WEBP"}
    out = io.BytesIO()
    image.save(out, formats.get(path.suffix.lower(), "JPEG"))
    path.write_bytes(out.getvalue())


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    top = tmp_path_factory.mktemp("top")
    folder = top / "odd art"
    for at, name in enumerate(HOSTILE):
        _picture(folder / name, at * 20)
    (folder / "broken.jpg").write_bytes(b"not an image at all")
    (folder / "notes.txt").write_text("not shown")
    _picture(top / "secret.jpg", 200)
    (folder / "link.jpg").symlink_to(top / "secret.jpg")
    (folder / "linked").symlink_to(top)
    (top / "odd art.csv").write_text(
        "\ufeffFileName,Title,ARTIST,Year,Categories,Licence,unknown\n"
        'two words.jpg,"Two, Words",Zoë Ünal,1999,sea; Sky ;sea,https://example.org/l,x\n'
        "100% #1?.png,Percent & Hash,,c. 1900,sea,CC0,x\n"
        "deep/plain.jpg,Deep,,,,,\n"
        "not-there.jpg,Nowhere,,,ghosts,,\n",
        encoding="utf-8",
    )
    return folder


@pytest.fixture(scope="module")
def folder_museum(hostile: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    with MuseumServer(folder=hostile, cache=tmp_path_factory.mktemp("cache")) as museum:
        yield museum


def test_every_file_is_reachable_whatever_its_name(
    folder_museum: MuseumServer, get: Get, hostile: Path
) -> None:
    base = folder_museum.url
    home = get(base + "/").text
    categories = re.findall(r'class="category" href="([^"]+)">([^<]+)<', home)
    assert [name for _, name in categories] == ["Sky", "sea", "uncategorised"]
    served = set()
    for path, _ in categories:
        listing = get(base + unescape(path)).text
        for href in re.findall(r'class="work-link" href="([^"]+)"', listing):
            page = get(base + unescape(href))
            assert page.status == 200
            (source,) = re.findall(r'<img src="(/image/[^"]+)"', page.text)
            served.add(hashlib.sha256(get(base + unescape(source)).body).hexdigest())
    expected = {
        hashlib.sha256((hostile / name).read_bytes()).hexdigest()
        for name in (*HOSTILE, "broken.jpg")
    }
    assert served == expected


def test_rows_become_labels(folder_museum: MuseumServer, get: Get) -> None:
    truth = get(folder_museum.url + "/_truth.json").json()
    works = {work["images"][0]["file"]: work for work in truth["works"]}
    two = works["two words.jpg"]
    assert (two["title"], two["artist"], two["date_text"]) == ("Two, Words", "Zoë Ünal", "1999")
    assert two["categories"] == ["sea", "Sky"]
    html = get(two["url"]).text
    assert '<a rel="license" href="https://example.org/l">' in html
    assert get(folder_museum.url + "/artist/zo%C3%AB-%C3%BCnal").status == 200
    assert works["plain.jpg"]["title"] == "plain"
    assert works["deep/plain.jpg"]["title"] == "Deep"


def test_links_and_escapes_lead_nowhere(folder_museum: MuseumServer, get: Get) -> None:
    for path in (
        "/image/link.jpg",
        "/image/linked/secret.jpg",
        "/image/../secret.jpg",
        "/image/%2e%2e/secret.jpg",
        "/image/..%2fsecret.jpg",
        "/image//etc/passwd",
        "/image/notes.txt",
        "/thumb/../secret.jpg.jpg",
        "/static/..%2fmuseum.py",
        "/private/vault",
        "/new",
    ):
        assert get(folder_museum.url + path).status == 404, path


def test_a_broken_image_is_served_as_it_is(folder_museum: MuseumServer, get: Get) -> None:
    assert get(folder_museum.url + "/image/broken.jpg").body == b"not an image at all"
    assert get(folder_museum.url + "/thumb/broken.jpg.jpg").status == 404
    thumb = get(folder_museum.url + "/thumb/deep/er/..hidden.tif.jpg")
    assert thumb.headers["Content-Type"] == "image/jpeg"


def test_ids_survive_new_neighbours(hostile: Path, tmp_path: Path) -> None:
    before = {found.name: found.id for found in read_folder(hostile)}
    assert len(set(before.values())) == len(before)
    for name in ("plain.jpg", "two words.jpg"):
        _picture(tmp_path / "odd art" / name, 3)
    after = {found.name: found.id for found in read_folder(tmp_path / "odd art")}
    assert after.items() <= before.items()


@pytest.mark.parametrize(
    ("header", "row", "categories"),
    [
        ("file,genre,style", "a.jpg,landscape,Realism", {"landscape"}),
        ("file,style", "a.jpg,Realism", {"Realism"}),
        ("image,title", "a.jpg,A", {"collection"}),
    ],
)
def test_categories_fall_back(tmp_path: Path, header: str, row: str, categories: set[str]) -> None:
    folder = tmp_path / "art"
    _picture(folder / "a.jpg", 1)
    (folder / "list.csv").write_text(f"{header}\n{row}\n")
    exhibition = open_folder(folder, tmp_path / "cache")
    assert {listing.name for listing in exhibition.categories.values()} == categories


def test_a_folder_without_a_table_is_one_collection(tmp_path: Path) -> None:
    _picture(tmp_path / "art" / "one_more time.png", 1)
    exhibition = open_folder(tmp_path / "art", tmp_path / "cache")
    (entry,) = exhibition.entries.values()
    assert entry.title == "one more time"
    assert list(exhibition.categories) == ["collection"]


def test_names_that_are_not_unicode(tmp_path: Path) -> None:
    folder = tmp_path / "art"
    _picture(folder / "a.jpg", 1)
    strange = os.path.join(os.fsencode(folder), b"caf\xe9.jpg")  # noqa: PTH118
    try:
        Path(os.fsdecode(strange)).write_bytes((folder / "a.jpg").read_bytes())
    except OSError:
        pytest.skip("this file system accepts UTF-8 names only")
    exhibition = open_folder(folder, tmp_path / "cache")
    assert len(exhibition.entries) == 2
    assert exhibition.image_file("caf\ufffd.jpg") is not None


def test_useless_folders_are_refused_in_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    assert issubclass(FolderError, UsageError)
    with pytest.raises(FolderError, match="holds no image"):
        read_folder(empty)
    with pytest.raises(FolderError, match="is not a folder"):
        read_folder(tmp_path / "nowhere")
    _picture(empty / "a.jpg", 1)
    (tmp_path / "empty.csv").write_text("title,artist\nA,B\n")
    with pytest.raises(FolderError, match="no column that names the image files"):
        read_folder(empty)
    assert main(["--folder", str(empty), "--cache", str(tmp_path), "--port", "0"]) == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    with pytest.raises(UsageError, match="no column"):
        MuseumServer(folder=empty, cache=tmp_path).start()


def test_real_paintings(get: Get, tmp_path: Path) -> None:
    shared = Path(os.environ.get("ARTWORKS_SHARED", "../shared"))
    paintings = shared / "art" / "paintings"
    if not paintings.is_dir():
        pytest.skip(f"no paintings in {shared}: set ARTWORKS_SHARED")
    exhibits = read_folder(paintings.resolve())
    assert len({exhibit.id for exhibit in exhibits}) == len(exhibits) > 1000
    assert all(exhibit.categories for exhibit in exhibits)
    assert sum("artist" in exhibit.row for exhibit in exhibits) > 400
    with MuseumServer(folder=paintings, cache=tmp_path) as museum:
        home = get(museum.url + "/").text
        paths = re.findall(r'class="category" href="([^"]+)"', home)
        listing = get(museum.url + paths[0]).text
        assert listing.count('class="work-link"') == 24
        thumb = re.findall(r'<img src="(/thumb/[^"]+)"', listing)[0]
        assert get(museum.url + thumb).status == 200
