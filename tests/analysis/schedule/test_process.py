"""Processes of runs: what they say and how they end, with all that they started."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.schedule.process import LINES, Redactor, RunProcess
from storage.embedded.processes import birth

ROOT = Path(__file__).resolve().parents[3]
PATIENCE_S = 60

Run = Callable[..., RunProcess]


@pytest.fixture
def run() -> Run:
    def run(script: str, *arguments: str, secrets: tuple[str, ...] = ()) -> RunProcess:
        return RunProcess(
            "entry",
            ["artworks", *arguments],
            ended=lambda: None,
            programs={"artworks": (sys.executable, "-I", "-S", "-c", script)},
            redactor=Redactor(secrets),
        )

    return run


def wait_for(what: Callable[[], object]) -> None:
    until = time.monotonic() + PATIENCE_S
    while not what():
        assert time.monotonic() < until, "waited for too long"
        time.sleep(0.02)


def test_exit_code_and_output(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        one = run(
            "import sys; print('out', sys.argv[1]); sys.stderr.write('err'); sys.exit(4)", "x"
        )
        one.join()
    assert (one.exit_code, one.is_running) == (4, False)
    assert sorted(one.output.splitlines()) == ["err", "out x"]
    assert "entry: out x" in caplog.messages


def test_only_the_last_lines_are_kept_and_a_line_has_an_end(run: Run) -> None:
    one = run("for n in range(500): print(n)\nprint('x' * 50_000)")
    one.join()
    lines = one.output.splitlines()
    assert len(lines) == LINES
    assert max(map(len, lines)) == 2000


def test_what_is_no_text_is_shown_as_far_as_it_goes(run: Run) -> None:
    one = run(r"import sys; sys.stdout.buffer.write(b'a\xff\x00b\n')")
    one.join()
    # PostgreSQL takes no NUL.
    assert one.output == "a��b"


def test_secrets_are_hidden(run: Run) -> None:
    one = run(
        "print('postgresql://me:geheim@host/db and hunter2'); print('?token=abc')",
        secrets=("hunter2",),
    )
    one.join()
    assert one.output == "postgresql://me:***@host/db and ***\n?token=abc"


@given(st.text(min_size=6).filter(str.strip), st.text())
def test_no_secret_is_left(secret: str, text: str) -> None:
    assert secret not in Redactor([secret])(f"{text}{secret}{text}").replace("***", "")


def test_a_signal_is_an_exit_code_as_in_a_shell(run: Run) -> None:
    one = run("import os; os.kill(os.getpid(), 9)")
    one.join()
    assert one.exit_code == 128 + signal.SIGKILL


def test_it_ends_in_order_when_told_and_at_once_when_killed(run: Run) -> None:
    polite = run(
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(130))\n"
        "print('ready', flush=True)\n"
        "time.sleep(3600)"
    )
    wait_for(lambda: polite.output)
    polite.stop()
    polite.join()
    assert polite.exit_code == 130
    deaf = run(
        "import signal, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print('ready', flush=True)\n"
        "time.sleep(3600)"
    )
    wait_for(lambda: deaf.output)
    deaf.stop()
    deaf.kill()
    deaf.join()
    assert deaf.exit_code == 128 + signal.SIGKILL
    deaf.stop()
    deaf.kill()  # there is nobody any more, and nobody else is hit


def test_what_it_started_and_left_ends_with_it(run: Run) -> None:
    one = run(
        "import subprocess, sys\n"
        "left = subprocess.Popen([sys.executable, '-S', '-c', 'import time; time.sleep(3600)'])\n"
        "print(left.pid, flush=True)"
    )
    one.join()
    assert one.exit_code == 0
    wait_for(lambda: birth(int(one.output)) is None)


def test_a_program_that_is_not_there_is_an_exit_code(run: Run) -> None:
    one = RunProcess(
        "entry", ["artworks"], ended=lambda: None, programs={"artworks": ("/no/such/program",)}
    )
    one.join()
    assert one.exit_code == 1
    assert "No such file" in one.output


def test_whoever_waits_is_told_once(run: Run) -> None:
    told = threading.Semaphore(0)
    one = RunProcess(
        "entry",
        ["artworks"],
        ended=told.release,
        programs={"artworks": (sys.executable, "-I", "-S", "-c", "")},
    )
    assert told.acquire(timeout=PATIENCE_S)
    one.join()
    assert not told.acquire(blocking=False)


def test_it_is_not_reached_by_ctrl_c_at_our_terminal(run: Run) -> None:
    one = run("import os; print(os.getsid(0) == os.getpid())")
    one.join()
    assert one.output == "True"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the children of the dead")
def test_it_is_told_when_its_scheduler_is_killed(tmp_path: Path) -> None:
    script = f"""
import sys, time
from analysis.schedule.process import RunProcess
child = "import signal, sys, time\\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(print(" \\
    "'told', file=open({str(tmp_path / "told")!r}, 'w'), flush=True)))\\n" \\
    "print('ready', flush=True)\\ntime.sleep(3600)"
one = RunProcess("entry", ["artworks"], ended=lambda: None,
                 programs={{"artworks": (sys.executable, "-I", "-S", "-c", child)}})
while not one.output:
    time.sleep(0.02)
print(one.identity.pid, one.identity.birth, flush=True)
time.sleep(3600)
"""
    scheduler = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert scheduler.stdout is not None
    pid, born = scheduler.stdout.readline().split()
    assert birth(int(pid)) == born
    os.kill(scheduler.pid, signal.SIGKILL)
    scheduler.wait()
    scheduler.stdout.close()
    wait_for(lambda: birth(int(pid)) != born)
    assert (tmp_path / "told").read_text() == "told\n"
