"""Makers as sites write them: qualifier, name, nationality and life dates."""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

from crawler.extraction.dates import MAX_YEAR
from crawler.extraction.records import ArtistRecord

MAX_NAME = 500


class ParsedArtist(NamedTuple):
    """What one line about a maker says."""

    name: str
    qualifier: str | None = None
    nationality: str | None = None
    birth_year: int | None = None
    death_year: int | None = None


# Longest first, so that "workshop or circle of" is not read as "workshop".
QUALIFIERS = {
    "attributed to": "attributed to",
    "ascribed to": "attributed to",
    "possibly by": "attributed to",
    "probably by": "attributed to",
    "studio and workshop of": "workshop of",
    "workshop of": "workshop of",
    "studio of": "workshop of",
    "atelier of": "workshop of",
    "office of": "office of",
    "circle of": "circle of",
    "follower of": "follower of",
    "followers of": "follower of",
    "imitator of": "imitator of",
    "pupil of": "pupil of",
    "school of": "school of",
    "manner of": "manner of",
    "in the manner of": "manner of",
    "style of": "style of",
    "in the style of": "style of",
    "copy after": "after",
    "copy of": "after",
    "after": "after",
}
_QUALIFIER = re.compile(
    r"\s*(?P<qualifier>"
    + "|".join(sorted((re.escape(words) for words in QUALIFIERS), key=len, reverse=True))
    + r")\s*:?\s+(?P<name>\S.*)",
    re.I,
)
_TRAILING_QUALIFIER = re.compile(
    r"(?P<name>.*\S)\s*[,(]\s*(?P<qualifier>"
    + "|".join(sorted((re.escape(words) for words in QUALIFIERS), key=len, reverse=True))
    + r")\s*\)?",
    re.I,
)
_PARENTHESIS = re.compile(r"(?P<name>[^()]*\S)\s*\((?P<inside>[^()]*)\)\s*")

_ABOUT = r"(?:c(?:a|irca)?\.?\s*|about\s+|\?\s*)?"
_DASH = r"\s*(?:[‐‑‒–—―−-]|\bto\b|/)\s*"
_LIFE = re.compile(
    rf"(?<!\d){_ABOUT}(?P<birth>\d{{3,4}})\??(?:/\d{{1,4}})?{_DASH}{_ABOUT}"
    rf"(?:(?P<death>\d{{2,4}})(?:/\d{{1,4}})?\??(?!\d)|present\b|today\b|(?=\s*(?:[,;)]|$)))",
    re.I,
)
_ISO_DATE = re.compile(r"\b(\d{4})-\d\d-\d\d\b")
_BORN = re.compile(
    rf"(?:\bborn|\bb\.|\*|\bgeb\.|\bné)[^\d]{{0,40}}?{_ABOUT}(?P<year>\d{{3,4}})(?!\d)", re.I
)
_DIED = re.compile(
    rf"(?:\bdied|\bd\.|†|\bgest\.)[^\d]{{0,40}}?{_ABOUT}(?P<year>\d{{3,4}})(?!\d)", re.I
)
_ACTIVE = re.compile(r"\b(?:active|fl\.?|flourished|worked|tätig)\b", re.I)

# Letters that Unicode does not decompose into a base letter and a mark.
_FOLDED = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h"}
)
_APOSTROPHES = re.compile("['’‘ʼ`´]")
_SEPARATORS = re.compile(r"[^\w]+|_")


def parse_artist(text: str) -> ParsedArtist:
    """Split one line about a maker. The name is kept as written ("Last, First" stays).

    Example:
        >>> parse_artist("Workshop of Rembrandt van Rijn (Dutch, 1606–1669)")
        ParsedArtist(name='Rembrandt van Rijn', qualifier='workshop of', nationality='Dutch',
        birth_year=1606, death_year=1669)
    """
    name = " ".join(text.split())[: 4 * MAX_NAME]
    qualifier = nationality = None
    birth = death = None
    if match := _QUALIFIER.fullmatch(name) or _TRAILING_QUALIFIER.fullmatch(name):
        qualifier, name = QUALIFIERS[match["qualifier"].lower()], match["name"]
    if match := _PARENTHESIS.fullmatch(name):
        inside = match["inside"]
        birth, death = parse_life(inside)
        if birth is not None or death is not None or _ACTIVE.search(inside):
            name = match["name"]
            first = inside.partition(",")[0].strip()
            if first and not re.search(r"\d", first) and not _ACTIVE.search(first):
                nationality = first
    return ParsedArtist(name[:MAX_NAME].strip(), qualifier, nationality, birth, death)


