"""Works that are like a picture: the best candidates, one for each work, with their reasons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from sqlalchemy import Connection, text

from analysis.duplicates.job import DEFAULT_RADIUS
from analysis.errors import NothingToCompare
from analysis.reports.query import OF_SITE_AND_TERMS
from analysis.similarity.candidates import Scored, Search
from analysis.similarity.measures import JOBS, Models, require
from analysis.similarity.neighbours import EXACT, Neighbours
from analysis.similarity.sample import medians_for_words, medians_of, model_name
from analysis.similarity.scope import Scope
from analysis.similarity.score import UNITS, Part, Weights
from analysis.similarity.subjects import Subject, left_out

DEFAULT_ANSWERS: Final = 12
AT_ONCE: Final = 200
"""Candidates whose works are read together."""

_IMAGES = text("""
    SELECT id, sha256, phash, preview_key FROM images WHERE id = ANY(:ids) AND NOT placeholder
""")
_COLORS = text("""
    SELECT image_id, array_agg(hex ORDER BY rank) AS hexes, array_agg(fraction ORDER BY rank) AS
           fractions
    FROM image_colors WHERE image_id = ANY(:ids) AND model_id = :model_id GROUP BY image_id
""")
# A work may show an image at several addresses.
_WORKS = text(f"""
    SELECT DISTINCT ON (s.image_id, a.id)
           s.image_id, a.id, a.site, a.source_id, a.title, a.date_text, a.page_url, a.gone_at,
           maker.name
    FROM image_sources s JOIN artworks a ON a.id = s.artwork_id
    LEFT JOIN LATERAL (
        SELECT ar.name FROM artwork_artists aa JOIN artists ar ON ar.id = aa.artist_id
        WHERE aa.artwork_id = a.id ORDER BY aa.position LIMIT 1
    ) maker ON true
    WHERE s.image_id = ANY(:ids) AND s.gone_at IS NULL
      AND {OF_SITE_AND_TERMS}
    ORDER BY s.image_id, a.id
""")  # noqa: S608 - the fragment is a constant


@dataclass(frozen=True)
class LikeWork:
    """A work that shows an image."""

    id: int
    site: str
    source_id: str
    title: str
    artist: str | None
    date: str | None
    page_url: str
    gone: bool
    """Whether its site no longer lists it."""


@dataclass(frozen=True)
class LikePart:
    """How near an image is in one respect."""

    distance: float
    """0 the same, 1 as far as two pictures that were drawn by lot."""
    raw: float
    """In the part's own unit."""


@dataclass(frozen=True)
class Like:
    """An image that is like the one that was asked for."""

    image_id: int
    sha256: str
    preview_key: str
    distance: float
    """The combined distance, 0 to 1: what answers are ordered by."""
    parts: Mapping[Part, LikePart]
    """Those that are known of it."""
    bits: int | None
    """Bits of 64 in which its perceptual hash differs, where both hashes tell something."""
    colors: tuple[tuple[str, float], ...]
    """Its palette: hex and share."""
    works: tuple[LikeWork, ...]
    """The first is the one that it stands for."""

    @property
    def near_duplicate(self) -> bool:
        """Whether it looks the same but for small differences."""
        return self.bits is not None and self.bits <= DEFAULT_RADIUS

    @property
    def mark(self) -> str:
        """What people are told of it besides; empty where that is nothing."""
        if self.bits == 0:
            return "the same picture"
        return "near-duplicate" if self.near_duplicate else ""

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "sha256": self.sha256,
            "distance": round(self.distance, 6),
            "parts": {
                part.value: {
                    "distance": round(self.parts[part].distance, 6),
                    "raw": round(self.parts[part].raw, 6),
                    "unit": UNITS[part],
                }
                if part in self.parts
                else None
                for part in Part
            },
            "bits": self.bits,
            "near_duplicate": self.near_duplicate,
            "works": [vars(work) for work in self.works],
        }


@dataclass(frozen=True)
class Likes:
    """What is like a picture."""

    subject: Subject
    weights: Weights
    """Of the parts that could be compared."""
    models: Models
    engine: str
    """How the nearest embeddings were found."""
    scope: Scope
    answers: tuple[Like, ...]
    notes: tuple[str, ...]
    """What people should know besides."""

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        asked = self.scope.query.as_dict()
        return {
            "query": self.subject.as_dict(),
            "weights": self.weights.as_dict(),
            "models": {part.value: model_name(self.models.get(part)) for part in Part},
            "engine": self.engine,
            "site": asked["site"],
            "terms": asked["terms"],
            "notes": list(self.notes),
            "answers": [answer.as_dict() for answer in self.answers],
        }


