"""The demo museum: groups and styles, near-duplicates, and pictures that do not belong.

The museum says of each generated work what it is, and which ones are near-duplicates (cut,
recompressed, brightened). Nothing out of place hangs there, so some foreign pictures are hung at
the end (`benchmarks.likening.foreign`), under the style, genre and categories of works drawn by
lot, as a crawl that took the wrong picture of a page would have it.
"""

from __future__ import annotations

import os
from io import BytesIO
from pathlib import Path
from unittest.mock import patch

import numpy as np
from sqlalchemy import text

from analysis.duplicates.look_alikes import NAME as LOOK_ALIKES
from analysis.engine import run_jobs
from analysis.outliers.methods import DEFAULT_METHOD, METHODS
from benchmarks.analysing.collection import Workshop
from benchmarks.analysing.figures import Figure, Section
from benchmarks.analysing.hanging import Exhibit, hang
from benchmarks.analysing.pictures import ROOT
from benchmarks.likening.foreign import foreign_picture
from benchmarks.likening.groups import agreement
from demo.catalogue import Catalogue, Work, build_catalogue
from demo.painters import paint

SITE = "museum"
PLANTED = 5
"""Foreign pictures, 1 % of the museum."""
TOP = 0.05

_PAIRS = text("""
    SELECT a.source_id AS one, b.source_id AS other
    FROM image_duplicates d JOIN models m ON m.id = d.model_id
    JOIN image_sources s ON s.image_id = d.image_id JOIN artworks a ON a.id = s.artwork_id
    JOIN image_sources t ON t.image_id = d.other_id JOIN artworks b ON b.id = t.artwork_id
    WHERE m.name = :name
""")
_RANKS = text("""
    SELECT a.source_id, rank() OVER (ORDER BY o.score DESC) AS rank, o.is_outlier,
           count(*) OVER () AS images
    FROM image_outliers o JOIN models m ON m.id = o.model_id
    JOIN image_sources s ON s.image_id = o.image_id JOIN artworks a ON a.id = s.artwork_id
    WHERE m.kind = 'outliers' AND m.head = :method
""")


def measure(workshop: Workshop, works: int | None = None, planted: int = PLANTED) -> list[Section]:
    """Hang the museum, or its first `works`, and measure what is found in it.

    Targets are those of the whole museum. The weights of MobileNetV2 are those of the shared
    folder, unless Keras is told of others.
    """
    shared = Path(os.environ.get("ARTWORKS_SHARED", ROOT.parent / "shared"))
    home = Path(workshop.objects_url.removeprefix("file://")).parent / "home"
    settings = {"ARTWORKS_HOME": str(home), "KERAS_HOME": str(shared / "keras")} | os.environ
    with patch.dict(os.environ, settings):
        return _measured(workshop, works, planted)


def _measured(workshop: Workshop, works: int | None, planted: int) -> list[Section]:
    workshop.empty()
    catalogue = build_catalogue()
    hung = [work for work in catalogue.works[:works] if not work.image_missing]
    for work in hung:
        hang_like(workshop, work.id, paint(work), work)
    workshop.settle()
    run_jobs(workshop.database, workshop.store, ["embeddings", "look-alikes"])
    whole = works is None
    groups = agreement(workshop.database, workshop.store, target=whole)
    pairs = look_alikes(workshop, catalogue, {work.id for work in hung})
    rng = np.random.default_rng(0)
    for number in range(planted):
        buffer = BytesIO()
        foreign_picture(number).save(buffer, "PNG")
        under = hung[int(rng.integers(len(hung)))]
        hang_like(workshop, f"foreign-{number}", buffer.getvalue(), under)
    run_jobs(workshop.database, workshop.store, ["embeddings", "outliers"])
    return [groups, pairs, outliers(workshop, planted, target=whole)]


def hang_like(workshop: Workshop, name: str, data: bytes, like: Work) -> None:
    """Store a picture as the work `name`, which is called what the museum calls `like`."""
    categories = [("category", category) for category in like.categories]
    terms = [("style", like.style), ("genre", like.genre), *categories]
    hang(workshop, Exhibit(name, data, like.title, site=SITE, terms=terms))


def look_alikes(workshop: Workshop, catalogue: Catalogue, hung: set[str]) -> Section:
    """Compare the pairs that were found with those that the museum made."""
    made = {
        frozenset((one, other))
        for one, other, _ in catalogue.near_duplicates
        if {one, other} <= hung
    }
    # Works that show one and the same file share an image, and with it its pairs.
    same = {frozenset(pair) for pair in catalogue.identical}
    with workshop.database.begin() as connection:
        rows = connection.execute(_PAIRS, {"name": LOOK_ALIKES}).all()
    found = {frozenset((row.one, row.other)) for row in rows}
    return Section(
        f"Near-duplicates by embedding and pixels, {len(hung):,} works",
        (
            Figure("near_duplicates_made", "pairs that the museum made", len(made)),
            Figure(
                "near_duplicates_found",
                "share of them that is found",
                len(found & made) / len(made) if made else float("nan"),
                least=1.0,
            ),
            Figure("near_duplicates_false", "other pairs", len(found - made - same), most=0),
        ),
    )


def outliers(workshop: Workshop, planted: int, *, target: bool) -> Section:
    """Tell where the foreign pictures stand by each method; the default one has a target."""
    figures: list[Figure] = []
    images = 0
    for method in METHODS:
        with workshop.database.begin() as connection:
            rows = connection.execute(_RANKS, {"method": method}).all()
        foreign = [row for row in rows if row.source_id.startswith("foreign-")]
        assert len(foreign) == planted, "a foreign picture has no score"
        images = rows[0].images
        inside = sum(row.rank <= TOP * images for row in foreign) / planted
        figures += [
            Figure(
                f"outliers_top_{method}",
                f"{method}: share of foreign pictures in the top 5 %",
                inside,
                least=1.0 if target and method == DEFAULT_METHOD else None,
            ),
            Figure(
                f"outliers_worst_{method}",
                f"{method}: where the last of them stands",
                100 * max(row.rank for row in foreign) / images,
                "%",
            ),
            Figure(
                f"outliers_flagged_{method}",
                f"{method}: works of the museum that are called outliers",
                100
                * sum(row.is_outlier for row in rows if not row.source_id.startswith("foreign-"))
                / images,
                "%",
            ),
        ]
    return Section(f"{planted} foreign pictures among {images:,} images", tuple(figures))
