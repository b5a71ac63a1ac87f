"""Vectors of views: what a frozen network makes of altered copies of pictures.

A head over frozen layers learns from some hundred views in the time that computing one of them
takes. So a fixed number of views of each picture is computed once and kept, and what an epoch sees
is drawn from them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from analysis.config import load_analysis_settings
from analysis.embeddings.embedder import Embed, Embedder, embedder_of
from analysis.errors import NetworkUnavailable, WrongDataset
from analysis.jobs import RGB
from analysis.labels.networks.augmentation import Augmentation, augment
from analysis.labels.networks.view_cache import Halves, ViewCache
from analysis.labels.task import Task
from analysis.registry.models import Model
from analysis.similarity.embedding import embedder_like
from analysis.similarity.learned.job import base_label

FOLDER: Final = "views"
"""Below `Task.cache`."""
MOST_VIEWS: Final = 64
CHUNK: Final = 64
"""Places of a dataset whose missing views are computed, and kept, together. Chunks always begin at
the same places, so that after a kill the rest is computed in the same company as it would have
been: what a network gives may differ in the last bit with what it is given at once."""
BATCH: Final = 64
"""Views that are given to the network at once, and in memory."""
_PACKAGES: Final = ("numpy", "opencv-python-headless", "keras", "tensorflow", "openvino")


def view_vectors(
    task: Task, network: str | None, augmentation: Augmentation, views: int, seed: int
) -> npt.NDArray[np.float32]:
    """Return the vectors of views of all images of a dataset, (n, views, d) float32 of length 1.

    View 0 is the embedding that is stored. The others are read from `Task.cache`, and computed
    where they are not there; only then are pictures read. A view of which the network makes nothing
    is taken for view 0. `Task.tell` is told the views that are there, of all but those of number 0.

    Args:
        task: has embeddings.
        network: what computes them, as ARTWORKS_EMBEDDING says it, which must be what computed the
            embeddings; None: found by the model of the embeddings.
        augmentation: how strong alterations may be.
        views: of each picture, view 0 among them: 1 computes none.
        seed: of the alterations.

    Raises WrongDataset for a number of views that cannot be, NetworkUnavailable where the network
    that made the embeddings, with the weights that it had, cannot be had or takes no pictures,
    NetworkDisagrees, PictureMissing and ObjectStoreUnavailable.
    """
    assert task.embedding is not None, "views are of embeddings"
    if not 1 <= views <= MOST_VIEWS:
        raise WrongDataset(f"{views} views of a picture cannot be had: give 1 to {MOST_VIEWS}.")
    table = _Table(task, views, augmentation, seed)
    if views == 1 or not augmentation or not len(task.dataset):
        return table.vectors
    embedder = _embedder(task.embedding, network)
    made_by = _made_by(embedder, augmentation, seed)
    cache = ViewCache(task.cache / FOLDER, made_by, table.vectors.shape[2])
    table.read(cache)
    table.tell()
    if table.missing.any():
        embed = embedder.open()
        for start in range(0, len(task.dataset), CHUNK):
            table.compute(start, embed, cache)
            table.tell()
        cache.make_room()
    return table.vectors


class _Table:
    """Views of images: filled in from what is kept, and then by a network."""

    def __init__(self, task: Task, views: int, augmentation: Augmentation, seed: int) -> None:
        assert task.vectors is not None, "views are of embeddings"
        self._task = task
        self._sha256 = task.dataset.sha256
        self._augmentation = augmentation
        self._seed = seed
        own = task.vectors.astype(np.float32, copy=False)
        self.vectors = np.repeat(own[:, None], views, axis=1)
        """(n, views, d); view 0 in the place of those that are missing."""
        self.missing = np.ones((len(own), views - 1), np.bool_)
        """(n, views - 1), from view 1 on."""

    def tell(self) -> None:
        """Tell people how many views are there."""
        total = self.missing.size
        self._task.tell("views", total - int(self.missing.sum()), total)

    def read(self, cache: ViewCache) -> None:
        """Fill in what is kept."""
        places = {sha256: at for at, sha256 in enumerate(self._sha256)}
        for rows, vectors in cache.read():
            for (sha256, view), vector in zip(rows, vectors, strict=True):
                if sha256 in places and view < self.vectors.shape[1]:
                    self._fill(places[sha256], view, vector)

    def compute(self, start: int, embed: Embed, cache: ViewCache) -> None:
        """Compute what is missing of one chunk, keep it, and fill it in."""
        wanted = np.argwhere(self.missing[start : start + CHUNK]) + np.array([start, 1])
        if not len(wanted):
            return
        places = np.unique(wanted[:, 0]).tolist()
        pictures = dict(zip(places, self._task.pictures(places), strict=True))
        todo: list[tuple[int, int]] = [(int(one), int(view)) for one, view in wanted]
        vectors = np.concatenate(
            [
                embed([self._altered(pictures[one], one, view) for one, view in batch])
                for batch in (todo[first : first + BATCH] for first in range(0, len(todo), BATCH))
            ]
        ).astype(np.float16)
        cache.write([(self._sha256[one], view) for one, view in todo], vectors)
        # What is used is what was kept, so that a second training learns from the same numbers.
        for (one, view), vector in zip(todo, vectors, strict=True):
            self._fill(one, view, vector)

    def _altered(self, picture: RGB, at: int, view: int) -> RGB:
        return augment(picture, self._sha256[at], view, self._augmentation, self._seed)

    def _fill(self, at: int, view: int, vector: Halves) -> None:
        """Put a vector in, scaled to length 1; of one of nothing, view 0 stays in its place."""
        whole = vector.astype(np.float32)
        length = np.linalg.norm(whole)
        if np.isfinite(length) and length > 0:
            self.vectors[at, view] = whole / length
        self.missing[at, view - 1] = False


def _embedder(model: Model, network: str | None) -> Embedder:
    if base_label(model) is not None:
        raise NetworkUnavailable(
            f"{model.label} is a projection of embeddings and takes no pictures, so there are no "
            f"views: learn from {base_label(model)} with --model, or from one view with --views 1."
        )
    if network is None:
        embedder = embedder_like(model)
    else:
        embedder = embedder_of(network, load_analysis_settings().inference)
    recorded, there = model.params.get("weights"), embedder.params.get("weights")
    if embedder.label != model.label or recorded != there:
        raise NetworkUnavailable(
            f"the embeddings were made by {model.label} with weights "
            f"{recorded}, and what is on this machine is {embedder.label} with weights {there}: "
            "put the weights back, or run `artworks analyze embeddings` and train on its vectors."
        )
    return embedder


def _made_by(embedder: Embedder, augmentation: Augmentation, seed: int) -> Mapping[str, Any]:
    """Return all that the vector of a view depends on besides its picture."""
    return {
        "network": embedder.label,
        "params": dict(embedder.params),
        "augmentation": augmentation.as_dict(),
        "seed": seed,
        "packages": dict(_versions()),
    }


def _versions() -> Iterator[tuple[str, str]]:
    for package in _PACKAGES:
        try:
            yield package, version(package)
        except PackageNotFoundError:
            continue
