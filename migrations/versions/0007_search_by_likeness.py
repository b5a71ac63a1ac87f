"""Search by likeness: functions that find images by their embeddings, and a view of images.

Revision: 0007
Follows: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.search_by_likeness.lookups import EMBEDDING_MODEL, IMAGE_DISTANCE, IMAGE_EMBEDDING
from migrations.search_by_likeness.nearest import IMAGES_LIKE_IMAGE, IMAGES_NEAR

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

FUNCTIONS = (
    (
        "embedding_model(text)",
        EMBEDDING_MODEL,
        "The id of a model of embeddings by what people call it, name/version or name; null: the "
        "default one",
    ),
    (
        "image_embedding(bigint, bigint)",
        IMAGE_EMBEDDING,
        "The vector of an image by a model; an error where it has none",
    ),
    (
        "image_distance(bigint, bigint, text)",
        IMAGE_DISTANCE,
        "Cosine distance of two images, 0 (alike) to 2; model as for embedding_model",
    ),
    (
        "images_near(halfvec, bigint, text, bigint[], bigint[], bigint)",
        IMAGES_NEAR,
        "Images nearest to a vector of the model, by cosine distance, then by id: as many as the "
        "limit says, of works of a site that have all of the terms, but for those to exclude. By "
        "the index of the model, or exactly where there is none or few images fit",
    ),
    (
        "images_like_image(bigint, bigint, text, text, text)",
        IMAGES_LIKE_IMAGE,
        "Images nearest to an image, itself left out, by cosine distance, then by id: as many as "
        "the limit says, of a site or category; model as for embedding_model",
    ),
)

# Rows of the table that a vector fits into stay in one piece, up to the size of a page: searches
# that compute many distances would fetch each vector from another table. (Of the 8,192 bytes of a
# page, 8,160 can be had by a row.)
TOGETHER = "ALTER TABLE image_embeddings SET (toast_tuple_target = 8160)"
APART = "ALTER TABLE image_embeddings RESET (toast_tuple_target)"

IMAGES = """
CREATE VIEW artwork_images AS
SELECT s.image_id, a.id AS artwork_id, a.site, a.source_id, a.title, makers.artist, a.date_text,
       a.page_url, i.object_key, i.preview_key
FROM artworks a
JOIN image_sources s ON s.artwork_id = a.id AND s.gone_at IS NULL
JOIN images i ON i.id = s.image_id AND NOT i.placeholder
LEFT JOIN LATERAL (
    SELECT string_agg(concat_ws(' ', aa.qualifier, ar.name), ', ' ORDER BY aa.position) AS artist
    FROM artwork_artists aa JOIN artists ar ON ar.id = aa.artist_id WHERE aa.artwork_id = a.id
) makers ON true
"""


def upgrade() -> None:
    op.execute(TOGETHER)
    for signature, definition, comment in FUNCTIONS:
        op.execute(sa.text(definition.replace(":", "\\:")))
        op.execute(f"COMMENT ON FUNCTION {signature} IS '{comment}'")
    op.execute(IMAGES)
    op.execute(
        "COMMENT ON VIEW artwork_images IS "
        "'Each stored image with each work that shows it: what searches by image give, for people'"
    )


def downgrade() -> None:
    op.execute("DROP VIEW artwork_images")
    for signature, _, _ in reversed(FUNCTIONS):
        op.execute(f"DROP FUNCTION {signature}")
    op.execute(APART)
