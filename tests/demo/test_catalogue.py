from __future__ import annotations

import itertools
import json
import re
from collections import Counter

import pytest

from demo.artists import ARTISTS
from demo.catalogue import Catalogue, build_catalogue, styles_by_artist
from demo.colors import COLORS
from demo.layouts import fractions
from demo.said import FIELDS
from demo.styles import STYLES
from demo.truth import truth_of
from demo.wings import RECENT, WINGS


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return build_catalogue()


def test_same_seed_gives_the_same_catalogue(catalogue: Catalogue) -> None:
    fractions.cache_clear()
    assert build_catalogue() == catalogue
    assert build_catalogue(seed=8).works != catalogue.works


def test_promised_numbers(catalogue: Catalogue) -> None:
    works = catalogue.works
    assert len(works) == 480
    assert len({work.id for work in works}) == 480
    assert len({work.accession_number for work in works}) == 480
    assert len(STYLES) >= 8
    assert len(ARTISTS) >= 12
    assert len(catalogue.categories) >= 8
    assert sum(len(work.categories) > 1 for work in works) >= 100
    assert {work.image_format for work in works} == {"jpg", "png", "webp", "avif"}
    assert 30 <= len(catalogue.recent) <= 50
    assert 20 <= sum(work.categories == (RECENT,) for work in works) <= 30
    assert sum(len(work.images) > 1 for work in works) >= 20


def test_sides_stay_within_bounds(catalogue: Catalogue) -> None:
    for work in catalogue.works:
        for image in work.images:
            assert min(image.width_px, image.height_px) >= 600, work.id
            assert max(image.width_px, image.height_px) <= 2400, work.id


@pytest.mark.parametrize("works", [60, 480])
def test_styles_and_artists_are_crossed(works: int) -> None:
    catalogue = build_catalogue(works=works)
    by_artist = styles_by_artist(catalogue)
    hands = Counter(style for styles in by_artist.values() for style in styles)
    assert set(hands) == set(STYLES)
    assert min(hands.values()) >= 3
    if works == 480:
        assert len(by_artist) == len(ARTISTS)
        assert min(len(styles) for styles in by_artist.values()) >= 3


def test_every_color_has_its_works(catalogue: Catalogue) -> None:
    assert tuple(catalogue.colors) == COLORS
    assert min(len(works) for works in catalogue.colors.values()) >= 12


def test_dates_fit_their_text_and_their_artist(catalogue: Catalogue) -> None:
    for work in catalogue.works:
        assert re.fullmatch(r"(c\. )?\d{4}(–(\d\d|\d{4}))?", work.date_text)
        assert str(work.year_from) in work.date_text
        assert work.artist.birth_year < work.year_from <= work.year_to
        assert work.year_to <= (work.artist.death_year or 2026)


def test_dimensions_agree(catalogue: Catalogue) -> None:
    for work in catalogue.works:
        assert work.dimensions_text == f"{work.height_cm:g} × {work.width_cm:g} cm"
        original = work.alteration or work
        painted = original.width_px / original.height_px
        assert work.width_cm / work.height_cm == pytest.approx(painted, rel=0.06)


def test_repeated_works_point_at_originals(catalogue: Catalogue) -> None:
    known = {work.id: work for work in catalogue.works}
    assert len(catalogue.near_duplicates) >= 10
    assert {change for _, _, change in catalogue.near_duplicates} == {
        "crop",
        "recompress",
        "brightness",
    }
    assert len(catalogue.identical) == 1
    for original, copy, *_ in (*catalogue.near_duplicates, *catalogue.identical):
        assert original != copy
        assert known[original].near_duplicate_of is None
        assert known[original].same_image_as is None
        assert known[copy].paint_seed == known[original].paint_seed


def test_only_related_works_share_a_picture(catalogue: Catalogue) -> None:
    related = {frozenset(pair[:2]) for pair in (*catalogue.near_duplicates, *catalogue.identical)}
    by_seed: dict[int, list[str]] = {}
    for work in catalogue.works:
        by_seed.setdefault(work.paint_seed, []).append(work.id)
    for ids in by_seed.values():
        for pair in itertools.combinations(ids, 2):
            assert frozenset(pair) in related


def test_flat_palettes_cover_the_picture(catalogue: Catalogue) -> None:
    for work in catalogue.works:
        shares = [swatch.fraction for swatch in work.palette]
        if work.flat:
            assert sum(share or 0 for share in shares) == pytest.approx(1, abs=0.001)
        else:
            assert shares == [None] * len(shares)


