"""`artworks services`: Splash, an S3 server and Chromium on this machine."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from cli.console import on_terminal, print_facts, print_json, print_table, progress, remark
from cli.opening import load_settings, redact
from storage.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from storage.embedded.services import Service

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
NamesArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="[NAME]...", help="splash, s3 or chromium; default: all."),
]

SETTINGS = {
    "splash": "ARTWORKS_SPLASH_URL",
    "s3": "ARTWORKS_OBJECTS_URL",
    "chromium": "ARTWORKS_CHROMIUM",
}
STATE_STYLES = {"up": "green", "down": "bright_black", "broken": "red", "unavailable": "yellow"}

services = typer.Typer(
    help="Splash, an S3 server and Chromium on this machine: start, stop, look.\n\n"
    "They keep running until they are stopped, on free loopback ports, with their data under "
    "ARTWORKS_HOME. The embedded PostgreSQL needs no starting.\n\n"
    "Example: `artworks services up splash`",
    no_args_is_help=True,
)


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(services, name="services")


@services.command()
def up(
    names: NamesArgument = None,
    as_env: Annotated[
        bool,
        typer.Option("--env", help="Print shell commands that set what uses them, with secrets."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Start services that do not run yet, and wait until they answer.

    Example: `eval "$(artworks services up splash --env)"`
    """
    from storage.embedded.services import SERVICE_NAMES
    from storage.embedded.services import up as start

    if as_env and as_json:
        raise UsageError("--env and --json: choose one.")
    with progress() as bars:
        bars.add_task("starting", total=None)
        found = start(load_settings().home_path, names or SERVICE_NAMES)
    if as_env:
        for service in found.values():
            typer.echo(f"export {SETTINGS[service.name]}={shlex.quote(service.url)}")
    elif as_json:
        print_json({name: _shown(service) for name, service in found.items()})
    else:
        print_facts("Running", [(name, _shown(service)) for name, service in found.items()])
        if on_terminal():
            remark('Use them with: eval "$(artworks services up --env)"')


def _shown(service: Service) -> str:
    return service.url if service.name == "chromium" else redact(service.url)


@services.command()
def down(as_json: JsonOption = False) -> None:
    """Stop all services that run under this home; their data stays.

    Example: `artworks services down`
    """
    from storage.embedded.services import down as stop

    names = stop(load_settings().home_path)
    if as_json:
        print_json({"stopped": names})
    else:
        print_facts("", [("stopped", ", ".join(names) or "nothing was running")])


@services.command()
def status(names: NamesArgument = None, as_json: JsonOption = False) -> None:
    """Show what runs. Exit code 3 where a service that was named does not.

    Example: `artworks services status splash`
    """
    from storage.embedded.services import SERVICE_NAMES
    from storage.embedded.services import status as look

    unknown = sorted(set(names or ()) - set(SERVICE_NAMES))
    if unknown:
        raise UsageError(f"no service {unknown[0]!r}: choose from {', '.join(SERVICE_NAMES)}.")
    found = [one for one in look(load_settings().home_path) if not names or one.name in names]
    if as_json:
        print_json([asdict(one) for one in found])
    else:
        print_table(
            "Services",
            ("Service", "State", "Where", "How", "Reason"),
            [
                (
                    one.name,
                    Text(one.state, style=STATE_STYLES[one.state]) if on_terminal() else one.state,
                    one.url,
                    one.how,
                    one.reason,
                )
                for one in found
            ],
            wrap=("Where", "Reason"),
        )
    if names and any(one.state != "up" for one in found):
        raise typer.Exit(int(ExitCode.UNREACHABLE))
