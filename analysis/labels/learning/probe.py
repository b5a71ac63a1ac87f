"""The probe: logistic regression on embeddings that are stored already.

It is the yardstick of all other methods: in seconds it tells what an embedding knows of a head. The
numbers of a vector of length 1 are small (1/√d on average); they are multiplied by √d, so that one
grid of regularisations fits embeddings of any length.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from analysis.embeddings.stored import Vectors
from analysis.errors import WrongDataset
from analysis.evaluation.relevance import Numbers
from analysis.jobs import RGB
from analysis.labels.dataset import Targets
from analysis.labels.scorer import Arrays, Fitted, Logits, Reads
from analysis.labels.task import Balance, Task

GRID: Final = (0.0001, 0.001, 0.01, 0.1, 1.0, 10.0)
MOST_ITERATIONS: Final = 1000
NEVER: Final = -30.0
"""Score before the softmax of a class that nothing in the examples shows: hardly 1 in 10^13."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ProbeRecipe:
    """How a probe is fitted."""

    grid: tuple[float, ...] = GRID
    """Values of C, the inverse of the regularisation, that validation chooses from."""
    most_iterations: int = MOST_ITERATIONS
    """Of the solver, L-BFGS."""

    def __post_init__(self) -> None:
        """Raise WrongDataset for values that nothing can be fitted with."""
        if not self.grid or min(self.grid) <= 0 or self.most_iterations < 1:
            raise WrongDataset(
                f"a probe cannot be fitted with C of {', '.join(map(str, self.grid)) or 'nothing'} "
                f"and {self.most_iterations} iterations: give numbers above 0."
            )

    def as_dict(self) -> dict[str, Any]:
        """Return this for JSON."""
        return {"grid": list(self.grid), "most_iterations": self.most_iterations}


@dataclass(frozen=True)
class Linear:
    """What logistic regression has learned, in units of vectors of length 1."""

    coefficients: Floats
    """(classes, d)"""
    intercepts: Floats
    """(classes,)"""
    converged: bool
    """Whether the solver came to an end in the iterations that it was given."""

    def logits(self, vectors: Vectors) -> Logits:
        """Score vectors, (n, d), before the softmax or sigmoid."""
        scores: Logits = (vectors @ self.coefficients.T + self.intercepts).astype(np.float32)
        return scores


@dataclass(frozen=True)
class Chosen:
    """A probe whose regularisation was chosen by examples that did not teach it."""

    linear: Linear
    c: float
    losses: Mapping[float, float]
    """Log loss on validation by C."""


class ProbeScorer:
    """A fitted probe: a matrix and a row of numbers."""

    def __init__(
        self, coefficients: npt.NDArray[np.float32], intercepts: npt.NDArray[np.float32]
    ) -> None:
        """Keep coefficients, (classes, d), and intercepts, (classes,)."""
        self.method = "probe"
        self.reads: Reads = "embeddings"
        self.coefficients = coefficients
        self.intercepts = intercepts

    def logits(self, inputs: Vectors | Sequence[RGB]) -> Logits:
        """Score vectors, (n, d) float32 of length 1. Raises WrongDataset for other lengths."""
        if not len(inputs):
            return np.empty((0, len(self.intercepts)), np.float32)
        dimensions = self.coefficients.shape[1]
        vectors = np.asarray(inputs, np.float32)
        if vectors.shape[1] != dimensions:
            raise WrongDataset(
                f"a probe that has learned from vectors of {dimensions} numbers cannot read those "
                f"of {vectors.shape[1]}: give it the embeddings that `artworks models show` names."
            )
        scores: Logits = vectors @ self.coefficients.T + self.intercepts
        return scores

    def settings(self) -> dict[str, Any]:
        """Return nothing: its numbers are all that there is."""
        return {}

    def arrays(self) -> Arrays:
        """Return its numbers."""
        return {"coefficients": self.coefficients, "intercepts": self.intercepts}


def open_probe(settings: Mapping[str, Any], arrays: Arrays) -> ProbeScorer:
    """Build a probe again. Raises ValueError where the numbers do not belong together."""
    coefficients, intercepts = arrays["coefficients"], arrays["intercepts"]
    if coefficients.ndim != 2 or intercepts.shape != coefficients.shape[:1]:
        raise ValueError(
            f"coefficients of shape {coefficients.shape} have intercepts of {intercepts.shape}"
        )
    return ProbeScorer(coefficients, intercepts)


def fit_probe(task: Task, recipe: ProbeRecipe) -> Fitted:
    """Fit a probe on the training part, with the C that is best on validation.

    Errors of rare classes weigh more under both kinds of balancing: where all examples are looked
    at together, drawing one more often is nothing else.
    """
    assert task.vectors is not None, "a probe reads embeddings"
    dataset, split = task.dataset, task.split
    chosen = choose_probe(
        task.vectors,
        dataset.targets,
        split.train,
        split.validation,
        recipe,
        multi=dataset.multi,
        balance=task.balance,
        tell=lambda done, total: task.tell("fits", done, total),
    )
    linear = chosen.linear
    scorer = ProbeScorer(
        linear.coefficients.astype(np.float32), linear.intercepts.astype(np.float32)
    )
    logits = np.full(dataset.targets.shape, np.nan, np.float32)
    parts = np.concatenate((split.train, split.validation, split.test))
    logits[parts] = scorer.logits(task.vectors[parts])
    details: dict[str, Any] = {
        "c": chosen.c,
        "validation_loss": round(chosen.losses[chosen.c], 6),
    }
    if not linear.converged:
        details["stopped_after"] = f"{recipe.most_iterations:,} iterations"
    if task.balance == "sampling":
        details["balanced_by"] = "weights"
    return Fitted(scorer, logits, details=details)


