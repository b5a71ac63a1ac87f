"""What is kept of what a classifier says."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from support.labellers import labeller

from analysis.labels.labelling.saying import LEAST_SCORE, Kept, kept_labels, say


def test_the_likeliest_is_kept_and_what_is_likely() -> None:
    assert kept_labels({"red": 0.2, "blue": 0.7, "teal": 0.04, "gold": 0.06}) == (
        Kept("blue", 0.7, True),
        Kept("red", 0.2, False),
        Kept("gold", 0.06, False),
    )
    many = {f"class {number:02}": 1 / 40 for number in range(40)}
    assert kept_labels(many) == (Kept("class 00", 0.025, True),)
    assert kept_labels({}) == ()
    assert kept_labels({"red": float(np.float64(1) / 3)}) == (Kept("red", 0.333333, True),)


def test_what_is_accepted_is_kept_however_unlikely() -> None:
    scores = {"cat": 0.3, "dog": 0.02, "owl": 0.01}
    assert kept_labels(scores, ["dog"]) == (Kept("cat", 0.3, False), Kept("dog", 0.02, True))
    assert kept_labels(scores, []) == (Kept("cat", 0.3, False),)


@given(
    st.lists(st.lists(st.floats(-1, 1, width=32), min_size=4, max_size=4), min_size=1, max_size=6),
    st.sampled_from(["single", "multi"]),
)
def test_what_is_said_is_what_the_classifier_says_rounded(drawn, mode) -> None:  # type: ignore[no-untyped-def]
    classifier = labeller("style", ("a", "b", "c", "d"), mode=mode)
    vectors = np.array(drawn, np.float32)
    probabilities = classifier.probabilities(vectors)
    alone = [said for row in vectors for said in say(classifier, row[np.newaxis])]
    together = say(classifier, vectors)
    for row, one, other in zip(probabilities, alone, together, strict=True):
        scores = dict(zip(classifier.classes, row.tolist(), strict=True))
        assert one.labels[0].score == max(kept.score for kept in one.labels)
        assert {kept.label for kept in one.labels} >= {
            label for label, score in scores.items() if score > LEAST_SCORE + 1e-5
        }
        for kept in one.labels:
            assert abs(kept.score - scores[kept.label]) < 1e-5
        if mode == "single":
            assert [kept.accepted for kept in one.labels].count(True) == 1
        # Sums of other lengths of memory differ in the last digits.
        assert np.allclose(
            [kept.score for kept in one.labels][:1], other.labels[0].score, atol=2e-6
        )
        assert one.oddness is not None
        assert one.oddness.is_outlier == (one.oddness.score > 1)
        assert one.oddness.likeliest == one.labels[0].label
    assert say(classifier, vectors[:0]) == []
