"""Which images a report shows: the worst errors first, and no image in both rows of a wall."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from analysis.labels.heads import Mode
from analysis.labels.reporting.exhibits import Answered, find_mistakes, hang_walls
from tests.analysis.labels.toys import drawn_targets, hashes, names, predicted


def answered(
    mode: Mode, seed: int = 0, count: int = 60, parts: list[str] | None = None
) -> Answered:
    targets = drawn_targets(count, 3, mode, seed)
    p = np.random.default_rng(seed).random(targets.shape).astype(np.float32)
    if mode == "single":
        p /= p.sum(axis=1, keepdims=True)
    thresholds = np.array([0.3, 0.5, 0.7], np.float32) if mode == "multi" else None
    return Answered.of(predicted(targets, p, parts=parts), mode, thresholds)


def test_only_what_measured_is_shown() -> None:
    parts = ["train", "validation", "test", "removed"] * 15
    found = answered("single", parts=parts)
    assert found.sha256 == hashes(60)[2::4]
    assert len(found.accepted) == 15


def test_the_most_confident_error_comes_first() -> None:
    targets = np.eye(3, dtype=np.uint8)[[0, 0, 1, 2]]
    p = np.array([[0.9, 0.1, 0.0], [0.1, 0.6, 0.3], [0.0, 0.05, 0.95], [0.3, 0.3, 0.4]], np.float32)
    first, second = find_mistakes(Answered.of(predicted(targets, p), "single"))
    assert first.sha256 == hashes(4)[2]
    assert first.truth == ("label 01",)
    assert [label for label, _ in first.much] == ["label 02"]
    assert [label for label, _ in first.missed] == ["label 01"]
    assert first.right == ()
    assert (round(first.weight, 2), round(second.weight, 2)) == (0.95, 0.6)


def test_of_several_labels_what_is_missed_is_an_error_too() -> None:
    targets = np.array([[1, 1, 0], [1, 0, 0], [0, 0, 1]], np.uint8)
    p = np.array([[0.9, 0.02, 0.1], [0.8, 0.6, 0.1], [0.1, 0.1, 0.9]], np.float32)
    first, second = find_mistakes(Answered.of(predicted(targets, p), "multi"))
    assert [label for label, _ in first.missed] == ["label 01"]
    assert [label for label, _ in first.right] == ["label 00"]
    assert first.much == ()
    assert round(first.weight, 2) == 0.98
    assert [label for label, _ in second.much] == ["label 01"]


@given(st.integers(0, 10_000), st.sampled_from(["single", "multi"]), st.integers(1, 40))
def test_walls_and_errors_hang_together(seed: int, mode: Mode, each: int) -> None:
    found = answered(mode, seed)
    wrong = find_mistakes(found)
    assert {one.sha256 for one in wrong} == {
        sha256 for sha256, row in zip(found.sha256, found.wrong, strict=True) if row.any()
    }
    weights = [one.weight for one in wrong]
    assert weights == sorted(weights, reverse=True)
    for wall in hang_walls(found, names(3), each):
        surest, least = ([one.weight for one in row] for row in (wall.surest, wall.least))
        hung = [one.sha256 for one in (*wall.surest, *wall.least)]
        assert len(set(hung)) == len(hung)
        assert 1 <= len(surest) <= each
        assert len(least) <= each
        assert surest == sorted(surest, reverse=True)
        assert least == sorted(least)
        assert not least or max(least) <= min(surest)
