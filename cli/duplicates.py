"""`artworks duplicates`: images that look the same."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.analyze import run_with_progress
from cli.console import number, on_terminal, print_json, print_table, remark, stderr
from cli.opening import existing_database, load_settings, snapshot
from storage.errors import UsageError

if TYPE_CHECKING:
    from analysis.duplicates.groups import Groups
    from analysis.engine import RunSummary


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(duplicates)


def duplicates(
    radius: Annotated[
        int,
        typer.Option(
            "--radius",
            min=0,
            max=12,
            metavar="BITS",
            help="Differing bits of 64; 0: the same picture, encoded anew or resized; 8 and more "
            "finds other crops and photographs of a picture, and pictures that are only alike.",
        ),
    ] = 6,
    site: Annotated[
        str | None,
        typer.Option("--site", metavar="NAME", help="Groups with an image of this site."),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Show at most this many groups.")] = (
        20
    ),
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="PNG", help="Draw the groups side by side into this file."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace that file if it exists.")] = False,
    redo: Annotated[
        bool, typer.Option("--redo", help="Forget the pairs that were found, and begin anew.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Find stored images that look the same, and show them in groups with their works.

    Compares the perceptual hashes of images that it has not seen, keeps the pairs in the table
    image_duplicates, and shows what is connected by pairs. Flat colours say too little to be
    compared, and are left out.

    Example: `artworks duplicates --radius 8 --out duplicates.png`
    """
    from analysis.duplicates.groups import duplicate_groups
    from analysis.duplicates.job import duplicates_job
    from storage.export import refuse_overwriting
    from storage.objects import open_store
    from storage.status import crawled_sites

    if out is not None:
        refuse_overwriting(out, force=force)
    elif force:
        raise UsageError("--force is for --out: name a file, or leave it away.")
    settings = load_settings()
    with existing_database(settings) as database:
        with database.begin() as connection:
            sites = [known.name for known in crawled_sites(connection)]
        if site is not None and site not in sites:
            known_sites = ", ".join(sites) or "none"
            raise UsageError(f"site {site!r} has not been crawled; crawled so far: {known_sites}.")
        [found] = run_with_progress(
            database, open_store(settings.objects_location), [duplicates_job(radius)], redo=redo
        )
        with snapshot(database) as connection:
            groups = duplicate_groups(
                connection, found.model_id, radius=radius, site=site, limit=limit
            )
    if as_json:
        print_json(_document(found, groups, radius))
    else:
        _print(found, groups, radius)
    if out is not None and groups.total:
        _draw(settings.objects_location, groups, radius, out)
        stderr().print(f"{_counted(len(groups.groups), 'group')} → {out}", style="bold")


def _document(found: RunSummary, groups: Groups, radius: int) -> dict[str, Any]:
    return {
        "radius": radius,
        "run": found.as_dict(),
        "groups_total": groups.total,
        "images_total": groups.images,
        "groups": [group.as_dict() for group in groups.groups],
    }


def _print(found: RunSummary, groups: Groups, radius: int) -> None:
    if not groups.total:
        remark(f"no two images are within {radius} bits of 64")
    else:
        print_table(
            "Images that look the same",
            ("Group", "Bits", "Title", "Artist", "Site", "Size", "Page"),
            [
                (
                    str(at),
                    image.distance,
                    f"{work.title}{' (placeholder)' if image.placeholder else ''}",
                    work.artist,
                    work.site,
                    f"{image.width} × {image.height}",
                    work.page_url,
                )
                for at, group in enumerate(groups.groups, start=1)
                for image in group.images
                for work in image.works
            ],
            numbers=("Group", "Bits"),
            wrap=("Title", "Page"),
        )
        if on_terminal():
            remark(
                f"{_counted(groups.images, 'image')} in {_counted(groups.total, 'group')}; bits: "
                "how far from the first of the group, of 64"
            )
        if len(groups.groups) < groups.total:
            remark(f"{_counted(groups.total - len(groups.groups), 'more group')}: see --limit")
    if found.images:
        too_flat = int(found.details["flat"])
        flat = f", {number(too_flat)} of them too flat to compare" if too_flat else ""
        remark(f"looked at {_counted(found.images, 'new image')}{flat}")


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _draw(objects: str, groups: Groups, radius: int, out: Path) -> None:
    from analysis.duplicates.sheet import duplicate_sheet
    from storage.objects import open_store

    store = open_store(objects)
    store.check()
    parts = (
        _counted(groups.total, "group"),
        _counted(groups.images, "image"),
        f"within {radius} bits of 64",
    )
    sheet = duplicate_sheet(store, groups.groups, "Images that look the same", "  ·  ".join(parts))
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        sheet.save(out, "PNG", compress_level=6)
    except OSError as error:
        raise UsageError(
            f"cannot write {out} ({error.strerror}): name a file in a folder of yours."
        ) from error
