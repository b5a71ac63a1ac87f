"""Searching a large collection by colour: the best 24 of a million palettes.

Query colours are half drawn from all of sRGB and half from the palettes themselves. Those that at
most 3 % of the images have are reported together, and by itself the brown that most images have.

    python -m benchmarks.analysing.search [--images 1000000] [--queries 200] [--seed 0]
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pydantic import SecretStr
from rich.console import Console
from rich.table import Table
from sqlalchemy import Connection, text

from analysis.colors.asked import DEFAULT_IMAGES, DEFAULT_TOLERANCE, AskedColor, ColorSearch
from analysis.colors.conversion import Floats, lab_to_rgb, rgb_to_hex, rgb_to_lab
from analysis.colors.difference import ciede2000
from analysis.colors.names import basic_term
from analysis.colors.search import find_images
from benchmarks.analysing.palettes import fill, made_up_palettes
from storage.database import Database
from storage.embedded.accounts import public_temporary_folder
from storage.embedded.postgres import EmbeddedPostgres
from storage.settings import StorageSettings

RARE = 0.03
"""Most images that have a rare colour, as a share of all."""
SAMPLE = 20_000
"""Images that tell how common a colour is."""
BROWNS = 200
"""Browns among which the commonest is looked for."""
ROUNDS = 3
"""Times that each search is done; the median counts."""


def measure(images: int = 1_000_000, queries: int = 200, seed: int = 0) -> dict[str, float]:
    """Fill an embedded server with palettes and search it; return milliseconds and shares.

    `search_*_rare` are of colours that at most 3 % of the images have, `search_*_other` of all
    others, and `search_ms_commonest` of the commonest brown, which `share_commonest` have.
    """
    sample = made_up_palettes(SAMPLE, np.random.default_rng(seed + 1)).lab
    rng = np.random.default_rng(seed + 2)
    asked = _query_colors(sample, queries, rng)
    shares = np.array([_share_with(color, sample) for color in asked])
    brown, share_brown = _commonest_brown(sample, rng)
    with (
        tempfile.TemporaryDirectory(dir=public_temporary_folder()) as folder,
        _embedded(Path(folder)) as server,
        Database.open(StorageSettings(database_url=SecretStr(server.url))) as database,
    ):
        database.migrate()
        started = time.perf_counter()
        with database.begin() as connection:
            fill(connection, images, seed)
        with database.engine.connect().execution_options(
            isolation_level="AUTOCOMMIT"
        ) as connection:
            connection.execute(text("VACUUM ANALYZE"))
        filled = time.perf_counter() - started
        with database.begin() as connection:
            connection.execute(
                text("SELECT count(lab_l), count(hex) FROM image_colors")
            ).one()  # into memory
            milliseconds = np.array([_milliseconds(connection, color) for color in asked])
            commonest = _milliseconds(connection, brown)
    rare = shares <= RARE
    return {
        "search_images": float(images),
        "search_fill_s": filled,
        "search_queries_rare": float(rare.sum()),
        "search_median_ms_rare": float(np.median(milliseconds[rare])),
        "search_p95_ms_rare": float(np.percentile(milliseconds[rare], 95)),
        "search_median_ms_other": float(np.median(milliseconds[~rare])),
        "search_p95_ms_other": float(np.percentile(milliseconds[~rare], 95)),
        "search_ms_commonest": commonest,
        "share_commonest": share_brown,
    }


def _embedded(folder: Path) -> EmbeddedPostgres:
    folder.chmod(0o755)
    return EmbeddedPostgres(folder, options={"max_wal_size": "4GB"})


def _query_colors(sample: Floats, count: int, rng: np.random.Generator) -> Floats:
    """Return colours, (count, 3) CIE L*a*b*: half of sRGB, half of the palettes."""
    anywhere = rgb_to_lab(rng.integers(0, 256, (count - count // 2, 3)))
    present = rng.choice(sample.reshape(-1, 3), count // 2)
    return np.concatenate((anywhere, present))


def _share_with(color: Floats, sample: Floats) -> float:
    """Return the share of palettes, (n, k, 3) CIE L*a*b*, that have a colour."""
    return float(np.mean((ciede2000(color, sample) <= DEFAULT_TOLERANCE).any(axis=1)))


def _commonest_brown(sample: Floats, rng: np.random.Generator) -> tuple[Floats, float]:
    colors = rng.permutation(sample.reshape(-1, 3))
    browns = [color for color in colors[: 20 * BROWNS] if basic_term(color) == "brown"][:BROWNS]
    shares = [_share_with(color, sample[: SAMPLE // 4]) for color in browns]
    brown = browns[int(np.argmax(shares))]
    return brown, _share_with(brown, sample)


def _milliseconds(connection: Connection, color: Floats) -> float:
    search = ColorSearch((AskedColor(rgb_to_hex(lab_to_rgb(color))),), limit=DEFAULT_IMAGES)
    seconds = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        find_images(connection, search)
        seconds.append(time.perf_counter() - started)
    return 1000.0 * float(np.median(seconds))


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print a table and one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=1_000_000)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    figures = measure(**vars(parser.parse_args(arguments)))
    table = Table(title="Search by colour", title_justify="left")
    table.add_column("Figure")
    table.add_column("Value", justify="right")
    for name, value in figures.items():
        table.add_row(name, f"{value:,.3f}" if value < 1 else f"{value:,.1f}")
    Console().print(table)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