def find_likes(
    connection: Connection,
    subject: Subject,
    models: Models,
    weights: Weights,
    scope: Scope,
    *,
    neighbours: Neighbours | None,
    limit: int = DEFAULT_ANSWERS,
) -> Likes:
    """Return the works most like a picture, one image of each.

    The picture's own works and the same picture elsewhere are left out; near-duplicates stay and
    are marked.

    Args:
        connection: a transaction; of one moment where it is one of REPEATABLE READ.
        subject: the picture, or words.
        models: whose results are compared; see `models_of`.
        weights: how much each part counts.
        scope: where to look.
        neighbours: finds the nearest embeddings; None: every image is compared by all parts.
        limit: most answers.

    Raises NoEmbeddings and NothingToCompare where the leading part cannot be compared.
    """
    usable, notes = usable_weights(weights, models, subject)
    medians = (
        medians_for_words(connection, models, subject.measured.vector)
        if subject.phash is None and subject.measured.vector is not None
        else medians_of(connection, models)
    )
    search = Search(connection, models, subject.measured, usable, medians, scope)
    excluded = left_out(connection, subject)
    wanted = limit + len(excluded)
    if neighbours is None:
        scored = search.among_all(wanted)
    else:
        scored, further = search.among_candidates(neighbours, wanted)
        notes += further
    answers = _answers(connection, models, subject, scope, scored, excluded, limit)
    for part in usable.shares:
        lacking = sum(part not in answer.parts for answer in answers)
        if lacking:
            notes.append(
                f"{lacking:,} of the answers have no {part} yet: run `artworks analyze "
                f"{JOBS[part]}`"
            )
    return Likes(
        subject,
        usable,
        models,
        engine=EXACT if neighbours is None else neighbours.name,
        scope=scope,
        answers=tuple(answers),
        notes=tuple(notes),
    )


def usable_weights(weights: Weights, models: Models, subject: Subject) -> tuple[Weights, list[str]]:
    """Return the weights of the parts that can be compared, and a note for each other one.

    Raises NoEmbeddings where nothing was analysed for the leading part, and NothingToCompare where
    the picture lacks it.
    """
    notes = []
    for part in weights.shares:
        if part in models and part in subject.measured.parts:
            continue
        if part is weights.leading:
            require(models, part)
            raise NothingToCompare(
                f"{subject.said} has not been analysed for {part}, which counts most: run "
                f"`artworks analyze {JOBS[part]}`, or give it no weight."
            )
        what = f"{subject.said} has not" if part in models else "no image has"
        notes.append(
            f"{part} is left out, since {what} been analysed for it: run `artworks analyze "
            f"{JOBS[part]}`"
        )
    kept = {
        part: share
        for part, share in weights.shares.items()
        if part in models and part in subject.measured.parts
    }
    return Weights.make(kept), notes


def _answers(
    connection: Connection,
    models: Models,
    subject: Subject,
    scope: Scope,
    scored: Scored,
    excluded: frozenset[int],
    limit: int,
) -> list[Like]:
    answers: list[Like] = []
    answered: set[int] = set()
    for start in range(0, len(scored), AT_ONCE):
        page = scored.taken(np.arange(start, min(start + AT_ONCE, len(scored))))
        images, works, colors = _read(connection, models, scope, page.ids.tolist())
        for at, image_id in enumerate(page.ids.tolist()):
            shown = works.get(image_id, [])
            if image_id in excluded or image_id not in images or not shown:
                continue
            if any(work.id in answered for work in shown):
                continue
            answered.update(work.id for work in shown)
            image = images[image_id]
            answers.append(
                Like(
                    image_id=image_id,
                    sha256=image.sha256,
                    preview_key=image.preview_key,
                    distance=float(page.score[at]),
                    parts={
                        part: LikePart(float(page.parts[part][at]), float(page.raw[part][at]))
                        for part in page.parts
                        if not np.isnan(page.parts[part][at])
                    },
                    bits=subject.bits_to(image.phash),
                    colors=colors.get(image_id, ()),
                    works=tuple(shown),
                )
            )
            if len(answers) == limit:
                return answers
    return answers


def _read(
    connection: Connection, models: Models, scope: Scope, ids: Sequence[int]
) -> tuple[
    Mapping[int, Any], Mapping[int, list[LikeWork]], Mapping[int, tuple[tuple[str, float], ...]]
]:
    images = {row.id: row for row in connection.execute(_IMAGES, {"ids": ids})}
    works: dict[int, list[LikeWork]] = {}
    for row in connection.execute(_WORKS, {"ids": ids, **scope.query.parameters}):
        works.setdefault(row.image_id, []).append(
            LikeWork(
                id=row.id,
                site=row.site,
                source_id=row.source_id,
                title=" ".join(row.title.split()) or "Untitled",
                artist=row.name,
                date=row.date_text,
                page_url=row.page_url,
                gone=row.gone_at is not None,
            )
        )
    colors: dict[int, tuple[tuple[str, float], ...]] = {}
    if Part.COLOR in models:
        found = connection.execute(_COLORS, {"ids": ids, "model_id": models[Part.COLOR].id})
        for row in found:
            colors[row.image_id] = tuple(zip(row.hexes, row.fractions, strict=True))
    return images, works, colors
