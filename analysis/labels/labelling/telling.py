"""What is said of one picture, a stored one or a file: by default classifiers, and by people.

Of a stored image, what the jobs have written is told; what they have not looked at is computed now,
from its stored vector where there is one, else from its preview. Of a file, everything is computed,
from the preview that a crawl would store of it. Nothing is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

import numpy as np
from sqlalchemy import Connection, text

from analysis.embeddings.stored import Vectors, vectors_of
from analysis.errors import NoClassifier, NoSuchFile, NothingToCompare, PictureMissing
from analysis.jobs import RGB
from analysis.labels.classifier import Classifier, open_classifier
from analysis.labels.datasets.embedded import embedding_of
from analysis.labels.heads import HEADS, Mode
from analysis.labels.labelling.job import KIND, no_classifier
from analysis.labels.labelling.saying import NOTHING, Kept, Oddness, Said, kept_labels, say
from analysis.labels.people.corrections import COLOR, Verdict, check_head, mode_of, verdicts
from analysis.registry.models import Model, default_model
from storage.database import Database
from storage.errors import ImageRejected, ObjectNotFound, UsageError
from storage.images import check_image, decode_rgb
from storage.objects import ObjectStore

Sayer: TypeAlias = Literal["model", "person"]

_IMAGE: Final = text("SELECT preview_key FROM images WHERE id = :image_id")
_STATE: Final = text("""
    SELECT state FROM image_results WHERE image_id = :image_id AND model_id = :model_id
""")
_LABELS: Final = text("""
    SELECT label, score, accepted FROM image_labels
    WHERE image_id = :image_id AND model_id = :model_id ORDER BY score DESC, label
""")
_ODDNESS: Final = text("""
    SELECT score, is_outlier, label FROM image_outliers
    WHERE image_id = :image_id AND model_id = :model_id
