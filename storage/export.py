"""Exporting artworks with everything that is known about them, as JSON Lines or CSV."""

from __future__ import annotations

import csv
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, TextIO, TypeAlias

from sqlalchemy import Connection, text

from storage.errors import UsageError

Format: TypeAlias = Literal["csv", "jsonl"]
Record: TypeAlias = Mapping[str, Any]

ROWS_AT_ONCE = 500
SEPARATOR = "; "

WORK_COLUMNS = (
    "site",
    "source_id",
    "page_url",
    "accession_number",
    "title",
    "date_text",
    "year_from",
    "year_to",
    "medium",
    "classification",
    "culture",
    "place",
    "dimensions_text",
    "height_cm",
    "width_cm",
    "depth_cm",
    "description",
    "credit_line",
    "institution",
    "rights_text",
    "license_url",
    "license",
    "opt_out",
    "iiif_manifest",
    "content_hash",
    "first_seen_at",
    "last_seen_at",
    "gone_at",
)
TERM_COLUMNS: Mapping[str, str] = {
    "categories": "category",
    "styles": "style",
    "genres": "genre",
    "periods": "period",
    "nationalities": "nationality",
    "colors": "color",
    "subjects": "subject",
    "media": "medium",
    "tags": "tag",
}
CSV_COLUMNS = (
    *WORK_COLUMNS,
    "artists",
    "artist_nationalities",
    "artist_years",
    *TERM_COLUMNS,
    "images",
    "image_keys",
    "image_sha256",
    "image_urls",
    "palette",
    "palette_names",
)

# What a spreadsheet would take for a formula when it opens the file.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")

_works = ", ".join(f"a.{name}" for name in WORK_COLUMNS)
_RECORDS = text(f"""
    SELECT {_works},
      (SELECT coalesce(json_agg(json_build_object(
           'name', r.name, 'role', m.role, 'qualifier', m.qualifier,
           'nationality', r.nationality, 'birth_year', r.birth_year,
           'death_year', r.death_year, 'page_url', r.page_url) ORDER BY m.position), '[]')
       FROM artwork_artists m JOIN artists r ON r.id = m.artist_id
       WHERE m.artwork_id = a.id) AS artists,
      (SELECT coalesce(json_agg(json_build_object(
           'kind', t.kind, 'name', t.name, 'source', at.source)
           ORDER BY t.kind COLLATE "C", t.name COLLATE "C"), '[]')
       FROM artwork_terms at JOIN terms t ON t.id = at.term_id
       WHERE at.artwork_id = a.id) AS terms,
      (SELECT coalesce(json_agg(json_build_object(
           'url', s.url, 'fetched_url', s.fetched_url, 'position', s.position,
           'caption', s.caption,
           'rights_text', s.rights_text, 'license_url', s.license_url, 'license', s.license,
           'opt_out', s.opt_out,
           'sha256', i.sha256, 'object_key', i.object_key, 'preview_key', i.preview_key,
           'format', i.format, 'width', i.width, 'height', i.height, 'bytes', i.bytes,
           'phash', i.phash, 'palette', p.palette)
           ORDER BY s.position, s.url COLLATE "C"), '[]')
       FROM image_sources s LEFT JOIN images i ON i.id = s.image_id
       LEFT JOIN LATERAL (
           SELECT json_agg(json_build_object(
               'hex', c.hex, 'name', c.name, 'fraction', c.fraction,
               'lab', json_build_array(c.lab_l, c.lab_a, c.lab_b)) ORDER BY c.rank) AS palette
           FROM image_colors c JOIN models k ON k.id = c.model_id
           WHERE c.image_id = i.id AND k.kind = 'palette' AND k.is_default
       ) p ON true
       WHERE s.artwork_id = a.id AND s.gone_at IS NULL) AS images
    FROM artworks a
    WHERE (CAST(:site AS text) IS NULL OR a.site = :site)
      AND (CAST(:category AS text) IS NULL OR EXISTS (
        SELECT FROM artwork_terms at JOIN terms t ON t.id = at.term_id
        WHERE at.artwork_id = a.id AND t.kind = 'category' AND lower(t.name) = lower(:category)))
    ORDER BY a.site COLLATE "C", a.source_id COLLATE "C"
""")  # noqa: S608 - names come from the constant above


