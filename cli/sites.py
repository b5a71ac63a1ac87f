"""`artworks sites`: what can be crawled, and what a profile makes of a page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from cli.console import (
    ago,
    number,
    on_terminal,
    print_facts,
    print_json,
    print_table,
    remark,
    stdout,
)
from cli.opening import existing_database, has_database, load_settings, snapshot
from storage.errors import ArtworksError, UsageError

if TYPE_CHECKING:
    from crawler.profiles import Profile, ProfileEntry
    from storage.status import SiteSummary

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
MOST_LINKS = 10


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(sites)


def sites(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="Show this site (or profile file) in detail."),
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(
            "--url",
            metavar="URL",
            help="Fetch this page and show what the profile reads from it. Nothing is stored.",
        ),
    ] = None,
    rendering: Annotated[
        str | None,
        typer.Option(
            "--rendering",
            metavar="HOW",
            help="Fetch it so: never, auto, splash or chromium. Default: as the profile says.",
        ),
    ] = None,
    schema: Annotated[
        bool,
        typer.Option("--schema", help="Print the JSON Schema of profiles, for editors."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """List the sites that can be crawled, show one, or try its profile on a page.

    Profiles are TOML files in ./sites, and those that come with the program.

    Example: `artworks sites demo --url http://127.0.0.1:8808/work/w0001`
    """
    from crawler.profiles import list_profiles, load_profile

    if schema:
        from crawler.profile_schema import profile_schema

        print_json(profile_schema())
        return
    if name is None:
        if url is not None:
            raise UsageError("--url needs a site to read the page by: artworks sites NAME --url …")
        _list_sites(list_profiles(), as_json)
        return
    if url is None:
        _show_site(load_profile(name), as_json)
        return
    if rendering not in (None, "never", "auto", "splash", "chromium"):
        raise UsageError(f"--rendering {rendering}: write never, auto, splash or chromium.")
    from cli.page_trial import try_page

    load_profile(name)
    _show_trial(try_page(name, url, rendering), as_json)


def _list_sites(entries: tuple[ProfileEntry, ...], as_json: bool) -> None:
    crawled = _crawled_sites()
    found = [_site_row(entry, crawled.get(entry.name)) for entry in entries]
    if as_json:
        print_json(found)
        return
    columns = ("Site", "Title", "Categories", "Rendering", "Artworks", "Crawled", "Profile")
    rows = []
    for row, entry in zip(found, entries, strict=True):
        if row["error"] is not None:
            title: object = Text(f"✗ {row['error']}", style="red")
            rows.append((row["name"], title, "", "", "", "", _place(entry)))
            continue
        categories = ", ".join(row["categories"])
        if entry.profile is not None and entry.profile.general:
            categories = "any site: -a start=URL"
        if row["discovers_categories"]:
            categories += " …" if categories else "found on the site"
        known = crawled.get(entry.name)
        rows.append(
            (
                row["name"],
                row["title"],
                categories,
                row["rendering"],
                number(known.artworks) if known else "",
                (ago(known.completed_at) or "under way") if known else "",
                _place(entry),
            )
        )
    print_table(
        "Sites", columns, rows, numbers=("Artworks",), wrap=("Title", "Categories", "Profile")
    )
    if on_terminal():
        remark("Crawl one with: scrapy crawl artworks -a site=NAME")


def _site_row(entry: ProfileEntry, crawled: SiteSummary | None) -> dict[str, Any]:
    profile = entry.profile
    return {
        "name": entry.name,
        "title": profile.label if profile else None,
        "categories": list(profile.category_names) if profile else [],
        "discovers_categories": profile.discovers if profile else False,
        "rendering": _rendering(profile) if profile else None,
        "file": str(entry.path),
        "error": str(entry.error) if entry.error else None,
        "artworks": crawled.artworks if crawled else None,
        "completed_at": crawled.completed_at.isoformat()
        if crawled and crawled.completed_at
        else None,
    }


def _place(entry: ProfileEntry) -> str:
    """Return where a profile is, for people: those that come with the program lie deep."""
    from crawler.profiles import BUNDLED_FOLDER

    bundled = on_terminal() and entry.path.parent == BUNDLED_FOLDER
    return "bundled" if bundled else str(entry.path)


def _rendering(profile: Profile) -> str:
    """Return which renderer the profile asks for, anywhere."""
    table = profile.rendering
    asked = {table.listing, table.artwork, *([table.artist] if profile.artist else [])}
    asked |= {start.rendering for start in profile.starts()}
    return ", ".join(sorted(asked - {"never"})) or "none"


def _crawled_sites() -> dict[str, SiteSummary]:
    """Return the sites that were crawled; none where there is no database to ask."""
    from storage.status import crawled_sites

    try:
        settings = load_settings()
        if not has_database(settings):
            return {}
        with existing_database(settings) as database, snapshot(database) as connection:
            return {site.name: site for site in crawled_sites(connection)}
    except ArtworksError as error:
        remark(f"without counts: {error}")
        return {}


def _show_site(profile: Profile, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                **profile.model_dump(mode="json", exclude_none=True),
                "file": str(profile.path),
                "hash": profile.hash,
                "starts": [page.url for page in profile.starts()],
            }
        )
        return
    politeness = profile.politeness
    artwork = profile.artwork.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    print_facts(
        profile.label,
        [
            ("name", profile.name),
            ("file", str(profile.path)),
            ("base_url", profile.base_url),
            ("domains", ", ".join(profile.hosts)),
            ("categories", ", ".join(profile.category_names) or None),
            ("starts", "\n".join(_start(page.url, page.category) for page in profile.starts())),
            (
                "politeness",
                f"{politeness.delay:g} s between requests, {politeness.concurrency} at once, "
                f"robots.txt {'obeyed' if politeness.obey_robots else 'NOT obeyed'}",
            ),
            (
                "rendering",
                f"listings {profile.rendering.listing}, artists {profile.rendering.artist}, "
                f"artworks {profile.rendering.artwork}",
            ),
            ("listing", _written(profile.listing.model_dump(mode="json", exclude_none=True))),
            ("artwork", _written(artwork)),
            ("crawl it", _crawl_command(profile)),
        ],
    )


def _start(url: str, category: str | None) -> str:
    return f"{url} ({category})" if category else url


def _written(sources: dict[str, Any], prefix: str = "") -> str:
    lines = []
    for name, value in sources.items():
        if isinstance(value, dict):
            lines.append(_written(value, f"{prefix}{name}."))
        elif isinstance(value, list):
            lines.append(f"{prefix}{name} = {' | '.join(str(item) for item in value)}")
        else:
            lines.append(f"{prefix}{name} = {value}")
    return "\n".join(lines)


def _crawl_command(profile: Profile) -> str:
    start = " -a start=URL" if profile.general else ""
    return f"scrapy crawl artworks -a site={profile.name}{start}"


def _show_trial(trial: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(trial)
    else:
        if trial["artwork"] is not None:
            _print_record(trial["artwork"])
        else:
            _print_artist(trial["artist"])
            _print_links(trial)
        for problem in trial["unreadable"]:
            remark(problem)
        *earlier, last = trial["attempts"]
        for attempt in earlier:
            remark(f"{FETCHED[attempt['engine']]}: {attempt['verdict']}")
        verdict = f"{trial['verdict']} ({FETCHED[last['engine']]})"
        if on_terminal():
            style = "green" if trial["found"] else "yellow"
            stdout().print(Text(f"→ {verdict}", style=f"bold {style}"))
        else:
            print_facts("", [("verdict", verdict)])
    if not trial["found"]:
        raise typer.Exit(code=UsageError.exit_code)


FETCHED = {"never": "read as it is", "splash": "rendered by Splash", "chromium": "by Chromium"}

# How the fields of a profile are called in a record, where that differs.
_RECORD_NAMES = {
    "date": "date_text",
    "dimensions": "dimensions_text",
}


def _print_record(record: dict[str, Any]) -> None:
    sources, raw = record["sources"], record["raw"]
    rows: list[tuple[object, object, object]] = []
    for name, source in sources.items():
        value = record.get(_RECORD_NAMES.get(name, name))
        if not isinstance(value, str):
            value = "; ".join(raw.get(name, []))
        rows.append((name, value, Text(source, style="dim")))
    for name in ("year_from", "year_to", "height_cm", "width_cm", "depth_cm"):
        if record[name] is not None:
            rows.append((name, f"{record[name]:g}" if name[-1] == "m" else str(record[name]), ""))
    print_table(record["title"], ("Field", "Value", "Source"), rows, wrap=("Value", "Source"))
    print_table(
        "Makers",
        ("Name", "Role", "Qualifier", "Nationality", "Born", "Died"),
        [
            (
                artist["name"],
                artist["role"],
                artist["qualifier"],
                artist["nationality"],
                _plain(artist["birth_year"]),
                _plain(artist["death_year"]),
            )
            for artist in record["artists"]
        ],
        wrap=("Name",),
    )
    print_table("Terms", ("Kind", "Name"), record["terms"], wrap=("Name",))
    print_table(
        "Images",
        ("No.", "URL", "Caption"),
        [(image["position"] + 1, image["url"], image["caption"]) for image in record["images"]],
        wrap=("URL", "Caption"),
    )


def _print_artist(artist: dict[str, Any] | None) -> None:
    if artist is not None:
        rows = [(key, _plain(artist[key])) for key in artist if key != "terms" and artist[key]]
        rows += [tuple(term) for term in artist["terms"]]
        print_table(artist["name"], ("Field", "Value"), rows, wrap=("Value",))


def _print_links(trial: dict[str, Any]) -> None:
    found = trial["links"]
    groups = {
        "artworks": found["artworks"],
        "artists": found["artists"],
        "next": [(url, "") for url in found["next"]],
        "listings": found["listings"],
        "categories": [(url, name) for name, url in found["categories"].items()],
        "offsite": [(url, "not followed") for url in found["offsite"]],
    }
    rows = []
    for group, links in groups.items():
        shown = links[:MOST_LINKS] if on_terminal() else links
        rows += [(group, url, words) for url, words in shown]
        if len(links) > len(shown):
            rows.append((group, f"… and {len(links) - len(shown)} more", ""))
    if rows:
        print_table(trial["url"], ("Link", "URL", "Text"), rows, wrap=("URL", "Text"))


def _plain(value: object) -> str:
    """Return a year as it is written: without separators."""
    return "" if value is None else str(value)
