"""Examples for networks: vectors in several views, and pictures that are augmented as they come.

What an epoch shows, and in which order, is drawn from the seed and its number.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from analysis.embeddings.backbones import Preprocessing
from analysis.embeddings.preparing import preprocess
from analysis.evaluation.relevance import Numbers
from analysis.jobs import RGB
from analysis.labels.dataset import Targets
from analysis.labels.heads import Mode
from analysis.labels.networks.augmentation import Augmentation, augment
from analysis.labels.networks.fitting import Batch, Inputs
from analysis.labels.networks.losses import Weights, balancing_weights, judging_weights, loss_of
from analysis.labels.networks.sampling import draw_epoch
from analysis.labels.scorer import Logits
from analysis.labels.task import Balance, Task
from analysis.local import CORES

AT_ONCE = 256
"""Inputs of validation that are given to a network together."""


@dataclass(frozen=True)
class Lesson:
    """What is told of the images that teach, and of those that say when to stop."""

    targets: Targets
    """(train, classes)"""
    validation: Targets
    """(validation, classes)"""
    mode: Mode
    balance: Balance
    batch: int
    seed: int

    @classmethod
    def of(cls, task: Task, batch: int) -> Lesson:
        """Return the lesson of a task."""
        targets = task.dataset.targets
        return cls(
            targets=targets[task.split.train],
            validation=targets[task.split.validation],
            mode=task.dataset.query.mode,
            balance=task.balance,
            batch=batch,
            seed=task.seed,
        )

    @property
    def weights(self) -> Weights:
        """What each class weighs in the loss that teaches."""
        return balancing_weights(self.targets, self.mode, self.balance)

    def judge(self, scores: Logits) -> float:
        """Return the loss of what was said of validation; infinite for nonsense."""
        weights = judging_weights(self.targets, self.mode, self.balance)
        return loss_of(scores, self.validation, self.mode, weights)

    def draw(self, epoch: int) -> tuple[Numbers, np.random.Generator]:
        """Return places in the order of an epoch, and what else of it is drawn by."""
        rng = np.random.default_rng([self.seed, epoch])
        places = np.arange(len(self.targets), dtype=np.int64)
        return draw_epoch(self.targets, places, self.balance, rng), rng

    def cut(self, count: int) -> list[slice]:
        """Return the batches of so many images: as large as each other, but for one image."""
        # The rest of a division may be a single image, of which batch norm makes nothing.
        ends = np.linspace(0, count, -(-count // self.batch) + 1).round().astype(int).tolist()
        return [slice(start, end) for start, end in pairwise(ends)]


@dataclass(frozen=True)
class ViewExamples:
    """Vectors of several views of each image, of which each epoch draws one."""

    lesson: Lesson
    views: npt.NDArray[np.float32]
    """(train, views, d), each of length 1; the first is the image itself."""
    validation: npt.NDArray[np.float32]
    """(validation, d)"""

    @property
    def scale(self) -> np.float32:
        """What vectors are multiplied by, so that all networks are learned from alike: √d."""
        return np.float32(np.sqrt(self.views.shape[2]))

    def batches(self, epoch: int) -> Iterator[Batch]:
        """Yield the batches of an epoch."""
        order, rng = self.lesson.draw(epoch)
        chosen = rng.integers(0, self.views.shape[1], len(order))
        for part in self.lesson.cut(len(order)):
            inputs = self.views[order[part], chosen[part]] * self.scale
            yield inputs, self.lesson.targets[order[part]].astype(np.float32)

    def heard(self) -> Iterator[Inputs]:
        """Yield the vectors of validation."""
        for start in range(0, len(self.validation), AT_ONCE):
            yield self.validation[start : start + AT_ONCE] * self.scale

    def judge(self, scores: Logits) -> float:
        """Return the loss on validation."""
        return self.lesson.judge(scores)


@dataclass(frozen=True)
class PictureExamples:
    """Pictures, squashed to the size of a network and augmented anew in each epoch."""

    lesson: Lesson
    pictures: RGB
    """(train, s, s, 3)"""
    validation: RGB
    """(validation, s, s, 3)"""
    sha256: Sequence[str]
    """Of the images that teach."""
    augmentation: Augmentation
    preprocessing: Preprocessing

    def batches(self, epoch: int) -> Iterator[Batch]:
        """Yield the batches of an epoch; the next one is augmented while one is learned from."""
        order, _ = self.lesson.draw(epoch)
        parts = self.lesson.cut(len(order))

        def shown(drawn: int) -> RGB:
            """Return the picture that is drawn at a place; where one comes twice, it differs."""
            at = int(order[drawn])
            view = 1 + (epoch - 1) * len(order) + drawn
            return augment(
                np.asarray(self.pictures[at]),
                self.sha256[at],
                view,
                self.augmentation,
                self.lesson.seed,
            )

        with ThreadPoolExecutor(CORES, thread_name_prefix="augment") as threads:
            ahead = [threads.submit(shown, drawn) for drawn in _places(parts[:1])]
            for at, part in enumerate(parts):
                now = ahead
                ahead = [threads.submit(shown, one) for one in _places(parts[at + 1 : at + 2])]
                pictures = np.stack([one.result() for one in now])
                targets = self.lesson.targets[order[part]].astype(np.float32)
                yield preprocess(pictures, self.preprocessing), targets

    def heard(self) -> Iterator[Inputs]:
        """Yield the pictures of validation, as they are."""
        step = min(self.lesson.batch, AT_ONCE)
        for start in range(0, len(self.validation), step):
            yield preprocess(np.asarray(self.validation[start : start + step]), self.preprocessing)

    def judge(self, scores: Logits) -> float:
        """Return the loss on validation."""
        return self.lesson.judge(scores)


def _places(parts: Sequence[slice]) -> Iterator[int]:
    for part in parts:
        yield from range(part.start, part.stop)
