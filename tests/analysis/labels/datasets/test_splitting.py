"""Splits and folds keep what belongs together, teach every label, and depend on pictures alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.errors import NothingToTrain, WrongDataset
from analysis.labels.dataset import Dataset, Split
from analysis.labels.datasets.folds import draw_folds
from analysis.labels.datasets.splitting import (
    SHARES,
    draw_split,
    given_split,
    resolve_policy,
)
from tests.analysis.labels.toys import dataset_of

PARTS = ("train", "validation", "test", "removed")


def images(
    labels: Sequence[int | tuple[int, ...]],
    *,
    groups: Sequence[int] | None = None,
    artists: Sequence[int] | None = None,
    sites: Sequence[str] | None = None,
    artists_known: bool = True,
) -> Dataset:
    """Images with a label each, or several."""
    several = [(one,) if isinstance(one, int) else one for one in labels]
    targets = np.zeros((len(labels), max(max(one) for one in several) + 1), np.uint8)
    for row, one in zip(targets, several, strict=True):
        row[list(one)] = 1
    mode = "single" if all(isinstance(one, int) for one in labels) else "multi"
    own = np.arange(len(labels)) if groups is None else np.array(groups)
    made = dataset_of(
        targets[:, targets.any(axis=0)],
        mode,
        artists=(own + 1000 if artists is None else np.array(artists)).astype(np.int64),
        artists_known=artists_known,
    )
    return replace(
        made, groups=own.astype(np.int64), sites=tuple(sites or ["museum"] * len(labels))
    )


def collection(count: int, hands: int, several: bool, seed: int) -> Dataset:
    """Single labels or several; artists with many works or one; some look-alikes."""
    rng = np.random.default_rng(seed)
    artists = rng.integers(0, hands, count)
    # Look-alikes are by one artist, as `Dataset.artists` has it.
    groups = 10 * artists + rng.integers(0, 10, count)
    labels: list[int | tuple[int, ...]] = rng.integers(0, 5, count).tolist()
    if several:
        labels = [
            tuple(rng.choice(6, rng.integers(1, 5), replace=False).tolist()) for _ in range(count)
        ]
    return images(labels, groups=groups.tolist(), artists=artists.tolist())


COLLECTIONS = st.builds(
    collection, st.integers(12, 90), st.integers(3, 26), st.booleans(), st.integers(0, 999)
)
SEEDS = st.integers(0, 3)
POLICIES = st.sampled_from(["artists", "random"])


def parts_of(dataset: Dataset, split: Split) -> list[str]:
    parts = [""] * len(dataset)
    for name in PARTS:
        for at in getattr(split, name).tolist():
            assert parts[at] == ""
            parts[at] = name
    return parts


def supports(dataset: Dataset, groups: np.ndarray, places: np.ndarray) -> list[int]:  # type: ignore[type-arg]
    """Groups of each label among some images."""
    return [
        len(np.unique(groups[places][dataset.targets[places, label] > 0]))
        for label in range(len(dataset.classes))
    ]


@settings(max_examples=50)
@given(COLLECTIONS, POLICIES, SEEDS)
def test_groups_are_whole_and_every_label_is_taught(
    dataset: Dataset, policy: str, seed: int
) -> None:
    groups = dataset.artists if policy == "artists" else dataset.groups
    try:
        split = draw_split(dataset, policy, seed=seed)
    except NothingToTrain:
        # Nobody can be spared who teaches a label that no other does.
        assert len(np.unique(groups)) < len(dataset.classes) + 3
        return
    parts = parts_of(dataset, split)
    assert "" not in parts
    assert "removed" not in parts
    homes: dict[int, set[str]] = {}
    for group, part in zip(groups.tolist(), parts, strict=True):
        homes.setdefault(group, set()).add(part)
    assert all(len(home) == 1 for home in homes.values())
    assert dataset.targets[split.train].any(axis=0).all()
    assert split.policy == policy
    assert split.leaks == 0


@settings(max_examples=50)
@given(COLLECTIONS, POLICIES, SEEDS)
def test_neither_ids_nor_the_order_of_a_crawl_matter(
    dataset: Dataset, policy: str, seed: int
) -> None:
    order = np.random.default_rng(seed).permutation(len(dataset))
    numbers = np.random.default_rng(seed + 1).permutation(300)
    other = replace(
        dataset.subset(order),
        ids=dataset.ids[order][::-1] + 5000,
        groups=numbers[dataset.groups[order]],
        artists=numbers[dataset.artists[order]],
    )
    try:
        one = draw_split(dataset, policy, seed=seed)
    except NothingToTrain as error:
        with pytest.raises(NothingToTrain, match=re.escape(str(error))):
            draw_split(other, policy, seed=seed)
        return
    again = draw_split(other, policy, seed=seed)
    assert again.fingerprint == one.fingerprint
    assert sorted(order[again.test].tolist()) == one.test.tolist()


@settings(max_examples=30)
@given(st.integers(100, 200), SEEDS)
def test_each_part_has_its_share_of_each_label(count: int, seed: int) -> None:
    labels = np.random.default_rng(count).integers(0, 5, count).tolist()
    dataset = images(labels, artists_known=False)
    split = draw_split(dataset, seed=seed)
    assert split.policy == "random"
    for name, percent in SHARES.items():
        found = dataset.targets[getattr(split, name)].sum(axis=0)
        wanted = dataset.targets.sum(axis=0) * percent / 100
        # A label that few images have is taught first.
        assert (np.abs(found - wanted) <= 2).all()


def test_a_label_of_few_groups_is_taught_then_measured() -> None:
    labels = [0] * 40 + [1] * 40 + [2] + [3] * 2 + [4] * 4
    dataset = images(labels, artists_known=False)
    for seed in range(20):
        split = draw_split(dataset, seed=seed)
        counts = {name: dataset.targets[getattr(split, name)].sum(axis=0) for name in SHARES}
        assert counts["train"][2:].tolist() == [1, 1, 2]
        assert counts["test"][2:].tolist() == [0, 1, 1]
        assert counts["validation"][2:].tolist() == [0, 0, 1]


def test_another_seed_draws_another_split_and_large_artists_measure_too() -> None:
    rng = np.random.default_rng(0)
    artists = rng.zipf(1.4, 600) % 60
    dataset = images(rng.integers(0, 4, 600).tolist(), artists=artists.tolist())
    # The largest artists have no place in the smaller parts.
    sizes = np.bincount(artists)
    assert sizes.max() <= 0.4 * len(dataset)
    splits = [draw_split(dataset, seed=seed) for seed in range(12)]
    assert {split.policy for split in splits} == {"artists"}
    assert len({split.fingerprint for split in splits}) == 12
    for split in splits:
        assert 0.15 <= len(split.test) / len(dataset) <= 0.25
        assert 0.10 <= len(split.validation) / len(dataset) <= 0.20
    tested = {artist for split in splits for artist in artists[split.test].tolist()}
    assert len(tested) > 0.8 * len(np.unique(artists))


def test_by_artist_where_that_can_be() -> None:
    labels = [at % 3 for at in range(60)]
    assert (
        resolve_policy(images(labels, artists=[at % 12 for at in range(60)]), "auto") == "artists"
    )
    for artists, known in (
        ([at % 9 for at in range(60)], True),  # too few
        ([0] * 30 + list(range(1, 31)), True),  # one has half of all
        (list(range(60)), False),  # nobody says who made what
    ):
        dataset = images(labels, artists=artists, artists_known=known)
        assert resolve_policy(dataset, "auto") == "random"
    with pytest.raises(WrongDataset, match=r"nobody says who made them.*--split random"):
        draw_split(dataset, "artists", seed=0)
    with pytest.raises(WrongDataset, match='no split "artist": choose from auto, artists, site'):
        draw_split(dataset, "artist", seed=0)


def test_artists_themselves_are_told_from_other_works_of_theirs() -> None:
    made = images([at % 12 for at in range(60)], artists=[at % 12 for at in range(60)])
    dataset = replace(made, query=replace(made.query, head="artist"))
    split = draw_split(dataset, seed=0)
    assert split.policy == "random"
    assert dataset.targets[split.train].any(axis=0).all()
    with pytest.raises(WrongDataset, match="artist whose works do not teach cannot be told"):
        draw_split(dataset, "artists", seed=0)


def test_sites_that_measure_do_not_teach_and_look_alikes_go() -> None:
    labels = [at % 3 for at in range(120)]
    sites = ["a"] * 50 + ["b"] * 40 + ["c"] * 30
    groups = list(range(120))
    dataset = images(labels, groups=groups, sites=sites)
    split = draw_split(dataset, "site", seed=0)
    tested = {sites[at] for at in split.test.tolist()}
    assert len(tested) == 1
    assert split.leaks == 0
    assert all(
        sites[at] not in tested
        for part in ("train", "validation")
        for at in getattr(split, part).tolist()
    )
    # Two of a test image look the same as one elsewhere; so do two within the test.
    first, second, third = split.test[:3].tolist()
    elsewhere, also = split.train[0], split.validation[0]
    groups[elsewhere] = groups[also] = groups[second] = groups[first]
    torn = draw_split(images(labels, groups=groups, sites=sites), "site", seed=0)
    assert torn.test.tolist() == split.test.tolist()
    assert {int(elsewhere), int(also)} <= set(torn.removed.tolist())
    assert third in torn.test
    # Each of two here with each of two there.
    assert torn.leaks == 4
    assert torn.as_dict()["removed"] == len(torn.removed) == 2


def test_sites_that_cannot_be_split_are_said() -> None:
    with pytest.raises(WrongDataset, match="all 20 images are from the site museum"):
        draw_split(images([0, 1] * 10), "site", seed=0)
    apart = images([0] * 20 + [1] * 20, sites=["a"] * 20 + ["b"] * 20)
    with pytest.raises(NothingToTrain, match=r"nothing is left for validation and test .* by site"):
        draw_split(apart, "site", seed=0)


def test_too_few_groups_are_said() -> None:
    with pytest.raises(NothingToTrain, match="there are 2 images that do not look the same"):
        draw_split(images([0, 0, 1, 1], groups=[0, 0, 1, 1], artists_known=False), seed=0)
    with pytest.raises(NothingToTrain, match=r"nothing is left for .* of 3 images"):
        draw_split(images([0, 1, 2]), "random", seed=0)


def test_a_given_split_is_kept_but_for_look_alikes() -> None:
    dataset = images([0, 1] * 10, groups=[0, 1, 2, 3, 4, 0, *range(6, 19), 12])
    ids = dataset.ids.tolist()
    parts = dict.fromkeys(ids[:10], "train") | dict.fromkeys(ids[10:14], "validation")
    parts |= dict.fromkeys(ids[14:19], "test") | {ids[19]: "test", 999: "test"}
    split = given_split(dataset, parts, name="theirs")
    # 12 looks the same as 19, which measures; 0 and 5 both teach.
    assert split.removed.tolist() == [12]
    assert split.validation.tolist() == [10, 11, 13]
    assert (split.policy, split.leaks, split.gone, split.unassigned) == ("given", 1, 1, 0)
    few = {one: part for one, part in parts.items() if part != "validation"}
    drawn = given_split(dataset, few, name="theirs")
    assert drawn.test.tolist() == split.test.tolist()
    assert drawn.unassigned == 4
    assert len(drawn.validation) >= 1
    assert set(drawn.validation.tolist()) | set(drawn.train.tolist()) == set(range(10))


def test_what_a_given_split_lacks_is_said() -> None:
    dataset = images([0, 1] * 10)
    ids = dataset.ids.tolist()
    with pytest.raises(WrongDataset, match='split theirs has a part "dev": parts are train, val'):
        given_split(dataset, {ids[0]: "dev"}, name="theirs")
    with pytest.raises(NothingToTrain, match="split theirs leaves test empty: of its 1 images, 1 "):
        given_split(dataset, {ids[0]: "train"}, name="theirs")
    parts = {one: ("train", "validation", "test")[at % 3] for at, one in enumerate(ids[::2])}
    parts |= dict.fromkeys(ids[1::2], "test")
    with pytest.raises(NothingToTrain, match=r"no image teaches label 01 .*--merge 'LABEL='"):
        given_split(dataset, parts, name="theirs")


@settings(max_examples=50)
@given(COLLECTIONS, st.integers(2, 4), SEEDS)
def test_folds_measure_everything_once_and_teach_what_they_measure(
    dataset: Dataset, folds: int, seed: int
) -> None:
    least = min(supports(dataset, dataset.groups, np.arange(len(dataset))))
    try:
        drawn = draw_folds(dataset, "random", folds, 2, seed)
    except NothingToTrain:
        assert least < 3
        return
    assert len(drawn) == 2 * folds
    for number in (0, 1):
        measured = [test for _, test in drawn[number * folds : (number + 1) * folds]]
        assert sorted(np.concatenate(measured).tolist()) == list(range(len(dataset)))
    for train, test in drawn:
        assert len(test)
        assert set(train.tolist()).isdisjoint(test.tolist())
        assert not np.isin(dataset.groups[test], dataset.groups[train]).any()
        assert dataset.targets[train].any(axis=0).all()


@settings(max_examples=50)
@given(COLLECTIONS, SEEDS)
def test_folds_do_not_depend_on_the_order_of_a_crawl(dataset: Dataset, seed: int) -> None:
    order = np.random.default_rng(seed).permutation(len(dataset))
    other = dataset.subset(order)
    try:
        one = draw_folds(dataset, "random", 3, 1, seed)
    except NothingToTrain:
        return
    again = draw_folds(other, "random", 3, 1, seed)
    for (_, test), (_, same) in zip(one, again, strict=True):
        assert sorted(order[same].tolist()) == test.tolist()


def test_folds_are_stratified_and_each_round_differs() -> None:
    dataset = images([0] * 50 + [1] * 25 + [2] * 10, artists_known=False)
    drawn = draw_folds(dataset, "auto", 5, 3, seed=0)
    for _, test in drawn:
        assert dataset.targets[test].sum(axis=0).tolist() == [10, 5, 2]
    assert len({tuple(test.tolist()) for _, test in drawn}) == 15


def test_folds_by_site_leave_look_alikes_out() -> None:
    sites = ["a"] * 10 + ["b"] * 10 + ["c"] * 10
    groups = list(range(30))
    groups[12] = groups[3]
    dataset = images([at % 2 for at in range(30)], groups=groups, sites=sites)
    drawn = draw_folds(dataset, "site", 3, 1, 0)
    for train, test in drawn:
        site = {sites[at] for at in test.tolist()}
        assert len(site) == 1
        assert len(train) == (20 if site == {"c"} else 19)
        assert site.isdisjoint(sites[at] for at in train.tolist())


def test_folds_that_cannot_be_are_said() -> None:
    dataset = images([0] * 10 + [1])
    with pytest.raises(NothingToTrain, match=r"all images with the label label 01 .*--merge"):
        draw_folds(dataset, "random", 3, 1, 0)
    by_one = images([0] * 10 + [1] * 5, artists=[*range(10), *[20] * 5])
    with pytest.raises(NothingToTrain, match=r"label 01 .*\(artists\).*or choose --split random"):
        draw_folds(by_one, "artists", 3, 1, 0)
    with pytest.raises(WrongDataset, match=r"11 groups .random. cannot be in 12 folds"):
        draw_folds(dataset, "random", 12, 1, 0)
    with pytest.raises(WrongDataset, match="1 folds in 1 rounds"):
        draw_folds(dataset, "random", 1, 1, 0)
