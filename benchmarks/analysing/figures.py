"""What a benchmark measured: numbers with a name, and what they have to reach."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One measured number."""

    name: str
    """Its key in the JSON object; a ratio's begins with `ratio_`."""
    label: str
    value: float
    unit: str = ""
    least: float | None = None
    most: float | None = None

    @property
    def missed(self) -> bool:
        """Whether it is not what it has to be."""
        # Written so that NaN misses every target.
        reached = (self.least is None or self.value >= self.least) and (
            self.most is None or self.value <= self.most
        )
        return not reached

    @property
    def target(self) -> str:
        """The target for people; nothing where there is none."""
        if self.least is not None:
            return f"≥ {self.least:g}"
        return "" if self.most is None else f"≤ {self.most:g}"

    @property
    def shown(self) -> str:
        """The number for people: three digits that count, and its unit."""
        size = abs(self.value)
        digits = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 0.1 else 4
        return f"{self.value:,.{digits}f} {self.unit}".rstrip()


@dataclass(frozen=True)
class Section:
    """What one section measured, and on what."""

    title: str
    figures: tuple[Figure, ...]
