"""The report `clusters`: how groups were found, what is in them, and what is said of them."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image
from sqlalchemy import Connection

from analysis.clusters import DEFAULT_METHOD
from analysis.clusters.fitting import Settings
from analysis.clusters.overview import Group, list_groups, shown_model
from analysis.clusters.sheet import PICTURES, groups_pages
from analysis.clusters.terms import count_terms
from analysis.plots.cluster_heatmap import draw_heatmap
from analysis.plots.elbow import Curve, draw_numbers
from analysis.plots.page import compose_page
from analysis.plots.pca import draw_variance
from analysis.registry.models import Model
from analysis.reports.archive import Picture
from analysis.reports.drawing import Drawn, Options, Sources
from analysis.reports.query import counted

NAMES: Final = 24
"""Terms that a heatmap has room for."""
COMPARED: Final = ("style", "genre", "category")
"""Kinds of terms that groups are compared with: the first that enough works have."""
ENOUGH: Final = 0.2
"""Share of the images in groups of which a term of a kind must be said for a heatmap."""
LEAST_NAMES: Final = 2


def draw_clusters(sources: Sources, _options: Options) -> Drawn:
    """Draw the groups that are in use."""
    with sources.reading() as connection:
        model = shown_model(connection, Settings(DEFAULT_METHOD))
        groups = list_groups(connection, model, works=PICTURES)
        said = _compared(connection, model, groups)
    images = int(model.metrics["images"])
    line = f"{counted(images, 'image')}  ·  {counted(len(groups), 'group')}"
    pictures = [Picture("clusters-variance", _variance(model))]
    if "tried" in model.metrics:
        pictures.append(Picture("clusters-number", _numbers(model)))
    sheets = groups_pages(sources.store, groups, "Works that belong together", line)
    pictures += [
        Picture(f"clusters-sheet-{at}" if len(sheets) > 1 else "clusters-sheet", sheet)
        for at, sheet in enumerate(sheets, start=1)
    ]
    if said is not None:
        kind, names, works = said
        heading = f"Groups and {kind.removesuffix('y')}{'ies' if kind.endswith('y') else 's'}"
        page = compose_page(
            draw_heatmap(names, [group.cluster for group in groups], works),
            heading,
            line,
            (
                f"Works by {kind} and group; the darker, the larger the part of the {kind}'s works "
                "that is in the group.",
            ),
        )
        pictures.append(Picture(f"clusters-{kind}", page))
    return Drawn(
        tuple(pictures),
        counts={"images": images, "clusters": len(groups)},
        models=(f"{model.name} {model.version}", model.params["embedding"].replace("/", " ", 1)),
        settings={name: model.params[name] for name in ("method", "k", "share")},
        images=tuple(work.sha256 for group in groups for work in group.typical),
    )


def _variance(model: Model) -> Image.Image:
    metrics = model.metrics
    kept, dimensions = float(metrics["kept_variance"]), int(metrics["dimensions"])
    return compose_page(
        draw_variance(metrics["explained"], dimensions),
        "What the components of embeddings keep",
        f"{model.params['embedding']}  ·  {counted(int(metrics['sample']), 'image')}",
        (
            f"Groups are found among the {dimensions:,} leading principal components, which keep "
            f"{kept:.1%} of the variance; the first {len(metrics['explained']):,} are shown.",
        ),
    )


def _numbers(model: Model) -> Image.Image:
    tried: list[dict[str, Any]] = model.metrics["tried"]
    numbers = [one["k"] for one in tried]
    silhouettes = [one["silhouette"] for one in tried]
    spreads = [one["davies_bouldin"] for one in tried]
    chosen = int(model.metrics["clusters"])
    curves = (
        Curve(
            "Inertia",
            "open: the elbow; beyond, more groups bring little",
            [one["inertia"] for one in tried],
            int(model.metrics["elbow"]),
        ),
        Curve(
            "Silhouette",
            "more is better",
            silhouettes,
            numbers[int(np.argmax(silhouettes))],
        ),
        Curve("Davies–Bouldin", "less is better", spreads, numbers[int(np.argmin(spreads))]),
    )
    return compose_page(
        draw_numbers(numbers, curves, chosen),
        "How many groups there are",
        f"{model.params['embedding']}  ·  {counted(chosen, 'group')}",
        (
            "The number in use has the largest sum of two curves, each scaled to 0..1: how deep "
            "inertia lies below the line from its first to its last number, and the silhouette. "
            "Open circles are what each measure would choose by itself.",
        ),
    )


def _compared(
    connection: Connection, model: Model, groups: list[Group]
) -> tuple[str, list[str], npt.NDArray[np.int64]] | None:
    """Return a kind of terms, its names, and works by name and group; None: too few have any."""
    said, works = count_terms(connection, model.id)
    for kind in COMPARED:
        known = sum(works.get((group.cluster, kind), 0) for group in groups)
        totals: dict[str, int] = {}
        for one in said:
            if one.kind == kind:
                totals[one.name] = totals.get(one.name, 0) + one.works
        if known >= ENOUGH * sum(group.size for group in groups) and len(totals) >= LEAST_NAMES:
            kept = sorted(totals, key=lambda name: (-totals[name], name))[:NAMES]
            found = np.zeros((len(kept), len(groups)), np.int64)
            columns = {group.cluster: at for at, group in enumerate(groups)}
            for one in said:
                if one.kind == kind and one.name in kept and one.cluster in columns:
                    found[kept.index(one.name), columns[one.cluster]] = one.works
            order = np.argsort([int(row.argmax()) for row in found], kind="stable")
            return kind, [kept[at] for at in order], found[order]
    return None
