"""Training: from embeddings and the terms that works share to a projection of one's own."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.embeddings.stored import KIND, Vectors, embedding_model
from analysis.errors import NothingToTrain
from analysis.evaluation.collection import read_labels, read_vectors
from analysis.evaluation.intervals import LEVEL, Interval, Resampling, drawn_by
from analysis.evaluation.relevance import Labels
from analysis.evaluation.retrieval import by_cosine, judge
from analysis.registry.artifacts import CARD, model_key, package_versions, save_bytes
from analysis.registry.models import (
    Model,
    activate,
    default_model,
    find_model,
    latest_trained,
    next_version,
    register_trained,
)
from analysis.results import job_lock
from analysis.similarity.learned.card import projection_card
from analysis.similarity.learned.fitting import DEFAULT_KEEP, Fit, Progress, Recipe, fit_projection
from analysis.similarity.learned.job import base_label
from analysis.similarity.learned.losses import DEFAULT_LOSS, LOSSES
from analysis.similarity.learned.projection import ARTIFACT, to_bytes
from analysis.similarity.learned.splitting import Split, split_labels
from storage.database import Database
from storage.objects import ObjectStore

LOCK = "train similarity"
DEFAULT_KINDS = ("style", "genre")
LEAST_TAUGHT = 30
"""Fewest images that a projection is taught by."""
LEAST_ASKED = 10
"""Fewest held-out images that have something to find: with fewer, no difference can be told."""
K = 10
"""Answers that people look at."""
DECISIVE = "ndcg"
"""The measure that decides whether a projection takes over."""


@dataclass(frozen=True)
class Training:
    """What a training came to."""

    model: Model
    new: bool
    """False: the newest version was trained on the same examples in the same way."""
    activated: bool
    """Whether it took over as the embedding that searches use."""

    def as_dict(self) -> dict[str, Any]:
        """Return this for JSON."""
        return {"new": self.new, "activated": self.activated, "model": self.model.as_dict()}


def train_similarity(
    database: Database,
    store: ObjectStore,
    *,
    kinds: Sequence[str] = DEFAULT_KINDS,
    model: str | None = None,
    loss: str = DEFAULT_LOSS,
    keep: float = DEFAULT_KEEP,
    seed: int = 0,
    force: bool = False,
    progress: Progress | None = None,
) -> Training:
    """Fit a projection of embeddings, measure it on what it has not seen, store and register it.

    It becomes the default embedding where its NDCG@10 on the held-out part is above that of the
    embedding it reads by more than chance (the interval of the difference is above 0), and where
    that embedding, or an earlier projection of it, is the default. The artifact is stored first,
    the row is one transaction after it.

    Args:
        database: an open, migrated database.
        store: where the artifact goes.
        kinds: kinds of terms that works are to share.
        model: the embedding to read, NAME or NAME/VERSION; by default the one that is the default,
            or what that projects.
        loss: `contrastive` or `triplet`; see `analysis.similarity.learned.losses`.
        keep: weight of the embedding itself in the likeness of two works, 0 to 1, 1 excluded.
        seed: of the split, the first weights and the order of the examples.
        force: make a new version, also where nothing would be learned anew.
        progress: called after each epoch with epochs done and the most that there may be.

    Raises NothingToTrain, NoEmbeddings, NoSuchModel, NetworkUnavailable where TensorFlow is not
    installed, JobRunning where another process trains, ObjectStoreUnavailable and
    DatabaseUnavailable.
    """
    if loss not in LOSSES:
        raise NothingToTrain(f'there is no loss "{loss}": choose from {", ".join(LOSSES)}.')
    if not 0 <= keep < 1:
        raise NothingToTrain(f"--keep {keep} cannot be: give 0 to 1, 1 excluded.")
    recipe = Recipe(loss=loss, keep=keep)
    with job_lock(database, LOCK):
        with database.begin() as connection:
            base = embedding_model(connection, model)
            if (below := base_label(base)) is not None:
                base = find_model(connection, below)
            labels = read_labels(connection, kinds, [base.id])
            name = f"projection-{base.name}"
            latest = latest_trained(connection, name)
            version = next_version(connection, name)
        split = split_labels(labels, seed)
        _check_enough(labels, split)
        params = _params(recipe, base, labels, split)
        if latest is not None and not force and _same(latest, labels, params):
            return Training(latest, new=False, activated=False)
        with database.begin() as connection:
            vectors = read_vectors(connection, base, labels.ids)

        def part(places: Any) -> tuple[Labels, Vectors]:
            return labels.subset(places), vectors[places]

        fit = fit_projection(
            recipe, part(split.train), part(split.validation), seed=seed, progress=progress
        )
        metrics = _measured(fit, *part(split.test), seed) | {"split": split.as_dict()}
        seen = np.concatenate((split.train, split.validation))
        learned_from = tuple(labels.sha256[at] for at in seen)
        data = to_bytes(fit.projection, learned_from)
        return _registered(database, store, base, version, params, metrics, data, labels)


def _check_enough(labels: Labels, split: Split) -> None:
    train, test = labels.subset(split.train), labels.subset(split.test)
    shared = {
        kind: sum(count > 1 for count in _sizes(names).values())
        for kind, names in train.terms.items()
    }
    asked = judge(by_cosine(np.zeros((len(test), 1), np.float32)), test)
    if (
        len(train) >= LEAST_TAUGHT
        and sum(shared.values()) > 1
        and len(asked.queries) >= LEAST_ASKED
    ):
        return
    kinds = " or ".join(labels.kinds)
    raise NothingToTrain(
        f"{len(labels):,} embedded images have a {kinds}: {len(train):,} would teach (at least "
        f"{LEAST_TAUGHT} are needed, with two terms that several of them share), and "
        f"{len(asked.queries):,} of those held out would have something to find (at least "
        f"{LEAST_ASKED}). Crawl more works, run `artworks analyze embeddings`, or choose other "
        "--terms."
    )


def _sizes(names: Sequence[Sequence[str]]) -> Mapping[str, int]:
    sizes: dict[str, int] = {}
    for said in names:
        for one in said:
            sizes[one] = sizes.get(one, 0) + 1
    return sizes


def _params(recipe: Recipe, base: Model, labels: Labels, split: Split) -> dict[str, Any]:
    """Return all that what is learned depends on, besides the examples, as JSON gives it back."""
    params = {
        "embedding": base.label,
        "dimensions": recipe.dimensions + (int(base.params["dimensions"]) if recipe.keep else 0),
        "terms": list(labels.kinds),
        "recipe": recipe.as_dict(),
        "split": {"policy": split.policy, "seed": split.seed, "fingerprint": split.fingerprint},
        "packages": package_versions(("keras", "numpy")),
    }
    plain: dict[str, Any] = json.loads(json.dumps(params, allow_nan=False))
    return plain


def _same(latest: Model, labels: Labels, params: Mapping[str, Any]) -> bool:
    return latest.data_fingerprint == labels.fingerprint and all(
        latest.params.get(key) == value for key, value in params.items()
    )


def _measured(fit: Fit, labels: Labels, vectors: Vectors, seed: int) -> dict[str, Any]:
    """Return how the projection and what it reads do on the held-out part."""
    before = judge(by_cosine(vectors), labels, k=K)
    after = judge(by_cosine(fit.projection.project(vectors)), labels, k=K)
    groups, drawn = drawn_by(labels, before.queries)
    resampling = Resampling(groups, seed=seed)
    return {
        "k": K,
        "images": len(labels),
        "queries": len(before.queries),
        "drawn_by": drawn,
        "level": LEVEL,
        "epochs": fit.epochs,
        "validation_ndcg": [round(one, 4) for one in fit.validation],
        "measures": {
            name: {
                "projection": resampling.interval(after.measures[name]).as_dict(),
                "embedding": resampling.interval(before.measures[name]).as_dict(),
                "chance": float(np.nanmean(before.chance[name])),
                "difference": resampling.interval(
                    after.measures[name] - before.measures[name]
                ).as_dict(),
            }
            for name in before.measures
        },
    }


def is_better(metrics: Mapping[str, Any]) -> bool:
    """Whether a projection beats what it reads by more than chance."""
    return Interval(**metrics["measures"][DECISIVE]["difference"]).above_zero


def _registered(
    database: Database,
    store: ObjectStore,
    base: Model,
    version: str,
    params: Mapping[str, Any],
    metrics: Mapping[str, Any],
    data: bytes,
    labels: Labels,
) -> Training:
    name = f"projection-{base.name}"
    artifact = save_bytes(store, name, version, ARTIFACT, data)
    params = {**params, "artifact_sha256": artifact.sha256, "artifact_bytes": artifact.size}
    card = projection_card(name, version, params, metrics, labels.fingerprint)
    store.put(model_key(name, version, CARD), card.encode(), content_type="text/markdown")
    with database.begin() as connection:
        model = register_trained(
            connection,
            name=name,
            version=version,
            kind=KIND,
            head=None,
            params=params,
            metrics=metrics,
            artifact_key=artifact.key,
            data_fingerprint=labels.fingerprint,
        )
        default = default_model(connection, KIND)
        in_line = default is None or base.label in (default.label, base_label(default))
        takes_over = is_better(metrics) and in_line
        if takes_over:
            model = activate(connection, model)
    return Training(model, new=True, activated=takes_over)
