"""`artworks compare`: how far two pictures are apart."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.console import on_terminal, print_facts, print_json, print_table, remark, stderr
from cli.opening import existing_database, has_database, load_settings, snapshot
from cli.options import EmbeddingOption, WeightsOption
from cli.similar import write_picture
from storage.errors import UsageError

if TYPE_CHECKING:
    from analysis.similarity.comparison import Comparison


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(compare)


def compare(
    first: Annotated[
        str,
        typer.Argument(
            metavar="A",
            help="A file, an artwork's id, SITE/SOURCE_ID or page, or an image's sha256.",
        ),
    ],
    second: Annotated[str, typer.Argument(metavar="B", help="The same.")],
    weights: WeightsOption = None,
    model: EmbeddingOption = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="PNG", help="Draw both side by side into this file."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace that file if it exists.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Say how far two pictures are apart in meaning, colour and composition; smaller is closer.

    0 is the same, and 1 as far as two pictures drawn by lot. What that is worth is told by pairs of
    the collection, or of paintings where there is no collection. Two files need none.

    Example: `artworks compare sketch.jpg museum/42 --out both.png`
    """
    from analysis.similarity.finding import compare_files, compare_in, is_file
    from analysis.similarity.score import DEFAULT_WEIGHTS, Weights
    from storage.export import refuse_overwriting
    from storage.objects import open_store

    if out is not None:
        refuse_overwriting(out, force=force)
    elif force:
        raise UsageError("--force is for --out: name a file, or leave it away.")
    wanted = DEFAULT_WEIGHTS if weights is None else Weights.parse(weights)
    settings = load_settings()
    files = is_file(first) and is_file(second)
    if files and not has_database(settings):
        if model is not None:
            raise UsageError("--model is for a collection, and there is none: leave it away.")
        found = compare_files(Path(first), Path(second), wanted)
    else:
        with existing_database(settings) as database, snapshot(database) as connection:
            store = open_store(settings.objects_location)
            found = compare_in(connection, store, first, second, wanted, model=model)
    if as_json:
        print_json(found.as_dict())
    else:
        _print(found)
    for note in found.notes:
        remark(note)
    if out is not None:
        from analysis.similarity.sheet import comparison_sheet

        write_picture(out, comparison_sheet(open_store(settings.objects_location), found))
        stderr().print(f"2 pictures → {out}", style="bold")


def _print(found: Comparison) -> None:
    from analysis.similarity.score import UNITS

    print_table(
        "",
        ("Part", "Distance", "Measured", "Unit", "Weight", "Nearer pairs"),
        [
            (
                part.value,
                f"{known.distance:.3f}",
                f"{known.raw:.3f}",
                UNITS[part],
                f"{found.weights.of(part):.0%}",
                _share(known.nearer),
            )
            for part, known in found.parts.items()
        ]
        + [("together", f"{found.distance:.3f}", "", "", "", _share(found.nearer))],
        numbers=("Distance", "Measured", "Weight", "Nearer pairs"),
    )
    bits = "unknown: one is too flat" if found.bits is None else f"{found.bits} of 64"
    print_facts(
        "",
        [
            ("A", found.first.title),
            ("B", found.second.title),
            ("Differing bits", bits),
            ("Meaning", found.verdict),
        ],
    )
    if on_terminal():
        remark("0: the same, 1: as far as two pictures drawn by lot; smaller is closer")


def _share(nearer: float | None) -> str:
    return "" if nearer is None else f"{nearer:.1%}"
