from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator

import cv2
import numpy as np
import pytest
from PIL import Image

from demo.catalogue import Catalogue, Work, build_catalogue
from demo.colors import COLORS, FAMILIES
from demo.painters import fingerprint, paint
from demo.styles import STYLES


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return build_catalogue()


def _pixels(work: Work, index: int = 0) -> np.ndarray:
    with Image.open(io.BytesIO(paint(work, index))) as image:
        return np.asarray(image.convert("RGB"))


def _small(catalogue: Catalogue, style: str) -> Work:
    """The cheapest work of a style to paint."""
    works = (work for work in catalogue.works if work.style == style and not work.alteration)
    return min(works, key=lambda work: work.width_px * work.height_px)


@pytest.mark.parametrize("style", STYLES)
def test_every_style_paints_as_announced(catalogue: Catalogue, style: str) -> None:
    work = _small(catalogue, style)
    data = paint(work)
    with Image.open(io.BytesIO(data)) as image:
        assert image.size == (work.width_px, work.height_px)
        assert (image.format or "").lower().replace("jpeg", "jpg") == work.image_format
    assert paint(work) == data


def _lossless(catalogue: Catalogue) -> Iterator[Work]:
    seen = set()
    for work in sorted(catalogue.works, key=lambda work: work.width_px * work.height_px):
        if work.lossless and (work.motif, work.image_format) not in seen:
            seen.add((work.motif, work.image_format))
            yield work


def test_flat_palettes_are_exact(catalogue: Catalogue) -> None:
    works = list(_lossless(catalogue))
    assert {work.style for work in works} == {name for name in STYLES if STYLES[name].flat}
    for work in works:
        pixels = _pixels(work).reshape(-1, 3).astype(np.int32)
        codes, counts = np.unique(pixels @ [65536, 256, 1], return_counts=True)
        found = {f"#{code:06x}": n / len(pixels) for code, n in zip(codes, counts, strict=True)}
        stated: dict[str, float] = {}
        for swatch in work.palette:
            stated[swatch.hex] = stated.get(swatch.hex, 0) + (swatch.fraction or 0)
        assert set(found) == set(stated), work.id
        for code, fraction in stated.items():
            assert found[code] == pytest.approx(fraction, abs=0.006), (work.id, code)


def test_near_duplicates_look_alike_and_differ(catalogue: Catalogue) -> None:
    known = {work.id: work for work in catalogue.works}
    seen: set[str] = set()
    for original, copy, change in catalogue.near_duplicates:
        if change in seen:
            continue
        seen.add(change)
        first, second = paint(known[original]), paint(known[copy])
        assert first != second
        small = []
        for data in (first, second):
            with Image.open(io.BytesIO(data)) as image:
                small.append(np.asarray(image.convert("L").resize((9, 8)), dtype=float))
        correlation = np.corrcoef(small[0].ravel(), small[1].ravel())[0, 1]
        assert correlation > 0.9, (original, copy, change)


def test_twins_share_their_bytes(catalogue: Catalogue) -> None:
    known = {work.id: work for work in catalogue.works}
    ((original, copy),) = catalogue.identical
    digests = {hashlib.sha256(paint(known[name])).hexdigest() for name in (original, copy)}
    assert len(digests) == 1
    assert fingerprint(known[original]) == fingerprint(known[copy])


def test_fingerprints_differ_where_bytes_do(catalogue: Catalogue) -> None:
    names = [fingerprint(work, image.index) for work in catalogue.works for image in work.images]
    assert len(set(names)) == len(names) - len(catalogue.identical)


def test_a_color_category_names_the_largest_flat_area(catalogue: Catalogue) -> None:
    for work in catalogue.works:
        if work.color_category in ("red", "blue", "green") and work.flat:
            channel = {"red": 0, "green": 1, "blue": 2}[work.color_category]
            largest = max(work.palette, key=lambda swatch: swatch.fraction or 0).hex
            values = [int(largest[at : at + 2], 16) for at in (1, 3, 5)]
            assert values.index(max(values)) == channel, work.id


def test_details_show_part_of_the_whole(catalogue: Catalogue) -> None:
    work = next(work for work in catalogue.works if len(work.images) > 1)
    detail = _pixels(work, 1)
    assert detail.shape[:2] == (work.images[1].height_px, work.images[1].width_px)
    assert detail.size < _pixels(work).size


def test_a_color_category_names_what_most_pixels_are_closest_to(catalogue: Catalogue) -> None:
    references = {name: FAMILIES[name][0]["ground"] for name in COLORS}
    codes = [[int(code[at : at + 2], 16) for at in (1, 3, 5)] for code in references.values()]
    lab = _lab(np.array([codes], dtype=np.uint8))[0]
    for name, works in catalogue.colors.items():
        painted = (work for work in works if not work.flat and not work.alteration)
        work = min(painted, key=lambda work: work.width_px * work.height_px)
        pixels = _lab(np.ascontiguousarray(_pixels(work)[::9, ::9])).reshape(-1, 1, 3)
        closest = np.linalg.norm(pixels - lab, axis=2).argmin(axis=1)
        assert COLORS[np.bincount(closest).argmax()] == name, work.id


def _lab(pixels: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(pixels.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
