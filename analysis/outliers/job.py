"""The job `outliers`: how odd each image is, by three methods, into `image_outliers`.

A run scores all images anew, since each score depends on all the others, and ends at once where
images, embeddings and labels are those of the last whole run. A killed run leaves scores of two
moments; the next one writes all of them again.
"""

from __future__ import annotations

import json
from typing import Any, Final

import numpy as np
from sqlalchemy import Connection, text

from analysis.embeddings.stored import KIND as EMBEDDING
from analysis.embeddings.stored import pages_of, vectors_of
from analysis.jobs import CollectionJob, ModelSpec
from analysis.outliers.labels import KINDS, read_labels
from analysis.outliers.mahalanobis import LEAST_WORKS
from analysis.outliers.methods import DEFAULT_METHOD, METHODS
from analysis.outliers.scoring import (
    Ids,
    Scored,
    points_of,
    reduced,
    sample_of,
    score_all,
    usual_distance,
)
from analysis.registry.models import Model, default_model
from analysis.results import register_model
from analysis.runs import CollectionRun

JOB: Final = "outliers"
BATCH: Final = 5000
"""Images whose scores are written in one transaction."""

_SNAPSHOT = text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
_SHOWN = """
    FROM image_embeddings e JOIN images i ON i.id = e.image_id
    WHERE e.model_id = :embedding AND NOT i.placeholder AND EXISTS (
        SELECT FROM image_sources s WHERE s.image_id = e.image_id AND s.gone_at IS NULL)
"""
_IDS = text(f"SELECT e.image_id {_SHOWN} ORDER BY e.image_id")
_INPUT = text(f"""
    SELECT json_build_array(
        (SELECT json_build_array(count(*), sum(e.image_id)) {_SHOWN}),
        (SELECT max(at) FROM image_results WHERE model_id = :embedding),
        (SELECT json_build_array(count(*), sum(at.artwork_id * 31 + at.term_id))
         FROM artwork_terms at JOIN terms t ON t.id = at.term_id
         JOIN artworks a ON a.id = at.artwork_id
         WHERE t.kind = ANY(:kinds) AND a.gone_at IS NULL),
        (SELECT json_build_array(count(*), max(id)) FROM corrections WHERE head = ANY(:kinds))
    )::text
""")  # noqa: S608 - the fragment is the constant above
_SAID = text("SELECT metrics ->> 'input' FROM models WHERE id = :id")
_SAY = text("UPDATE models SET metrics = CAST(:metrics AS jsonb) WHERE id = :id")

# An image may be taken down meanwhile: its scores have nowhere to go then.
_SCORES = text("""
    INSERT INTO image_outliers (image_id, model_id, score, is_outlier, label)
    SELECT r.image_id, :model_id, r.score, r.is_outlier, r.label
    FROM unnest(CAST(:ids AS bigint[]), CAST(:scores AS float8[]), CAST(:odd AS boolean[]),
                CAST(:labels AS text[])) AS r(image_id, score, is_outlier, label)
    WHERE r.image_id = ANY(:there)
    ON CONFLICT (image_id, model_id) DO UPDATE
    SET score = excluded.score, is_outlier = excluded.is_outlier, label = excluded.label
""")
_STILL_THERE = text("SELECT id FROM images WHERE id = ANY(:ids) ORDER BY id FOR KEY SHARE")
_SEEN = text("""
    INSERT INTO image_results (image_id, model_id, state)
    SELECT id, :model_id, 'done' FROM unnest(CAST(:there AS bigint[])) AS r(id)
    ON CONFLICT (image_id, model_id) DO UPDATE SET state = excluded.state, at = now()
""")
_NO_MORE = """
    DELETE FROM {table} WHERE model_id = :model_id
      AND image_id > :after AND image_id <= :until AND NOT image_id = ANY(:ids)
"""
_UNSCORE = text(_NO_MORE.format(table="image_outliers"))
_UNSEE = text(_NO_MORE.format(table="image_results"))
_LAST: Final = 2**63 - 1


SPEC: Final = ModelSpec("outliers", "1", "scoring", params={"methods": sorted(METHODS)})
"""What runs; each method over each embedding is a model of its own."""


def outliers_job() -> CollectionJob:
    """Return the job over the embedding that is in use when it runs.

    Of a run, `details` tells the `outliers` of the default method, or how many images are `needed`.
    """
    return CollectionJob(JOB, SPEC, _walk, by_image=False)


