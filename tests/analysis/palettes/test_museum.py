"""The palettes of generated works, of which every colour and its share are known."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from analysis.colors.conversion import hex_to_rgb, rgb_to_lab
from analysis.colors.difference import ciede2000
from analysis.colors.file import describe_file
from analysis.colors.palette import Palette, extract_palette
from demo.catalogue import Work, build_catalogue
from demo.painters import paint
from demo.styles import STYLES
from storage.images import check_image, decode_rgb

# Colours of a smaller share than this may drown along the borders.
LEAST_SHARE = 0.01


def sampled() -> Iterator[Work]:
    """The smallest work of each flat motif, once without and once with compression."""
    seen = set()
    for work in sorted(build_catalogue().works, key=lambda work: work.width_px * work.height_px):
        kind = (work.style, work.motif, work.lossless)
        if work.flat and work.alteration is None and kind not in seen:
            seen.add(kind)
            yield work


@pytest.fixture(scope="module")
def works() -> list[tuple[Work, bytes]]:
    painted = [(work, paint(work)) for work in sampled()]
    assert {work.style for work, _ in painted} == {name for name in STYLES if STYLES[name].flat}
    assert {work.lossless for work, _ in painted} == {True, False}
    return painted


def truth(work: Work, k: int) -> dict[str, float]:
    """The largest colours of a work, as many as a palette has places, with their shares."""
    shares: dict[str, float] = {}
    for swatch in work.palette:
        shares[swatch.hex] = shares.get(swatch.hex, 0.0) + (swatch.fraction or 0.0)
    largest = sorted(shares, key=lambda code: -shares[code])[:k]
    return {code: shares[code] for code in largest if shares[code] >= LEAST_SHARE}


def differences(palette: Palette, codes: list[str]) -> list[float]:
    """ΔE00 of each colour to the nearest swatch."""
    lab = rgb_to_lab([hex_to_rgb(code) for code in codes])
    found = np.array([swatch.lab for swatch in palette.swatches])
    return list(ciede2000(lab[:, np.newaxis], found).min(axis=1))


def test_every_color_of_a_flat_work_is_found(
    works: list[tuple[Work, bytes]], tmp_path: Path
) -> None:
    for work, data in works:
        path = tmp_path / f"{work.id}.{work.image_format}"
        path.write_bytes(data)
        palette, wanted = describe_file(path), truth(work, 5)
        assert max(differences(palette, list(wanted))) <= 2.0, work.id
        if work.lossless:
            first = next(iter(wanted))
            alike = [code for code in wanted if differences(palette, [code])[0] == 0.0]
            assert alike, work.id
            assert palette.swatches[0].fraction >= wanted[first] - 0.03, work.id


def test_previews_keep_nearly_all_colors(works: list[tuple[Work, bytes]]) -> None:
    found: dict[bool, list[float]] = {True: [], False: []}
    for work, data in works:
        preview = check_image(data).preview
        assert preview is not None
        palette = extract_palette(decode_rgb(preview))
        found[work.style == "op art"] += differences(palette, list(truth(work, 5)))
    assert np.mean(np.array(found[False]) <= 2.0) >= 0.95
    assert max(found[False]) <= 4.0
    # Stripes of a few pixels lose their colour to what lies beside them.
    assert np.mean(np.array(found[True]) <= 2.0) >= 0.7


def test_the_top_three_of_a_flat_work_are_its_own_colors(works: list[tuple[Work, bytes]]) -> None:
    for work, data in works:
        if work.lossless:
            palette = extract_palette(decode_rgb(data, size=512), 3)
            lab = rgb_to_lab([hex_to_rgb(swatch.hex) for swatch in work.palette])
            for swatch in palette.swatches:
                assert ciede2000(lab, swatch.lab).min() <= 2.0, (work.id, swatch.hex)
