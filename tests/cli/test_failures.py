"""Failures on the command line: what is chosen, and what the documentation says to run."""

from __future__ import annotations

import re
import shlex

import pytest
from support.crawls import REPOSITORY

from storage.errors import ExitCode

# mypy: disable-error-code="no-untyped-def"

PAGE = (REPOSITORY / "docs" / "failures.md").read_text(encoding="utf-8")
COMMANDS = [
    shlex.split(line.removeprefix("$ artworks "), comments=True)
    for block in re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
    for line in block.splitlines()
]


def test_every_documented_command_works(sample) -> None:
    assert ["failures"] in COMMANDS
    for arguments in COMMANDS:
        done = sample(*arguments)
        assert (done.code, done.err) == (0, ""), arguments


def test_what_is_given_chooses_what_is_shown(sample) -> None:
    def urls(*arguments: str) -> set[str]:
        found = sample("failures", "--json", *arguments).json
        assert found["total"] == len(found["failures"])
        return {failure["url"] for failure in found["failures"]}

    assert urls("--stage", "render") == {"http://beta.example/new"}
    assert urls("--url", "WORK/", "--site", "alpha") == {"http://alpha.example/work/404"}
    assert urls("--older-than", "1h") == set()
    assert len(urls("--newer-than", "1h")) == 5
    assert len(urls("--newer-than", "1h", "--all")) == 6


def test_a_dry_run_of_retrying_changes_nothing(sample) -> None:
    asked = ("failures", "--retry", "--url", "alpha.example", "--newer-than", "1d")
    counted = sample(*asked, "--dry-run", "--json").json
    assert counted == {
        "dry_run": True,
        "retried": 3,
        "sites": {"alpha": 3},
        "analyses": 0,
        "commands": ["scrapy crawl artworks -a site=alpha"],
    }
    assert sample(*asked, "--dry-run").out.startswith("would be taken up again: 3 pages and images")
    assert sample(*asked, "--json").json == counted | {"dry_run": False}
    assert sample(*asked, "--dry-run", "--json").json["retried"] == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--stage", "fetsch"), "did you mean 'fetch'"),
        (("--reason", "notfound"), "did you mean 'not_found'"),
        (("--older-than", "yesterday"), "as in 12h"),
        (("--newer-than", "7"), "as in 12h"),
        (("--dry-run",), "--retry"),
    ],
)
def test_what_is_malformed_is_refused_with_the_cure(
    command, arguments: tuple[str, ...], said: str
) -> None:
    refused = command("failures", *arguments)
    assert refused.code == ExitCode.USAGE
    assert said in refused.err
    assert refused.err.count("\n") == 1
