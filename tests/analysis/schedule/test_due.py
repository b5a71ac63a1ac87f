"""What is due follows from the entry, its last runs and the time, and from nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.schedule.due import MOST_RESUMED, Due, find_due, lot, next_due
from analysis.schedule.entries import Entry, Schedule
from analysis.schedule.record import Run

NIGHT = datetime(2026, 5, 4, 2, 15, tzinfo=UTC)
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)


def entry(**keys: Any) -> Entry:
    if "after" not in keys:
        keys.setdefault("cron", "15 2 * * *")
    schedule = Schedule.model_validate(
        {"timezone": "UTC", "entries": {"it": {"analyze": [], **keys}}}
    )
    return schedule.entries["it"]


def ran(
    due_at: datetime | None,
    state: str = "done",
    *,
    exit_code: int | None = 0,
    started_at: datetime | None = None,
    took: timedelta = timedelta(minutes=10),
) -> Run:
    started = started_at or due_at
    assert started is not None
    finished = None if state == "running" else started + took
    return Run(1, "it", ("x",), state, due_at, started, finished, exit_code, None, "host 1 b")


def find(
    one: Entry,
    *runs: Run,
    now: datetime,
    since: datetime = NIGHT - 10 * DAY,
    began: datetime = NIGHT - 10 * DAY,
    **others: list[Run],
) -> Due | None:
    """What is due of an entry with these runs, the oldest first."""
    return find_due(one, runs[::-1], others, since=since, began=began, now=now)


def test_it_is_due_at_its_time_and_once() -> None:
    one = entry()
    last = ran(NIGHT - DAY)
    assert find(one, last, now=NIGHT - MINUTE) is None
    assert find(one, last, now=NIGHT) == Due(NIGHT, "clock")
    assert find(one, last, ran(NIGHT), now=NIGHT + MINUTE) is None
    assert find(one, last, ran(NIGHT, "skipped"), now=NIGHT + MINUTE) is None


def test_what_was_missed_is_made_up_for_once() -> None:
    assert find(entry(), ran(NIGHT - 8 * DAY), now=NIGHT + 3 * MINUTE) == Due(NIGHT, "clock")


def test_due_times_of_before_it_was_known_are_nobodys() -> None:
    assert find(entry(), now=NIGHT + MINUTE, since=NIGHT + MINUTE) is None
    assert find(entry(), now=NIGHT + DAY, since=NIGHT + MINUTE) == Due(NIGHT + DAY, "clock")
    # Without catch_up, that is what the scheduler asks for after a restart.
    assert find(entry(), ran(NIGHT - 2 * DAY), now=NIGHT + MINUTE, since=NIGHT + MINUTE) is None


def test_a_run_by_hand_does_not_stand_for_one_that_is_due() -> None:
    by_hand = ran(None, started_at=NIGHT - MINUTE)
    assert find(entry(), ran(NIGHT - DAY), by_hand, now=NIGHT) == Due(NIGHT, "clock")


def test_a_clock_that_was_set_back_runs_nothing_twice() -> None:
    assert find(entry(), ran(NIGHT), now=NIGHT - 3 * MINUTE) is None


def test_behind_others_when_all_have_ended_well() -> None:
    one = entry(after=["a", "b"])
    a, b = ran(NIGHT), ran(NIGHT + DAY / 2, "retryable")
    at = NIGHT + DAY / 2 + 10 * MINUTE
    assert find(one, now=at, a=[a], b=[]) is None
    assert find(one, now=at, a=[a], b=[b]) == Due(at, "after")
    assert find(one, ran(at), now=at + DAY, a=[a], b=[b]) is None
    # One of them alone is not enough again.
    again = ran(NIGHT + DAY)
    assert find(one, ran(at), now=at + DAY, a=[again, a], b=[b]) is None
    failed = ran(NIGHT + DAY, "failed", exit_code=1)
    assert find(one, now=at + DAY, a=[failed], b=[b]) is None
    # A failure does not take back that it ended well before.
    assert find(one, now=at + DAY, a=[failed, a], b=[b]) == Due(at, "after")


def test_behind_others_and_by_the_clock() -> None:
    one = entry(cron="15 2 * * *", after=["a"])
    assert find(one, now=NIGHT, a=[]) == Due(NIGHT, "clock")
    ended = NIGHT + 10 * MINUTE
    assert find(one, ran(NIGHT), now=ended, a=[ran(NIGHT)]) == Due(ended, "after")


def test_a_failed_run_is_tried_again_as_often_as_is_said() -> None:
    one = entry(retries=2, retry_minutes=30)
    failed = ran(NIGHT, "failed", exit_code=1)
    assert find(entry(), failed, now=NIGHT + DAY / 2) is None
    assert find(one, failed, now=NIGHT + 39 * MINUTE) is None
    assert find(one, failed, now=NIGHT + 40 * MINUTE) == Due(NIGHT, "retry")
    later = ran(NIGHT, "retryable", exit_code=4, started_at=NIGHT + 40 * MINUTE)
    assert find(one, failed, later, now=NIGHT + 80 * MINUTE) == Due(NIGHT, "retry")
    assert find(one, failed, later, later, now=NIGHT + DAY / 2) is None
    assert find(one, failed, ran(NIGHT), now=NIGHT + DAY / 2) is None
    # What is due anew comes first, and has its tries for itself.
    assert find(one, failed, later, later, now=NIGHT + DAY) == Due(NIGHT + DAY, "clock")


def test_wrong_usage_is_not_tried_again() -> None:
    assert find(entry(retries=5), ran(NIGHT, "failed", exit_code=2), now=NIGHT + DAY / 2) is None


def test_a_run_that_was_cut_short_is_run_again() -> None:
    killed = ran(NIGHT, "interrupted", exit_code=None)
    now = NIGHT + 11 * MINUTE
    assert find(entry(), killed, now=now) == Due(NIGHT, "resume")
    assert find(entry(catch_up=False), killed, now=now) is None
    assert find(entry(), *[killed] * MOST_RESUMED, now=now) == Due(NIGHT, "resume")
    assert find(entry(), *[killed] * (MOST_RESUMED + 1), now=now) is None


def test_who_interrupts_a_run_means_it_and_who_ends_the_scheduler_does_not() -> None:
    told = ran(NIGHT, "interrupted", exit_code=130)
    now = NIGHT + 20 * MINUTE
    assert find(entry(), told, now=now, began=NIGHT) is None
    assert find(entry(), told, now=now, began=NIGHT + 15 * MINUTE) == Due(NIGHT, "resume")


def test_lots_are_the_same_for_everybody_and_start_nothing_early() -> None:
    one = entry(jitter_minutes=30)
    delay = lot(one, NIGHT)
    assert timedelta() < delay < timedelta(minutes=30)
    assert delay != lot(one, NIGHT + DAY)
    assert find(one, ran(NIGHT - DAY), now=NIGHT + delay - timedelta(seconds=1)) is None
    assert find(one, ran(NIGHT - DAY), now=NIGHT + delay) == Due(NIGHT, "clock")
    assert next_due(one, [ran(NIGHT - DAY)], NIGHT - DAY) == NIGHT + delay


CRONS = st.sampled_from(["* * * * *", "*/15 * * * *", "15 2 * * *", "0 5 * * sun", "@monthly"])


@settings(max_examples=30)
@given(CRONS, st.lists(st.timedeltas(timedelta(seconds=1), DAY * 20), max_size=12))
def test_whenever_it_looks_each_due_time_is_dealt_with_at_most_once(
    cron: str, steps: list[timedelta]
) -> None:
    one = entry(cron=cron)
    assert one.times is not None
    now, runs = NIGHT, []
    for step in steps:
        now += step
        due = find(one, *runs, now=now, since=NIGHT)
        floor = max([run.due_at for run in runs if run.due_at], default=NIGHT)
        assert (due is None) == (one.times.next_after(floor) > now)
        if due is not None:
            assert floor < due.at <= now < one.times.next_after(due.at)
            runs.append(ran(due.at, started_at=now))
            assert find(one, *runs, now=now, since=NIGHT) is None
