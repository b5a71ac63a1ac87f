"""Retry-After in all its forms, and whatever else a server may send."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.retry_after import LONGEST_S, http_date, retry_after_seconds

NOW = datetime(2026, 11, 6, 8, 49, 37, tzinfo=UTC)
FORMS = ("%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y")


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        (" 120 ", 120.0),
        ("0", 0.0),
        ("1.5", 1.5),
        ("1e12", LONGEST_S),
        ("1000000000000", LONGEST_S),
        ("9" * 5000, LONGEST_S),
        ("inf", LONGEST_S),
        ("Fri, 31 Dec 9999 23:59:59 GMT", LONGEST_S),
        ("Fri, 06 Nov 2026 10:49:47 +0200", 10.0),
        ("-1", None),
        ("-inf", None),
        ("nan", None),
        ("", None),
        (None, None),
        ("soon", None),
        ("120 seconds", None),
        ("Fri, 06 Nov 2026 08:49:36 GMT", None),
        ("Fri, 06 Nov 2026 08:49:37 GMT", None),
        ("Sun, 06 Nov 1994 08:49:37 GMT", None),
        ("Fri, 31 Dec 99999 23:59:59 GMT", None),
        ("Fri, 31 Dec 9999 23:59:59 -0100", None),
        ("1\0", None),
    ],
)
def test_a_value_asks_for_seconds_or_for_nothing(value: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(value, NOW) == seconds


@pytest.mark.parametrize("form", FORMS)
@given(ahead=st.integers(1, 10_000))
def test_each_form_of_a_date_means_the_same(form: str, ahead: int) -> None:
    then = NOW + timedelta(seconds=ahead)
    assert http_date(then.strftime(form)) == then
    assert retry_after_seconds(then.strftime(form), NOW) == ahead


DATES = st.datetimes(timezones=st.just(UTC)).map(lambda date: format_datetime(date, usegmt=True))
VALUES = st.none() | st.text() | st.integers().map(str) | st.floats().map(str) | DATES


@given(value=VALUES, now=st.datetimes(timezones=st.just(UTC)))
def test_whatever_comes_no_wait_is_negative_or_endless(value: str | None, now: datetime) -> None:
    seconds = retry_after_seconds(value, now)
    assert seconds is None or 0 <= seconds <= LONGEST_S
