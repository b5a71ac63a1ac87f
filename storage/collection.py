"""Writing artworks and images: a batch of records in a handful of set-based statements.

Rows travel as one JSON parameter each, so a batch costs the same few statements whatever its
size. All statements are idempotent upserts over sorted keys: repeating a batch changes nothing,
and two writers take their locks in one order.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, text

from storage.inheritance import MAKER_FIELDS, Maker, inherited_terms, settled_makers

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
    "license": "text",
    "opt_out": "text[]",
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

# Of one moment there is one version of a work; what else changed in it is added.
_SAME_MOMENT = """
    ON CONFLICT (artwork_id, content_hash, seen_at) DO UPDATE
    SET changed = artwork_versions.changed || excluded.changed
"""
# Beside the columns: makers, terms and images as lists, as the work's page says them. A term that
# a person or an import said, or a listing, is not the page's to add or to take away.
_KEEP_VERSIONS = text(f"""
    INSERT INTO artwork_versions (artwork_id, content_hash, changed, seen_at)
    SELECT a.id, r.value->>'content_hash', diff.changed, now()
    FROM jsonb_array_elements(CAST(:rows AS jsonb)) r
    JOIN artworks a ON a.site = r.value->>'site' AND a.source_id = r.value->>'source_id'
    CROSS JOIN LATERAL (
        SELECT coalesce(jsonb_agg(DISTINCT t.kind || ':' || t.name)
                        FILTER (WHERE w.source <> 'page' OR listed.id IS NOT NULL), '[]') AS others,
               jsonb_agg(t.kind || ':' || t.name ORDER BY (t.kind || ':' || t.name) COLLATE "C")
                        FILTER (WHERE w.source = 'page' AND listed.id IS NULL) AS terms
        FROM artwork_terms w JOIN terms t ON t.id = w.term_id
        LEFT JOIN LATERAL (
            SELECT f.id FROM frontier f JOIN frontier_categories c ON c.frontier_id = f.id
            WHERE f.artwork_id = a.id AND t.kind = 'category' AND c.category = t.name LIMIT 1
        ) listed ON true
        WHERE w.artwork_id = a.id
    ) said
    CROSS JOIN LATERAL (
        SELECT to_jsonb(a) || jsonb_build_object(
            'artists', (
                SELECT jsonb_agg(jsonb_build_array(m.said->'name', m.role, m.qualifier)
                                 ORDER BY m.position)
                FROM artwork_artists m WHERE m.artwork_id = a.id AND m.said IS NOT NULL),
            'terms', said.terms,
            'images', (
                SELECT jsonb_agg(s.url ORDER BY s.position, s.id)
                FROM image_sources s WHERE s.artwork_id = a.id AND s.gone_at IS NULL)) AS former,
            r.value || jsonb_build_object('terms', (
                SELECT jsonb_agg(name ORDER BY ordinality)
                FROM jsonb_array_elements_text(r.value->'terms') WITH ORDINALITY n(name, ordinality)
                WHERE NOT jsonb_exists(said.others, name))) AS present
    ) state
    CROSS JOIN LATERAL (
        SELECT coalesce(jsonb_object_agg(field, jsonb_build_array(
            coalesce(former->field, 'null'), coalesce(present->field, 'null'))), '{{}}') AS changed
        FROM unnest(ARRAY[{_versioned}, 'artists', 'terms', 'images']) field
        WHERE jsonb_exists(r.value, field)
          AND nullif(nullif(former->field, '[]'), 'null')
              IS DISTINCT FROM nullif(nullif(present->field, '[]'), 'null')
    ) diff
    WHERE a.content_hash <> r.value->>'content_hash'
    {_SAME_MOMENT}
""")  # noqa: S608 - names come from the constant above

# An address that gives other bytes than before: a version, too, though the page says the same.
_KEEP_IMAGE_VERSIONS = text(f"""
    INSERT INTO artwork_versions (artwork_id, content_hash, changed, seen_at)
    SELECT a.id, a.content_hash, jsonb_build_object(
               'image', jsonb_object_agg(s.url, jsonb_build_array(old.sha256, new.sha256))), now()
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id bigint, image_id bigint)
    JOIN image_sources s ON s.frontier_id = r.id AND s.image_id <> r.image_id AND s.gone_at IS NULL
    JOIN images old ON old.id = s.image_id
    JOIN images new ON new.id = r.image_id
    JOIN artworks a ON a.id = s.artwork_id
    GROUP BY a.id, a.content_hash
    ORDER BY a.id
    {_SAME_MOMENT}
