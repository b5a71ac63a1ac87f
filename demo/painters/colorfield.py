"""Colour fields: soft-edged rectangles that float on a ground, in many thin layers."""

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
    fill,
    lay,
    mottle,
    noise,
    step,
)


def _float(
    picture: Field, rng: Random, tone: Color, box: tuple[float, float, float, float], soft: float
) -> None:
    height, width = picture.shape[:2]
    x, y = axes(height, width)
    left, top, right, bottom = box
    inside = np.minimum(np.minimum(x - left, right - x), np.minimum(y - top, bottom - y))
    frayed = field(inside + 0.008 * noise(rng, height, width, 11, 4))
    cover = step(frayed, -soft * 0.25, soft)
    veil = field(0.86 + 0.12 * noise(rng, height, width, 3, 5))
    lay(picture, tone, field(cover * np.clip(veil, 0.45, 1)))


def paint(rng: Random, height: int, width: int, colors: Colors, motif: str) -> Field:
    """A stack of two or three fields, or one horizon."""
    ratio = width / height
    picture = fill(height, width, colors["ground"])
    mottle(picture, rng, 0.06, 3)
    margin = rng.uniform(0.05, 0.085)
    tones = [colors["main"], colors["second"], blend(colors["main"], colors["ground"], 0.35)]
    if motif == "horizon":
        level = rng.uniform(0.5, 0.68)
        _float(picture, rng, colors["main"], (-0.1, -0.1, ratio + 0.1, level), 0.09)
        _float(picture, rng, colors["second"], (-0.1, level + 0.015, ratio + 0.1, 1.1), 0.07)
        x, y = axes(height, width)
        glow = np.exp(-(((y - level) / 0.07) ** 2)) * (0.5 + 0.5 * np.exp(-((x - ratio / 2) ** 2)))
        lay(picture, colors["accent"], field(0.75 * glow))
    else:
        parts = 3 if rng.random() < 0.55 else 2
        shares = rng.dirichlet(np.full(parts, 6.0))
        # A thin band between large ones is what makes such a picture breathe.
        if parts == 3:
            shares = np.array([0.44, 0.12, 0.44]) + rng.uniform(-0.05, 0.05, 3)
            tones = [colors["main"], colors["accent"], colors["second"]]
            if rng.random() < 0.5:
                tones = [tones[2], tones[1], tones[0]]
        shares = shares / shares.sum() * (1 - 2 * margin - 0.025 * (parts - 1))
        top = margin
        for share, tone in zip(shares, tones, strict=False):
            soft = min(0.035, float(share) / 3)
            box = (margin, top, ratio - margin, top + float(share))
            _float(picture, rng, blend(tone, colors["ground"], 0.25), box, soft)
            _float(
                picture, rng, tone, (box[0] + 0.012, box[1] + 0.01, box[2] - 0.012, box[3]), soft
            )
            top += float(share) + 0.025
        if parts == 2:
            seam = margin + float(shares[0]) + 0.0125
            _float(
                picture,
                rng,
                colors["accent"],
                (margin * 1.4, seam - 0.012, ratio - margin * 1.4, seam + 0.012),
                0.012,
            )
    brushwork(picture, rng, 0.022, 50)
    return picture