def choose_probe(
    vectors: Vectors,
    targets: Targets,
    train: Numbers,
    validation: Numbers,
    recipe: ProbeRecipe,
    *,
    multi: bool,
    balance: Balance = "none",
    tell: Callable[[int, int], None] | None = None,
) -> Chosen:
    """Fit with each C on the places `train`, and keep what has the least loss on `validation`.

    Of equal losses (to 6 decimals), the smaller C is kept: the simpler probe.
    """
    fits: dict[float, Linear] = {}
    losses: dict[float, float] = {}
    for done, c in enumerate(sorted(recipe.grid), start=1):
        fits[c] = fit_linear(
            vectors[train],
            targets[train],
            c,
            multi=multi,
            balance=balance,
            most_iterations=recipe.most_iterations,
        )
        losses[c] = mean_loss(fits[c].logits(vectors[validation]), targets[validation], multi=multi)
        if tell is not None:
            tell(done, len(recipe.grid))
    best = min(fits, key=lambda c: (round(losses[c], 6), c))
    return Chosen(fits[best], best, losses)


def fit_linear(
    vectors: Vectors,
    targets: Targets,
    c: float,
    *,
    multi: bool,
    balance: Balance = "none",
    most_iterations: int = MOST_ITERATIONS,
) -> Linear:
    """Fit one multinomial regression (single labels), or one for each label (several).

    On one thread, so that the same examples give the same numbers.

    Args:
        vectors: (n, d) of length 1.
        targets: (n, classes).
        c: inverse of the L2 regularisation.
        multi: whether an image may have several labels.
        balance: with other than `none`, errors weigh n / (classes · images of the class).
        most_iterations: of the solver.
    """
    from threadpoolctl import threadpool_limits

    scale = np.sqrt(vectors.shape[1])
    scaled = vectors.astype(np.float64) * scale
    with threadpool_limits(limits=1):
        if multi:
            fits = [
                _two_classes(scaled, column, c, balance, most_iterations) for column in targets.T
            ]
            coefficients = np.stack([fit.coefficients[0] for fit in fits])
            intercepts = np.concatenate([fit.intercepts for fit in fits])
            converged = all(fit.converged for fit in fits)
        else:
            fit = _many_classes(scaled, targets, c, balance, most_iterations)
            coefficients, intercepts, converged = fit.coefficients, fit.intercepts, fit.converged
    return Linear(coefficients * scale, intercepts, converged)


def mean_loss(logits: Logits, targets: Targets, *, multi: bool) -> float:
    """Return the log loss of scores, (n, classes), in nats: per image, or per image and label."""
    scores = logits.astype(np.float64)
    if multi:
        return float((np.logaddexp(0.0, scores) - targets * scores).mean())
    total = np.logaddexp.reduce(scores, axis=1)
    return float((total - (targets * scores).sum(axis=1)).mean())


def _many_classes(
    scaled: Floats, targets: Targets, c: float, balance: Balance, most_iterations: int
) -> Linear:
    classes, dimensions = targets.shape[1], scaled.shape[1]
    labels = targets.argmax(axis=1)
    present = np.unique(labels)
    coefficients = np.zeros((classes, dimensions))
    intercepts = np.full(classes, NEVER)
    if len(present) == 1:
        intercepts[present] = 0.0
        return Linear(coefficients, intercepts, converged=True)
    fit = _regression(scaled, labels, c, balance, most_iterations)
    if len(present) == 2:
        # scikit-learn gives one row for two classes; half of it for each is the same softmax.
        halves = np.array([[-0.5], [0.5]])
        coefficients[present], intercepts[present] = (
            halves * fit.coefficients,
            halves[:, 0] * (fit.intercepts[0]),
        )
    else:
        coefficients[present], intercepts[present] = fit.coefficients, fit.intercepts
    return Linear(coefficients, intercepts, fit.converged)


def _two_classes(
    scaled: Floats,
    column: npt.NDArray[np.uint8],
    c: float,
    balance: Balance,
    most_iterations: int,
) -> Linear:
    """Fit a label against all images without it; where all have it, or none, nothing tells."""
    if len(np.unique(column)) == 1:
        always = -NEVER if column[0] else NEVER
        return Linear(np.zeros((1, scaled.shape[1])), np.array([always]), converged=True)
    return _regression(scaled, column, c, balance, most_iterations)


def _regression(
    scaled: Floats, labels: npt.NDArray[Any], c: float, balance: Balance, most_iterations: int
) -> Linear:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    weights = None if balance == "none" else "balanced"
    regression = LogisticRegression(C=c, class_weight=weights, max_iter=most_iterations)
    with warnings.catch_warnings():
        # Told by `converged`, which is stored with the model.
        warnings.simplefilter("ignore", ConvergenceWarning)
        regression.fit(scaled, labels)
    converged = bool(regression.n_iter_.max() < most_iterations)
    return Linear(regression.coef_, regression.intercept_, converged)
