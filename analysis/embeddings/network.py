"""A loaded network: the fastest way of running it that agrees with Keras, and its vectors."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

import numpy as np

from analysis.embeddings.agreement import LEAST_COSINE, least_cosine, probe_images
from analysis.embeddings.converted import Converted
from analysis.embeddings.converting import converted
from analysis.embeddings.preparing import squash
from analysis.embeddings.quiet import has
from analysis.embeddings.routes.route import Outputs, Route
from analysis.embeddings.sources import Source
from analysis.embeddings.stored import Vectors
from analysis.errors import NetworkDisagrees, NetworkUnavailable
from analysis.jobs import RGB
from storage.settings import load_settings

log = logging.getLogger(__name__)

Inference: TypeAlias = Literal["auto", "openvino", "frozen", "keras"]
Opener: TypeAlias = Callable[[Source, Converted], Route]
"""Loads a network in one way; raises NetworkUnavailable where that cannot be."""

REFERENCE: Final = "keras"
"""The route that needs no comparison."""


def _openvino(source: Source, network: Converted) -> Route:
    route: Route = import_module("analysis.embeddings.routes.openvino").OpenvinoRoute(
        source, network
    )
    return route


def _frozen(source: Source, network: Converted) -> Route:
    route: Route = import_module("analysis.embeddings.routes.frozen").FrozenRoute(source, network)
    return route


def _keras(source: Source, network: Converted) -> Route:
    route: Route = import_module("analysis.embeddings.routes.keras").KerasRoute(source, network)
    return route


ROUTES: Final[Mapping[str, Opener]] = MappingProxyType(
    {"openvino": _openvino, "frozen": _frozen, "keras": _keras}
)
"""By name, the fastest first."""


class Network:
    """A network that turns images into vectors. Safe to call from several threads."""

    def __init__(self, source: Source, network: Converted, route: Route) -> None:
        self.source = source
        self.size = network.size
        self.shape = network.shape
        self.route = route
        self._one_at_a_time = threading.Lock()

    def outputs(self, images: Sequence[RGB]) -> Outputs:
        """Return what the network gives for images of any size, (n, …) float32, as it comes."""
        with self._one_at_a_time:
            return self.route.run((squash(image, self.size) for image in images), len(images))

    def embed(self, images: Sequence[RGB]) -> Vectors:
        """Return the vectors of images, (n, d) float32 of length 1; see `normalised`.

        Raises NetworkUnavailable for a layer that gives no vectors.
        """
        if len(self.shape) != 1:
            raise NetworkUnavailable(
                f"{self.source.label} gives maps of shape {self.shape}, not vectors: take its "
                "layer pooled, or `outputs`."
            )
        return normalised(self.outputs(images))


def normalised(vectors: Outputs) -> Vectors:
    """Divide vectors, (n, d), by their lengths; NaN where that is 0 or not finite."""
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    usable = np.isfinite(lengths) & (lengths > 0)
    divided: Vectors = np.where(usable, vectors / np.where(usable, lengths, 1.0), np.nan).astype(
        np.float32
    )
    return divided


def open_network(
    source: Source,
    *,
    inference: Inference = "auto",
    cache: Path | None = None,
    routes: Mapping[str, Opener] = ROUTES,
) -> Network:
    """Load a network in the fastest way that agrees with Keras, or in the one that is named.

    Args:
        source: see `source_of`.
        inference: a route by name; auto: the first that there is and that agrees.
        cache: folder of converted networks; by default below ARTWORKS_HOME.
        routes: the ways that there are, the fastest first.

    Raises NetworkUnavailable where it cannot be loaded, and NetworkDisagrees where the route that
    was named does not give what Keras gives.
    """
    network = converted(source, cache_folder() if cache is None else cache)
    if inference != "auto":
        return Network(source, network, _agreeing(inference, source, network, routes))
    for name in routes:
        last = name == list(routes)[-1]
        if name == "openvino" and not has("openvino"):
            continue
        try:
            return Network(source, network, _agreeing(name, source, network, routes))
        except (NetworkUnavailable, NetworkDisagrees) as error:
            if last:
                raise
            log.warning("%s is not run by %s: %s", source.label, name, error)
    raise AssertionError("there is no route at all")


def check_routes(inference: Inference) -> None:
    """Raise NetworkUnavailable where no package is installed that could run a network so."""
    if inference != "openvino" and has("tensorflow") and has("keras"):
        return
    if inference in ("auto", "openvino") and has("openvino"):
        return
    wanted = "fast" if inference == "openvino" else "analysis"
    raise NetworkUnavailable(
        f"what runs networks (ARTWORKS_INFERENCE={inference}) is not installed: "
        f"`pip install 'artworks[{wanted}]'`."
    )


def cache_folder() -> Path:
    """Return where converted networks are kept. Raises SettingError."""
    # Not `home_path`, which has to suit the embedded PostgreSQL as well.
    return load_settings().home.expanduser().resolve() / "cache" / "networks"


def _agreeing(name: str, source: Source, network: Converted, routes: Mapping[str, Opener]) -> Route:
    route = routes[name](source, network)
    if name == REFERENCE:
        return route
    probes = probe_images(network.size)
    cosine = least_cosine(route.run(probes, len(probes)), network.expected)
    if cosine < LEAST_COSINE:
        raise NetworkDisagrees(
            f"{source.label} run by {name} does not give what Keras gives (cosine {cosine:.4f} on "
            f"the worst of {len(probes)} probes, at least {LEAST_COSINE} is needed): set "
            "ARTWORKS_INFERENCE=auto, which takes a way that agrees."
        )
    return route
