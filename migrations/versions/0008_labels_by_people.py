"""Splits of examples, corrections by people, and views of labels in which these outrank models.

Revision: 0008
Follows: 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

VERDICTS = """
CREATE VIEW label_verdicts AS
SELECT DISTINCT ON (c.image_id, c.head, c.label)
       c.image_id, c.head, c.label, c.verdict, c.author, c.at
FROM corrections c
ORDER BY c.image_id, c.head, c.label, c.at DESC, c.id DESC
"""

# Where one label is told of an image, what a person says it is leaves no room for another.
CURRENT = """
CREATE VIEW current_labels AS
SELECT l.image_id, l.head, l.label, l.score,
       l.accepted AND NOT (
           coalesce(m.params ->> 'labels', 'single') = 'single' AND EXISTS (
               SELECT FROM label_verdicts v
               WHERE v.image_id = l.image_id AND v.head = l.head AND v.verdict = 'yes')
       ) AS accepted,
       'model'::text AS said_by, l.model_id, NULL::text AS author
FROM image_labels l
JOIN models m ON m.id = l.model_id AND m.is_default AND m.kind = 'classifier' AND m.head = l.head
WHERE NOT EXISTS (
    SELECT FROM label_verdicts v
    WHERE v.image_id = l.image_id AND v.head = l.head AND v.label = l.label)
UNION ALL
SELECT v.image_id, v.head, v.label,
       CASE v.verdict WHEN 'yes' THEN 1.0::double precision ELSE 0.0::double precision END,
       v.verdict = 'yes', 'person'::text, NULL::bigint, v.author
FROM label_verdicts v
"""

LABELS = """
CREATE VIEW artwork_labels AS
SELECT a.id AS artwork_id, a.site, a.source_id, a.title, s.image_id, l.head, l.label, l.score,
       l.accepted, l.said_by, m.name || '/' || m.version AS model, l.author
FROM artworks a
JOIN image_sources s ON s.artwork_id = a.id AND s.gone_at IS NULL
JOIN images p ON p.id = s.image_id AND NOT p.placeholder
JOIN current_labels l ON l.image_id = s.image_id
LEFT JOIN models m ON m.id = l.model_id
"""

LABELS_OF_FIRST = """
LEFT JOIN LATERAL (
    SELECT jsonb_object_agg(top.head, top.label) AS labels
    FROM (
        SELECT DISTINCT ON (l.head) l.head, l.label
        FROM current_labels l WHERE l.image_id = first.image_id AND l.accepted
        ORDER BY l.head, l.score DESC, l.label
    ) top
) told ON true"""


def overview(*, former: bool) -> str:
    column, joined = ("", "") if former else (", told.labels", LABELS_OF_FIRST)
    return f"""
CREATE OR REPLACE VIEW artwork_overview AS
SELECT a.id AS artwork_id, a.site, a.source_id, a.title, makers.artist, a.date_text, a.year_from,
       a.year_to, a.medium, a.place, a.institution, words.categories, words.styles, words.genres,
       words.periods, pictures.images, first.image_id, first.url AS image_url, i.object_key,
       i.preview_key, i.width, i.height, palette.hex AS dominant_hex,
       palette.name AS dominant_color, a.rights_text, a.license_url, a.page_url, a.first_seen_at,
       a.gone_at, a.license{column}
