"""Settings of the storage package, read from the environment or `.env`."""

from __future__ import annotations

import os
import re
import stat
from functools import cached_property
from pathlib import Path
from urllib.parse import quote

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from storage.errors import SettingError

ENV_PREFIX = "ARTWORKS_"
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")

_SECRET_PARAMETERS = re.compile(r"([?&]\w*(?:password|secret|token)\w*=)[^&#]*", re.IGNORECASE)
_DELIMITERS = re.compile(r"[/?#]")


class StorageSettings(BaseSettings):
    """Where the collection lives."""

    model_config = SettingsConfigDict(env_prefix=ENV_PREFIX, env_file=".env", extra="ignore")

    home: Path = Field(
        default=Path("var"), description="Folder of embedded services and local files."
    )
    database_url: SecretStr | None = Field(
        default=None,
        description="Any PostgreSQL ≥ 15 with pgvector; unset: an embedded server under the home.",
    )
    objects_url: SecretStr | None = Field(
        default=None,
        description=(
            "`file:///path` or `minio://KEY:SECRET@host:port/bucket?secure=0|1&region=`; "
            "unset: a folder under the home."
        ),
    )
    log_level: str = Field(default="INFO", description="Log level: DEBUG, INFO, WARNING or ERROR.")
    log_file: Path | None = Field(default=None, description="Log file; unset: standard error.")

    @field_validator("log_level")
    @classmethod
    def _is_level(cls, level: str) -> str:
        if level.upper() not in LOG_LEVELS:
            raise ValueError(f"must be one of {', '.join(LOG_LEVELS)}")
        return level.upper()

    @cached_property
    def home_path(self) -> Path:
        """The home as an absolute path, checked to be usable.

        Raises SettingError where the embedded PostgreSQL could not work: as root it runs under
        a user of its own, which must be able to walk down to the folder.
        """
        home = self.home.expanduser().resolve()
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            for parent in home.parents:
                if parent.exists() and not parent.stat().st_mode & stat.S_IXOTH:
                    raise SettingError(
                        f"ARTWORKS_HOME={home} lies below {parent}, which others may not enter, "
                        "and the embedded PostgreSQL does not run as root: set ARTWORKS_HOME to a "
                        f"folder outside of it (such as /var/lib/artworks), or chmod o+x {parent}."
                    )
        return home

    @property
    def objects_location(self) -> str:
        """The object store's URL with its secrets, the default filled in."""
        if self.objects_url is not None:
            return self.objects_url.get_secret_value()
        return (self.home_path / "objects").as_uri()


def redact(url: str) -> str:
    """Return `url` with its user name kept and its secrets replaced by `***`.

    Malformed URLs are shown in messages too, so nothing is parsed that could refuse: whatever
    stands before the last @ may be a password.
    """
    url = _SECRET_PARAMETERS.sub(r"\1***", url)
    start = url.find("://") + 3 if "://" in url else 0
    credentials, at, rest = url[start:].rpartition("@")
    user, colon, _ = credentials.partition(":")
    if not at or (not colon and not _DELIMITERS.search(user)):
        return url
    return f"{url[:start]}{'' if _DELIMITERS.search(user) else user}:***@{rest}"


def percent_encode(text: str) -> str:
    """Encode `text` for use as user or password in a URL."""
    return quote(text, safe="")


def describe_validation_error(error: ValidationError, prefix: str = ENV_PREFIX) -> str:
    """Return one sentence naming each wrong setting and what is wrong with it."""
    problems = [
        f"{prefix}{'.'.join(str(part) for part in item['loc']).upper()}: {item['msg']}"
        for item in error.errors()
    ]
    return "; ".join(problems)


def load_settings() -> StorageSettings:
    """Read the settings; raise SettingError naming the wrong one."""
    try:
        return StorageSettings()
    except ValidationError as error:
        raise SettingError(f"wrong setting: {describe_validation_error(error)}") from error
