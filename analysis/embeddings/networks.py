"""Keras networks as embedders."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from analysis.embeddings.embedder import Embed, Embedder
from analysis.embeddings.sources import source_of
from analysis.errors import NetworkUnavailable

TAG: Final = 8
"""Digits of the weights' sha256 in a version."""


def network_embedder(network: str, inference: Any = "auto", cache: Path | None = None) -> Embedder:
    """Return the embedder NAME, NAME:LAYER or PATH; nothing is loaded for what was run before.

    Of a saved model only the loaded one knows its size: it is converted now if it never was.

    Raises NetworkUnavailable where its weights are not here, or its layer gives no vectors.
    """
    source = source_of(network)
    size, shape = source.size, source.shape
    if size is None or shape is None:
        from analysis.embeddings.converting import converted
        from analysis.embeddings.network import cache_folder

        found = converted(source, cache_folder() if cache is None else cache)
        size, shape = found.size, found.shape
    if len(shape) != 1:
        raise NetworkUnavailable(
            f"{network} gives maps of shape {shape}, which are no embeddings: choose the layer "
            "pooled or logits."
        )

    def prepared() -> None:
        from analysis.embeddings.converting import converted
        from analysis.embeddings.network import cache_folder, check_routes

        converted(source, cache_folder() if cache is None else cache)
        check_routes(inference)

    def opened() -> Embed:
        from analysis.embeddings.network import open_network

        return open_network(source, inference=inference, cache=cache).embed

    return Embedder(
        # Another layer is no newer version, which would take the place of the default.
        name=source.name if source.layer == "pooled" else f"{source.name}-{source.layer}",
        version=f"{source.layer}-{source.sha256[:TAG]}",
        params={
            "backbone": source.name,
            "layer": source.layer,
            "weights": source.sha256,
            "input_px": size,
            "resize": "squash, area",
            "dimensions": shape[0],
        },
        open=opened,
        prepare=prepared,
        input_px=size,
        open_words=source.load_words,
    )