""")  # noqa: S608 - the fragment is the constant above

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
    INSERT INTO artists (name, name_key, nationality, birth_year, death_year, page_url, has_page)
    SELECT min(name), name_key, min(nationality), birth_year, min(death_year), min(page_url),
           coalesce(bool_or(has_page), false)
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(
        name text, name_key text, nationality text, birth_year int, death_year int,
        page_url text, has_page boolean)
    GROUP BY name_key, birth_year
    ORDER BY name_key, birth_year
    ON CONFLICT (name_key, birth_year) DO UPDATE
    SET nationality = coalesce(artists.nationality, excluded.nationality),
        death_year = coalesce(artists.death_year, excluded.death_year),
        page_url = coalesce(artists.page_url, excluded.page_url),
        has_page = artists.has_page OR excluded.has_page
    WHERE (artists.nationality IS NULL AND excluded.nationality IS NOT NULL)
       OR (artists.death_year IS NULL AND excluded.death_year IS NOT NULL)
       OR (artists.page_url IS NULL AND excluded.page_url IS NOT NULL)
       OR (excluded.has_page AND NOT artists.has_page)
""")

_FORGET_MAKERS = text("DELETE FROM artwork_artists WHERE artwork_id = ANY(:ids)")
_MAKERS = text("""
    INSERT INTO artwork_artists (artwork_id, position, artist_id, role, qualifier, said)
    SELECT r.artwork_id, r.position, a.id, r.role, r.qualifier, r.said
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(artwork_id bigint, position int,
        name_key text, birth_year int, role text, qualifier text, said jsonb)
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
# A term of a work has one source. What people and imports said is said once, so it outranks what
# pages say each time that they are read; what the work's own page says outranks its artist's.
_RANK = "array_position(ARRAY['person', 'import', 'page', 'artist'], {source})"
_ARTWORK_TERMS = text(f"""
    INSERT INTO artwork_terms (artwork_id, term_id, source)
    SELECT DISTINCT ON (r.artwork_id, t.id) r.artwork_id, t.id, r.source
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(
        artwork_id bigint, kind text, name text, source text)
    JOIN terms t ON t.kind = r.kind AND t.name = r.name
    ORDER BY r.artwork_id, t.id, {_RANK.format(source="r.source")}
    ON CONFLICT (artwork_id, term_id) DO UPDATE SET source = excluded.source
    WHERE {_RANK.format(source="excluded.source")} < {_RANK.format(source="artwork_terms.source")}
""")  # noqa: S608 - the fragment is the constant above
_KEEP_INHERITED = text("""
    DELETE FROM artwork_terms w USING terms t
    WHERE w.artwork_id = ANY(:ids) AND w.source = 'artist' AND t.id = w.term_id
      AND NOT EXISTS (
          SELECT FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(
              artwork_id bigint, kind text, name text)
          WHERE r.artwork_id = w.artwork_id AND r.kind = t.kind AND r.name = t.name)
""")

# What pages of artists left with the pages of works. Of several pages of a work, the one counts
# that was found last.
_TOLD = text("""
    SELECT DISTINCT ON (f.artwork_id, e.key) f.artwork_id, e.key, e.value
    FROM frontier f CROSS JOIN LATERAL jsonb_each(f.meta) e
    WHERE f.artwork_id = ANY(:ids) AND starts_with(e.key, 'artist:')
    ORDER BY f.artwork_id, e.key, f.generation DESC, f.id
""")
# Whoever replaces the makers of a work holds its row, as `_ARTWORKS` does.
_LOCK_WORKS = text("""
    SELECT id FROM artworks WHERE id = ANY(:ids) ORDER BY site, source_id FOR NO KEY UPDATE
""")
_KNOWN_MAKERS = text("""
    SELECT m.artwork_id, m.artist_id, a.name_key, a.birth_year, m.role, m.qualifier, m.said
    FROM artwork_artists m JOIN artists a ON a.id = m.artist_id
    WHERE m.artwork_id = ANY(:ids)
    ORDER BY m.artwork_id, m.position
""")
# Waits for writers who may be about to name these artists; none can while the lock is held.
_LOCK_ARTISTS = text("""
    SELECT id FROM artists
    WHERE id = ANY(:ids) AND NOT has_page AND ulan_id IS NULL AND wikidata_id IS NULL
    ORDER BY name_key, birth_year FOR UPDATE
""")
_FORGET_ARTISTS = text("""
    DELETE FROM artists a
    WHERE a.id = ANY(:ids) AND NOT EXISTS (SELECT FROM artwork_artists m WHERE m.artist_id = a.id)
""")

# An image that another work led to is known already: with it, where its bytes came from.
_SOURCES = text("""
    INSERT INTO image_sources (artwork_id, position, url, frontier_id, image_id, caption,
                               rights_text, license_url, license, iiif_service, fetched_url,
                               content_type, fetched_at, opt_out, gone_at)
    SELECT r.artwork_id, r.position, r.url, r.frontier_id, r.image_id, r.caption, r.rights_text,
           r.license_url, r.license, r.iiif_service, known.fetched_url, known.content_type,
           known.fetched_at, known.opt_out, lost.at
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(
        artwork_id bigint, position int, url text, frontier_id bigint, image_id bigint,
        caption text, rights_text text, license_url text, license text, iiif_service text)
    LEFT JOIN LATERAL (
        SELECT s.fetched_url, s.content_type, s.fetched_at, s.opt_out FROM image_sources s
        WHERE s.frontier_id = r.frontier_id AND s.image_id = r.image_id
        ORDER BY s.fetched_at DESC NULLS LAST, s.id LIMIT 1
    ) known ON true
    LEFT JOIN LATERAL (
        SELECT now() AS at FROM frontier f
        WHERE f.id = r.frontier_id AND f.image_id IS NOT NULL
          AND f.state = 'failed' AND f.http_status IN (404, 410)
    ) lost ON true
    ORDER BY r.artwork_id, r.url
    ON CONFLICT (artwork_id, url) DO UPDATE
    SET position = excluded.position, frontier_id = excluded.frontier_id,
        image_id = coalesce(excluded.image_id, image_sources.image_id),
        fetched_url = CASE WHEN excluded.image_id IS NULL THEN image_sources.fetched_url
                           ELSE excluded.fetched_url END,
        content_type = coalesce(excluded.content_type, image_sources.content_type),
        fetched_at = coalesce(excluded.fetched_at, image_sources.fetched_at),
        caption = excluded.caption, rights_text = excluded.rights_text,
        license_url = excluded.license_url, license = excluded.license,
        iiif_service = excluded.iiif_service,
        gone_at = CASE WHEN excluded.gone_at IS NULL THEN NULL
                       ELSE coalesce(image_sources.gone_at, excluded.gone_at) END
    RETURNING artwork_id, gone_at
""")

_IMAGES_GONE = text("""
    UPDATE image_sources s SET gone_at = now()
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(artwork_id bigint, urls jsonb)
    WHERE s.artwork_id = r.artwork_id AND s.gone_at IS NULL AND NOT jsonb_exists(r.urls, s.url)
    RETURNING s.frontier_id
""")
_LET_FAILURES_GO = text("""
    UPDATE failures x SET resolved_at = now()
    FROM frontier f
    WHERE f.id = ANY(:ids) AND x.site = f.site AND x.url = f.url AND x.resolved_at IS NULL
      AND x.stage <> 'analysis' AND NOT EXISTS (
          SELECT FROM image_sources s WHERE s.frontier_id = f.id AND s.gone_at IS NULL)
""")
# What failed while nothing showed it is asked for again once something does.
_ASK_AGAIN = text("""
    UPDATE frontier f SET state = 'pending'
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(artwork_id bigint, url text)
    JOIN image_sources s ON s.artwork_id = r.artwork_id AND s.url = r.url
    WHERE f.id = s.frontier_id AND f.state = 'failed' AND s.gone_at IS NOT NULL
      AND NOT EXISTS (
          SELECT FROM failures x
          WHERE x.site = f.site AND x.url = f.url AND x.resolved_at IS NULL)
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
    qualifier). What changed on a known work is kept in `artwork_versions`, with its `terms` (kind,
    name, source) and `images` (url) where they are given: these are stored by others.
    """
    # One statement cannot touch a row twice: of the same work given twice, the last one counts.
    latest = {(work["site"], work["source_id"]): work for work in artworks}
    fields = ("site", "source_id", *ARTWORK_FIELDS)
    rows = as_json(
        {**{name: work.get(name) for name in fields}, **_lists(work)} for work in latest.values()
    )
    connection.execute(_KEEP_VERSIONS, {"rows": rows})
    found = connection.execute(_ARTWORKS, {"rows": rows})
    ids = {(row.site, row.source_id): row.id for row in found}

    _replace_makers(
        connection,
        {
            ids[key]: [{**maker, "said": _said(maker)} for maker in work["artists"]]
            for key, work in latest.items()
        },
    )
    return [ids[work["site"], work["source_id"]] for work in artworks]


def store_artist(connection: Connection, artist: Mapping[str, Any]) -> None:
    """Insert or complete the artist whose page was read, and the words that it uses.

    A mapping of name, name_key, nationality, birth_year, death_year, page_url and terms, a list
    of (kind, name).
    """
    if artist.get("name_key"):
        connection.execute(_ARTISTS, {"rows": as_json([{**artist, "has_page": True}])})
    terms = [{"kind": kind, "name": name} for kind, name in artist.get("terms") or ()]
    if terms:
        connection.execute(_TERMS, {"rows": as_json(terms)})


def inherit(connection: Connection, artwork_ids: Sequence[int]) -> None:
    """Give works the terms and makers that follow from the pages of their artists.

    It may be repeated at any time: see `storage.inheritance`. The rows of all the works' pages
    must be locked, so that nobody leaves an artist with one of them meanwhile.
    """
    ids = {"ids": sorted(set(artwork_ids))}
    connection.execute(_LOCK_WORKS, ids)
    told: dict[int, dict[str, Mapping[str, Any]]] = {one: {} for one in ids["ids"]}
    for row in connection.execute(_TOLD, ids):
        told[row.artwork_id][row.key] = row.value
    terms = [
        {"artwork_id": artwork_id, "kind": kind, "name": name, "source": "artist"}
        for artwork_id, artists in told.items()
        for kind, name in inherited_terms(artists)
    ]
    connection.execute(_KEEP_INHERITED, {**ids, "rows": as_json(terms)})
    add_terms(connection, terms)

    known: dict[int, list[Any]] = {one: [] for one in ids["ids"]}
    for row in connection.execute(_KNOWN_MAKERS, ids):
        known[row.artwork_id].append(row)
    changed: dict[int, list[Maker]] = {}
    for artwork_id, rows in known.items():
        said = [
            {**row.said, "role": row.role, "qualifier": row.qualifier, "said": row.said}
            for row in rows
            if row.said is not None
        ]
        makers = settled_makers(said, told[artwork_id])
        if [_identity(maker) for maker in makers] != [(r.name_key, r.birth_year) for r in rows]:
            changed[artwork_id] = makers
    if changed:
        _replace_makers(connection, changed)
        former = {row.artist_id for artwork_id in changed for row in known[artwork_id]}
        orphans = connection.execute(_LOCK_ARTISTS, {"ids": sorted(former)}).scalars().all()
        if orphans:
            connection.execute(_FORGET_ARTISTS, {"ids": list(orphans)})


def _replace_makers(connection: Connection, makers: Mapping[int, Sequence[Maker]]) -> None:
    rows = [
        {**maker, "artwork_id": artwork_id, "position": position}
        for artwork_id, listed in makers.items()
        for position, maker in enumerate(listed)
    ]
    if rows:
        connection.execute(_ARTISTS, {"rows": as_json(rows)})
    connection.execute(_FORGET_MAKERS, {"ids": list(makers)})
    if rows:
        connection.execute(_MAKERS, {"rows": as_json(rows)})


def _lists(work: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Return the lists that a work's page gives, as versions show them."""
    lists: dict[str, list[Any]] = {
        "artists": [[m["name"], m.get("role"), m.get("qualifier")] for m in work["artists"]]
    }
    if "terms" in work:
        lists["terms"] = sorted(
            {f"{k}:{name}" for k, name, source in work["terms"] if source == "page"}
        )
    if "images" in work:
        lists["images"] = [image["url"] for image in work["images"]]
    return lists


