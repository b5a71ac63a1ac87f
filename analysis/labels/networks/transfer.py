"""Transfer: a dense head on a network that others have taught, and that stays as it is.

What the network gives is computed once, for a few views of each image: the head learns from
vectors, thousands of images a second. To label by it, the stored embeddings are all that is read.
With `fine_tune`, the top of the network is taught afterwards; see `fine_tuning`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, cast

import numpy as np
import numpy.typing as npt

from analysis.embeddings.stored import Vectors
from analysis.errors import NoEmbeddings
from analysis.jobs import RGB
from analysis.labels.networks.backbone import teachable
from analysis.labels.networks.dense import DenseLayers, fold
from analysis.labels.networks.examples import Lesson, ViewExamples
from analysis.labels.networks.head import build_head
from analysis.labels.networks.learning_rate import fit_at_best_rate
from analysis.labels.networks.losses import teaching_loss
from analysis.labels.networks.parts import check_parts, fit_key, of_all, parts_of
from analysis.labels.networks.precision import here
from analysis.labels.networks.recipes import TransferRecipe
from analysis.labels.networks.views import view_vectors
from analysis.labels.scorer import Arrays, Fitted, Logits, Reads, Scorer
from analysis.labels.task import Task
from analysis.registry.models import Model

METHOD: Final = "transfer"


class TransferScorer:
    """A trained head on stored embeddings, see Scorer. Needs NumPy alone."""

    method: str = METHOD
    reads: Reads = "embeddings"

    def __init__(self, layers: DenseLayers) -> None:
        self.layers = layers

    def logits(self, inputs: Vectors | Sequence[RGB]) -> Logits:
        """Score vectors, (n, d) float32 of length 1, as (n, classes)."""
        return self.layers.logits(cast(Vectors, inputs))

    def settings(self) -> dict[str, Any]:
        """Return what tells it from a network that reads pictures."""
        return {"reads": self.reads, "dimensions": self.layers.dimensions}

    def arrays(self) -> Arrays:
        """Return the matrices."""
        return self.layers.arrays()


def fit_transfer(task: Task, recipe: TransferRecipe) -> Fitted:
    """Teach a head by the embeddings of a task; with `fine_tune`, the network below it as well.

    Raises NothingToTrain where a part is empty or no loss is finite, NoEmbeddings where the task
    has none, PictureMissing, and NetworkUnavailable where TensorFlow, or the network that views or
    fine-tuning need, cannot be had.
    """
    check_parts(task)
    embedding, vectors = _embeddings(task)
    # Said before the head is taught: what cannot be fine-tuned would be known too late after it.
    source = teachable(embedding) if recipe.fine_tune else None
    precision = here()
    lesson = Lesson.of(task, recipe.batch)
    views = _views(task, vectors, recipe)
    examples = ViewExamples(lesson, views, vectors[task.split.validation])
    dimensions, classes = views.shape[2], len(task.dataset.classes)
    loss = teaching_loss(lesson.mode, lesson.weights, recipe.label_smoothing)
    key = fit_key(task, METHOD, _of_head(recipe), precision)

    def build() -> Any:
        return build_head(recipe, dimensions, classes, seed=task.seed, precision=precision)

    head, fit, chosen = fit_at_best_rate(
        task, recipe, build, examples, loss, file="head.npz", key=key
    )
    details = {**chosen, "precision": precision}
    if source is not None:
        from analysis.labels.networks.fine_tuning import fine_tune

        tuned = fine_tune(task, recipe, source, head, lesson, precision)
        history = {f"fine_tune_{name}": values for name, values in tuned.history.items()}
        return replace(
            tuned,
            history={**fit.history, **history},
            details={**details, "fine_tune": dict(tuned.details)},
        )
    scorer = TransferScorer(fold(head.layers, float(examples.scale)))
    logits = scorer.logits(vectors[parts_of(task)])
    return Fitted(scorer, of_all(task, logits), fit.history, details)


def open_transfer(settings: Mapping[str, Any], arrays: Arrays) -> Scorer:
    """Return the scorer of an artifact.

    Raises ValueError where its numbers do not fit together, and NetworkUnavailable where it reads
    pictures and TensorFlow is not installed.
    """
    if settings["reads"] == "pixels":
        from analysis.labels.networks.fine_tuning import open_fine_tuned

        return open_fine_tuned(settings, arrays)
    layers = DenseLayers.of(arrays)
    if layers.dimensions != settings["dimensions"]:
        raise ValueError(
            f"it takes vectors of {layers.dimensions} numbers, not {settings['dimensions']}"
        )
    return TransferScorer(layers)


def _embeddings(task: Task) -> tuple[Model, Vectors]:
    if task.embedding is None or task.vectors is None:
        raise NoEmbeddings(
            "a head learns from the embeddings of images, and there are none: run `artworks "
            "analyze embeddings` first, or train with --method cnn, which needs none."
        )
    return task.embedding, task.vectors


def _views(task: Task, vectors: Vectors, recipe: TransferRecipe) -> npt.NDArray[np.float32]:
    """Return views of the images that teach, (train, views, d); of others only they are read."""
    train = task.split.train
    if recipe.views == 1 or not recipe.augmentation:
        return vectors[train][:, np.newaxis]

    def pictures(places: Sequence[int]) -> Sequence[RGB]:
        return task.pictures([int(train[at]) for at in places])

    taught = replace(
        task, dataset=task.dataset.subset(train), vectors=vectors[train], pictures=pictures
    )
    return view_vectors(taught, None, recipe.augmentation, recipe.views, task.seed)


def _of_head(recipe: TransferRecipe) -> dict[str, Any]:
    """Return what of a recipe the head depends on: it need not be taught anew to tune otherwise."""
    return {
        name: value for name, value in recipe.as_dict().items() if not name.startswith("fine_tune")
    }
