"""`artworks distribution`: counts of labels for scripts and people, pictures, and the report."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from support.databases import opened
from support.hung import hang_works

from storage.collection import add_terms
from storage.errors import ExitCode
from storage.objects import open_store
from storage.settings import load_settings

# mypy: disable-error-code="no-untyped-def"

HEADER = "Head\tLabel\tWorks\tShare\tImages\tArtists\tInherited\tBy people"


@pytest.fixture
def hung(sample, sample_url: str):
    """The command on eight more works, of styles, genres and categories."""
    with opened(sample_url) as database:
        hang_works(database, 8)
        with database.begin() as connection:
            ids = connection.exec_driver_sql(
                "SELECT id FROM artworks WHERE site = 'museum' ORDER BY id"
            ).scalars()
            for number, artwork_id in enumerate(ids):
                said = [
                    ("style", "cubism" if number < 6 else "baroque", "page"),
                    ("genre", "portrait" if number % 2 else "landscape", "artist"),
                    ("category", "prints", "page"),
                    *([("category", "works on paper", "import")] if number < 5 else []),
                ]
                keys = ("kind", "name", "source")
                add_terms(
                    connection,
                    [
                        {"artwork_id": artwork_id, **dict(zip(keys, one, strict=True))}
                        for one in said
                    ],
                )
    return sample


def test_for_scripts_and_people(hung, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = hung("distribution", "--site", "museum", "style", "genre")
    assert shown.code == 0, shown.err
    assert shown.out.splitlines() == [
        HEADER,
        "style\tcubism\t6\t75.0\t6\t0\t0\t0",
        "style\tbaroque\t2\t25.0\t2\t0\t0\t0",
        "genre\tlandscape\t4\t50.0\t4\t0\t4\t0",
        "genre\tportrait\t4\t50.0\t4\t0\t4\t0",
    ]
    found = hung("distribution", "--site", "museum", "--json").json
    assert [head["head"] for head in found["heads"]] == ["style", "genre", "category"]
    style, _, category = found["heads"]
    assert (style["works"], style["labelled"], style["imbalance"]) == (8, 8, 3.0)
    assert category["labels_per_work"] == {"1": 3, "2": 5}
    assert found["together"] is None
    monkeypatch.setattr("cli.console.on_terminal", lambda: True)
    monkeypatch.setattr("cli.distribution.on_terminal", lambda: True)
    monkeypatch.setenv("COLUMNS", "160")
    people = hung("distribution", "style", "--site", "museum")
    assert "style: 8 of 8 works have a label" in people.out
    assert "the largest 3.0 times the smallest" in people.err
    pairs = hung("distribution", "style", "--by", "genre", "--site", "museum")
    assert "8 works with a style and a genre" in pairs.out
    assert "1 is chance" in pairs.err


def test_what_goes_together(hung) -> None:
    within = hung("distribution", "category", "--by", "category", "--site", "museum")
    assert within.code == 0, within.err
    assert within.out.splitlines() == [
        "Category\tAnd category\tWorks\t% of first\t% of second\tLift",
        "prints\tworks on paper\t5\t62.5\t100.0\t1.00",
    ]
    table = hung("distribution", "style", "--by", "category", "--site", "museum", "--json").json
    assert table["together"]["counts"] == [[6, 5], [2, 0]]


def test_pictures_and_the_report(hung) -> None:
    drawn = hung("distribution", "style", "--by", "genre", "--out", "new/labels.png")
    assert drawn.code == 0, drawn.err
    assert "2 heads → new/labels.png" in drawn.err
    with Image.open("new/labels.png") as picture:
        assert (picture.format, picture.width) == ("PNG", 2000)
    open_store(load_settings().objects_location, create=True)
    stored = hung(
        "report", "labels", "--site", "museum", "--by", "genre", "--out", "reports", "--json"
    ).json
    names = ["style", "genre", "category", "style-by-genre", "category-by-genre"]
    assert [one["name"] for one in stored["pictures"]] == [f"labels-{name}" for name in names]
    assert stored["counts"]["labelled_style"] == 8
    assert stored["settings"]["imbalance"] == {"style": 3.0, "genre": 1.0, "category": 1.6}
    assert len(list(Path("reports").glob("*.png"))) == len(names)


def test_what_is_refused(hung) -> None:
    for arguments, message in {
        ("shape",): "choose from style",
        ("--by", "genre"): "--by compares one HEAD with another",
        ("style", "--by", "style"): "no two go together",
        ("style", "--site", "nowhere"): "has not been crawled",
        ("style", "--term", "genre"): "write KIND=NAME",
        ("style", "--min-support", "100"): "lower --min-support",
        ("color", "--site", "museum"): "none of 8 works has a color",
        ("style", "--top", "0"): "--top",
        ("style", "--force"): "--force is for --out",
        ("style", "--out", "/proc/none/l.png"): "cannot write /proc/none/l.png",
    }.items():
        result = hung("distribution", *arguments)
        assert result.code == ExitCode.USAGE, arguments
        assert message in result.err, arguments
