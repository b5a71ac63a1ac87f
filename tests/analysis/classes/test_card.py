"""The card: what was measured, told in words; nothing that the metrics do not hold."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from analysis.colors.classes.card import (
    artist_sentence,
    color_card,
    left_out_sentences,
    markdown_table,
    model_rows,
    split_sentence,
)

METRICS: dict[str, Any] = {
    "selected": "random forest",
    "accuracy": 0.9,
    "macro_f1": 0.88,
    "models": {
        "gradient boosting": {"accuracy": [0.7, 0.8], "macro_f1": [0.7, 0.7]},
        "random forest": {"accuracy": [0.9, 0.9], "macro_f1": [0.88, 0.88]},
        "logistic regression": {"accuracy": [0.7, 0.8], "macro_f1": [0.7, 0.7]},
    },
    "baselines": {"majority": 0.6, "rules": None},
    "classes": ["blue|green", "red"],
    "confusion": [[5, 1], [0, 4]],
    "support": {"red": 4, "blue|green": 6},
    "per_class": {
        "red": {"precision": 0.8, "recall": 1.0, "f1": 0.889},
        "blue|green": {"precision": 1.0, "recall": 0.833, "f1": 0.909},
    },
    "averages": {"macro": {"precision": 0.9, "recall": 0.917, "f1": 0.899}},
    "mean_average_precision": 0.95,
    "roc_auc": 0.97,
    "importance": {
        f"feature_{number}": {"mean": number / 100, "std": 0.01} for number in range(18)
    },
    "split": {"folds": 5, "rounds": 2, "not_compared": 3},
    "artist_disjoint": None,
    "seed": 4,
    "data_fingerprint": "f" * 64,
    "examples": 10,
    "left_out": {
        "two_classes": 2,
        "without_features": 0,
        "small_classes": {"teal": 3},
        "more_than_enough": 0,
    },
}
PARAMS = {
    "features": "channel-statistics/1",
    "packages": {"scikit-learn": "1.9.1"},
    "artifact_sha256": "a" * 64,
    "artifact_bytes": 2048,
}


def test_the_card_says_it_all() -> None:
    card = color_card("color-class", "3", PARAMS, METRICS)
    assert card.startswith("# color-class 3\n")
    for said in (
        "Accuracy 0.900, macro-F1 0.880",
        "| **random forest** | 0.900 ± 0.000 | 0.880 ± 0.000 |",
        "| fixed classes, untrained | not known |",
        "| the commonest class, always | 0.600 |",
        r"| blue\|green | 6 | 1.000 | 0.833 | 0.909 |",
        r"| blue\|green | 5 | 1 |",
        "| red | · | 4 |",
        "| feature_17 | 0.170 ± 0.010 |",
        "sha256 " + "f" * 64,
        "2,048 bytes",
        "scikit-learn 1.9.1",
        "Left out: classes with too few images that differ: teal (3).",
    ):
        assert said in card, said
    assert "feature_3 " not in card
    assert card.count("\n# ") == 0


def test_the_same_card_however_the_keys_are_sorted() -> None:
    other = {key: METRICS[key] for key in sorted(METRICS, reverse=True)}
    other["models"] = dict(sorted(METRICS["models"].items(), reverse=True))
    assert color_card("c", "1", PARAMS, other) == color_card("c", "1", PARAMS, METRICS)


def test_the_best_is_first_and_of_equals_the_simplest() -> None:
    assert [name for name, *_ in model_rows(METRICS)][:3] == [
        "random forest",
        "logistic regression",
        "gradient boosting",
    ]


def test_sentences() -> None:
    assert split_sentence(METRICS) == (
        "10 images of 2 classes, 5 folds × 2, seed 4; images that look the same are in one fold "
        "(3 were not compared yet)"
    )
    assert "too few artists" in artist_sentence(METRICS)
    known = deepcopy(METRICS)
    known["artist_disjoint"] = {"accuracy": [0.8, 1.0], "macro_f1": [0.8, 0.8], "artists": 7}
    assert artist_sentence(known) == (
        "random forest with each artist in one fold (7 artists): 0.900 ± 0.100, macro-F1 "
        "0.800 ± 0.000"
    )
    assert left_out_sentences(METRICS)[0] == "2 images that are called several colours"


@pytest.mark.parametrize("cell", ["a|b", "two\nlines", "two\r\n\tlines"])
def test_cells_cannot_break_a_table(cell: str) -> None:
    lines = markdown_table(("one", "two"), [(cell, "x")]).splitlines()
    assert len(lines) == 3
    assert lines[2].replace(r"\|", "").count("|") == 3
