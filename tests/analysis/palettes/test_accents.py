"""Small vivid areas get a place in the palette, and nothing else does."""

from __future__ import annotations

import io

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from analysis.colors.conversion import rgb_to_lab
from analysis.colors.difference import ciede2000
from analysis.colors.palette import METHODS, Method, Palette, extract_palette
from analysis.colors.palettes.accents import with_accents
from analysis.colors.palettes.tones import Tones

Pixels = npt.NDArray[np.uint8]

SIZE = (300, 400)
RED = (200, 30, 35)
BLUE = (30, 60, 190)


def landscape(seed: int) -> Pixels:
    """Sky, dunes, meadows and a dark wood in dull colours, with cloudy light and grain."""
    rng = np.random.default_rng(seed)
    bands = np.array(
        [
            (240, 240, 236),
            (150, 168, 184),
            (196, 184, 152),
            (128, 140, 104),
            (72, 88, 60),
            (16, 18, 18),
        ]
    )
    bands = bands + rng.normal(0, 4, bands.shape)
    ground = cv2.resize(bands[:, np.newaxis], SIZE[::-1], interpolation=cv2.INTER_LINEAR)
    light = cv2.resize(rng.normal(0, 16, (9, 12)), SIZE[::-1], interpolation=cv2.INTER_CUBIC)
    grainy = ground + light[..., np.newaxis] + rng.normal(0, 4, (*SIZE, 3))
    return np.clip(grainy, 0, 255).astype(np.uint8)


def dotted(picture: Pixels, color: tuple[int, int, int], share: float, at: int = 1) -> Pixels:
    """A disc of this share of the picture, with a soft rim."""
    cover = np.zeros(SIZE, dtype=np.float32)
    radius = round((share * cover.size / np.pi) ** 0.5)
    cv2.circle(cover, (SIZE[1] * at // 4, SIZE[0] // 2), radius, 1.0, -1)
    soft = cv2.GaussianBlur(cover, (0, 0), 0.6)[..., np.newaxis]
    return (picture * (1 - soft) + np.array(color) * soft).astype(np.uint8)


def compressed(picture: Pixels) -> Pixels:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=85)
    return np.asarray(Image.open(buffer))


def shows(palette: Palette, color: tuple[int, int, int]) -> bool:
    lab = np.array([swatch.lab for swatch in palette.swatches])
    return bool(ciede2000(lab, rgb_to_lab(color)).min() < 8.0)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("k", [3, 5])
@pytest.mark.parametrize("color", [RED, BLUE])
@pytest.mark.parametrize("as_jpeg", [False, True])
def test_a_small_vivid_dot_is_shown_only_with_accents(
    method: Method, k: int, color: tuple[int, int, int], as_jpeg: bool
) -> None:
    for seed in range(2):
        picture = dotted(landscape(seed), color, 0.003)
        if as_jpeg:
            picture = compressed(picture)
        assert not shows(extract_palette(picture, k, method=method), color)
        found = extract_palette(picture, k, method=method, accents=True)
        assert shows(found, color)
        assert len(found.swatches) <= k
        assert found.swatches[-1].fraction == pytest.approx(0.003, rel=0.3)
        assert sum(swatch.fraction for swatch in found.swatches) == pytest.approx(1.0)


def test_two_accents_take_two_places_of_five_and_one_of_three() -> None:
    picture = dotted(dotted(landscape(3), RED, 0.006), BLUE, 0.005, at=3)
    five, three = (extract_palette(picture, k, accents=True) for k in (5, 3))
    assert shows(five, RED)
    assert shows(five, BLUE)
    assert len(five.swatches) == 5
    assert shows(three, RED) != shows(three, BLUE)


def test_a_palette_of_one_color_has_no_accent() -> None:
    picture = dotted(landscape(3), RED, 0.006)
    assert extract_palette(picture, 1, accents=True) == extract_palette(picture, 1)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("k", [3, 5])
def test_pictures_without_accents_keep_their_palette(method: Method, k: int) -> None:
    stripes = np.repeat(np.array([RED, BLUE, (240, 190, 20)], dtype=np.uint8), 50, axis=0)
    vivid = np.tile(stripes, (60, 1, 1))
    for picture in (landscape(4), compressed(landscape(5)), vivid, compressed(vivid)):
        found = extract_palette(picture, k, method=method, accents=True)
        assert found == extract_palette(picture, k, method=method)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("k", [3, 5])
def test_noise_is_no_accent(method: Method, k: int) -> None:
    rng = np.random.default_rng(7)
    gray = np.full((*SIZE, 3), 128)
    anything = rng.integers(0, 256, gray.shape)
    for noisy in (
        gray + rng.normal(0, 50, gray.shape),
        np.where(rng.random((*SIZE, 1)) < 0.05, anything, gray),
        np.where(rng.random((*SIZE, 1)) < 0.3, anything, landscape(1)),
        anything,
    ):
        picture = np.clip(noisy, 0, 255).astype(np.uint8)
        found = extract_palette(picture, k, method=method, accents=True)
        assert found == extract_palette(picture, k, method=method)


def test_what_is_alike_makes_room_and_what_is_vivid_stays() -> None:
    lab = rgb_to_lab([(30, 28, 26), (60, 56, 50), (190, 180, 160), (200, 30, 35), (20, 60, 180)])
    image = Tones(lab, np.array([0.5, 0.2, 0.24, 0.05, 0.01]))
    palette = Tones(lab[:4], np.array([0.5, 0.2, 0.25, 0.05]))
    found = with_accents(palette, image, 4)
    kept = {tuple(color) for color in found.lab}
    assert kept == {tuple(color) for color in lab[[0, 2, 3, 4]]}
    assert found.shares.sum() == pytest.approx(1.0)
