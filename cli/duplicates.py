"""`artworks duplicates`: images that look the same."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
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
    from storage.database import Database
    from storage.objects import ObjectStore

LEFT_OUT = {"flat": "too flat to compare", "unreadable": "without a preview that can be read"}


class Compared(StrEnum):
    """What of images is compared."""

    HASH = "hash"
    EMBEDDING = "embedding"


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(duplicates)


def duplicates(
    by: Annotated[
        Compared,
        typer.Option(
            "--by",
            help="What is compared: perceptual hashes, or embeddings with the pixels of both "
            "previews, which finds crops, mirror images, turned and recoloured copies.",
        ),
    ] = Compared.HASH,
    radius: Annotated[
        int | None,
        typer.Option(
            "--radius",
            min=0,
            max=12,
            metavar="BITS",
            help="By hash: differing bits of 64 (default: 6); 0: the same picture, encoded anew or "
            "resized; 8 and more finds other crops and photographs of a picture, and pictures that "
            "are only alike.",
        ),
    ] = None,
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

    Compares images that it has not seen, by their perceptual hashes or their embeddings, keeps the
    pairs in the table image_duplicates, and shows what is connected by pairs. Flat colours say too
    little to be compared, and are left out.

    Example: `artworks duplicates --radius 8 --out duplicates.png`
    """
    from storage.export import refuse_overwriting
    from storage.objects import open_store
    from storage.status import crawled_sites

    if out is not None:
        refuse_overwriting(out, force=force)
    elif force:
        raise UsageError("--force is for --out: name a file, or leave it away.")
    if by is Compared.EMBEDDING and radius is not None:
        raise UsageError("--radius is for --by hash: leave it away, since the pixels decide.")
    settings = load_settings()
    with existing_database(settings) as database:
        with database.begin() as connection:
            sites = [known.name for known in crawled_sites(connection)]
        if site is not None and site not in sites:
            known_sites = ", ".join(sites) or "none"
            raise UsageError(f"site {site!r} has not been crawled; crawled so far: {known_sites}.")
        store = open_store(settings.objects_location)
        if by is Compared.HASH:
            shown = _by_hash(database, store, radius, site, limit, redo=redo)
        else:
            store.check()
            shown = _by_embedding(database, store, site, limit, redo=redo)
    if as_json:
        print_json(_document(shown))
    else:
        _print(shown)
    if out is not None and shown.groups.total:
        _draw(store, shown, out)
        stderr().print(f"{_counted(len(shown.groups.groups), 'group')} → {out}", style="bold")


@dataclass(frozen=True)
class _Shown:
    """What was found, and how it is told."""

    run: RunSummary
    groups: Groups
    asked: dict[str, Any]
    """For JSON."""
    column: str
    """Heading of the distances."""
    within: str
    """How near the images of a pair are, for people."""
    distances: str
    """What the distances are, for people."""
    nothing: str


def _by_hash(
    database: Database,
    store: ObjectStore,
    radius: int | None,
    site: str | None,
    limit: int,
    *,
    redo: bool,
) -> _Shown:
    from analysis.duplicates.groups import duplicate_groups
    from analysis.duplicates.job import DEFAULT_RADIUS, duplicates_job

    bits = DEFAULT_RADIUS if radius is None else radius
    [run] = run_with_progress(database, store, [duplicates_job(bits)], redo=redo)
    with snapshot(database) as connection:
        groups = duplicate_groups(connection, run.model_id, radius=bits, site=site, limit=limit)
    return _Shown(
        run,
        groups,
        asked={"by": Compared.HASH.value, "radius": bits},
        column="Bits",
        within=f"within {bits} bits of 64",
        distances="bits: how far from the first of the group, of 64",
        nothing=f"no two images are within {bits} bits of 64",
    )


def _by_embedding(
    database: Database, store: ObjectStore, site: str | None, limit: int, *, redo: bool
) -> _Shown:
    from analysis.duplicates.groups import duplicate_groups
    from analysis.duplicates.look_alikes import WITHIN, embedding_of, look_alikes_job, model_of
    from analysis.results import register_model

    with database.begin() as connection:
        embedding = embedding_of(connection)
    [run] = run_with_progress(database, store, [look_alikes_job()], redo=redo)
    with database.begin() as connection:
        model_id = register_model(connection, model_of(embedding))
    with snapshot(database) as connection:
        groups = duplicate_groups(
            connection,
            model_id,
            radius=WITHIN,
            embedding_id=embedding.id,
            site=site,
            limit=limit,
        )
    return _Shown(
        run,
        groups,
        asked={"by": Compared.EMBEDDING.value, "embedding": embedding.label, "within": WITHIN},
        column="Distance",
        within="confirmed by their pixels",
        distances="distance: cosine distance from the first of the group",
        nothing=f"no two images show the same picture, as far as {embedding.label} and pixels say",
    )


def _document(shown: _Shown) -> dict[str, Any]:
    return {
        **shown.asked,
        "run": shown.run.as_dict(),
        "groups_total": shown.groups.total,
        "images_total": shown.groups.images,
        "groups": [group.as_dict() for group in shown.groups.groups],
    }


def _print(shown: _Shown) -> None:
    groups, run = shown.groups, shown.run
    if not groups.total:
        remark(shown.nothing)
    else:
        print_table(
            "Images that look the same",
            ("Group", shown.column, "Title", "Artist", "Site", "Size", "Page"),
            [
                (
                    str(at),
                    image.distance if shown.column == "Bits" else f"{image.distance:.3f}",
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
            numbers=("Group", shown.column),
            wrap=("Title", "Page"),
        )
        if on_terminal():
            remark(
                f"{_counted(groups.images, 'image')} in {_counted(groups.total, 'group')}; "
                f"{shown.distances}"
            )
        if len(groups.groups) < groups.total:
            remark(f"{_counted(groups.total - len(groups.groups), 'more group')}: see --limit")
    if run.images:
        left_out = [
            f", {number(count)} of them {what}"
            for key, what in LEFT_OUT.items()
            if (count := int(run.details.get(key, 0)))
        ]
        remark(f"looked at {_counted(run.images, 'new image')}{''.join(left_out)}")


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _draw(store: ObjectStore, shown: _Shown, out: Path) -> None:
    from analysis.duplicates.sheet import duplicate_sheet

    store.check()
    groups = shown.groups
    parts = (
        _counted(groups.total, "group"),
        _counted(groups.images, "image"),
        shown.within,
    )
    sheet = duplicate_sheet(store, groups.groups, "Images that look the same", "  ·  ".join(parts))
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        sheet.save(out, "PNG", compress_level=6)
    except OSError as error:
        raise UsageError(
            f"cannot write {out} ({error.strerror}): name a file in a folder of yours."
        ) from error
