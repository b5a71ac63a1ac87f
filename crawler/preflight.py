"""Everything that can be wrong before a crawl begins is found here, and told in one sentence."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Mapping
from urllib.parse import urljoin

from crawler.config import CrawlerSettings, load_crawler_settings
from crawler.context import CrawlArguments, CrawlContext
from crawler.profiles import Profile, load_profile
from storage.database import Database
from storage.errors import ServiceUnavailable, SettingError, UsageError
from storage.forgotten import site_taken_down
from storage.objects import open_store
from storage.settings import load_settings, redact

SPLASH_TIMEOUT_S = 5.0


class RendererUnavailable(ServiceUnavailable):
    """The renderer that a setting names does not answer."""


def prepare(given: Mapping[str, str]) -> CrawlContext:
    """Check arguments, settings, profile and services; return an open context.

    Raises UsageError (with SettingError and ProfileError) and ServiceUnavailable.
    """
    arguments = CrawlArguments.parse(given)
    profile = profile_of(arguments)
    profile.starts(arguments.categories)
    settings = load_crawler_settings()
    if profile.renders_with("splash", "auto"):
        check_splash(settings)
    if arguments.dry_run:
        return CrawlContext.build(arguments, settings, profile, None)
    storage = load_settings()
    store = open_store(storage.objects_location)
    store.check()
    database = Database.open(storage)
    try:
        database.check()
        refuse_taken_down(database, profile.name)
    except BaseException:
        database.close()
        raise
    return CrawlContext.build(arguments, settings, profile, database, store)


def refuse_taken_down(database: Database, site: str) -> None:
    """Raise UsageError for a site that was taken down."""
    with database.begin() as connection:
        number = site_taken_down(connection, site)
    if number is not None:
        raise UsageError(
            f"site {site} was taken down, and is not crawled any more: "
            f"`artworks forget --undo {number}` allows it again."
        )


def profile_of(arguments: CrawlArguments) -> Profile:
    """Load the profile that the arguments name, made one of the site that they name.

    Raises ProfileError and UsageError.
    """
    profile = load_profile(arguments.site)
    if arguments.base_url is not None:
        profile = profile.with_base_url(arguments.base_url)
    if arguments.starts:
        return profile.with_starts(arguments.starts)
    if profile.general:
        raise UsageError(
            f"site {profile.name} fits many sites: say where to begin, with -a start=URL"
        )
    return profile


def check_splash(settings: CrawlerSettings) -> None:
    """Raise RendererUnavailable if a Splash is configured and does not answer.

    With none configured, pages that need one become failures that a later run takes up.
    """
    if settings.splash_url is None:
        return
    url = settings.splash_url.get_secret_value()
    cure = "start it (`artworks services up splash`), or unset ARTWORKS_SPLASH_URL to go without"
    if not url.startswith(("http://", "https://")):
        raise SettingError(
            f"ARTWORKS_SPLASH_URL={redact(url)} is not a URL: write http://HOST:8050"
        )
    try:
        with urllib.request.urlopen(urljoin(url, "_ping"), timeout=SPLASH_TIMEOUT_S) as answer:  # noqa: S310
            if answer.status == 200:
                return
            problem = f"HTTP {answer.status}"
    except (OSError, urllib.error.URLError) as error:
        problem = str(getattr(error, "reason", error))
    raise RendererUnavailable(f"Splash does not answer at {redact(url)} ({problem}): {cure}.")
