"""The job `projection`: embeddings through a trained projection, into `image_embeddings`.

It reads no pixels: the vectors of the embedding that the projection was trained on are read, and
their projections are written under the projection's own model. Once trained, a projection of the
default embedding is applied whether it is the default itself or not, so that both can be compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from sqlalchemy import Connection, text

from analysis.embeddings.copying import copy_embeddings
from analysis.embeddings.stored import KIND, vectors_of
from analysis.errors import ArtifactDamaged
from analysis.jobs import CollectionJob, ModelSpec
from analysis.registry.artifacts import load_bytes
from analysis.registry.models import Model, default_model, find_model, list_models
from analysis.runs import CollectionRun
from analysis.similarity.learned.projection import Projection, from_bytes
from storage.database import Database
from storage.objects import ObjectStore

JOB = "projection"
UNTRAINED = ModelSpec(name="projection", version="untrained", kind="projection")
"""What runs are logged under while nothing has been trained."""
BATCH = 4096
"""Images that are projected in one transaction."""

# What no work shows any more, at no address, is left alone, and so is what stands in for a missing
# picture; vectors that are there stay.
_PENDING = """
    FROM image_embeddings e JOIN images i ON i.id = e.image_id
    WHERE e.model_id = :base_id AND NOT i.placeholder
      AND EXISTS (SELECT FROM image_sources s WHERE s.image_id = e.image_id AND s.gone_at IS NULL)
      AND (:redo OR NOT EXISTS (
          SELECT FROM image_results r WHERE r.image_id = e.image_id AND r.model_id = :model_id))
"""
_COUNT = text(f"SELECT count(*) {_PENDING}")
_PAGE = text(f"""
    SELECT e.image_id {_PENDING} AND e.image_id > :after ORDER BY e.image_id LIMIT :page
""")
_STILL_THERE = text("SELECT id FROM images WHERE id = ANY(:ids) ORDER BY id FOR KEY SHARE")
_SEE = text("""
    INSERT INTO image_results (image_id, model_id, state)
    SELECT image_id, :model_id, 'done' FROM unnest(CAST(:ids AS bigint[])) AS t(image_id)
    ORDER BY image_id
    ON CONFLICT (image_id, model_id) DO UPDATE
    SET state = excluded.state, reason = NULL, attempts = image_results.attempts + 1, at = now()
""")


def base_label(model: Model) -> str | None:
    """Return name/version of the embedding that a projection reads; None for anything else."""
    below = model.params.get("embedding")
    return str(below) if model.kind == KIND and model.artifact_key and below else None


def load_projection(store: ObjectStore, model: Model) -> Projection:
    """Return a trained projection. Raises ArtifactDamaged where it is not what was stored."""
    return load_learned(store, model)[0]


def load_learned(store: ObjectStore, model: Model) -> tuple[Projection, frozenset[str]]:
    """Return a trained projection and the sha256 of the images that taught it.

    Raises ArtifactDamaged where it is not what was stored.
    """
    try:
        return from_bytes(load_bytes(store, model))
    except ValueError as error:
        raise ArtifactDamaged(
            f"{model.artifact_key}, the artifact of the model {model.label}, holds no projection "
            f"({error}): train anew with `artworks train similarity --force`."
        ) from error


def learned_by(store: ObjectStore, models: Iterable[Model]) -> frozenset[str]:
    """Return the sha256 of the images that taught any of these models; none taught the others.

    Raises ArtifactDamaged.
    """
    return frozenset(
        sha256
        for model in models
        if base_label(model) is not None
        for sha256 in load_learned(store, model)[1]
    )


def projection_job(database: Database) -> CollectionJob:
    """Return the job with the projection that is the default, or else the newest of the default."""
    with database.begin() as connection:
        model = current_projection(connection)
    if model is None:
        return CollectionJob(JOB, UNTRAINED, _tell_what_is_missing, by_image=False)
    spec = ModelSpec(model.name, model.version, model.kind, model.params, model.head)
    return CollectionJob(JOB, spec, lambda run: _walk(run, model))


def current_projection(connection: Connection) -> Model | None:
    """Return the projection that is the default embedding, or the newest one of the default."""
    default = default_model(connection, KIND)
    if default is None or base_label(default) is not None:
        return default
    trained: Sequence[Model] = [
        model for model in list_models(connection) if base_label(model) == default.label
    ]
    return max(trained, key=lambda model: model.id, default=None)


def _tell_what_is_missing(run: CollectionRun) -> None:
    with run.database.begin() as connection:
        embedded = default_model(connection, KIND) is not None
    run.details["next"] = f"artworks {'train similarity' if embedded else 'analyze embeddings'}"


def _walk(run: CollectionRun, model: Model) -> None:
    """Project what is pending, page by page, each in a transaction of its own."""
    with run.timed("read"), run.database.begin() as connection:
        base = find_model(connection, str(base_label(model)))
        values = {"base_id": base.id, "model_id": run.model_id, "redo": run.redo}
        total = int(connection.scalar(_COUNT, values) or 0)
    total = total if run.limit is None else min(total, run.limit)
    run.tell(0, total)
    if not total:
        return
    with run.timed("read"):
        projection = load_projection(run.store, model)
    done = after = 0
    while run.limit is None or done < run.limit:
        page = BATCH if run.limit is None else min(BATCH, run.limit - done)
        with run.timed("read"), run.database.begin() as connection:
            found = connection.scalars(_PAGE, {**values, "after": after, "page": page})
            pending = list(found)
            embedded = vectors_of(connection, base, pending)
        if not pending:
            break
        with run.timed("compute"):
            projected = projection.project(embedded.vectors)
        with run.timed("write"), run.database.begin() as connection:
            there = list(connection.scalars(_STILL_THERE, {"ids": embedded.ids.tolist()}))
            kept = np.isin(embedded.ids, there)
            copy_embeddings(connection, run.model_id, embedded.ids[kept], projected[kept])
            connection.execute(_SEE, {"model_id": run.model_id, "ids": there})
            run.count(connection, done=len(there))
        done, after = done + len(pending), pending[-1]
        run.tell(done, max(done, total))
