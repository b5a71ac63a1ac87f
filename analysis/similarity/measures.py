"""What is stored of images, part by part, and how far it is from one picture.

Rows come in PostgreSQL's binary format: they have one length in each of these tables, so a page
of them is an array as it arrives.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from analysis.colors.conversion import Floats
from analysis.embeddings.stored import KIND as EMBEDDING
from analysis.embeddings.stored import Ids, embedding_model, vectors_of
from analysis.errors import NoEmbeddings
from analysis.registry.models import Model, default_model
from analysis.similarity.composition import LENGTH, Layouts, layout_distances
from analysis.similarity.layouts import KIND as LAYOUT
from analysis.similarity.palettes import PaletteColors, palette_distances
from analysis.similarity.score import Part

KINDS: Mapping[Part, str] = {
    Part.MEANING: EMBEDDING,
    Part.COLOR: "palette",
    Part.COMPOSITION: LAYOUT,
}
"""Kinds of the models whose results the parts are made of."""
JOBS: Mapping[Part, str] = {
    Part.MEANING: "embeddings",
    Part.COLOR: "colors",
    Part.COMPOSITION: "layout",
}
"""Jobs that make those results."""

Models: TypeAlias = Mapping[Part, Model]
"""The model of each part; none where nothing was analysed yet."""

_HEADER: Final = 19
"""Bytes before the first row: signature, flags, and the length of an extension that is empty."""
_IN = "image_id = ANY('{{{ids}}}'::bigint[])"


@dataclass(frozen=True)
class Measured:
    """What is known of one picture; what is not, is None."""

    vector: npt.NDArray[np.float32] | None = None
    """(d,) float32, the embedding."""
    palette: PaletteColors | None = None
    layout: Layouts | None = None
    """(240,) float32."""

    @property
    def parts(self) -> tuple[Part, ...]:
        """The parts by which it can be compared."""
        known = (self.vector, self.palette, self.layout)
        return tuple(part for part, one in zip(Part, known, strict=True) if one is not None)


def models_of(connection: Connection, embedding: str | None = None) -> Models:
    """Return the default model of each part, and of embeddings the one that is asked for.

    Raises NoSuchModel and NoEmbeddings where that one does not exist or makes something else.
    """
    found = {part: default_model(connection, kind) for part, kind in KINDS.items()}
    if embedding is not None:
        found[Part.MEANING] = embedding_model(connection, embedding)
    return {part: model for part, model in found.items() if model is not None}


def measured(connection: Connection, models: Models, image_id: int) -> Measured:
    """Return what the models found of one stored image."""
    ids = np.array([image_id])
    return next(iter(measure(connection, models, ids).values()), Measured())


def measure(
    connection: Connection, models: Models, ids: Ids, parts: Iterable[Part] = Part
) -> dict[int, Measured]:
    """Return what the models found of images; those of which nothing was found are left out."""
    wanted = [part for part in parts if part in models]
    vectors: dict[int, npt.NDArray[np.float32]] = {}
    palettes: dict[int, PaletteColors] = {}
    layouts: dict[int, Layouts] = {}
    if Part.MEANING in wanted:
        found = vectors_of(connection, models[Part.MEANING], ids.tolist())
        vectors = dict(zip(found.ids.tolist(), found.vectors, strict=True))
    if Part.COLOR in wanted:
        palettes = palettes_of(connection, models[Part.COLOR], ids)
    if Part.COMPOSITION in wanted:
        known, values = layouts_of(connection, models[Part.COMPOSITION], ids)
        layouts = dict(zip(known.tolist(), values, strict=True))
    return {
        one: Measured(vectors.get(one), palettes.get(one), layouts.get(one))
        for one in {*vectors, *palettes, *layouts}
    }


def raw_distances(
    connection: Connection, models: Models, query: Measured, ids: Ids, parts: Iterable[Part]
) -> dict[Part, Floats]:
    """Return how far images are from `query`, each part in its own unit, NaN where one is unknown.

    (n,) float64 in the order of `ids`, which ascend.
    """
    found: dict[Part, Floats] = {}
    for part in parts:
        if part not in models or part not in query.parts:
            continue
        distances = np.full(len(ids), np.nan)
        known, values = _part_distances(connection, models[part], query, ids, part)
        distances[np.searchsorted(ids, known)] = values
        found[part] = distances
    return found


def _part_distances(
    connection: Connection, model: Model, query: Measured, ids: Ids, part: Part
) -> tuple[Ids, Floats]:
    if part is Part.MEANING:
        assert query.vector is not None
        embedded = vectors_of(connection, model, ids.tolist())
        return embedded.ids, cosine_distances(query.vector, embedded.vectors)
    if part is Part.COLOR:
        assert query.palette is not None
        palettes = palettes_of(connection, model, ids)
        known = np.fromiter(palettes, np.int64, len(palettes))
        return known, palette_distances(query.palette, list(palettes.values()))
    assert query.layout is not None
    known, layouts = layouts_of(connection, model, ids)
    return known, layout_distances(query.layout, layouts)


def raw_between(one: Measured, other: Measured) -> dict[Part, float]:
    """Return how far two pictures are from each other, by the parts that both have."""
    found: dict[Part, float] = {}
    if one.vector is not None and other.vector is not None:
        found[Part.MEANING] = float(cosine_distances(one.vector, other.vector[None])[0])
    if one.palette is not None and other.palette is not None:
        found[Part.COLOR] = float(palette_distances(one.palette, [other.palette])[0])
    if one.layout is not None and other.layout is not None:
        found[Part.COMPOSITION] = float(layout_distances(one.layout, other.layout))
    return found


def cosine_distances(one: npt.NDArray[np.float32], many: npt.NDArray[np.float32]) -> Floats:
    """Return 1 - cosine, 0 to 2, of (d,) and each of (n, d); lengths play no part."""
    long = np.asarray(many, np.float64)
    lengths = np.linalg.norm(long, axis=1) * np.linalg.norm(one.astype(np.float64))
    cosines = long @ one.astype(np.float64) / np.maximum(lengths, 1e-12)
    distances: Floats = 1.0 - np.clip(cosines, -1.0, 1.0)
    return distances


def layouts_of(connection: Connection, model: Model, ids: Ids) -> tuple[Ids, Layouts]:
    """Return the layouts of those of `ids` that have one: (m,) ids, ascending, and (m, 240)."""
    number = np.dtype([("length", ">i4"), ("value", ">f8")])
    array = [("dimensions", ">i4", (3,)), ("bounds", ">i4", (2,)), ("values", number, (LENGTH,))]
    rows = _copied(
        connection,
        f"SELECT image_id, values FROM image_features "  # noqa: S608 - integers only
        f"WHERE model_id = {model.id} AND {_among(ids)} ORDER BY image_id",
        (np.dtype(">i8"), np.dtype(array)),
    )
    return rows["f0"].astype(np.int64), rows["f1"]["values"]["value"].astype(np.float32)


def palettes_of(connection: Connection, model: Model, ids: Ids) -> dict[int, PaletteColors]:
    """Return the palettes of those of `ids` that have one, by ascending id."""
    rows = _copied(
        connection,
        f"SELECT image_id, lab_l, lab_a, lab_b, fraction FROM image_colors "  # noqa: S608
        f"WHERE model_id = {model.id} AND {_among(ids)} ORDER BY image_id, rank",
        (np.dtype(">i8"), *[np.dtype(">f8")] * 4),
    )
    if not len(rows):
        return {}
    lab = np.stack([rows[name] for name in ("f1", "f2", "f3")], axis=1).astype(np.float64)
    shares = rows["f4"].astype(np.float64)
    known, starts = np.unique(rows["f0"].astype(np.int64), return_index=True)
    ends = np.append(starts[1:], len(rows))
    return {
        int(one): PaletteColors(lab[start:end], shares[start:end])
        for one, start, end in zip(known, starts, ends, strict=True)
    }


def _among(ids: Ids) -> str:
    # COPY takes no parameters; whole numbers need none.
    return _IN.format(ids=",".join(map(str, np.asarray(ids, np.int64).tolist())))


def _copied(
    connection: Connection, select: str, fields: tuple[np.dtype[Any], ...]
) -> npt.NDArray[Any]:
    """Return the rows of `select` as an array with the fields f0, f1, …, all of fixed length."""
    columns: list[tuple[str, Any]] = [("count", ">i2")]
    for at, field in enumerate(fields):
        columns += [(f"length{at}", ">i4"), (f"f{at}", field)]
    row = np.dtype(columns)
    sink = io.BytesIO()
    cursor: Any = connection.connection.cursor()
    try:
        cursor.copy_expert(f"COPY ({select}) TO STDOUT WITH (FORMAT binary)", sink)
    finally:
        cursor.close()
    received = sink.getbuffer()
    # Two bytes, -1, end the rows.
    count = (len(received) - _HEADER - 2) // row.itemsize
    return np.frombuffer(received, row, count=count, offset=_HEADER)


def require(models: Models, part: Part) -> Model:
    """Return the model of a part. Raises NoEmbeddings with the cure where there is none."""
    if part not in models:
        others = " or ".join(f"--weights {one}=1" for one in Part if one in models)
        otherwise = f", or compare by what there is with {others}" if others else ""
        raise NoEmbeddings(
            f"no image has been analysed for {part}: run `artworks analyze {JOBS[part]}`"
            f"{otherwise}."
        )
    return models[part]
