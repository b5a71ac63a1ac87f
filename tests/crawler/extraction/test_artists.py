from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.extraction.artists import ParsedArtist, name_key, parse_artist, parse_life


@pytest.mark.parametrize(
    ("text", "artist"),
    [
        ("Albrecht Dürer", ParsedArtist("Albrecht Dürer")),
        ("Dürer, Albrecht", ParsedArtist("Dürer, Albrecht")),
        ("After Titian", ParsedArtist("Titian", "after")),
        ("attributed to Dürer, Albrecht", ParsedArtist("Dürer, Albrecht", "attributed to")),
        ("Studio of Titian", ParsedArtist("Titian", "workshop of")),
        ("Titian, follower of", ParsedArtist("Titian", "follower of")),
        ("Titian (circle of)", ParsedArtist("Titian", "circle of")),
        ("in the manner of X", ParsedArtist("X", "manner of")),
        (
            "Workshop of Rembrandt van Rijn (Dutch, 1606–1669)",
            ParsedArtist("Rembrandt van Rijn", "workshop of", "Dutch", 1606, 1669),
        ),
        (
            "Vogt, Anna (German, active 1520–1530)",
            ParsedArtist("Vogt, Anna", None, "German", None, None),
        ),
        ("The Master (of something)", ParsedArtist("The Master (of something)")),
        ("Afterman, Joe", ParsedArtist("Afterman, Joe")),
        ("", ParsedArtist("")),
    ],
)
def test_lines_about_makers(text: str, artist: ParsedArtist) -> None:
    assert parse_artist(text) == artist


@pytest.mark.parametrize(
    ("text", "years"),
    [
        ("1471–1528", (1471, 1528)),
        ("1941-05-02 – 1990-01-01", (1941, 1990)),
        ("(c. 1450 – 1516)", (1450, 1516)),
        ("American, born Germany, 1900 - 1970", (1900, 1970)),
        ("1606/1607–1669", (1606, 1669)),
        ("born 1930", (1930, None)),
        ("1930–", (1930, None)),
        ("1930–present", (1930, None)),
        ("d. 1701", (None, 1701)),
        ("born 1908, died 1990", (1908, 1990)),
        ("1871–43", (1871, 1943)),
        ("active 1620–1650", (None, None)),
        ("1500–1900", (None, None)),
        ("unknown", (None, None)),
        ("", (None, None)),
        (None, (None, None)),
    ],
)
def test_life_dates(text: str | None, years: tuple[int | None, int | None]) -> None:
    assert parse_life(text) == years


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Dürer, Albrecht", "Albrecht Dürer"),
        ("ALBRECHT DURER", "Albrecht Dürer"),
        ("Brueghel, Pieter, the Elder", "Pieter Brueghel the Elder"),
        ("O’Keeffe, Georgia", "Georgia O'Keeffe"),
        ("Toulouse-Lautrec", "Toulouse Lautrec"),
        ("Øystein Ærø", "Oystein AEro"),
    ],
)
def test_spellings_of_one_name_share_a_key(one: str, other: str) -> None:
    assert name_key(one) == name_key(other)


def test_different_names_differ() -> None:
    names = ["Thomas James", "James Thomas", "葛飾北斎", "歌川広重", "Homer, Jr.", "???", "!!!"]
    assert len({name_key(name) for name in names}) == len(names)


@given(st.text())
def test_key_is_a_fixed_point_and_never_empty(name: str) -> None:
    key = name_key(name)
    assert name_key(key) == key
    assert bool(key) == bool(name.strip())
    assert name_key(f"  {name} ") == key


@given(st.text())
def test_makers_never_raise(text: str) -> None:
    parse_artist(text)
    birth, death = parse_life(text)
    assert birth is None or death is None or birth <= death
