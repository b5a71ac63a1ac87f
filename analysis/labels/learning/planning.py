"""What a training depends on, all of it: checked, read from the collection, and split."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from analysis.embeddings.stored import Vectors, embedding_model
from analysis.errors import WrongDataset
from analysis.labels.dataset import Dataset, DatasetQuery, Split
from analysis.labels.datasets.embedded import with_vectors
from analysis.labels.datasets.reading import count_not_compared, read_dataset
from analysis.labels.datasets.splitting import draw_split
from analysis.labels.datasets.stored_splits import load_split, store_split
from analysis.labels.learning.cross_validation import check_folds
from analysis.labels.learning.methods import Method, Recipe
from analysis.labels.learning.probe import ProbeRecipe
from analysis.labels.task import BALANCES, Balance
from analysis.registry.models import Model
from storage.database import Database


@dataclass(frozen=True)
class Request:
    """What people ask for, see `analysis.labels.learning.training.train_labels`."""

    query: DatasetQuery
    method: Method
    recipe: Recipe
    policy: str
    split: str | None
    balance: Balance
    embedding: str | None
    folds: int | None
    rounds: int
    seed: int

    def check(self) -> None:
        """Raise WrongDataset where it contradicts itself; nothing is read for that."""
        method, folds, rounds = self.method, self.folds, self.rounds
        if self.balance not in BALANCES:
            raise WrongDataset(
                f'there is no balance "{self.balance}": choose from {", ".join(BALANCES)}.'
            )
        if not method.reads_embeddings and self.embedding is not None:
            raise WrongDataset(
                f"the method {method.name} learns from pictures alone: leave --model away, or "
                "choose the method probe or transfer."
            )
        if folds is None and rounds != 1:
            raise WrongDataset("rounds are those of a cross-validation: give --folds as well.")
        if folds is None:
            return
        if not isinstance(self.recipe, ProbeRecipe):
            raise WrongDataset(
                f"cross-validation would train {folds * rounds} times, which only the method probe "
                "is quick enough for: leave --folds away, or choose the method probe."
            )
        check_folds(folds, rounds)


@dataclass(frozen=True)
class Plan:
    """What was asked for, and the examples that were found."""

    request: Request
    dataset: Dataset
    vectors: Vectors | None
    """(n, d) of its images, where embeddings are read."""
    embedding: Model | None
    split: Split
    split_id: int
    """In the table `splits`."""
    not_compared: int
    """Images of which nobody has looked yet which others look the same."""
    params: Mapping[str, Any]
    """All that what is learned depends on, besides the examples, as JSON gives it back."""

    @property
    def name(self) -> str:
        """The name of the model."""
        return f"{self.request.method.name}-{self.dataset.query.head}"

    def is_that_of(self, model: Model) -> bool:
        """Whether the same would be learned; cross-validation only measures: it may be there."""
        wanted = dict(self.params)
        if self.request.folds is None:
            del wanted["folds"], wanted["rounds"]
        return model.data_fingerprint == self.dataset.fingerprint and all(
            model.params.get(key) == value for key, value in wanted.items()
        )


def plan_training(database: Database, request: Request) -> Plan:
    """Read the examples, and split them; the split is stored at once.

    Raises NothingToTrain, NoEmbeddings, NoSuchModel, and WrongDataset for splits that there are
    not or cannot be.
    """
    method, embedding = request.method, request.embedding
    with database.begin() as connection:
        model = embedding_model(connection, embedding) if method.reads_embeddings else None
        dataset = read_dataset(connection, request.query)
        vectors: Vectors | None = None
        if model is not None:
            dataset, vectors = with_vectors(connection, dataset, model)
        if request.split is None:
            split = draw_split(dataset, request.policy, seed=request.seed)
            split_id = store_split(connection, dataset, split)
        else:
            split_id, split = load_split(connection, dataset, request.split)
        not_compared = count_not_compared(connection, dataset)
    params = {
        "method": method.name,
        "labels": request.query.mode,
        "classes": list(dataset.classes),
        "embedding": None if model is None else model.label,
        "dimensions": None if model is None else model.params["dimensions"],
        "balance": request.balance,
        "recipe": request.recipe.as_dict(),
        "dataset": request.query.as_dict(),
        "split": {
            "id": split_id,
            "policy": split.policy,
            "seed": split.seed,
            "fingerprint": split.fingerprint,
        },
        "seed": request.seed,
        "folds": request.folds,
        "rounds": request.rounds,
        "packages": method.versions(),
    }
    return Plan(request, dataset, vectors, model, split, split_id, not_compared, plain(params))


def plain(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return what JSON gives back of a document, with which a stored one is compared."""
    given: dict[str, Any] = json.loads(json.dumps(value, allow_nan=False))
    return given
