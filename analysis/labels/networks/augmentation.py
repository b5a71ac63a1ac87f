"""Altered copies of a picture, of which a network learns what does not matter.

How strong alterations may be is an Augmentation. What is done to one view of one picture is drawn
from the picture's sha256, the number of the view and a seed, and from nothing else: it is the same
in every process, and may be kept. Each kind of alteration is drawn by itself, so that leaving one
out leaves the others as they were. View 0 is the picture itself.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from analysis.errors import WrongDataset
from analysis.jobs import RGB
from analysis.labels.networks.color_operations import MAGNITUDES, Operation, draw_operations
from analysis.labels.networks.warping import Warp


@dataclass(frozen=True)
class Augmentation:
    """How much a view may differ from its picture, at most; 0 leaves it as it is."""

    rotation: float = 0.0
    """Degrees, either way."""
    width_shift: float = 0.0
    """Share of the width, either way."""
    height_shift: float = 0.0
    """Share of the height, either way."""
    zoom: float = 0.0
    """0.1: everything is from 0.9 to 1.1 times as large."""
    flip: bool = False
    """Whether every second view is a mirror image."""
    contrast: float = 0.0
    """0.2: contrast is from 0.8 to 1.2 times what it was, around the mean lightness."""
    crop: float = 0.0
    """Share of the width and of the height that is cut away; what is left fills the picture."""
    randaugment: tuple[int, int] = (0, 0)
    """How many operations on colours, of which magnitude (0 to 30); see `color_operations`."""

    def __post_init__(self) -> None:
        # As JSON has them, 10 and (2, 9) would be other numbers than 10.0 and [2, 9].
        for name, most in _MOST.items():
            value = float(getattr(self, name))
            object.__setattr__(self, name, value)
            if not 0 <= value <= most:
                raise WrongDataset(
                    f"augmentation {name}={value:g} is out of range: give 0 to {most:g}."
                )
        count, magnitude = self.randaugment
        object.__setattr__(self, "randaugment", (int(count), int(magnitude)))
        if not (0 <= count <= MOST_OPERATIONS and 0 <= magnitude <= MAGNITUDES):
            raise WrongDataset(
                f"augmentation randaugment={count}x{magnitude} is out of range: give at most "
                f"{MOST_OPERATIONS} operations of a magnitude from 0 to {MAGNITUDES}, as in 2x9."
            )

    def __str__(self) -> str:
        """Write it as `parse_augmentation` reads it."""
        parts = [_written(one.name, getattr(self, one.name)) for one in fields(self)]
        return ",".join(part for part in parts if part) or "none"

    def __bool__(self) -> bool:
        """Whether it alters anything."""
        return str(self) != "none"

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {**asdict(self), "randaugment": list(self.randaugment)}


MOST_OPERATIONS: Final = 8
_MOST: Final = {
    "rotation": 180.0,
    "width_shift": 0.5,
    "height_shift": 0.5,
    "zoom": 0.5,
    "contrast": 1.0,
    "crop": 0.75,
}

PRESETS: Final = MappingProxyType(
    {
        "none": Augmentation(),
        "light": Augmentation(flip=True, crop=0.1, contrast=0.1),
        "standard": Augmentation(
            rotation=7, width_shift=0.05, height_shift=0.05, zoom=0.1, flip=True, contrast=0.2,
            crop=0.15,
        ),
        "strong": Augmentation(
            rotation=15, width_shift=0.1, height_shift=0.1, zoom=0.2, flip=True, contrast=0.3,
            crop=0.3, randaugment=(2, 9),
        ),
    }
)  # fmt: skip
"""By name, the weakest first."""


@dataclass(frozen=True)
class Alteration:
    """What is done to a picture to get one of its views."""

    warp: Warp
    contrast: float
    """Factor; 1 leaves it as it is."""
    operations: tuple[Operation, ...]

    def __bool__(self) -> bool:
        """Whether anything is done."""
        return bool(self.warp) or self.contrast != 1 or bool(self.operations)

    def __str__(self) -> str:
        """Say it in a few words; empty where nothing is done."""
        contrast = f"contrast ×{self.contrast:.2f}" if abs(self.contrast - 1) >= 0.005 else ""
        parts = (str(self.warp), contrast)
        return ", ".join(part for part in (*parts, *map(str, self.operations)) if part)

    def __call__(self, image: RGB) -> RGB:
        """Return an altered copy of an image, of the same shape."""
        altered = self.warp(image)
        if self.contrast != 1:
            altered = Operation("contrast", self.contrast)(altered)
        for operation in self.operations:
            altered = operation(altered)
        return altered


NOTHING: Final = Alteration(Warp(), 1.0, ())


def augment(image: RGB, key: str, view: int, augmentation: Augmentation, seed: int) -> RGB:
    """Return a view of an image, (h, w, 3) uint8 of the same shape; view 0 is the image itself.

    Args:
        image: a picture of any size.
        key: its sha256: pictures that are told apart by it are altered differently.
        view: number of the view, from 0.
        augmentation: how strong alterations may be.
        seed: another one draws other alterations.
    """
    alteration = draw_alteration(key, view, augmentation, seed)
    return alteration(image) if alteration else image


def draw_alteration(key: str, view: int, augmentation: Augmentation, seed: int) -> Alteration:
    """Return what is done to a picture for a view; see `augment`."""
    if view == 0:
        return NOTHING
    rng = _generator(key, view, seed)
    # All is drawn, wanted or not, so that one strength does not change what else is drawn.
    turn, right, down, zoom, contrast, cut, x, y = rng.uniform(-1, 1, 8)
    flips = rng.random() < 0.5
    return Alteration(
        Warp(
            rotation=float(turn * augmentation.rotation),
            right=float(right * augmentation.width_shift),
            down=float(down * augmentation.height_shift),
            zoom=float(1 + zoom * augmentation.zoom),
            flip=bool(flips and augmentation.flip),
            crop=float((cut + 1) / 2 * augmentation.crop),
            crop_at=(float(x), float(y)),
        ),
        contrast=float(1 + contrast * augmentation.contrast),
        operations=draw_operations(rng, *augmentation.randaugment),
    )


def parse_augmentation(said: str) -> Augmentation:
    """Read `standard`, or `flip,rotation=10,zoom=0.1,randaugment=2x9`, or a preset and changes.

    `shift` stands for both shifts. Raises WrongDataset, naming the parts that there are.
    """
    values: dict[str, Any] = {}
    for place, part in enumerate(one.strip() for one in said.split(",")):
        name, equals, value = (one.strip() for one in part.partition("="))
        name = name.lower().replace("-", "_")
        if place == 0 and not equals and name in PRESETS:
            values = {one.name: getattr(PRESETS[name], one.name) for one in fields(Augmentation)}
        elif name == "shift":
            values |= dict.fromkeys(("width_shift", "height_shift"), _number(part, value))
        elif name in _MOST:
            values[name] = _number(part, value)
        elif name == "flip":
            values[name] = _whether(part, value or ("" if equals else "yes"))
        elif name == "randaugment":
            values[name] = _operations(part, value)
        else:
            parts = ", ".join((*_MOST, "shift", "flip", "randaugment"))
            raise WrongDataset(
                f'"{part}" is no part of an augmentation: begin with {", ".join(PRESETS)}, '
                f"and give {parts}, separated by commas, as in "
                "standard,rotation=10,randaugment=2x9."
            )
    return Augmentation(**values)


def _generator(key: str, view: int, seed: int) -> np.random.Generator:
    digest = hashlib.sha256(json.dumps([key, view, seed]).encode()).digest()
    return np.random.default_rng(np.frombuffer(digest, "<u4"))


def _number(part: str, value: str) -> float:
    try:
        return float(value)
    except ValueError as error:
        raise WrongDataset(
            f'"{part}" has no number in an augmentation: write NAME=NUMBER, as in rotation=10.'
        ) from error


def _whether(part: str, value: str) -> bool:
    if value.lower() in ("yes", "true", "1"):
        return True
    if value.lower() in ("no", "false", "0"):
        return False
    raise WrongDataset(f'"{part}" says neither yes nor no: write flip, or flip=no.')


def _operations(part: str, value: str) -> tuple[int, int]:
    count, _, magnitude = value.lower().partition("x")
    if not (count.strip().isdecimal() and magnitude.strip().isdecimal()):
        raise WrongDataset(
            f'"{part}" is no randaugment: write OPERATIONSxMAGNITUDE, as in randaugment=2x9.'
        )
    return int(count), int(magnitude)


def _written(name: str, value: Any) -> str:
    if name == "flip":
        return "flip" if value else ""
    if name == "randaugment":
        return "randaugment={}x{}".format(*value) if value[0] else ""
    return f"{name}={value!r}".removesuffix(".0") if value else ""
