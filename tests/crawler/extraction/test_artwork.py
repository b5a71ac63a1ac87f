from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.extraction import (
    ArtistRecord,
    ArtworkRecord,
    ExtractionError,
    ImageRecord,
    Page,
    content_hash,
    extract_artwork,
)
from crawler.profiles import Profile, parse_profile

URL = "http://museum.example/work/7?from=list&utm_source=x#top"


def profile(artwork: str) -> Profile:
    head = (
        'base_url = "http://museum.example"\ninstitution = "The museum"\n[categories]\na = "/a"\n'
    )
    text = f'{head}[listing]\nartworks = "css:a"\n[artwork]\n{artwork}'
    return parse_profile(text, Path("museum.toml"))


def read(artwork: str, body: str) -> ArtworkRecord:
    return extract_artwork(profile(artwork), Page(URL, body))


BASIC = 'title = "css:h1"\nimages = "css:img"\n'
BODY = '<h1>Low Tide</h1><img src="/a.jpg"><img src="/a.jpg#2"><img src="/b.jpg">'


def test_defaults() -> None:
    record = read(BASIC, BODY)
    assert record.source_id == "/work/7?from=list"
    assert record.page_url == URL
    assert record.institution == "The museum"
    assert [(image.url, image.position) for image in record.images] == [
        ("http://museum.example/a.jpg", 0),
        ("http://museum.example/b.jpg", 1),
    ]


def test_licences_are_given_in_one_spelling_and_filled_in_from_words() -> None:
    artwork = (
        'title = "css:h1"\nrights_text = "css:.rights"\nlicense_url = "css:.license"\n'
        'required = ["license_url"]\n'
        'images = { each = "css:figure", url = "css:img", rights_text = "css:i",'
        ' license_url = "css:b a" }\n'
    )
    body = (
        '<h1>Low Tide</h1><p class="rights">Gift of Ann; CC BY-SA 4.0</p>'
        '<figure><img src="/a.jpg"><i>CC0</i></figure>'
        '<figure><img src="/b.jpg"><i>© Ann</i><b><a href="/terms">x</a></b></figure>'
        '<figure><img src="/c.jpg"><b>'
        '<a href="http://www.creativecommons.org/licenses/by/4.0/deed.en">x</a></b></figure>'
    )
    record = read(artwork, body)
    by_sa = "https://creativecommons.org/licenses/by-sa/4.0/"
    assert (record.license, record.license_url) == ("CC-BY-SA-4.0", by_sa)
    assert record.rights_text == "Gift of Ann; CC BY-SA 4.0"
    assert [(image.license, image.license_url) for image in record.images] == [
        ("CC0-1.0", "https://creativecommons.org/publicdomain/zero/1.0/"),
        (None, "http://museum.example/terms"),
        ("CC-BY-4.0", "https://creativecommons.org/licenses/by/4.0/"),
    ]
    assert content_hash(record) == content_hash(replace(record, license=None))


def test_the_first_source_that_gives_anything_wins() -> None:
    artwork = 'title = ["css:.absent", "css:h2", "css:h1"]\nimages = "css:img"\n'
    record = read(artwork, "<h2> </h2>" + BODY)
    assert record.title == "Low Tide"
    assert record.sources["title"] == "css:h1"
    assert record.raw["title"] == ["Low Tide"]


@pytest.mark.parametrize(
    ("artwork", "body", "reason", "detail"),
    [
        (BASIC, "<h1>x</h1>", "missing_field", "images is required; tried 'css:img' in vain"),
        (BASIC, '<img src="/a.jpg">', "missing_field", "title is required; tried 'css:h1'"),
        (BASIC, '<h1>x</h1><img src="data:x">', "missing_field", "images"),
        (BASIC, "<p>Not found</p>", "not_an_artwork", "no source of [artwork] gave anything"),
        (BASIC, "", "not_an_artwork", ""),
        (BASIC + 'match = "css:main"\n', BODY, "not_an_artwork", "matches 'css:main'"),
        (BASIC + 'source_id = "css:b"\n', BODY, "missing_field", "source_id is required"),
        (
            BASIC + 'artist = ["css:b", "css:i"]\nrequired = ["artist"]\n',
            BODY,
            "missing_field",
            "artist is required; tried 'css:b', 'css:i'",
        ),
    ],
)
def test_pages_that_lack_something(artwork: str, body: str, reason: str, detail: str) -> None:
    with pytest.raises(ExtractionError) as caught:
        read(artwork, body)
    assert caught.value.reason == reason
    assert detail in caught.value.detail


