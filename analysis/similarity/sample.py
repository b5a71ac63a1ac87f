"""Pictures drawn by lot from the collection, to say what a distance is worth there."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, text

from analysis.colors.conversion import Floats
from analysis.embeddings.stored import Ids, vectors_of
from analysis.registry.models import Model
from analysis.similarity.measures import (
    Models,
    cosine_distances,
    measure,
    raw_between,
)
from analysis.similarity.score import MEDIANS, Part, Weights, combined

SAMPLE: Final = 300
"""Pictures that are drawn."""
PAIRS: Final = 2000
"""Pairs of them that are compared."""
ENOUGH: Final = 100
"""Pictures from which a median of distances is taken; with fewer, paintings tell."""
LEAST_MEDIAN: Final = 1e-3
"""Cosine distance: a collection of one picture over and over has a scale, too."""
REFERENCE: Final = "mobilenet_v2"
"""The network whose distances were measured among paintings."""

# Hashes are as good as drawn by lot, the same ones every time, and there is an index of them.
_SAMPLE = text("""
    SELECT i.id FROM images i
    WHERE NOT i.placeholder AND EXISTS (
        SELECT FROM image_sources s WHERE s.image_id = i.id AND s.gone_at IS NULL)
    ORDER BY i.sha256 LIMIT :count
""")


@dataclass(frozen=True)
class RandomPairs:
    """How far pairs that were drawn by lot are apart, in multiples of the medians.

    They are not cut at 1, so that those beyond can be told apart as well.
    """

    pictures: int
    weights: Weights
    medians: Mapping[Part, float]
    multiples: Mapping[Part, Floats]
    """Of each part, (n,), NaN where it is unknown of one of the two."""

    def share_nearer(self, raw: Mapping[Part, float], weights: Weights | None = None) -> float:
        """Return the share of pairs, 0 to 1, that are nearer than a pair with the distances `raw`.

        `raw` has each part in its own unit. NaN where no pair knows any of them.
        """
        weights = weights or self.weights
        parts = {part: self.multiples[part] for part in weights.shares if part in raw}
        pair = {part: np.array([raw[part] / self.medians[part]]) for part in parts}
        known = combined(parts, weights)
        known = known[~np.isnan(known)]
        return float(np.mean(known < combined(pair, weights)[0])) if len(known) else math.nan


def medians_of(connection: Connection, models: Models) -> Mapping[Part, float]:
    """Return the distance of each part, in its own unit, at which two pictures have no likeness.

    For colour, composition and MobileNetV2 that is known from paintings. Of other networks it is
    the median of pairs of the collection, where enough of it is embedded.
    """
    model = models.get(Part.MEANING)
    if model is None or model.name == REFERENCE:
        return MEDIANS
    vectors = vectors_of(connection, model, sampled(connection).tolist()).vectors
    if len(vectors) < ENOUGH:
        return MEDIANS
    one, other = random_pairs(len(vectors))
    pairs = [
        float(cosine_distances(vectors[first], vectors[second][None])[0])
        for first, second in zip(one, other, strict=True)
    ]
    return MappingProxyType({**MEDIANS, Part.MEANING: max(float(np.median(pairs)), LEAST_MEDIAN)})


def medians_for_words(
    connection: Connection, models: Models, vector: npt.NDArray[np.float32]
) -> Mapping[Part, float]:
    """Return the medians for words: half of the pictures drawn are nearer to them than that.

    Words are far from all pictures (networks keep the two apart), so that the distance of two
    pictures would say nothing.
    """
    drawn = vectors_of(connection, models[Part.MEANING], sampled(connection).tolist()).vectors
    if not len(drawn):
        return MEDIANS
    median = float(np.median(cosine_distances(vector, drawn)))
    return MappingProxyType({**MEDIANS, Part.MEANING: max(median, LEAST_MEDIAN)})


def pairs_of(
    connection: Connection, models: Models, weights: Weights, medians: Mapping[Part, float]
) -> RandomPairs:
    """Compare pairs of the collection that are drawn by lot, by the parts that have a weight."""
    found = measure(connection, models, sampled(connection), weights.shares)
    pictures = [found[one] for one in sorted(found)]
    one, other = random_pairs(len(pictures))
    raw = [
        raw_between(pictures[first], pictures[second])
        for first, second in zip(one, other, strict=True)
    ]
    multiples = {
        part: np.array([pair.get(part, np.nan) for pair in raw]) / medians[part]
        for part in weights.shares
    }
    return RandomPairs(len(pictures), weights, medians, multiples)


def sampled(connection: Connection, count: int = SAMPLE) -> Ids:
    """Return images that are shown, drawn by their hashes; ascending ids."""
    ids = list(connection.scalars(_SAMPLE, {"count": count}))
    return np.array(sorted(ids), dtype=np.int64)


def random_pairs(count: int, pairs: int = PAIRS) -> tuple[Ids, Ids]:
    """Return places of different pictures, two arrays of one length; all pairs where few are."""
    one, other = np.triu_indices(count, k=1)
    if len(one) <= pairs:
        return one.astype(np.int64), other.astype(np.int64)
    drawn = np.sort(np.random.default_rng(0).choice(len(one), size=pairs, replace=False))
    return one[drawn].astype(np.int64), other[drawn].astype(np.int64)


def model_name(model: Model | None) -> str | None:
    """Return what a model is called in answers."""
    return None if model is None else model.label
