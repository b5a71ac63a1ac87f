"""CIEDE2000 against what its authors published."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.colors.conversion import rgb_to_lab
from analysis.colors.difference import ciede2000

colors = st.tuples(*[st.integers(0, 255)] * 3)
positions = st.tuples(st.floats(0, 100), st.floats(-128, 128), st.floats(-128, 128))

# Table 1 of Sharma, Wu and Dalal (2005): L*, a*, b* of both colours, and their difference.
PUBLISHED = np.array(
    [
        [float(value) for value in line.split()]
        for line in """
50.0000 2.6772 -79.7751 50.0000 0.0000 -82.7485 2.0425
50.0000 3.1571 -77.2803 50.0000 0.0000 -82.7485 2.8615
50.0000 2.8361 -74.0200 50.0000 0.0000 -82.7485 3.4412
50.0000 -1.3802 -84.2814 50.0000 0.0000 -82.7485 1.0000
50.0000 -1.1848 -84.8006 50.0000 0.0000 -82.7485 1.0000
50.0000 -0.9009 -85.5211 50.0000 0.0000 -82.7485 1.0000
50.0000 0.0000 0.0000 50.0000 -1.0000 2.0000 2.3669
50.0000 -1.0000 2.0000 50.0000 0.0000 0.0000 2.3669
50.0000 2.4900 -0.0010 50.0000 -2.4900 0.0009 7.1792
50.0000 2.4900 -0.0010 50.0000 -2.4900 0.0010 7.1792
50.0000 2.4900 -0.0010 50.0000 -2.4900 0.0011 7.2195
50.0000 2.4900 -0.0010 50.0000 -2.4900 0.0012 7.2195
50.0000 -0.0010 2.4900 50.0000 0.0009 -2.4900 4.8045
50.0000 -0.0010 2.4900 50.0000 0.0010 -2.4900 4.8045
50.0000 -0.0010 2.4900 50.0000 0.0011 -2.4900 4.7461
50.0000 2.5000 0.0000 50.0000 0.0000 -2.5000 4.3065
50.0000 2.5000 0.0000 73.0000 25.0000 -18.0000 27.1492
50.0000 2.5000 0.0000 61.0000 -5.0000 29.0000 22.8977
50.0000 2.5000 0.0000 56.0000 -27.0000 -3.0000 31.9030
50.0000 2.5000 0.0000 58.0000 24.0000 15.0000 19.4535
50.0000 2.5000 0.0000 50.0000 3.1736 0.5854 1.0000
50.0000 2.5000 0.0000 50.0000 3.2972 0.0000 1.0000
50.0000 2.5000 0.0000 50.0000 1.8634 0.5757 1.0000
50.0000 2.5000 0.0000 50.0000 3.2592 0.3350 1.0000
60.2574 -34.0099 36.2677 60.4626 -34.1751 39.4387 1.2644
63.0109 -31.0961 -5.8663 62.8187 -29.7946 -4.0864 1.2630
61.2901 3.7196 -5.3901 61.4292 2.2480 -4.9620 1.8731
35.0831 -44.1164 3.7933 35.0232 -40.0716 1.5901 1.8645
22.7233 20.0904 -46.6940 23.0331 14.9730 -42.5619 2.0373
36.4612 47.8580 18.3852 36.2715 50.5065 21.2231 1.4146
90.8027 -2.0831 1.4410 91.1528 -1.6435 0.0447 1.4441
90.9257 -0.5406 -0.9208 88.6381 -0.8985 -0.7239 1.5381
6.7747 -0.2908 -2.4247 5.8714 -0.0985 -2.2286 0.6377
2.0776 0.0795 -1.1350 0.9033 -0.0636 -0.5514 0.9082
""".strip().splitlines()
    ]
)


def test_published_pairs() -> None:
    assert len(PUBLISHED) == 34
    differences = ciede2000(PUBLISHED[:, :3], PUBLISHED[:, 3:6])
    assert differences == pytest.approx(PUBLISHED[:, 6], abs=0.00005)


def test_published_pairs_the_other_way_round() -> None:
    differences = ciede2000(PUBLISHED[:, 3:6], PUBLISHED[:, :3])
    assert differences == pytest.approx(PUBLISHED[:, 6], abs=0.00005)


def test_shapes_broadcast() -> None:
    lab = rgb_to_lab(np.random.default_rng(0).integers(0, 256, (4, 1, 3)))
    assert ciede2000(lab, lab.reshape(1, 4, 3)).shape == (4, 4)
    assert ciede2000(lab[0, 0], lab[1, 0]).shape == ()


@given(positions, positions)
def test_is_a_number_wherever_the_colors_lie(
    first: tuple[float, float, float], second: tuple[float, float, float]
) -> None:
    difference = float(ciede2000(first, second))
    assert np.isfinite(difference)
    assert difference >= 0.0
    assert difference == pytest.approx(float(ciede2000(second, first)), abs=1e-6)


@given(colors, colors)
def test_is_symmetric_and_zero_only_between_equals(
    one: tuple[int, int, int], two: tuple[int, int, int]
) -> None:
    first, second = rgb_to_lab(one), rgb_to_lab(two)
    assert ciede2000(first, second) == pytest.approx(ciede2000(second, first), abs=1e-9)
    assert (ciede2000(first, second) == 0.0) == (one == two)
