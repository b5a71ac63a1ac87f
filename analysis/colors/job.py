"""The job `colors`: the palette of every image into `image_colors`."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.colors import palette
from analysis.jobs import RGB, ImageJob, ModelSpec, Row
from storage.models import ImageColor

MODEL = ModelSpec(
    name="palette-kmeans-lab",
    version="1",
    kind="palette",
    params={"colors": palette.DEFAULT_COLORS, "space": "CIE L*a*b* D65", "input": "preview"},
    is_default=True,
)


def palette_rows(images: Sequence[RGB]) -> list[list[Row]]:
    """Return the rows of `image_colors` of each image, (h, w, 3) uint8 sRGB."""
    return [
        [
            {
                "rank": rank,
                "hex": swatch.hex,
                "lab_l": swatch.lab[0],
                "lab_a": swatch.lab[1],
                "lab_b": swatch.lab[2],
                "fraction": swatch.fraction,
                "name": swatch.name,
            }
            for rank, swatch in enumerate(palette.extract_palette(image).swatches, start=1)
        ]
        for image in images
    ]


COLORS = ImageJob(
    name="colors",
    model=MODEL,
    table=ImageColor.metadata.tables[ImageColor.__tablename__],
    compute=palette_rows,
)
