"""The works of a map: where they lie, and which group each is of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from sqlalchemy import Connection, text

from analysis.errors import NothingToShow
from analysis.map.layout import Positions
from analysis.map.stored import map_model
from analysis.registry.models import Model
from analysis.reports.query import SHOWN, Query, check_query, counted
from storage.errors import UsageError
from storage.models import TERM_KINDS

CLUSTER: Final = "cluster"
GROUPINGS: Final = (*TERM_KINDS, "artist", "site", CLUSTER)
UNASKED: Final = (CLUSTER, "style", "genre", "category")
"""What may name the parts of a map where nothing is asked for, the best first."""
MOST_WORKS: Final = 5000
"""Works that a map has room for; of more, as many are drawn by their names."""

_FOUND = f"""
    WITH {SHOWN}, pictured AS (
        SELECT DISTINCT ON (w.image_id) w.* FROM shown w ORDER BY w.image_id, w.id
    ), placed AS (
        SELECT w.*, p.x, p.y FROM pictured w
        JOIN image_positions p ON p.image_id = w.image_id AND p.model_id = :model_id
    ), named AS (
        SELECT w.id, t.name FROM placed w
        JOIN artwork_terms at ON at.artwork_id = w.id JOIN terms t ON t.id = at.term_id
        WHERE t.kind = :by
        UNION ALL
        SELECT w.id, ar.name FROM placed w
        JOIN artwork_artists aa ON aa.artwork_id = w.id JOIN artists ar ON ar.id = aa.artist_id
        WHERE :by = 'artist'
        UNION ALL
        SELECT w.id, w.site FROM placed w WHERE :by = 'site'
        UNION ALL
        SELECT w.id, coalesce(c.cluster || ' · ' || c.theme, 'cluster ' || c.cluster) FROM placed w
        JOIN LATERAL (
            SELECT k.cluster FROM image_clusters k
            WHERE k.image_id = w.image_id AND k.model_id = :clusters_id
            ORDER BY k.probability DESC, k.cluster LIMIT 1
        ) most ON true
        JOIN clusters c ON c.model_id = :clusters_id AND c.cluster = most.cluster
        WHERE :by = 'cluster'
    )
"""  # noqa: S608 - the fragment is a constant
_COUNTS = text(f"""
    {_FOUND}
    SELECT (SELECT count(*) FROM pictured) AS pictures, (SELECT count(*) FROM placed) AS placed,
           count(DISTINCT w.site) AS sites, min(w.site) AS a_site
    FROM shown w
""")  # noqa: S608 - the fragment is the constant above
# A work of several groups is of the one that has most works.
_WORKS = text(f"""
    {_FOUND}, sizes AS (SELECT name, count(DISTINCT id) AS works FROM named GROUP BY name)
    SELECT w.x, w.y, i.preview_key, i.sha256, of.name AS group
    FROM placed w JOIN images i ON i.id = w.image_id
    LEFT JOIN LATERAL (
        SELECT n.name FROM named n JOIN sizes s ON s.name = n.name
        WHERE n.id = w.id ORDER BY s.works DESC, n.name COLLATE "C" LIMIT 1
    ) of ON true
    ORDER BY md5(w.site || ' ' || w.source_id), w.id LIMIT :most
""")  # noqa: S608 - the fragment is the constant above
_CLUSTERS = text("""
    SELECT id FROM models WHERE kind = 'clusters' AND active AND params->>'embedding' = :embedding
    ORDER BY is_default DESC, created_at DESC, id DESC LIMIT 1
""")


@dataclass(frozen=True)
class Place:
    """A work on the map."""

    preview_key: str
    sha256: str
    group: str | None
    """What it is of, by what was asked for; None: nothing."""


@dataclass(frozen=True)
class Places:
    """Works on the map, and what tells them apart."""

    model: Model
    """The map."""
    works: tuple[Place, ...]
    positions: Positions
    """(n, 2), from left and from top."""
    by: str
    """What the groups are: a kind of terms, artist, site or cluster."""
    of: int
    """Works from which these were drawn."""
    unplaced: int
    """Works with a picture that the map has no place for yet."""
    a_site: str | None
    """Site of the works, where they are of one."""

    @property
    def groups(self) -> list[str | None]:
        """Return the group of each work."""
        return [work.group for work in self.works]

    @property
    def missing(self) -> str:
        """A note about works that are not on the map yet; empty where all are."""
        if not self.unplaced:
            return ""
        cure = "see artworks analyze embeddings map"
        return f"{counted(self.unplaced, 'work')} without a place yet: {cure}."


def read_map(connection: Connection, query: Query, *, by: str, most: int = MOST_WORKS) -> Places:
    """Return the works of a query that are on the map, at most `most`, each picture once.

    `by` is one of GROUPINGS. Raises UsageError for another, for unknown sites and terms, and
    NothingToShow where there is no map, or no work on it fits.
    """
    if by not in GROUPINGS:
        raise UsageError(f'works cannot be told apart by "{by}": choose {", ".join(GROUPINGS)}.')
    check_query(connection, query)
    model = map_model(connection)
    embedding = {"embedding": model.params.get("embedding")}
    parameters = {
        **query.parameters,
        "model_id": model.id,
        "clusters_id": connection.scalar(_CLUSTERS, embedding),
        "by": by,
        "most": most,
    }
    counts = connection.execute(_COUNTS, parameters).one()
    if not counts.placed:
        raise NothingToShow(
            "no work with a place on the map fits: ask for less, or run `artworks analyze "
            "embeddings map`."
        )
    rows = connection.execute(_WORKS, parameters).all()
    return Places(
        model,
        tuple(Place(row.preview_key, row.sha256, row.group) for row in rows),
        np.array([(row.x, row.y) for row in rows]),
        by,
        of=counts.placed,
        unplaced=counts.pictures - counts.placed,
        a_site=counts.a_site if counts.sites == 1 else None,
    )
