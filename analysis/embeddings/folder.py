"""Vectors of the images in a folder, without any database."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

import numpy as np

from analysis.embeddings.embedder import Embedder, are_usable, embedder_of
from analysis.embeddings.stored import Vectors
from analysis.errors import NetworkUnavailable, NoSuchFile
from analysis.jobs import RGB
from analysis.local import CORES
from storage.errors import ImageRejected
from storage.images import decode_rgb

BATCH: Final = 64


@dataclass(frozen=True)
class FolderEmbeddings:
    """Images of a folder with their vectors, and those without, with the reason."""

    files: tuple[str, ...]
    """Paths below the folder with /, sorted."""
    vectors: Vectors
    """(n, d) float32, each of length 1, in the order of `files`."""
    failed: Mapping[str, str]
    """Files that gave none: why."""
    model: str
    """What made the vectors: name/version."""

    def __len__(self) -> int:
        return len(self.files)

    def save(self, path: str | Path) -> Path:
        """Write an `.npz` file, whole or not at all, and return its path."""
        target = Path(path)
        if target.suffix != ".npz":
            target = target.with_name(f"{target.name}.npz")
        part = target.with_name(f".{target.name}.{os.getpid()}.part.npz")
        try:
            np.savez(
                part,
                files=np.array(self.files, np.str_),
                vectors=self.vectors,
                failed=np.array(list(self.failed.items()), np.str_).reshape(-1, 2),
                model=np.array(self.model),
            )
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
        return target

    @classmethod
    def load(cls, path: str | Path) -> FolderEmbeddings:
        """Read what `save` wrote. Raises NoSuchFile where it is not there, or something else."""
        try:
            with np.load(path) as found:
                return cls(
                    files=tuple(found["files"].tolist()),
                    vectors=found["vectors"],
                    failed=dict(found["failed"].tolist()),
                    model=str(found["model"]),
                )
        except (OSError, KeyError, ValueError, AttributeError) as error:
            raise NoSuchFile(
                f"{path} holds no embeddings of a folder ({error}): give a file that "
                "`FolderEmbeddings.save` wrote."
            ) from error


def embed_folder(
    path: str | Path,
    *,
    backbone: str = "mobilenet_v2",
    layer: str = "pooled",
    inference: str = "auto",
    batch: int = BATCH,
    recursive: bool = True,
) -> FolderEmbeddings:
    """Return the vectors of all images in a folder.

    Images are read and decoded as those of the collection are, ahead of the network. A file that
    is hidden, no image, or damaged has a reason in `failed`. Weights that are missing are fetched
    by Keras' own loader, and converted networks are kept below ARTWORKS_HOME.

    Args:
        path: the folder.
        backbone: a network, `descriptors`, or the path of a saved model; see docs/embeddings.md.
        layer: pooled or logits.
        inference: auto, or a route by name.
        batch: images given to the network at a time, which bounds what is in memory.
        recursive: whether folders in the folder are looked into.

    Raises NoSuchFile where there is no such folder, NetworkUnavailable and NetworkDisagrees.
    """
    folder = Path(path).expanduser()
    if not folder.is_dir():
        raise NoSuchFile(f"there is no folder {folder}: give one with images.")
    if batch < 1:
        raise ValueError(f"batch is {batch}: give at least 1.")
    embedder = _embedder(backbone, layer, inference)
    failed: dict[str, str] = {}
    names = list(_names(folder, recursive, failed))
    embed = embedder.open() if names else None
    files: list[str] = []
    vectors: list[Vectors] = []
    for found in _batches(folder, names, embedder.input_px, batch, failed):
        assert embed is not None
        rows = embed([pixels for _, pixels in found])
        usable = are_usable(rows)
        for (name, _), good in zip(found, usable, strict=True):
            if good:
                files.append(name)
            else:
                failed[name] = "the network gives nothing for it"
        vectors.append(rows[usable])
    nothing = np.empty((0, int(embedder.params["dimensions"])), np.float32)
    return FolderEmbeddings(
        files=tuple(files),
        vectors=np.concatenate([nothing, *vectors]),
        failed=dict(sorted(failed.items())),
        model=embedder.label,
    )


def _embedder(backbone: str, layer: str, inference: str) -> Embedder:
    from analysis.embeddings.converting import fetch
    from analysis.embeddings.embedder import MAKERS
    from analysis.embeddings.network import ROUTES

    if inference not in ("auto", *ROUTES):
        raise NetworkUnavailable(
            f'there is no way "{inference}" of running networks: choose auto, {", ".join(ROUTES)}.'
        )
    if backbone in MAKERS:
        return embedder_of(backbone, inference)
    network = f"{backbone}:{layer}"
    fetch(network)
    return embedder_of(network, inference)


def _names(folder: Path, recursive: bool, failed: dict[str, str]) -> Iterator[str]:
    """Yield files below a folder, sorted; what is hidden is put down in `failed`."""
    found: list[str] = []
    for at, folders, files in os.walk(folder):
        hidden = [name for name in (*folders, *files) if name.startswith(".")]
        for name in hidden:
            failed[(Path(at) / name).relative_to(folder).as_posix()] = "hidden"
        folders[:] = [name for name in folders if recursive and not name.startswith(".")]
        found += [
            (Path(at) / name).relative_to(folder).as_posix()
            for name in files
            if not name.startswith(".")
        ]
    yield from sorted(found)


def _batches(
    folder: Path, names: Sequence[str], size: int | None, batch: int, failed: dict[str, str]
) -> Iterator[list[tuple[str, RGB]]]:
    """Yield decoded images in the order of `names`; those that cannot be are put down."""
    left = iter(names)
    with ThreadPoolExecutor(CORES, thread_name_prefix="embed-decode") as threads:

        def start(name: str) -> tuple[str, Future[RGB | str]]:
            return name, threads.submit(_decoded, folder / name, size)

        ahead = deque(start(name) for name in islice(left, 2 * batch))
        good: list[tuple[str, RGB]] = []
        while ahead:
            name, future = ahead.popleft()
            found = future.result()
            if isinstance(found, str):
                failed[name] = found
            else:
                good.append((name, found))
            ahead.extend(start(following) for following in islice(left, 1))
            if len(good) == batch or (good and not ahead):
                yield good
                good = []


def _decoded(file: Path, size: int | None) -> RGB | str:
    """Return an image whose shorter side has about `size` pixels, or why there is none."""
    try:
        data = file.read_bytes()
        # The header is read first: a bomb of pixels is refused before it goes off.
        return decode_rgb(data, size=size)
    except ImageRejected as error:
        return f"{error.reason}: {error.detail}"
    except OSError as error:
        return f"unreadable: {error.strerror or error}"
