"""What numbers networks are taught with, and that the same seed teaches the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final, Literal, TypeAlias

from analysis.embeddings.quiet import tensorflow

Precision: TypeAlias = Literal["float32", "mixed_float16"]
"""A policy of Keras: the second computes with 16 bits and keeps weights in 32."""

GPU: Final = "GPU"


def precision_on(device_types: Iterable[str]) -> Precision:
    """Return what to compute with on devices of these types, as TensorFlow names them.

    Half the bits are several times as fast on a GPU, and slower on a CPU.
    """
    return "mixed_float16" if GPU in device_types else "float32"


def here() -> Precision:
    """Return what to compute with on this machine. Raises NetworkUnavailable without TensorFlow."""
    tf = tensorflow()
    return precision_on(device.device_type for device in tf.config.list_physical_devices())


def seeded(seed: int | None) -> Any:
    """Return Keras, set up so that what is built and run next depends on the seed alone.

    The generators of Python, NumPy and TensorFlow are seeded, and TensorFlow is kept to
    deterministic operations in this process from then on. Without a seed, all stays as it is: for
    networks that are given weights. Raises NetworkUnavailable where TensorFlow is not installed.
    """
    tf = tensorflow()
    import keras

    if seed is not None:
        keras.utils.set_random_seed(seed)
        tf.config.experimental.enable_op_determinism()
    return keras


@contextmanager
def computing_with(precision: Precision) -> Iterator[None]:
    """Build layers of a precision inside, and of the one that was set before afterwards."""
    tensorflow()
    import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
