"""The reports that there are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from analysis.errors import NothingToShow
from analysis.reports.archive import Report
from analysis.reports.augmentation import draw_augmentation
from analysis.reports.classifier import draw_classifier
from analysis.reports.clusters import draw_clusters
from analysis.reports.drawing import (
    Drawn,
    Options,
    Sources,
    draw_classes,
    draw_distribution,
    draw_time,
    draw_wall,
    draw_work,
    join_drawn,
)
from analysis.reports.influence import draw_influence
from analysis.reports.labels import draw_label_report
from analysis.reports.mapped import draw_map
from analysis.reports.outliers import draw_outliers
from analysis.reports.query import check_query, select_works
from analysis.reports.similar import draw_similar
from analysis.reports.work import choose_work
from storage.database import Database
from storage.errors import UsageError
from storage.objects import ObjectStore


@dataclass(frozen=True)
class Kind:
    """A kind of report."""

    name: str
    what: str
    """What its pictures show, in a few words."""
    takes: frozenset[str]
    """Options that it understands, as they are written on the command line."""
    draw: Callable[[Sources, Options], Drawn]


def make_report(database: Database, store: ObjectStore, kind: str, options: Options) -> Report:
    """Draw a report; nothing is stored yet.

    Raises UsageError for an unknown kind, for options that it does not take, and for works, sites
    or terms that there are not; NothingToShow, with the cure, where the collection has nothing for
    it; ImageRejected for a file that is no image; ObjectStoreUnavailable and DatabaseUnavailable.
    """
    if kind not in KINDS:
        raise UsageError(f'there is no report "{kind}": choose from {", ".join(KINDS)}.')
    if strange := sorted(options.given - KINDS[kind].takes):
        takes = ", ".join(sorted(KINDS[kind].takes)) or "no options"
        raise UsageError(f"the report {kind} takes {takes}: leave {' and '.join(strange)} away.")
    drawn = KINDS[kind].draw(Sources(database, store), options)
    return Report(
        kind,
        drawn.pictures,
        query=options.query.as_dict() | ({"work": options.work} if options.work else {}),
        counts=drawn.counts,
        models=drawn.models,
        settings=drawn.settings,
        left_out=drawn.left_out,
        images=drawn.images,
    )


def _draw_everything(sources: Sources, options: Options) -> Drawn:
    """Draw what the collection allows, and say why the rest is missing."""
    with sources.reading() as connection:
        check_query(connection, options.query)
    drawn = []
    left_out: dict[str, str] = {}
    for kind in _PARTS:
        try:
            chosen = _with_work(sources, options) if "WORK" in kind.takes else options
            drawn.append(kind.draw(sources, chosen))
        except NothingToShow as error:
            left_out[kind.name] = str(error)
    if not drawn:
        raise NothingToShow(next(iter(left_out.values())))
    return replace(join_drawn(drawn), left_out=left_out)


def _with_work(sources: Sources, options: Options) -> Options:
    with sources.reading() as connection:
        selection = select_works(connection, options.query)
        return Options(options.query, work=choose_work(connection, selection))


_OF_WORKS = frozenset({"--site", "--term", "--from", "--to"})
_LIKES = frozenset({"WORK", "--site", "--term"})
_PARTS = (
    Kind("work", "a work with its palette", frozenset({"WORK"}), draw_work),
    Kind("palette-wall", "the palettes of many works", _OF_WORKS | {"--sort"}, draw_wall),
    Kind("color-time", "colours over time", _OF_WORKS | {"--step"}, draw_time),
    Kind(
        "color-distribution",
        "dominant colours by category, style, …",
        _OF_WORKS | {"--by"},
        draw_distribution,
    ),
    Kind(
        "color-classes",
        "the classifier of colours: examples, accuracy, importance, confusion",
        frozenset(),
        draw_classes,
    ),
)
KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            *_PARTS,
            Kind("similar", "a work and those most like it", _LIKES, draw_similar),
            Kind(
                "outliers",
                "works that do not belong, beside what they are nearest to",
                frozenset({"--site", "--term"}),
                draw_outliers,
            ),
            Kind(
                "clusters",
                "groups of works: how they were found, and what is in them",
                frozenset(),
                draw_clusters,
            ),
            Kind("map", "works where they lie by likeness", _OF_WORKS | {"--by"}, draw_map),
            Kind(
                "influence",
                "which later works look like which earlier ones, beyond chance",
                _OF_WORKS | {"--by", "--step"},
                draw_influence,
            ),
            Kind(
                "augmentation",
                "works beside the altered copies that networks learn from",
                _OF_WORKS | {"WORK"},
                draw_augmentation,
            ),
            Kind(
                "labels",
                "how many works have which labels, and which go together",
                _OF_WORKS | {"--by"},
                draw_label_report,
            ),
            Kind(
                "classifier",
                "a classifier of labels: measures, confusion, curves, errors",
                frozenset({"--by"}),
                draw_classifier,
            ),
            Kind("colors", "all of these that the collection allows", _OF_WORKS, _draw_everything),
        )
    }
)
