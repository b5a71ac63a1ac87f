"""The jobs that there are, by name, in the order in which they run.

One name, `labels`, stands for several jobs: one for each head of which a classifier is the default.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

from analysis.errors import UnknownJob
from analysis.jobs import Job
from analysis.labels.heads import HEADS
from storage.database import Database

JobMaker: TypeAlias = Callable[[Database], Job | tuple[Job, ...]]
"""Makes a job for a database, or those of one name: which models they run, and how many there are,
may depend on what is the default there."""

LABELS: Final = "labels"
"""The name of all jobs that label images; each is called `labels-<head>`."""


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


def _labels(database: Database) -> tuple[Job, ...]:
    from analysis.labels.labelling.job import label_jobs

    return label_jobs(database)


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
        LABELS: _labels,
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
    if name not in JOBS and _head_of(name) is None:
        raise UnknownJob(
            f'there is no job "{name}": choose from {", ".join(sorted(JOBS))}, or '
            f"{LABELS}-HEAD for one head."
        )


def make_jobs(name: str, database: Database) -> tuple[Job, ...]:
    """Return the jobs of this name, for this database; of `labels` there may be none.

    Raises UnknownJob, and NoClassifier where one head is named and nothing was trained for it.
    """
    check_name(name)
    head = _head_of(name)
    if head is not None:
        from analysis.labels.labelling.job import label_job

        return (label_job(database, head),)
    made = JOBS[name](database)
    return made if isinstance(made, tuple) else (made,)


def make_job(name: str, database: Database) -> Job:
    """Return the one job of this name, for this database.

    Raises UnknownJob, also where the name stands for several, and NoClassifier.
    """
    if name == LABELS:
        raise UnknownJob(f'"{name}" is one job for each head: name one, such as {name}-style.')
    (job,) = make_jobs(name, database)
    return job


def _head_of(name: str) -> str | None:
    """Return the head of the job `labels-<head>`."""
    head = name.removeprefix(f"{LABELS}-")
    return head if head != name and head in HEADS else None
