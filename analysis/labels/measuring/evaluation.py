"""A classifier is asked again about the images that measured it: does it still say the same?

Its artifact and what it said then are checked against what was recorded. Where people have
corrected labels since, it is measured with their truth as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, text

from analysis.embeddings.stored import vectors_of
from analysis.errors import NoClassifier, NothingToCompare, WrongHead
from analysis.jobs import RGB
from analysis.labels.classifier import Classifier, Probabilities, open_classifier
from analysis.labels.dataset import Targets
from analysis.labels.datasets.embedded import embedding_of
from analysis.labels.datasets.settling import checked_merging, settle
from analysis.labels.heads import Mode, find_head
from analysis.labels.measuring.comparing import Comparison, compare
from analysis.labels.measuring.measures import Answers, measure
from analysis.labels.measuring.predictions import Predictions, from_store
from analysis.labels.reporting.page_pictures import read_picture
from analysis.labels.task import Progress
from analysis.registry.models import Model, default_model, find_model
from storage.database import Database
from storage.objects import ObjectStore

KIND: Final = "classifier"
SAME: Final = 1e-3
"""Probabilities that differ by no more are the same, on whatever machine they were computed."""
BATCH: Final = 32
"""Pictures that are in memory at once."""

_IMAGES = text("SELECT i.id, i.sha256, i.preview_key FROM images i WHERE i.sha256 = ANY(:sha256)")
_VERDICTS = text("""
    SELECT i.sha256, v.label, v.verdict
    FROM label_verdicts v JOIN images i ON i.id = v.image_id
    WHERE v.head = :head AND i.sha256 = ANY(:sha256)
