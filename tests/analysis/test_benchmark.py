"""benchmarks/analysis.py: what it compares, at sizes that take no time; how fast is not tested."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from sqlalchemy import text

from analysis.catalog import JOBS
from analysis.engine import run_jobs
from benchmarks.analysing import decode, palette, passes, pictures, rerun
from benchmarks.analysing.collection import Workshop
from benchmarks.analysing.figures import Figure, Section
from benchmarks.analysing.pictures import Pictures
from storage.database import Database
from storage.images import check_image
from storage.objects import open_store

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Pictures:
    """Two works of the museum."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ARTWORKS_SHARED", str(tmp_path_factory.mktemp("nothing")))
        return pictures.pictures(2)


@pytest.fixture
def workshop(database: Database, tmp_path: Path) -> Workshop:
    url = (tmp_path / "objects").as_uri()
    return Workshop(database, open_store(url, create=True), url)


def values(section: Section) -> dict[str, float]:
    found = {figure.name: figure.value for figure in section.figures}
    assert len(found) == len(section.figures), "two figures have one name"
    return found


def test_without_shared_paintings_the_museum_paints(found: Pictures) -> None:
    assert found.source == "works of the museum"
    assert [pixels.shape[2] for pixels in found.pixels] == [3, 3]
    assert not np.array_equal(*(pictures.square(pixels, 8) for pixels in found.pixels))


def test_large_originals_are_large_and_differ(found: Pictures) -> None:
    first, second = (pictures.large_jpeg(found.pixels[0], number) for number in (0, 1))
    checked = check_image(first)
    assert (checked.width, checked.height) == pictures.LARGE
    assert checked.preview is not None
    assert check_image(second).sha256 != checked.sha256


def test_a_comment_makes_an_image_of_its_own(found: Pictures) -> None:
    data = pictures.jpeg(found.pixels[0])
    one, two = (check_image(pictures.distinct(data, number)) for number in (1, 2))
    assert one.sha256 != two.sha256
    assert one.phash == two.phash == check_image(data).phash


def test_decode(found: Pictures) -> None:
    measured = values(decode.measure(rounds=1, found=found))
    assert measured["decode_error"] <= 1.0
    assert measured["decode_pillow_error"] < 0.5, "what is compared with must be the same picture"
    assert measured["ratio_decode"] == pytest.approx(
        measured["decode_ours_per_s"] / measured["decode_opencv_per_s"]
    )


def test_palette(found: Pictures) -> None:
    measured = values(palette.measure(rounds=1, found=found))
    assert measured["palette_delta_e"] <= measured["palette_delta_e_largest"]
    assert measured["palette_delta_e"] < measured["palette_octree_delta_e"]
    assert measured["palette_n_init_1_delta_e"] < 5.0
    assert measured["ratio_palette_n_init_10"] == pytest.approx(
        measured["palette_n_init_10_ms"] / measured["palette_ours_ms"]
    )


def test_colors_are_matched_in_whatever_order_they_come() -> None:
    lab = np.array([[20.0, 0.0, 0.0], [50.0, 30.0, 10.0], [80.0, -20.0, 40.0]])
    shares = np.array([0.5, 0.3, 0.2])
    assert palette.matched_difference((lab, shares), (lab[::-1], shares[::-1])) == 0.0


def test_a_color_that_was_not_found_counts_by_its_share() -> None:
    lab = np.array([[50.0, 0.0, 0.0], [60.0, 0.0, 0.0]])
    alone = palette.matched_difference((lab, np.array([0.9, 0.1])), (lab[:1], np.ones(1)))
    mostly = palette.matched_difference((lab, np.array([0.1, 0.9])), (lab[:1], np.ones(1)))
    assert 0.0 < alone < mostly


