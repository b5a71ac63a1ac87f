"""Analysis beside what people use otherwise, and what it has to reach.

Sections: `decode` (a large JPEG for a small input), `palette` (three colours of an image), `passes`
(two jobs in one pass), `rerun` (nothing new at 100,000 images) and `search` (by colour, a million
images). All of a section is measured in one run, in rounds that alternate, with OpenCV, BLAS and
OpenMP kept to one thread; medians are compared, and where it says "one core", CPU seconds. The
database is an embedded PostgreSQL in a temporary folder.

    python benchmarks/analysis.py [--sections decode,palette] [--quick] [--json]
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

# Read when NumPy and scikit-learn are imported; threads of ours begin with them.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"
os.environ["ARTWORKS_EMBEDDING"] = "descriptors"  # no weights are needed, nor fetched
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # the package `analysis`, and not this file

from benchmarks.analysing import decode, palette, passes, rerun, search  # noqa: E402
from benchmarks.analysing.figures import Figure, Section  # noqa: E402
from benchmarks.sections import Measure, run_sections  # noqa: E402

SEARCH: Mapping[str, tuple[str, str, float | None]] = {
    "search_p95_ms_rare": ("colours of at most 3 % of the images, 95th percentile", "ms", 50.0),
    "search_median_ms_rare": ("… median", "ms", None),
    "search_queries_rare": ("… how many colours", "", None),
    "search_p95_ms_other": ("all other colours, 95th percentile", "ms", None),
    "search_median_ms_other": ("… median", "ms", None),
    "search_ms_commonest": ("the commonest brown", "ms", 1000.0),
    "share_commonest": ("… share of the images that have it", "", None),
    "search_fill_s": ("making the collection", "s", None),
}
"""What `search.measure` finds, by its key: for people, the unit, and the most that it may be."""


def searched(images: int, queries: int) -> list[Section]:
    """Measure searches by colour."""
    found = search_figures(search.measure(images=images, queries=queries))
    return [Section(f"Search by colour: {images:,} images, {queries} colours", found)]


def search_figures(found: Mapping[str, float]) -> tuple[Figure, ...]:
    """Put what `search.measure` found beside what it has to be."""
    if missing := SEARCH.keys() - found.keys():
        raise KeyError(f"benchmarks/analysing/search.py measures no {', '.join(sorted(missing))}")
    return tuple(
        Figure(name, label, found[name], unit, most=most)
        for name, (label, unit, most) in SEARCH.items()
    )


FULL: Mapping[str, Measure] = {
    "decode": lambda _: [decode.measure()],
    "palette": lambda _: [palette.measure()],
    "passes": lambda at: passes.measure(at()),
    "rerun": lambda at: [rerun.measure(at())],
    "search": lambda _: searched(1_000_000, 200),
}
QUICK: Mapping[str, Measure] = {
    "decode": lambda _: [decode.measure(3, 2)],
    "palette": lambda _: [palette.measure(12, 1)],
    "passes": lambda at: passes.measure(at(), 96, 16, 2),
    "rerun": lambda at: [rerun.measure(at(), 10_000, 1)],
    "search": lambda _: searched(20_000, 40),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print tables, and say whether the targets are met."""
    return run_sections(__doc__, {"full": FULL, "quick": QUICK}, arguments)


if __name__ == "__main__":
    sys.exit(main())
