"""The fictional artists of the museum and the styles that each of them works in."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Artist:
    """A person who never lived; `death_year` is None for those still at work."""

    id: str
    name: str
    nationality: str
    birth_year: int
    death_year: int | None
    culture: str
    place: str
    styles: tuple[str, ...]

    @property
    def life(self) -> str:
        """The years as a museum label prints them."""
        return f"{self.birth_year}–{self.death_year or ''}"


def _artist(
    slug: str, name: str, who: tuple[str, str], years: tuple[int, int | None], styles: str
) -> Artist:
    nationality, place = who
    return Artist(
        id=slug,
        name=name,
        nationality=nationality,
        birth_year=years[0],
        death_year=years[1],
        culture=nationality,
        place=place,
        styles=tuple(part.strip() for part in styles.split(",")),
    )


# Every style has six hands and every hand four styles, so that a split by artist
# leaves each style in each part.
ARTISTS: tuple[Artist, ...] = (
    _artist(
        "elodie-varenne-castaing",
        "Élodie Varenne-Castaing",
        ("French", "Lyon, France"),
        (1871, 1943),
        "pointillism, tonal landscape, still life, art deco",
    ),
    _artist(
        "tomasz-wierzbor",
        "Tomasz Wierzbór",
        ("Polish", "Kraków, Poland"),
        (1884, 1951),
        "woodcut, stained glass, geometric abstraction, portrait",
    ),
    _artist(
        "ingrid-solheimsdal",
        "Ingrid Solheimsdal",
        ("Norwegian", "Bergen, Norway"),
        (1868, 1939),
        "tonal landscape, woodcut, portrait, colour field",
    ),
    _artist(
        "matteo-brindavalle",
        "Matteo Brindavalle",
        ("Italian", "Ravenna, Italy"),
        (1890, 1967),
        "still life, portrait, art deco, geometric abstraction",
    ),
    _artist(
        "shiomizu-haruka",
        "Shiomizu Haruka",
        ("Japanese", "Kanazawa, Japan"),
        (1895, 1978),
        "calligraphic, woodcut, tonal landscape, concrete art",
    ),
    _artist(
        "joaquin-olmedal",
        "Joaquín Olmedal",
        ("Spanish", "Cádiz, Spain"),
        (1879, 1948),
        "pointillism, portrait, still life, stained glass",
    ),
    _artist(
        "anneliese-kraehwinkel",
        "Anneliese Krähwinkel",
        ("German", "Dessau, Germany"),
        (1901, 1989),
        "geometric abstraction, concrete art, op art, art deco",
    ),
    _artist(
        "zsofia-tarnoczki",
        "Zsófia Tarnóczki",
        ("Hungarian", "Pécs, Hungary"),
        (1887, 1959),
        "stained glass, geometric abstraction, op art, pointillism",
    ),
    _artist(
        "cornelis-van-oosterhaven",
        "Cornelis van Oosterhaven",
        ("Dutch", "Haarlem, Netherlands"),
        (1862, 1930),
        "still life, tonal landscape, woodcut, portrait",
    ),
    _artist(
        "beatrix-lornehill",
        "Beatrix Lornehill",
        ("British", "St Ives, United Kingdom"),
        (1905, 1991),
        "colour field, concrete art, op art, calligraphic",
    ),
    _artist(
        "amadou-keitara",
        "Amadou Keïtara",
        ("Senegalese", "Saint-Louis, Senegal"),
        (1921, 1996),
        "portrait, geometric abstraction, colour field, stained glass",
    ),
    _artist(
        "lucia-ferrandiz-quiroga",
        "Lucía Ferrandiz Quiroga",
        ("Argentine", "Rosario, Argentina"),
        (1910, 1984),
        "concrete art, op art, calligraphic, still life",
    ),
    _artist(
        "daghan-ersonmez",
        "Dağhan Ersönmez",
        ("Turkish", "İzmir, Türkiye"),
        (1915, 1990),
        "calligraphic, stained glass, colour field, art deco",
    ),
    _artist(
        "mary-ellen-ashgrove",
        "Mary-Ellen Ashgrove",
        ("American", "Taos, United States"),
        (1941, None),
        "colour field, op art, tonal landscape, concrete art",
    ),
    _artist(
        "mykola-vershenko",
        "Mykola Vershenko",
        ("Ukrainian", "Odesa, Ukraine"),
        (1876, 1937),
        "pointillism, woodcut, art deco, tonal landscape",
    ),
    _artist(
        "siobhan-o-tiarnaigh",
        "Siobhán O’Tiarnaigh",
        ("Irish", "Galway, Ireland"),
        (1898, 1972),
        "stained glass, pointillism, woodcut, still life",
    ),
    _artist(
        "lin-wenshuo",
        "Lin Wenshuo",
        ("Chinese", "Hangzhou, China"),
        (1903, 1986),
        "calligraphic, op art, geometric abstraction, pointillism",
    ),
    _artist(
        "ruth-abendrot-leclair",
        "Ruth Abendrot Leclair",
        ("Swiss", "Biel/Bienne, Switzerland"),
        (1912, 2001),
        "concrete art, colour field, art deco, calligraphic",
    ),
)
