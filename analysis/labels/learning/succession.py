"""Whether a new classifier takes over as the default of its head.

It does where it beats what needs no training, tells all labels that the present default tells, and
is not worse than that on the test images of both. Nobody is asked; people may say otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from analysis.errors import ArtifactDamaged, NothingToCompare
from analysis.labels.measuring.comparing import compare
from analysis.labels.measuring.predictions import Predictions, from_store
from analysis.registry.models import Model
from storage.objects import ObjectStore

KIND: Final = "classifier"


@dataclass(frozen=True)
class Succession:
    """What was decided."""

    takes_over: bool
    reason: str
    """Why, as part of a sentence."""


def decide(
    store: ObjectStore,
    present: Model | None,
    metrics: Mapping[str, Any],
    predictions: Predictions,
    *,
    seed: int,
    wanted: bool | None = None,
) -> Succession:
    """Tell whether a classifier takes over.

    Args:
        store: where the predictions of the present default are.
        present: the default of the head; None where there is none.
        metrics: those of the new classifier.
        predictions: what the new classifier said.
        seed: of the draws of the comparison.
        wanted: what people say; None where they leave it to the measures.
    """
    if wanted is not None:
        return Succession(wanted, "that was asked for")
    if not beats_baselines(metrics):
        return Succession(False, "it is no better than what needs no training")
    if present is None:
        return Succession(True, "there was no default")
    if present.params.get("labels") != metrics["labels"]:
        return Succession(
            False, f"{present.label}, the default, tells {present.params.get('labels')} labels"
        )
    lost = sorted(set(present.params.get("classes", ())) - set(metrics["classes"]))
    if lost:
        named = ", ".join(lost[:5]) + (f" and {len(lost) - 5} others" if len(lost) > 5 else "")
        return Succession(False, f"{present.label}, the default, also tells {named}")
    try:
        found = compare(predictions, from_store(store, present), mode=metrics["labels"], seed=seed)
    except (NothingToCompare, ArtifactDamaged) as error:
        return Succession(True, f"it cannot be compared with {present.label}: {error}")
    images = f"on {found.images:,} test images of both"
    if found.worse:
        return Succession(False, f"it is worse than {present.label} {images}")
    better = "better than" if found.better else "as good as"
    return Succession(True, f"it is {better} {present.label} {images}")


def beats_baselines(metrics: Mapping[str, Any]) -> bool:
    """Whether a classifier is worth more than what is said without a look, beyond chance.

    Macro-F1 decides. Accuracy may well be below that of the commonest class, where errors in rare
    classes weigh more; and the mAP of mere noise is above that of equal scores in small samples.
    """
    low = metrics["intervals"]["f1_macro"]["low"]
    return low is not None and low > _without_a_look(metrics)


def _without_a_look(metrics: Mapping[str, Any]) -> float:
    """Return the best macro-F1 that needs no image.

    Of several labels, that is to say each of every image: its precision is the label's share p,
    its recall 1, its F1 2p / (1 + p).
    """
    told = [base["f1_macro"] or 0.0 for base in metrics["baselines"].values() if base]
    images = metrics["images"]["test"]
    if metrics["labels"] == "multi":
        shares = [one["support"] / images for one in metrics["per_class"] if one["support"]]
        told.append(sum(2 * share / (1 + share) for share in shares) / max(len(shares), 1))
    return max(told)
