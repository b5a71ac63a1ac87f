"""What all painters share: noise, masks, brushwork and paper, as arrays of float32 in 0 to 1.

Pictures are `(h, w, 3)` RGB, fields are `(h, w)`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]
Color = NDArray[np.float32]
Colors = Mapping[str, Color]
Points = NDArray[np.float64]
Random = np.random.Generator

_SHIFT = 4


def color(code: str) -> Color:
    """`#rrggbb` as three floats."""
    return field([int(code[at : at + 2], 16) / 255 for at in (1, 3, 5)])


def lightness(tone: Color) -> float:
    """Rec. 709 luma."""
    return float(tone @ np.array([0.2126, 0.7152, 0.0722], dtype=np.float32))


def blend(a: Color, b: Color, share: float) -> Color:
    """`a` with `share` of `b` stirred in."""
    return np.asarray(a * (1 - share) + b * share, dtype=np.float32)


def field(values: object) -> Field:
    """Anything array-like as float32."""
    return np.asarray(values, dtype=np.float32)


def axes(height: int, width: int) -> tuple[Field, Field]:
    """X as `(1, w)` and y as `(h, 1)`, both in units of the height."""
    x = field(np.arange(width) + 0.5)[None, :] / height
    y = field(np.arange(height) + 0.5)[:, None] / height
    return field(x), field(y)


def step(value: Field, low: float, high: float) -> Field:
    """Smooth step from 0 at `low` to 1 at `high`."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return field(t * t * (3 - 2 * t))


def noise(
    rng: Random, height: int, width: int, cells: float, octaves: int = 4, stretch: float = 1.0
) -> Field:
    """Fractal noise of about unit variance: `cells` across the height, `stretch` times wider."""
    total = np.zeros((height, width), dtype=np.float32)
    weight, power = 1.0, 0.0
    for octave in range(octaves):
        rows = max(2, min(height, round(cells * 2**octave)))
        columns = max(2, min(width, round(cells * 2**octave * width / height / stretch)))
        small = rng.standard_normal((rows + 2, columns + 2), dtype=np.float32)
        total += weight * field(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC))
        power += weight * weight
        weight *= 0.5
    return field(total / np.sqrt(power * 0.6))


def fill(height: int, width: int, tone: Color) -> Field:
    """A canvas of one colour."""
    return field(np.broadcast_to(tone, (height, width, 3))).copy()


def lay(picture: Field, tone: Color | Field, cover: Field) -> None:
    """Paint `tone` over the picture in place, as opaque as `cover` says."""
    if cover.shape == picture.shape[:2]:
        # Most things painted are small: only the rows and columns they cover are touched.
        rows, columns = np.flatnonzero(cover.any(axis=1)), np.flatnonzero(cover.any(axis=0))
        if not len(rows):
            return
        box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
        picture, cover = picture[box], cover[box]
        tone = tone[box] if tone.ndim == 3 else tone
    picture += (tone - picture) * cover[..., None]


def mottle(
    picture: Field, rng: Random, strength: float, cells: float = 4, octaves: int = 5
) -> None:
    """Uneven layers of paint: cloudy changes in lightness, in place."""
    height, width = picture.shape[:2]
    picture *= 1 + strength * noise(rng, height, width, cells, octaves)[..., None]


def polygon(height: int, width: int, points: Points | Sequence[tuple[float, float]]) -> Field:
    """Antialiased mask of a polygon given in units of the height."""
    mask = np.zeros((height, width), dtype=np.uint8)
    scaled = np.round(np.asarray(points) * height * (1 << _SHIFT)).astype(np.int32)
    cv2.fillPoly(mask, [scaled], (255,), cv2.LINE_AA, _SHIFT)
    return field(mask) / np.float32(255)


