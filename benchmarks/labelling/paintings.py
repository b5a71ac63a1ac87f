"""Real paintings: four genres, centuries, and styles with artists apart.

The paintings of the shared folder come from three sources. One of them carries almost all genre
labels and names no artists, so that its paintings can only be split at random: works of one source
share a photographic look, and by one hand may be on both sides. What that flatters cannot be seen
in the split itself; the last rows of `genre` therefore ask for paintings of the other sources,
whose titles name a genre.
"""

from __future__ import annotations

import csv
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sqlalchemy import text

from analysis.embeddings.stored import embedding_model, vectors_of
from analysis.engine import run_jobs
from analysis.evaluation.intervals import Interval, Resampling
from analysis.labels.classifier import open_classifier
from analysis.labels.dataset import DatasetQuery
from analysis.labels.learning.training import Training, train_labels
from analysis.labels.measuring.predictions import from_store
from benchmarks.analysing.collection import Workshop
from benchmarks.analysing.figures import Figure, Section
from benchmarks.analysing.hanging import Exhibit, hang
from benchmarks.likening.genre import SHARED, SOURCE, genre_of

GENRES = DatasetQuery(head="genre", mode="single", min_support=50)
LEAST_ACCURACY = 0.92
MOST_SECONDS = 60.0
_SHOWN = text("""
    SELECT a.source_id, s.image_id FROM artworks a JOIN image_sources s ON s.artwork_id = a.id
    ORDER BY a.id
""")


def genre(
    workshop: Workshop, *, rounds: int = 5, seeds: Sequence[int] = (0, 1, 2)
) -> list[Section]:
    """Measure the probe in 5-fold cross-validation, and the transfer head on the probe's splits."""
    if not _hung(workshop):
        return [_skipped("Genre")]
    probes: list[Training] = []
    transfers: list[Training] = []
    seconds: list[float] = []

    def transfer(seed: int) -> Training:
        started = time.perf_counter()
        trained = _train(
            workshop, GENRES, method="transfer", policy="random", seed=seed, force=True
        )
        seconds.append(time.perf_counter() - started)
        return trained

    for seed in seeds:
        folds: dict[str, Any] = {"folds": 5, "rounds": rounds} if seed == seeds[0] else {}
        probes.append(_train(workshop, GENRES, policy="random", seed=seed, **folds))
        transfers.append(transfer(seed))
    transfer(seeds[0])
    crossed = probes[0].model.metrics["cross_validation"]
    found = crossed["accuracy"]
    images = sum(probes[0].model.metrics["images"].values())
    return [
        Section(
            f"Genre, 4 classes, {images} paintings of one source: probe on MobileNetV2, "
            f"{rounds} × 5 folds at random, seed {seeds[0]}",
            (
                Figure(
                    "genre_majority",
                    "the commonest genre",
                    crossed["baselines"]["majority"]["accuracy"],
                ),
                Figure("genre_probe", "probe, accuracy", found["mean"], least=LEAST_ACCURACY),
                Figure("genre_probe_low", "… 95 % interval from", found["low"]),
                Figure("genre_probe_high", "… to", found["high"]),
                Figure("genre_probe_f1", "probe, macro-F1", crossed["f1_macro"]["mean"]),
            ),
        ),
        _beside(workshop, probes, transfers, seconds, seeds),
        _other_sources(workshop, probes[0], transfers[0]),
    ]


def period(workshop: Workshop) -> list[Section]:
    """Measure centuries, with artists apart where they are known."""
    if not _hung(workshop):
        return [_skipped("Century")]
    query = DatasetQuery(head="period", mode="single", min_support=15)
    return [_crossed(workshop, query, "period", "Century")]


def style(workshop: Workshop) -> list[Section]:
    """Measure styles, with artists apart: most styles here are those of their artists."""
    if not _hung(workshop):
        return [_skipped("Style")]
    query = DatasetQuery(head="style", mode="single", min_support=10)
    return [_crossed(workshop, query, "style", "Style")]


def _crossed(workshop: Workshop, query: DatasetQuery, name: str, title: str) -> Section:
    model = _train(workshop, query, policy="artists", folds=5).model
    crossed, images = model.metrics["cross_validation"], model.metrics["images"]
    return Section(
        f"{title}, {len(model.params['classes'])} classes, {sum(images.values())} paintings: probe "
        "on MobileNetV2, 5 folds with artists apart, seed 0",
        (
            Figure(
                f"{name}_majority", "the commonest", crossed["baselines"]["majority"]["accuracy"]
            ),
            Figure(f"{name}_accuracy", "probe, accuracy", crossed["accuracy"]["mean"]),
            Figure(f"{name}_accuracy_low", "… 95 % interval from", crossed["accuracy"]["low"]),
            Figure(f"{name}_accuracy_high", "… to", crossed["accuracy"]["high"]),
            Figure(
                f"{name}_majority_f1",
                "the commonest, macro-F1",
                crossed["baselines"]["majority"]["f1_macro"],
            ),
            Figure(f"{name}_f1", "probe, macro-F1", crossed["f1_macro"]["mean"]),
        ),
    )


