"""What was taken down: reading it, and asking whether something belongs to it.

Rows of one request share the moment (`at`): a work that was taken down and its pictures, each a row
of its own. Those who store things read the table under a lock (`hold_off_takedowns`) that whoever
takes something down has to wait for, so nothing can slip in while it goes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

# Dumps and people who read the table (ACCESS SHARE) do not wait for either, nor hold them up.
_HOLD_OFF = text("LOCK TABLE forgotten IN ROW SHARE MODE")
_TAKE_OVER = text("LOCK TABLE forgotten IN EXCLUSIVE MODE")

_CONCERNING = text(r"""
    SELECT id, kind, site, key FROM forgotten WHERE kind = 'site' AND key = :site
    UNION ALL
    SELECT id, kind, site, key FROM forgotten
    WHERE kind = 'artwork' AND site = :site
      AND key IN (SELECT jsonb_array_elements_text(CAST(:works AS jsonb)))
    UNION ALL
    SELECT id, kind, site, key FROM forgotten
    WHERE kind = 'artist' AND site IS NULL AND regexp_replace(key, '/\d+$', '') IN (
        SELECT jsonb_array_elements_text(CAST(:names AS jsonb)))
    UNION ALL
    SELECT id, kind, site, key FROM forgotten
    WHERE kind = 'image' AND site IS NULL
      AND key IN (SELECT jsonb_array_elements_text(CAST(:images AS jsonb)))
    ORDER BY id
""")
_REQUESTS = text("""
    SELECT f.id, f.kind, f.site, f.key, f.label, f.reason, f.at, coalesce(i.images, 0) AS images
    FROM forgotten f LEFT JOIN (
        SELECT at, count(*) AS images FROM forgotten WHERE kind = 'image' GROUP BY at
    ) i ON i.at = f.at
    WHERE kind <> 'image' OR NOT EXISTS (
        SELECT FROM forgotten o WHERE o.at = f.at AND o.kind <> 'image')
    ORDER BY f.at, f.id
""")
_OF_SITE = text("SELECT id FROM forgotten WHERE kind = 'site' AND key = :site")


@dataclass(frozen=True, slots=True)
class Request:
    """Something that was taken down. `images` counts the pictures that went with it."""

    id: int
    kind: str
    site: str | None
    key: str
    label: str
    reason: str | None
    at: datetime
    images: int

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON knows it; times in ISO 8601."""
        return {**asdict(self), "at": self.at.isoformat()}


def artist_key(name_key: str, birth_year: int | None) -> str:
    """Return what names an artist among what was taken down: `albrecht durer/1471`.

    The year is left out where it is not known. A name_key holds no slash beside words.
    """
    return name_key if birth_year is None else f"{name_key}/{birth_year}"


def artist_named(key: str) -> tuple[str, int | None]:
    """Undo `artist_key`."""
    if match := re.fullmatch(r"(.*)/(\d+)", key, re.DOTALL):
        return match[1], int(match[2])
    return key, None


def may_be_one(birth_year: int | None, other: int | None) -> bool:
    """Whether two of one name may be one person: years that are not known agree with all."""
    return birth_year is None or other is None or birth_year == other


@dataclass(frozen=True, slots=True)
class Takedowns:
    """What was taken down of the things asked about; each answer is the row's number."""

    site: int | None
    works: Mapping[str, int]
    artists: Sequence[tuple[str, int | None, int]]
    images: Mapping[str, int]

    def of_work(self, source_id: str, makers: Iterable[Mapping[str, Any]]) -> int | None:
        """Return why a work of the site may not be stored; None where it may.

        Args:
            source_id: the work's name on its site.
            makers: who made it; their name_key and birth_year.
        """
        if self.site is not None:
            return self.site
        if source_id in self.works:
            return self.works[source_id]
        found = (self.of_artist(maker["name_key"], maker.get("birth_year")) for maker in makers)
        return next((number for number in found if number is not None), None)

    def of_artist(self, name_key: str | None, birth_year: int | None) -> int | None:
        """Return why an artist may not be stored; None where they may."""
        for name, year, number in self.artists:
            if name == name_key and may_be_one(year, birth_year):
                return number
        return None

    def of_image(self, sha256: str) -> int | None:
        """Return why bytes may not be stored; None where they may."""
        return self.images.get(sha256)


def hold_off_takedowns(connection: Connection) -> None:
    """Let nothing be taken down until the transaction ends; wait where it is just being done.

    To be called before anything else is locked.
    """
    connection.execute(_HOLD_OFF)


def take_over(connection: Connection) -> None:
    """Wait for those who are storing something, and have others wait until the transaction ends."""
    connection.execute(_TAKE_OVER)


def takedowns(
    connection: Connection,
    site: str,
    *,
    source_ids: Iterable[str] = (),
    name_keys: Iterable[str] = (),
    hashes: Iterable[str] = (),
) -> Takedowns:
    """Return what was taken down of a site, of its works, of artists by name, and of images."""
    rows = connection.execute(
        _CONCERNING,
        {
            "site": site,
            # Words of the web: as JSON, PostgreSQL says of them what it cannot hold.
            "works": json.dumps(sorted(set(source_ids))),
            "names": json.dumps(sorted(set(name_keys))),
            "images": json.dumps(sorted(set(hashes))),
        },
    ).all()
    return Takedowns(
        site=next((row.id for row in rows if row.kind == "site"), None),
        works={row.key: row.id for row in rows if row.kind == "artwork"},
        artists=[(*artist_named(row.key), row.id) for row in rows if row.kind == "artist"],
        images={row.key: row.id for row in rows if row.kind == "image"},
    )


def site_taken_down(connection: Connection, site: str) -> int | None:
    """Return the number under which a site was taken down; None where it was not."""
    number: int | None = connection.execute(_OF_SITE, {"site": site}).scalar()
    return number


def requests(connection: Connection) -> list[Request]:
    """Return what was taken down, the oldest first; pictures that went with a work are counted."""
    return [Request(**row) for row in connection.execute(_REQUESTS).mappings()]
