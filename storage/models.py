"""The tables, as SQLAlchemy 2 models; table and column comments go into PostgreSQL."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pgvector.sqlalchemy import HALFVEC
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Computed,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

FRONTIER_KINDS = ("listing", "artist", "artwork", "image")
FRONTIER_STATES = ("pending", "leased", "done", "failed", "skipped")
FAILURE_STAGES = ("fetch", "render", "extract", "validate", "image", "store", "analysis")
TERM_KINDS = (
    "category",
    "style",
    "genre",
    "period",
    "nationality",
    "color",
    "subject",
    "medium",
    "tag",
)
DUPLICATE_KINDS = ("exact", "near")
FORGOTTEN_KINDS = ("site", "artist", "artwork", "image")
TERM_SOURCES = ("page", "artist", "import", "person")
VERDICTS = ("yes", "no")
RESULT_STATES = ("done", "empty", "failed")
RUN_STATES = ("running", "done", "failed", "interrupted")
SCHEDULE_STATES = ("running", "done", "retryable", "failed", "interrupted", "skipped")

NOW = text("now()")
ZERO = text("0")
EMPTY_OBJECT = text("'{}'::jsonb")


class Base(DeclarativeBase):
    """Base of all tables; one naming convention lets migrations find the constraints."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it from the class
        str: Text,
        int: Integer,
        float: Double,
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB,
    }


def _one_of(column: str, values: tuple[str, ...]) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


def _id(comment: str) -> Mapped[int]:
    return mapped_column(BigInteger, Identity(always=True), primary_key=True, comment=comment)


def _to(target: str, comment: str, *, cascade: bool = True) -> Mapped[int]:
    return mapped_column(
        BigInteger, ForeignKey(target, ondelete="CASCADE" if cascade else None), comment=comment
    )


def _to_or_null(target: str, comment: str) -> Mapped[int | None]:
    return mapped_column(BigInteger, ForeignKey(target, ondelete="SET NULL"), comment=comment)


def _text(comment: str) -> Mapped[str]:
    return mapped_column(Text, comment=comment)


def _text_or_null(comment: str) -> Mapped[str | None]:
    return mapped_column(Text, comment=comment)


def _words_or_null(comment: str) -> Mapped[list[str] | None]:
    return mapped_column(ARRAY(Text), comment=comment)


def _int_or_null(comment: str) -> Mapped[int | None]:
    return mapped_column(Integer, comment=comment)


def _float_or_null(comment: str) -> Mapped[float | None]:
    return mapped_column(Double, comment=comment)


def _counter(comment: str) -> Mapped[int]:
    return mapped_column(Integer, server_default=ZERO, comment=comment)


def _now(comment: str) -> Mapped[datetime]:
    return mapped_column(DateTime(timezone=True), server_default=NOW, comment=comment)


def _time_or_null(comment: str) -> Mapped[datetime | None]:
    return mapped_column(DateTime(timezone=True), comment=comment)


def _json(comment: str) -> Mapped[dict[str, Any]]:
    return mapped_column(JSONB, server_default=EMPTY_OBJECT, comment=comment)


class Site(Base):
    """A site that has been crawled."""

    __tablename__ = "sites"
    __table_args__ = ({"comment": "Sites that have been crawled, one row per profile name"},)

    name: Mapped[str] = mapped_column(Text, primary_key=True, comment="Name of the site profile")
    profile_hash: Mapped[str] = _text("sha256 of the profile last used")
    rendering: Mapped[dict[str, Any]] = _json("What was learned about which pages need a renderer")
    generation: Mapped[int] = _counter("Number of the current pass over the site's listings")
    started_at: Mapped[datetime | None] = _time_or_null("When the current generation began")
    completed_at: Mapped[datetime | None] = _time_or_null(
        "When the current generation was complete; null while it is under way"
    )


class CrawlRun(Base):
    """One process crawling one site."""

    __tablename__ = "crawl_runs"
    __table_args__ = ({"comment": "Log of crawls: one row per process that crawled a site"},)

    id: Mapped[int] = _id("Run number; also names the worker that holds leases")
    site: Mapped[str] = _text("Site profile")
    started_at: Mapped[datetime] = _now("Start of the run")
    finished_at: Mapped[datetime | None] = _time_or_null(
        "End of the run; null: under way or killed"
    )
    finish_reason: Mapped[str | None] = _text_or_null(
        "Why it ended: finished, limit, shutdown, standby, database_unavailable, …"
    )
    settings: Mapped[dict[str, Any]] = _json("Arguments and settings of the run, without secrets")
    stats: Mapped[dict[str, Any]] = _json("Scrapy's stats at the end of the run")


