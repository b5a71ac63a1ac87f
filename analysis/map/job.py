"""The job `map`: a place for every image into `image_positions`, what is alike together.

Up to SAMPLE images are laid out; of more, as many are drawn by lot, and the others are placed
beside those that they are most alike to. Images that come later are placed the same way, and
nothing moves. Only where a fifth of the map or more came later, or where a run begins anew, all is
laid out again, and turned so that it lies like the map before. A map is replaced in one
transaction: whoever looks sees one or the other.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from analysis.clusters.sample import draw, lots
from analysis.embeddings.stored import KIND as EMBEDDING
from analysis.embeddings.stored import Ids, Vectors, pages_of, vectors_of
from analysis.jobs import CollectionJob, ModelSpec
from analysis.map.layout import (
    COMPONENTS,
    PERPLEXITY,
    SEED,
    Positions,
    Space,
    align,
    fit_space,
    fit_square,
    lay_out,
    upright,
)
from analysis.map.placing import NEIGHBORS, place
from analysis.map.quality import MEASURED, measure
from analysis.map.stored import (
    KIND,
    NOWHERE,
    clear_places,
    read_metrics,
    read_places,
    unplaced,
    write_metrics,
    write_places,
)
from analysis.registry.models import Model, default_model
from analysis.results import register_model
from analysis.runs import CollectionRun

JOB: Final = "map"
NAME: Final = "tsne"
NEXT: Final = "artworks analyze embeddings"

SAMPLE: Final = 5000
"""Images that t-SNE lays out at most: it takes half a minute for as many."""
GROWTH: Final = 0.2
"""Share of the images laid out that may be placed later; beyond, the map is laid out anew."""
PAGE: Final = 4096
"""Images that are placed in one transaction."""

SPEC: Final = ModelSpec(
    name="maps", version="1", kind="mapping", params={"sample": SAMPLE, "growth": GROWTH}
)
"""What runs; the map itself is a model of its own for each embedding."""


def map_job() -> CollectionJob:
    """Return the job that maps the images by the embedding that is in use.

    Of a run, `details` tells the images that were `placed`, and whether the map was laid out
    `anew`, 1 or 0.
    """
    return CollectionJob(JOB, SPEC, draw_map, by_image=False)


def model_of(embedding: Model) -> ModelSpec:
    """Return the model of the map of an embedding."""
    return ModelSpec(
        name=NAME,
        version=f"1-{embedding.label.replace('/', '-')}",
        kind=KIND,
        params={
            "embedding": embedding.label,
            "sample": SAMPLE,
            "components": COMPONENTS,
            "perplexity": PERPLEXITY,
            "neighbors": NEIGHBORS,
            "seed": SEED,
        },
        is_default=embedding.is_default,
    )


def draw_map(run: CollectionRun) -> None:
    """Place what is not on the map yet, or lay it out anew."""
    with run.timed("read"), run.database.begin() as connection:
        embedding = default_model(connection, EMBEDDING)
        if embedding is None:
            run.details["next"] = NEXT
            return
        model_id = register_model(connection, model_of(embedding))
        new = unplaced(connection, model_id, embedding.id)
        metrics = read_metrics(connection, model_id)
        ids, places = read_places(connection, model_id) if len(new) or run.redo else NOWHERE
    run.details.update(placed=0, anew=0)
    later = int(metrics.get("placed_later", 0)) + len(new)
    grown = later > GROWTH * int(metrics.get("images", 0))
    if run.redo or (len(new) and (grown or not len(ids))):
        _Mapping(run, embedding, model_id).anew(ids, places)
    elif len(new):
        _Mapping(run, embedding, model_id).place_new(new[: run.limit], ids, places)


class _Mapping:
    """One run over the images of one embedding."""

    def __init__(self, run: CollectionRun, embedding: Model, model_id: int) -> None:
        self.run = run
        self.embedding = embedding
        self.model_id = model_id
        """Of the map."""

    def anew(self, former: Ids, places: Positions) -> None:
        """Lay all images out, and put them in the place of the former map."""
        run = self.run
        with run.timed("read"), run.database.begin() as connection:
            dimensions = int(self.embedding.params["dimensions"])
            drawn, vectors, total = draw(pages_of(connection, self.embedding), SAMPLE, dimensions)
        run.tell(0, total)
        ids, found, metrics = *NOWHERE, {}
        if total:
            with run.timed("compute"):
                space = fit_space(vectors)
                points = space.project(vectors)
                anchors = _laid_out(points, drawn, former, places)
                metrics = {"laid_out": len(drawn), **measured(points, anchors)}
            ids, found = drawn, anchors
            if total > len(drawn):
                ids, found = self._with_others(space, drawn, points, anchors)
        else:
            run.details["next"] = NEXT
        with run.timed("write"), run.database.begin() as connection:
            clear_places(connection, self.model_id)
            written = write_places(connection, self.model_id, ids, found)
            metrics |= {"images": written, "placed_later": 0}
            write_metrics(connection, self.model_id, metrics)
            run.count(connection, done=written)
        run.details.update(placed=written, anew=1)
        run.tell(written, written)

    def _with_others(
        self, space: Space, drawn: Ids, points: Vectors, anchors: Positions
    ) -> tuple[Ids, Positions]:
        """Place the images that were not drawn, too; return all."""
        run = self.run
        ids, found = [drawn], [anchors]
        done = len(drawn)
        with run.timed("compute"), run.database.begin() as connection:
            for page_ids, page in pages_of(connection, self.embedding):
                others = ~np.isin(page_ids, drawn)
                ids.append(page_ids[others])
                found.append(place(space.project(page[others]), points, anchors, ids[-1]))
                done += len(ids[-1])
                run.tell(done, done)
        return np.concatenate(ids), np.concatenate(found)

    def place_new(self, new: Ids, ids: Ids, places: Positions) -> None:
        """Place images beside those on the map, which stay where they are."""
        run = self.run
        drawn = ids[np.argsort(lots(ids))[:SAMPLE]]
        with run.timed("read"), run.database.begin() as connection:
            sample = vectors_of(connection, self.embedding, drawn)
        anchors = places[np.searchsorted(ids, sample.ids)]
        with run.timed("compute"):
            space = fit_space(sample.vectors)
            points = space.project(sample.vectors)
        run.tell(0, len(new))
        done = 0
        for start in range(0, len(new), PAGE):
            page = new[start : start + PAGE]
            with run.timed("read"), run.database.begin() as connection:
                found = vectors_of(connection, self.embedding, page)
            with run.timed("compute"):
                where = place(space.project(found.vectors), points, anchors, found.ids)
            with run.timed("write"), run.database.begin() as connection:
                written = write_places(connection, self.model_id, found.ids, where)
                metrics = dict(read_metrics(connection, self.model_id))
                metrics["placed_later"] = int(metrics.get("placed_later", 0)) + written
                write_metrics(connection, self.model_id, metrics)
                run.count(connection, done=written)
            done += written
            run.details["placed"] = done
            run.tell(start + len(page), len(new))


def measured(points: Vectors, places: Positions) -> dict[str, Any]:
    """Return how good a map is, by its first MEASURED images; nothing where there are too few."""
    found = measure(points[:MEASURED], places[:MEASURED])
    return {} if found is None else dict(found)


def _laid_out(points: Vectors, ids: Ids, former: Ids, places: Positions) -> Positions:
    found = lay_out(points)
    common, mine, theirs = np.intersect1d(ids, former, assume_unique=True, return_indices=True)
    lying = upright(found) if len(common) < 2 else align(found, places[theirs], mine)
    return fit_square(lying)
