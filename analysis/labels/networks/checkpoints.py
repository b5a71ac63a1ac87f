"""Where a training is, on disk: written whole after each epoch, so that a kill costs one epoch."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

Numbers: TypeAlias = Sequence[npt.NDArray[Any]]
_DOCUMENT: Final = "document"


@dataclass(frozen=True)
class Course:
    """How a training has gone so far."""

    epochs: int = 0
    """Done."""
    best_epoch: int = 0
    """After which validation was best; 0: before the first."""
    best_loss: float | None = None
    """On validation, then; None: nothing has been measured."""
    finished: bool = False
    """Whether no epoch follows."""
    history: Mapping[str, Sequence[float]] = field(
        default_factory=lambda: {"loss": (), "validation_loss": ()}
    )
    """By epoch."""

    @property
    def waited(self) -> int:
        """Epochs in which validation got no better."""
        return self.epochs - self.best_epoch


@dataclass(frozen=True)
class Checkpoint:
    """A course with all numbers that the next epoch depends on."""

    course: Course
    state: Numbers
    """Of the network, its random generators and its optimizer, as they are."""
    best: Numbers
    """The weights of the best epoch."""


def save_checkpoint(file: Path, key: str, checkpoint: Checkpoint) -> None:
    """Write a checkpoint, whole or not at all. `key` says what the training depends on."""
    file.parent.mkdir(parents=True, exist_ok=True)
    document = json.dumps({"key": key, **asdict(checkpoint.course)}, allow_nan=False)
    arrays = {f"state/{at}": one for at, one in enumerate(checkpoint.state)}
    arrays |= {f"best/{at}": one for at, one in enumerate(checkpoint.best)}
    arrays[_DOCUMENT] = np.frombuffer(document.encode(), np.uint8)
    part = file.with_name(f".{file.name}.{os.getpid()}.part.npz")
    try:
        np.savez(part, allow_pickle=False, **arrays)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


def load_checkpoint(file: Path, key: str) -> Checkpoint | None:
    """Read a checkpoint; None where there is none, or it is damaged or of another training."""
    try:
        with np.load(file, allow_pickle=False) as stored:
            document = json.loads(stored[_DOCUMENT].tobytes())
            if document.pop("key") != key:
                return None
            return Checkpoint(Course(**document), _all(stored, "state/"), _all(stored, "best/"))
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
        # What cannot be read is made again from the start: it is only ever a saving of time.
        return None


def _all(stored: Any, prefix: str) -> Numbers:
    count = sum(name.startswith(prefix) for name in stored.files)
    return [stored[f"{prefix}{at}"] for at in range(count)]
