"""`artworks train`: classifiers, and what is alike, from what crawls call things."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from analysis.labels.heads import HEADS as LABEL_HEADS
from cli import train_options as option
from cli.console import on_terminal, print_facts, print_json, print_table, progress, remark
from cli.opening import existing_database, load_settings
from cli.train_options import LabelOptions
from storage.errors import UsageError

if TYPE_CHECKING:
    from rich.progress import Progress

    from analysis.colors.classes.training import Training
    from analysis.similarity.learned.training import Training as Projecting
    from storage.database import Database
    from storage.objects import ObjectStore

HEADS = (*LABEL_HEADS, "color", "similarity")
LABELS = "style (and the other heads of labels)"
"""What a refusal calls the heads of labels."""
FOLDS = 5
DEFAULT_TERMS = "style,genre"
DEFAULT_LOSS = "contrastive"
DEFAULT_KEEP = 0.7


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(train)


def train(
    head: Annotated[
        str, typer.Argument(metavar="HEAD", help=f"What to learn: {', '.join(HEADS)}.")
    ],
    method: option.MethodOption = None,
    split: option.SplitOption = None,
    balance: option.BalanceOption = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            metavar="NAME[/VERSION]",
            help="Not for color: the embeddings to learn from (default: those in use).",
        ),
    ] = None,
    folds: Annotated[
        int | None,
        typer.Option(
            "--folds",
            min=3,
            max=20,
            help=f"color: parts that the examples are split into (default: {FOLDS}). Labels: "
            "measure a probe by cross-validation, too.",
        ),
    ] = None,
    rounds: option.RoundsOption = None,
    activate: option.ActivateOption = None,
    site: option.SiteOption = None,
    term: option.TermsOption = None,
    year_from: option.FromOption = None,
    year_to: option.ToOption = None,
    labels: option.ModeOption = None,
    min_support: option.MinSupportOption = None,
    top: option.TopOption = None,
    weak: option.WeakOption = None,
    undersample: option.UndersampleOption = None,
    merge: option.MergeOption = None,
    merge_file: option.MergeFileOption = None,
    only: option.OnlyOption = None,
    bins: option.BinsOption = None,
    views: option.ViewsOption = None,
    augment: option.AugmentOption = None,
    fine_tune: option.FineTuneOption = None,
    epochs: option.EpochsOption = None,
    learning_rate: option.RateOption = None,
    batch: option.BatchOption = None,
    dropout: option.DropoutOption = None,
    l1: option.L1Option = None,
    l2: option.L2Option = None,
    batch_norm: option.BatchNormOption = None,
    label_smoothing: option.SmoothingOption = None,
    terms: Annotated[
        str | None,
        typer.Option(
            "--terms",
            metavar="KIND,…",
            help=f"Kinds of terms that works share (default: {DEFAULT_TERMS}).",
            rich_help_panel=option.SIMILARITY,
        ),
    ] = None,
    loss: Annotated[
        str | None,
        typer.Option(
            "--loss",
            metavar="NAME",
            help=f"contrastive or triplet (default: {DEFAULT_LOSS}).",
            rich_help_panel=option.SIMILARITY,
        ),
    ] = None,
    keep: Annotated[
        float | None,
        typer.Option(
            "--keep",
            metavar="SHARE",
            help="Weight of the embedding itself beside what is learned, 0 to 1 (default: 0.7).",
            rich_help_panel=option.SIMILARITY,
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

    Labels (style, genre, …): learns to tell them from stored embeddings or from pictures, measured
    on artists that it has not seen, for `artworks analyze labels`. color: compares five kinds of
    classifiers by cross-validation and keeps the best, for `artworks analyze color-class`.
    similarity: trains a projection of embeddings that brings works nearer together which share
    terms, for `artworks analyze projection`. All are kept with their measures and a card. The same
    examples and seed give the same measures; where nothing has changed, nothing is trained.

    Example: `artworks train style`

    Example: `artworks train genre --method transfer --balance sampling --min-support 20`

    Example: `artworks train similarity --terms style,genre`
    """
    from storage.objects import open_store

    if head not in HEADS:
        raise UsageError(f'nothing can be trained for "{head}": choose from {", ".join(HEADS)}.')
    asked = LabelOptions(
        method=method,
        labels=labels,
        site=site,
        term=tuple(term) if term else None,
        year_from=year_from,
        year_to=year_to,
        min_support=min_support,
        top=top,
        weak=weak,
        undersample=undersample,
        merge=tuple(merge) if merge else None,
        merge_file=merge_file,
        only=tuple(only) if only else None,
        bins=bins,
        split=split,
        balance=balance,
        rounds=rounds,
        activate=activate,
        views=views,
        augment=augment,
        fine_tune=fine_tune,
        epochs=epochs,
        learning_rate=learning_rate,
        batch=batch,
        dropout=dropout,
        l1=l1,
        l2=l2,
        batch_norm=batch_norm,
        label_smoothing=label_smoothing,
    )
    of_similarity: dict[str, object] = {"--terms": terms, "--loss": loss, "--keep": keep}
    kind = LABELS if head in LABEL_HEADS else head
    _refuse(kind, {LABELS: asked.given(), "similarity": of_similarity})
    if head == "color" and model is not None:
        raise UsageError("--model is for labels and similarity: leave it away.")
    if head == "similarity" and folds is not None:
        raise UsageError("--folds is for labels and color: leave it away.")
    if head in LABEL_HEADS:
        from cli.train_labels import train_head

        train_head(head, asked, folds=folds, model=model, seed=seed, force=force, as_json=as_json)
        return
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
