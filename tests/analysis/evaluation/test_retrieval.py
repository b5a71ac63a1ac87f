"""Leave-one-out: as a plain loop has it, in blocks as at once, without what may not answer."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.evaluation import retrieval
from analysis.evaluation.ranking import ndcg_at
from analysis.evaluation.relevance import Labels, Relevance
from analysis.evaluation.retrieval import by_cosine, by_distance, by_hash, judge
from tests.analysis.evaluation.labels import labelled

NAMES = st.sampled_from(["", "a", "b", "a|b", "c"])


@st.composite
def collections(draw: st.DrawFn) -> tuple[Labels, np.ndarray]:
    """Up to a dozen images with terms, look-alikes, artists and vectors."""
    count = draw(st.integers(2, 12))
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    groups = [draw(st.integers(0, count)) for _ in range(count)]
    labels = labelled(
        style=[draw(NAMES) for _ in range(count)],
        genre=[draw(NAMES) for _ in range(count)],
        groups=groups,
        # Works that look the same are by one artist.
        artists=[group // 2 for group in groups],
    )
    vectors = rng.normal(size=(count, 3)).astype(np.float32)
    return labels, vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def gain(labels: Labels, one: int, other: int) -> int:
    return sum(bool(set(names[one]) & set(names[other])) for names in labels.terms.values())


def by_hand(
    labels: Labels, vectors: np.ndarray, k: int, apart: np.ndarray
) -> dict[int, tuple[float, float]]:
    """Precision and NDCG of each query that has anything to find."""
    found = {}
    for query in range(len(labels)):
        others = [at for at in range(len(labels)) if apart[at] != apart[query]]
        likeness = vectors[query] @ vectors.T
        ranked = [gain(labels, query, at) for at in sorted(others, key=lambda at: -likeness[at])]
        if any(ranked):
            precision = sum(one > 0 for one in ranked[:k]) / min(k, len(ranked))
            found[query] = (precision, float(ndcg_at(np.array([ranked]), k)[0]))
    return found


@settings(max_examples=60)
@given(collections(), st.integers(1, 5), st.booleans())
def test_as_by_hand(found: tuple[Labels, np.ndarray], k: int, without_artist: bool) -> None:
    labels, vectors = found
    expected = by_hand(labels, vectors, k, labels.artists if without_artist else labels.groups)
    judged = judge(by_cosine(vectors), labels, k=k, without_artist=without_artist)
    assert judged.asked == len(labels)
    assert judged.queries.tolist() == list(expected)
    assert judged.measures["precision"] == pytest.approx([one[0] for one in expected.values()])
    assert judged.measures["ndcg"] == pytest.approx([one[1] for one in expected.values()])
    for measure in (*judged.measures.values(), *judged.chance.values()):
        assert len(measure) == len(expected)
        assert (np.isnan(measure) | ((measure >= 0) & (measure <= 1 + 1e-12))).all()


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    labels = labelled(style=rng.choice(["a", "b", ""], 40).tolist())
    vectors = rng.normal(size=(40, 4)).astype(np.float32)
    at_once = judge(by_cosine(vectors), labels)
    monkeypatch.setattr(retrieval, "CELLS", 90)
    in_blocks = judge(by_cosine(vectors), labels)
    assert in_blocks.queries.tolist() == at_once.queries.tolist()
    for name, measure in at_once.measures.items():
        assert in_blocks.measures[name] == pytest.approx(measure)


def test_a_copy_is_no_success() -> None:
    vectors = np.eye(3, dtype=np.float32)[[0, 0, 1, 2]]
    names = ["a", "a", "b", "b"]
    flattered = judge(by_cosine(vectors), labelled(style=names), k=1)
    assert flattered.measures["precision"].tolist() == [1, 1, 0, 0]
    honest = judge(by_cosine(vectors), labelled(style=names, groups=[7, 7, 8, 9]), k=1)
    # The two that are one picture have nothing else to find.
    assert honest.queries.tolist() == [2, 3]


def test_what_agrees_in_more_kinds_is_worth_more() -> None:
    labels = labelled(style=["a", "a", "a|b", "b"], genre=["x", "y", "x", ""])
    relevance = Relevance.of(labels)
    assert relevance.gains(np.array([0])).tolist() == [[2, 1, 2, 0]]
    assert relevance.shared(np.array([2]), "style").tolist() == [[True, True, True, True]]


def test_a_kind_is_measured_by_those_that_have_something_to_find() -> None:
    labels = labelled(style=["a", "a", "", ""], genre=["x", "", "x", "y"], subject=[""] * 4)
    judged = judge(by_cosine(np.eye(4, dtype=np.float32)), labels, k=1)
    assert judged.queries.tolist() == [0, 1, 2]
    assert np.isnan(judged.measures["precision style"]).tolist() == [False, False, True]
    assert np.isnan(judged.chance["precision genre"]).tolist() == [False, True, False]
    assert "precision subject" not in judged.measures


def test_a_part_of_the_images_may_ask() -> None:
    labels = labelled(style=["a", "a", "b", "b"])
    judged = judge(by_cosine(np.eye(4, dtype=np.float32)), labels, queries=np.array([3]))
    assert (judged.queries.tolist(), judged.asked) == ([3], 1)
    nobody = judge(by_cosine(np.eye(4, dtype=np.float32)), labels, queries=np.array([], np.int64))
    assert (len(nobody.queries), nobody.asked) == (0, 0)


def test_hashes_and_values_are_compared_by_what_they_are() -> None:
    hashes = np.array([0, -1, 7, 1], np.int64)
    assert by_hash(hashes)(np.array([0])).tolist() == [[0, -64, -3, -1]]
    rng = np.random.default_rng(0)
    values = rng.normal(size=(9, 5)).astype(np.float32) * [1, 100, 1, 1, 0]
    scaled = values / np.where(values.std(axis=0) > 0, values.std(axis=0), 1)
    near = np.linalg.norm(scaled[4] - scaled, axis=1)
    found = by_distance(values.astype(np.float32))(np.array([4]))[0]
    assert np.argsort(-found).tolist() == np.argsort(near).tolist()


def test_labels_are_chosen_and_named_by_what_they_say() -> None:
    labels = labelled(style=["a", "", "b|a"], genre=["", "", "x"])
    assert labels.said().tolist() == [True, False, True]
    chosen = labels.subset(labels.said())
    assert chosen.sha256 == (labels.sha256[0], labels.sha256[2])
    assert chosen.terms["style"] == (("a",), ("b", "a"))
    turned = labels.subset(np.array([2, 0, 1]))
    assert turned.fingerprint == labels.fingerprint != chosen.fingerprint
