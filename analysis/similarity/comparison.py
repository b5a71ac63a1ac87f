"""Two pictures beside each other: how far apart they are, and what that means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Connection

from analysis.duplicates.job import DEFAULT_RADIUS
from analysis.errors import NothingToCompare
from analysis.similarity.measures import JOBS, Models, raw_between
from analysis.similarity.sample import (
    ENOUGH,
    REFERENCE,
    RandomPairs,
    medians_of,
    model_name,
    pairs_of,
)
from analysis.similarity.score import (
    MEDIANS,
    UNITS,
    Part,
    Weights,
    combined,
    scaled,
    share_nearer,
)
from analysis.similarity.subjects import Subject


@dataclass(frozen=True)
class ComparedPart:
    """How far two pictures are apart in one respect."""

    distance: float
    """0 the same, 1 as far as two pictures that were drawn by lot."""
    raw: float
    """In the part's own unit."""
    nearer: float | None
    """Share of random pairs that are nearer, 0 to 1; None where that is unknown."""


@dataclass(frozen=True)
class Comparison:
    """How far two pictures are apart; smaller is closer."""

    first: Subject
    second: Subject
    weights: Weights
    """Of the parts that both have."""
    models: Models
    distance: float
    """The combined distance, 0 to 1."""
    nearer: float | None
    """Share of random pairs that are nearer by it, 0 to 1; None where that is unknown."""
    parts: Mapping[Part, ComparedPart]
    bits: int | None
    """Bits of 64 in which the perceptual hashes differ; None where one says too little."""
    pairs: RandomPairs | None
    """Pairs of the collection; None: the shares are those of pairs of paintings."""
    notes: tuple[str, ...]
    """What people should know besides."""

    @property
    def same_file(self) -> bool:
        """Whether both are the same bytes."""
        return self.first.sha256 is not None and self.first.sha256 == self.second.sha256

    @property
    def verdict(self) -> str:
        """What the numbers mean, in a sentence."""
        if self.same_file:
            return "They are the same file."
        return f"{self._looks}{self._standing}"

    @property
    def _looks(self) -> str:
        if self.bits is None or self.bits > DEFAULT_RADIUS:
            return ""
        if self.bits == 0:
            return "They look the same, to the bit of their perceptual hashes. "
        return "They look the same but for small differences. "

    @property
    def _standing(self) -> str:
        if self.nearer is not None and self.pairs is not None:
            of = f"random pairs of this collection ({self.pairs.pictures:,} pictures drawn)"
            return f"They are {closeness(self.nearer)} of {of}."
        told = [
            f"{closeness(known.nearer)} in {part}"
            for part, known in self.parts.items()
            if known.nearer is not None
        ]
        return f"Of random pairs of paintings, they are {', '.join(told)}." if told else ""

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "first": self.first.as_dict(),
            "second": self.second.as_dict(),
            "distance": round(self.distance, 6),
            "nearer_pairs": _rounded(self.nearer),
            "weights": self.weights.as_dict(),
            "models": {part.value: model_name(self.models.get(part)) for part in Part},
            "parts": {
                part.value: {
                    "distance": round(known.distance, 6),
                    "raw": round(known.raw, 6),
                    "unit": UNITS[part],
                    "nearer_pairs": _rounded(known.nearer),
                }
                if (known := self.parts.get(part)) is not None
                else None
                for part in Part
            },
            "bits": self.bits,
            "pairs_of": "paintings" if self.pairs is None else "collection",
            "verdict": self.verdict,
            "notes": list(self.notes),
        }


def closeness(nearer: float) -> str:
    """Say what it means that a share of pairs, 0 to 1, is nearer.

    >>> closeness(0.03)
    'closer than 97 %'
    """
    if nearer < 0.5:
        return f"closer than {_percent(1.0 - nearer)}"
    return f"farther apart than {_percent(nearer)}"


def _percent(share: float) -> str:
    percent = 100.0 * share
    # 99.96 % is not all of them.
    digits = 0 if percent < 99.0 else 1
    return f"{min(percent, 99.9) if digits else percent:.{digits}f} %"


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, 4)


def compare_pictures(
    first: Subject,
    second: Subject,
    weights: Weights,
    models: Models,
    *,
    connection: Connection | None = None,
    network: str | None = None,
    notes: tuple[str, ...] = (),
) -> Comparison:
    """Compare two pictures by the parts that both have; those that one lacks are told.

    Args:
        first: a picture.
        second: another one.
        weights: how much each part counts.
        models: what the collection was analysed with; none without a collection.
        connection: the collection, whose random pairs say what a distance is worth; None, or one
            with too few pictures: paintings do.
        network: name of the network that embedded both, where that is no model of `models`.
        notes: what people should know besides.

    Raises NothingToCompare where there is no part that has a weight and that both have.
    """
    raw = raw_between(first.measured, second.measured)
    told = list(notes)
    for part in weights.shares:
        lacking = [one for one in (first, second) if part not in one.measured.parts]
        if lacking and not any(part.value in note for note in notes):
            who = " and ".join(one.said for one in lacking)
            told.append(
                f"{part} is left out, since {who} {'have' if len(lacking) > 1 else 'has'} not been "
                f"analysed for it: run `artworks analyze {JOBS[part]}`"
            )
    kept = {part: share for part, share in weights.shares.items() if part in raw}
    if not kept:
        raise NothingToCompare(
            f"there is nothing to compare {first.said} and {second.said} by: "
            f"{'; '.join(told) or 'give other --weights'}."
        )
    used = Weights.make(kept)
    medians = MEDIANS if connection is None else medians_of(connection, models)
    distances = {part: float(scaled(np.array(raw[part]), medians[part])) for part in raw}
    whole = combined({part: np.array([distances[part]]) for part in used.shares}, used)[0]

    pairs = None
    if connection is not None:
        pairs = pairs_of(connection, models, used, medians)
        if pairs.pictures < ENOUGH:
            told.append(
                f"the collection has {pairs.pictures:,} analysed pictures, too few to say what a "
                "distance is worth among them: paintings do"
            )
            pairs = None
    embedded_by = network
    if embedded_by is None and Part.MEANING in models:
        embedded_by = models[Part.MEANING].name
    return Comparison(
        first,
        second,
        used,
        models,
        distance=float(whole),
        nearer=None if pairs is None else pairs.share_nearer(raw),
        parts={
            part: ComparedPart(distances[part], raw[part], _nearer(part, raw, pairs, embedded_by))
            for part in used.shares
        },
        bits=None if second.phash is None else first.bits_to(second.phash),
        pairs=pairs,
        notes=tuple(told),
    )


def _nearer(
    part: Part, raw: Mapping[Part, float], pairs: RandomPairs | None, network: str | None
) -> float | None:
    if pairs is not None:
        return pairs.share_nearer(raw, Weights.make({part: 1.0}))
    if part is Part.MEANING and network != REFERENCE:
        return None
    return share_nearer(part, raw[part])
