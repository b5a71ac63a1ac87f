"""Addresses: resolving links and telling whether two addresses lead to the same page."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from urllib.parse import parse_qsl, quote_plus, urljoin, urlsplit, urlunsplit

from w3lib.url import canonicalize_url, safe_url_string

from crawler.extraction.text import without_surrogates

MAX_URL = 2_048  # an entry of PostgreSQL's indexes has to fit into 2,704 bytes

_DEFAULT_PORTS = {"http": 80, "https": 443}
_VISIBLE = re.compile(r"[!-~]+")
_IGNORED_BY_BROWSERS = re.compile(r"[\t\r\n]")
# An address like most: there is nothing in it to check, to encode or to drop.
_PLAIN = re.compile(
    r"https?://[a-z0-9-]+(?:\.[a-z0-9-]+)*(?::[1-9]\d{0,3})?/[\w./~-]*(?:\?[\w./~=&-]+)?", re.ASCII
)
_TRACKING = re.compile(
    r"utm_\w+|fbclid|gclid|gclsrc|dclid|msclkid|yclid|igshid|mc_[ce]id|_ga|_gl|mkt_tok", re.I
)
_SESSION = re.compile(r"jsessionid|phpsessid|aspsessionid\w*|cfid|cftoken", re.I)
# These names also serve as ordinary parameters (sid=12): only a random-looking value is a session.
_MAYBE_SESSION = re.compile(r"sid|sessid|session|sessionid|session_id", re.I)
_TOKEN = re.compile(r"(?=[^a-z]*[a-z])(?=\D*\d)[0-9a-z_-]{16,}", re.I)
_PATH_SESSION = re.compile(r";(?:jsessionid|phpsessid|sid)=[^/;?#]*", re.I)


def absolute_url(base: str, link: str) -> str | None:
    """Resolve `link` against `base`; None if it does not lead to a page on the web.

    Only http and https survive; the fragment is dropped; unsafe characters are percent-encoded.
    """
    link = _IGNORED_BY_BROWSERS.sub("", without_surrogates(link)).strip()
    if link.startswith("#"):
        return None
    try:
        joined = urljoin(base, link)
        if _PLAIN.fullmatch(joined):
            return joined if len(joined) <= MAX_URL else None
        parts = urlsplit(joined)
        if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
            return None
        _ = parts.port  # raises if it is no number between 0 and 65535
        url = safe_url_string(urlunsplit(parts._replace(fragment="")))
    except ValueError:
        return None
    # What is left of other characters is in a host name that cannot be one.
    return url if _VISIBLE.fullmatch(url) and len(url) <= MAX_URL else None


@lru_cache(maxsize=4_096)
def canonical_url(url: str) -> str:
    """Return the form under which two addresses of one page are equal. Never fetched itself.

    Scheme and host in lower case, no default port, no dot segments, percent-encoding normalised,
    no fragment, no tracking parameters (`utm_*`, `gclid`, `fbclid` …), no session identifiers
    (`jsessionid`, `phpsessid`, a random-looking `sid`), parameters sorted by name. Parameters of
    the same name keep their order, since their order may mean something.
    """
    url = _IGNORED_BY_BROWSERS.sub("", without_surrogates(url)).strip()
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return url
    host = (parts.hostname or "").rstrip(".")
    if ":" in host:
        host = f"[{host}]"
    if port is not None and port != _DEFAULT_PORTS.get(parts.scheme):
        host = f"{host}:{port}"
    path = _without_dots(_PATH_SESSION.sub("", parts.path))
    # Latin-1 maps every byte to itself: %E9 and %E8 of an old site stay different.
    encoded = urlsplit(safe_url_string(f"http://host/?{parts.query}")).query
    pairs = [
        (name, value)
        for name, value in parse_qsl(encoded, keep_blank_values=True, encoding="latin-1")
        if not _is_volatile(name, value)
    ]
    pairs.sort(key=lambda pair: pair[0])
    query = "&".join(
        f"{quote_plus(name, encoding='latin-1')}={quote_plus(value, encoding='latin-1')}"
        for name, value in pairs
    )
    try:
        base = canonicalize_url(urlunsplit((parts.scheme, host, path, "", "")))
    except ValueError:
        return url
    return f"{base}?{query}" if query else base


def _without_dots(path: str) -> str:
    kept: list[str] = []
    segments = path.split("/")[1:]
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    if segments and segments[-1] in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept)


def url_fingerprint(url: str) -> str:
    """Return 40 hexadecimal digits that are equal for addresses of one page."""
    canonical = canonical_url(url).encode("utf-8", "replace")
    return hashlib.sha1(canonical, usedforsecurity=False).hexdigest()


def _is_volatile(name: str, value: str) -> bool:
    if _TRACKING.fullmatch(name) or _SESSION.fullmatch(name):
        return True
    return bool(_MAYBE_SESSION.fullmatch(name) and _TOKEN.fullmatch(value))
