"""Whether a process that somebody else started still runs."""

from __future__ import annotations

import psutil


def runs(process: psutil.Process) -> bool:
    """True until the process has ended.

    Where nobody reaps orphans (a container without an init), one that has ended stays as a zombie,
    which psutil calls running.
    """
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
