"""`artworks sites NAME --url URL` against the museum."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from demo.server import MuseumServer
from storage.errors import ExitCode

# mypy: disable-error-code="no-untyped-def"

LOOPBACK = "127.0.0.0/8"


@pytest.fixture(scope="module")
def museum(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    cache = tmp_path_factory.mktemp("museum")
    with MuseumServer(works=24, lazy=True, cache=cache, crawl_delay=0) as server:
        yield server.url


def try_page(command, url: str, *more: str, **environment: str):
    return command(
        "sites", "demo", "--url", url, *more, **{"allowed_networks": LOOPBACK, **environment}
    )


def test_an_artwork_page(command, museum: str) -> None:
    result = try_page(command, f"{museum}/work/w0001", "--json")
    assert result.code == 0, result.err
    work = result.json["artwork"]
    assert work["source_id"] == "w0001"
    assert work["sources"]["title"] == "css:h1.title"
    assert work["images"]
    assert result.json["verdict"].startswith("an artwork")
    plain = try_page(command, f"{museum}/work/w0001")
    assert f"title\t{work['title']}\tcss:h1.title" in plain.out
    assert plain.out.splitlines()[-1].startswith("verdict: an artwork")
    assert plain.out.splitlines()[-1].endswith("(read as it is)")


def test_a_page_of_categories_and_a_listing(command, museum: str) -> None:
    home = try_page(command, f"{museum}/", "--json")
    assert home.code == 0, home.err
    categories = home.json["links"]["categories"]
    assert len(categories) >= 8
    listing = try_page(command, next(iter(categories.values())), "--json").json
    assert listing["artwork"] is None
    assert listing["links"]["artworks"]
    assert listing["verdict"].startswith("a listing")


def test_what_is_not_fetched(command, museum: str) -> None:
    assert "ARTWORKS_ALLOWED_NETWORKS" in _refused(
        try_page(command, f"{museum}/", allowed_networks="")
    )
    assert "robots.txt" in _refused(try_page(command, f"{museum}/private/vault"))
    assert "domains" in _refused(try_page(command, "http://elsewhere.example/"))
    assert "http" in _refused(try_page(command, "ftp://127.0.0.1/"))
    assert "MAX_PAGE_BYTES" in _refused(try_page(command, f"{museum}/", max_page_bytes="100"))


def _refused(result) -> str:
    assert result.code == ExitCode.USAGE, result.err
    assert result.err.count("\n") == 1
    return str(result.err)


def test_a_page_that_is_not_there(command, museum: str) -> None:
    missing = try_page(command, f"{museum}/work/nonsuch")
    assert missing.code == ExitCode.UNREACHABLE
    assert "HTTP 404" in missing.err
    nobody = try_page(command, "http://127.0.0.1:1/")
    assert nobody.code == ExitCode.UNREACHABLE
    assert nobody.err.count("\n") == 1


class _Pages(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/away":
            self.send_response(302)
            self.send_header("Location", "http://169.254.1.1/secret")
            self.end_headers()
            return
        self.send_response(200 if self.path != "/robots.txt" else 404)
        self.send_header("Content-Type", "text/html; charset=iso-8859-1")
        self.end_headers()
        self.wfile.write("<h1>Nothing bût a heading</h1>".encode("latin-1"))

    def log_message(self, *_arguments: object) -> None:
        pass


@pytest.fixture
def plain_site() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), _Pages)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_page_that_the_profile_does_not_know(command, plain_site: str) -> None:
    result = try_page(command, f"{plain_site}/", "--json")
    assert result.code == ExitCode.USAGE
    assert result.json["verdict"].startswith("nothing that the profile knows")
    assert "article.artwork" in result.json["problem"]


def test_a_redirect_to_a_private_address_is_refused(command, plain_site: str) -> None:
    assert "169.254.1.1" in _refused(try_page(command, f"{plain_site}/away"))


def test_nothing_is_stored(command, museum: str) -> None:
    try_page(command, f"{museum}/work/w0002")
    assert list(Path.cwd().iterdir()) == []
