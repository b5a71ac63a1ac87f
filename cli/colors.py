"""`artworks colors` and `analyze`: what is learned from stored images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from cli.console import (
    duration,
    number,
    on_terminal,
    palette_bar,
    print_facts,
    print_json,
    print_table,
    progress,
    remark,
    stdout,
    swatch,
)
from cli.opening import existing_database, load_settings
from storage.errors import ExitCode, ImageRejected, UsageError

if TYPE_CHECKING:
    from analysis.colors.palette import Palette
    from analysis.engine import RunSummary
    from storage.database import Database
    from storage.objects import ObjectStore

LimitOption = Annotated[
    int | None, typer.Option("--limit", min=1, metavar="N", help="At most this many images.")
]
RedoOption = Annotated[
    bool, typer.Option("--redo", help="Look at images again that were looked at already.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(colors)
    app.command()(analyze)


def colors(
    image: Annotated[
        Path | None,
        typer.Argument(metavar="[IMAGE]", help="Show the palette of this file; stores nothing."),
    ] = None,
    k: Annotated[
        int | None,
        typer.Option("--k", min=1, max=64, help="Colours of the file's palette, at most [5]."),
    ] = None,
    limit: LimitOption = None,
    redo: RedoOption = False,
    as_json: JsonOption = False,
) -> None:
    """Find the colours of an image file, or of all stored images that have no palette yet.

    Palettes are found in CIE L*a*b*, each colour with its share of the image and its name.
    Stored images get theirs in the table image_colors.

    Example: `artworks colors painting.jpg`
    """
    if image is not None:
        if limit is not None or redo:
            raise UsageError("--limit and --redo are for stored images: leave IMAGE out.")
        _describe(image, k, as_json)
        return
    if k is not None:
        raise UsageError("--k is for a file: add its path. Stored palettes have 5 colours.")
    _analyze(["colors"], limit, redo, as_json)


def analyze(
    jobs: Annotated[
        list[str] | None, typer.Argument(metavar="[JOB]...", help="Jobs to run; default: all.")
    ] = None,
    limit: LimitOption = None,
    redo: RedoOption = False,
    as_json: JsonOption = False,
) -> None:
    """Run analysis jobs over the stored images that they have not seen yet.

    Jobs asked for together share one read of each image. Stopped at any moment, they continue
    where they were.

    Example: `artworks analyze colors --limit 100`
    """
    from analysis.catalog import IMAGE_JOBS, image_job

    for name in jobs or ():
        image_job(name)
    _analyze(list(dict.fromkeys(jobs or IMAGE_JOBS)), limit, redo, as_json)


def run_with_progress(
    database: Database,
    store: ObjectStore,
    jobs: Sequence[str],
    *,
    limit: int | None = None,
    redo: bool = False,
) -> list[RunSummary]:
    """Run jobs with a bar on standard error."""
    from analysis.engine import run_jobs

    with progress() as bars:
        task = bars.add_task(", ".join(jobs), total=None)

        def tell(done: int, total: int) -> None:
            bars.update(task, completed=done, total=total)

        return run_jobs(database, store, jobs, limit=limit, redo=redo, progress=tell)


def _analyze(jobs: Sequence[str], limit: int | None, redo: bool, as_json: bool) -> None:
    from storage.objects import open_store

    settings = load_settings()
    store = open_store(settings.objects_location)
    with existing_database(settings) as database:
        store.check()
        summaries = run_with_progress(database, store, jobs, limit=limit, redo=redo)
    if as_json:
        print_json([summary.as_dict() for summary in summaries])
    else:
        _print_summaries(summaries)
    if any(summary.retryable for summary in summaries):
        raise typer.Exit(int(ExitCode.RETRYABLE_FAILURES))


def _print_summaries(summaries: Sequence[RunSummary]) -> None:
    print_table(
        "",
        ("Job", "Model", "Done", "Empty", "Failed", "Seconds", "Reasons"),
        [
            (
                summary.job,
                f"{summary.model} {summary.version}",
                number(summary.done),
                number(summary.empty),
                number(summary.failed),
                f"{summary.seconds['total']:.1f}",
                ", ".join(f"{reason} {count}" for reason, count in summary.reasons.items()),
            )
            for summary in summaries
        ],
        numbers=("Done", "Empty", "Failed", "Seconds"),
        wrap=("Reasons",),
    )
    for summary in summaries:
        seen = summary.done + summary.empty + summary.failed
        if not seen:
            remark(f"{summary.job}: nothing new, all stored images were seen already (see --redo)")
        elif on_terminal():
            rate = seen / max(summary.seconds["total"], 1e-9)
            remark(f"{summary.job}: {rate:,.0f} images/s in {_total(summary)}")


def _total(summary: RunSummary) -> str:
    return duration(summary.seconds["total"])


def _describe(image: Path, k: int | None, as_json: bool) -> None:
    from analysis.colors.file import describe_file
    from analysis.colors.palette import DEFAULT_COLORS

    try:
        palette = describe_file(image, k or DEFAULT_COLORS)
    except ImageRejected as error:
        raise UsageError(
            f"{image} is no image that can be read ({error}): JPEG, PNG, WebP, AVIF, GIF and TIFF "
            "can."
        ) from error
    if as_json:
        document: dict[str, Any] = {"image": str(image), "palette": palette.as_list()}
        print_json(document)
    elif on_terminal():
        _print_palette(image, palette)
    else:
        print_facts(
            "",
            [
                (swatch_.hex, f"{swatch_.fraction:.4f} {swatch_.name}")
                for swatch_ in palette.swatches
            ],
        )


def _print_palette(image: Path, palette: Palette) -> None:
    console = stdout()
    console.print()
    bar = palette_bar([(color.hex, color.fraction) for color in palette.swatches], width=56)
    for _ in range(3):
        console.print(Text("  ").append_text(bar))
    print_table(
        "",
        ("", "Hex", "Share", "Name", "Term", "L*", "a*", "b*"),
        [
            (
                swatch(color.hex, 4),
                color.hex,
                f"{color.fraction:.1%}",
                color.name,
                color.term,
                *(f"{value:.0f}" for value in color.lab),
            )
            for color in palette.swatches
        ],
        numbers=("Share", "L*", "a*", "b*"),
    )
    remark(f"  {image}")
