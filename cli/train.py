"""`artworks train`: classifiers from what crawls call things."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from cli.console import on_terminal, print_facts, print_json, print_table, progress, remark
from cli.opening import existing_database, load_settings
from storage.errors import UsageError

if TYPE_CHECKING:
    from analysis.colors.classes.training import Training
    from storage.database import Database
    from storage.objects import ObjectStore

HEADS = ("color",)


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(train)


def train(
    head: Annotated[str, typer.Argument(metavar="HEAD", help="What to learn: color.")],
    folds: Annotated[
        int,
        typer.Option("--folds", min=3, max=20, help="Parts that the examples are split into."),
    ] = 5,
    seed: Annotated[
        int, typer.Option("--seed", min=0, max=2**31, help="Of splits and classifiers.")
    ] = 0,
    force: Annotated[
        bool, typer.Option("--force", help="Train anew, also where nothing has changed.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Train a classifier on what crawls call things, and use it where it beats the fixed classes.

    Compares five kinds of classifiers by cross-validation, keeps the best with its measures and
    its card, and makes it what `artworks analyze color-class` uses. The same examples and seed
    give the same measures; where nothing has changed, nothing is trained.

    Example: `artworks train color --folds 5 --seed 0`
    """
    from storage.objects import open_store

    if head not in HEADS:
        raise UsageError(f'nothing can be trained for "{head}": choose from {", ".join(HEADS)}.')
    settings = load_settings()
    store = open_store(settings.objects_location)
    with existing_database(settings) as database:
        store.check()
        training = _train(database, store, folds, seed, force=force)
    if as_json:
        print_json(training.as_dict())
    else:
        _print(training)


def _train(
    database: Database, store: ObjectStore, folds: int, seed: int, *, force: bool
) -> Training:
    from analysis.colors.classes.training import train_color

    with progress() as bars:
        task = bars.add_task("training", total=None)

        def tell(done: int, total: int) -> None:
            bars.update(task, completed=done, total=total)

        return train_color(database, store, folds=folds, seed=seed, force=force, progress=tell)


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
