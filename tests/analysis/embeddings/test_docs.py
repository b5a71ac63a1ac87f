"""docs/embeddings.md tells the truth: its table, and what its Python and SQL do."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from PIL import Image
from sqlalchemy import text

from analysis.embeddings import descriptors, folder, network, sources
from analysis.embeddings.backbones import BACKBONES
from analysis.embeddings.embedder import MAKERS
from analysis.embeddings.network import ROUTES

# mypy: disable-error-code="no-untyped-def"

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "embeddings.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(python|sql)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def test_every_network_is_in_the_table() -> None:
    rows = dict(re.findall(r"^\| `([\w.]+)`[^|]* \| (.+) \|$", PAGE, re.MULTILINE))
    for name, backbone in BACKBONES.items():
        (numbers,) = backbone.shape("pooled")
        assert rows[name] == f"{backbone.size} px | {numbers:,} | `{backbone.weights}`"
    for name in MAKERS:
        assert name in rows
    assert rows["descriptors"] == f"preview | {descriptors.DIMENSIONS:,} | none"
    assert rows.keys() >= {*ROUTES, "auto", "resnet18"}


def test_the_examples_work(database, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "paintings").mkdir()
    Image.new("RGB", (30, 20), "red").save(tmp_path / "paintings" / "red.png")

    # The networks themselves have tests of their own, and need weights.
    def by_descriptors(path, backbone):
        assert backbone in BACKBONES
        return embedded(path, backbone="descriptors")

    class Opened:
        def outputs(self, images):
            (size,) = {image.shape[2] for image in images}
            assert size == 3
            return np.zeros((len(images), *BACKBONES["mobilenet_v2"].shape("feature_map")))

    embedded = folder.embed_folder
    monkeypatch.setattr(folder, "embed_folder", by_descriptors)
    monkeypatch.setattr(sources, "source_of", lambda name: name)
    monkeypatch.setattr(network, "open_network", lambda _source: Opened())
    kinds = []
    for kind, block in BLOCKS:
        kinds.append(kind)
        if kind == "python":
            exec(block, {})  # noqa: S102 - our own page
        else:
            with database.begin() as connection:
                connection.execute(text(block)).all()
    assert kinds == ["python", "python", "sql"]
    assert (tmp_path / "paintings.npz").exists()
