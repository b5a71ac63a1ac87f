"""SQL: a model of embeddings by what people call it, and the vector of an image."""

from __future__ import annotations

EMBEDDING_MODEL = """
CREATE FUNCTION embedding_model(label text DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    chosen record;
BEGIN
    IF label IS NULL THEN
        SELECT m.id, m.kind INTO chosen FROM models m
        WHERE m.kind = 'embedding' AND m.head IS NULL AND m.is_default AND m.active;
        IF NOT FOUND THEN
            RAISE no_data_found USING MESSAGE =
                'no image has been embedded: run `artworks analyze embeddings`';
        END IF;
    ELSE
        SELECT m.id, m.kind INTO chosen FROM models m
        WHERE m.name = split_part(label, '/', 1)
          AND (position('/' IN label) = 0
               OR m.version = substr(label, position('/' IN label) + 1))
        ORDER BY m.is_default DESC, m.created_at DESC, m.id DESC LIMIT 1;
        IF NOT FOUND THEN
            RAISE no_data_found USING MESSAGE = format(
                'there is no model "%s": choose one of kind embedding from the table models',
                label);
        ELSIF chosen.kind <> 'embedding' THEN
            RAISE invalid_parameter_value USING MESSAGE = format(
                '%s makes no embeddings but a %s: choose a model of kind embedding from the '
                'table models', label, chosen.kind);
        END IF;
    END IF;
    RETURN chosen.id;
END $$
"""

IMAGE_EMBEDDING = """
CREATE FUNCTION image_embedding(image_id bigint, model bigint) RETURNS halfvec
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
<<asked>>
DECLARE
    vector halfvec;
    label text;
BEGIN
    SELECT e.embedding INTO vector FROM image_embeddings e
    WHERE e.image_id = $1 AND e.model_id = $2;
    IF FOUND THEN
        RETURN vector;
    END IF;
    IF NOT EXISTS (SELECT FROM images i WHERE i.id = $1) THEN
        RAISE no_data_found USING MESSAGE = format('there is no image %s', $1);
    END IF;
    SELECT m.name || '/' || m.version INTO label FROM models m WHERE m.id = $2;
    RAISE no_data_found USING MESSAGE = format(
        'image %s has no embedding of %s: run `artworks analyze embeddings`',
        $1, coalesce(label, 'model ' || $2));
END $$
"""

# Both vectors are found by their key; which model is asked once.
IMAGE_DISTANCE = """
CREATE FUNCTION image_distance(a bigint, b bigint, model text DEFAULT NULL) RETURNS float8
LANGUAGE sql STABLE AS $$
    SELECT image_embedding(a, m.id) <=> image_embedding(b, m.id)
    FROM (SELECT embedding_model(model) AS id OFFSET 0) m
$$
"""
