"""`python -m storage.embedded [--if-possible]`: install what the services need."""

from __future__ import annotations

import argparse
import sys

from storage.embedded.services import SERVICE_NAMES, install_services
from storage.errors import ArtworksError, ExitCode


def main() -> int:
    """Install the services that are named, or all; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m storage.embedded", description=__doc__)
    parser.add_argument("service", nargs="*", help=f"of {', '.join(SERVICE_NAMES)}; all if none")
    parser.add_argument(
        "--if-possible", action="store_true", help="end with 0 where nothing can be installed"
    )
    arguments = parser.parse_args()
    failed = ExitCode.DONE
    # One by one: a service that cannot be had keeps nobody from the others.
    for service in arguments.service or SERVICE_NAMES:
        try:
            install_services([service])
        except ArtworksError as error:
            print(f"{service}: {error}", file=sys.stderr)
            failed = error.exit_code
    return ExitCode.DONE if arguments.if_possible else failed


if __name__ == "__main__":
    sys.exit(main())
