"""Whether a command line can be run, found out without running it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from storage.errors import UsageError


@runtime_checkable
class _Told(Protocol):
    """What typer raises for a command line that it does not understand."""

    def format_message(self) -> str: ...


def check_command(words: Sequence[str]) -> None:
    """Raise UsageError, with the cure, for a command line that cannot be run.

    Looked at are the names of commands, options and jobs, and for a crawl its site, categories and
    arguments.
    """
    program, *arguments = words
    if program == "scrapy":
        _check_crawl(arguments)
    else:
        _check_artworks(arguments)


def _check_crawl(arguments: Sequence[str]) -> None:
    from crawler.context import CrawlArguments
    from crawler.preflight import profile_of

    if list(arguments[:2]) != ["crawl", "artworks"]:
        raise UsageError(
            'of scrapy, a schedule runs crawls: ["scrapy", "crawl", "artworks", "-a", "site=NAME"]'
        )
    given: dict[str, str] = {}
    rest = list(arguments[2:])
    while rest:
        option, value = rest.pop(0), rest.pop(0) if rest else ""
        name, equals, text = value.partition("=")
        if option not in ("-a", "-s") or not equals:
            raise UsageError(f"{option} {value}: write -a NAME=VALUE, or -s SETTING=VALUE")
        if option == "-a":
            given[name] = text
    parsed = CrawlArguments.parse(given)
    profile_of(parsed).starts(parsed.categories)


def _check_artworks(arguments: Sequence[str]) -> None:
    import typer

    from analysis.catalog import check_name
    from cli.main import app

    if not arguments:
        raise UsageError('which command? Write its name, as in ["artworks", "verify"]')
    command = typer.main.get_command(app)
    names: list[str] = []
    rest = list(arguments)
    while rest and rest[0] in (children := getattr(command, "commands", {})):
        names.append(rest[0])
        command = children[rest.pop(0)]
    if children := getattr(command, "commands", {}):
        called = " ".join(["artworks", *names])
        raise UsageError(
            f"{called} has no command {rest[0]!r}; it has: {', '.join(sorted(children))}"
            if rest
            else f"{called} needs one of its commands: {', '.join(sorted(children))}"
        )
    if names == ["schedule"]:
        raise UsageError("a schedule does not run itself: leave this entry out")
    if "--help" in rest or "-h" in rest:
        raise UsageError(f"artworks {' '.join(arguments)} prints its help: leave --help out")
    try:
        parameters = command.make_context(" ".join(names), rest).params
    except Exception as error:
        if not isinstance(error, _Told):
            raise
        raise UsageError(f"artworks {' '.join(arguments)}: {error.format_message()}") from error
    if names == ["analyze"]:
        for jobs in parameters.values():
            for job in jobs if isinstance(jobs, (list, tuple)) else ():
                check_name(job)
