"""The card of a trained classifier of colours: what it is for, and how far it can be trusted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from analysis.colors.classes.candidates import CANDIDATES

TOP_FEATURES = 6
"""Features that the card names, the most important first."""


def color_card(
    name: str, version: str, params: Mapping[str, Any], metrics: Mapping[str, Any]
) -> str:
    """Return the card in Markdown; the same for the same parameters and metrics."""
    sections = (
        _heading(name, version, params, metrics),
        _models(metrics),
        _classes(metrics),
        _confusion(metrics),
        _importance(metrics),
        _origin(params, metrics),
    )
    return "\n\n".join(sections) + "\n"


def model_rows(metrics: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return name, accuracy and macro-F1 of each classifier, the best first, then the baselines."""
    rows = [
        (name, spread(scores["accuracy"]), spread(scores["macro_f1"]))
        for name, scores in sorted(metrics["models"].items(), key=_merit)
    ]
    rules = metrics["baselines"]["rules"]
    rows.append(("fixed classes, untrained", "not known" if rules is None else f"{rules:.3f}", ""))
    rows.append(("the commonest class, always", f"{metrics['baselines']['majority']:.3f}", ""))
    return rows


def _merit(item: tuple[str, Mapping[str, Sequence[float]]]) -> tuple[float, float, int]:
    """Sort like the selection does: by accuracy, then by macro-F1, then in the usual order."""
    name, scores = item
    return (
        -float(np.mean(scores["accuracy"])),
        -float(np.mean(scores["macro_f1"])),
        list(CANDIDATES).index(name) if name in CANDIDATES else len(CANDIDATES),
    )


def spread(scores: Sequence[float]) -> str:
    """Return mean ± standard deviation of the folds."""
    return f"{np.mean(scores):.3f} ± {np.std(scores):.3f}"


def split_sentence(metrics: Mapping[str, Any]) -> str:
    """Say how the examples were split."""
    split = metrics["split"]
    said = (
        f"{metrics['examples']:,} images of {len(metrics['classes'])} classes, "
        f"{split['folds']} folds × {split['rounds']}, seed {metrics['seed']}; "
        "images that look the same are in one fold"
    )
    if split["not_compared"]:
        said += f" ({split['not_compared']:,} were not compared yet)"
    return said


def artist_sentence(metrics: Mapping[str, Any]) -> str:
    """Say how it does on artists that it has not learned from."""
    apart = metrics["artist_disjoint"]
    if apart is None:
        return "too few artists, or too few of each class, to keep each artist in one fold"
    return (
        f"{metrics['selected']} with each artist in one fold ({apart['artists']:,} artists): "
        f"{spread(apart['accuracy'])}, macro-F1 {spread(apart['macro_f1'])}"
    )


def left_out_sentences(metrics: Mapping[str, Any]) -> list[str]:
    """Say which images and classes were not learned from, and why."""
    left = metrics["left_out"]
    said = []
    if left["two_classes"]:
        said.append(f"{left['two_classes']:,} images that are called several colours")
    if left["without_features"]:
        said.append(
            f"{left['without_features']:,} images without channel statistics "
            "(`artworks analyze features`)"
        )
    if left["small_classes"]:
        named = ", ".join(f"{label} ({count})" for label, count in left["small_classes"].items())
        said.append(f"classes with too few images that differ: {named}")
    if left["more_than_enough"]:
        said.append(f"{left['more_than_enough']:,} images of classes that have more than enough")
    return said


def _heading(name: str, version: str, params: Mapping[str, Any], metrics: Mapping[str, Any]) -> str:
    averages = metrics["averages"]["macro"]
    return (
        f"# {name} {version}\n\n"
        f"Says which colour class an image is of, out of {', '.join(metrics['classes'])}: the "
        "words are those of the sites that the examples come from. A "
        f"{metrics['selected']} reads the 18 channel statistics of the preview "
        f"({params['features']}); no pixels are needed.\n\n"
        f"Accuracy {metrics['accuracy']:.3f}, macro-F1 {metrics['macro_f1']:.3f} in "
        f"cross-validation. In its first round: precision {averages['precision']:.3f}, recall "
        f"{averages['recall']:.3f} (macro), mean average precision "
        f"{metrics['mean_average_precision']:.3f}, ROC-AUC {metrics['roc_auc']:.3f}."
    )


def _models(metrics: Mapping[str, Any]) -> str:
    rows = [
        (f"**{name}**" if name == metrics["selected"] else name, *scores)
        for name, *scores in model_rows(metrics)
    ]
    return (
        "## What was compared\n\n"
        + markdown_table(("classifier", "accuracy", "macro-F1"), rows)
        + f"\n\nMean ± standard deviation over the folds. Split: {split_sentence(metrics)}. "
        f"By artist: {artist_sentence(metrics)}."
    )


def _classes(metrics: Mapping[str, Any]) -> str:
    rows = [
        (
            label,
            str(metrics["support"][label]),
            *(f"{scores[part]:.3f}" for part in ("precision", "recall", "f1")),
        )
        for label in metrics["classes"]
        for scores in [metrics["per_class"][label]]
    ]
    table = markdown_table(("class", "images", "precision", "recall", "F1"), rows)
    return f"## Classes\n\n{table}"


def _confusion(metrics: Mapping[str, Any]) -> str:
    classes = metrics["classes"]
    rows = [
        (label, *(str(count) if count else "·" for count in counts))
        for label, counts in zip(classes, metrics["confusion"], strict=True)
    ]
    table = markdown_table(("is ↓ said →", *classes), rows)
    return f"## Confusion\n\n{table}"


def _importance(metrics: Mapping[str, Any]) -> str:
    found = sorted(metrics["importance"].items(), key=lambda item: -item[1]["mean"])
    rows = [
        (name, f"{lost['mean']:.3f} ± {lost['std']:.3f}") for name, lost in found[:TOP_FEATURES]
    ]
    return (
        "## What it looks at\n\n"
        + markdown_table(("feature", "accuracy lost when it is shuffled"), rows)
        + "\n\nFeatures that say the same share the loss: a small one does not mean that the "
        "colour channel tells nothing."
    )


def _origin(params: Mapping[str, Any], metrics: Mapping[str, Any]) -> str:
    packages = ", ".join(f"{name} {version}" for name, version in params["packages"].items())
    left = "".join(f"\n- Left out: {said}." for said in left_out_sentences(metrics))
    return (
        "## Where it comes from\n\n"
        f"- Examples: sha256 {metrics['data_fingerprint']} over image and class.\n"
        f"- Artifact: sha256 {params['artifact_sha256']}, {params['artifact_bytes']:,} bytes.\n"
        f"- Made with {packages}.{left}"
    )


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown; pipes in cells are escaped."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(
        "| " + " | ".join(" ".join(cell.split()).replace("|", r"\|") for cell in line) + " |"
        for line in lines
    )
