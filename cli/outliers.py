"""`artworks outliers`: works that do not belong among the others."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from cli.console import on_terminal, print_json, print_table, remark, stderr
from cli.opening import existing_database, load_settings, snapshot
from cli.options import SiteOption, TermsOption
from storage.errors import UsageError

if TYPE_CHECKING:
    from analysis.outliers.overview import Neighbor, OddImage, Outliers
    from analysis.reports.query import Query


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(outliers)


def outliers(
    method: Annotated[
        str,
        typer.Option(
            "--method",
            metavar="NAME",
            help="mahalanobis: far from the others of its style, genre or category; neighbors: far "
            "from its nearest ones; isolation: set apart by few cuts.",
        ),
    ] = "mahalanobis",
    site: SiteOption = None,
    terms: TermsOption = None,
    top: Annotated[
        int, typer.Option("--top", min=1, max=1000, metavar="N", help="Show at most this many.")
    ] = 20,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="PNG", help="Draw them beside their nearest into this file."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace that file if it exists.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Show the works that are least like the others, and what they are nearest to.

    Scores are those of `artworks analyze outliers`: among all images, so that --site and --term
    choose what is shown and change no score. An asterisk marks what is beyond the threshold.

    Example: `artworks outliers --term category=landscapes --top 12 --out odd.png`
    """
    from analysis.outliers.overview import oddest
    from analysis.reports.query import Query, parse_term
    from storage.export import refuse_overwriting

    if out is not None:
        refuse_overwriting(out, force=force)
    elif force:
        raise UsageError("--force is for --out: name a file, or leave it away.")
    query = Query(site, tuple(parse_term(term) for term in terms or ()))
    settings = load_settings()
    with existing_database(settings) as database, snapshot(database) as connection:
        found = oddest(connection, query, method=method, top=top)
    if as_json:
        print_json({"query": query.as_dict(), **found.as_dict()})
    elif found.found:
        _print(found)
    if not found.found:
        remark("no work with a score fits: ask for fewer terms")
    elif out is not None:
        _draw(settings.objects_location, found, query, out)


def _print(found: Outliers) -> None:
    print_table(
        "Works that stand out",
        ("", "Percentile", "Score", "Compared with", "Title", "Artist", "Nearest", "Why", "Page"),
        [
            (
                _mark(odd),
                f"{odd.percentile:.1f}",
                f"{odd.score:.3f}",
                odd.label or "all",
                *_work(odd),
                " ".join(_said(one) for one in odd.neighbors),
                odd.why,
                odd.works[0].page_url if odd.works else "",
            )
            for odd in found.found
        ],
        numbers=("Percentile", "Score"),
        wrap=("Compared with", "Title", "Artist", "Nearest", "Why", "Page"),
    )
    if on_terminal():
        from analysis.outliers.methods import METHODS

        method = METHODS[found.method]
        remark(
            f"{found.outliers:,} of {found.images:,} images stand out (*); score: {method.unit}, "
            f"{method.what}"
        )


def _mark(odd: OddImage) -> Text | str:
    if not odd.is_outlier:
        return ""
    return Text("*", style="bold yellow") if on_terminal() else "*"


def _work(odd: OddImage) -> tuple[str, str | None]:
    if not odd.works:
        return "", None
    further = f" (+{len(odd.works) - 1})" if len(odd.works) > 1 else ""
    return f"{odd.works[0].title}{further}", odd.works[0].artist


def _said(neighbor: Neighbor) -> str:
    title = neighbor.works[0].title if neighbor.works else f"image {neighbor.image_id}"
    return f"{neighbor.distance:.2f} {title};"


def _draw(objects: str, found: Outliers, query: Query, out: Path) -> None:
    from analysis.plots.outlier_sheet import outlier_sheet
    from storage.objects import open_store

    store = open_store(objects)
    store.check()
    heading = f"{query}: what stands out" if str(query) else "What stands out"
    sheet = outlier_sheet(store, found, heading)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        sheet.save(out, "PNG", compress_level=6)
    except OSError as error:
        raise UsageError(
            f"cannot write {out} ({error.strerror or error}): name a file ending in .png in a "
            "folder of yours."
        ) from error
    shown = f"{len(found.found):,} image{'' if len(found.found) == 1 else 's'}"
    stderr().print(f"{shown} → {out}", style="bold")
