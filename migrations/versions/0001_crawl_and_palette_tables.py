"""Tables of the crawl, the model registry and palettes, and the views for people.

Revision: 0001
Follows: nothing
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

OVERVIEW = """
CREATE VIEW artwork_overview AS
SELECT a.id AS artwork_id, a.site, a.source_id, a.title, makers.artist, a.date_text, a.year_from,
       a.year_to, a.medium, a.place, a.institution, words.categories, words.styles, words.genres,
       words.periods, pictures.images, first.image_id, first.url AS image_url, i.object_key,
       i.preview_key, i.width, i.height, palette.hex AS dominant_hex,
       palette.name AS dominant_color, a.rights_text, a.license_url, a.page_url, a.first_seen_at,
       a.gone_at
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
    SELECT count(s.image_id) AS images FROM image_sources s WHERE s.artwork_id = a.id
) pictures ON true
LEFT JOIN LATERAL (
    SELECT s.image_id, s.url FROM image_sources s
    WHERE s.artwork_id = a.id AND s.image_id IS NOT NULL ORDER BY s.position, s.id LIMIT 1
) first ON true
LEFT JOIN images i ON i.id = first.image_id
LEFT JOIN LATERAL (
    SELECT c.hex, c.name FROM image_colors c JOIN models m ON m.id = c.model_id
    WHERE c.image_id = first.image_id AND m.kind = 'palette' AND m.is_default AND c.rank = 1
) palette ON true
"""

PALETTE = """
CREATE VIEW artwork_palette AS
SELECT a.id AS artwork_id, a.site, a.source_id, a.title, s.image_id, c.rank, c.hex, c.name,
       c.fraction, c.lab_l, c.lab_a, c.lab_b
FROM artworks a
JOIN image_sources s ON s.artwork_id = a.id
JOIN image_colors c ON c.image_id = s.image_id
JOIN models m ON m.id = c.model_id AND m.kind = 'palette' AND m.is_default
"""

HEALTH = """
CREATE VIEW crawl_health AS
SELECT s.name AS site, s.generation, s.started_at, s.completed_at, pages.pending, pages.leased,
       pages.done, pages.failed, pages.skipped, problems.unresolved_failures,
       problems.retryable_failures, works.artworks, works.gone, run.id AS last_run_id,
       run.started_at AS last_run_started_at, run.finished_at AS last_run_finished_at,
       run.finish_reason AS last_finish_reason