def artist_record(
    text: str,
    *,
    role: str | None = None,
    nationality: str | None = None,
    life: str | None = None,
    page_url: str | None = None,
) -> ArtistRecord:
    """Return the maker that a line names; what is known besides counts more than the line."""
    parsed = parse_artist(text)
    birth, death = parse_life(life)
    return ArtistRecord(
        name=parsed.name,
        role=role or "artist",
        qualifier=parsed.qualifier,
        nationality=nationality or parsed.nationality,
        birth_year=birth if birth is not None else parsed.birth_year,
        death_year=death if death is not None else parsed.death_year,
        page_url=page_url,
    )


def parse_life(text: str | None) -> tuple[int | None, int | None]:
    """Read life dates: `(birth year, death year)`, None where unknown. Years of activity are none.

    Example:
        >>> parse_life("1471–1528"), parse_life("born 1930"), parse_life("active 1620–1650")
        ((1471, 1528), (1930, None), (None, None))
    """
    if not text:
        return None, None
    text = _ISO_DATE.sub(r"\1", text[:500])
    birth = death = None
    span = None if _ACTIVE.search(text) else _LIFE.search(text)
    if span is None or not span["death"]:
        if match := _BORN.search(text):
            birth = int(match["year"])
        if match := _DIED.search(text):
            death = int(match["year"])
    if span is not None and birth is None and death is None:
        birth = int(span["birth"])
        if written := span["death"]:
            # "1852–911" is nobody's life; "1852–11" is short for 1911.
            prefix = span["birth"][: max(0, len(span["birth"]) - len(written))]
            death = int(prefix + written)
            if death < birth and len(written) == 2:
                death += 100
    birth = birth if birth is not None and 0 < birth <= MAX_YEAR else None
    death = death if death is not None and 0 < death <= MAX_YEAR else None
    if birth is not None and death is not None and not birth <= death <= birth + 130:
        return None, None
    return birth, death


def name_key(name: str) -> str:
    """Return the form under which spellings of one name are equal.

    Case, accents and punctuation are dropped, and "Last, First" is turned round. Never empty for a
    name that is not: a name of nothing but punctuation is its own key.

    Example:
        >>> name_key("Dürer, Albrecht") == name_key("Albrecht Dürer") == "albrecht durer"
        True
    """
    pieces = [piece.strip() for piece in name.split(",")]
    pieces = [piece for piece in pieces if _SEPARATORS.sub("", piece)]
    # "Brueghel, Pieter, the Elder" ends with what follows the surname.
    if len(pieces) == 3 or (len(pieces) == 2 and not _is_suffix(pieces[1])):
        pieces[0], pieces[1] = pieces[1], pieces[0]
    key = " ".join(pieces)
    for _ in range(4):  # folding one character may give another that folds
        folded = _folded(key)
        if folded == key:
            break
        key = folded
    return key or " ".join(name.split()).casefold()


def _is_suffix(piece: str) -> bool:
    return bool(
        re.fullmatch(
            r"(?:jr|sr|junior|senior|i{1,3}|iv|the (?:elder|younger|older))\.?", piece, re.I
        )
    )


def _folded(text: str) -> str:
    text = unicodedata.normalize("NFKD", text.casefold()).translate(_FOLDED)
    text = "".join(character for character in text if not unicodedata.combining(character))
    return _SEPARATORS.sub(" ", _APOSTROPHES.sub("", text)).strip().casefold()
