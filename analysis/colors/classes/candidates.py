"""The five kinds of classifiers that are compared, each behind a scaler of its own.

Settings are modest and the same for every collection: examples are few (hundreds), features 18.
Everything random follows from the seed, and every fit runs on one thread.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC


def _logistic(seed: int) -> BaseEstimator:
    return LogisticRegression(C=10.0, max_iter=2000, random_state=seed)


def _svm(seed: int) -> BaseEstimator:
    # Temperature scaling makes probabilities out of margins, and leaves their order as it is.
    folds = StratifiedKFold(2, shuffle=True, random_state=seed)
    machine = SVC(C=10.0, kernel="rbf", gamma="scale")
    return CalibratedClassifierCV(machine, method="temperature", cv=folds, ensemble=False)


def _perceptron(seed: int) -> BaseEstimator:
    return MLPClassifier((32,), solver="lbfgs", alpha=0.1, max_iter=1000, random_state=seed)


def _forest(seed: int) -> BaseEstimator:
    return RandomForestClassifier(100, random_state=seed, n_jobs=1)


def _boosting(seed: int) -> BaseEstimator:
    return GradientBoostingClassifier(
        n_estimators=60, max_depth=2, subsample=0.8, max_features="sqrt", random_state=seed
    )


CANDIDATES: Mapping[str, Callable[[int], BaseEstimator]] = MappingProxyType(
    {
        "logistic regression": _logistic,
        "support vector machine": _svm,
        "multilayer perceptron": _perceptron,
        "random forest": _forest,
        "gradient boosting": _boosting,
    }
)
"""Makes a classifier for a seed, by name; of equally good ones, the first is chosen."""


def make_pipeline(name: str, seed: int) -> Pipeline:
    """Return a candidate that is not trained yet: scaler and classifier in one."""
    return Pipeline([("scale", StandardScaler()), ("classify", CANDIDATES[name](seed))])


def settings(name: str, seed: int) -> dict[str, Any]:
    """Return what a candidate is set to, for the record: plain values only."""
    classifier = CANDIDATES[name](seed)
    values = {"class": type(classifier).__name__, **classifier.get_params()}
    return {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in values.items()
        if value is None or isinstance(value, (bool, int, float, str, tuple))
    }
