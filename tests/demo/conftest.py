from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.client import HTTPMessage
from typing import Any

import pytest

from demo.catalogue import Catalogue, build_catalogue
from demo.server import MuseumServer
from demo.truth import truth_of

WORKS = 90


@dataclass(frozen=True)
class Answer:
    status: int
    headers: HTTPMessage
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        return json.loads(self.body)


def fetch(url: str, method: str = "GET", **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, method=method, headers=named)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
            return Answer(answer.status, answer.headers, answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.headers, error.read())


@pytest.fixture(scope="session")
def get() -> Callable[..., Answer]:
    return fetch


@pytest.fixture(scope="session")
def museum(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MuseumServer]:
    cache = tmp_path_factory.mktemp("museum")
    with MuseumServer(works=WORKS, cache=cache, lazy=True) as server:
        yield server


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    """The catalogue of the museum."""
    return build_catalogue(works=WORKS)


@pytest.fixture(scope="session")
def truth(museum: MuseumServer, catalogue: Catalogue) -> dict[str, Any]:
    """The truth about the museum without digests, for which everything would have to be painted."""
    return truth_of(catalogue, museum.url)