def _said(maker: Mapping[str, Any]) -> dict[str, Any]:
    return {name: maker.get(name) for name in MAKER_FIELDS}


def _identity(maker: Maker) -> tuple[str, int | None]:
    return maker["name_key"], maker["birth_year"]


def add_terms(connection: Connection, terms: Sequence[Mapping[str, Any]]) -> None:
    """Say terms of artworks: mappings with `artwork_id`, `kind`, `name` and `source`.

    Of several sources of a term, the first of person, import, page and artist is kept.
    """
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


def store_image_sources(connection: Connection, sources: Sequence[Mapping[str, Any]]) -> set[int]:
    """Insert or update where images come from: columns of `image_sources` by name.

    Returns the works that lack an image which its address gave before, and gives no more.
    """
    latest = {(source["artwork_id"], source["url"]): source for source in sources}
    if latest:
        rows = as_json(latest.values())
        connection.execute(_ASK_AGAIN, {"rows": rows})
        stored = connection.execute(_SOURCES, {"rows": rows})
        return {row.artwork_id for row in stored if row.gone_at is not None}
    return set()


def note_images_gone(connection: Connection, shown: Mapping[int, Collection[str]]) -> None:
    """Mark the images that works no longer show; `shown` are the addresses that they do show.

    Their failures are nobody's any more, unless another work shows the address.
    """
    rows = [{"artwork_id": number, "urls": sorted(urls)} for number, urls in sorted(shown.items())]
    gone = connection.execute(_IMAGES_GONE, {"rows": as_json(rows)}).scalars().all()
    if gone:
        connection.execute(_LET_FAILURES_GO, {"ids": sorted({one for one in gone if one})})


