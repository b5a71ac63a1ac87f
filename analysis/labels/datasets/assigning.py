"""Groups of images drawn into parts, as wholes, each part with its share of every label.

Iterative stratification (Sechidis, Tsoumakas and Vlahavas 2011, algorithm 1), with groups in the
place of examples: the label that fewest of the groups left have is dealt first, each group going
where most of that label is missing. What is drawn follows from the sha256 of the images and the
seed alone, never from ids or the order in which they were crawled.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy.sparse import csc_array, csr_array

from analysis.evaluation.relevance import Numbers
from analysis.labels.dataset import Targets


@dataclass(frozen=True)
class Wholes:
    """Groups of images in a drawn order."""

    of_image: Numbers
    """(n,) The group of each image, 0 … groups-1."""
    counts: csr_array
    """(groups, labels) Images of each label, int64."""
    sizes: Numbers
    """(groups,) Images."""
    chances: npt.NDArray[np.float64]
    """(groups,) A number drawn for each, 0 to 1."""

    def __len__(self) -> int:
        return len(self.sizes)

    @cached_property
    def by_label(self) -> csc_array:
        """The same counts, quick to read by label."""
        found = self.counts.tocsc()
        found.sort_indices()
        return found

    def labels(self, group: int) -> Numbers:
        """Return the labels that a group has."""
        span = slice(self.counts.indptr[group], self.counts.indptr[group + 1])
        found: Numbers = self.counts.indices[span]
        return found

    def members(self, label: int) -> Numbers:
        """Return the groups that have a label."""
        span = slice(self.by_label.indptr[label], self.by_label.indptr[label + 1])
        found: Numbers = self.by_label.indices[span]
        return found


def drawn_wholes(
    targets: Targets, groups: Numbers | Sequence[str], sha256: Sequence[str], seed: object
) -> Wholes:
    """Return the groups of images in the order of their lots.

    Args:
        targets: (n, labels), 1 where an image has a label.
        groups: (n,) images of one group are never apart.
        sha256: of the bytes of each image; the lowest of a group stands for it.
        seed: draws another order.
    """
    place = np.unique(np.asarray(groups), return_inverse=True)[1]
    first = [""] * (int(place.max(initial=-1)) + 1)
    for at, one in zip(place.tolist(), sha256, strict=True):
        if not first[at] or one < first[at]:
            first[at] = one
    lots = sorted(
        (hashlib.sha256(f"{seed} {one}".encode()).digest(), group)
        for group, one in enumerate(first)
    )
    rank = np.empty(len(lots), np.int64)
    rank[[group for _, group in lots]] = np.arange(len(lots))
    of_image: Numbers = rank[place]
    images = np.arange(len(of_image))
    belongs = csr_array(
        (np.ones(len(images), np.int64), (of_image, images)), shape=(len(lots), len(images))
    )
    counts = csr_array(belongs @ csr_array(targets.astype(np.int64)))
    counts.sort_indices()
    return Wholes(
        of_image,
        counts,
        sizes=np.bincount(of_image, minlength=len(lots)).astype(np.int64),
        # Of other bytes than those that say the order.
        chances=np.array([int.from_bytes(lot[-6:]) / 2**48 for lot, _ in lots]),
    )


def assign(wholes: Wholes, shares: Sequence[int]) -> Numbers:
    """Return the part of each group, (groups,).

    A group goes to one of the parts that lack as much of the label as it has, by chance, and the
    likelier the more a part lacks; where it has too much for all, to the part that lacks most. So
    large groups and small ones come into every part, as far as these hold them. Large groups are
    dealt first, those of about one size (a power of two) in the order of their lots.

    Args:
        wholes: every group has a label.
        shares: of the parts, as whole numbers: 65, 15, 20.
    """
    portions = np.array(shares, np.int64)
    total = int(portions.sum())
    # In units of 1/total of an image, so that all numbers are whole.
    labels = np.asarray(wholes.counts.sum(axis=0)).ravel().astype(np.int64)
    missing = portions[:, None] * labels
    lacking = portions * int(wholes.sizes.sum())
    parts = np.full(len(wholes), -1, np.int64)
    left = np.diff(wholes.by_label.indptr).astype(np.int64)
    while left.any():
        label = int(np.where(left > 0, left, left.max() + 1).argmin())
        for group, count in _dealt(wholes, parts, label):
            chosen = _part(missing[:, label], lacking, count * total, wholes.chances[group])
            parts[group] = chosen
            has = wholes.labels(group)
            row = slice(wholes.counts.indptr[group], wholes.counts.indptr[group + 1])
            missing[chosen, has] -= total * wholes.counts.data[row]
            lacking[chosen] -= total * int(wholes.sizes[group])
            left[has] -= 1
    return parts


def _part(need: Numbers, lacking: Numbers, count: int, chance: float) -> int:
    """Return the part that a group goes to.

    Args:
        need: (parts,) how much of the label each part lacks.
        lacking: (parts,) how much of everything.
        count: what the group brings of the label.
        chance: 0 to 1.
    """
    fits = np.where(need >= count, need, 0).cumsum()
    if fits[-1]:
        return int(np.searchsorted(fits, chance * fits[-1], side="right"))
    best = np.flatnonzero(need == need.max())
    best = best[lacking[best] == lacking[best].max()]
    return int(best[int(chance * len(best))])


def _dealt(wholes: Wholes, parts: Numbers, label: int) -> list[tuple[int, int]]:
    """Return the groups with a label that are in no part yet and their images of it, in order."""
    members = wholes.members(label)
    counts = wholes.by_label.data[wholes.by_label.indptr[label] : wholes.by_label.indptr[label + 1]]
    free = parts[members] < 0
    members, counts = members[free], counts[free]
    order = np.lexsort((members, -np.floor(np.log2(counts))))
    return list(zip(members[order].tolist(), counts[order].tolist(), strict=True))


def mend(wholes: Wholes, parts: Numbers, order: Sequence[int], keep: Sequence[int]) -> Numbers:
    """Return the parts with groups moved to parts that lack a label, where that can be.

    Args:
        wholes: the groups.
        parts: (groups,) as `assign` returns them.
        order: the parts that labels are to be in, the most important first: what one gives to the
            next, it does not lack itself.
        keep: how many groups of each label each part of `order` keeps at least where it gives one.
    """
    parts = parts.copy()
    found = having(wholes, parts, max(*order, int(parts.max())) + 1)
    for step, part in enumerate(order):
        for label in np.flatnonzero(found[part] == 0).tolist():
            members = wholes.members(label).tolist()
            for group in sorted(members, key=lambda one: (int(wholes.sizes[one]), one)):
                labels, giver = wholes.labels(group), int(parts[group])
                protected = giver in order[:step]
                if protected and (found[giver, labels] <= keep[order.index(giver)]).any():
                    continue
                found[giver, labels] -= 1
                found[part, labels] += 1
                parts[group] = part
                break
    return parts


def fill(wholes: Wholes, parts: Numbers, count: int) -> Numbers:
    """Return the parts of groups with none of `count` parts empty, where that can be.

    The smallest group goes that leaves its part neither empty nor, if that is the first one, which
    teaches, without a label.
    """
    parts = parts.copy()
    for part in range(count):
        sizes = np.bincount(parts, minlength=count)
        taught = having(wholes, parts, count)[0]
        if sizes[part]:
            continue
        for group in np.lexsort((np.arange(len(wholes)), wholes.sizes)).tolist():
            giver = int(parts[group])
            needed = giver == 0 and (taught[wholes.labels(group)] == 1).any()
            if sizes[giver] > 1 and not needed:
                parts[group] = part
                break
    return parts


def having(wholes: Wholes, parts: Numbers, count: int) -> Numbers:
    """Return how many groups of each of `count` parts have each label, (parts, labels)."""
    found = np.zeros((count, wholes.counts.shape[1]), np.int64)
    rows = np.repeat(parts, np.diff(wholes.counts.indptr))
    np.add.at(found, (rows, wholes.counts.indices), 1)
    return found
