"""Channel statistics: against plain NumPy, and what a hue's mean and deviation mean."""

from __future__ import annotations

import colorsys
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from support.databases import sql

from analysis.colors import features
from analysis.colors.conversion import Floats, rgb_to_lab
from analysis.colors.features import (
    CHANNELS,
    FEATURE_NAMES,
    FEATURES,
    NO_DIRECTION,
    channel_statistics,
)
from analysis.engine import run_jobs
from analysis.jobs import RGB
from storage.database import Database
from storage.images import decode_rgb
from storage.objects import ObjectStore

PIXELS = arrays(
    np.uint8,
    st.tuples(st.integers(1, 12), st.integers(1, 12), st.just(3)),
    elements=st.integers(0, 255),
)
BYTES = st.integers(0, 255)


def named(rgb: RGB) -> dict[str, float]:
    return dict(zip(FEATURE_NAMES, channel_statistics(rgb).tolist(), strict=True))


def image(*colors: tuple[int, int, int]) -> RGB:
    """An image of one row."""
    return np.array([colors], dtype=np.uint8)


def hue(degrees: float, saturation: float = 1.0, value: float = 1.0) -> tuple[int, int, int]:
    red, green, blue = colorsys.hsv_to_rgb(degrees % 360 / 360, saturation, value)
    return round(red * 255), round(green * 255), round(blue * 255)


def reference(rgb: RGB) -> Floats:
    """The definition, pixel by pixel."""
    pixels = rgb.reshape(-1, 3)
    hsv = np.array([colorsys.rgb_to_hsv(*(pixel / 255)) for pixel in pixels])
    spaces = np.hstack([pixels, hsv, rgb_to_lab(pixels)])
    found = np.stack([spaces.mean(axis=0), spaces.std(axis=0)], axis=1)
    chroma = np.ptp(pixels / 255, axis=1)
    vector = chroma @ np.exp(2j * math.pi * hsv[:, 0]) / max(chroma.sum(), 1e-12)
    mean = math.degrees(np.angle(vector)) % 360
    found[CHANNELS.index("hue")] = (
        mean - 360 if mean >= 300 else mean,
        math.degrees(math.sqrt(2 * (1 - min(abs(vector), 1.0)))),
    )
    return found.ravel()


def test_eighteen_names_in_their_order() -> None:
    assert len(FEATURE_NAMES) == len(set(FEATURE_NAMES)) == 18
    assert FEATURE_NAMES[:2] == ("red_mean", "red_std")
    assert FEATURE_NAMES[6:8] == ("hue_mean", "hue_std")
    assert FEATURE_NAMES[-2:] == ("lab_b_mean", "lab_b_std")
    assert FEATURES.model.params["names"] == list(FEATURE_NAMES)


def test_every_channel_is_explained() -> None:
    page = (Path(__file__).parents[2] / "docs" / "colors.md").read_text(encoding="utf-8")
    assert all(f"`{channel}`" in page for channel in CHANNELS)


@given(PIXELS)
def test_the_definition_in_plain_numpy(rgb: RGB) -> None:
    found, expected = channel_statistics(rgb), reference(rgb)
    assert found.shape == (18,)
    assert found.dtype == np.float64
    others = [at for at in range(18) if FEATURE_NAMES[at] not in ("hue_mean", "hue_std")]
    assert found[others] == pytest.approx(expected[others], abs=0.04)
    mean, deviation = found[6:8]
    # Where hues point nearly everywhere, rounding decides on the direction.
    if expected[7] < 80.5:
        apart = (mean - expected[6] + 180) % 360 - 180
        assert abs(apart) < 0.5
    assert deviation == pytest.approx(expected[7], abs=0.1)
    assert -60 <= mean < 300


@given(st.tuples(BYTES, BYTES, BYTES), st.integers(1, 9), st.integers(1, 9))
def test_one_color_does_not_deviate(color: tuple[int, int, int], height: int, width: int) -> None:
    found = named(np.full((height, width, 3), color, dtype=np.uint8))
    means = (found["red_mean"], found["green_mean"], found["blue_mean"])
    assert means == pytest.approx(color)
    gray = len(set(color)) == 1
    for channel in CHANNELS:
        expected = NO_DIRECTION if channel == "hue" and gray else 0.0
        assert found[f"{channel}_std"] == pytest.approx(expected, abs=0.05)


@given(PIXELS)
def test_where_pixels_lie_does_not_matter(rgb: RGB) -> None:
    found = channel_statistics(rgb)
    for other in (rgb[::-1], rgb[:, ::-1], rgb.transpose(1, 0, 2), np.vstack([rgb, rgb])):
        again = channel_statistics(np.ascontiguousarray(other))
        keep = [at for at in range(18) if at != 6]
        assert again[keep] == pytest.approx(found[keep], abs=0.05)


def test_bands_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    rgb = np.random.default_rng(7).integers(0, 256, (61, 47, 3), dtype=np.uint8)
    monkeypatch.setattr(features, "BAND_PIXELS", rgb.size)
    whole = channel_statistics(rgb)
    for size in (1, 47, 500):
        monkeypatch.setattr(features, "BAND_PIXELS", size)
        assert channel_statistics(rgb) == pytest.approx(whole, abs=1e-4)


def test_reds_on_both_sides_of_zero_are_red() -> None:
    found = named(image(hue(350), hue(10)))
    assert found["hue_mean"] == pytest.approx(0, abs=0.2)
    assert found["hue_std"] == pytest.approx(10, abs=0.2)


def test_opposite_hues_have_no_direction() -> None:
    assert named(image(hue(30), hue(210)))["hue_std"] == pytest.approx(NO_DIRECTION, abs=0.2)


def test_what_has_no_color_does_not_weigh() -> None:
    found = named(image(hue(240), (128, 128, 128), (0, 0, 0), (255, 255, 255)))
    assert (found["hue_mean"], found["hue_std"]) == pytest.approx((240, 0), abs=0.1)
    assert found["saturation_mean"] == pytest.approx(0.25)


def test_a_pale_pixel_weighs_less_than_a_vivid_one() -> None:
    found = named(image(hue(0), hue(90, saturation=0.1)))
    assert 0 < found["hue_mean"] < 10


def test_the_circle_is_cut_at_magenta() -> None:
    assert named(image(hue(302)))["hue_mean"] == pytest.approx(-58, abs=0.3)
    assert named(image(hue(298)))["hue_mean"] == pytest.approx(298, abs=0.3)
    assert named(image((7, 7, 7)))["hue_mean"] == 0


def test_the_job_measures_previews(
    database: Database, store: ObjectStore, add_work: Callable[..., int]
) -> None:
    ids = [add_work(number, size=(900, 700)) for number in (1, 2)]
    [summary] = run_jobs(database, store, ["features"])
    assert (summary.job, summary.done, summary.failed) == ("features", 2, 0)
    rows = sql(
        database,
        "SELECT f.image_id, f.values, i.preview_key FROM image_features f "
        "JOIN images i ON i.id = f.image_id ORDER BY f.image_id",
    )
    assert [row.image_id for row in rows] == ids
    for row in rows:
        preview = decode_rgb(store.get(row.preview_key))
        assert max(preview.shape) == 512
        assert row.values == channel_statistics(preview).tolist()
    assert run_jobs(database, store, ["features"])[0].done == 0
