"""Which images teach, which say when to stop, and which measure what was learned.

Images that look the same are never apart. Where enough artists are known, neither are works by one
artist: otherwise a model is praised for knowing a hand again. Groups are drawn by the sha256 of
their images, so that the same collection is split in the same way after another crawl.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.evaluation.relevance import Labels, Numbers

SHARES = {"train": 0.65, "validation": 0.15, "test": 0.2}
LEAST_ARTISTS = 10
"""Fewest artists that are split by: with fewer, a part would hold hardly more than one."""
MOST_OF_ONE = 0.4
"""Most of all images that one artist (or what is connected by works of several) may have."""


@dataclass(frozen=True)
class Split:
    """Places of images by part, and how they came there."""

    train: Numbers
    validation: Numbers
    test: Numbers
    policy: str
    """`artists` or `look-alikes`: what is never apart."""
    seed: int
    fingerprint: str
    """The sha256 over the images of each part."""

    def as_dict(self) -> dict[str, Any]:
        """Return this for JSON: how it was made, and how large it is, without the images."""
        return {
            "policy": self.policy,
            "seed": self.seed,
            "fingerprint": self.fingerprint,
            "train": len(self.train),
            "validation": len(self.validation),
            "test": len(self.test),
        }


def split_labels(labels: Labels, seed: int) -> Split:
    """Split images into SHARES, groups as wholes."""
    sizes = np.unique(labels.artists, return_counts=True)[1]
    by_artist = len(sizes) >= LEAST_ARTISTS and sizes.max() <= MOST_OF_ONE * len(labels)
    # Where nobody says who made what, artists keep nothing together that looks do not.
    any_artist = len(sizes) < len(np.unique(labels.groups))
    groups = labels.artists if by_artist else labels.groups
    parts = _drawn(labels, groups, seed)
    lines = sorted(f"{parts[at]} {sha256}" for at, sha256 in enumerate(labels.sha256))
    return Split(
        **{name: np.flatnonzero(parts == name) for name in SHARES},
        policy="artists" if by_artist and any_artist else "look-alikes",
        seed=seed,
        fingerprint=hashlib.sha256("\n".join(lines).encode()).hexdigest(),
    )


def _drawn(labels: Labels, groups: Numbers, seed: int) -> npt.NDArray[np.str_]:
    """Return the part of each image: groups in a drawn order go where most is missing."""
    members: dict[int, list[int]] = {}
    for at, group in enumerate(groups.tolist()):
        members.setdefault(group, []).append(at)

    def lot(places: list[int]) -> str:
        first = min(labels.sha256[at] for at in places)
        return hashlib.sha256(f"{seed} {first}".encode()).hexdigest()

    parts = np.empty(len(labels), dtype="<U10")
    filled = dict.fromkeys(SHARES, 0)
    for places in sorted(members.values(), key=lot):
        missing = {name: share * len(labels) - filled[name] for name, share in SHARES.items()}
        chosen = max(missing, key=lambda name: missing[name] / SHARES[name])
        parts[places] = chosen
        filled[chosen] += len(places)
    return parts
