"""The card of an index: what it holds, how it looks, and what it finds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from analysis.similarity.indexes.kinds import Kind

_HOW: Final[Mapping[Kind, str]] = {
    "flat": "It compares with every vector, so that it finds all there is.",
    "hnsw": "It walks a graph of neighbours (HNSW) in the first {reduced} principal components, "
    "keeps {breadth} candidates on the way, and compares {shortlist} of them for each image that "
    "is wanted by the stored vectors.",
    "ivfpq": "It looks through the {breadth} nearest cells of a partition (IVF-PQ) in the first "
    "{reduced} principal components, and compares {shortlist} candidates for each image that is "
    "wanted by the stored vectors.",
}


def index_card(about: Mapping[str, Any]) -> str:
    """Return the card in Markdown, from what `index.json` says."""
    kind: Kind = about["kind"]
    how = _HOW[kind].format(**about["effort"], reduced=about["reduced"])
    agreed = "" if kind == "flat" else (
        "\n\nOf the ten nearest, measured when it was stored: "
        f"{about['recall_at_10']:.1%} for stored images, {about['recall_between']:.1%} for vectors "
        "half-way between two of them."
    )  # fmt: skip
    return (
        f"# {about['name']} {about['version']}\n\n"
        f"An index of {about['images']:,} images by {about['embedding']}, for `artworks similar`. "
        f"{how}{agreed}\n\n"
        "Vectors are kept as 16-bit floats, as in the database: distances are those of the stored "
        "vectors. What came later is read from the database when the index is opened, and what "
        "is gone is not found.\n\n"
        f"Written by FAISS {about['faiss']}; made by `artworks analyze index`.\n"
    )
