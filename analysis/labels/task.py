"""What a method is given to learn from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias, get_args

from analysis.embeddings.stored import Vectors
from analysis.jobs import RGB
from analysis.labels.dataset import Dataset, Split
from analysis.registry.models import Model

Balance: TypeAlias = Literal["none", "weights", "sampling"]
"""Against classes of unequal size: nothing; errors weigh more in rare classes; examples of rare
classes are drawn more often."""
BALANCES: Final[tuple[Balance, ...]] = get_args(Balance)

Progress: TypeAlias = Callable[[str, int, int], None]
"""Called with what is being done (`views`, `epochs`, …), how much of it is done, and all of it."""

Pictures: TypeAlias = Callable[[Sequence[int]], Sequence[RGB]]
"""Places in the dataset in, their pictures out (previews, longer side at most 512 px).

Raises PictureMissing, naming the image and the cure, where one cannot be read."""


@dataclass(frozen=True)
class Task:
    """Examples, how they are split, and what helps to learn from them."""

    dataset: Dataset
    split: Split
    balance: Balance
    seed: int
    embedding: Model | None
    """The embeddings that are read, where the method reads some."""
    vectors: Vectors | None
    """(n, d) Of all images of the dataset, in its order, each of length 1."""
    pictures: Pictures
    folder: Path
    """Where a training that is cut short is kept, and goes on from; its own, and removed after."""
    cache: Path
    """Where features of frozen layers are kept for all trainings."""
    progress: Progress | None = None

    def tell(self, what: str, done: int, total: int) -> None:
        """Tell people how far it is."""
        if self.progress is not None:
            self.progress(what, done, total)
