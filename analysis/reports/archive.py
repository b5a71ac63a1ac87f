"""Where reports are kept: `reports/<kind>/<run>/`, pictures first and `report.json` last."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any

from PIL import Image

from analysis.errors import NothingToShow
from analysis.plots.page import as_png
from storage.database import Database
from storage.objects import ObjectStore
from storage.reports import DOCUMENT, KEY, PREFIX, lock_reports, taken_down


@dataclass(frozen=True)
class Picture:
    """A picture of a report."""

    name: str
    """Name of its file, without ending."""
    image: Image.Image


@dataclass(frozen=True)
class Report:
    """Pictures of one kind, and what they show."""

    kind: str
    pictures: tuple[Picture, ...]
    query: Mapping[str, Any]
    counts: Mapping[str, int]
    """How many works, … the pictures show."""
    models: tuple[str, ...]
    """Name and version of the models whose results they show."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Parts that could not be drawn, and why."""
    images: tuple[str, ...] = ()
    """sha256 of the stored images that can be recognised in the pictures."""


@dataclass(frozen=True)
class StoredPicture:
    """A picture as it was stored."""

    name: str
    key: str
    """Key in the object store."""
    png: bytes
    size: tuple[int, int]
    """Width and height in pixels."""


@dataclass(frozen=True)
class StoredReport:
    """A report as it was stored."""

    kind: str
    run: str
    pictures: tuple[StoredPicture, ...]
    document: Mapping[str, Any]
    """What `report.json` says."""


@dataclass(frozen=True)
class ListedReport:
    """A report as a listing of the store shows it."""

    kind: str
    run: str
    keys: tuple[str, ...]
    """Keys of its pictures."""
    bytes: int
    """Size of its pictures."""

    def as_dict(self) -> dict[str, Any]:
        """Return the listing for JSON."""
        return {"kind": self.kind, "run": self.run, "keys": list(self.keys), "bytes": self.bytes}


def store_report(
    database: Database, store: ObjectStore, report: Report, *, now: datetime | None = None
) -> StoredReport:
    """Store a report under a run of its own, named after the time in UTC.

    Of reports in one second the later ones have a number behind it; an advisory lock keeps
    processes from taking the same name. A report without `report.json` was cut off.

    Raises NothingToShow where an image that it shows was taken down meanwhile,
    ObjectStoreUnavailable and DatabaseUnavailable.
    """
    moment = (now or datetime.now(UTC)).astimezone(UTC)
    with database.begin() as connection:
        lock_reports(connection)
        if (sha256 := taken_down(connection, report.images)) is not None:
            raise NothingToShow(
                f"the image {sha256} was taken down while the report was drawn: run it again."
            )
        run = _free_run(store, report.kind, moment.strftime("%Y%m%dT%H%M%SZ"))
        folder = f"{PREFIX}{report.kind}/{run}/"
        pictures = tuple(
            StoredPicture(
                picture.name,
                f"{folder}{picture.name}.png",
                as_png(picture.image),
                picture.image.size,
            )
            for picture in report.pictures
        )
        for picture in pictures:
            store.put(picture.key, picture.png, content_type="image/png")
        document = {
            "kind": report.kind,
            "run": run,
            "created_at": moment.isoformat(timespec="seconds"),
            "query": dict(report.query),
            "counts": dict(report.counts),
            "models": list(report.models),
            "settings": dict(report.settings),
            "left_out": dict(report.left_out),
            "images": list(report.images),
            "pictures": [
                {
                    "name": picture.name,
                    "key": picture.key,
                    "width": picture.size[0],
                    "height": picture.size[1],
                    "bytes": len(picture.png),
                    "sha256": hashlib.sha256(picture.png).hexdigest(),
                }
                for picture in pictures
            ],
        }
        written = json.dumps(document, ensure_ascii=False, indent=2).encode()
        store.put(f"{folder}{DOCUMENT}", written, content_type="application/json")
    return StoredReport(report.kind, run, pictures, document)


def stored_reports(store: ObjectStore) -> list[ListedReport]:
    """List the reports of a store, the latest first; no object is read."""
    found: dict[tuple[str, str], list[tuple[str, int]]] = {}
    whole = set()
    for info in store.list(PREFIX):
        key = KEY.fullmatch(info.key)
        if key is None:
            continue
        report = (key[1], key[2])
        if key[3] == DOCUMENT:
            whole.add(report)
        else:
            found.setdefault(report, []).append((info.key, info.size))
    listed = [
        ListedReport(
            kind,
            run,
            keys=tuple(key for key, _ in objects),
            bytes=sum(size for _, size in objects),
        )
        for (kind, run), objects in found.items()
        if (kind, run) in whole
    ]
    return sorted(listed, key=lambda report: (_moment(report.run), report.kind), reverse=True)


def _free_run(store: ObjectStore, kind: str, moment: str) -> str:
    taken = {
        info.key.split("/")[2] for info in store.list(f"{PREFIX}{kind}/{moment}") if "/" in info.key
    }
    names = (moment if number == 1 else f"{moment}-{number}" for number in count(1))
    return next(name for name in names if name not in taken)


def _moment(run: str) -> tuple[str, int]:
    moment, _, number = run.partition("-")
    return moment, int(number or 1)
