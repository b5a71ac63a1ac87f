"""What can be learned of images: the heads, and where the labels of each come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, TypeAlias, get_args

from analysis.errors import WrongHead

Mode: TypeAlias = Literal["single", "multi"]
"""Whether an image has one label of a head, or any number."""
MODES: Final[tuple[Mode, ...]] = get_args(Mode)
Source: TypeAlias = Literal["terms", "artist", "nationality", "period", "medium", "place"]
"""Where labels come from: terms of the head's kind; the first maker's name; terms, else the first
maker's nationality; terms, else the years; terms, else the column of `artworks`; that column."""


@dataclass(frozen=True)
class Head:
    """Something that is told of images."""

    name: str
    """What people call it; also the kind of its terms, where it has any."""
    source: Source
    mode: Mode
    """How it is learned unless people say otherwise."""


_ALL: Final = (
    Head("style", "terms", "single"),
    Head("genre", "terms", "single"),
    Head("artist", "artist", "single"),
    Head("period", "period", "single"),
    Head("nationality", "nationality", "single"),
    Head("place", "place", "single"),
    Head("medium", "medium", "single"),
    Head("category", "terms", "multi"),
    Head("subject", "terms", "multi"),
    Head("tag", "terms", "multi"),
)
HEADS: Final[Mapping[str, Head]] = MappingProxyType({head.name: head for head in _ALL})
"""By name. The head `color` has a training and a job of its own, see `analysis.colors.classes`."""


def find_head(name: str) -> Head:
    """Return the head of this name. Raises WrongHead, naming those that there are."""
    if name not in HEADS:
        raise WrongHead(f'there is no head "{name}": choose from {", ".join(HEADS)}.')
    return HEADS[name]
