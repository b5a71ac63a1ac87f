"""Hanging: which works go to which wing, and which page they get there. Made from the seed.

Nothing else about a work changes: its picture, its label and its categories stay what they are.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from itertools import cycle
from typing import TYPE_CHECKING

from demo.wings import RECENT, WINGS, Wing

if TYPE_CHECKING:
    from demo.catalogue import Work

FULL = 480
# From here on every wing gets its least; smaller museums have smaller wings.
ROOMY = 80
# The first works keep the usual page: examples in the documentation name them.
FAMILIAR = 12
WORKS_PER_RESIDENT = 6


def _wanted(wing: Wing, works: int) -> int:
    least = wing.least if works >= ROOMY else max(1, wing.least * works // ROOMY)
    return max(least, wing.share * works // FULL)


def _can_be_bounded(work: Work, related: set[str]) -> bool:
    """Whether a smaller copy of its one image may stand for the work."""
    return len(work.images) == 1 and not work.flat and work.id not in related


def hang(works: Sequence[Work], seed: int) -> tuple[Work, ...]:
    """Return the same works with layouts and wings."""
    rng = random.Random(f"{seed}:hanging")
    hung = list(works)
    first = min(FAMILIAR, len(works) // 4)
    free = [
        at
        for at, work in enumerate(works)
        if at >= first and RECENT not in work.categories and not work.image_missing
    ]
    rng.shuffle(free)
    # Most works stay as they are.
    budget = len(free) * 2 // 3
    related = {
        name
        for work in works
        if (other := work.near_duplicate_of or work.same_image_as)
        for name in (work.id, other)
    }

    for wing in WINGS:
        wanted = _wanted(wing, len(works))
        if wing.layout == "label":
            # Wings of usual pages overlap with nothing but the categories.
            chosen = sorted(free[:wanted])
            del free[:wanted]
            for at in chosen:
                hung[at] = replace(hung[at], wings=(wing.name,))
            continue
        wanted = min(wanted, budget)
        budget -= wanted
        if wing.layout == "resident":
            for at in _residents(works, free, wanted):
                free.remove(at)
                hung[at] = replace(hung[at], layout=wing.layout, wings=(wing.name,))
            continue
        for variant, _ in zip(cycle(wing.variants), range(wanted), strict=False):
            bounded = wing.layout == "iiif" and " " in variant
            place = next(
                (at for at in free if not bounded or _can_be_bounded(works[at], related)), None
            )
            if place is None:
                break
            free.remove(place)
            hung[place] = replace(
                hung[place], layout=wing.layout, variant=variant, wings=(wing.name,)
            )
    return tuple(hung)


def _residents(works: Sequence[Work], free: Sequence[int], wanted: int) -> list[int]:
    """The works of a few artists, of whom as many are there as possible."""
    by_artist: dict[str, list[int]] = {}
    for at in sorted(free):
        by_artist.setdefault(works[at].artist.id, []).append(at)
    busiest = sorted(by_artist.items(), key=lambda found: (-len(found[1]), found[0]))
    chosen: list[int] = []
    for _, places in busiest:
        room = wanted - len(chosen)
        if room <= 0:
            break
        chosen += places[: min(room, WORKS_PER_RESIDENT)]
    return chosen
