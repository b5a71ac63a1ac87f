"""Datasets as a query of the collection finds them: which labels, whose, and what is left out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from support.databases import sql

from analysis.errors import NothingToTrain, WrongDataset, WrongHead
from analysis.labels.dataset import Dataset, DatasetQuery
from analysis.labels.datasets.periods import centuries
from analysis.labels.datasets.reading import read_dataset
from analysis.labels.datasets.splitting import draw_split
from analysis.labels.heads import HEADS
from storage.database import Database
from storage.errors import UsageError
from tests.analysis.labels.works import Work, alike, correct, sha256_of, store_works


def read(database: Database, head: str, **asked: Any) -> Dataset:
    mode = HEADS[head].mode if head in HEADS else "single"
    query = DatasetQuery(head, **{"mode": mode, "min_support": 1, **asked})
    with database.begin() as connection:
        return read_dataset(connection, query)


def told(dataset: Dataset) -> dict[str, str]:
    """Labels of each image, by its sha256; several with |."""
    return {
        sha256: "|".join(
            name for name, has in zip(dataset.classes, row.tolist(), strict=True) if has
        )
        for sha256, row in zip(dataset.sha256, dataset.targets, strict=True)
    }


def expected(labels: dict[int, str]) -> dict[str, str]:
    return {sha256_of(number): label for number, label in sorted(labels.items())}


def styled(labels: Iterable[str], start: int = 0, **fields: Any) -> list[Work]:
    return [
        Work(start + at, terms=(f"style={label}",), **fields) for at, label in enumerate(labels)
    ]


def test_terms_of_the_first_image_of_works_that_are_there(database: Database) -> None:
    ids = store_works(
        database,
        Work(0, terms=("style= Cubism ",), details=(20, 21)),
        Work(1, terms=("style=cubism", "genre=portrait")),
        Work(2, terms=("style=Op Art",), artist="Bo", site="gallery"),
        Work(3, terms=("genre=portrait",)),
        Work(4, terms=("style=op art", "style=cubism")),
        Work(5, terms=("style=op art*",)),
        Work(6, terms=("style=op art",)),
        Work(7, terms=("style=op art",)),
        Work(8, terms=("style=op art",)),
    )
    sql(database, "UPDATE artworks SET gone_at = now() WHERE source_id = '6'")
    sql(database, "UPDATE images SET placeholder = true WHERE id = :id", id=ids[7])
    sql(database, "UPDATE image_sources SET gone_at = now() WHERE image_id = :id", id=ids[8])
    dataset = read(database, "style")
    assert told(dataset) == expected({0: "cubism", 1: "cubism", 2: "op art"})
    assert dataset.classes == ("cubism", "op art")
    assert list(dataset.sha256) == sorted(dataset.sha256)
    by_number = {at: one for at, one in ids.items() if one in dataset.ids.tolist()}
    assert sorted(by_number) == [0, 1, 2]
    assert dict(zip(dataset.ids.tolist(), dataset.sites, strict=True))[ids[2]] == "gallery"
    assert dataset.left_out == {"several_labels": 1}
    assert not dataset.weak.any()
    assert dataset.artists_known
    multi = read(database, "style", mode="multi")
    assert told(multi)[sha256_of(4)] == "cubism|op art"
    assert multi.left_out == {}


def test_site_terms_and_years_are_asked_for(database: Database) -> None:
    store_works(
        database,
        *styled(["a", "b"], site="one", years=(1900, 1910)),
        *styled(["a", "b"], 2, site="two", years=(1950, 1950)),
        Work(4, terms=("style=a", "genre=portrait"), site="two"),
        Work(5, terms=("style=b", "genre=portrait"), site="two"),
    )
    assert len(read(database, "style", site="one")) == 2
    assert len(read(database, "style", year_from=1901)) == 2
    assert len(read(database, "style", year_to=1920)) == 2
    assert len(read(database, "style", terms=(("genre", "portrait"),))) == 2
    with pytest.raises(UsageError, match='site "three" has not been crawled'):
        read(database, "style", site="three")
    with pytest.raises(UsageError, match='no work has the genre "portraits"; known: portrait'):
        read(database, "style", terms=(("genre", "portraits"),))


def test_artists_are_first_makers_with_their_own_hand(database: Database) -> None:
    store_works(
        database,
        Work(0, artist="Ada Lovelace"),
        Work(1, artist="Bo"),
        Work(2, artist="Bo", qualifier="workshop of"),
        Work(3, artist="Bo", role="publisher"),
        Work(4, artist="Unknown artist"),
        Work(5, artist=None),
    )
    dataset = read(database, "artist")
    assert told(dataset) == expected({0: "ada lovelace", 1: "bo"})


def test_periods_are_terms_or_centuries_as_python_counts_them(database: Database) -> None:
    spans = [(1801, 1900), (1901, 1901), (1900, 1901), (1, 100), (-100, -1), (-1, 1), (-500, -401)]
    named = [centuries().name_of(*years) for years in spans]
    store_works(
        database,
        *(Work(at, years=years) for at, years in enumerate(spans)),
        Work(20, terms=("period=Edo",), years=(1900, 1901)),
        Work(21, terms=("period=rococo*",), years=(1730, 1740)),
        Work(22, terms=("period=rococo*",), years=(1699, 1740)),
        Work(23),
    )
    labels = {at: name for at, name in enumerate(named) if name} | {20: "edo", 21: "18th century"}
    dataset = read(database, "period")
    assert told(dataset) == expected(labels)
    # 1900 and 1901, the years around the beginning of our era, and 22.
    assert dataset.left_out == {"several_periods": 3}
    weak = read(database, "period", weak=True)
    assert told(weak) == expected(labels)
    store_works(database, Work(24, terms=("period=rococo*",)))
    weak = read(database, "period", weak=True)
    assert told(weak) == expected(labels | {24: "rococo"})
    assert weak.weak.tolist() == [one == sha256_of(24) for one in weak.sha256]


def test_periods_of_ones_own(database: Database) -> None:
    store_works(
        database,
        Work(0, years=(1849, 1849), terms=("period=Edo",)),
        Work(1, years=(1850, 1899)),
        Work(2, years=(1899, 1900)),
        Work(3, years=(1900, 1949)),
        Work(4, years=(1950, 2020)),
    )
    dataset = read(database, "period", bins=(1850, 1900, 1950))
    assert told(dataset) == expected(
        {0: "before 1850", 1: "1850–1899", 3: "1900–1949", 4: "1950 and later"}
    )
    assert dataset.left_out == {"several_periods": 1}


def test_what_columns_say_counts_where_terms_do_not(database: Database) -> None:
    store_works(
        database,
        Work(0, nationality="French", medium="Oil and tempera on canvas", place=" Paris "),
        Work(1, artist="Bo", terms=("nationality=Dutch", "medium=Etching"), medium="Ink on paper"),
        Work(2, artist="Bo", nationality="Dutch", qualifier="after", place="Delft"),
        Work(3, artist="Cy", medium="Pen and brown ink, brush, on laid paper", place=""),
        Work(4, artist="Cy", medium="on canvas"),
        Work(5, artist="Cy", medium="Woodcut in colours; signed"),
        Work(6, artist="Cy", medium="Etching & drypoint (second state)"),
        Work(7, artist="Cy", medium="gelatin silver print"),
    )
    assert told(read(database, "nationality")) == expected({0: "french", 1: "dutch"})
    assert told(read(database, "place")) == expected({0: "paris", 2: "delft"})
    assert told(read(database, "medium")) == expected(
        {
            0: "oil",
            1: "etching",
            3: "brown ink",
            5: "woodcut",
            6: "etching",
            7: "gelatin silver print",
        }
    )


def test_inherited_labels_are_weak_and_asked_for(database: Database) -> None:
    ids = store_works(
        database,
        *styled(["cubism", "op art"]),
        Work(2, terms=("style=cubism*",)),
        Work(3, terms=("style=cubism*", "style=op art")),
        Work(4, terms=("style=cubism*", "style=op art*")),
        Work(5, terms=("style=cubism*",)),
    )
    correct(database, ids[5], "style", op_art="yes")
    strong = {0: "cubism", 1: "op art", 3: "op art", 5: "op art"}
    assert told(read(database, "style")) == expected(strong)
    dataset = read(database, "style", weak=True)
    assert told(dataset) == expected(strong | {2: "cubism"})
    assert dataset.weak.tolist() == [one == sha256_of(2) for one in dataset.sha256]
    assert dataset.left_out == {"several_labels": 1}
    with pytest.raises(WrongDataset, match="no work inherits its artist"):
        read(database, "artist", weak=True)


def test_people_outrank_pages(database: Database) -> None:
    ids = store_works(
        database,
        *styled(["cubism", "cubism", "op art", "op art"]),
        Work(4, details=(14,)),
        Work(5),
        Work(6, terms=("style=cubism", "style=op art")),
    )
    correct(database, ids[0], "style", op_art="yes")
    correct(database, ids[1], "style", cubism="no")
    correct(database, ids[2], "style", cubism="yes")
    correct(database, ids[2], "style", cubism="no")
    correct(database, ids[5], "genre", portrait="yes")
    correct(database, ids[6], "style", cubism="no")
    correct(database, ids[14], "style", _Cubism_="yes")
    dataset = read(database, "style")
    labels = {0: "op art", 2: "op art", 3: "op art", 6: "op art", 14: "cubism"}
    assert told(dataset) == expected(labels)
    assert dataset.left_out == {"no_label_left": 1}
    correct(database, ids[4], "style", cubism="yes")
    both = read(database, "style")
    place = {one: at for at, one in enumerate(both.ids.tolist())}
    # Two images of one work are never apart.
    assert both.groups[place[ids[4]]] == both.groups[place[ids[14]]]
    multi = read(database, "style", mode="multi")
    assert told(multi)[sha256_of(0)] == "cubism|op art"
    assert told(multi)[sha256_of(6)] == "op art"


def test_labels_are_merged_and_dropped(database: Database) -> None:
    ids = store_works(
        database,
        Work(0, terms=("category=Prints", "category=Recent")),
        Work(1, terms=("category=print", "category=etchings")),
        Work(2, terms=("category=recent",)),
        Work(3, terms=("category=drawings",)),
        Work(4, terms=("category=prints", "category=drawings")),
    )
    merge = {"Prints": "print", " etchings ": "Print", "recent": ""}
    dataset = read(database, "category", merge=merge)
    labels = {0: "print", 1: "print", 3: "drawings", 4: "drawings|print"}
    assert told(dataset) == expected(labels)
    assert dataset.left_out == {"no_label_left": 1}
    single = read(database, "category", merge=merge, mode="single")
    assert told(single) == expected({one: labels[one] for one in (0, 1, 3)})
    assert single.left_out == {"no_label_left": 1, "several_labels": 1}
    # People say no to the old name or to the new one.
    correct(database, ids[0], "category", prints="no")
    correct(database, ids[1], "category", print="no")
    assert told(read(database, "category", merge=merge)) == expected({3: "drawings", 4: labels[4]})


@pytest.mark.parametrize(
    ("merge", "refusal"),
    [
        ({"prnts": "print"}, "no category has this name: did you mean prints?"),
        ({"prints": "print", "PRINTS": "etching"}, '"prints" is to become "print" and "etching"'),
        ({"prints": "print", "print": "etching"}, 'give "prints" its last name at once'),
        ({" ": "print"}, "renames nothing: write OLD=NEW"),
    ],
)
def test_slips_in_merging_are_said(database: Database, merge: dict[str, str], refusal: str) -> None:
    store_works(database, Work(0, terms=("category=prints",)), Work(1, terms=("category=print",)))
    with pytest.raises(WrongDataset, match=refusal):
        read(database, "category", merge=merge)


def test_labels_are_chosen_by_their_new_names(database: Database) -> None:
    store_works(
        database,
        Work(0, terms=("category=prints", "category=recent")),
        Work(1, terms=("category=etchings",)),
        Work(2, terms=("category=recent",)),
        Work(3, terms=("category=drawings", "category=recent")),
    )
    merge = {"etchings": "prints"}
    chosen = read(database, "category", merge=merge, only=(" Prints", "drawings"))
    assert told(chosen) == expected({0: "prints", 1: "prints", 3: "drawings"})
    assert chosen.left_out == {"no_label_left": 1}
    with pytest.raises(WrongDataset, match="no category has this name: did you mean drawings"):
        read(database, "category", only=("prints", "drawing"))


def test_a_label_of_another_site_may_be_merged(database: Database) -> None:
    store_works(
        database,
        *styled(["a", "b"], site="one"),
        *styled(["c"], 2, site="two"),
    )
    assert len(read(database, "style", site="one", merge={"c": "a"})) == 2


def test_support_counts_images_that_differ_and_top_is_by_support(database: Database) -> None:
    ids = store_works(
        database,
        *styled(["a"] * 4 + ["b"] * 3 + ["c"] * 5 + ["d"]),
        Work(20, terms=("genre=x", "genre=y")),
        Work(21, terms=("genre=x", "genre=z")),
        Work(22, terms=("genre=y",)),
        Work(23, terms=("genre=z",)),
    )
    alike(database, *((ids[7], ids[at]) for at in (8, 9)))
    # Of the five that are called c, three look the same, one of which is like an a as well.
    alike(database, (ids[9], ids[0]))
    dataset = read(database, "style", min_support=3)
    assert dataset.classes == ("a", "b", "c")
    assert dataset.left_out == {"small_classes": 1}
    place = {one: at for at, one in enumerate(dataset.ids.tolist())}
    one_group = {int(dataset.groups[place[ids[at]]]) for at in (0, 7, 8, 9)}
    assert len(one_group) == 1
    top = read(database, "style", top=2)
    assert top.classes == ("a", "b")
    assert top.left_out == {"not_among_top": 6}
    multi = read(database, "genre", mode="multi", top=2)
    assert multi.classes == ("x", "y")
    assert multi.left_out == {"no_label_left": 1}


def test_large_classes_are_cut_and_a_sample_is_the_lowest(database: Database) -> None:
    store_works(database, *styled(["a"] * 12 + ["b"] * 4 + ["c"] * 8))
    dataset = read(database, "style", undersample=1.5)
    assert dataset.targets.sum(axis=0).tolist() == [6, 4, 6]
    assert dataset.left_out == {"undersampled": 8}
    everything = read(database, "style")
    at = [one for one in everything.sha256 if told(everything)[one] == "a"]
    assert [one for one in dataset.sha256 if told(dataset)[one] == "a"] == at[:6]
    few = read(database, "style", most=10)
    assert few.sha256 == everything.sha256[:10]
    assert few.left_out == {"beyond_most": 14}
    # Those that are looked at are 4 × as many.
    fewer = read(database, "style", most=5)
    assert fewer.sha256 == everything.sha256[:5]
    assert fewer.left_out == {"beyond_most": 19}


def test_artists_and_look_alikes_are_kept_together(database: Database) -> None:
    ids = store_works(
        database,
        Work(0, terms=("style=a",), artist="Ada"),
        Work(1, terms=("style=a",), artist="Ada", qualifier="workshop of"),
        Work(2, terms=("style=b",), artist="Bo"),
        Work(3, terms=("style=b",), artist="Bo", role="publisher"),
        Work(4, terms=("style=b",), artist="Anonymous"),
        Work(5, terms=("style=b",), artist="Anonymous"),
        Work(6),
    )
    # Both look like an image that has no style.
    alike(database, (ids[0], ids[6]), (ids[2], ids[6]))
    dataset = read(database, "style")
    at = {number: dataset.ids.tolist().index(ids[number]) for number in range(6)}
    artists = {number: int(dataset.artists[place]) for number, place in at.items()}
    assert artists[0] == artists[1] == artists[2]
    assert len({artists[number] for number in (2, 3, 4, 5)}) == 4
    assert dataset.groups[at[0]] == dataset.groups[at[2]] != dataset.groups[at[1]]
    # Of three of six somebody says who made them.
    assert dataset.artists_known
    sql(database, "DELETE FROM artwork_artists WHERE artwork_id = 1")
    assert not read(database, "style").artists_known


def test_the_same_collection_is_split_alike_after_another_crawl(database: Database) -> None:
    works = styled(["a", "b", "c"] * 12)
    store_works(database, *works)
    first = read(database, "style")
    sql(database, "TRUNCATE artworks, images CASCADE")
    store_works(database, *works[::-1])
    again = read(database, "style")
    assert again.fingerprint == first.fingerprint
    assert again.ids.tolist() != first.ids.tolist()
    assert draw_split(again, seed=3).fingerprint == draw_split(first, seed=3).fingerprint


@pytest.mark.parametrize(
    ("asked", "refusal"),
    [
        ({"mode": "multi", "undersample": 2.0}, "balance with weights or sampling instead"),
        ({"undersample": 0.5}, "the smallest class has no 0.5 of its images"),
        ({"bins": (1900,)}, "style is told otherwise: leave --bins out"),
        ({"min_support": 0}, "--min-support is 0, and at least 1 makes sense"),
        ({"top": 1}, "--top is 1, and at least 2 makes sense"),
        ({"mode": "some"}, 'labels are "some": choose from single, multi'),
    ],
)
def test_contradictions_are_said(database: Database, asked: dict[str, Any], refusal: str) -> None:
    with pytest.raises(WrongDataset, match=refusal):
        read(database, "style", **asked)


def test_periods_that_cannot_be_are_said(database: Database) -> None:
    with pytest.raises(WrongDataset, match="begin in the years 1900, 1850, which do not ascend"):
        read(database, "period", bins=(1900, 1850))
    with pytest.raises(WrongDataset, match="inherits its period in years"):
        read(database, "period", bins=(1900,), weak=True)
    with pytest.raises(WrongHead, match='no head "styles"'):
        read(database, "styles")


def test_nothing_to_learn_is_said_with_the_cure(database: Database) -> None:
    with pytest.raises(NothingToTrain, match=r"finds some .*`style`.*artworks label IMAGE --yes"):
        read(database, "style")
    with pytest.raises(NothingToTrain, match="whose profile finds the place"):
        read(database, "place")
    store_works(
        database,
        *styled(["a*"] * 2 + ["b*"]),
        Work(4, terms=("genre=portrait",), site="gallery"),
        *(Work(10 + at, terms=(f"tag={at:02d}",)) for at in range(14)),
    )
    with pytest.raises(NothingToTrain, match=r"from the page of their artist only.*--weak.*a 2, b"):
        read(database, "style")
    with pytest.raises(NothingToTrain, match="site; all works together have portrait 1"):
        read(database, "genre", site="museum")
    with pytest.raises(
        NothingToTrain, match=r"need 2 images each .* there are 00 1, .*11 1 and 2 m"
    ):
        read(database, "tag", min_support=2)
    with pytest.raises(NothingToTrain, match=r"need 1 image each .* there are portrait 1: crawl"):
        read(database, "genre")


def test_numbers_of_left_out_images_are_in_the_refusal(database: Database) -> None:
    store_works(database, Work(0, terms=("style=a", "style=b")), *styled(["a"], 1))
    with pytest.raises(NothingToTrain, match=r"there are a 1 \(left out: 1 several labels\)"):
        read(database, "style")
