"""Palettes: exact on flat colours, sensible on paintings, indifferent to the order of pixels."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image, ImageDraw
from threadpoolctl import threadpool_limits

from analysis.colors.conversion import hex_to_rgb, rgb_to_lab
from analysis.colors.difference import ciede2000
from analysis.colors.palette import MERGE_DELTA_E, METHODS, Method, Palette, extract_palette

Pixels = npt.NDArray[np.uint8]

images = arrays(np.uint8, st.tuples(st.integers(1, 12), st.integers(1, 12), st.just(3)))
colors = st.tuples(*[st.integers(0, 255)] * 3)

FLAT = ("#f2e6d0", "#c1272d", "#1f4e5f", "#f2c14e", "#1b1f2a")


def encoded(image: Image.Image, **options: int) -> Pixels:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", **options)
    return np.asarray(Image.open(buffer))


def drawn(codes: tuple[str, ...], seed: int, size: tuple[int, int] = (512, 400)) -> Image.Image:
    """Shapes of flat colours, smooth at their borders."""
    rng = np.random.default_rng(seed)
    large = (2 * size[0], 2 * size[1])
    image = Image.new("RGB", large, codes[0])
    draw = ImageDraw.Draw(image)
    for at, code in enumerate(codes[1:]):
        left = large[0] * at // max(1, len(codes) - 1)
        width, height = rng.integers(160, 240), rng.integers(250, 700)
        shape = draw.ellipse if at % 2 else draw.rectangle
        shape([left + 10, 40, left + 10 + int(width), 40 + int(height)], fill=code)
    return image.resize(size, Image.Resampling.LANCZOS)


def painted(seed: int, size: tuple[int, int] = (512, 410)) -> Pixels:
    """Soft patches with noise: a histogram like a painting's."""
    rng = np.random.default_rng(seed)
    patches = Image.fromarray(rng.integers(20, 235, (6, 8, 3), dtype=np.uint8))
    soft = np.asarray(patches.resize(size, Image.Resampling.BICUBIC), dtype=np.float64)
    return np.clip(soft + rng.normal(0.0, 6.0, soft.shape), 0, 255).astype(np.uint8)


def distances(palette: Palette, codes: tuple[str, ...]) -> npt.NDArray[np.float64]:
    """ΔE00 of each colour to the nearest swatch."""
    lab = rgb_to_lab([hex_to_rgb(code) for code in codes])
    found = np.array([swatch.lab for swatch in palette.swatches])
    return ciede2000(lab[:, np.newaxis], found).min(axis=1)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
def test_flat_colors_are_exact_without_compression(count: int) -> None:
    codes = FLAT[:count]
    stripes = np.repeat(np.array([hex_to_rgb(code) for code in codes], dtype=np.uint8), 40, axis=0)
    palette = extract_palette(np.tile(stripes, (60, 1, 1)))
    assert {swatch.hex for swatch in palette.swatches} == set(codes)
    assert [swatch.fraction for swatch in palette.swatches] == pytest.approx([1 / count] * count)


@pytest.mark.parametrize("quality", [75, 85, 95])
@pytest.mark.parametrize("count", [2, 3, 4, 5])
@pytest.mark.parametrize("seed", [1, 2])
def test_flat_colors_survive_jpeg_and_smooth_borders(count: int, quality: int, seed: int) -> None:
    codes = FLAT[:count]
    palette = extract_palette(encoded(drawn(codes, seed), quality=quality))
    assert distances(palette, codes).max() <= 2.0
    assert len(palette.swatches) == count


@pytest.mark.parametrize("k", [3, 5])
def test_of_more_flat_colors_than_asked_the_largest_are_found_exactly(k: int) -> None:
    codes = (*FLAT, "#588b8b", "#6d4c7d", "#e07a5f")
    picture = encoded(drawn(codes, 3), quality=90)
    palette = extract_palette(picture, k)
    assert len(palette.swatches) == k
    every = rgb_to_lab([hex_to_rgb(code) for code in codes])
    lab = rgb_to_lab(picture.reshape(-1, 3))
    nearest = ((lab[:, np.newaxis] - every) ** 2).sum(axis=2).argmin(axis=1)
    largest = np.argsort(-np.bincount(nearest, minlength=len(codes)))[:k]
    assert distances(palette, tuple(codes[at] for at in largest)).max() <= 2.0


def test_of_a_great_many_flat_colors_each_swatch_stands_for_some() -> None:
    rng = np.random.default_rng(4)
    tiles = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
    palette = extract_palette(np.kron(tiles, np.ones((20, 20, 1), dtype=np.uint8)), 5)
    assert len(palette.swatches) == 5
    assert min(swatch.fraction for swatch in palette.swatches) > 0.05


def test_a_flat_ground_keeps_its_color_behind_a_painting() -> None:
    image = painted(5)
    image[:, :300] = hex_to_rgb("#e9dcc3")
    palette = extract_palette(image)
    assert palette.swatches[0].hex == "#e9dcc3"
    assert len(palette.swatches) == 5


