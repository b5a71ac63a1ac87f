"""`artworks train HEAD` for labels: what was asked, told to the analysis, and the answer."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.text import Text

from cli.console import on_terminal, print_facts, print_json, print_table, progress, remark
from cli.opening import existing_database, load_settings
from cli.train_options import LabelOptions, option_of
from storage.errors import UsageError

if TYPE_CHECKING:
    from rich.progress import Progress

    from analysis.labels.dataset import DatasetQuery
    from analysis.labels.learning.methods import Recipe
    from analysis.labels.learning.training import Training
    from analysis.labels.task import Progress as Tell

NETWORKS = (
    "views",
    "augment",
    "fine_tune",
    "epochs",
    "learning_rate",
    "batch",
    "dropout",
    "l1",
    "l2",
    "batch_norm",
    "label_smoothing",
)
"""Fields of LabelOptions that make the recipe of a network."""


def train_head(
    head: str,
    options: LabelOptions,
    *,
    folds: int | None,
    model: str | None,
    seed: int,
    force: bool,
    as_json: bool,
) -> None:
    """Train a classifier of a head, and print what it came to."""
    from analysis.labels.datasets.splitting import POLICIES
    from analysis.labels.learning.training import train_labels
    from storage.objects import open_store

    method = options.method or "probe"
    query, recipe = _query(head, options), _recipe(method, options)
    split = options.split or "auto"
    settings = load_settings()
    store = open_store(settings.objects_location)
    with existing_database(settings) as database, progress() as bars:
        store.check()
        training = train_labels(
            database,
            store,
            query,
            method=method,
            recipe=recipe,
            policy=split if split in POLICIES else "auto",
            split=None if split in POLICIES else split,
            balance=options.balance or "none",  # type: ignore[arg-type]
            embedding=model,
            folds=folds,
            rounds=options.rounds or 1,
            seed=seed,
            force=force,
            activate=options.activate,
            progress=_bars(bars),
        )
    if as_json:
        print_json(training.as_dict())
    else:
        _print(training)


def _query(head: str, options: LabelOptions) -> DatasetQuery:
    """Return which images are asked for. Raises UsageError for what cannot be read."""
    from analysis.labels.dataset import DatasetQuery
    from analysis.labels.heads import MODES, find_head
    from analysis.reports.query import parse_term

    mode = options.labels or find_head(head).mode
    if mode not in MODES:
        raise UsageError(f"--labels {mode} cannot be: choose from {', '.join(MODES)}.")
    chosen: dict[str, Any] = {
        "top": options.top,
        "weak": bool(options.weak),
        "undersample": options.undersample,
        "bins": _bins(options.bins),
        "merge": {**_merge_file(options.merge_file), **_merge(options.merge or ())},
    }
    if options.only:
        chosen["only"] = tuple(sorted({one.strip().lower() for one in options.only}))
    if options.min_support is not None:
        chosen["min_support"] = options.min_support
    return DatasetQuery(
        head=head,
        mode=mode,
        site=options.site,
        terms=tuple(parse_term(term) for term in options.term or ()),
        year_from=options.year_from,
        year_to=options.year_to,
        **chosen,
    )


def _merge(said: Sequence[str]) -> Mapping[str, str]:
    merged: dict[str, str] = {}
    for one in said:
        old, equals, new = (part.strip() for part in one.partition("="))
        if not (old and equals):
            raise UsageError(
                f'--merge "{one}" does not say what is called how: write OLD=NEW, or OLD= to leave '
                "a label out."
            )
        merged[old] = new
    return merged


def _merge_file(path: Path | None) -> Mapping[str, str]:
    if path is None:
        return {}
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(
            f'{path}: cannot be read ({error}); give a TOML file with one `"OLD" = "NEW"` a line.'
        ) from error
    wrong = [key for key, value in found.items() if not isinstance(value, str)]
    if wrong:
        raise UsageError(
            f'{path}: "{wrong[0]}" is to be a text: write `"OLD" = "NEW"`, or `"OLD" = ""` to '
            "leave a label out."
        )
    return found


def _bins(said: str | None) -> tuple[int, ...]:
    if said is None:
        return ()
    try:
        return tuple(int(year) for year in said.split(","))
    except ValueError as error:
        raise UsageError(
            f'--bins "{said}" are no years: write the years in which periods begin, as in '
            "1850,1900."
        ) from error


def _recipe(method: str, options: LabelOptions) -> Recipe | None:
    """Return how a network is to learn; None: as its method does by default."""
    from analysis.labels.learning.methods import METHODS, find_method

    chosen = find_method(method)
    given = {name: value for name in NETWORKS if (value := getattr(options, name)) is not None}
    if not given:
        return None
    kind: Any = type(chosen.default_recipe())
    known = {one.name for one in fields(kind)}
    for name in given:
        if _field(name) not in known:
            others = [
                other.name
                for other in METHODS.values()
                if _field(name) in {one.name for one in fields(other.default_recipe())}  # type: ignore[arg-type]
            ]
            raise UsageError(
                f"{option_of(name)} is for --method {' and '.join(others)}: leave it away."
            )
    recipe: Recipe = kind(**{_field(name): _value(name, value) for name, value in given.items()})
    return recipe


def _field(name: str) -> str:
    return {"augment": "augmentation"}.get(name, name)


def _value(name: str, value: Any) -> Any:
    if name == "augment":
        from analysis.labels.networks.augmentation import parse_augmentation

        return parse_augmentation(value)
    if name == "learning_rate" and value != "auto":
        try:
            return float(value)
        except ValueError as error:
            raise UsageError(
                f'--learning-rate "{value}" is no number: give auto, or a number as in 0.001.'
            ) from error
    return value


def _bars(bars: Progress) -> Tell:
    tasks: dict[str, Any] = {}

    def tell(what: str, done: int, total: int) -> None:
        if what not in tasks:
            tasks[what] = bars.add_task(what, total=total)
        bars.update(tasks[what], completed=done, total=total)

    return tell


def _print(training: Training) -> None:
    from analysis.labels.reporting.wording import MEASURE_COLUMNS, measure_rows

    model, metrics = training.model, training.model.metrics
    rows = [
        tuple(Text(cell, style="bold green") for cell in row) if on_terminal() and not at else row
        for at, row in enumerate(measure_rows(metrics, intervals=False))
    ]
    columns = tuple(MEASURE_COLUMNS)
    print_table(f"{model.head}, {model.params['method']}", columns, rows, numbers=columns[1:])
    print_facts("", _facts(training))
    if not training.new:
        remark(
            f"the examples and settings are those of {model.label}: nothing was trained "
            "(see --force)"
        )
    if training.activated or model.is_default:
        if training.activated:
            remark(f"it is the default of {model.head} from now on: {training.reason}")
        remark(f"next: artworks analyze labels-{model.head}")
        return
    if training.new:
        remark(f"it does not take over: {training.reason}")
    remark(f"next: artworks models activate {model.label}")


def _facts(training: Training) -> list[tuple[str, object]]:
    from analysis.labels.reporting.wording import (
        interval_facts,
        left_out_sentences,
        plain,
        split_sentence,
    )

    model, metrics = training.model, training.model.metrics
    support = metrics["support"]
    chosen = ", ".join(
        f"{plain(name)} {value:g}" if isinstance(value, float) else f"{plain(name)} {value}"
        for name, value in metrics["chosen"].items()
        if isinstance(value, str | int | float)
    )
    rows: list[tuple[str, object]] = [
        ("labels", ", ".join(f"{label} ({support[label]:,})" for label in metrics["classes"])),
        ("reads", model.params["embedding"] or "pictures"),
        ("split", split_sentence(metrics)),
        ("intervals", interval_facts(metrics)),
        *(("left out", said) for said in left_out_sentences(metrics)),
    ]
    if metrics["weak"]:
        rows.append(("weak", f"{metrics['weak']:,} images whose labels are their artist's"))
    if chosen:
        rows.append(("chosen", chosen))
    if metrics["cross_validation"] is not None:
        rows.append(("cross-validation", _crossed(metrics["cross_validation"])))
    rows.append(("stored", f"{model.label}, {model.artifact_key}"))
    return rows


def _crossed(found: Mapping[str, Any]) -> str:
    from analysis.labels.reporting.wording import HEADLINES
    from analysis.similarity.learned.card import between

    told = ", ".join(f"{title} {between(found[name])}" for name, title in HEADLINES.items())
    majority = found["baselines"]["majority"]["accuracy"]
    return (
        f"{found['folds']} folds × {found['rounds']}: {told}; always the commonest: accuracy "
        f"{majority:.3f}"
    )
