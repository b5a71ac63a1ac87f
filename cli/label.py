"""`artworks label`: what models and people say of a picture, and what had better be looked at."""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.console import number, on_terminal, print_json, print_table, remark, stderr
from cli.opening import existing_database, load_settings, snapshot
from cli.options import SiteOption, TermsOption
from storage.errors import UsageError

if TYPE_CHECKING:
    from analysis.labels.labelling.telling import HeadTold, Told
    from analysis.labels.people.corrections import Saying, Verdict
    from analysis.labels.people.queue import Doubt
    from analysis.similarity.subjects import Subject
    from storage.database import Database
    from storage.settings import StorageSettings

LIMIT = 20
"""Images of a queue, where nobody says how many."""


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(label)


def label(
    image: Annotated[
        str | None,
        typer.Argument(
            metavar="[IMAGE]",
            help="A file, or a stored picture: an artwork's id, SITE/SOURCE_ID or the URL of its "
            "page, or an image's sha256.",
        ),
    ] = None,
    heads: Annotated[
        list[str] | None,
        typer.Option(
            "--head", metavar="HEAD", help="Only this: style, color, …; may be given repeatedly."
        ),
    ] = None,
    yes: Annotated[
        list[str] | None,
        typer.Option(
            "--yes", metavar="HEAD=LABEL", help="Say that it is so; may be given repeatedly."
        ),
    ] = None,
    no: Annotated[
        list[str] | None,
        typer.Option(
            "--no", metavar="HEAD=LABEL", help="Say that it is not so; may be given repeatedly."
        ),
    ] = None,
    author: Annotated[
        str | None,
        typer.Option("--author", metavar="NAME", help="Who says so; without it, your login name."),
    ] = None,
    queue: Annotated[
        bool,
        typer.Option("--queue", help="List the images of which models are least sure."),
    ] = False,
    limit: Annotated[
        int | None,
        typer.Option("--limit", min=1, max=1000, metavar="N", help="Images of the queue [20]."),
    ] = None,
    site: SiteOption = None,
    terms: TermsOption = None,
    sheet: Annotated[
        Path | None,
        typer.Option("--sheet", metavar="PNG", help="Draw the queue into this file."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace that file if it exists.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Tell the labels of a picture, correct them, or list what had better be looked at.

    What people say outranks models, and the next training learns from it. Nothing is overwritten: a
    later verdict outranks an earlier one, so that --no takes a --yes back; where an image has one
    label of a head, a --yes also takes back the earlier ones.

    Example: `artworks label museum/42 --yes style=cubism --no genre=portrait`
    """
    if queue:
        if image is not None or yes or no or author is not None:
            raise UsageError("--queue lists images: leave IMAGE, --yes, --no and --author away.")
        _queue(heads or (), limit or LIMIT, site, terms or (), sheet, force, as_json)
        return
    given = {"--limit": limit, "--site": site, "--term": terms, "--sheet": sheet, "--force": force}
    if strange := [name for name, value in given.items() if value]:
        raise UsageError(f"{' and '.join(strange)} {'is' if len(strange) == 1 else 'are'} for "
                         "--queue: add it, or leave them away.")  # fmt: skip
    if image is None:
        raise UsageError("label what? Name a file or a stored picture, or ask for --queue.")
    if author is not None and not (yes or no):
        raise UsageError("--author is for --yes and --no: say something, or leave it away.")
    _tell(image, heads or (), _verdicts(yes or (), no or ()), author, as_json)


def _verdicts(yes: Sequence[str], no: Sequence[str]) -> list[tuple[str, str, Saying]]:
    """Return (head, label, verdict) of what is said, each label of a head once."""
    from analysis.labels.people.corrections import check_head, to_label

    said: dict[tuple[str, str], Saying] = {}
    for verdict, texts in (("no", no), ("yes", yes)):
        for text in texts:
            head, equals, name = (part.strip() for part in text.partition("="))
            if not (head and equals and name):
                raise UsageError(f'"{text}" says nothing: write HEAD=LABEL, as in style=cubism.')
            key = (check_head(head), to_label(name))
            if said.setdefault(key, verdict) != verdict:  # type: ignore[arg-type]
                raise UsageError(f"{head}={key[1]} is said to be so and not so: choose one.")
    return [(head, name, verdict) for (head, name), verdict in said.items()]


def _tell(
    said: str,
    heads: Sequence[str],
    corrections: Sequence[tuple[str, str, Saying]],
    author: str | None,
    as_json: bool,
) -> None:
    from analysis.labels.labelling.telling import tell_image
    from storage.objects import open_store

    settings = load_settings()
    store = open_store(settings.objects_location)
    path = Path(said)
    recorded: Sequence[Verdict] = ()
    with existing_database(settings) as database:
        subject = None if path.is_file() else _stored(database, said)
        if corrections:
            if subject is None:
                raise UsageError(
                    f"{said} is a file, and people correct stored pictures: name a work of the "
                    "collection."
                )
            recorded = _record(database, subject, corrections, author or getpass.getuser())
        wanted = heads or list(dict.fromkeys(head for head, _, _ in corrections))
        picture = path if subject is None else subject.image_id
        assert picture is not None
        told = tell_image(database, store, picture, wanted or None)
    if as_json:
        print_json(
            {
                "image": {"said": said} if subject is None else _named(subject),
                "recorded": [one.as_dict() for one in recorded],
                "heads": [one.as_dict() for one in told],
            }
        )
        return
    _print_told(told)
    for one in recorded:
        remark(f"recorded: {one.head}={one.label} {one.verdict}, says {one.author}")


def _stored(database: Database, said: str) -> Subject:
    from analysis.errors import NothingToShow
    from analysis.similarity.subjects import find_subject

    with snapshot(database) as connection:
        try:
            return find_subject(connection, {}, said)
        except NothingToShow:
            raise
        except UsageError as error:
            raise UsageError(f"{str(error).rstrip('.')}, or the path of a file.") from error


def _record(
    database: Database,
    subject: Subject,
    corrections: Sequence[tuple[str, str, Saying]],
    author: str,
) -> list[Verdict]:
    from analysis.labels.people.corrections import mode_of, novelty, record_verdict

    assert subject.image_id is not None
    recorded: list[Verdict] = []
    news = []
    with database.begin() as connection:
        for head in dict.fromkeys(head for head, _, _ in corrections):
            several = [name for of, name, verdict in corrections if of == head and verdict == "yes"]
            if len(several) > 1 and mode_of(connection, head) == "single":
                raise UsageError(
                    f"an image has one {head}, and {len(several)} are said ("
                    f"{', '.join(several)}): choose one, or train {head} with several labels."
                )
        for head, name, verdict in corrections:
            news.append(novelty(connection, head, name))
            recorded += record_verdict(connection, subject.image_id, head, name, verdict, author)
    for new in news:
        if new:
            remark(new)
    return recorded


def _named(subject: Subject) -> dict[str, Any]:
    return {**subject.as_dict(), "image_id": subject.image_id}


def _print_told(told: Sequence[HeadTold]) -> None:
    rows = []
    for head in told:
        odd = "unfamiliar" if head.unfamiliar else ""
        for one in head.said:
            rows.append(
                (
                    head.head,
                    one.label,
                    f"{one.score:.3f}",
                    _mark(one),
                    head.model if one.said_by == "model" else one.author,
                    odd,
                )
            )
        if not head.said:
            rows.append((head.head, "nothing", "", "", head.model, odd))
    print_table(
        "",
        ("Head", "Label", "Score", "Accepted", "Says", "Note"),
        rows,
        numbers=("Score",),
        wrap=("Label", "Says"),
    )
    strange = [one.head for one in told if one.unfamiliar]
    if strange and on_terminal():
        remark(
            f"unfamiliar: unlike what the model of {', '.join(strange)} has learned from; better "
            "not believed"
        )


def _mark(one: Told) -> str:
    if one.said_by == "person":
        return "yes, by a person" if one.accepted else "no, by a person"
    return "yes" if one.accepted else ""


def _queue(
    heads: Sequence[str],
    limit: int,
    site: str | None,
    terms: Sequence[str],
    sheet: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    from analysis.labels.people.queue import find_doubts
    from analysis.reports.query import Query, parse_term
    from storage.export import refuse_overwriting

    if sheet is not None:
        refuse_overwriting(sheet, force=force)
    elif force:
        raise UsageError("--force is for --sheet: name a file, or leave it away.")
    query = Query(site, tuple(parse_term(term) for term in terms))
    settings = load_settings()
    with existing_database(settings) as database, snapshot(database) as connection:
        found = find_doubts(connection, heads=heads, query=query, limit=limit)
    if as_json:
        print_json({"query": query.as_dict(), "queue": [one.as_dict() for one in found]})
    elif found:
        _print_queue(found)
    if not found:
        remark("nothing is left to look at: all labelled images that fit have a verdict")
    elif sheet is not None:
        _draw(settings, found, str(query), sheet)


def _print_queue(found: Sequence[Doubt]) -> None:
    print_table(
        "Images of which models are least sure",
        ("Image", "Work", "Title", "Head", "In doubt", "Margin", "Says", "Page"),
        [
            (
                str(one.image_id),
                one.name,
                one.works[0].title if one.works else "",
                one.head,
                " or ".join(one.about),
                f"{one.margin:.3f}",
                one.line,
                one.works[0].page_url if one.works else "",
            )
            for one in found
        ],
        numbers=("Image", "Margin"),
        wrap=("Work", "Title", "In doubt", "Says", "Page"),
    )
    if on_terminal():
        remark(
            f"{number(len(found))} images, the least sure first; margin: 0, any of two; 1, sure. "
            "Say what they are with `artworks label WORK --yes HEAD=LABEL`"
        )


def _draw(settings: StorageSettings, found: Sequence[Doubt], what: str, sheet: Path) -> None:
    from analysis.plots.queue_sheet import queue_sheet
    from cli.similar import write_picture
    from storage.objects import open_store

    store = open_store(settings.objects_location)
    store.check()
    write_picture(sheet, queue_sheet(store, found, what))
    count = f"{number(len(found))} image{'' if len(found) == 1 else 's'}"
    stderr().print(f"{count} → {sheet}", style="bold")
