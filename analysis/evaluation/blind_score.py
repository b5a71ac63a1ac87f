"""What people answered in a blind comparison, put together with the key: the sign test.

Answers of several people to one question are not independent, so each question counts once: for
the side that more of them chose, or for none. Under chance each side wins half of the questions
that are not undecided (two-sided binomial test).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from scipy.stats import binomtest

from analysis.errors import WrongAnswers

CHOICES = ("A", "B", "same")


@dataclass(frozen=True)
class BlindScore:
    """Which of two embeddings people prefer."""

    models: tuple[str, str]
    people: int
    questions: int
    """Questions that anybody answered."""
    wins: tuple[int, int]
    """Questions for which more people chose the one than the other."""
    undecided: int
    votes: tuple[int, int]
    """Single answers for each."""
    p_value: float
    """How often chance alone would give a difference as great as that of the wins, or greater."""

    def as_dict(self) -> dict[str, Any]:
        """Return this for JSON."""
        return asdict(self)


def score_answers(key: Mapping[str, Any], answers: Sequence[Mapping[str, Any]]) -> BlindScore:
    """Count for each embedding the questions that it wins.

    Raises WrongAnswers for answers to another sheet, and for what cannot be chosen.
    """
    first, second = key["models"]
    votes: Counter[str] = Counter()
    leads: dict[str, int] = {}
    for one in answers:
        if one.get("sheet") != key["sheet"]:
            raise WrongAnswers(
                f"these are answers to the sheet {one.get('sheet')}, and the key is that of "
                f"{key['sheet']}: give the key that was written with the sheet."
            )
        for number, choice in one["answers"].items():
            if number not in key["questions"] or choice not in CHOICES:
                raise WrongAnswers(
                    f'the sheet {key["sheet"]} has no answer "{choice}" to question {number}: '
                    "give the file as the page saved it."
                )
            leads.setdefault(number, 0)
            if choice != "same":
                chosen = key["questions"][number][choice]
                votes[chosen] += 1
                leads[number] += 1 if chosen == first else -1
    wins = sum(lead > 0 for lead in leads.values()), sum(lead < 0 for lead in leads.values())
    decided = sum(wins)
    return BlindScore(
        models=(first, second),
        people=len(answers),
        questions=len(leads),
        wins=wins,
        undecided=len(leads) - decided,
        votes=(votes[first], votes[second]),
        p_value=float(binomtest(wins[0], decided).pvalue) if decided else 1.0,
    )


def read_document(path: Path, expected: Sequence[str]) -> dict[str, Any]:
    """Return a JSON object with at least these entries. Raises WrongAnswers."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise WrongAnswers(
            f"cannot read {path} ({error.strerror}): give a file that the page saved, and its key."
        ) from error
    except ValueError as error:
        raise WrongAnswers(f"{path} is no JSON ({error}): give it as it was saved.") from error
    if not isinstance(found, dict) or not set(expected) <= found.keys():
        raise WrongAnswers(
            f"{path} lacks {', '.join(expected)}: give a file that the page saved, and its key."
        )
    return found
