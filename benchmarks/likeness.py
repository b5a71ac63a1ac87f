"""Likeness beside what people use otherwise, and what it has to reach.

Sections: `embed` (from the object store to committed vectors, beside a plain loop), `faiss` and
`postgres` (searching 100,000 vectors), `genre` (what works near a painting are, beside chance) and
`museum` (groups, near-duplicates and outliers of the demo museum). Ways that are compared take
turns, and the median of their rounds counts; accuracy comes with its split and its baseline. The
database is an embedded PostgreSQL in a temporary folder. Real paintings and the weights of
MobileNetV2 are taken from the folder ARTWORKS_SHARED (default: ../shared).

    python benchmarks/likeness.py [--sections embed,genre] [--full | --quick] [--json]
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # the package `analysis`, and not analysis.py beside this file
SHARED = Path(os.environ.get("ARTWORKS_SHARED", ROOT.parent / "shared")).resolve()
if (SHARED / "keras").is_dir():
    os.environ.setdefault("KERAS_HOME", str(SHARED / "keras"))

from benchmarks.likening import embed, faiss_search, genre, museum, postgres_search  # noqa: E402
from benchmarks.sections import Measure, run_sections  # noqa: E402

STANDARD: Mapping[str, Measure] = {
    "embed": lambda at: embed.measure(at()),
    "faiss": lambda at: faiss_search.measure(at()),
    "postgres": lambda at: postgres_search.measure(at()),
    "genre": lambda _: genre.measure(),
    "museum": lambda at: museum.measure(at()),
}
FULL: Mapping[str, Measure] = {
    **STANDARD,
    "faiss": lambda at: faiss_search.measure(at(), images=1_000_000),
    "postgres": lambda at: postgres_search.measure(at(), images=1_000_000),
}
QUICK: Mapping[str, Measure] = {
    "embed": lambda at: embed.measure(at(), previews=64, originals=16, rounds=1),
    "faiss": lambda at: faiss_search.measure(at(), images=5_000, asked=50),
    "postgres": lambda at: postgres_search.measure(at(), images=5_000, asked=50),
    "genre": lambda _: genre.measure(),
    "museum": lambda at: museum.measure(at()),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print tables, and say whether the targets are met."""
    sizes = {"standard": STANDARD, "full": FULL, "quick": QUICK}
    return run_sections(__doc__, sizes, arguments)


if __name__ == "__main__":
    sys.exit(main())
