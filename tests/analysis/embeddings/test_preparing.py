"""Images as networks take them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from analysis.embeddings.backbones import BACKBONES, LAYERS
from analysis.embeddings.preparing import preprocess, squash, squash_all

# mypy: disable-error-code="no-untyped-def"


@pytest.mark.parametrize(
    ("name", "size", "side", "channels"),
    [
        ("mobilenet_v2", 224, 7, 1280),
        ("efficientnet_b0", 224, 7, 1280),
        ("efficientnet_v2_s", 384, 12, 1280),
        ("resnet50", 224, 7, 2048),
        ("vgg16", 224, 7, 512),
        ("vgg19", 224, 7, 512),
        ("inception_v3", 299, 8, 2048),
    ],
)
def test_what_networks_take_and_give(name, size, side, channels) -> None:
    backbone = BACKBONES[name]
    assert backbone.size == size
    assert [backbone.shape(layer) for layer in LAYERS] == [
        (channels,),
        (1000,),
        (side, side, channels),
    ]
    assert backbone.file("pooled") == backbone.file("feature_map") != backbone.file("logits")


def test_the_default_comes_first() -> None:
    assert next(iter(BACKBONES)) == "mobilenet_v2"


@given(
    st.tuples(st.integers(1, 90), st.integers(1, 90)).flatmap(
        lambda shape: arrays.arrays(np.uint8, (*shape, 3))
    )
)
def test_squashing_keeps_what_all_pixels_have_in_common(image) -> None:
    squashed = squash(image, 16)
    assert squashed.shape == (16, 16, 3)
    assert squashed.dtype == np.uint8
    for channel in range(3):
        low, high = image[..., channel].min(), image[..., channel].max()
        assert low <= squashed[..., channel].min()
        assert squashed[..., channel].max() <= high


def test_the_whole_work_is_seen() -> None:
    frieze = np.zeros((20, 200, 3), np.uint8)
    frieze[:, :20] = 255
    squashed = squash(frieze, 20)
    assert (squashed[:, :2] == 255).all()
    assert (squashed[:, 2:] == 0).all()


def test_fine_lines_become_grey_and_no_pattern() -> None:
    lines = np.zeros((200, 200, 3), np.uint8)
    lines[:, ::2] = 200
    assert (squash(lines, 50) == 100).all()


def test_images_of_any_shape_become_one_array() -> None:
    images = [np.full(shape, 7, np.uint8) for shape in ((5, 9, 3), (224, 224, 3))]
    assert (squash_all(images, 8) == np.full((2, 8, 8, 3), 7)).all()
    assert squash_all([], 8).shape == (0, 8, 8, 3)


def test_preprocessing_leaves_its_input_alone() -> None:
    image = np.array([[[[255, 127, 0]]]], np.uint8)
    before = image.copy()
    np.testing.assert_allclose(preprocess(image, "tf")[0, 0, 0], [1.0, -0.0039216, -1.0], atol=1e-6)
    np.testing.assert_allclose(
        preprocess(image, "caffe")[0, 0, 0], [-103.939, 10.221, 131.32], atol=1e-4
    )
    assert (preprocess(image, "none") == image).all()
    assert (image == before).all()
    assert {preprocess(image, way).dtype for way in ("tf", "caffe", "none")} == {np.dtype("f4")}
