"""The schema that editors use says the same of profiles as the program does."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from support.crawls import REPOSITORY

from crawler.extraction.sources import TABLE_KEYS
from crawler.profile_schema import profile_schema
from crawler.profiles import BUNDLED_FOLDER, ProfileError, parse_profile

SHORT = """
base_url = "https://museum.example"
discover = { links = "css:nav a" }
[listing]
artworks = ["css:a.work", { jmespath = "data[].id", format = "/works/{}" }]
[artwork]
title = "css:h1"
artist = { css = ".artist", split = ";" }
images = "css:img"
"""


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    schema = profile_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def problems(validator: jsonschema.Draft202012Validator, text: str) -> list[str]:
    return [error.message for error in validator.iter_errors(tomllib.loads(text))]


@pytest.mark.parametrize("path", sorted(BUNDLED_FOLDER.glob("*.toml")), ids=lambda path: path.stem)
def test_bundled_profiles_are_valid(validator: jsonschema.Draft202012Validator, path: Path) -> None:
    assert problems(validator, path.read_text(encoding="utf-8")) == []


def test_short_forms_are_valid(validator: jsonschema.Draft202012Validator) -> None:
    parse_profile(SHORT, Path("museum.toml"))
    assert problems(validator, SHORT) == []


@pytest.mark.parametrize(
    "wrong",
    [
        SHORT.replace("[listing]", "[listings]"),
        SHORT.replace('title = "css:h1"', "title = 1"),
        SHORT.replace("split =", "slit ="),
        SHORT.replace("[artwork]", "[politeness]\ndelay = -1\n[artwork]"),
        SHORT.replace("[artwork]", '[rendering]\nlisting = "firefox"\n[artwork]'),
        SHORT + '[artwork.terms]\nstile = "css:a"\n',
    ],
)
def test_what_the_program_refuses_is_underlined(
    validator: jsonschema.Draft202012Validator, wrong: str
) -> None:
    with pytest.raises(ProfileError):
        parse_profile(wrong, Path("museum.toml"))
    assert problems(validator, wrong)


def _described(value: Any, place: str) -> list[str]:
    """Return the places of properties that say nothing about themselves."""
    found = []
    if isinstance(value, dict):
        for name, entry in value.get("properties", {}).items():
            if "description" not in entry:
                found.append(f"{place}.{name}")
        for key, entry in value.items():
            found += _described(entry, f"{place}.{key}")
    return found


def test_every_key_is_described() -> None:
    schema = profile_schema()
    assert _described(schema, "profile") == []
    assert set(schema["$defs"]["Sources"]["anyOf"][1]["properties"]) == set(TABLE_KEYS)


def test_the_schema_in_the_documentation_is_the_current_one() -> None:
    kept = REPOSITORY / "docs" / "site-profile.schema.json"
    assert json.loads(kept.read_text(encoding="utf-8")) == profile_schema(), (
        "write it anew: artworks sites --schema > docs/site-profile.schema.json"
    )
