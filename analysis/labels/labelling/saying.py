"""What a classifier says of an image: the labels that are kept, and whether to believe them.

All numbers are rounded, so that they do not depend on which images are computed together.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

import numpy as np

from analysis.embeddings.stored import Vectors
from analysis.jobs import RGB
from analysis.labels.classifier import Classifier

LEAST_SCORE: Final = 0.05
"""Labels below are not kept, unless they are accepted or the likeliest."""
DIGITS: Final = 6
"""Decimal places of scores."""

Scores: TypeAlias = Mapping[str, float]
"""Label to score, 0 to 1."""


class Kept(NamedTuple):
    """A label that is kept."""

    label: str
    score: float
    accepted: bool


@dataclass(frozen=True)
class Oddness:
    """How unlike the images an image is that taught."""

    score: float
    """Above 1: unlike them; see `analysis.labels.familiarity`."""
    is_outlier: bool
    likeliest: str
    """The label that it would have."""


@dataclass(frozen=True)
class Said:
    """What is said of one image."""

    labels: tuple[Kept, ...]
    """The likeliest first; none: there is nothing to say."""
    oddness: Oddness | None = None
    """None: nobody can tell."""


NOTHING: Final = Said(())


def kept_labels(scores: Scores, accepted: Collection[str] | None = None) -> tuple[Kept, ...]:
    """Return the labels that are kept, the likeliest first; of equal ones, the one that was first.

    Args:
        scores: of all labels.
        accepted: the labels that count; None: the likeliest does.
    """
    rounded = ((label, round(float(score), DIGITS)) for label, score in scores.items())
    ranked = sorted(rounded, key=lambda item: -item[1])
    counting = {label for label, _ in ranked[:1]} if accepted is None else set(accepted)
    return tuple(
        Kept(label, score, label in counting)
        for place, (label, score) in enumerate(ranked)
        if place == 0 or score >= LEAST_SCORE or label in counting
    )


def say(classifier: Classifier, inputs: Vectors | Sequence[RGB]) -> list[Said]:
    """Return what a classifier says of vectors or pictures, as its scorer reads them."""
    if not len(inputs):
        return []
    probabilities = np.round(classifier.probabilities(inputs), DIGITS)
    accepted = classifier.accepted(probabilities)
    # Where pictures are read, only the entropy tells.
    vectors = inputs if isinstance(inputs, np.ndarray) else None
    odd = np.round(classifier.familiarity.judge(probabilities, vectors).scores, DIGITS)
    found = []
    # Of a thousand labels, nearly all are never looked at.
    mentioned = accepted | (probabilities >= LEAST_SCORE)
    mentioned[np.arange(len(mentioned)), probabilities.argmax(axis=1)] = True
    for row, yes, some, oddness in zip(probabilities, accepted, mentioned, odd, strict=True):
        scores = {classifier.classes[at]: float(row[at]) for at in np.flatnonzero(some)}
        kept = kept_labels(scores, [classifier.classes[at] for at in np.flatnonzero(yes)])
        found.append(Said(kept, Oddness(float(oddness), bool(oddness > 1), kept[0].label)))
    return found
