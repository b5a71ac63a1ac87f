from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.extraction.dimensions import MAX_CM, parse_dimensions

NOTHING = (None, None, None)
PIECES = st.sampled_from(
    [
        *(
            "64",
            "80.5",
            "1,200",
            "25 1/4",
            "1/0",
            "¼",
            "×",
            "x",
            "by",
            "cm",
            "mm",
            "in.",
            "m",
            "ft",
        ),
        *(
            "H.",
            "W",
            "diameter",
            "(",
            ")",
            ";",
            ",",
            "frame:",
            "support:",
            "\n",
            "/",
            ":",
            "9" * 40,
        ),
    ]
)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("64 × 80 cm", (64.0, 80.0, None)),
        ("64 x 80.5 x 3 cm", (64.0, 80.5, 3.0)),
        ("64,1 x 80 cm", (64.1, 80.0, None)),
        ("20cm x 30cm", (20.0, 30.0, None)),
        ("25 1/4 × 31 1/2 in. (64.1 × 80 cm)", (64.1, 80.0, None)),
        ("120 x 80 cm (47 1/4 x 31 1/2 in)", (120.0, 80.0, None)),
        ("25¼ x 31½ in.", (64.14, 80.01, None)),
        ("3/4 x 1 1/2 in.", (1.91, 3.81, None)),
        ('10" x 12"', (25.4, 30.48, None)),
        ("5 ft. 3 in. x 4 ft. 2 in.", (160.02, 127.0, None)),
        ("2.5 m x 3 m", (250.0, 300.0, None)),
        ("1,200 x 800 mm", (120.0, 80.0, None)),
        ("support: 394 x 419 mm", (39.4, 41.9, None)),
        ("support: 457 x 559 mm\nframe: 500 x 600 x 70 mm", (45.7, 55.9, None)),
        ("frame: 500 x 600 mm support: 457 x 559 mm", (45.7, 55.9, None)),
        ("Unframed: 20 x 30 cm", (20.0, 30.0, None)),
        ("object: 300 x 200 x 100 mm, 99 kg", (30.0, 20.0, 10.0)),
        ("H. 20 cm, W. 12 cm", (20.0, 12.0, None)),
        ("W. 12 cm × H. 20 cm", (20.0, 12.0, None)),
        ("Height: 10 cm; Width: 20 cm", (10.0, 20.0, None)),
        ("20 cm (H) x 30 cm (W)", (20.0, 30.0, None)),
        ("h 20 x w 30 x d 4 cm", (20.0, 30.0, 4.0)),
        ("diameter: 30 cm", (30.0, 30.0, None)),
        ("frame: 500 x 600 mm", NOTHING),
        ("80 x 64", NOTHING),
        ("duration: 99min", NOTHING),
        ("display dimensions variable", NOTHING),
        ("", NOTHING),
        (None, NOTHING),
    ],
)
def test_sizes_of_museums(text: str | None, size: tuple[float | None, ...]) -> None:
    assert tuple(parse_dimensions(text)) == size


@given(
    st.text()
    | st.lists(PIECES, max_size=10).map(" ".join)
    | st.lists(PIECES, max_size=10).map("".join)
)
def test_never_raises_and_stays_in_bounds(text: str) -> None:
    for value in parse_dimensions(text):
        assert value is None or 0 < value <= MAX_CM


@given(st.integers(1, 99_999), st.integers(1, 99_999), st.sampled_from("×xX"))
def test_written_sizes_come_back(height: int, width: int, times: str) -> None:
    assert parse_dimensions(f"{height / 10} {times} {width / 10} cm") == (
        height / 10,
        width / 10,
        None,
    )
    assert parse_dimensions(f"{height}{times}{width}mm") == (
        round(height / 10, 2),
        round(width / 10, 2),
        None,
    )
