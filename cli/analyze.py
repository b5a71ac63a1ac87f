"""`artworks analyze`: jobs over what is stored, and what became of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from cli.console import ago, duration, number, on_terminal, print_json, print_table, remark
from cli.job_progress import job_progress
from cli.opening import existing_database, load_settings
from storage.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from analysis.engine import RunSummary
    from analysis.jobs import Job
    from analysis.overview import JobState
    from storage.database import Database
    from storage.objects import ObjectStore

ENGINES = ("local",)
STYLES = {"done": "green", "failed": "red", "interrupted": "yellow"}

LimitOption = Annotated[
    int | None, typer.Option("--limit", min=1, metavar="N", help="At most this many images.")
]
RedoOption = Annotated[
    bool, typer.Option("--redo", help="Look at images again that were looked at already.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(analyze)


def analyze(
    jobs: Annotated[
        list[str] | None, typer.Argument(metavar="[JOB]...", help="Jobs to run; default: all.")
    ] = None,
    listing: Annotated[
        bool, typer.Option("--list", help="List the jobs and how far they are; run none.")
    ] = False,
    limit: LimitOption = None,
    redo: RedoOption = False,
    engine: Annotated[
        str, typer.Option("--engine", metavar="NAME", help="What runs them: local, this process.")
    ] = "local",
    as_json: JsonOption = False,
) -> None:
    """Run analysis jobs over the stored images that they have not seen yet.

    Jobs asked for together share one read of each image. Stopped at any moment, they continue
    where they were. Images that a job failed on wait for `artworks failures --retry`.

    Example: `artworks analyze colors --limit 100`
    """
    from analysis.catalog import JOBS, check_name

    for name in jobs or ():
        check_name(name)
    if engine not in ENGINES:
        raise UsageError(
            f'there is no engine "{engine}": choose {" or ".join(ENGINES)}, or leave --engine out.'
        )
    names = list(dict.fromkeys(jobs or JOBS))
    if not listing:
        run_and_print(names, limit=limit, redo=redo, as_json=as_json, named=bool(jobs))
    elif limit is not None or redo:
        raise UsageError("--limit and --redo are for running jobs: leave --list out.")
    else:
        _list(names, as_json, named=bool(jobs))


def run_with_progress(
    database: Database,
    store: ObjectStore,
    jobs: Sequence[str | Job],
    *,
    limit: int | None = None,
    redo: bool = False,
) -> list[RunSummary]:
    """Run jobs, and show on standard error how they get on."""
    from analysis.engine import run_jobs

    with job_progress() as shown:
        return run_jobs(
            database,
            store,
            jobs,
            limit=limit,
            redo=redo,
            progress=shown.tell,
            announce=shown.announce,
        )


def run_and_print(
    jobs: Sequence[str | Job],
    *,
    limit: int | None,
    redo: bool,
    as_json: bool,
    named: bool = True,
) -> None:
    """Run jobs over the collection and print what became of them.

    Of jobs that nobody has named, those are left out that cannot run on this machine.

    Exits with 4 where images failed for which another try may help.
    """
    from storage.objects import open_store

    settings = load_settings()
    store = open_store(settings.objects_location)
    with existing_database(settings) as database:
        store.check()
        if named:
            _check_classifiers(database, jobs)
        jobs = _with_weights(jobs, named=named)
        summaries = run_with_progress(database, store, jobs, limit=limit, redo=redo)
    if as_json:
        print_json([summary.as_dict() for summary in summaries])
    else:
        _print_summaries(summaries)
    if any(summary.retryable for summary in summaries):
        raise typer.Exit(int(ExitCode.RETRYABLE_FAILURES))


def _with_weights(jobs: Sequence[str | Job], *, named: bool) -> list[str | Job]:
    """Return the jobs that can run: a run of all does without embeddings where it has to.

    Weights are fetched where the job is named, since only then somebody asked for them.
    """
    from analysis.embeddings import job as embeddings
    from analysis.errors import NetworkUnavailable

    if embeddings.NAME in jobs:
        try:
            embeddings.prepare(fetching=named)
        except NetworkUnavailable as error:
            if named:
                raise
            remark(f"{embeddings.NAME} left out: {error}")
            return [job for job in jobs if job != embeddings.NAME]
    return list(jobs)


def _check_classifiers(database: Database, jobs: Sequence[str | Job]) -> None:
    """Raise NoClassifier where labels are named and nothing was trained that could tell any.

    A run of all jobs has no such job then.
    """
    from analysis.catalog import LABELS
    from analysis.labels.labelling.job import require_classifiers

    if LABELS in jobs:
        require_classifiers(database)


def _print_summaries(summaries: Sequence[RunSummary]) -> None:
    print_table(
        "",
        ("Job", "Model", "Done", "Empty", "Failed", "Seconds", "Reasons"),
        [
            (
                summary.job,
                f"{summary.model} {summary.version}",
                number(summary.done),
                number(summary.empty),
                number(summary.failed),
                f"{summary.seconds['total']:.1f}",
                _pairs(summary.reasons),
            )
            for summary in summaries
        ],
        numbers=("Done", "Empty", "Failed", "Seconds"),
        wrap=("Reasons",),
    )
    for summary in summaries:
        if not summary.images:
            said = "nothing new to look at (see --redo)"
        else:
            rate = summary.images / max(summary.seconds["total"], 1e-9)
            said = f"{rate:,.0f} images/s in {duration(summary.seconds['total'])}"
            said += f", shared with {', '.join(summary.shared_with)}" if summary.shared_with else ""
        told = _pairs({name: value for name, value in summary.details.items() if value})
        if told or not summary.images or on_terminal():
            remark(f"{summary.job}: {said}{f'; {told}' if told else ''}")
    if any(summary.retryable for summary in summaries):
        remark("images may go through when they are tried again: artworks failures --retry")


def _pairs(values: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())


def _list(names: Sequence[str], as_json: bool, *, named: bool) -> None:
    from analysis.overview import job_states

    with existing_database(load_settings()) as database:
        if named:
            _check_classifiers(database, names)
        states = job_states(database, names)
    if as_json:
        print_json([state.as_dict() for state in states])
        return
    print_table(
        "",
        ("Job", "Model", "Done", "Empty", "Failed", "Pending", "Last run", "When", "Images/s"),
        [
            (
                state.job,
                f"{state.model} {state.version}".strip(),
                *(
                    "" if images is None else number(images)
                    for images in (state.done, state.empty, state.failed, state.pending)
                ),
                *_last_run(state),
            )
            for state in states
        ],
        numbers=("Done", "Empty", "Failed", "Pending", "Images/s"),
        wrap=("Model",),
    )
    for state in states:
        if state.unavailable is not None:
            remark(f"{state.job} cannot run here: {state.unavailable}")
    if on_terminal() and any(state.failed for state in states):
        remark("why images failed, and how to try them again: artworks failures --stage analysis")


def _last_run(state: JobState) -> tuple[Text | str, str, str]:
    last = state.last
    if last is None:
        return ("never", "", "") if on_terminal() else ("", "", "")
    said = Text(last.state, style=STYLES.get(last.state, "")) if on_terminal() else last.state
    return said, ago(last.started_at), "" if last.rate is None else f"{last.rate:.0f}"
