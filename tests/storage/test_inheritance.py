"""What works inherit from the pages of their artists, whoever says what in which order."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from storage.inheritance import inherited_terms, settled_makers, told_in


def artist(name: str, born: int | None = None, **fields: Any) -> dict[str, Any]:
    return {
        "name": name,
        "name_key": name.lower(),
        "nationality": None,
        "birth_year": born,
        "death_year": None,
        "page_url": None,
        "terms": [],
        **fields,
    }


def maker(name: str, born: int | None = None, **fields: Any) -> dict[str, Any]:
    said = {key: value for key, value in artist(name, born).items() if key != "terms"}
    return {**said, "role": "artist", "qualifier": None, "said": said, **fields}


def identities(makers: list[dict[str, Any]]) -> list[tuple[str, int | None]]:
    return [(one["name_key"], one["birth_year"]) for one in makers]


def test_a_maker_without_year_is_the_artist_of_that_name_whose_page_leads_to_the_work() -> None:
    said = [maker("Ann", qualifier="after", role="engraver", nationality="Dutch"), maker("Bob")]
    told = {"artist:1": artist("Ann", 1850, death_year=1910)}
    ann, bob = settled_makers(said, told)
    assert (ann["birth_year"], ann["death_year"]) == (1850, 1910)
    assert (ann["role"], ann["qualifier"], ann["nationality"]) == ("engraver", "after", "Dutch")
    assert ann["said"]["birth_year"] is None
    assert bob == maker("Bob")


def test_a_maker_with_a_year_is_whom_the_page_says() -> None:
    said = [maker("Ann", 1849)]
    assert settled_makers(said, {"artist:1": artist("Ann", 1850)}) == said


def test_of_namesakes_the_page_whose_key_comes_first_counts() -> None:
    told = {"artist:2": artist("Ann", 1850), "artist:1": artist("Ann", 1900)}
    told["artist:0"] = artist("Ann")
    assert identities(settled_makers([maker("Ann")], told)) == [("ann", 1900)]


def test_a_work_without_makers_is_by_the_artists_whose_pages_lead_to_it() -> None:
    told = {
        "artist:3": artist("Ann", 1850),
        "artist:2": artist("Bob"),
        "artist:1": artist("Ann"),
        "artist:4": artist("Ann", 1900),
        "artist:5": artist("", name_key=None),
    }
    makers = settled_makers([], told)
    assert identities(makers) == [("ann", 1850), ("bob", None), ("ann", 1900)]
    assert {one["role"] for one in makers} == {"artist"}
    assert [one["said"] for one in makers] == [None] * 3


def test_only_artists_that_were_left_with_the_page_are_told() -> None:
    meta = {"rendering": "auto", "artist_key": "1", "artist": {}, "artist:1": artist("Ann")}
    assert list(told_in(meta)) == ["artist:1"]


ARTISTS = st.builds(
    artist,
    st.sampled_from(["Ann", "Bob"]),
    st.sampled_from([None, 1850, 1900]),
    terms=st.lists(st.sampled_from([["style", "a"], ["style", "b"], ["tag", "a"]]), max_size=3),
)
TOLD = st.dictionaries(st.sampled_from([f"artist:{number}" for number in range(5)]), ARTISTS)
SAID = st.lists(
    st.builds(maker, st.sampled_from(["Ann", "Bob", "Eve"]), st.sampled_from([None, 1850])),
    max_size=3,
)


@given(SAID, TOLD, st.randoms())
def test_the_order_of_telling_does_not_matter(
    said: list[dict[str, Any]], told: dict[str, dict[str, Any]], random: Any
) -> None:
    shuffled = list(told.items())
    random.shuffle(shuffled)
    assert settled_makers(said, dict(shuffled)) == settled_makers(said, told)
    assert inherited_terms(dict(shuffled)) == inherited_terms(told)


@given(SAID, TOLD)
def test_what_a_page_says_is_only_completed(
    said: list[dict[str, Any]], told: dict[str, dict[str, Any]]
) -> None:
    makers = settled_makers(said, told)
    if said:
        assert [one["said"] for one in makers] == [one["said"] for one in said]
        assert [one["name_key"] for one in makers] == [one["name_key"] for one in said]
        for before, after in zip(said, makers, strict=True):
            assert before["birth_year"] in (None, after["birth_year"])
    else:
        assert len(set(identities(makers))) == len(makers)
        assert {one["name_key"] for one in makers} == {one["name_key"] for one in told.values()}
