from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.extraction.rights import PUBLIC_DOMAIN, License, normalise_license, settle_license

CC = "https://creativecommons.org"
RS = "http://rightsstatements.org/vocab"

ADDRESSES = {
    f"{CC}/licenses/by/4.0/": "CC-BY-4.0",
    f"{CC}/licenses/by-sa/4.0/": "CC-BY-SA-4.0",
    f"{CC}/licenses/by-nc-nd/3.0/": "CC-BY-NC-ND-3.0",
    f"{CC}/licenses/by-nc-sa/3.0/us/": "CC-BY-NC-SA-3.0-US",
    f"{CC}/licenses/by/3.0/igo/": "CC-BY-3.0-IGO",
    f"{CC}/licenses/by-sa/2.5/scotland/": "CC-BY-SA-2.5-SCOTLAND",
    f"{CC}/licenses/by/2.1/jp/": "CC-BY-2.1-JP",
    f"{CC}/licenses/by-nd-nc/1.0/": "CC-BY-NC-ND-1.0",
    f"{CC}/licenses/sa/1.0/": "CC-SA-1.0",
    f"{CC}/publicdomain/zero/1.0/": "CC0-1.0",
    f"{CC}/publicdomain/mark/1.0/": "PDM-1.0",
    f"{CC}/licenses/publicdomain/": "CC-PDDC",
    **{
        f"{RS}/{code}/1.0/": f"{code}-1.0"
        for code in (
            *("InC", "InC-OW-EU", "InC-EDU", "InC-NC", "InC-RUU", "NoC-CR", "NoC-NC"),
            *("NoC-OKLR", "NoC-US", "CNE", "UND", "NKC"),
        )
    },
}
KNOWN = [License(url, name) for url, name in ADDRESSES.items()]
SUFFIXES = ("", "deed.en", "deed.de", "deed.zh-hans", "legalcode", "legalcode.en", "rdf", "deed/en")


@pytest.mark.parametrize("known", KNOWN, ids=lambda known: known.name)
def test_addresses_have_one_spelling_and_names(known: License) -> None:
    assert normalise_license(known.url) == known
    assert normalise_license(known.name) == known


@given(
    known=st.sampled_from(KNOWN),
    scheme=st.sampled_from(["http://", "https://", "//", "HTTP://", ""]),
    www=st.sampled_from(["", "www."]),
    slash=st.sampled_from(["", "/"]),
    query=st.sampled_from(["", "?language=de", "?ref=chooser-v1", "#x"]),
    upper=st.booleans(),
)
def test_the_spelling_of_an_address_does_not_matter(
    known: License, scheme: str, www: str, slash: str, query: str, upper: bool
) -> None:
    assert known.url is not None
    written = www + known.url.partition("//")[2].rstrip("/") + slash + query
    written = scheme + (written.upper() if upper else written)
    assert normalise_license(written) == known


@given(known=st.sampled_from(KNOWN[:8]), suffix=st.sampled_from(SUFFIXES))
def test_deed_and_legal_code_are_the_licence(known: License, suffix: str) -> None:
    assert normalise_license(f"{known.url}{suffix}") == known


@pytest.mark.parametrize(
    ("written", "name"),
    [
        (f"{CC}/licenses/by/4.0/de", "CC-BY-4.0"),  # 4.0 has no ports: a language
        ("https://rightsstatements.org/page/InC-EDU/1.0/?language=en", "InC-EDU-1.0"),
        ("https://i.creativecommons.org/l/by-nc/4.0/88x31.png", "CC-BY-NC-4.0"),
        ("https://licensebuttons.net/p/zero/1.0/88x31.png", "CC0-1.0"),
        ("CC BY 4.0", "CC-BY-4.0"),
        ("cc-by-sa-3.0-de", "CC-BY-SA-3.0-DE"),
        ("CC BY-SA-NC 4.0", "CC-BY-NC-SA-4.0"),
        ("CC BY NC ND v2.0", "CC-BY-NC-ND-2.0"),
        ("CC0", "CC0-1.0"),
        ("CC Zero", "CC0-1.0"),
        ("CC0 1.0 Universal (CC0 1.0) Public Domain Dedication", "CC0-1.0"),
        ("Public Domain (CC0)", "CC0-1.0"),
        ("Public Domain Mark 1.0", "PDM-1.0"),
        ("Creative Commons Attribution 4.0 International", "CC-BY-4.0"),
        ("Creative Commons Attribution-NonCommercial-NoDerivs 3.0 Germany", "CC-BY-NC-ND-3.0-DE"),
        ("Creative Commons Attribution-No Derivative Works 2.5 License", "CC-BY-ND-2.5"),
        (
            "Creative Commons Attribution-ShareAlike 3.0 Unported (CC BY-SA 3.0)",
            "CC-BY-SA-3.0",
        ),
        ("© Jane Doe / CC BY-SA 3.0", "CC-BY-SA-3.0"),
        ("Photo: Jane Doe, CC BY 2.0, https://creativecommons.org/licenses/by/2.0", "CC-BY-2.0"),
        ("In Copyright", "InC-1.0"),
        ("In Copyright – Educational Use Permitted", "InC-EDU-1.0"),
        ("No Known Copyright", "NKC-1.0"),
    ],
)
def test_words_that_leave_no_doubt(written: str, name: str) -> None:
    known = normalise_license(written)
    assert known is not None
    assert known.name == name
    assert known == normalise_license(known.url)


