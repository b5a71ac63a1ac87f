"""Which address of an image is asked next, and what is told when none gives it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.image_fallbacks import MAX_BOUNDED, Address, Search, next_address, outcome
from crawler.reasons import REASONS, Verdict

SERVICE = "http://x/iiif/7"
MAX = f"{SERVICE}/full/max/0/default.jpg"
FULL = f"{SERVICE}/full/full/0/default.jpg"
INFO = f"{SERVICE}/info.json"
COPY = "http://x/copy.jpg"
SMALL = "http://x/small.jpg"

NOT_FOUND = Verdict("not_found", "HTTP 404", 404)
INFO_DATA = {
    "@context": "http://iiif.io/api/image/3/context.json",
    "type": "ImageService3",
    "profile": "level1",
    "width": 4000,
    "height": 3000,
    "maxWidth": 2000,
}


def begin(*alternatives: str, service: str | None = None, url: str = "http://x/a.jpg") -> Search:
    return Search.begin(url, {"alternatives": list(alternatives), "iiif_service": service})


def asked(search: Search, verdict: Verdict = NOT_FOUND, data: object = INFO_DATA) -> list[str]:
    """Fail one address after the other; return all that are asked, the first included."""
    urls = [search.current.url]
    search = search.failed(verdict)
    while (address := next_address(search)) is not None:
        urls.append(address.url)
        search = search.towards(address)
        search = search.informed(data, 10**9) if address.is_info else search.failed(verdict)
    return urls


def test_alternatives_are_asked_in_their_order() -> None:
    assert asked(begin(COPY, SMALL)) == ["http://x/a.jpg", COPY, SMALL]


def test_without_alternatives_there_is_no_next() -> None:
    assert next_address(Search.begin("http://x/a.jpg", {}).failed(NOT_FOUND)) is None


def test_a_service_is_asked_for_all_that_it_gives_before_copies_elsewhere() -> None:
    assert asked(begin(COPY, FULL, service=SERVICE, url=MAX)) == [
        MAX,
        FULL,
        INFO,
        f"{SERVICE}/full/2000,1500/0/default.jpg",
        f"{SERVICE}/full/1000,750/0/default.jpg",
        f"{SERVICE}/full/500,375/0/default.jpg",
        COPY,
    ]


def test_sizes_keep_to_our_limits() -> None:
    meta = {"iiif_service": SERVICE, "max_side": 1200}
    search = Search.begin(MAX, meta).failed(NOT_FOUND).informed(INFO_DATA, max_pixels=480_000)
    assert search.sizes == (
        f"{SERVICE}/full/800,600/0/default.jpg",
        f"{SERVICE}/full/400,300/0/default.jpg",
        f"{SERVICE}/full/200,150/0/default.jpg",
    )
    bounded = Search.begin(MAX, meta).failed(NOT_FOUND).informed(INFO_DATA, 10**9)
    assert bounded.sizes is not None
    assert bounded.sizes[0] == f"{SERVICE}/full/1200,900/0/default.jpg"


@pytest.mark.parametrize("data", [None, [], {"width": 0}, {"error": "gone"}])
def test_a_service_that_says_nothing_is_passed_over(data: object) -> None:
    search = begin(COPY, service=SERVICE, url=MAX)
    assert asked(search, data=data) == [MAX, INFO, COPY]


@pytest.mark.parametrize(
    "reason",
    [
        *("not_found", "gone", "forbidden", "http_error", "server_error", "body_too_large"),
        *("too_many_pixels", "truncated", "corrupt", "html_as_image", "not_an_image"),
        *("empty_body", "unsupported_image", "decoder_crashed"),
    ],
)
def test_what_another_size_or_copy_can_mend(reason: str) -> None:
    assert next_address(begin(COPY).failed(Verdict(reason, "x"))) == Address(COPY)


@pytest.mark.parametrize(
    "reason",
    [
        *("dns_error", "connection_refused", "connection_failed", "timeout", "incomplete_body"),
        *("rate_limited", "robots_disallowed", "robots_unavailable", "address_refused"),
        "fetch_error",
    ],
)
def test_what_asking_elsewhere_does_not_mend(reason: str) -> None:
    search = begin(COPY).failed(Verdict(reason, "x"))
    assert next_address(search) is None
    told = outcome(search)
    assert (told.reason, told.detail) == (reason, "x")
    assert told.retryable == REASONS[reason].retryable


def test_an_alternative_that_is_forbidden_is_passed_over() -> None:
    search = begin(COPY, SMALL).failed(NOT_FOUND).towards(Address(COPY))
    forbidden = Verdict("robots_disallowed", "Forbidden by robots.txt")
    assert next_address(search.failed(forbidden)) == Address(SMALL)


def test_what_may_pass_ends_the_search_so_that_the_next_run_begins_anew() -> None:
    search = begin(COPY, SMALL).failed(NOT_FOUND).towards(Address(COPY))
    search = search.failed(Verdict("timeout", "took longer than 60 s"))
    assert next_address(search) is None
    told = outcome(search)
    assert (told.reason, told.stage, told.retryable) == ("timeout", "fetch", True)
    assert told.detail == (
        "tried 2 addresses: http://x/a.jpg: HTTP 404; http://x/copy.jpg: took longer than 60 s"
    )


def test_when_nothing_works_the_first_reason_is_told_with_all_addresses() -> None:
    search = begin(COPY).failed(NOT_FOUND).towards(Address(COPY))
    told = outcome(search.failed(Verdict("corrupt", "jpeg: broken", 200)))
    assert (told.reason, told.stage, told.status, told.retryable) == (
        "not_found",
        "fetch",
        404,
        False,
    )
    assert told.detail == (
        "tried 2 addresses: http://x/a.jpg: HTTP 404; http://x/copy.jpg: jpeg: broken"
    )


def test_it_is_worth_a_retry_if_any_address_is() -> None:
    search = begin(COPY).failed(NOT_FOUND).towards(Address(COPY))
    told = outcome(search.failed(Verdict("server_error", "HTTP 503", 503)))
    assert (told.reason, told.retryable) == ("not_found", True)


def test_one_address_is_told_as_it_always_was() -> None:
    assert outcome(begin().failed(NOT_FOUND)).detail == "HTTP 404"


def test_long_addresses_are_shortened_in_the_detail() -> None:
    copies = [f"http://x/{number}/{'y' * 2_000}.jpg" for number in range(8)]
    search = begin(*copies, service=SERVICE, url=MAX)
    for url in (MAX, INFO, *copies):
        search = search.towards(Address(url)).failed(NOT_FOUND)
    detail = outcome(search).detail
    assert detail.startswith("tried 10 addresses: http://x/iiif/7/full/max")
    assert len(detail) < 2_000
    assert all(f"http://x/{number}/yyy" in detail for number in range(8))


addresses = st.sampled_from([MAX, FULL, INFO, COPY, SMALL])
verdicts = st.sampled_from(sorted(REASONS)).map(lambda reason: Verdict(reason, "x"))


@given(
    st.lists(addresses, max_size=8),
    st.sampled_from([None, SERVICE]),
    st.lists(verdicts, min_size=30, max_size=30),
)
def test_every_search_ends_and_asks_nothing_twice(
    alternatives: list[str], service: str | None, said: list[Verdict]
) -> None:
    search = begin(*alternatives, service=service, url=MAX)
    urls = [MAX]
    search = search.failed(said.pop())
    while (address := next_address(search)) is not None:
        urls.append(address.url)
        search = search.towards(address)
        informs = address.is_info and len(said) % 2
        search = search.informed(INFO_DATA, 10**9) if informs else search.failed(said.pop())
    assert len(urls) == len(set(urls)) <= 1 + 8 + 1 + MAX_BOUNDED
    told = outcome(search)
    assert told.reason in REASONS
    assert told.retryable >= REASONS[told.reason].retryable
