"""What a profile makes of one page, in a process of its own: Scrapy can run once in a process."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from storage.errors import ArtworksError, ExitCode


class TrialFailed(ArtworksError):
    """The page could not be read; the exit code is the trial's."""

    def __init__(self, message: str, exit_code: ExitCode) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def try_page(site: str, url: str, rendering: str | None) -> dict[str, Any]:
    """Return what the profile of `site` reads on the page, as `crawler.trial` prints it.

    Raises TrialFailed, and RuntimeError with what the process said where it broke.
    """
    command = [sys.executable, "-m", "crawler.trial", site, url]
    done = subprocess.run(
        [*command, rendering] if rendering else command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        raise RuntimeError(f"the trial of {url} broke: {done.stderr[-4000:]}") from None
    if "error" in answer:
        raise TrialFailed(answer["error"], ExitCode(answer["exit_code"]))
    trial: dict[str, Any] = answer["trial"]
    return trial
