"""Terms: the site's words for style, genre, subject … in our words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

from crawler.extraction.text import clean_text

MAX_TERM = 200
MAX_TERMS = 500


Kind = TypeVar("Kind", bound=str)


def mapped_terms(
    found: Iterable[tuple[Kind, str]], term_map: Mapping[Kind, Mapping[str, str]]
) -> tuple[tuple[str, str], ...]:
    """Return (kind, term) once each, in order.

    Args:
        found: kind, and word as the site writes it.
        term_map: kind → word, casefolded → term; "" drops the word.
    """
    terms: dict[tuple[str, str], None] = {}
    for kind, word in found:
        name = clean_text(word, MAX_TERM)
        name = term_map.get(kind, {}).get(name.casefold(), name)
        if name:
            terms[kind, name] = None
    return tuple(terms)[:MAX_TERMS]
