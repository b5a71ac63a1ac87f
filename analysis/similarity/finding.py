"""From what people ask to answers: pictures are found or measured, and compared."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Connection

from analysis.errors import NetworkUnavailable
from analysis.reports.query import Query
from analysis.similarity.answers import DEFAULT_ANSWERS, Likes, find_likes
from analysis.similarity.comparison import Comparison, compare_pictures
from analysis.similarity.measures import Measured, Models, models_of, require
from analysis.similarity.neighbours import open_neighbours
from analysis.similarity.scope import make_scope
from analysis.similarity.score import DEFAULT_WEIGHTS, Part, Weights
from analysis.similarity.subjects import (
    Embed,
    Subject,
    embedded,
    file_subject,
    find_subject,
)
from storage.database import Database
from storage.objects import ObjectStore


@dataclass(frozen=True)
class Asked:
    """What likes are asked for: one of `said`, `image` and `words`, and where and how to look."""

    said: str | None = None
    """A stored picture; see `find_subject`."""
    image: Path | None = None
    words: str | None = None
    weights: Weights = DEFAULT_WEIGHTS
    limit: int = DEFAULT_ANSWERS
    query: Query = field(default_factory=Query)
    """Works of a site and with terms, among which to look."""
    model: str | None = None
    """`NAME[/VERSION]` of embeddings; None: the default ones."""
    exact: bool = False
    """Whether every image is compared by all parts."""
    engine: str | None = None
    """What finds the nearest embeddings; None: what there is."""


def find_in(database: Database, store: ObjectStore, connection: Connection, asked: Asked) -> Likes:
    """Return what is like a picture or words in a collection.

    Raises UsageError and its kin, each with the cure, where something that is asked for is not
    there; ObjectStoreUnavailable and DatabaseUnavailable.
    """
    models = models_of(connection, asked.model)
    weights = Weights.make({Part.MEANING: 1.0}) if asked.words is not None else asked.weights
    require(models, weights.leading)
    scope = make_scope(connection, asked.query)
    subject = _subject(connection, store, models, weights, asked)
    if asked.exact:
        return find_likes(
            connection, subject, models, weights, scope, neighbours=None, limit=asked.limit
        )
    # Without a weight, embeddings need no index.
    model = models.get(Part.MEANING) if weights.of(Part.MEANING) else None
    with open_neighbours(database, store, connection, model, asked.engine) as neighbours:
        return find_likes(
            connection, subject, models, weights, scope, neighbours=neighbours, limit=asked.limit
        )


def _subject(
    connection: Connection, store: ObjectStore, models: Models, weights: Weights, asked: Asked
) -> Subject:
    if asked.said is not None:
        return find_subject(connection, models, asked.said)
    if asked.image is not None:
        subject = file_subject(asked.image)
        if not weights.of(Part.MEANING) or Part.MEANING not in models:
            return subject
        return embedded(subject, _embed(connection, store, models))
    from analysis.similarity.embedding import embed_words

    assert asked.words is not None
    vector = embed_words(require(models, Part.MEANING), asked.words)
    return Subject(asked.words, asked.words, Measured(vector=vector))


def _embed(connection: Connection, store: ObjectStore, models: Models) -> Embed:
    from analysis.similarity.embedding import embed_as

    return embed_as(connection, store, require(models, Part.MEANING))


def is_file(said: str) -> bool:
    """Whether people mean a file: there is one of that name, and it is no artwork's id."""
    return not said.isdecimal() and Path(said).is_file()


def compare_in(
    connection: Connection,
    store: ObjectStore,
    first: str,
    second: str,
    weights: Weights,
    *,
    model: str | None = None,
) -> Comparison:
    """Compare two pictures, each stored or a file, with what the collection was analysed with.

    Files without an embedding, because the network cannot be had, are compared by the rest.

    Raises UsageError and its kin where one is not there, and NothingToCompare.
    """
    models = models_of(connection, model)
    first_subject, second_subject = (
        file_subject(Path(said)) if is_file(said) else find_subject(connection, models, said)
        for said in (first, second)
    )
    notes: tuple[str, ...] = ()
    files = is_file(first) or is_file(second)
    if files and weights.of(Part.MEANING) and Part.MEANING in models:
        try:
            embed = _embed(connection, store, models)
        except NetworkUnavailable as error:
            notes = (_without_meaning(error),)
        else:
            first_subject, second_subject = (
                one if one.picture is None else embedded(one, embed)
                for one in (first_subject, second_subject)
            )
    return compare_pictures(
        first_subject, second_subject, weights, models, connection=connection, notes=notes
    )


def _without_meaning(error: NetworkUnavailable) -> str:
    return f"meaning is left out: {str(error).rstrip('.')}"


def compare_files(first: Path, second: Path, weights: Weights) -> Comparison:
    """Compare two files without a collection, with the network that ARTWORKS_EMBEDDING says.

    Where that cannot be had, they are compared by the rest.

    Raises NoSuchFile and NothingToCompare.
    """
    one, other = file_subject(first), file_subject(second)
    network: str | None = None
    notes: tuple[str, ...] = ()
    if weights.of(Part.MEANING):
        from analysis.similarity.embedding import embed_by_setting

        try:
            network, embed = embed_by_setting()
        except NetworkUnavailable as error:
            notes = (_without_meaning(error),)
        else:
            one, other = embedded(one, embed), embedded(other, embed)
    return compare_pictures(one, other, weights, {}, network=network, notes=notes)
