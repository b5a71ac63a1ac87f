"""The card of a trained projection: what it is for, how it was measured, what it cannot tell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from analysis.colors.classes.card import markdown_table

TITLES: Mapping[str, str] = {
    "ndcg": "NDCG@{k}",
    "precision": "precision@{k}",
    "recall": "recall@{k}",
    "map": "MAP",
}


def measure_title(name: str, k: int) -> str:
    """Return what people call a measure of `analysis.evaluation.retrieval`."""
    if name in TITLES:
        return TITLES[name].format(k=k)
    return f"precision@{k} of {name.removeprefix('precision ')} alone"


def between(found: Mapping[str, float]) -> str:
    """Return a mean with its interval: 0.912 (0.890 to 0.934)."""
    return f"{found['mean']:.3f} ({found['low']:.3f} to {found['high']:.3f})"


def signed(found: Mapping[str, float]) -> str:
    """Return a difference with its interval."""
    return f"{found['mean']:+.3f} ({found['low']:+.3f} to {found['high']:+.3f})"


def measure_rows(metrics: Mapping[str, Any]) -> list[tuple[str, str, str, str, str]]:
    """Return each measure with the projection, the embedding, the difference, and chance."""
    first = [name for name in TITLES if name in metrics["measures"]]
    others = [name for name in metrics["measures"] if name not in TITLES]
    return [
        (
            measure_title(name, metrics["k"]),
            between(found["projection"]),
            between(found["embedding"]),
            signed(found["difference"]),
            f"{found['chance']:.3f}",
        )
        for name in (*first, *others)
        for found in [metrics["measures"][name]]
    ]


COLUMNS = ("measure", "projection", "embedding", "difference", "chance")


def split_sentence(metrics: Mapping[str, Any]) -> str:
    """Say what taught, what said when to stop, and what measured."""
    split = metrics["split"]
    apart = {
        "artists": "works by one artist, and images that look the same, are in one part",
        "look-alikes": "images that look the same are in one part; artists are in several, since "
        "too few are known, and a hand that is known again counts as success",
    }[split["policy"]]
    return (
        f"{split['train']:,} images taught, {split['validation']:,} said when to stop, "
        f"{split['test']:,} measured, seed {split['seed']}; {apart}"
    )


def projection_card(
    name: str,
    version: str,
    params: Mapping[str, Any],
    metrics: Mapping[str, Any],
    fingerprint: str,
) -> str:
    """Return the card in Markdown; the same for the same parameters and metrics."""
    recipe, kinds = params["recipe"], " and ".join(params["terms"])
    packages = ", ".join(f"{one} {number}" for one, number in params["packages"].items())
    table = markdown_table(COLUMNS, measure_rows(metrics))
    parts = (
        f"# {name} {version}",
        f"Brings works nearer together that share {kinds}. It turns the vectors of "
        f"{params['embedding']} into {params['dimensions']} numbers. The likeness of two works is "
        f"{recipe['keep']:g} parts that of the embedding itself and {1 - recipe['keep']:g} parts "
        f"what two dense layers ({recipe['hidden']} and {recipe['dimensions']}) learned with the "
        f"{recipe['loss']} loss; the network below was not changed.",
        "## How it was measured",
        f"Each of {metrics['queries']:,} held-out works asked for its like among the "
        f"{metrics['images']:,} held-out ones, without images that look the same.",
        table,
        f"In brackets: {metrics['level'] * 100:g} % intervals by bootstrap over "
        f"{metrics['drawn_by']}. The difference is paired, query by query. Chance: the same works "
        "in a random order.",
        f"Split: {split_sentence(metrics)}. It was trained for {metrics['epochs']} epochs, after "
        "which validation got no better.",
        "## What it cannot tell",
        f"- What no {' or '.join(params['terms'])} says: composition, colour or subject count only "
        "as far as they go with these terms. For them, use the embedding itself, or the other "
        "parts of likeness.\n"
        "- Terms that it did not meet: of a style that nobody taught it, it knows less than the "
        "embedding may.\n"
        "- One picture from another of the same terms: it finds cut and recoloured copies less "
        "often than the embedding, the less of that is kept (`artworks evaluate similarity "
        "--self-retrieval 100`).\n"
        "- Other collections: sites photograph and describe in their own manner. Measure it there "
        "(`artworks evaluate similarity`).",
        "## Where it comes from",
        f"- Examples: sha256 {fingerprint} over image and terms.\n"
        f"- Split: sha256 {params['split']['fingerprint']}; the images that taught it are named in "
        "the artifact, and no evaluation asks with them.\n"
        f"- Artifact: sha256 {params['artifact_sha256']}, {params['artifact_bytes']:,} bytes.\n"
        f"- Made with {packages}.",
    )
    return "\n\n".join(parts) + "\n"
