"""`artworks models show A --with B`: two models beside each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.text import Text

from cli.console import on_terminal, print_json, print_table, remark
from cli.opening import existing_database, load_settings

if TYPE_CHECKING:
    from analysis.labels.measuring.comparing import Comparison
    from analysis.registry.models import Model
    from storage.objects import ObjectStore

MARK = "≠"
WIDEST = 44
"""Characters of a value on a terminal."""


def show_pair(name: str, other: str, *, as_json: bool) -> None:
    """Print two models beside each other; classifiers of one head are also compared."""
    from analysis.registry.models import find_model
    from analysis.registry.side_by_side import side_by_side
    from storage.objects import open_store

    settings = load_settings()
    with existing_database(settings) as database, database.begin() as connection:
        first, second = find_model(connection, name), find_model(connection, other)
    lines = side_by_side(first, second)
    comparison, reason = None, None
    if first.kind == second.kind == "classifier" and first.head == second.head != "color":
        comparison, reason = _compared(open_store(settings.objects_location), first, second)
    if as_json:
        print_json(
            {
                "first": first.as_dict(),
                "second": second.as_dict(),
                "different": [line.name for line in lines if line.differs],
                "comparison": None if comparison is None else comparison.as_dict(),
                "not_compared": reason,
            }
        )
        return
    print_table(
        f"{first.label} and {second.label}",
        ("", "", first.label, second.label),
        [(_marked(line.differs), line.name, said(line.first), said(line.second)) for line in lines],
        wrap=(first.label, second.label),
    )
    if comparison is not None:
        from cli.evaluate_labels import print_comparison

        print_comparison(comparison, first.label, second.label)
    if reason is not None:
        remark(f"not compared: {reason}")


def said(value: Any) -> str:
    """Return a value in one line; what is long is cut on a terminal."""
    if value is None:
        return ""
    if isinstance(value, float):
        text = f"{value:g}"
    elif isinstance(value, Mapping):
        text = f"{len(value)} entries"
    elif isinstance(value, list):
        plain = not any(isinstance(one, Mapping | list) for one in value)
        text = ", ".join(str(one) for one in value) if plain else f"{len(value)} rows"
    else:
        text = str(value)
    return f"{text[: WIDEST - 1]}…" if on_terminal() and len(text) > WIDEST else text


def _marked(differs: bool) -> Text | str:
    if not differs:
        return ""
    return Text(MARK, style="bold yellow") if on_terminal() else MARK


def _compared(
    store: ObjectStore, first: Model, second: Model
) -> tuple[Comparison | None, str | None]:
    """Return how the first does beside the second, or why that cannot be told."""
    from analysis.errors import ArtifactDamaged, NothingToCompare
    from analysis.labels.measuring.evaluation import compare_models

    try:
        return compare_models(store, first, second, seed=0), None
    except (NothingToCompare, ArtifactDamaged) as error:
        return None, str(error)
