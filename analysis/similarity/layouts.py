"""The job `layout`: the composition of every image into `image_features`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from analysis.jobs import RGB, ImageJob, ModelSpec, Row
from analysis.similarity.composition import (
    EDGE_CELLS,
    LENGTH,
    SIDE,
    TONE_CELLS,
    describe_layout,
)
from storage.models import ImageFeatures

KIND: Final = "layout"
"""What models of layouts are, in the registry."""

MODEL = ModelSpec(
    name="layout-lab-edges",
    version="1",
    kind=KIND,
    params={
        "length": LENGTH,
        "tones": f"{TONE_CELLS} x {TONE_CELLS} cells of mean L*, a*, b*, row by row, CIE L*a*b* "
        "D65",
        "edges": f"{EDGE_CELLS} x {EDGE_CELLS} cells of the means of |g|, |g| cos 2t, |g| sin 2t, "
        "g being the gradient of L* a pixel and t its angle",
        "side": SIDE,
        "input": "preview",
    },
    is_default=True,
)


def layout_rows(images: Sequence[RGB]) -> list[list[Row]]:
    """Return the row of `image_features` of each image, (h, w, 3) uint8 sRGB."""
    return [[{"values": describe_layout(image).astype(float).tolist()}] for image in images]


LAYOUT = ImageJob(
    name="layout",
    model=MODEL,
    table=ImageFeatures.metadata.tables[ImageFeatures.__tablename__],
    compute=layout_rows,
)
