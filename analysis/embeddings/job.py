"""The job `embeddings`: the vector of every image into `image_embeddings`."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Final

from analysis.config import AnalysisSettings, load_analysis_settings
from analysis.embeddings.embedder import Embed, Embedder, are_usable, embedder_of
from analysis.embeddings.stored import KIND
from analysis.jobs import RGB, ImageJob, ModelSpec, Row
from storage.models import ImageEmbedding

NAME: Final = "embeddings"
BATCH: Final = 64
"""Images at a time: the network waits for the last of a batch, and each is one transaction."""


def embeddings_job(settings: AnalysisSettings | None = None) -> ImageJob:
    """Return the job for what ARTWORKS_EMBEDDING names; its vectors are what searches use.

    Nothing is fetched, and the network is loaded with the first batch.

    Raises NetworkUnavailable where the weights are not on this machine; see `converting.fetch`.
    """
    chosen = settings or load_analysis_settings()
    return job_of(embedder_of(chosen.embedding, chosen.inference))


def prepare(*, fetching: bool) -> None:
    """Do once on this machine what the job needs: weights, and the network converted.

    With `fetching`, Keras fetches weights that are missing, since a person asked for them.

    Raises NetworkUnavailable where the job could not run.
    """
    settings = load_analysis_settings()
    if fetching:
        from analysis.embeddings.converting import fetch

        fetch(settings.embedding)
    embedder_of(settings.embedding, settings.inference).prepare()


def job_of(embedder: Embedder, *, is_default: bool = True) -> ImageJob:
    """Return the job that writes the vectors of one embedder."""
    return ImageJob(
        name=NAME,
        model=ModelSpec(
            name=embedder.name,
            version=embedder.version,
            kind=KIND,
            params=dict(embedder.params),
            is_default=is_default,
        ),
        table=ImageEmbedding.metadata.tables[ImageEmbedding.__tablename__],
        compute=_Rows(embedder),
        input_px=embedder.input_px,
        batch=BATCH,
    )


class _Rows:
    """Computes the rows of `image_embeddings`, with a network that is loaded when it is wanted."""

    def __init__(self, embedder: Embedder) -> None:
        self.embedder = embedder
        self._loading = threading.Lock()
        self._embed: Embed | None = None

    def __call__(self, images: Sequence[RGB]) -> list[list[Row]]:
        with self._loading:
            if self._embed is None:
                self._embed = self.embedder.open()
        vectors = self._embed(images)
        return [
            [{"embedding": vector}] if usable else []
            for vector, usable in zip(vectors, are_usable(vectors), strict=True)
        ]
