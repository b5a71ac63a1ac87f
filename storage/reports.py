"""Reports in the object store: `reports/<kind>/<run>/`, pictures first and `report.json` last.

They are drawn by the analysis. Here is what has to be known of them where something is taken down:
which of them show it. Where `report.json` is missing, since the report was cut off, or cannot be
read, nobody knows what the pictures show. Classifiers have a report of their own beside what was
trained, `models/<name>/<version>/report.html`: one page that says of each picture which it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from sqlalchemy import Connection, text

from storage.database import Database
from storage.objects import ObjectStore

PREFIX = "reports/"
DOCUMENT = "report.json"
KEY = re.compile(r"reports/([^/]+)/(\d{8}T\d{6}Z(?:-\d+)?)/([^/]+)")
"""Kind, run and file."""

MODELS = "models/"
PAGE = re.compile(r"models/[^/]+/[^/]+/report\.html")
"""The report of a classifier."""
_ON_PAGE = re.compile(rb'data-image="([0-9a-f]{64})"')

_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('artworks.reports'))")
_TAKEN_DOWN = text("SELECT key FROM forgotten WHERE kind = 'image' AND key = ANY(:hashes) LIMIT 1")


def lock_reports(connection: Connection) -> None:
    """Let nobody else store or remove reports before the transaction ends."""
    connection.execute(_LOCK)


def taken_down(connection: Connection, hashes: Iterable[str]) -> str | None:
    """Return one of the images, by sha256, that was taken down; None where none was."""
    return connection.execute(_TAKEN_DOWN, {"hashes": list(hashes)}).scalar()


def remove_reports(database: Database, store: ObjectStore, hashes: Iterable[str]) -> int:
    """Remove the reports that show one of the images, by sha256; return how many reports.

    Those of which nobody knows what they show go as well. Safe to kill and repeat.
    """
    unwanted = frozenset(hashes)
    if not unwanted:
        return 0
    with database.begin() as connection:
        lock_reports(connection)
        folders: dict[str, list[str]] = {}
        for info in store.list(PREFIX):
            if KEY.fullmatch(info.key):
                folder, _, name = info.key.rpartition("/")
                folders.setdefault(folder, []).append(name)
        shown = [
            folder for folder, names in folders.items() if _shows(store, folder, names, unwanted)
        ]
        for folder in shown:
            for name in sorted(folders[folder], key=lambda name: name == DOCUMENT):
                store.delete(f"{folder}/{name}")
        pages = [
            info.key
            for info in store.list(MODELS)
            if PAGE.fullmatch(info.key) and _is_on(store.get(info.key), unwanted)
        ]
        for key in pages:
            store.delete(key)
    return len(shown) + len(pages)


def _is_on(page: bytes, unwanted: frozenset[str]) -> bool:
    return any(found.decode() in unwanted for found in _ON_PAGE.findall(page))


def _shows(store: ObjectStore, folder: str, names: Iterable[str], unwanted: frozenset[str]) -> bool:
    if DOCUMENT not in names:
        return True
    try:
        images = json.loads(store.get(f"{folder}/{DOCUMENT}"))["images"]
        return not unwanted.isdisjoint(images)
    except (ValueError, KeyError, TypeError):
        return True
