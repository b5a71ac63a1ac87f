"""The `artworks` command: one typer app, and what its exit status means."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Sequence
from types import FrameType
from typing import Annotated, NoReturn, Protocol, runtime_checkable

import typer

from cli import (
    analyze,
    clusters,
    collection,
    colors,
    compare,
    demo,
    distribution,
    duplicates,
    evaluate,
    failures,
    forget,
    label,
    models,
    outliers,
    report,
    schedule,
    services,
    similar,
    sites,
    sql,
    train,
    verify,
)
from storage.errors import ArtworksError, ExitCode

STDOUT = 1
INTERRUPTED = "interrupted; nothing is lost, the same command continues"

app = typer.Typer(
    name="artworks",
    help=(
        "Collect and understand art on the web.\n\n"
        "Start with `artworks demo`, which crawls a small museum on this machine. Everything is "
        "set by environment variables or `.env` (see the README); where nothing is set, all data "
        "lies in ./var."
    ),
    epilog=(
        "Exit codes: 0 done, 1 unexpected error, 2 wrong usage or setting, 3 a service cannot be "
        "reached, 4 retryable failures remain, 5 verification found a mismatch, 130 interrupted "
        "(safe to rerun)."
    ),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@runtime_checkable
class _WrongUsage(Protocol):
    """What typer raises for a command line that it does not understand."""

    exit_code: int

    def format_message(self) -> str: ...


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"artworks {version('artworks')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    pass


demo.register(app)
collection.register(app)
sites.register(app)
failures.register(app)
forget.register(app)
sql.register(app)
analyze.register(app)
colors.register(app)
distribution.register(app)
train.register(app)
evaluate.register(app)
models.register(app)
label.register(app)
similar.register(app)
compare.register(app)
clusters.register(app)
duplicates.register(app)
outliers.register(app)
report.register(app)
verify.register(app)
schedule.register(app)
services.register(app)


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code, having said what went wrong."""
    try:
        code = app(args=list(arguments), prog_name="artworks", standalone_mode=False)
        sys.stdout.flush()
    except ArtworksError as error:
        return _complain(str(error), int(error.exit_code))
    except (KeyboardInterrupt, typer.Abort):
        return _complain(INTERRUPTED, int(ExitCode.INTERRUPTED))
    except (BrokenPipeError, SystemExit):
        # Whoever read our output has seen enough (typer exits then); nothing may be flushed to
        # them at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), STDOUT)
        return int(ExitCode.DONE)
    except Exception as error:  # noqa: BLE001 - the last resort: shown whole, and exit code 1
        if isinstance(error, _WrongUsage):
            # Without arguments the help was printed, and there is nothing to add.
            message = error.format_message()
            return _complain(message, int(ExitCode.USAGE)) if message else int(ExitCode.USAGE)
        traceback.print_exc()
        return int(ExitCode.UNEXPECTED)
    if code == ExitCode.INTERRUPTED:
        return _complain(INTERRUPTED, int(ExitCode.INTERRUPTED))
    return code if isinstance(code, int) else int(ExitCode.DONE)


def main() -> NoReturn:
    """Entry point of the console script."""
    # Asked to end, we end as on Ctrl-C: children are told, and the embedded server is let go.
    signal.signal(signal.SIGTERM, _interrupt)
    sys.exit(run(sys.argv[1:]))


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _complain(message: str, code: int) -> int:
    sys.stderr.write(f"error: {' '.join(message.split())}\n")
    return code
