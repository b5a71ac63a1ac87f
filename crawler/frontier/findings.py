"""What a dry run found: what a crawl would have stored, counted as it comes, kept in part."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from crawler.items import FailureItem, ImageItem
from storage.collection import ARTWORK_FIELDS, UNVERSIONED_FIELDS
from storage.inheritance import Told, inherited_terms, settled_makers

RECORDS_KEPT = 1000
EXAMPLES_KEPT = 5
FROM_ARTIST = "page of the artist"

# Names of the fields in a profile, where those of the columns are others.
_NAMES_IN_PROFILES: Mapping[str, str] = {
    "date_text": "date",
    "year_from": "date",
    "year_to": "date",
    "dimensions_text": "dimensions",
    "height_cm": "dimensions",
    "width_cm": "dimensions",
    "depth_cm": "dimensions",
    "artists": "artist",
}
COLUMNS = tuple(
    name for name in ARTWORK_FIELDS if name != "page_url" and name not in UNVERSIONED_FIELDS
)


class FieldFill(NamedTuple):
    """How many works have a field.

    `example` is one of its values, `source` what gave it most often (as the profile writes it).
    """

    filled: int
    example: Any = None
    source: str | None = None


@dataclass(frozen=True, slots=True)
class FailureCount:
    """How often something failed for one reason, with a few examples: (address, detail)."""

    count: int
    retryable: int
    examples: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class DryRunSummary:
    """What a crawl would have stored.

    Attributes:
        artworks: works, each once however many pages it has.
        images: images with different bytes, where they were looked at, or else addresses.
        image_bytes: their size together, in bytes.
        listings: listings read.
        artists: makers of the works.
        pages: rows of the frontier, by kind and state.
        failures: by reason.
        fields: by column; `artists`, `images`, and `terms.KIND` for the kinds that occur.
        categories: works in each category.
        renderings: pages read, by kind and by what read them: never (no browser), splash, chromium.
        records: the first works as they would be stored, with what they inherit.
    """

    artworks: int
    images: int
    image_bytes: int
    listings: int
    artists: int
    pages: Mapping[str, Mapping[str, int]]
    failures: Mapping[str, FailureCount]
    fields: Mapping[str, FieldFill]
    categories: Mapping[str, int]
    renderings: Mapping[str, Mapping[str, int]]
    records: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class _Work:
    """What is kept of every work: its makers' name keys and years, and which source gave what."""

    makers: tuple[tuple[str, int | None], ...]
    filled: tuple[tuple[str, str | None], ...]


class Descent(NamedTuple):
    """What the pages of a work bring with them: categories, and artists whose pages lead there."""

    categories: frozenset[str]
    told: Told


