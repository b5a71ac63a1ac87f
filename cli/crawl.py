"""`artworks sites` and `failures`: what is crawled, and what went wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from cli.console import (
    ACCENT,
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
    from cli.page_trial import Trial
    from crawler.profiles import Profile, ProfileEntry
    from storage.failures import FailureGroup, FailureRow
    from storage.status import SiteSummary

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
MOST_LINKS = 10


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(sites)
    app.command()(failures)


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
    as_json: JsonOption = False,
) -> None:
    """List the sites that can be crawled, show one, or try its profile on a page.

    Profiles are TOML files in ./sites, and those that come with the program.

    Example: `artworks sites demo --url http://127.0.0.1:8808/work/w0001`
    """
    from crawler.profiles import list_profiles, load_profile

    if name is None:
        if url is not None:
            raise UsageError("--url needs a site to read the page by: artworks sites NAME --url …")
        _list_sites(list_profiles(), as_json)
        return
    profile = load_profile(name)
    if url is None:
        _show_site(profile, as_json)
        return
    from cli.page_trial import try_page
    from crawler.config import load_crawler_settings

    _show_trial(profile, try_page(profile, url, load_crawler_settings()), as_json)


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
    asked = {profile.rendering.listing, profile.rendering.artwork}
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
                f"listings {profile.rendering.listing}, artworks {profile.rendering.artwork}",
            ),
            ("listing", _written(profile.listing.model_dump(mode="json", exclude_none=True))),
            ("artwork", _written(artwork)),
            ("crawl it", f"scrapy crawl artworks -a site={profile.name}"),
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


def _show_trial(profile: Profile, trial: Trial, as_json: bool) -> None:
    record = trial.artwork
    values = record.to_dict() if record is not None else None
    if as_json:
        print_json(
            {
                "url": trial.url,
                "status": trial.status,
                "bytes": trial.bytes,
                "verdict": trial.verdict,
                "problem": trial.problem,
                "artwork": values,
                "links": {
                    "artworks": [link.url for link in trial.listing.artworks],
                    "next": list(trial.listing.next_pages),
                    "listings": [link.url for link in trial.listing.listings],
                    "categories": {link.text: link.url for link in trial.discovered.listings},
                    "offsite": list(trial.listing.offsite),
                },
            }
        )
    else:
        if record is not None:
            _print_record(record.to_dict())
        else:
            _print_links(trial)
        if _rendering(profile) != "none":
            remark("The page was read as it is; this profile lets some pages be rendered first.")
        if on_terminal():
            style = "green" if trial.is_anything else "yellow"
            stdout().print(Text(f"→ {trial.verdict}", style=f"bold {style}"))
        else:
            print_facts("", [("verdict", trial.verdict)])
    if not trial.is_anything:
        raise typer.Exit(code=UsageError.exit_code)


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


def _print_links(trial: Trial) -> None:
    groups = {
        "artworks": [(link.url, link.text) for link in trial.listing.artworks],
        "next": [(url, "") for url in trial.listing.next_pages],
        "listings": [(link.url, link.text) for link in trial.listing.listings],
        "categories": [(link.url, link.text) for link in trial.discovered.listings],
        "offsite": [(url, "not followed") for url in trial.listing.offsite],
    }
    rows = []
    for group, links in groups.items():
        shown = links[:MOST_LINKS] if on_terminal() else links
        rows += [(group, url, words) for url, words in shown]
        if len(links) > len(shown):
            rows.append((group, f"… and {len(links) - len(shown)} more", ""))
    if rows:
        print_table(trial.url, ("Link", "URL", "Text"), rows, wrap=("URL", "Text"))


def _plain(value: object) -> str:
    """Return a year as it is written: without separators."""
    return "" if value is None else str(value)


def failures(
    site: Annotated[
        str | None, typer.Option("--site", metavar="NAME", help="This site only.")
    ] = None,
    reason: Annotated[
        str | None, typer.Option("--reason", metavar="CODE", help="This reason only.")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Those that were resolved later as well.")
    ] = False,
    limit: Annotated[int, typer.Option("--limit", min=0, help="Show at most this many rows.")] = 20,
    retry: Annotated[
        bool,
        typer.Option(
            "--retry", help="Take what failed up again, also what would not be by itself."
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show why pages and images are missing, or take them up again.

    A crawl tries retryable failures again by itself; --retry is for the others, after the site or
    the profile was mended.

    Example: `artworks failures --reason not_found --retry`
    """
    from crawler.reasons import REASONS
    from storage.failures import failure_groups, failure_rows, retry_failures

    if reason is not None and reason not in REASONS:
        from crawler.profile_problems import suggestion

        raise UsageError(f"no such reason {reason!r}{suggestion(reason, list(REASONS))}.")
    with existing_database(load_settings()) as database:
        if retry:
            with database.begin() as connection:
                retried = retry_failures(connection, site=site, reason=reason)
            _tell_retried(retried, as_json)
            return
        with snapshot(database) as connection:
            groups = failure_groups(connection, site=site, reason=reason, resolved=everything)
            rows = failure_rows(
                connection, site=site, reason=reason, resolved=everything, limit=limit
            )
    meanings = {code: told.meaning for code, told in REASONS.items()}
    if as_json:
        print_json(_failures_document(groups, rows, meanings))
        return
    _print_failures(groups, rows, meanings)


