"""The schedule's file: what runs, and when.

The classes below are the tables of the file, their fields the keys, each with its meaning and
default. A whole file:

    timezone = "Europe/Berlin"

    [entries.nightly-crawl]
    cron = "15 2 * * *"
    crawl = { site = "demo", refresh = 7 }

    [entries.analysis]
    after = ["nightly-crawl"]
    analyze = ["colors"]
"""

from __future__ import annotations

from datetime import UTC, tzinfo
from functools import cached_property
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    field_validator,
    model_validator,
)
from tzlocal import get_localzone

from analysis.schedule.cron import Cron

PROGRAMS = ("artworks", "scrapy")
MAX_AT_ONCE = 8


class Table(BaseModel):
    """Base of all tables of the file: read-only, and unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


Words = Annotated[tuple[str, ...], BeforeValidator(_as_list)]


class Crawl(Table):
    """`crawl = { site = "…", … }`: what is given to `scrapy crawl artworks` with `-a`."""

    site: str = Field(min_length=1, description="Name or path of the site's profile.")
    category: Words = Field(default=(), description="Categories; default: all.")
    limit: int | None = Field(default=None, ge=1, description="Artworks of one run, at most.")
    refresh: float | None = Field(
        default=None, ge=0, description="Ask again for what is older than so many days."
    )
    full: bool = Field(default=False, description="Read listings that are sorted to their end.")
    base_url: str | None = Field(default=None, description="Another address of the site.")
    start: Words = Field(default=(), description="Where a general profile begins.")
    dry_run: bool = Field(default=False, description="Store nothing.")

    @property
    def command(self) -> list[str]:
        """The command line, word by word."""
        words = ["scrapy", "crawl", "artworks"]
        for name in type(self).model_fields:
            value = getattr(self, name)
            if value is None or value is False or value == ():
                continue
            words += ["-a", f"{name}={_shown(value)}"]
        return words


class Entry(Table):
    """`[entries.NAME]`: one thing that runs, and when."""

    cron: str | None = Field(
        default=None,
        description="When it is due: minute, hour, day of the month, month, day of the week, as "
        "in a crontab; or @hourly, @daily, @weekly, @monthly, @yearly.",
    )
    after: Words = Field(
        default=(),
        description="Entries behind which it is due: when each has ended with 0 or 4 since.",
    )
    crawl: Crawl | None = Field(default=None, description="Crawl a site.")
    analyze: Words | None = Field(
        default=None, description="Run these jobs of `artworks analyze`; []: all there are."
    )
    command: tuple[str, ...] = Field(
        default=(), description='Any other command, word by word: ["artworks", "verify"].'
    )
    enabled: bool = Field(default=True, description="Whether it is due at all.")
    catch_up: bool = Field(
        default=True,
        description="Whether a run that was missed or cut short while no scheduler ran is made up "
        "for, once.",
    )
    timeout_minutes: float | None = Field(
        default=None, gt=0, description="How long it may run; then it is told to end."
    )
    jitter_minutes: float = Field(
        default=0, ge=0, le=1440, description="Start up to so many minutes later, by lot."
    )
    retries: int = Field(
        default=0, ge=0, le=20, description="Further tries after a run that failed."
    )
    retry_minutes: float = Field(
        default=10, gt=0, le=10080, description="Minutes between these tries."
    )

    _name: str = PrivateAttr(default="")
    _times: Cron | None = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _check_whole(self) -> Entry:
        given = [
            key
            for key, value in (
                ("crawl", self.crawl),
                ("analyze", self.analyze),
                ("command", self.command or None),
            )
            if value is not None
        ]
        if len(given) != 1:
            what = f"{' and '.join(given)} are given" if given else "nothing to run is given"
            raise ValueError(
                f'{what}; give one of crawl = {{ site = "…" }}, analyze = ["…"] and '
                'command = ["artworks", "…"]'
            )
        if self.cron is None and not self.after:
            raise ValueError(
                'it is never due; add cron = "15 2 * * *", or after = ["…"] with another entry'
            )
        return self

    @field_validator("cron")
    @classmethod
    def _check_cron(cls, expression: str | None) -> str | None:
        if expression is not None:
            Cron.parse(expression, UTC)
        return expression

    @field_validator("command")
    @classmethod
    def _check_program(cls, words: tuple[str, ...]) -> tuple[str, ...]:
        if words and words[0] not in PROGRAMS:
            raise ValueError(
                f"{words[0]!r} is none of our programs; write the words of an artworks command, "
                'such as ["artworks", "verify", "--sample", "200"]'
            )
        return words

    @property
    def name(self) -> str:
        """Name in the file."""
        return self._name

    @property
    def times(self) -> Cron | None:
        """When it is due by the clock; None: behind other entries only."""
        return self._times

    @property
    def key(self) -> str:
        """The key that says what it runs."""
        return "crawl" if self.crawl else "command" if self.command else "analyze"

    @property
    def words(self) -> list[str]:
        """The command line that it runs, word by word, as people type it."""
        if self.crawl is not None:
            return self.crawl.command
        if self.command:
            return list(self.command)
        return ["artworks", "analyze", *(self.analyze or ())]


class Schedule(Table):
    """The whole file."""

    timezone: str | None = Field(
        default=None, description="Zone of all times, such as Europe/Berlin; default: the system's."
    )
    at_once: int = Field(
        default=2, ge=1, le=MAX_AT_ONCE, description="Entries that run at the same time, at most."
    )
    stop_seconds: float = Field(
        default=60,
        ge=0,
        le=3600,
        description="How long a run that is told to end may take for it before it is killed.",
    )
    keep: int = Field(
        default=500, ge=10, description="Runs of each entry that are kept in `schedule_runs`."
    )
    entries: dict[str, Entry] = Field(description="`[entries.NAME]`.")

    @field_validator("timezone")
    @classmethod
    def _check_zone(cls, name: str | None) -> str | None:
        if name is not None:
            _zone(name)
        return name

    @cached_property
    def zone(self) -> tzinfo:
        """Zone of all times."""
        return get_localzone() if self.timezone is None else _zone(self.timezone)

    @property
    def enabled(self) -> dict[str, Entry]:
        """The entries that are due at all, by name."""
        return {name: entry for name, entry in self.entries.items() if entry.enabled}

    @model_validator(mode="after")
    def _tell_entries(self) -> Schedule:
        for name, entry in self.entries.items():
            entry._name = name
            if entry.cron is not None:
                entry._times = Cron.parse(entry.cron, self.zone)
        return self


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(value)
    if isinstance(value, bool):
        return "1"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError) as error:
        raise ValueError(
            f"{name!r} is no time zone; use a name such as 'Europe/Berlin' or 'UTC'"
        ) from error
