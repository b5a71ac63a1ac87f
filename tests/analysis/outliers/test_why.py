"""Why a work is odd, in a few words."""

from __future__ import annotations

import pytest

from analysis.outliers.overview import Neighbor, why


def near(distance: float, *terms: str) -> Neighbor:
    return Neighbor(1, "", "", distance, terms, ())


@pytest.mark.parametrize(
    ("terms", "neighbors", "said"),
    [
        ((), (), "there is nothing to compare it with"),
        (
            ("style:Cubism",),
            (near(0.6, "genre:landscape"),) * 3,
            "near to nothing: its nearest is 0.60 away, usual is 0.30",
        ),
        (
            ("style:Cubism",),
            (near(0.3, "genre:landscape"), near(0.31, "genre:landscape"), near(0.32)),
            "Cubism, and its nearest are landscape",
        ),
        (
            ("style:Cubism",),
            (near(0.05),),
            "with a few of its like (0.05 away), far from the others of style Cubism",
        ),
        (
            (),
            (near(0.3, "genre:landscape"),),
            "its nearest are 0.30 away, as is usual; as a whole it is unlike the others",
        ),
        (
            ("style:Cubism",),
            (near(0.3, "style:Cubism", "genre:landscape"),),
            "its nearest are 0.30 away, as is usual; as a whole it is unlike the others of style "
            "Cubism",
        ),
    ],
    ids=["alone", "near to nothing", "among others", "a few of a kind", "unnamed", "named"],
)
def test_what_is_said(terms: tuple[str, ...], neighbors: tuple[Neighbor, ...], said: str) -> None:
    assert why(terms, neighbors, 0.3) == said
