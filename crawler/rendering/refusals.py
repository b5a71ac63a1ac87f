"""What the proxy did not carry out, so that a page without an answer can say why."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

logger = logging.getLogger(__name__)

# Addresses remembered; the newest win.
MAX_REMEMBERED = 2_000
MAX_REDIRECTS = 5


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request of a page was not carried out; `reason` is a code of `crawler.reasons`."""

    reason: str
    detail: str


class Refusals:
    """Remembers refusals by address, for any thread.

    What concerns a whole host (its name, its address, its port) is kept by host and port, the rest
    by path as well, where it is known: the paths of https travel encrypted.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._refused: OrderedDict[str, Refusal] = OrderedDict()
        self._moved: OrderedDict[str, str] = OrderedDict()
        self._told: OrderedDict[str, None] = OrderedDict()

    def note(self, key: str, refusal: Refusal) -> None:
        """Remember that nothing came from `key`: HOST:PORT, or HOST:PORT/PATH."""
        host = key.partition("/")[0]
        with self._lock:
            _put(self._refused, key, refusal)
            is_news = host not in self._told
            _put(self._told, host, None)
        if is_news:
            logger.warning(
                "a page being rendered got nothing from %s: %s (%s)",
                host,
                refusal.reason,
                refusal.detail,
            )

    def note_redirect(self, key: str, location: str) -> None:
        """Remember where an address led."""
        with self._lock:
            _put(self._moved, key, urljoin(f"http://{key}", location))

    def forget(self, key: str) -> None:
        """Drop what was noted: the address gave an answer."""
        with self._lock:
            self._refused.pop(key, None)
            self._moved.pop(key, None)

    def find(self, url: str) -> Refusal | None:
        """Return why `url`, or what it redirects to, gave nothing; None: no refusal is known."""
        with self._lock:
            for _ in range(MAX_REDIRECTS + 1):
                host, page = keys_of(url)
                found = self._refused.get(page) or self._refused.get(host)
                if found is not None or page not in self._moved:
                    return found
                url = self._moved[page]
        return None


def keys_of(url: str) -> tuple[str, str]:
    """Return HOST:PORT and HOST:PORT/PATH of an address."""
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return "", ""
    host = host_key(parts.hostname or "", port)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return host, host + target


def host_key(host: str, port: int) -> str:
    """Return HOST:PORT in the one form that is used as a key."""
    return f"[{host}]:{port}" if ":" in host else f"{host.lower()}:{port}"


def _put(kept: OrderedDict[str, Any], key: str, value: Any) -> None:
    kept[key] = value
    kept.move_to_end(key)
    if len(kept) > MAX_REMEMBERED:
        kept.popitem(last=False)