class FrontierRow(Base):
    """A page or image that is known, with what became of it."""

    __tablename__ = "frontier"
    __table_args__ = (
        _one_of("kind", FRONTIER_KINDS),
        _one_of("state", FRONTIER_STATES),
        UniqueConstraint("site", "fingerprint"),
        Index(
            "ix_frontier_due",
            "site",
            "host",
            text("priority DESC"),
            "id",
            postgresql_where=text("state = 'pending'"),
        ),
        Index("ix_frontier_leased", "lease_owner", postgresql_where=text("state = 'leased'")),
        Index("ix_frontier_site_kind_generation", "site", "kind", "generation"),
        Index("ix_frontier_artwork_id", "artwork_id"),
        Index("ix_frontier_image_id", "image_id", postgresql_where=text("image_id IS NOT NULL")),
        {"comment": "Every page and image known to the crawler: nothing is fetched without a row"},
    )

    id: Mapped[int] = _id("Row number")
    site: Mapped[str] = _text("Site profile")
    url: Mapped[str] = _text("Address to fetch")
    fingerprint: Mapped[str] = _text("Hash of the canonical address, computed before rendering")
    host: Mapped[str] = _text("Host name of the address: the unit of politeness")
    kind: Mapped[str] = _text("listing, artist, artwork or image")
    state: Mapped[str] = mapped_column(
        Text,
        server_default=text("'pending'"),
        comment="pending, leased, done, failed or skipped (forbidden by robots.txt or a setting)",
    )
    priority: Mapped[int] = _counter("Higher is fetched sooner")
    depth: Mapped[int] = _counter("Links followed from a start page")
    attempts: Mapped[int] = _counter("Answered failures so far; a lost lease is none")
    lease_owner: Mapped[int | None] = mapped_column(
        BigInteger, comment="crawl_runs.id of the worker that holds the lease"
    )
    lease_until: Mapped[datetime | None] = _time_or_null("When the lease ends at the latest")
    not_before: Mapped[datetime | None] = _time_or_null("Not fetched before this time")
    generation: Mapped[int] = _counter("Last generation in which a listing led here")
    http_status: Mapped[int | None] = _int_or_null("Status of the last answer")
    etag: Mapped[str | None] = _text_or_null("ETag of the last answer")
    last_modified: Mapped[str | None] = _text_or_null("Last-Modified of the last answer")
    discovered_from: Mapped[int | None] = _to_or_null(
        "frontier.id", "The page on which this address was first found"
    )
    artwork_id: Mapped[int | None] = _to_or_null("artworks.id", "The artwork that this page gave")
    image_id: Mapped[int | None] = _to_or_null("images.id", "The image that this address gave")
    meta: Mapped[dict[str, Any]] = _json("Rendering asked for, children of a listing, …")
    created_at: Mapped[datetime] = _now("When the address was first found")
    updated_at: Mapped[datetime] = _now("Last change of state")


class FrontierCategory(Base):
    """Categories under which a page was found."""

    __tablename__ = "frontier_categories"
    __table_args__ = ({"comment": "Categories of the listings that lead to a page"},)

    frontier_id: Mapped[int] = mapped_column(
        BigInteger,
        ForeignKey("frontier.id", ondelete="CASCADE"),
        primary_key=True,
        comment="The page",
    )
    category: Mapped[str] = mapped_column(Text, primary_key=True, comment="Name of the category")


class Host(Base):
    """What is known about a host's wishes."""

    __tablename__ = "hosts"
    __table_args__ = ({"comment": "Politeness per host, kept across processes and restarts"},)

    host: Mapped[str] = mapped_column(Text, primary_key=True, comment="Host name")
    crawl_delay: Mapped[float | None] = _float_or_null("Crawl-delay of its robots.txt, in seconds")
    not_before: Mapped[datetime | None] = _time_or_null("No request before this time")
    not_before_reason: Mapped[str | None] = _text_or_null(
        "Why: the status and the Retry-After that asked for it"
    )
    tdm: Mapped[list[Any] | None] = mapped_column(
        JSONB, comment="Rules of its /.well-known/tdmrep.json when last read; null: it has none"
    )


