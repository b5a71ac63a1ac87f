"""What a crawl works with: settings, profile, ledger and stores, handed to every component."""

from __future__ import annotations

import asyncio
import logging
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self
from urllib.parse import urlsplit

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import CloseSpider

from crawler.addresses import AddressPolicy, proxy_urls
from crawler.config import CrawlerSettings
from crawler.extraction.urls import url_fingerprint
from crawler.frontier.ledger import Ledger
from crawler.frontier.memory import MemoryLedger
from crawler.frontier.protocol import Frontier
from crawler.frontier.writer import Writer
from crawler.image_fallbacks import Search
from crawler.items import FailureItem, Item, Kind, Lease, Link, PostponedItem
from crawler.opt_outs import product_names
from crawler.pauses import Pauses
from crawler.profiles import Profile, StartPage
from crawler.rendering.availability import available_engines, guard_proxy
from crawler.rendering.choice import Engine, RenderingChoice
from crawler.rendering.chromium import chromium_meta
from crawler.rendering.proxy import GuardProxy
from crawler.rendering.splash import splash_meta
from storage.database import Database
from storage.errors import ArtworksError, UsageError
from storage.objects import ObjectStore

logger = logging.getLogger(__name__)

# Addresses may hold commas.
_BETWEEN_STARTS = re.compile(r"[,\s]+(?=https?://)")

# Pages between two writes of what was learned about rendering.
LEARN_EVERY = 100

ARGUMENTS = ("site", "category", "limit", "refresh", "full", "base_url", "start", "dry_run")


class Interrupted(Exception):
    """A request that was given up before it began, because the crawl was told to end."""


@dataclass(frozen=True, slots=True)
class CrawlArguments:
    """The spider's arguments, as given with `-a`."""

    site: str
    categories: tuple[str, ...] = ()
    limit: int | None = None
    refresh_days: float | None = None
    base_url: str | None = None
    starts: tuple[str, ...] = ()
    dry_run: bool = False
    full: bool = False

    @classmethod
    def parse(cls, given: Mapping[str, str]) -> CrawlArguments:
        """Read `-a` arguments; raise UsageError for one that is unknown or malformed."""
        for name in given:
            if name not in ARGUMENTS:
                raise UsageError(f"unknown argument -a {name}=…; known are {', '.join(ARGUMENTS)}")
        if not given.get("site"):
            raise UsageError("which site? Say -a site=NAME; `artworks sites` lists them")
        return cls(
            site=given["site"],
            categories=_listed(given, "category"),
            limit=_number(given, "limit", int, 1),
            refresh_days=_number(given, "refresh", float, 0),
            base_url=given.get("base_url"),
            starts=tuple(_BETWEEN_STARTS.split(given["start"].strip())) if "start" in given else (),
            dry_run=_switch(given, "dry_run"),
            full=_switch(given, "full"),
        )


def _listed(given: Mapping[str, str], name: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in given.get(name, "").split(",") if part.strip())


def _switch(given: Mapping[str, str], name: str) -> bool:
    value = given.get(name, "0").casefold()
    if value in ("1", "true", "yes"):
        return True
    if value in ("0", "false", "no"):
        return False
    raise UsageError(f"-a {name}={given[name]}: 1 or 0 is needed")


def _number(given: Mapping[str, str], name: str, kind: type[Any], least: int) -> Any:
    if name not in given:
        return None
    try:
        value = kind(given[name])
    except ValueError:
        value = None
    if value is None or not least <= value < float("inf"):
        raise UsageError(f"-a {name}={given[name]}: a number of at least {least} is needed")
    return value


