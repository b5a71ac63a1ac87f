"""What a search by colour asks for: colours, in proportion or in harmony, and where."""

from __future__ import annotations

from dataclasses import dataclass

from analysis.colors.conversion import hex_to_rgb, rgb_to_hex
from analysis.colors.harmony import HARMONIES, partners
from analysis.colors.names import CSS_COLORS
from analysis.errors import NotAColor, WrongSearch

DEFAULT_TOLERANCE = 12.0
"""CIEDE2000 within which a colour of a palette counts as the one asked for."""
HARMONY_SHARE = 0.05
"""Least share of the image that each hue of a harmony has."""
DEFAULT_IMAGES = 24


@dataclass(frozen=True)
class AskedColor:
    """A colour that images are to have."""

    hex: str
    """`#rrggbb`."""
    part: float | None = None
    """Share of the image that it is to have, above 0 and up to 1; None: as much as possible."""

    @classmethod
    def parse(cls, said: str) -> AskedColor:
        """Read `COLOR` or `COLOR:PERCENT`, the colour as `#rrggbb` or by its CSS name.

        Raises NotAColor, and WrongSearch for a percentage that is none.
        """
        color, colon, percent = said.strip().partition(":")
        hex_color = CSS_COLORS.get(color.strip().lower())
        if hex_color is None:
            try:
                hex_color = rgb_to_hex(hex_to_rgb(color))
            except NotAColor as error:
                raise NotAColor(
                    f'"{color}" is not a colour: write #rrggbb, such as #8a2be2, or a name that '
                    "CSS knows, such as violet."
                ) from error
        if not colon:
            return cls(hex_color)
        try:
            part = float(percent.strip().removesuffix("%")) / 100.0
        except ValueError:
            part = 0.0
        if not 0.0 < part <= 1.0:
            raise WrongSearch(
                f'"{percent}" is no share of {color}: write it in percent, as in {color}:30.'
            )
        return cls(hex_color, part)


@dataclass(frozen=True)
class ColorSearch:
    """What is searched for. Raises WrongSearch where it contradicts itself."""

    colors: tuple[AskedColor, ...] = ()
    harmony: str | None = None
    tolerance: float = DEFAULT_TOLERANCE
    """CIEDE2000 around each of the colours."""
    min_share: float | None = None
    """Least share that each colour or hue has; None: any with colours, HARMONY_SHARE with a
    harmony."""
    limit: int | None = DEFAULT_IMAGES
    """Most images that are found; None: all."""
    site: str | None = None
    category: str | None = None
    """Images of works of one site, of one category."""
    model: str | None = None
    """`NAME/VERSION` of the palettes; None: the default."""

    def __post_init__(self) -> None:
        if not self.colors and self.harmony is None:
            raise WrongSearch("nothing is searched for: give a colour or a harmony.")
        if not 0.0 <= self.tolerance < float("inf"):
            raise WrongSearch(
                f"the tolerance is a CIEDE2000 difference from 0, not {self.tolerance}."
            )
        if self.harmony is not None:
            self._check_harmony(self.harmony)
            return
        if len({color.hex for color in self.colors}) < len(self.colors):
            raise WrongSearch("a colour is asked for twice: name each once.")
        parts = [color.part for color in self.colors if color.part is not None]
        if parts and len(parts) < len(self.colors):
            raise WrongSearch("some colours have a share and some have none: give all of them one.")
        if sum(parts) > 1.0 + 1e-9:
            raise WrongSearch(
                f"the shares add up to {sum(parts):.0%}: give at most 100 % together."
            )

    def _check_harmony(self, kind: str) -> None:
        if kind not in HARMONIES:
            raise WrongSearch(f'there is no harmony "{kind}": choose from {", ".join(HARMONIES)}.')
        if len(self.colors) > 1 or any(color.part is not None for color in self.colors):
            raise WrongSearch("a harmony is built on one colour without a share: name one or none.")
        for color in self.colors:
            partners(color.hex, kind)

    @property
    def least_share(self) -> float:
        """The least share that each colour or hue has, 0 to 1."""
        if self.min_share is not None:
            return self.min_share
        return 0.0 if self.harmony is None else HARMONY_SHARE
