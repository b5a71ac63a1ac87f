"""`artworks train HEAD` for labels: what is printed, what is passed on, and what is refused."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
from support.databases import opened, sql
from support.styled import add_styled_works
from support.vectors import add_embeddings

from analysis.errors import NothingToTrain
from analysis.labels.learning import training
from cli import train_labels
from storage.errors import ExitCode
from storage.objects import open_store
from storage.settings import load_settings

# mypy: disable-error-code="no-untyped-def"


@pytest.fixture
def empty_store(sample) -> None:
    """The folder of objects, with nothing in it."""
    open_store(load_settings().objects_location, create=True)


@pytest.fixture
def styled(sample, sample_url: str, empty_store):
    """The command on works of three styles and two genres."""
    with opened(sample_url) as database:
        sql(database, "TRUNCATE sites, artworks, images, terms, models CASCADE")
        add_embeddings(database, add_styled_works(database))
    return sample


@pytest.fixture
def asked(command, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What trainings were asked for; none is begun, and no database is opened."""
    open_store(load_settings().objects_location, create=True)
    monkeypatch.setattr(train_labels, "existing_database", contextlib.nullcontext)
    found: list[dict[str, Any]] = []

    def train(_database, _store, query, **options):
        found.append({"query": query, **options})
        raise NothingToTrain("nothing is trained in this test.")

    monkeypatch.setattr(training, "train_labels", train)
    return found


def test_from_nothing_to_a_classifier(styled, open_folder: Path) -> None:
    trained = styled("train", "style", "--folds", "3", "--seed", "3")
    assert trained.code == 0, trained.err
    header, own, *others = (line.split("\t") for line in trained.out.splitlines() if "\t" in line)
    assert header == ["Said by", "Accuracy", "Macro-F1", "mAP", "AUC", "Log loss"]
    assert own[0] == "this classifier"
    assert [line[0] for line in others] == ["always the commonest", "guessing in proportion"]
    facts = dict(line.split(": ", 1) for line in trained.out.splitlines() if ": " in line)
    assert facts["labels"] == "baroque (40), cubism (40), fauvism (40)"
    assert facts["reads"] == "test-network/1"
    assert "seed 3; works by one artist" in facts["split"]
    assert facts["chosen"].startswith("c ")
    assert facts["cross-validation"].startswith("3 folds × 1: accuracy ")
    assert facts["stored"] == "probe-style/1, models/probe-style/1/classifier.npz"
    assert "it is the default of style from now on: there was no default" in trained.err
    assert trained.err.endswith("next: artworks analyze labels-style\n")
    stored = open_folder / "objects" / "models" / "probe-style" / "1"
    assert {path.name for path in stored.iterdir()} == {
        "classifier.npz",
        "predictions.npz",
        "card.md",
        "report.html",
    }

    again = styled("train", "style", "--seed", "3")
    assert "those of probe-style/1: nothing was trained (see --force)" in again.err
    several = styled("train", "genre", "--labels", "multi", "--no-activate", "--json").json
    assert (several["new"], several["activated"]) == (True, False)
    assert several["model"]["params"]["labels"] == "multi"
    unused = styled("train", "genre", "--labels", "multi")
    assert "next: artworks models activate probe-genre/1" in unused.err
    measures = {
        row.split("\t")[0]: row.split("\t")[5] for row in styled("models", "list").out.splitlines()
    }
    assert measures["probe-genre"].startswith("mAP ")
    assert measures["probe-style"].startswith("accuracy ")
    assert styled("models", "card", "probe-style").out.startswith("# probe-style 1\n")


def test_what_is_asked_is_passed_on(command, asked, tmp_path: Path) -> None:
    file = tmp_path / "merge.toml"
    file.write_text('"art nouveau" = "jugendstil"\n"unknown" = ""\n', encoding="utf-8")
    line = (
        "train period --site museum --term genre=portrait --from 1800 --to 1950 --labels multi "
        "--min-support 4 --top 7 --weak --undersample 2.5 --bins 1850,1900 --split 12 "
        "--balance sampling --folds 5 --rounds 2 --model test-network --no-activate --seed 9"
    )
    merging = ("--merge-file", str(file), "--merge", "Op Art=op", "--merge", "prints=")
    merging += ("--only", "19th century", "--only", "op")
    assert command(*line.split(), *merging, "--force").code == ExitCode.USAGE
    [found] = asked
    query = found.pop("query")
    assert query.as_dict() == {
        "head": "period",
        "mode": "multi",
        "site": "museum",
        "terms": ["genre=portrait"],
        "year_from": 1800,
        "year_to": 1950,
        "min_support": 4,
        "top": 7,
        "weak": True,
        "undersample": 2.5,
        "bins": [1850, 1900],
        "merge": {"art nouveau": "jugendstil", "unknown": "", "Op Art": "op", "prints": ""},
        "only": ["19th century", "op"],
        "most": 50_000,
    }
    del found["progress"]
    assert found == {
        "method": "probe",
        "recipe": None,
        "policy": "auto",
        "split": "12",
        "balance": "sampling",
        "embedding": "test-network",
        "folds": 5,
        "rounds": 2,
        "seed": 9,
        "force": True,
        "activate": False,
    }
    command("train", "style", "--split", "site")
    assert (asked[-1]["policy"], asked[-1]["split"]) == ("site", None)
    assert (asked[-1]["query"].mode, asked[-1]["query"].min_support) == ("single", 10)


