"""Networks are taught, killed, taught on, stored and asked: what needs TensorFlow."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.embeddings import quiet
from analysis.embeddings.network import normalised
from analysis.embeddings.preparing import squash_all
from analysis.embeddings.quiet import has, tensorflow
from analysis.embeddings.sources import source_of
from analysis.embeddings.stored import Vectors
from analysis.errors import NetworkUnavailable, NoEmbeddings, NothingToTrain
from analysis.labels.networks import learning_rate, precision, transfer
from analysis.labels.networks.augmentation import PRESETS
from analysis.labels.networks.backbone import rebuilt, teachable
from analysis.labels.networks.cnn import fit_cnn, open_cnn
from analysis.labels.networks.dense import fold
from analysis.labels.networks.fine_tuning import leave_taught
from analysis.labels.networks.head import build_head
from analysis.labels.networks.losses import loss_of, teaching_loss
from analysis.labels.networks.recipes import CnnRecipe, TransferRecipe
from analysis.labels.networks.transfer import fit_transfer, open_transfer
from analysis.labels.scorer import Fitted, Scorer
from analysis.labels.task import Task
from analysis.registry.models import Model
from tests.analysis.labels.networks.tasks import (
    clouds,
    embedding_of,
    picture,
    targets_of,
    task_of,
)

# mypy: disable-error-code="no-untyped-def"

pytestmark = [
    pytest.mark.skipif(not has("tensorflow"), reason="needs TensorFlow"),
    # Keras' own, about NumPy.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]

ROOT = Path(__file__).resolve().parents[4]
LABELS = [at % 3 for at in range(60)]
TARGETS = targets_of(LABELS, 3)
QUICK = TransferRecipe(hidden=(16,), views=1, learning_rate=1e-2, epochs=12, patience=12, batch=16)


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> Path:
    """A small network with random weights, saved whole: 32 px, dropout, a map of 4 × 4 × 12."""
    tensorflow()
    import keras

    keras.utils.set_random_seed(5)
    model = keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            keras.layers.Rescaling(1 / 127.5, offset=-1),
            keras.layers.Conv2D(8, 3, strides=4, padding="same", activation="relu"),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.5),
            keras.layers.Conv2D(12, 3, strides=2, padding="same", activation="relu"),
        ]
    )
    file = tmp_path_factory.mktemp("saved") / "tiny.keras"
    model.save(file)
    return Path(file)


@pytest.fixture
def embedded(saved, monkeypatch) -> tuple[Model, Vectors]:
    """The model of embeddings that the small network made, and those of the pictures."""
    monkeypatch.setenv("ARTWORKS_EMBEDDING", str(saved))
    source = source_of(str(saved))
    pictures = [picture(at, label) for at, label in enumerate(LABELS)]
    outputs = source.load().predict(squash_all(pictures, 32).astype(np.float32), verbose=0)
    params = {"backbone": source.name, "layer": source.layer, "weights": source.sha256}
    return embedding_of("tiny", **params, dimensions=12), normalised(outputs)


def transfer_task(folder: Path, **choices: Any) -> Task:
    return task_of(folder, TARGETS, vectors=clouds(LABELS), embedding=embedding_of(), **choices)


def right(task: Task, fitted: Fitted) -> float:
    """Share of the test part that is told right."""
    said = fitted.logits[task.split.test].argmax(axis=1)
    return float((said == task.dataset.labels[task.split.test]).mean())


def same(one: Fitted, other: Fitted) -> bool:
    """Whether two fits agree, epoch by epoch and image by image."""
    assert one.history.keys() == other.history.keys()
    for name, values in one.history.items():
        np.testing.assert_allclose(values, other.history[name], rtol=0, atol=1e-6)
    np.testing.assert_allclose(one.logits, other.logits, rtol=0, atol=1e-6)
    return True


def again(scorer: Scorer, opener: Any) -> Scorer:
    """The scorer, as it is built again from what an artifact keeps."""
    found: Scorer = opener(scorer.settings(), dict(scorer.arrays()))
    return found


class Cut(BaseException):
    """What ends a training in the middle."""


def cut_at(stage: str, epoch: int) -> Any:
    def progress(what: str, done: int, total: int) -> None:
        assert 0 < done <= total
        if (what, done) == (stage, epoch):
            raise Cut

    return progress


def test_the_losses_are_those_that_validation_goes_by() -> None:
    tensorflow()
    rng = np.random.default_rng(0)
    scores = rng.normal(0, 3, (8, 3)).astype(np.float32)
    targets = targets_of([0, 1, 2, 2, 1, 0, 0, 0], 3)
    weights = np.array([1.0, 2.0, 3.0], np.float32)
    several = teaching_loss("multi", weights, 0.1)(targets.astype(np.float32), scores)
    assert float(several) == pytest.approx(loss_of(scores, targets, "multi", weights), rel=1e-5)
    # The mean over images here, so that all batches count alike, and by weight there.
    one = teaching_loss("single", weights, 0.0)(targets.astype(np.float32), scores)
    by_weight = loss_of(scores, targets, "single", weights) * (targets @ weights).mean()
    assert float(one) == pytest.approx(by_weight, rel=1e-5)
    # With smoothing, being sure costs something.
    sure = np.eye(3, dtype=np.float32)
    assert float(teaching_loss("single", np.ones(3, np.float32), 0.3)(sure, sure * 50)) > 5


LABELLING = """
import sys
from pathlib import Path
import numpy as np
from analysis.labels.networks.transfer import open_transfer

