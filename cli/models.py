"""`artworks models`: what has been trained and which methods there are, and which of them count."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markdown import Markdown
from rich.text import Text

from cli.console import on_terminal, print_facts, print_json, print_table, remark, stdout
from cli.opening import existing_database, load_settings

if TYPE_CHECKING:
    from analysis.registry.models import Model

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
NameArgument = Annotated[
    str,
    typer.Argument(
        metavar="NAME[/VERSION]",
        help="The model; without a version, the default of that name, else the newest.",
    ),
]

SHOWN_AT_ONCE = 8
"""Entries that are shown in one line."""

models = typer.Typer(
    help="What has been trained, and which methods there are: list, look, choose, remove.\n\n"
    "Every result in the database names the model that gave it; of each kind and head, one model "
    "is the default that views and searches use.\n\n"
    "Example: `artworks models list`",
    no_args_is_help=True,
)


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(models, name="models")


@models.command(name="list")
def list_(as_json: JsonOption = False) -> None:
    """List all models with what they make, and which ones are the default.

    Example: `artworks models list`
    """
    from analysis.registry.models import list_models

    with existing_database(load_settings()) as database, database.begin() as connection:
        found = list_models(connection)
    if as_json:
        print_json([{**model.as_dict(), "measure": _measure(model)} for model in found])
        return
    print_table(
        "Models",
        ("Model", "Version", "Kind", "Head", "Default", "Measure", "Registered"),
        [
            (
                model.name,
                model.version,
                model.kind,
                model.head or "",
                _mark(model),
                _measure(model),
                f"{model.created_at:%Y-%m-%d %H:%M}",
            )
            for model in found
        ],
        wrap=("Version",),
    )
    if not found:
        remark("no model yet: `artworks analyze` registers methods, `artworks train` trains")


@models.command()
def show(
    name: NameArgument,
    other: Annotated[
        str | None,
        typer.Option(
            "--with",
            metavar="NAME[/VERSION]",
            help="Another model, beside it; two classifiers of one head are compared on images "
            "that taught neither.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show a model: its parameters and its measures.

    Example: `artworks models show color-class/1`

    Example: `artworks models show probe-style/2 --with probe-style/1`
    """
    if other is not None:
        from cli.side_by_side import show_pair

        show_pair(name, other, as_json=as_json)
        return
    model = _found(name)
    if as_json:
        print_json(model.as_dict())
        return
    print_facts(
        model.label,
        [
            ("kind", model.kind),
            ("head", model.head or ""),
            ("default", "yes" if model.is_default else "no"),
            ("registered", f"{model.created_at:%Y-%m-%d %H:%M}"),
            ("artifact", model.artifact_key or "none: the method is all in the code"),
            ("examples", model.data_fingerprint or ""),
            *((f"param {key}", _short(value)) for key, value in sorted(model.params.items())),
            *((f"metric {key}", _short(value)) for key, value in sorted(model.metrics.items())),
        ],
    )


@models.command()
def activate(name: NameArgument, as_json: JsonOption = False) -> None:
    """Make a model the default of its kind and head: views, searches and jobs use it from now on.

    Results of the other models stay; its own are computed by the next `artworks analyze`.

    Example: `artworks models activate color-rules`
    """
    from analysis.registry.models import activate as make_default
    from analysis.registry.models import find_model

    with existing_database(load_settings()) as database, database.begin() as connection:
        model = make_default(connection, find_model(connection, name))
    if as_json:
        print_json(model.as_dict())
        return
    what = model.kind if model.head is None else f"{model.kind} of {model.head}"
    print_facts("", [("default", f"{model.label} is the {what} from now on")])
    remark("next: artworks analyze")


@models.command()
def card(name: NameArgument) -> None:
    """Print the card of a model: what it is for, how it was measured, what it comes from.

    Example: `artworks models card color-class > card.md`
    """
    from analysis.registry.cards import read_card
    from storage.objects import open_store

    settings = load_settings()
    with existing_database(settings) as database, database.begin() as connection:
        from analysis.registry.models import find_model

        model = find_model(connection, name)
    text = read_card(open_store(settings.objects_location), model)
    if on_terminal():
        stdout().print(Markdown(text))
    else:
        typer.echo(text, nl=False)


@models.command()
def remove(
    name: Annotated[str, typer.Argument(metavar="NAME/VERSION", help="The model to remove.")],
    force: Annotated[
        bool, typer.Option("--force", help="Also where it is the default of its kind and head.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Remove a model with all its results and its artifact; images and works stay.

    Example: `artworks models remove color-class/1`
    """
    from analysis.registry.removal import remove_model
    from storage.objects import open_store

    settings = load_settings()
    store = open_store(settings.objects_location)
    with existing_database(settings) as database:
        store.check()
        removal = remove_model(database, store, name, force=force)
    if as_json:
        print_json(removal.as_dict())
        return
    facts = [
        ("removed", removal.model),
        *((table, f"{n:,} rows") for table, n in removal.rows.items()),
    ]
    facts.extend(("object", key) for key in removal.objects)
    print_facts("", facts)


def _found(name: str) -> Model:
    from analysis.registry.models import find_model

    with existing_database(load_settings()) as database, database.begin() as connection:
        return find_model(connection, name)


def _mark(model: Model) -> Text | str:
    if not model.is_default:
        return ""
    return Text("default", style="green") if on_terminal() else "default"


def _measure(model: Model) -> str:
    """Return the measure that tells most; nothing for methods, which have none."""
    precision = model.metrics.get("map")
    if model.metrics.get("labels") == "multi" and precision is not None:
        # Of several labels, accuracy counts only images of which all are right.
        return f"mAP {precision:.3f}"
    accuracy = model.metrics.get("accuracy")
    if accuracy is not None:
        return f"accuracy {accuracy:.3f}"
    ndcg = model.metrics.get("measures", {}).get("ndcg", {}).get("projection")
    return "" if ndcg is None else f"NDCG {ndcg['mean']:.3f}"


def _short(value: Any) -> str:
    """Return a value in one line; what is large is told by its size, and whole with --json."""
    if isinstance(value, Mapping):
        plain = not any(isinstance(one, (Mapping, list)) for one in value.values())
        if plain and len(value) <= SHOWN_AT_ONCE:
            return ", ".join(f"{key} {one}" for key, one in sorted(value.items()))
        return f"{len(value)} entries (--json shows them)"
    if isinstance(value, list):
        if any(isinstance(one, (Mapping, list)) for one in value):
            return f"{len(value)} rows (--json shows them)"
        return ", ".join(str(one) for one in value)
    return str(value)
