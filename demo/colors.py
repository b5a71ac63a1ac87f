"""Colour schemes: seven roles that go together, and families that one colour dominates."""

from __future__ import annotations

import random

ROLES = ("ground", "main", "second", "third", "accent", "ink", "light")

Scheme = dict[str, str]
"""Role to `#rrggbb`."""

COLORS = (
    "red",
    "orange",
    "yellow",
    "green",
    "blue",
    "violet",
    "brown",
    "black",
    "gray",
    "white",
)

_MIXED = """
e9dcc3 1f4e5f d9772b 8fa998 c1272d 1b1f2a f6efe0
f1e3cf 264653 2a9d8f e9c46a e76f51 16242e fbf5e9
1d2b3a 3e6680 c98f5b 7d9aa6 f0b04f 0d141c f2e6d0
ecd9c6 a63d2f 40596b d8a657 2f2a3b 211a1e fff4e0
dfe3d8 4a6b57 b5743c 89a07b d64933 1e2a23 f7f4e6
f3e9e0 6d4c7d d88c9a 8fb0c6 f2c14e 2b2036 fffaf2
20304a 5a7fa8 e0a96d 9fb7c9 e4572e 0f1727 f4e9d8
e6d3b3 7a5c3e 3f6f6a c4934f a5342e 2a1f17 f8edd6
d7dfe4 35557a 7f9bb3 e3b23c c8553d 1a2433 f9f7f1
f2d7c4 c8553d 588b8b ffb385 f28f3b 2d2a32 fff6ec
e4e0cf 2e4057 66a182 caffd0 edae49 17202a fdfaf0
2c2b3c 54457f ac7b84 4c7c9b f4b942 14131f f3ead9
efe6dd 7eb2a6 bb8588 d8a48f efc26f 3a3335 fdf8f2
dccfb8 5b6c5d b36a5e 59656f d8973c 22262a f5ecd9
f4f1de 3d405b e07a5f 81b29a f2cc8f 22243a fffdf5
1b3a3f 2f6f73 d9a05b 87b6a7 e8623d 0c1c1f f5ead2
f0dfd5 8c2f39 b23a48 fcb9b2 461220 2a0c13 fff4ee
cfd8d2 29524a 94a187 c5afa0 e9bcb7 18302b f6f3ec
e8e1d4 0b6e8f 7fb7be d3f3ee dacc3e 12343f fdfbf3
f5e6ca 343f56 fb9300 f54748 e8b872 1d2333 fffaf0
"""

# One colour covers most of such a picture: ground, main, second and third all belong to it.
_FAMILIES = {
    "red": """b32025 9a1a20 c9302c 8a1b22 f0b23a 3a0a0e f6dccb
c0282d a31621 d23b3b 7f1018 f4e3d0 2c0a10 f8d9c8""",
    "orange": """e07b1f d9691a ee9436 cf6a1e 2f4858 4a2108 fbe6c8
ea8423 e0701a f29b3f d46f1c 7a1e12 3d1d0c ffe9cf""",
    "yellow": """eac435 e3b820 f2d45c e6c02a b4472c 4a3a0a fdf4c8
f0cb3b e6bf26 f5d966 e9c52f 2b4f72 3b3210 fff6d0""",
    "green": """3f7d4e 2f6b44 5c9660 3a8053 e3b04b 13281b e4edd2
4c8a52 2e7048 6aa26a 34764a d9573f 10261a e8f0d8""",
    "blue": """2a5d9c 1f4b8a 3f78b8 28609f efb24a 0d1b35 dbe8f3
2f68a8 1d4480 4a86c4 25589a e9e0cf 0a1730 e2edf6""",
    "violet": """6d4596 5b3685 8559ac 66408f efc060 21123a ebdff2
7a4aa0 613a8c 9263b4 6c4496 d98a9a 241640 efe3f5""",
    "brown": """7a4f2e 6b4226 8b5e3a 704728 d9a441 2a170c ecdcc3
835433 6a4024 93633c 75492a c4b28a 24140a efe0c8""",
    "black": """18181b 121215 202024 1a1a1e c8a24a 0b0b0d d8d2c4
1b191a 131213 232022 1c1a1c b23a32 0a0909 d9d4cb""",
    "gray": """8b8d8f 7b7d80 9b9d9e 838587 c25b3f 36383b d8d9da
919190 7e7e7f a1a1a0 888888 d6ac4b 333335 dcdcdb""",
    "white": """f3f2ee ecebe6 f8f7f4 efeeea c9b27a 9c9a94 fdfdfb
f4f3f1 eeedea f9f8f6 f0efec 7d98ae a09e9b fefdfc""",
}


def _schemes(text: str) -> tuple[Scheme, ...]:
    return tuple(
        {role: f"#{code}" for role, code in zip(ROLES, line.split(), strict=True)}
        for line in text.strip().splitlines()
    )


MIXED = _schemes(_MIXED)
FAMILIES = {name: _schemes(text) for name, text in _FAMILIES.items()}


def _shifted(code: str, shifts: tuple[int, int, int]) -> str:
    channels = (int(code[at : at + 2], 16) for at in (1, 3, 5))
    return "#" + "".join(
        f"{min(255, max(0, value + shift)):02x}"
        for value, shift in zip(channels, shifts, strict=True)
    )


def mixed_scheme(rng: random.Random, favourites: tuple[int, ...]) -> Scheme:
    """A scheme out of an artist's favourites, mixed a little differently every time."""
    scheme = MIXED[rng.choice(favourites) % len(MIXED)]
    return {
        role: _shifted(code, (rng.randint(-7, 7), rng.randint(-7, 7), rng.randint(-7, 7)))
        for role, code in scheme.items()
    }


def family_scheme(rng: random.Random, color: str) -> Scheme:
    """A scheme that `color` dominates; grays and whites move in lightness only."""
    scheme = rng.choice(FAMILIES[color])
    neutral = color in {"black", "gray", "white"}
    reach = 3 if neutral else 6
    shifted = {}
    for role, code in scheme.items():
        common = rng.randint(-reach, reach)
        shifts = (common, common, common)
        if not neutral:
            shifts = (common + rng.randint(-3, 3), common, common + rng.randint(-3, 3))
        shifted[role] = _shifted(code, shifts)
    return shifted
