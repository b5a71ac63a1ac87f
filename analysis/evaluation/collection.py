"""What the collection says of its images, for measuring and for learning: terms, makers, copies.

An image counts by the first image of a work, which shows the whole of it; details may well show
something else. Placeholders and what no page shows any more say nothing. Terms that a work inherits
from its artist's page are left out: they say what the artist did, not what this picture is. What
people say of an image corrects what pages do.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, text

from analysis.colors.classes.examples import connected
from analysis.embeddings.stored import Vectors, vectors_of
from analysis.errors import NoEmbeddings, NothingToTrain, WrongTerms
from analysis.evaluation.relevance import Labels, Numbers
from analysis.labels.people.truth import correct_all
from analysis.registry.models import Model, default_model
from storage.models import TERM_KINDS

MOST_IMAGES = 50_000
"""Most images that are measured or learned from: 256 MB of vectors of 1,280 numbers. The lowest
sha256 are taken, which is a sample as good as a random one, and always the same."""

_LABELLED = text("""
    WITH labelled AS (
        SELECT DISTINCT at.artwork_id
        FROM terms t JOIN artwork_terms at ON at.term_id = t.id
        JOIN artworks a ON a.id = at.artwork_id
        WHERE t.kind = ANY(:kinds) AND at.source <> 'artist' AND a.gone_at IS NULL
        UNION
        SELECT s.artwork_id
        FROM label_verdicts v JOIN image_sources s ON s.image_id = v.image_id
        JOIN artworks a ON a.id = s.artwork_id
        WHERE v.head = ANY(:kinds) AND v.verdict = 'yes' AND s.gone_at IS NULL
          AND a.gone_at IS NULL
    ), shown AS (
        SELECT DISTINCT ON (s.artwork_id) s.artwork_id, s.image_id
        FROM image_sources s JOIN labelled USING (artwork_id)
        WHERE s.gone_at IS NULL AND s.image_id IS NOT NULL
        ORDER BY s.artwork_id, s.position, s.id
    )
    SELECT i.id, i.sha256, array_agg(shown.artwork_id ORDER BY shown.artwork_id) AS works
    FROM shown JOIN images i ON i.id = shown.image_id
    WHERE NOT i.placeholder AND NOT EXISTS (
        SELECT FROM unnest(CAST(:model_ids AS bigint[])) m WHERE NOT EXISTS (
            SELECT FROM image_embeddings e WHERE e.image_id = i.id AND e.model_id = m))
    GROUP BY i.id ORDER BY i.sha256 LIMIT :most
""")
_TERMS = text("""
    SELECT DISTINCT at.artwork_id, t.kind, lower(btrim(t.name)) AS name
    FROM artwork_terms at JOIN terms t ON t.id = at.term_id
    WHERE at.artwork_id = ANY(:works) AND t.kind = ANY(:kinds) AND at.source <> 'artist'
""")
_ARTISTS = text("""
    SELECT m.artwork_id, m.artist_id FROM artwork_artists m WHERE m.artwork_id = ANY(:works)
""")
_PAIRS = text("""
    SELECT d.image_id, d.other_id FROM image_duplicates d
    WHERE d.model_id = :model_id AND (d.image_id = ANY(:ids) OR d.other_id = ANY(:ids))
""")
_KINDS = text("""
    SELECT t.kind, count(DISTINCT at.artwork_id) AS works
    FROM terms t JOIN artwork_terms at ON at.term_id = t.id
    JOIN artworks a ON a.id = at.artwork_id
    WHERE at.source <> 'artist' AND a.gone_at IS NULL
    GROUP BY t.kind ORDER BY works DESC, t.kind
""")
_FEATURES = text("""
    SELECT f.image_id, f.values FROM image_features f
    WHERE f.model_id = :model_id AND f.image_id = ANY(:ids)
