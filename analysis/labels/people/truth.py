"""What images really show, where people have corrected what pages say of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, TypeAlias

from sqlalchemy import Connection, text

from analysis.labels.heads import Mode
from analysis.labels.people.corrections import mode_of

Verdicts: TypeAlias = Mapping[int, Mapping[str, bool]]
"""Image to what people say of its labels: label to yes or no."""

_VERDICTS: Final = text("""
    SELECT v.image_id, v.label, v.verdict FROM label_verdicts v
    WHERE v.head = :head AND v.image_id = ANY(:ids)
""")


def read_verdicts(connection: Connection, head: str, ids: Iterable[int]) -> Verdicts:
    """Return the last words of people on labels of images; images without any are left out."""
    said: dict[int, dict[str, bool]] = defaultdict(dict)
    for row in connection.execute(_VERDICTS, {"head": head, "ids": list(ids)}):
        said[row.image_id][row.label] = row.verdict == "yes"
    return dict(said)


def corrected(labels: Collection[str], people: Mapping[str, bool], mode: Mode) -> list[str]:
    """Return the labels of an image as people have corrected them, sorted.

    What they say yes to is added, and takes the place of all others where an image has one label;
    what they say no to goes.
    """
    yes = {label for label, verdict in people.items() if verdict}
    if mode == "single" and yes:
        return sorted(yes)
    return sorted(yes | {label for label in labels if people.get(label, True)})


def correct_all(
    connection: Connection, head: str, labels: Mapping[int, Sequence[str]]
) -> dict[int, list[str]]:
    """Return the labels of images, by id, as people have corrected them; of some, none is left."""
    verdicts = read_verdicts(connection, head, labels)
    mode = mode_of(connection, head)
    return {
        image_id: corrected(said, verdicts.get(image_id, {}), mode)
        for image_id, said in labels.items()
    }
