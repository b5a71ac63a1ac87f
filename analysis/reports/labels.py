"""The report `labels`: how many works have which labels, and which labels go together."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image

from analysis.errors import NothingToShow
from analysis.labels.distribution.counts import HeadLabels, find_labels
from analysis.labels.distribution.together import Together, find_together
from analysis.plots.label_charts import draw_imbalance, draw_labels, draw_together, stacked
from analysis.plots.page import compose_page
from analysis.reports.archive import Picture
from analysis.reports.drawing import Drawn, Options, Sources
from analysis.reports.query import counted

SHOWN = 24
"""Labels of a head that a picture has room for."""
LEAST_SIZES = 3
"""Fewest labels whose sizes make a curve."""


def draw_label_report(sources: Sources, options: Options) -> Drawn:
    """Draw the labels of each head that has some, and with --by how they go with that head's.

    Without it, labels of heads of which a work has several are shown beside each other. Raises
    WrongHead and NothingToShow, with the cure.
    """
    with sources.reading() as connection:
        heads = find_labels(connection, options.query, top=SHOWN)
        tables = []
        left_out: dict[str, str] = {}
        by = {head.head: head for head in heads}
        if options.by is not None and options.by not in by:
            by |= {options.by: find_labels(connection, options.query, [options.by], top=SHOWN)[0]}
        for head in heads:
            other = by[options.by] if options.by is not None else head
            if head.head == other.head and head.mode == "single":
                continue
            try:
                tables.append(find_together(connection, head, other, options.query))
            except NothingToShow as error:
                left_out[f"{head.head}-by-{other.head}"] = str(error)
    what = str(options.query)
    return Drawn(
        (
            *(Picture(f"labels-{head.head}", labels_page(head, what)) for head in heads),
            *(
                Picture(f"labels-{one.head}-by-{one.by}", together_page(one, what))
                for one in tables
            ),
        ),
        counts={
            "works": heads[0].works,
            **{f"labelled_{head.head}": head.labelled for head in heads},
        },
        settings={
            "by": options.by,
            "labels": {head.head: head.classes for head in heads},
            "imbalance": {head.head: round(head.imbalance, 6) for head in heads},
            "effective": {head.head: round(head.effective, 6) for head in heads},
        },
        left_out=left_out,
    )


def labels_page(head: HeadLabels, what: str = "") -> Image.Image:
    """Return a page with the sizes of a head's labels; `what` says of which works."""
    charts = [draw_labels(head)]
    if head.classes >= LEAST_SIZES:
        charts.append(draw_imbalance(head))
    heading = f"{what or 'The collection'}: {head.head}"
    line = (
        f"{head.labelled:,} of {counted(head.works, 'work')}  ·  {counted(head.classes, 'label')}"
    )
    return compose_page(stacked(charts), heading, line, labels_notes(head))


def together_page(found: Together, what: str = "") -> Image.Image:
    """Return a page with how often the labels of two heads are said of one work."""
    what_of = (
        f"{found.head} and {found.by}"
        if found.head != found.by
        else (f"what goes with which {found.head}")
    )
    return compose_page(
        draw_together(found),
        f"{what or 'The collection'}: {what_of}",
        counted(found.works, "work"),
        (
            f"A row is a {found.head}, a column a {found.by}, and a number the works that have "
            "both. Blue: oftener than by chance, four times or more in the darkest shade; orange: "
            "more seldom, where chance would have made it five works or more.",
        ),
    )


def labels_notes(head: HeadLabels) -> Sequence[str]:
    """Say what a chart of labels shows, and what it leaves out."""
    parts = [
        "A bar is the works whose page, import or corrections say so; pale: only the page of the "
        "artist does. Shares are of the labelled works"
        + (", which may have several labels." if head.several else "."),
        f"The largest has {head.imbalance:,.1f} times the works of the smallest; {head.classes:,} "
        f"labels as unequal as these are as hard to guess as {head.effective:,.1f} equal ones.",
        f"{counted(head.further, 'smaller label')} not shown." if head.further else "",
        f"{counted(head.dropped, 'label')} of too few works not counted." if head.dropped else "",
    ]
    return (" ".join(part for part in parts if part),)
