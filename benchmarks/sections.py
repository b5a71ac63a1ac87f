"""Running a benchmark's sections: the command line, the tables, and whether targets are met."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack

from rich.console import Console
from rich.table import Table

from benchmarks.analysing.collection import Workshop, workshop
from benchmarks.analysing.figures import Section

Measure = Callable[[Callable[[], Workshop]], Sequence[Section]]
"""Measures one section; calls its argument where it needs a collection."""


def run_sections(
    description: str | None,
    sizes: Mapping[str, Mapping[str, Measure]],
    arguments: Sequence[str] | None = None,
) -> int:
    """Measure what the command line asks for; return 1 where a target is missed.

    Args:
        description: of the benchmark, for `--help`.
        sizes: the sections by name, under the name of a size; the first one is the default, the
            others are options.
        arguments: of the command line.
    """
    default = next(iter(sizes))
    names = list(sizes[default])
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--sections", default=",".join(names), help="some of them, separated by commas"
    )
    size = parser.add_mutually_exclusive_group()
    for name in sizes:
        what = "the size that targets are for (default)" if name == default else f"{name} sizes"
        size.add_argument(
            f"--{name}", dest="size", action="store_const", const=name, default=default, help=what
        )
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    options = parser.parse_args(arguments)
    chosen = [name for name in options.sections.split(",") if name]
    if unknown := [name for name in chosen if name not in names]:
        parser.error(f"no section {', '.join(unknown)}: choose from {', '.join(names)}")

    sections: list[Section] = []
    with ExitStack() as stack:
        opened: list[Workshop] = []

        def place() -> Workshop:
            if not opened:
                opened.append(stack.enter_context(workshop()))
            return opened[0]

        for name in chosen:
            found = sizes[options.size][name](place)
            for section in found:
                show(section)
            sections += found
    figures = [figure for section in sections for figure in section.figures]
    if options.json:
        print(json.dumps({figure.name: figure.value for figure in figures}))
    missed = [figure for figure in figures if figure.missed]
    for figure in missed:
        Console(stderr=True).print(f"missed: {figure.name} {figure.shown}, target {figure.target}")
    return 1 if missed else 0


def show(section: Section) -> None:
    """Print what one section measured."""
    console = Console()
    console.print(section.title, style="bold", highlight=False)
    table = Table()
    table.add_column("what")
    table.add_column("measured", justify="right")
    table.add_column("target", justify="right")
    for figure in section.figures:
        style = "" if not figure.target else "red" if figure.missed else "green"
        table.add_row(figure.label, f"[{style}]{figure.shown}[/]" if style else figure.shown,
                      figure.target)  # fmt: skip
    console.print(table)
