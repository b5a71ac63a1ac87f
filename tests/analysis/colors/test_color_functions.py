"""Colours in SQL: the functions of the database say what the Python ones say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from support.databases import one, sql

from analysis.colors.conversion import Floats, hex_to_rgb, lab_to_rgb, rgb_to_hex, rgb_to_lab
from analysis.colors.difference import ciede2000
from analysis.colors.harmony import chromas, hues
from analysis.colors.names import CSS_COLORS
from storage.database import Database
from tests.analysis.test_difference import PUBLISHED

hex_colors = st.integers(0, 0xFFFFFF).map(lambda value: f"#{value:06x}")
tolerances = st.one_of(st.just(0.0), st.floats(0.01, 40.0))
RNG = np.random.default_rng(7)
SOME = RNG.integers(0, 256, (4000, 3))

DIFFERENCES = text("""
    SELECT ciede2000(l1, a1, b1, l2, a2, b2)
    FROM unnest(CAST(:l1 AS float8[]), CAST(:a1 AS float8[]), CAST(:b1 AS float8[]),
                CAST(:l2 AS float8[]), CAST(:a2 AS float8[]), CAST(:b2 AS float8[]))
         WITH ORDINALITY AS u(l1, a1, b1, l2, a2, b2, n) ORDER BY n
""")
CELLS = text("""
    SELECT color_cell(a, b)
    FROM unnest(CAST(:a AS float8[]), CAST(:b AS float8[])) WITH ORDINALITY AS u(a, b, n)
    ORDER BY n
