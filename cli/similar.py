"""`artworks similar`: works that are like one of them, like a file, or like words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.console import number, on_terminal, palette_bar, print_json, print_table, remark, stderr
from cli.opening import existing_database, load_settings, snapshot
from cli.options import EmbeddingOption, SiteOption, TermsOption, WeightsOption
from storage.errors import UsageError

if TYPE_CHECKING:
    from analysis.similarity.answers import Like, Likes

BAR = 14
"""Width of a palette in the table, in characters."""


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(similar)


def similar(
    said: Annotated[
        str | None,
        typer.Option(
            "--id",
            metavar="WORK|IMAGE",
            help="A stored picture: an artwork's id, SITE/SOURCE_ID or the URL of its page, or an "
            "image's sha256.",
        ),
    ] = None,
    image: Annotated[
        Path | None,
        typer.Option("--image", metavar="FILE", help="A picture of your own; nothing is stored."),
    ] = None,
    words: Annotated[
        str | None,
        typer.Option(
            "--text", metavar="WORDS", help="Words, for networks that know some (see the docs)."
        ),
    ] = None,
    top: Annotated[
        int, typer.Option("--top", min=1, max=1000, metavar="N", help="Show so many works.")
    ] = 12,
    weights: WeightsOption = None,
    site: SiteOption = None,
    terms: TermsOption = None,
    model: EmbeddingOption = None,
    exact: Annotated[
        bool, typer.Option("--exact", help="Compare with every image, without an index.")
    ] = False,
    engine: Annotated[
        str | None,
        typer.Option(
            "--engine",
            metavar="NAME",
            help="faiss or pgvector; without it, faiss where `artworks analyze index` has run.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="PNG", help="Draw the picture and its likes into this file."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace that file if it exists.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Find the works that are most like a picture, and say in what.

    Meaning (embeddings), colour (palettes) and composition (layouts) are compared, each from 0,
    the same, to 1, as far apart as two pictures drawn by lot; the table has each, and their
    weighted mean.

    Example: `artworks similar --id museum/42 --weights meaning=1,color=1 --out likes.png`
    """
    from analysis.reports.query import Query
    from analysis.similarity.finding import Asked, find_in
    from analysis.similarity.scope import parse_terms
    from analysis.similarity.score import DEFAULT_WEIGHTS, Weights
    from storage.export import refuse_overwriting
    from storage.objects import open_store

    given = [name for name in (said, image, words) if name is not None]
    if len(given) != 1:
        raise UsageError(
            "like what? Give one of --id, --image and --text"
            f"{'' if not given else ', and no other'}."
        )
    if exact and engine is not None:
        raise UsageError("--exact needs no --engine: leave one of them away.")
    if words is not None and weights is not None:
        raise UsageError("words have neither colours nor a layout: leave --weights away.")
    if out is not None:
        refuse_overwriting(out, force=force)
    elif force:
        raise UsageError("--force is for --out: name a file, or leave it away.")
    asked = Asked(
        said=said,
        image=image,
        words=words,
        weights=DEFAULT_WEIGHTS if weights is None else Weights.parse(weights),
        limit=top,
        query=Query(site, parse_terms(terms or ())),
        model=model,
        exact=exact,
        engine=engine,
    )
    settings = load_settings()
    store = open_store(settings.objects_location)
    with existing_database(settings) as database, snapshot(database) as connection:
        likes = find_in(database, store, connection, asked)
    if as_json:
        print_json(likes.as_dict())
    elif likes.answers:
        _print(likes)
    if not likes.answers:
        remark("no other work has been analysed for it yet, or fits")
    for note in likes.notes:
        remark(note)
    if out is not None and likes.answers:
        from analysis.similarity.sheet import likes_sheet

        store.check()
        write_picture(out, likes_sheet(store, likes))
        stderr().print(f"{_counted(len(likes.answers))} → {out}", style="bold")


def write_picture(out: Path, picture: object) -> None:
    """Write an image as a PNG. Raises UsageError where the file cannot be written."""
    from PIL import Image

    assert isinstance(picture, Image.Image)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        picture.save(out, "PNG", compress_level=6)
    except OSError as error:
        raise UsageError(
            f"cannot write {out} ({error.strerror or error}): name a file ending in .png in a "
            "folder of yours."
        ) from error


def _print(likes: Likes) -> None:
    parts = list(likes.weights.shares)
    whole = ("Distance",) if len(parts) > 1 else ()
    names = tuple(part.value.capitalize() for part in parts)
    palette = ("Palette",) if on_terminal() else ()
    print_table(
        "",
        (*whole, *names, *palette, "Title", "Artist", "Date", "Site", "Page"),
        [
            (
                *((f"{like.distance:.3f}",) if whole else ()),
                *(
                    f"{like.parts[part].distance:.3f}" if part in like.parts else "–"
                    for part in parts
                ),
                *((palette_bar(like.colors, width=BAR),) if palette else ()),
                *_work(like),
            )
            for like in likes.answers
        ],
        numbers=(*whole, *names),
        wrap=("Title", "Artist", "Page"),
    )
    if on_terminal():
        remark(f"{_counted(len(likes.answers))} like {likes.subject.title}, {_how(likes)}")
        remark("the nearest first; 0: the same, 1: as far as two pictures drawn by lot")


def _how(likes: Likes) -> str:
    from analysis.similarity.score import Part

    if likes.weights.of(Part.MEANING) == 0.0:
        return f"by {likes.weights}"
    return f"by {likes.weights}, found by {likes.engine} in {likes.models[Part.MEANING].label}"


def _work(like: Like) -> Sequence[str | None]:
    work = like.works[0]
    further = f" (+{len(like.works) - 1})" if len(like.works) > 1 else ""
    marks = [mark for mark in (like.mark, "gone" if work.gone else "") if mark]
    marked = f" ({', '.join(marks)})" if marks else ""
    return f"{work.title}{marked}{further}", work.artist, work.date, work.site, work.page_url


def _counted(count: int) -> str:
    return f"{number(count)} {'work' if count == 1 else 'works'}"