""")
_HASHES = text("SELECT i.id, i.phash FROM images i WHERE i.id = ANY(:ids)")


def chosen_kinds(said: str) -> tuple[str, ...]:
    """Return the kinds of terms in `style,genre`, in their order; raise WrongTerms for others."""
    kinds = tuple(dict.fromkeys(one.strip() for one in said.split(",") if one.strip()))
    unknown = [kind for kind in kinds if kind not in TERM_KINDS]
    if unknown or not kinds:
        what = f"there is no kind of term {', '.join(unknown)}" if unknown else "no kind is named"
        raise WrongTerms(f"{what}: choose from {', '.join(TERM_KINDS)}, separated by commas.")
    return kinds


def read_labels(
    connection: Connection,
    kinds: Sequence[str],
    model_ids: Sequence[int],
    *,
    most: int = MOST_IMAGES,
) -> Labels:
    """Return the images that have a term of these kinds and vectors of all models, by sha256.

    Raises NothingToTrain where there are none, saying which kinds there are.
    """
    values = {"kinds": list(kinds), "model_ids": list(model_ids), "most": most}
    found = connection.execute(_LABELLED, values).all()
    said = _terms_by_image(connection, kinds, found)
    rows = [row for row in found if any(said[kind][row.id] for kind in kinds)]
    if not rows:
        raise NothingToTrain(_nothing(connection, kinds))
    works = sorted({work for row in rows for work in row.works})
    ids = [row.id for row in rows]
    pairs = _look_alikes(connection, ids)
    makers = _same_artist(connection, rows, works)
    return Labels(
        ids=np.array(ids, np.int64),
        sha256=tuple(row.sha256 for row in rows),
        terms={kind: tuple(tuple(said[kind][one]) for one in ids) for kind in kinds},
        groups=connected(ids, pairs),
        artists=connected(ids, pairs + makers),
    )


def read_vectors(connection: Connection, model: Model, ids: Numbers) -> Vectors:
    """Return the vectors of images, (n, d) float32, in the order of their ids.

    Raises NoEmbeddings where some have none: they were taken down meanwhile.
    """
    found = vectors_of(connection, model, ids.tolist())
    missing = len(ids) - len(found)
    if missing:
        raise NoEmbeddings(
            f"{missing:,} images have no vector of {model.label} any more: run the command again."
        )
    at = np.searchsorted(found.ids, ids)
    vectors: Vectors = found.vectors[at]
    return vectors


def read_features(connection: Connection, ids: Numbers) -> npt.NDArray[np.float32] | None:
    """Return the channel statistics of images, (n, 18) float32; None where some have none."""
    model = default_model(connection, "features")
    if model is None:
        return None
    found = connection.execute(_FEATURES, {"model_id": model.id, "ids": ids.tolist()})
    values = {row.image_id: row.values for row in found}
    if not values.keys() >= set(ids.tolist()):
        return None
    return np.array([values[one] for one in ids.tolist()], np.float32)


def read_hashes(connection: Connection, ids: Numbers) -> Numbers:
    """Return the perceptual hashes of images, (n,) int64."""
    found = {row.id: row.phash for row in connection.execute(_HASHES, {"ids": ids.tolist()})}
    return np.array([found[one] for one in ids.tolist()], np.int64)


def look_alikes(connection: Connection, ids: Sequence[int]) -> dict[int, list[int]]:
    """Return the images that look the same as each of some, itself among them."""
    alike = {one: [one] for one in ids}
    for pair in _look_alikes(connection, ids):
        for one, other in (pair, pair[::-1]):
            if one in alike:
                alike[one].append(other)
    return alike


def _terms_by_image(
    connection: Connection, kinds: Sequence[str], rows: Sequence[Any]
) -> Mapping[str, Mapping[int, list[str]]]:
    """Return the terms of images by kind and image, sorted; of some, people have left none."""
    works = {work for row in rows for work in row.works}
    of_work: dict[tuple[str, int], list[str]] = defaultdict(list)
    for row in connection.execute(_TERMS, {"works": list(works), "kinds": list(kinds)}):
        of_work[row.kind, row.artwork_id].append(row.name)
    return {
        kind: correct_all(
            connection,
            kind,
            {
                row.id: list({name for work in row.works for name in of_work[kind, work]})
                for row in rows
            },
        )
        for kind in kinds
    }


def _look_alikes(connection: Connection, ids: Sequence[int]) -> list[tuple[int, int]]:
    model = default_model(connection, "duplicates")
    if model is None:
        return []
    pairs = connection.execute(_PAIRS, {"model_id": model.id, "ids": list(ids)})
    return [(row.image_id, row.other_id) for row in pairs]


def _same_artist(
    connection: Connection, rows: Sequence[Any], works: Sequence[int]
) -> list[tuple[int, int]]:
    """Return pairs of an image and its artists, whose ids are made negative."""
    image_of = {work: row.id for row in rows for work in row.works}
    found = connection.execute(_ARTISTS, {"works": list(works)})
    return [(image_of[row.artwork_id], -row.artist_id) for row in found]


def _nothing(connection: Connection, kinds: Sequence[str]) -> str:
    known = {row.kind: row.works for row in connection.execute(_KINDS)}
    if any(kind in known for kind in kinds):
        return (
            f"no work with a {' or '.join(kinds)} has an image that is embedded: run "
            "`artworks analyze embeddings` first."
        )
    others = ", ".join(f"{kind} ({works:,} works)" for kind, works in known.items())
    cure = (
        f"choose --terms from {others}"
        if others
        else "crawl a site whose profile finds some ([artwork.terms], see docs/sites.md), or try "
        "it with `artworks demo`"
    )
    return f"no stored work has a term of kind {' or '.join(kinds)}: {cure}."
