"""How good an embedding is at finding works that share terms, beside what needs no embedding.

Each work asks for its like among the others (leave-one-out, see `analysis.evaluation.retrieval`).
What a trained projection has learned from takes no part at all, neither asking nor answering:
measured by what it was taught, anything looks good.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, text

from analysis.embeddings.stored import embedding_model
from analysis.errors import NothingToTrain
from analysis.evaluation.collection import (
    MOST_IMAGES,
    read_features,
    read_hashes,
    read_labels,
    read_vectors,
)
from analysis.evaluation.intervals import LEVEL, Interval, Resampling, drawn_by
from analysis.evaluation.relevance import Labels
from analysis.evaluation.retrieval import (
    Judged,
    Likeness,
    by_cosine,
    by_distance,
    by_hash,
    judge,
)
from analysis.registry.models import Model, find_model
from analysis.similarity.learned.job import base_label, learned_by
from storage.database import Database
from storage.objects import ObjectStore

MOST_QUERIES = 2000
"""Most works that ask: the interval of a mean is then about ±0.02 wide at worst."""
METRICS = "similarity"
"""Key in `models.metrics`."""
COLOR, HASH, CHANCE = "colour alone", "perceptual hash alone", "chance"

_STORE = text("""
    UPDATE models SET metrics = metrics || jsonb_build_object(:key, CAST(:found AS jsonb))
    WHERE id = :id
""")


@dataclass(frozen=True)
class Evaluation:
    """How well works find works that share terms."""

    model: str
    """Name and version of the embedding that was asked for."""
    against: str | None
    """That of the one it is compared with."""
    kinds: tuple[str, ...]
    k: int
    images: int
    """Images that took part."""
    queries: int
    """Those of them that asked and had something to find."""
    learned_from: int
    """Images that took no part, since a projection has learned from them."""
    without_artist: bool
    drawn_by: str
    """What intervals are drawn by: artists or works."""
    seed: int
    measures: Mapping[str, Mapping[str, Interval]]
    """Ranking (a model, or what needs none) to measure to its mean and interval."""
    differences: Mapping[str, Interval]
    """Measure to how much better the model is than `against`, query by query."""
    missing: tuple[str, ...]
    """Baselines that cannot be told, with the cure."""

    def as_dict(self) -> dict[str, Any]:
        """Return this for JSON."""
        return {
            "model": self.model,
            "against": self.against,
            "terms": list(self.kinds),
            "k": self.k,
            "images": self.images,
            "queries": self.queries,
            "learned_from": self.learned_from,
            "without_artist": self.without_artist,
            "drawn_by": self.drawn_by,
            "level": LEVEL,
            "seed": self.seed,
            "measures": {
                ranking: {name: found.as_dict() for name, found in measures.items()}
                for ranking, measures in self.measures.items()
            },
            "differences": {name: found.as_dict() for name, found in self.differences.items()},
            "missing": list(self.missing),
        }


def evaluate_similarity(
    database: Database,
    store: ObjectStore,
    *,
    kinds: Sequence[str],
    model: str | None = None,
    against: str | None = None,
    k: int = 10,
    without_artist: bool = False,
    queries: int = MOST_QUERIES,
    seed: int = 0,
) -> Evaluation:
    """Measure an embedding by the terms that works share, and keep that in its model's metrics.

    Args:
        database: an open, migrated database.
        store: where projections lie.
        kinds: kinds of terms; what agrees in more of them counts more (NDCG).
        model: NAME or NAME/VERSION; by default the default embedding.
        against: another one, over the same images; of a projection, by default what it reads.
        k: how many answers people look at.
        without_artist: whether works of the query's artist are no answer, which is harder.
        queries: most works that ask; of more, a seeded sample.
        seed: of the sample and of the intervals.

    Raises NothingToTrain where there are no works to ask with, NoEmbeddings, NoSuchModel,
    ArtifactDamaged, ObjectStoreUnavailable and DatabaseUnavailable.
    """
    with database.begin() as connection:
        chosen = embedding_model(connection, model)
        below = base_label(chosen)
        other = against if against is not None else below
        compared = [chosen] if other is None else [chosen, embedding_model(connection, other)]
        if len(compared) == 2 and compared[0].id == compared[1].id:
            compared.pop()
        labels = read_labels(connection, kinds, [one.id for one in compared], most=MOST_IMAGES)
        every = len(labels)
        labels = _unseen(store, compared, labels)
        rankings = {
            one.label: by_cosine(read_vectors(connection, one, labels.ids)) for one in compared
        }
        baselines, missing = _baselines(connection, labels)
    asking = _sample(len(labels), queries, seed)
    judged = {
        name: judge(likeness, labels, k=k, queries=asking, without_artist=without_artist)
        for name, likeness in (rankings | baselines).items()
    }
    first = judged[chosen.label]
    if not len(first.queries):
        raise NothingToTrain(_nothing_to_find(kinds, every, labels, without_artist=without_artist))
    groups, drawn = drawn_by(labels, first.queries)
    resampling = Resampling(groups, seed=seed)
    second = judged[compared[1].label] if len(compared) == 2 else None
    evaluation = Evaluation(
        model=chosen.label,
        against=compared[1].label if second is not None else None,
        kinds=tuple(kinds),
        k=k,
        images=len(labels),
        queries=len(first.queries),
        learned_from=every - len(labels),
        without_artist=without_artist,
        drawn_by=drawn,
        seed=seed,
        measures={
            **{name: _intervals(found, resampling) for name, found in judged.items()},
            CHANCE: {
                name: resampling.interval(expected) for name, expected in first.chance.items()
            },
        },
        differences={}
        if second is None
        else {
            name: resampling.interval(first.measures[name] - second.measures[name])
            for name in first.measures
        },
        missing=missing,
    )
    keep_metrics(database, chosen.label, METRICS, evaluation.as_dict())
    return evaluation


def keep_metrics(database: Database, label: str, key: str, found: Mapping[str, Any]) -> None:
    """Keep what was measured in the model's metrics under a key, in place of what was there."""
    with database.begin() as connection:
        model = find_model(connection, label)
        values = {"id": model.id, "key": key, "found": json.dumps(found, allow_nan=False)}
        connection.execute(_STORE, values)