def _beside(
    workshop: Workshop,
    probes: Sequence[Training],
    transfers: Sequence[Training],
    seconds: Sequence[float],
    seeds: Sequence[int],
) -> Section:
    """Compare both methods picture by picture; a picture counts by its mean over the splits."""
    gains: dict[str, list[float]] = {}
    right: dict[str, list[float]] = {"probe": [], "transfer": []}
    for probe, transfer in zip(probes, transfers, strict=True):
        of_probe, of_transfer = (_right(workshop, one) for one in (probe, transfer))
        assert of_probe.keys() == of_transfer.keys(), "the methods were measured on other pictures"
        right["probe"].append(float(np.mean(list(of_probe.values()))))
        right["transfer"].append(float(np.mean(list(of_transfer.values()))))
        for sha256, one in of_probe.items():
            gains.setdefault(sha256, []).append(of_transfer[sha256] - one)
    differences = np.array([np.mean(found) for found in gains.values()])
    found = Resampling(np.arange(len(differences))).interval(differences)
    return Section(
        f"… transfer head beside the probe, {len(seeds)} splits at random, a fifth measures",
        (
            Figure("genre_split_probe", "probe, accuracy", float(np.mean(right["probe"]))),
            Figure("genre_split_transfer", "transfer, accuracy", float(np.mean(right["transfer"]))),
            Figure("genre_transfer_gain", "difference, paired", found.mean),
            Figure("genre_transfer_gain_low", "… 95 % interval from", found.low),
            # No worse within the interval: what it may be better by reaches 0.
            Figure("genre_transfer_gain_high", "… to", found.high, least=0.0),
            Figure(
                "transfer_s",
                "training with the augmented views that it needs, s (the slowest)",
                max(seconds[:-1]),
                most=MOST_SECONDS,
            ),
            Figure("transfer_again_s", "… with views that were computed before, s", seconds[-1]),
        ),
    )


def _other_sources(workshop: Workshop, *trainings: Training) -> Section:
    """Ask for paintings of the other sources, whose titles name a genre."""
    rows = {row["file"]: row for row in _rows()}
    with workshop.database.begin() as connection:
        shown = connection.execute(_SHOWN).all()
        asked = {
            row.image_id: named
            for row in shown
            if rows[row.source_id]["subset"] != SOURCE and (named := genre_of(rows[row.source_id]))
        }
        found = vectors_of(connection, embedding_model(connection), asked)
    truth = np.array([asked[one] for one in found.ids.tolist()])
    commonest = max(np.unique(truth, return_counts=True)[1]) / len(truth)
    figures = [Figure("genre_source_majority", "the commonest genre of them", float(commonest))]
    for training in trainings:
        model = training.model
        classifier = open_classifier(workshop.store, model)
        said = np.array(classifier.classes)[classifier.probabilities(found.vectors).argmax(axis=1)]
        right = Resampling(np.arange(len(truth))).interval((said == truth).astype(np.float64))
        method = str(model.params["method"])
        figures += _told(f"genre_source_{method}", f"{method}, accuracy", right)
    return Section(
        f"… asked for {len(truth)} paintings of other sources, whose titles name a genre",
        tuple(figures),
    )


def _told(name: str, label: str, found: Interval) -> list[Figure]:
    return [
        Figure(name, label, found.mean),
        Figure(f"{name}_low", "… 95 % interval from", found.low),
        Figure(f"{name}_high", "… to", found.high),
    ]


def _right(workshop: Workshop, training: Training) -> dict[str, float]:
    """Return of each picture that measures, by sha256, 1 where it was told rightly, else 0."""
    found = from_store(workshop.store, training.model)
    asked = np.flatnonzero(np.asarray(found.parts) == "test")
    hits = found.probabilities[asked].argmax(axis=1) == found.targets[asked].argmax(axis=1)
    return {found.sha256[at]: float(hit) for at, hit in zip(asked.tolist(), hits, strict=True)}


def _train(workshop: Workshop, query: DatasetQuery, **options: Any) -> Training:
    with workshop.at_home():
        return train_labels(workshop.database, workshop.store, query, **options)


def _rows() -> list[Mapping[str, str]]:
    with (SHARED / "art" / "paintings.csv").open(encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def _hung(workshop: Workshop) -> bool:
    """Hang the paintings, unless they are there; return whether there are any."""
    folder = SHARED / "art" / "paintings"
    if not folder.is_dir():
        return False
    rows = _rows()
    with workshop.database.begin() as connection:
        if len(connection.execute(_SHOWN).all()) == len(rows):
            return True
    workshop.empty()
    for row in rows:
        year = re.search(r"\b1\d{3}\b", row["year"])
        hang(
            workshop,
            Exhibit(
                row["file"],
                (folder / row["file"]).read_bytes(),
                row["title"],
                site=row["subset"].replace("_", "-"),
                artist=row["artist"] or None,
                year=int(year[0]) if year else None,
                terms=[(kind, row[kind]) for kind in ("genre", "style") if row[kind]],
            ),
        )
    workshop.settle()
    with workshop.at_home():
        run_jobs(workshop.database, workshop.store, ["embeddings", "duplicates"])
    return True


def _skipped(what: str) -> Section:
    return Section(f"{what}: skipped, there are no paintings in {SHARED}", ())
