"""Embedding from the object store to committed rows, beside the loop that people write at first.

The loop reads an object, decodes it in full with Pillow, shrinks it, has `model.predict` run over
32 of them, and inserts 32 rows. Everything else is the same: PostgreSQL, the folder of objects, the
network (MobileNetV2 with ImageNet's weights), all cores. How fast the network alone goes is
measured by feeding the same loaded route with images of its size that lie ready in memory.

All is measured in one process, in rounds that alternate, by the clock; medians are compared. The
networks are loaded before, and what starting takes is told by itself.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import psycopg2
from pgvector import HalfVector
from PIL import Image
from psycopg2.extras import execute_batch
from sqlalchemy import text

from analysis.embeddings.converting import converted
from analysis.embeddings.embedder import Embedder
from analysis.embeddings.job import job_of
from analysis.embeddings.network import Network, cache_folder, open_network
from analysis.embeddings.networks import network_embedder
from analysis.embeddings.preparing import squash
from analysis.embeddings.quiet import has, tensorflow
from analysis.embeddings.sources import source_of
from analysis.engine import run_jobs
from analysis.jobs import ImageJob, ModelSpec
from analysis.results import register_model
from benchmarks.analysing.clock import clock_seconds, in_turn, medians
from benchmarks.analysing.collection import Workshop
from benchmarks.analysing.figures import Figure, Section
from benchmarks.analysing.pictures import ROOT, jpeg, large_jpeg, pictures
from storage.images import PREVIEW_SIDE

NETWORK = "mobilenet_v2"
SIZE = 224
AT_ONCE = 32
"""Images of the plain loop's batches."""
LARGE_DIFFERENT = 12
"""Large originals that differ; the others repeat them under other hashes."""
ROUTES = ("openvino", "frozen")
LEAST = {"openvino": 3.0, "frozen": 1.8}
"""Targets: how many times as fast as the plain loop."""

_IMAGES = text("SELECT id, object_key FROM images ORDER BY id")
_INSERT = """
    INSERT INTO image_embeddings (image_id, model_id, embedding) VALUES (%s, %s, %s::halfvec)
"""


def measure(
    workshop: Workshop, previews: int = 480, originals: int = 96, rounds: int = 5
) -> list[Section]:
    """Embed small and large images in every way, `rounds` times in turn."""
    found = pictures(min(previews, 240))
    small = [jpeg(pixels) for pixels in found.pixels]
    large = [large_jpeg(pixels, at) for at, pixels in enumerate(found.pixels[:LARGE_DIFFERENT])]
    squares = [squash(pixels, SIZE) for pixels in found.pixels]
    with _weights(), _home(workshop):
        source = source_of(NETWORK)
        converting = clock_seconds(lambda: converted(source, cache_folder()))[0]
        routes = [name for name in ROUTES if name != "openvino" or has("openvino")]
        networks = {name: open_network(source, inference=name) for name in routes}
        plain = _Loop(workshop)
        return [
            _section(
                workshop, "previews", small, previews, rounds, networks, squares, plain,
                f"Embedding {previews} previews of 512 px ({found.source}) by {NETWORK}",
            ),
            _section(
                workshop, "originals", large, originals, rounds, networks, squares, plain,
                f"Embedding {originals} originals of 2,000 × 1,600 by {NETWORK}",
            ),
            _starting(routes, converting),
        ]  # fmt: skip


def _section(
    workshop: Workshop,
    name: str,
    jpegs: Sequence[bytes],
    count: int,
    rounds: int,
    networks: dict[str, Network],
    squares: Sequence[Any],
    plain: _Loop,
    title: str,
) -> Section:
    workshop.empty()
    workshop.hang(jpegs, count)
    jobs = {route: _job(network, name) for route, network in networks.items()}
    fed = [squares[at % len(squares)] for at in range(count)]
    works: dict[str, Callable[[], Any]] = {"plain": plain}
    for route, network in networks.items():
        works[route] = partial(_embed, workshop, jobs[route], count)
        works[f"bare_{route}"] = partial(network.route.run, fed, count)
    for work in works.values():
        work()
    rates = {way: count / took for way, took in medians(in_turn(works, rounds, _timed)).items()}
    return Section(f"{title}, {rounds} rounds", tuple(_figures(name, rates, list(networks))))


def _figures(name: str, rates: dict[str, float], routes: Sequence[str]) -> Iterator[Figure]:
    small = name == "previews"
    for route in routes:
        yield Figure(
            f"ratio_embed_vs_plain_{route}_{name}",
            f"{route} beside the plain loop, speed",
            rates[route] / rates["plain"],
            "×",
            least=LEAST[route],
        )
        # Without the extra `fast` the network itself is what takes long.
        yield Figure(
            f"share_of_bare_{name}_{route}",
            f"… of the network alone by {route}",
            rates[route] / rates[f"bare_{route}"],
            least=(0.5 if small else 0.3) if route == routes[0] else None,
        )
    for way, rate in rates.items():
        yield Figure(f"embed_{name}_{way}_per_s", way.replace("_", " "), rate, "images/s")


