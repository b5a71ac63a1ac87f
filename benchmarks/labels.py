"""Labels beside what needs no training, and what they have to reach.

Sections: `genre` (four genres of real paintings: the probe in 5 × 5-fold cross-validation, the
transfer head on the same splits, and paintings of other sources), `period` and `style` (centuries,
and styles with artists apart, beside the commonest class: no target, the truth), `museum` (styles
and categories of the demo museum, with artists apart), `repeat` (trained twice, and trained after
a kill). Accuracy comes with its split, its baseline and its seed. The database is an embedded
PostgreSQL in a temporary folder. Real paintings and the weights of MobileNetV2 are taken from the
folder ARTWORKS_SHARED (default: ../shared); where there is none, their sections say so.

    python benchmarks/labels.py [--sections genre,museum] [--quick] [--json]
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

from benchmarks.labelling import museum, paintings, repeat  # noqa: E402
from benchmarks.sections import Measure, run_sections  # noqa: E402

STANDARD: Mapping[str, Measure] = {
    "genre": lambda at: paintings.genre(at()),
    "period": lambda at: paintings.period(at()),
    "style": lambda at: paintings.style(at()),
    "museum": lambda at: museum.measure(at()),
    "repeat": lambda at: repeat.measure(at()),
}
QUICK: Mapping[str, Measure] = {
    "genre": lambda at: paintings.genre(at(), rounds=1, seeds=(0,)),
    "period": lambda at: paintings.period(at()),
    "style": lambda at: paintings.style(at()),
    "museum": lambda at: museum.measure(at(), works=160, targets=False),
    "repeat": lambda at: repeat.measure(at()),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print tables, and say whether the targets are met."""
    return run_sections(__doc__, {"standard": STANDARD, "quick": QUICK}, arguments)


if __name__ == "__main__":
    sys.exit(main())