class Failure(Base):
    """Why something is missing."""

    __tablename__ = "failures"
    __table_args__ = (
        _one_of("stage", FAILURE_STAGES),
        UniqueConstraint("site", "url", "stage"),
        Index(
            "ix_failures_unresolved", "site", "reason", postgresql_where=text("resolved_at IS NULL")
        ),
        Index("ix_failures_image_id", "image_id", postgresql_where=text("image_id IS NOT NULL")),
        {"comment": "Every page or image that failed, with its reason"},
    )

    id: Mapped[int] = _id("Row number")
    run_id: Mapped[int | None] = _to_or_null("crawl_runs.id", "The run in which it failed last")
    site: Mapped[str] = _text("Site profile")
    url: Mapped[str] = _text("Address that failed")
    image_id: Mapped[int | None] = _to_or_null("images.id", "The stored image that failed, if any")
    stage: Mapped[str] = _text("Step that failed: fetch, render, extract, validate, image, store …")
    reason: Mapped[str] = _text("Documented reason code")
    detail: Mapped[str] = _text("What exactly was wrong")
    retryable: Mapped[bool] = mapped_column(Boolean, comment="Whether the next run tries again")
    attempts: Mapped[int] = _counter("Times that it failed")
    at: Mapped[datetime] = _now("Last failure")
    resolved_at: Mapped[datetime | None] = _time_or_null("When it succeeded after all")


class Artist(Base):
    """A maker."""

    __tablename__ = "artists"
    __table_args__ = (
        # Namesakes are told apart by their year of birth; unknown years are one more value.
        UniqueConstraint("name_key", "birth_year", postgresql_nulls_not_distinct=True),
        {"comment": "Makers, told apart by normalised name and year of birth"},
    )

    id: Mapped[int] = _id("Row number")
    name: Mapped[str] = _text("Name as the site writes it")
    name_key: Mapped[str] = _text("Normalised name: case, accents, order and punctuation removed")
    nationality: Mapped[str | None] = _text_or_null("Nationality")
    birth_year: Mapped[int | None] = _int_or_null("Year of birth")
    death_year: Mapped[int | None] = _int_or_null("Year of death")
    ulan_id: Mapped[str | None] = _text_or_null("Identifier in the Union List of Artist Names")
    wikidata_id: Mapped[str | None] = _text_or_null("Wikidata item")
    page_url: Mapped[str | None] = _text_or_null("Page about the artist")
    has_page: Mapped[bool] = mapped_column(
        Boolean,
        server_default=text("false"),
        comment="Whether such a page was read: the artist then stays, even without works",
    )


class Artwork(Base):
    """A work of art as its site describes it."""

    __tablename__ = "artworks"
    __table_args__ = (
        UniqueConstraint("site", "source_id"),
        CheckConstraint("year_from <= year_to", name="years"),
        Index("ix_artworks_years", "year_from", "year_to"),
        {"comment": "Works of art as their sites describe them, one row per site and source_id"},
    )

    id: Mapped[int] = _id("Row number")
    site: Mapped[str] = _text("Site profile")
    source_id: Mapped[str] = _text("Identifier of the work on its site")
    page_url: Mapped[str] = _text("Page that describes the work")
    accession_number: Mapped[str | None] = _text_or_null("Inventory number of the institution")
    title: Mapped[str] = _text("Title")
    date_text: Mapped[str | None] = _text_or_null("Date as the site writes it")
    year_from: Mapped[int | None] = _int_or_null("Earliest year, negative before our era")
    year_to: Mapped[int | None] = _int_or_null("Latest year, negative before our era")
    medium: Mapped[str | None] = _text_or_null("Material and technique")
    classification: Mapped[str | None] = _text_or_null("Kind of object")
    culture: Mapped[str | None] = _text_or_null("Culture of origin")
    place: Mapped[str | None] = _text_or_null("Place of origin")
    dimensions_text: Mapped[str | None] = _text_or_null("Dimensions as the site writes them")
    height_cm: Mapped[float | None] = _float_or_null("Height of the work in centimetres")
    width_cm: Mapped[float | None] = _float_or_null("Width of the work in centimetres")
    depth_cm: Mapped[float | None] = _float_or_null("Depth of the work in centimetres")
    description: Mapped[str | None] = _text_or_null("Description")
    credit_line: Mapped[str | None] = _text_or_null("Credit line")
    institution: Mapped[str | None] = _text_or_null("Institution that holds the work")
    rights_text: Mapped[str | None] = _text_or_null("Rights statement as the site writes it")
    license_url: Mapped[str | None] = _text_or_null("Address of the licence, in one spelling")
    license: Mapped[str | None] = _text_or_null(
        "Short name of a licence or rights statement that is known, e.g. CC-BY-SA-4.0, CC0-1.0"
    )
    opt_out: Mapped[list[str] | None] = _words_or_null(
        "What the page reserves, e.g. noai, noimageai, tdm-reservation; null: nothing"
    )
    iiif_manifest: Mapped[str | None] = _text_or_null("IIIF manifest")
    raw: Mapped[dict[str, Any]] = _json("What each selector of the profile gave")
    content_hash: Mapped[str] = _text("sha256 of the extracted record")
    run_id: Mapped[int | None] = _to_or_null("crawl_runs.id", "The run that wrote the row last")
    first_seen_at: Mapped[datetime] = _now("First time stored")
    last_seen_at: Mapped[datetime] = _now("Last time fetched, or listed in a completed generation")
    gone_at: Mapped[datetime | None] = _time_or_null(
        "When a completed generation no longer listed it"
    )


