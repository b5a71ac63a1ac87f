"""Folds for repeated cross-validation: each image measures once in every round."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from analysis.errors import NothingToTrain, WrongDataset
from analysis.evaluation.relevance import Numbers
from analysis.labels.dataset import Dataset
from analysis.labels.datasets.assigning import Wholes, assign, drawn_wholes, having
from analysis.labels.datasets.splitting import resolve_policy

LEAST_FOLDS = 2


def draw_folds(
    dataset: Dataset, policy: str, folds: int, rounds: int, seed: int
) -> list[tuple[Numbers, Numbers]]:
    """Return the places that teach and those that measure, fold by fold, round after round.

    Groups (by `policy`, as in `draw_split`) stay whole, each fold has its share of every label,
    several of an image among them, and each round is drawn anew.

    Raises WrongDataset for a policy or numbers that do not fit, and NothingToTrain where a label
    would be measured that nothing teaches.
    """
    if folds < LEAST_FOLDS or rounds < 1:
        raise WrongDataset(
            f"{folds} folds in {rounds} rounds are asked for: at least {LEAST_FOLDS} folds in 1 "
            "round make sense."
        )
    chosen = resolve_policy(dataset, policy)
    kept: Mapping[str, Numbers | Sequence[str]] = {
        "artists": dataset.artists,
        "site": dataset.sites,
        "random": dataset.groups,
    }
    drawn = []
    for number in range(rounds):
        wholes = drawn_wholes(dataset.targets, kept[chosen], dataset.sha256, f"{seed}.{number}")
        if len(wholes) < folds:
            raise WrongDataset(
                f"{len(wholes)} groups ({chosen}) cannot be in {folds} folds: ask for fewer "
                "--folds."
            )
        parts = assign(wholes, [1] * folds)
        fold = _spread(dataset, wholes, parts, folds, chosen)[wholes.of_image]
        if len(np.unique(fold)) < folds:
            raise WrongDataset(
                f"some of {folds} folds would be empty, so large are some groups ({chosen}): ask "
                "for fewer --folds."
            )
        for one in range(folds):
            # Sites are whole and may have the same picture: it does not teach what it measures.
            alike = np.isin(dataset.groups, dataset.groups[fold == one])
            drawn.append((np.flatnonzero(~alike), np.flatnonzero(fold == one)))
    return drawn


def _spread(dataset: Dataset, wholes: Wholes, parts: Numbers, folds: int, policy: str) -> Numbers:
    """Return the folds of groups with every label in two of them or more, so that it is taught."""
    parts = parts.copy()
    found = having(wholes, parts, folds)
    for label in np.flatnonzero((found > 0).sum(axis=0) == 1).tolist():
        if not _moved(wholes, parts, found, label):
            raise NothingToTrain(
                f"all images with the label {dataset.classes[label]} are in one fold, and nothing "
                f"teaches it when they measure ({policy}): drop it (--merge "
                f"'{dataset.classes[label]}='), "
                + (
                    "or ask for more images of each (--min-support)."
                    if policy == "random"
                    else "or choose --split random."
                )
            )
    return parts


def _moved(wholes: Wholes, parts: Numbers, found: Numbers, label: int) -> bool:
    """Move a group with the label to another fold, in place, where no other label suffers."""
    members = wholes.members(label)
    if len(members) < LEAST_FOLDS:
        return False
    for group in sorted(members.tolist(), key=lambda one: (int(wholes.sizes[one]), one)):
        labels, home = wholes.labels(group), int(parts[group])
        # The fold with fewest images first.
        sizes = np.bincount(parts, wholes.sizes, minlength=len(found))
        for fold in np.argsort(sizes, kind="stable").tolist():
            if fold == home:
                continue
            after = found[:, labels].copy()
            after[home] -= 1
            after[fold] += 1
            folds_before, folds_after = (found[:, labels] > 0).sum(0), (after > 0).sum(0)
            if (folds_after >= np.minimum(folds_before, LEAST_FOLDS)).all() and (
                (after > 0).sum(0)[labels == label] >= LEAST_FOLDS
            ).all():
                found[:, labels], parts[group] = after, fold
                return True
    return False
