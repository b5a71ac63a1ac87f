"""SQL: images with one colour, or with several."""

from __future__ import annotations

from migrations.search_by_color.parts import (
    AT_MOST,
    CELLS,
    FILTERS,
    IN_CELL,
    MODEL,
    PART,
    REFUSE,
    SEARCH,
    SHOWN,
    TRIED,
    WITHIN,
    nth_best,
)


def like_color() -> str:
    """One colour: by the share that is like it, then by the nearest distance.

    Images that have much of a colour near the middle are measured first: what the best of them
    reach is asked of all others. Their upper bounds come from the index alone; the best of those
    are measured, which raises what is asked, and then the few that can still reach it.
    """
    middle = f"""
        SELECT DISTINCT c.image_id FROM (
            SELECT c.image_id
            FROM (SELECT * FROM cells ORDER BY l_to - l_from DESC LIMIT 20) k, q, {IN_CELL}
            ORDER BY c.fraction DESC {TRIED}
        ) c
    """  # noqa: S608 - fragments of ours
    measured = f"""
        q, LATERAL (
            SELECT least(1000000, (sum(c.part) + 500) / 1000) AS millionths,
                   round(min(c.d)::numeric, 6) AS nearest
            FROM (
                SELECT {PART} AS part,
                       ciede2000(q.lab_l, q.lab_a, q.lab_b, c.lab_l, c.lab_a, c.lab_b) AS d
                FROM image_colors c
                WHERE c.image_id = found.image_id AND c.model_id = q.model_id
                  AND abs(c.lab_l - q.lab_l) <= 1.75::float8 * ({WITHIN})
                OFFSET 0
            ) c WHERE c.d <= {WITHIN} HAVING count(*) > 0
        ) exact
    """  # noqa: S608 - fragments of ours
    return f"""
CREATE FUNCTION images_like_color(hex text, {FILTERS})
RETURNS TABLE (image_id bigint, share float8, distance float8) {SEARCH} AS $$
#variable_conflict use_column
<<images_of>>
DECLARE
    site CONSTANT text := $5;
    category CONSTANT text := $6;
BEGIN
    {REFUSE}
    RETURN QUERY
    WITH q AS MATERIALIZED (SELECT *, {MODEL} AS model_id FROM hex_to_lab(hex)),
    cells AS MATERIALIZED (SELECT k.* FROM q, {CELLS}),
    reached AS MATERIALIZED ({nth_best(middle, measured)}),
    near AS MATERIALIZED (
        SELECT c.image_id, {AT_MOST} AS most_share
        FROM q, cells k, {IN_CELL}
        GROUP BY c.image_id
        HAVING {AT_MOST} >= (SELECT millionths FROM reached)
    ), needed AS MATERIALIZED (
        {nth_best(f"SELECT * FROM near ORDER BY most_share DESC {TRIED}", measured)}
    ), found AS (
        SELECT found.image_id, exact.millionths, exact.nearest
        FROM near found, {measured}
        WHERE found.most_share >= (SELECT millionths FROM needed)
          AND found.most_share >= floor(min_share * 1e6)
          AND exact.millionths >= (SELECT millionths FROM needed)
          AND exact.millionths / 1e6::float8 >= min_share
        OFFSET 0
    )
    SELECT found.image_id, found.millionths / 1e6::float8, found.nearest::float8
    FROM found WHERE {SHOWN}
    ORDER BY found.millionths DESC, found.nearest, found.image_id
    LIMIT most;
END $$
"""  # noqa: S608 - fragments of ours


