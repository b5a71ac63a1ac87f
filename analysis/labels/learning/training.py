"""Training: from what crawls call things to a version of a classifier."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.labels.classifier import ARTIFACT, Classifier
from analysis.labels.dataset import DatasetQuery
from analysis.labels.datasets.pictures import open_pictures
from analysis.labels.familiarity import Familiarity, learn_familiarity
from analysis.labels.heads import find_head
from analysis.labels.learning.cross_validation import cross_validate
from analysis.labels.learning.methods import Recipe, find_method
from analysis.labels.learning.planning import Plan, Request, plain, plan_training
from analysis.labels.learning.probe import ProbeRecipe
from analysis.labels.learning.succession import KIND, decide
from analysis.labels.learning.workplace import feature_cache, workplace
from analysis.labels.measuring.judging import Judgement, judge
from analysis.labels.measuring.predictions import PREDICTIONS
from analysis.labels.reporting.card import label_card
from analysis.labels.reporting.page import REPORT, label_report
from analysis.labels.scorer import Fitted
from analysis.labels.task import Balance, Progress, Task
from analysis.registry.artifacts import CARD, model_key, save_bytes
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
from storage.reports import lock_reports


@dataclass(frozen=True)
class Training:
    """What a training came to."""

    model: Model
    new: bool
    """False: the newest version was trained on the same examples in the same way."""
    activated: bool
    """Whether it took over as the default of its head."""
    reason: str
    """Why it took over, or did not; part of a sentence."""

    def as_dict(self) -> dict[str, Any]:
        """Return this for JSON."""
        return {
            "new": self.new,
            "activated": self.activated,
            "reason": self.reason,
            "model": self.model.as_dict(),
        }


def train_labels(
    database: Database,
    store: ObjectStore,
    query: DatasetQuery,
    *,
    method: str = "probe",
    recipe: Recipe | None = None,
    policy: str = "auto",
    split: str | None = None,
    balance: Balance = "none",
    embedding: str | None = None,
    folds: int | None = None,
    rounds: int = 1,
    seed: int = 0,
    force: bool = False,
    activate: bool | None = None,
    progress: Progress | None = None,
) -> Training:
    """Learn a head, measure what was learned, store and register it; it takes over where it may.

    See `analysis.labels.learning.succession` for when that is. The artifact and what lies beside it
    are stored first, the row is one transaction after them: a training that is killed leaves at
    most objects that the next one replaces. Started again, a network goes on where it was.

    Args:
        database: an open, migrated database.
        store: where the artifact goes.
        query: which images, and what counts as a label.
        method: `probe`, `transfer` or `cnn`.
        recipe: how the method learns; its default where None.
        policy: how images are split, see `analysis.labels.datasets.splitting`.
        split: id or name of a stored split, in place of a policy.
        balance: against classes of unequal size.
        embedding: NAME or NAME/VERSION of the embeddings to read; those in use where None.
        folds: parts of a cross-validation besides, for probes.
        rounds: how often the images are dealt into folds anew.
        seed: of splits and of everything else that is random.
        force: make a new version, also where nothing would be learned anew.
        activate: whether it becomes the default, whatever its measures.
        progress: told how far it is.

    Raises WrongHead, WrongDataset, NothingToTrain, NoEmbeddings, NoSuchModel, NetworkUnavailable,
    PictureMissing, JobRunning where another process trains the head, ObjectStoreUnavailable and
    DatabaseUnavailable.
    """
    find_head(query.head)
    chosen = find_method(method)
    recipe = chosen.default_recipe() if recipe is None else recipe
    request = Request(query, chosen, recipe, policy, split, balance, embedding, folds, rounds, seed)
    request.check()
    with job_lock(database, f"train {query.head}"):
        plan = plan_training(database, request)
        with database.begin() as connection:
            latest = latest_trained(connection, plan.name)
            version = next_version(connection, plan.name)
        if latest is not None and not force and plan.is_that_of(latest):
            return _kept(database, latest, activate)
        with workplace(plan.params, plan.dataset.fingerprint) as folder:
            task = Task(
                dataset=plan.dataset,
                split=plan.split,
                balance=balance,
                seed=seed,
                embedding=plan.embedding,
                vectors=plan.vectors,
                pictures=open_pictures(database, store, plan.dataset),
                folder=folder,
                cache=feature_cache(),
                progress=progress,
            )
            fitted = chosen.fit(task, recipe)
            judgement = judge(plan.dataset, plan.split, fitted.logits, seed=seed)
            metrics = _metrics(plan, fitted, judgement, progress)
            task.tell("report", 0, 1)
            trained = _registered(
                database, store, plan, version, fitted, judgement, metrics, activate
            )
            task.tell("report", 1, 1)
    return trained


def _kept(database: Database, latest: Model, wanted: bool | None) -> Training:
    """Return the newest version, which nothing new would be learned beside."""
    reason = "nothing was trained"
    if not wanted or latest.is_default:
        return Training(latest, new=False, activated=False, reason=reason)
    with database.begin() as connection:
        model = activate(connection, latest)
    return Training(model, new=False, activated=True, reason="that was asked for")


def _metrics(
    plan: Plan, fitted: Fitted, judgement: Judgement, progress: Progress | None
) -> dict[str, Any]:
    dataset, request, crossed = plan.dataset, plan.request, None
    if request.folds is not None:
        assert plan.vectors is not None
        assert isinstance(request.recipe, ProbeRecipe)
        crossed = cross_validate(
            dataset,
            plan.vectors,
            folds=request.folds,
            rounds=request.rounds,
            seed=request.seed,
            policy="auto" if plan.split.policy == "given" else plan.split.policy,
            recipe=request.recipe,
            balance=request.balance,
            progress=progress,
        )
    return plain(
        {
            **judgement.metrics,
            "support": {
                label: int(count)
                for label, count in zip(
                    dataset.classes, dataset.targets.sum(axis=0, dtype=np.int64), strict=True
                )
            },
            "weak": int(dataset.weak.sum()),
            "sites": dict(Counter(dataset.sites)),
            "left_out": dict(dataset.left_out),
            "split": {
                **plan.split.as_dict(),
                "id": plan.split_id,
                "not_compared": plan.not_compared,
            },
            "data_fingerprint": dataset.fingerprint,
            "history": {name: list(values) for name, values in fitted.history.items()},
            "chosen": dict(fitted.details),
            "cross_validation": crossed,
        }
    )


def _familiarity(plan: Plan, fitted: Fitted, judgement: Judgement) -> Familiarity:
    train, validation = plan.split.train, plan.split.validation
    probabilities, mode = judgement.probabilities[validation], plan.dataset.query.mode
    if plan.vectors is None or fitted.scorer.reads == "pixels":
        return learn_familiarity(probabilities, mode)
    return learn_familiarity(
        probabilities,
        mode,
        vectors=plan.vectors[validation],
        taught=plan.vectors[train],
        targets=plan.dataset.targets[train],
    )


def _registered(
    database: Database,
    store: ObjectStore,
    plan: Plan,
    version: str,
    fitted: Fitted,
    judgement: Judgement,
    metrics: dict[str, Any],
    wanted: bool | None,
) -> Training:
    """Store what was learned, then its row; then it takes over where it may."""
    query = plan.dataset.query
    predictions = judgement.predictions(plan.dataset, plan.split)
    classifier = Classifier(
        head=query.head,
        mode=query.mode,
        classes=plan.dataset.classes,
        scorer=fitted.scorer,
        temperature=judgement.temperature,
        thresholds=judgement.thresholds.astype(np.float32),
        familiarity=_familiarity(plan, fitted, judgement),
    )
    artifact = save_bytes(store, plan.name, version, ARTIFACT, classifier.to_bytes())
    told = save_bytes(store, plan.name, version, PREDICTIONS, predictions.to_bytes())
    params = {
        **plan.params,
        "reads": fitted.scorer.reads,
        "artifact_sha256": artifact.sha256,
        "artifact_bytes": artifact.size,
        "predictions_sha256": told.sha256,
    }
    card = label_card(plan.name, version, params, metrics)
    store.put(model_key(plan.name, version, CARD), card.encode(), content_type="text/markdown")
    with database.begin() as connection:
        # A picture that is taken down from now on goes with the page that shows it.
        lock_reports(connection)
        report = label_report(connection, store, plan.name, version, params, metrics, predictions)
        store.put(model_key(plan.name, version, REPORT), report, content_type="text/html")
    with database.begin() as connection:
        present = default_model(connection, KIND, query.head)
    succession = decide(store, present, metrics, predictions, seed=plan.request.seed, wanted=wanted)
    with database.begin() as connection:
        model = register_trained(
            connection,
            name=plan.name,
            version=version,
            kind=KIND,
            head=query.head,
            params=params,
            metrics=metrics,
            artifact_key=artifact.key,
            data_fingerprint=plan.dataset.fingerprint,
        )
        if succession.takes_over:
            model = activate(connection, model)
    return Training(model, True, succession.takes_over, succession.reason)