def _job(network: Network, name: str) -> ImageJob:
    """Return the job around a loaded network; for originals, one that previews do not suffice."""
    found = network_embedder(NETWORK)
    embedder: Embedder = replace(
        found, name=f"{found.name}-{network.route.name}", open=lambda: network.embed
    )
    if name == "originals":
        embedder = replace(embedder, input_px=PREVIEW_SIDE + 1)
    return job_of(embedder)


def _embed(workshop: Workshop, job: ImageJob, count: int) -> None:
    workshop.forget_results()
    [summary] = run_jobs(workshop.database, workshop.store, [job])
    assert summary.done == count, summary


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    return clock_seconds(work)


class _Loop:
    """The plain loop, with its network loaded."""

    def __init__(self, workshop: Workshop) -> None:
        tensorflow()
        import keras

        self.workshop = workshop
        self.model = keras.applications.MobileNetV2(
            weights="imagenet", include_top=False, pooling="avg", input_shape=(SIZE, SIZE, 3)
        )
        self.prepare = keras.applications.mobilenet_v2.preprocess_input

    def __call__(self) -> None:
        self.workshop.forget_results()
        spec = ModelSpec("plain", "1", "embedding", params={"dimensions": 1280})
        with self.workshop.database.begin() as connection:
            model_id = register_model(connection, spec)
            rows = connection.execute(_IMAGES).all()
        url = self.workshop.database.engine.url
        opened = psycopg2.connect(**url.translate_connect_args(username="user", database="dbname"),
                                  **url.query)  # fmt: skip
        try:
            for start in range(0, len(rows), AT_ONCE):
                self._batch(opened, model_id, rows[start : start + AT_ONCE])
        finally:
            opened.close()
        with self.workshop.database.begin() as connection:
            stored = connection.scalar(text("SELECT count(*) FROM image_embeddings"))
        assert stored == len(rows), stored

    def _batch(self, opened: Any, model_id: int, rows: Sequence[Any]) -> None:
        squares = []
        for row in rows:
            with Image.open(BytesIO(self.workshop.store.get(row.object_key))) as image:
                pixels = np.asarray(image.convert("RGB"))
            squares.append(cv2.resize(pixels, (SIZE, SIZE), interpolation=cv2.INTER_AREA))
        batch = self.prepare(np.stack(squares).astype(np.float32))
        vectors = self.model.predict(batch, batch_size=AT_ONCE, verbose=0)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        values = [
            (row.id, model_id, HalfVector(vector).to_text())
            for row, vector in zip(rows, vectors, strict=True)
        ]
        with opened.cursor() as cursor:
            execute_batch(cursor, _INSERT, values)
        opened.commit()


_START = """
import json, sys, time
began = time.perf_counter()
import numpy as np
from analysis.embeddings.networks import network_embedder
imported = time.perf_counter()
embed = network_embedder(sys.argv[1], sys.argv[2]).open()
embed([np.zeros((300, 400, 3), np.uint8)])
print(json.dumps([imported - began, time.perf_counter() - imported]))
"""


def _starting(routes: Sequence[str], converting: float) -> Section:
    """Measure how long a process takes from nothing to its first vector."""
    figures = [Figure("convert_s", "converting the network, once", converting, "s")]
    for route in routes:
        found = []
        for _ in range(3):
            done = subprocess.run(
                [sys.executable, "-c", _START, NETWORK, route],
                env=os.environ | {"PYTHONPATH": str(ROOT)},
                capture_output=True,
                text=True,
                check=True,
            )
            found.append(json.loads(done.stdout)[1])
        label = f"starting {route}, to the first vector"
        most = 1.0 if route == "openvino" else None
        figures.append(Figure(f"start_{route}_s", label, statistics.median(found), "s", most=most))
    return Section(f"Starting {NETWORK} with a warm cache", tuple(figures))


@contextmanager
def _weights() -> Iterator[None]:
    """Let Keras find the weights of the shared folder, unless it is told of others."""
    shared = Path(os.environ.get("ARTWORKS_SHARED", ROOT.parent / "shared")) / "keras"
    with _set("KERAS_HOME", os.environ.get("KERAS_HOME") or str(shared)):
        yield


@contextmanager
def _home(workshop: Workshop) -> Iterator[None]:
    """Keep converted networks beside the collection, which goes away with them."""
    objects = Path(workshop.objects_url.removeprefix("file://"))
    with _set("ARTWORKS_HOME", str(objects.parent / "home")):
        yield


@contextmanager
def _set(name: str, value: str) -> Iterator[None]:
    former = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if former is None:
            del os.environ[name]
        else:
            os.environ[name] = former
