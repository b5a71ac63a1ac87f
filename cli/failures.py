"""`artworks failures`: what went wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from cli.console import (
    ACCENT,
    ago,
    number,
    on_terminal,
    print_facts,
    print_json,
    print_table,
    remark,
    stdout,
)
from cli.opening import existing_database, load_settings, snapshot
from storage.errors import UsageError

if TYPE_CHECKING:
    from storage.failures import FailureGroup, FailureRow

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(failures)


def failures(
    site: Annotated[
        str | None, typer.Option("--site", metavar="NAME", help="This site only.")
    ] = None,
    reason: Annotated[
        str | None, typer.Option("--reason", metavar="CODE", help="This reason only.")
    ] = None,
    stage: Annotated[
        str | None, typer.Option("--stage", metavar="STEP", help="This step only: fetch, image …")
    ] = None,
    url: Annotated[
        str | None, typer.Option("--url", metavar="PART", help="Addresses that hold this.")
    ] = None,
    older_than: Annotated[
        str | None,
        typer.Option("--older-than", metavar="AGE", help="Failed last before: 90m, 12h, 7d, 2w."),
    ] = None,
    newer_than: Annotated[
        str | None,
        typer.Option("--newer-than", metavar="AGE", help="Failed last since: 90m, 12h, 7d, 2w."),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Those that were resolved later as well.")
    ] = False,
    limit: Annotated[int, typer.Option("--limit", min=0, help="Show at most this many rows.")] = 20,
    retry: Annotated[
        bool,
        typer.Option(
            "--retry", help="Take what failed up again, also what would not be by itself."
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="With --retry: only tell how many that would be.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show why pages and images are missing, or take them up again.

    A crawl tries retryable failures again by itself; --retry is for the others, after the site or
    the profile was mended, and for images that a job of `artworks analyze` failed on.

    Example: `artworks failures --reason not_found --retry`
    """
    from analysis.outcomes import MEANINGS
    from crawler.reasons import REASONS
    from storage.failures import (
        Choice,
        failure_groups,
        failure_rows,
        parse_age,
        retry_analyses,
        retry_failures,
    )
    from storage.models import FAILURE_STAGES

    meanings = {**{code: told.meaning for code, told in REASONS.items()}, **MEANINGS}
    _check_known("reason", reason, list(meanings))
    _check_known("stage", stage, FAILURE_STAGES)
    if dry_run and not retry:
        raise UsageError("--dry-run is for --retry: add it, or leave --dry-run out.")
    choice = Choice(
        site=site,
        reason=reason,
        stage=stage,
        url=url,
        older_than=None if older_than is None else parse_age(older_than),
        newer_than=None if newer_than is None else parse_age(newer_than),
        resolved=everything,
    )
    with existing_database(load_settings()) as database:
        if retry:
            with database.begin() as connection:
                retried = retry_failures(connection, choice, dry_run=dry_run)
                analysed = retry_analyses(connection, choice, dry_run=dry_run)
            _tell_retried(retried, analysed, as_json, dry_run=dry_run)
            return
        with snapshot(database) as connection:
            groups = failure_groups(connection, choice)
            rows = failure_rows(connection, choice, limit=limit)
    if as_json:
        print_json(_failures_document(groups, rows, meanings))
        return
    _print_failures(groups, rows, meanings)


def _check_known(what: str, given: str | None, known: Sequence[str]) -> None:
    """Raise UsageError, with what may be meant, for a code that is none."""
    if given is not None and given not in known:
        from crawler.profile_problems import suggestion

        raise UsageError(f"no such {what} {given!r}{suggestion(given, list(known))}.")


def _tell_retried(retried: dict[str, int], analysed: int, as_json: bool, *, dry_run: bool) -> None:
    commands = [f"scrapy crawl artworks -a site={name}" for name in retried]
    if analysed:
        commands.append("artworks analyze")
    total = sum(retried.values())
    if as_json:
        print_json(
            {
                "dry_run": dry_run,
                "retried": total + analysed,
                "sites": retried,
                "analyses": analysed,
                "commands": commands,
            }
        )
        return
    verb = "would be taken up again" if dry_run else "taken up again"
    if not total + analysed:
        print_facts("", [(verb, "0 (nothing that failed matches)")])
        return
    print_facts(
        "",
        [
            *([(verb, f"{number(total)} pages and images")] if total else []),
            *(
                [(verb, f"{number(analysed)} image{'' if analysed == 1 else 's'} to analyse")]
                if analysed
                else []
            ),
            (
                "then run" if dry_run else "now run",
                "\n".join(commands) if on_terminal() else " && ".join(commands),
            ),
        ],
    )


def _failures_document(
    groups: list[FailureGroup], rows: list[FailureRow], meanings: dict[str, str]
) -> dict[str, Any]:
    by_reason: dict[str, dict[str, Any]] = {}
    for group in groups:
        entry = by_reason.setdefault(
            group.reason,
            {
                "reason": group.reason,
                "meaning": meanings.get(group.reason),
                "count": 0,
                "retryable": 0,
                "resolved": 0,
                "sites": {},
            },
        )
        entry["count"] += group.rows
        entry["retryable"] += group.retryable
        entry["resolved"] += group.resolved
        entry["sites"][group.site] = entry["sites"].get(group.site, 0) + group.rows
    return {
        "total": sum(group.rows for group in groups),
        "reasons": sorted(by_reason.values(), key=lambda e: (-e["count"], e["reason"])),
        "failures": [row.as_dict() for row in rows],
    }


def _print_failures(
    groups: list[FailureGroup], rows: list[FailureRow], meanings: dict[str, str]
) -> None:
    if not groups:
        if on_terminal():
            stdout().print(Text("Nothing is missing: no failures.", style="green"))
        return
    if on_terminal():
        print_table(
            "Failures by reason",
            ("Rows", "Reason", "Meaning", "Stage", "Site", "Again by itself", "Last"),
            [
                (
                    Text(f"{group.rows:,}", style="bold"),
                    Text(group.reason, style="red" if group.retryable else "yellow"),
                    Text(meanings.get(group.reason, ""), style="dim"),
                    group.stage,
                    group.site,
                    "yes" if group.retryable else "no",
                    ago(group.last_at),
                )
                for group in groups
            ],
            numbers=("Rows",),
            wrap=("Meaning",),
        )
    if not rows:
        return
    columns = ("Reason", "Site", "URL", "Detail", "Tried", "Retryable", "Resolved")
    with_resolved = not on_terminal() or any(row.resolved_at for row in rows)
    print_table(
        "Pages and images" if on_terminal() else "",
        columns if with_resolved else columns[:-1],
        [
            (
                row.reason,
                row.site,
                Text(row.url, style=ACCENT) if on_terminal() else row.url,
                row.detail,
                row.attempts,
                "yes" if row.retryable else "no",
                *([ago(row.resolved_at)] if with_resolved else []),
            )
            for row in rows
        ],
        numbers=("Tried",),
        wrap=("URL", "Detail"),
    )
    left_out = sum(group.rows for group in groups) - len(rows)
    if left_out > 0:
        remark(f"… and {left_out:,} more: --limit {len(rows) + left_out} shows them")
