"""The process of a run: started in a session of its own, listened to, and ended as a whole."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import IO

from storage.embedded.processes import Daemon, birth
from storage.settings import redact

logger = logging.getLogger(__name__)

# What is kept of the output of a run.
LINES = 50
LONGEST_LINE = 2000
LONGEST_READ = 100_000
# How long the output may stay open when its process is gone and its group is killed.
DRAIN_S = 5.0

_WORD = re.compile(r"\S+")

Programs = Mapping[str, Sequence[str]]
"""How each program is started: its name on the command line → the words that stand for it."""

PROGRAMS: Programs = {
    "artworks": (sys.executable, "-m", "cli"),
    "scrapy": (sys.executable, "-m", "crawler"),
}


class Redactor:
    """Hides secrets in lines of output: those of our settings, and passwords in addresses."""

    def __init__(self, secrets: Sequence[str] = ()) -> None:
        # The longest first: one may be part of another.
        self._secrets = sorted({secret for secret in secrets if secret}, key=len, reverse=True)

    def __call__(self, line: str) -> str:
        """Return the line without its secrets."""
        line = _WORD.sub(lambda word: redact(word[0]) if "://" in word[0] else word[0], line)
        for secret in self._secrets:
            line = line.replace(secret, "***")
        return line


class RunProcess:
    """A command that runs, and what it says.

    It leads a session of its own: Ctrl-C at our terminal reaches it through us alone, and whatever
    it started and left behind ends with it.
    """

    def __init__(
        self,
        entry: str,
        words: Sequence[str],
        *,
        ended: Callable[[], None],
        programs: Programs = PROGRAMS,
        redactor: Redactor | None = None,
    ) -> None:
        """Start the command.

        Args:
            entry: name of the entry, for the log.
            words: the command line, as people type it.
            ended: called once, in another thread, when the process is gone.
            programs: how its first word is started.
            redactor: what hides secrets in its output.

        Raises OSError where it cannot be started.
        """
        self.entry = entry
        self.exit_code: int | None = None
        """Exit code, once it has ended; 128 + N where signal N ended it, as a shell says it."""
        self.told_to_end = False
        self._ended = ended
        self._redactor = redactor or Redactor()
        self._lines: deque[str] = deque(maxlen=LINES)
        self._started = threading.Event()
        self._process: subprocess.Popen[str] | None = None
        self._failure: OSError | None = None
        self._lock = threading.Lock()
        self._is_gone = False
        command = [*programs[words[0]], *words[1:]]
        # The kernel's leash is that of a thread: the one which starts it stays until it ends.
        self._thread = threading.Thread(target=self._run, args=(command,), name=f"run {entry}")
        self._thread.start()
        self._started.wait()
        if self._failure is not None:
            self._thread.join()
            raise self._failure

    @property
    def identity(self) -> Daemon:
        """The process, recognisable by others."""
        assert self._process is not None
        return Daemon(self.entry, self._process.pid, birth(self._process.pid) or "gone")

    @property
    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return self.exit_code is None

    @property
    def output(self) -> str:
        """The last lines that it printed, without secrets."""
        return "\n".join(self._lines)

    def say(self, line: str) -> None:
        """Add a line of ours to its output."""
        self._lines.append(line)

    def stop(self) -> None:
        """Tell it to end in order."""
        self.told_to_end = True
        with self._lock:
            if not self._is_gone and self._process is not None:
                self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it, and all that it started, at once."""
        self.told_to_end = True
        with self._lock:
            if not self._is_gone and self._process is not None:
                _kill_group(self._process.pid)

    def join(self) -> None:
        """Wait until it is gone."""
        self._thread.join()

    def _run(self, command: Sequence[str]) -> None:
        try:
            process = subprocess.Popen(
                [sys.executable, "-m", "analysis.schedule.leash", str(os.getpid()), *command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                encoding="utf-8",
                errors="replace",
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
                start_new_session=True,
            )
        except OSError as error:
            self._failure = error
            self._started.set()
            return
        self._process = process
        self._started.set()
        assert process.stdout is not None
        reader = threading.Thread(target=self._read, args=(process.stdout,), daemon=True)
        reader.start()
        # Its number stays its own, and that of its group, until it is waited for.
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        with self._lock:
            _kill_group(process.pid)
            code = process.wait()
            self._is_gone = True
        reader.join(DRAIN_S)
        self.exit_code = 128 - code if code < 0 else code
        self._ended()

    def _read(self, stream: IO[str]) -> None:
        with contextlib.suppress(ValueError), stream:
            while line := stream.readline(LONGEST_READ):
                # Cut when nothing secret is in it, so that no half of a secret is left. What
                # PostgreSQL does not take as text is marked.
                said = self._redactor(line.rstrip()).replace("\0", "\ufffd")[:LONGEST_LINE]
                self._lines.append(said)
                logger.info("%s: %s", self.entry, said)


def end_orphan(process: Daemon, *, kill: bool) -> None:
    """Tell a process to end that lost its scheduler, or kill it with all that it started."""
    if not process.is_alive:
        return
    with contextlib.suppress(ProcessLookupError):
        if kill:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            os.kill(process.pid, signal.SIGTERM)


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
