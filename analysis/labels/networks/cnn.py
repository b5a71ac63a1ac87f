"""A small network from nothing: what can be learned of pictures without what others have taught."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from analysis.embeddings.backbones import Preprocessing
from analysis.embeddings.stored import Vectors
from analysis.jobs import RGB
from analysis.labels.networks.examples import Lesson, PictureExamples
from analysis.labels.networks.learning_rate import fit_at_best_rate
from analysis.labels.networks.losses import teaching_loss
from analysis.labels.networks.parts import check_parts, fit_key, of_all, parts_of
from analysis.labels.networks.pixels import PixelNetwork, give_weights
from analysis.labels.networks.precision import Precision, computing_with, here, seeded
from analysis.labels.networks.recipes import CnnRecipe
from analysis.labels.networks.squares import squares_of
from analysis.labels.scorer import Arrays, Fitted, Logits, Reads
from analysis.labels.task import Task

METHOD: Final = "cnn"
PREPROCESSING: Final[Preprocessing] = "tf"


class CnnScorer:
    """A trained network, see Scorer."""

    method: str = METHOD
    reads: Reads = "pixels"

    def __init__(self, blocks: Sequence[int], network: PixelNetwork) -> None:
        self._blocks = tuple(blocks)
        self._network = network

    def logits(self, inputs: Vectors | Sequence[RGB]) -> Logits:
        """Score pictures of any size, as (n, classes)."""
        return self._network.outputs(cast(Sequence[RGB], inputs))

    def settings(self) -> dict[str, Any]:
        """Return how the network is put together, for JSON."""
        return {
            "size": self._network.size,
            "blocks": list(self._blocks),
            "classes": self._network.width,
        }

    def arrays(self) -> Arrays:
        """Return its weights."""
        return self._network.arrays()


def fit_cnn(task: Task, recipe: CnnRecipe) -> Fitted:
    """Teach a small network by the pictures of a task.

    Raises NothingToTrain where a part is empty or no loss is finite, PictureMissing, and
    NetworkUnavailable where TensorFlow is not installed.
    """
    check_parts(task)
    precision, classes = here(), len(task.dataset.classes)
    lesson = Lesson.of(task, recipe.batch)
    squares = squares_of(task, parts_of(task), recipe.size)
    train, heard = len(task.split.train), len(task.split.validation)
    examples = PictureExamples(
        lesson=lesson,
        pictures=squares[:train],
        validation=squares[train : train + heard],
        sha256=[task.dataset.sha256[at] for at in task.split.train],
        augmentation=recipe.augmentation,
        preprocessing=PREPROCESSING,
    )
    loss = teaching_loss(lesson.mode, lesson.weights, recipe.label_smoothing)
    key = fit_key(task, METHOD, recipe.as_dict(), precision)

    def build() -> Any:
        return build_cnn(recipe, classes, seed=task.seed, precision=precision)

    network, fit, chosen = fit_at_best_rate(
        task, recipe, build, examples, loss, file=f"{METHOD}.npz", key=key
    )
    # What is measured is what is stored, with 32 bits, whatever it was taught with.
    stored = PixelNetwork(network, PREPROCESSING)
    scorer = open_cnn(CnnScorer(recipe.blocks, stored).settings(), stored.arrays())
    return Fitted(
        scorer=scorer,
        logits=of_all(task, scorer.logits(cast(Sequence[RGB], squares))),
        history=fit.history,
        details={**chosen, "precision": precision},
    )


def open_cnn(settings: Mapping[str, Any], arrays: Arrays) -> CnnScorer:
    """Return the scorer of an artifact.

    Raises ValueError where its weights are of another network, and NetworkUnavailable where
    TensorFlow is not installed.
    """
    recipe = CnnRecipe(size=int(settings["size"]), blocks=tuple(settings["blocks"]))
    network = build_cnn(recipe, int(settings["classes"]), seed=None, precision="float32")
    give_weights(network, arrays)
    return CnnScorer(recipe.blocks, PixelNetwork(network, PREPROCESSING))


def build_cnn(recipe: CnnRecipe, classes: int, *, seed: int | None, precision: Precision) -> Any:
    """Return a `keras.Sequential`: (b, s, s, 3) float32 from -1 to 1 in, (b, classes) scores out.

    The same seed gives the same weights, and the same dropout.
    """
    keras = seeded(seed)
    size = keras.regularizers.L2(recipe.l2)
    layers: list[Any] = [keras.Input((recipe.size, recipe.size, 3))]
    with computing_with(precision):
        for channels in recipe.blocks:
            layers += [
                keras.layers.Conv2D(
                    channels, 3, padding="same", use_bias=False, kernel_regularizer=size
                ),
                # An epoch may be a few steps long: with 0.99, means would lag behind by several.
                keras.layers.BatchNormalization(momentum=0.9),
                keras.layers.ReLU(),
                keras.layers.MaxPooling2D(),
            ]
        layers += [
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dropout(recipe.dropout),
            keras.layers.Dense(classes, kernel_regularizer=size, dtype="float32"),
        ]
        return keras.Sequential(layers)
