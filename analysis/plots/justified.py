"""A justified layout: pictures in rows of full width, none of them cut."""

from __future__ import annotations

import math
from collections.abc import Sequence


def justified_rows(shapes: Sequence[float], width: int, height: int, gap: int) -> list[list[int]]:
    """Break a sequence of pictures into rows that fill `width` at about `height`.

    `shapes` are width : height ratios; lengths are pixels. Of all ways to break the sequence, the
    one with the evenest row heights is taken (least squares of their logarithms). Returns the
    pictures of each row by index.
    """
    total = len(shapes)
    ends = [0.0]
    for shape in shapes:
        ends.append(ends[-1] + shape)
    best = [0.0] + [math.inf] * total
    start_of = [0] * (total + 1)
    for end in range(1, total + 1):
        for start in range(end):
            room = width - gap * (end - start - 1)
            if room <= 0:
                continue
            row_height = room / (ends[end] - ends[start])
            cost = best[start] + math.log(row_height / height) ** 2
            if cost < best[end]:
                best[end], start_of[end] = cost, start
    rows: list[list[int]] = []
    end = total
    while end > 0:
        rows.insert(0, list(range(start_of[end], end)))
        end = start_of[end]
    return rows
