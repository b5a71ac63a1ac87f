"""The frozen graph in TensorFlow: neither variables nor Keras between it and the pixels."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import numpy as np

from analysis.embeddings.converted import FROZEN, Converted
from analysis.embeddings.freezing import IMAGES, OUTPUT
from analysis.embeddings.quiet import tensorflow
from analysis.embeddings.routes.route import Outputs, batches
from analysis.embeddings.sources import Source
from analysis.errors import NetworkUnavailable
from analysis.jobs import RGB


class FrozenRoute:
    """A frozen graph."""

    name: Final = "frozen"

    def __init__(self, source: Source, network: Converted) -> None:
        """Load the graph. Raises NetworkUnavailable where there is none, or no TensorFlow."""
        if network.unfrozen is not None:
            raise NetworkUnavailable(
                f"{source.label} cannot be frozen: {network.unfrozen}. Set "
                "ARTWORKS_INFERENCE=keras to run it as it is."
            )
        tf = tensorflow()
        graph = tf.compat.v1.GraphDef()
        graph.ParseFromString((network.folder / FROZEN).read_bytes())
        loaded = tf.compat.v1.wrap_function(lambda: tf.import_graph_def(graph, name=""), [])
        nodes = loaded.graph.as_graph_element
        self.shape = network.shape
        self._constant: Any = tf.constant
        self._function: Any = loaded.prune(nodes(f"{IMAGES}:0"), nodes(f"{OUTPUT}:0"))

    def run(self, squares: Iterable[RGB], count: int) -> Outputs:
        """Return the outputs of `count` images; see Route."""
        found = np.empty((count, *self.shape), np.float32)
        at = 0
        for batch in batches(squares):
            found[at : at + len(batch)] = self._function(self._constant(batch)).numpy()
            at += len(batch)
        return found
