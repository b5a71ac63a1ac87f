"""A Keras network that looks at pictures, ready to be asked. Needs TensorFlow."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from analysis.embeddings.backbones import Preprocessing
from analysis.embeddings.preparing import preprocess, squash_all
from analysis.embeddings.quiet import tensorflow
from analysis.jobs import RGB
from analysis.labels.scorer import Arrays

BATCH: Final = 32
_PREFIX: Final = "weight_"


class PixelNetwork:
    """A network with its preprocessing. Safe to call from several threads."""

    def __init__(self, network: Any, preprocessing: Preprocessing) -> None:
        tf = tensorflow()
        self.network = network
        self.size = int(network.input_shape[1])
        self.width = int(network.output_shape[-1])
        self._preprocessing = preprocessing
        taken = tf.TensorSpec(network.input_shape, tf.float32)

        @tf.function(input_signature=[taken])  # type: ignore[untyped-decorator]
        def run(inputs: Any) -> Any:
            return network(inputs, training=False)

        self._run = run
        self._one_at_a_time = threading.Lock()

    def outputs(self, pictures: Sequence[RGB] | RGB) -> npt.NDArray[np.float32]:
        """Return what the network gives for pictures of any size, (n, width) float32."""
        found = np.empty((len(pictures), self.width), np.float32)
        for start in range(0, len(pictures), BATCH):
            squares = squash_all(pictures[start : start + BATCH], self.size)
            inputs = preprocess(squares, self._preprocessing)
            with self._one_at_a_time:
                found[start : start + len(squares)] = self._run(inputs).numpy()
        return found

    def arrays(self) -> Arrays:
        """Return its weights."""
        weights = self.network.get_weights()
        return {f"{_PREFIX}{at:04d}": np.asarray(one) for at, one in enumerate(weights)}


def give_weights(network: Any, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    """Give a network the weights of an artifact. Raises ValueError where they are of another."""
    weights = [arrays[name] for name in sorted(arrays) if name.startswith(_PREFIX)]
    wanted = [tuple(one.shape) for one in network.weights]
    if [one.shape for one in weights] != wanted:
        raise ValueError(
            f"it has {len(weights)} arrays of weights, and its network takes {len(wanted)} of "
            "other shapes"
        )
    network.set_weights(weights)
