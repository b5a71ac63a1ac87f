"""An image worker: `python -m crawler.imaging.worker [--dry-run] FD MAX_PIXELS MAX_MEMORY`.

It says that it is ready, reads jobs from the socket, checks each image, stores it with its preview
(not in a dry run), and replies with its row for `images` or with why there is none. It ends when
the crawl closes the socket or dies.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import cv2

from crawler.imaging.frames import encode_reply, receive_job
from crawler.imaging.limits import PATIENCE_S, Memory, Patience
from storage.errors import ImageRejected, ObjectStoreUnavailable
from storage.images import MAX_MEMORY, CheckedImage, check_image, image_key, preview_key
from storage.objects import ObjectStore, open_store
from storage.settings import load_settings

DRY_RUN = "--dry-run"
# Waiting for the disk or the object store is most of a job's time, so a few overlap.
THREADS = 4
# Pixels; what is narrower counts visitors or keeps a distance, and shows nothing.
SMALLEST_SIDE = 8
# Where cores are few, the event loop goes first: what delays it delays every request in flight.
NICENESS = 5


class Checker:
    """Checks images side by side, within the memory of one process and its patience."""

    def __init__(self, max_pixels: int, max_memory: int = MAX_MEMORY) -> None:
        """`max_memory` bytes are what decoders may take together, and hence each of them."""
        self._max_pixels = max_pixels
        self._max_memory = max_memory
        self._memory = Memory(max_memory)
        self._patience = Patience(PATIENCE_S)

    def __call__(self, body: bytes) -> CheckedImage:
        """Check an image; raise ImageRejected."""
        with self._patience():
            return check_image(
                body,
                max_pixels=self._max_pixels,
                max_memory=self._max_memory,
                reserve=self._memory.reserve,
            )


def store_image(store: ObjectStore | None, body: bytes, check: Checker) -> dict[str, Any]:
    """Check an image and put it and its preview; return its row for `images`.

    Without a store, nothing is put.

    Raises ImageRejected and ObjectStoreUnavailable.
    """
    image = check(body)
    if min(image.width, image.height) < SMALLEST_SIDE:
        raise ImageRejected(
            "placeholder_image",
            f"{image.width}×{image.height} pixels: the smaller side of a picture has at least "
            f"{SMALLEST_SIDE}",
        )
    original = image_key(image.sha256, image.format)
    small = original if image.preview is None else preview_key(image.sha256)
    if store is not None:
        store.put(original, body, content_type=image.format.content_type)
        if image.preview is not None:
            # It can be made again from the original, so it need not be forced to the disk.
            store.put(small, image.preview, content_type="image/jpeg", durable=False)
    return {
        "sha256": image.sha256,
        "object_key": original,
        "preview_key": small,
        "format": image.format.value,
        "width": image.width,
        "height": image.height,
        "bytes": len(body),
        "phash": image.phash,
    }


def reply_to(store: ObjectStore | None, body: bytes, check: Checker) -> dict[str, Any]:
    """Return the outcome of a job as JSON knows it."""
    try:
        return {"stored": store_image(store, body, check)}
    except ImageRejected as error:
        return {"reason": error.reason, "detail": error.detail}
    except ObjectStoreUnavailable as error:
        return {"reason": "object_store_unavailable", "detail": str(error)}


def serve(connection: socket.socket, store: ObjectStore | None, check: Checker) -> None:
    """Answer jobs until the crawl closes the connection."""
    sending = threading.Lock()

    def work(number: int, body: bytes) -> None:
        frame = encode_reply({"number": number, **reply_to(store, body, check)})
        with sending:
            connection.sendall(frame)

    with ThreadPoolExecutor(THREADS, thread_name_prefix="image") as threads:
        while (job := receive_job(connection)) is not None:
            threads.submit(work, *job).add_done_callback(_die_of_what_is_unforeseen)


def _die_of_what_is_unforeseen(done: Any) -> None:
    """A worker that cannot reply must not go on silently: the crawl notices its end."""
    if (error := done.exception()) is not None and not isinstance(error, BrokenPipeError):
        sys.excepthook(type(error), error, error.__traceback__)
        sys.stderr.flush()
        signal.raise_signal(signal.SIGKILL)


def main() -> None:
    """Serve the socket that the crawl left open as file descriptor FD."""
    # Ctrl-C reaches the whole foreground group; the crawl decides when the workers end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(NICENESS)
    cv2.setNumThreads(1)  # images are worked on side by side, not each by several threads
    number, max_pixels, max_memory = map(int, sys.argv[-3:])
    connection = socket.socket(fileno=number)
    store = None if DRY_RUN in sys.argv else open_store(load_settings().objects_location)
    connection.sendall(encode_reply({"ready": True}))
    serve(connection, store, Checker(max_pixels, max_memory))


if __name__ == "__main__":
    main()
