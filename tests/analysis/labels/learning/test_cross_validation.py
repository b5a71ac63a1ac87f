"""Cross-validation: it praises nothing that has seen what measures it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from analysis.errors import WrongDataset
from analysis.labels.dataset import Dataset, DatasetQuery
from analysis.labels.datasets.folds import draw_folds
from analysis.labels.heads import Mode
from analysis.labels.learning import cross_validation
from analysis.labels.learning.cross_validation import cross_validate
from analysis.labels.learning.probe import ProbeRecipe

QUICK = ProbeRecipe(grid=(0.01, 1.0))


def dataset(labels: Sequence[int], *, mode: Mode = "single", artists: int = 24) -> Dataset:
    n = len(labels)
    return Dataset(
        query=DatasetQuery("style", mode),
        classes=("baroque", "cubism", "fauvism"),
        ids=np.arange(n),
        sha256=tuple(f"{one:064x}" for one in range(n)),
        targets=np.eye(3, dtype=np.uint8)[np.asarray(labels)],
        weak=np.zeros(n, np.bool_),
        groups=np.arange(n),
        artists=np.arange(n) % artists,
        sites=("museum",) * n,
        artists_known=True,
    )


def vectors(labels: Sequence[int], spread: float) -> np.ndarray:  # type: ignore[type-arg]
    rng = np.random.default_rng(3)
    made = np.eye(8)[np.asarray(labels)] + rng.normal(0, spread, (len(labels), 8))
    scaled = made / np.linalg.norm(made, axis=1, keepdims=True)
    return scaled.astype(np.float32)


LABELS = [(number // 24) % 3 for number in range(144)]


@pytest.mark.parametrize("mode", ["single", "multi"])
def test_what_can_be_told_is_told_in_every_fold(mode: Mode) -> None:
    told: list[tuple[str, int, int]] = []
    found = cross_validate(
        dataset(LABELS, mode=mode),
        vectors(LABELS, 0.2),
        folds=3,
        rounds=2,
        recipe=QUICK,
        progress=lambda *said: told.append(said),
    )
    assert told == [("folds", done, 6) for done in range(1, 7)]
    assert [(one["round"], one["fold"]) for one in found["per_fold"]] == [
        (number, fold) for number in (1, 2) for fold in (1, 2, 3)
    ]
    assert sum(one["test"] for one in found["per_fold"]) == 2 * len(LABELS)
    assert (found["images"], found["drawn_by"], found["policy"]) == (144, "artists", "auto")
    for name in ("accuracy", "f1_macro", "map"):
        assert found[name]["low"] <= found[name]["mean"] <= found[name]["high"]
        assert found[name]["mean"] > 0.9
        assert found["spread"][name] < 0.2
    assert found["baselines"]["majority"]["f1_macro"] < 0.5
    assert all(one["c"] in QUICK.grid for one in found["per_fold"])


def test_an_artist_is_not_known_again() -> None:
    # Vectors tell who made a work and nothing else, and each artist has one style.
    artists = np.arange(144) % 24
    labels = (artists // 8).tolist()
    rng = np.random.default_rng(7)
    hands = rng.normal(size=(24, 40))
    said = hands[artists] + rng.normal(0, 0.1, (144, 40))
    known = (said / np.linalg.norm(said, axis=1, keepdims=True)).astype(np.float32)
    apart = cross_validate(dataset(labels), known, folds=4, policy="artists", recipe=QUICK)
    mixed = cross_validate(dataset(labels), known, folds=4, policy="random", recipe=QUICK)
    assert mixed["accuracy"]["mean"] > 0.95
    assert apart["accuracy"]["mean"] < 0.7


def test_it_is_the_same_again_and_another_seed_deals_anew() -> None:
    first, again, other = (
        cross_validate(dataset(LABELS), vectors(LABELS, 0.7), folds=3, seed=seed, recipe=QUICK)
        for seed in (1, 1, 2)
    )
    assert first == again
    assert first["per_fold"] != other["per_fold"]


def test_what_measures_neither_teaches_nor_chooses(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[set[int]] = []
    choose, fit = cross_validation.choose_probe, cross_validation.fit_linear
    made = vectors(LABELS, 0.4)
    place = {row.tobytes(): at for at, row in enumerate(made)}

    def choosing(given, targets, train, validation, recipe, **options):  # type: ignore[no-untyped-def]
        looked.append(set(train.tolist()) | set(validation.tolist()))
        assert not set(train.tolist()) & set(validation.tolist())
        return choose(given, targets, train, validation, recipe, **options)

    def fitting(given, *args, **options):  # type: ignore[no-untyped-def]
        looked.append({place[row.tobytes()] for row in given})
        return fit(given, *args, **options)

    monkeypatch.setattr(cross_validation, "choose_probe", choosing)
    monkeypatch.setattr(cross_validation, "fit_linear", fitting)
    cross_validate(dataset(LABELS), made, folds=3, recipe=QUICK)
    dealt = draw_folds(dataset(LABELS), "auto", 3, 1, 0)
    assert len(looked) == 6
    for (train, _), chosen, fitted in zip(dealt, looked[::2], looked[1::2], strict=True):
        assert chosen <= set(train.tolist())
        assert fitted == set(train.tolist())


def test_two_sites_are_enough_to_measure_by_site() -> None:
    two = replace(dataset(LABELS), sites=tuple("ab"[number % 2] for number in range(144)))
    found = cross_validate(two, vectors(LABELS, 0.2), folds=2, policy="site", recipe=QUICK)
    assert found["accuracy"]["mean"] > 0.9


@pytest.mark.parametrize(("folds", "rounds"), [(1, 1), (21, 1), (5, 0), (5, 21)])
def test_impossible_folds_are_refused(folds: int, rounds: int) -> None:
    with pytest.raises(WrongDataset, match="choose 2 to 20 folds and 1 to 20 rounds"):
        cross_validate(dataset(LABELS), vectors(LABELS, 0.2), folds=folds, rounds=rounds)
