"""How well groups that nobody named agree with the styles of the works in them."""

from __future__ import annotations

from sqlalchemy import text

from analysis.clusters import KIND
from analysis.clusters.job import clusters_job
from analysis.engine import run_jobs
from analysis.registry.models import default_model
from benchmarks.analysing.figures import Figure, Section
from storage.database import Database
from storage.objects import ObjectStore

LEAST_RAND = 0.8
METHODS = ("kmeans", "gaussian")

_PAIRS = text("""
    SELECT placed.cluster, t.name FROM (
        SELECT DISTINCT ON (image_id) image_id, cluster FROM image_clusters
        WHERE model_id = :model_id ORDER BY image_id, probability DESC, cluster
    ) placed
    JOIN image_sources s ON s.image_id = placed.image_id AND s.gone_at IS NULL
    JOIN artwork_terms at ON at.artwork_id = s.artwork_id
    JOIN terms t ON t.id = at.term_id AND t.kind = :kind
    ORDER BY placed.image_id, s.artwork_id, t.name
""")


def agreement(
    database: Database, store: ObjectStore, *, kind: str = "style", target: bool = True
) -> Section:
    """Find groups of an embedded collection and compare them with its terms of a kind.

    No term is known to the groups. Adjusted Rand is 0 for groups drawn by lot and 1 where they are
    the styles (Hubert and Arabie 1985); `target` says whether k-means, the default, must reach
    LEAST_RAND.
    """
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

    figures: list[Figure] = []
    for method in METHODS:
        run_jobs(database, store, [clusters_job(method)])
        with database.begin() as connection:
            model = default_model(connection, KIND, method)
            assert model is not None, "too few embeddings for groups"
            rows = connection.execute(_PAIRS, {"model_id": model.id, "kind": kind}).all()
        groups, terms = [row.cluster for row in rows], [row.name for row in rows]
        rand = adjusted_rand_score(terms, groups)
        mutual = normalized_mutual_info_score(terms, groups)
        least = LEAST_RAND if target and method == METHODS[0] else None
        figures += [
            Figure(
                f"clusters_rand_{method}",
                f"{method}, {model.metrics['clusters']} groups: adjusted Rand to {kind}s",
                rand,
                least=least,
            ),
            Figure(f"clusters_nmi_{method}", f"{method}: mutual information", mutual),
        ]
    return Section(f"Groups and {kind}s, {len(rows):,} works", tuple(figures))