def curve(points: Points | Sequence[tuple[float, float]], closed: bool = True) -> Points:
    """A smooth curve through the points (Catmull-Rom)."""
    knots = np.asarray(points, dtype=np.float64)
    if closed:
        knots = np.vstack([knots[-1:], knots, knots[:2]])
    else:
        knots = np.vstack([2 * knots[:1] - knots[1:2], knots, 2 * knots[-1:] - knots[-2:-1]])
    t = np.linspace(0, 1, 14, endpoint=False)[:, None]
    pieces = []
    for at in range(1, len(knots) - 2):
        a, b, c, d = knots[at - 1 : at + 3]
        pieces.append(
            0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2)
            + 0.5 * (3 * b - 3 * c + d - a) * t**3
        )
    if not closed:
        pieces.append(knots[-2:-1])
    return np.vstack(pieces)


def line(height: int, width: int, points: Points, thickness: float, closed: bool = False) -> Field:
    """Antialiased mask of a drawn line; the thickness is in units of the height."""
    mask = np.zeros((height, width), dtype=np.uint8)
    scaled = np.round(np.asarray(points) * height * (1 << _SHIFT)).astype(np.int32)
    pixels = max(1, round(thickness * height))
    cv2.polylines(mask, [scaled], closed, (255,), pixels, cv2.LINE_AA, _SHIFT)
    return field(mask) / np.float32(255)


def soften(mask: Field, radius: float) -> Field:
    """Gaussian blur; the radius is in units of the height."""
    sigma = max(0.6, radius * mask.shape[0])
    if sigma < 6:
        return field(cv2.GaussianBlur(mask, (0, 0), sigma))
    # A wide blur loses nothing when it is made small and enlarged again.
    small = max(1, int(sigma // 3))
    height, width = mask.shape[:2]
    reduced = cv2.resize(
        mask, (max(2, width // small), max(2, height // small)), interpolation=cv2.INTER_AREA
    )
    blurred = cv2.GaussianBlur(reduced, (0, 0), sigma / small)
    return field(cv2.resize(blurred, (width, height), interpolation=cv2.INTER_LINEAR))


def waver(picture: Field, rng: Random, reach: float, cells: float = 14) -> Field:
    """Edges as a hand draws them: every pixel moved a little, `reach` in units of the height."""
    height, width = picture.shape[:2]
    amount = reach * height
    x = np.arange(width, dtype=np.float32)[None, :]
    y = np.arange(height, dtype=np.float32)[:, None]
    return field(
        cv2.remap(
            picture,
            x + amount * noise(rng, height, width, cells, 3),
            y + amount * noise(rng, height, width, cells, 3),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REFLECT,
        )
    )


def brushwork(picture: Field, rng: Random, strength: float, fine: float = 90) -> None:
    """Ridges of the brush in two directions, in place."""
    height, width = picture.shape[:2]
    along = noise(rng, height, width, fine * 2.2, 2, stretch=5)
    across = noise(rng, height, width, fine * 0.9, 2, stretch=1 / 3)
    where = step(noise(rng, height, width, 4, 3), -0.2, 1.2)
    ridges = along * (1 - where) + 0.8 * across * where
    picture *= 1 + strength * ridges[..., None]


def weave(picture: Field, rng: Random, strength: float) -> None:
    """The threads of the canvas, in place."""
    height, width = picture.shape[:2]
    x = np.arange(width, dtype=np.float32)[None, :]
    y = np.arange(height, dtype=np.float32)[:, None]
    threads = np.sin(x * 1.9) * np.sin(y * 1.9)
    threads = threads + 0.6 * noise(rng, height, width, height / 3, 1)
    picture *= 1 + strength * threads[..., None].astype(np.float32)


def vignette(picture: Field, strength: float) -> None:
    """Darker towards the corners, in place."""
    height, width = picture.shape[:2]
    x = (np.arange(width, dtype=np.float32)[None, :] / width - 0.5) * 2
    y = (np.arange(height, dtype=np.float32)[:, None] / height - 0.5) * 2
    picture *= 1 - strength * np.clip((x * x + y * y) / 2, 0, 1)[..., None]
