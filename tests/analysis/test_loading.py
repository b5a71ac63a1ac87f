"""Loading: what an image takes in memory is known before it is read, and never more."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from analysis.colors.job import COLORS
from analysis.jobs import ImageJob, ModelSpec
from analysis.loading import Fetched, Loading
from analysis.pending import PendingImage
from storage.images import check_image

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF")
INPUTS = st.lists(st.one_of(st.none(), st.integers(513, 900)), min_size=1, max_size=4, unique=True)


def job_of(input_px: int | None) -> ImageJob:
    spec = ModelSpec(f"model {input_px}", "1", "test")
    return ImageJob("test", spec, COLORS.table, lambda images: [], input_px=input_px)


def encoded(kind: str, width: int, height: int) -> bytes:
    drawn = np.random.default_rng(width).integers(0, 255, (5, 4, 3), dtype=np.uint8)
    buffer = BytesIO()
    Image.fromarray(drawn).resize((width, height), Image.Resampling.BICUBIC).save(buffer, kind)
    return buffer.getvalue()


def pending(data: bytes, model_ids: frozenset[int]) -> PendingImage:
    checked = check_image(data)
    return PendingImage(
        id=1,
        sha256=checked.sha256,
        object_key=checked.object_key,
        preview_key=checked.preview_key,
        format=checked.format,
        width=checked.width,
        height=checked.height,
        bytes=checked.bytes,
        model_ids=model_ids,
    )


def taken(loading: Loading, image: PendingImage, data: bytes) -> int:
    """Bytes that an image takes, encoded and decoded."""
    loaded = loading.decode(image, Fetched(data, 0.0))
    assert isinstance(loaded.pixels, dict)
    assert set(loaded.pixels) == set(loading.sizes(image))
    arrays: dict[int, Any] = {id(pixels): pixels for pixels in loaded.pixels.values()}
    return len(data) + sum(pixels.nbytes for pixels in arrays.values())


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(FORMATS), st.integers(1, 1900), st.integers(1, 1900), INPUTS)
def test_originals_take_no_more_than_is_said(
    kind: str, width: int, height: int, inputs: list[int | None]
) -> None:
    jobs = {at: job_of(px) for at, px in enumerate(inputs)}
    loading = Loading(jobs, None)  # type: ignore[arg-type]
    data = encoded(kind, width, height)
    image = pending(data, frozenset(jobs))
    # Rows and columns that are cut are rounded up, and tables of the format come on top.
    assert taken(loading, image, data) <= loading.memory(image) + 40 * (width + height)


@pytest.mark.parametrize("size", [(200, 100), (2000, 1500), (300, 1200), (3000, 40)])
def test_previews_take_no_more_than_is_said(size: tuple[int, int]) -> None:
    loading = Loading({1: job_of(512), 2: job_of(64)}, None)  # type: ignore[arg-type]
    noise = np.random.default_rng(1).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    buffer = BytesIO()
    Image.fromarray(noise).save(buffer, "PNG")
    image = pending(buffer.getvalue(), frozenset((1, 2)))
    preview = check_image(buffer.getvalue()).preview
    assert preview is not None
    assert loading.reads_previews
    assert loading.key(image) == image.preview_key
    assert taken(loading, image, preview) <= loading.memory(image) + 2000


def test_only_the_sizes_of_those_who_want_an_image_are_decoded() -> None:
    loading = Loading({1: job_of(None), 2: job_of(700), 3: job_of(600)}, None)  # type: ignore[arg-type]
    data = encoded("JPEG", 1500, 1300)
    assert loading.sizes(pending(data, frozenset((2, 3)))) == [700, 600]
    assert loading.sizes(pending(data, frozenset((3, 1)))) == [None, 600]