class ArtworkArtist(Base):
    """Who made a work, in which role."""

    __tablename__ = "artwork_artists"
    __table_args__ = (
        Index("ix_artwork_artists_artist_id", "artist_id"),
        {"comment": "Makers of each work"},
    )

    artwork_id: Mapped[int] = mapped_column(
        BigInteger,
        ForeignKey("artworks.id", ondelete="CASCADE"),
        primary_key=True,
        comment="The work",
    )
    position: Mapped[int] = mapped_column(primary_key=True, comment="Order on the page, from 0")
    artist_id: Mapped[int] = _to("artists.id", "The maker", cascade=False)
    role: Mapped[str] = mapped_column(Text, server_default=text("'artist'"), comment="Role")
    qualifier: Mapped[str | None] = _text_or_null("after, attributed to, workshop of, …")
    said: Mapped[dict[str, Any] | None] = mapped_column(
        JSONB,
        comment="The maker as the page of the work names it; null: only the page of the artist "
        "does",
    )


class ArtworkVersion(Base):
    """What changed on a work's page."""

    __tablename__ = "artwork_versions"
    __table_args__ = (
        UniqueConstraint("artwork_id", "content_hash", "seen_at"),
        {"comment": "Former states of works whose page changed"},
    )

    id: Mapped[int] = _id("Row number")
    artwork_id: Mapped[int] = _to("artworks.id", "The work")
    content_hash: Mapped[str] = _text("content_hash of the new state")
    changed: Mapped[dict[str, Any]] = _json('Changed fields as {"field": [old, new]}')
    seen_at: Mapped[datetime] = _now("When the change was seen")


class Term(Base):
    """A word that describes works."""

    __tablename__ = "terms"
    __table_args__ = (
        _one_of("kind", TERM_KINDS),
        UniqueConstraint("kind", "name"),
        {"comment": "Vocabulary: categories, styles, genres, …"},
    )

    id: Mapped[int] = _id("Row number")
    kind: Mapped[str] = _text("category, style, genre, period, nationality, color, subject, …")
    name: Mapped[str] = _text("The term")


class ArtworkTerm(Base):
    """A term said of a work."""

    __tablename__ = "artwork_terms"
    __table_args__ = (
        _one_of("source", TERM_SOURCES),
        Index("ix_artwork_terms_term_id", "term_id"),
        {"comment": "Terms of each work"},
    )

    artwork_id: Mapped[int] = mapped_column(
        BigInteger,
        ForeignKey("artworks.id", ondelete="CASCADE"),
        primary_key=True,
        comment="The work",
    )
    term_id: Mapped[int] = mapped_column(
        BigInteger,
        ForeignKey("terms.id", ondelete="CASCADE"),
        primary_key=True,
        comment="The term",
    )
    source: Mapped[str] = _text("Who says so: page, artist (inherited), import or person")


class Image(Base):
    """Image bytes that are stored."""

    __tablename__ = "images"
    __table_args__ = (
        Index("ix_images_phash", "phash"),
        {"comment": "Stored images, one row per distinct content"},
    )

    id: Mapped[int] = _id("Row number")
    sha256: Mapped[str] = mapped_column(Text, unique=True, comment="sha256 of the bytes")
    object_key: Mapped[str] = _text("Key of the original bytes in the object store")
    preview_key: Mapped[str] = _text("Key of the preview (longer side ≤ 512 px)")
    format: Mapped[str] = _text("jpeg, png, webp, avif, gif or tiff, found out from the bytes")
    width: Mapped[int] = mapped_column(comment="Width in pixels, after EXIF orientation")
    height: Mapped[int] = mapped_column(comment="Height in pixels, after EXIF orientation")
    bytes: Mapped[int] = mapped_column(BigInteger, comment="Size of the original in bytes")
    phash: Mapped[int] = mapped_column(
        BigInteger, comment="64-bit perceptual hash (DCT), as a signed integer"
    )
    placeholder: Mapped[bool] = mapped_column(
        Boolean,
        server_default=text("false"),
        comment="Whether it stands in for pictures that a site does not show: the same bytes at "
        "many addresses, for different works",
    )
    stored_at: Mapped[datetime] = _now("When the image was stored")


