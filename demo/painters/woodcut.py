"""Woodcuts: cut lines over flat inks that fade, with the grain of the block."""

from __future__ import annotations

import numpy as np

from demo.painters.canvas import (
    Colors,
    Field,
    Random,
    axes,
    blend,
    field,
    fill,
    lay,
    lightness,
    noise,
    step,
)
from demo.painters.landscape import orb, skyline


def _sky(picture: Field, rng: Random, colors: Colors, night: bool, level: float) -> None:
    height, width = picture.shape[:2]
    x, y = axes(height, width)
    top = (
        blend(colors["main"], colors["ink"], 0.55)
        if night
        else blend(colors["ground"], colors["second"], 0.5)
    )
    # Bokashi: the ink is wiped off the block towards the horizon.
    fade = np.clip(1 - y / (level * 0.75), 0, 1) ** 1.3
    lay(picture, top, field((0.95 if night else 0.8) * fade + 0 * x))
    if night:
        lay(picture, top, field(0.55 + 0 * x + 0 * y))
    bands = 0.5 + 0.5 * np.sin(y * 62 + 1.2 * noise(rng, height, width, 2, 2, stretch=5))
    strata = step(field(noise(rng, height, width, 3, 3, stretch=7)), 0.5, 0.7)
    lay(
        picture,
        colors["light"],
        field(strata * step(field(bands), 0.35, 0.5) * (y < level) * (0.3 if night else 0.7)),
    )
    ratio = width / height
    disc = colors["light"] if night else colors["accent"]
    orb(
        picture,
        ratio * rng.uniform(0.22, 0.78),
        level * rng.uniform(0.3, 0.6),
        rng.uniform(0.07, 0.11),
        disc,
        0.12,
    )


def _waves(picture: Field, rng: Random, colors: Colors, level: float, night: bool) -> None:
    height, width = picture.shape[:2]
    x, y = axes(height, width)
    ink, main, light = colors["ink"], colors["main"], colors["light"]
    # A black block stays black.
    pale = 0.62 if lightness(main) > 0.15 else 0.25
    rows = int(rng.integers(6, 9))
    for at in range(rows):
        depth = at / (rows - 1)
        base = level + (1.02 - level) * depth**1.25
        long = 0.17 + 0.33 * depth
        high = 0.03 + 0.085 * depth
        u = (x / long + rng.uniform(0, 1) + 0.12 * np.sin(x * 5 + at)) % 1.0
        # A crest that leans: slow rise, steep fall with a curl of foam.
        rise = np.where(
            u < 0.7,
            np.sin(np.minimum(u / 0.7, 1) * np.pi / 2) ** 2.2,
            np.cos(np.clip((u - 0.7) / 0.3, 0, 1) * np.pi / 2) ** 1.5,
        )
        swing = 0.78 + 0.22 * np.sin(x * 2.7 + 2.1 * at)
        crest = field(base - high * rise * swing)
        below = field(y - crest)
        cover = step(below, 0, 1.6 / height)
        tone = blend(
            blend(main, colors["second"], 0.55 * (1 - depth)), ink, 0.25 if night else 0.05
        )
        shaded = np.clip(below / (high * 2.2), 0, 1)
        lay(picture, field(tone + (blend(tone, light, pale) - tone) * shaded[..., None]), cover)
        spacing = 0.011 + 0.011 * depth
        cut = np.abs((below / spacing + 0.35 * np.sin(x * 9 + at)) % 1.0 - 0.5)
        width_of_cut = 0.14 + 0.2 * np.clip(below / (high * 2), 0, 1)
        inner = (below > spacing * 1.6) & (below < high * 1.9)
        lay(
            picture,
            ink,
            field(cover * inner * (1 - step(field(cut + 0 * width_of_cut), 0.11, 0.17)) * 0.8),
        )
        foam_edge = spacing * (0.9 + 0.75 * np.abs(np.sin(x / long * 34 + at)) * rise)
        lay(picture, light, field(cover * (1 - step(field(below - foam_edge), 0, 2 / height))))
        rim = np.abs(below - foam_edge) < 0.0022 + 0.0012 * depth
        lay(picture, ink, field(cover * rim * 0.85))
        lay(picture, ink, field((np.abs(below) < 0.0018 + 0.001 * depth) * 0.95))


def _terraces(picture: Field, rng: Random, colors: Colors, level: float) -> None:
    height, width = picture.shape[:2]
    x, y = axes(height, width)
    ink, light = colors["ink"], colors["light"]
    tones = [
        colors["main"],
        colors["second"],
        blend(colors["main"], colors["ground"], 0.45),
        blend(colors["second"], colors["accent"], 0.3),
    ]
    rows = int(rng.integers(6, 9))
    for at in range(rows):
        depth = at / (rows - 1)
        base = level + (1.0 - level) * depth**1.2 - 0.01
        crest = field(base + (0.025 + 0.02 * depth) * skyline(rng, width, 0.28, 1.6))
        below = field(y - crest)
        cover = step(below, 0, 1.6 / height)
        tone = tones[at % len(tones)]
        fade = np.clip(below / 0.16, 0, 1)[..., None]
        lay(
            picture, field(blend(tone, light, 0.3) + (tone - blend(tone, light, 0.3)) * fade), cover
        )
        slant = rng.uniform(-1.8, 1.8)
        furrow = np.abs(
            (x * (16 - 7 * depth) + slant * below * 8 + 0.05 * np.sin(40 * below)) % 1 - 0.5
        )
        if at % 2:
            furrow = np.abs((below * (44 - 20 * depth)) % 1 - 0.5)
        lay(picture, ink, field(cover * (1 - step(field(furrow), 0.05, 0.1)) * 0.55))
        lay(picture, ink, field((np.abs(below) < 0.0022) * 0.95))


def paint(rng: Random, height: int, width: int, colors: Colors, motif: str) -> Field:
    """Waves by day or night, or terraced fields."""
    picture = fill(height, width, colors["ground"])
    night = motif == "night tide"
    level = rng.uniform(0.42, 0.52)
    _sky(picture, rng, colors, night, level)
    if motif == "terraces":
        _terraces(picture, rng, colors, level)
    else:
        _waves(picture, rng, colors, level, night)
    # The block: long fibres around a knot or two, and ink that did not take everywhere.
    x, y = axes(height, width)
    rings = y * 55 + 2.4 * noise(rng, height, width, 1.4, 3, stretch=6)
    grain = np.sin(rings * 2 * np.pi / 2.3) * 0.5 + 0.5 * noise(
        rng, height, width, 120, 1, stretch=30
    )
    picture *= 1 + 0.028 * grain[..., None]
    bare = step(noise(rng, height, width, 90, 2, stretch=2), 2.0, 2.4)
    lay(picture, colors["light"], field(bare * 0.4))
    ratio = width / height
    edge = np.minimum(np.minimum(x, ratio - x), np.minimum(y, 1 - y)) + 0.0018 * noise(
        rng, height, width, 40, 2
    )
    lay(
        picture, blend(colors["light"], colors["ground"], 0.35), 1 - step(field(edge), 0.022, 0.026)
    )
    return picture
