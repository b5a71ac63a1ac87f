"""The job `colors`: the palette of every image into `image_colors`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from analysis.colors import palette
from analysis.jobs import RGB, ImageJob, ModelSpec, Row
from storage.models import ImageColor

VERSION = "2"
"""Of the algorithm: raised whenever the same image may get another palette."""


def palette_job(
    k: int = palette.DEFAULT_COLORS, method: palette.Method = "kmeans", accents: bool = False
) -> ImageJob:
    """Return the job that writes palettes of at most `k` colours.

    Every choice has a model of its own, so that several can be kept side by side. The palette of
    five by k-means is what views and searches use unless people choose another.
    """
    palette.check_choice(k, method)
    choice = (k, method, accents)
    return ImageJob(
        name="colors",
        model=ModelSpec(
            name=_model_name(k, method, accents),
            version=VERSION,
            kind="palette",
            params={
                "colors": k,
                "method": method,
                "accents": accents,
                "space": "CIE L*a*b* D65",
                "input": "preview",
            },
            is_default=choice == (palette.DEFAULT_COLORS, "kmeans", False),
        ),
        table=ImageColor.metadata.tables[ImageColor.__tablename__],
        compute=partial(palette_rows, k=k, method=method, accents=accents),
    )


def palette_rows(
    images: Sequence[RGB],
    k: int = palette.DEFAULT_COLORS,
    method: palette.Method = "kmeans",
    accents: bool = False,
) -> list[list[Row]]:
    """Return the rows of `image_colors` of each image, (h, w, 3) uint8 sRGB."""
    palettes = [
        palette.extract_palette(image, k, method=method, accents=accents) for image in images
    ]
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
            for rank, swatch in enumerate(found.swatches, start=1)
        ]
        for found in palettes
    ]


def _model_name(k: int, method: str, accents: bool) -> str:
    parts = [f"palette-{method}-lab"]
    if k != palette.DEFAULT_COLORS:
        parts.append(str(k))
    if accents:
        parts.append("accents")
    return "-".join(parts)


COLORS = palette_job()