def _walk(run: CollectionRun) -> None:
    with run.database.begin() as connection:
        embedding = default_model(connection, EMBEDDING)
    if embedding is None:
        run.details["next"] = "artworks analyze embeddings"
    else:
        find_outliers(run, embedding)


def find_outliers(run: CollectionRun, embedding: Model) -> None:
    """Score all images of an embedding by all methods, unless nothing has changed."""
    with run.database.begin() as connection:
        models = {
            name: register_model(connection, method.spec(embedding))
            for name, method in METHODS.items()
        }
    scored: list[Scored] = []
    facts: dict[str, Any] = {}
    with run.timed("read"), run.database.begin() as connection:
        connection.execute(_SNAPSHOT)
        values: dict[str, Any] = {"embedding": embedding.id, "kinds": list(KINDS)}
        read = str(connection.scalar(_INPUT, values))
        said = {connection.scalar(_SAID, {"id": model_id}) for model_id in models.values()}
        if said == {read} and not run.redo:
            return
        ids = np.fromiter(connection.scalars(_IDS, values), np.int64)
        if len(ids) >= LEAST_WORKS:
            scored, facts = _score(run, connection, embedding, ids)
    if not scored:
        run.details.update(images=len(ids), needed=LEAST_WORKS)
        if not len(ids):
            run.details["next"] = "artworks analyze embeddings"
        ids = ids[:0]
    _write(run, models, ids, scored, read, facts)


def _score(
    run: CollectionRun, connection: Connection, embedding: Model, ids: Ids
) -> tuple[list[Scored], dict[str, Any]]:
    run.tell(0, len(ids))
    drawn = vectors_of(connection, embedding, sample_of(ids).tolist()).vectors
    reduction = reduced(drawn)
    facts = {
        "components": len(reduction.axes),
        "variance": round(reduction.kept, 4),
        "usual_distance": round(usual_distance(drawn), 4),
    }
    del drawn
    _, points = points_of(reduction, pages_of(connection, embedding), len(ids))
    groups = read_labels(connection, ids, LEAST_WORKS)
    with run.timed("compute"):
        return score_all(ids, points, groups), facts


def _write(
    run: CollectionRun,
    models: dict[str, int],
    ids: Ids,
    scored: list[Scored],
    read: str,
    facts: dict[str, Any],
) -> None:
    """Replace all scores, batch by batch; the last transaction says of what they are."""
    with run.timed("write"), run.database.begin() as connection:
        for model_id in models.values():
            connection.execute(_SAY, {"id": model_id, "metrics": "{}"})
    after = 0
    for start in range(0, max(len(ids), 1), BATCH):
        batch = ids[start : start + BATCH].tolist()
        until = _LAST if start + BATCH >= len(ids) else batch[-1]
        with run.timed("write"), run.database.begin() as connection:
            span = {"ids": batch, "after": after, "until": until}
            there = list(connection.scalars(_STILL_THERE, {"ids": batch}))
            for name, model_id in models.items():
                connection.execute(_UNSCORE, {**span, "model_id": model_id})
                for one in scored:
                    if one.method == name:
                        part = slice(start, start + BATCH)
                        connection.execute(_SCORES, _rows(one, part, batch, there, model_id))
            connection.execute(_UNSEE, {**span, "model_id": run.model_id})
            connection.execute(_SEEN, {"model_id": run.model_id, "there": there})
            run.count(connection, done=len(there))
        after = until
        run.tell(start + len(batch), max(len(ids), 1))
    with run.timed("write"), run.database.begin() as connection:
        for name, model_id in models.items():
            said: dict[str, Any] = {"input": read, "images": len(ids), **facts}
            for one in scored:
                if one.method == name:
                    found = int(one.is_outlier.sum())
                    limit = one.threshold if np.isfinite(one.threshold) else None
                    said |= {"threshold": limit, "outliers": found, "labels": len(one.labels)}
                    if name == DEFAULT_METHOD:
                        run.details["outliers"] = found
            connection.execute(_SAY, {"id": model_id, "metrics": json.dumps(said)})


def _rows(
    one: Scored, part: slice, batch: list[int], there: list[int], model_id: int
) -> dict[str, Any]:
    return {
        "model_id": model_id,
        "ids": batch,
        "there": there,
        "scores": one.scores[part].tolist(),
        "odd": one.is_outlier[part].tolist(),
        "labels": [None if at < 0 else one.labels[at] for at in one.label[part].tolist()],
    }
