"""Drawing each kind of report: from the database to pages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, text

from analysis.errors import NothingToShow
from analysis.plots.class_charts import (
    draw_comparison,
    draw_confusion,
    draw_importance,
    draw_support,
)
from analysis.plots.color_distribution import draw_distribution as distribution_chart
from analysis.plots.color_time import FEW, draw_timeline
from analysis.plots.page import compose_page
from analysis.plots.palette_wall import draw_wall as wall_picture
from analysis.plots.work_page import draw_work_page
from analysis.reports.archive import Picture
from analysis.reports.classes import trained_classes
from analysis.reports.distribution import MOST_GROUPS, color_distribution
from analysis.reports.periods import WIDEST, color_timeline
from analysis.reports.query import Query, Selection, counted, select_works, years
from analysis.reports.wall import palette_wall
from analysis.reports.work import find_work
from storage.database import Database
from storage.errors import UsageError
from storage.objects import ObjectStore

GROUPED_BY = ("category", "style")
"""What dominant colours are told apart by where nothing is asked for."""


@dataclass(frozen=True)
class Options:
    """What is asked of a report besides its kind."""

    query: Query = field(default_factory=Query)
    work: str | None = None
    """SITE/SOURCE_ID, sha256 of an image, or a file."""
    order: str | None = None
    """How a wall is sorted."""
    by: str | None = None
    """What dominant colours are told apart by."""
    step: int | None = None
    """Length of a period in years."""

    @property
    def given(self) -> set[str]:
        """The names of those that are given, as they are written on the command line."""
        values = {
            "WORK": self.work,
            "--site": self.query.site,
            "--term": self.query.terms or None,
            "--from": self.query.year_from,
            "--to": self.query.year_to,
            "--sort": self.order,
            "--by": self.by,
            "--step": self.step,
        }
        return {name for name, value in values.items() if value is not None}


@dataclass(frozen=True)
class Drawn:
    """Pictures, and what they show."""

    pictures: tuple[Picture, ...]
    counts: Mapping[str, int]
    models: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Kinds of which there is nothing to show, and why."""
    images: tuple[str, ...] = ()
    """sha256 of the stored images that can be recognised in the pictures."""


@dataclass(frozen=True)
class Sources:
    """Where reports are drawn from."""

    database: Database
    store: ObjectStore

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a transaction that sees one moment's state."""
        with self.database.begin() as connection:
            connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
            yield connection


def draw_work(sources: Sources, options: Options) -> Drawn:
    """Draw one work with its palette."""
    if options.work is None:
        raise UsageError(
            "which work? Add SITE/SOURCE_ID, the sha256 of an image, or the path of a file."
        )
    work = find_work(sources.database, sources.store, options.work)
    return Drawn(
        (Picture("work", draw_work_page(work)),),
        counts={"works": 1},
        models=() if work.model is None else (work.model,),
        images=() if work.sha256 is None else (work.sha256,),
    )


def draw_wall(sources: Sources, options: Options) -> Drawn:
    """Draw the palettes of many works."""
    with sources.reading() as connection:
        selection = select_works(connection, options.query)
        wall = palette_wall(connection, sources.store, selection, order=options.order or "hue")
    order = {
        "hue": "They are sorted by hue, those with little colour last.",
        "lightness": "They are sorted from light to dark.",
        "year": "They are sorted by year.",
    }[wall.order]
    shown = len(wall.columns)
    drawn = "The works that are shown were drawn by lot." if shown < wall.of else ""
    page = compose_page(
        wall_picture(wall),
        selection.heading,
        _line(selection, shown, of=wall.of),
        (
            "Above, the colours of all works together, each name in its shades. Below, a column "
            "is a work: its colours from light to dark, each as high as its share of the picture. "
            f"{order} {drawn}",
            selection.missing,
        ),
    )
    return Drawn(
        (Picture("palette-wall", page),),
        _counts(selection) | {"shown": shown},
        (selection.model,),
        {"sort": wall.order},
        images=tuple(dict.fromkeys(one.sha256 for one in wall.columns if one.sha256)),
    )


