"""How labels can be learned: the methods, and what each of them needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError
from types import MappingProxyType
from typing import Any, Final, Protocol

from analysis.errors import WrongDataset
from analysis.labels.scorer import Fitted
from analysis.labels.task import Task
from analysis.registry.artifacts import package_versions


class Recipe(Protocol):
    """How a method learns; which values there are depends on the method."""

    def as_dict(self) -> dict[str, Any]:
        """Return this for JSON."""
        ...


@dataclass(frozen=True)
class Method:
    """A way of learning labels; what it is made of is imported when it is wanted."""

    name: str
    fitter: tuple[str, str]
    """Module and function: (task, recipe) to Fitted."""
    recipe: tuple[str, str]
    """Module and class of its recipe."""
    reads_embeddings: bool
    """Whether it learns from stored embeddings; otherwise, from pictures alone."""
    packages: tuple[str, ...]
    """What its numbers depend on; of several names of one package, that which is installed."""

    def fit(self, task: Task, recipe: Recipe) -> Fitted:
        """Learn from examples."""
        module, function = self.fitter
        fitted: Fitted = getattr(import_module(module), function)(task, recipe)
        return fitted

    def default_recipe(self) -> Recipe:
        """Return the recipe that is followed unless people say otherwise."""
        module, kind = self.recipe
        recipe: Recipe = getattr(import_module(module), kind)()
        return recipe

    def versions(self) -> dict[str, str]:
        """Return the versions of the packages that it needs, as far as they are installed."""
        found: dict[str, str] = {}
        for name in self.packages:
            try:
                found |= package_versions((name,))
            except PackageNotFoundError:
                continue
        return found


_RECIPES: Final = "analysis.labels.networks.recipes"
_ALL: Final = (
    Method(
        "probe",
        ("analysis.labels.learning.probe", "fit_probe"),
        ("analysis.labels.learning.probe", "ProbeRecipe"),
        reads_embeddings=True,
        packages=("numpy", "scikit-learn"),
    ),
    Method(
        "transfer",
        ("analysis.labels.networks.transfer", "fit_transfer"),
        (_RECIPES, "TransferRecipe"),
        reads_embeddings=True,
        packages=("keras", "numpy", "tensorflow", "tensorflow-cpu"),
    ),
    Method(
        "cnn",
        ("analysis.labels.networks.cnn", "fit_cnn"),
        (_RECIPES, "CnnRecipe"),
        reads_embeddings=False,
        packages=("keras", "numpy", "tensorflow", "tensorflow-cpu"),
    ),
)
METHODS: Final[Mapping[str, Method]] = MappingProxyType({method.name: method for method in _ALL})
"""By name."""


def find_method(name: str) -> Method:
    """Return the method of this name. Raises WrongDataset, naming those that there are."""
    if name not in METHODS:
        raise WrongDataset(f'there is no method "{name}": choose from {", ".join(METHODS)}.')
    return METHODS[name]
