"""What analysis keeps in the store: trained models beside their rows, and reports that are whole.

A training puts objects first and the row last, and a report its pictures first and `report.json`
last. What is young may be under way, and is not judged.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import text

from storage.database import Database
from storage.errors import ObjectNotFound
from storage.objects import ObjectInfo, ObjectStore
from storage.reports import DOCUMENT, KEY, PREFIX, lock_reports
from storage.verification.contents import hash_of
from storage.verification.findings import Finding, Repaired

MODELS: Final = "models/"
"""Where trained models are: `models/<name>/<version>/…`."""

_ROWS: Final = text("""
    SELECT name, version, artifact_key, params->>'artifact_sha256' AS sha256
    FROM models ORDER BY name, version
""")
_STILL_THERE: Final = text("""
    SELECT EXISTS (SELECT FROM models WHERE artifact_key = :key)
""")
_NAMED: Final = text("SELECT name || '/' || version FROM models")


class Artifacts:
    """Looks at trained models and at reports."""

    def __init__(
        self, database: Database, store: ObjectStore, *, grace: timedelta, reads: bool
    ) -> None:
        """With `reads`, artifacts are read and hashed; what is younger than `grace` is left out."""
        self._database = database
        self._store = store
        self._grace = grace
        self._reads = reads

    def findings(self) -> Iterator[Finding]:
        """Yield what is wrong."""
        # Rows first: what is registered has its objects.
        with self._database.begin() as connection:
            rows = connection.execute(_ROWS).all()
        for row in rows:
            if row.artifact_key is not None:
                yield from self._wrong(row)
        yield from self._orphans()
        yield from self._unfinished()

    def _wrong(self, row: Any) -> Iterator[Finding]:
        label = f"{row.name}/{row.version}"
        try:
            if not self._reads or row.sha256 is None:
                self._store.stat(row.artifact_key)
                return
            found, _ = hash_of(self._store, row.artifact_key)
        except ObjectNotFound:
            code, told = "artifact_missing", f"the store holds no such object; it is {label}"
        else:
            if found == row.sha256:
                return
            code, told = "artifact_damaged", f"its bytes have the sha256 {found}; it is {label}"
        with self._database.begin() as connection:
            if connection.execute(_STILL_THERE, {"key": row.artifact_key}).scalar_one():
                yield Finding(code, row.artifact_key, told)

    def _orphans(self) -> Iterator[Finding]:
        files: dict[str, list[ObjectInfo]] = defaultdict(list)
        for info in self._store.list(MODELS):
            files[_label(info.key)].append(info)
        with self._database.begin() as connection:
            named = set(connection.execute(_NAMED).scalars())
        for label, found in sorted(files.items()):
            if label in named or self._is_young(found):
                continue
            for info in found:
                yield Finding("artifact_orphaned", info.key, f"{info.size} bytes")

    def _unfinished(self) -> Iterator[Finding]:
        reports: dict[str, dict[str, ObjectInfo]] = defaultdict(dict)
        for info in self._store.list(PREFIX):
            if KEY.fullmatch(info.key):
                folder, _, file = info.key.rpartition("/")
                reports[folder][file] = info
        for folder, files in sorted(reports.items()):
            if DOCUMENT not in files and not self._is_young(list(files.values())):
                told = f"{len(files)} files without {DOCUMENT}"
                yield Finding("report_unfinished", f"{folder}/", told)

    def _is_young(self, found: list[ObjectInfo]) -> bool:
        oldest = datetime.now(UTC) - self._grace
        return any(info.modified is not None and info.modified > oldest for info in found)


def leave_artifacts(findings: Sequence[Finding]) -> Iterator[Repaired]:
    """Say what to do about artifacts: nobody but a training can make one."""
    told = "train it anew, or restore the object from a backup"
    for finding in findings:
        yield Repaired(finding, "left", told)


def delete_orphans(
    database: Database, store: ObjectStore, findings: Sequence[Finding]
) -> Iterator[Repaired]:
    """Delete files of models that are not registered."""
    for finding in findings:
        with database.begin() as connection:
            named = set(connection.execute(_NAMED).scalars())
        if _label(finding.subject) in named:
            yield Repaired(finding, "mended", "its model is registered now")
        else:
            store.delete(finding.subject)
            yield Repaired(finding, "mended", "deleted")


def delete_unfinished(
    database: Database, store: ObjectStore, findings: Sequence[Finding]
) -> Iterator[Repaired]:
    """Delete the pictures of reports that were cut off, while no report is stored."""
    for finding in findings:
        with database.begin() as connection:
            lock_reports(connection)
            keys = [info.key for info in store.list(finding.subject)]
            is_whole = f"{finding.subject}{DOCUMENT}" in keys
            for key in keys if not is_whole else ():
                store.delete(key)
        yield Repaired(finding, "mended", "it is whole now" if is_whole else "deleted")


def _label(key: str) -> str:
    """Return the name/version of the model that a file belongs to; nothing where it is none's."""
    name, _, file = key.removeprefix(MODELS).partition("/")
    version, slash, _ = file.partition("/")
    return f"{name}/{version}" if slash else ""