class ImageSource(Base):
    """Where an image comes from and which work it shows."""

    __tablename__ = "image_sources"
    __table_args__ = (
        UniqueConstraint("artwork_id", "url"),
        Index("ix_image_sources_frontier_id", "frontier_id"),
        Index("ix_image_sources_image_id", "image_id"),
        {"comment": "Image addresses of each work, and the stored image each gave"},
    )

    id: Mapped[int] = _id("Row number")
    artwork_id: Mapped[int] = _to("artworks.id", "The work that the image shows")
    position: Mapped[int] = mapped_column(comment="Order on the page, from 0")
    url: Mapped[str] = _text("Address of the image")
    frontier_id: Mapped[int | None] = _to_or_null("frontier.id", "Frontier row of the address")
    image_id: Mapped[int | None] = _to_or_null(
        "images.id", "The stored image; null: not fetched yet, or failed (see failures)"
    )
    caption: Mapped[str | None] = _text_or_null("Caption")
    rights_text: Mapped[str | None] = _text_or_null("Rights statement of this image")
    license_url: Mapped[str | None] = _text_or_null("Licence of this image, in one spelling")
    license: Mapped[str | None] = _text_or_null("Short name of that licence, where it is known")
    opt_out: Mapped[list[str] | None] = _words_or_null(
        "What the answer with the image reserves; null: nothing"
    )
    iiif_service: Mapped[str | None] = _text_or_null("IIIF image service")
    fetched_url: Mapped[str | None] = _text_or_null(
        "Address that the bytes came from, where it is not url: a smaller size or another copy"
    )
    content_type: Mapped[str | None] = _text_or_null("Content-Type that the server claimed")
    fetched_at: Mapped[datetime | None] = _time_or_null("When the bytes were fetched")
    gone_at: Mapped[datetime | None] = _time_or_null(
        "When the work's page no longer showed this image"
    )


class Model(Base):
    """A versioned method or trained model whose results are stored."""

    __tablename__ = "models"
    __table_args__ = (
        UniqueConstraint("name", "version"),
        Index(
            "ix_models_default",
            "kind",
            "head",
            unique=True,
            postgresql_where=text("is_default"),
            postgresql_nulls_not_distinct=True,
        ),
        {"comment": "Registry of models: every result names the model that gave it"},
    )

    id: Mapped[int] = _id("Row number")
    name: Mapped[str] = _text("Name")
    version: Mapped[str] = _text("Version")
    kind: Mapped[str] = _text("What it makes: palette, embedding, classifier, index, …")
    head: Mapped[str | None] = _text_or_null("Head that a classifier predicts")
    params: Mapped[dict[str, Any]] = _json("Parameters")
    metrics: Mapped[dict[str, Any]] = _json("Metrics with their split and baseline")
    artifact_key: Mapped[str | None] = _text_or_null("Key of the artifact in the object store")
    data_fingerprint: Mapped[str | None] = _text_or_null("Hash of the data it was trained on")
    active: Mapped[bool] = mapped_column(
        Boolean, server_default=text("true"), comment="Whether jobs may use it"
    )
    is_default: Mapped[bool] = mapped_column(
        Boolean, server_default=text("false"), comment="The one that views and searches use"
    )
    created_at: Mapped[datetime] = _now("When it was registered")


class AnalysisRun(Base):
    """One run of one job."""

    __tablename__ = "analysis_runs"
    __table_args__ = (
        _one_of("state", RUN_STATES),
        {"comment": "Log of analysis jobs"},
    )

    id: Mapped[int] = _id("Row number")
    job: Mapped[str] = _text("Job")
    model_id: Mapped[int] = _to("models.id", "Model whose results it wrote")
    engine: Mapped[str] = _text("Engine that scheduled it")
    state: Mapped[str] = _text("running, done, failed or interrupted")
    started_at: Mapped[datetime] = _now("Start")
    finished_at: Mapped[datetime | None] = _time_or_null("End; null: under way or killed")
    processed: Mapped[int] = _counter("Images done")
    failed: Mapped[int] = _counter("Images failed")
    seconds: Mapped[dict[str, Any]] = _json("Seconds spent in read, decode, compute and write")