folder = Path(sys.argv[1])
with np.load(folder / "arrays.npz") as arrays:
    scorer = open_transfer({"reads": "embeddings", "dimensions": 16}, dict(arrays))
logits = scorer.logits(np.load(folder / "vectors.npy"))
print(len(logits), [name for name in ("tensorflow", "keras") if name in sys.modules])
"""


def test_a_head_learns_and_needs_no_tensorflow_afterwards(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(learning_rate, "RATES", (1e-5, 1e-2))
    told: list[tuple[str, int, int]] = []
    recipe = replace(QUICK, learning_rate="auto", batch_norm=True)
    task = transfer_task(tmp_path, removed=5, progress=lambda *step: told.append(step))
    fitted = fit_transfer(task, recipe)
    assert right(task, fitted) == 1.0
    assert np.isnan(fitted.logits[task.split.removed]).all()
    assert np.isfinite(fitted.logits[task.split.train]).all()
    assert (fitted.scorer.method, fitted.scorer.reads) == ("transfer", "embeddings")
    assert len(fitted.history["loss"]) == len(fitted.history["validation_loss"])
    assert fitted.history["loss"][-1] < fitted.history["loss"][0]
    assert fitted.details["best_epoch"] == 1 + int(np.argmin(fitted.history["validation_loss"]))
    tried = fitted.details["tried_rates"]
    assert list(tried) == ["1e-05", "0.01"]
    assert tried["0.01"] < tried["1e-05"]
    assert fitted.details["learning_rate"] == 0.01
    assert told[:2] == [("learning rates", 1, 2), ("learning rates", 2, 2)]
    assert told[2] == ("epochs", 1, 12)

    opened = again(fitted.scorer, open_transfer)
    np.testing.assert_array_equal(
        opened.logits(task.vectors[task.split.test]), fitted.logits[task.split.test]
    )
    np.savez(tmp_path / "arrays.npz", **fitted.scorer.arrays())
    np.save(tmp_path / "vectors.npy", task.vectors)
    done = subprocess.run(
        [sys.executable, "-c", LABELLING, str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "60 []\n"
    wrong = {**fitted.scorer.settings(), "dimensions": 17}
    with pytest.raises(ValueError, match="vectors of 16 numbers, not 17"):
        open_transfer(wrong, fitted.scorer.arrays())


def test_matrices_give_what_the_layers_give() -> None:
    recipe = TransferRecipe(hidden=(8, 5), batch_norm=True)
    head = build_head(recipe, 16, 3, seed=1, precision="float32")
    rng = np.random.default_rng(1)
    head.set_weights([rng.uniform(0.5, 1.5, one.shape) for one in head.get_weights()])
    vectors = clouds(LABELS)
    theirs = np.asarray(head(vectors * 4.0, training=False))
    np.testing.assert_allclose(fold(head.layers, 4.0).logits(vectors), theirs, rtol=1e-4)


def test_the_same_seed_gives_the_same_interrupted_or_not(tmp_path) -> None:
    whole = fit_transfer(transfer_task(tmp_path / "whole"), QUICK)
    folder = tmp_path / "cut"
    with pytest.raises(Cut):
        fit_transfer(transfer_task(folder, progress=cut_at("epochs", 5)), QUICK)
    assert same(whole, fit_transfer(transfer_task(folder), QUICK))
    other = fit_transfer(transfer_task(tmp_path / "other", seed=1), QUICK)
    assert np.nanmax(np.abs(other.logits - whole.logits)) > 1e-3


def test_with_half_the_bits_weights_and_what_is_measured_keep_all(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(transfer, "here", lambda: "mixed_float16")
    task = transfer_task(tmp_path)
    fitted = fit_transfer(task, QUICK)
    assert fitted.details["precision"] == "mixed_float16"
    assert {one.dtype for one in fitted.scorer.arrays().values()} == {np.dtype(np.float32)}
    assert right(task, fitted) == 1.0
    import keras

    assert keras.config.dtype_policy().name == "float32"


def test_without_tensorflow(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(quiet, "has", lambda package: False)
    monkeypatch.setattr(precision, "tensorflow", tensorflow.__wrapped__)
    with pytest.raises(NetworkUnavailable, match=r"pip install 'artworks\[analysis\]'"):
        fit_transfer(transfer_task(tmp_path), QUICK)


def test_it_stops_where_validation_gets_no_better(tmp_path) -> None:
    recipe = replace(QUICK, epochs=200, patience=3, learning_rate=1e-2)
    fitted = fit_transfer(transfer_task(tmp_path), recipe)
    assert fitted.details["epochs"] == fitted.details["best_epoch"] + 3 < 200


def test_several_labels_and_balance_by_weights(tmp_path) -> None:
    targets = TARGETS.copy()
    targets[:, 2] |= targets[:, 0]
    found = {}
    for balance in ("none", "weights"):
        task = replace(
            transfer_task(tmp_path / balance), balance=balance, split=transfer_task(tmp_path).split
        )
        rare = targets.copy()
        # A label that hardly anybody was taught.
        rare[task.split.train[4:], 1] = 0
        dataset = replace(
            task.dataset, targets=rare, query=replace(task.dataset.query, mode="multi")
        )
        fitted = fit_transfer(replace(task, dataset=dataset), QUICK)
        test = task.split.test
        assert ((fitted.logits[test][:, [0, 2]] > 0) == targets[test][:, [0, 2]]).all()
        found[balance] = fitted.logits[test][targets[test, 1] == 1][:, 1].mean()
    assert found["weights"] > found["none"] + 1


def test_a_rate_that_breaks_the_network_is_said_and_never_chosen(tmp_path, monkeypatch) -> None:
    task = transfer_task(tmp_path)
    broken = replace(task, vectors=np.full_like(task.vectors, np.nan))
    with pytest.raises(NothingToTrain, match=r"at a learning rate of 0.01: give a smaller"):
        fit_transfer(broken, QUICK)
    monkeypatch.setattr(learning_rate, "RATES", (1e-3,))
    with pytest.raises(NothingToTrain, match=r"any learning rate from 0.001 to 0.001"):
        fit_transfer(broken, replace(QUICK, learning_rate="auto"))


def test_a_network_from_nothing(tmp_path) -> None:
    recipe = CnnRecipe(
        size=32,
        blocks=(4, 8),
        epochs=6,
        batch=16,
        learning_rate=3e-2,
        augmentation=PRESETS["light"],
    )  # fmt: skip
    task = task_of(tmp_path, TARGETS, removed=3, balance="sampling")
    fitted = fit_cnn(task, recipe)
    assert right(task, fitted) > 0.8
    assert (fitted.scorer.method, fitted.scorer.reads) == ("cnn", "pixels")
    assert fitted.details["tried_rates"] == {}
    assert fitted.details["precision"] == "float32"
    # Pictures of any size come out as those of the dataset did.
    some = [1, 10, 30]
    opened = again(fitted.scorer, open_cnn)
    assert opened.settings() == {"size": 32, "blocks": [4, 8], "classes": 3}
    shown = [picture(at, LABELS[at]) for at in some]
    np.testing.assert_allclose(opened.logits(shown), fitted.logits[some], atol=1e-5)
    assert opened.logits([]).shape == (0, 3)
    with pytest.raises(ValueError, match="arrays of weights"):
        open_cnn({**fitted.scorer.settings(), "blocks": [4, 9]}, fitted.scorer.arrays())


TUNED = replace(
    QUICK, epochs=4, fine_tune=100, fine_tune_rate=3e-3, fine_tune_epochs=4,
    augmentation=PRESETS["standard"],
)  # fmt: skip

TRAINING = """
import sys
from pathlib import Path
import numpy as np
from analysis.labels.networks.transfer import fit_transfer
from tests.analysis.labels.networks import tasks, test_networks

