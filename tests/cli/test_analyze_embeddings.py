"""`artworks analyze` where the weights of the network are missing, and where none are needed."""

from __future__ import annotations

import pytest

from analysis import catalog
from analysis.embeddings import converting
from analysis.errors import NetworkUnavailable
from storage.errors import ExitCode
from storage.objects import open_store
from storage.settings import load_settings

# mypy: disable-error-code="no-untyped-def"


@pytest.fixture
def no_weights(monkeypatch, tmp_path, sample) -> None:
    """Keras has no weights here, and cannot fetch any."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.delenv("ARTWORKS_EMBEDDING", raising=False)
    open_store(load_settings().objects_location, create=True)

    def refused(_arguments: list[str], _doing: str) -> None:
        raise NetworkUnavailable("Keras could not fetch them.")

    monkeypatch.setattr(converting, "_in_a_process", refused)


@pytest.fixture
def few_jobs(monkeypatch) -> None:
    """All jobs are three: the others take their time, and have tests of their own."""
    names = ("colors", "embeddings", "duplicates")
    monkeypatch.setattr(catalog, "JOBS", {name: catalog.JOBS[name] for name in names})


@pytest.mark.usefixtures("no_weights", "few_jobs")
def test_a_run_of_all_jobs_goes_on_without_weights(sample) -> None:
    result = sample("analyze", "--json", "--limit", "1")
    assert [one["job"] for one in result.json] == ["colors", "duplicates"]
    [said] = [line for line in result.err.splitlines() if "embeddings left out" in line]
    assert "mobilenet_v2" in said
    assert "artworks analyze embeddings" in " ".join(result.err.split())


@pytest.mark.usefixtures("no_weights")
def test_a_run_that_names_the_job_fails_with_the_reason(sample) -> None:
    result = sample("analyze", "embeddings")
    assert result.code == ExitCode.USAGE
    assert "Keras could not fetch them." in result.err
    assert result.out == ""


@pytest.mark.usefixtures("no_weights")
def test_the_list_names_it_with_the_reason(sample) -> None:
    result = sample("analyze", "--list", "colors", "embeddings", "--json")
    states = {one["job"]: one for one in result.json}
    assert states["embeddings"]["pending"] == 2
    assert "mobilenet_v2" in states["embeddings"]["unavailable"]
    assert states["colors"]["unavailable"] is None
    shown = sample("analyze", "--list", "embeddings")
    assert shown.code == ExitCode.DONE
    assert "embeddings cannot run here" in shown.err


def test_an_unknown_network_is_a_wrong_command(sample) -> None:
    open_store(load_settings().objects_location, create=True)
    result = sample("analyze", "embeddings", embedding="mobilenet_v9")
    assert result.code == ExitCode.USAGE
    assert 'there is no network "mobilenet_v9"' in result.err
