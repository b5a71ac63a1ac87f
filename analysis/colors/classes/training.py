"""Training: from what crawls call a colour to a version of the model `color-class`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from analysis.colors.classes import HEAD
from analysis.colors.classes.candidates import CANDIDATES, settings
from analysis.colors.classes.card import color_card
from analysis.colors.classes.examples import Examples, balanced, read_examples
from analysis.colors.classes.selection import ROUNDS, Progress, Selection, select_classifier
from analysis.errors import NothingToTrain
from analysis.registry.artifacts import CARD, model_key, package_versions, save_artifact
from analysis.registry.models import (
    Model,
    activate,
    default_model,
    latest_trained,
    next_version,
    register_trained,
)
from analysis.results import job_lock
from storage.database import Database
from storage.objects import ObjectStore

NAME = "color-class"
"""Name of the trained models."""
LOCK = "train color"
LEAST_FOLDS, MOST_FOLDS = 3, 20


@dataclass(frozen=True)
class Training:
    """What a training came to."""

    model: Model
    new: bool
    """False: the newest version was trained on the same examples in the same way."""
    activated: bool
    """Whether it took over as what `artworks analyze color-class` uses."""

    def as_dict(self) -> dict[str, Any]:
        """Return this for JSON."""
        return {"new": self.new, "activated": self.activated, "model": self.model.as_dict()}


def train_color(
    database: Database,
    store: ObjectStore,
    *,
    folds: int = 5,
    seed: int = 0,
    force: bool = False,
    progress: Progress | None = None,
) -> Training:
    """Choose, train, store and register a classifier of colours; it takes over where it is better.

    Better is: at least as often right as the fixed classes, and more often than saying the
    commonest class. The artifact is stored first, the row is one transaction after it: a training
    that is killed leaves at most an object that the next one replaces.

    Args:
        database: an open, migrated database.
        store: where the artifact goes.
        folds: parts that the examples are split into, 3 to 20.
        seed: of everything random; the same examples and seed give the same measures.
        force: make a new version, also where nothing would be learned anew.
        progress: called after each fit with fits done and in all.

    Raises NothingToTrain, JobRunning where another process trains, ObjectStoreUnavailable and
    DatabaseUnavailable.
    """
    if not LEAST_FOLDS <= folds <= MOST_FOLDS:
        raise NothingToTrain(
            f"{folds} folds cannot be trained with: choose from {LEAST_FOLDS} to {MOST_FOLDS}."
        )
    with job_lock(database, LOCK):
        with database.begin() as connection:
            examples = balanced(read_examples(connection), folds)
            latest = latest_trained(connection, NAME)
            version = next_version(connection, NAME)
        recipe = _recipe(examples, folds, seed)
        if latest is not None and not force and _same(latest, examples, recipe):
            return Training(latest, new=False, activated=False)
        selection = select_classifier(examples, folds=folds, seed=seed, progress=progress)
        return _registered(database, store, version, recipe, selection)


def beats_baselines(metrics: dict[str, Any]) -> bool:
    """Whether a classifier is worth more than what needs no training."""
    baselines = metrics["baselines"]
    accuracy: float = metrics["accuracy"]
    return accuracy > baselines["majority"] and accuracy >= (baselines["rules"] or 0.0)


def _recipe(examples: Examples, folds: int, seed: int) -> dict[str, Any]:
    """Return all that what is learned depends on, besides the examples, as JSON gives it back."""
    recipe = {
        "features": examples.feature_model,
        "folds": folds,
        "rounds": ROUNDS,
        "seed": seed,
        "packages": package_versions(),
        "candidates": {name: settings(name, seed) for name in CANDIDATES},
    }
    plain: dict[str, Any] = json.loads(json.dumps(recipe, allow_nan=False))
    return plain


def _same(latest: Model, examples: Examples, recipe: dict[str, Any]) -> bool:
    return (
        latest.data_fingerprint == examples.fingerprint
        and latest.metrics["split"]["fingerprint"] == examples.split_fingerprint
        and all(latest.params.get(key) == value for key, value in recipe.items())
    )


def _registered(
    database: Database,
    store: ObjectStore,
    version: str,
    recipe: dict[str, Any],
    selection: Selection,
) -> Training:
    artifact = save_artifact(store, NAME, version, selection.pipeline)
    params = {
        **recipe,
        "classifier": selection.name,
        "artifact_sha256": artifact.sha256,
        "artifact_bytes": artifact.size,
    }
    card = color_card(NAME, version, params, selection.metrics)
    store.put(model_key(NAME, version, CARD), card.encode(), content_type="text/markdown")
    with database.begin() as connection:
        model = register_trained(
            connection,
            name=NAME,
            version=version,
            kind="classifier",
            head=HEAD,
            params=params,
            metrics=selection.metrics,
            artifact_key=artifact.key,
            data_fingerprint=selection.metrics["data_fingerprint"],
        )
        better = beats_baselines(selection.metrics) or (
            default_model(connection, "classifier", HEAD) is None
        )
        if better:
            model = activate(connection, model)
    return Training(model, new=True, activated=better)