def test_passes(workshop: Workshop, found: Pictures) -> None:
    sections = passes.measure(workshop, previews=4, originals=2, rounds=1, found=found)
    measured = {name: value for section in sections for name, value in values(section).items()}
    assert len(measured) == sum(len(section.figures) for section in sections)
    for name in ("previews", "originals", "huge"):
        assert measured[f"ratio_one_pass_{name}"] > 0.0
        for way in ("first", "second", "both"):
            assert measured[f"{name}_{way}_decode_ms"] > 0.0


def test_rerun(workshop: Workshop) -> None:
    section = rerun.measure(workshop, images=30, rounds=1)
    measured = values(section)
    assert measured.keys() >= {f"rerun_{name}_s" for name in rerun.NAMES}
    assert measured["rerun_s"] > 0.0
    assert measured["rerun_command_s"] > 0.0


def test_a_rerun_that_has_something_to_do_is_no_rerun(workshop: Workshop) -> None:
    names = ["colors", "features"]
    run_jobs(workshop.database, workshop.store, list(JOBS))
    rerun.fill(workshop, 2)
    rerun.assert_nothing_new(run_jobs(workshop.database, workshop.store, names))
    with workshop.database.begin() as connection:
        connection.execute(text("DELETE FROM image_results WHERE image_id = 1"))
    with pytest.raises(AssertionError, match="colors looked at 1 images that it had seen"):
        rerun.assert_nothing_new(run_jobs(workshop.database, workshop.store, names))


@pytest.mark.parametrize(
    ("value", "least", "most", "missed"),
    [
        (2.0, 2.0, None, False),
        (1.9, 2.0, None, True),
        (2.0, None, 2.0, False),
        (2.1, None, 2.0, True),
        (math.nan, 2.0, None, True),
        (math.nan, None, 2.0, True),
        (math.nan, None, None, False),
    ],
)
def test_targets(value: float, least: float | None, most: float | None, missed: bool) -> None:
    assert Figure("ratio", "a ratio", value, "×", least, most).missed is missed


def test_the_script_prints_tables_and_json_and_tells_what_is_missed() -> None:
    done = script("--sections", "decode", "--quick", "--json")
    assert done.returncode in (0, 1), done.stderr
    measured = json.loads(done.stdout.splitlines()[-1])
    assert measured["decode_error"] <= 1.0
    missed = [line for line in done.stderr.splitlines() if line.startswith("missed: ")]
    assert bool(missed) is (done.returncode == 1)
    assert "images/s" in done.stdout


def test_the_sections_that_there_are_are_named(
    script_module: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        script_module.main(["--sections", "decod"])
    assert "no section decod: choose from decode, palette, passes" in capsys.readouterr().err


def test_full_and_quick_runs_have_the_same_sections(script_module: ModuleType) -> None:
    assert script_module.FULL.keys() == script_module.QUICK.keys()


def test_searches_are_held_against_their_targets(script_module: ModuleType) -> None:
    found = dict.fromkeys(script_module.SEARCH, 1.0) | {"search_p95_ms_rare": 51.0}
    figures = {figure.name: figure for figure in script_module.search_figures(found)}
    assert figures.keys() == found.keys()
    assert [name for name, figure in figures.items() if figure.missed] == ["search_p95_ms_rare"]
    with pytest.raises(KeyError, match="search_fill_s, search_median_ms_other"):
        script_module.search_figures({"search_p95_ms_rare": 1.0})


@pytest.fixture
def script_module(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script as a module; what it does to this process is undone."""
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.setenv(variable, "1")
    monkeypatch.setattr(sys, "path", [*sys.path])
    return import_module("benchmarks.analysis")


def script(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run it as people do: its own folder comes first on the path, and the file is `analysis`."""
    command = [sys.executable, str(ROOT / "benchmarks" / "analysis.py"), *arguments]
    environment = os.environ | {"ARTWORKS_SHARED": "/nonexistent"}
    return subprocess.run(
        command, env=environment, cwd="/", capture_output=True, text=True, check=False
    )
