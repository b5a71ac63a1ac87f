"""Which images a report shows: the most confident errors, and what each label looks like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from analysis.labels.heads import Mode
from analysis.labels.measuring.measures import Answers
from analysis.labels.measuring.predictions import Predictions

Told: TypeAlias = tuple[tuple[str, float], ...]
"""Labels with their probabilities, the likeliest first."""


@dataclass(frozen=True)
class Exhibit:
    """An image that measured, with what is true and what was said."""

    sha256: str
    truth: tuple[str, ...]
    right: Told
    """What was said of it and is true."""
    much: Told
    """What was said of it and is not true."""
    missed: Told
    """What is true and was not said of it."""
    weight: float
    """How sure its worst error is, 0 to 1; in a gallery, how sure the label is."""


@dataclass(frozen=True)
class Wall:
    """Images of one label."""

    label: str
    surest: tuple[Exhibit, ...]
    least: tuple[Exhibit, ...]
    """Those of which it was said with least confidence."""


@dataclass(frozen=True)
class Answered:
    """The part that measured, as arrays of one length n."""

    sha256: tuple[str, ...]
    classes: tuple[str, ...]
    targets: npt.NDArray[np.bool_]
    probabilities: npt.NDArray[np.float32]
    accepted: npt.NDArray[np.bool_]
    """(n, classes) What was said."""
    mode: Mode

    @classmethod
    def of(
        cls, predictions: Predictions, mode: Mode, thresholds: npt.NDArray[np.float32] | None = None
    ) -> Answered:
        """Return the test part of predictions; thresholds are those of several labels."""
        at = predictions.places("test")
        answers = Answers.of(
            predictions.targets[at], predictions.probabilities[at], mode, thresholds
        )
        return cls(
            tuple(predictions.sha256[one] for one in at),
            predictions.classes,
            answers.targets,
            answers.probabilities,
            answers.accepted,
            mode,
        )

    @property
    def wrong(self) -> npt.NDArray[np.bool_]:
        """(n, classes) Where what was said is not what is true."""
        errors: npt.NDArray[np.bool_] = self.accepted != self.targets
        return errors

    def exhibit(self, at: int, weight: float) -> Exhibit:
        """Return one image with what was said of it."""
        true, said = self.targets[at], self.accepted[at]
        return Exhibit(
            self.sha256[at],
            truth=tuple(self.classes[one] for one in np.flatnonzero(true)),
            right=self._told(at, said & true),
            much=self._told(at, said & ~true),
            missed=self._told(at, true & ~said),
            weight=weight,
        )

    def _told(self, at: int, chosen: npt.NDArray[np.bool_]) -> Told:
        places = np.flatnonzero(chosen)
        likely = places[np.argsort(-self.probabilities[at][places], kind="stable")]
        return tuple((self.classes[one], float(self.probabilities[at, one])) for one in likely)


def find_mistakes(tested: Answered) -> list[Exhibit]:
    """Return the images of which something wrong was said, the most confident error first.

    An error is as confident as the probability of the wrong label, or of the absence of the one
    that is missed.
    """
    wrong, p = tested.wrong, tested.probabilities
    sure = np.where(wrong, np.where(tested.accepted, p, 1 - p), 0.0)
    if tested.mode == "single":
        # The label that is missed follows from the one that was said.
        sure = np.where(wrong & tested.accepted, p, 0.0)
    worst = sure.max(axis=1, initial=0.0)
    places = np.flatnonzero(wrong.any(axis=1)).tolist()
    order = sorted(places, key=lambda at: (-worst[at], tested.sha256[at]))
    return [tested.exhibit(at, float(worst[at])) for at in order]


def hang_walls(tested: Answered, labels: Sequence[str], each: int) -> list[Wall]:
    """Return, for labels in their order, images of which they were said: the surest, the least.

    No image hangs in both rows. Labels that were said of nothing have no wall.
    """
    walls = []
    for label in labels:
        column = tested.classes.index(label)
        p = tested.probabilities[:, column]
        said = np.flatnonzero(tested.accepted[:, column]).tolist()
        order = sorted(said, key=lambda at: (-p[at], tested.sha256[at]))
        surest = order[:each]
        least = [at for at in order[::-1][:each] if at not in surest]
        if surest:
            walls.append(
                Wall(
                    label,
                    tuple(tested.exhibit(at, float(p[at])) for at in surest),
                    tuple(tested.exhibit(at, float(p[at])) for at in least),
                )
            )
    return walls
