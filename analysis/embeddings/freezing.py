"""Keras models as one graph without variables, from bytes of pixels to vectors."""

from __future__ import annotations

from typing import Any, Final

from analysis.embeddings.backbones import Preprocessing
from analysis.embeddings.quiet import tensorflow

IMAGES: Final = "images"
"""Name of the graph's input, (n, s, s, 3) uint8 RGB."""
OUTPUT: Final = "output"
"""Name of the graph's output."""

_MEAN_BGR: Final = (103.939, 116.779, 123.68)


def freeze(model: Any, size: int, preprocessing: Preprocessing) -> bytes:
    """Return a TensorFlow GraphDef that does the preprocessing too.

    So an image is handed over as the bytes it consists of, a quarter of what floats would be, and
    its colours are converted by compiled code.
    """
    tf = tensorflow()
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2,
    )

    def run(images: Any) -> Any:
        pixels = _prepared(tf, tf.cast(images, tf.float32), preprocessing)
        return tf.identity(model(pixels, training=False), name=OUTPUT)

    signature = tf.TensorSpec((None, size, size, 3), tf.uint8, name=IMAGES)
    frozen = convert_variables_to_constants_v2(tf.function(run).get_concrete_function(signature))
    graph = frozen.graph.as_graph_def()
    # The output's own name depends on how the model was put together.
    found = frozen.outputs[0].op.name
    if found != OUTPUT:
        with tf.Graph().as_default() as named:
            tf.import_graph_def(graph, name="")
            tf.identity(named.get_tensor_by_name(f"{found}:0"), name=OUTPUT)
        graph = named.as_graph_def()
    data: bytes = graph.SerializeToString(deterministic=True)
    return data


def _prepared(tf: Any, pixels: Any, preprocessing: Preprocessing) -> Any:
    """Do what `analysis.embeddings.preparing.preprocess` does."""
    if preprocessing == "tf":
        return pixels / 127.5 - 1.0
    if preprocessing == "caffe":
        return tf.reverse(pixels, axis=[-1]) - tf.constant(_MEAN_BGR)
    return pixels
