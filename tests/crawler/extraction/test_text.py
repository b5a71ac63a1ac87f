from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from crawler.extraction.text import clean_text, without_surrogates

ANY_TEXT = st.text(st.characters())  # lone surrogates included


def test_white_space_and_unstorable_characters() -> None:
    assert clean_text(" a\u00a0\tb\r\n\u2028 c ") == "a b c"
    assert clean_text("a\x00b\ud800c\ufeffd\u00ade") == "abcde"
    assert clean_text("e\u0301") == "é"
    assert clean_text("abc def", 4) == "abc"


@given(ANY_TEXT, st.integers(1, 20))
def test_cleaning_is_idempotent_bounded_and_storable(text: str, limit: int) -> None:
    cleaned = clean_text(text, limit)
    assert clean_text(cleaned, limit) == cleaned
    assert len(cleaned) <= limit
    assert "\x00" not in cleaned
    cleaned.encode("utf-8")
    assert unicodedata.is_normalized("NFC", cleaned)


@given(ANY_TEXT)
def test_no_surrogate_is_left(text: str) -> None:
    without_surrogates(text).encode("utf-8")
