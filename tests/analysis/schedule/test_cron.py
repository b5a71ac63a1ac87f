"""Cron expressions mean what cron means, also when clocks are changed."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from analysis.schedule.cron import WORDS, Cron

BERLIN = ZoneInfo("Europe/Berlin")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")  # its clocks are changed by half an hour
# A Monday, far from any change of clocks.
MONDAY = datetime(2026, 1, 5, tzinfo=UTC)


def due(expression: str, start: datetime, count: int, zone: ZoneInfo = BERLIN) -> list[str]:
    """The next due times, by the clock on the wall."""
    cron, found = Cron.parse(expression, zone), []
    for _ in range(count):
        start = cron.next_after(start)
        found.append(f"{start.astimezone(zone):%d.%m. %H:%M %Z}")
    return found


def days(expression: str, count: int) -> list[str]:
    cron, found, start = Cron.parse(expression, UTC), [], MONDAY - timedelta(minutes=1)
    for _ in range(count):
        start = cron.next_after(start)
        found.append(f"{start:%a %d}")
    return found


@pytest.mark.parametrize(
    ("weekday", "expected"),
    [
        ("0", ["Sun 11", "Sun 18"]),
        ("7", ["Sun 11", "Sun 18"]),
        ("sun", ["Sun 11", "Sun 18"]),
        ("1", ["Mon 05", "Mon 12"]),
        ("SAT", ["Sat 10", "Sat 17"]),
        ("1-5", ["Mon 05", "Tue 06", "Wed 07", "Thu 08", "Fri 09", "Mon 12"]),
        ("fri-sun", ["Fri 09", "Sat 10", "Sun 11", "Fri 16"]),
        ("5-7", ["Fri 09", "Sat 10", "Sun 11", "Fri 16"]),
        ("0-6/3", ["Wed 07", "Sat 10", "Sun 11", "Wed 14"]),
        ("*/2", ["Tue 06", "Thu 08", "Sat 10", "Sun 11", "Tue 13"]),
        ("mon,3,sat", ["Mon 05", "Wed 07", "Sat 10", "Mon 12"]),
    ],
)
def test_the_week_begins_with_sunday(weekday: str, expected: list[str]) -> None:
    assert days(f"0 0 * * {weekday}", len(expected)) == expected


def test_one_of_two_limited_days_is_enough_as_in_cron() -> None:
    assert days("0 0 13 * fri", 4) == ["Fri 09", "Tue 13", "Fri 16", "Fri 23"]
    # Where one has a star, both must fit: every second day that is a Friday.
    assert days("0 0 */2 * fri", 3) == ["Fri 09", "Fri 23", "Fri 13"]


def test_months_and_leap_days() -> None:
    assert due("0 12 1 jan,JUL *", MONDAY, 3) == [
        "01.07. 12:00 CEST",
        "01.01. 12:00 CET",
        "01.07. 12:00 CEST",
    ]
    leap = Cron.parse("0 0 29 2 *", UTC)
    assert leap.next_after(MONDAY) == datetime(2028, 2, 29, tzinfo=UTC)


@pytest.mark.parametrize("word", WORDS)
def test_words_are_short_for_fields(word: str) -> None:
    spelled = Cron.parse(WORDS[word], BERLIN)
    assert Cron.parse(word.upper(), BERLIN).next_after(MONDAY) == spelled.next_after(MONDAY)


def test_a_named_hour_comes_once_a_day_when_clocks_go_forward() -> None:
    before = datetime(2026, 3, 28, 12, tzinfo=BERLIN)
    assert due("30 2 * * *", before, 2) == ["29.03. 03:30 CEST", "30.03. 02:30 CEST"]
    # The hour that is left out does not come before one that follows it.
    assert due("30 2,3 * * *", before, 3) == [
        "29.03. 03:30 CEST",
        "30.03. 02:30 CEST",
        "30.03. 03:30 CEST",
    ]
    assert due("45 2 * * *", datetime(2026, 3, 29, 1, 59, tzinfo=BERLIN), 1) == [
        "29.03. 03:45 CEST"
    ]


def test_a_named_hour_comes_once_a_day_when_clocks_go_back() -> None:
    before = datetime(2026, 10, 24, 12, tzinfo=BERLIN)
    assert due("30 2 * * *", before, 2) == ["25.10. 02:30 CEST", "26.10. 02:30 CET"]


def test_every_hour_goes_on_when_clocks_are_changed() -> None:
    forward = datetime(2026, 3, 29, 1, tzinfo=BERLIN)
    assert due("30 * * * *", forward, 3) == [
        "29.03. 01:30 CET",
        "29.03. 03:30 CEST",
        "29.03. 04:30 CEST",
    ]
    back = datetime(2026, 10, 25, 2, tzinfo=BERLIN)
    assert due("30 * * * *", back, 3) == [
        "25.10. 02:30 CEST",
        "25.10. 02:30 CET",
        "25.10. 03:30 CET",
    ]


def fits(expression: str, clock_time: datetime) -> bool:
    """Whether a clock time fits, by the definition of cron: numbers, lists, ranges and steps."""

    def field(written: str, value: int, least: int, most: int) -> bool:
        for part in written.split(","):
            span, _, step = part.partition("/")
            first, _, last = (f"{least}-{most}" if span == "*" else span).partition("-")
            if value in range(int(first), int(last or first) + 1, int(step or 1)):
                return True
        return False

    minute, hour, day, month, weekday = expression.split()
    sunday = clock_time.isoweekday() % 7
    on_day = field(day, clock_time.day, 1, 31)
    on_weekday = field(weekday, sunday, 0, 7) or (sunday == 0 and field(weekday, 7, 0, 7))
    either = "*" not in day and "*" not in weekday
    return (
        field(minute, clock_time.minute, 0, 59)
        and field(hour, clock_time.hour, 0, 23)
        and field(month, clock_time.month, 1, 12)
        and ((on_day or on_weekday) if either else (on_day and on_weekday))
    )


def fields(least: int, most: int) -> st.SearchStrategy[str]:
    numbers = st.integers(least, most)
    ranges = st.tuples(numbers, numbers).map(lambda pair: f"{min(pair)}-{max(pair)}")
    steps = st.tuples(st.one_of(st.just("*"), ranges), st.integers(1, most)).map(
        lambda pair: f"{pair[0]}/{pair[1]}"
    )
    part = st.one_of(numbers.map(str), ranges, steps)
    return st.one_of(st.just("*"), st.lists(part, min_size=1, max_size=3).map(",".join))


EXPRESSIONS = st.tuples(
    fields(0, 59), fields(0, 23), st.one_of(st.just("*"), fields(1, 28)), st.just("*"), fields(0, 7)
).map(" ".join)
MOMENTS = st.one_of(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)),
    # Around the changes of the clocks of all zones below.
    st.datetimes(datetime(2026, 3, 28, 20), datetime(2026, 3, 29, 6)),
    st.datetimes(datetime(2026, 10, 24, 20), datetime(2026, 10, 25, 6)),
    st.datetimes(datetime(2026, 4, 4, 10), datetime(2026, 4, 4, 20)),
    st.datetimes(datetime(2026, 10, 3, 10), datetime(2026, 10, 3, 20)),
).map(lambda moment: moment.replace(tzinfo=UTC))
ZONES = st.sampled_from([ZoneInfo("UTC"), BERLIN, LORD_HOWE, ZoneInfo("America/New_York")])


@settings(max_examples=40)
@given(EXPRESSIONS, MOMENTS, ZONES)
@example("15,45 2 * * *", datetime(2026, 10, 3, 15, 20, tzinfo=UTC), LORD_HOWE)
@example("0 * * * *", datetime(2026, 4, 4, 14, 45, tzinfo=UTC), LORD_HOWE)
def test_what_is_due_next_fits_and_nothing_before_it_does(
    expression: str, start: datetime, zone: ZoneInfo
) -> None:
    cron = Cron.parse(expression, zone)
    found = cron.next_after(start)
    assert found > start
    minute = start.replace(second=0, microsecond=0) + timedelta(minutes=1)
    # Minute by minute, over half a day at most: longer ways differ in nothing.
    for _ in range(12 * 60):
        clock_time = minute.astimezone(zone).replace(tzinfo=None)
        is_second = minute.astimezone(zone).fold == 1
        expected = fits(expression, clock_time) and (cron.every_hour or not is_second)
        left_out = not cron.every_hour and any(
            fits(expression, gone) for gone in _left_out(minute, zone)
        )
        if minute == found:
            assert expected or left_out
            return
        assert not expected
        assert not left_out
        minute += timedelta(minutes=1)
    assert found >= minute


def _left_out(moment: datetime, zone: ZoneInfo) -> list[datetime]:
    """Clock times that are left out, and stand for this moment."""
    local = moment.astimezone(zone)
    shifts = {timedelta(minutes=30), timedelta(hours=1)}
    earlier = [local.replace(tzinfo=None) - shift for shift in shifts]
    return [
        time
        for time in earlier
        if time.replace(tzinfo=zone).astimezone(UTC) == moment
        and time.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None) != time
    ]


@given(EXPRESSIONS, MOMENTS, ZONES, st.timedeltas(timedelta(), timedelta(days=400)))
def test_the_latest_due_time_is_the_last_before_the_next(
    expression: str, after: datetime, zone: ZoneInfo, span: timedelta
) -> None:
    cron = Cron.parse(expression, zone)
    until = after + span
    found = cron.latest(after, until)
    if found is None:
        assert cron.next_after(after) > until
    else:
        assert after < found <= until
        assert cron.next_after(found) > until
        assert cron.next_after(found - timedelta(seconds=1)) == found


@pytest.mark.parametrize(
    ("expression", "cure"),
    [
        ("", "five are needed"),
        ("* * * *", "has 4 fields, and five are needed"),
        ("0 0 * * * *", "has 6 fields"),
        ("60 * * * *", "60 is out of range: the minute goes from 0 to 59"),
        ("0 24 * * *", "the hour goes from 0 to 23"),
        ("0 0 0 * *", "the day of the month goes from 1 to 31"),
        ("0 0 * 13 *", "the month goes from 1 to 12"),
        ("0 0 * * 8", "the day of the week goes from 0 to 7"),
        ("0 0 * * moon", "'moon' is no day of the week: use 0 to 7, or sun to sat"),
        ("0 0 * june *", "use 1 to 12, or jan to dec"),
        ("5/15 * * * *", "'5/15' has no end: write 5-59/15"),
        ("*/0 * * * *", "stands still"),
        ("30-10 * * * *", "runs backwards: write 30-59,0-10"),
        ("1,,2 * * * *", "use a number, a range"),
        ("-1 * * * *", "use a number, a range"),
        ("0 0 30 2 *", "never comes: no such month has 30 days"),
        ("0 0 31 4,6,9,11 *", "never comes"),
        ("@reboot", "'@reboot' is unknown: use @yearly"),
        ("٣ * * * *", "is no minute"),
    ],
)
def test_what_is_wrong_is_told_with_the_cure(expression: str, cure: str) -> None:
    with pytest.raises(ValueError, match=re.escape(cure)):
        Cron.parse(expression, UTC)
