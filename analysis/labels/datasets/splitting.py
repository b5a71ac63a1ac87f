"""Which images teach, which choose thresholds, and which measure what was learned.

Images that look the same are never apart. Where enough artists are known, neither are works by one
artist: otherwise a model is praised for knowing a hand again. Every label is taught, and measured
where it has enough groups. The same collection is split in the same way after another crawl.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final, Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from analysis.errors import NothingToTrain, WrongDataset
from analysis.labels.dataset import Dataset, Split
from analysis.labels.datasets.assigning import assign, drawn_wholes, fill, mend

Policy: TypeAlias = Literal["auto", "artists", "site", "random"]
POLICIES: Final[tuple[Policy, ...]] = get_args(Policy)
"""Ways of drawing; `auto` is by artists where enough are known, else random."""

TRAIN: Final = "train"
VALIDATION: Final = "validation"
TEST: Final = "test"
REMOVED: Final = "removed"
SHARES: Final[Mapping[str, int]] = {TRAIN: 65, VALIDATION: 15, TEST: 20}
"""Percent of the images."""
PARTS: Final = tuple(SHARES)
LEAST_ARTISTS: Final = 10
"""Fewest artists that are split by: with fewer, a part would hold hardly more than one."""
MOST_OF_ONE: Final = 0.4
"""Most of all images that one artist (or what is connected by works of several) may have."""

_IMPORTANT: Final = (0, 2, 1)
"""Parts that a label has to be in, the first above all: it is to be taught, then measured."""
_KEPT: Final = (1, 1, 1)
_TAUGHT_TWICE: Final = (2, 1, 1)
"""A group that only helps to choose a threshold is not the only one that teaches."""
_NAMED: Final = 12

Parts: TypeAlias = npt.NDArray[np.str_]
"""(n,) The part of each image; empty: it is in none."""


def draw_split(dataset: Dataset, policy: str = "auto", *, seed: int) -> Split:
    """Split images into SHARES, groups as wholes.

    By site, the sites that measure do not teach; validation is drawn from those that do, by artist
    where they are known.

    Raises WrongDataset for a policy that does not exist or that these images cannot be split by,
    and NothingToTrain where a part would be empty or a label would not be taught.
    """
    chosen = resolve_policy(dataset, policy)
    parts = _by_site(dataset, seed) if chosen == "site" else _by_groups(dataset, chosen, seed)
    return to_split(dataset, parts, policy=chosen, seed=seed)


def given_split(dataset: Dataset, parts: Mapping[int, str], *, name: str) -> Split:
    """Return a split that somebody else made, by image id: train, validation and test.

    Without validation, it is drawn from train. Images that look the same as one that measures are
    removed all the same. Raises WrongDataset for other parts, naming the split, and NothingToTrain
    as `draw_split`.
    """
    unknown = sorted(set(parts.values()) - set(PARTS))
    if unknown:
        raise WrongDataset(
            f'the split {name} has a part "{unknown[0]}": parts are {", ".join(PARTS)}.'
        )
    assigned = np.array([parts.get(one, "") for one in dataset.ids.tolist()], dtype="<U10")
    missing = [part for part in (TRAIN, TEST) if not (assigned == part).any()]
    if missing:
        raise NothingToTrain(
            f"the split {name} leaves {' and '.join(missing)} empty: of its {len(parts):,} images, "
            f"{int((assigned != '').sum()):,} are among the {len(dataset):,} that are asked for. "
            "Widen the query, or let it be drawn (--split auto)."
        )
    if VALIDATION not in parts.values():
        _draw_validation(dataset, assigned, seed=0)
    gone = len(parts.keys() - set(dataset.ids.tolist()))
    return to_split(dataset, assigned, policy="given", seed=0, gone=gone)


def resolve_policy(dataset: Dataset, policy: str) -> Literal["artists", "site", "random"]:
    """Return how images are kept together. Raises WrongDataset where they cannot be."""
    sizes = np.unique(dataset.artists, return_counts=True)[1]
    told_by_hand = dataset.query.head == "artist"
    if policy == "auto":
        enough = dataset.artists_known and len(sizes) >= LEAST_ARTISTS and not told_by_hand
        return "artists" if enough and sizes.max() <= MOST_OF_ONE * len(dataset) else "random"
    if policy == "artists":
        if told_by_hand:
            raise WrongDataset(
                "an artist whose works do not teach cannot be told, and a split by artists leaves "
                "nothing to measure: choose --split random."
            )
        if not dataset.artists_known:
            raise WrongDataset(
                "of most of these images nobody says who made them, and a split by artists would "
                "keep little apart: choose --split random, and say so with the results."
            )
        return "artists"
    if policy == "site":
        sites = sorted(set(dataset.sites))
        if len(sites) < 2:
            raise WrongDataset(
                f"all {len(dataset):,} images are from the site {sites[0]}, and none is left to "
                "measure on: crawl another site, or choose --split artists."
            )
        return "site"
    if policy == "random":
        return "random"
    raise WrongDataset(f'there is no split "{policy}": choose from {", ".join(POLICIES)}.')


def to_split(dataset: Dataset, parts: Parts, *, policy: str, seed: int, gone: int = 0) -> Split:
    """Return the split that these parts make, without the look-alikes that they tear apart.

    Of images in one group, those stay that are in the part that comes last: test before
    validation, and validation before train. Raises NothingToTrain where a part is empty or a label
    is not taught.
    """
    parts = parts.astype("<U10")
    leaks, removed = _leaking(dataset, parts)
    parts[removed] = REMOVED
    _check(dataset, parts, policy)
    lines = sorted(
        f"{part} {sha256}"
        for part, sha256 in zip(parts.tolist(), dataset.sha256, strict=True)
        if part
    )
    return Split(
        train=np.flatnonzero(parts == TRAIN),
        validation=np.flatnonzero(parts == VALIDATION),
        test=np.flatnonzero(parts == TEST),
        removed=np.flatnonzero(parts == REMOVED),
        policy=policy,
        seed=seed,
        fingerprint=hashlib.sha256("\n".join(lines).encode()).hexdigest(),
        leaks=leaks,
        gone=gone,
        unassigned=int((parts == "").sum()),
    )


def _by_groups(dataset: Dataset, policy: str, seed: int) -> Parts:
    groups = dataset.artists if policy == "artists" else dataset.groups
    wholes = drawn_wholes(dataset.targets, groups, dataset.sha256, seed)
    if len(wholes) < len(PARTS):
        what = "artists" if policy == "artists" else "images that do not look the same"
        raise NothingToTrain(
            f"there are {len(wholes)} {what}, and one or more has to teach, one to choose and one "
            "to measure: crawl more works."
        )
    parts = assign(wholes, list(SHARES.values()))
    parts = mend(wholes, parts, _IMPORTANT[:2], _KEPT)
    parts = mend(wholes, parts, _IMPORTANT, _TAUGHT_TWICE)
    parts = fill(wholes, parts, len(PARTS))
    return np.array(PARTS)[parts[wholes.of_image]]


def _by_site(dataset: Dataset, seed: int) -> Parts:
    sites = drawn_wholes(dataset.targets, dataset.sites, dataset.sha256, seed)
    others = SHARES[TRAIN] + SHARES[VALIDATION]
    measures = mend(sites, assign(sites, [others, SHARES[TEST]]), (0, 1), _KEPT)
    parts = np.array([TRAIN, TEST], dtype="<U10")[measures[sites.of_image]]
    if (parts == TEST).any():
        # What looks the same as a test image goes; it had better not count for the rest.
        torn = np.isin(dataset.groups, dataset.groups[parts == TEST]) & (parts == TRAIN)
        parts[torn] = ""
        if (parts == TRAIN).any():
            _draw_validation(dataset, parts, seed)
        parts[torn] = TRAIN
    return parts


def _draw_validation(dataset: Dataset, parts: Parts, seed: int) -> None:
    """Move a part of what teaches to validation, in place."""
    at = np.flatnonzero(parts == TRAIN)
    rest = dataset.subset(at)
    by_artist = resolve_policy(rest, "auto") == "artists"
    groups = rest.artists if by_artist else rest.groups
    wholes = drawn_wholes(rest.targets, groups, rest.sha256, seed)
    chosen = assign(wholes, [SHARES[TRAIN], SHARES[VALIDATION]])
    chosen = mend(wholes, mend(wholes, chosen, (0,), _KEPT), (0, 1), _TAUGHT_TWICE)
    chosen = fill(wholes, chosen, 2)
    parts[at[chosen[wholes.of_image] == 1]] = VALIDATION


def _leaking(dataset: Dataset, parts: Parts) -> tuple[int, npt.NDArray[np.bool_]]:
    """Return how many pairs of look-alikes are in two parts, and which images go for it."""
    place = np.unique(dataset.groups, return_inverse=True)[1]
    count = int(place.max(initial=-1)) + 1
    counts = np.stack([np.bincount(place[parts == part], minlength=count) for part in PARTS])
    together = counts.sum(axis=0)
    pairs = (together**2 - (counts**2).sum(axis=0)) // 2
    tested, chosen = counts[PARTS.index(TEST)] > 0, counts[PARTS.index(VALIDATION)] > 0
    removed = (np.isin(parts, (TRAIN, VALIDATION)) & tested[place]) | (
        (parts == TRAIN) & chosen[place]
    )
    return int(pairs.sum()), removed


def _check(dataset: Dataset, parts: Parts, policy: str) -> None:
    empty = [part for part in PARTS if not (parts == part).any()]
    if empty:
        cure = {
            "site": "no site can measure what others teach; choose --split artists or random",
            "given": "choose a split that fits these images, or let it be drawn (--split auto)",
        }.get(policy, "crawl more works, or choose --split random")
        raise NothingToTrain(
            f"nothing is left for {' and '.join(empty)} of {len(dataset):,} images split by "
            f"{policy}: {cure}."
        )
    taught = dataset.targets[parts == TRAIN].any(axis=0)
    if not taught.all():
        names = [name for name, told in zip(dataset.classes, taught, strict=True) if not told]
        more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
        cure = {
            "site": "they are on one site only; choose --split artists, or drop them (--merge "
            "'LABEL=')",
            "given": "drop them (--merge 'LABEL='), or let a split be drawn (--split auto)",
        }.get(policy, "ask for more images of each (--min-support)")
        raise NothingToTrain(
            f"no image teaches {', '.join(names[:_NAMED])}{more} in this split ({policy}): {cure}."
        )
