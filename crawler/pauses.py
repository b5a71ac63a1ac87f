"""Pauses: hosts that said "not now", and until when nothing is asked of them.

A refusal is an answer 429 or 503. How long it holds is up to the server (Retry-After); where that
says nothing, pauses double from refusal to refusal until a request succeeds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from crawler.retry_after import LONGEST_S, retry_after_seconds

# Statuses that pause a host, with the seconds of the first pause where no Retry-After says
# anything. A 503 is often about one page, so it costs the others less.
REFUSALS: Mapping[int, float] = {429: 5.0, 503: 1.0}
LONGEST_BACKOFF_S = 600.0
# A pause of no time at all would be none.
SHORTEST_S = 1.0
# Refusals in a row after which a host's word alone does not do: we waited as long as it asked for.
TAKEN_AT_ITS_WORD = 2
SHOWN_HEADER = 60  # characters of a Retry-After that are shown


@dataclass(frozen=True, slots=True)
class Pause:
    """Until when a host is left alone; `because` names the status and the Retry-After."""

    until: datetime
    because: str

    @property
    def reason(self) -> str:
        """The code of the refusal: `rate_limited` or `server_error`."""
        return "server_error" if self.because.startswith("HTTP 503") else "rate_limited"

    def seconds(self, now: datetime) -> float:
        """Return how much of it is left at `now`, in seconds."""
        return max(0.0, (self.until - now).total_seconds())

    def __str__(self) -> str:
        return f"{self.because}; paused until {moment(self.until)}"


class HostPaused(Exception):
    """A request was not sent, or was refused, because its host is to be left alone.

    `status` is that of the answer; 0: the host was not asked.
    """

    def __init__(self, host: str, pause: Pause, *, status: int = 0) -> None:
        super().__init__(f"{host}: {pause}")
        self.host = host
        self.pause = pause
        self.status = status


def pause_behind(error: BaseException) -> HostPaused | None:
    """Return the pause that a request ended for, or the one that its host's robots.txt did."""
    for one in (error, error.__cause__):
        if isinstance(one, HostPaused):
            return one
    return None


class Pauses:
    """The hosts that are paused, as one crawl knows them, and how often they refused in a row."""

    def __init__(self) -> None:
        self._pauses: dict[str, Pause] = {}
        self._in_a_row: Counter[str] = Counter()

    def recall(self, known: Mapping[str, Pause]) -> None:
        """Take over the pauses that earlier runs and other workers left."""
        for host, pause in known.items():
            self._keep(host, pause)

    def of(self, host: str, now: datetime) -> Pause | None:
        """Return the pause that is in effect for a host."""
        pause = self._pauses.get(host)
        return pause if pause is not None and pause.until > now else None

    def in_effect(self, now: datetime) -> Iterator[tuple[str, Pause]]:
        """Yield the paused hosts, the one that may be asked first first."""
        for host, pause in sorted(self._pauses.items(), key=lambda known: known[1].until):
            if pause.until > now:
                yield host, pause

    def refuse(
        self,
        host: str,
        status: int,
        retry_after: str | None,
        now: datetime,
        sent: datetime | None = None,
    ) -> Pause:
        """Note that a host refused; return the pause that is in effect now.

        Args:
            host: that answered.
            status: of the answer, one of `REFUSALS`.
            retry_after: the header's value.
            now: when the answer arrived.
            sent: when it was sent, by the server's clock; what it says of dates is relative to it.
        """
        asked = retry_after_seconds(retry_after, sent or now)
        known = self.of(host, now)
        if known is not None and asked is None:
            return known  # of a request that was under way when the pause began
        if known is None:
            self._in_a_row[host] += 1
        times = self._in_a_row[host]
        own = min(REFUSALS[status] * 2.0 ** min(times - 1, 20), LONGEST_BACKOFF_S)
        if asked is None:
            seconds = own
        else:
            seconds = max(asked, own if times > TAKEN_AT_ITS_WORD else SHORTEST_S)
        because = f"HTTP {status}"
        if retry_after is not None:
            because += f", Retry-After: {_shown(retry_after)}"
        pause = Pause(now + timedelta(seconds=min(seconds, LONGEST_S)), because)
        return self._keep(host, pause)

    def succeed(self, host: str, now: datetime) -> None:
        """Note that a host answered as it should; that does not end a pause that it asked for."""
        if self.of(host, now) is None:
            self._in_a_row.pop(host, None)
            self._pauses.pop(host, None)

    def _keep(self, host: str, pause: Pause) -> Pause:
        known = self._pauses.get(host)
        if known is None or pause.until > known.until:
            self._pauses[host] = pause
        return self._pauses[host]


def moment(time: datetime) -> str:
    """Return a time as people are told of it."""
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _shown(value: str) -> str:
    words = "".join(letter if letter.isprintable() else "?" for letter in value.strip())
    return words if len(words) <= SHOWN_HEADER else f"{words[: SHOWN_HEADER - 1]}…"
