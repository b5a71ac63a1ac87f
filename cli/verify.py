"""`artworks verify`: whether the database and the object store agree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from cli.console import (
    ACCENT,
    number,
    on_terminal,
    print_facts,
    print_json,
    print_table,
    progress,
    remark,
    size,
    stdout,
)
from cli.opening import existing_database, load_settings
from storage.errors import ExitCode

if TYPE_CHECKING:
    from storage.verification import Finding
    from storage.verify import Report, Tell

# How many findings of each code are listed, unless --limit says otherwise.
EXAMPLES = 5
EXAMPLES_IN_JSON = 1000
DOING = {
    "records": "rows",
    "originals": "originals",
    "previews": "previews",
    "artifacts": "models and reports",
    "contents": "bytes",
}
STATE_STYLES = {"mended": "green", "queued": "yellow", "left": "red"}


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(verify)


def verify(
    repair: Annotated[bool, typer.Option("--repair", help="Mend what is safe to mend.")] = False,
    sample: Annotated[
        int | None,
        typer.Option("--sample", metavar="N", min=1, help="Read N images, taken at random."),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option("--seed", metavar="N", min=0, help="Take the same sample as that run did."),
    ] = None,
    full_hash: Annotated[
        bool, typer.Option("--full-hash", help="Read every byte, and hash it.")
    ] = False,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit",
            metavar="N",
            min=0,
            help=f"List at most N findings of each code (default: {EXAMPLES}, with --json "
            f"{EXAMPLES_IN_JSON}).",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Compare the database with the object store, both ways.

    Rows without their object, objects without a row, wrong sizes, leases of crawls that are gone:
    docs/verify.md explains each finding. Without --full-hash or --sample, no object is read. It may
    run beside a crawl; exit code 5 says that something does not agree.

    Example: `artworks verify --repair --full-hash`
    """
    from storage.objects import open_store
    from storage.verify import Scope, verify

    keep = limit if limit is not None else EXAMPLES_IN_JSON if as_json else EXAMPLES
    scope = Scope(full_hash=full_hash, sample=sample)
    if seed is not None:
        scope = Scope(full_hash=full_hash, sample=sample, seed=seed)
    settings = load_settings()
    store = open_store(settings.objects_location)
    with existing_database(settings) as database, progress() as bars:
        task = bars.add_task("", total=None)

        def tell(doing: str, done: int, total: int) -> None:
            # A listing may hold more than the rows: the bar is never more than full.
            bars.update(
                task,
                description=f"comparing {DOING[doing]}",
                completed=done,
                total=max(done, total) or None,
            )

        shown: Tell = tell
        report = verify(database, store, scope, repair=repair, keep=keep, tell=shown)
    if as_json:
        print_json(report.as_dict())
    else:
        _print_report(report)
    if not report.is_clean:
        raise typer.Exit(int(ExitCode.MISMATCH))


def _print_report(report: Report) -> None:
    checked = report.checked()
    rows = [
        ("images", number(checked["images"])),
        ("objects", f"{number(checked['objects'])} ({size(checked['object_bytes'])})"),
    ]
    if report.scope.reads:
        rows.append(("read", f"{number(checked['read'])} ({size(checked['read_bytes'])})"))
    if checked["seed"] is not None:
        rows.append(("sample", f"--sample {checked['sample']} --seed {checked['seed']}"))
    if checked["objects_too_young"]:
        young = number(checked["objects_too_young"])
        rows.append(("not judged", f"{young} objects of a crawl that is running"))
    rows.append(("findings", number(report.counts.total())))
    print_facts("Verified", rows)
    if not report.counts:
        if on_terminal():
            stdout().print(Text("Database and object store agree.", style="green"))
        return
    _print_codes(report)
    _print_findings(report)
    if report.sites:
        sites = " && ".join(
            f"scrapy crawl artworks -a site={name}" for name in sorted(report.sites)
        )
        remark(f"what is queued is mended by: {sites}")
    elif not report.is_repair:
        remark("artworks verify --repair mends what is safe to mend")


def _print_codes(report: Report) -> None:
    from storage.verification import CODES

    columns = ("Found", "Code", "Meaning", "Mended", "Queued", "Left")
    rows = []
    for code, known in CODES.items():
        if count := report.counts[code]:
            style = "red" if known.is_mismatch else "yellow"
            states = (report.states[code, state] for state in STATE_STYLES)
            rows.append(
                (
                    Text(number(count), style="bold"),
                    Text(code, style=style),
                    Text(f"{known.meaning} {'' if report.is_repair else known.cure}".strip()),
                    *(states if report.is_repair else ()),
                )
            )
    print_table(
        "Findings by code" if on_terminal() else "",
        columns if report.is_repair else (*columns[:2], "Meaning and what --repair does"),
        rows,
        numbers=("Found", "Mended", "Queued", "Left"),
        wrap=("Meaning", "Meaning and what --repair does"),
    )


def _print_findings(report: Report) -> None:
    shown: list[tuple[Finding, str, str]]
    if report.is_repair:
        shown = [(one.finding, one.state, one.told) for one in report.repaired]
    else:
        shown = [(finding, "", "") for finding in report.findings]
    if not shown:
        return
    columns = ("Code", "What", "Detail", "State", "What was done")
    print_table(
        "What was found" if on_terminal() else "",
        columns if report.is_repair else columns[:3],
        [
            (
                finding.code,
                Text(finding.subject, style=ACCENT),
                finding.detail,
                *(
                    (Text(state, style=STATE_STYLES.get(state, "")), told)
                    if report.is_repair
                    else ()
                ),
            )
            for finding, state, told in shown
        ],
        wrap=("What", "Detail", "What was done"),
    )
    left_out = report.counts.total() - len(shown)
    if left_out > 0:
        remark(f"… and {left_out:,} more: --limit N lists N of each code")
