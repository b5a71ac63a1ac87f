"""People outrank pages, and labels get their new names last."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.labels.datasets.settling import checked_merging, settle
from analysis.labels.heads import Mode

LABELS = st.sampled_from("abcdef")
SAID = st.sets(LABELS)
VERDICTS = st.dictionaries(LABELS, st.sampled_from(["yes", "no"]))
MODES = st.sampled_from(["single", "multi"])


@given(SAID, VERDICTS, MODES, st.booleans())
def test_the_last_word_is_that_of_people(
    said: set[str], verdicts: Mapping[str, str], mode: Mode, weak: bool
) -> None:
    found = settle(said, weak=weak, verdicts=verdicts, mode=mode, merging={})
    yes = {label for label, verdict in verdicts.items() if verdict == "yes"}
    no = verdicts.keys() - yes
    assert yes <= found.labels
    assert found.labels.isdisjoint(no)
    assert found.labels <= said | yes
    if mode == "single" and yes:
        assert found.labels == yes
    if mode == "multi":
        assert found.labels == (said | yes) - no
    assert found.weak == (weak and not yes)


@given(SAID, VERDICTS, MODES, st.dictionaries(st.sampled_from("abc"), st.sampled_from("xy")))
def test_merging_changes_names_alone(
    said: set[str], verdicts: Mapping[str, str], mode: Mode, merging: Mapping[str, str]
) -> None:
    before = settle(said, weak=False, verdicts=verdicts, mode=mode, merging={})
    after = settle(said, weak=False, verdicts=verdicts, mode=mode, merging=merging)
    assert after.labels == {merging.get(label, label) for label in before.labels}


@pytest.mark.parametrize(
    ("said", "verdicts", "labels"),
    [
        ({"prints", "oils"}, {}, {"print", "oils"}),
        ({"prints", "recent"}, {}, {"print"}),
        ({"recent"}, {}, set()),
        # The classifier knows new names only, and so do those who correct it.
        ({"prints", "oils"}, {"print": "no"}, {"oils"}),
        ({"oils"}, {"print": "yes"}, {"print", "oils"}),
    ],
)
def test_new_names_are_known_to_people(
    said: set[str], verdicts: Mapping[str, str], labels: set[str]
) -> None:
    merging = checked_merging({" Prints": "Print ", "recent": ""})
    found = settle(said, weak=False, verdicts=verdicts, mode="multi", merging=merging)
    assert found.labels == labels