class ImageResult(Base):
    """That a model has seen an image."""

    __tablename__ = "image_results"
    __table_args__ = (
        _one_of("state", RESULT_STATES),
        Index("ix_image_results_model_id", "model_id", "image_id"),
        {"comment": "Which model has seen which image: what has no row here is pending"},
    )

    image_id: Mapped[int] = mapped_column(
        BigInteger,
        ForeignKey("images.id", ondelete="CASCADE"),
        primary_key=True,
        comment="The image",
    )
    model_id: Mapped[int] = mapped_column(
        BigInteger,
        ForeignKey("models.id", ondelete="CASCADE"),
        primary_key=True,
        comment="The model",
    )
    state: Mapped[str] = _text("done, empty (nothing to say) or failed")
    reason: Mapped[str | None] = _text_or_null("Reason code of a failure")
    attempts: Mapped[int] = mapped_column(server_default=text("1"), comment="Times tried")
    at: Mapped[datetime] = _now("Last attempt")


class ImageColor(Base):
    """One colour of an image's palette."""

    __tablename__ = "image_colors"
    __table_args__ = (
        Index(
            "ix_image_colors_cell",
            "model_id",
            "cell",
            "lab_l",
            postgresql_include=["image_id", "fraction"],
        ),
        {"comment": "Palettes: the dominant colours of each image, CIE L*a*b* under D65"},
    )

    image_id: Mapped[int] = mapped_column(
        BigInteger,
        ForeignKey("images.id", ondelete="CASCADE"),
        primary_key=True,
        comment="The image",
    )
    model_id: Mapped[int] = mapped_column(
        BigInteger,
        ForeignKey("models.id", ondelete="CASCADE"),
        primary_key=True,
        comment="The palette method",
    )
    rank: Mapped[int] = mapped_column(primary_key=True, comment="1 is the largest share")
    hex: Mapped[str] = _text("sRGB as #rrggbb")
    lab_l: Mapped[float] = mapped_column(comment="Lightness L*, 0 to 100")
    lab_a: Mapped[float] = mapped_column(comment="a*, green to red")
    lab_b: Mapped[float] = mapped_column(comment="b*, blue to yellow")
    fraction: Mapped[float] = mapped_column(comment="Share of the image, 0 to 1")
    name: Mapped[str] = _text("Name of the nearest CSS colour")
    cell: Mapped[int] = mapped_column(
        SmallInteger,
        Computed("color_cell(lab_a, lab_b)", persisted=True),
        comment="Cell of the plane of a* and b*: color_cell(lab_a, lab_b), for searches by colour",
    )


class ImageFeatures(Base):
    """Numbers that were measured in an image."""

    __tablename__ = "image_features"
    __table_args__ = (
        {"comment": "What was measured in each image: statistics of its colour channels"},
    )

    image_id: Mapped[int] = mapped_column(
        BigInteger,
        ForeignKey("images.id", ondelete="CASCADE"),
        primary_key=True,
        comment="The image",
    )
    model_id: Mapped[int] = mapped_column(
        BigInteger,
        ForeignKey("models.id", ondelete="CASCADE"),
        primary_key=True,
        comment="The set of features",
    )
    values: Mapped[list[float]] = mapped_column(
        ARRAY(Double), comment="The numbers, in the order of the model's params->'names'"
    )


class ImageLabel(Base):
    """A label that a model gives to an image."""

    __tablename__ = "image_labels"
    __table_args__ = (
        Index("ix_image_labels_model_id_head_label", "model_id", "head", "label"),
        {"comment": "What models recognise in images"},
    )

    image_id: Mapped[int] = mapped_column(
        BigInteger,
        ForeignKey("images.id", ondelete="CASCADE"),
        primary_key=True,
        comment="The image",
    )
    model_id: Mapped[int] = mapped_column(
        BigInteger,
        ForeignKey("models.id", ondelete="CASCADE"),
        primary_key=True,
        comment="The model that says so",
    )
    head: Mapped[str] = mapped_column(
        Text, primary_key=True, comment="What is told: color, style, …"
    )
    label: Mapped[str] = mapped_column(Text, primary_key=True, comment="The label")
    score: Mapped[float] = mapped_column(comment="How sure the model is, 0 to 1")
    accepted: Mapped[bool] = mapped_column(
        Boolean, comment="Whether the label counts: the likeliest, or above the model's threshold"
    )


