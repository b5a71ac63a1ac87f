"""Licences and reservations, images that vanish or stand in, pairs that look alike, what was forgotten.

Revision: 0003
Follows: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


# Of the pictures of a work, the views show what its page still shows, and no stand-ins. The
# former definitions, for the way back, differ by that and by the new column alone.
def overview(*, former: bool) -> str:
    shown = "" if former else " AND s.gone_at IS NULL"
    real = "" if former else " JOIN images p ON p.id = s.image_id AND NOT p.placeholder"
    license_ = "" if former else ", a.license"
    return f"""
CREATE VIEW artwork_overview AS
SELECT a.id AS artwork_id, a.site, a.source_id, a.title, makers.artist, a.date_text, a.year_from,
       a.year_to, a.medium, a.place, a.institution, words.categories, words.styles, words.genres,
       words.periods, pictures.images, first.image_id, first.url AS image_url, i.object_key,
       i.preview_key, i.width, i.height, palette.hex AS dominant_hex,
       palette.name AS dominant_color, a.rights_text, a.license_url, a.page_url, a.first_seen_at,
       a.gone_at{license_}
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
    SELECT count(s.image_id) AS images FROM image_sources s{real} WHERE s.artwork_id = a.id{shown}
) pictures ON true
LEFT JOIN LATERAL (
    SELECT s.image_id, s.url FROM image_sources s{real}
    WHERE s.artwork_id = a.id AND s.image_id IS NOT NULL{shown}
    ORDER BY s.position, s.id LIMIT 1
) first ON true
LEFT JOIN images i ON i.id = first.image_id
LEFT JOIN LATERAL (
    SELECT c.hex, c.name FROM image_colors c JOIN models m ON m.id = c.model_id
    WHERE c.image_id = first.image_id AND m.kind = 'palette' AND m.is_default AND c.rank = 1
) palette ON true
"""


def palette(*, former: bool) -> str:
    shown = "" if former else " AND s.gone_at IS NULL"
    real = "" if former else "\nJOIN images p ON p.id = s.image_id AND NOT p.placeholder"
    return f"""
CREATE VIEW artwork_palette AS
SELECT a.id AS artwork_id, a.site, a.source_id, a.title, s.image_id, c.rank, c.hex, c.name,
       c.fraction, c.lab_l, c.lab_a, c.lab_b
