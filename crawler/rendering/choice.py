"""Which engine fetches a page: plainly if that shows what the profile needs, else a browser.

Pages of works under addresses of one shape (`/work/*`) are made by one template, so what some of
them needed is a good guess for the next. Listings of one shape may well differ: of these, each
page remembers for itself, and for the pages that continue it. The guess only saves attempts: a
page that it does not fit is tried with the next engine all the same.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from urllib.parse import urlsplit

Engine = Literal["never", "splash", "chromium"]

# In the order of their cost.
ENGINES: tuple[Engine, ...] = ("never", "splash", "chromium")

# Pages in a row that needed the same browser until the plain attempt is left out.
SURE_AFTER = 3
# Works that were complete without a browser until one that is not counts as really incomplete.
PLAIN_AFTER = 5
# How often the guess is checked by doing without it.
RECHECK_PAGES = 50
RECHECK_AFTER = timedelta(days=7)
MAX_SHAPES = 500

_HAS_DIGIT = re.compile(r"\d")


def shape_of(kind: str, url: str) -> str:
    """Return what the addresses of pages from one template have in common.

    The last segment of a path names the page, except for a listing right below the root
    (`/new`), and segments with digits are numbers: `/en/works/sunflowers` is `/en/works/*`.
    """
    segments = [part for part in urlsplit(url).path.split("/") if part]
    shaped = ["*" if _HAS_DIGIT.search(part) else part for part in segments]
    if len(shaped) > 1 or (shaped and kind != "listing"):
        shaped[-1] = "*"
    return "/" + "/".join(shaped)


@dataclass
class Experience:
    """What pages of one kind and shape needed; kept in `sites.rendering`."""

    never: int = 0
    splash: int = 0
    chromium: int = 0
    engine: Engine = "never"
    in_a_row: int = 0
    unchecked: int = 0
    incomplete: int = 0
    checked_at: str = ""

    @classmethod
    def read(cls, kept: Any) -> Experience:
        """Read a row's entry; one that makes no sense is no experience."""
        if not isinstance(kept, dict) or kept.get("engine") not in ENGINES:
            return cls()
        known = cls()
        for name, value in asdict(known).items():
            if isinstance(kept.get(name), type(value)):
                setattr(known, name, kept[name])
        try:
            if datetime.fromisoformat(known.checked_at).tzinfo is None:
                known.checked_at = ""
        except ValueError:
            known.checked_at = ""
        return known

    @property
    def is_sure(self) -> bool:
        """Whether a browser may be asked at once."""
        return self.engine != "never" and self.in_a_row >= SURE_AFTER

    @property
    def is_plain(self) -> bool:
        """Whether pages of this shape never needed a browser."""
        return self.never >= PLAIN_AFTER and not self.splash and not self.chromium

    def note(self, engine: Engine, now: datetime, *, was_checked: bool) -> None:
        """Add a page that `engine` gave; `was_checked`: the cheaper ones were tried before."""
        setattr(self, engine, getattr(self, engine) + 1)
        self.in_a_row = self.in_a_row + 1 if engine == self.engine else 1
        self.engine = engine
        if was_checked:
            self.unchecked, self.checked_at = 0, now.isoformat(timespec="seconds")
        else:
            self.unchecked += 1

    def is_due(self, now: datetime) -> bool:
        """Whether it is time to look whether the guess still holds."""
        if self.unchecked >= RECHECK_PAGES or not self.checked_at:
            return True
        return now - datetime.fromisoformat(self.checked_at) > RECHECK_AFTER


class RenderingChoice:
    """Chooses engines for one site, and learns."""

    def __init__(self, available: Collection[Engine]) -> None:
        """`available`: the browsers that are there."""
        self.available = tuple(engine for engine in ENGINES if engine in {"never", *available})
        self._known: dict[str, Experience] = {}
        self._changed: set[str] = set()

    def recall(self, kept: Mapping[str, Any]) -> None:
        """Take over what earlier runs learned: the column `sites.rendering`."""
        for key, entry in list(kept.items())[:MAX_SHAPES]:
            self._known.setdefault(key, Experience.read(entry))

    def learned(self) -> dict[str, Any]:
        """Return what changed since the last call, for `sites.rendering`."""
        changed = {key: asdict(self._known[key]) for key in sorted(self._changed)}
        self._changed.clear()
        return changed

    def first(self, kind: str, url: str, *, own: str | None, now: datetime | None = None) -> Engine:
        """Return the engine to begin with.

        Args:
            kind: of the page.
            url: of the page.
            own: what this very page, or the listing that it continues, needed last time.
            now: the time; default: the clock's.
        """
        known = self._known.get(_key(kind, url))
        if known is not None and known.is_due(now or _now()):
            return "never"
        is_sure = known is not None and known.is_sure and kind != "listing"
        guess = own or (known.engine if known is not None and is_sure else None)
        return next((engine for engine in self.available if engine == guess), "never")

    def further(self, kind: str, url: str, tried: Engine, *, has_scripts: bool) -> Engine | None:
        """Return the engine to try next on a page that shows nothing; None: it has nothing.

        Raises LookupError where only a browser that is not there could tell.
        """
        if tried == "never":
            if not has_scripts:
                return None
            known = self._known.get(_key(kind, url))
            if kind == "artwork" and known is not None and known.is_plain:
                known.incomplete += 1
                if known.incomplete % RECHECK_PAGES:
                    return None
        following = ENGINES[ENGINES.index(tried) + 1 :]
        for engine in following:
            if engine in self.available:
                return engine
        if following:
            raise LookupError(", ".join(following))
        return None

    def after_failure(self, tried: Engine) -> Engine | None:
        """Return the next browser where one did not work; None where there is none."""
        following = ENGINES[ENGINES.index(tried) + 1 :]
        return next((engine for engine in following if engine in self.available), None)

    def note(
        self, kind: str, url: str, engine: Engine, *, first: Engine, now: datetime | None = None
    ) -> None:
        """Remember that `engine` showed what was needed, having begun with `first`."""
        key = _key(kind, url)
        if key not in self._known and len(self._known) >= MAX_SHAPES:
            return
        known = self._known.setdefault(key, Experience())
        known.note(engine, now or _now(), was_checked=first == "never")
        self._changed.add(key)

    def __iter__(self) -> Iterator[tuple[str, Experience]]:
        """Iterate over kinds and shapes with what they needed."""
        return iter(sorted(self._known.items()))


def _key(kind: str, url: str) -> str:
    return f"{kind} {shape_of(kind, url)}"


def _now() -> datetime:
    return datetime.now(UTC)
