"""SQL: images with hues in harmony."""

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
    WITHIN,
)

# The chroma from which on a colour has a hue that people see, and how far, in degrees, a hue may
# lie from where the harmony has it.
LEAST_CHROMA = 15
HUE_REACH = 15


def in_harmony() -> str:
    """Colours whose hues lie as a harmony has them, around a given colour or around any.

    Both ways end alike: `c` are the colours of an image, `base` the hue that others are turned
    from, and `c.base` tells whether a colour is of the base itself.
    """
    chroma = f"sqrt(c.lab_a ^ 2 + c.lab_b ^ 2) >= {LEAST_CHROMA}"
    partner = "NOT c.base AND c.colorful AND cosd(c.hue - c.base_hue - turns[{n}]) >= reach"
    shares = ", ".join(
        f"(coalesce(sum(c.part) FILTER (WHERE {condition}), 0) + 500) / 1000"
        for condition in ("c.base", partner.format(n=1), partner.format(n=2))
    )
    filters = FILTERS.replace("min_share float8 DEFAULT 0", "min_share float8 DEFAULT 0.05")
    ending = f"""
        , weighed AS (
            SELECT c.image_id, c.base_hue, c.base_rank, (ARRAY[{shares}])[1:roles] AS parts
            FROM c GROUP BY c.image_id, c.base_rank, c.base_hue
        ), found AS (
            SELECT DISTINCT ON (w.image_id) w.image_id, w.parts, w.base_hue,
                   least(1000000, roles * smallest.part) AS millionths
            FROM weighed w, LATERAL (SELECT min(p) AS part FROM unnest(w.parts) p) smallest
            WHERE smallest.part > 0 AND smallest.part / 1e6::float8 >= min_share
            ORDER BY w.image_id, smallest.part DESC, w.base_rank
        )
        SELECT found.image_id, found.millionths / 1e6::float8,
               found.base_hue + CASE WHEN found.base_hue < 0 THEN 360 ELSE 0 END,
               (SELECT array_agg(u.p / 1e6::float8 ORDER BY u.n)
                FROM unnest(found.parts) WITH ORDINALITY AS u(p, n))
        FROM found WHERE {SHOWN}
        ORDER BY found.millionths DESC, (SELECT sum(p) FROM unnest(found.parts) p) DESC,
                 found.image_id
        LIMIT most;
    """  # noqa: S608 - fragments of ours
    return f"""
CREATE FUNCTION images_in_harmony(kind text, hex text DEFAULT NULL, {filters})
RETURNS TABLE (image_id bigint, score float8, hue float8, shares float8[]) {SEARCH} AS $$
#variable_conflict use_column
<<images_of>>
DECLARE
    site CONSTANT text := $6;
    category CONSTANT text := $7;
    turns CONSTANT float8[] := CASE kind
        WHEN 'complementary' THEN ARRAY[180] WHEN 'analogous' THEN ARRAY[30, -30]
        WHEN 'triadic' THEN ARRAY[120, 240] WHEN 'split' THEN ARRAY[150, 210] END;
    roles CONSTANT int := 1 + cardinality(turns);
    reach CONSTANT float8 := cosd({HUE_REACH});
    asked record;
BEGIN
    {REFUSE}
    IF turns IS NULL THEN
        RAISE invalid_parameter_value USING MESSAGE = format(
            '"%s" is no harmony: complementary, analogous, triadic and split are', kind);
    END IF;
    IF hex IS NULL THEN
        RETURN QUERY
        WITH c AS (
            SELECT c.image_id, {PART} AS part, true AS colorful, atan2d(c.lab_b, c.lab_a) AS hue,
                   b.rank AS base_rank, atan2d(b.lab_b, b.lab_a) AS base_hue,
                   cosd(atan2d(c.lab_b, c.lab_a) - atan2d(b.lab_b, b.lab_a)) >= reach AS base
            FROM image_colors b
            JOIN image_colors c ON c.image_id = b.image_id AND c.model_id = b.model_id
            WHERE b.model_id = {MODEL} AND {chroma} AND {chroma.replace("c.", "b.")}
        ) {ending}
    ELSE
        SELECT q.*, atan2d(q.lab_b, q.lab_a) AS hue, {MODEL} AS model_id INTO asked
        FROM hex_to_lab(hex) q;
        IF sqrt(asked.lab_a ^ 2 + asked.lab_b ^ 2) < {LEAST_CHROMA} THEN
            RAISE invalid_parameter_value USING MESSAGE = format(
                '%s is too gray to have a hue: give a colour of chroma {LEAST_CHROMA} and more',
                hex);
        END IF;
        RETURN QUERY
        WITH q AS MATERIALIZED (
            SELECT asked.lab_l, asked.lab_a, asked.lab_b, asked.model_id
        ), near AS MATERIALIZED (
            SELECT c.image_id FROM q, {CELLS}, {IN_CELL}
            GROUP BY c.image_id HAVING {AT_MOST} >= floor(min_share * 1e6)
        ), c AS (
            SELECT near.image_id, c.part, c.colorful, c.hue, 0 AS base_rank,
                   asked.hue AS base_hue, c.d <= {WITHIN} AS base
            FROM near, LATERAL (
                SELECT {PART} AS part, {chroma} AS colorful, atan2d(c.lab_b, c.lab_a) AS hue,
                       ciede2000(asked.lab_l, asked.lab_a, asked.lab_b,
                                 c.lab_l, c.lab_a, c.lab_b) AS d
                FROM image_colors c
                WHERE c.image_id = near.image_id AND c.model_id = asked.model_id
                OFFSET 0
            ) c
        ) {ending}
    END IF;
END $$
"""  # noqa: S608 - fragments of ours
