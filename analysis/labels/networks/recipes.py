"""How networks are fitted: what people may choose, checked before anything is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias

from analysis.errors import WrongDataset
from analysis.labels.networks.augmentation import PRESETS, Augmentation

Rate: TypeAlias = float | Literal["auto"]
"""Of learning; `auto`: the best of a few, see `learning_rate`."""

FINE_TUNE: Final = (0, 10, 15, 30, 100)
"""Shares of a network's layers that may be taught again, percent, counted from the top."""

_RANGES: Final[Mapping[str, tuple[float, float, str]]] = MappingProxyType(
    {
        "dropout": (0.0, 0.95, "0 to 0.95"),
        "label_smoothing": (0.0, 0.5, "0 to 0.5"),
        "l1": (0.0, 1.0, "0 to 1"),
        "l2": (0.0, 1.0, "0 to 1"),
        "epochs": (1, 10_000, "1 or more"),
        "patience": (1, 10_000, "1 or more"),
        "batch": (2, 4096, "2 to 4,096"),
        "views": (1, 64, "1 to 64"),
        "size": (32, 512, "32 to 512 pixels"),
        "fine_tune_epochs": (1, 10_000, "1 or more"),
        "fine_tune_rate": (1e-8, 1.0, "more than 0, at most 1"),
    }
)
_OPTIONS: Final = frozenset(("dropout", "label_smoothing", "l1", "l2", "epochs", "batch", "views"))
"""Those of them that `artworks train` has options for."""


@dataclass(frozen=True)
class TransferRecipe:
    """A dense head on a network that others have taught, and perhaps the top of that network."""

    hidden: tuple[int, ...] = (256,)
    """Neurons of each layer before the last; none: a linear classifier."""
    dropout: float = 0.3
    """Share of numbers left out at random, before each dense layer."""
    l1: float = 0.0
    l2: float = 1e-3
    """What the sum of the weights' sizes, and of their squares, adds to the loss. In 2 × 5 folds of
    the genres of 950 paintings, 1e-4 came to an accuracy of 0.940, 1e-3 to 0.946, 3e-3 to 0.946,
    and logistic regression to 0.950; more dropout, or other rates of learning, were within 0.005
    of these."""
    batch_norm: bool = False
    label_smoothing: float = 0.05
    """Share of the truth that is spread over all classes; for single labels only."""
    learning_rate: Rate = "auto"
    epochs: int = 60
    """At most, …"""
    patience: int = 8
    """… and at most so many in which validation gets no better."""
    batch: int = 32
    views: int = 4
    """Of each image: itself, and augmented ones; each epoch draws one."""
    augmentation: Augmentation = field(default_factory=lambda: PRESETS["light"])
    fine_tune: int = 0
    """Share of the network's layers that are taught as well, percent; one of FINE_TUNE."""
    fine_tune_rate: float = 1e-5
    fine_tune_epochs: int = 5
    """At most; the same patience holds."""

    def __post_init__(self) -> None:
        """Raise WrongDataset for what cannot be."""
        _check(self)
        if any(width < 1 for width in self.hidden):
            raise WrongDataset(f"layers of {self.hidden} neurons cannot be: give 1 or more each.")
        if self.fine_tune not in FINE_TUNE:
            raise WrongDataset(
                f"--fine-tune {self.fine_tune} is no choice: give "
                f"{', '.join(str(share) for share in FINE_TUNE[1:])} (percent of the network's "
                "layers), or leave it out, and the network stays as it is."
            )

    def as_dict(self) -> dict[str, Any]:
        """Return this for JSON."""
        return _as_dict(self) | {"hidden": list(self.hidden)}


@dataclass(frozen=True)
class CnnRecipe:
    """A small network that is taught from nothing, by the pictures alone."""

    size: int = 96
    """Side that pictures are squashed to, pixels."""
    blocks: tuple[int, ...] = (32, 64, 128)
    """Channels of each block: convolution, batch norm, ReLU, and the greatest of 2 × 2."""
    dropout: float = 0.3
    """Before the last layer."""
    l2: float = 1e-4
    label_smoothing: float = 0.05
    """Share of the truth that is spread over all classes; for single labels only."""
    learning_rate: Rate = "auto"
    epochs: int = 40
    """At most, …"""
    patience: int = 8
    """… and at most so many in which validation gets no better."""
    batch: int = 32
    augmentation: Augmentation = field(default_factory=lambda: PRESETS["light"])
    """Drawn anew in each epoch."""

    def __post_init__(self) -> None:
        """Raise WrongDataset for what cannot be."""
        _check(self)
        if not self.blocks or any(channels < 1 for channels in self.blocks):
            raise WrongDataset(
                f"blocks of {self.blocks} channels cannot be: give at least one, of 1 or more."
            )
        if self.size < 2 ** len(self.blocks):
            raise WrongDataset(
                f"{len(self.blocks)} blocks halve a picture of {self.size} pixels to nothing: give "
                f"a size of at least {2 ** len(self.blocks)}, or fewer blocks."
            )

    def as_dict(self) -> dict[str, Any]:
        """Return this for JSON."""
        return _as_dict(self) | {"blocks": list(self.blocks)}


def _check(recipe: TransferRecipe | CnnRecipe) -> None:
    for name, (least, most, said) in _RANGES.items():
        value = getattr(recipe, name, least)
        if not least <= value <= most:
            called = f"--{name.replace('_', '-')}" if name in _OPTIONS else name
            raise WrongDataset(f"{called} {value} cannot be: give {said}.")
    rate = recipe.learning_rate
    if rate != "auto" and not 0 < rate <= 1:
        raise WrongDataset(
            f"--learning-rate {rate} cannot be: give auto, or more than 0 and at most 1."
        )


def _as_dict(recipe: TransferRecipe | CnnRecipe) -> dict[str, Any]:
    return asdict(recipe) | {"augmentation": recipe.augmentation.as_dict()}
