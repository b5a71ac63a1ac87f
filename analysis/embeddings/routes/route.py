"""What a way of running a network is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from analysis.jobs import RGB

Outputs: TypeAlias = npt.NDArray[np.float32]
"""What a network gives for each image, (n, …) float32."""

BATCH: Final = 32
"""Images that TensorFlow is given at a time: more are not faster, and take memory."""


class Route(Protocol):
    """A loaded network. It is called from one thread at a time."""

    name: str

    def run(self, squares: Iterable[RGB], count: int) -> Outputs:
        """Return the outputs of `count` images, each (s, s, 3) uint8 RGB of the network's size."""


def batches(squares: Iterable[RGB]) -> Iterator[RGB]:
    """Yield images in batches, (at most BATCH, s, s, 3) uint8."""
    left = iter(squares)
    while batch := list(islice(left, BATCH)):
        yield np.stack(batch)