def wait(what, done, total):
    if (what, done) == ("fine-tuning", 2):
        print("taught", flush=True)
        sys.stdin.read()

with np.load(sys.argv[2]) as stored:
    vectors = stored["vectors"]
    params = {name: str(stored[name]) for name in ("backbone", "layer", "weights")}
task = tasks.task_of(
    Path(sys.argv[1]), test_networks.TARGETS, vectors=vectors,
    embedding=tasks.embedding_of("tiny", **params), progress=wait,
)
fit_transfer(task, test_networks.TUNED)
"""


def test_fine_tuning_goes_on_after_a_kill_as_if_nothing_had_been(saved, embedded, tmp_path) -> None:
    model, vectors = embedded

    def task(folder: str) -> Task:
        return task_of(tmp_path / folder, TARGETS, vectors=vectors, embedding=model)

    given = tmp_path / "given.npz"
    params = {name: np.array(model.params[name]) for name in ("backbone", "layer", "weights")}
    np.savez(given, vectors=vectors, **params)
    process = subprocess.Popen(
        [sys.executable, "-c", TRAINING, str(tmp_path / "killed"), str(given)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    whole = fit_transfer(task("whole"), TUNED)
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "taught\n"
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    told: list[str] = []
    resumed = fit_transfer(
        replace(task("killed"), progress=lambda what, *_: told.append(what)), TUNED
    )
    assert told == ["fine-tuning"] * 2
    assert same(whole, resumed)

    assert whole.scorer.reads == "pixels"
    assert whole.details["fine_tune"]["layers"] == 2
    heard = whole.history["fine_tune_validation_loss"]
    assert len(heard) == 4
    assert min(heard) < min(whole.history["validation_loss"])
    # Batch norm is as it was; the layers around it are not.
    before = source_of(str(saved)).load().get_weights()
    after = [one for name, one in whole.scorer.arrays().items() if name.startswith("weight")]
    moved = [bool((ours != theirs).any()) for ours, theirs in zip(after, before, strict=True)]
    assert moved == [True] * 2 + [False] * 4 + [True] * 2

    opened = again(whole.scorer, open_transfer)
    shown: Sequence[Any] = [picture(at, LABELS[at]) for at in range(5)]
    np.testing.assert_allclose(opened.logits(shown), whole.logits[:5], atol=1e-5)
    fewer = dict(list(whole.scorer.arrays().items())[1:])
    with pytest.raises(ValueError, match="7 arrays of weights, and its network takes 8"):
        open_transfer(whole.scorer.settings(), fewer)


def test_only_so_many_layers_from_the_top_are_taught(saved) -> None:
    network = source_of(str(saved)).load()
    assert leave_taught(network, 10) == 1
    assert len(network.trainable_variables) == 2
    assert network.trainable_variables[0].shape == (3, 3, 8, 12)
    assert leave_taught(network, 100) == 2
    assert len(network.trainable_variables) == 4
    large = rebuilt("mobilenet_v2", "pooled", None)
    assert leave_taught(large, 30) == 16
    assert not any("BN" in one.path or "bn" in one.path for one in large.trainable_variables)
    with pytest.raises(ValueError, match="no network alexnet"):
        rebuilt("alexnet", "pooled", None)


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (embedding_of("descriptors"), "no layers that can be fine-tuned: leave --fine-tune out"),
        (embedding_of("clip", backbone="clip", layer="pooled"), "no layers"),
        (embedding_of("resnet18", backbone="resnet18", layer="pooled"), "no layers"),
        (embedding_of("projection-x", embedding="x/1"), "no layers"),
        (embedding_of("mine", backbone="mine", layer="pooled"), "ARTWORKS_EMBEDDING is mobilenet"),
    ],
    ids=lambda one: one.name if isinstance(one, Model) else "",
)
def test_what_cannot_be_fine_tuned(model, said, tmp_path, monkeypatch) -> None:
    monkeypatch.delenv("ARTWORKS_EMBEDDING", raising=False)
    with pytest.raises(NetworkUnavailable, match=said):
        fit_transfer(
            replace(transfer_task(tmp_path), embedding=model), replace(QUICK, fine_tune=10)
        )


def test_other_weights_than_those_that_made_the_embeddings(embedded) -> None:
    model, _ = embedded
    teachable(model)
    with pytest.raises(NetworkUnavailable, match=r"tiny\.keras:pooled on this machine is another"):
        teachable(replace(model, params={**model.params, "weights": "f" * 64}))


def test_a_head_without_embeddings(tmp_path) -> None:
    with pytest.raises(NoEmbeddings, match=r"analyze embeddings.*--method cnn"):
        fit_transfer(task_of(tmp_path, TARGETS), QUICK)
