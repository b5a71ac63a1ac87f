"""`artworks colors`: the colours of a file, and of stored images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from cli.analyze import JsonOption, RedoOption, run_and_print
from cli.color_search import search_and_print
from cli.console import (
    on_terminal,
    palette_bar,
    print_facts,
    print_json,
    print_table,
    remark,
    stdout,
    swatch,
)
from storage.errors import ImageRejected, UsageError

if TYPE_CHECKING:
    from analysis.colors.palette import Method, Palette


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(colors)


def colors(
    image: Annotated[
        Path | None,
        typer.Argument(metavar="[IMAGE]", help="Show the palette of this file; stores nothing."),
    ] = None,
    like: Annotated[
        list[str] | None,
        typer.Option(
            "--like",
            metavar="COLOR[:PERCENT]",
            help="Find images with this colour: #rrggbb or a CSS name. May be repeated, each with "
            "the share of the image that it is to have: --like violet:30 --like wheat:50.",
        ),
    ] = None,
    harmony: Annotated[
        str | None,
        typer.Option(
            "--harmony",
            metavar="KIND",
            help="Find images with hues in harmony: complementary, analogous, triadic or split; "
            "with --like around that colour.",
        ),
    ] = None,
    tolerance: Annotated[
        float | None,
        typer.Option(
            "--tolerance", min=0, max=100, help="How far a colour may be, in CIEDE2000 [12]."
        ),
    ] = None,
    min_share: Annotated[
        float | None,
        typer.Option(
            "--min-share",
            min=0,
            max=100,
            metavar="PERCENT",
            help="Least share of the image that each colour has [0; with --harmony 5].",
        ),
    ] = None,
    site: Annotated[
        str | None, typer.Option("--site", metavar="NAME", help="Find works of this site.")
    ] = None,
    category: Annotated[
        str | None,
        typer.Option("--category", metavar="NAME", help="Find works of this category."),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model", metavar="NAME/VERSION", help="Search these palettes, not the default ones."
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="PNG", help="Draw what is found into this file."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace that file if it exists.")] = False,
    k: Annotated[
        int | None, typer.Option("--k", min=1, max=64, help="Colours of a palette, at most [5].")
    ] = None,
    method: Annotated[
        str | None,
        typer.Option(
            "--method",
            metavar="NAME",
            help="How palettes are made: kmeans (the default), or dbscan, where the image tells "
            "how many colours it has.",
        ),
    ] = None,
    accents: Annotated[
        bool, typer.Option("--accents", help="Keep small vivid colours in palettes.")
    ] = False,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit", min=1, metavar="N", help="At most this many images [24 are shown]."
        ),
    ] = None,
    redo: RedoOption = False,
    as_json: JsonOption = False,
) -> None:
    """Find images by their colours; or make palettes, of a file or of all stored images.

    With --like or --harmony, finds stored images by their palettes and shows the best first: by
    the share that matches, then by the distance. Otherwise makes palettes in CIE L*a*b*: of
    IMAGE, or of the stored images that have none yet, which go to the table image_colors.

    Example: `artworks colors --like "#8a2be2" --tolerance 12`
    """
    searching = {
        "--tolerance": tolerance,
        "--min-share": min_share,
        "--site": site,
        "--category": category,
        "--model": model,
        "--out": out,
        "--force": force,
    }
    making = {"--k": k, "--method": method, "--accents": accents, "--redo": redo}
    if like or harmony is not None:
        _refuse({"IMAGE": image, **making}, "makes palettes, and --like and --harmony search them")
        if tolerance is not None and not like:
            raise UsageError("--tolerance is for the colour of --like: add one, or leave it out.")
        _search(
            like or (),
            harmony,
            out=out,
            force=force,
            as_json=as_json,
            tolerance=tolerance,
            min_share=None if min_share is None else min_share / 100,
            limit=limit,
            site=site,
            category=category,
            model=model,
        )
        return
    _refuse(searching, "is for searching: add --like COLOR or --harmony KIND")
    if image is not None:
        _refuse({"--limit": limit, "--redo": redo}, "is for stored images: leave IMAGE out")
        _describe(image, k, method, accents, as_json)
        return
    _make(k, method, accents, limit=limit, redo=redo, as_json=as_json)


def _refuse(options: Mapping[str, object], why: str) -> None:
    for name, value in options.items():
        if value is not None and value is not False:
            raise UsageError(f"{name} {why}.")


def _search(
    like: Sequence[str],
    harmony: str | None,
    *,
    out: Path | None,
    force: bool,
    as_json: bool,
    **given: Any,
) -> None:
    from analysis.colors.asked import AskedColor, ColorSearch

    asked = tuple(AskedColor.parse(said) for said in like)
    chosen = {name: value for name, value in given.items() if value is not None}
    search = ColorSearch(colors=asked, harmony=harmony, **chosen)
    search_and_print(search, out=out, force=force, as_json=as_json)


def _make(
    k: int | None,
    method: str | None,
    accents: bool,
    *,
    limit: int | None,
    redo: bool,
    as_json: bool,
) -> None:
    from analysis.colors.job import palette_job

    job = palette_job(*_choice(k, method), accents)
    run_and_print([job], limit=limit, redo=redo, as_json=as_json)


def _choice(k: int | None, method: str | None) -> tuple[int, Method]:
    from analysis.colors.palette import DEFAULT_COLORS, METHODS

    chosen = next((known for known in METHODS if known == (method or METHODS[0])), None)
    if chosen is None:
        raise UsageError(f'there is no --method "{method}": choose from {", ".join(METHODS)}.')
    return k or DEFAULT_COLORS, chosen


def _describe(image: Path, k: int | None, method: str | None, accents: bool, as_json: bool) -> None:
    from analysis.colors.file import describe_file

    most, chosen = _choice(k, method)
    try:
        palette = describe_file(image, most, method=chosen, accents=accents)
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
