"""What an image is called in the end: what is said of it, outranked by people, under new names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from analysis.errors import WrongDataset
from analysis.labels.heads import Mode

Merging = Mapping[str, str]
"""Label to its new name; to the empty text where it is to be no label."""


class Settled(NamedTuple):
    """The labels of an image."""

    labels: frozenset[str]
    weak: bool
    """Whether all of them are inherited from the page of an artist."""


def settle(
    said: Iterable[str],
    *,
    weak: bool,
    verdicts: Mapping[str, str],
    mode: Mode,
    merging: Merging,
    only: frozenset[str] = frozenset(),
) -> Settled:
    """Return the labels of an image.

    Where an image has one label, what people say yes to is its label, whatever else is said.

    Args:
        said: what its works are called.
        weak: whether that is inherited.
        verdicts: label to the last word of people, yes or no; by its old or its new name.
        mode: whether an image has one label or any number.
        merging: as `checked_merging` returns it.
        only: the labels that count, by their new names; none: all of them.
    """
    yes = {label for label, verdict in verdicts.items() if verdict == "yes"}
    no = verdicts.keys() - yes
    every = yes if yes and mode == "single" else yes | set(said)
    labels = {
        merging.get(label, label)
        for label in every
        if label not in no and merging.get(label, label) not in no
    }
    named = frozenset(labels - {""})
    return Settled(named & only if only else named, weak and not yes)


def checked_merging(merge: Merging) -> dict[str, str]:
    """Return old to new names as labels are written: lower case, without blanks around them.

    Raises WrongDataset where a name is renamed twice, or is both new and old.
    """
    merging: dict[str, str] = {}
    for said, become in merge.items():
        old, new = said.strip().lower(), become.strip().lower()
        if not old:
            raise WrongDataset(
                f'"={new}" renames nothing: write OLD=NEW, as in --merge prints=print.'
            )
        if merging.setdefault(old, new) != new:
            raise WrongDataset(
                f'"{old}" is to become "{merging[old]}" and "{new}": choose one of them.'
            )
    for old, new in merging.items():
        if new != old and merging.get(new, new) != new:
            raise WrongDataset(
                f'"{old}" is to become "{new}", and that "{merging[new]}": give "{old}" its last '
                "name at once."
            )
    return merging