@dataclass
class CrawlContext:
    """Everything that the scheduler, the spider and the pipelines share in one crawl."""

    arguments: CrawlArguments
    settings: CrawlerSettings
    profile: Profile
    database: Database | None
    addresses: AddressPolicy
    proxy: GuardProxy
    rendering: RenderingChoice
    ledger: Frontier
    writer: Writer
    crawl_delays: dict[str, float] = field(default_factory=dict)
    problem: str | None = None
    finish_reason: str | None = None
    retryable_failures: int = 0
    pauses: Pauses = field(default_factory=Pauses)
    refusals: Counter[tuple[int, str]] = field(default_factory=Counter)
    """How often an address of a row was refused in this run."""
    searches: dict[int, Search] = field(default_factory=dict)
    """How far the searches for images had come whose rows were postponed, by row."""
    left_waiting: int = 0
    interrupted: bool = False
    dropped: bool = False
    _stopping: bool = False
    _ended: bool = False
    _unlearned: int = 0
    _learning: asyncio.Future[None] | None = None

    @classmethod
    def build(
        cls,
        arguments: CrawlArguments,
        settings: CrawlerSettings,
        profile: Profile,
        database: Database | None,
        store: ObjectStore | None = None,
    ) -> Self:
        """Put the parts together; nothing is asked of the database yet.

        Without a database the frontier is in memory, and nothing is stored: a dry run.
        """
        splash = settings.splash_url
        services = [*proxy_urls(), *([splash.get_secret_value()] if splash else [])]
        ledger: Frontier
        if database is None:
            ledger = MemoryLedger(site=profile.name, categories=arguments.categories)
        else:
            ledger = Ledger(
                database,
                site=profile.name,
                categories=arguments.categories,
                refresh_days=arguments.refresh_days,
                full=arguments.full,
                store=store,
            )
        return cls(
            arguments=arguments,
            settings=settings,
            profile=profile,
            database=database,
            addresses=AddressPolicy(settings.allowed_networks, services),
            proxy=guard_proxy(settings),
            rendering=RenderingChoice(available_engines(settings)),
            ledger=ledger,
            writer=Writer(ledger),
        )

    @classmethod
    def of(cls, crawler: Crawler) -> CrawlContext:
        """Return the context of the crawl that a component belongs to."""
        context = getattr(crawler.spider, "context", None)
        assert isinstance(context, CrawlContext), "the artworks spider brings its context"
        return context

    @property
    def run_id(self) -> int:
        """Number of the run in `crawl_runs`."""
        return self.ledger.worker

    async def begin(self, crawler: Crawler) -> None:
        """Register the run and seed the frontier; raise CloseSpider where that cannot be done."""
        try:
            await self.writer.call(
                self.ledger.open,
                profile_hash=self.profile.hash,
                settings={
                    "site": self.arguments.site,
                    "category": list(self.arguments.categories),
                    "limit": self.arguments.limit,
                    "refresh": self.arguments.refresh_days,
                    "full": self.arguments.full,
                    "start": list(self.arguments.starts),
                    "user_agent": self.settings.user_agent,
                    "opt_outs": self.settings.opt_outs,
                    "profile": str(self.profile.path),
                },
            )
            self.rendering.recall(await self.writer.call(self.ledger.rendering))
            await self.writer.call(self.ledger.seed, self.start_links())
        except ArtworksError as error:
            self.problem = str(error)
            logger.error("%s", error)
            raise CloseSpider("database_unavailable") from error

    def start_links(self) -> list[Link]:
        """Return the pages to begin with."""
        return [start_link(start) for start in self.profile.starts(self.arguments.categories)]

    async def end(self, reason: str, stats: Mapping[str, Any]) -> None:
        """Close the run; after a lost database there is nobody to tell, and locks are free."""
        if self._ended:
            return
        self._ended = True
        self.finish_reason = reason
        try:
            if reason != "database_unavailable":
                await self._learn()
                if not await self.writer.call(self.ledger.knows_categories):
                    self.finish_reason = "unknown_category"
                    self.problem = (
                        f"site {self.profile.name} has no category "
                        f"{', '.join(self.arguments.categories)}: leave -a category= out to see all"
                    )
                self.retryable_failures = await self.writer.call(
                    self.ledger.close, finish_reason=self.finish_reason, stats=stats
                )
        except ArtworksError as error:
            self.finish_reason = "database_unavailable"
            self.problem = str(error)
            logger.error("the run could not be closed: %s", error)
        finally:
            await self.writer.call(self.ledger.abandon)
            self.writer.close()
            self.proxy.close()
            if self.database is not None:
                self.database.close()

    async def leave_waiting(self, rows: int) -> None:
        """Leave rows to a later run, for their hosts want to be left alone for longer than this."""
        self.left_waiting = rows
        self.pauses.recall(await self.writer.call(self.ledger.pauses))

    @cached_property
    def names(self) -> frozenset[str]:
        """Names by which sites may mean us, in lower case."""
        return product_names(self.settings.user_agent)

    @property
    def obeys_opt_outs(self) -> bool:
        """Whether what owners reserve is left out, and not only told."""
        return self.settings.opt_outs == "obey"

    @property
    def is_dry_run(self) -> bool:
        """Whether nothing is to be stored."""
        return self.database is None

    def stop(self, crawler: Crawler, reason: str, problem: str) -> None:
        """End the crawl early because a service it cannot do without is gone."""
        if self._stopping:
            return
        self._stopping = True
        self.problem = problem
        logger.error("stopping: %s", problem)
        assert crawler.engine is not None
        self._closing = asyncio.ensure_future(crawler.engine.close_spider_async(reason=reason))

    def request_for(self, lease: Lease, engines: tuple[Engine, ...] = ()) -> Request:
        """Return the request that fetches a leased row.

        Args:
            lease: the row.
            engines: what fetched the page in vain in this lease, and last what is to fetch it
                now; none: begin with what the row asks for, or what is known about such pages.
        """
        settings = self.settings
        limit = settings.max_image_bytes if lease.kind == "image" else settings.max_page_bytes
        engines = engines or (self._first_engine(lease),)
        meta: dict[str, Any] = {"lease": lease, "engines": engines, "download_maxsize": limit}
        headers: dict[str, str] = {}
        if engines[-1] != "never":
            browser = self.profile.rendering.browser
            make_meta = splash_meta if engines[-1] == "splash" else chromium_meta
            meta[engines[-1]] = make_meta(lease.kind, browser, self.proxy)
            meta["autothrottle_dont_adjust_delay"] = True
        elif self._may_be_unchanged(lease):
            if lease.etag:
                headers["If-None-Match"] = lease.etag
            if lease.last_modified:
                headers["If-Modified-Since"] = lease.last_modified
            # "Not modified" to a request that did not ask is an error like others.
            if headers:
                meta["handle_httpstatus_list"] = [304]
        return Request(lease.url, meta=meta, headers=headers, dont_filter=True)

    def _first_engine(self, lease: Lease) -> Engine:
        asked = lease.meta.get("rendering", "never")
        if asked == "auto":
            return self.rendering.first(lease.kind, lease.url, own=lease.meta.get("engine"))
        engine: Engine = asked
        return engine

    def note_rendering(self, lease: Lease, engines: tuple[Engine, ...]) -> None:
        """Remember which engine showed what was needed; now and then in the database too."""
        self.rendering.note(lease.kind, lease.url, engines[-1], first=engines[0])
        self._unlearned += 1
        if self._unlearned >= LEARN_EVERY:
            self._unlearned = 0
            self._learning = asyncio.ensure_future(self._learn())

    async def _learn(self) -> None:
        if learned := self.rendering.learned():
            await self.writer.call(self.ledger.learn, learned)

    def _may_be_unchanged(self, lease: Lease) -> bool:
        """Whether "not modified" would be a useful answer: what it stands for is stored.

        Pages count only as this profile read them. A later page of an artist passes on what the
        first one says, which may be news though the later one is the same.
        """
        is_later = lease.meta.get("artist_key", lease.fingerprint) != lease.fingerprint
        if self.arguments.full or is_later:
            return False
        if lease.kind == "image":
            return lease.is_stored
        is_known = lease.is_stored or {"children", "named"} <= lease.meta.keys()
        return is_known and lease.meta.get("profile") == self.profile.hash

    @staticmethod
    def is_success(item: Item) -> bool:
        """Whether an outcome counts as finished work."""
        return not isinstance(item, FailureItem | PostponedItem)


def link_to(
    url: str, kind: Kind, *, categories: tuple[str, ...] = (), meta: Mapping[str, Any] | None = None
) -> Link:
    """Return a frontier link; images are kept apart from pages of the same address."""
    fingerprint = url_fingerprint(url)
    return Link(
        url=url,
        fingerprint=f"image:{fingerprint}" if kind == "image" else fingerprint,
        host=urlsplit(url).hostname or "",
        kind=kind,
        categories=categories,
        meta=meta or {},
    )


def start_link(start: StartPage) -> Link:
    """Return the frontier link of a start page."""
    meta: dict[str, Any] = {"rendering": start.rendering}
    if start.discover is not None:
        meta["discover"] = start.discover
    return link_to(
        start.url, "listing", categories=(start.category,) if start.category else (), meta=meta
    )