FROM sites s
LEFT JOIN LATERAL (
    SELECT count(*) FILTER (WHERE f.state = 'pending') AS pending,
           count(*) FILTER (WHERE f.state = 'leased') AS leased,
           count(*) FILTER (WHERE f.state = 'done') AS done,
           count(*) FILTER (WHERE f.state = 'failed') AS failed,
           count(*) FILTER (WHERE f.state = 'skipped') AS skipped
    FROM frontier f WHERE f.site = s.name
) pages ON true
LEFT JOIN LATERAL (
    SELECT count(*) AS unresolved_failures,
           count(*) FILTER (WHERE f.retryable) AS retryable_failures
    FROM failures f WHERE f.site = s.name AND f.resolved_at IS NULL
) problems ON true
LEFT JOIN LATERAL (
    SELECT count(*) AS artworks, count(a.gone_at) AS gone FROM artworks a WHERE a.site = s.name
) works ON true
LEFT JOIN LATERAL (
    SELECT r.id, r.started_at, r.finished_at, r.finish_reason FROM crawl_runs r
    WHERE r.site = s.name ORDER BY r.id DESC LIMIT 1
) run ON true
"""

VIEWS = {
    "artwork_overview": (
        OVERVIEW,
        "One row per artwork: makers, years, terms, first stored image, dominant colour",
    ),
    "artwork_palette": (
        PALETTE,
        "Palette of each stored image of each artwork, by the default model",
    ),
    "crawl_health": (HEALTH, "One row per site: pages by state, failures, works, last run"),
}


def upgrade() -> None:
    op.create_table(
        "artists",
        sa.Column(
            "id", sa.BigInteger(), sa.Identity(always=True), nullable=False, comment="Row number"
        ),
        sa.Column("name", sa.Text(), nullable=False, comment="Name as the site writes it"),
        sa.Column(
            "name_key",
            sa.Text(),
            nullable=False,
            comment="Normalised name: case, accents, order and punctuation removed",
        ),
        sa.Column("nationality", sa.Text(), nullable=True, comment="Nationality"),
        sa.Column("birth_year", sa.Integer(), nullable=True, comment="Year of birth"),
        sa.Column("death_year", sa.Integer(), nullable=True, comment="Year of death"),
        sa.Column(
            "ulan_id",
            sa.Text(),
            nullable=True,
            comment="Identifier in the Union List of Artist Names",
        ),
        sa.Column("wikidata_id", sa.Text(), nullable=True, comment="Wikidata item"),
        sa.Column("page_url", sa.Text(), nullable=True, comment="Page about the artist"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_artists")),
        sa.UniqueConstraint(
            "name_key",
            "birth_year",
            name=op.f("uq_artists_name_key_birth_year"),
            postgresql_nulls_not_distinct=True,
        ),
        comment="Makers, told apart by normalised name and year of birth",
    )
    op.create_table(
        "crawl_runs",
        sa.Column(
            "id",
            sa.BigInteger(),
            sa.Identity(always=True),
            nullable=False,
            comment="Run number; also names the worker that holds leases",
        ),
        sa.Column("site", sa.Text(), nullable=False, comment="Site profile"),
        sa.Column(
            "started_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="Start of the run",
        ),
        sa.Column(
            "finished_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="End of the run; null: under way or killed",
        ),
        sa.Column(
            "finish_reason",
            sa.Text(),
            nullable=True,
            comment="Why it ended: finished, limit, shutdown, standby, database_unavailable, …",
        ),
        sa.Column(
            "settings",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
            comment="Arguments and settings of the run, without secrets",
        ),
        sa.Column(
            "stats",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
            comment="Scrapy's stats at the end of the run",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_crawl_runs")),
        comment="Log of crawls: one row per process that crawled a site",
    )
    op.create_table(
        "hosts",
        sa.Column("host", sa.Text(), nullable=False, comment="Host name"),
        sa.Column(
            "crawl_delay",
            sa.Double(),
            nullable=True,
            comment="Crawl-delay of its robots.txt, in seconds",
        ),
        sa.Column(
            "not_before",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="No request before this time",
        ),
        sa.PrimaryKeyConstraint("host", name=op.f("pk_hosts")),
        comment="Politeness per host, kept across processes and restarts",
    )
    op.create_table(
        "images",
        sa.Column(
            "id", sa.BigInteger(), sa.Identity(always=True), nullable=False, comment="Row number"
        ),
        sa.Column("sha256", sa.Text(), nullable=False, comment="sha256 of the bytes"),
        sa.Column(
            "object_key",
            sa.Text(),
            nullable=False,
            comment="Key of the original bytes in the object store",
        ),
        sa.Column(
            "preview_key",
            sa.Text(),
            nullable=False,
            comment="Key of the preview (longer side ≤ 512 px)",
        ),
        sa.Column(
            "format",
            sa.Text(),
            nullable=False,
            comment="jpeg, png, webp, avif, gif or tiff, found out from the bytes",
        ),
        sa.Column(
            "width", sa.Integer(), nullable=False, comment="Width in pixels, after EXIF orientation"
        ),
        sa.Column(
            "height",
            sa.Integer(),
            nullable=False,
            comment="Height in pixels, after EXIF orientation",
        ),
        sa.Column(
            "bytes", sa.BigInteger(), nullable=False, comment="Size of the original in bytes"
        ),
        sa.Column(
            "phash",
            sa.BigInteger(),
            nullable=False,
            comment="64-bit perceptual hash (DCT), as a signed integer",
        ),
        sa.Column(
            "stored_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="When the image was stored",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_images")),
        sa.UniqueConstraint("sha256", name=op.f("uq_images_sha256")),
        comment="Stored images, one row per distinct content",
    )
    op.create_index("ix_images_phash", "images", ["phash"], unique=False)
    op.create_table(
        "models",
        sa.Column(
            "id", sa.BigInteger(), sa.Identity(always=True), nullable=False, comment="Row number"
        ),
        sa.Column("name", sa.Text(), nullable=False, comment="Name"),
        sa.Column("version", sa.Text(), nullable=False, comment="Version"),
        sa.Column(
            "kind",
            sa.Text(),
            nullable=False,
            comment="What it makes: palette, embedding, classifier, index, …",
        ),
        sa.Column("head", sa.Text(), nullable=True, comment="Head that a classifier predicts"),
        sa.Column(
            "params",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
            comment="Parameters",
        ),
        sa.Column(
            "metrics",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
            comment="Metrics with their split and baseline",
        ),
        sa.Column(
            "artifact_key",
            sa.Text(),
            nullable=True,
            comment="Key of the artifact in the object store",
        ),
        sa.Column(
            "data_fingerprint",
            sa.Text(),
            nullable=True,
            comment="Hash of the data it was trained on",
        ),
        sa.Column(
            "active",
            sa.Boolean(),
            server_default=sa.text("true"),
            nullable=False,
            comment="Whether jobs may use it",
        ),
        sa.Column(
            "is_default",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="The one that views and searches use",
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="When it was registered",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_models")),
        sa.UniqueConstraint("name", "version", name=op.f("uq_models_name_version")),
        comment="Registry of models: every result names the model that gave it",
    )
    op.create_index(
        "ix_models_default",
        "models",
        ["kind", "head"],
        unique=True,
        postgresql_where=sa.text("is_default"),
        postgresql_nulls_not_distinct=True,
    )
    op.create_table(
        "sites",
        sa.Column("name", sa.Text(), nullable=False, comment="Name of the site profile"),
        sa.Column(
            "profile_hash", sa.Text(), nullable=False, comment="sha256 of the profile last used"
        ),
        sa.Column(
            "rendering",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
            comment="What was learned about which pages need a renderer",
        ),
        sa.Column(
            "generation",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Number of the current pass over the site's listings",
        ),
        sa.Column(
            "started_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When the current generation began",
        ),
        sa.Column(
            "completed_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When the current generation was complete; null while it is under way",
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_sites")),
        comment="Sites that have been crawled, one row per profile name",
    )
    op.create_table(
        "terms",
        sa.Column(
            "id", sa.BigInteger(), sa.Identity(always=True), nullable=False, comment="Row number"
        ),
        sa.Column(
            "kind",
            sa.Text(),
            nullable=False,
            comment="category, style, genre, period, nationality, color, subject, …",
        ),
        sa.Column("name", sa.Text(), nullable=False, comment="The term"),
        sa.CheckConstraint(
            "kind IN ('category', 'style', 'genre', 'period', 'nationality', 'color', 'subject', 'medium', 'tag')",
            name=op.f("ck_terms_kind"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_terms")),
        sa.UniqueConstraint("kind", "name", name=op.f("uq_terms_kind_name")),
        comment="Vocabulary: categories, styles, genres, …",
    )
    op.create_table(
        "analysis_runs",
        sa.Column(
            "id", sa.BigInteger(), sa.Identity(always=True), nullable=False, comment="Row number"
        ),
        sa.Column("job", sa.Text(), nullable=False, comment="Job"),
        sa.Column(
            "model_id", sa.BigInteger(), nullable=False, comment="Model whose results it wrote"
        ),
        sa.Column("engine", sa.Text(), nullable=False, comment="Engine that scheduled it"),
        sa.Column(
            "state", sa.Text(), nullable=False, comment="running, done, failed or interrupted"
        ),
        sa.Column(
            "started_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="Start",
        ),
        sa.Column(
            "finished_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="End; null: under way or killed",
        ),
        sa.Column(
            "processed",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Images done",
        ),
        sa.Column(
            "failed",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Images failed",
        ),
        sa.Column(
            "seconds",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
            comment="Seconds spent in read, decode, compute and write",
        ),
        sa.CheckConstraint(
            "state IN ('running', 'done', 'failed', 'interrupted')",
            name=op.f("ck_analysis_runs_state"),
        ),
        sa.ForeignKeyConstraint(
            ["model_id"],
            ["models.id"],
            name=op.f("fk_analysis_runs_model_id_models"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_analysis_runs")),
        comment="Log of analysis jobs",
    )
    op.create_table(
        "artworks",
        sa.Column(
            "id", sa.BigInteger(), sa.Identity(always=True), nullable=False, comment="Row number"
        ),
        sa.Column("site", sa.Text(), nullable=False, comment="Site profile"),
        sa.Column(
            "source_id", sa.Text(), nullable=False, comment="Identifier of the work on its site"
        ),
        sa.Column("page_url", sa.Text(), nullable=False, comment="Page that describes the work"),
        sa.Column(
            "accession_number",
            sa.Text(),
            nullable=True,
            comment="Inventory number of the institution",
        ),
        sa.Column("title", sa.Text(), nullable=False, comment="Title"),
        sa.Column("date_text", sa.Text(), nullable=True, comment="Date as the site writes it"),
        sa.Column(
            "year_from",
            sa.Integer(),
            nullable=True,
            comment="Earliest year, negative before our era",
        ),
        sa.Column(
            "year_to", sa.Integer(), nullable=True, comment="Latest year, negative before our era"
        ),
        sa.Column("medium", sa.Text(), nullable=True, comment="Material and technique"),
        sa.Column("classification", sa.Text(), nullable=True, comment="Kind of object"),
        sa.Column("culture", sa.Text(), nullable=True, comment="Culture of origin"),
        sa.Column("place", sa.Text(), nullable=True, comment="Place of origin"),
        sa.Column(
            "dimensions_text",
            sa.Text(),
            nullable=True,
            comment="Dimensions as the site writes them",
        ),
        sa.Column(
            "height_cm", sa.Double(), nullable=True, comment="Height of the work in centimetres"
        ),
        sa.Column(
            "width_cm", sa.Double(), nullable=True, comment="Width of the work in centimetres"
        ),
        sa.Column(
            "depth_cm", sa.Double(), nullable=True, comment="Depth of the work in centimetres"
        ),
        sa.Column("description", sa.Text(), nullable=True, comment="Description"),
        sa.Column("credit_line", sa.Text(), nullable=True, comment="Credit line"),
        sa.Column(
            "institution", sa.Text(), nullable=True, comment="Institution that holds the work"
        ),
        sa.Column(
            "rights_text",
            sa.Text(),
            nullable=True,
            comment="Rights statement as the site writes it",
        ),
        sa.Column("license_url", sa.Text(), nullable=True, comment="Address of the licence"),
        sa.Column("iiif_manifest", sa.Text(), nullable=True, comment="IIIF manifest"),
        sa.Column(
            "raw",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
            comment="What each selector of the profile gave",
        ),
        sa.Column(
            "content_hash", sa.Text(), nullable=False, comment="sha256 of the extracted record"
        ),
        sa.Column(
            "run_id", sa.BigInteger(), nullable=True, comment="The run that wrote the row last"
        ),
        sa.Column(
            "first_seen_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="First time stored",
        ),
        sa.Column(
            "last_seen_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="Last time fetched, or listed in a completed generation",
        ),
        sa.Column(
            "gone_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When a completed generation no longer listed it",
        ),
        sa.CheckConstraint("year_from <= year_to", name=op.f("ck_artworks_years")),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["crawl_runs.id"],
            name=op.f("fk_artworks_run_id_crawl_runs"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_artworks")),
        sa.UniqueConstraint("site", "source_id", name=op.f("uq_artworks_site_source_id")),
        comment="Works of art as their sites describe them, one row per site and source_id",
    )
    op.create_index("ix_artworks_years", "artworks", ["year_from", "year_to"], unique=False)
    op.create_table(
        "failures",
        sa.Column(
            "id", sa.BigInteger(), sa.Identity(always=True), nullable=False, comment="Row number"
        ),
        sa.Column(
            "run_id", sa.BigInteger(), nullable=True, comment="The run in which it failed last"
        ),
        sa.Column("site", sa.Text(), nullable=False, comment="Site profile"),
        sa.Column("url", sa.Text(), nullable=False, comment="Address that failed"),
        sa.Column(
            "image_id",
            sa.BigInteger(),
            nullable=True,
            comment="The stored image that failed, if any",
        ),
        sa.Column(
            "stage",
            sa.Text(),
            nullable=False,
            comment="Step that failed: fetch, render, extract, validate, image, store …",
        ),
        sa.Column("reason", sa.Text(), nullable=False, comment="Documented reason code"),
        sa.Column("detail", sa.Text(), nullable=False, comment="What exactly was wrong"),
        sa.Column(
            "retryable", sa.Boolean(), nullable=False, comment="Whether the next run tries again"
        ),
        sa.Column(
            "attempts",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Times that it failed",
        ),
        sa.Column(
            "at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="Last failure",
        ),
        sa.Column(
            "resolved_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When it succeeded after all",
        ),
        sa.CheckConstraint(
            "stage IN ('fetch', 'render', 'extract', 'validate', 'image', 'store', 'analysis')",
            name=op.f("ck_failures_stage"),
        ),
        sa.ForeignKeyConstraint(
            ["image_id"],
            ["images.id"],
            name=op.f("fk_failures_image_id_images"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["crawl_runs.id"],
            name=op.f("fk_failures_run_id_crawl_runs"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_failures")),
        sa.UniqueConstraint("site", "url", "stage", name=op.f("uq_failures_site_url_stage")),
        comment="Every page or image that failed, with its reason",
    )
    op.create_index(
        "ix_failures_unresolved",
        "failures",
        ["site", "reason"],
        unique=False,
        postgresql_where=sa.text("resolved_at IS NULL"),
    )
    op.create_table(
        "image_colors",
        sa.Column("image_id", sa.BigInteger(), nullable=False, comment="The image"),
        sa.Column("model_id", sa.BigInteger(), nullable=False, comment="The palette method"),
        sa.Column("rank", sa.Integer(), nullable=False, comment="1 is the largest share"),
        sa.Column("hex", sa.Text(), nullable=False, comment="sRGB as #rrggbb"),
        sa.Column("lab_l", sa.Double(), nullable=False, comment="Lightness L*, 0 to 100"),
        sa.Column("lab_a", sa.Double(), nullable=False, comment="a*, green to red"),
        sa.Column("lab_b", sa.Double(), nullable=False, comment="b*, blue to yellow"),
        sa.Column("fraction", sa.Double(), nullable=False, comment="Share of the image, 0 to 1"),
        sa.Column("name", sa.Text(), nullable=False, comment="Name of the nearest CSS colour"),
        sa.ForeignKeyConstraint(
            ["image_id"],
            ["images.id"],
            name=op.f("fk_image_colors_image_id_images"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["model_id"],
            ["models.id"],
            name=op.f("fk_image_colors_model_id_models"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("image_id", "model_id", "rank", name=op.f("pk_image_colors")),
        comment="Palettes: the dominant colours of each image, CIE L*a*b* under D65",
    )
    op.create_index(
        "ix_image_colors_lab", "image_colors", ["model_id", "lab_l", "lab_a", "lab_b"], unique=False
    )
    op.create_table(
        "image_results",
        sa.Column("image_id", sa.BigInteger(), nullable=False, comment="The image"),
        sa.Column("model_id", sa.BigInteger(), nullable=False, comment="The model"),
        sa.Column(
            "state", sa.Text(), nullable=False, comment="done, empty (nothing to say) or failed"
        ),
        sa.Column("reason", sa.Text(), nullable=True, comment="Reason code of a failure"),
        sa.Column(
            "attempts",
            sa.Integer(),
            server_default=sa.text("1"),
            nullable=False,
            comment="Times tried",
        ),
        sa.Column(
            "at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="Last attempt",
        ),
        sa.CheckConstraint(
            "state IN ('done', 'empty', 'failed')", name=op.f("ck_image_results_state")
        ),
        sa.ForeignKeyConstraint(
            ["image_id"],
            ["images.id"],
            name=op.f("fk_image_results_image_id_images"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["model_id"],
            ["models.id"],
            name=op.f("fk_image_results_model_id_models"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("image_id", "model_id", name=op.f("pk_image_results")),
        comment="Which model has seen which image: what has no row here is pending",
    )
    op.create_index(
        "ix_image_results_model_id", "image_results", ["model_id", "image_id"], unique=False
    )
    op.create_table(
        "artwork_artists",
        sa.Column("artwork_id", sa.BigInteger(), nullable=False, comment="The work"),
        sa.Column("position", sa.Integer(), nullable=False, comment="Order on the page, from 0"),
        sa.Column("artist_id", sa.BigInteger(), nullable=False, comment="The maker"),
        sa.Column(
            "role", sa.Text(), server_default=sa.text("'artist'"), nullable=False, comment="Role"
        ),
        sa.Column(
            "qualifier", sa.Text(), nullable=True, comment="after, attributed to, workshop of, …"
        ),
        sa.ForeignKeyConstraint(
            ["artist_id"], ["artists.id"], name=op.f("fk_artwork_artists_artist_id_artists")
        ),
        sa.ForeignKeyConstraint(
            ["artwork_id"],
            ["artworks.id"],
            name=op.f("fk_artwork_artists_artwork_id_artworks"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("artwork_id", "position", name=op.f("pk_artwork_artists")),
        comment="Makers of each work",
    )
    op.create_index("ix_artwork_artists_artist_id", "artwork_artists", ["artist_id"], unique=False)
    op.create_table(
        "artwork_terms",
        sa.Column("artwork_id", sa.BigInteger(), nullable=False, comment="The work"),
        sa.Column("term_id", sa.BigInteger(), nullable=False, comment="The term"),
        sa.Column(
            "source",
            sa.Text(),
            nullable=False,
            comment="Who says so: page, artist (inherited), import or person",
        ),
        sa.CheckConstraint(
            "source IN ('page', 'artist', 'import', 'person')", name=op.f("ck_artwork_terms_source")
        ),
        sa.ForeignKeyConstraint(
            ["artwork_id"],
            ["artworks.id"],
            name=op.f("fk_artwork_terms_artwork_id_artworks"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["term_id"],
            ["terms.id"],
            name=op.f("fk_artwork_terms_term_id_terms"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("artwork_id", "term_id", name=op.f("pk_artwork_terms")),
        comment="Terms of each work",
    )
    op.create_index("ix_artwork_terms_term_id", "artwork_terms", ["term_id"], unique=False)
    op.create_table(
        "artwork_versions",
        sa.Column(
            "id", sa.BigInteger(), sa.Identity(always=True), nullable=False, comment="Row number"
        ),
        sa.Column("artwork_id", sa.BigInteger(), nullable=False, comment="The work"),
        sa.Column(
            "content_hash", sa.Text(), nullable=False, comment="content_hash of the new state"
        ),
        sa.Column(
            "changed",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
            comment='Changed fields as {"field": [old, new]}',
        ),
        sa.Column(
            "seen_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="When the change was seen",
        ),
        sa.ForeignKeyConstraint(
            ["artwork_id"],
            ["artworks.id"],
            name=op.f("fk_artwork_versions_artwork_id_artworks"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_artwork_versions")),
        sa.UniqueConstraint(
            "artwork_id",
            "content_hash",
            "seen_at",
            name=op.f("uq_artwork_versions_artwork_id_content_hash_seen_at"),
        ),
        comment="Former states of works whose page changed",
    )
    op.create_table(
        "frontier",
        sa.Column(
            "id", sa.BigInteger(), sa.Identity(always=True), nullable=False, comment="Row number"
        ),
        sa.Column("site", sa.Text(), nullable=False, comment="Site profile"),
        sa.Column("url", sa.Text(), nullable=False, comment="Address to fetch"),
        sa.Column(
            "fingerprint",
            sa.Text(),
            nullable=False,
            comment="Hash of the canonical address, computed before rendering",
        ),
        sa.Column(
            "host",
            sa.Text(),
            nullable=False,
            comment="Host name of the address: the unit of politeness",
        ),
        sa.Column("kind", sa.Text(), nullable=False, comment="listing, artist, artwork or image"),
        sa.Column(
            "state",
            sa.Text(),
            server_default=sa.text("'pending'"),
            nullable=False,
            comment="pending, leased, done, failed or skipped (forbidden by robots.txt or a setting)",
        ),
        sa.Column(
            "priority",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Higher is fetched sooner",
        ),
        sa.Column(
            "depth",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Links followed from a start page",
        ),
        sa.Column(
            "attempts",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Answered failures so far; a lost lease is none",
        ),
        sa.Column(
            "lease_owner",
            sa.BigInteger(),
            nullable=True,
            comment="crawl_runs.id of the worker that holds the lease",
        ),
        sa.Column(
            "lease_until",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When the lease ends at the latest",
        ),
        sa.Column(
            "not_before",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="Not fetched before this time",
        ),
        sa.Column(
            "generation",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Last generation in which a listing led here",
        ),
        sa.Column("http_status", sa.Integer(), nullable=True, comment="Status of the last answer"),
        sa.Column("etag", sa.Text(), nullable=True, comment="ETag of the last answer"),
        sa.Column(
            "last_modified", sa.Text(), nullable=True, comment="Last-Modified of the last answer"
        ),
        sa.Column(
            "discovered_from",
            sa.BigInteger(),
            nullable=True,
            comment="The page on which this address was first found",
        ),
        sa.Column(
            "artwork_id", sa.BigInteger(), nullable=True, comment="The artwork that this page gave"
        ),
        sa.Column(
            "image_id", sa.BigInteger(), nullable=True, comment="The image that this address gave"
        ),
        sa.Column(
            "meta",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
            comment="Rendering asked for, children of a listing, …",
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="When the address was first found",
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="Last change of state",
        ),
        sa.CheckConstraint(
            "kind IN ('listing', 'artist', 'artwork', 'image')", name=op.f("ck_frontier_kind")
        ),
        sa.CheckConstraint(
            "state IN ('pending', 'leased', 'done', 'failed', 'skipped')",
            name=op.f("ck_frontier_state"),
        ),
        sa.ForeignKeyConstraint(
            ["artwork_id"],
            ["artworks.id"],
            name=op.f("fk_frontier_artwork_id_artworks"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["discovered_from"],
            ["frontier.id"],
            name=op.f("fk_frontier_discovered_from_frontier"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["image_id"],
            ["images.id"],
            name=op.f("fk_frontier_image_id_images"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_frontier")),
        sa.UniqueConstraint("site", "fingerprint", name=op.f("uq_frontier_site_fingerprint")),
        comment="Every page and image known to the crawler: nothing is fetched without a row",
    )
    op.create_index("ix_frontier_artwork_id", "frontier", ["artwork_id"], unique=False)
    op.create_index(
        "ix_frontier_due",
        "frontier",
        ["site", "host", sa.literal_column("priority DESC"), "id"],
        unique=False,
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index(
        "ix_frontier_leased",
        "frontier",
        ["lease_owner"],
        unique=False,
        postgresql_where=sa.text("state = 'leased'"),
    )
    op.create_index(
        "ix_frontier_site_kind_generation", "frontier", ["site", "kind", "generation"], unique=False
    )
    op.create_table(
        "frontier_categories",
        sa.Column("frontier_id", sa.BigInteger(), nullable=False, comment="The page"),
        sa.Column("category", sa.Text(), nullable=False, comment="Name of the category"),
        sa.ForeignKeyConstraint(
            ["frontier_id"],
            ["frontier.id"],
            name=op.f("fk_frontier_categories_frontier_id_frontier"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("frontier_id", "category", name=op.f("pk_frontier_categories")),
        comment="Categories of the listings that lead to a page",
    )
    op.create_table(
        "image_sources",
        sa.Column(
            "id", sa.BigInteger(), sa.Identity(always=True), nullable=False, comment="Row number"
        ),
        sa.Column(
            "artwork_id", sa.BigInteger(), nullable=False, comment="The work that the image shows"
        ),
        sa.Column("position", sa.Integer(), nullable=False, comment="Order on the page, from 0"),
        sa.Column("url", sa.Text(), nullable=False, comment="Address of the image"),
        sa.Column(
            "frontier_id", sa.BigInteger(), nullable=True, comment="Frontier row of the address"
        ),
        sa.Column(
            "image_id",
            sa.BigInteger(),
            nullable=True,
            comment="The stored image; null: not fetched yet, or failed (see failures)",
        ),
        sa.Column("caption", sa.Text(), nullable=True, comment="Caption"),
        sa.Column(
            "rights_text", sa.Text(), nullable=True, comment="Rights statement of this image"
        ),
        sa.Column("license_url", sa.Text(), nullable=True, comment="Licence of this image"),
        sa.Column("iiif_service", sa.Text(), nullable=True, comment="IIIF image service"),
        sa.Column(
            "content_type", sa.Text(), nullable=True, comment="Content-Type that the server claimed"
        ),
        sa.Column(
            "fetched_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When the bytes were fetched",
        ),
        sa.ForeignKeyConstraint(
            ["artwork_id"],
            ["artworks.id"],
            name=op.f("fk_image_sources_artwork_id_artworks"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["frontier_id"],
            ["frontier.id"],
            name=op.f("fk_image_sources_frontier_id_frontier"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["image_id"],
            ["images.id"],
            name=op.f("fk_image_sources_image_id_images"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_image_sources")),
        sa.UniqueConstraint("artwork_id", "url", name=op.f("uq_image_sources_artwork_id_url")),
        comment="Image addresses of each work, and the stored image each gave",
    )
    op.create_index("ix_image_sources_frontier_id", "image_sources", ["frontier_id"], unique=False)
    op.create_index("ix_image_sources_image_id", "image_sources", ["image_id"], unique=False)
    for name, (definition, comment) in VIEWS.items():
        op.execute(definition)
        op.execute(f"COMMENT ON VIEW {name} IS '{comment}'")


def downgrade() -> None:
    for name in VIEWS:
        op.execute(f"DROP VIEW {name}")
    op.drop_index("ix_image_sources_image_id", table_name="image_sources")
    op.drop_index("ix_image_sources_frontier_id", table_name="image_sources")
    op.drop_table("image_sources")
    op.drop_table("frontier_categories")
    op.drop_index("ix_frontier_site_kind_generation", table_name="frontier")
    op.drop_index(
        "ix_frontier_leased", table_name="frontier", postgresql_where=sa.text("state = 'leased'")
    )
    op.drop_index(
        "ix_frontier_due", table_name="frontier", postgresql_where=sa.text("state = 'pending'")
    )
    op.drop_index("ix_frontier_artwork_id", table_name="frontier")
    op.drop_table("frontier")
    op.drop_table("artwork_versions")
    op.drop_index("ix_artwork_terms_term_id", table_name="artwork_terms")
    op.drop_table("artwork_terms")
    op.drop_index("ix_artwork_artists_artist_id", table_name="artwork_artists")
    op.drop_table("artwork_artists")
    op.drop_index("ix_image_results_model_id", table_name="image_results")
    op.drop_table("image_results")
    op.drop_index("ix_image_colors_lab", table_name="image_colors")
    op.drop_table("image_colors")
    op.drop_index(
        "ix_failures_unresolved",
        table_name="failures",
        postgresql_where=sa.text("resolved_at IS NULL"),
    )
    op.drop_table("failures")
    op.drop_index("ix_artworks_years", table_name="artworks")
    op.drop_table("artworks")
    op.drop_table("analysis_runs")
    op.drop_table("terms")
    op.drop_table("sites")
    op.drop_index(
        "ix_models_default",
        table_name="models",
        postgresql_where=sa.text("is_default"),
        postgresql_nulls_not_distinct=True,
    )
    op.drop_table("models")
    op.drop_index("ix_images_phash", table_name="images")
    op.drop_table("images")
    op.drop_table("hosts")
    op.drop_table("crawl_runs")
    op.drop_table("artists")
