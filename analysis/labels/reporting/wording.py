"""What is measured of a classifier in words and rows: for its card, its report, the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

MEASURE_COLUMNS: Final = ("Said by", "Accuracy", "Macro-F1", "mAP", "AUC", "Log loss")
BASELINES: Final[Mapping[str, str]] = {
    "majority": "always the commonest",
    "base_rate": "guessing in proportion",
    "all_zero": "saying nothing",
}
AVERAGES: Final = ("macro", "micro", "weighted")
HEADLINES: Final[Mapping[str, str]] = {"accuracy": "accuracy", "f1_macro": "macro-F1", "map": "mAP"}
"""Measures that have an interval, by their names in the metrics."""
METHODS: Final[Mapping[str, str]] = {
    "probe": "a logistic regression",
    "transfer": "a dense head on a network that was trained elsewhere",
    "cnn": "a small convolutional network that was trained from scratch",
}
FEW: Final = 20
"""Fewer images of a class than this measure it badly."""
_REASONS: Final[Mapping[str, str]] = {
    "several_labels": "that have several labels",
    "several_periods": "of years that lie in several periods",
    "no_label_left": "whose labels are all too rare, or dropped",
    "small_classes": "of labels that are too rare",
    "not_among_top": "of labels that are not among the commonest",
    "undersampled": "of labels that have more than enough",
    "beyond_most": "more than are learned from at once",
    "without_vector": "that have not been embedded (`artworks analyze embeddings`)",
}
_APART: Final[Mapping[str, str]] = {
    "artists": "works by one artist, and images that look the same, are in one part",
    "site": "the works of a site are in one part, so that it was measured on sites that did not "
    "teach",
    "random": "images that look the same are in one part; artists and sites are in several",
    "given": "the parts came with the data",
}


def number(value: float | None) -> str:
    """Return a measure for people; nothing where it is not defined."""
    return "" if value is None else f"{value:.3f}"


def between(interval: Mapping[str, float]) -> str:
    """Return the ends of an interval: 0.890 to 0.934."""
    return f"{interval['low']:.3f} to {interval['high']:.3f}"


def measure_title(name: str, metrics: Mapping[str, Any]) -> str:
    """Return what people call a headline measure."""
    if name == "accuracy" and metrics["labels"] == "multi":
        return "all labels right"
    return HEADLINES[name]


def measure_rows(metrics: Mapping[str, Any], *, intervals: bool = True) -> list[tuple[str, ...]]:
    """Return the classifier's measures, with their intervals, then those of the baselines."""
    test, ends = metrics["test"], metrics["intervals"] if intervals else {}
    own = (
        f"{number(metrics[name])} ({between(ends[name])})"
        if ends.get(name) and metrics[name] is not None
        else number(metrics[name])
        for name in HEADLINES
    )
    rows: list[tuple[str, ...]] = [
        ("this classifier", *own, number(test["auc"]), number(test["log_loss"]))
    ]
    for name, said in BASELINES.items():
        found = metrics["baselines"].get(name)
        if found:
            told = (number(found.get(key)) for key in (*HEADLINES, "auc", "log_loss"))
            rows.append((said, *told))
    return rows


