"""Search by colour: a grid over a* and b*, and functions that find images by their palettes.

Revision: 0005
Follows: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.search_by_color.cells import CELL, CELLS, GAP, RING_ARCS, RING_FROM
from migrations.search_by_color.conversions import CIEDE2000, HEX_TO_LAB, LAB_TO_HEX
from migrations.search_by_color.harmony import in_harmony
from migrations.search_by_color.searches import like_color, like_colors

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

FUNCTIONS = (
    (
        "hex_to_lab(text)",
        HEX_TO_LAB,
        "CIE L*a*b* (D65) of an sRGB colour written as #rrggbb",
    ),
    (
        "lab_to_hex(float8, float8, float8)",
        LAB_TO_HEX,
        "The nearest sRGB colour, as #rrggbb, of L*, a*, b* (D65); clipped to what sRGB can show",
    ),
    (
        "ciede2000(float8, float8, float8, float8, float8, float8)",
        CIEDE2000,
        "CIEDE2000 difference of two colours L*, a*, b* (kL = kC = kH = 1); about 1 is the least "
        "that people see",
    ),
    (
        "color_ring_from(int)",
        RING_FROM,
        "The least chroma C*ab of a ring of cells; ring 42 has no end",
    ),
    (
        "color_ring_arcs(int)",
        RING_ARCS,
        "The number of cells of a ring",
    ),
    (
        "color_cell(float8, float8)",
        CELL,
        "The cell of a*, b*: its ring times 512 and the number of its arc in the ring; cells are "
        "about 1.2 wide (CIEDE2000)",
    ),
    (
        "color_gap(float8, float8, float8, float8, float8, float8)",
        GAP,
        "Square of the least CIEDE2000 difference between a colour (a*, b*) and those of an arc "
        "(chroma from, to, hue in degrees from, to), whatever their lightness; rather too small",
    ),
    (
        "color_cells(float8, float8, float8, float8)",
        CELLS,
        "Where image_colors may have colours within a tolerance of L*, a*, b*: values of cell, "
        "and the lightnesses in each; too much rather than too little",
    ),
    (
        "images_like_color(text, float8, float8, bigint, text, text, bigint)",
        like_color(),
        "Images whose palette has colours within a tolerance (CIEDE2000) of #rrggbb: the share of "
        "the image that they cover, and the nearest distance. The best first: by share, then by "
        "distance. Of the most images, of a site or category; model: null is the default one",
    ),
    (
        "images_like_colors(text[], float8[], float8, float8, bigint, text, text, bigint)",
        like_colors(),
        "Images whose palette has all of several colours, each palette colour counting for the "
        "nearest of them. With parts (shares of the image asked for) the score is the overlap of "
        "asked and found, what is not asked for being one part of both; without, it is the "
        "smallest share times the number of colours",
    ),
    (
        "images_in_harmony(text, text, float8, float8, bigint, text, text, bigint)",
        in_harmony(),
        "Images with hues in harmony: complementary (180°), analogous (±30°), triadic (±120°) or "
        "split (±150°), each within 15° and of chroma 15 and more; around #rrggbb or around any "
        "of their own colours. The score is the smallest share times the number of hues",
    ),
)

PALETTE = """
CREATE VIEW artwork_palette AS
SELECT a.id AS artwork_id, a.site, a.source_id, a.title, s.image_id, c.rank, c.hex, c.name,
       c.fraction, c.lab_l, c.lab_a, c.lab_b{hue}
FROM artworks a
JOIN image_sources s ON s.artwork_id = a.id AND s.gone_at IS NULL
JOIN images p ON p.id = s.image_id AND NOT p.placeholder
JOIN image_colors c ON c.image_id = s.image_id
JOIN models m ON m.id = c.model_id AND m.kind = 'palette' AND m.is_default
"""
HUE = """,
       sqrt(c.lab_a ^ 2 + c.lab_b ^ 2) AS chroma,
       atan2d(c.lab_b, c.lab_a) + CASE WHEN c.lab_b < 0 THEN 360 ELSE 0 END AS hue"""


def replace_palette_view(*, hue: bool) -> None:
    op.execute("DROP VIEW artwork_palette")
    op.execute(PALETTE.format(hue=HUE if hue else ""))
    op.execute(
        "COMMENT ON VIEW artwork_palette IS "
        "'Palette of each stored image of each artwork, by the default model'"
    )


def upgrade() -> None:
    for signature, definition, comment in FUNCTIONS:
        op.execute(sa.text(definition.replace(":", "\\:")))
        op.execute(f"COMMENT ON FUNCTION {signature} IS '{comment}'")
    op.drop_index("ix_image_colors_lab", "image_colors")
    op.add_column(
        "image_colors",
        sa.Column(
            "cell",
            sa.SmallInteger(),
            sa.Computed("color_cell(lab_a, lab_b)", persisted=True),
            nullable=False,
            comment="Cell of the plane of a* and b*: color_cell(lab_a, lab_b), for searches by colour",
        ),
    )
    op.create_index(
        "ix_image_colors_cell",
        "image_colors",
        ["model_id", "cell", "lab_l"],
        postgresql_include=["image_id", "fraction"],
    )
    replace_palette_view(hue=True)


def downgrade() -> None:
    replace_palette_view(hue=False)
    op.drop_index("ix_image_colors_cell", "image_colors")
    op.drop_column("image_colors", "cell")
    op.create_index("ix_image_colors_lab", "image_colors", ["model_id", "lab_l", "lab_a", "lab_b"])
    for signature, _, _ in reversed(FUNCTIONS):
        op.execute(f"DROP FUNCTION {signature}")