""")


@dataclass(frozen=True)
class Told:
    """A label of a picture."""

    label: str
    score: float
    """How sure the classifier is, 0 to 1; of people, 1 (yes) or 0 (no)."""
    accepted: bool
    said_by: Sayer
    author: str | None
    """Who says so; None: a model."""


@dataclass(frozen=True)
class HeadTold:
    """What is said of a picture under one head."""

    head: str
    model: str | None
    """name/version of the classifier; None: there is none, and only people have said something."""
    said: tuple[Told, ...]
    """What counts first, the surest first; none: there is nothing to say."""
    unfamiliar: bool
    """Whether the picture is unlike those that the classifier has learned from."""
    oddness: float | None
    """How unlike them, above 1 where unfamiliar; None: nobody can tell."""

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return asdict(self)


def tell_image(
    database: Database,
    store: ObjectStore,
    image: int | Path,
    heads: Sequence[str] | None = None,
) -> list[HeadTold]:
    """Return what is said of a picture, head by head, in the order of HEADS, colours last.

    Args:
        database: an open, migrated database.
        store: where artifacts and previews are.
        image: the id of a stored image, or a file.
        heads: which to tell; None: all of which anything is said.

    Raises WrongHead; NoClassifier where nothing can tell, or nothing tells a head that was asked
    for; UsageError for an image that is not stored and NoSuchFile for a file that is none;
    PictureMissing and NetworkUnavailable where something is to be computed, and the preview or the
    network that made the embeddings cannot be had; ArtifactDamaged and ArtifactOutdated.
    """
    asked = [check_head(head) for head in dict.fromkeys(heads or ())]
    with database.begin() as connection:
        picture = _picture(connection, store, image)
        said = [] if picture.image_id is None else verdicts(connection, image_id=picture.image_id)
        models = {head: default_model(connection, KIND, head) for head in (*HEADS, COLOR)}
        known = [
            head
            for head, model in models.items()
            if model is not None or any(one.head == head for one in said)
        ]
        for head in asked:
            if head not in known:
                raise _untold(head)
        if not known:
            raise no_classifier()
        return [
            _told(
                connection, picture, head, models[head], [one for one in said if one.head == head]
            )
            for head in asked or known
        ]


def outrank(said: Said, people: Sequence[Verdict], mode: Mode) -> tuple[Told, ...]:
    """Return what counts of what a model and people say, as the view `current_labels` has it."""
    corrected = {one.label for one in people}
    settled = mode == "single" and any(one.verdict == "yes" for one in people)
    told = [
        Told(kept.label, kept.score, kept.accepted and not settled, "model", None)
        for kept in said.labels
        if kept.label not in corrected
    ]
    for one in people:
        yes = one.verdict == "yes"
        told.append(Told(one.label, float(yes), yes, "person", one.author))
    return tuple(sorted(told, key=lambda one: (not one.accepted, -one.score, one.label)))


class _Picture:
    """A picture that is read when it is wanted, and its vectors."""

    def __init__(
        self,
        store: ObjectStore,
        *,
        image_id: int | None = None,
        preview_key: str = "",
        rgb: RGB | None = None,
    ) -> None:
        self.store = store
        self.image_id = image_id
        self._preview_key = preview_key
        self._rgb = rgb
        self._vectors: dict[str, Vectors] = {}

    @cached_property
    def rgb(self) -> RGB:
        """The preview, (h, w, 3) uint8 sRGB."""
        if self._rgb is not None:
            return self._rgb
        try:
            return decode_rgb(self.store.get(self._preview_key))
        except (ObjectNotFound, ImageRejected) as error:
            raise PictureMissing(
                f"the preview of image {self.image_id} cannot be read ({error}): run `artworks "
                "verify --full-hash --repair`."
            ) from error

    def vectors(self, connection: Connection, embedding: Model) -> Vectors:
        """Return the vector of an embedding, (1, d); (0, d) where it sees nothing."""
        if embedding.label not in self._vectors:
            self._vectors[embedding.label] = self._embedded(connection, embedding)
        return self._vectors[embedding.label]

    def _embedded(self, connection: Connection, embedding: Model) -> Vectors:
        if self.image_id is not None:
            stored = vectors_of(connection, embedding, [self.image_id])
            if len(stored):
                return stored.vectors
        from analysis.similarity.embedding import embed_as

        embed = embed_as(connection, self.store, embedding)
        try:
            return embed(self.rgb)[np.newaxis]
        except NothingToCompare:
            return np.empty((0, int(embedding.params["dimensions"])), np.float32)


def _picture(connection: Connection, store: ObjectStore, image: int | Path) -> _Picture:
    if isinstance(image, Path):
        return _Picture(store, rgb=_read_file(image))
    key = connection.scalar(_IMAGE, {"image_id": image})
    if key is None:
        raise UsageError(f"there is no image {image}: the view artwork_overview has their ids.")
    return _Picture(store, image_id=image, preview_key=key)


def _read_file(path: Path) -> RGB:
    """Return the preview that a crawl would store of a file."""
    try:
        data = path.read_bytes()
        checked = check_image(data)
        return decode_rgb(data if checked.preview is None else checked.preview)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise NoSuchFile(f"cannot read {path} ({reason}): give the path of an image.") from error
    except ImageRejected as error:
        raise NoSuchFile(
            f"{path} is no image that can be read ({error}): JPEG, PNG, WebP, AVIF, GIF and TIFF "
            "can."
        ) from error


def _told(
    connection: Connection,
    picture: _Picture,
    head: str,
    model: Model | None,
    people: Sequence[Verdict],
) -> HeadTold:
    said = NOTHING
    if model is not None:
        stored = _stored(connection, picture, model)
        said = _computed(connection, picture, model) if stored is None else stored
    odd = said.oddness
    return HeadTold(
        head=head,
        model=None if model is None else model.label,
        said=outrank(said, people, mode_of(connection, head)),
        unfamiliar=odd is not None and odd.is_outlier,
        oddness=None if odd is None else odd.score,
    )


def _stored(connection: Connection, picture: _Picture, model: Model) -> Said | None:
    """Return what the model's job has written; None: it has not looked at the image."""
    values = {"image_id": picture.image_id, "model_id": model.id}
    if connection.scalar(_STATE, values) not in ("done", "empty"):
        return None
    labels = tuple(Kept(*row) for row in connection.execute(_LABELS, values))
    row = connection.execute(_ODDNESS, values).first()
    if row is None:
        return Said(labels)
    likeliest = str(row.label).partition(":")[2]
    return Said(labels, Oddness(row.score, row.is_outlier, likeliest))


def _computed(connection: Connection, picture: _Picture, model: Model) -> Said:
    if model.head == COLOR:
        from analysis.colors.classes.job import picture_scores

        return Said(kept_labels(picture_scores(picture.store, model, picture.rgb)))
    embedding = embedding_of(connection, model)
    classifier: Classifier = open_classifier(picture.store, model)
    if embedding is None:
        [said] = say(classifier, [picture.rgb])
        return said
    found = say(classifier, picture.vectors(connection, embedding))
    return found[0] if found else NOTHING


def _untold(head: str) -> NoClassifier:
    if head == COLOR:
        return NoClassifier(
            "nothing tells colours yet: run `artworks analyze colors color-class` first."
        )
    return no_classifier(head)
