"""What the benchmark calls the same."""

from __future__ import annotations

import pytest

from benchmarks.labelling.repeat import difference

MEASURES = {"accuracy": 0.5, "classes": ["a", "b"], "confusion": [[1, 0], [0, 1]], "note": None}


def test_the_greatest_difference_of_any_number_counts() -> None:
    assert difference(MEASURES, dict(MEASURES)) == 0
    other = MEASURES | {"accuracy": 0.75}
    assert difference({"a": [MEASURES, MEASURES]}, {"a": [MEASURES, other]}) == 0.25


@pytest.mark.parametrize(
    "other",
    [
        {"classes": ["a", "c"]},
        {"classes": ["a"]},
        {"confusion": [[0, 1], [0, 1]]},
        {"accuracy": None},
        {"more": 1.0},
    ],
    ids=str,
)
def test_what_is_no_number_has_to_be_equal(other: dict[str, object]) -> None:
    assert difference(MEASURES, MEASURES | other) == float("inf")
