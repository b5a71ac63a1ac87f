"""Writing artworks and images: a batch of records in a handful of set-based statements.

Rows travel as one JSON parameter each, so a batch costs the same few statements whatever its
size. All statements are idempotent upserts over sorted keys: repeating a batch changes nothing,
and two writers take their locks in one order.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, text

ARTWORK_FIELDS: Mapping[str, str] = {
    "page_url": "text",
    "accession_number": "text",
    "title": "text",
    "date_text": "text",
    "year_from": "int",
    "year_to": "int",
    "medium": "text",
    "classification": "text",
    "culture": "text",
    "place": "text",
    "dimensions_text": "text",
    "height_cm": "float8",
    "width_cm": "float8",
    "depth_cm": "float8",
    "description": "text",
    "credit_line": "text",
    "institution": "text",
    "rights_text": "text",
    "license_url": "text",
    "iiif_manifest": "text",
    "raw": "jsonb",
    "content_hash": "text",
    "run_id": "bigint",
}
UNVERSIONED_FIELDS = ("raw", "content_hash", "run_id")

_names = ", ".join(ARTWORK_FIELDS)
_record = ", ".join(f"{name} {kind}" for name, kind in ARTWORK_FIELDS.items())
_updates = ", ".join(f"{name} = excluded.{name}" for name in ARTWORK_FIELDS)
_versioned = ", ".join(f"'{name}'" for name in ARTWORK_FIELDS if name not in UNVERSIONED_FIELDS)

_KEEP_VERSIONS = text(f"""
    INSERT INTO artwork_versions (artwork_id, content_hash, changed, seen_at)
    SELECT a.id, r.value->>'content_hash', diff.changed, now()
    FROM jsonb_array_elements(CAST(:rows AS jsonb)) r
    JOIN artworks a ON a.site = r.value->>'site' AND a.source_id = r.value->>'source_id'
    CROSS JOIN LATERAL (
        SELECT coalesce(jsonb_object_agg(old.key, jsonb_build_array(
            old.value, coalesce(r.value->old.key, 'null'))), '{{}}') AS changed
        FROM jsonb_each(to_jsonb(a)) old
        WHERE old.key IN ({_versioned})
          AND old.value IS DISTINCT FROM coalesce(r.value->old.key, 'null')
    ) diff
    WHERE a.content_hash <> r.value->>'content_hash'
    ON CONFLICT DO NOTHING
""")  # noqa: S608 - names come from the constant above

_ARTWORKS = text(f"""
    INSERT INTO artworks (site, source_id, {_names})
    SELECT site, source_id, {_names}
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(site text, source_id text, {_record})
    ORDER BY site, source_id
    ON CONFLICT (site, source_id) DO UPDATE
    SET {_updates}, last_seen_at = now(), gone_at = NULL
    RETURNING id, site, source_id
""")  # noqa: S608 - names come from the constant above

_ARTISTS = text("""
    INSERT INTO artists (name, name_key, nationality, birth_year, death_year, page_url)
    SELECT min(name), name_key, min(nationality), birth_year, min(death_year), min(page_url)
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(
        name text, name_key text, nationality text, birth_year int, death_year int, page_url text)
    GROUP BY name_key, birth_year
    ORDER BY name_key, birth_year
    ON CONFLICT (name_key, birth_year) DO UPDATE
    SET nationality = coalesce(artists.nationality, excluded.nationality),
        death_year = coalesce(artists.death_year, excluded.death_year),
        page_url = coalesce(artists.page_url, excluded.page_url)
    WHERE (artists.nationality IS NULL AND excluded.nationality IS NOT NULL)
       OR (artists.death_year IS NULL AND excluded.death_year IS NOT NULL)
       OR (artists.page_url IS NULL AND excluded.page_url IS NOT NULL)
""")

_FORGET_MAKERS = text("DELETE FROM artwork_artists WHERE artwork_id = ANY(:ids)")
_MAKERS = text("""
    INSERT INTO artwork_artists (artwork_id, position, artist_id, role, qualifier)
    SELECT r.artwork_id, r.position, a.id, r.role, r.qualifier
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(artwork_id bigint, position int,
        name_key text, birth_year int, role text, qualifier text)
    JOIN artists a ON a.name_key = r.name_key AND a.birth_year IS NOT DISTINCT FROM r.birth_year
    ORDER BY r.artwork_id, r.position
""")

_TERMS = text("""
    INSERT INTO terms (kind, name)
    SELECT DISTINCT kind, name
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(kind text, name text)
    WHERE NOT EXISTS (SELECT FROM terms t WHERE t.kind = r.kind AND t.name = r.name)
    ORDER BY kind, name
    ON CONFLICT DO NOTHING
""")
_FORGET_TERMS = text(
    "DELETE FROM artwork_terms WHERE artwork_id = ANY(:ids) AND source IN ('page', 'artist')"
)
_ARTWORK_TERMS = text("""
    INSERT INTO artwork_terms (artwork_id, term_id, source)
    SELECT DISTINCT ON (r.artwork_id, t.id) r.artwork_id, t.id, r.source
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(
        artwork_id bigint, kind text, name text, source text)
    JOIN terms t ON t.kind = r.kind AND t.name = r.name
    ORDER BY r.artwork_id, t.id
    ON CONFLICT DO NOTHING
