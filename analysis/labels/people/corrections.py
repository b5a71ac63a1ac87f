"""What people say of labels: recorded row by row, never changed; the last word counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from difflib import get_close_matches
from typing import Any, Final, Literal, TypeAlias

from sqlalchemy import Connection, text

from analysis.errors import WrongHead
from analysis.labels.heads import HEADS, Mode
from analysis.registry.models import default_model
from storage.errors import UsageError

Saying: TypeAlias = Literal["yes", "no"]

COLOR: Final = "color"
"""A head of one label that has a training and a job of its own."""
CLASSIFIER: Final = "classifier"
"""Kind of the models that label."""
LIKE: Final = 3
"""Known labels that are named beside a new one at most."""

# Of two people at once, one waits: neither would see the other's yes.
_LOCK = text("SELECT id FROM images WHERE id = :image_id FOR NO KEY UPDATE")
_INSERT = text("""
    INSERT INTO corrections (image_id, head, label, verdict, author, at)
    VALUES (:image_id, :head, :label, :verdict, :author, clock_timestamp())
    RETURNING image_id, head, label, verdict, author, at
""")
_WITHDRAW = text("""
    INSERT INTO corrections (image_id, head, label, verdict, author, at)
    SELECT v.image_id, v.head, v.label, 'no', :author, clock_timestamp()
    FROM label_verdicts v
    WHERE v.image_id = :image_id AND v.head = :head AND v.label <> :label AND v.verdict = 'yes'
    ORDER BY v.label
    RETURNING image_id, head, label, verdict, author, at
""")
_VERDICTS = text("""
    SELECT v.image_id, v.head, v.label, v.verdict, v.author, v.at FROM label_verdicts v
    WHERE (CAST(:image_id AS bigint) IS NULL OR v.image_id = :image_id)
      AND (CAST(:head AS text) IS NULL OR v.head = :head)
    ORDER BY v.at DESC, v.image_id, v.head, v.label LIMIT :most
""")
_TERMS = text("SELECT DISTINCT lower(btrim(name)) FROM terms WHERE kind = :head")
_COLUMNS = {
    "artist": text("SELECT DISTINCT lower(btrim(name)) FROM artists"),
    "nationality": text("""
        SELECT DISTINCT lower(btrim(nationality)) FROM artists WHERE nationality IS NOT NULL
    """),
    "place": text("SELECT DISTINCT lower(btrim(place)) FROM artworks WHERE place IS NOT NULL"),
}
"""Where labels of a head come from besides terms."""


@dataclass(frozen=True)
class Verdict:
    """What a person says of a label of an image."""

    image_id: int
    head: str
    label: str
    verdict: Saying
    author: str
    at: datetime

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {**asdict(self), "at": self.at.isoformat()}


def check_head(head: str) -> str:
    """Return the name of a head, `color` among them. Raises WrongHead for others."""
    if head != COLOR and head not in HEADS:
        raise WrongHead(f'there is no head "{head}": choose from {", ".join((*HEADS, COLOR))}.')
    return head


def to_label(said: str) -> str:
    """Return a label as labels are stored: lower case, no space around it.

    Raises UsageError where nothing is left.
    """
    label = said.strip().lower()
    if not label:
        raise UsageError("a label has no letters: write HEAD=LABEL, as in style=cubism.")
    return label


def mode_of(connection: Connection, head: str) -> Mode:
    """Return whether an image has one label of a head, or any number, as its classifier has it."""
    model = default_model(connection, CLASSIFIER, check_head(head))
    told = None if model is None else model.params.get("labels")
    if told is not None:
        return "multi" if told == "multi" else "single"
    return HEADS[head].mode if head in HEADS else "single"


def record_verdict(
    connection: Connection, image_id: int, head: str, label: str, verdict: Saying, author: str
) -> tuple[Verdict, ...]:
    """Record what a person says of a label of an image, and return the rows that were added.

    Where an image has one label of the head, a yes withdraws what people said before: each other
    label that they said yes to gets a no, by the same author, and they come first. Nothing is
    changed or deleted. Raises WrongHead, and UsageError for a label or an author without letters
    and for an image that there is not.
    """
    mode = mode_of(connection, head)
    label = to_label(label)
    if not author.strip():
        raise UsageError("nobody says so: name yourself with --author.")
    if connection.execute(_LOCK, {"image_id": image_id}).first() is None:
        raise UsageError(f"there is no image {image_id}: the view artwork_overview has their ids.")
    values = {"image_id": image_id, "head": head, "label": label, "author": author}
    withdrawn: Sequence[Any] = ()
    if verdict == "yes" and mode == "single":
        withdrawn = connection.execute(_WITHDRAW, values).all()
    said = connection.execute(_INSERT, {**values, "verdict": verdict}).one()
    return tuple(Verdict(**row._mapping) for row in (*withdrawn, said))


def verdicts(
    connection: Connection,
    *,
    image_id: int | None = None,
    head: str | None = None,
    most: int = 1000,
) -> list[Verdict]:
    """Return the last word of people on each label, of an image or a head, the latest first."""
    values = {"image_id": image_id, "head": head, "most": most}
    return [Verdict(**row._mapping) for row in connection.execute(_VERDICTS, values)]


def known_labels(connection: Connection, head: str) -> frozenset[str]:
    """Return the labels of a head that a term, a work or its default classifier knows."""
    known = set(connection.scalars(_TERMS, {"head": head}))
    if head in _COLUMNS:
        known |= set(connection.scalars(_COLUMNS[head]))
    model = default_model(connection, CLASSIFIER, head)
    if model is not None:
        known |= {str(label) for label in model.params.get("classes", ())}
    return frozenset(known)


def novelty(connection: Connection, head: str, label: str) -> str:
    """Say that a label is new, and which known ones it is spelled like; empty: it is known."""
    known = known_labels(connection, head)
    if label in known:
        return ""
    near = get_close_matches(label, sorted(known), n=LIKE)
    like = f"; spelled like it: {', '.join(near)}" if near else ""
    return f'the {head} "{label}" is new: no work and no classifier has it so far{like}'