def like_colors() -> str:
    """Several colours, each of which must be there; a colour counts for the nearest of them."""
    # Of each image: shares of the asked colours in millionths, and the score that they give.
    measured = f"""
        LATERAL (
            SELECT array_agg(one.share / 1e6::float8 ORDER BY one.n) AS shares,
                   array_agg(round(one.nearest::numeric, 6)::float8 ORDER BY one.n) AS distances,
                   sum(round(one.nearest::numeric, 6)) AS apart,
                   CASE WHEN asked IS NULL THEN least(1000000, wanted * min(one.share))
                        ELSE sum(least(one.share, asked[one.n]))
                             + least(rest, greatest(0, 1000000 - sum(one.share)))
                   END AS millionths
            FROM (
                SELECT c.n, (sum(c.part) + 500) / 1000 AS share, min(c.d) AS nearest
                FROM (
                    SELECT DISTINCT ON (c.rank) c.rank, c.n, c.part, c.d
                    FROM (
                        SELECT c.rank, q.n, {PART} AS part, ciede2000(
                            q.lab_l, q.lab_a, q.lab_b, c.lab_l, c.lab_a, c.lab_b) AS d
                        FROM q JOIN image_colors c ON c.model_id = q.model_id
                        WHERE c.image_id = found.image_id
                          AND abs(c.lab_l - q.lab_l) <= 1.75::float8 * ({WITHIN})
                        OFFSET 0
                    ) c
                    WHERE c.d <= {WITHIN}
                    ORDER BY c.rank, round(c.d::numeric, 9), c.n
                ) c GROUP BY c.n
            ) one
            HAVING count(*) = wanted AND min(one.share) / 1e6::float8 >= min_share
        ) exact
    """  # noqa: S608 - fragments of ours
    return f"""
CREATE FUNCTION images_like_colors(hexes text[], parts float8[] DEFAULT NULL, {FILTERS})
RETURNS TABLE (image_id bigint, score float8, shares float8[], distances float8[]) {SEARCH} AS $$
#variable_conflict use_column
<<images_of>>
DECLARE
    site CONSTANT text := $6;
    category CONSTANT text := $7;
    wanted CONSTANT int := cardinality(hexes);
    asked CONSTANT bigint[] := (SELECT array_agg(round(u.p * 1e6)::bigint ORDER BY u.n)
                                FROM unnest(parts) WITH ORDINALITY AS u(p, n));
    rest CONSTANT bigint := 1000000 - (SELECT sum(p) FROM unnest(asked) p);
BEGIN
    {REFUSE}
    IF cardinality(parts) <> wanted OR 0 >= ANY (asked) OR rest < 0 THEN
        RAISE invalid_parameter_value USING MESSAGE =
            'parts are one share above 0 for each colour, and together at most 1';
    END IF;
    RETURN QUERY
    WITH q AS MATERIALIZED (
        SELECT u.n, lab.*, {MODEL} AS model_id
        FROM unnest(hexes) WITH ORDINALITY AS u(hex, n), LATERAL hex_to_lab(u.hex) lab
    ), near AS MATERIALIZED (
        SELECT c.image_id, q.n, {AT_MOST} AS most_share
        FROM q, {CELLS}, {IN_CELL}
        GROUP BY c.image_id, q.n
    ), candidates AS MATERIALIZED (
        SELECT near.image_id,
               CASE WHEN asked IS NULL THEN least(1000000, wanted * min(near.most_share))
                    ELSE sum(least(near.most_share, asked[near.n])) + rest END AS most_score
        FROM near GROUP BY near.image_id
        HAVING count(*) = wanted AND min(near.most_share) >= floor(min_share * 1e6)
    ), needed AS MATERIALIZED (
        {nth_best(f"SELECT * FROM candidates ORDER BY most_score DESC {TRIED}", measured)}
    ), found AS (
        SELECT found.image_id, exact.*
        FROM candidates found, {measured}
        WHERE found.most_score >= (SELECT millionths FROM needed)
          AND exact.millionths >= (SELECT millionths FROM needed)
        OFFSET 0
    )
    SELECT found.image_id, found.millionths / 1e6::float8, found.shares, found.distances
    FROM found WHERE {SHOWN}
    ORDER BY found.millionths DESC, found.apart, found.image_id
    LIMIT most;
END $$
"""  # noqa: S608 - fragments of ours
