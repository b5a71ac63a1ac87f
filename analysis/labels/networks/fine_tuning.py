"""Fine-tuning: the top of a network is taught together with the head that was taught on it.

Batch norm stays as it was: it has learned from a million photographs, and a batch of 32 paintings
would teach it the wrong means. Dropout of the network's own is on while it is taught. The network
before the first step counts as an epoch: where nothing gets better, it is given back as it was.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast

from analysis.embeddings.network import normalised
from analysis.embeddings.sources import Source
from analysis.embeddings.stored import Vectors
from analysis.jobs import RGB
from analysis.labels.networks.backbone import config_of, rebuilt
from analysis.labels.networks.dense import DenseLayers, fold
from analysis.labels.networks.examples import Lesson, PictureExamples
from analysis.labels.networks.fitting import Plan, fit_network
from analysis.labels.networks.losses import teaching_loss
from analysis.labels.networks.parts import fit_key, of_all, parts_of
from analysis.labels.networks.pixels import PixelNetwork, give_weights
from analysis.labels.networks.precision import Precision, computing_with, seeded
from analysis.labels.networks.recipes import TransferRecipe
from analysis.labels.networks.squares import squares_of
from analysis.labels.scorer import Arrays, Fitted, Logits, Reads
from analysis.labels.task import Task

METHOD: Final = "transfer"
WHAT: Final = "fine-tuning"


class FineTunedScorer:
    """A network of one's own with its head, see Scorer."""

    method: str = METHOD
    reads: Reads = "pixels"

    def __init__(
        self, network: PixelNetwork, layers: DenseLayers, settings: Mapping[str, Any]
    ) -> None:
        self._network = network
        self._layers = layers
        self._settings = dict(settings)

    def logits(self, inputs: Vectors | Sequence[RGB]) -> Logits:
        """Score pictures of any size, as (n, classes); NaN for one of which nothing is seen."""
        return self._layers.logits(normalised(self._network.outputs(cast(Sequence[RGB], inputs))))

    def settings(self) -> dict[str, Any]:
        """Return which network it is, for JSON."""
        return dict(self._settings)

    def arrays(self) -> Arrays:
        """Return all weights."""
        return {**self._network.arrays(), **self._layers.arrays()}


def fine_tune(
    task: Task,
    recipe: TransferRecipe,
    source: Source,
    head: Any,
    lesson: Lesson,
    precision: Precision,
) -> Fitted:
    """Teach the top of a network by pictures.

    Args:
        task: what to learn from.
        recipe: how.
        source: the network that made the embeddings.
        head: a `keras.Sequential` that was taught on them.
        lesson: what is told of the images.
        precision: what to compute with.

    Raises NothingToTrain, PictureMissing and NetworkUnavailable.
    """
    keras = seeded(task.seed)
    with computing_with(precision):
        backbone = source.load()
        config = config_of(source, backbone)
        taught = leave_taught(backbone, recipe.fine_tune)
        images = keras.Input(backbone.input_shape[1:])
        vectors = backbone(images)
        scale = math.sqrt(backbone.output_shape[-1])
        unit = keras.layers.UnitNormalization(dtype="float32")(vectors)
        network = keras.Model(images, head(keras.layers.Rescaling(scale, dtype="float32")(unit)))
    size = int(backbone.input_shape[1])
    squares = squares_of(task, parts_of(task), size)
    train, heard = len(task.split.train), len(task.split.validation)
    examples = PictureExamples(
        lesson=lesson,
        pictures=squares[:train],
        validation=squares[train : train + heard],
        sha256=[task.dataset.sha256[at] for at in task.split.train],
        augmentation=recipe.augmentation,
        preprocessing=source.preprocessing,
    )
    fit = fit_network(
        network,
        examples,
        teaching_loss(lesson.mode, lesson.weights, recipe.label_smoothing),
        Plan(recipe.fine_tune_rate, recipe.fine_tune_epochs, recipe.patience, start_counts=True),
        file=task.folder / "fine-tuned.npz",
        key=fit_key(task, WHAT, recipe.as_dict(), precision),
        progress=lambda done, total: task.tell(WHAT, done, total),
    )
    settings = {
        "reads": "pixels",
        "backbone": source.name,
        "layer": source.layer,
        "preprocessing": source.preprocessing,
        "config": config,
    }
    # What is measured is what is stored, with 32 bits, whatever it was taught with.
    stored = FineTunedScorer(
        PixelNetwork(backbone, source.preprocessing), fold(head.layers, scale), settings
    )
    scorer = open_fine_tuned(stored.settings(), stored.arrays())
    return Fitted(
        scorer=scorer,
        logits=of_all(task, scorer.logits(cast(Sequence[RGB], squares))),
        history=fit.history,
        details={
            "share": recipe.fine_tune,
            "layers": taught,
            "learning_rate": recipe.fine_tune_rate,
            "best_epoch": fit.best_epoch,
            "epochs": fit.epochs,
        },
    )


def open_fine_tuned(settings: Mapping[str, Any], arrays: Arrays) -> FineTunedScorer:
    """Return the scorer of an artifact.

    Raises ValueError where its weights are of another network, and NetworkUnavailable where
    TensorFlow is not installed.
    """
    with computing_with("float32"):
        network = rebuilt(settings["backbone"], settings["layer"], settings["config"])
    give_weights(network, arrays)
    layers = DenseLayers.of(arrays)
    found = PixelNetwork(network, settings["preprocessing"])
    if found.width != layers.dimensions:
        raise ValueError(
            f"its network gives {found.width} numbers, and its head takes {layers.dimensions}"
        )
    return FineTunedScorer(found, layers, settings)


def leave_taught(backbone: Any, share: int) -> int:
    """Freeze a network but for the top `share` percent of its layers; return how many are taught.

    Layers are counted that have weights, batch norm aside: that is frozen throughout.
    """
    weighty = []
    for layer in _layers(backbone):
        norm = "BatchNormalization" in type(layer).__name__
        if layer.weights and not norm:
            weighty.append(layer)
        layer.trainable = False
    count = math.ceil(len(weighty) * share / 100)
    for layer in weighty[len(weighty) - count :]:
        layer.trainable = True
    return count


def _layers(network: Any) -> Iterator[Any]:
    """Yield layers that hold no others, from the input on."""
    for layer in network.layers:
        if getattr(layer, "layers", None):
            yield from _layers(layer)
        else:
            yield layer
