"""The card says what a classifier is for, how it was measured, and what that cannot tell."""

from __future__ import annotations

from typing import Any

import pytest

from analysis.labels.heads import MODES, Mode
from analysis.labels.reporting.card import label_card
from analysis.labels.reporting.wording import limits, measure_rows, split_sentence
from tests.analysis.labels.judged import judged


@pytest.mark.parametrize("mode", MODES)
def test_a_card(mode: Mode) -> None:
    params, metrics, _ = judged(mode)
    card = label_card("probe-style", "3", params, metrics)
    assert card == label_card("probe-style", "3", params, metrics)
    assert card.startswith("# probe-style 3\n\nSays which ")
    titles = [line for line in card.splitlines() if line.startswith("## ")]
    assert titles == [
        "## How it was measured",
        "## Labels",
        "## How sure it is",
        "## What it cannot tell",
        "## Where it comes from",
    ]
    name, value = ("mAP", "map") if mode == "multi" else ("Accuracy", "accuracy")
    assert f"\n\n{name} {metrics[value]:.3f} (" in card
    assert "| always the commonest |" in card
    assert ("| saying nothing |" in card) == (mode == "multi")
    assert ("Most often taken for something else" in card) == (mode == "single")
    assert "100 images taught, 40 chose, 60 measured, seed 0" in card
    assert f"sha256 {metrics['data_fingerprint']} over image and labels" in card
    assert "numpy 2.4.6, scikit-learn 1.9.1" in card
    assert "C 0.1" in card
    assert "In cross-validation" not in card
    for one in metrics["per_class"]:
        assert f"| {one['label']} | {one['support']} |" in card


def test_what_cannot_be_told_depends_on_how_it_was_split() -> None:
    params, metrics, _ = judged("single")

    def said(policy: str, **changed: Any) -> str:
        split = {**metrics["split"], "policy": policy}
        return "\n".join(limits(params, {**metrics, "split": split, **changed}))

    assert "New artists" in said("random")
    assert "New artists" not in said("artists")
    assert "--split site" in said("random")
    assert "--split site" not in said("site")
    assert "all examples come from museum" in said("artists", sites={"museum": 200})
    assert "every part mixes 2 sites" in said("random", sites={"museum": 100, "other": 100})
    assert "12 labels were inherited" in said("random", weak=12)
    assert "fewer than 20 images" in said("random")


def test_what_is_not_defined_is_left_open() -> None:
    params, metrics, _ = judged("single")
    metrics["per_class"][0] |= {
        "support": 0, "precision": None, "recall": None, "f1": None, "ap": None, "auc": None,
    }  # fmt: skip
    metrics["left_out"] = {"several_labels": 1200, "something_new": 3, "none": 0}
    metrics["intervals"]["map"] = None
    metrics["calibration"] |= {"note": "not chosen: 3 validation images", "temperature": 1.0}
    metrics["cross_validation"] = {
        name: {"mean": 0.9, "low": 0.85, "high": 0.93} for name in ("accuracy", "f1_macro", "map")
    } | {"folds": 5, "rounds": 5, "drawn_by": "artists"}
    card = label_card("probe-style", "1", params, metrics)
    assert "| label 00 | 0 |  |  |  |  |  |" in card
    assert "1,200 images that have several labels" in card
    assert "3 images (something new)" in card
    assert "0 images (none)" not in card
    assert "temperature of 1.00 (not chosen: 3 validation images)" in card
    assert "In cross-validation (5 folds × 5): accuracy 0.900 (0.850 to 0.930)" in card
    assert measure_rows(metrics)[0][3] == f"{metrics['map']:.3f}"


def test_the_split_says_what_was_kept_apart() -> None:
    _, metrics, _ = judged("single")
    metrics["split"] |= {"policy": "artists", "removed": 7}
    assert "works by one artist" in split_sentence(metrics)
    assert "7 that look like what measured were removed" in split_sentence(metrics)
    assert "not looked for" not in split_sentence(metrics)
    metrics["split"]["not_compared"] = 12
    assert (
        "of 12 images, look-alikes were not looked for yet: `artworks duplicates`"
        in split_sentence(metrics)
    )


def test_labels_of_pages_stay_in_their_cells() -> None:
    names = ("a | b", "c\nd", "e", "f")
    params, metrics, _ = judged("single", names=names)
    card = label_card("probe-style", "1", params, metrics)
    assert r"| a \| b |" in card
    assert "| c d |" in card
