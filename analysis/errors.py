"""What can go wrong in analysis, told in one sentence with the cure."""

from __future__ import annotations

from storage.errors import ArtworksError, UsageError


class AnalysisError(ArtworksError):
    """Base of errors of this package that are no fault of the command."""


class UnknownJob(UsageError):
    """No job has this name."""


class JobRunning(UsageError):
    """Another process runs the same job on the same database."""


class ModelChanged(AnalysisError):
    """A model is registered under this name and version with other parameters."""


class NotAColor(UsageError):
    """A text that does not name a colour."""


class NoSuchFile(UsageError):
    """A file to describe that cannot be read."""


class NothingToShow(UsageError):
    """A picture was asked for, and no stored work fits."""
