"""SQL: the images nearest to a vector or to an image.

There are two ways. The index of the model (HNSW) is walked from the nearest on, leaving out what
does not fit, until enough is found; or what fits is looked up, and all its distances are computed.
Walking costs the more, the fewer images fit: about `wanted * rows / fitting` steps. Looking up
costs `fitting` steps, which are cheaper. So the second way is taken where at most
sqrt(STEP * wanted * rows) images fit, where walking takes too long, and where there is no index.
Either way the distances are those of the stored vectors.
"""

from __future__ import annotations

STEP = 8
"""What a step along the index costs, in lookups of a vector; measured at 100,000 × 1,280:
36 µs and 4.6 µs."""
EF_SEARCH = 800
"""Candidates that the index keeps while it searches. 40 find all that is near a vector like those
of the collection; for one unlike any of them (cosine 0.5), 200 find 82 % and 800 find 96 %."""
MORE = 40
"""Images that the index is asked for besides: it tells them in an order that is not quite right.
Where it has not so many, because it is given up or there are not more, the answer is exact."""
PATIENCE = 2
"""How many times the steps that it is worth the index is walked, before it is given up: what fits
may lie far from what is asked for."""

# Numbers are written into the statements, since the index is one of a model and of a length: %1$s
# the dimensions, %2$s the model, and terms in %3$s, the joins that a filter needs. All else is
# bound: $1 the vector, $2 how many, $3 images to leave out, $4 the site, $5 images that fit.
EACH = "e.image_id, e.embedding::halfvec(%1$s) <=> $1 AS distance"
OF_SITE = "JOIN artworks w ON w.id = s.artwork_id AND w.site = $4"
# Each term is a join of its own, so that the planner can begin with the rarest.
HAS_TERM = "JOIN artwork_terms t%1$s ON t%1$s.artwork_id = s.artwork_id AND t%1$s.term_id = %2$s"
# A picture that stands in for others, or that no page shows any more, is not found. OFFSET 0 keeps
# this a question that each candidate is asked; as a join it would be answered for all images first.
SHOWN = """
    EXISTS (
        SELECT FROM images i JOIN image_sources s ON s.image_id = i.id AND s.gone_at IS NULL %3$s
        WHERE i.id = e.image_id AND NOT i.placeholder OFFSET 0)
"""

# What the index tells is sorted anew: adding 0 keeps the planner from taking it for sorted, which
# it nearly is.
WALKED = f"""
    SELECT array_agg(f.image_id), array_agg(f.distance) FROM (
        SELECT * FROM (
            SELECT {EACH} FROM image_embeddings e
            WHERE e.model_id = %2$s AND e.image_id <> ALL ($3) AND {SHOWN}
            ORDER BY e.embedding::halfvec(%1$s) <=> $1
            LIMIT $2
        ) f ORDER BY f.distance + 0, f.image_id
    ) f
"""  # noqa: S608 - fragments of ours
FITTING = """
    SELECT array_agg(f.image_id) FROM (
        SELECT s.image_id FROM image_sources s %3$s
        WHERE s.gone_at IS NULL AND s.image_id IS NOT NULL LIMIT $2
    ) f
"""
# OFFSET 0 keeps the index out of these, and makes each image a lookup of its own. Whether an image
# is shown is asked from the nearest on, until enough are.
LOOKED_UP = f"""
    SELECT array_agg(f.image_id), array_agg(f.distance) FROM (
        SELECT e.* FROM (
            SELECT e.*
            FROM (SELECT DISTINCT u.id FROM unnest($5) u(id) WHERE u.id <> ALL ($3)) u,
            LATERAL (
                SELECT {EACH} FROM image_embeddings e
                WHERE e.model_id = %2$s AND e.image_id = u.id OFFSET 0
            ) e ORDER BY e.distance, e.image_id OFFSET 0
        ) e
        WHERE EXISTS (SELECT FROM images i WHERE i.id = e.image_id AND NOT i.placeholder OFFSET 0)
        LIMIT $2
    ) f
"""  # noqa: S608 - fragments of ours
ALL = f"""
    SELECT array_agg(f.image_id), array_agg(f.distance) FROM (
        SELECT e.* FROM (
            SELECT e.* FROM (
                SELECT {EACH} FROM image_embeddings e
                WHERE e.model_id = %2$s AND e.image_id <> ALL ($3) OFFSET 0
            ) e ORDER BY e.distance, e.image_id OFFSET 0
        ) e
        WHERE {SHOWN} LIMIT $2
    ) f
"""  # noqa: S608 - fragments of ours