def draw_time(sources: Sources, options: Options) -> Drawn:
    """Draw the colours of each period."""
    with sources.reading() as connection:
        selection = select_works(connection, options.query)
        timeline = color_timeline(connection, selection, step=options.step)
    notes = (
        f"Each work counts with the shares of its palette, for the {_stretch(timeline.step)} in "
        "which the middle of its years lies. A colour is shown in its shades, light above dark.",
        _not_shown(timeline.undated, timeline.vague),
        f"* fewer than {FEW} works" if min(p.works for p in timeline.periods) < FEW else "",
        selection.missing,
    )
    heading = f"{selection.heading}: colours over time"
    page = compose_page(
        draw_timeline(timeline), heading, _line(selection, timeline.works), _joined(notes)
    )
    return Drawn(
        (Picture("color-time", page),),
        _counts(selection)
        | {"dated": timeline.works, "undated": timeline.undated, "vague": timeline.vague},
        (selection.model,),
        {"step": timeline.step},
    )


def draw_distribution(sources: Sources, options: Options) -> Drawn:
    """Draw the dominant colours of each category and style, or what is asked for."""
    if options.by is not None:
        return _distribution_by(sources, options, options.by)
    drawn = []
    missing: NothingToShow | None = None
    for by in GROUPED_BY:
        try:
            drawn.append(_distribution_by(sources, options, by))
        except NothingToShow as error:
            missing = error
    if missing is not None and not drawn:
        raise missing
    return join_drawn(drawn)


def _distribution_by(sources: Sources, options: Options, by: str) -> Drawn:
    with sources.reading() as connection:
        selection = select_works(connection, options.query)
        found = color_distribution(connection, selection, by=by)
    notes = (
        "A work counts with the colour that has the largest share of its first picture; numbers "
        "in the bars are works.",
        "" if by == "site" else f"A work of more than one {by} counts in each.",
        f"{counted(found.further, 'smaller group')} left out." if found.further else "",
        selection.missing,
    )
    heading = f"{selection.heading}: dominant colours by {by}"
    page = compose_page(
        distribution_chart(found), heading, _line(selection, selection.palettes), _joined(notes)
    )
    return Drawn(
        (Picture(f"color-distribution-{by}", page),),
        _counts(selection) | {f"groups_{by}": len(found.groups) + found.further},
        (selection.model,),
        {f"most_groups_{by}": MOST_GROUPS},
    )


def draw_classes(sources: Sources, _options: Options) -> Drawn:
    """Draw how the classifier of colours was trained, and how well it does."""
    with sources.reading() as connection:
        trained = trained_classes(connection)
    line = f"{trained.model}  ·  {counted(trained.examples, 'example')}"
    split = f"Cross-validated: {trained.split}." if trained.split else "Cross-validated."
    pages = (
        ("support", draw_support, "examples", ()),
        ("models", draw_comparison, "classifiers compared", (split, "In bold, the chosen one.")),
        ("importance", draw_importance, "what counts", (split,)),
        ("confusion", draw_confusion, "what is taken for what", (split,)),
    )
    return Drawn(
        tuple(
            Picture(
                f"classes-{name}",
                compose_page(draw(trained), f"Classes of colour: {heading}", line, _joined(notes)),
            )
            for name, draw, heading, notes in pages
        ),
        counts={"examples": trained.examples, "classes": len(trained.classes)},
        models=(trained.model,),
    )


def join_drawn(parts: list[Drawn]) -> Drawn:
    """Join drawn parts; of what several count or set, the later ones count."""
    counts: dict[str, int] = {}
    settings: dict[str, Any] = {}
    for part in parts:
        counts |= part.counts
        settings |= part.settings
    return Drawn(
        tuple(picture for part in parts for picture in part.pictures),
        counts,
        tuple(dict.fromkeys(model for part in parts for model in part.models)),
        settings,
        images=tuple(dict.fromkeys(image for part in parts for image in part.images)),
    )


def _counts(selection: Selection) -> dict[str, int]:
    return {"works": selection.works, "palettes": selection.palettes}


def _line(selection: Selection, shown: int, *, of: int | None = None) -> str:
    every = counted(shown if of is None else of, "work")
    parts = [every if of is None or of == shown else f"{shown:,} of {every}"]
    if selection.first_year is not None:
        parts.append(years(selection.first_year, selection.last_year))
    return "  ·  ".join(parts)


def _stretch(step: int) -> str:
    return {1: "year", 10: "decade", 100: "century"}.get(step, f"{step} years")


def _not_shown(undated: int, vague: int) -> str:
    parts = [
        f"{counted(undated, 'work')} without a year" if undated else "",
        f"{counted(vague, 'work')} dated to a span of more than {WIDEST} years" if vague else "",
    ]
    said = " and ".join(part for part in parts if part)
    return f"Not shown: {said}." if said else ""


def _joined(notes: tuple[str, ...]) -> tuple[str, ...]:
    return (" ".join(note for note in notes if note),)
