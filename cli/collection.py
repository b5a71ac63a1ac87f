"""`artworks init`, `status` and `export`: the collection as a whole."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from cli.console import (
    print_facts,
    print_json,
    progress,
    remark,
    stderr,
)
from cli.opening import existing_database, load_settings, redact, snapshot
from storage.errors import UsageError

if TYPE_CHECKING:
    from storage.export import Format

SiteOption = Annotated[str | None, typer.Option("--site", metavar="NAME", help="This site only.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(init)
    app.command()(status)
    app.command()(export)


def init(as_json: JsonOption = False) -> None:
    """Make the database's tables and the bucket or folder for images.

    Safe to repeat: what is there stays, and an older schema is brought up to date.

    Example: `artworks init`
    """
    from storage.database import Database
    from storage.objects import open_store
    from storage.status import schema_revision

    settings = load_settings()
    objects = settings.objects_location
    # The store is asked first: a wrong setting must not leave half of what was asked for.
    open_store(objects, create=True).check()
    with Database.open(settings) as database:
        with database.begin() as connection:
            before = schema_revision(connection)
        database.migrate()
        with database.begin() as connection:
            after = schema_revision(connection)
        name = database.name
    places = {
        "home": str(settings.home_path),
        "database": name,
        "embedded": settings.database_url is None,
        "objects": redact(objects),
        "schema": after,
        "migrated": before != after,
    }
    if as_json:
        print_json(places)
        return
    done = "made" if before is None else f"brought up from {before}" if before != after else "kept"
    print_facts(
        "Ready to collect",
        [
            ("home", places["home"]),
            ("database", f"{name}{' (embedded)' if places['embedded'] else ''}"),
            ("objects", places["objects"]),
            ("schema", f"{after} ({done})"),
        ],
    )


def status(site: SiteOption = None, as_json: JsonOption = False) -> None:
    """Count what is stored, what is pending and what failed.

    The digest is equal for equal collections, whenever and in however many runs they were made.

    Example: `artworks status --json | jq .artworks`
    """
    from cli.dashboard import print_status
    from storage.status import collection_status

    settings = load_settings()
    with existing_database(settings) as database:
        with snapshot(database) as connection:
            found = collection_status(connection, site)
        name = database.name
    if site is not None and not any(known.name == site for known in found.sites):
        known_sites = ", ".join(known.name for known in found.sites) or "none"
        raise UsageError(f"site {site!r} has not been crawled; crawled so far: {known_sites}.")
    places = {
        "home": str(settings.home_path),
        "database": name,
        "embedded": "yes" if settings.database_url is None else "no",
        "objects": redact(settings.objects_location),
    }
    if as_json:
        print_json({**found.as_dict(), **places, "embedded": settings.database_url is None})
    else:
        print_status(found, places)


def export(
    out: Annotated[
        str, typer.Argument(metavar="OUT", help="File to write (.csv, .jsonl), or - for stdout.")
    ],
    output_format: Annotated[
        str | None,
        typer.Option("--format", metavar="csv|jsonl", help="Format; default: by the file's name."),
    ] = None,
    site: SiteOption = None,
    category: Annotated[
        str | None, typer.Option("--category", metavar="NAME", help="This category only.")
    ] = None,
    safe: Annotated[
        bool,
        typer.Option(
            "--safe",
            help="CSV for spreadsheets: an apostrophe before cells that would run as a formula. "
            "Without it, cells hold exactly what the web said.",
        ),
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")] = False,
) -> None:
    """Write artworks with makers, terms, images and palettes to a file.

    CSV has one row per artwork, lists joined by "; ". JSONL has one nested object per line and
    loses nothing. Works are sorted by site and identifier, and the file appears when complete.

    Example: `artworks export artworks.csv --category landscape`
    """
    from storage.export import artwork_records, refuse_overwriting, replacing, writer_for

    to_stdout = out == "-"
    if not to_stdout:
        # Before a database is asked: a name that cannot be used is known at once.
        refuse_overwriting(Path(out), force=force)
    chosen = _format(out, output_format)
    if safe and chosen != "csv":
        raise UsageError("--safe is for CSV: leave it out, or add --format csv.")
    settings = load_settings()
    with ExitStack() as stack:
        database = stack.enter_context(existing_database(settings))
        connection = stack.enter_context(snapshot(database))
        bars = stack.enter_context(progress())
        task = bars.add_task("exporting", total=None)
        records = bars.track(
            artwork_records(connection, site=site, category=category), task_id=task
        )
        write = writer_for(chosen, safe=safe)
        if to_stdout:
            count = write(records, _utf8_stdout())
        else:
            with replacing(Path(out), force=force) as file:
                count = write(records, file)
    if not to_stdout:
        stderr().print(f"{count:,} artworks → {out}", style="bold")
    elif count == 0:
        remark("no artwork matches")


def _format(out: str, wanted: str | None) -> Format:
    known: dict[str, Format] = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
    if wanted is not None:
        for name in known.values():
            if wanted == name:
                return name
        raise UsageError(f"--format {wanted}: write csv or jsonl.")
    if out == "-":
        return "jsonl"
    found = known.get(Path(out).suffix.lower())
    if found is None:
        raise UsageError(f"{out}: end its name in .csv or .jsonl, or add --format csv|jsonl.")
    return found


def _utf8_stdout() -> TextIO:
    """Return stdout writing UTF-8 and line ends as they are, whatever the locale is."""
    import io

    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", newline="")
    return sys.stdout
