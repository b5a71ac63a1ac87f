"""Checkpoints are read as they were written, or not at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from analysis.labels.networks.checkpoints import (
    Checkpoint,
    Course,
    load_checkpoint,
    save_checkpoint,
)


@pytest.fixture
def checkpoint() -> Checkpoint:
    course = Course(
        epochs=3,
        best_epoch=2,
        best_loss=0.25,
        history={"loss": (3.0, 2.0, 1.0), "validation_loss": (0.5, 0.25, 0.3)},
    )
    state = [np.arange(6, dtype=np.float32).reshape(2, 3), np.array(7, np.int64)]
    return Checkpoint(course, [*state, np.array([1, 2], np.uint32)], state[:1])


def test_what_was_written_is_read(tmp_path: Path, checkpoint: Checkpoint) -> None:
    file = tmp_path / "new" / "head.npz"
    save_checkpoint(file, "key", checkpoint)
    found = load_checkpoint(file, "key")
    assert found is not None
    assert found.course.waited == 1
    assert list(found.course.history["validation_loss"]) == [0.5, 0.25, 0.3]
    assert (found.course.epochs, found.course.best_loss) == (3, 0.25)
    for ours, theirs in zip(found.state, checkpoint.state, strict=True):
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours, theirs)
    assert len(found.best) == 1
    # Nothing lies beside it.
    assert list(file.parent.iterdir()) == [file]


def test_another_training_and_damage_are_no_checkpoints(
    tmp_path: Path, checkpoint: Checkpoint
) -> None:
    file = tmp_path / "head.npz"
    assert load_checkpoint(file, "key") is None
    save_checkpoint(file, "key", checkpoint)
    assert load_checkpoint(file, "another key") is None
    whole = file.read_bytes()
    for damaged in (b"", b"no archive", whole[: len(whole) // 2], whole[:-30]):
        file.write_bytes(damaged)
        assert load_checkpoint(file, "key") is None
    np.savez(file, document=np.frombuffer(b'{"key": "key", "unknown": 1}', np.uint8))
    assert load_checkpoint(file, "key") is None
