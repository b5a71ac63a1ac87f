"""The job `color-class`: the colour class of every image into `image_labels`, head `color`.

It reads no pixels. Where a trained classifier is the default, it reads the channel statistics of
`image_features`; before any training, and where people choose so, the fixed classes read the
stored palettes. Rows name the model that wrote them, and those of different models never mix.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from sqlalchemy import Connection, TextClause, text

from analysis.colors.classes import HEAD
from analysis.colors.classes.rules import term_shares
from analysis.colors.job import COLORS
from analysis.jobs import CollectionJob, ModelSpec
from analysis.registry.artifacts import load_artifact
from analysis.registry.models import Model, activate, default_model, find_model
from analysis.runs import CollectionRun
from storage.collection import as_json
from storage.database import Database

JOB = "color-class"
RULES = "color-rules"
BATCH = 2000
"""Images that are labelled in one transaction."""
LEAST_SCORE = 0.05
"""Labels below are not kept, the likeliest excepted."""
DIGITS = 6
"""Decimal places of scores: beyond, they depend on which images are computed together."""

Scores: TypeAlias = Mapping[str, float]
"""Label to score, 0 to 1."""
Classify: TypeAlias = Callable[[Sequence[Any]], Sequence[Scores]]
"""Rows of a page in, the scores of each image out; none: there is nothing to say of it."""

# What no work shows any more, at no address, is left alone; its results stay.
_SHOWN = "EXISTS (SELECT FROM image_sources s WHERE s.image_id = x.image_id AND s.gone_at IS NULL)"
_UNSEEN = """NOT EXISTS (
    SELECT FROM image_results r WHERE r.image_id = x.image_id AND r.model_id = :model_id)"""
_WAITING = text("""
    SELECT count(*) FROM images i
    WHERE EXISTS (SELECT FROM image_sources s WHERE s.image_id = i.id AND s.gone_at IS NULL)
      AND NOT EXISTS (
          SELECT FROM image_results r WHERE r.image_id = i.id AND r.model_id = :input_id)
""")
_MODEL_ID = text("SELECT id FROM models WHERE name || '/' || version = :label")

# An image may be taken down meanwhile: its labels have nowhere to go then.
_STILL_THERE = text("SELECT id FROM images WHERE id = ANY(:ids) ORDER BY id FOR KEY SHARE")
# By the images' index: that of models holds all that the model has ever said.
_UNLABEL = text("DELETE FROM image_labels WHERE image_id = ANY(:ids) AND model_id + 0 = :model_id")
_LABEL = text("""
    INSERT INTO image_labels (image_id, model_id, head, label, score, accepted)
    SELECT image_id, :model_id, :head, label, score, accepted
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(
        image_id bigint, label text, score float8, accepted boolean)
""")
_SEE = text("""
    INSERT INTO image_results (image_id, model_id, state)
    SELECT image_id, :model_id, state
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(image_id bigint, state text)
    ORDER BY image_id
    ON CONFLICT (image_id, model_id) DO UPDATE
    SET state = excluded.state, reason = NULL, attempts = image_results.attempts + 1, at = now()
