"""`artworks clusters`: works that belong together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.analyze import run_with_progress
from cli.console import number, on_terminal, print_facts, print_json, print_table, remark, stderr
from cli.opening import existing_database, load_settings, snapshot
from cli.options import EmbeddingOption
from storage.errors import UsageError

if TYPE_CHECKING:
    from PIL.Image import Image
    from sqlalchemy import Connection

    from analysis.clusters.overview import Group, Mixed, ShownWork
    from analysis.registry.models import Model
    from storage.database import Database
    from storage.objects import ObjectStore


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(clusters)


@dataclass(frozen=True)
class _Asked:
    """What is to be shown."""

    number: int | None
    said: str | None
    image: Path | None
    limit: int

    @property
    def mixes(self) -> bool:
        """Whether the groups of one picture are asked for."""
        return self.said is not None or self.image is not None


def clusters(
    group: Annotated[
        int | None,
        typer.Argument(metavar="[N]", min=1, help="Show the works of this group."),
    ] = None,
    said: Annotated[
        str | None,
        typer.Option(
            "--id",
            metavar="WORK|IMAGE",
            help="Which groups a stored picture mixes: an artwork's id, SITE/SOURCE_ID or the URL "
            "of its page, or an image's sha256.",
        ),
    ] = None,
    image: Annotated[
        Path | None,
        typer.Option("--image", metavar="FILE", help="Which groups a picture of your own mixes."),
    ] = None,
    method: Annotated[
        str | None,
        typer.Option(
            "--method",
            metavar="NAME",
            help="kmeans, one group for each picture; or gaussian, several with probabilities "
            "(default: kmeans; gaussian with --id and --image).",
        ),
    ] = None,
    k: Annotated[
        int | None,
        typer.Option(
            "--k", min=2, max=500, metavar="N", help="So many groups (default: chosen for you)."
        ),
    ] = None,
    model: EmbeddingOption = None,
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=1000, help="Works of a group that are shown.")
    ] = 24,
    redo: Annotated[
        bool, typer.Option("--redo", help="Find groups anew; those that stay keep their numbers.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="PNG", help="Draw the groups, or the one, into this file."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace that file if it exists.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Show which works belong together, what they have in common, and how near they are.

    Groups are found among embeddings, and new pictures go to the groups that there are; a theme is
    what is said of the works of a group more than of others. Cohesion is the mean cosine
    similarity of the works of a group to its centre.

    Example: `artworks clusters --out groups.png`
    """
    from analysis.clusters import DEFAULT_METHOD
    from analysis.clusters.fitting import Settings
    from analysis.clusters.job import clusters_job
    from analysis.clusters.overview import shown_model
    from storage.export import refuse_overwriting
    from storage.objects import open_store

    if sum(one is not None for one in (group, said, image)) > 1:
        raise UsageError("N, --id and --image ask for different things: give one of them.")
    asked = _Asked(group, said, image, limit)
    if out is not None:
        if asked.mixes:
            raise UsageError("--out draws groups: leave --id and --image away.")
        refuse_overwriting(out, force=force)
    elif force:
        raise UsageError("--force is for --out: name a file, or leave it away.")
    chosen = method or ("gaussian" if asked.mixes else DEFAULT_METHOD)
    job = clusters_job(chosen, k, model)
    store = open_store(load_settings().objects_location)
    with existing_database(load_settings()) as database:
        store.check()
        [run] = run_with_progress(database, store, [job], redo=redo)
        if "needed" in run.details:
            raise UsageError(_too_few(run.details))
        with snapshot(database) as connection:
            found = shown_model(connection, Settings(chosen, k), model)
            document = {
                "run": run.as_dict(),
                "model": found.label,
                **{name: found.params[name] for name in ("method", "k", "embedding")},
                **{
                    name: found.metrics[name]
                    for name in ("images", "kept_variance", "silhouette", "davies_bouldin")
                },
            }
            page = _show(database, store, connection, found, asked, document, out, as_json)
    if page is not None and out is not None:
        _write(page, out)
        stderr().print(f"{'group' if group else 'groups'} → {out}", style="bold")


def _too_few(details: Any) -> str:
    images, needed = int(details["images"]), int(details["needed"])
    cure = details.get("next", "artworks analyze embeddings")
    return (
        f"{_counted(images, 'image')} with an embedding, and groups need {needed}: crawl more, run "
        f"`{cure}`, or ask for fewer with --k."
    )


def _show(
    database: Database,
    store: ObjectStore,
    connection: Connection,
    model: Model,
    asked: _Asked,
    document: dict[str, Any],
    out: Path | None,
    as_json: bool,
) -> Image | None:
    """Print what is asked for; return its picture where one is."""
    from analysis.clusters.overview import find_group, list_groups, members_of

    if asked.mixes:
        title, parts = _mixture(store, connection, model, asked)
        document |= {
            "of": title,
            "mixture": [
                {"cluster": one.group.cluster, "theme": one.group.theme,
                 "probability": round(one.probability, 6)}
                for one in parts
            ],
        }  # fmt: skip
        _print_or(document, as_json, lambda: _print_mixture(title, parts))
        return None
    if asked.number is not None:
        group = find_group(connection, model, asked.number)
        members = members_of(connection, model, group, asked.limit)
        document |= group.as_dict() | {
            "works": [{**work.as_dict(), "probability": share} for work, share in members]
        }
        _print_or(document, as_json, lambda: _print_group(group, members))
        if out is None:
            return None
        from analysis.clusters.sheet import group_page

        return group_page(store, group, members)
    from analysis.clusters.sheet import PICTURES

    groups = list_groups(connection, model, works=PICTURES)
    document |= {"clusters": [group.as_dict() for group in groups]}
    _print_or(document, as_json, lambda: _print_groups(model, groups))
    if out is None:
        return None
    from analysis.clusters.sheet import groups_pages

    counts = f"{_counted(document['images'], 'image')}  ·  {_counted(len(groups), 'group')}"
    [page] = groups_pages(store, groups, "Works that belong together", counts, rows=len(groups))
    return page