def _tell_retried(retried: dict[str, int], as_json: bool) -> None:
    commands = [f"scrapy crawl artworks -a site={name}" for name in retried]
    total = sum(retried.values())
    if as_json:
        print_json({"retried": total, "sites": retried, "commands": commands})
        return
    if not total:
        print_facts("", [("taken up again", "0 (nothing that failed matches)")])
        return
    print_facts(
        "",
        [
            ("taken up again", f"{number(total)} pages and images"),
            ("now run", "\n".join(commands) if on_terminal() else " && ".join(commands)),
        ],
    )


def _failures_document(
    groups: list[FailureGroup], rows: list[FailureRow], meanings: dict[str, str]
) -> dict[str, Any]:
    by_reason: dict[str, dict[str, Any]] = {}
    for group in groups:
        entry = by_reason.setdefault(
            group.reason,
            {
                "reason": group.reason,
                "meaning": meanings.get(group.reason),
                "count": 0,
                "retryable": 0,
                "resolved": 0,
                "sites": {},
            },
        )
        entry["count"] += group.rows
        entry["retryable"] += group.retryable
        entry["resolved"] += group.resolved
        entry["sites"][group.site] = entry["sites"].get(group.site, 0) + group.rows
    return {
        "total": sum(group.rows for group in groups),
        "reasons": sorted(by_reason.values(), key=lambda e: (-e["count"], e["reason"])),
        "failures": [row.as_dict() for row in rows],
    }


def _print_failures(
    groups: list[FailureGroup], rows: list[FailureRow], meanings: dict[str, str]
) -> None:
    if not groups:
        if on_terminal():
            stdout().print(Text("Nothing is missing: no failures.", style="green"))
        return
    if on_terminal():
        print_table(
            "Failures by reason",
            ("Rows", "Reason", "Meaning", "Stage", "Site", "Again by itself", "Last"),
            [
                (
                    Text(f"{group.rows:,}", style="bold"),
                    Text(group.reason, style="red" if group.retryable else "yellow"),
                    Text(meanings.get(group.reason, ""), style="dim"),
                    group.stage,
                    group.site,
                    "yes" if group.retryable else "no",
                    ago(group.last_at),
                )
                for group in groups
            ],
            numbers=("Rows",),
            wrap=("Meaning",),
        )
    if not rows:
        return
    columns = ("Reason", "Site", "URL", "Detail", "Tried", "Retryable", "Resolved")
    with_resolved = not on_terminal() or any(row.resolved_at for row in rows)
    print_table(
        "Pages and images" if on_terminal() else "",
        columns if with_resolved else columns[:-1],
        [
            (
                row.reason,
                row.site,
                Text(row.url, style=ACCENT) if on_terminal() else row.url,
                row.detail,
                row.attempts,
                "yes" if row.retryable else "no",
                *([ago(row.resolved_at)] if with_resolved else []),
            )
            for row in rows
        ],
        numbers=("Tried",),
        wrap=("URL", "Detail"),
    )
    left_out = sum(group.rows for group in groups) - len(rows)
    if left_out > 0:
        remark(f"… and {left_out:,} more: --limit {len(rows) + left_out} shows them")