@dataclass
class Findings:
    """Gathers outcomes; memory is bounded by a few hundred bytes a work, and the records kept."""

    records_kept: int = RECORDS_KEPT
    _works: dict[str, _Work] = field(default_factory=dict)
    _records: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    _examples: dict[str, Any] = field(default_factory=dict)
    _images: dict[str, int] = field(default_factory=dict)
    _failures: dict[str, dict[str, FailureItem]] = field(default_factory=dict)
    _alike: dict[Any, Any] = field(default_factory=dict)

    def add_work(self, record: Mapping[str, Any]) -> None:
        """Take a work; one that is known already is replaced."""
        key = record["source_id"]
        found = _filled(record)
        for name, _, value in found:
            self._examples.setdefault(name, value)
        makers = tuple((maker["name_key"], maker.get("birth_year")) for maker in record["artists"])
        filled = tuple((name, source) for name, source, _ in found)
        # Works of one site have the same few fields from the same few sources.
        self._works[key] = _Work(makers, self._alike.setdefault(filled, filled))
        if key in self._records or len(self._records) < self.records_kept:
            self._records[key] = record

    def add_image(self, item: ImageItem) -> None:
        """Take an image whose bytes arrived."""
        if item.stored is not None:
            self._images[item.stored["sha256"]] = item.stored["bytes"]
        else:
            self._images[item.lease.url] = len(item.body)

    def add_failure(self, item: FailureItem) -> None:
        """Take a failure; of one address and stage, the last one counts."""
        self._failures.setdefault(item.lease.url, {})[item.stage] = item

    def resolve(self, url: str) -> None:
        """Forget the failures of an address that was read after all."""
        self._failures.pop(url, None)

    @property
    def retryable_failures(self) -> int:
        """Failures that might not happen again."""
        return sum(item.retryable for item in self._unresolved())

    def summary(
        self,
        descents: Mapping[str, Descent],
        *,
        pages: Mapping[str, Mapping[str, int]],
        renderings: Mapping[str, Mapping[str, int]],
    ) -> DryRunSummary:
        """Sum up.

        Args:
            descents: what the pages of each work bring with them, by source_id.
            pages: rows by kind and state.
            renderings: pages read, by kind and by what read them.
        """
        filled: Counter[str] = Counter()
        sources: dict[str, Counter[str]] = {}
        examples = dict(self._examples)
        makers: set[tuple[str, int | None]] = set()
        categories: Counter[str] = Counter()
        for key, work in self._works.items():
            categories.update(descents[key].categories)
            told = descents[key].told
            said = [{"name_key": name, "birth_year": year} for name, year in work.makers]
            settled = settled_makers(said, told)
            makers.update((maker["name_key"], maker["birth_year"]) for maker in settled)
            inherited = _inherited(work, settled, told)
            for name, value in inherited.items():
                examples.setdefault(name, value)
            for name, source in (*work.filled, *((name, FROM_ARTIST) for name in inherited)):
                filled[name] += 1
                if source is not None:
                    sources.setdefault(name, Counter())[source] += 1
        names = (*COLUMNS, "artists", "images", *sorted(n for n in filled if n[:6] == "terms."))
        return DryRunSummary(
            artworks=len(self._works),
            images=len(self._images),
            image_bytes=sum(self._images.values()),
            listings=pages.get("listing", {}).get("done", 0),
            artists=len(makers),
            pages=pages,
            failures=self._by_reason(),
            fields={
                name: FieldFill(filled[name], examples[name], _commonest(sources.get(name)))
                if filled[name]
                else FieldFill(0)
                for name in names
            },
            categories=dict(sorted(categories.items(), key=lambda item: (-item[1], item[0]))),
            renderings=renderings,
            records=tuple(_settled(rec, descents[key]) for key, rec in self._records.items()),
        )

    def _unresolved(self) -> Iterator[FailureItem]:
        return (item for stages in self._failures.values() for item in stages.values())

    def _by_reason(self) -> dict[str, FailureCount]:
        grouped: dict[str, list[FailureItem]] = {}
        for item in self._unresolved():
            grouped.setdefault(item.reason, []).append(item)
        return {
            reason: FailureCount(
                len(items),
                sum(item.retryable for item in items),
                tuple((item.lease.url, item.detail) for item in items[:EXAMPLES_KEPT]),
            )
            for reason, items in sorted(grouped.items(), key=lambda item: (-len(item[1]), item[0]))
        }


def _inherited(work: _Work, makers: Sequence[Mapping[str, Any]], told: Told) -> dict[str, Any]:
    """Return the fields that a work has only from the pages of its artists, with their values."""
    own = {name for name, _ in work.filled}
    found: dict[str, Any] = {}
    if makers and "artists" not in own:
        found["artists"] = makers[0].get("name")
    for kind, name in inherited_terms(told):
        if f"terms.{kind}" not in own:
            found.setdefault(f"terms.{kind}", name)
    return found


def _filled(record: Mapping[str, Any]) -> list[tuple[str, str | None, Any]]:
    """Return (field, source, value) of every field that a record has."""
    values: dict[str, Any] = {
        name: record[name] for name in COLUMNS if record.get(name) not in (None, "")
    }
    if record["artists"]:
        values["artists"] = record["artists"][0].get("name")
    if record["images"]:
        values["images"] = record["images"][0]["url"]
    for kind, name, _ in record["terms"]:
        values.setdefault(f"terms.{kind}", name)
    raw = record.get("raw") or {}
    return [
        (name, raw.get(_NAMES_IN_PROFILES.get(name, name), {}).get("source"), value)
        for name, value in values.items()
    ]


def _settled(record: Mapping[str, Any], descent: Descent) -> Mapping[str, Any]:
    """Return a record with its categories and with what it inherits from its artists."""
    said = [{**maker, "said": maker} for maker in record["artists"]]
    terms = [tuple(term) for term in record["terms"]]
    terms += [("category", name, "page") for name in sorted(descent.categories)]
    known = {(kind, name) for kind, name, _ in terms}
    terms += [(*term, "artist") for term in inherited_terms(descent.told) if term not in known]
    makers = [
        {name: value for name, value in maker.items() if name != "said"}
        for maker in settled_makers(said, descent.told)
    ]
    return {**record, "artists": makers, "terms": list(dict.fromkeys(terms))}


def _commonest(sources: Counter[str] | None) -> str | None:
    return min(sources, key=lambda name: (-sources[name], name)) if sources else None
