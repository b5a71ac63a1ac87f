"""Groups keep their numbers when they are found anew."""

from __future__ import annotations

from itertools import count
from typing import Final

import numpy as np
import numpy.typing as npt

LEAST: Final = 0.3
"""Share of the images of two groups together that they must have in common to be the same."""

Labels = npt.NDArray[np.int32]


def keep_numbers(fresh: Labels, numbers: Labels, former: Labels) -> Labels:
    """Return numbers for groups so that those which were there before keep theirs.

    Groups are paired so that as many images as possible stay in theirs (assignment problem). Those
    without a former one get the lowest numbers that are free, in the order of `numbers`.

    Args:
        fresh: the group of each image now, (n,), from 0.
        numbers: what the groups would be called by themselves, (groups,), from 1.
        former: the number of the group that each image was in, (n,); 0: in none.
    """
    from scipy.optimize import linear_sum_assignment

    known = np.unique(former[former > 0])
    common = np.array(
        [[np.sum((fresh == one) & (former == old)) for old in known] for one in range(len(numbers))]
    ).reshape(len(numbers), len(known))
    either = (
        np.bincount(fresh, minlength=len(numbers))[:, None]
        + np.array([np.sum(former == old) for old in known], dtype=np.int64)[None, :]
        - common
    )
    rows, columns = linear_sum_assignment(common, maximize=True)
    found = np.zeros(len(numbers), np.int32)
    for row, column in zip(rows, columns, strict=True):
        if common[row, column] >= LEAST * either[row, column]:
            found[row] = known[column]
    taken = set(found.tolist())
    free = (number for number in count(1) if number not in taken)
    for row in np.argsort(numbers):
        if not found[row]:
            found[row] = next(free)
    return found
