"""Commands typed one after the other, as people type them.

Starting `artworks` takes longer than most of its commands. So those that need no shell and leave
no reactor behind run in one process after another, which is started once; what they print and how
they end is that of the command line. All others are run by a shell.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from support.crawls import REPOSITORY

SHELL = frozenset({">", "<", "|", "||", "&", "&&", ";", "(", ")"})
APART = frozenset({"demo", "schedule", "services", "sites"})
"""Commands that run crawls, servers or a reactor of their own."""

PROGRAM = """
import json, os, sys, tempfile

answers = os.fdopen(os.dup(1), "w")
from cli.main import run

for line in sys.stdin:
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        os.dup2(out.fileno(), 1)
        os.dup2(err.fileno(), 2)
        code = run(json.loads(line))
        sys.stdout.flush()
        sys.stderr.flush()
        said = []
        for file in (out, err):
            file.seek(0)
            said.append(file.read().decode())
    print(json.dumps([code, *said]), file=answers, flush=True)
"""


@dataclass(frozen=True)
class Done:
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str


class Prompt:
    """A folder and an environment in which commands are typed."""

    def __init__(
        self, folder: Path, environment: Mapping[str, str], *, timeout_s: float = 300
    ) -> None:
        self.folder = folder
        self.environment = dict(environment)
        self.timeout_s = timeout_s
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Prompt:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def run(self, command: str) -> Done:
        """Run a command line to its end."""
        tokens = shlex.shlex(command, posix=True, punctuation_chars=True)
        tokens.whitespace_split = True
        name, *arguments = list(tokens)
        if name == "artworks" and arguments[0] not in APART and not SHELL & set(arguments):
            return self._asked(arguments)
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=self.timeout_s,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def close(self) -> None:
        """End the process that runs commands."""
        if self._process is not None:
            self._process.communicate(timeout=60)
            self._process = None

    def _asked(self, arguments: list[str]) -> Done:
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM],
                cwd=self.folder,
                env=self.environment | {"PYTHONPATH": str(REPOSITORY)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(arguments), file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        assert answer, f"the process ended in {shlex.join(arguments)}"
        return Done(*json.loads(answer))
