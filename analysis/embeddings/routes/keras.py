"""`model.predict`: slow, and what all other routes are compared with."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np

from analysis.embeddings.converted import Converted
from analysis.embeddings.preparing import preprocess
from analysis.embeddings.quiet import tensorflow
from analysis.embeddings.routes.route import Outputs, batches
from analysis.embeddings.sources import Source
from analysis.jobs import RGB


class KerasRoute:
    """A Keras model."""

    name: Final = "keras"

    def __init__(self, source: Source, network: Converted) -> None:
        """Load the model. Raises NetworkUnavailable."""
        tensorflow()
        self.shape = network.shape
        self.preprocessing = source.preprocessing
        self.model = source.load()

    def run(self, squares: Iterable[RGB], count: int) -> Outputs:
        """Return the outputs of `count` images; see Route."""
        found = np.empty((count, *self.shape), np.float32)
        at = 0
        for batch in batches(squares):
            prepared = preprocess(batch, self.preprocessing)
            found[at : at + len(batch)] = self.model.predict(prepared, verbose=0)
            at += len(batch)
        return found
