"""Tonal landscapes: ridges in the haze, lakes, open sea, moonrise."""

from __future__ import annotations

import numpy as np

from demo.painters.canvas import (
    Color,
    Colors,
    Field,
    Random,
    axes,
    blend,
    brushwork,
    field,
    lay,
    lightness,
    noise,
    polygon,
    step,
    waver,
)


def skyline(rng: Random, width: int, rough: float, cells: float) -> Field:
    """A ridge as `(1, w)` heights around zero."""
    base = noise(rng, 2, width, 1, 1)[:1] * 0
    x = np.linspace(0, 1, width, dtype=np.float32)[None, :]
    for octave in range(6):
        knots = rng.standard_normal(int(cells * 2**octave) + 3)
        places = np.linspace(0, 1, len(knots))
        wave = np.interp(x[0], places, knots)[None, :]
        if octave < 2:
            size = max(3, width // int(cells * 2 ** (octave + 1) + 1))
            kernel = np.hanning(size) / np.hanning(size).sum()
            wave = np.convolve(np.pad(wave[0], size, mode="edge"), kernel, "same")[None, size:-size]
        base = base + rough**octave * wave
    return field(base)


def sky(rng: Random, height: int, width: int, high: Color, low: Color, horizon: float) -> Field:
    """A graded sky with drifting clouds; `horizon` in units of the height."""
    _, y = axes(height, width)
    clouds = noise(rng, height, width, 2.2, 5, stretch=3.2)
    t = step(field(y / horizon + 0.13 * clouds), 0.05, 1.05)
    return field(high + (low - high) * t[..., None])


def orb(picture: Field, x0: float, y0: float, radius: float, tone: Color, glow: float) -> None:
    """A sun or moon with its halo."""
    x, y = axes(*picture.shape[:2])
    distance = np.sqrt((x - x0) ** 2 + (y - y0) ** 2)
    lay(picture, tone, field(glow * np.exp(-((distance / (radius * 4.2)) ** 2))))
    lay(picture, tone, 1 - step(field(distance), radius * 0.94, radius * 1.03))


def ridges(
    picture: Field, rng: Random, near: Color, haze: Color, top: float, bottom: float, count: int
) -> None:
    """Hills one behind the other, each paler than the one before it."""
    height, width = picture.shape[:2]
    _, y = axes(height, width)
    for at in range(count):
        depth = (at + 1) / count
        level = top + (bottom - top) * (at / max(1, count - 1)) ** 1.15
        crest = level + (0.035 + 0.03 * (1 - depth)) * skyline(rng, width, 0.52, 2 + 2 * depth)
        cover = step(field(y - crest), 0, 2.2 / height)
        tone = blend(haze, near, 0.16 + 0.84 * depth**1.25)
        # Mist gathers at the foot of each ridge.
        foot = np.clip((y - crest) / 0.22, 0, 1)[..., None] * (0.5 * (1 - depth) + 0.08)
        grain = 1 + 0.05 * noise(rng, height, width, 18, 3, stretch=2)[..., None]
        lay(picture, field((tone * grain) + (haze - tone) * foot), cover)


def trees(picture: Field, rng: Random, tone: Color, base: float, count: int, tall: float) -> None:
    """Poplars and bushes along a bank."""
    height, width = picture.shape[:2]
    ratio = width / height
    cover = np.zeros((height, width), dtype=np.float32)
    for _ in range(count):
        cx, size = rng.uniform(-0.02, ratio + 0.02), tall * rng.uniform(0.45, 1.0)
        up = np.linspace(0, 1, 16)
        slim = 0.15 if rng.random() < 0.7 else 0.27
        if slim > 0.2:
            size *= 0.62
        half = slim * size * np.sin(np.pi * up**0.62) ** 0.75
        left = cx - half * (1 + 0.22 * rng.standard_normal(16)) - 0.012 * size
        right = cx + half * (1 + 0.22 * rng.standard_normal(16)) + 0.012 * size
        rise = base + 0.01 - up * size
        outline = np.stack(
            [np.concatenate([left, right[::-1]]), np.concatenate([rise, rise[::-1]])], axis=1
        )
        np.maximum(cover, polygon(height, width, outline), out=cover)
    lay(picture, tone, field(cover * 0.94))


def mirrored(picture: Field, rng: Random, level: float, tint: Color, share: float) -> None:
    """Water below `level` that shows what is above it, broken by ripples."""
    height, width = picture.shape[:2]
    row = int(level * height)
    depth = height - row
    rows = np.arange(depth)
    ripple = noise(rng, depth, width, max(3, depth / 14), 2, stretch=14)
    source = np.clip(
        row - 1 - rows[:, None] * 0.92 + ripple * (1.5 + rows[:, None] * 0.05), 0, row - 1
    )
    columns = np.clip(np.arange(width)[None, :] + ripple * 2, 0, width - 1)
    image = picture[source.astype(np.int32), columns.astype(np.int32)]
    fade = share + 0.25 * np.linspace(0, 1, depth, dtype=np.float32)[:, None, None]
    water = image + (tint - image) * np.clip(fade, 0, 1)
    picture[row:] = water * (1 + 0.035 * ripple[..., None])


def swell(
    picture: Field, rng: Random, level: float, deep: Color, shallow: Color, foam: Color
) -> None:
    """An open sea with breakers towards the viewer."""
    height, width = picture.shape[:2]
    _, y = axes(height, width)
    t = field(np.clip((y - level) / (1 - level), 0, 1))
    phase = np.log1p(t * 16) * 12 + 0.6 * noise(rng, height, width, 5, 3, stretch=5)
    waves = np.sin(phase * 2.2) * 0.5 + 0.5 * noise(rng, height, width, 20, 2, stretch=7)
    tone = step(field(waves * 0.6 + 0.4 - 0.5 * t), -0.6, 1.1)
    sea = deep + (shallow - deep) * tone[..., None]
    cover = step(field(y - level), 0, 3 / height)
    lay(picture, field(sea), cover)
    crests = step(field(waves + 0.35 * noise(rng, height, width, 30, 2, stretch=4)), 1.0, 1.5)
    lay(picture, foam, field(cover * crests * (0.25 + 0.6 * t)))


def paint(rng: Random, height: int, width: int, colors: Colors, motif: str) -> Field:
    """One of the four motifs of the style."""
    ratio = width / height
    ground, main, light, ink = (colors[role] for role in ("ground", "main", "light", "ink"))
    second, third = colors["second"], colors["third"]
    dark = lightness(ground) < 0.35 or motif == "moonrise"
    horizon = rng.uniform(0.5, 0.64)
    high = blend(main, ink, 0.25) if dark and motif == "moonrise" else blend(ground, third, 0.45)
    low = blend(ground, light, 0.3) if not dark else blend(main, second, 0.45)
    if motif != "moonrise" and rng.random() < 0.45:
        low = blend(low, second, 0.4)
    picture = sky(rng, height, width, high, low, horizon)
    x0 = ratio * rng.uniform(0.2, 0.8)
    if motif == "sea":
        if rng.random() < 0.6:
            orb(
                picture, x0, horizon - rng.uniform(0.08, 0.2), 0.035, blend(light, second, 0.2), 0.5
            )
        swell(picture, rng, horizon, blend(main, ink, 0.3), blend(main, low, 0.45), light)
    else:
        high_sun = horizon - rng.uniform(0.12, 0.34)
        radius = rng.uniform(0.035, 0.06) if motif == "moonrise" else rng.uniform(0.03, 0.05)
        orb(picture, x0, high_sun, radius, light if dark else blend(light, second, 0.15), 0.55)
        haze = blend(low, light, 0.12)
        near = blend(main, ink, 0.45 if motif != "lake" else 0.25)
        if motif == "ridges":
            ridges(picture, rng, near, haze, horizon - 0.12, 0.93, int(rng.integers(5, 8)))
        else:
            shore = rng.uniform(0.58, 0.66)
            ridges(picture, rng, near, haze, horizon - 0.12, shore - 0.01, 4)
            trees(
                picture, rng, blend(near, ink, 0.5), shore + 0.012, int(rng.integers(5, 14)), 0.16
            )
            mirrored(picture, rng, shore, blend(main, ink, 0.15), 0.16)
            if rng.random() < 0.7:
                bank = shore + 0.33 + 0.02 * skyline(rng, width, 0.6, 5)
                _, y = axes(height, width)
                lay(picture, blend(near, ink, 0.55), step(field(y - bank), 0, 0.012))
    picture = waver(picture, rng, 0.0013, 40)
    brushwork(picture, rng, 0.032, 70)
    return picture
