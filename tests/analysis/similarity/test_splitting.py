"""Splits keep what belongs together, and depend on the pictures and the seed alone."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from analysis.similarity.learned.splitting import SHARES, split_labels
from tests.analysis.evaluation.labels import labelled

GROUPS = st.lists(st.integers(0, 12), min_size=1, max_size=80)


@given(GROUPS, st.integers(0, 5))
def test_everything_is_somewhere_and_groups_are_whole(groups: list[int], seed: int) -> None:
    labels = labelled(style=["a"] * len(groups), groups=groups)
    split = split_labels(labels, seed)
    parts = [split.train, split.validation, split.test]
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(groups)))
    homes: dict[int, set[int]] = {}
    for at, part in enumerate(parts):
        for place in part.tolist():
            homes.setdefault(groups[place], set()).add(at)
    assert all(len(home) == 1 for home in homes.values())


@given(GROUPS, st.integers(0, 5))
def test_the_order_of_a_crawl_does_not_matter(groups: list[int], seed: int) -> None:
    labels = labelled(style=["a"] * len(groups), groups=groups)
    order = np.random.default_rng(seed).permutation(len(groups))
    one, other = split_labels(labels, seed), split_labels(labels.subset(order), seed)
    assert one.fingerprint == other.fingerprint
    assert sorted(order[other.test].tolist()) == one.test.tolist()


def test_by_artist_where_that_can_be() -> None:
    names = ["a"] * 60
    by_twelve = split_labels(labelled(style=names, artists=[at % 12 for at in range(60)]), 0)
    assert by_twelve.policy == "artists"
    assert {at % 12 for at in by_twelve.test}.isdisjoint(at % 12 for at in by_twelve.train)
    for artists in (
        [at % 9 for at in range(60)],  # too few
        [0] * 30 + list(range(1, 31)),  # one has half of all
        list(range(60)),  # nobody says who made what
    ):
        assert split_labels(labelled(style=names, artists=artists), 0).policy == "look-alikes"


def test_about_as_large_as_said_and_another_with_another_seed() -> None:
    labels = labelled(style=["a"] * 500)
    split = split_labels(labels, 0)
    for name, share in SHARES.items():
        assert abs(len(getattr(split, name)) - share * 500) <= 1
    assert split.as_dict()["train"] == len(split.train)
    assert split_labels(labels, 1).fingerprint != split.fingerprint
