"""OpenVINO with one image per request and as many requests at a time as suit the processor.

One image fits into a core's cache where eight do not: single images are a fifth faster here than
batches of eight, and nobody waits for the last of a batch.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import numpy as np

from analysis.embeddings.converted import OPENVINO, Converted
from analysis.embeddings.quiet import openvino
from analysis.embeddings.routes.route import Outputs
from analysis.embeddings.sources import Source
from analysis.errors import NetworkUnavailable
from analysis.jobs import RGB


class OpenvinoRoute:
    """A network compiled for this processor, in single precision."""

    name: Final = "openvino"

    def __init__(self, source: Source, network: Converted) -> None:
        """Compile the network. Raises NetworkUnavailable where OpenVINO cannot run it."""
        ov = openvino()
        file = network.folder / OPENVINO
        if not file.is_file():
            raise NetworkUnavailable(
                f"OpenVINO does not know all operations of {source.label}: set "
                "ARTWORKS_INFERENCE=auto to run it in another way."
            )
        try:
            core = ov.Core()
            model = core.read_model(file)
            model.reshape([1, network.size, network.size, 3])
            compiled = core.compile_model(
                model,
                "CPU",
                # Where a processor has bfloat16, that is OpenVINO's own choice, and it does not
                # agree with Keras.
                {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "THROUGHPUT"},
            )
            self._queue: Any = ov.AsyncInferQueue(compiled, 0)
        except RuntimeError as error:
            raise NetworkUnavailable(
                f"OpenVINO cannot run {source.label}: {str(error).strip().splitlines()[-1]} Set "
                "ARTWORKS_INFERENCE=auto to run it in another way."
            ) from error
        self.shape = network.shape

    def run(self, squares: Iterable[RGB], count: int) -> Outputs:
        """Return the outputs of `count` images; see Route.

        Each image is on its way as soon as it comes out of `squares`.
        """
        found = np.empty((count, *self.shape), np.float32)

        def keep(request: Any, at: int) -> None:
            found[at] = request.get_output_tensor(0).data[0]

        self._queue.set_callback(keep)
        try:
            for at, square in enumerate(squares):
                self._queue.start_async({0: square[None]}, at)
        finally:
            # Before `found` goes away, whatever happened.
            self._queue.wait_all()
        return found
