from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.extraction.dates import MAX_YEAR, Years, parse_years

WORDS = st.sampled_from(
    [
        *("c.", "circa", "about", "before", "after", "late", "early", "mid", "century", "BC", "AD"),
        *("19th", "XVIII", "s", "–", "-", "/", ",", ";", "(", ")", "?", "1503", "1912", "19", "5"),
        *("1920s", "or", "and", "second half of the", "exhibited", "n.d.", "siècle", "99999"),
    ]
)


@pytest.mark.parametrize(
    ("text", "years"),
    [
        ("1912", (1912, 1912)),
        ("c. 1503–19", (1503, 1519)),
        ("c.1503–9", (1503, 1509)),
        ("1908-11", (1908, 1911)),
        ("1898-1901", (1898, 1901)),
        ("1899–1", (1899, 1901)),
        ("1871–1943", (1871, 1943)),
        ("?c.1850–55", (1850, 1855)),
        ("1921–c.23", (1921, 1923)),
        ("about 1890", (1890, 1890)),
        ("dated 1640", (1640, 1640)),
        ("1640/41", (1640, 1641)),
        ("1765 or 69", (1765, 1769)),
        ("1820 and c.1829", (1820, 1829)),
        ("between 1910 and 1915", (1910, 1915)),
        ("1912-05-03", (1912, 1912)),
        ("3 May 1912", (1912, 1912)),
        ("September 1889", (1889, 1889)),
        ("1829, exhibited 1831", (1829, 1829)),
        ("exhibited 1831", (1831, 1831)),
        ("1950; printed 1970s", (1950, 1950)),
        ("1966 (repaired 2009)", (1966, 1966)),
        ("1982, 1993", (1982, 1993)),
        ("1920s", (1920, 1929)),
        ("early 1920s", (1920, 1922)),
        ("1895-1910s", (1895, 1919)),
        ("1700s", (1700, 1799)),
        ("19th century", (1801, 1900)),
        ("late 18th C", (1768, 1800)),
        ("mid-19th century", (1834, 1867)),
        ("16th–17th century", (1501, 1700)),
        ("18th/19th century", (1701, 1900)),
        ("first half of the 17th century", (1601, 1650)),
        ("second quarter 15th century", (1426, 1450)),
        ("XVIIe siècle", (1601, 1700)),
        ("siglo XIX", (1801, 1900)),
        ("17. Jahrhundert", (1601, 1700)),
        ("5th century BC", (-500, -401)),
        ("late 5th–early 4th century B.C.", (-433, -368)),
        ("1st century B.C.–A.D. 1st century", (-100, 100)),
        ("ca. 1480 B.C.", (-1480, -1480)),
        ("100 BC - AD 50", (-100, 50)),
        ("AD 79", (79, 79)),
        ("c.850", (850, 850)),
        ("AH 1215/1800", (1800, 1800)),
        ("Qing dynasty (1644–1911)", (1644, 1911)),
        ("before 1700", (None, 1700)),
        ("by 1650", (None, 1650)),
        ("after c.1830", (1830, None)),
        ("1596 or after", (1596, None)),
        ("n.d.", None),
        ("date not known", None),
        ("Anonymous", None),
        ("No. 12", None),
        ("", None),
        (None, None),
    ],
)
def test_dates_of_museums(text: str | None, years: Years | None) -> None:
    assert parse_years(text) == years


def check_order(years: Years | None) -> None:
    if years is None:
        return
    low, high = years
    assert low is not None or high is not None
    assert all(year is None or (year != 0 and year <= MAX_YEAR) for year in years)
    if low is not None and high is not None:
        assert low <= high


@given(
    st.text() | st.lists(WORDS, max_size=8).map(" ".join) | st.lists(WORDS, max_size=8).map("".join)
)
def test_never_raises_and_keeps_order(text: str) -> None:
    check_order(parse_years(text))


@given(st.integers(1000, 2100), st.integers(0, 400))
def test_written_ranges_come_back(first: int, length: int) -> None:
    last = min(first + length, 2500)
    assert parse_years(f"{first}–{last}") == (first, last)
    assert parse_years(f"c. {first} - {last}") == (first, last)
    if last > first and str(first)[:2] == str(last)[:2]:
        assert parse_years(f"{first} – {last % 100:02d}, later cast") == (first, last)


@given(st.integers(1, 21))
def test_parts_of_a_century_cover_it(number: int) -> None:
    spans = [parse_years(f"{part} {number}th century") for part in ("early", "mid", "late")]
    assert all(span is not None for span in spans)
    (first, a), (b, c), (d, last) = (span or (None, None) for span in spans)
    assert (first, last) == (number * 100 - 99, number * 100)
    assert a is not None
    assert c is not None
    assert (b, d) == (a + 1, c + 1)