IMAGES_NEAR = f"""
CREATE FUNCTION images_near(
    vector halfvec, "limit" bigint DEFAULT 20, site text DEFAULT NULL,
    terms bigint[] DEFAULT NULL, exclude bigint[] DEFAULT NULL, model bigint DEFAULT NULL
) RETURNS TABLE (image_id bigint, distance float8)
LANGUAGE plpgsql STABLE ROWS 20 COST 10000
SET enable_sort = off SET enable_hashjoin = off SET enable_mergejoin = off
SET jit = off SET work_mem = '64MB' AS $$
#variable_conflict use_column
<<asked>>
DECLARE
    model_id CONSTANT bigint := coalesce(model, embedding_model());
    dimensions CONSTANT int := (SELECT (m.params->>'dimensions')::int FROM models m
                                WHERE m.id = asked.model_id AND m.kind = 'embedding');
    wanted CONSTANT bigint := "limit";
    -- The rows of the index, when it was last counted; null: there is no index.
    rows CONSTANT float8 := (
        SELECT greatest(c.reltuples, 0) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
        WHERE i.indrelid = 'image_embeddings'::regclass AND i.indisvalid
          AND c.relname = 'ix_image_embeddings_hnsw_' || asked.model_id);
    filters CONSTANT text := concat_ws(' ',
        CASE WHEN site IS NOT NULL THEN '{OF_SITE}' END,
        (SELECT string_agg(format('{HAS_TERM}', u.n, u.id), ' ')
         FROM unnest(terms) WITH ORDINALITY AS u(id, n)));
    few bigint;
    fits CONSTANT text := format($statement${FITTING}$statement$, dimensions, model_id, filters);
    fitting bigint[];
    ids bigint[];
    distances float8[];
    former text[];
BEGIN
    IF dimensions IS NULL THEN
        RAISE no_data_found USING MESSAGE = format(
            'there is no model %s of kind embedding: see the table models', model_id);
    ELSIF vector IS NULL OR vector_dims(vector) <> dimensions THEN
        RAISE invalid_parameter_value USING MESSAGE = format(
            'the vector has %s numbers, and those of model %s have %s: give one that the same '
            'model made', coalesce(vector_dims(vector)::text, 'no'), model_id, dimensions);
    ELSIF wanted IS NULL OR wanted < 1 THEN
        RAISE invalid_parameter_value USING MESSAGE =
            'the limit is how many images are wanted: give a number from 1';
    END IF;
    exclude := coalesce(exclude, ARRAY[]::bigint[]);
    few := ceil(sqrt({STEP}::float8 * (wanted + {MORE}) * rows));
    IF filters <> '' THEN
        EXECUTE fits INTO fitting USING vector, few + 1, exclude, site;
    END IF;
    IF rows > few AND (filters = '' OR cardinality(fitting) > few) THEN
        former := ARRAY[current_setting('hnsw.ef_search', true),
                        current_setting('hnsw.iterative_scan', true),
                        current_setting('hnsw.max_scan_tuples', true)];
        PERFORM set_config('hnsw.ef_search', '{EF_SEARCH}', true),
                set_config('hnsw.iterative_scan', 'relaxed_order', true),
                set_config('hnsw.max_scan_tuples',
                           ceil({PATIENCE} * (wanted + {MORE}) * rows / few)::text, true);
        EXECUTE format($statement${WALKED}$statement$, dimensions, model_id, filters)
        INTO ids, distances USING vector, wanted + {MORE}, exclude, site;
        PERFORM set_config('hnsw.ef_search', coalesce(former[1], '40'), true),
                set_config('hnsw.iterative_scan', coalesce(former[2], 'off'), true),
                set_config('hnsw.max_scan_tuples', coalesce(former[3], '20000'), true);
        IF cardinality(ids) = wanted + {MORE} THEN
            RETURN QUERY SELECT * FROM unnest(ids[:wanted], distances[:wanted]);
            RETURN;
        END IF;
    END IF;
    IF filters <> '' THEN
        IF cardinality(fitting) > few THEN
            EXECUTE fits INTO fitting USING vector, NULL::bigint, exclude, site;
        END IF;
        EXECUTE format($statement${LOOKED_UP}$statement$, dimensions, model_id)
        INTO ids, distances USING vector, wanted, exclude, site, fitting;
    ELSE
        EXECUTE format($statement${ALL}$statement$, dimensions, model_id, filters)
        INTO ids, distances USING vector, wanted, exclude;
    END IF;
    RETURN QUERY SELECT * FROM unnest(ids, distances);
END $$
"""  # noqa: S608 - fragments of ours

# The planner calls what it may for each row: OFFSET 0 asks for the model once.
IMAGES_LIKE_IMAGE = """
CREATE FUNCTION images_like_image(
    image_id bigint, "limit" bigint DEFAULT 20, site text DEFAULT NULL,
    category text DEFAULT NULL, model text DEFAULT NULL
) RETURNS TABLE (image_id bigint, distance float8)
LANGUAGE sql STABLE ROWS 20 COST 10000 AS $$
    SELECT n.image_id, n.distance
    FROM (SELECT embedding_model(model) AS id OFFSET 0) m,
         LATERAL (SELECT image_embedding($1, m.id) AS embedding OFFSET 0) v,
         LATERAL (SELECT ARRAY[t.id] AS ids FROM terms t
                  WHERE t.kind = 'category' AND t.name = category
                  UNION ALL SELECT NULL WHERE category IS NULL) t,
         LATERAL images_near(v.embedding, "limit", site, t.ids, ARRAY[$1], m.id) n
    ORDER BY n.distance, n.image_id
$$
"""
