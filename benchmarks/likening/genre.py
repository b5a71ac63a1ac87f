"""Genre precision@10 on real paintings: chance, MobileNetV2, and a projection trained on genre.

The paintings of the shared folder come from three sources. One gives genres: the others give
artists and titles, and a title that names a genre is taken at its word. Works of one source share
a photographic look, so a split at random within a source flatters; the fair figure trains on one
source and measures on the others, which no training has seen. Both are reported, with bootstrap
intervals, whichever way they come out. Seeds are those of splits and training.
"""

from __future__ import annotations

import csv
import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np

from analysis.embeddings.stored import Vectors
from analysis.evaluation.intervals import Interval, Resampling
from analysis.evaluation.relevance import Labels
from analysis.evaluation.retrieval import by_cosine, judge
from analysis.similarity.learned.fitting import Recipe, fit_projection
from analysis.similarity.learned.projection import Projection
from analysis.similarity.learned.splitting import split_labels
from benchmarks.analysing.figures import Figure, Section
from benchmarks.analysing.pictures import ROOT

SHARED = Path(os.environ.get("ARTWORKS_SHARED", ROOT.parent / "shared")).resolve()
SOURCE = "louvre_train"
"""The source that gives genres."""
K = 10
TITLES: Mapping[str, str] = {
    "landscape": r"landscape|view (of|from|on|to)|river|coast|\bsea|harbou?r|winter|wood|forest|"
    r"пейзаж|\bосень|\bмарт\b|\bрожь|\bвесна|роща|\bбор\b|\bлуг\b|\bпруд|\bморе|\bволна|\bмост\b|"
    r"стог|дорожка|вечным покоем|ночь на днепре|украинская ночь|ручей|девятый вал",
    "portrait": r"portrait|портрет|\bдама\b|мона лиза|инфанта|неизвестная|девушка с жемчужной",
    "still life": r"still[- ]life|натюрморт|подсолнухи|ирисы",
}
"""What a title has to say, in English or Russian, for its painting to be of a genre."""


def measure(seeds: Sequence[int] = (0, 1, 2), *, most: int | None = None) -> list[Section]:
    """Measure genre precision@10, on about `most` paintings for a quick look.

    Without the shared folder, the section says so and has no figures.
    """
    if not (SHARED / "art" / "paintings.csv").is_file():
        return [Section(f"Genre precision@{K}: skipped, there are no paintings in {SHARED}", ())]
    rows, vectors = _paintings(most)
    genres = [genre_of(row) for row in rows]
    of_source = np.array([row["subset"] == SOURCE and bool(row["genre"]) for row in rows])
    by_title = np.array([row["subset"] != SOURCE and bool(one) for row, one in zip(
        rows, genres, strict=True)])  # fmt: skip
    labels = _labels(rows, genres)
    whole = np.flatnonzero(of_source)
    figures = _whole(labels.subset(whole), vectors[whole])
    return [
        Section(
            f"Genre precision@{K}, leave-one-out: {len(whole)} paintings of one source, "
            f"{len(set(np.array(genres)[whole]))} genres",
            figures,
        ),
        _random(labels.subset(whole), vectors[whole], seeds),
        _other_source(labels, vectors, whole, np.flatnonzero(by_title), seeds),
        _across(labels, vectors, whole, np.flatnonzero(by_title), seeds),
    ]


def _whole(labels: Labels, vectors: Vectors) -> tuple[Figure, ...]:
    judged = judge(by_cosine(vectors), labels, k=K)
    found = Resampling(labels.groups[judged.queries]).interval(judged.measures["precision"])
    chance = float(judged.chance["precision"].mean())
    return (
        Figure("genre_precision_chance", "chance", chance),
        *_told("genre_precision", "MobileNetV2, as it is", found),
        Figure("ratio_genre_vs_chance", "… times chance", found.mean / chance, "×", least=2.0),
    )


def _random(labels: Labels, vectors: Vectors, seeds: Sequence[int]) -> Section:
    before, after, groups = [], [], []
    for seed in seeds:
        split = split_labels(labels, seed)
        projection = _fitted(labels, vectors, split.train, split.validation, seed)
        held_out = labels.subset(split.test)
        for kept, found in (
            (before, vectors[split.test]),
            (after, projection.project(vectors[split.test])),
        ):
            kept.append(judge(by_cosine(found), held_out, k=K).measures["precision"])
        groups.append(held_out.groups)
    return Section(
        f"… a fifth held out at random (flatters), {len(seeds)} seeds",
        _compared("genre_random", np.concatenate(before), np.concatenate(after),
                  np.concatenate(groups)),
    )  # fmt: skip


