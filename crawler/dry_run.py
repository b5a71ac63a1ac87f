"""What a dry run says in the end: what a crawl would have stored, and how complete it would be."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from crawler.frontier.findings import DryRunSummary

LONGEST_EXAMPLE = 60
Row = tuple[str, ...]


def print_summary(summary: DryRunSummary) -> None:
    """Print tables on a terminal, tab-separated lines with a header elsewhere."""
    for title, columns, rows in _tables(summary):
        if not rows:
            continue
        if sys.stdout.isatty():
            table = Table(title=title, title_justify="left", title_style="bold cyan", box=None)
            for name in columns:
                table.add_column(name, overflow="fold")
            for row in rows:
                table.add_row(*(Text(cell) for cell in row))
            console = Console(highlight=False)
            console.print()
            console.print(table)
        else:
            sys.stdout.write("\t".join(columns) + "\n")
            sys.stdout.writelines("\t".join(row) + "\n" for row in rows)
            sys.stdout.write("\n")
    sys.stdout.flush()


def _tables(summary: DryRunSummary) -> Iterator[tuple[str, Row, list[Row]]]:
    counts = [
        ("artworks", f"{summary.artworks:,}"),
        ("images", f"{summary.images:,}, {summary.image_bytes / 1e6:.1f} MB"),
        ("artists", f"{summary.artists:,}"),
        ("listings", f"{summary.listings:,}"),
        ("pages read", _renderings(summary)),
        ("categories", _counted(summary.categories.items())),
    ]
    yield (
        "Dry run: nothing was stored",
        ("what", "found"),
        [(name, value) for name, value in counts if value],
    )
    fields = sorted(summary.fields.items(), key=lambda entry: (-entry[1].filled, entry[0]))
    yield (
        "Fields",
        ("field", "filled", "source", "example"),
        [
            (
                name,
                f"{fill.filled:,} of {summary.artworks:,}",
                fill.source or "",
                _short(fill.example),
            )
            for name, fill in fields
            if summary.artworks
        ],
    )
    failures: list[Row] = []
    for reason, found in summary.failures.items():
        for number, (url, detail) in enumerate(found.examples):
            count = f"{found.count:,}" if number == 0 else ""
            failures.append((reason if number == 0 else "", count, url, _short(detail, 200)))
    yield "Failures", ("reason", "count", "example", "detail"), failures


def _renderings(summary: DryRunSummary) -> str:
    total: dict[str, int] = {}
    for counts in summary.renderings.values():
        for engine, count in counts.items():
            total[engine] = total.get(engine, 0) + count
    names = {"never": "plainly", "splash": "by Splash", "chromium": "by Chromium"}
    return ", ".join(f"{count:,} {names[engine]}" for engine, count in sorted(total.items()))


def _counted(entries: Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in entries)


def _short(value: Any, limit: int = LONGEST_EXAMPLE) -> str:
    text = " ".join(str("" if value is None else value).split())
    return text if len(text) <= limit else text[: limit - 1] + "…"
