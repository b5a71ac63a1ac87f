"""The report `similar`: a work, and those that are most like it."""

from __future__ import annotations

from pathlib import Path

from analysis.errors import NothingToShow
from analysis.reports.archive import Picture
from analysis.reports.drawing import Drawn, Options, Sources
from analysis.similarity.finding import Asked, find_in, is_file
from analysis.similarity.sheet import likes_sheet
from storage.errors import UsageError


def draw_similar(sources: Sources, options: Options) -> Drawn:
    """Draw one work and its likes, with the default weights and embeddings."""
    said = options.work
    if said is None:
        raise UsageError(
            "like which work? Add its id or SITE/SOURCE_ID, the sha256 of an image, or the path of "
            "a file."
        )
    asked = (
        Asked(image=Path(said), query=options.query)
        if is_file(said)
        else Asked(said=said, query=options.query)
    )
    with sources.reading() as connection:
        likes = find_in(sources.database, sources.store, connection, asked)
    if not likes.answers:
        raise NothingToShow(f"no other work has been analysed, or fits, so none is like {said}.")
    models = [likes.models[part].label for part in likes.weights.shares]
    shown = [likes.subject.sha256 if likes.subject.image_id is not None else None]
    shown += [answer.sha256 for answer in likes.answers]
    return Drawn(
        (Picture("similar", likes_sheet(sources.store, likes)),),
        counts={"works": len(likes.answers)},
        models=tuple(label.replace("/", " ", 1) for label in models),
        settings={"weights": likes.weights.as_dict(), "engine": likes.engine},
        images=tuple(sha256 for sha256 in shown if sha256 is not None),
    )