def _unseen(store: ObjectStore, models: Sequence[Model], labels: Labels) -> Labels:
    learned_from = learned_by(store, models)
    return labels.subset(np.array([one not in learned_from for one in labels.sha256], np.bool_))


def _baselines(
    connection: Connection, labels: Labels
) -> tuple[dict[str, Likeness], tuple[str, ...]]:
    baselines = {HASH: by_hash(read_hashes(connection, labels.ids))}
    features = read_features(connection, labels.ids)
    if features is None:
        return baselines, (f"{COLOR}: run `artworks analyze features`",)
    return {COLOR: by_distance(features), **baselines}, ()


def _sample(images: int, queries: int, seed: int) -> npt.NDArray[np.int64]:
    if images <= queries:
        return np.arange(images)
    drawn = np.random.default_rng(seed).choice(images, queries, replace=False)
    return np.sort(drawn).astype(np.int64)


def _intervals(judged: Judged, resampling: Resampling) -> dict[str, Interval]:
    return {name: resampling.interval(found) for name, found in judged.measures.items()}


def _nothing_to_find(
    kinds: Sequence[str], every: int, labels: Labels, *, without_artist: bool
) -> str:
    said = " or ".join(kinds)
    seen = every - len(labels)
    learned = f", besides {seen:,} that the projection has learned from" if seen else ""
    by_others = " by another artist" if without_artist else ""
    return (
        f"none of {len(labels):,} embedded images with a {said}{learned} shares it with "
        f"another{by_others} that does not look the same: crawl more works, or choose other "
        "--terms."
    )