class ImageEmbedding(Base):
    """An image as a vector."""

    __tablename__ = "image_embeddings"
    __table_args__ = (
        Index("ix_image_embeddings_model_id", "model_id", "image_id"),
        {
            "comment": "Images as vectors of length 1: what is alike is near. One HNSW index for "
            "each model, made when its images are embedded"
        },
    )

    image_id: Mapped[int] = mapped_column(
        BigInteger,
        ForeignKey("images.id", ondelete="CASCADE"),
        primary_key=True,
        comment="The image",
    )
    model_id: Mapped[int] = mapped_column(
        BigInteger,
        ForeignKey("models.id", ondelete="CASCADE"),
        primary_key=True,
        comment="The network, its layer and its weights",
    )
    embedding: Mapped[Any] = mapped_column(
        HALFVEC, comment="The vector; the model's params->'dimensions' says how long it is"
    )


class Cluster(Base):
    """A group of images that belong together."""

    __tablename__ = "clusters"
    __table_args__ = ({"comment": "Groups of images that belong together"},)

    model_id: Mapped[int] = mapped_column(
        BigInteger,
        ForeignKey("models.id", ondelete="CASCADE"),
        primary_key=True,
        comment="The clustering",
    )
    cluster: Mapped[int] = mapped_column(
        primary_key=True, autoincrement=False, comment="Number of the group, from 1, largest first"
    )
    size: Mapped[int] = mapped_column(comment="Images that belong to it most of all")
    theme: Mapped[str | None] = _text_or_null("What its works have in common, in terms")
    metrics: Mapped[dict[str, Any]] = _json("Distances within and between, terms with their lift")


class ImageCluster(Base):
    """That an image belongs to a group, and how much."""

    __tablename__ = "image_clusters"
    __table_args__ = (
        Index("ix_image_clusters_model_id_cluster", "model_id", "cluster"),
        {"comment": "Which images belong to which group, and how much"},
    )

    image_id: Mapped[int] = mapped_column(
        BigInteger,
        ForeignKey("images.id", ondelete="CASCADE"),
        primary_key=True,
        comment="The image",
    )
    model_id: Mapped[int] = mapped_column(
        BigInteger,
        ForeignKey("models.id", ondelete="CASCADE"),
        primary_key=True,
        comment="The clustering",
    )
    cluster: Mapped[int] = mapped_column(
        primary_key=True, autoincrement=False, comment="Number of the group in clusters"
    )
    probability: Mapped[float] = mapped_column(comment="How much it belongs to the group, 0 to 1")


class ImagePosition(Base):
    """A place on the map."""

    __tablename__ = "image_positions"
    __table_args__ = ({"comment": "A map of the collection: what is alike lies together"},)

    image_id: Mapped[int] = mapped_column(
        BigInteger,
        ForeignKey("images.id", ondelete="CASCADE"),
        primary_key=True,
        comment="The image",
    )
    model_id: Mapped[int] = mapped_column(
        BigInteger,
        ForeignKey("models.id", ondelete="CASCADE"),
        primary_key=True,
        comment="The map",
    )
    x: Mapped[float] = mapped_column(comment="From left, 0, to right, 1")
    y: Mapped[float] = mapped_column(comment="From top, 0, to bottom, 1")


class ImageOutlier(Base):
    """How much an image differs from the others."""

    __tablename__ = "image_outliers"
    __table_args__ = (
        Index("ix_image_outliers_model_id_score", "model_id", "score"),
        {"comment": "How much each image differs from the others"},
    )

    image_id: Mapped[int] = mapped_column(
        BigInteger,
        ForeignKey("images.id", ondelete="CASCADE"),
        primary_key=True,
        comment="The image",
    )
    model_id: Mapped[int] = mapped_column(
        BigInteger,
        ForeignKey("models.id", ondelete="CASCADE"),
        primary_key=True,
        comment="The method",
    )
    score: Mapped[float] = mapped_column(comment="More is odder, in the method's unit")
    is_outlier: Mapped[bool] = mapped_column(Boolean, comment="Whether it is above the threshold")
    label: Mapped[str | None] = _text_or_null(
        "kind:name of the term whose works it was compared with; null: with all"
    )


