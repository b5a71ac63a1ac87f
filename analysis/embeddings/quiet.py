"""TensorFlow and OpenVINO, imported without what they have to say to nobody in particular."""

from __future__ import annotations

import logging
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from typing import Any, Final

from analysis.errors import NetworkUnavailable

_REMARK: Final = re.compile(
    rb"^(WARNING: All log messages before absl|[IW]\d{4} \d\d:\d\d:|"
    rb"To enable the following instructions|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+: [IW] )"
)
"""Lines of TensorFlow's C++ side that are neither errors nor of any use to people."""

_STANDARD_ERROR: Final = 2


def has(package: str) -> bool:
    """Whether a package is installed, found without importing it."""
    return find_spec(package) is not None


@cache
def tensorflow() -> Any:
    """Import TensorFlow with Keras on top, and return it.

    Its C++ side writes to standard error before any setting of its own can keep it from doing so,
    at the import and at the first operation: both happen here.

    Raises NetworkUnavailable where it is not installed.
    """
    if not (has("tensorflow") and has("keras")):
        raise NetworkUnavailable(
            "TensorFlow and Keras are not installed, which networks are loaded with: "
            "`pip install 'artworks[analysis]'`."
        )
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["KERAS_BACKEND"] = "tensorflow"
    with _without_remarks():
        import keras
        import tensorflow as tf

        tf.nn.conv2d(tf.zeros((1, 2, 2, 1)), tf.zeros((1, 1, 1, 1)), 1, "SAME").numpy()
    logging.getLogger("tensorflow").addFilter(_is_news)
    if keras.backend.backend() != "tensorflow":
        raise NetworkUnavailable(
            f"Keras runs on {keras.backend.backend()} in this process: set "
            "KERAS_BACKEND=tensorflow before it is imported."
        )
    return tf


def _is_news(record: logging.LogRecord) -> bool:
    # Several networks, each traced once as it should be, look to TensorFlow like one that is
    # traced again and again.
    return "tf.function retracing" not in record.getMessage()


@cache
def openvino() -> Any:
    """Import OpenVINO without its telemetry, and return it.

    The import itself already sends an event to a server of its maker's. Where the package that
    sends is not to be found, OpenVINO goes without: so it is hidden from this process.

    Raises NetworkUnavailable where it is not installed.
    """
    if not has("openvino"):
        raise NetworkUnavailable(
            "OpenVINO is not installed: `pip install 'artworks[fast]'`, or set "
            "ARTWORKS_INFERENCE=auto, which does without."
        )
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino as found

    return found


@contextmanager
def _without_remarks() -> Iterator[None]:
    """Hold back what C++ writes to standard error meanwhile, and pass on what is no remark."""
    sys.stderr.flush()
    with tempfile.TemporaryFile() as held:
        kept = os.dup(_STANDARD_ERROR)
        os.dup2(held.fileno(), _STANDARD_ERROR)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(kept, _STANDARD_ERROR)
            os.close(kept)
            held.seek(0)
            said = b"".join(line for line in held if not _REMARK.match(line))
            if said:
                os.write(_STANDARD_ERROR, said)
