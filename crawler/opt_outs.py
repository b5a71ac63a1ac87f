"""What owners reserve by machine-readable means: against use by AI, and against mining.

| read | where it stands |
|---|---|
| `noai`, `noimageai` | headers `X-Robots-Tag`, `<meta name="robots">`, for everybody or for us |
| `tdm-reservation`, `tdm-policy` | `/.well-known/tdmrep.json` of the host, headers, `<meta>` |

The second row is the TDM Reservation Protocol (W3C Community Group report of 2024): of its three
places the later one counts before the earlier ones. `noindex` and `noimageindex` are about what
search engines show, and say nothing of a collection: they are neither obeyed nor kept.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Self
from urllib.parse import unquote_to_bytes, urlsplit

from crawler.extraction.page import Page

NOAI = "noai"
NOIMAGEAI = "noimageai"
RESERVATION = "tdm-reservation"
POLICY = "tdm-policy"
ROBOTS_HEADER = "X-Robots-Tag"
FILE = "/.well-known/tdmrep.json"
HEADERS = (ROBOTS_HEADER, RESERVATION, POLICY)

MAX_RULES = 10_000
MAX_WORDS = 2_000  # characters of a location or of a policy's address

# Directives whose value follows a colon, as a user agent's name comes before one.
_VALUED = frozenset({"unavailable_after", "max-snippet", "max-image-preview", "max-video-preview"})
_AGENT = re.compile(r"\s*([\w!#$%&'*+.^`|~-]+)\s*:(.*)", re.DOTALL)
_PRODUCT = re.compile(r"([A-Za-z][\w.-]*)/\d")


class OptedOut(Exception):
    """An image that is not to be fetched; `directives`: what is reserved of it, not of a page."""

    def __init__(self, detail: str, directives: tuple[str, ...] = ()) -> None:
        super().__init__(detail)
        self.directives = directives


class Declaration(NamedTuple):
    """Whether mining is reserved, by which policy it may be had, and where that stands."""

    is_reserved: bool
    policy: str | None
    place: str


@dataclass(frozen=True, slots=True)
class OptOuts:
    """What is reserved of a page or an image, and where that stands; false if nothing is.

    `robots` are (directive, place); `mining` is what the last place says that says anything.
    """

    robots: tuple[tuple[str, str], ...] = ()
    mining: Declaration | None = None

    @property
    def directives(self) -> tuple[str, ...]:
        """Names of what is reserved, in the order of the alphabet."""
        names = {directive for directive, _ in self.robots}
        if self.mining is not None and self.mining.is_reserved:
            names.add(RESERVATION)
        return tuple(sorted(names))

    @property
    def is_whole(self) -> bool:
        """Whether a page reserves all of itself, and not only its images."""
        return any(name != NOIMAGEAI for name in self.directives)

    @property
    def places(self) -> tuple[str, ...]:
        """What is reserved with the place where it stands, for people to read."""
        told = [f"{directive} in {place}" for directive, place in self.robots]
        if self.mining is not None and self.mining.is_reserved:
            policy = f" ({POLICY} {self.mining.policy})" if self.mining.policy else ""
            told.append(f"{RESERVATION} in {self.mining.place}{policy}")
        return tuple(told)

    @property
    def detail(self) -> str:
        """All of that in one line."""
        return "; ".join(self.places)

    def __bool__(self) -> bool:
        return bool(self.directives)


class Rule(NamedTuple):
    """A rule of a host's file, for paths that begin like `location` (as in robots.txt)."""

    location: str
    is_reserved: bool
    policy: str | None = None

    @classmethod
    def parse(cls, data: object) -> Self | None:
        """Read a rule as the file holds it; None if it is none."""
        if not isinstance(data, dict):
            return None
        location, said = data.get("location"), data.get(RESERVATION)
        reserved = _flag([str(int(said) if isinstance(said, bool) else said)])
        if not isinstance(location, str) or not location.strip() or reserved is None:
            return None
        return cls(location.strip()[:MAX_WORDS], reserved, _policy([data.get(POLICY)]))

    def to_dict(self) -> dict[str, Any]:
        """Return it as the file holds it."""
        rule = {"location": self.location, RESERVATION: int(self.is_reserved)}
        return rule | ({POLICY: self.policy} if self.policy else {})


def read_rules(data: object) -> tuple[tuple[Rule, ...], str | None]:
    """Return the rules of a decoded `tdmrep.json`, and what is wrong with it, if anything is.

    A rule that cannot be understood says nothing; the others hold.
    """
    if not isinstance(data, list):
        return (), "it is no array of rules"
    rules = [rule for one in data[:MAX_RULES] if (rule := Rule.parse(one)) is not None]
    wrong = len(data) - len(rules)
    return tuple(rules), f"{wrong} of its {len(data)} rules cannot be used" if wrong else None


def read_file(body: bytes) -> tuple[tuple[Rule, ...], str | None]:
    """Return the rules of a `tdmrep.json` and what is wrong with it, as `read_rules` does."""
    try:
        data = json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        return (), f"it is no JSON ({error})"
    return read_rules(data)


def rule_for(rules: Iterable[Rule], url: str) -> Rule | None:
    """Return the rule that counts for an address: of those that match, the first in the file."""
    parts = urlsplit(url)
    path = _comparable((parts.path or "/") + (f"?{parts.query}" if parts.query else ""), "")
    return next((rule for rule in rules if _matches(rule.location, path)), None)


