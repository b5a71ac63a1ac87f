"""The JSON Schema of site profiles: with it, editors complete keys and underline mistakes."""

from __future__ import annotations

from typing import Any

from crawler.extraction.sources import TABLE_KEYS
from crawler.profiles import Profile

DIALECT = "https://json-schema.org/draft/2020-12/schema"
SOURCES = "#/$defs/Sources"

_MEANINGS = {
    "css": "CSS selector; `::attr(name)` and `::text` take an attribute or the element's own text.",
    "xpath": "XPath 1.0 expression.",
    "regex": "Regular expression: alone, on the page's source; beside another key, on its values.",
    "url": "Regular expression on the page's address.",
    "value": "These words themselves.",
    "jmespath": "JMESPath on the page's JSON.",
    "jsonld": "JMESPath on the page's JSON-LD; a leading capitalised name is a type.",
    "microdata": "JMESPath on the page's microdata; a leading capitalised name is a type.",
    "opengraph": "Name of an OpenGraph property, with or without `og:`.",
    "iiif": "Part of a IIIF manifest or collection.",
    "split": "Characters at which a value is split into several.",
    "join": "Characters that are put between values to make them one.",
    "format": "Text with `{}` where the value goes.",
}


def profile_schema() -> dict[str, Any]:
    """Return the schema (draft 2020-12) of a profile, as it is written in TOML.

    It accepts what `parse_profile` accepts but for what a schema cannot say, such as whether a
    selector is valid.
    """
    schema = Profile.model_json_schema()
    tables = schema["$defs"]
    # Written short: a source in place of a table, a table in place of a list of one.
    _allow_sources(tables["Artwork"]["properties"]["artist"])
    _allow_sources(tables["Artwork"]["properties"]["images"])
    discover = schema["properties"]["discover"]
    listed = {key: discover.pop(key) for key in ("type", "items")}
    discover["anyOf"] = [listed["items"], listed]
    schema["required"].remove("name")
    pointed: dict[str, Any] = _as_toml(schema)
    pointed["$defs"]["Sources"] = _sources()
    return {"$schema": DIALECT, **pointed, "title": "Site profile of artworks"}


def _allow_sources(field: dict[str, Any]) -> None:
    field["anyOf"].insert(0, {"format": "sources"})


def _as_toml(value: Any) -> Any:
    """Return the schema without what only Python has: nulls, and titles made of names."""
    if isinstance(value, list):
        return [_as_toml(item) for item in value if item != {"type": "null"}]
    if not isinstance(value, dict):
        return value
    found = {
        key: _as_toml(item)
        for key, item in value.items()
        if not (key == "title" and isinstance(item, str)) and not (key == "default" and not item)
    }
    if len(found.get("anyOf", ())) == 1:
        found |= found.pop("anyOf")[0]
    if found.get("format") == "sources":
        del found["format"]
        found["$ref"] = SOURCES
    return found


def _sources() -> dict[str, Any]:
    keys = {
        key: {"type": "string", "minLength": 1, "description": _MEANINGS[key]} for key in TABLE_KEYS
    }
    one = {
        "anyOf": [
            {"type": "string", "minLength": 1},
            {"type": "object", "properties": keys, "additionalProperties": False},
        ]
    }
    return {
        "description": "Where a value is found, such as `css:h1`; of a list, the first that gives "
        "anything.",
        "anyOf": [*one["anyOf"], {"type": "array", "items": one, "minItems": 1}],
    }
