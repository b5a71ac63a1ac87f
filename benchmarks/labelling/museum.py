"""The demo museum: styles, and categories of which a work has several, with artists apart."""

from __future__ import annotations

import time

from sqlalchemy import text

from analysis.engine import run_jobs
from analysis.labels.dataset import DatasetQuery
from analysis.labels.learning.training import train_labels
from benchmarks.analysing.collection import Workshop
from benchmarks.analysing.figures import Figure, Section
from benchmarks.analysing.hanging import Exhibit, hang
from demo.catalogue import Work, build_catalogue
from demo.painters import paint
from demo.wings import RECENT

LEAST = 0.95
STYLE = DatasetQuery(head="style", mode="single")
# A work that hangs among the recent acquisitions alone does not say what else it is.
CATEGORIES = DatasetQuery(head="category", mode="multi", merge={RECENT: ""})


def measure(workshop: Workshop, works: int | None = None, *, targets: bool = True) -> list[Section]:
    """Hang the museum, or its first `works`, and learn what it calls its works."""
    hung(workshop, works)
    with workshop.at_home():
        return [
            _learned(workshop, STYLE, "accuracy", targets=targets),
            _learned(workshop, CATEGORIES, "map", targets=targets),
        ]


def hung(workshop: Workshop, works: int | None = None) -> None:
    """Hang the museum, or its first `works`, unless it hangs there."""
    with workshop.database.begin() as connection:
        if connection.scalar(text("SELECT count(*) FROM artworks WHERE site = 'museum'")):
            return
    workshop.empty()
    for work in build_catalogue().works[:works]:
        if not work.image_missing:
            hang(workshop, _exhibit(work))
    workshop.settle()
    with workshop.at_home():
        run_jobs(workshop.database, workshop.store, ["embeddings", "duplicates"])


def _learned(workshop: Workshop, query: DatasetQuery, measure: str, *, targets: bool) -> Section:
    started = time.perf_counter()
    training = train_labels(
        workshop.database, workshop.store, query, policy="artists", folds=5, activate=True
    )
    seconds = time.perf_counter() - started
    started = time.perf_counter()
    run_jobs(workshop.database, workshop.store, [f"labels-{query.head}"])
    labelling = time.perf_counter() - started
    model, head = training.model, query.head
    metrics, title = model.metrics, {"accuracy": "accuracy", "map": "mAP"}[measure]
    crossed = metrics["cross_validation"]
    interval = metrics["intervals"][measure]
    return Section(
        f"{head.capitalize()}, {len(model.params['classes'])} classes, demo museum: probe on "
        f"{model.params['embedding'].split('/')[0]}, {metrics['images']['test']} works of artists "
        "who taught nothing, seed 0",
        (
            Figure(
                f"museum_{head}_baseline",
                f"by the shares of labels alone, {title}",
                metrics["baselines"]["base_rate"][measure],
            ),
            Figure(
                f"museum_{head}",
                f"probe, {title}",
                metrics[measure],
                least=LEAST if targets else None,
            ),
            Figure(f"museum_{head}_low", "… 95 % interval from", interval["low"]),
            Figure(f"museum_{head}_high", "… to", interval["high"]),
            Figure(
                f"museum_{head}_folds", f"… in 5 folds by artist, {title}", crossed[measure]["mean"]
            ),
            Figure(f"museum_{head}_s", "training with folds, s", seconds),
            Figure(f"museum_{head}_labelling_s", "labelling the museum, s", labelling),
        ),
    )


def _exhibit(work: Work) -> Exhibit:
    return Exhibit(
        work.id,
        paint(work),
        work.title,
        artist=work.artist.name,
        year=work.year_from,
        terms=[
            ("style", work.style),
            ("genre", work.genre),
            *(("category", category) for category in work.categories),
        ],
    )