def artwork_records(
    connection: Connection, *, site: str | None = None, category: str | None = None
) -> Iterator[dict[str, Any]]:
    """Yield artworks by site and identifier, each with its makers, terms and images.

    The server sends a few hundred at a time, of one moment's state, so memory stays bounded
    however large the collection is. A category is named in any case.
    """
    result = connection.execute(
        _RECORDS,
        {"site": site, "category": category},
        execution_options={"stream_results": True, "max_row_buffer": ROWS_AT_ONCE},
    )
    for row in result.yield_per(ROWS_AT_ONCE).mappings():
        record = dict(row)
        for name in ("first_seen_at", "last_seen_at", "gone_at"):
            record[name] = record[name] and record[name].isoformat()
        yield record


def write_jsonl(records: Iterable[Record], out: TextIO) -> int:
    """Write one JSON object per line; return how many."""
    count = 0
    for record in records:
        out.write(json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n")
        count += 1
    return count


def write_csv(records: Iterable[Record], out: TextIO, *, safe: bool = False) -> int:
    """Write one row per artwork, lists joined by `; `; return how many.

    Values are data of the web and are written as they are. With `safe`, those that a spreadsheet
    would run as a formula get an apostrophe before them, as OWASP advises.
    """
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    count = 0
    for record in records:
        values = flat(record)
        cells = [values[name] for name in CSV_COLUMNS]
        writer.writerow([_defused(cell) for cell in cells] if safe else cells)
        count += 1
    return count


def flat(record: Record) -> dict[str, Any]:
    """Return a record as the cells of one row: the palette is that of its first stored image."""
    artists, images = record["artists"], record["images"]
    stored = [image for image in images if image["sha256"] is not None]
    palette = (stored[0]["palette"] or []) if stored else []
    terms = {
        column: SEPARATOR.join(term["name"] for term in record["terms"] if term["kind"] == kind)
        for column, kind in TERM_COLUMNS.items()
    }
    return {
        **{name: record[name] for name in WORK_COLUMNS},
        "opt_out": SEPARATOR.join(record["opt_out"] or ()),
        "artists": SEPARATOR.join(
            " ".join(filter(None, (artist["qualifier"], artist["name"]))) for artist in artists
        ),
        "artist_nationalities": SEPARATOR.join(artist["nationality"] or "" for artist in artists),
        "artist_years": SEPARATOR.join(_life(artist) for artist in artists),
        **terms,
        "images": len(stored),
        "image_keys": SEPARATOR.join(image["object_key"] for image in stored),
        "image_sha256": SEPARATOR.join(image["sha256"] for image in stored),
        "image_urls": SEPARATOR.join(image["url"] for image in images),
        "palette": SEPARATOR.join(color["hex"] for color in palette),
        "palette_names": SEPARATOR.join(color["name"] for color in palette),
    }


WRITERS: Mapping[Format, Callable[[Iterable[Record], TextIO], int]] = {
    "csv": write_csv,
    "jsonl": write_jsonl,
}


def writer_for(format: Format, *, safe: bool = False) -> Callable[[Iterable[Record], TextIO], int]:
    """Return what writes records in this format."""
    if format == "csv" and safe:
        return lambda records, out: write_csv(records, out, safe=True)
    return WRITERS[format]


@contextmanager
def replacing(path: Path, *, force: bool = False) -> Iterator[TextIO]:
    """Open a text file that appears under `path` only when it is complete.

    Raises UsageError where the file exists (unless `force`) or cannot be made.
    """
    path = path.resolve()
    refuse_overwriting(path, force=force)
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    except OSError as error:
        raise UsageError(
            f"cannot write {path} ({error.strerror}): name a file in a folder of yours."
        ) from error
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        # What was there while we wrote is as precious as what was there before.
        refuse_overwriting(path, force=force)
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def refuse_overwriting(path: Path, *, force: bool) -> None:
    """Raise UsageError where `path` cannot be the name of a new file."""
    if path.is_dir():
        raise UsageError(f"{path} is a folder: name a file in it, such as {path / 'artworks.csv'}.")
    if path.exists() and not path.is_file():
        raise UsageError(f"{path} is no ordinary file: name another, or write to - (stdout).")
    if path.exists() and not force:
        raise UsageError(f"{path} exists already: add --force to replace it.")


def _life(artist: Mapping[str, Any]) -> str:
    born, died = artist["birth_year"], artist["death_year"]
    return "" if born is None and died is None else f"{born or ''}–{died or ''}"


def _defused(cell: object) -> object:
    if isinstance(cell, str) and cell.startswith(_FORMULA_STARTS):
        return f"'{cell}"
    return cell


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