def _mixture(
    store: ObjectStore, connection: Connection, model: Model, asked: _Asked
) -> tuple[str, list[Mixed]]:
    from analysis.clusters.overview import mixture_of
    from analysis.similarity.subjects import file_subject, find_subject

    if asked.said is not None:
        subject = find_subject(connection, {}, asked.said)
        assert subject.image_id is not None
        parts = mixture_of(connection, model, subject.image_id)
        if not parts:
            raise UsageError(
                f"{asked.said} is in no group: its picture has no embedding yet, or stands in for "
                "one that its site does not show; run `artworks analyze embeddings clusters`."
            )
        return subject.title, parts
    assert asked.image is not None
    from analysis.clusters.files import mixture_of_picture

    subject = file_subject(asked.image)
    assert subject.picture is not None
    return subject.title, mixture_of_picture(connection, store, model, subject.picture)


def _print_or(document: dict[str, Any], as_json: bool, print_it: Any) -> None:
    if as_json:
        print_json(document)
    else:
        print_it()


def _print_groups(model: Model, groups: list[Group]) -> None:
    print_table(
        "Works that belong together",
        ("Group", "Images", "Share", "Cohesion", "Theme", "Typical works"),
        [
            (
                str(group.cluster),
                group.size if on_terminal() else number(group.size),
                f"{group.share:.1%}" if on_terminal() else f"{group.share:.6f}",
                f"{group.cohesion:.2f}" if on_terminal() else f"{group.cohesion:.6f}",
                group.name,
                "; ".join(work.title for work in group.typical[:3]),
            )
            for group in groups
        ],
        numbers=("Group", "Images", "Share", "Cohesion"),
        wrap=("Theme", "Typical works"),
    )
    if on_terminal():
        metrics = model.metrics
        remark(
            f"{_counted(int(metrics['images']), 'image')} by {model.params['embedding']}; "
            f"{model.label}, silhouette {metrics['silhouette']:.2f}, "
            f"Davies–Bouldin {metrics['davies_bouldin']:.2f}"
        )
        remark("the works of one: artworks clusters N; all in pictures: --out groups.png")


def _print_group(group: Group, members: list[tuple[ShownWork, float]]) -> None:
    metrics = group.metrics
    near = ", ".join(f"{one['cluster']} ({one['distance']:.2f})" for one in metrics["neighbors"])
    print_facts(
        f"Group {group.cluster}: {group.name}",
        [
            ("images", f"{number(group.size)} ({group.share:.1%})"),
            ("cohesion", f"{group.cohesion:.3f}"),
            ("diameter", f"{metrics['diameter']:.3f}"),
            ("nearest groups", near),
            ("least typical", "; ".join(work.title for work in group.atypical)),
        ],
    )
    if metrics["terms"]:
        print_table(
            "",
            ("Kind", "Term", "Works", "Share", "Lift", "p"),
            [
                (
                    term["kind"],
                    term["name"],
                    f"{term['works']} of {term['of']}",
                    f"{term['share']:.0%}",
                    f"{term['lift']:.1f}",
                    f"{term['p']:.1g}",
                )
                for term in metrics["terms"]
            ],
            numbers=("Works", "Share", "Lift", "p"),
        )
    print_table(
        "",
        ("Probability", "Title", "Artist", "Site", "Page"),
        [
            (
                f"{share:.0%}" if on_terminal() else f"{share:.6f}",
                work.title,
                work.artist,
                work.site,
                work.page_url,
            )
            for work, share in members
        ],
        numbers=("Probability",),
        wrap=("Title", "Artist", "Page"),
    )
    if len(members) < group.size:
        remark(f"{_counted(group.size - len(members), 'more image')}: see --limit")


def _print_mixture(title: str, parts: list[Mixed]) -> None:
    print_table(
        title,
        ("Probability", "Group", "Theme", "Typical works"),
        [
            (
                f"{one.probability:.0%}" if on_terminal() else f"{one.probability:.6f}",
                str(one.group.cluster),
                one.group.name,
                "; ".join(work.title for work in one.group.typical[:3]),
            )
            for one in parts
        ],
        numbers=("Probability", "Group"),
        wrap=("Theme", "Typical works"),
    )


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _write(page: Image, out: Path) -> None:
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        page.save(out, "PNG", compress_level=6)
    except OSError as error:
        raise UsageError(
            f"cannot write {out} ({error.strerror or error}): name a file ending in .png in a "
            "folder of yours."
        ) from error
