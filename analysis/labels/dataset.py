"""A dataset: images with their labels, as a query of the collection finds them.

An image counts by the first image of a work, which shows the whole of it; details may well show
something else. Placeholders and what no page shows any more teach nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from analysis.evaluation.relevance import Numbers
from analysis.labels.heads import Mode

Targets: TypeAlias = npt.NDArray[np.uint8]
"""(n, classes): 1 where an image has a label."""


@dataclass(frozen=True)
class DatasetQuery:
    """Which images are asked for, and what counts as a label."""

    head: str
    mode: Mode
    site: str | None = None
    terms: tuple[tuple[str, str], ...] = ()
    """(kind, name) of terms that works must have."""
    year_from: int | None = None
    year_to: int | None = None
    min_support: int = 10
    """Fewest images of a class, of which none looks like another."""
    top: int | None = None
    """Only so many classes, those with most images."""
    weak: bool = False
    """Whether labels that works inherit from their artist's page count."""
    undersample: float | None = None
    """Most images of a class, as a multiple of those of the smallest class (single-label only)."""
    bins: tuple[int, ...] = ()
    """Years in which periods begin, ascending; empty: centuries, where a work has no term."""
    merge: Mapping[str, str] = field(default_factory=dict)
    """Label to what it is called here; to the empty text: it is no label here."""
    only: tuple[str, ...] = ()
    """The labels that count, by their new names; none: all of them."""
    most: int = 50_000
    """Most images: those of the lowest sha256, a sample as good as a random one."""

    def as_dict(self) -> dict[str, Any]:
        """Return the query for JSON."""
        return {
            **asdict(self),
            "terms": [f"{kind}={name}" for kind, name in self.terms],
            "bins": list(self.bins),
            "merge": dict(self.merge),
            "only": list(self.only),
        }


@dataclass(frozen=True)
class Dataset:
    """Images with their labels, by sha256; arrays of one length n."""

    query: DatasetQuery
    classes: tuple[str, ...]
    """The labels, sorted."""
    ids: Numbers
    """(n,) ids in `images`."""
    sha256: tuple[str, ...]
    targets: Targets
    """(n, classes); one 1 in each row where one label is told."""
    weak: npt.NDArray[np.bool_]
    """(n,) whether all that is said of the image was inherited from its artist's page."""
    groups: Numbers
    """(n,) Images that look the same, or show one work, are of one group."""
    artists: Numbers
    """(n,) Images of one group, or by one artist, have one number; where nobody says who made
    them, a number of their own."""
    sites: tuple[str, ...]
    """Site of each image's first work."""
    artists_known: bool
    """Whether most images say who made them: otherwise `artists` keeps little together."""
    left_out: Mapping[str, int] = field(default_factory=dict)
    """Images that were found and are not here, by reason."""

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def multi(self) -> bool:
        """Whether an image may have several labels."""
        return self.query.mode == "multi"

    @property
    def labels(self) -> Numbers:
        """(n,) Place of the label of each image in `classes`; for single labels only."""
        assert not self.multi, "an image of this dataset has several labels"
        places: Numbers = self.targets.argmax(axis=1).astype(np.int64)
        return places

    @property
    def fingerprint(self) -> str:
        """The sha256 over image and labels, line by line, sorted."""
        lines = sorted(
            f"{sha256} {'|'.join(self.classes[at] for at in np.flatnonzero(row))}"
            for sha256, row in zip(self.sha256, self.targets, strict=True)
        )
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def subset(self, chosen: npt.NDArray[np.bool_] | Numbers) -> Dataset:
        """Return those images that are chosen, (n,) bool or their places; classes stay."""
        at = np.flatnonzero(chosen) if chosen.dtype == np.bool_ else chosen
        return replace(
            self,
            ids=self.ids[at],
            sha256=tuple(self.sha256[one] for one in at),
            targets=self.targets[at],
            weak=self.weak[at],
            groups=self.groups[at],
            artists=self.artists[at],
            sites=tuple(self.sites[one] for one in at),
        )


@dataclass(frozen=True)
class Split:
    """Places of a dataset's images by part, ascending, and how they came there."""

    train: Numbers
    validation: Numbers
    """Says when to stop, which threshold and which temperature; never measures."""
    test: Numbers
    removed: Numbers
    """In no part: they look the same as an image of a part that comes after theirs."""
    policy: str
    """`artists`, `site`, `random` (only look-alikes are kept together) or `given`."""
    seed: int
    fingerprint: str
    """The sha256 over the images of each part."""
    leaks: int = 0
    """Pairs of look-alikes that the policy would have put into different parts."""
    gone: int = 0
    """Images of a stored split that the dataset does not have."""
    unassigned: int = 0
    """Images of the dataset that a stored or given split does not name; they are in no part."""

    def as_dict(self) -> dict[str, Any]:
        """Return this for JSON: how it was made, and how large it is, without the images."""
        return {
            "policy": self.policy,
            "seed": self.seed,
            "fingerprint": self.fingerprint,
            "train": len(self.train),
            "validation": len(self.validation),
            "test": len(self.test),
            "removed": len(self.removed),
            "leaks": self.leaks,
            "gone": self.gone,
            "unassigned": self.unassigned,
        }