""")

_SOURCES = text("""
    INSERT INTO image_sources (artwork_id, position, url, frontier_id, image_id, caption,
                               rights_text, license_url, iiif_service)
    SELECT r.artwork_id, r.position, r.url, r.frontier_id, r.image_id, r.caption, r.rights_text,
           r.license_url, r.iiif_service
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(
        artwork_id bigint, position int, url text, frontier_id bigint, image_id bigint,
        caption text, rights_text text, license_url text, iiif_service text)
    ORDER BY r.artwork_id, r.url
    ON CONFLICT (artwork_id, url) DO UPDATE
    SET position = excluded.position, frontier_id = excluded.frontier_id,
        image_id = coalesce(excluded.image_id, image_sources.image_id),
        caption = excluded.caption, rights_text = excluded.rights_text,
        license_url = excluded.license_url, iiif_service = excluded.iiif_service
""")

_IMAGES = text("""
    INSERT INTO images (sha256, object_key, preview_key, format, width, height, bytes, phash)
    SELECT DISTINCT ON (sha256)
           sha256, object_key, preview_key, format, width, height, bytes, phash
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(
        sha256 text, object_key text, preview_key text, format text, width int, height int,
        bytes bigint, phash bigint)
    ORDER BY sha256
    ON CONFLICT (sha256) DO NOTHING
""")
_IMAGE_IDS = text("SELECT sha256, id FROM images WHERE sha256 = ANY(:hashes)")


def as_json(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return rows as the JSON parameter of a statement."""
    return json.dumps(list(rows), ensure_ascii=True, separators=(",", ":"), default=str)


def store_artworks(connection: Connection, artworks: Sequence[Mapping[str, Any]]) -> list[int]:
    """Insert or update artworks with their makers; return their ids, in the order given.

    Each is a mapping with `site`, `source_id`, the fields of `ARTWORK_FIELDS`, and `artists`, a
    list of mappings (name, name_key, nationality, birth_year, death_year, page_url, role,
    qualifier). What changed on a known work is kept in `artwork_versions`.
    """
    # One statement cannot touch a row twice: of the same work given twice, the last one counts.
    latest = {(work["site"], work["source_id"]): work for work in artworks}
    fields = ("site", "source_id", *ARTWORK_FIELDS)
    rows = as_json({name: work.get(name) for name in fields} for work in latest.values())
    connection.execute(_KEEP_VERSIONS, {"rows": rows})
    found = connection.execute(_ARTWORKS, {"rows": rows})
    ids = {(row.site, row.source_id): row.id for row in found}

    makers = [
        {**artist, "artwork_id": ids[key], "position": position}
        for key, work in latest.items()
        for position, artist in enumerate(work["artists"])
    ]
    if makers:
        connection.execute(_ARTISTS, {"rows": as_json(makers)})
    connection.execute(_FORGET_MAKERS, {"ids": list(ids.values())})
    if makers:
        connection.execute(_MAKERS, {"rows": as_json(makers)})
    return [ids[work["site"], work["source_id"]] for work in artworks]


def add_terms(connection: Connection, terms: Sequence[Mapping[str, Any]]) -> None:
    """Say terms of artworks: mappings with `artwork_id`, `kind`, `name` and `source`."""
    if terms:
        rows = as_json(terms)
        connection.execute(_TERMS, {"rows": rows})
        connection.execute(_ARTWORK_TERMS, {"rows": rows})


def replace_page_terms(
    connection: Connection, artwork_ids: Sequence[int], terms: Sequence[Mapping[str, Any]]
) -> None:
    """Replace what pages said of these artworks; what people and imports said stays."""
    connection.execute(_FORGET_TERMS, {"ids": list(artwork_ids)})
    add_terms(connection, terms)


def store_image_sources(connection: Connection, sources: Sequence[Mapping[str, Any]]) -> None:
    """Insert or update where images come from: columns of `image_sources` by name."""
    latest = {(source["artwork_id"], source["url"]): source for source in sources}
    if latest:
        connection.execute(_SOURCES, {"rows": as_json(latest.values())})


def store_images(connection: Connection, images: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Insert images not known yet; return the ids of all, by sha256."""
    connection.execute(_IMAGES, {"rows": as_json(images)})
    hashes = sorted({image["sha256"] for image in images})
    return {row.sha256: row.id for row in connection.execute(_IMAGE_IDS, {"hashes": hashes})}


_DIGEST_LINES = """
    SELECT kind, line FROM (
    SELECT site, 'artwork' AS kind, concat_ws(E'\\t', site, source_id, content_hash) AS line
    FROM artworks
    UNION ALL
    SELECT a.site, 'term', concat_ws(E'\\t', a.site, a.source_id, t.kind, t.name, at.source)
    FROM artwork_terms at JOIN artworks a ON a.id = at.artwork_id JOIN terms t ON t.id = at.term_id
    UNION ALL
    SELECT a.site, 'image',
           concat_ws(E'\\t', a.site, a.source_id, s.position, coalesce(i.sha256, '-'))
    FROM image_sources s JOIN artworks a ON a.id = s.artwork_id
    LEFT JOIN images i ON i.id = s.image_id
    ) lines WHERE CAST(:site AS text) IS NULL OR site = :site
    ORDER BY kind, line COLLATE "C"
"""


def digest(connection: Connection, site: str | None = None) -> str:
    """Return the sha256 over the sorted natural keys and content hashes of the collection.

    Two collections with equal artworks, terms and images have equal digests, whenever, in
    whatever order and in however many runs they were crawled. With `site`, of that site alone.
    """
    total = hashlib.sha256()
    result = connection.execute(
        text(_DIGEST_LINES), {"site": site}, execution_options={"stream_results": True}
    )
    for row in result.yield_per(5000):
        total.update(f"{row.kind}\t{row.line}\n".encode())
    return total.hexdigest()
