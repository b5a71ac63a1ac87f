"""`artworks evaluate`: how good what was computed is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from analysis.labels.heads import HEADS as LABEL_HEADS
from storage.errors import UsageError

HEADS = (*LABEL_HEADS, "similarity")
DEFAULT_TERMS = "style,genre"
OF_SIMILARITY = "Similarity"
"""The panel of options that measure similarity only."""


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(evaluate)


def evaluate(
    context: typer.Context,
    head: Annotated[
        str, typer.Argument(metavar="HEAD", help=f"What to measure: {', '.join(HEADS)}.")
    ],
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            metavar="NAME[/VERSION]",
            help="A classifier of the head, or embeddings, other than the default ones.",
        ),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(
            "--against",
            metavar="NAME[/VERSION]",
            help="Another one to compare with (default: of a projection, what it reads).",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="HTML", help="Labels: write the report of the classifier as a page."
        ),
    ] = None,
    terms: Annotated[
        str | None,
        typer.Option(
            "--terms",
            metavar="KIND,…",
            help=f"Kinds of terms that works are to share (default: {DEFAULT_TERMS}).",
            rich_help_panel=OF_SIMILARITY,
        ),
    ] = None,
    k: Annotated[
        int,
        typer.Option(
            "--k", min=1, max=1000, help="Answers that count.", rich_help_panel=OF_SIMILARITY
        ),
    ] = 10,
    without_artist: Annotated[
        bool,
        typer.Option(
            "--without-artist",
            help="Works of the same artist are no answer: harder.",
            rich_help_panel=OF_SIMILARITY,
        ),
    ] = False,
    queries: Annotated[
        int,
        typer.Option(
            "--queries",
            min=1,
            max=10_000,
            help="At most so many works ask.",
            rich_help_panel=OF_SIMILARITY,
        ),
    ] = 2000,
    self_retrieval: Annotated[
        int | None,
        typer.Option(
            "--self-retrieval",
            min=1,
            max=100_000,
            metavar="N",
            help="Cut, turn, mirror and compress N stored images, and look for each.",
            rich_help_panel=OF_SIMILARITY,
        ),
    ] = None,
    blind: Annotated[
        Path | None,
        typer.Option(
            "--blind",
            metavar="HTML",
            help="Write a page on which people choose between two embeddings, and its key.",
            rich_help_panel=OF_SIMILARITY,
        ),
    ] = None,
    questions: Annotated[
        int,
        typer.Option(
            "--questions",
            min=1,
            max=200,
            help="Questions on that page.",
            rich_help_panel=OF_SIMILARITY,
        ),
    ] = 20,
    force: Annotated[bool, typer.Option("--force", help="Replace a page that exists.")] = False,
    answers: Annotated[
        list[Path] | None,
        typer.Option(
            "--answers",
            metavar="JSON",
            help="Count what people chose; may be given repeatedly.",
            rich_help_panel=OF_SIMILARITY,
        ),
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option(
            "--key",
            metavar="JSON",
            help="The key that was written with the page.",
            rich_help_panel=OF_SIMILARITY,
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option("--seed", min=0, max=2**31, help="Of samples and intervals.")
    ] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Measure how good labels or similarity are.

    Labels (style, genre, …): the classifier is asked again about the images that measured it, and
    what it says is held against what it said then, against the truth, and against what people have
    corrected since; --against compares it with another one on images that taught neither.

    Similarity: by shared terms, by altered copies, and by people. By terms, each work asks for its
    like among the others, without what looks the same, beside colour alone, the perceptual hash
    alone, and chance; what a projection has learned from takes no part. The measures are kept with
    the model. With --self-retrieval, --blind or --answers, only these are done, unless --terms is
    given too.

    Example: `artworks evaluate style --out style.html`

    Example: `artworks evaluate similarity --terms style,genre --k 10`
    """
    if head not in HEADS:
        raise UsageError(f'nothing can be measured for "{head}": choose from {", ".join(HEADS)}.')
    _refuse(context, head)
    if head in LABEL_HEADS:
        from cli.evaluate_labels import evaluate_head

        evaluate_head(
            head, model=model, against=against, out=out, force=force, seed=seed, as_json=as_json
        )
        return
    from cli.evaluate_similarity import Asked, measure_similarity

    measure_similarity(
        Asked(
            model=model,
            against=against,
            terms=terms,
            k=k,
            without_artist=without_artist,
            queries=queries,
            self_retrieval=self_retrieval,
            blind=blind,
            questions=questions,
            force=force,
            answers=tuple(answers or ()),
            key=key,
            seed=seed,
        ),
        as_json=as_json,
    )


def _refuse(context: typer.Context, head: str) -> None:
    """Raise UsageError for options that measure something else."""
    labels = head in LABEL_HEADS
    similarity = {one.name for one in context.command.params if _panel(one) == OF_SIMILARITY}
    of, others = ("similarity", similarity) if labels else ("labels", {"out"})
    for one in context.command.params:
        source = context.get_parameter_source(one.name or "")
        if one.name in others and source is not None and source.name == "COMMANDLINE":
            raise UsageError(f"{one.opts[0]} is for {of}: leave it away.")


def _panel(parameter: object) -> object:
    return getattr(parameter, "rich_help_panel", None)
