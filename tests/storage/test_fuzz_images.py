"""Mutated images: nothing crashes, hangs or takes much memory.

`FUZZ_CASES=100000 pytest tests/storage/test_fuzz_images.py` tries more of them.
"""

from __future__ import annotations

from pathlib import Path

from support.fuzzing import cases, run


def test_mutated_images_are_stored_or_refused_with_a_reason(tmp_path: Path) -> None:
    run("support.fuzzed:image", cases(1_500), tmp_path)