FROM artworks a
LEFT JOIN LATERAL (
    SELECT string_agg(concat_ws(' ', aa.qualifier, ar.name), ', ' ORDER BY aa.position) AS artist
    FROM artwork_artists aa JOIN artists ar ON ar.id = aa.artist_id WHERE aa.artwork_id = a.id
) makers ON true
LEFT JOIN LATERAL (
    SELECT array_agg(t.name ORDER BY t.name) FILTER (WHERE t.kind = 'category') AS categories,
           array_agg(t.name ORDER BY t.name) FILTER (WHERE t.kind = 'style') AS styles,
           array_agg(t.name ORDER BY t.name) FILTER (WHERE t.kind = 'genre') AS genres,
           array_agg(t.name ORDER BY t.name) FILTER (WHERE t.kind = 'period') AS periods
    FROM artwork_terms at JOIN terms t ON t.id = at.term_id WHERE at.artwork_id = a.id
) words ON true
LEFT JOIN LATERAL (
    SELECT count(s.image_id) AS images FROM image_sources s
    JOIN images p ON p.id = s.image_id AND NOT p.placeholder
    WHERE s.artwork_id = a.id AND s.gone_at IS NULL
) pictures ON true
LEFT JOIN LATERAL (
    SELECT s.image_id, s.url FROM image_sources s
    JOIN images p ON p.id = s.image_id AND NOT p.placeholder
    WHERE s.artwork_id = a.id AND s.image_id IS NOT NULL AND s.gone_at IS NULL
    ORDER BY s.position, s.id LIMIT 1
) first ON true
LEFT JOIN images i ON i.id = first.image_id
LEFT JOIN LATERAL (
    SELECT c.hex, c.name FROM image_colors c JOIN models m ON m.id = c.model_id
    WHERE c.image_id = first.image_id AND m.kind = 'palette' AND m.is_default AND c.rank = 1
) palette ON true{joined}
"""


OVERVIEW_COMMENT = (
    "One row per artwork: makers, years, terms, first stored image, dominant colour, top label "
    "per head"
)
FORMER_COMMENT = "One row per artwork: makers, years, terms, first stored image, dominant colour"
VIEWS = {
    "label_verdicts": (VERDICTS, "The last word of people on each label of each image"),
    "current_labels": (
        CURRENT,
        "Labels of images by the default model of each head, outranked by what people say",
    ),
    "artwork_labels": (LABELS, "Labels of each stored image of each artwork, see current_labels"),
}


def upgrade() -> None:
    op.create_table(
        "splits",
        sa.Column(
            "id", sa.BigInteger(), sa.Identity(always=True), nullable=False, comment="Row number"
        ),
        sa.Column("head", sa.Text(), nullable=False, comment="What is learned: style, genre, …"),
        sa.Column(
            "name",
            sa.Text(),
            nullable=True,
            comment="What people call it; null: it was drawn by a training",
        ),
        sa.Column(
            "query",
            postgresql.JSONB(),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
            comment="Which images were asked for, with which labels",
        ),
        sa.Column("seed", sa.BigInteger(), nullable=False, comment="Seed that it was drawn with"),
        sa.Column(
            "policy",
            sa.Text(),
            nullable=False,
            comment="What is never apart: artists, site, look-alikes (random), or given (by an "
            "importer)",
        ),
        sa.Column(
            "members",
            postgresql.JSONB(),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
            comment="Ids of images by part: train, validation, test, removed (would be a leak)",
        ),
        sa.Column(
            "fingerprint",
            sa.Text(),
            nullable=False,
            comment="sha256 over the images of each part, by the sha256 of their bytes",
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="When it was drawn",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_splits")),
        sa.UniqueConstraint("head", "fingerprint", name=op.f("uq_splits_head_fingerprint")),
        comment="Which images teach a classifier, and which measure it",
    )
    op.create_table(
        "corrections",
        sa.Column(
            "id", sa.BigInteger(), sa.Identity(always=True), nullable=False, comment="Row number"
        ),
        sa.Column("image_id", sa.BigInteger(), nullable=False, comment="The image"),
        sa.Column("head", sa.Text(), nullable=False, comment="What is told: style, genre, …"),
        sa.Column("label", sa.Text(), nullable=False, comment="The label"),
        sa.Column("verdict", sa.Text(), nullable=False, comment="yes or no"),
        sa.Column("author", sa.Text(), nullable=False, comment="Who says so"),
        sa.Column(
            "at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="When; of several verdicts, the last one counts",
        ),
        sa.CheckConstraint("verdict IN ('yes', 'no')", name=op.f("ck_corrections_verdict")),
        sa.ForeignKeyConstraint(
            ["image_id"],
            ["images.id"],
            name=op.f("fk_corrections_image_id_images"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_corrections")),
        comment="What people say of labels: it outranks models, and teaches the next ones",
    )
    op.create_index(
        "ix_corrections_image_id_head_label", "corrections", ["image_id", "head", "label"]
    )
    for name, (definition, comment) in VIEWS.items():
        op.execute(definition)
        op.execute(f"COMMENT ON VIEW {name} IS '{comment}'")
    op.execute(overview(former=False))
    op.execute(f"COMMENT ON VIEW artwork_overview IS '{OVERVIEW_COMMENT}'")


def downgrade() -> None:
    # A view cannot lose a column.
    op.execute("DROP VIEW artwork_overview")
    op.execute(overview(former=True))
    op.execute(f"COMMENT ON VIEW artwork_overview IS '{FORMER_COMMENT}'")
    for name in reversed(VIEWS):
        op.execute(f"DROP VIEW {name}")
    op.drop_table("corrections")
    op.drop_table("splits")
