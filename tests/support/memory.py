"""How much memory the processes of a crawl took, as Linux remembers it for each."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil

INTERVAL_S = 0.05


@dataclass
class Peaks:
    """Largest resident memory in bytes: of each process by pid, and of all at one moment."""

    by_process: dict[int, int] = field(default_factory=dict)
    commands: dict[int, str] = field(default_factory=dict)
    together: int = 0

    def look(self, pid: int) -> None:
        """Look at a process and its descendants."""
        together = 0
        with contextlib.suppress(psutil.NoSuchProcess):
            parent = psutil.Process(pid)
            for process in (parent, *parent.children(recursive=True)):
                if (memory := _memory(process.pid)) is None:
                    continue
                now, peak = memory
                together += now
                self.by_process[process.pid] = max(self.by_process.get(process.pid, 0), peak)
                with contextlib.suppress(psutil.Error):
                    self.commands[process.pid] = " ".join(process.cmdline())
        self.together = max(self.together, together)


@contextlib.contextmanager
def watched(pid: int) -> Iterator[Peaks]:
    """Watch a process and its descendants from now on."""
    peaks, stop = Peaks(), threading.Event()

    def watch() -> None:
        while not stop.wait(INTERVAL_S):
            peaks.look(pid)

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    try:
        yield peaks
    finally:
        stop.set()
        watching.join()


def _memory(pid: int) -> tuple[int, int] | None:
    """Resident memory now and at its highest (the kernel's own mark: nothing falls between)."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None
    sizes = {
        name: int(value.split()[0]) * 1024
        for name, _, value in (line.partition(":") for line in status.splitlines())
        if name in ("VmRSS", "VmHWM")
    }
    return (sizes["VmRSS"], sizes["VmHWM"]) if len(sizes) == 2 else None
