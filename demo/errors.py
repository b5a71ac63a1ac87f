"""What can go wrong when the museum opens; every message names the cure."""

from __future__ import annotations

from storage.errors import UsageError


class MuseumError(UsageError):
    """The museum cannot open as asked."""


class PortBusy(MuseumError):
    """Something else already listens on the port."""


class FolderError(MuseumError):
    """A folder or its table cannot be shown as a museum."""