def test_several_makers_and_their_facts_go_together_only_if_they_count_the_same() -> None:
    artwork = BASIC + 'artist = { name = "css:b", nationality = "css:i", life = "css:u" }\n'
    body = BODY + "<b>A</b><i>Dutch</i><b>B</b><i>Swiss</i><u>1900–1950</u>"
    assert read(artwork, body).artists == (
        ArtistRecord("A", nationality="Dutch"),
        ArtistRecord("B", nationality="Swiss"),
    )


def test_a_makers_page_is_where_the_name_links_to() -> None:
    body = BODY + '<a class="by" href="/artist/1">After Titian (Venetian, 1488–1576)</a>'
    assert read(BASIC + 'artist = "css:a.by"\n', body).artists == (
        ArtistRecord(
            "Titian",
            qualifier="after",
            nationality="Venetian",
            birth_year=1488,
            death_year=1576,
            page_url="http://museum.example/artist/1",
        ),
    )


def images(table: str, body: str) -> tuple[ImageRecord, ...]:
    return read(f'title = "css:h1"\n[artwork.images]\n{table}', f"<h1>Low Tide</h1>{body}").images


HOST = "http://museum.example"


def test_the_largest_that_an_element_offers_is_its_address_and_the_rest_are_alternatives() -> None:
    body = (
        '<img srcset="/m.jpg 600w, /l.jpg 900w" src="/s.jpg">'
        '<div style="background-image: url(\'/d.jpg\')"></div><img src="data:image/gif;base64,AA">'
    )
    assert images('url = "css:img, div"', body) == (
        ImageRecord(f"{HOST}/l.jpg", 0, alternatives=(f"{HOST}/m.jpg", f"{HOST}/s.jpg")),
        ImageRecord(f"{HOST}/d.jpg", 1),
    )


@pytest.mark.parametrize(
    ("source", "body"),
    [
        ("css:img::attr(srcset)", '<img srcset="/m.jpg 600w, /l.jpg 900w">'),
        ("xpath://img/@data-set", '<img data-set="/m.jpg 1x, /l.jpg 2x">'),
        ("css:div::attr(style)", "<div style=\"background:image-set('/m.jpg' 1x, '/l.jpg' 2x)\">"),
        ("css:code::text", "<code>/m.jpg 1x, /l.jpg 2x</code>"),
    ],
)
def test_a_value_may_hold_several_sizes(source: str, body: str) -> None:
    [image] = images(f'url = "{source}"', body)
    assert (image.url, image.alternatives) == (f"{HOST}/l.jpg", (f"{HOST}/m.jpg",))


def test_alternatives_are_bounded() -> None:
    entries = ", ".join(f"/{width}.jpg {width}w" for width in range(1, 30))
    [image] = images('url = "css:img"', f'<img srcset="{entries}">')
    assert image.url == f"{HOST}/29.jpg"
    assert image.alternatives == tuple(f"{HOST}/{width}.jpg" for width in range(28, 20, -1))


def test_an_image_service_comes_before_the_address_beside_it() -> None:
    body = '<figure data-iiif="/iiif/7/info.json"><img src="/s.jpg"></figure><figure></figure>'
    table = 'each = "css:figure"\niiif = "xpath:./@data-iiif"\nurl = "css:img"'
    service = f"{HOST}/iiif/7"
    [image] = images(table, body)
    assert image == ImageRecord(
        f"{service}/full/max/0/default.jpg",
        0,
        iiif_service=service,
        alternatives=(f"{service}/full/full/0/default.jpg", f"{HOST}/s.jpg"),
    )
    [bounded] = images(f"{table}\nmax_side = 900", body)
    assert bounded.url == f"{service}/full/!900,900/0/default.jpg"


def test_one_size_of_a_service_leads_to_the_largest() -> None:
    shown = f"{HOST}/iiif/7/full/843,/0/default.jpg"
    [image] = images('iiif = "css:img"', f'<img src="{shown}">')
    assert image.iiif_service == f"{HOST}/iiif/7"
    assert image.alternatives[-1] == shown


def test_services_and_addresses_go_together_only_if_they_count_the_same() -> None:
    table = 'iiif = "css:b::attr(id)"\nurl = "css:img"'
    body = '<b id="/iiif/1"></b><b id="/iiif/2"></b><img src="/1.jpg">'
    first, second = images(table, body)
    assert f"{HOST}/1.jpg" not in (*first.alternatives, *second.alternatives)
    first, second = images(table, f'{body}<img src="/2.jpg">')
    assert (first.alternatives[-1], second.alternatives[-1]) == (f"{HOST}/1.jpg", f"{HOST}/2.jpg")
    assert [image.url for image in images(table, '<img src="/1.jpg">')] == [f"{HOST}/1.jpg"]


