"""`scrapy crawl artworks`: Scrapy's command with checks up front and documented exit codes."""

from __future__ import annotations

import argparse
import gc
import logging
import os
import sys
from datetime import UTC, datetime
from typing import Any, NoReturn

from scrapy.commands.crawl import Command as ScrapyCrawl

from crawler.config import load_crawler_settings
from crawler.context import CrawlArguments, CrawlContext
from crawler.dry_run import print_summary
from crawler.extensions.progress import wants_display
from crawler.frontier.memory import MemoryLedger
from crawler.pauses import moment
from crawler.preflight import prepare
from storage.errors import ArtworksError, ExitCode
from storage.settings import load_settings

GC_ALLOCATIONS = 50_000
# Loggers that list versions, settings and components at every start.
INVENTORIES = (
    "scrapy.utils.log",
    "scrapy.addons",
    "scrapy.crawler",
    "scrapy.middleware",
    "alembic",
)

EXIT_BY_REASON = {
    "finished": ExitCode.DONE,
    "limit": ExitCode.DONE,
    "shutdown": ExitCode.INTERRUPTED,
    "unknown_category": ExitCode.USAGE,
    "database_unavailable": ExitCode.UNREACHABLE,
    "object_store_unavailable": ExitCode.UNREACHABLE,
}


class Command(ScrapyCrawl):
    """Runs the spider; wrong input and missing services are one sentence, not a traceback."""

    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        """Apply the log settings; a progress display keeps the terminal to itself."""
        super().process_options(args, opts)
        assert self.settings is not None
        try:
            storage = load_settings()
            load_crawler_settings()
            arguments = CrawlArguments.parse(opts.spargs)
            log_file = storage.log_file
            # A dry run stores nothing: no folder for a log either.
            if log_file is None and not arguments.dry_run and wants_display(self.settings):
                log_file = storage.home_path / "logs" / "crawl.log"
                log_file.parent.mkdir(parents=True, exist_ok=True)
        except ArtworksError as error:
            _refuse(error)
        self.settings.set("LOG_LEVEL", storage.log_level, priority="project")
        if self.settings["LOG_LEVEL"] != "DEBUG":
            for name in INVENTORIES:
                # Levels would be set anew when Scrapy configures logging; filters stay.
                logging.getLogger(name).addFilter(_is_warning)
        if log_file is not None:
            self.settings.set("LOG_FILE", str(log_file), priority="project")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Run the crawl and set the exit code by how it ended."""
        if args != ["artworks"]:
            _refuse_usage("the spider is named artworks: scrapy crawl artworks -a site=NAME")
        try:
            context = prepare(opts.spargs)
        except ArtworksError as error:
            _refuse(error)
        # What is loaded by now stays; looking through it again and again would stop the loop.
        gc.collect()
        gc.freeze()
        gc.set_threshold(GC_ALLOCATIONS)
        process: Any = self.crawler_process
        process.crawl(self._create_crawler(args[0]), context=context, **opts.spargs)
        process.start()
        if context.dropped:
            _leave(context)
        if isinstance(context.ledger, MemoryLedger):
            print_summary(context.ledger.summary())
        self.exitcode = int(_exit_code(context))


def _is_warning(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING


def _exit_code(context: CrawlContext) -> ExitCode:
    """Return the exit code of an ended crawl, having said what is left to say."""
    if context.problem is not None:
        sys.stderr.write(f"error: {context.problem}\n")
    code = EXIT_BY_REASON.get(str(context.finish_reason), ExitCode.UNEXPECTED)
    if code is not ExitCode.DONE:
        return code
    if context.left_waiting:
        _say_what_waits(context)
        code = ExitCode.RETRYABLE_FAILURES
    if context.retryable_failures:
        sys.stderr.write(
            f"{context.retryable_failures} pages or images failed and are tried again by the next "
            "run: see `artworks failures`\n"
        )
        code = ExitCode.RETRYABLE_FAILURES
    return code


def _say_what_waits(context: CrawlContext) -> None:
    for host, pause in context.pauses.in_effect(datetime.now(UTC)):
        sys.stderr.write(
            f"{host} is left alone until {moment(pause.until)} ({pause.because}): run again then\n"
        )
    sys.stderr.write(f"{context.left_waiting} pages or images wait for a later run\n")


def _leave(context: CrawlContext) -> NoReturn:
    """End an interrupted crawl without waiting for its threads, which may wait for a database."""
    sys.stderr.write("interrupted: the next run takes up what was under way\n")
    if context.database is not None:
        context.database.close()
    logging.shutdown()
    sys.stdout.flush()
    os._exit(ExitCode.INTERRUPTED)


def _refuse(error: ArtworksError) -> NoReturn:
    sys.stderr.write(f"error: {error}\n")
    sys.exit(int(error.exit_code))


def _refuse_usage(message: str) -> NoReturn:
    sys.stderr.write(f"error: {message}\n")
    sys.exit(int(ExitCode.USAGE))
