"""What may be chosen of networks, and what is said of what cannot be."""

from __future__ import annotations

import json
from typing import Any

import pytest

from analysis.errors import WrongDataset
from analysis.labels.networks.augmentation import PRESETS
from analysis.labels.networks.precision import precision_on
from analysis.labels.networks.recipes import FINE_TUNE, CnnRecipe, TransferRecipe

Kind = type[TransferRecipe] | type[CnnRecipe]


@pytest.mark.parametrize("kind", [TransferRecipe, CnnRecipe])
def test_a_recipe_is_written_as_json_gives_it_back(kind: Kind) -> None:
    said = kind(augmentation=PRESETS["strong"]).as_dict()
    assert json.loads(json.dumps(said)) == said
    assert said["augmentation"] == PRESETS["strong"].as_dict()
    assert said["learning_rate"] == "auto"


@pytest.mark.parametrize("share", FINE_TUNE)
def test_shares_that_can_be_fine_tuned(share: int) -> None:
    assert TransferRecipe(fine_tune=share).as_dict()["fine_tune"] == share


@pytest.mark.parametrize(
    ("kind", "choice", "said"),
    [
        (TransferRecipe, {"fine_tune": 20}, r"--fine-tune 20 is no choice: give 10, 15, 30, 100"),
        (TransferRecipe, {"hidden": (64, 0)}, r"layers of \(64, 0\) neurons"),
        (TransferRecipe, {"dropout": 1.0}, r"--dropout 1.0 cannot be: give 0 to 0.95"),
        (TransferRecipe, {"views": 0}, r"--views 0 cannot be: give 1 to 64"),
        (TransferRecipe, {"l2": -1.0}, r"--l2 -1.0 cannot be"),
        (TransferRecipe, {"fine_tune_rate": 0.0}, r"^fine_tune_rate 0.0 cannot be"),
        (TransferRecipe, {"learning_rate": 0.0}, r"--learning-rate 0.0 cannot be: give auto"),
        (TransferRecipe, {"learning_rate": float("nan")}, r"--learning-rate nan cannot be"),
        (CnnRecipe, {"batch": 1}, r"--batch 1 cannot be: give 2 to 4,096"),
        (CnnRecipe, {"epochs": 0}, r"--epochs 0 cannot be: give 1 or more"),
        (CnnRecipe, {"label_smoothing": 0.9}, r"--label-smoothing 0.9 cannot be"),
        (CnnRecipe, {"blocks": ()}, "give at least one"),
        (CnnRecipe, {"size": 32, "blocks": (8,) * 6}, r"6 blocks halve.*at least 64"),
    ],
)
def test_what_cannot_be(kind: Kind, choice: dict[str, Any], said: str) -> None:
    with pytest.raises(WrongDataset, match=said):
        kind(**choice)


def test_half_the_bits_only_where_a_gpu_is() -> None:
    assert precision_on(["CPU"]) == "float32"
    assert precision_on([]) == "float32"
    assert precision_on(["CPU", "GPU"]) == "mixed_float16"