def test_recipes_of_networks_are_passed_on(command, asked) -> None:
    line = (
        "train style --method transfer --views 2 --augment flip,rotation=10 --fine-tune 15 "
        "--epochs 7 --learning-rate 0.01 --batch 8 --dropout 0.1 --l1 0.001 --l2 0 --batch-norm "
        "--label-smoothing 0"
    )
    command(*line.split())
    recipe = asked[-1]["recipe"].as_dict()
    told = {"views": 2, "fine_tune": 15, "epochs": 7, "learning_rate": 0.01, "batch": 8}
    told |= {"dropout": 0.1, "l1": 0.001, "l2": 0.0, "batch_norm": True, "label_smoothing": 0.0}
    assert {name: recipe[name] for name in told} == told
    assert (recipe["augmentation"]["flip"], recipe["augmentation"]["rotation"]) == (True, 10)
    command("train", "style", "--method", "cnn", "--learning-rate", "auto")
    assert (asked[-1]["method"], asked[-1]["recipe"].learning_rate) == ("cnn", "auto")
    command("train", "style", "--method", "cnn")
    assert asked[-1]["recipe"] is None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("color --method cnn", "--method is for `artworks train style (and the other heads of"),
        ("similarity --top 3", "--top is for `artworks train style (and the other heads of"),
        ("style --loss triplet", "--loss is for `artworks train similarity`: leave it away."),
        ("color --model mobilenet_v2", "--model is for labels and similarity"),
        ("similarity --folds 5", "--folds is for labels and color"),
        ("style --method magic", 'no method "magic": choose from probe, transfer, cnn.'),
        ("style --labels many", "--labels many cannot be: choose from single, multi."),
        ("style --views 2", "--views is for --method transfer: leave it away."),
        ("style --epochs 2", "--epochs is for --method transfer and cnn: leave it away."),
        ("style --method cnn --l1 1", "--l1 is for --method transfer: leave it away."),
        ("style --method cnn --learning-rate fast", 'learning-rate "fast" is no number'),
        ("style --method transfer --fine-tune 40", "--fine-tune 40 is no choice"),
        ("style --merge cubism", '--merge "cubism" does not say what is called how'),
        ("style --merge-file none.toml", "none.toml: cannot be read"),
        ("period --bins old,new", '--bins "old,new" are no years'),
        ("style --term cubism", '"cubism" is no term: write KIND=NAME'),
    ],
)
def test_what_is_refused_before_anything_is_opened(command, arguments: str, said: str) -> None:
    result = command("train", *arguments.split())
    assert (result.code, result.out) == (ExitCode.USAGE, "")
    assert said in result.err
    assert result.err.count("\n") == 1


def test_a_file_of_names_that_is_wrong_is_refused(command, tmp_path: Path) -> None:
    file = tmp_path / "merge.toml"
    for text, said in (("a = 1", '"a" is to be a text'), ("a b", "cannot be read")):
        file.write_text(text, encoding="utf-8")
        assert said in command("train", "style", "--merge-file", str(file)).err


def test_what_the_collection_refuses(styled, sample_url: str) -> None:
    for arguments, said in (
        ("style --balance hope", 'no balance "hope": choose from none, weights, sampling.'),
        ("style --rounds 2", "give --folds as well"),
        ("style --method cnn --model test-network", "learns from pictures alone"),
        ("style --split nowhere", "nowhere"),
        ("style --min-support 50", "style"),
        ("subject", "subject"),
    ):
        result = styled("train", *arguments.split())
        assert (result.code, result.out) == (ExitCode.USAGE, "")
        assert said in result.err
        assert result.err.count("\n") == 1
    with opened(sample_url) as database:
        sql(database, "TRUNCATE models CASCADE")
    assert "run `artworks analyze embeddings`" in styled("train", "style").err
