"""The card of a classifier: what it is for, how it was measured, what it cannot tell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from analysis.colors.classes.card import markdown_table
from analysis.labels.reporting.wording import (
    AVERAGES,
    MEASURE_COLUMNS,
    METHODS,
    average_rows,
    calibration_sentence,
    class_columns,
    class_rows,
    confusions,
    headline_sentence,
    interval_sentence,
    left_out_sentences,
    limits,
    measure_rows,
    number,
    plain,
    split_sentence,
)

MOST_CLASSES: Final = 40
"""Classes that are named in the first sentence; all are in the table."""
MOST_CONFUSIONS: Final = 8


def label_card(
    name: str, version: str, params: Mapping[str, Any], metrics: Mapping[str, Any]
) -> str:
    """Return the card in Markdown; the same for the same parameters and metrics."""
    parts = [
        f"# {name} {version}",
        purpose(params, metrics),
        headline_sentence(metrics),
        "## How it was measured",
        f"{split_sentence(metrics)[:1].upper()}{split_sentence(metrics)[1:]}.",
        markdown_table(MEASURE_COLUMNS, measure_rows(metrics)),
        interval_sentence(metrics),
        markdown_table(("Averaged over labels", *AVERAGES), average_rows(metrics)),
        *_folds(metrics),
        "## Labels",
        markdown_table(class_columns(metrics), class_rows(metrics)),
        *_confused(metrics),
        "## How sure it is",
        calibration_sentence(metrics),
        "## What it cannot tell",
        "\n".join(f"- {said}" for said in limits(params, metrics)),
        "## Where it comes from",
        "\n".join(f"- {said}" for said in origin(params, metrics)),
    ]
    return "\n\n".join(parts) + "\n"


def purpose(params: Mapping[str, Any], metrics: Mapping[str, Any]) -> str:
    """Say what it tells of an image, and what it looks at."""
    head, classes = params["dataset"]["head"], metrics["classes"]
    named = ", ".join(classes[:MOST_CLASSES])
    if len(classes) > MOST_CLASSES:
        named += f" and {len(classes) - MOST_CLASSES} others"
    several = metrics["labels"] == "multi"
    what = f"Says which labels of {head} fit an image" if several else f"Says which {head} it is"
    reads = (
        f"the vectors of {params['embedding']}"
        if params["reads"] == "embeddings"
        else "the pixels of previews"
    )
    method = METHODS.get(params["method"], params["method"])
    return (
        f"{what}, out of {len(classes):,}: {named}. The words are those of the pages that the "
        f"examples come from. It is {method} that reads {reads}."
    )


def origin(params: Mapping[str, Any], metrics: Mapping[str, Any]) -> list[str]:
    """Say what it was made of, so that it can be made again, one sentence each."""
    packages = ", ".join(f"{one} {version}" for one, version in params["packages"].items())
    balance = {
        "none": "classes of unequal size were left as they are",
        "weights": "errors weigh more in rare classes",
        "sampling": "examples of rare classes were drawn more often",
    }.get(params["balance"], params["balance"])
    chosen = ", ".join(f"{plain(key)} {_short(value)}" for key, value in metrics["chosen"].items())
    said = [
        f"Asked for: {asked(params['dataset'])}.",
        *(f"Left out: {one}." for one in left_out_sentences(metrics)),
        f"Examples: sha256 {metrics['data_fingerprint']} over image and labels.",
        f"Split: {metrics['split'].get('id', '')} in the table `splits`, sha256 "
        f"{metrics['split']['fingerprint']}.",
        f"Learned by {params['method']}, seed {params['seed']}; {balance}"
        + (f"; chosen on validation: {chosen}." if chosen else "."),
        f"Artifact: sha256 {params['artifact_sha256']}, {params['artifact_bytes']:,} bytes.",
        f"Made with {packages}.",
    ]
    if params.get("predictions_sha256"):
        said.insert(-1, f"What it said of each image: sha256 {params['predictions_sha256']}.")
    return said


def asked(query: Mapping[str, Any]) -> str:
    """Return a query of examples in words."""
    parts = [f"{query['head']}, {'several labels' if query['mode'] == 'multi' else 'one label'}"]
    if query.get("site"):
        parts.append(f"site {query['site']}")
    parts += list(query.get("terms") or ())
    if query.get("year_from") is not None:
        parts.append(f"from {query['year_from']}")
    if query.get("year_to") is not None:
        parts.append(f"to {query['year_to']}")
    parts.append(f"at least {query['min_support']} images each")
    if query.get("top"):
        parts.append(f"the {query['top']} commonest")
    if query.get("undersample"):
        parts.append(f"at most {query['undersample']:g} times the smallest class")
    if query.get("bins"):
        parts.append("periods from " + ", ".join(str(year) for year in query["bins"]))
    if query.get("merge"):
        parts.append(
            "merged: "
            + ", ".join(f"{old} → {new or 'nothing'}" for old, new in query["merge"].items())
        )
    if query.get("only"):
        parts.append("only " + ", ".join(query["only"]))
    if query.get("weak"):
        parts.append("with what an artist's page says")
    return ", ".join(parts)


def _folds(metrics: Mapping[str, Any]) -> list[str]:
    """Return how it did in cross-validation, where that was asked for."""
    found = metrics.get("cross_validation")
    return [cross_validation_sentence(found)] if found else []


def cross_validation_sentence(found: Mapping[str, Any]) -> str:
    """Say what repeated cross-validation came to."""
    told = [
        f"{title} {number(found[name]['mean'])} ({number(found[name]['low'])} to "
        f"{number(found[name]['high'])})"
        for name, title in (("accuracy", "accuracy"), ("f1_macro", "macro-F1"), ("map", "mAP"))
        if isinstance(found.get(name), Mapping) and "mean" in found[name]
    ]
    times = f"{found['folds']} folds × {found['rounds']}"
    return f"In cross-validation ({times}): {', '.join(told)}; bootstrap over {found['drawn_by']}."


def _confused(metrics: Mapping[str, Any]) -> list[str]:
    found = confusions(metrics, MOST_CONFUSIONS)
    if not found:
        return []
    rows = [(truth, said, f"{count:,} of {total:,}") for truth, said, count, total in found]
    return ["Most often taken for something else:", markdown_table(("Is", "Said", "Images"), rows)]


def _short(value: Any) -> str:
    return f"{value:g}" if isinstance(value, int | float) else str(value)
