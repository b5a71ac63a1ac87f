"""`artworks distribution`: how many works have which labels, and how unequal that is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.console import number, on_terminal, print_json, print_table, remark, stderr
from cli.opening import existing_database, load_settings, snapshot
from cli.options import FromOption, SiteOption, TermsOption, ToOption
from storage.errors import UsageError

if TYPE_CHECKING:
    from analysis.labels.distribution.counts import HeadLabels
    from analysis.labels.distribution.together import Together
    from analysis.reports.query import Query


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(distribution)


def distribution(
    heads: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[HEAD]...",
            help="style, genre, artist, period, nationality, place, medium, category, subject, "
            "tag or color; without any, all that works have labels of.",
        ),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(
            "--by",
            metavar="HEAD",
            help="Which labels of one HEAD go with which of this one; the same one where works "
            "have several.",
        ),
    ] = None,
    site: SiteOption = None,
    terms: TermsOption = None,
    year_from: FromOption = None,
    year_to: ToOption = None,
    top: Annotated[
        int,
        typer.Option(
            "--top", min=1, max=1000, metavar="N", help="Labels of a head that are shown."
        ),
    ] = 20,
    min_support: Annotated[
        int,
        typer.Option(
            "--min-support", min=1, metavar="N", help="Count labels of at least so many works."
        ),
    ] = 1,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="PNG", help="Draw them into this file."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace that file if it exists.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Count the labels of works: what a classifier could learn, and how unequal that is.

    A work counts by its first image, and what people say of that image outranks its page. Inherited
    are labels that only the page of the artist gives; `artworks train` leaves them out.

    Example: `artworks distribution style genre --min-support 10 --out labels.png`
    """
    from analysis.labels.distribution.counts import find_labels
    from analysis.labels.distribution.together import find_together
    from analysis.reports.query import Query, parse_term
    from storage.export import refuse_overwriting

    if by is not None and len(heads or ()) != 1:
        raise UsageError("--by compares one HEAD with another: name one, as in style --by genre.")
    if out is not None:
        refuse_overwriting(out, force=force)
    elif force:
        raise UsageError("--force is for --out: name a file, or leave it away.")
    query = Query(site, tuple(parse_term(term) for term in terms or ()), year_from, year_to)
    with existing_database(load_settings()) as database, snapshot(database) as connection:
        wanted = [*(heads or ()), *((by,) if by is not None else ())]
        found = find_labels(connection, query, wanted, top=top, min_support=min_support)
        together = None
        if by is not None:
            together = find_together(connection, found[0], found[-1], query)
    if as_json:
        print_json(
            {
                "query": query.as_dict(),
                "heads": [head.as_dict() for head in found],
                "together": None if together is None else together.as_dict(),
            }
        )
    elif together is not None:
        _print_together(together, top)
    else:
        _print(found)
    if out is not None:
        _draw(found, together, query, out)


def _print(found: Sequence[HeadLabels]) -> None:
    if not on_terminal():
        rows = [(head.head, *row) for head in found for row in _rows(head)]
        print_table("", ("Head", *_COLUMNS), rows)
        return
    for head in found:
        title = f"{head.head}: {number(head.labelled)} of {number(head.works)} works have a label"
        print_table(title, _COLUMNS, _rows(head), numbers=_COLUMNS[1:], wrap=("Label",))
        remark(_said(head))


_COLUMNS = ("Label", "Works", "Share", "Images", "Artists", "Inherited", "By people")


def _rows(head: HeadLabels) -> list[tuple[str, ...]]:
    return [
        (
            label.name,
            number(label.works),
            f"{100 * head.share(label):.1f}{' %' if on_terminal() else ''}",
            *(number(n) for n in (label.images, label.artists, label.inherited, label.people)),
        )
        for label in head.labels
    ]


def _said(head: HeadLabels) -> str:
    parts = [
        f"{head.classes:,} label{'' if head.classes == 1 else 's'}",
        f"the largest {head.imbalance:,.1f} times the smallest",
        f"as hard to guess as {head.effective:,.1f} equal ones",
        f"{head.several:,} works have more than one" if head.several else "",
        f"{head.further:,} smaller not shown" if head.further else "",
        f"{head.dropped:,} of too few works" if head.dropped else "",
    ]
    return "; ".join(part for part in parts if part)


def _print_together(found: Together, top: int) -> None:
    import numpy as np

    same = found.head == found.by
    order = np.argsort(-found.counts, axis=None, kind="stable")
    rows = []
    for row, column in zip(*np.unravel_index(order, found.counts.shape), strict=True):
        if not found.counts[row, column] or (same and row >= column):
            continue
        rows.append(
            (
                found.rows[row],
                found.columns[column],
                number(int(found.counts[row, column])),
                f"{100 * found.of_row[row, column]:.1f}",
                f"{100 * found.of_column[row, column]:.1f}",
                f"{found.lift[row, column]:.2f}",
            )
        )
    first, second = found.head.capitalize(), found.by.capitalize()
    second = f"And {found.by}" if same else second
    shares = ("% of first", "% of second") if same else (f"% of {found.head}", f"% of {found.by}")
    numbers = ("Works", *shares, "Lift")
    shown = rows[:top] if on_terminal() else rows
    print_table(
        f"{number(found.works)} works with a {found.head} and a {found.by}" if not same else "",
        (first, second, *numbers),
        shown,
        numbers=numbers,
        wrap=(first, second),
    )
    if on_terminal():
        further = f"; {len(rows) - len(shown):,} pairs of fewer works" if len(rows) > top else ""
        remark(f"lift: times as often as if neither knew of the other, 1 is chance{further}")


def _draw(found: Sequence[HeadLabels], together: Together | None, query: Query, out: Path) -> None:
    import numpy as np
    from PIL import Image

    from analysis.reports.labels import labels_page, together_page
    from cli.similar import write_picture

    pages = [labels_page(head, str(query)) for head in found]
    if together is not None:
        pages = [
            *([pages[0]] if found[0] is found[-1] else pages),
            together_page(together, str(query)),
        ]
    write_picture(out, Image.fromarray(np.vstack([np.asarray(page) for page in pages])))
    count = f"{len(found):,} head{'' if len(found) == 1 else 's'}"
    stderr().print(f"{count} → {out}", style="bold")
