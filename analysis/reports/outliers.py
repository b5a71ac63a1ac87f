"""The report `outliers`: works that do not belong, beside what they are nearest to."""

from __future__ import annotations

from analysis.errors import NothingToShow
from analysis.outliers.overview import oddest
from analysis.plots.outlier_sheet import outlier_sheet
from analysis.reports.archive import Picture
from analysis.reports.drawing import Drawn, Options, Sources

SHOWN = 16
"""Works of a report."""


def draw_outliers(sources: Sources, options: Options) -> Drawn:
    """Draw the oddest works by the default method."""
    with sources.reading() as connection:
        found = oddest(connection, options.query, top=SHOWN)
    if not found.found:
        raise NothingToShow("no work with a score fits: ask for fewer terms.")
    heading = f"{options.query}: what stands out" if str(options.query) else "What stands out"
    return Drawn(
        (Picture("outliers", outlier_sheet(sources.store, found, heading)),),
        counts={"images": found.images, "outliers": found.outliers, "shown": len(found.found)},
        models=tuple(label.replace("/", " ", 1) for label in (found.model, found.embedding)),
        settings={"method": found.method, "threshold": found.threshold},
        images=tuple(
            dict.fromkeys(
                sha256
                for odd in found.found
                for sha256 in (odd.sha256, *(one.sha256 for one in odd.neighbors))
            )
        ),
    )
