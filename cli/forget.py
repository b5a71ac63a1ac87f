"""`artworks forget`: taking something down, so that it does not come back."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.console import (
    ago,
    number,
    on_terminal,
    print_facts,
    print_json,
    print_table,
    progress,
    remark,
    size,
)
from cli.opening import existing_database, load_settings
from storage.errors import ObjectStoreUnavailable, UsageError

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from storage.database import Database
    from storage.forgettable import Target
    from storage.forgetting import Extent
    from storage.objects import ObjectStore

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
LARGEST_NUMBER = 2**63 - 1
TARGETS = "--artwork, --artist, --site, --image or --url"


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(forget)


def forget(
    artwork: Annotated[
        str | None,
        typer.Option("--artwork", metavar="SITE/SOURCE_ID|NUMBER", help="This work."),
    ] = None,
    artist: Annotated[
        str | None,
        typer.Option("--artist", metavar="NAME|NUMBER", help="All works of this artist."),
    ] = None,
    site: Annotated[
        str | None, typer.Option("--site", metavar="NAME", help="All works of this site.")
    ] = None,
    image: Annotated[
        str | None,
        typer.Option("--image", metavar="SHA256|NUMBER", help="This image; its works stay."),
    ] = None,
    url: Annotated[
        str | None, typer.Option("--url", metavar="PAGE", help="The work of this page.")
    ] = None,
    reason: Annotated[
        str | None, typer.Option("--reason", metavar="TEXT", help="Why; kept with the request.")
    ] = None,
    no_label: Annotated[
        bool, typer.Option("--no-label", help="Do not keep the title or name either.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would go, and change nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    listing: Annotated[bool, typer.Option("--list", help="Show what was taken down.")] = False,
    undo: Annotated[
        int | None,
        typer.Option(
            "--undo",
            metavar="NUMBER",
            min=1,
            max=LARGEST_NUMBER,
            help="Let it come back; nothing is restored by itself.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Take a work, an artist, a site or an image down, so that it does not come back.

    Rows, results and stored files go; what was taken down is remembered, and crawls leave it out.
    Images that other works show stay. Killed in between, the same command ends what it began.

    Example: `artworks forget --artwork demo/w0012 --reason "asked for by the artist" --dry-run`
    """
    targets = [given for given in (artwork, artist, site, image, url) if given is not None]
    if len(targets) + listing + (undo is not None) != 1:
        raise UsageError(f"say what is meant with one of {TARGETS}, or --list, or --undo NUMBER.")
    settings = load_settings()
    with existing_database(settings) as database:
        if listing:
            _list(database, as_json)
            return
        from storage.objects import open_store

        store = open_store(settings.objects_location)
        if undo is not None:
            _undo(database, store, undo, as_json)
            return
        with database.begin() as connection:
            target = _find(connection, artwork, artist, site, image, url)
        label = "" if no_label else target.label
        if not dry_run and not yes and not _may_ask(as_json):
            raise UsageError(
                f"{target} would be taken down, and nobody can be asked here: add --yes, or "
                "--dry-run to see what would go."
            )
        if dry_run or not yes:
            from storage.forgetting import survey

            extent = survey(database, target)
            if dry_run and as_json:
                print_json(_document(target, extent, dry_run=True))
                return
            _show(target, extent, "would go")
            if dry_run:
                return
            if not typer.confirm("Take it down?", err=True):
                remark("nothing was changed")
                return
        _forget(database, store, target, reason=reason, label=label, as_json=as_json)


def _find(
    connection: Connection,
    artwork: str | None,
    artist: str | None,
    site: str | None,
    image: str | None,
    url: str | None,
) -> Target:
    from crawler.extraction.artists import name_key
    from crawler.extraction.urls import url_fingerprint
    from storage import forgettable

    if artwork is not None:
        return forgettable.find_artwork(connection, artwork)
    if artist is not None:
        return forgettable.find_artist(connection, artist, name_key(artist))
    if site is not None:
        return forgettable.find_site(connection, site)
    if image is not None:
        return forgettable.find_image(connection, image)
    assert url is not None
    return forgettable.find_page(connection, url, url_fingerprint(url))


