"""What the museum knows about each style: its words, its motifs and the roles it paints."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Motif:
    """A subject within a style; `shapes` are width : height ratios that suit it."""

    name: str
    genre: str
    categories: tuple[str, ...]
    titles: tuple[str, ...]
    shapes: tuple[float, ...]
    tags: tuple[str, ...]


@dataclass(frozen=True)
class Style:
    """A way of painting. A flat style paints nothing but the colours of its palette."""

    name: str
    roles: tuple[str, ...]
    mediums: tuple[str, ...]
    classification: str
    motifs: tuple[Motif, ...]
    flat: bool = False


WIDE = (1.25, 1.4, 1.5, 1.33)
TALL = (0.7, 0.75, 0.8)
SQUARE = (1.0, 0.94, 1.06)
ANY = (0.75, 0.8, 1.0, 1.25, 1.33)

_OIL = ("Oil on canvas", "Oil on panel", "Oil and wax on canvas")
_ACRYLIC = ("Acrylic on canvas", "Casein on board", "Enamel on aluminium")
_PAPER = ("Ink on paper", "Ink and gouache on paper", "Brush and ink on mulberry paper")
_PRINT = ("Woodcut in colours on laid paper", "Colour woodcut", "Woodcut with bokashi")

STYLES: dict[str, Style] = {
    style.name: style
    for style in (
        Style(
            "colour field",
            ("ground", "main", "second", "accent"),
            _OIL,
            "Painting",
            (
                Motif(
                    "stack",
                    "abstract",
                    ("abstraction",),
                    ("Untitled ({place})", "{Hue} over {hue}", "Standing {noun}", "Vespers, {n}"),
                    TALL,
                    ("contemplative", "soft edges"),
                ),
                Motif(
                    "horizon",
                    "abstract",
                    ("abstraction", "landscapes"),
                    ("The {noun} at rest", "Horizon — {noun}", "Low {noun}"),
                    WIDE,
                    ("horizon", "soft edges"),
                ),
            ),
        ),
        Style(
            "geometric abstraction",
            ("ground", "main", "second", "third", "accent", "ink", "light"),
            ("Gouache on board", "Tempera on panel", "Oil on canvas"),
            "Painting",
            (
                Motif(
                    "quarters",
                    "abstract",
                    ("abstraction", "geometry"),
                    ("Quarter Turns, {n}", "Construction “{Noun}”", "Turning {noun}"),
                    (1.0, 0.75, 1.33, 0.8, 1.25),
                    ("grid", "circle"),
                ),
                Motif(
                    "lattice",
                    "abstract",
                    ("abstraction", "geometry"),
                    ("Composition {n}", "Lattice for {place}", "{Noun} & Line"),
                    ANY,
                    ("grid", "line"),
                ),
                Motif(
                    "rings",
                    "abstract",
                    ("abstraction", "geometry"),
                    ("Simultaneous {Noun}", "Rings, {n}", "Orbits above {place}"),
                    (1.0, 0.8, 1.25),
                    ("circle", "rhythm"),
                ),
            ),
            flat=True,
        ),
        Style(
            "concrete art",
            ("ground", "main", "second", "third", "accent", "light"),
            _ACRYLIC,
            "Painting",
            (
                Motif(
                    "nested",
                    "abstract",
                    ("abstraction", "geometry"),
                    ("Enclosure, {n}", "Square within {noun}", "Study in {hue}, {n}"),
                    SQUARE,
                    ("square", "series"),
                ),
                Motif(
                    "protractor",
                    "abstract",
                    ("abstraction", "geometry"),
                    ("{Place} Variation {n}", "Arcs for {place}", "Bow, {n}"),
                    (1.0, 1.33, 1.5),
                    ("arc", "series"),
                ),
                Motif(
                    "diagonal",
                    "abstract",
                    ("abstraction", "geometry"),
                    ("Slant {n}", "Falling {noun}", "Chevron for {place}"),
                    ANY,
                    ("stripe", "series"),
                ),
            ),
            flat=True,
        ),
        Style(
            "op art",
            ("ground", "ink", "accent"),
            ("Emulsion on board", "Screenprint on paper", "Acrylic on canvas"),
            "Painting",
            (
                Motif(
                    "bulge",
                    "abstract",
                    ("abstraction", "geometry"),
                    ("Vela {n}", "Swelling {noun}", "Lens, {n}"),
                    SQUARE,
                    ("illusion", "grid"),
                ),
                Motif(
                    "ripple",
                    "abstract",
                    ("abstraction", "geometry"),
                    ("Current {n}", "Interference “{Noun}”", "Shimmer, {n}"),
                    ANY,
                    ("illusion", "stripe"),
                ),
                Motif(
                    "tunnel",
                    "abstract",
                    ("abstraction", "geometry"),
                    ("Descent {n}", "Well of {noun}", "Torus, {n}"),
                    SQUARE,
                    ("illusion", "circle"),
                ),
            ),
            flat=True,
        ),
        Style(
            "pointillism",
            ("ground", "main", "second", "third", "accent", "light"),
            _OIL,
            "Painting",
            (
                Motif(
                    "poplars",
                    "landscape",
                    ("landscapes",),
                    ("Poplars near {place}", "{Season} at {place}", "The Towpath, {season}"),
                    WIDE,
                    ("trees", "light"),
                ),
                Motif(
                    "harbour",
                    "marine",
                    ("seascapes", "landscapes"),
                    ("Harbour of {place}", "Regatta, {season}", "Calm off {place}"),
                    WIDE,
                    ("sea", "boats"),
                ),
                Motif(
                    "bouquet",
                    "still life",
                    ("still lifes", "flowers"),
                    ("Bouquet in a Blue Jug", "Dahlias, {season}", "Flowers for {person}"),
                    TALL,
                    ("flowers", "vase"),
                ),
            ),
        ),
        Style(
            "tonal landscape",
            ("ground", "main", "second", "third", "light", "ink"),
            _OIL,
            "Painting",
            (
                Motif(
                    "ridges",
                    "landscape",
                    ("landscapes",),
                    ("Ridges above {place}", "{Season} in the {place} Hills", "Seven Hills — {n}"),
                    WIDE,
                    ("mountains", "mist"),
                ),
                Motif(
                    "lake",
                    "landscape",
                    ("landscapes",),
                    ("Still Water, {season}", "The Lake at {place}", "Reflections, {n}"),
                    WIDE,
                    ("water", "reflection"),
                ),
                Motif(
                    "sea",
                    "marine",
                    ("seascapes",),
                    ("Off {place}", "Swell, {season}", "Sea & Sky, {n}"),
                    (1.5, 1.6, 1.4),
                    ("sea", "weather"),
                ),
                Motif(
                    "moonrise",
                    "landscape",
                    ("landscapes", "nocturnes"),
                    ("Moonrise over {place}", "Nocturne — {place}", "The Late {Noun}"),
                    (1.25, 1.0, 0.8),
                    ("moon", "night"),
                ),
            ),
        ),
        Style(
            "still life",
            ("ground", "main", "second", "third", "accent", "ink", "light"),
            _OIL,
            "Painting",
            (
                Motif(
                    "fruit",
                    "still life",
                    ("still lifes",),
                    ("Table with {Fruit}", "{Fruit} & Bottle", "The Kitchen at {place}"),
                    (1.25, 1.33, 1.15),
                    ("fruit", "table"),
                ),
                Motif(
                    "jugs",
                    "still life",
                    ("still lifes",),
                    ("Three Vessels, {n}", "Jugs, {season}", "Shelf in {place}"),
                    (1.25, 1.1, 1.0),
                    ("vessels", "table"),
                ),
                Motif(
                    "vase",
                    "still life",
                    ("still lifes", "flowers"),
                    ("Vase and {Fruit}", "Branch in a Vase", "For {person}, {season}"),
                    (0.8, 0.75, 0.9),
                    ("flowers", "vase"),
                ),
            ),
        ),
        Style(
            "portrait",
            ("ground", "main", "second", "third", "accent", "ink", "light"),
            ("Oil on canvas", "Tempera on panel", "Oil on board"),
            "Painting",
            (
                Motif(
                    "bust",
                    "portrait",
                    ("portraits",),
                    ("Portrait of {person}", "{person}, {season}", "Head of {person}"),
                    TALL,
                    ("figure", "face"),
                ),
                Motif(
                    "hat",
                    "portrait",
                    ("portraits",),
                    ("{person} in a Hat", "The {Trade}", "The {Trade} of {place}"),
                    TALL,
                    ("figure", "hat"),
                ),
            ),
        ),
        Style(
            "calligraphic",
            ("ground", "ink", "accent"),
            _PAPER,
            "Drawing",
            (
                Motif(
                    "gesture",
                    "abstract",
                    ("abstraction", "works on paper"),
                    ("One Breath, {n}", "Gesture “{Noun}”", "Letter to {person}"),
                    (0.7, 0.75, 1.4, 1.0),
                    ("gesture", "ink"),
                ),
                Motif(
                    "enso",
                    "abstract",
                    ("abstraction", "works on paper"),
                    ("Circle, {season}", "Round {noun}", "Ring of {noun}, {n}"),
                    SQUARE,
                    ("circle", "ink"),
                ),
                Motif(
                    "reeds",
                    "landscape",
                    ("works on paper", "landscapes"),
                    ("Reeds, {season}", "Bamboo at {place}", "Wind — {n}"),
                    (0.7, 0.6, 0.75),
                    ("plants", "ink"),
                ),
            ),
        ),
        Style(
            "woodcut",
            ("ground", "main", "second", "ink", "accent", "light"),
            _PRINT,
            "Print",
            (
                Motif(
                    "waves",
                    "marine",
                    ("prints", "seascapes", "works on paper"),
                    ("Waves off {place}", "The {n} Wave", "Tide, {season}"),
                    (1.4, 1.5, 1.25),
                    ("sea", "waves"),
                ),
                Motif(
                    "terraces",
                    "landscape",
                    ("prints", "landscapes", "works on paper"),
                    ("Terraces at {place}", "Fields, {season}", "Ploughed {noun}"),
                    (1.4, 1.25, 0.8),
                    ("fields", "sun"),
                ),
                Motif(
                    "night tide",
                    "marine",
                    ("prints", "seascapes", "nocturnes"),
                    ("Night Tide, {place}", "Moon & Breakers", "Dark Swell, {n}"),
                    (0.75, 0.8, 1.25),
                    ("sea", "moon"),
                ),
            ),
        ),
        Style(
            "stained glass",
            ("ground", "main", "second", "third", "accent", "ink", "light"),
            ("Leaded glass", "Pot-metal glass and lead", "Stained and painted glass"),
            "Glass",
            (
                Motif(
                    "rose",
                    "ornament",
                    ("ornament",),
                    ("Rose for {place}", "Rose Window, {n}", "Wheel of {noun}"),
                    SQUARE,
                    ("window", "circle"),
                ),
                Motif(
                    "shards",
                    "abstract",
                    ("ornament", "abstraction"),
                    ("Window “{Noun}”", "Broken {noun}", "Light at {place}, {n}"),
                    TALL,
                    ("window", "light"),
                ),
                Motif(
                    "river",
                    "landscape",
                    ("ornament", "landscapes"),
                    ("River Window, {place}", "The Valley in Glass", "{Season} Window"),
                    (0.7, 0.8, 1.25),
                    ("window", "river"),
                ),
            ),
        ),
        Style(
            "art deco",
            ("ground", "main", "second", "accent", "ink", "light"),
            ("Lithograph in colours", "Gouache and gold on board", "Lacquer on panel"),
            "Design",
            (
                Motif(
                    "scallops",
                    "ornament",
                    ("ornament", "geometry"),
                    ("Scales, {n}", "Panel for the Hotel {Place}", "Fans & {Noun}"),
                    (0.75, 1.0, 1.33),
                    ("pattern", "gold"),
                ),
                Motif(
                    "sunburst",
                    "landscape",
                    ("ornament", "landscapes"),
                    ("Sunrise at {place}", "Poster: {Place} in {season}", "The Bright {Noun}"),
                    TALL,
                    ("sun", "poster"),
                ),
                Motif(
                    "skyline",
                    "cityscape",
                    ("ornament", "nocturnes"),
                    ("Towers of {place}", "City by Night, {n}", "Elevator to {place}"),
                    TALL,
                    ("city", "night"),
                ),
            ),
        ),
    )
}