def note_new_bytes(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Keep a version of works where an address gives another image than before.

    Rows hold the `id` of the address's frontier row and its `image_id`; sources still name the
    former image.
    """
    connection.execute(_KEEP_IMAGE_VERSIONS, {"rows": as_json(rows)})


def store_images(connection: Connection, images: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Insert images not known yet; return the ids of all, by sha256."""
    connection.execute(_IMAGES, {"rows": as_json(images)})
    hashes = sorted({image["sha256"] for image in images})
    return {row.sha256: row.id for row in connection.execute(_IMAGE_IDS, {"hashes": hashes})}


_DIGEST_LINES = """
    SELECT kind, line FROM (
    SELECT site, 'artwork' AS kind, concat_ws(E'\\t', site, source_id, content_hash) AS line
    FROM artworks WHERE gone_at IS NULL
    UNION ALL
    SELECT a.site, 'term', concat_ws(E'\\t', a.site, a.source_id, t.kind, t.name, at.source)
    FROM artwork_terms at JOIN artworks a ON a.id = at.artwork_id JOIN terms t ON t.id = at.term_id
    WHERE a.gone_at IS NULL
    UNION ALL
    SELECT a.site, 'image', concat_ws(E'\\t', a.site, a.source_id, s.position, i.sha256)
    FROM image_sources s JOIN artworks a ON a.id = s.artwork_id
    JOIN images i ON i.id = s.image_id
    WHERE a.gone_at IS NULL AND s.gone_at IS NULL
    ) lines WHERE CAST(:site AS text) IS NULL OR site = :site
    ORDER BY kind, line COLLATE "C"
"""


def digest(connection: Connection, site: str | None = None) -> str:
    """Return the sha256 over the sorted natural keys and content hashes of the collection.

    Two collections with equal artworks, terms and images have equal digests, whenever, in
    whatever order and in however many runs they were crawled: works and images that are gone from
    their site do not count, nor do those that could not be had. With `site`, of that site alone.
    """
    total = hashlib.sha256()
    result = connection.execute(
        text(_DIGEST_LINES), {"site": site}, execution_options={"stream_results": True}
    )
    for row in result.yield_per(5000):
        total.update(f"{row.kind}\t{row.line}\n".encode())
    return total.hexdigest()
