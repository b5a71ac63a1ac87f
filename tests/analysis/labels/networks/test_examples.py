"""What an epoch shows: all of it drawn from the seed and the epoch's number."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from analysis.errors import NothingToTrain
from analysis.labels.networks.augmentation import PRESETS
from analysis.labels.networks.dense import DenseLayers
from analysis.labels.networks.examples import Lesson, PictureExamples, ViewExamples
from analysis.labels.networks.parts import check_parts, fit_key, of_all, parts_of
from analysis.labels.networks.squares import squares_of
from tests.analysis.labels.networks.tasks import clouds, targets_of, task_of

LABELS = [at % 3 for at in range(50)]


@pytest.fixture
def views(tmp_path: Path) -> ViewExamples:
    """Three views of each of 30 images; the first two numbers say which view of which image."""
    task = task_of(tmp_path, targets_of(LABELS, 3))
    vectors = clouds(LABELS)
    seen = np.repeat(vectors[task.split.train][:, None], 3, axis=1)
    seen[:, :, 0] = np.arange(3)
    seen[:, :, 1] = np.arange(30)[:, None]
    return ViewExamples(Lesson.of(task, 8), seen, vectors[task.split.validation])


def test_an_epoch_shows_every_image_once_in_one_of_its_views(views: ViewExamples) -> None:
    batches = list(views.batches(1))
    assert sorted(len(inputs) for inputs, _ in batches) == [7, 7, 8, 8]
    inputs = np.concatenate([inputs for inputs, _ in batches])
    targets = np.concatenate([targets for _, targets in batches])
    assert inputs.dtype == targets.dtype == np.float32
    view, image = np.round(inputs[:, :2] / views.scale).astype(int).T
    assert set(view) == {0, 1, 2}
    assert sorted(image) == list(range(30))
    assert list(image) != sorted(image)
    np.testing.assert_array_equal(targets, views.lesson.targets[image])
    np.testing.assert_allclose(inputs, views.views[image, view] * 4.0, rtol=1e-6)


def test_the_same_epoch_is_the_same_and_another_is_not(views: ViewExamples) -> None:
    first, again, second = (
        np.concatenate([inputs for inputs, _ in views.batches(epoch)]) for epoch in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != second).any()


def test_no_batch_is_a_single_image(tmp_path: Path) -> None:
    lesson = Lesson.of(task_of(tmp_path, targets_of(LABELS, 3)), 32)
    for count in range(2, 200):
        sizes = [part.stop - part.start for part in lesson.cut(count)]
        assert sum(sizes) == count
        assert max(sizes) <= 32
        assert max(sizes) - min(sizes) <= 1
        assert min(sizes) > 1


def test_validation_is_seen_as_it_is(views: ViewExamples) -> None:
    heard = np.concatenate(list(views.heard()))
    np.testing.assert_allclose(heard, views.validation * 4.0, rtol=1e-6)
    right = views.lesson.validation.astype(np.float32) * 50
    assert views.judge(right) < 1e-6 < views.judge(-right)


def test_pictures_are_altered_anew_in_each_epoch(tmp_path: Path) -> None:
    task = task_of(tmp_path, targets_of(LABELS, 3))
    squares = squares_of(task, parts_of(task), 32)
    train = task.split.train
    examples = PictureExamples(
        Lesson.of(task, 16),
        squares[: len(train)],
        squares[len(train) : len(train) + 10],
        [task.dataset.sha256[at] for at in train],
        PRESETS["standard"],
        "tf",
    )
    one, again, other = (list(examples.batches(epoch)) for epoch in (1, 1, 2))
    for (pixels, targets), (same, _) in zip(one, again, strict=True):
        np.testing.assert_array_equal(pixels, same)
        assert pixels.dtype == np.float32
        assert pixels.min() >= -1
        assert pixels.max() <= 1
        # A picture is known by its colour, whatever is done to it.
        said = pixels.mean(axis=(1, 2)).argmax(axis=1)
        np.testing.assert_array_equal(np.array([0, 2, 1])[said], targets.argmax(axis=1))
    assert (one[0][0] != other[0][0]).any()
    heard = np.concatenate(list(examples.heard()))
    np.testing.assert_allclose(heard, squares[len(train) : len(train) + 10] / 127.5 - 1, atol=1e-6)


def test_pictures_are_read_once(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    task = task_of(tmp_path, targets_of(LABELS, 3), progress=lambda *step: told.append(step))
    places = parts_of(task)
    found = squares_of(task, places, 32)
    assert found.shape == (50, 32, 32, 3)
    assert told == [("pictures", 50, 50)]
    np.testing.assert_array_equal(squares_of(task, places, 32), found)
    assert len(told) == 1
    # Of another choice of images, nothing is taken for it.
    assert squares_of(task, places[::-1], 32)[0].tolist() == found[-1].tolist()


def test_scores_go_back_to_where_their_images_are(tmp_path: Path) -> None:
    task = task_of(tmp_path, targets_of(LABELS, 3), removed=5)
    places = parts_of(task)
    logits = np.repeat(places[:, None], 3, axis=1).astype(np.float32)
    found = of_all(task, logits)
    np.testing.assert_array_equal(found[:45, 0], np.arange(45))
    assert np.isnan(found[45:]).all()


def test_an_empty_part_is_said(tmp_path: Path) -> None:
    task = task_of(tmp_path, targets_of([0], 2))
    with pytest.raises(NothingToTrain, match=r"0 images would teach.*0 would say when to stop"):
        check_parts(task)


def test_the_key_depends_on_all_that_numbers_depend_on(tmp_path: Path) -> None:
    targets = targets_of(LABELS, 3)
    keys = {
        fit_key(task, what, recipe, precision)
        for task in (
            task_of(tmp_path, targets),
            task_of(tmp_path, targets, balance="weights"),
            task_of(tmp_path, targets, seed=1),
            task_of(tmp_path, targets[::-1]),
        )
        for what, recipe in (("head", {"l2": 0.1}), ("head", {"l2": 0.2}), ("cnn", {"l2": 0.1}))
        for precision in ("float32", "mixed_float16")
    }
    assert len(keys) == 24
    elsewhere = task_of(tmp_path / "elsewhere", targets)
    assert fit_key(elsewhere, "head", {"l2": 0.1}, "float32") in keys


def test_layers_that_do_not_fit_together_are_refused() -> None:
    rng = np.random.default_rng(0)
    layers = DenseLayers(
        (rng.normal(size=(4, 3)).astype(np.float32), rng.normal(size=(3, 2)).astype(np.float32)),
        (np.zeros(3, np.float32), np.ones(2, np.float32)),
    )
    arrays = dict(layers.arrays())
    vectors = rng.normal(size=(5, 4)).astype(np.float32)
    np.testing.assert_array_equal(DenseLayers.of(arrays).logits(vectors), layers.logits(vectors))
    with pytest.raises(ValueError, match="do not fit together"):
        DenseLayers.of({**arrays, "kernel_1": np.zeros((5, 2), np.float32)})
    with pytest.raises(ValueError, match="bias_1"):
        DenseLayers.of({name: one for name, one in arrays.items() if name != "bias_1"})
    with pytest.raises(ValueError, match="none"):
        DenseLayers.of({})
