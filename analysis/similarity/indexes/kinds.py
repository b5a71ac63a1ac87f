"""Kinds of index: which one for how many images, and how hard it looks.

All stored vectors have length 1, so cosine, Euclidean distance and inner product order them alike:
one index serves the three, and a metric is only how the distance is told.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Final, Literal, TypeAlias

Kind: TypeAlias = Literal["flat", "hnsw", "ivfpq"]
"""`flat` compares with every vector; `hnsw` walks a graph of neighbours; `ivfpq` looks through
those cells of a partition that are nearest. The latter two only choose whom to compare with: what
they found is compared once more by the stored vectors."""

Metric: TypeAlias = Literal["cosine", "l2", "inner_product"]
"""How distances are told, smaller is closer: 1 − cosine, from 0 to 2; Euclidean, from 0 to 2;
the negative inner product, from −1 to 1, as pgvector's `<#>` does."""

FLAT_UP_TO: Final = 50_000
"""Images. Comparing with 50,000 × 1,280 takes 7 ms of one core, and misses nothing."""
HNSW_UP_TO: Final = 80_000
"""Images. A graph takes up whatever is added, while the cells of IVF-PQ are found once. But at
100,000 × 1,280 IVF-PQ has a twentieth of the graph's bytes, and what is far from all that is stored
it finds at a fifth of the cost: 97 % in 0.6 ms of one core, against 89 % in 1.4 ms."""
REDUCED: Final = 256
"""Dimensions in which graph and cells look for candidates, by PCA. Of MobileNetV2's 1,280, they
hold 82 % of the variance, cost a fifth, and lose nothing of recall@10 at 100,000 images."""

NEIGHBOURS: Final = 16
"""Neighbours of each image in the graph (`M`); twice as many in its lowest layer."""
BUILD_BREADTH: Final = 80
"""Candidates that are kept while the graph is built (`efConstruction`)."""
CODE_BYTES: Final = 32
"""Bytes of a vector as IVF-PQ sees it. With 64, nothing more was found, and it took longer."""


@dataclass(frozen=True)
class Effort:
    """How hard an index looks: more finds more, and takes longer."""

    breadth: int
    """HNSW: candidates that are kept on the way (`efSearch`). IVF-PQ: cells that are looked
    through (`nprobe`)."""
    shortlist: int
    """Candidates for each image that is wanted, which are compared by the stored vectors."""

    def as_dict(self) -> dict[str, int]:
        """Return this for JSON."""
        return asdict(self)


EFFORTS: Final[dict[Kind, tuple[Effort, ...]]] = {
    "flat": (Effort(1, 1),),
    "hnsw": tuple(
        Effort(*effort)
        for effort in ((32, 3), (64, 6), (100, 10), (200, 20), (400, 40), (800, 80), (1600, 160))
    ),
    "ivfpq": tuple(
        Effort(*effort)
        for effort in ((8, 10), (16, 20), (32, 40), (64, 60), (128, 80), (256, 160), (512, 320))
    ),
}
"""From the least to the most; see `analysis.similarity.indexes.tuning`."""


def kind_for(images: int) -> Kind:
    """Return the kind of index that suits so many images."""
    if images <= FLAT_UP_TO:
        return "flat"
    return "hnsw" if images <= HNSW_UP_TO else "ivfpq"
