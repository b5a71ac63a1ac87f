"""What the tables themselves refuse, whoever writes to them."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import IntegrityError
from support.databases import one, sql

from storage.database import Database
from storage.models import (
    FAILURE_STAGES,
    FRONTIER_KINDS,
    FRONTIER_STATES,
    RESULT_STATES,
    RUN_STATES,
    TERM_KINDS,
    TERM_SOURCES,
    Base,
)

WORK = (
    "INSERT INTO artworks (site, source_id, page_url, title, content_hash, year_from, year_to) "
    "VALUES ('museum', '1', 'http://museum.example/1', 'Untitled', 'x', {years}) RETURNING id"
)


@pytest.mark.parametrize(
    ("constraint", "values"),
    [
        ("ck_frontier_kind", FRONTIER_KINDS),
        ("ck_frontier_state", FRONTIER_STATES),
        ("ck_failures_stage", FAILURE_STAGES),
        ("ck_terms_kind", TERM_KINDS),
        ("ck_artwork_terms_source", TERM_SOURCES),
        ("ck_image_results_state", RESULT_STATES),
        ("ck_analysis_runs_state", RUN_STATES),
    ],
)
def test_only_known_words_are_let_in(
    migrated: Database, constraint: str, values: tuple[str, ...]
) -> None:
    # What autogeneration does not compare: the list in the database is the list in the models.
    [definition] = sql(
        migrated,
        "SELECT pg_get_constraintdef(oid) AS text FROM pg_constraint WHERE conname = :name",
        name=constraint,
    )
    listed = definition.text.split("'")[1::2]
    assert listed == list(values)


def test_years_run_forward(database: Database) -> None:
    with pytest.raises(IntegrityError, match="ck_artworks_years"):
        sql(database, WORK.format(years="1900, 1899"))
    assert sql(database, WORK.format(years="-500, NULL"))


def test_namesakes_of_unknown_birth_are_one_artist(database: Database) -> None:
    insert = "INSERT INTO artists (name, name_key, birth_year) VALUES ('A', 'a', {year})"
    sql(database, insert.format(year="NULL"))
    sql(database, insert.format(year="1900"))
    for year in ("NULL", "1900"):
        with pytest.raises(IntegrityError, match="uq_artists_name_key_birth_year"):
            sql(database, insert.format(year=year))


def test_one_default_per_kind_and_head_even_without_head(database: Database) -> None:
    insert = (
        "INSERT INTO models (name, version, kind, head, is_default) "
        "VALUES (:name, '1', 'palette', :head, :default)"
    )
    sql(database, insert, name="a", head=None, default=True)
    sql(database, insert, name="b", head=None, default=False)
    sql(database, insert, name="c", head="style", default=True)
    with pytest.raises(IntegrityError, match="ix_models_default"):
        sql(database, insert, name="d", head=None, default=True)


def test_a_work_that_is_deleted_takes_what_belongs_to_it_and_nothing_else(
    database: Database,
) -> None:
    [[work]] = sql(database, WORK.format(years="NULL, NULL"))
    [[term]] = sql(database, "INSERT INTO terms (kind, name) VALUES ('tag', 'x') RETURNING id")
    [[image]] = sql(
        database,
        "INSERT INTO images (sha256, object_key, preview_key, format, width, height, bytes, phash) "
        "VALUES ('s', 'k', 'k', 'png', 1, 1, 1, 1) RETURNING id",
    )
    [[page]] = sql(
        database,
        "INSERT INTO frontier (site, url, fingerprint, host, kind, artwork_id, image_id) "
        "VALUES ('museum', 'u', 'f', 'h', 'artwork', :work, :image) RETURNING id",
        work=work,
        image=image,
    )
    sql(
        database,
        "INSERT INTO image_sources (artwork_id, position, url, frontier_id, image_id) "
        "VALUES (:work, 0, 'u', :page, :image)",
        work=work,
        page=page,
        image=image,
    )
    sql(
        database,
        "INSERT INTO artwork_terms (artwork_id, term_id, source) VALUES (:work, :term, 'page')",
        work=work,
        term=term,
    )
    sql(database, "DELETE FROM artworks WHERE id = :work", work=work)
    assert one(database, "SELECT count(*) FROM image_sources") == 0
    assert one(database, "SELECT count(*) FROM artwork_terms") == 0
    assert sql(database, "SELECT artwork_id, image_id FROM frontier") == [(None, image)]
    assert one(database, "SELECT count(*) FROM terms") == 1


def test_every_foreign_key_that_is_looked_up_from_the_other_side_has_an_index() -> None:
    """Deleting a work, an image or a page must not read whole tables."""
    large = {"artworks", "images", "terms", "artists"}
    lacking = []
    for table in Base.metadata.sorted_tables:
        leading = {next(iter(index.expressions)).key for index in table.indexes}  # type: ignore[attr-defined]
        leading.add(next(iter(table.primary_key.columns)).key)
        leading.update(
            next(iter(constraint.columns)).key
            for constraint in table.constraints
            if constraint.__visit_name__ == "unique_constraint"
        )
        for key in table.foreign_keys:
            if key.column.table.name in large and key.parent.key not in leading:
                lacking.append(f"{table.name}.{key.parent.key}")
    assert lacking == []