def _may_ask(as_json: bool) -> bool:
    return sys.stdin.isatty() and on_terminal() and not as_json


def _forget(
    database: Database,
    store: ObjectStore,
    target: Target,
    *,
    reason: str | None,
    label: str,
    as_json: bool,
) -> None:
    from storage.forgetting import forget, remove_objects
    from storage.reports import remove_reports

    # What cannot be deleted should be known before the rows are gone.
    store.check()
    taken = forget(database, target, reason=reason, label=label)
    with progress() as bars:
        task = bars.add_task("deleting files", total=len(taken.hashes))
        try:
            removed = remove_objects(store, taken.hashes, lambda: bars.advance(task))
            reports = remove_reports(database, store, taken.hashes)
        except ObjectStoreUnavailable as error:
            raise ObjectStoreUnavailable(
                f"{target} was taken down as number {taken.id}, and files of it are still stored "
                f"({error}): run the same command again."
            ) from error
    if as_json:
        document = _document(target, taken.extent, dry_run=False)
        removals = {"objects_removed": removed, "reports_removed": reports}
        print_json({"id": taken.id, **document, **removals})
        return
    _show(target, taken.extent, "gone")
    print_facts(
        "", [("files", number(removed)), ("reports", number(reports)), ("number", taken.id)]
    )
    remark(f"`artworks forget --undo {taken.id}` allows it again; --list shows what was taken down")


def _document(target: Target, extent: Extent, *, dry_run: bool) -> dict[str, Any]:
    return {"dry_run": dry_run, "target": asdict(target), **asdict(extent)}


def _show(target: Target, extent: Extent, verb: str) -> None:
    print_facts(
        "",
        [
            (verb, str(target)),
            ("works", number(extent.works)),
            ("artists", number(extent.artists)),
            ("images", f"{number(extent.images)} ({size(extent.image_bytes)})"),
            ("results", number(extent.results)),
            ("never asked for again", f"{number(extent.pages)} addresses"),
            ("stay, shown by other works", f"{number(extent.shared_images)} images"),
            ("stay, look alike", _look_alikes(extent)),
        ],
    )


def _look_alikes(extent: Extent) -> str:
    more = " (`artworks duplicates` shows them, --image takes them down)"
    return f"{number(extent.look_alikes)} images{more if extent.look_alikes else ''}"


def _list(database: Database, as_json: bool) -> None:
    from storage.forgotten import requests

    with database.begin() as connection:
        found = requests(connection)
    if as_json:
        print_json([request.as_dict() for request in found])
        return
    if not found:
        remark("nothing was taken down")
        return
    print_table(
        "Taken down",
        ("Number", "Kind", "Site", "Key", "Label", "Images", "Reason", "When"),
        [
            (
                request.id,
                request.kind,
                request.site,
                request.key,
                request.label,
                request.images,
                request.reason,
                ago(request.at),
            )
            for request in found
        ],
        numbers=("Number", "Images"),
        wrap=("Key", "Label", "Reason"),
    )


def _undo(database: Database, store: ObjectStore, request: int, as_json: bool) -> None:
    from storage.forgetting import undo

    undone = undo(database, store, request)
    commands = [f"scrapy crawl artworks -a site={name}" for name in undone.pages]
    pages = sum(undone.pages.values())
    if as_json:
        print_json(
            {
                "undone": request,
                "target": asdict(undone.target),
                "pages": undone.pages,
                "commands": commands,
            }
        )
        return
    print_facts(
        "",
        [
            ("may come back", str(undone.target)),
            ("asked for again", f"{number(pages)} addresses"),
            ("now run", "\n".join(commands) if on_terminal() else " && ".join(commands)),
        ],
    )
