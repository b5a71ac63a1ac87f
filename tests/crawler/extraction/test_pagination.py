from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from crawler.extraction import Run
from crawler.extraction.listing import Link, ListingResult
from crawler.extraction.pagination import MAX_BARREN

json_values = st.none() | st.integers() | st.text() | st.dictionaries(st.text(), st.integers())


def page(*works: str, artists: Sequence[str] = (), listings: Sequence[str] = ()) -> ListingResult:
    def links(names: Sequence[str]) -> tuple[Link, ...]:
        return tuple(Link(f"http://museum.example/{name}") for name in names)

    return ListingResult(
        artworks=links(works),
        artists=links(artists),
        listings=links(listings),
        next_pages=("http://museum.example/next",),
    )


def walked(*pages: ListingResult) -> list[int]:
    """Return how many barren pages in a row each page sees."""
    told: object = None
    counts = []
    for found in pages:
        run = Run.after(told, found)
        counts.append(run.barren)
        told = run.to_dict()
    return counts


def test_pages_that_show_something_else_are_a_listing() -> None:
    assert walked(page("a", "b"), page("c"), page("c", "d"), page(artists=["e"])) == [0, 0, 0, 0]
    assert walked(page(listings=["1990"]), page(listings=["1991"])) == [0, 0]


def test_pages_that_show_the_same_or_nothing_are_counted() -> None:
    assert walked(page("a", "b"), page("b", "a"), page(), page(), page("a")) == [0, 1, 2, 3, 0]


def test_what_tells_addresses_apart_is_the_page_they_lead_to() -> None:
    assert walked(page("a?utm_source=x"), page("a")) == [0, 1]


def test_a_calendar_ends() -> None:
    run = Run.after(None, page("event"))
    for _ in range(MAX_BARREN):
        assert not run.is_endless
        run = Run.after(run.to_dict(), page("event"))
    assert run.is_endless


@given(json_values | st.fixed_dictionaries({"barren": json_values, "shown": json_values}))
def test_whatever_was_told_a_page_with_works_begins_anew(told: object) -> None:
    assert Run.after(told, page("a")).barren == 0
    assert not Run.after(None, page()).is_endless