class ScheduleRun(Base):
    """One run of an entry of the schedule."""

    __tablename__ = "schedule_runs"
    __table_args__ = (
        _one_of("state", SCHEDULE_STATES),
        Index("ix_schedule_runs_entry_id", "entry", "id"),
        {"comment": "Log of what the schedule ran"},
    )

    id: Mapped[int] = _id("Row number")
    entry: Mapped[str] = _text("Name of the entry in the file")
    command: Mapped[list[str]] = mapped_column(
        ARRAY(Text), comment="What was started, word by word"
    )
    state: Mapped[str] = _text(
        "running, done, retryable (exit code 4), failed, interrupted, or skipped (it was due "
        "while its former run went on)"
    )
    due_at: Mapped[datetime | None] = _time_or_null(
        "When the entry was due; null: it was started by hand"
    )
    started_at: Mapped[datetime] = _now("Start")
    finished_at: Mapped[datetime | None] = _time_or_null("End; null: under way or killed")
    exit_code: Mapped[int | None] = _int_or_null("Exit code of the command")
    output: Mapped[str | None] = _text_or_null("The last lines that it printed")
    worker: Mapped[str] = _text("Host and process that ran it")


class ImageDuplicate(Base):
    """Two images that look the same."""

    __tablename__ = "image_duplicates"
    __table_args__ = (
        _one_of("kind", DUPLICATE_KINDS),
        CheckConstraint("image_id < other_id", name="order"),
        Index("ix_image_duplicates_other_id", "other_id"),
        {"comment": "Pairs of images that look the same, each pair once"},
    )

    image_id: Mapped[int] = mapped_column(
        BigInteger,
        ForeignKey("images.id", ondelete="CASCADE"),
        primary_key=True,
        comment="The image that was stored first",
    )
    other_id: Mapped[int] = mapped_column(
        BigInteger,
        ForeignKey("images.id", ondelete="CASCADE"),
        primary_key=True,
        comment="The other one",
    )
    model_id: Mapped[int] = mapped_column(
        BigInteger,
        ForeignKey("models.id", ondelete="CASCADE"),
        primary_key=True,
        comment="The method that found it",
    )
    distance: Mapped[float] = mapped_column(
        comment="How far apart, in the method's unit: differing bits of 64, or cosine distance"
    )
    kind: Mapped[str] = _text("exact (distance 0: the same picture, encoded anew) or near")


class Split(Base):
    """Which images teach, and which measure what was learned."""

    __tablename__ = "splits"
    __table_args__ = (
        UniqueConstraint("head", "fingerprint"),
        {"comment": "Which images teach a classifier, and which measure it"},
    )

    id: Mapped[int] = _id("Row number")
    head: Mapped[str] = _text("What is learned: style, genre, …")
    name: Mapped[str | None] = _text_or_null(
        "What people call it; null: it was drawn by a training"
    )
    query: Mapped[dict[str, Any]] = _json("Which images were asked for, with which labels")
    seed: Mapped[int] = mapped_column(BigInteger, comment="Seed that it was drawn with")
    policy: Mapped[str] = _text(
        "What is never apart: artists, site, look-alikes (random), or given (by an importer)"
    )
    members: Mapped[dict[str, Any]] = _json(
        "Ids of images by part: train, validation, test, removed (would be a leak)"
    )
    fingerprint: Mapped[str] = _text(
        "sha256 over the images of each part, by the sha256 of their bytes"
    )
    created_at: Mapped[datetime] = _now("When it was drawn")


class Correction(Base):
    """A person's verdict on a label of an image."""

    __tablename__ = "corrections"
    __table_args__ = (
        _one_of("verdict", VERDICTS),
        Index("ix_corrections_image_id_head_label", "image_id", "head", "label"),
        {"comment": "What people say of labels: it outranks models, and teaches the next ones"},
    )

    id: Mapped[int] = _id("Row number")
    image_id: Mapped[int] = _to("images.id", "The image")
    head: Mapped[str] = _text("What is told: style, genre, …")
    label: Mapped[str] = _text("The label")
    verdict: Mapped[str] = _text("yes or no")
    author: Mapped[str] = _text("Who says so")
    at: Mapped[datetime] = _now("When; of several verdicts, the last one counts")


class Forgotten(Base):
    """What was taken down, so that it does not come back."""

    __tablename__ = "forgotten"
    __table_args__ = (
        _one_of("kind", FORGOTTEN_KINDS),
        UniqueConstraint("kind", "site", "key", postgresql_nulls_not_distinct=True),
        {"comment": "What was taken down on request; the crawler does not store it again"},
    )

    id: Mapped[int] = _id("Row number")
    kind: Mapped[str] = _text("site, artist, artwork or image")
    site: Mapped[str | None] = _text_or_null("Site profile; null: wherever it is met")
    key: Mapped[str] = _text(
        "What names it: the site, the artist's name_key, the work's source_id, the image's sha256"
    )
    label: Mapped[str] = _text("What people call it: name or title; empty if that is to go, too")
    reason: Mapped[str | None] = _text_or_null("Why it was taken down")
    at: Mapped[datetime] = _now("When")
