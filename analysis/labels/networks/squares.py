"""Pictures squashed to the size of a network, on disk: each is read and decoded once."""

from __future__ import annotations

import hashlib
import os

import numpy as np

from analysis.embeddings.preparing import squash_all
from analysis.evaluation.relevance import Numbers
from analysis.jobs import RGB
from analysis.labels.task import Task

PAGE = 64
"""Pictures that are in memory at a time."""


def squares_of(task: Task, places: Numbers, size: int) -> RGB:
    """Return the pictures at places of the dataset, (n, size, size, 3) uint8, mapped from a file.

    It takes 3 · size² bytes a picture in the folder of the training, 150 KB at 224 pixels, and is
    found there by a training that goes on. Raises PictureMissing.
    """
    names = hashlib.sha256("\n".join(task.dataset.sha256[at] for at in places).encode())
    file = task.folder / f"squares-{size}-{names.hexdigest()[:16]}.npy"
    if not file.is_file():
        task.folder.mkdir(parents=True, exist_ok=True)
        part = file.with_name(f".{file.name}.{os.getpid()}.part")
        try:
            found = np.lib.format.open_memmap(
                part, mode="w+", dtype=np.uint8, shape=(len(places), size, size, 3)
            )
            for start in range(0, len(places), PAGE):
                page = [int(at) for at in places[start : start + PAGE]]
                found[start : start + len(page)] = squash_all(task.pictures(page), size)
                task.tell("pictures", start + len(page), len(places))
            found.flush()
            part.replace(file)
        finally:
            part.unlink(missing_ok=True)
    squares: RGB = np.load(file, mmap_mode="r", allow_pickle=False)
    return squares
