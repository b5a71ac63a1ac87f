"""The three methods, each a model of kind `outliers` whose head is the method."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from analysis.jobs import ModelSpec
from analysis.outliers import isolation, mahalanobis, neighbors, reduction, threshold
from analysis.registry.models import Model

KIND: Final = "outliers"
DEFAULT_METHOD: Final = "mahalanobis"
"""It alone knows what works are called. Of foreign pictures put among 479 works of the generated
museum with the labels of others, it ranks all of them in the top 5 % at 1 and 3 %, where the
neighbours do so for about two thirds and isolation for fewer; among 1,385 paintings, neighbours and
this one rank all of them there at 1 to 3 %, and 98 to 100 % at 5 %."""


@dataclass(frozen=True)
class Method:
    """A way to tell how odd works are."""

    name: str
    what: str
    """What it measures, for people."""
    unit: str
    """What its score is, after the number."""
    ratios: bool
    """Whether scores are ratios, whose logarithms are compared."""
    params: Mapping[str, Any]

    def spec(self, embedding: Model) -> ModelSpec:
        """Return its model over the vectors of an embedding."""
        return ModelSpec(
            name=f"outliers-{self.name}",
            version=f"1-{embedding.label.replace('/', '-')}",
            kind=KIND,
            head=self.name,
            params={
                "embedding": embedding.label,
                "variance": reduction.VARIANCE,
                "most_components": reduction.MOST_COMPONENTS,
                "far": threshold.FAR,
                "seed": SEED,
                **self.params,
            },
            is_default=embedding.is_default,
        )


SEED: Final = 0

METHODS: Mapping[str, Method] = MappingProxyType(
    {
        method.name: method
        for method in (
            Method(
                "mahalanobis",
                "how far a work is from the others of its style, genre or category",
                "times the usual distance",
                ratios=True,
                params={
                    "least_works": mahalanobis.LEAST_WORKS,
                    "most_works": mahalanobis.MOST_WORKS,
                },
            ),
            Method(
                "neighbors",
                "how far the nearest twentieth of the collection is",
                "mean distance",
                ratios=False,
                params={"share": neighbors.SHARE, "sample": neighbors.SAMPLE},
            ),
            Method(
                "isolation",
                "how few random cuts set a work apart",
                "anomaly score",
                ratios=False,
                params={"trees": isolation.TREES, "subsample": isolation.SUBSAMPLE},
            ),
        )
    }
)
