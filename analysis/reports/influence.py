"""The report `influence`: which later works look like which earlier ones, beyond chance."""

from __future__ import annotations

from analysis.influence.strength import LEVEL
from analysis.influence.table import Influence, find_influence
from analysis.influence.works import STEP
from analysis.plots.influence_chart import draw_influence as influence_chart
from analysis.plots.page import compose_page
from analysis.reports.archive import Picture
from analysis.reports.drawing import Drawn, Options, Sources
from analysis.reports.periods import WIDEST
from analysis.reports.query import counted

DEFAULT_BY = "style"


def draw_influence(sources: Sources, options: Options) -> Drawn:
    """Draw likeness in time by style, nationality, … or period. Raises what its table raises."""
    by, step = options.by or DEFAULT_BY, options.step or STEP
    with sources.reading() as connection:
        influence = find_influence(connection, options.query, by=by, step=step)
    gathered = influence.gathered
    heading = f"{str(options.query) or 'The collection'}: likeness in time by {by}"
    pairs = counted(len(influence.table.pairs), "pair")
    beyond = f"{len(influence.found) or 'none'} of {pairs} beyond chance"
    line = f"{counted(len(gathered.works), 'dated work')}  ·  {beyond}"
    page = compose_page(influence_chart(influence), heading, line, _notes(influence))
    return Drawn(
        (Picture(f"influence-{by}", page),),
        counts={
            "works": len(gathered.works),
            "of": gathered.of,
            "undated": gathered.undated,
            "vague": gathered.vague,
            "ungrouped": gathered.ungrouped,
            "cohorts": len(influence.table.cohorts),
            "pairs": len(influence.table.pairs),
            "found": len(influence.found),
        },
        models=(gathered.model.label.replace("/", " ", 1),),
        settings={
            "by": by,
            "step": step,
            "least_works": influence.least,
            "deals": influence.table.deals,
            "level": LEVEL,
            "pairs": influence.rows(),
        },
    )


def _notes(influence: Influence) -> tuple[str, ...]:
    gathered, table = influence.gathered, influence.table
    period = influence.by == "period"
    dealt = "the years of all earlier works" if period else f"each period's {influence.by}"
    lines = "" if period else " Blue lines lead to another group, grey ones to a group's own past."
    left = [
        f"{counted(gathered.undated, 'work')} without a year" if gathered.undated else "",
        f"{counted(gathered.vague, 'work')} dated to more than {max(WIDEST, gathered.step)} years"
        if gathered.vague
        else "",
        f"{counted(gathered.ungrouped, 'work')} without a {influence.by}"
        if gathered.ungrouped
        else "",
    ]
    missing = ", ".join(part for part in left if part)
    drawn = ""
    if len(gathered.works) < gathered.of:
        drawn = f"{len(gathered.works):,} of {counted(gathered.of, 'work')} were drawn by lot."
    further = ""
    if gathered.further:
        further = f"{counted(gathered.further, 'smaller group')} not compared."
    rest = (f"Left out: {missing}." if missing else "", further, drawn)
    return (
        "Likeness in time, which is no proof of influence: a line says that of the works nearest "
        "to those of a later time, of other artists, more are of an earlier group than chance has "
        f"it.{lines}",
        f"Chance: {dealt} dealt anew {table.deals:,} times, those of one artist together.",
        f"{counted(len(table.cohorts), 'cohort')} of {influence.least} works or more were "
        f"compared; of collections in which names mean nothing, {LEVEL:.0%} would show a line.",
        " ".join(part for part in rest if part),
    )