@pytest.mark.parametrize("words", ["Public domain.", "In the public domain", "Gemeinfrei"])
def test_the_public_domain_is_no_licence_and_has_no_address(words: str) -> None:
    assert normalise_license(words) == License(None, PUBLIC_DOMAIN)


def test_a_version_that_is_not_named_is_not_made_up() -> None:
    assert normalise_license("CC BY-NC") == License(None, "CC-BY-NC")
    assert normalise_license(f"{CC}/licenses/by-nc/") == License(None, "CC-BY-NC")


@pytest.mark.parametrize(
    "written",
    [
        *("", "   ", "© 2020 Museum", "All rights reserved", "Copyright undetermined by us"),
        *("CC BY 5.0", "CC BY-ND-SA 4.0", "CC", "CCBYE", "access BY-SA 4.0"),
        "Metadata: CC0",
        "Images are not available under CC BY 4.0",
        "Text CC BY-SA 4.0; images all rights reserved",
        "CC0 and CC BY 4.0",
        "The public domain is wide",
        f"{CC}/licenses/by/3.0/xx/",
        f"{CC}/licenses/by/4.0/index.php/other",
        f"{CC}/licenses/",
        "https://creativecommons.org.example/licenses/by/4.0/",
        "https://example.org/?u=https://creativecommons.org/licenses/by/4.0/",
        "see https://example.org/?u=https://creativecommons.org/licenses/by/4.0/",
        "https://rightsstatements.org/vocab/XYZ/1.0/",
        "https://museum.example/terms",
        "CC BY 4.0, " + "by a very long credit line " * 20,
    ],
)
def test_what_is_not_known_or_not_certain_is_none(written: str) -> None:
    assert normalise_license(written) is None


WORDS = st.lists(
    st.sampled_from(
        [
            *("creative", "commons", "attribution", "sharealike", "non", "commercial", "CC", "BY"),
            *(
                "NC",
                "SA",
                "ND",
                "0",
                "zero",
                "4.0",
                "3.0",
                "1.0",
                "us",
                "Germany",
                "public",
                "mark",
            ),
            *("domain", "-", "/", "(", ")", "©", "rightsstatements.org/vocab/", "InC", "//", " "),
        ]
    ),
    max_size=12,
)


@given(st.text() | WORDS.map(" ".join) | WORDS.map("".join))
def test_any_text_is_read_and_what_it_gives_is_read_the_same(text: str) -> None:
    known = normalise_license(text)
    if known is not None:
        assert normalise_license(known.name) == known
        assert known.url is None or normalise_license(known.url) == known


@given(WORDS.map(" ".join) | WORDS.map("".join))
def test_case_does_not_matter(text: str) -> None:
    assert normalise_license(text.upper()) == normalise_license(text.lower())


def test_a_link_counts_before_the_words() -> None:
    by = (f"{CC}/licenses/by/4.0/", "CC-BY-4.0")
    assert settle_license("http://creativecommons.org/licenses/by/4.0/deed.en", "CC0") == by
    assert settle_license(None, "CC BY 4.0") == by
    assert settle_license(None, "© Museum") == (None, None)
    assert settle_license(None, None) == (None, None)


def test_a_link_that_is_not_known_stays_beside_what_the_words_say() -> None:
    terms = "https://museum.example/terms"
    assert settle_license(terms, "CC BY 4.0") == (terms, "CC-BY-4.0")
    assert settle_license(terms, "ask us") == (terms, None)
    assert settle_license(f"{CC}/licenses/by/", None) == (f"{CC}/licenses/by/", "CC-BY")
