"""Chromium, for pages that Splash's engine cannot run: a program, not a daemon."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from storage.errors import SettingError

PACKAGES = ("chromium",)
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_chromium(setting: str | None = None) -> Path | None:
    """The browser's program: the one that ARTWORKS_CHROMIUM names, else the first on PATH.

    Args:
        setting: the value of ARTWORKS_CHROMIUM; None takes it from the environment.

    Raises SettingError where ARTWORKS_CHROMIUM names no program.
    """
    chosen = setting or os.environ.get("ARTWORKS_CHROMIUM")
    if chosen:
        found = shutil.which(chosen)
        if found is None:
            raise SettingError(
                f"ARTWORKS_CHROMIUM={chosen} is no program that can be run: correct it, or unset "
                "it to use the chromium on PATH."
            )
        return Path(found)
    return next((Path(found) for name in NAMES if (found := shutil.which(name))), None)