def average_rows(metrics: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Return precision, recall and F1, each macro, micro and weighted."""
    return [
        (name, *(number(metrics["test"][name.lower()].get(way)) for way in AVERAGES))
        for name in ("Precision", "Recall", "F1")
    ]


def class_columns(metrics: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the headings of `class_rows`."""
    columns = ("Label", "Images", "Precision", "Recall", "F1", "AP", "AUC")
    return (*columns, "Limit") if metrics["labels"] == "multi" else columns


def class_rows(metrics: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Return each class with its measures; of several labels, also from when it is accepted."""
    rows = []
    for one in metrics["per_class"]:
        told = [number(one[name]) for name in ("precision", "recall", "f1", "ap", "auc")]
        if metrics["labels"] == "multi":
            told.append(number(one["threshold"]))
        rows.append((one["label"], f"{one['support']:,}", *told))
    return rows


def split_sentence(metrics: Mapping[str, Any]) -> str:
    """Say what taught, what chose, what measured, and what was kept apart."""
    split, images = metrics["split"], metrics["images"]
    said = (
        f"{images['train']:,} images taught, {images['validation']:,} chose, "
        f"{images['test']:,} measured, seed {split['seed']}; {_APART[split['policy']]}"
    )
    if split.get("not_compared"):
        said += (
            f" (of {split['not_compared']:,} images, look-alikes were not looked for yet: "
            "`artworks duplicates`)"
        )
    if split.get("removed"):
        said += f"; {split['removed']:,} that look like what measured were removed"
    return said


def left_out_sentences(metrics: Mapping[str, Any]) -> list[str]:
    """Say how many images were found and not learned from, and why."""
    return [
        f"{count:,} images {_REASONS.get(reason, f'({plain(reason)})')}"
        for reason, count in metrics["left_out"].items()
        if count
    ]


def plain(name: str) -> str:
    """Return a name of the code for people."""
    return name.replace("_", " ").replace("-", " ")


def headline(metrics: Mapping[str, Any]) -> str:
    """Return the name of the measure that tells most: accuracy, or mAP where labels are several.

    Of several labels, accuracy counts an image only where all of them are right.
    """
    return "map" if metrics["labels"] == "multi" else "accuracy"


def best_baseline(metrics: Mapping[str, Any], measure: str) -> tuple[str, float] | None:
    """Return the best baseline by a measure and what it reaches."""
    known = [
        (said, float(found[measure]))
        for name, said in BASELINES.items()
        if (found := metrics["baselines"].get(name)) and found.get(measure) is not None
    ]
    return max(known, key=lambda one: one[1], default=None)


def headline_sentence(metrics: Mapping[str, Any]) -> str:
    """Say how good it is, how sure that is, and what needs no learning reaches."""
    name = headline(metrics)
    said = f"{HEADLINES[name]} {number(metrics[name])}"
    if interval := metrics["intervals"].get(name):
        said += f" ({between(interval)})"
    if (base := best_baseline(metrics, name)) is not None:
        said += f"; {base[0]} reaches {number(base[1])}"
    return f"{said if name == 'map' else said.capitalize()}."


def interval_sentence(metrics: Mapping[str, Any]) -> str:
    """Say what the numbers in brackets are."""
    return (
        f"In brackets: {metrics['level'] * 100:g} % intervals by bootstrap over "
        f"{metrics['drawn_by']}."
    )


def interval_facts(metrics: Mapping[str, Any]) -> str:
    """Return the intervals in one line, and what they were drawn by."""
    told = [
        f"{HEADLINES[name]} {between(interval)}"
        for name, interval in metrics["intervals"].items()
        if interval
    ]
    return (
        f"{', '.join(told)} ({metrics['level'] * 100:g} %, by bootstrap over {metrics['drawn_by']})"
    )


def calibration_sentence(metrics: Mapping[str, Any]) -> str:
    """Say whether it is right as often as it says."""
    found = metrics["calibration"]
    before, after = found["before"]["ece"], found["after"]["ece"]
    said = f"Its scores were divided by a temperature of {found['temperature']:.2f}"
    said += f" ({found['note']})" if found.get("note") else ", chosen on validation"
    if before is None or after is None:
        return f"{said}."
    return (
        f"{said}. The expected calibration error, how far it is from being right as often as it "
        f"says, went from {100 * before:.1f} to {100 * after:.1f} % on the images that measured."
    )


def confusions(metrics: Mapping[str, Any], most: int) -> list[tuple[str, str, int, int]]:
    """Return what is most often taken for what: label, what was said, how often, of how many."""
    if metrics["confusion"] is None:
        return []
    classes: Sequence[str] = metrics["classes"]
    found = [
        (classes[row], classes[column], count, sum(counts))
        for row, counts in enumerate(metrics["confusion"])
        for column, count in enumerate(counts)
        if count and row != column
    ]
    return sorted(found, key=lambda one: (-one[2], -one[2] / one[3], one[0], one[1]))[:most]


def limits(params: Mapping[str, Any], metrics: Mapping[str, Any]) -> list[str]:
    """Say what the measures cannot tell, by how the examples were found and split."""
    said = []
    policy, head = metrics["split"]["policy"], params["dataset"]["head"]
    sites = metrics.get("sites") or {}
    only = params["dataset"].get("site")
    if len(sites) == 1 or only:
        name = only or next(iter(sites))
        said.append(
            f"Other sources: all examples come from {name}, with its way to choose, photograph and "
            "describe. No split of one source shows what it does elsewhere."
        )
    elif policy != "site":
        many = f"{len(sites)} sites" if sites else "the collection"
        said.append(
            f"Other sources: every part mixes {many}. How it does on a site that did not teach is "
            f"not in these numbers (`artworks train {head} --split site` measures that)."
        )
    if policy == "artists":
        said.append(
            "More works by the artists that taught it: it was measured on others, and may well do "
            "better on these."
        )
    elif head != "artist":
        said.append(
            "New artists: works of those that taught may be among those that measured, so that "
            "knowing a hand again counts as success. Expect less of artists that it has not seen."
        )
    if metrics["labels"] == "single":
        said.append(
            "That it is none of these: of every image it says one of its labels. Odd images are "
            "flagged (`artworks label`), and what it was not taught it cannot say."
        )
    else:
        said.append(
            "What a page does not say: a label that is missing counts as absent, so that some "
            "of its errors may be gaps of the pages."
        )
    small = [one["label"] for one in metrics["per_class"] if one["support"] < FEW]
    if small:
        named = ", ".join(small[:8]) + (f" and {len(small) - 8} others" if len(small) > 8 else "")
        said.append(f"Much about {named}: fewer than {FEW} images of each measured it.")
    if metrics.get("weak"):
        said.append(
            f"What the picture shows: {metrics['weak']:,} labels were inherited from an artist's "
            "page, and say what the artist did."
        )
    return said
