"""Run Splash 3.5, written in 2020 for Python 3.6, unchanged under the Python of today's Debian.

Executed by the Python of Splash's own environment: it may import nothing of ours. Each function
mends one thing that the years between have changed, before Splash is imported.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import sys
import types
from typing import Any


def choose_platform() -> None:
    """Draw into memory: there is no display, and none is needed.

    Splash touches QtWebEngine even when it only uses WebKit, and that refuses to be loaded by
    root with its sandbox on; no page is ever shown to it.
    """
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    os.environ.setdefault("QTWEBENGINE_DISABLE_SANDBOX", "1")


def accept_json_encoding() -> None:
    """Python 3.9 removed `json.loads(encoding=...)`; Splash passes it for each JSON request."""
    module: Any = json
    loads = json.loads

    def loads_with_encoding(text: Any, *args: Any, encoding: Any = None, **keywords: Any) -> Any:
        return loads(text, *args, **keywords)

    module.loads = loads_with_encoding


def choose_lua() -> None:
    """Splash's Lua code is written for 5.2; lupa would take the newest that it carries, 5.5."""
    sys.modules["lupa"] = importlib.import_module("lupa.lua52")


def provide_distutils() -> None:
    """Python 3.12 removed distutils, of which Splash compares versions with LooseVersion."""
    if importlib.util.find_spec("distutils") is not None:
        return
    from packaging.version import Version

    class LooseVersion(Version):
        @property
        def version(self) -> list[int]:
            return list(self.release)

    package, module = types.ModuleType("distutils"), types.ModuleType("distutils.version")
    module.LooseVersion = LooseVersion  # type: ignore[attr-defined]
    package.version = module  # type: ignore[attr-defined]
    sys.modules.update({"distutils": package, "distutils.version": module})


def accept_floats() -> None:
    """Python 3.10 stopped turning float into int for C: Qt's timers and points refuse them."""
    core: Any = importlib.import_module("PyQt5.QtCore")

    def whole(values: tuple[Any, ...]) -> list[Any]:
        return [int(value) if isinstance(value, float) else value for value in values]

    class QTimer(core.QTimer):  # type: ignore[misc]
        def start(self, *args: Any) -> Any:
            return super().start(*whole(args))

    class QPoint(core.QPoint):  # type: ignore[misc]
        def __init__(self, *args: Any) -> None:
            super().__init__(*whole(args))

    core.QTimer, core.QPoint = QTimer, QPoint


if __name__ == "__main__":
    choose_platform()
    accept_json_encoding()
    choose_lua()
    provide_distutils()
    accept_floats()
    importlib.import_module("splash.server").main()