def test_nearly_equal_colors_are_one() -> None:
    image = np.full((100, 100, 3), 120, dtype=np.uint8)
    image[:50] += 2
    palette = extract_palette(image)
    assert len(palette.swatches) == 1
    assert palette.swatches[0].rgb == (121, 121, 121)


def test_paintings_have_all_colors() -> None:
    for seed in range(5):
        palette = extract_palette(painted(seed))
        lab = np.array([swatch.lab for swatch in palette.swatches])
        apart = ciede2000(lab[:, np.newaxis], lab) + 100 * np.eye(len(lab))
        assert len(palette.swatches) == 5
        assert apart.min() >= MERGE_DELTA_E - 1.0  # rounded to 8 bits since


@pytest.mark.parametrize("k", [3, 5])
def test_is_near_the_best_of_many_full_runs(k: int) -> None:
    from sklearn.cluster import KMeans

    for seed in range(3):
        image = painted(seed, (120, 96))
        lab = rgb_to_lab(image.reshape(-1, 3))
        with threadpool_limits(1):
            best = KMeans(k, n_init=3, random_state=0).fit(lab)
        found = np.array([swatch.lab for swatch in extract_palette(image, k).swatches])
        error = ((lab[:, np.newaxis] - found) ** 2).sum(axis=2).min(axis=1).sum()
        assert error <= 1.1 * best.inertia_


@given(images, st.integers(1, 7), st.sampled_from(METHODS), st.booleans())
@settings(max_examples=60)
def test_shares_add_up_to_one_and_descend(
    image: Pixels, k: int, method: Method, accents: bool
) -> None:
    palette = extract_palette(image, k, method=method, accents=accents)
    shares = [swatch.fraction for swatch in palette.swatches]
    assert sum(shares) == pytest.approx(1.0, abs=1e-9)
    assert shares == sorted(shares, reverse=True)
    assert min(shares) > 0.0
    assert 1 <= len(shares) <= k


@given(images)
def test_is_deterministic(image: Pixels) -> None:
    assert extract_palette(image) == extract_palette(image.copy())


@given(images, st.randoms(use_true_random=False), st.sampled_from(METHODS), st.booleans())
@settings(max_examples=50)
def test_the_order_of_pixels_plays_no_part(
    image: Pixels, random: object, method: Method, accents: bool
) -> None:
    pixels = image.reshape(-1, 3).copy()
    random.shuffle(order := list(range(len(pixels))))  # type: ignore[attr-defined]
    found = extract_palette(pixels[order], method=method, accents=accents)
    assert found == extract_palette(image, method=method, accents=accents)


@pytest.mark.parametrize("method", METHODS)
def test_the_order_of_pixels_plays_no_part_in_large_images(method: Method) -> None:
    for image in (painted(1), encoded(drawn(FLAT, 1), quality=85)):
        shuffled = np.random.default_rng(0).permutation(image.reshape(-1, 3))
        found = extract_palette(image, method=method)
        assert extract_palette(shuffled.reshape(image.shape), method=method) == found
        assert extract_palette(image[::-1, ::-1], method=method) == found


@pytest.mark.parametrize("method", METHODS)
def test_the_number_of_threads_plays_no_part(method: Method) -> None:
    # Noise enough that products of matrices are worth several threads.
    noise = np.random.default_rng(6).integers(0, 256, (90, 100, 3), dtype=np.uint8)
    found = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            found.append(extract_palette(noise, 16, method=method))
    assert found[0] == found[1]


@given(colors, st.integers(1, 40), st.integers(1, 40), st.sampled_from(METHODS), st.booleans())
@settings(max_examples=40)
def test_a_solid_image_is_one_swatch(
    rgb: tuple[int, int, int], height: int, width: int, method: Method, accents: bool
) -> None:
    image = np.full((height, width, 3), rgb, dtype=np.uint8)
    (swatch,) = extract_palette(image, method=method, accents=accents).swatches
    assert swatch.rgb == rgb
    assert swatch.fraction == 1.0
    assert hex_to_rgb(swatch.hex) == rgb
    assert swatch.lab == pytest.approx(tuple(rgb_to_lab(rgb)))


def test_swatches_name_their_color() -> None:
    image = np.full((4, 4, 3), hex_to_rgb("#b22222"), dtype=np.uint8)
    (swatch,) = extract_palette(image).swatches
    assert (swatch.name, swatch.term) == ("firebrick", "red")
    assert swatch.as_dict()["hex"] == "#b22222"


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((0, 4, 3), np.uint8),
    ],
)
def test_what_is_no_image_is_refused(image: Pixels) -> None:
    with pytest.raises(ValueError, match="uint8"):
        extract_palette(image)


def test_an_unknown_method_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match='"median": choose from kmeans, dbscan'):
        extract_palette(np.zeros((4, 4, 3), np.uint8), method="median")  # type: ignore[arg-type]


def test_no_colors_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        extract_palette(np.zeros((4, 4, 3), np.uint8), k=0)