def of_answer(
    url: str, headers: Mapping[str, Sequence[str]], rules: Iterable[Rule], names: Collection[str]
) -> OptOuts:
    """Return what is reserved of an answer, but for what its body says.

    Args:
        url: address that the answer is about.
        headers: the values of each of `HEADERS`.
        rules: those of its host's file.
        names: ours, see `product_names`.
    """
    directives = _directives(headers.get(ROBOTS_HEADER, ()), names)
    mining = None
    if (rule := rule_for(rules, url)) is not None:
        mining = Declaration(rule.is_reserved, rule.policy, FILE)
    if (reserved := _flag(headers.get(RESERVATION, ()))) is not None:
        mining = Declaration(reserved, _policy(headers.get(POLICY, ())), f"header {RESERVATION}")
    return OptOuts(tuple((name, ROBOTS_HEADER) for name in directives), mining)


def of_page(answer: OptOuts, page: Page, names: Collection[str]) -> OptOuts:
    """Return what is reserved of a page: what its answer says, and its `<meta>` elements."""
    metas: dict[str, list[str]] = {}
    if not page.is_json:
        for meta in page.root.iter("meta"):
            name, content = meta.get("name"), meta.get("content")
            if name and content:
                metas.setdefault(name.strip().lower(), []).append(content)
    known = {directive for directive, _ in answer.robots}
    found = [
        (directive, f'<meta name="{name}">')
        for name in ("robots", *sorted(names))
        for directive in sorted(_words(metas.get(name, ())))
        if directive not in known
    ]
    robots = dict(reversed(found))
    mining = answer.mining
    if (reserved := _flag(metas.get(RESERVATION, ()))) is not None:
        mining = Declaration(
            reserved, _policy(metas.get(POLICY, ())), f'<meta name="{RESERVATION}">'
        )
    return replace(answer, robots=(*answer.robots, *sorted(robots.items())), mining=mining)


def product_names(user_agent: str) -> frozenset[str]:
    """Return the names that we go by in `User-Agent`, in lower case: `name/1.0`, or its first word.

    Example:
        >>> sorted(product_names("Mozilla/5.0 (compatible; Curio/2.1; +https://example.org/1)"))
        ['curio', 'mozilla']
    """
    named = _PRODUCT.findall(re.sub(r"\w+://\S*", "", user_agent))
    return frozenset(name.lower() for name in named or user_agent.split()[:1])


def _directives(values: Iterable[str], names: Collection[str]) -> list[str]:
    """Return the directives of `X-Robots-Tag` headers that are for everybody, or for us.

    A name before a colon holds for what follows it in the same header.
    """
    found: set[str] = set()
    for value in values:
        is_ours = True
        for part in re.split("[,;]", value):
            said = part
            if (named := _AGENT.match(part)) and named[1].lower() not in _VALUED:
                is_ours, said = named[1].lower() in {"*", *names}, named[2]
            if is_ours:
                found |= _words([said])
    return sorted(found)


def _words(values: Iterable[str]) -> set[str]:
    return {
        word
        for value in values
        for word in re.split(r"[\s,;]+", value.lower())
        if word in (NOAI, NOIMAGEAI)
    }


def _flag(values: Iterable[str]) -> bool | None:
    """Return what values of `tdm-reservation` say; anything but 1 and 0 says nothing."""
    said = {part.strip() for value in values for part in value.split(",")}
    return True if "1" in said else False if "0" in said else None


def _policy(values: Iterable[object]) -> str | None:
    for value in values:
        if isinstance(value, str) and value.strip():
            return value.strip()[:MAX_WORDS]
    return None


def _matches(location: str, path: str) -> bool:
    """Whether a path begins as a location says, `*` and `$` included; no pattern is slow."""
    pattern = _comparable(location if location.startswith(("/", "*")) else f"/{location}", "*$")
    is_end = pattern.endswith("$")
    first, *others = pattern.removesuffix("$").split("*")
    if not path.startswith(first):
        return False
    at, last = len(first), others.pop() if others else None
    for piece in others:
        at = path.find(piece, at)
        if at < 0:
            return False
        at += len(piece)
    if last is None:
        return not is_end or at == len(path)
    if is_end:
        return path.endswith(last) and len(path) - len(last) >= at
    return path.find(last, at) >= 0


def _comparable(path: str, special: str) -> str:
    """Return a path with one spelling for each octet: percent-encoded unless it is unreserved.

    `special` characters keep their meaning where they are written as they are.
    """
    return "".join(_octets(path, special))


def _octets(path: str, special: str) -> Iterator[str]:
    for piece in re.split(r"((?:%[0-9A-Fa-f]{2})+)", path):
        if piece.startswith("%") and len(piece) % 3 == 0 and _ENCODED.fullmatch(piece):
            kept, octets = "", unquote_to_bytes(piece)
        else:
            kept, octets = special + "/:?#[]@!&'()+,;=%", piece.encode("utf-8", "replace")
        for octet in octets:
            letter = chr(octet)
            yield letter if letter in kept or _UNRESERVED.fullmatch(letter) else f"%{octet:02X}"


_ENCODED = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]")
