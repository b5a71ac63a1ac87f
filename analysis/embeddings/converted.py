"""The cache of converted networks: what a second start needs, without TensorFlow.

Below `<home>/cache/networks`, each network has a folder, named by all that it depends on. It may be
deleted at any time.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from analysis.embeddings.sources import Source
from analysis.embeddings.weights import sha256_of

FORMAT: Final = 1
"""Of a folder: raised whenever what is written there changes."""

CARD: Final = "network.json"
EXPECTED: Final = "expected.npy"
FROZEN: Final = "frozen.pb"
OPENVINO: Final = "openvino.xml"
OPENVINO_WEIGHTS: Final = "openvino.bin"

_PACKAGES: Final = ("keras", "tensorflow", "tensorflow-cpu", "openvino")


@dataclass(frozen=True)
class Converted:
    """A network on disk: what it takes and gives, and the files that routes run."""

    folder: Path
    size: int
    """Side of the input, pixels."""
    shape: tuple[int, ...]
    """Of the output for one image."""
    unfrozen: str | None
    """Why there is no frozen graph; None where there is."""

    @property
    def expected(self) -> npt.NDArray[np.float32]:
        """What `model.predict` gives for the probes, (n, …) float32."""
        found: npt.NDArray[np.float32] = np.load(self.folder / EXPECTED)
        return found


def network_folder(source: Source, cache: Path) -> Path:
    """Return where a network is kept, by its weights, its layer and the packages that run it."""
    parts = [FORMAT, source.name, source.layer, source.sha256, source.preprocessing]
    installed = {name: _version(name) for name in _PACKAGES}
    fingerprint = hashlib.sha256(json.dumps([parts, installed], sort_keys=True).encode())
    return cache / f"{source.name}-{source.layer}-{fingerprint.hexdigest()[:16]}"


def read_converted(folder: Path) -> Converted | None:
    """Return what a folder holds; None where that is nothing, or not what was written there."""
    try:
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
        for name, sha256 in card["files"].items():
            if sha256_of(folder / name) != sha256:
                return None
        return Converted(folder, card["size"], tuple(card["shape"]), card["unfrozen"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def write_converted(
    folder: Path,
    *,
    size: int,
    expected: npt.NDArray[np.float32],
    frozen: bytes | str,
) -> Converted:
    """Write a folder, whole or not at all; `frozen` is the graph, or why there is none.

    Where another process was faster, its folder stays.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=".part-", dir=folder.parent))
    try:
        np.save(partial / EXPECTED, expected)
        if isinstance(frozen, bytes):
            (partial / FROZEN).write_bytes(frozen)
            _write_openvino(partial)
        files = {path.name: sha256_of(path) for path in sorted(partial.iterdir())}
        unfrozen = frozen if isinstance(frozen, str) else None
        written = Converted(folder, size, tuple(expected.shape[1:]), unfrozen)
        card: dict[str, Any] = {**asdict(written), "files": files}
        del card["folder"]
        (partial / CARD).write_text(json.dumps(card, indent=1), encoding="utf-8")
        partial.chmod(0o755)
        _put(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return written


def _put(partial: Path, folder: Path) -> None:
    """Rename a written folder into its place."""
    if folder.exists() and read_converted(folder) is None:
        # Moved away first: a folder that is being deleted is still there.
        damaged = Path(tempfile.mkdtemp(prefix=".damaged-", dir=folder.parent))
        folder.replace(damaged / folder.name)
        shutil.rmtree(damaged, ignore_errors=True)
    try:
        partial.rename(folder)
    except OSError:
        if read_converted(folder) is None:
            raise


def _write_openvino(folder: Path) -> None:
    """Write OpenVINO's own format beside the frozen graph, which it reads ten times as fast."""
    from analysis.embeddings.quiet import has, openvino

    if has("openvino"):
        ov = openvino()
        try:
            model = ov.Core().read_model(folder / FROZEN)
        except RuntimeError:
            # It has no such operation: the other ways of running the network are left.
            return
        ov.save_model(model, folder / OPENVINO, compress_to_fp16=False)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
