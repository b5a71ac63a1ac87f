"""Laying out, turning, scaling and placing: what is alike lies together, and nothing jumps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as numbers

from analysis.map.layout import (
    FEWEST,
    MARGIN,
    Positions,
    Vectors,
    align,
    fit_space,
    fit_square,
    lay_out,
    upright,
)
from analysis.map.placing import REACH, SPREAD, place
from analysis.map.quality import measure

PLACES = numbers.arrays(
    np.float64, st.tuples(st.integers(1, 30), st.just(2)), elements=st.integers(-50, 50)
)


def groups(count: int, each: int, *, dimensions: int = 24, seed: int = 0) -> Vectors:
    """Groups of vectors of length 1, one after the other, well apart."""
    rng = np.random.default_rng(seed)
    centers = np.repeat(rng.standard_normal((count, dimensions)), each, axis=0)
    vectors = centers + 0.25 * rng.standard_normal(centers.shape)
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def laid_out(vectors: Vectors) -> Positions:
    return fit_square(upright(lay_out(fit_space(vectors).project(vectors))))


@pytest.fixture(scope="module")
def vectors() -> Vectors:
    found = groups(4, 30)
    # Two near-duplicates, in the middle of a group.
    found[7] = found[3] + 1e-4
    return found


@pytest.fixture(scope="module")
def places(vectors: Vectors) -> Positions:
    return laid_out(vectors)


def test_what_is_alike_lies_together(vectors: Vectors, places: Positions) -> None:
    of = np.repeat(np.arange(4), 30)
    distance = np.linalg.norm(places[:, None] - places[None], axis=2)
    np.fill_diagonal(distance, np.inf)
    nearest = np.argsort(distance, axis=1)[:, :10]
    assert (of[nearest] == of[:, None]).all()
    # Of 120 images, a near-duplicate is among the very nearest, whatever chance would do.
    assert 7 in np.argsort(distance[3])[:3]
    quality = measure(vectors, places)
    assert quality is not None
    assert quality["trustworthiness"] > 0.95
    assert quality["neighbors_kept"] > 3 * quality["neighbors_kept_by_chance"]


def test_the_same_images_give_the_same_map(vectors: Vectors, places: Positions) -> None:
    np.testing.assert_array_equal(laid_out(vectors), places)


@pytest.mark.parametrize("count", [1, 2, 3, 5, FEWEST - 1, FEWEST])
def test_few_images_have_a_map_too(count: int) -> None:
    places = laid_out(groups(1, count, seed=count))
    assert places.shape == (count, 2)
    assert ((places >= 0) & (places <= 1)).all()
    assert len(np.unique(places, axis=0)) == count
    if count == 1:
        assert places.tolist() == [[0.5, 0.5]]
    else:
        # In one direction, all of the room is used.
        assert np.ptp(places, axis=0).max() == pytest.approx(1 - 2 * MARGIN)


@pytest.mark.parametrize("count", [3, FEWEST + 3])
def test_images_that_are_all_the_same(count: int) -> None:
    places = laid_out(np.full((count, 8), 8**-0.5, np.float32))
    assert np.isfinite(places).all()
    assert ((places >= 0) & (places <= 1)).all()


def test_too_few_images_are_not_measured() -> None:
    assert measure(groups(1, 5), np.zeros((5, 2))) is None


@given(PLACES)
def test_a_square_keeps_shapes(places: Positions) -> None:
    fitted = fit_square(places)
    assert (fitted >= MARGIN - 1e-9).all()
    assert (fitted <= 1 - MARGIN + 1e-9).all()
    wide = np.ptp(places, axis=0).max()
    if wide:
        scale = (1 - 2 * MARGIN) / wide
        np.testing.assert_allclose(np.diff(fitted, axis=0), np.diff(places, axis=0) * scale)


@given(PLACES)
def test_turned_maps_are_wider_than_high(places: Positions) -> None:
    turned = upright(places)
    if len(places) > 2:
        spread = turned.std(axis=0)
        assert spread[0] >= spread[1] - 1e-6
    before = np.linalg.norm(places[:, None] - places[None], axis=2)
    after = np.linalg.norm(turned[:, None] - turned[None], axis=2)
    np.testing.assert_allclose(after, before, atol=1e-6)


@given(st.floats(0, 2 * np.pi), st.booleans(), st.integers(0, 2**32 - 1))
def test_a_map_that_was_turned_and_mirrored_comes_back(
    angle: float, mirrored: bool, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    former = rng.random((12, 2))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    new = former @ turn * 3 + 7
    if mirrored:
        new = new * (-1, 1)
    # Half of them are known from before.
    common = np.arange(0, 12, 2)
    aligned = align(new, former[common], common)
    np.testing.assert_allclose(fit_square(aligned), fit_square(former), atol=1e-9)


def test_new_images_come_to_where_their_likes_are(vectors: Vectors, places: Positions) -> None:
    more = groups(4, 32)[[31, 63, 95, 127]]
    # Of these, the first is a copy, and the ones after lie in the groups.
    more[0] = vectors[40]
    ids = np.arange(1000, 1004)
    found = place(more, vectors, places, ids)
    assert np.linalg.norm(found[0] - places[40]) <= SPREAD / np.sqrt(124) + 1e-3
    np.testing.assert_array_equal(found, place(more, vectors, places, ids))
    assert ((found > 0) & (found < 1)).all()
    alike = [place(more[:1], vectors, places, np.array([at]))[0] for at in (1, 2)]
    assert 0 < np.linalg.norm(alike[0] - alike[1]) < 2 * SPREAD


def test_no_image_is_placed_in_the_void_between() -> None:
    anchors = np.array([[0, 0]] * 3 + [[1, 0]] * 3, np.float32)
    places = np.array([[0.1, 0.1]] * 3 + [[0.9, 0.9]] * 3)
    between = np.array([[0.4, 0], [0.6, 0]], np.float32)
    near, far = place(between, anchors, places, np.array([1, 2]))
    aside = SPREAD / np.sqrt(8) + 1e-9
    assert np.linalg.norm(near - 0.1) <= aside
    assert np.linalg.norm(far - 0.9) <= aside
    assert REACH < 0.8


@pytest.mark.parametrize("count", [1, 3])
def test_placing_on_a_map_of_few(count: int) -> None:
    anchors = np.eye(3, dtype=np.float32)[:count]
    places = np.array([[0.2, 0.2], [0.5, 0.8], [0.8, 0.2]])[:count]
    found = place(np.eye(3, dtype=np.float32)[:1], anchors, places, np.array([5]))
    assert np.linalg.norm(found[0] - places[0]) <= SPREAD / np.sqrt(count + 1) + 1e-3