def test_every_wing_has_its_works(catalogue: Catalogue) -> None:
    assert set(catalogue.wings) == {wing.name for wing in WINGS}
    assert {len(works) for works in catalogue.wings.values()} <= set(range(12, 25))
    assert sum(work.layout == "label" for work in catalogue.works) > 300
    small = build_catalogue(works=90)
    assert set(small.wings) == set(catalogue.wings)
    assert min(len(works) for works in small.wings.values()) >= 3
    for shown in (catalogue, small):
        for wing in WINGS:
            works = shown.wings[wing.name]
            assert {work.layout for work in works} == {wing.layout}
            if wing.layout != "label":
                assert {work.variant for work in works} == set(wing.variants)


def test_hanging_changes_neither_works_nor_the_usual_pages(catalogue: Catalogue) -> None:
    for work in catalogue.works:
        assert len(work.wings) <= 1
        if RECENT in work.categories or work.image_missing:
            assert (work.layout, work.wings) == ("label", ())
    assert {work.layout for work in catalogue.works[:12]} == {"label"}
    original = {
        name for pair in (*catalogue.near_duplicates, *catalogue.identical) for name in pair[:2]
    }
    for work in catalogue.wings["IIIF"]:
        if " " in work.variant:
            assert len(work.images) == 1
            assert not work.flat
            assert work.id not in original


def test_residents_have_a_second_page(catalogue: Catalogue) -> None:
    assert [len(works) for works in catalogue.residents.values()] == [6, 6, 6, 6]
    small = build_catalogue(works=90).residents
    assert max(len(works) for works in small.values()) > 3
    for artist, works in (*catalogue.residents.items(), *small.items()):
        assert {work.artist for work in works} == {artist}


def test_truth_is_json_and_counts_add_up(catalogue: Catalogue) -> None:
    truth = json.loads(json.dumps(truth_of(catalogue, "http://museum.test/")))
    assert truth["works"][0]["url"] == "http://museum.test/work/w0001"
    listed = set().union(*(entry["works"] for entry in truth["categories"].values()))
    assert len(listed) == truth["counts"]["works_without_rendering"]
    assert listed | set(truth["recent"]["only_here"]) == {work.id for work in catalogue.works}
    assert {failure["kind"] for failure in truth["failures"]} == {"artwork", "image"}
    assert {entry["needs"] for entry in truth["wings"].values()} == {"never", "splash", "chromium"}


def test_truth_knows_what_a_page_can_say(catalogue: Catalogue) -> None:
    works = truth_of(catalogue, "http://museum.test")["works"]
    by_layout = {work["layout"]: work for work in works}
    for work in works:
        says = work["says"]
        if work["layout"] in ("label", "record", "responsive"):
            assert {name: says[name] for name in FIELDS} == {name: work[name] for name in FIELDS}
            assert says["artist"]["birth_year"] == work["artist"]["birth_year"]
        assert says["title"] == work["title"]
        assert len(says["images"]) == len(work["images"])
        assert len(says["terms"]) == len({tuple(term) for term in says["terms"]})
    social = by_layout["social"]["says"]
    assert {name for name in FIELDS if social[name] is not None} == {
        "title",
        "description",
        "institution",
    }
    assert social["artist"]["birth_year"] is None
    assert {term[0] for term in social["terms"]} <= {"genre", "tag"}
    resident = by_layout["resident"]
    inherited = {
        (kind, name) for kind, name, source in resident["says"]["terms"] if source == "artist"
    }
    styles = {("style", style) for style in resident["artist"]["styles"]}
    assert inherited == styles | {("nationality", resident["artist"]["nationality"])}
    assert not any(
        kind in ("style", "nationality") and source == "page"
        for kind, _, source in resident["says"]["terms"]
    )


@pytest.mark.parametrize("works", [1, 2, 7, 20, 60])
def test_small_catalogues_hold_together(works: int) -> None:
    catalogue = build_catalogue(works=works)
    assert len(catalogue.works) == works
    assert all(work.categories for work in catalogue.works)
    if works >= 20:
        assert len(catalogue.near_duplicates) >= 2
        assert len(catalogue.identical) == 1
        assert sum(work.image_missing for work in catalogue.works) == 1


def test_a_museum_needs_a_work() -> None:
    with pytest.raises(ValueError, match="at least one work"):
        build_catalogue(works=0)
