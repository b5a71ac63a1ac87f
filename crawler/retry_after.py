"""The header Retry-After: how long a server wants to be left alone."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

# No wish is honoured for longer than this: then the server is asked again, once.
LONGEST_S = 86_400.0


def retry_after_seconds(value: str | None, now: datetime) -> float | None:
    """Return the seconds from `now` that a Retry-After asks for, at most `LONGEST_S`.

    It is a number of seconds or one of the three forms of an HTTP date (RFC 9110). None: it asks
    for nothing, be it that it lies in the past or makes no sense.

    Args:
        value: of the header; None where there is none.
        now: when the answer was sent, with its time zone.
    """
    words = (value or "").strip()
    try:
        seconds = float(words)
    except ValueError:
        date = http_date(words)
        if date is None:
            return None
        seconds = (date - now).total_seconds()
        if seconds == 0:
            return None
    if math.isnan(seconds) or seconds < 0:
        return None
    return min(seconds, LONGEST_S)


def http_date(value: str | None) -> datetime | None:
    """Return a date as HTTP writes it; None where it is none."""
    try:
        date = parsedate_to_datetime(value or "")
        # The form of C's asctime names no zone: it is Greenwich's, as in the others.
        return date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
    except (ValueError, OverflowError, IndexError, TypeError):
        return None