FROM artworks a
JOIN image_sources s ON s.artwork_id = a.id{shown}{real}
JOIN image_colors c ON c.image_id = s.image_id
JOIN models m ON m.id = c.model_id AND m.kind = 'palette' AND m.is_default
"""


def replace_views(*, former: bool) -> None:
    for name, definition, comment in (
        (
            "artwork_overview",
            overview(former=former),
            "One row per artwork: makers, years, terms, first stored image, dominant colour",
        ),
        (
            "artwork_palette",
            palette(former=former),
            "Palette of each stored image of each artwork, by the default model",
        ),
    ):
        op.execute(f"DROP VIEW {name}")
        op.execute(definition)
        op.execute(f"COMMENT ON VIEW {name} IS '{comment}'")


def upgrade() -> None:
    op.add_column(
        "hosts",
        sa.Column(
            "not_before_reason",
            sa.Text(),
            nullable=True,
            comment="Why: the status and the Retry-After that asked for it",
        ),
    )
    op.add_column(
        "hosts",
        sa.Column(
            "tdm",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="Rules of its /.well-known/tdmrep.json when last read; null: it has none",
        ),
    )
    op.add_column(
        "artworks",
        sa.Column(
            "license",
            sa.Text(),
            nullable=True,
            comment="Short name of a licence or rights statement that is known, e.g. CC-BY-SA-4.0, CC0-1.0",
        ),
    )
    op.add_column(
        "artworks",
        sa.Column(
            "opt_out",
            postgresql.ARRAY(sa.Text()),
            nullable=True,
            comment="What the page reserves, e.g. noai, noimageai, tdm-reservation; null: nothing",
        ),
    )
    op.alter_column(
        "artworks",
        "license_url",
        comment="Address of the licence, in one spelling",
        existing_comment="Address of the licence",
    )
    op.add_column(
        "image_sources",
        sa.Column(
            "license",
            sa.Text(),
            nullable=True,
            comment="Short name of that licence, where it is known",
        ),
    )
    op.add_column(
        "image_sources",
        sa.Column(
            "opt_out",
            postgresql.ARRAY(sa.Text()),
            nullable=True,
            comment="What the answer with the image reserves; null: nothing",
        ),
    )
    op.add_column(
        "image_sources",
        sa.Column(
            "gone_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When the work's page no longer showed this image",
        ),
    )
    op.alter_column(
        "image_sources",
        "license_url",
        comment="Licence of this image, in one spelling",
        existing_comment="Licence of this image",
    )
    op.add_column(
        "images",
        sa.Column(
            "placeholder",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="Whether it stands in for pictures that a site does not show: the same bytes at many addresses, for different works",
        ),
    )
    # An image that goes takes its results along, and whatever else refers to it is looked up.
    for table in ("frontier", "failures"):
        op.create_index(
            f"ix_{table}_image_id",
            table,
            ["image_id"],
            postgresql_where=sa.text("image_id IS NOT NULL"),
        )
    op.create_table(
        "image_duplicates",
        sa.Column(
            "image_id", sa.BigInteger(), nullable=False, comment="The image that was stored first"
        ),
        sa.Column("other_id", sa.BigInteger(), nullable=False, comment="The other one"),
        sa.Column("model_id", sa.BigInteger(), nullable=False, comment="The method that found it"),
        sa.Column(
            "distance",
            sa.Double(),
            nullable=False,
            comment="How far apart, in the method's unit: differing bits of 64, or cosine distance",
        ),
        sa.Column(
            "kind",
            sa.Text(),
            nullable=False,
            comment="exact (distance 0: the same picture, encoded anew) or near",
        ),
        sa.CheckConstraint("kind IN ('exact', 'near')", name=op.f("ck_image_duplicates_kind")),
        sa.CheckConstraint("image_id < other_id", name=op.f("ck_image_duplicates_order")),
        sa.ForeignKeyConstraint(
            ["image_id"],
            ["images.id"],
            name=op.f("fk_image_duplicates_image_id_images"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["other_id"],
            ["images.id"],
            name=op.f("fk_image_duplicates_other_id_images"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["model_id"],
            ["models.id"],
            name=op.f("fk_image_duplicates_model_id_models"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "image_id", "other_id", "model_id", name=op.f("pk_image_duplicates")
        ),
        comment="Pairs of images that look the same, each pair once",
    )
    op.create_index("ix_image_duplicates_other_id", "image_duplicates", ["other_id"])
    op.create_table(
        "forgotten",
        sa.Column(
            "id", sa.BigInteger(), sa.Identity(always=True), nullable=False, comment="Row number"
        ),
        sa.Column("kind", sa.Text(), nullable=False, comment="site, artist, artwork or image"),
        sa.Column(
            "site", sa.Text(), nullable=True, comment="Site profile; null: wherever it is met"
        ),
        sa.Column(
            "key",
            sa.Text(),
            nullable=False,
            comment="What names it: the site, the artist's name_key, the work's source_id, the image's sha256",
        ),
        sa.Column(
            "label",
            sa.Text(),
            nullable=False,
            comment="What people call it: name or title; empty if that is to go, too",
        ),
        sa.Column("reason", sa.Text(), nullable=True, comment="Why it was taken down"),
        sa.Column(
            "at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="When",
        ),
        sa.CheckConstraint(
            "kind IN ('site', 'artist', 'artwork', 'image')", name=op.f("ck_forgotten_kind")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_forgotten")),
        sa.UniqueConstraint(
            "kind",
            "site",
            "key",
            name=op.f("uq_forgotten_kind_site_key"),
            postgresql_nulls_not_distinct=True,
        ),
        comment="What was taken down on request; the crawler does not store it again",
    )
    replace_views(former=False)


def downgrade() -> None:
    replace_views(former=True)
    op.drop_table("forgotten")
    op.drop_table("image_duplicates")
    for table in ("failures", "frontier"):
        op.drop_index(f"ix_{table}_image_id", table)
    op.drop_column("images", "placeholder")
    op.alter_column("image_sources", "license_url", comment="Licence of this image")
    for column in ("gone_at", "opt_out", "license"):
        op.drop_column("image_sources", column)
    op.alter_column("artworks", "license_url", comment="Address of the licence")
    for column in ("opt_out", "license"):
        op.drop_column("artworks", column)
    for column in ("tdm", "not_before_reason"):
        op.drop_column("hosts", column)
