"""The job `clusters`: which images belong together, into `clusters` and `image_clusters`.

A fit is a version of a model of kind `clusters`, whose head is the method. Where few images are
new, they go to the groups that there are; where a fifth of the collection is new, where people ask
for it, or where the embedding has changed, groups are found anew: a new version, whose rows appear
all at once, with the numbers of those groups that it still has.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from hashlib import sha256
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from analysis.clusters import DEFAULT_METHOD, JOB, KIND, METHODS, SEED
from analysis.clusters.distances import DIGITS, Members, from_centers, neighbors_of
from analysis.clusters.fitting import Fit, Fitted, Settings, fit_groups
from analysis.clusters.gaussian import Gaussian
from analysis.clusters.matching import keep_numbers
from analysis.clusters.reduction import POWER
from analysis.clusters.sample import draw
from analysis.clusters.stored import (
    PAGE,
    Placed,
    add_metrics,
    cluster_sizes,
    count_shown,
    former_numbers,
    memberships_to_keep,
    model_name,
    new_images,
    read_metrics,
    versions_of,
    write_clusters,
    write_placed,
)
from analysis.clusters.terms import count_terms
from analysis.clusters.themes import find_terms, theme_of
from analysis.embeddings.stored import KIND as EMBEDDING
from analysis.embeddings.stored import Ids, Vectors, pages_of, vectors_of
from analysis.errors import ArtifactDamaged, ArtifactOutdated, WrongClusters
from analysis.jobs import CollectionJob, ModelSpec
from analysis.registry.artifacts import load_artifact, model_key, package_versions, save_artifact
from analysis.registry.models import (
    Model,
    activate,
    default_model,
    delete_model,
    find_model,
    next_version,
    register_trained,
)
from analysis.runs import CollectionRun

LEAST_IMAGES: Final = 10
SAMPLE: Final = 20_000
"""Images that groups are found with; of more, so many are drawn by lot, and the others go to the
groups that are found."""
GROWTH: Final = 0.2
"""Share of the images that may be new, or gone, before groups are found anew."""
KEPT: Final = 2
"""Versions that stay: the newest, and the one before for those who are reading it."""
EXPLAINED: Final = 300
"""Components whose share of the variance is kept for the chart, at most."""
NEXT: Final = "artworks analyze embeddings"

SPEC: Final = ModelSpec(
    name="clustering",
    version="1",
    kind="clustering",
    params={"least_images": LEAST_IMAGES, "sample": SAMPLE, "growth": GROWTH},
)
"""What runs; what it finds are models of their own, for each method and embedding."""


def clusters_job(
    method: str = DEFAULT_METHOD, k: int | None = None, embedding: str | None = None
) -> CollectionJob:
    """Return the job that finds groups.

    Of a run, `details` tell the images that were `placed`, the groups in all, `clusters`, and the
    version that was `fitted`, where one was.

    Args:
        method: kmeans or gaussian.
        k: number of groups; None: chosen by the images.
        embedding: NAME or NAME/VERSION; by default, the one that is in use.

    Raises WrongClusters for an unknown method or fewer than two groups.
    """
    if method not in METHODS:
        raise WrongClusters(
            f'there is no method "{method}" of finding groups: choose from {", ".join(METHODS)}.'
        )
    if k is not None and k < 2:
        raise WrongClusters(f"{k} is no number of groups: ask for 2 or more.")

    def walk(run: CollectionRun) -> None:
        with run.timed("read"), run.database.begin() as connection:
            model = (
                default_model(connection, EMBEDDING)
                if embedding is None
                else find_model(connection, embedding)
            )
        if model is None:
            run.details["next"] = NEXT
            return
        _Clustering(run, model, Settings(method, k)).walk()

    return CollectionJob(JOB, SPEC, walk, by_image=False)


class _Clustering:
    """One run over the images of one embedding."""

    def __init__(self, run: CollectionRun, embedding: Model, settings: Settings) -> None:
        self.run = run
        self.embedding = embedding
        self.settings = settings
        self.members: dict[int, Members] = {}
        """Of each group by its number."""

    def walk(self) -> None:
        """Place what is new, or find groups anew."""
        run = self.run
        with run.timed("read"), run.database.begin() as connection:
            former = next(iter(versions_of(connection, self.settings, self.embedding)), None)
            shown = count_shown(connection, self.embedding)
            new = [] if former is None else new_images(connection, self.embedding, former)
        run.details.update(placed=0)
        needed = max(LEAST_IMAGES, self.settings.k or 0)
        if shown < needed:
            run.details.update(images=shown, needed=needed)
            if not shown:
                run.details["next"] = NEXT
            return
        if former is None or run.redo or self._outgrown(former, shown, len(new)):
            self._find(former)
        elif not new:
            run.details["clusters"] = former.metrics["clusters"]
            run.tell(shown, shown)
        elif (fitted := self._loaded(former)) is None:
            self._find(former)
        else:
            self._place(former, fitted, new)

    def _outgrown(self, former: Model, shown: int, new: int) -> bool:
        """Whether too much has changed since a fit, or it was made in another way."""
        fitted = int(former.metrics["fitted_images"])
        later = int(former.metrics["images"]) - fitted + new
        changed = max(later, abs(shown - fitted))
        recipe = self._recipe()
        another = any(former.params.get(name) != value for name, value in recipe.items())
        return another or changed > GROWTH * fitted

    def _loaded(self, former: Model) -> Fitted | None:
        """Return what was fitted; None where it cannot be had, and groups are found anew."""
        try:
            with self.run.timed("read"):
                found = load_artifact(self.run.store, former)
        except (ArtifactDamaged, ArtifactOutdated) as error:
            self.run.details["anew"] = str(error)
            return None
        assert isinstance(found, Fitted)
        return found

    # -- new images, to the groups that there are --------------------------------------------------

    def _place(self, former: Model, fitted: Fitted, new: list[int]) -> None:
        run = self.run
        with run.database.begin() as connection:
            known = read_metrics(connection, former.id)
            self.members = {number: Members.read(found) for number, found in known.items()}
        found = list(self._placed(fitted, self._some(new), len(new)))
        with run.timed("write"), run.database.begin() as connection:
            written = sum(write_placed(connection, former.id, part) for part in found)
            self._describe(connection, former.id, known)
            add_metrics(connection, former.id, {"images": former.metrics["images"] + written})
            run.count(connection, done=written)
        run.details.update(placed=written, clusters=len(known))

    def _some(self, ids: list[int]) -> Iterator[tuple[Ids, Vectors]]:
        for start in range(0, len(ids), PAGE):
            with self.run.timed("read"), self.run.database.begin() as connection:
                found = vectors_of(connection, self.embedding, ids[start : start + PAGE])
            yield found.ids, found.vectors

    # -- groups anew -------------------------------------------------------------------------------

    def _find(self, former: Model | None) -> None:
        run = self.run
        dimensions = int(self.embedding.params["dimensions"])
        with run.timed("read"), run.database.begin() as connection:
            ids, vectors, seen = draw(pages_of(connection, self.embedding), SAMPLE, dimensions)
        run.tell(0, seen)
        with run.timed("compute"):
            fit = fit_groups(vectors, self.settings)
        fitted = fit.fitted
        if (before := self._numbers_before(former, ids)) is not None:
            kept = keep_numbers(fit.primary.astype(np.int32), fitted.numbers, before)
            fitted = replace(fitted, numbers=kept)
        self.members = {int(number): Members() for number in fitted.numbers}
        pages: Iterable[tuple[Ids, Vectors]] = [(ids, vectors)]
        if seen == len(ids):
            found = list(self._placed(fitted, pages, seen))
        else:
            del vectors, pages
            with run.database.begin() as connection:
                found = list(self._placed(fitted, pages_of(connection, self.embedding), seen))
        self._keep(fitted, fit, found, len(ids))

    def _numbers_before(self, former: Model | None, ids: Ids) -> npt.NDArray[np.int32] | None:
        """Return the group of each image so far; None where there were none.

        A mixture begins from the groups of k-means, and calls them the same.
        """
        with self.run.timed("read"), self.run.database.begin() as connection:
            if former is None and self.settings.method != DEFAULT_METHOD:
                settings = replace(self.settings, method=DEFAULT_METHOD)
                former = next(iter(versions_of(connection, settings, self.embedding)), None)
            return None if former is None else former_numbers(connection, former, ids)

    def _placed(
        self, fitted: Fitted, pages: Iterable[tuple[Ids, Vectors]], total: int
    ) -> Iterator[Placed]:
        """Yield the groups of images, page by page, and gather what is known of the groups."""
        done = 0
        for ids, vectors in pages:
            with self.run.timed("compute"):
                memberships = fitted.memberships(vectors)
                primary = memberships.argmax(axis=1)
                distances = from_centers(vectors, primary, fitted.centers)
                for group in np.unique(primary):
                    inside = primary == group
                    number = int(fitted.numbers[group])
                    self.members[number].add(ids[inside], distances[inside])
                placed = memberships_to_keep(ids, memberships, fitted.numbers)
            done += len(ids)
            self.run.tell(done, max(done, total))
            yield placed

    def _keep(self, fitted: Fitted, fit: Fit, found: list[Placed], sampled: int) -> None:
        """Store a version, its artifact first, and its rows all at once."""
        run = self.run
        name = model_name(self.settings)
        with run.database.begin() as connection:
            version = next_version(connection, name)
        artifact = save_artifact(run.store, name, version, fitted)
        ids = np.unique(np.concatenate([placed.ids for placed in found]))
        params = {
            **self.settings.as_dict(),
            **self._recipe(),
            "embedding": self.embedding.label,
            "artifact_sha256": artifact.sha256,
            "artifact_bytes": artifact.size,
        }
        with run.timed("write"), run.database.begin() as connection:
            model = register_trained(
                connection,
                name=name,
                version=version,
                kind=KIND,
                head=self.settings.method,
                params=params,
                metrics={},
                artifact_key=artifact.key,
                data_fingerprint=sha256(ids.tobytes()).hexdigest(),
            )
            written = sum(write_placed(connection, model.id, placed) for placed in found)
            self._describe(connection, model.id, _measures(fitted, fit))
            about = {**_about(fitted, fit), "sample": sampled}
            add_metrics(
                connection, model.id, {"images": written, "fitted_images": written, **about}
            )
            run.count(connection, done=written)
            if self._takes_over(default_model(connection, KIND, self.settings.method)):
                activate(connection, model)
            retired = versions_of(connection, self.settings, self.embedding)[KEPT:]
            for old in retired:
                if not old.is_default:
                    delete_model(connection, old)
        for old in retired:
            if not old.is_default:
                run.store.delete(model_key(old.name, old.version, artifact.key.rpartition("/")[2]))
        run.details.update(placed=written, clusters=len(fitted.numbers), fitted=model.label)

    def _takes_over(self, default: Model | None) -> bool:
        """Whether a new version becomes what people see; another choice of theirs stays."""
        chosen_by_images = self.settings.k is None and self.embedding.is_default
        return default is None or (chosen_by_images and default.name == model_name(self.settings))

    def _recipe(self) -> dict[str, Any]:
        """Return what fits depend on besides settings and images, as `models.params` has it."""
        return {
            "power": POWER,
            "seed": SEED,
            "sample_most": SAMPLE,
            "packages": package_versions(),
        }

    def _describe(
        self, connection: Any, model_id: int, measures: dict[int, dict[str, Any]]
    ) -> None:
        """Write the rows of groups: sizes, themes, and what is known of their works."""
        sizes = cluster_sizes(connection, model_id)
        terms = find_terms(*count_terms(connection, model_id))
        rows = [
            {
                "cluster": number,
                "size": sizes.get(number, 0),
                "theme": theme_of(terms.get(number, [])),
                "metrics": {
                    **known,
                    **self.members[number].as_dict(),
                    "terms": [term.as_dict() for term in terms.get(number, [])],
                },
            }
            for number, known in sorted(measures.items())
        ]
        write_clusters(connection, model_id, rows)


def _measures(fitted: Fitted, fit: Fit) -> dict[int, dict[str, Any]]:
    """Return what is measured of each group when it is found, by its number."""
    neighbors = neighbors_of(fitted.centers, fitted.numbers)
    return {
        int(number): {
            "diameter": round(float(diameter), DIGITS),
            "neighbors": near,
        }
        for number, diameter, near in zip(fitted.numbers, fit.diameters, neighbors, strict=True)
    }


def _about(fitted: Fitted, fit: Fit) -> dict[str, Any]:
    """Return what is measured of all groups together, for `models.metrics`."""
    reduction, choice = fitted.reduction, fit.choice
    about: dict[str, Any] = {
        "clusters": len(fitted.numbers),
        "dimensions": reduction.dimensions,
        "kept_variance": round(reduction.kept, DIGITS),
        "explained": [round(float(share), DIGITS) for share in reduction.explained[:EXPLAINED]],
        "silhouette": round(fit.silhouette, DIGITS),
        "davies_bouldin": round(fit.davies_bouldin, DIGITS),
    }
    if choice is not None:
        about["elbow"] = choice.elbow
        about["tried"] = [
            {name: round(value, DIGITS) for name, value in one.as_dict().items()}
            for one in choice.candidates
        ]
    if isinstance(fitted.groups, Gaussian):
        about["covariance"] = fitted.groups.form
        about["leading"] = fitted.groups.leading
    return about