""")

Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Asked:
    """What a classifier says now of the images that measured it."""

    images: int
    """Images that measured it."""
    gone: int
    """Of these, images that are stored no more."""
    unreadable: int
    """Of these, images without a vector, or whose picture cannot be read."""
    differing: int
    """Images of which it says something else than it did."""
    largest: float
    """The largest difference of a probability."""
    measured: Mapping[str, Any] | None
    """Its measures on the images that are there, by what it says now; None: there are none."""

    @property
    def asked(self) -> int:
        """Images that it was asked about again."""
        return self.images - self.gone - self.unreadable

    @property
    def same(self) -> bool:
        """Whether nothing is missing, and nothing said otherwise."""
        return self.asked == self.images and not self.differing

    def as_dict(self) -> dict[str, Any]:
        """Return this for JSON."""
        return {
            "images": self.images,
            "asked": self.asked,
            "gone": self.gone,
            "unreadable": self.unreadable,
            "differing": self.differing,
            "largest_difference": round(self.largest, 6),
            "measured": None if self.measured is None else dict(self.measured),
        }


@dataclass(frozen=True)
class Corrected:
    """Measures with what people say of the images that measured."""

    images: int
    """Images whose labels people have changed since."""
    unknown: int
    """Of these, images that have no label which the classifier knows: they do not count."""
    measured: Mapping[str, Any] | None

    def as_dict(self) -> dict[str, Any]:
        """Return this for JSON."""
        return {
            "images": self.images,
            "unknown": self.unknown,
            "measured": None if self.measured is None else dict(self.measured),
        }


@dataclass(frozen=True)
class Evaluation:
    """A classifier, measured."""

    model: Model
    predictions: Predictions
    asked: Asked
    corrected: Corrected | None
    """None: people have changed nothing."""
    against: Model | None
    comparison: Comparison | None

    def as_dict(self) -> dict[str, Any]:
        """Return this for JSON."""
        return {
            "model": self.model.label,
            "head": self.model.head,
            "metrics": dict(self.model.metrics),
            "asked_again": self.asked.as_dict(),
            "corrected": None if self.corrected is None else self.corrected.as_dict(),
            "against": None if self.against is None else self.against.label,
            "comparison": None if self.comparison is None else self.comparison.as_dict(),
        }


def evaluate_labels(
    database: Database,
    store: ObjectStore,
    head: str,
    *,
    model: str | None = None,
    against: str | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Evaluation:
    """Ask a classifier again, and measure what it says.

    Args:
        database: an open, migrated database.
        store: where artifacts and pictures are.
        head: what is told.
        model: NAME/VERSION or NAME; by default the one in use.
        against: another classifier of the head, to be compared on images that taught neither.
        seed: of the draws of the comparison.
        progress: told how many pictures have been looked at.

    Raises WrongHead, NoClassifier, NoSuchModel, ArtifactDamaged, NoEmbeddings where what it reads
    is registered no more, NothingToCompare, NetworkUnavailable, ObjectStoreUnavailable and
    DatabaseUnavailable.
    """
    find_head(head)
    with database.begin() as connection:
        chosen = classifier_of(connection, head, model)
        other = None if against is None else classifier_of(connection, head, against)
        classifier, predictions = open_classifier(store, chosen), from_store(store, chosen)
        asked, answers = _ask(connection, store, chosen, classifier, predictions, progress)
        corrected = _corrected(connection, chosen, predictions, answers)
    comparison = None if other is None else compare_models(store, chosen, other, seed=seed)
    return Evaluation(chosen, predictions, asked, corrected, other, comparison)


def classifier_of(connection: Connection, head: str, label: str | None = None) -> Model:
    """Return the classifier of a head that is in use, or NAME/VERSION of one.

    Raises NoClassifier, NoSuchModel, and WrongHead where the model does not tell this head.
    """
    if label is None:
        model = default_model(connection, KIND, head)
        if model is None:
            raise NoClassifier(
                f"no classifier of {head} is in use: train one with `artworks train {head}`, or "
                "name one with --model."
            )
        return model
    model = find_model(connection, label)
    if model.kind != KIND or model.head != head:
        tells = f"tells {model.head}" if model.kind == KIND else f"is a model of kind {model.kind}"
        raise WrongHead(
            f"{model.label} {tells}, not {head}: choose a classifier of {head}, see `artworks "
            "models list`."
        )
    return model


def compare_models(store: ObjectStore, first: Model, second: Model, *, seed: int) -> Comparison:
    """Compare two classifiers by what they said of images that taught neither.

    Raises NothingToCompare where they cannot be, and ArtifactDamaged.
    """
    mode, other = mode_of(first), mode_of(second)
    if mode != other:
        raise NothingToCompare(
            f"{first.label} tells {_how_many(mode)} of an image and {second.label} "
            f"{_how_many(other)}: compare two that were trained with the same --labels."
        )
    return compare(from_store(store, first), from_store(store, second), mode=mode, seed=seed)


def mode_of(model: Model) -> Mode:
    """Return whether a classifier tells one label of an image, or several."""
    return "multi" if model.params.get("labels") == "multi" else "single"


def _how_many(mode: Mode) -> str:
    return "several labels" if mode == "multi" else "one label"


def _ask(
    connection: Connection,
    store: ObjectStore,
    model: Model,
    classifier: Classifier,
    predictions: Predictions,
    progress: Progress | None,
) -> tuple[Asked, Answers]:
    """Return how what it says now differs, and its answers about all images that measured.

    Answers are what it says now; of images that are missing, what it said.
    """
    at = predictions.places("test")
    rows = connection.execute(_IMAGES, {"sha256": [predictions.sha256[one] for one in at]}).all()
    stored = {row.sha256: row for row in rows}
    there = np.array([predictions.sha256[one] in stored for one in at], np.bool_)
    found = [stored[predictions.sha256[one]] for one in at[there]]
    readable, now = _probabilities(connection, store, model, classifier, found, progress)
    place = np.flatnonzero(there)[readable]
    said = predictions.probabilities[at].copy()
    differences = np.abs(now - said[place]).max(axis=1, initial=0.0)
    said[place] = now
    answers = Answers.of(predictions.targets[at], said, classifier.mode, classifier.thresholds)
    asked = Asked(
        images=len(at),
        gone=int((~there).sum()),
        unreadable=int(there.sum()) - len(place),
        differing=int((differences > SAME).sum()),
        largest=float(differences.max(initial=0.0)),
        measured=_measured(answers.subset(place), classifier),
    )
    return asked, answers


def _probabilities(
    connection: Connection,
    store: ObjectStore,
    model: Model,
    classifier: Classifier,
    images: Sequence[Any],
    progress: Progress | None,
) -> tuple[Places, Probabilities]:
    """Return which of the images can be judged, (m,), and how likely each label is, (m, k)."""
    embedding = embedding_of(connection, model)
    if embedding is not None:
        ids = np.array([image.id for image in images], np.int64)
        vectors = vectors_of(connection, embedding, ids.tolist())
        known = np.flatnonzero(np.isin(ids, vectors.ids))
        order = np.searchsorted(vectors.ids, ids[known])
        return known, classifier.probabilities(vectors.vectors[order])
    places: list[int] = []
    parts = [np.empty((0, len(classifier.classes)), np.float32)]
    for start in range(0, len(images), BATCH):
        pictures: list[RGB] = []
        for place, image in enumerate(images[start : start + BATCH], start=start):
            picture = read_picture(store, image.preview_key)
            if picture is not None:
                places.append(place)
                pictures.append(picture)
        if pictures:
            parts.append(classifier.probabilities(pictures))
        if progress is not None:
            progress("pictures", min(start + BATCH, len(images)), len(images))
    return np.array(places, np.int64), np.concatenate(parts)


def _corrected(
    connection: Connection, model: Model, predictions: Predictions, answers: Answers
) -> Corrected | None:
    """Measure with what people say; None where that is what it was measured with."""
    at = predictions.places("test")
    sha256 = [predictions.sha256[one] for one in at]
    verdicts: dict[str, dict[str, str]] = {}
    for row in connection.execute(_VERDICTS, {"head": model.head, "sha256": sha256}):
        verdicts.setdefault(row.sha256, {})[row.label] = row.verdict
    targets: Targets = predictions.targets[at].copy()
    classes = predictions.classes
    merging = checked_merging(model.params["dataset"].get("merge") or {})
    mode = mode_of(model)
    known = np.ones(len(at), np.bool_)
    for place, one in enumerate(sha256):
        if one not in verdicts:
            continue
        said = [classes[label] for label in np.flatnonzero(targets[place])]
        settled = settle(said, weak=False, verdicts=verdicts[one], mode=mode, merging=merging)
        targets[place] = [label in settled.labels for label in classes]
        # Where an image has one label, two are as good as none.
        known[place] = len(settled.labels) > 0 if mode == "multi" else targets[place].sum() == 1
    changed = (targets != predictions.targets[at]).any(axis=1)
    if not changed.any():
        return None
    truth = Answers(targets.astype(np.bool_), answers.accepted, answers.probabilities)
    measured = measure(truth.subset(known), classes, mode) if known.any() else None
    return Corrected(int(changed.sum()), int((changed & ~known).sum()), measured)


def _measured(answers: Answers, classifier: Classifier) -> dict[str, Any] | None:
    if not len(answers):
        return None
    return measure(answers, classifier.classes, classifier.mode, classifier.thresholds)
