"""`artworks report`: pictures of a collection's colours, kept in the object store."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.console import on_terminal, print_json, print_table, remark, size, stderr
from cli.opening import existing_database, load_settings
from cli.options import FromOption, SiteOption, TermsOption, ToOption
from storage.errors import ImageRejected, UsageError

if TYPE_CHECKING:
    from analysis.reports.archive import StoredPicture, StoredReport
    from analysis.reports.drawing import Options
    from storage.objects import ObjectStore


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(report)


def report(
    kind: Annotated[
        str | None,
        typer.Argument(
            metavar="[KIND]",
            help="work, palette-wall, color-time, color-distribution, color-classes, colors (all "
            "of these that the collection allows), similar, clusters, map, influence, outliers, "
            "labels or classifier.",
        ),
    ] = None,
    work: Annotated[
        str | None,
        typer.Argument(
            metavar="[WORK]",
            help="For KIND work or similar: SITE/SOURCE_ID, the sha256 of an image, or a file.",
        ),
    ] = None,
    site: SiteOption = None,
    terms: TermsOption = None,
    year_from: FromOption = None,
    year_to: ToOption = None,
    order: Annotated[
        str | None,
        typer.Option("--sort", metavar="ORDER", help="Of a wall: hue (default), lightness, year."),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(
            "--by",
            metavar="KIND",
            help="Of a distribution, a map or influence: a kind of terms; also site, and of a "
            "map cluster. Of a classifier: its head.",
        ),
    ] = None,
    step: Annotated[
        int | None,
        typer.Option(
            "--step", min=1, metavar="YEARS", help="Of color-time and influence: years together."
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="PATH",
            help="Write the pictures here as well: a PNG, or a folder where there are several.",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that exist.")] = False,
    list_them: Annotated[
        bool, typer.Option("--list", help="List the kinds, and the reports that are stored.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Draw a report of what was learned about colours.

    Every picture is kept in the object store as reports/KIND/RUN/NAME.png, with a report.json that
    says what it shows. See docs/reports.md for what each looks like.

    Example: `artworks report palette-wall --term category=landscapes --out landscapes.png`
    """
    from analysis.reports.drawing import Options
    from analysis.reports.kinds import KINDS
    from analysis.reports.query import Query, parse_term

    options = Options(
        Query(site, tuple(parse_term(term) for term in terms or ()), year_from, year_to),
        work=work,
        order=order,
        by=by,
        step=step,
    )
    if list_them:
        if kind is not None or options.given or out is not None or force:
            raise UsageError("--list goes with --json only: leave the rest away.")
        _list(as_json)
        return
    if kind is None:
        raise UsageError(f"which report? Choose from {', '.join(KINDS)}, or see --list.")
    if force and out is None:
        raise UsageError("--force is for --out: name a file or folder, or leave it away.")
    stored = _made(kind, options, out, force=force)
    _print(stored, as_json)
    if out is not None:
        stderr().print(f"{_counted(len(stored.pictures), 'picture')} → {out}", style="bold")


def _made(kind: str, options: Options, out: Path | None, *, force: bool) -> StoredReport:
    from analysis.reports.archive import store_report
    from analysis.reports.kinds import make_report
    from storage.objects import open_store

    settings = load_settings()
    store = open_store(settings.objects_location)
    with existing_database(settings) as database:
        store.check()
        try:
            drawn = make_report(database, store, kind, options)
        except ImageRejected as error:
            raise UsageError(
                f"{options.work} is no image that can be read ({error}): JPEG, PNG, WebP, AVIF, "
                "GIF and TIFF can."
            ) from error
        files = _files(out, [picture.name for picture in drawn.pictures], force=force)
        stored = store_report(database, store, drawn)
    for path, picture in zip(files, stored.pictures, strict=False):
        _write(path, picture)
    return stored


def _files(out: Path | None, names: Sequence[str], *, force: bool) -> list[Path]:
    """Return where pictures are written: `out` itself where it is a PNG, else files in it."""
    from storage.export import refuse_overwriting

    if out is None:
        return []
    if out.suffix.lower() == ".png":
        if len(names) > 1:
            raise UsageError(
                f"this report has {len(names)} pictures, and {out} is one file: name a folder."
            )
        files = [out]
    else:
        if out.exists() and not out.is_dir():
            raise UsageError(f"{out} is no folder: name a folder, or a file that ends in .png.")
        files = [out / f"{name}.png" for name in names]
    for path in files:
        refuse_overwriting(path, force=force)
    return files


def _write(path: Path, picture: StoredPicture) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture.png)
    except OSError as error:
        raise UsageError(
            f"cannot write {path} ({error.strerror}): the picture is stored as {picture.key}; name "
            "a file in a folder of yours."
        ) from error


def _print(stored: StoredReport, as_json: bool) -> None:
    if as_json:
        print_json(stored.document)
        return
    print_table(
        "",
        ("Picture", "Pixels", "Size", "Key"),
        [
            (
                picture.name,
                "{} × {}".format(*picture.size),
                size(len(picture.png)) if on_terminal() else str(len(picture.png)),
                picture.key,
            )
            for picture in stored.pictures
        ],
        numbers=("Size",),
    )
    for kind, reason in stored.document["left_out"].items():
        remark(f"no {kind}: {reason}")


def _list(as_json: bool) -> None:
    from analysis.reports.archive import stored_reports
    from analysis.reports.kinds import KINDS

    found = stored_reports(_store())
    if as_json:
        print_json(
            {
                "kinds": {kind.name: kind.what for kind in KINDS.values()},
                "reports": [listed.as_dict() for listed in found],
            }
        )
        return
    print_table(
        "Kinds of reports",
        ("Kind", "Shows", "Options"),
        [(kind.name, kind.what, " ".join(sorted(kind.takes))) for kind in KINDS.values()],
        wrap=("Shows", "Options"),
    )
    if not found:
        remark("no report is stored yet")
        return
    print_table(
        "Stored reports",
        ("Kind", "Run", "Pictures", "Size", "Folder"),
        [
            (
                listed.kind,
                listed.run,
                len(listed.keys),
                size(listed.bytes) if on_terminal() else str(listed.bytes),
                f"reports/{listed.kind}/{listed.run}/",
            )
            for listed in found
        ],
        numbers=("Pictures", "Size"),
    )


def _store() -> ObjectStore:
    from storage.objects import open_store

    store = open_store(load_settings().objects_location)
    store.check()
    return store


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
