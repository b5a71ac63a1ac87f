"""How the command talks: tables, panels and bars on a terminal, plain lines and JSON elsewhere."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from rich.progress import Progress

ACCENT = "cyan"


def stdout() -> Console:
    """The console that results go to."""
    return Console(highlight=False, soft_wrap=not sys.stdout.isatty())


def stderr() -> Console:
    """The console that progress and remarks go to, so that results can be piped."""
    return Console(stderr=True, highlight=False, soft_wrap=not sys.stderr.isatty())


def on_terminal() -> bool:
    """Whether results are read by a person."""
    return sys.stdout.isatty()


def print_json(value: Any) -> None:
    """Print one JSON document, and nothing else may be printed beside it."""
    encoding = (sys.stdout.encoding or "ascii").lower().replace("-", "")
    text = json.dumps(value, ensure_ascii=encoding != "utf8", indent=2)
    sys.stdout.write(f"{text}\n")


def remark(message: str) -> None:
    """Say something beside the results."""
    stderr().print(Text(message), style="dim")


def print_table(
    title: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    numbers: Sequence[str] = (),
    wrap: Sequence[str] = (),
) -> None:
    """Print rows: a table on a terminal, tab-separated lines with a header elsewhere.

    Columns in `numbers` are aligned to the right; those in `wrap` give way when it gets narrow.
    """
    if not on_terminal():
        for row in (columns, *rows):
            sys.stdout.write("\t".join(_cell(value) for value in row) + "\n")
        return
    stdout().print(table(title, columns, rows, numbers=numbers, wrap=wrap))


def table(
    title: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    numbers: Sequence[str] = (),
    wrap: Sequence[str] = (),
) -> Table:
    """Build a table in the house style; cells may be rich renderables."""
    made = Table(
        title=title or None,
        title_justify="left",
        title_style=f"bold {ACCENT}",
        header_style="bold",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    for name in columns:
        made.add_column(
            name,
            justify="right" if name in numbers else "left",
            no_wrap=name not in wrap,
            overflow="fold" if name in wrap else "ellipsis",
        )
    for row in rows:
        made.add_row(*(_renderable(value) for value in row))
    return made


def facts(rows: Iterable[tuple[str, object]]) -> Table:
    """Build a grid of names and values."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in rows:
        grid.add_row(name, _renderable(value))
    return grid


def print_facts(title: str, rows: Iterable[tuple[str, object]]) -> None:
    """Print names and values: a grid on a terminal, `name: value` lines elsewhere."""
    if not on_terminal():
        for name, value in rows:
            sys.stdout.write(f"{name}: {_cell(value)}\n")
        return
    console = stdout()
    if title:
        console.print(Text(title, style=f"bold {ACCENT}"))
    console.print(Padding(facts(rows), (0, 0, 0, 2)))


def progress() -> Progress:
    """Bars on standard error: shown on a terminal only, and gone when they are full."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
    )

    return Progress(
        SpinnerColumn(style=ACCENT),
        TextColumn("{task.description}"),
        BarColumn(bar_width=32),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=stderr(),
        transient=True,
        disable=not sys.stderr.isatty(),
    )


def swatch(hex_color: str, width: int = 2) -> Text:
    """Return a block of colour."""
    return Text(" " * width, style=f"on {hex_color}")


def palette_bar(colors: Sequence[tuple[str, float]], width: int = 48) -> Text:
    """Return a bar of colours, each as wide as its share: (hex, fraction) pairs."""
    bar = Text()
    reached, total = 0, 0.0
    for hex_color, fraction in colors:
        total += fraction
        until = round(min(total, 1.0) * width)
        bar.append(" " * (until - reached), style=f"on {hex_color}")
        reached = until
    return bar


def size(count: float) -> str:
    """Return a number of bytes for people."""
    for unit in ("B", "KB", "MB", "GB"):
        if count < 1000:
            return f"{count:,.0f} {unit}" if unit == "B" else f"{count:,.1f} {unit}"
        count /= 1000
    return f"{count:,.1f} TB"


def number(count: int) -> str:
    """Return a whole number for people; a script gets it without separators."""
    return f"{count:,}" if on_terminal() else str(count)


def ago(moment: datetime | None, now: datetime | None = None) -> str:
    """Return how long ago something was, for people; ISO 8601 for scripts."""
    if moment is None:
        return ""
    if not on_terminal():
        return moment.isoformat(timespec="seconds")
    seconds = ((now or datetime.now(UTC)) - moment).total_seconds()
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{int(seconds // length)} {unit} ago"
    return "just now"


def duration(seconds: float) -> str:
    """Return a duration for people."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{int(seconds // 60)} min {int(seconds % 60)} s"


def _renderable(value: object) -> RenderableType:
    if isinstance(value, str):
        # Data of the web: brackets in it are no markup.
        return Text(value)
    if value is None:
        return Text("")
    if isinstance(value, int | float):
        return Text(f"{value:,}")
    return value  # type: ignore[return-value]


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return text.replace("\t", " ").replace("\r", " ").replace("\n", " ")
