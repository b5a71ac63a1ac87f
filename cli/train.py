"""`artworks train`: classifiers, and what is alike, from what crawls call things."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from cli.console import on_terminal, print_facts, print_json, print_table, progress, remark
from cli.opening import existing_database, load_settings
from storage.errors import UsageError

if TYPE_CHECKING:
    from rich.progress import Progress

    from analysis.colors.classes.training import Training
    from analysis.similarity.learned.training import Training as Projecting
    from storage.database import Database
    from storage.objects import ObjectStore

HEADS = ("color", "similarity")
FOLDS = 5
DEFAULT_TERMS = "style,genre"
DEFAULT_LOSS = "contrastive"
DEFAULT_KEEP = 0.7


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(train)


def train(
    head: Annotated[
        str, typer.Argument(metavar="HEAD", help="What to learn: color or similarity.")
    ],
    folds: Annotated[
        int | None,
        typer.Option(
            "--folds",
            min=3,
            max=20,
            help=f"color: parts that the examples are split into [default: {FOLDS}].",
        ),
    ] = None,
    terms: Annotated[
        str | None,
        typer.Option(
            "--terms",
            metavar="KIND,…",
            help=f"similarity: kinds of terms that works share [default: {DEFAULT_TERMS}].",
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            metavar="NAME[/VERSION]",
            help="similarity: the embeddings to learn from [default: those in use].",
        ),
    ] = None,
    loss: Annotated[
        str | None,
        typer.Option(
            "--loss",
            metavar="NAME",
            help=f"similarity: contrastive or triplet [default: {DEFAULT_LOSS}].",
        ),
    ] = None,
    keep: Annotated[
        float | None,
        typer.Option(
            "--keep",
            metavar="SHARE",
            help="similarity: weight of the embedding itself beside what is learned, 0 to 1 "
            "[default: 0.7].",
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option("--seed", min=0, max=2**31, help="Of splits and of what is learned.")
    ] = 0,
    force: Annotated[
        bool, typer.Option("--force", help="Train anew, also where nothing has changed.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Learn from what crawls call things, and use it where it beats what needs no training.

    color: compares five kinds of classifiers by cross-validation and keeps the best, for
    `artworks analyze color-class`. similarity: trains a projection of embeddings that brings works
    nearer together which share terms, for `artworks analyze projection`, and measures it on works
    and artists that it has not seen. Either is kept with its measures and its card. The same
    examples and seed give the same measures; where nothing has changed, nothing is trained.

    Example: `artworks train color --folds 5 --seed 0`

    Example: `artworks train similarity --terms style,genre`
    """
    from storage.objects import open_store

    if head not in HEADS:
        raise UsageError(f'nothing can be trained for "{head}": choose from {", ".join(HEADS)}.')
    of_similarity: dict[str, object] = {
        "--terms": terms,
        "--model": model,
        "--loss": loss,
        "--keep": keep,
    }
    _refuse(head, {"color": {"--folds": folds}, "similarity": of_similarity})
    settings = load_settings()
    store = open_store(settings.objects_location)
    with existing_database(settings) as database:
        store.check()
        if head == "color":
            training = _train(database, store, folds or FOLDS, seed, force=force)
            if as_json:
                print_json(training.as_dict())
            else:
                _print(training)
            return
        projecting = _project(
            database,
            store,
            terms or DEFAULT_TERMS,
            model=model,
            loss=loss or DEFAULT_LOSS,
            keep=DEFAULT_KEEP if keep is None else keep,
            seed=seed,
            force=force,
        )
    if as_json:
        print_json(projecting.as_dict())
    else:
        _print_projection(projecting)


def _refuse(head: str, options: dict[str, dict[str, object]]) -> None:
    """Raise UsageError where an option of another head is given."""
    for other, given in options.items():
        for name, value in given.items():
            if other != head and value is not None:
                raise UsageError(f"{name} is for `artworks train {other}`: leave it away.")


def _train(
    database: Database, store: ObjectStore, folds: int, seed: int, *, force: bool
) -> Training:
    from analysis.colors.classes.training import train_color

    with progress() as bars:
        tell = _bar(bars)
        return train_color(database, store, folds=folds, seed=seed, force=force, progress=tell)


def _project(database: Database, store: ObjectStore, terms: str, **options: Any) -> Projecting:
    from analysis.evaluation.collection import chosen_kinds
    from analysis.similarity.learned.training import train_similarity

    kinds = chosen_kinds(terms)
    with progress() as bars:
        return train_similarity(database, store, kinds=kinds, progress=_bar(bars), **options)


def _bar(bars: Progress) -> Callable[[int, int], None]:
    task = bars.add_task("training", total=None)

    def tell(done: int, total: int) -> None:
        bars.update(task, completed=done, total=total)

    return tell


def _print(training: Training) -> None:
    from analysis.colors.classes.card import (
        artist_sentence,
        left_out_sentences,
        model_rows,
        split_sentence,
    )

    model, metrics = training.model, training.model.metrics
    rows = [
        tuple(Text(cell, style="bold green") for cell in row)
        if on_terminal() and row[0] == metrics["selected"]
        else row
        for row in model_rows(metrics)
    ]
    columns = ("Classifier", "Accuracy", "Macro-F1")
    print_table("Colour classes", columns, rows, numbers=columns[1:])
    print_facts(
        "",
        [
            ("best", metrics["selected"]),
            ("split", split_sentence(metrics)),
            ("by artist", artist_sentence(metrics)),
            *(("left out", said) for said in left_out_sentences(metrics)),
            ("stored", f"{model.label}, {model.artifact_key}"),
        ],
    )
    if not training.new:
        remark(
            f"the examples and settings are those of {model.label}: nothing was trained "
            "(see --force)"
        )
    if training.activated or model.is_default:
        remark("next: artworks analyze color-class")
        return
    if training.new:
        remark("it is no better than what needs no training, and does not take over")
    remark(f"next: artworks models activate {model.label}")


def _print_projection(training: Projecting) -> None:
    from analysis.similarity.learned.card import COLUMNS, measure_rows, split_sentence

    model, metrics = training.model, training.model.metrics
    columns = tuple(name.capitalize() for name in COLUMNS)
    print_table("Similarity", columns, measure_rows(metrics), numbers=columns[1:])
    asked = f"{metrics['queries']:,} held-out works; intervals by {metrics['drawn_by']}"
    print_facts(
        "",
        [
            ("reads", model.params["embedding"]),
            ("terms", ", ".join(model.params["terms"])),
            ("asked", asked),
            ("split", split_sentence(metrics)),
            ("stored", f"{model.label}, {model.artifact_key}"),
        ],
    )
    if not training.new:
        remark(
            f"the examples and settings are those of {model.label}: nothing was trained "
            "(see --force)"
        )
    if training.new and not training.activated:
        from analysis.similarity.learned.training import is_better

        remark(
            "other embeddings are the default, and it does not take over"
            if is_better(metrics)
            else "it is not clearly better than what it reads, and does not take over"
        )
        remark(f"next: artworks models activate {model.label}")
        return
    remark("next: artworks analyze projection")
