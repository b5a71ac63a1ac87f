"""Cron expressions: five fields as cron reads them, and the moments at which they are due.

APScheduler knows the calendar. What differs from cron is settled here: its weekdays begin with
Monday, it wants a day to match both day fields where cron wants one of them, and when clocks are
changed it leaves times out, or takes them twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from apscheduler.triggers.cron import CronTrigger

WORDS: Mapping[str, str] = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
LONGEST_MONTHS = dict(
    zip(range(1, 13), (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31), strict=True)
)
# No zone moves its clock by more than two hours.
CLOCK_CHANGE = timedelta(hours=3)
# Two due times are at least so far apart.
SHORTEST = timedelta(minutes=1)

_PART = re.compile(r"(?:\*|(\w+)(?:-(\w+))?)(?:/(\d+))?")


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    least: int
    most: int
    names: tuple[str, ...] = ()

    def number(self, written: str) -> int:
        if written.isascii() and written.isdecimal():
            value = int(written)
        elif written.lower() in self.names:
            value = self.least + self.names.index(written.lower())
        else:
            words = f", or {self.names[0]} to {self.names[-1]}" if self.names else ""
            raise ValueError(
                f"{written!r} is no {self.name}: use {self.least} to {self.most}{words}"
            )
        if not self.least <= value <= self.most:
            raise ValueError(
                f"{written} is out of range: the {self.name} goes from {self.least} to {self.most}"
            )
        return value

    def values(self, written: str) -> frozenset[int]:
        """Return the numbers that a field stands for. Raises ValueError, with the cure."""
        found: set[int] = set()
        for part in written.split(","):
            match = _PART.fullmatch(part)
            if match is None:
                raise ValueError(
                    f"{part!r} is no {self.name}: use a number, a range (1-5), a step (*/10) or "
                    "*, several with commas between them"
                )
            first, last, step = match.groups()
            if step is not None and int(step) == 0:
                raise ValueError(f"{part!r} stands still: use a step of 1 or more")
            if first is None:
                least, most = self.least, self.most
            elif last is None:
                least = most = self.number(first)
                if step is not None:
                    raise ValueError(f"{part!r} has no end: write {first}-{self.most}/{step}")
            else:
                least, most = self.number(first), self.number(last)
                if least > most == 0 and self.names == WEEKDAYS:
                    most = 7  # fri-sun
                if most < least:
                    raise ValueError(
                        f"{part!r} runs backwards: write {first}-{self.most},{self.least}-{last}"
                    )
            found.update(range(least, most + 1, int(step or 1)))
        return frozenset(found)


FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of the month", 1, 31),
    _Field("month", 1, 12, MONTHS),
    _Field("day of the week", 0, 7, WEEKDAYS),
)


@dataclass(frozen=True, slots=True)
class Cron:
    """When an expression is due, in one time zone.

    When clocks go forward, a time that is left out is due as long after the change as it lies
    behind it (02:30 becomes 03:30); when they go back, a time that comes twice is due the first
    time only. An expression that takes every hour simply goes on: it is due in every hour that
    there really is.
    """

    expression: str
    zone: tzinfo
    triggers: tuple[CronTrigger, ...]
    every_hour: bool

    @classmethod
    def parse(cls, expression: str, zone: tzinfo) -> Cron:
        """Read five fields, or a word such as `@daily`. Raises ValueError, with the cure."""
        written = " ".join(expression.split())
        if written.startswith("@") and written.lower() not in WORDS:
            raise ValueError(f"{written!r} is unknown: use {', '.join(WORDS)}, or five fields")
        parts = WORDS.get(written.lower(), written).split()
        if len(parts) != len(FIELDS):
            raise ValueError(
                f"{written!r} has {len(parts)} fields, and five are needed: minute, hour, day of "
                "the month, month, day of the week, such as '15 2 * * *'"
            )
        minute, hour, day, month, weekday = (
            field.values(part) for field, part in zip(FIELDS, parts, strict=True)
        )
        weekday = frozenset(number % 7 for number in weekday)
        # As in cron: where both are limited, one of them is enough.
        either = "*" not in parts[2] and "*" not in parts[4]
        if not either and not any(min(day) <= LONGEST_MONTHS[number] for number in month):
            raise ValueError(f"{written!r} never comes: no such month has {min(day)} days")

        def trigger(days: frozenset[int], weekdays: frozenset[int]) -> CronTrigger:
            return CronTrigger(
                month=_listed(month),
                day=_listed(days),
                # APScheduler's week begins with Monday.
                day_of_week=_listed((number - 1) % 7 for number in weekdays),
                hour=_listed(hour),
                minute=_listed(minute),
                second=0,
                # Clock times without a zone; `_moments` puts them into ours.
                timezone=UTC,
            )

        every_day, every_weekday = FIELDS[2].values("*"), frozenset(range(7))
        triggers: tuple[CronTrigger, ...] = (trigger(day, weekday),)
        if either:
            triggers = (trigger(day, every_weekday), trigger(every_day, weekday))
        return cls(written, zone, triggers, len(hour) == 24)

    def next_after(self, moment: datetime) -> datetime:
        """Return the first due time after a moment, in UTC."""
        local = moment.astimezone(self.zone).replace(tzinfo=None)
        if not self._is_regular(local) or _offset(local, self.zone) != _offset(
            local - CLOCK_CHANGE, self.zone
        ):
            local -= CLOCK_CHANGE
        best: datetime | None = None
        until = datetime.max
        for clock_time in self._clock_times(local):
            if clock_time > until:
                break
            found = [due for due in self._moments(clock_time) if due > moment]
            if found and (best is None or found[0] < best):
                best = found[0]
                if self._is_regular(clock_time):
                    break
                # A clock time behind it may come before it.
                until = min(until, clock_time + CLOCK_CHANGE)
        assert best is not None, "an expression that never comes is refused"
        return best

    def latest(self, after: datetime, until: datetime) -> datetime | None:
        """Return the last due time after a moment and not behind another; None: there is none."""
        found = self.next_after(after)
        if found > until:
            return None
        # Nothing is due between `end` and `until`.
        end = until
        while end - found >= SHORTEST:
            middle = found + (end - found) / 2
            later = self.next_after(middle)
            if later <= until:
                found = later
            else:
                end = middle
        return found

    def _clock_times(self, start: datetime) -> Iterator[datetime]:
        """Give the clock times that match from `start` on, that one included, without a zone."""
        while True:
            after = start.replace(tzinfo=UTC)
            times = [one.get_next_fire_time(None, after) for one in self.triggers]
            found = min((time for time in times if time is not None), default=None)
            if found is None:
                return
            yield found.replace(tzinfo=None)
            start = found.replace(tzinfo=None) + timedelta(seconds=1)

    def _moments(self, clock_time: datetime) -> tuple[datetime, ...]:
        first, second = (
            clock_time.replace(tzinfo=self.zone, fold=fold).astimezone(UTC) for fold in (0, 1)
        )
        if first == second:
            return (first,)
        if first < second:  # comes twice
            return (first, second) if self.every_hour else (first,)
        return () if self.every_hour else (first,)  # is left out

    def _is_regular(self, clock_time: datetime) -> bool:
        return clock_time.replace(tzinfo=self.zone).utcoffset() == _offset(clock_time, self.zone, 1)


def _offset(clock_time: datetime, zone: tzinfo, fold: int = 0) -> timedelta | None:
    return clock_time.replace(tzinfo=zone, fold=fold).utcoffset()


def _listed(numbers: Iterable[int]) -> str:
    return ",".join(str(number) for number in sorted(numbers))