""")
NEAR = text("SELECT k.* FROM hex_to_lab(:hex) q, color_cells(q.lab_l, q.lab_a, q.lab_b, :near) k")


def differences(connection: Connection, first: Floats, second: Floats) -> Floats:
    values = {
        f"{name}{number}": column.tolist()
        for number, colors in ((1, first), (2, second))
        for name, column in zip("lab", colors.T, strict=True)
    }
    return np.array(connection.execute(DIFFERENCES, values).scalars().all())


def test_differences_are_those_of_python(migrated: Database) -> None:
    gray = rgb_to_lab(np.repeat(RNG.integers(0, 256, (200, 1)), 3, axis=1))
    some = rgb_to_lab(SOME)
    opposite = some[:1000] * [1, -1, -1]
    pairs = [
        (PUBLISHED[:, :3], PUBLISHED[:, 3:6]),
        (some[:2000], some[2000:]),
        (some[:200], gray),
        (gray, gray[::-1]),
        (some[:1000], opposite),
        (some[:1000], some[:1000]),
        (some[:500] * [1, 0, 0], some[500:1000]),
    ]
    with migrated.begin() as connection:
        for first, second in pairs:
            found = differences(connection, first, second)
            assert found == pytest.approx(ciede2000(first, second), abs=1e-9)
    first, second = pairs[0]
    assert ciede2000(first, second) == pytest.approx(PUBLISHED[:, 6], abs=0.00005)


@given(hex_colors, hex_colors)
def test_any_two_colors_differ_alike(migrated: Database, first: str, second: str) -> None:
    found = one(
        migrated,
        "SELECT ciede2000(p.lab_l, p.lab_a, p.lab_b, q.lab_l, q.lab_a, q.lab_b) "
        "FROM hex_to_lab(:first) p, hex_to_lab(:second) q",
        first=first,
        second=second,
    )
    expected = ciede2000(rgb_to_lab(hex_to_rgb(first)), rgb_to_lab(hex_to_rgb(second)))
    assert found == pytest.approx(float(expected), abs=1e-9)


def test_colors_are_converted_as_in_python(migrated: Database) -> None:
    hexes = [*CSS_COLORS.values(), *(rgb_to_hex(rgb) for rgb in SOME[:500])]
    rows = sql(
        migrated,
        "SELECT lab.*, lab_to_hex(lab.lab_l, lab.lab_a, lab.lab_b) AS back "
        "FROM unnest(CAST(:hexes AS text[])) WITH ORDINALITY AS u(h, n), hex_to_lab(h) lab "
        "ORDER BY n",
        hexes=hexes,
    )
    assert [row.back for row in rows] == hexes
    lab = np.array([row[:3] for row in rows])
    assert lab == pytest.approx(rgb_to_lab([hex_to_rgb(color) for color in hexes]), abs=1e-9)


def test_what_srgb_cannot_show_is_clipped_as_in_python(migrated: Database) -> None:
    for lab in ((50.0, 120.0, 0.0), (120.0, 0.0, 0.0), (-5.0, 3.0, -3.0), (60.0, -90.0, 90.0)):
        found = one(migrated, "SELECT lab_to_hex(:l, :a, :b)", l=lab[0], a=lab[1], b=lab[2])
        assert found == rgb_to_hex(lab_to_rgb(lab))


def test_hex_is_read_in_all_spellings(migrated: Database) -> None:
    said = ("#8a2be2", "8A2BE2", " #8A2be2 ")
    found = {one(migrated, "SELECT (hex_to_lab(:hex)).lab_l", hex=hex_) for hex_ in said}
    assert len(found) == 1
    assert one(migrated, "SELECT hex_to_lab('#fa0') = hex_to_lab('#ffaa00')")


@pytest.mark.parametrize("wrong", ["", "#12345", "violet", "#12345g", "##123456", None])
def test_what_is_no_color_is_refused_with_the_cure(migrated: Database, wrong: str | None) -> None:
    with pytest.raises(DBAPIError, match="is not a colour: write it as #rrggbb"):
        sql(migrated, "SELECT hex_to_lab(CAST(:hex AS text))", hex=wrong)


def test_every_function_says_what_it_does(migrated: Database) -> None:
    silent = sql(
        migrated,
        "SELECT p.proname FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace "
        "AND obj_description(p.oid, 'pg_proc') IS NULL "
        "AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')",
    )
    assert silent == []


def cells_of(database: Database, lab: Floats) -> list[int]:
    with database.begin() as connection:
        values = {"a": lab[:, 1].tolist(), "b": lab[:, 2].tolist()}
        return list(connection.execute(CELLS, values).scalars())


def test_cells_tile_the_plane(migrated: Database) -> None:
    rings = sql(
        migrated,
        "SELECT color_ring_from(n) AS least, color_ring_from(n + 1) AS most, "
        "color_ring_arcs(n) AS arcs FROM generate_series(0, 42) n",
    )
    assert rings[0].least == 0.0
    assert all(ring.least < ring.most and 0 < ring.arcs <= 512 for ring in rings)
    # Also far outside of what sRGB can show.
    lab = np.concatenate([rgb_to_lab(SOME), RNG.uniform(-300, 300, (500, 3))])
    for cell, hue, chroma in zip(cells_of(migrated, lab), hues(lab), chromas(lab), strict=True):
        ring = rings[cell // 512]
        assert ring.least - 1e-9 <= chroma <= ring.most + 1e-9
        assert -1e-9 <= hue * ring.arcs / 360 - cell % 512 <= 1 + 1e-9


@pytest.fixture(scope="module")
def some_lab() -> Floats:
    """Colours of all kinds, many of them near gray, where hues change quickly."""
    vivid = rgb_to_lab(SOME)
    dull = vivid[:2000] * [1, 0.15, 0.15]
    gray = rgb_to_lab(np.repeat(np.arange(0, 256, 5)[:, np.newaxis], 3, axis=1))
    return np.concatenate([vivid, dull, gray])


@pytest.fixture(scope="module")
def some_cells(migrated: Database, some_lab: Floats) -> list[int]:
    return cells_of(migrated, some_lab)


@settings(max_examples=60)
@given(hex_color=hex_colors, tolerance=tolerances)
def test_cells_miss_no_color_within_the_tolerance(
    migrated: Database,
    some_lab: Floats,
    some_cells: list[int],
    hex_color: str,
    tolerance: float,
) -> None:
    found = sql(migrated, NEAR.text, hex=hex_color, near=tolerance)
    bounds = {row.cell: (row.l_from, row.l_to) for row in found}
    assert len(bounds) == len(found)
    asked = rgb_to_lab(hex_to_rgb(hex_color))
    for at in np.flatnonzero(ciede2000(asked, some_lab) <= tolerance):
        least, most = bounds[some_cells[at]]
        assert least <= some_lab[at, 0] <= most


def test_cells_are_few(migrated: Database) -> None:
    """What is looked up is little more than what is near, for dull and vivid colours alike."""
    for hex_color in ("#808080", "#6b5335", "#8a2be2", "#ff0000", "#00ffff", "#0000ff"):
        assert len(sql(migrated, NEAR.text, hex=hex_color, near=12.0)) < 700


@settings(max_examples=40)
@given(hex_color=hex_colors, ring=st.integers(0, 41), arc=st.floats(0, 1), data=st.data())
def test_gaps_are_never_too_large(
    migrated: Database, hex_color: str, ring: int, arc: float, data: st.DataObject
) -> None:
    """The bound is proven term by term; this looks at it from outside, also for whole sectors."""
    rings = data.draw(st.sampled_from([1, 4]))
    width = data.draw(st.sampled_from([2.0, 22.5, 60.0]))
    start = arc * 360.0
    least, most, gap = sql(
        migrated,
        "SELECT color_ring_from(:ring), color_ring_from(:ring + :rings), g.gap "
        "FROM hex_to_lab(:hex) q, color_gap(q.lab_a, q.lab_b, color_ring_from(:ring), "
        "color_ring_from(:ring + :rings), :start, :start + :width) g",
        hex=hex_color,
        ring=ring,
        rings=rings,
        start=start,
        width=width,
    )[0]
    asked = rgb_to_lab(hex_to_rgb(hex_color))
    chroma = np.linspace(least, min(most, 250.0), 7)[:, np.newaxis]
    angle = np.radians(np.linspace(start, start + width, 9))
    same_lightness = np.full((7, 9), asked[0])
    arcs = np.stack([same_lightness, chroma * np.cos(angle), chroma * np.sin(angle)], axis=-1)
    assert gap <= float(ciede2000(asked, arcs).min()) ** 2 + 1e-7
