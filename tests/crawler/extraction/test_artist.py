from __future__ import annotations

from pathlib import Path

import pytest

from crawler.extraction import ArtistRecord, ArtistResult, ExtractionError, Page, extract_artist
from crawler.profiles import parse_profile

URL = "http://museum.example/p/1"
TABLE = 'match = "css:main"\nname = "css:h1"\nartworks = "css:a.w"\nnext = "css:a.n"\n'


def read(body: str, table: str = TABLE) -> ArtistResult:
    text = f"""base_url = "http://museum.example"
[categories]
a = "/a"
[listing]
artists = "css:a"
[artist]
{table}
[artwork]
title = "css:h1"
images = "css:img"
[artwork.term_map.style]
"cubist" = "cubism"
"other" = ""
"""
    return extract_artist(parse_profile(text, Path("museum.toml")), Page(URL, body))


def test_who_the_artist_is_and_where_the_works_are() -> None:
    body = """<main><h1>Ann Vogt (Swiss, 1871–1943)</h1><a class=w href=/w/1>One</a>
    <a class=w href=/w/1></a><a class=w href=/w/2>Two</a><a class=w href=http://o.example/>Three</a>
    <a class=n href="?page=2">more</a>"""
    found = read(body)
    assert found.artist == ArtistRecord(
        "Ann Vogt", nationality="Swiss", birth_year=1871, death_year=1943, page_url=URL
    )
    assert [(link.url, link.text) for link in found.artworks] == [
        ("http://museum.example/w/1", "One"),
        ("http://museum.example/w/2", "Two"),
    ]
    assert found.next_pages == ("http://museum.example/p/1?page=2",)
    assert found.offsite == ("http://o.example/",)
    assert found.terms == ()


def test_terms_are_mapped_as_those_of_works() -> None:
    table = TABLE + 'life = "css:i"\n[artist.terms]\nstyle = "css:b"\nperiod = "css:u"\n'
    body = "<main><h1>A</h1><i>1900–1950</i><b>Cubist</b><b>cubism</b><b>Other</b><u>1910s</u>"
    found = read(body, table)
    assert found.terms == (("style", "cubism"), ("period", "1910s"))
    assert (found.artist.birth_year, found.artist.death_year) == (1900, 1950)


@pytest.mark.parametrize(
    ("body", "reason", "detail"),
    [
        ("<h1>A</h1>", "not_an_artist", "nothing on the page matches 'css:main'"),
        ("<main></main>", "not_an_artist", "neither a name nor a link to a work is there"),
        ("<main><a class=w href=/w/1>", "missing_field", "name is required; tried 'css:h1'"),
    ],
)
def test_pages_that_are_none(body: str, reason: str, detail: str) -> None:
    with pytest.raises(ExtractionError) as caught:
        read(body)
    assert caught.value.reason == reason
    assert detail in caught.value.detail