""")


@dataclass(frozen=True)
class _Source:
    """The results of another job that are read."""

    job: str
    rows: str
    """FROM … WHERE, of results `x` of the model :input_id."""
    columns: str
    """Besides `image_id`."""

    def page(self, *, redo: bool) -> TextClause:
        """Return the query of a page of images, by their ids."""
        return text(
            f"SELECT x.image_id, {self.columns} {self._pending(redo)} AND x.image_id > :after "
            "ORDER BY x.image_id LIMIT :page"
        )

    def count(self, *, redo: bool) -> TextClause:
        """Return the query of how many images there are to do."""
        return text(f"SELECT count(*) {self._pending(redo)}")

    def _pending(self, redo: bool) -> str:
        return f"{self.rows} AND {_SHOWN}" + ("" if redo else f" AND {_UNSEEN}")


_FEATURES = _Source(
    job="features",
    rows="FROM image_features x WHERE x.model_id = :input_id",
    columns="x.values",
)
_OF_PALETTE = "FROM image_colors c WHERE c.image_id = x.image_id AND c.model_id = :input_id"
_PALETTES = _Source(
    job="colors",
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
        _walk(run, _PALETTES, palette, lambda: _shares)

    return CollectionJob(JOB, spec, walk)


def _trained(model: Model) -> CollectionJob:
    spec = ModelSpec(model.name, model.version, model.kind, model.params, model.head)

    def walk(run: CollectionRun) -> None:
        def classifier() -> Classify:
            return _probabilities(load_artifact(run.store, model))

        _walk(run, _FEATURES, model.params["features"], classifier)

    return CollectionJob(JOB, spec, walk)


def _shares(rows: Sequence[Any]) -> list[Scores]:
    return [term_shares(row.lab, row.fractions) for row in rows]


def _probabilities(pipeline: Any) -> Classify:
    labels = pipeline.classes_.tolist()

    def classify(rows: Sequence[Any]) -> list[Scores]:
        features = np.array([row.values for row in rows], dtype=np.float64)
        found = pipeline.predict_proba(features).tolist()
        return [dict(zip(labels, scores, strict=True)) for scores in found]

    return classify


def _walk(
    run: CollectionRun, source: _Source, label: str, classifier: Callable[[], Classify]
) -> None:
    """Label what is pending, page by page, each in a transaction of its own.

    `label` is the name/version of the model whose results are read; `classifier` is called where
    something is pending.
    """
    with run.timed("read"), run.database.begin() as connection:
        # What is not registered has no results; no id is 0.
        input_id = connection.scalar(_MODEL_ID, {"label": label}) or 0
        ids = {"input_id": input_id, "model_id": run.model_id}
        total = int(connection.scalar(source.count(redo=run.redo), ids) or 0)
        waiting = int(connection.scalar(_WAITING, {"input_id": input_id}) or 0)
    if waiting:
        run.details["waiting"] = waiting
        run.details["next"] = f"artworks analyze {source.job}"
    total = total if run.limit is None else min(total, run.limit)
    run.tell(0, total)
    if not total:
        return
    with run.timed("read"):
        classify = classifier()
    done = after = 0
    while run.limit is None or done < run.limit:
        page = BATCH if run.limit is None else min(BATCH, run.limit - done)
        with run.timed("read"), run.database.begin() as connection:
            values = {**ids, "after": after, "page": page}
            rows = connection.execute(source.page(redo=run.redo), values).all()
        if not rows:
            break
        with run.timed("compute"):
            scores = classify(rows)
        with run.timed("write"), run.database.begin() as connection:
            _write(run, connection, [row.image_id for row in rows], scores)
        done, after = done + len(rows), rows[-1].image_id
        run.tell(done, max(done, total))


def _write(
    run: CollectionRun, connection: Connection, ids: Sequence[int], scores: Sequence[Scores]
) -> None:
    """Replace the labels of images; repeating it changes nothing."""
    there = set(connection.scalars(_STILL_THERE, {"ids": list(ids)}))
    found = [
        (one, kept_labels(said)) for one, said in zip(ids, scores, strict=True) if one in there
    ]
    values: dict[str, Any] = {"model_id": run.model_id}
    connection.execute(_UNLABEL, {**values, "ids": sorted(there)})
    labels = [
        {"image_id": one, "label": label, "score": score, "accepted": place == 0}
        for one, kept in found
        for place, (label, score) in enumerate(kept)
    ]
    connection.execute(_LABEL, {**values, "head": HEAD, "rows": as_json(labels)})
    states = [{"image_id": one, "state": "done" if kept else "empty"} for one, kept in found]
    connection.execute(_SEE, {**values, "rows": as_json(states)})
    empty = sum(not kept for _, kept in found)
    run.count(connection, done=len(found) - empty, empty=empty)


def kept_labels(scores: Scores) -> list[tuple[str, float]]:
    """Return the labels that are kept, the likeliest first; of equal ones, the one that was first.

    Scores are rounded to DIGITS.
    """
    rounded = ((label, round(float(score), DIGITS)) for label, score in scores.items())
    ranked = sorted(rounded, key=lambda item: -item[1])
    return ranked[:1] + [item for item in ranked[1:] if item[1] >= LEAST_SCORE]
