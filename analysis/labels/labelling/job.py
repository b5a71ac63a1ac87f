"""The jobs `labels-<head>`: what the default classifier of each head says of every image.

Classifiers that read embeddings read the stored vectors, and no pixels; those that read pixels are
given previews, together with other image jobs. Labels go into `image_labels`, and how unlike the
images that taught an image is into `image_outliers`. Rows name the model that wrote them, and those
of different models never mix.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import Connection

from analysis.catalog import LABELS
from analysis.embeddings.stored import vectors_of
from analysis.errors import NoClassifier
from analysis.jobs import (
    RGB,
    CollectionJob,
    Compute,
    ImageJob,
    Job,
    ModelSpec,
    Row,
    not_loaded,
)
from analysis.labels.classifier import Classifier, open_classifier
from analysis.labels.datasets.embedded import embedding_of
from analysis.labels.heads import HEADS
from analysis.labels.labelling.saying import NOTHING, Said, say
from analysis.labels.labelling.walking import Source, pending_pages
from analysis.labels.labelling.writing import replace_labels, write_said
from analysis.registry.models import Model, default_model, list_models
from analysis.runs import CollectionRun
from storage.database import Database
from storage.models import ImageLabel
from storage.objects import ObjectStore

KIND: Final = "classifier"
"""Kind of the models that label images."""
BATCH: Final = 2000
"""Images that are labelled in one transaction, where vectors are read."""
_SAID: Final = "said"

# What was looked at and has no vector (a picture of nothing, say) is seen, and has no label.
_EMBEDDED: Final = Source(
    rows="FROM image_results x WHERE x.model_id = :input_id AND x.state <> 'failed'",
    columns="x.state",
)


def label_jobs(database: Database) -> tuple[Job, ...]:
    """Return the jobs of all heads of which a classifier is the default, in the order of HEADS."""
    with database.begin() as connection:
        return tuple(_job(model) for model in default_classifiers(connection))


def label_job(database: Database, head: str) -> Job:
    """Return the job of one head. Raises NoClassifier where no classifier is the default."""
    with database.begin() as connection:
        model = default_model(connection, KIND, head)
    if model is None:
        raise no_classifier(head)
    return _job(model)


def require_classifiers(database: Database) -> None:
    """Raise NoClassifier where nothing can label images."""
    if not label_jobs(database):
        raise no_classifier()


def no_classifier(head: str | None = None) -> NoClassifier:
    """Return what to raise where a head, or every head, has no classifier."""
    what = "no classifier" if head is None else f"no classifier of {head}"
    cure = f"`artworks train {head or 'style'}`"
    return NoClassifier(f"{what} is the default: train one with {cure}.")


def default_classifiers(connection: Connection) -> list[Model]:
    """Return the classifiers in use, in the order of HEADS.

    That of colours is not among them: it has a job of its own.
    """
    order = {head: place for place, head in enumerate(HEADS)}
    found = [
        model
        for model in list_models(connection)
        if model.kind == KIND and model.is_default and model.active and model.head in order
    ]
    return sorted(found, key=lambda model: order[str(model.head)])


def _job(model: Model) -> Job:
    name = f"{LABELS}-{model.head}"
    spec = ModelSpec(model.name, model.version, model.kind, model.params, model.head)
    if model.params.get("reads") == "pixels":
        return _of_pictures(name, spec, model)
    return CollectionJob(name, spec, lambda run: _walk(run, model))


def _walk(run: CollectionRun, model: Model) -> None:
    """Label what is pending, page by page, each in a transaction of its own."""
    with run.timed("read"), run.database.begin() as connection:
        embedding = embedding_of(connection, model)
    assert embedding is not None, "a classifier that reads no pixels reads embeddings"
    classifier: Classifier | None = None
    for rows in pending_pages(run, _EMBEDDED, embedding.id, _cure(embedding), batch=BATCH):
        if classifier is None:
            with run.timed("read"):
                classifier = open_classifier(run.store, model)
        ids = [row.image_id for row in rows]
        with run.timed("read"), run.database.begin() as connection:
            found = vectors_of(connection, embedding, ids)
        with run.timed("compute"):
            said = dict.fromkeys(ids, NOTHING)
            said |= zip(found.ids.tolist(), say(classifier, found.vectors), strict=True)
        with run.timed("write"), run.database.begin() as connection:
            done, empty = write_said(connection, run.model_id, str(model.head), said)
            run.count(connection, done=done, empty=empty)


def _cure(embedding: Model) -> str:
    """Return the command that embeds what is not embedded yet."""
    if embedding.artifact_key is not None:
        return "artworks analyze projection"
    command = "artworks analyze embeddings"
    return command if embedding.is_default else f"ARTWORKS_EMBEDDING={embedding.name} {command}"


def _of_pictures(name: str, spec: ModelSpec, model: Model) -> ImageJob:
    head = str(model.head)

    def load(store: ObjectStore) -> Compute:
        classifier = open_classifier(store, model)

        def compute(images: Sequence[RGB]) -> list[list[Row]]:
            return [[{_SAID: said}] for said in say(classifier, images)]

        return compute

    def write(connection: Connection, model_id: int, rows: Mapping[int, Sequence[Row]]) -> None:
        said: dict[int, Said] = {
            image_id: of_image[0][_SAID] if of_image else NOTHING
            for image_id, of_image in rows.items()
        }
        replace_labels(connection, model_id, head, said)

    table = ImageLabel.metadata.tables[ImageLabel.__tablename__]
    return ImageJob(name, spec, table, not_loaded, load=load, write=write)
