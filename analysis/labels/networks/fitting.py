"""The loop of epochs: teach, measure on validation, keep the best, write down where it is.

All that an epoch depends on is in its number, the seed and the checkpoint before it. A training
that was killed therefore goes on to the same weights as one that was not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from analysis.embeddings.quiet import tensorflow
from analysis.errors import NothingToTrain
from analysis.labels.networks.checkpoints import (
    Checkpoint,
    Course,
    Numbers,
    load_checkpoint,
    save_checkpoint,
)
from analysis.labels.networks.losses import Loss
from analysis.labels.scorer import Logits

Inputs: TypeAlias = npt.NDArray[np.float32]
"""(b, …) What a network takes."""
Batch: TypeAlias = tuple[Inputs, npt.NDArray[np.float32]]
"""Inputs with their targets, (b, classes)."""
Progress: TypeAlias = Callable[[int, int], None]
"""Called with epochs done and the most that there may be."""

BETTER: Final = 1e-4
"""By how much a loss has to be lower to count as better, as a share of it."""


class Examples(Protocol):
    """What teaches, and what says when to stop."""

    def batches(self, epoch: int) -> Iterator[Batch]:
        """Yield the batches of an epoch, the first of which is 1: the same ones each time."""
        ...

    def heard(self) -> Iterator[Inputs]:
        """Yield the inputs of validation, batch by batch, as they are."""
        ...

    def judge(self, scores: Logits) -> float:
        """Return the loss of what was said of validation; infinite for nonsense."""
        ...


@dataclass(frozen=True)
class Plan:
    """How long to teach, and how fast."""

    rate: float
    epochs: int
    patience: int
    start_counts: bool = False
    """Whether the network as it comes may stay the best: it has learned before."""


@dataclass(frozen=True)
class Fit:
    """How it went. The network holds the weights of the best epoch."""

    loss: float
    """On validation, of the best epoch."""
    best_epoch: int
    epochs: int
    history: Mapping[str, tuple[float, ...]]
    """`loss` (with regularisation and smoothing) and `validation_loss` (without), by epoch."""


def fit_network(
    network: Any,
    examples: Examples,
    loss: Loss,
    plan: Plan,
    *,
    file: Path,
    key: str,
    progress: Progress | None = None,
) -> Fit:
    """Teach a network, from where `file` says it was left, and give it its best weights.

    Args:
        network: a `keras.Model` that gives scores before the softmax; its start depends on the
            seed alone.
        examples: what teaches, and what says when to stop.
        loss: see `losses`.
        plan: how long, and how fast.
        file: the checkpoint.
        key: all that the training depends on, as one text; another one's checkpoint is not used.
        progress: called after each epoch.

    Raises NothingToTrain where no epoch gives a finite loss.
    """
    teacher = _Teacher(network, loss, plan.rate)
    found = load_checkpoint(file, key)
    if found is None:
        course = Course()
        if plan.start_counts:
            course = replace(course, best_loss=_finite(examples.judge(teacher.say(examples))))
        best: Numbers = network.get_weights()
    else:
        course, best = found.course, found.best
        teacher.state = found.state
    while not course.finished:
        epoch = course.epochs + 1
        taught = teacher.teach(examples.batches(epoch))
        heard = examples.judge(teacher.say(examples))
        course, improved = _after(course, plan, taught, heard)
        if improved:
            best = network.get_weights()
        save_checkpoint(file, key, Checkpoint(course, teacher.state, best))
        if progress is not None:
            progress(course.epochs, plan.epochs)
    if course.best_loss is None:
        raise NothingToTrain(
            f"the loss is no finite number at a learning rate of {plan.rate:g}: give a smaller "
            "--learning-rate."
        )
    network.set_weights(best)
    return Fit(
        loss=course.best_loss,
        best_epoch=course.best_epoch,
        epochs=course.epochs,
        history={name: tuple(values) for name, values in course.history.items()},
    )


def _after(course: Course, plan: Plan, taught: float, heard: float) -> tuple[Course, bool]:
    """Return the course after an epoch, and whether that was the best one so far."""
    epoch = course.epochs + 1
    if not (np.isfinite(taught) and np.isfinite(heard)):
        # Weights that are no numbers never become any again.
        return replace(course, epochs=epoch, finished=True), False
    improved = course.best_loss is None or heard < course.best_loss * (1 - BETTER)
    history = {
        "loss": (*course.history["loss"], taught),
        "validation_loss": (*course.history["validation_loss"], heard),
    }
    after = replace(course, epochs=epoch, history=history)
    if improved:
        after = replace(after, best_epoch=epoch, best_loss=heard)
    over = after.epochs >= plan.epochs or after.waited >= plan.patience
    return replace(after, finished=over), improved


def _finite(loss: float) -> float | None:
    return loss if np.isfinite(loss) else None


class _Teacher:
    """A network with its optimizer, compiled."""

    def __init__(self, network: Any, loss: Loss, rate: float) -> None:
        tf = tensorflow()
        import keras

        optimizer: Any = keras.optimizers.Adam(rate)
        if "float16" in network.compute_dtype:
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
        weights = network.trainable_variables
        optimizer.build(weights)
        taken = tf.TensorSpec(network.input_shape, tf.float32)
        wanted = tf.TensorSpec(network.output_shape, tf.float32)

        @tf.function(input_signature=[taken, wanted])  # type: ignore[untyped-decorator]
        def step(inputs: Any, targets: Any) -> Any:
            with tf.GradientTape() as tape:
                found = loss(targets, network(inputs, training=True))
                found += sum(network.losses)
                scaled = optimizer.scale_loss(found)
            optimizer.apply(tape.gradient(scaled, weights), weights)
            return found

        @tf.function(input_signature=[taken])  # type: ignore[untyped-decorator]
        def say(inputs: Any) -> Any:
            return network(inputs, training=False)

        self._step = step
        self._say = say
        self._variables = [*network.variables, *optimizer.variables]

    @property
    def state(self) -> Numbers:
        """All numbers that the next step depends on."""
        return [np.array(one) for one in self._variables]

    @state.setter
    def state(self, numbers: Numbers) -> None:
        for variable, one in zip(self._variables, numbers, strict=True):
            variable.assign(one)

    def teach(self, batches: Iterator[Batch]) -> float:
        """Take a step for each batch; return the mean loss by image."""
        total, images = 0.0, 0
        for inputs, targets in batches:
            total += float(self._step(inputs, targets)) * len(inputs)
            images += len(inputs)
        return total / max(images, 1)

    def say(self, examples: Examples) -> Logits:
        """Return what is said of validation."""
        said: Logits = np.concatenate([self._say(inputs).numpy() for inputs in examples.heard()])
        return said
