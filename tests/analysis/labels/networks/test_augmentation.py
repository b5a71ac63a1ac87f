"""Views: drawn by picture, number and seed, and altered no more than they may be."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from analysis.errors import WrongDataset
from analysis.jobs import RGB
from analysis.labels.networks.augmentation import (
    PRESETS,
    Augmentation,
    augment,
    draw_alteration,
    parse_augmentation,
)
from analysis.labels.networks.color_operations import OPERATIONS, Operation, draw_operations
from analysis.labels.networks.warping import Warp

KEY = hashlib.sha256(b"a picture").hexdigest()

shares = st.floats(0, 0.5)
augmentations = st.builds(
    Augmentation,
    rotation=st.floats(0, 180),
    width_shift=shares,
    height_shift=shares,
    zoom=shares,
    flip=st.booleans(),
    contrast=st.floats(0, 1),
    crop=st.floats(0, 0.75),
    randaugment=st.tuples(st.integers(0, 3), st.integers(0, 30)),
)
pictures = arrays.arrays(np.uint8, st.tuples(st.integers(1, 24), st.integers(1, 24), st.just(3)))
PICTURE = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
"""Noise: any alteration shows."""


@given(pictures, augmentations, st.integers(0, 50), st.integers(0, 2**32))
@settings(max_examples=60)
def test_a_view_depends_on_its_arguments_alone(
    image: RGB, augmentation: Augmentation, view: int, seed: int
) -> None:
    before = image.copy()
    image.flags.writeable = False
    altered = augment(image, KEY, view, augmentation, seed)
    assert altered.shape == image.shape
    assert altered.dtype == np.uint8
    np.testing.assert_array_equal(altered, augment(before, KEY, view, augmentation, seed))
    if view == 0 or not augmentation:
        np.testing.assert_array_equal(altered, before)


def test_the_same_view_in_every_process() -> None:
    drawn = draw_alteration(KEY, 3, PRESETS["strong"], 7)
    assert str(drawn) == (
        "mirrored, turned -5°, 8% left, 3% up, zoom ×1.05, cropped 12%, contrast ×0.77, "
        "posterize 7, posterize 7"
    )


def test_view_picture_and_seed_each_draw_anew() -> None:
    strong = PRESETS["strong"]
    drawn = {
        draw_alteration(key, view, strong, seed)
        for key in (KEY, KEY[::-1])
        for view in range(1, 6)
        for seed in range(5)
    }
    assert len(drawn) == 50


def test_a_strength_left_out_leaves_the_others_as_they_were() -> None:
    strong = PRESETS["strong"]
    whole = draw_alteration(KEY, 1, strong, 0)
    without = draw_alteration(KEY, 1, replace(strong, rotation=0.0, flip=False), 0)
    assert without.warp == replace(whole.warp, rotation=0.0, flip=False)
    assert (without.contrast, without.operations) == (whole.contrast, whole.operations)


def test_what_is_drawn_stays_within_its_strength() -> None:
    strength = Augmentation(10, 0.1, 0.2, 0.3, True, 0.4, 0.5, (2, 9))
    drawn = [draw_alteration(KEY, view, strength, 0) for view in range(1, 401)]
    for values, low, high in (
        ([one.warp.rotation for one in drawn], -10, 10),
        ([one.warp.right for one in drawn], -0.1, 0.1),
        ([one.warp.down for one in drawn], -0.2, 0.2),
        ([one.warp.zoom for one in drawn], 0.7, 1.3),
        ([one.contrast for one in drawn], 0.6, 1.4),
        ([one.warp.crop for one in drawn], 0, 0.5),
    ):
        assert low <= min(values) < low + 0.05 * (high - low)
        assert high - 0.05 * (high - low) < max(values) <= high
    assert 150 < sum(one.warp.flip for one in drawn) < 250
    operations = Counter(one.name for alteration in drawn for one in alteration.operations)
    assert set(operations) == set(OPERATIONS)
    assert min(operations.values()) > 50


def test_a_flip_exchanges_left_and_right() -> None:
    flip = Augmentation(flip=True)
    views = [augment(PICTURE, KEY, view, flip, 0) for view in range(1, 40)]
    mirrored = [view for view in views if (view == PICTURE[:, ::-1]).all()]
    same = [view for view in views if (view == PICTURE).all()]
    assert len(mirrored) + len(same) == len(views)
    assert mirrored
    assert same


def test_a_warp_moves_what_it_says() -> None:
    spot = np.zeros((41, 61, 3), np.uint8)
    spot[15:18, 40:43] = 255

    def center(warp: Warp) -> tuple[float, float]:
        light = warp(spot)[..., 0].astype(float)
        down, right = (np.indices(light.shape) * light).sum(axis=(1, 2)) / light.sum()
        return round(float(right) - 30, 1), round(float(down) - 20, 1)

    assert center(Warp()) == (11, -4)
    assert center(Warp(flip=True)) == (-11, -4)
    assert center(Warp(right=-10 / 61, down=5 / 41)) == (1, 1)
    assert center(Warp(rotation=90)) == pytest.approx((-4, -11), abs=0.1)
    assert center(Warp(zoom=1.5)) == pytest.approx((16.5, -6), abs=0.1)
    # Half of the width and height is left, at the right and above: twice as large.
    right, down = 61 / 4, -41 / 4
    assert center(Warp(crop=0.5, crop_at=(1, -1))) == pytest.approx(
        (2 * (11 - right), 2 * (-4 - down)), abs=0.1
    )
    assert str(Warp(rotation=-5, flip=True, zoom=1.1)) == "mirrored, turned -5°, zoom ×1.10"


def test_what_comes_in_from_outside_is_mirrored() -> None:
    ramp = np.repeat(np.arange(0, 200, 10, dtype=np.uint8)[None, :, None], 4, axis=0).repeat(
        3, axis=2
    )
    shifted = Warp(right=0.25)(ramp)
    assert shifted[0, :, 0].tolist() == [40, 30, 20, 10, 0, *range(0, 150, 10)]


def test_operations_on_colors() -> None:
    ramp = np.repeat(np.arange(50, 150, dtype=np.uint8)[None, :, None], 4, axis=0).repeat(3, axis=2)

    def line(name: str, value: float = 0.0, of: RGB = ramp) -> list[int]:
        found = Operation(name, value)(of)
        assert found.shape == of.shape
        assert found.dtype == np.uint8
        return [int(level) for level in found[0, :, 0]]

    assert line("identity") == line("contrast", 1.0) == line("sharpness", 1.0) == [*range(50, 150)]
    assert (min(line("auto_contrast")), max(line("auto_contrast"))) == (0, 255)
    assert (min(line("equalize")), max(line("equalize"))) == (0, 255)
    assert line("solarize", 99)[49:51] == [99, 155]
    assert set(line("posterize", 4)) == set(range(48, 150, 16))
    assert line("brightness", 0.5) == [round(level / 2) for level in range(50, 150)]
    assert np.ptp(line("contrast", 0.5)) == pytest.approx(np.ptp(line("identity")) / 2, abs=1)
    red = np.full((4, 4, 3), (200, 0, 0), np.uint8)
    gray = Operation("color", 0.0)(red)
    assert np.ptp(gray[0, 0]) == 0
    assert Operation("color", 1.5)(gray).tolist() == gray.tolist()
    edge = np.repeat(np.array([0, 0, 0, 90, 90, 90], np.uint8)[None, :, None], 5, 0).repeat(3, 2)
    assert line("sharpness", 0.0, edge)[2] > 0
    assert line("sharpness", 1.9, edge)[3] > 90


def test_flat_pictures_stay_flat() -> None:
    flat = np.full((5, 7, 3), 90, np.uint8)
    for name in ("auto_contrast", "equalize", "sharpness", "contrast", "color"):
        np.testing.assert_array_equal(Operation(name, 0.3)(flat), flat)


@given(st.integers(0, 30))
def test_magnitudes_say_how_much(magnitude: int) -> None:
    drawn = draw_operations(np.random.default_rng(magnitude), 200, magnitude)
    for one in drawn:
        if one.name in ("color", "contrast", "brightness", "sharpness"):
            assert abs(one.value - 1) == pytest.approx(0.9 * magnitude / 30)
        elif one.name == "posterize":
            assert one.value == 8 - round(4 * magnitude / 30)
        elif one.name == "solarize":
            assert one.value == pytest.approx(255 * (1 - magnitude / 30))


@given(augmentations)
def test_what_is_written_is_read_again(augmentation: Augmentation) -> None:
    found = parse_augmentation(str(augmentation))
    if augmentation.randaugment[0]:
        assert found == augmentation
    else:
        assert found == replace(augmentation, randaugment=(0, 0))
    assert bool(found) == bool(augmentation)
    values = json.loads(json.dumps(augmentation.as_dict()))
    assert Augmentation(**values) == augmentation


def test_presets_and_changes_to_them() -> None:
    for name, preset in PRESETS.items():
        assert parse_augmentation(name) == preset
        assert parse_augmentation(str(preset)) == preset
    assert not PRESETS["none"]
    assert parse_augmentation("light, Flip=no, shift=0.1") == Augmentation(
        width_shift=0.1, height_shift=0.1, contrast=0.1, crop=0.1
    )
    assert parse_augmentation("flip,rotation=10,zoom=0.1,randaugment=2x9") == Augmentation(
        rotation=10, zoom=0.1, flip=True, randaugment=(2, 9)
    )
    assert parse_augmentation("width-shift=0.2").as_dict()["width_shift"] == 0.2


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("blur=2", '"blur=2" is no part of an augmentation: begin with none, light, standard'),
        ("", '"" is no part'),
        ("flip,light", '"light" is no part'),
        ("rotation", '"rotation" has no number'),
        ("zoom=big", '"zoom=big" has no number'),
        ("rotation=nan", "rotation=nan is out of range: give 0 to 180"),
        ("crop=0.9", r"crop=0.9 is out of range: give 0 to 0.75"),
        ("flip=perhaps", "neither yes nor no"),
        ("flip=", "neither yes nor no"),
        ("randaugment=2", "write OPERATIONSxMAGNITUDE"),
        ("randaugment=2x31", "at most 8 operations of a magnitude from 0 to 30"),
    ],
)
def test_what_cannot_be_is_told(said: str, message: str) -> None:
    with pytest.raises(WrongDataset, match=message):
        parse_augmentation(said)
