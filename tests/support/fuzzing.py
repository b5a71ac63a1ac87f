"""Bounded fuzzing: seeded mutations of valid samples, tried in a process of its own.

`python -m support.fuzzing TARGET FIRST COUNT` tries the cases FIRST … FIRST+COUNT-1 of a target.
The number of the case under way stands in the file that FUZZ_CASE names, so that the case which
ends the process, or never ends, is known: `python -m support.fuzzing TARGET CASE 1` repeats it.
"""

from __future__ import annotations

import importlib
import os
import random
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

TESTS = Path(__file__).parents[1]
MEMORY = 3_000_000_000  # bytes of data that the process may have
CPU_S = 20.0  # for one case; the slowest take half a second
DEADLINE_S = 600.0  # for all cases that a test asks for, on a machine that does much else

Try = Callable[[random.Random], None]

# What parsers look for, and numbers at which they turn.
TOKENS = (
    *(b"\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x80\0\0\0", b"\0\0\0\0", b"\xff\xd8"),
    *(b"<", b">", b"</", b"<!--", b"]]>", b"&#0;", b"&#xD800;", b'"', b"'", b"{", b"[", b"\\u0000"),
    *(b"\\ud800", b"null", b"1e999", b"-1", b"9" * 400, b"http://", b"//", b"data:", b"%00"),
    *(b"<table><tr><td>" * 30, b"<div>" * 400, b"[" * 2000, b'{"@graph":' * 300, b"\xed\xa0\x80"),
    *("\u202e".encode(), "e\u0301".encode(), "\ufeff".encode(), "１５０３–19 c.".encode()),
)  # fmt: skip


def mutated(rng: random.Random, samples: Sequence[bytes]) -> bytes:
    """Return a sample with a few things wrong with it, most of them near its begin."""
    data = bytearray(rng.choice(samples))
    for _ in range(rng.choice((1, 1, 2, 3, 5, 8))):
        if not data:
            break
        at = _place(rng, len(data))
        end = min(len(data), at + rng.choice((1, 2, 4, 16, 200, 4000)))
        match rng.randrange(9):
            case 0:
                data[at] ^= 1 << rng.randrange(8)
            case 1:
                data[at] = rng.randrange(256)
            case 2:
                del data[at:]
            case 3:
                del data[at:end]
            case 4:
                data[at:at] = data[at:end] * rng.choice((1, 2, 50))
            case 5:
                other = rng.choice(samples)
                start = _place(rng, len(other))
                data[at:end] = other[start : start + rng.choice((4, 40, 4000))]
            case 6:
                data[at:at] = rng.choice(TOKENS)
            case 7:
                token = rng.choice(TOKENS)
                data[at : at + len(token)] = token
            case 8:
                data[at:end] = rng.randbytes(end - at)
    return bytes(data[:2_000_000])


def _place(rng: random.Random, size: int) -> int:
    return rng.randrange(min(size, rng.choice((16, 64, 400, size))) or 1)


def run(target: str, count: int, folder: Path) -> None:
    """Try `count` cases of a target (`module:function`); fail with the case that went wrong."""
    case = folder / "case"
    case.write_text("none")
    process = subprocess.run(
        [sys.executable, "-m", "support.fuzzing", target, "0", str(count)],
        cwd=TESTS.parent,
        env=os.environ | {"PYTHONPATH": f"{TESTS}:{TESTS.parent}", "FUZZ_CASE": str(case)},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert process.returncode == 0, (
        f"case {case.read_text()} of {target} ended with {process.returncode}; "
        f"`python -m support.fuzzing {target} CASE 1` repeats it\n{process.stderr[-4000:]}"
    )


def main(target: str, first: int, count: int) -> None:
    """Try cases one after the other; what is raised ends the process, as does one that hangs."""
    module, _, name = target.partition(":")
    attempt: Try = getattr(importlib.import_module(module), name)
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    case = os.open(os.environ["FUZZ_CASE"], os.O_WRONLY) if "FUZZ_CASE" in os.environ else None
    for number in range(first, first + count):
        if case is not None:
            os.pwrite(case, b"%-12d" % number, 0)
        # The kernel ends a case that does not end, whatever holds the interpreter.
        signal.setitimer(signal.ITIMER_PROF, CPU_S)
        attempt(random.Random(number))
    signal.setitimer(signal.ITIMER_PROF, 0)


def cases(few: int) -> int:
    """Return how many cases a test tries: `few`, or what FUZZ_CASES says."""
    return int(os.environ.get("FUZZ_CASES", few))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
