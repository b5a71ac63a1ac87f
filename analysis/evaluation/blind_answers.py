"""What two embeddings answer to the same queries, for people who are to say which is better."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, text

from analysis.embeddings.stored import Ids, embedding_model, pages_of, vectors_of
from analysis.errors import NoEmbeddings, NothingToCompare
from analysis.evaluation.collection import look_alikes
from analysis.registry.models import Model

SPARE = 3
"""Times as many queries are drawn as are asked: to some, both give the same answers."""

_BOTH = text("""
    SELECT i.id, i.sha256 FROM images i
    WHERE NOT i.placeholder AND i.sha256 <> ALL(:without)
      AND EXISTS (SELECT FROM image_sources s WHERE s.image_id = i.id AND s.gone_at IS NULL)
      AND EXISTS (SELECT FROM image_embeddings e
                  WHERE e.image_id = i.id AND e.model_id = :first)
      AND EXISTS (SELECT FROM image_embeddings e
                  WHERE e.image_id = i.id AND e.model_id = :second)
    ORDER BY md5(i.sha256 || :seed) LIMIT :count
""")


@dataclass(frozen=True)
class Question:
    """A query with the answers of both sides, the nearest first."""

    query: int
    """Image."""
    sha256: str
    first: tuple[int, ...]
    second: tuple[int, ...]


@dataclass(frozen=True)
class Study:
    """What is asked, and who answered."""

    first: str
    """Name and version of the embedding, or whatever ranked the answers."""
    second: str
    questions: tuple[Question, ...]
    seed: int


def make_study(
    connection: Connection,
    first: str | None,
    second: str,
    *,
    queries: int = 20,
    answers: int = 6,
    seed: int = 0,
    without: Collection[str] = (),
) -> Study:
    """Draw queries, and let two embeddings answer, near-duplicates of the query left out.

    Queries to which both give the same answers in the same order are not asked: there is nothing
    to choose. Neither are images `without`, by sha256: those that a projection has learned from.

    Raises NothingToCompare where none is left, NoEmbeddings and NoSuchModel.
    """
    models = embedding_model(connection, first), embedding_model(connection, second)
    if models[0].id == models[1].id:
        raise NothingToCompare(
            f"{models[0].label} cannot be compared with itself: name another embedding with "
            "--against."
        )
    values = {
        "first": models[0].id,
        "second": models[1].id,
        "seed": str(seed),
        "count": queries * SPARE,
        "without": sorted(without),
    }
    rows = connection.execute(_BOTH, values).all()
    if not rows:
        raise NoEmbeddings(
            f"no image that can be asked has vectors of both {models[0].label} and "
            f"{models[1].label}: run `artworks analyze embeddings projection`, or choose others."
        )
    ids = [row.id for row in rows]
    alike = look_alikes(connection, ids)
    found = [nearest_to(connection, model, ids, alike, answers) for model in models]
    differing = [
        Question(row.id, row.sha256, found[0][row.id], found[1][row.id])
        for row in rows
        if found[0][row.id] != found[1][row.id]
    ]
    questions = tuple(differing[:queries])
    if not questions:
        raise NothingToCompare(
            f"{models[0].label} and {models[1].label} give the same answers to all of "
            f"{len(rows):,} queries: there is nothing to choose."
        )
    return Study(models[0].label, models[1].label, questions, seed)


def nearest_to(
    connection: Connection,
    model: Model,
    ids: Sequence[int],
    barred: Mapping[int, Sequence[int]],
    count: int,
) -> dict[int, tuple[int, ...]]:
    """Return the images nearest to each, exactly, without those that are barred for it.

    One page of vectors is in memory at a time; of equally near ones, the lower id comes first.
    """
    asked = vectors_of(connection, model, ids)
    best_ids: Ids = np.zeros((len(asked), 0), np.int64)
    best: npt.NDArray[np.float32] = np.zeros((len(asked), 0), np.float32)
    for page, vectors in pages_of(connection, model):
        scores = asked.vectors @ vectors.T
        for at, one in enumerate(asked.ids.tolist()):
            scores[at, np.isin(page, barred[one])] = -np.inf
        candidates = np.concatenate((best_ids, np.broadcast_to(page, scores.shape)), axis=1)
        scores = np.concatenate((best, scores), axis=1)
        order = np.argsort(-scores, axis=1, kind="stable")[:, :count]
        best_ids = np.take_along_axis(candidates, order, axis=1)
        best = np.take_along_axis(scores, order, axis=1)
    return {
        one: tuple(best_ids[at][np.isfinite(best[at])].tolist())
        for at, one in enumerate(asked.ids.tolist())
    }