def _other_source(
    labels: Labels,
    vectors: Vectors,
    taught: np.ndarray,
    measured: np.ndarray,
    seeds: Sequence[int],
) -> Section:
    held_out = labels.subset(measured)
    before = judge(by_cosine(vectors[measured]), held_out, k=K)
    after = []
    for seed in seeds:
        # What the other part would measure is not needed: it teaches, too.
        split = split_labels(labels.subset(taught), seed)
        seen = taught[np.concatenate((split.train, split.test))]
        projection = _fitted(labels, vectors, seen, taught[split.validation], seed)
        found = judge(by_cosine(projection.project(vectors[measured])), held_out, k=K)
        after.append(found.measures["precision"])
    mean = np.mean(after, axis=0)
    sizes = dict.fromkeys(TITLES, 0)
    for (name,) in held_out.terms["genre"]:
        sizes[name] += 1
    told = ", ".join(f"{count} {name}" for name, count in sizes.items())
    figures = [
        Figure("genre_source_chance", "chance", float(before.chance["precision"].mean())),
        *_compared("genre_source", before.measures["precision"], mean,
                   held_out.artists[before.queries]),
    ]  # fmt: skip
    genres = np.array([name for (name,) in held_out.terms["genre"]])[before.queries]
    for name in TITLES:
        at = genres == name
        if at.any():
            key = name.replace(" ", "_")
            figures += [
                Figure(f"genre_source_{key}_embedding", f"{name}: MobileNetV2",
                       float(before.measures["precision"][at].mean())),
                Figure(f"genre_source_{key}_projection", f"{name}: projection",
                       float(mean[at].mean())),
            ]  # fmt: skip
    return Section(
        f"… trained on that source, measured on the others (fair; genre by title: {told}), "
        f"{len(seeds)} seeds",
        tuple(figures),
    )


def _across(
    labels: Labels,
    vectors: Vectors,
    taught: np.ndarray,
    asking: np.ndarray,
    seeds: Sequence[int],
) -> Section:
    """Let works of the other sources ask for their like in the held-out part of the first."""
    before, after, chance, groups = [], [], [], []
    for seed in seeds:
        split = split_labels(labels.subset(taught), seed)
        projection = _fitted(labels, vectors, taught[split.train], taught[split.validation], seed)
        places = np.concatenate((taught[split.test], asking))
        both = labels.subset(places)
        # Whoever asks is no answer to the others.
        apart = np.where(np.isin(places, asking), -1, both.groups)
        queries = np.arange(len(split.test), len(places))
        for kept, found in (
            (before, vectors[places]),
            (after, projection.project(vectors[places])),
        ):
            judged = judge(by_cosine(found), replace(both, groups=apart), k=K, queries=queries)
            kept.append(judged.measures["precision"])
        chance.append(judged.chance["precision"])
        groups.append(both.artists[judged.queries])
    return Section(
        "… trained on that source, asked from the others for works of its held-out fifth (fair), "
        f"{len(seeds)} seeds",
        (
            Figure("genre_across_chance", "chance", float(np.concatenate(chance).mean())),
            *_compared("genre_across", np.concatenate(before), np.concatenate(after),
                       np.concatenate(groups)),
        ),
    )  # fmt: skip


def _compared(
    name: str, before: np.ndarray, after: np.ndarray, groups: np.ndarray
) -> tuple[Figure, ...]:
    resampling = Resampling(groups)
    return (
        *_told(f"{name}_embedding", "MobileNetV2, as it is", resampling.interval(before)),
        *_told(f"{name}_projection", "trained projection", resampling.interval(after)),
        *_told(f"{name}_gain", "difference, paired", resampling.interval(after - before)),
    )


def _told(name: str, label: str, found: Interval) -> tuple[Figure, ...]:
    return (
        Figure(name, label, found.mean),
        Figure(f"{name}_low", "… 95 % interval from", found.low),
        Figure(f"{name}_high", "… to", found.high),
    )


def _fitted(
    labels: Labels, vectors: Vectors, train: np.ndarray, validation: np.ndarray, seed: int
) -> Projection:
    fit = fit_projection(
        Recipe(),
        (labels.subset(train), vectors[train]),
        (labels.subset(validation), vectors[validation]),
        seed=seed,
    )
    return fit.projection


def genre_of(row: Mapping[str, str]) -> str:
    """Return the genre that the source gives, or the one that the title names; else nothing."""
    if row["subset"] == SOURCE:
        return row["genre"]
    title = row["title"].lower()
    named = [genre for genre, words in TITLES.items() if re.search(words, title)]
    return named[0] if len(named) == 1 else ""


def _labels(rows: Sequence[Mapping[str, str]], genres: Sequence[str]) -> Labels:
    artists = [row["artist"] or row["file"] for row in rows]
    return Labels(
        ids=np.arange(len(rows)),
        sha256=tuple(hashlib.sha256(row["file"].encode()).hexdigest() for row in rows),
        terms={"genre": tuple((one,) if one else () for one in genres)},
        groups=np.arange(len(rows)),
        artists=np.unique(artists, return_inverse=True)[1].astype(np.int64),
    )


def _paintings(most: int | None) -> tuple[list[dict[str, str]], Vectors]:
    """Return what is known of the paintings, and their vectors, both in the order of the files."""
    folder = SHARED / "art"
    with (folder / "paintings.csv").open(encoding="utf-8") as lines:
        known = {row["file"]: row for row in csv.DictReader(lines)}
    files, vectors = _embedded(folder / "paintings")
    places = [at for at, file in enumerate(files) if file in known]
    if most is not None:
        places = places[:: max(1, len(places) // most)]
    return [known[files[at]] for at in places], vectors[places]


@cache
def _embedded(folder: Path) -> tuple[tuple[str, ...], Vectors]:
    from analysis.embeddings.folder import embed_folder

    os.environ.setdefault("KERAS_HOME", str(SHARED / "keras"))
    found = embed_folder(folder)
    return tuple(Path(file).name for file in found.files), found.vectors
