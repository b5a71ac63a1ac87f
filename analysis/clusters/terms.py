"""What is said of the works of each group, counted in SQL, each work once in each group.

A work belongs to the groups of its images, and an image to the group that it belongs to most of
all. Besides the terms of works count the nationalities of their artists, the decade or century of
their years, and the class of colour of their pictures.
"""

from __future__ import annotations

from sqlalchemy import Connection, text

from analysis.clusters.themes import KINDS, Said

# No two of the parts that are made here are joined: nothing is known of how many rows they have, so
# that each row of one would be compared with each of the other.
_SAID = text("""
    WITH placed AS MATERIALIZED (
        SELECT DISTINCT ON (image_id) image_id, cluster FROM image_clusters
        WHERE model_id = :model_id ORDER BY image_id, probability DESC, cluster
    ), works AS MATERIALIZED (
        SELECT DISTINCT p.cluster, a.id, a.year_from, a.year_to
        FROM placed p
        JOIN image_sources s ON s.image_id = p.image_id AND s.gone_at IS NULL
        JOIN artworks a ON a.id = s.artwork_id AND a.gone_at IS NULL
    ), said AS (
        SELECT w.cluster, w.id, t.kind, t.name
        FROM works w JOIN artwork_terms at ON at.artwork_id = w.id JOIN terms t ON t.id = at.term_id
        WHERE t.kind = ANY(:kinds)
        UNION
        SELECT w.cluster, w.id, 'nationality', r.nationality
        FROM works w JOIN artwork_artists aa ON aa.artwork_id = w.id
        JOIN artists r ON r.id = aa.artist_id WHERE r.nationality IS NOT NULL
        UNION
        SELECT cluster, id, 'decade', (year_from + year_to) / 2 / 10 * 10 || 's'
        FROM works WHERE year_from > 0 AND year_to - year_from BETWEEN 0 AND 10
        UNION
        SELECT cluster, id, 'century',
               to_char(((year_from + year_to) / 2 - 1) / 100 + 1, 'FM99th') || ' century'
        FROM works WHERE year_from > 0 AND year_to - year_from BETWEEN 0 AND 100
        UNION
        SELECT p.cluster, a.id, 'color', l.label
        FROM placed p
        JOIN image_sources s ON s.image_id = p.image_id AND s.gone_at IS NULL
        JOIN artworks a ON a.id = s.artwork_id AND a.gone_at IS NULL
        JOIN current_labels l ON l.image_id = p.image_id AND l.accepted AND l.head = 'color'
    )
    SELECT cluster, kind, name, count(DISTINCT id) AS works FROM said
    GROUP BY GROUPING SETS ((cluster, kind, name), (cluster, kind))
    ORDER BY cluster, kind, name
""")


def count_terms(
    connection: Connection, model_id: int
) -> tuple[list[Said], dict[tuple[int, str], int]]:
    """Return what `themes.find_terms` asks for, of the groups of a model."""
    rows = connection.execute(_SAID, {"model_id": model_id, "kinds": list(KINDS)}).all()
    said = [
        Said(row.cluster, row.kind, row.name, row.works) for row in rows if row.name is not None
    ]
    return said, {(row.cluster, row.kind): row.works for row in rows if row.name is None}
