"""Whether two ways of running a network agree."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.embeddings.agreement import PROBES, least_cosine, probe_images

# mypy: disable-error-code="no-untyped-def"


@pytest.mark.parametrize("size", [32, 224, 299])
def test_probes_are_always_the_same_and_no_two_alike(size) -> None:
    probes = probe_images(size)
    assert probes.shape == (PROBES, size, size, 3)
    assert probes.dtype == np.uint8
    assert (probes == probe_images(size)).all()
    assert len({probe.tobytes() for probe in probes}) == PROBES


def test_the_worst_probe_counts() -> None:
    expected = np.eye(3, dtype=np.float32)
    assert least_cosine(2 * expected, expected) == pytest.approx(1.0)
    found = expected.copy()
    found[1] = [0.0, 0.6, 0.8]
    assert least_cosine(found, expected) == pytest.approx(0.6)


def test_nonsense_does_not_agree() -> None:
    expected = np.ones((2, 4), np.float32)
    assert least_cosine(np.full((2, 4), np.nan, np.float32), expected) == -1.0
    assert least_cosine(np.ones((2, 5), np.float32), expected) == -1.0
    assert least_cosine(np.zeros((2, 4), np.float32), expected) == 0.0
    assert least_cosine(-expected, expected) == pytest.approx(-1.0)


def test_two_silences_agree_and_so_do_maps() -> None:
    nothing = np.zeros((2, 3, 3, 4), np.float32)
    assert least_cosine(nothing, nothing) == 1.0
