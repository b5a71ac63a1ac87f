"""Cleaning of text taken from pages: what is stored is one bounded line of valid Unicode."""

from __future__ import annotations

import re
import unicodedata

MAX_TEXT = 10_000
MAX_DESCRIPTION = 100_000

# Control characters (NUL cannot be stored in PostgreSQL), lone surrogates (cannot be encoded),
# and characters that are always invisible: soft hyphen, zero-width space, byte order mark.
_UNWANTED = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ud800-\udfff\u00ad\u200b\ufeff]")


def clean_text(value: str, limit: int = MAX_TEXT) -> str:
    """Return `value` as one line: white space collapsed, unstorable characters dropped.

    White space includes the no-break space. The result is in Unicode form NFC and has at most
    `limit` characters. Cleaning twice changes nothing.
    """
    text = " ".join(value.split())
    if not (text.isascii() and text.isprintable()):
        text = unicodedata.normalize("NFC", _UNWANTED.sub("", value))
        text = " ".join(text.split())
    if len(text) > limit:
        # A cut may leave a form that is not NFC any more only if it splits a base from its mark,
        # and a base alone is always NFC.
        text = text[:limit].rstrip()
    return text


def without_surrogates(value: str) -> str:
    """Replace lone surrogates, which no encoder accepts, by the replacement character."""
    if value.isascii():
        return value
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
