"""Which way of running a network is taken, without any network."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.embeddings import network as networks
from analysis.embeddings.agreement import PROBES
from analysis.embeddings.converted import network_folder, write_converted
from analysis.embeddings.network import check_routes, normalised, open_network
from analysis.embeddings.sources import Source
from analysis.errors import NetworkDisagrees, NetworkUnavailable

# mypy: disable-error-code="no-untyped-def"

EXPECTED = np.random.default_rng(2).normal(size=(PROBES, 6)).astype(np.float32)


class Fake:
    """A route that gives the same for the probes whatever they are."""

    def __init__(self, name: str, given: Any) -> None:
        self.name = name
        self.given = given

    def run(self, squares, count):
        assert len(list(squares)) == count
        return self.given[:count]


@pytest.fixture
def source(tmp_path) -> Source:
    """A network whose conversion is in the cache `tmp_path`."""
    weights = tmp_path / "weights.h5"
    weights.write_bytes(b"weights")

    def load() -> Any:
        raise AssertionError("it is in the cache")

    made = Source("some", "some", "pooled", weights, "none", load)
    write_converted(network_folder(made, tmp_path), size=16, expected=EXPECTED, frozen="no graph")
    return made


def routes(**given: Any) -> dict[str, Any]:
    """Routes by name: what they give, or what loading them raises."""

    def opener(name: str, found: Any) -> Any:
        def opened(source: Source, network: Any) -> Fake:
            if isinstance(found, Exception):
                raise found
            return Fake(name, found)

        return opened

    return {name: opener(name, found) for name, found in given.items()}


def test_the_first_that_agrees_is_taken(source, tmp_path, caplog) -> None:
    ways = routes(
        fast=-EXPECTED, missing=NetworkUnavailable("no such package."), good=2 * EXPECTED,
        keras=EXPECTED,
    )  # fmt: skip
    with caplog.at_level(logging.WARNING):
        network = open_network(source, cache=tmp_path, routes=ways)
    assert network.route.name == "good"
    assert network.size == 16
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2
    assert "some is not run by fast" in said[0]
    assert "cosine -1.0000 on the worst of 8 probes" in said[0]
    assert said[1] == "some is not run by missing: no such package."


def test_a_route_by_name_has_to_agree(source, tmp_path) -> None:
    nearly = EXPECTED.copy()
    nearly[3] += 0.2 * EXPECTED[4]
    ways = routes(openvino=nearly, keras=EXPECTED)
    with pytest.raises(NetworkDisagrees, match=r"run by openvino.*ARTWORKS_INFERENCE=auto"):
        open_network(source, cache=tmp_path, routes=ways, inference="openvino")
    with pytest.raises(NetworkUnavailable, match="not there"):
        open_network(
            source,
            cache=tmp_path,
            routes=routes(openvino=NetworkUnavailable("not there")),
            inference="openvino",
        )


def test_keras_is_what_all_others_are_compared_with(source, tmp_path) -> None:
    network = open_network(source, cache=tmp_path, routes=routes(keras=None))
    assert network.route.name == "keras"


def test_where_nothing_works_the_last_reason_is_told(source, tmp_path) -> None:
    ways = routes(frozen=-EXPECTED, keras=NetworkUnavailable("no TensorFlow"))
    with pytest.raises(NetworkUnavailable, match="no TensorFlow"):
        open_network(source, cache=tmp_path, routes=ways)


def test_openvino_is_an_extra(source, tmp_path, monkeypatch, caplog) -> None:
    monkeypatch.setattr(networks, "has", lambda package: False)
    ways = routes(openvino=EXPECTED, keras=EXPECTED)
    assert open_network(source, cache=tmp_path, routes=ways).route.name == "keras"
    assert caplog.records == []


@pytest.mark.parametrize(
    ("installed", "inference", "extra"),
    [
        (set(), "auto", "analysis"),
        ({"openvino"}, "frozen", "analysis"),
        ({"tensorflow", "keras"}, "openvino", "fast"),
        ({"tensorflow", "keras"}, "auto", None),
        ({"openvino"}, "auto", None),
    ],
)
def test_what_has_to_be_installed(monkeypatch, installed, inference, extra) -> None:
    monkeypatch.setattr(networks, "has", lambda package: package in installed)
    if extra is None:
        check_routes(inference)
    else:
        with pytest.raises(NetworkUnavailable, match=rf"artworks\[{extra}\]"):
            check_routes(inference)


def test_vectors_without_length_are_none() -> None:
    given = np.array(
        [[3, 4], [0, 0], [np.nan, 1], [np.inf, 1], [1e-30, 0], [3e38, 3e38]], np.float32
    )
    found = normalised(given)
    np.testing.assert_allclose(found[0], [0.6, 0.8], rtol=1e-6)
    np.testing.assert_allclose(found[4], [1.0, 0.0])
    np.testing.assert_allclose(found[5], [0.5**0.5, 0.5**0.5], rtol=1e-6)
    assert np.isnan(found[1:4]).all()
    assert found.dtype == np.float32


def test_the_cache_lies_below_the_home(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("ARTWORKS_HOME", str(tmp_path))
    assert networks.cache_folder() == Path(tmp_path) / "cache" / "networks"
