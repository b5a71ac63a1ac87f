"""The jobs that there are, by name, in the order in which they run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

from analysis.errors import UnknownJob
from analysis.jobs import Job
from storage.database import Database

JobMaker: TypeAlias = Callable[[Database], Job]
"""Makes a job for a database: which model it runs may depend on what is the default there."""


# What a job is made of is imported when it is wanted, since some of it takes seconds.
def _colors(_database: Database) -> Job:
    from analysis.colors.job import COLORS

    return COLORS


def _features(_database: Database) -> Job:
    from analysis.colors.features import FEATURES

    return FEATURES


def _layout(_database: Database) -> Job:
    from analysis.similarity.layouts import LAYOUT

    return LAYOUT


def _embeddings(_database: Database) -> Job:
    from analysis.embeddings.job import embeddings_job

    return embeddings_job()


def _color_class(database: Database) -> Job:
    from analysis.colors.classes.job import color_class_job

    return color_class_job(database)


def _duplicates(_database: Database) -> Job:
    from analysis.duplicates.job import duplicates_job

    return duplicates_job()


def _projection(database: Database) -> Job:
    from analysis.similarity.learned.job import projection_job

    return projection_job(database)


def _index(_database: Database) -> Job:
    from analysis.similarity.indexes.job import index_job

    return index_job()


def _look_alikes(_database: Database) -> Job:
    from analysis.duplicates.look_alikes import look_alikes_job

    return look_alikes_job()


def _clusters(_database: Database) -> Job:
    from analysis.clusters.job import clusters_job

    return clusters_job()


def _map(_database: Database) -> Job:
    from analysis.map.job import map_job

    return map_job()


def _outliers(_database: Database) -> Job:
    from analysis.outliers.job import outliers_job

    return outliers_job()


JOBS: Mapping[str, JobMaker] = MappingProxyType(
    {
        "colors": _colors,
        "features": _features,
        "layout": _layout,
        "embeddings": _embeddings,
        "color-class": _color_class,
        "duplicates": _duplicates,
        "projection": _projection,
        "index": _index,
        "look-alikes": _look_alikes,
        "clusters": _clusters,
        "map": _map,
        "outliers": _outliers,
    }
)
"""Whatever looks at results of other jobs comes after them."""


def check_name(name: str) -> None:
    """Raise UnknownJob, naming the jobs that there are, unless this is one of them."""
    if name not in JOBS:
        raise UnknownJob(f'there is no job "{name}": choose from {", ".join(sorted(JOBS))}.')


def make_job(name: str, database: Database) -> Job:
    """Return the job of this name, for this database. Raises UnknownJob."""
    check_name(name)
    return JOBS[name](database)
