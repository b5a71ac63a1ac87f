"""How `artworks status` looks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from cli.console import (
    ACCENT,
    ago,
    duration,
    facts,
    number,
    on_terminal,
    print_facts,
    size,
    stdout,
    table,
)
from storage.status import CollectionStatus, RunSummary

STATE_STYLES = {
    "done": "green",
    "leased": "cyan",
    "pending": "bright_black",
    "skipped": "yellow",
    "failed": "red",
}
BAR_WIDTH = 24
WIDE = 96
MOST_CATEGORIES = 16
SHORT_DIGEST = 16


def print_status(status: CollectionStatus, places: Mapping[str, str]) -> None:
    """Print a dashboard on a terminal, `name: value` lines elsewhere."""
    if not on_terminal():
        print_facts("", _lines(status, places))
        return
    console = stdout()
    where = "embedded" if places["embedded"] == "yes" else places["database"]
    console.print()
    console.print(_heading(status))
    console.print()
    side = [
        _block("Pages", _states({"pages": status.pages, "images": status.image_addresses})),
        _block("Failures", _failures(status)),
    ]
    if any(status.results.values()):
        side.append(_block("Analysis", facts(status.results.items())))
    if not status.categories:
        console.print(Group(*side))
    else:
        categories = _block("Categories", _categories(status.categories))
        if console.width < WIDE:
            console.print(Group(categories, *side))
        else:
            beside = Table.grid(padding=(0, 1))
            beside.add_row(categories, Group(*side))
            console.print(beside)
    if status.runs:
        console.print(_runs(status.runs))
    console.print(
        facts(
            [
                ("digest", f"{status.digest[:SHORT_DIGEST]}…"),
                ("database", f"PostgreSQL {status.postgresql}, {where}"),
                ("objects", places["objects"]),
                ("home", places["home"]),
            ]
        )
    )
    console.print()


def _heading(status: CollectionStatus) -> RenderableType:
    numbers = [
        (f"{status.artworks:,}", "artworks"),
        (f"{status.artists:,}", "artists"),
        (f"{status.images:,}", "images"),
        (size(status.image_bytes), "stored"),
    ]
    if status.site is None and len(status.sites) > 1:
        numbers.append((f"{len(status.sites):,}", "sites"))
    if status.gone:
        numbers.append((f"{status.gone:,}", "gone from their site"))
    line = Text()
    if status.site is not None:
        line.append(f"{status.site}   ", style="bold magenta")
    for count, noun in numbers:
        line.append(count, style=f"bold {ACCENT}")
        line.append(f" {noun}   ")
    return line


def _block(title: str, content: RenderableType) -> Panel:
    return Panel(
        content,
        title=f"[bold]{title}[/]",
        title_align="left",
        border_style="bright_black",
        padding=(0, 1),
    )


def _states(kinds: Mapping[str, Mapping[str, int]]) -> RenderableType:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim")
    grid.add_column()
    grid.add_column(justify="right")
    for kind, states in kinds.items():
        grid.add_row(kind, stacked_bar(states), f"{sum(states.values()):,}")
    shown = {state for states in kinds.values() for state, rows in states.items() if rows}
    key = Text()
    for state, style in STATE_STYLES.items():
        if state in shown:
            rows = sum(states.get(state, 0) for states in kinds.values())
            key.append("■ ", style=style)
            key.append(f"{rows:,} {state}   ", style="dim")
    return Group(grid, key) if shown else Text("nothing crawled yet", style="dim")


def stacked_bar(states: Mapping[str, int], width: int = BAR_WIDTH) -> Text:
    """Return a bar with a part per state; what is there at all is never narrower than a cell."""
    total = sum(states.values())
    bar = Text()
    if not total:
        return Text("╌" * width, style="bright_black")
    present = [(state, states[state]) for state in STATE_STYLES if states.get(state)]
    widths = {state: max(1, round(rows * width / total)) for state, rows in present}
    widest = max(widths, key=widths.__getitem__)
    widths[widest] += width - sum(widths.values())
    for state, cells in widths.items():
        bar.append("━" * cells, style=STATE_STYLES[state])
    return bar


def _categories(categories: Mapping[str, int]) -> RenderableType:
    most = max(categories.values())
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True, max_width=28, overflow="ellipsis")
    grid.add_column()
    grid.add_column(justify="right")
    for name, works in list(categories.items())[:MOST_CATEGORIES]:
        length = max(1, round(works * BAR_WIDTH / 2 / most))
        grid.add_row(Text(name), Text("▪" * length, style=ACCENT), f"{works:,}")
    left_out = len(categories) - MOST_CATEGORIES
    if left_out > 0:
        grid.add_row(Text(f"and {left_out} more", style="dim"))
    return grid


def _failures(status: CollectionStatus) -> RenderableType:
    if not status.failures:
        return Text("none", style="green")
    grid = Table.grid(padding=(0, 2))
    grid.add_column(justify="right", style="red")
    grid.add_column()
    for reason, rows in status.failures.items():
        grid.add_row(f"{rows:,}", reason)
    cure = Text("artworks failures", style="bold")
    cure.append(" says more", style="not bold dim")
    return Group(grid, cure)


def _runs(runs: Sequence[RunSummary]) -> RenderableType:
    return table(
        "",
        ("Last crawls", "Site", "Started", "Took", "Ended"),
        [
            (
                Text(f"#{run.id}"),
                run.site,
                ago(run.started_at),
                "" if run.seconds is None else duration(run.seconds),
                run.finish_reason or "under way, or killed",
            )
            for run in runs
        ],
    )


def _lines(status: CollectionStatus, places: Mapping[str, str]) -> Iterable[tuple[str, object]]:
    if status.site is not None:
        yield "site", status.site
    yield "artworks", number(status.artworks)
    yield "artists", number(status.artists)
    yield "images", number(status.images)
    yield "image_bytes", number(status.image_bytes)
    for name, counts in {
        "pages": status.pages,
        "image_addresses": status.image_addresses,
        "categories": status.categories,
        "failures": status.failures,
        "results": status.results,
    }.items():
        for key, count in counts.items():
            yield f"{name} {key}", number(count)
    yield "digest", status.digest
    yield "schema", status.schema
    yield from places.items()
