"""`artworks evaluate HEAD` for labels: a classifier is asked again, and compared."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from cli.console import on_terminal, print_facts, print_json, print_table, progress, remark, stderr
from cli.opening import existing_database, load_settings
from storage.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from analysis.labels.measuring.comparing import Comparison
    from analysis.labels.measuring.evaluation import Evaluation
    from storage.database import Database
    from storage.objects import ObjectStore

MOST_LABELS = 40
"""Labels in the table on a terminal; elsewhere, all are printed."""


def evaluate_head(
    head: str,
    *,
    model: str | None,
    against: str | None,
    out: Path | None,
    force: bool,
    seed: int,
    as_json: bool,
) -> None:
    """Evaluate a classifier of a head, and print what it came to."""
    from storage.export import refuse_overwriting
    from storage.objects import open_store

    if force and out is None:
        raise UsageError("--force is for --out: name a page, or leave it away.")
    if out is not None:
        refuse_overwriting(out, force=force)
    settings = load_settings()
    store = open_store(settings.objects_location)
    with existing_database(settings) as database:
        store.check()
        found = _evaluate(database, store, head, model, against, seed)
        if out is not None:
            _write(database, store, found, out)
    if as_json:
        print_json(found.as_dict())
    else:
        _print(found)
    if out is not None:
        stderr().print(f"report → {out}", style="bold")


def print_comparison(found: Comparison, first: str, second: str) -> None:
    """Print how two classifiers did on the same images."""
    from analysis.labels.reporting.wording import HEADLINES, number

    print_table(
        f"{first} less {second}, on the same {found.images:,} images",
        ("Measure", first, second, "Difference", "from", "to"),
        [
            (
                title,
                number(found.first[name]),
                number(found.second[name]),
                *(f"{end:+.3f}" for end in (one.mean, one.low, one.high)),
            )
            for name, title in HEADLINES.items()
            if (one := found.differences.get(name)) is not None
        ],
        numbers=(first, second, "Difference", "from", "to"),
    )
    print_facts("", list(_compared(found, first)))


def _compared(found: Comparison, first: str) -> Iterator[tuple[str, str]]:
    """Return what is to be known of a comparison."""
    verdict = "better" if found.better else "worse" if found.worse else "neither better nor worse"
    yield "verdict", f"{first} is {verdict} beyond chance"
    yield "intervals", f"95 %, paired bootstrap by {found.drawn_by}"
    if (test := found.mcnemar) is not None:
        yield (
            "right alone",
            f"{test.first_only:,} and {test.second_only:,} images; McNemar's exact test: "
            f"p = {test.p:.3f}",
        )
    for why, images in found.left_out.items():
        yield "left out", f"{images:,} images {why}"


def _evaluate(
    database: Database,
    store: ObjectStore,
    head: str,
    model: str | None,
    against: str | None,
    seed: int,
) -> Evaluation:
    from analysis.labels.measuring.evaluation import evaluate_labels

    with progress() as bars:
        task = bars.add_task("looking again", total=None)
        return evaluate_labels(
            database,
            store,
            head,
            model=model,
            against=against,
            seed=seed,
            progress=lambda _, done, total: bars.update(task, completed=done, total=total),
        )


def _write(database: Database, store: ObjectStore, found: Evaluation, out: Path) -> None:
    """Draw the report anew, with the pictures that there are now."""
    from analysis.labels.reporting.page import label_report

    model = found.model
    with database.begin() as connection:
        page = label_report(
            connection,
            store,
            model.name,
            model.version,
            model.params,
            model.metrics,
            found.predictions,
        )
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_bytes(page)
    except OSError as error:
        raise UsageError(
            f"cannot write {out} ({error.strerror}): name a file in a folder of yours."
        ) from error


def _print(found: Evaluation) -> None:
    from analysis.labels.reporting.wording import MEASURE_COLUMNS, measure_rows

    model, metrics = found.model, found.model.metrics
    own, *baselines = measure_rows(metrics, intervals=False)
    rows = [(model.label, *own[1:]), *_anew(found), *baselines]
    if on_terminal():
        rows[0] = tuple(Text(cell, style="bold green") for cell in rows[0])  # type: ignore[misc]
    print_table(f"{model.head}: measures", MEASURE_COLUMNS, rows, numbers=MEASURE_COLUMNS[1:])
    _print_classes(metrics)
    print_facts("", list(_facts(found)))
    if found.comparison is not None and found.against is not None:
        print_comparison(found.comparison, model.label, found.against.label)


def _anew(found: Evaluation) -> Iterator[tuple[str, ...]]:
    """Return rows of measures taken now, where they may differ from those recorded."""
    from analysis.labels.reporting.wording import HEADLINES, number

    def row(name: str, measured: Mapping[str, Any]) -> tuple[str, ...]:
        test = measured["test"]
        values = (*(measured[one] for one in HEADLINES), test["auc"], test["log_loss"])
        return (name, *(number(value) for value in values))

    if not found.asked.same and found.asked.measured is not None:
        yield row(f"… now, {found.asked.asked:,} images", found.asked.measured)
    if found.corrected is not None and found.corrected.measured is not None:
        yield row("… as people correct it", found.corrected.measured)


def _print_classes(metrics: Mapping[str, Any]) -> None:
    from analysis.labels.reporting.wording import class_columns, class_rows

    columns, rows = class_columns(metrics), class_rows(metrics)
    shown = rows
    if on_terminal() and len(rows) > MOST_LABELS:
        largest = sorted(metrics["per_class"], key=lambda one: -one["support"])[:MOST_LABELS]
        names = {one["label"] for one in largest}
        shown = [row for row in rows if row[0] in names]
    print_table("Labels", columns, shown, numbers=columns[1:])
    if len(shown) < len(rows):
        remark(f"{len(rows) - len(shown):,} rarer labels are not shown (--json shows them)")


def _facts(found: Evaluation) -> Iterator[tuple[str, str]]:
    from analysis.labels.reporting.card import cross_validation_sentence
    from analysis.labels.reporting.wording import (
        calibration_sentence,
        interval_facts,
        left_out_sentences,
        split_sentence,
    )

    metrics, asked, corrected = found.model.metrics, found.asked, found.corrected
    yield "split", split_sentence(metrics)
    for said in left_out_sentences(metrics):
        yield "left out", said
    yield "intervals", interval_facts(metrics)
    yield "calibration", calibration_sentence(metrics)
    if crossed := metrics.get("cross_validation"):
        yield "folds", cross_validation_sentence(crossed)
    yield "asked again", _asked(found)
    if asked.gone:
        yield "gone", f"{asked.gone:,} of the images that measured are stored no more"
    if asked.unreadable:
        yield "not readable", f"{asked.unreadable:,} of them: see `artworks verify`"
    if corrected is not None:
        said = f"people have changed the labels of {_images(corrected.images)} that measured"
        if corrected.unknown:
            said += (
                f"; {corrected.unknown:,} of these, which have no label that it knows now, do not "
                "count"
            )
        yield "corrected", said


def _asked(found: Evaluation) -> str:
    asked = found.asked
    if asked.same:
        return f"it says the same of all {_images(asked.images)} that measured it"
    said = f"of {asked.asked:,} of the {_images(asked.images)} that measured it"
    if not asked.differing:
        return f"{said}, it says the same"
    return (
        f"{said}, it says something else of {asked.differing:,}, by up to {asked.largest:.3f}: "
        f"train it anew with `artworks train {found.model.head} --force`"
    )


def _images(count: int) -> str:
    return f"{count:,} image{'' if count == 1 else 's'}"
