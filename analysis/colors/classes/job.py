"""The job `color-class`: the colour class of every image into `image_labels`, head `color`.

It reads no pixels. Where a trained classifier is the default, it reads the channel statistics of
`image_features`; before any training, and where people choose so, the fixed classes read the
stored palettes. Rows name the model that wrote them, and those of different models never mix.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from sqlalchemy import Connection, text

from analysis.colors.classes import HEAD
from analysis.colors.classes.rules import term_shares
from analysis.colors.features import channel_statistics
from analysis.colors.job import COLORS
from analysis.jobs import RGB, CollectionJob, ModelSpec
from analysis.labels.labelling.saying import Said, Scores, kept_labels
from analysis.labels.labelling.walking import Source, pending_pages
from analysis.labels.labelling.writing import write_said
from analysis.registry.artifacts import load_artifact
from analysis.registry.models import Model, activate, default_model, find_model
from analysis.runs import CollectionRun
from storage.database import Database
from storage.objects import ObjectStore

JOB = "color-class"
RULES = "color-rules"
BATCH = 2000
"""Images that are labelled in one transaction."""

Classify: TypeAlias = Callable[[Sequence[Any]], Sequence[Scores]]
"""Rows of a page in, the scores of each image out; none: there is nothing to say of it."""

_MODEL_ID = text("SELECT id FROM models WHERE name || '/' || version = :label")

_FEATURES = Source(
    rows="FROM image_features x WHERE x.model_id = :input_id",
    columns="x.values",
)
_OF_PALETTE = "FROM image_colors c WHERE c.image_id = x.image_id AND c.model_id = :input_id"
_PALETTES = Source(
    rows="FROM image_results x WHERE x.model_id = :input_id AND x.state <> 'failed'",
    columns=f"""
        ARRAY(SELECT c.fraction {_OF_PALETTE} ORDER BY c.rank) AS fractions,
        ARRAY(SELECT ARRAY[c.lab_l, c.lab_a, c.lab_b] {_OF_PALETTE} ORDER BY c.rank) AS lab
    """,
)


def color_class_job(database: Database) -> CollectionJob:
    """Return the job with the model that is the default in the database, or the fixed classes."""
    with database.begin() as connection:
        model = default_model(connection, "classifier", HEAD)
        if model is None or model.name == RULES:
            return _fixed(_palette_label(connection))
    return _trained(model)


def _palette_label(connection: Connection) -> str:
    """Return name/version of the palettes to read: the default ones, as the next run has them."""
    model, next_one = default_model(connection, "palette"), COLORS.model
    label = f"{next_one.name}/{next_one.version}"
    known = connection.scalar(_MODEL_ID, {"label": label}) is not None
    if model is None or (model.name == next_one.name and not known):
        return label
    return model.label


def _fixed(palette: str) -> CollectionJob:
    spec = ModelSpec(
        name=RULES,
        # Of other palettes, the classes are others.
        version=f"1-{palette.replace('/', '-')}",
        kind="classifier",
        head=HEAD,
        params={
            "rule": "the basic colour term that covers most of the palette; its score is its share",
            "palette": palette,
        },
        is_default=True,
    )

    def walk(run: CollectionRun) -> None:
        with run.database.begin() as connection:
            if default_model(connection, "classifier", HEAD) is None:
                activate(connection, find_model(connection, f"{spec.name}/{spec.version}"))
        _walk(run, _PALETTES, COLORS.name, palette, lambda: _shares)

    return CollectionJob(JOB, spec, walk)


def _trained(model: Model) -> CollectionJob:
    spec = ModelSpec(model.name, model.version, model.kind, model.params, model.head)

    def walk(run: CollectionRun) -> None:
        def classifier() -> Classify:
            return _probabilities(load_artifact(run.store, model))

        _walk(run, _FEATURES, "features", model.params["features"], classifier)

    return CollectionJob(JOB, spec, walk)


def picture_scores(store: ObjectStore, model: Model, rgb: RGB) -> Scores:
    """Return what a model of colour classes says of a picture, as it would of a stored preview.

    Raises ArtifactDamaged and ArtifactOutdated.
    """
    if model.name == RULES:
        [rows] = COLORS.compute([rgb])
        lab = [[row["lab_l"], row["lab_a"], row["lab_b"]] for row in rows]
        return term_shares(lab, [row["fraction"] for row in rows])
    features: Sequence[float] = channel_statistics(rgb).tolist()
    [scores] = _predicted(load_artifact(store, model), [features])
    return scores


def _shares(rows: Sequence[Any]) -> list[Scores]:
    return [term_shares(row.lab, row.fractions) for row in rows]


def _probabilities(pipeline: Any) -> Classify:
    return lambda rows: _predicted(pipeline, [row.values for row in rows])


def _predicted(pipeline: Any, features: Sequence[Sequence[float]]) -> list[Scores]:
    labels = pipeline.classes_.tolist()
    found = pipeline.predict_proba(np.array(features, dtype=np.float64)).tolist()
    return [dict(zip(labels, scores, strict=True)) for scores in found]


def _walk(
    run: CollectionRun, source: Source, job: str, label: str, classifier: Callable[[], Classify]
) -> None:
    """Label what is pending, page by page, each in a transaction of its own.

    `label` is the name/version of the model whose results are read, and `job` makes them;
    `classifier` is called where something is pending.
    """
    with run.timed("read"), run.database.begin() as connection:
        # What is not registered has no results; no id is 0.
        input_id = connection.scalar(_MODEL_ID, {"label": label}) or 0
    classify: Classify | None = None
    for rows in pending_pages(run, source, input_id, f"artworks analyze {job}", batch=BATCH):
        if classify is None:
            with run.timed("read"):
                classify = classifier()
        with run.timed("compute"):
            scores = classify(rows)
        said = {
            row.image_id: Said(kept_labels(found)) for row, found in zip(rows, scores, strict=True)
        }
        with run.timed("write"), run.database.begin() as connection:
            done, empty = write_said(connection, run.model_id, HEAD, said)
            run.count(connection, done=done, empty=empty)
