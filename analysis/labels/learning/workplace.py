"""Where a training keeps what it would lose when it is killed, below ARTWORKS_HOME."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from storage.settings import load_settings

KEPT_DAYS: Final = 30
"""A training that was cut short can be taken up again for so long after it last got further."""


@contextmanager
def workplace(params: Mapping[str, Any], fingerprint: str) -> Iterator[Path]:
    """Give a training a folder that is its own by all that it depends on; removed when it is done.

    What a training that fails or is killed has left there is found by the next one like it. Raises
    SettingError.
    """
    below = _cache() / "training"
    said = json.dumps([params, fingerprint], sort_keys=True, allow_nan=False)
    folder = below / hashlib.sha256(said.encode()).hexdigest()
    folder.mkdir(parents=True, exist_ok=True)
    _forget_old(below)
    try:
        yield folder
    except BaseException:
        if not any(folder.iterdir()):
            folder.rmdir()
        raise
    shutil.rmtree(folder)


def feature_cache() -> Path:
    """Return where features of frozen layers are kept for all trainings. Raises SettingError."""
    return _cache() / "features"


def _cache() -> Path:
    # Not `home_path`, which has to suit the embedded PostgreSQL as well.
    return load_settings().home.expanduser().resolve() / "cache"


def _forget_old(below: Path) -> None:
    """Remove what trainings have left behind that nobody has taken up for long."""
    oldest = time.time() - KEPT_DAYS * 24 * 3600
    for folder in below.iterdir():
        try:
            times = [found.stat().st_mtime for found in (folder, *folder.rglob("*"))]
            if max(times) < oldest:
                shutil.rmtree(folder)
        except FileNotFoundError:
            # Another training is done with it, or has removed it as well.
            continue