def test_where_images_come_from_is_noted() -> None:
    artwork = 'title = "css:h1"\n[artwork.images]\nurl = "css:img"\niiif = "css:b::attr(id)"\n'
    record = read(artwork, f'{BODY}<b id="/iiif/1"></b>')
    assert record.sources["images"] == "css:b::attr(id)"
    assert record.raw["images"] == [f"{HOST}/iiif/1/full/max/0/default.jpg"]
    assert record.raw["image_url"] == [f"{HOST}/a.jpg", f"{HOST}/a.jpg", f"{HOST}/b.jpg"]


def test_the_manifest_of_a_work_is_linked_to() -> None:
    body = f'{BODY}<a class="iiif" href="/manifest.json">IIIF</a>'
    assert read(f'{BASIC}iiif_manifest = "css:a.iiif"\n', body).iiif_manifest == (
        f"{HOST}/manifest.json"
    )
    with pytest.raises(ExtractionError, match=r"iiif_manifest is required; tried 'css:a\.iiif'"):
        read(f'{BASIC}iiif_manifest = "css:a.iiif"\nrequired = ["iiif_manifest"]\n', BODY)


@pytest.mark.parametrize(
    ("said", "address"),
    [({"id": "/manifest/7"}, f"{HOST}/manifest/7"), ({}, "http://museum.example/work/7")],
)
def test_a_page_may_be_the_manifest_itself(said: dict[str, str], address: str) -> None:
    body = json.dumps({"type": "Manifest", "label": {"en": ["Low Tide"]}, **said})
    page = Page(f"{HOST}/work/7", body, "application/json")
    source = 'title = "value:x"\nrequired = []\n'
    assert extract_artwork(profile(source), page).iiif_manifest == address


def test_a_maker_in_json_links_to_its_page() -> None:
    data = (
        '{"title": "x", "image": "/a.jpg", "by": [{"name": "After Ann Vogt", "url": "/p/1"}, "Bo"]}'
    )
    artwork = 'title = "jmespath:title"\nimages = "jmespath:image"\nartist = "jmespath:by"\n'
    assert read(artwork, data).artists == (
        ArtistRecord("Ann Vogt", qualifier="after", page_url="http://museum.example/p/1"),
        ArtistRecord("Bo"),
    )


def test_long_texts_are_bounded() -> None:
    body = BODY + f"<p>{'x' * 200_000}</p><i>{'y' * 200_000}</i>"
    record = read(BASIC + 'description = "css:p"\nmedium = "css:i"\n', body)
    assert record.description is not None
    assert len(record.description) == 100_000
    assert record.medium is not None
    assert len(record.medium) == 10_000
    assert sum(len(text) for texts in record.raw.values() for text in texts) < 5_000


@given(st.text(st.characters()))
def test_any_page_gives_a_record_or_a_reason(body: str) -> None:
    with contextlib.suppress(ExtractionError):
        content_hash(read(BASIC + 'artist = "css:b"\ndate = "css:i"\n', BODY + body))


RECORD = ArtworkRecord(
    source_id="7",
    page_url=URL,
    title="Low Tide",
    artists=(ArtistRecord("A", page_url="http://museum.example/a?sid=0a1b2c3d4e5f60718293"),),
    terms=(("style", "op art"), ("category", "sea")),
    images=(ImageRecord("http://museum.example/a.jpg?utm_source=x", 0, caption="front"),),
)


def test_content_hash_ignores_what_says_nothing_about_the_work() -> None:
    same = replace(
        RECORD,
        page_url="http://museum.example/work/7?sid=1",
        artists=(ArtistRecord("A", page_url="http://museum.example/a"),),
        terms=tuple(reversed(RECORD.terms)),
        images=(ImageRecord("http://museum.example/a.jpg", 0, caption="front"),),
        raw={"title": ["Low Tide"]},
        sources={"title": "css:h1"},
    )
    assert content_hash(same) == content_hash(RECORD)
    [image] = RECORD.images
    same = replace(
        RECORD,
        images=(replace(image, iiif_service="http://x/7", alternatives=("http://x/b.jpg",)),),
    )
    assert content_hash(same) == content_hash(RECORD)
    assert len(content_hash(RECORD)) == 64


@pytest.mark.parametrize(
    "change",
    [
        {"title": "High Tide"},
        {"year_from": 1900},
        {"terms": ()},
        {"artists": (ArtistRecord("B"),)},
        {"images": ()},
        {"iiif_manifest": "http://museum.example/manifest.json"},
        {"images": (ImageRecord("http://museum.example/a.jpg", 0, caption="back"),)},
    ],
)
def test_content_hash_tells_changes(change: dict[str, object]) -> None:
    assert content_hash(replace(RECORD, **change)) != content_hash(RECORD)  # type: ignore[arg-type]
