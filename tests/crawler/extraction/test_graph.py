from __future__ import annotations

from typing import Any

import pytest

from crawler.extraction.graph import MAX_THINGS, Graph, shaped, short_name

URL = "http://museum.example/w/1"


def names(things: list[dict[str, Any]]) -> list[str]:
    return [thing["name"] for thing in things]


def graph(*things: dict[str, Any]) -> Graph:
    return Graph(things, page_url=URL)


@pytest.mark.parametrize(
    "written",
    ["Painting", "schema:Painting", "http://schema.org/Painting", "https://x.example/ns#Painting/"],
)
def test_types_are_known_by_their_last_part(written: str) -> None:
    assert short_name(written) == "Painting"


def test_the_shape_of_things() -> None:
    assert shaped(
        {
            "@context": {"name": "x"},
            "@type": ["schema:Painting", "Product"],
            "https://schema.org/name": {"@list": ["a", {"@set": ["b"]}]},
            "schema:url": "/1",
            "http://other.example/x": 1,
        }
    ) == {
        "@type": ["Painting", "Product"],
        "name": ["a", ["b"]],
        "url": "/1",
        "http://other.example/x": 1,
    }


def test_references_are_resolved_also_in_circles() -> None:
    found = graph(
        {"@id": f"{URL}#w", "@type": "Painting", "creator": [{"@id": "#p"}, {"@id": "#nobody"}]},
        {"@id": "#p", "@type": "Person", "name": "Ann", "work": {"@id": "#w", "@type": "Painting"}},
    )
    [painting], [person] = found.of_type("Painting"), found.of_type("Person")
    assert painting["creator"] == [person, {"@id": "#nobody"}]
    assert person["work"] is painting


def test_a_thing_that_is_named_twice_in_a_list_is_in_it_once() -> None:
    reference = {"@id": "#p"}
    found = graph({"@type": "Map", "author": [dict(reference)] * 1_000}, {"@id": "#p", "name": "A"})
    assert names(found.of_type("Map")[0]["author"]) == ["A"]


def test_what_is_said_of_one_thing_in_two_places_goes_together() -> None:
    found = graph(
        {"@id": "#w", "@type": "Painting", "name": "A"},
        {"@id": "#w", "@type": "Painting", "name": "B", "artMedium": "oil"},
    )
    assert found.of_type("Painting") == [
        {"@id": "#w", "@type": "Painting", "name": "A", "artMedium": "oil"}
    ]


def test_things_within_things_come_after_them() -> None:
    inner = {"@type": "Painting", "name": "inner"}
    found = graph({"@type": "Page", "parts": [[inner]]}, {"@type": "Painting", "name": "outer"})
    assert names(found.of_type("Painting")) == ["outer", "inner"]
    assert names(found.works) == ["outer"]


def test_of_each_type_of_works_one_counts_the_more_telling_first() -> None:
    found = graph(
        {"@type": "Product", "name": "product"},
        {"@type": "CreativeWork", "name": "work"},
        {"@type": ["CreativeWork", "Drawing"], "name": "drawing"},
        {"@type": "Drawing", "name": "another"},
        {"@type": "Person", "name": "nobody"},
    )
    assert names(found.works) == ["drawing", "work", "product"]


@pytest.mark.parametrize("key", ["url", "@id", "mainEntityOfPage"])
@pytest.mark.parametrize("address", ["/w/1", f"{URL}#work", f"{URL}?utm_source=x"])
def test_the_work_whose_page_this_is_counts(key: str, address: str) -> None:
    found = graph(
        {"@type": "Painting", "name": "other", "url": "/w/2"},
        {"@type": "Painting", "name": "this", key: address},
        {"@type": "Drawing", "name": "third", "url": "/w/3"},
        {"@type": "Product", "name": "for sale"},
    )
    assert names(found.works) == ["this", "for sale"]
    assert names(found.about_page("Painting"))[0] == "this"
    assert names(found.of_type("Painting")) == ["other", "this"]


def test_the_main_entity_of_a_page_counts() -> None:
    main = {"@type": "VisualArtwork", "name": "main", "url": "https://id.example/9"}
    found = graph(
        {"@type": "VisualArtwork", "name": "other", "url": "/w/2"},
        {"@type": "ItemPage", "mainEntity": main},
    )
    assert names(found.works) == ["main"]


def test_there_is_an_end_to_things() -> None:
    flat = graph(*({"@type": "Map"} for _ in range(2 * MAX_THINGS)))
    assert len(flat) == MAX_THINGS
    assert len(graph({"@type": "Page", "parts": [{"x": 1}] * 2 * MAX_THINGS})) == MAX_THINGS
    size = 60
    layers = [
        {"@id": f"#{layer}-{i}", "@type": "Map", "name": "m",
         "hasPart": [{"@id": f"#{layer + 1}-{j}"} for j in range(size)]}
        for layer in range(4) for i in range(size)
    ]  # fmt: skip
    resolved = [
        part for thing in graph(*layers).outer for part in thing["hasPart"] if "name" in part
    ]
    assert 0 < len(resolved) <= 5_000
