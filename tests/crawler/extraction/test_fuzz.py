"""Mutated pages: nothing crashes, hangs or takes much memory.

`FUZZ_CASES=100000 pytest tests/crawler/extraction/test_fuzz.py` tries more of them.
"""

from __future__ import annotations

from pathlib import Path

from support.fuzzing import cases, run


def test_mutated_pages_give_what_can_be_stored_or_a_reason(tmp_path: Path) -> None:
    run("support.fuzzed:page", cases(150), tmp_path)
