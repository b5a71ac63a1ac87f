"""The exception tree. Every class maps to one documented exit code."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What a command's exit status means."""

    DONE = 0
    UNEXPECTED = 1
    USAGE = 2
    UNREACHABLE = 3
    RETRYABLE_FAILURES = 4
    MISMATCH = 5
    INTERRUPTED = 130


class ArtworksError(Exception):
    """Base of all errors that are told to people in one sentence, with the cure."""

    exit_code: ExitCode = ExitCode.UNEXPECTED


class UsageError(ArtworksError):
    """A command, an argument, a profile or a setting is wrong."""

    exit_code = ExitCode.USAGE


class SettingError(UsageError):
    """A setting is missing or malformed."""


class ServiceUnavailable(ArtworksError):
    """A service does not answer, or refuses our credentials."""

    exit_code = ExitCode.UNREACHABLE


class DatabaseUnavailable(ServiceUnavailable):
    """PostgreSQL cannot be reached, refuses the login, or lacks pgvector or the schema."""


class ObjectStoreUnavailable(ServiceUnavailable):
    """The object store cannot be reached, refuses the key, or has no such bucket."""


class ObjectNotFound(ArtworksError):
    """The object store answered, and holds no object under this key."""


class ImageRejected(ArtworksError):
    """Bytes that are not an acceptable image; `reason` is a documented failure code."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
