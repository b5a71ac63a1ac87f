"""SQL: what the searches have in common."""

from __future__ import annotations

# Shares are added in whole billionths, so that the order of adding plays no part, and are told in
# millionths, so that rounding makes no difference between equal ones.
PART = "round(c.fraction * 1e9)::int"
MODEL = """coalesce(model, (SELECT m.id FROM models m
                             WHERE m.kind = 'palette' AND m.head IS NULL AND m.is_default))"""
WITHIN = "tolerance + 1e-9::float8"
# A picture that stands in for others, or that no page shows any more, is not found.
SHOWN = """
    EXISTS (
        SELECT FROM images i
        JOIN image_sources s ON s.image_id = i.id AND s.gone_at IS NULL
        JOIN artworks w ON w.id = s.artwork_id
        WHERE i.id = found.image_id AND NOT i.placeholder
          AND (images_of.site IS NULL OR w.site = images_of.site)
          AND (images_of.category IS NULL OR EXISTS (
              SELECT FROM artwork_terms at JOIN terms t ON t.id = at.term_id
              WHERE at.artwork_id = w.id AND t.kind = 'category'
                AND t.name = images_of.category))
        OFFSET 0)
"""
FILTERS = """
    tolerance float8 DEFAULT 12, min_share float8 DEFAULT 0, most bigint DEFAULT NULL,
    site text DEFAULT NULL, category text DEFAULT NULL, model bigint DEFAULT NULL
"""
# Lookups are the only way here: a plan for a table of unknown size would read it whole. Compiling
# these long expressions takes longer than running them, and so does planning them anew.
SEARCH = """
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 100 COST 10000
SET enable_seqscan = off SET enable_bitmapscan = off SET jit = off SET work_mem = '128MB'
SET plan_cache_mode = force_generic_plan
"""
REFUSE = """
    IF tolerance IS NULL OR tolerance < 0 OR tolerance = 'NaN' THEN
        RAISE invalid_parameter_value USING MESSAGE =
            'the tolerance is a CIEDE2000 difference: give a number from 0';
    END IF;
"""


# Of each cell `k` of `q` the images `c` with a colour there, which may be near enough, and its
# share. OFFSET 0 makes each cell a lookup of its own.
CELLS = "LATERAL color_cells(q.lab_l, q.lab_a, q.lab_b, tolerance) k"
IN_CELL = """
    LATERAL (
        SELECT c.image_id, c.fraction FROM image_colors c
        WHERE c.model_id = q.model_id AND c.cell = k.cell
          AND c.lab_l BETWEEN k.l_from AND k.l_to
        OFFSET 0
    ) c
"""
# What their shares come to at most, in millionths. Adding them as they are is faster than exact,
# and what it may be off by is far less than the 1 that is added.
AT_MOST = "least(1000000, floor(sum(c.fraction) * 1e6 + 1))::bigint"


def nth_best(candidates: str, measured: str) -> str:
    """The score in millionths that `most` of the candidates reach; 0 where fewer are found.

    `measured` joins a candidate `found` with its score, `exact.millionths`.
    """
    return f"""
        SELECT coalesce(max(nth.millionths), 0) AS millionths FROM (
            SELECT exact.millionths FROM ({candidates}) found, {measured}
            WHERE {SHOWN}
            ORDER BY exact.millionths DESC
            OFFSET greatest(coalesce(most, 1), 1) - 1 LIMIT 1
        ) nth
    """  # noqa: S608 - fragments of ours


# Candidates that are measured for it; none where all are wanted.
TRIED = "LIMIT CASE WHEN most IS NULL THEN 0 ELSE 2 * most + 50 END"
