"""What is missing where nothing can be learned: the labels that there are, and the cure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches
from typing import Final

from sqlalchemy import Connection, text

from analysis.errors import WrongDataset
from analysis.evaluation.relevance import Numbers
from analysis.labels.dataset import DatasetQuery
from analysis.labels.datasets.balancing import BEYOND_MOST, SMALL_CLASSES
from analysis.labels.datasets.origins import has_terms, said_by, said_values
from analysis.labels.heads import Head
from analysis.reports.query import SHOWN, Query, counted

NAMED: Final = 12
"""Labels that a refusal names at most."""

_SIZES = """
    WITH {shown}, {said}
    SELECT s.label, count(DISTINCT w.image_id) AS images
    FROM shown w JOIN said s ON s.artwork_id = w.id
    WHERE s.label IS NOT NULL
    GROUP BY s.label ORDER BY images DESC, s.label
"""


def label_sizes(
    connection: Connection,
    head: Head,
    *,
    weak: bool = False,
    bins: Sequence[int] = (),
    asked: Query | None = None,
) -> dict[str, int]:
    """Return the labels that works have with their images, the largest first.

    What people correct is not among them, nor is anything merged.
    """
    values = {**(asked or Query()).parameters, **said_values(head, bins=bins)}
    statement = text(_SIZES.format(shown=SHOWN, said=said_by(head, weak=weak, bins=bins)))
    return {row.label: row.images for row in connection.execute(statement, values)}


def check_named(
    connection: Connection,
    head: Head,
    query: DatasetQuery,
    named: Collection[str],
    here: Collection[str],
) -> None:
    """Raise WrongDataset where a label is to be renamed or chosen that no work has: a slip.

    `here` are the labels of the images that the query finds.
    """
    unknown = sorted(set(named) - set(here))
    if not unknown:
        return
    # A list of new names may serve several sites.
    anywhere = label_sizes(
        connection, head, weak=has_terms(head) and not query.bins, bins=query.bins
    )
    for label in unknown:
        if label not in anywhere:
            near = get_close_matches(label, sorted(anywhere), n=3)
            there = f"there are {_named(anywhere)}." if anywhere else "there is none."
            meant = f"did you mean {' or '.join(near)}?" if near else there
            raise WrongDataset(f'"{label}" is asked for, and no {head.name} has this name: {meant}')


def nothing_said(connection: Connection, head: Head, query: DatasetQuery) -> str:
    """Say that no image that is asked for has a label, and which there are otherwise."""
    anywhere = label_sizes(connection, head, bins=query.bins)
    if anywhere:
        return (
            f"no work that is asked for has a picture and a {head.name}: ask for fewer terms, more "
            f"years or another site; all works together have {_named(anywhere)}."
        )
    if not query.weak and has_terms(head) and not query.bins:
        inherited = label_sizes(connection, head, weak=True, bins=query.bins)
        if inherited:
            return (
                f"works have a {head.name} from the page of their artist only, which says what the "
                f"artist did, not what a picture is: --weak learns from it ({_named(inherited)})."
            )
    return (
        f"no stored work with a picture has a {head.name}: {_cure(head)}, say it with `artworks "
        f"label IMAGE --yes {head.name}=…`, or try it with `artworks demo`."
    )


def _cure(head: Head) -> str:
    if not has_terms(head):
        return f"crawl a site whose profile finds the {head.name} (docs/sites.md)"
    others = " or the years" if head.source == "period" else ""
    return (
        f"crawl a site whose profile finds some{others} ([artwork.terms] with `{head.name}`, see "
        "docs/sites.md)"
    )


def too_few(
    query: DatasetQuery, counts: Numbers, names: Sequence[str], reasons: Mapping[str, int]
) -> str:
    """Say that fewer than two labels have enough images, which there are, and what was left out.

    `counts` are the groups of look-alikes of each label of `names`.
    """
    found = sorted(zip(names, counts.tolist(), strict=True), key=lambda one: (-one[1], one[0]))
    need = counted(query.min_support, "image")
    left = [
        f"{count:,} {reason.replace('_', ' ')}"
        for reason, count in reasons.items()
        if count and reason not in (SMALL_CLASSES, BEYOND_MOST)
    ]
    also = f" (left out: {', '.join(left)})" if left else ""
    there = f"there are {_named(dict(found))}" if found else "there is none"
    return (
        f"to learn a {query.head}, two labels or more need {need} each that do not look the same, "
        f"and {there}{also}: crawl more works, widen the query, or lower --min-support."
    )


def _named(sizes: Mapping[str, int]) -> str:
    """Name labels with their sizes, NAMED at most."""
    told = ", ".join(f"{label} {count:,}" for label, count in list(sizes.items())[:NAMED])
    more = f" and {len(sizes) - NAMED:,} more" if len(sizes) > NAMED else ""
    return f"{told}{more}"
