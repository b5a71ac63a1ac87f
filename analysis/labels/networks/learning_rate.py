"""How fast to learn: a few rates, each tried from the same start."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from analysis.errors import NothingToTrain
from analysis.labels.networks.fitting import Examples, Fit, Plan, Progress, fit_network
from analysis.labels.networks.losses import Loss
from analysis.labels.networks.recipes import CnnRecipe, Rate, TransferRecipe
from analysis.labels.task import Task

RATES: Final = (3e-4, 1e-3, 3e-3, 1e-2)
EPOCHS: Final = 3
"""For which each is tried."""


@dataclass(frozen=True)
class Search:
    """The rate that is taken, and what each led to."""

    rate: float
    losses: Mapping[str, float | None]
    """Least loss on validation by rate; None: no finite number. Empty: people chose."""

    def as_dict(self) -> dict[str, Any]:
        """Return this for JSON."""
        return {"learning_rate": self.rate, "tried_rates": dict(self.losses)}


def fit_at_best_rate(
    task: Task,
    recipe: TransferRecipe | CnnRecipe,
    build: Callable[[], Any],
    examples: Examples,
    loss: Loss,
    *,
    file: str,
    key: str,
) -> tuple[Any, Fit, dict[str, Any]]:
    """Teach a network at the rate that its recipe asks for, or the best of a few.

    Args:
        task: where it is kept while it is taught, and whom to tell.
        recipe: how fast and how long.
        build: makes the network, the same one each time.
        examples: what teaches, and what says when to stop.
        loss: see `losses`.
        file: name of the checkpoint.
        key: all that the training depends on.

    Returns the network, how it went, and what was chosen on the way, for JSON.

    Raises NothingToTrain where no loss is finite.
    """
    search = find_rate(
        recipe.learning_rate,
        build,
        examples,
        loss,
        folder=task.folder,
        key=key,
        progress=lambda done, total: task.tell("learning rates", done, total),
    )
    network = build()
    fit = fit_network(
        network,
        examples,
        loss,
        Plan(search.rate, recipe.epochs, recipe.patience),
        file=task.folder / file,
        key=key,
        progress=lambda done, total: task.tell("epochs", done, total),
    )
    chosen = {**search.as_dict(), "best_epoch": fit.best_epoch, "epochs": fit.epochs}
    return network, fit, chosen


def find_rate(
    asked: Rate,
    build: Callable[[], Any],
    examples: Examples,
    loss: Loss,
    *,
    folder: Path,
    key: str,
    progress: Progress | None = None,
) -> Search:
    """Return the rate that was asked for; or the one with the least loss, the smaller of equals.

    Args:
        asked: a rate, or `auto`.
        build: makes the network, the same one each time.
        examples: what teaches, and what says when to stop.
        loss: see `losses`.
        folder: where each trial is kept, so that one that was done is not done again.
        key: all that the training depends on besides the rate.
        progress: called with rates tried and rates to try.

    Raises NothingToTrain where none of them gives a finite loss.
    """
    if asked != "auto":
        return Search(float(asked), {})
    losses: dict[float, float | None] = {}
    for tried, rate in enumerate(RATES, 1):
        losses[rate] = _tried(rate, build, examples, loss, folder, key)
        if progress is not None:
            progress(tried, len(RATES))
    finite = {rate: found for rate, found in losses.items() if found is not None}
    if not finite:
        raise NothingToTrain(
            f"the loss is no finite number at any learning rate from {RATES[0]:g} to "
            f"{RATES[-1]:g}: give a smaller --learning-rate, or look at the vectors that are read "
            "(`artworks analyze embeddings --redo` makes them anew)."
        )
    best = min(finite, key=lambda rate: (finite[rate], rate))
    return Search(best, {f"{rate:g}": found for rate, found in losses.items()})


def _tried(
    rate: float,
    build: Callable[[], Any],
    examples: Examples,
    loss: Loss,
    folder: Path,
    key: str,
) -> float | None:
    plan = Plan(rate, EPOCHS, EPOCHS)
    file = folder / f"rate-{rate:g}.npz"
    try:
        return fit_network(build(), examples, loss, plan, file=file, key=f"{key} {rate:g}").loss
    except NothingToTrain:
        return None
