"""The words on the labels: titles, descriptions, credits, rights."""

from __future__ import annotations

import random

PLACES = (
    "Oster Sound",
    "Valmorin",
    "Skerrig",
    "Kestrel Bay",
    "Trebizan",
    "Montclairvaux",
    "Hadelmoor",
    "Såndvik",
    "Port Ysel",
    "San Aurelio",
    "Ashikawa",
    "Lindenbruck",
    "Château-Brume",
    "Orvenna",
    "Quillan Point",
    "Mirador Alto",
)
PERSONS = (
    "Mme Aurélie T.",
    "the Notary’s Daughter",
    "Ottilie",
    "Señora Valcárcel",
    "a Young Botanist",
    "J. M. Harrowgate",
    "Ōta Fumi",
    "the Painter’s Brother",
    "Aïssatou",
    "Miss E. Pembrey",
)
SEASONS = ("Early Spring", "Summer", "September", "Late Autumn", "Winter", "Morning", "Evening")
NOUNS = ("tide", "ember", "silence", "orchard", "signal", "threshold", "meridian", "salt", "echo")
HUES = ("umber", "rose", "indigo", "ochre", "slate", "vermilion", "sage")
FRUITS = ("Lemons", "Quinces", "Pears", "Pomegranates", "Apples & Figs", "Oranges")
TRADES = ("Lamplighter", "Cellist", "Ferryman", "Typesetter", "Beekeeper", "Seamstress")
NUMERALS = ("No. 1", "No. 2", "No. 3", "No. 4", "No. 7", "No. 9", "II", "III", "IV", "XI")

_OPENINGS = (
    "A work of quiet assurance",
    "Painted in a single summer",
    "One of a group of seven",
    "Long thought lost",
    "First shown to a puzzled public",
    "Among the artist’s most direct pictures",
)
_MIDDLES = (
    "it sets {a} against {b} with hardly a middle tone",
    "it holds {a} and {b} in a balance that the artist called “listening”",
    "it turns {subject} into an argument between {a} & {b}",
    "it is built from few means: {a}, {b}, and patience",
)
_ENDINGS = (
    "The surface is remarkably well preserved.",
    "An inscription on the back reads “pas à vendre”.",
    "The frame — a plain strip of oak — is original.",
    "Raking light shows an earlier composition < 2 cm to the left.",
    "It entered the museum with the artist’s papers.",
)

CREDITS = (
    "Gift of the Hollingvale Trust, {year}",
    "Bequest of Mrs. Oriel Candlewick, {year}",
    "Purchase, Friends of the Museum & the Lantern Fund, {year}",
    "Anonymous gift in memory of R. Ostrander, {year}",
    "Museum purchase, {year}",
)
RIGHTS = (
    ("CC0 1.0 Universal", "https://creativecommons.org/publicdomain/zero/1.0/"),
    ("Public Domain Mark 1.0", "https://creativecommons.org/publicdomain/mark/1.0/"),
    ("CC BY 4.0", "https://creativecommons.org/licenses/by/4.0/"),
    ("CC BY-NC-SA 4.0", "https://creativecommons.org/licenses/by-nc-sa/4.0/"),
    ("In Copyright", "http://rightsstatements.org/vocab/InC/1.0/"),
)
# What a collection calls them for short.
LICENSES = {
    url: name
    for (_, url), name in zip(
        RIGHTS, ("CC0-1.0", "PDM-1.0", "CC-BY-4.0", "CC-BY-NC-SA-4.0", "InC-1.0"), strict=True
    )
}
INSTITUTION = "Museum of Unpainted Pictures"


def title(rng: random.Random, patterns: tuple[str, ...]) -> str:
    """A title after one of the motif's patterns."""
    noun, hue, place = rng.choice(NOUNS), rng.choice(HUES), rng.choice(PLACES)
    hues = [word for word in HUES if word != hue]
    season, person = rng.choice(SEASONS), rng.choice(PERSONS)
    text = rng.choice(patterns).format(
        noun=noun,
        Noun=noun.capitalize(),
        hue=hue,
        Hue=rng.choice(hues).capitalize(),
        place=place,
        Place=place,
        season=season,
        Season=season,
        person=person,
        Fruit=rng.choice(FRUITS),
        Trade=rng.choice(TRADES),
        n=rng.choice(NUMERALS),
    )
    return text[0].upper() + text[1:]


def description(rng: random.Random, subject: str) -> str:
    """Two sentences in the voice of a wall label."""
    a, b = rng.sample(HUES, 2)
    middle = rng.choice(_MIDDLES).format(a=a, b=b, subject=f"{subject} painting")
    return f"{rng.choice(_OPENINGS)}, {middle}. {rng.choice(_ENDINGS)}"


def period(year: int) -> str:
    """The period that the museum files a year under."""
    for end, name in (
        (1905, "fin de siècle"),
        (1919, "early modern"),
        (1940, "interwar"),
        (1970, "post-war"),
    ):
        if year < end:
            return name
    return "late 20th century"


def date_text(year_from: int, year_to: int, circa: bool) -> str:
    """`1912`, `1908–11`, `1898–1902`, and the same after `c.`."""
    text = str(year_from)
    if year_to != year_from:
        same_century = year_from // 100 == year_to // 100
        text += f"–{year_to % 100:02d}" if same_century else f"–{year_to}"
    return f"c. {text}" if circa else text
