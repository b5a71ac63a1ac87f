"""How long a host is left alone, by what it answered."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.middlewares.robots import RobotsUnavailable
from crawler.pauses import (
    LONGEST_BACKOFF_S,
    REFUSALS,
    SHORTEST_S,
    HostPaused,
    Pause,
    Pauses,
    moment,
    pause_behind,
)
from crawler.retry_after import LONGEST_S

NOW = datetime(2026, 11, 6, 14, 0, 11, tzinfo=UTC)
HOST = "museum.example"


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def test_a_host_is_left_alone_for_as_long_as_it_asks() -> None:
    pauses = Pauses()
    pause = pauses.refuse(HOST, 429, "120", NOW)
    assert pause == Pause(after(120), "HTTP 429, Retry-After: 120")
    assert str(pause) == "HTTP 429, Retry-After: 120; paused until 2026-11-06 14:02:11 UTC"
    assert pauses.of(HOST, after(119)) == pause
    assert pauses.of(HOST, after(120)) is None
    assert pauses.of("other.example", NOW) is None
    assert list(pauses.in_effect(NOW)) == [(HOST, pause)]
    assert list(pauses.in_effect(after(120))) == []


def test_a_date_is_relative_to_the_servers_clock() -> None:
    ahead = after(3600)
    pause = Pauses().refuse(HOST, 503, "Fri, 06 Nov 2026 15:00:41 GMT", NOW, sent=ahead)
    assert pause.until == after(30)


@pytest.mark.parametrize("said", [None, "-5", "soon", "Sun, 06 Nov 1994 08:49:37 GMT"])
@pytest.mark.parametrize("status", sorted(REFUSALS))
def test_without_a_wish_pauses_double_until_a_success(status: int, said: str | None) -> None:
    pauses, now, first = Pauses(), NOW, REFUSALS[status]
    for times in range(4):
        pause = pauses.refuse(HOST, status, said, now)
        assert pause.seconds(now) == first * 2**times
        now = pause.until
    pauses.succeed(HOST, now)
    assert pauses.refuse(HOST, status, said, now).seconds(now) == first


def test_pauses_are_bounded() -> None:
    pauses, now = Pauses(), NOW
    for _ in range(200):
        now = pauses.refuse(HOST, 429, None, now).until
    assert pauses.refuse(HOST, 429, None, now).seconds(now) == LONGEST_BACKOFF_S
    assert pauses.refuse("b", 429, "1e12", NOW).until == after(LONGEST_S)
    assert pauses.refuse("c", 429, "0", NOW).until == after(SHORTEST_S)


def test_a_word_that_does_not_hold_is_no_longer_taken_alone() -> None:
    pauses, now, lengths = Pauses(), NOW, []
    for _ in range(5):
        pause = pauses.refuse(HOST, 429, "1", now)
        lengths.append(pause.seconds(now))
        now = pause.until
    assert lengths == [1, 1, 20, 40, 80]


def test_answers_that_were_under_way_only_make_a_pause_longer() -> None:
    pauses = Pauses()
    first = pauses.refuse(HOST, 429, "10", NOW)
    assert pauses.refuse(HOST, 503, None, after(1)) == first
    assert pauses.refuse(HOST, 429, "2", after(1)) == first
    assert pauses.refuse(HOST, 429, "20", after(1)).until == after(21)
    pauses.succeed(HOST, after(2))
    assert pauses.of(HOST, after(2)) is not None, "one answer that was under way ends no pause"
    # All of these were one refusal, and the next one is the second.
    assert pauses.refuse(HOST, 429, None, after(21)).until == after(21 + 10)


def test_what_is_remembered_does_not_shorten_a_pause() -> None:
    pauses = Pauses()
    pauses.refuse(HOST, 429, "60", NOW)
    pauses.recall({HOST: Pause(after(5), "HTTP 503"), "b": Pause(after(30), "HTTP 503")})
    assert [(host, pause.until) for host, pause in pauses.in_effect(NOW)] == [
        ("b", after(30)),
        (HOST, after(60)),
    ]


def test_a_pause_has_the_reason_of_its_status() -> None:
    pauses = Pauses()
    assert pauses.refuse("a", 429, "503", NOW).reason == "rate_limited"
    assert pauses.refuse("b", 503, None, NOW).reason == "server_error"


def test_what_is_shown_of_a_header_is_short_and_printable() -> None:
    pause = Pauses().refuse(HOST, 429, "a\x1b[31m" + "b" * 500, NOW)
    assert pause.because.startswith("HTTP 429, Retry-After: a?[31mbbb")
    assert len(pause.because) < 100


def test_the_pause_behind_an_error_may_be_that_of_robots_txt() -> None:
    paused = HostPaused(HOST, Pause(NOW, "HTTP 429"), status=429)
    assert pause_behind(paused) is paused
    unknown = RobotsUnavailable("unknown")
    assert pause_behind(unknown) is None
    unknown.__cause__ = paused
    assert pause_behind(unknown) is paused


def test_times_are_told_in_one_zone() -> None:
    assert moment(datetime.fromisoformat("2026-11-06T16:02:11+02:00")) == "2026-11-06 14:02:11 UTC"


@given(
    answers=st.lists(
        st.tuples(
            st.sampled_from(sorted(REFUSALS)),
            st.none() | st.text() | st.integers(-5, 10**13).map(str),
            st.floats(0, 100_000),
        )
    )
)
def test_no_pause_ends_early_or_lasts_for_ever(
    answers: list[tuple[int, str | None, float]],
) -> None:
    pauses, now = Pauses(), NOW
    for status, said, passed in answers:
        now += timedelta(seconds=passed)
        before = pauses.of(HOST, now)
        pause = pauses.refuse(HOST, status, said, now)
        assert SHORTEST_S <= pause.seconds(now) <= LONGEST_S or pause == before
        assert before is None or pause.until >= before.until
        assert pauses.of(HOST, now) == pause
