"""Crawling as a user does: the real command, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import text

from storage.collection import digest
from storage.database import Database
from storage.objects import ObjectStore

REPOSITORY = Path(__file__).parents[2]
TIMEOUT_S = 180


def get_json(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310
        return json.load(answer)


@dataclass
class Workspace:
    """A database, an object folder and the environment to crawl into them."""

    database: Database
    store: ObjectStore
    objects: Path
    environment: dict[str, str]
    arguments: list[str] = field(default_factory=list)

    def command(self, *arguments: str) -> list[str]:
        given = [*self.arguments, *arguments]
        pairs = [part for argument in given for part in ("-a", argument)]
        return [sys.executable, "-m", "scrapy", "crawl", "artworks", *pairs]

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command(*arguments),
            cwd=REPOSITORY,
            env=self.environment | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def crawl(
        self, *arguments: str, expect: int | None = None, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            self.command(*arguments),
            cwd=REPOSITORY,
            env=self.environment | environment,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        if expect is not None:
            assert done.returncode == expect, done.stderr[-4000:]
        return done

    def sql(self, statement: str, **parameters: Any) -> list[Any]:
        with self.database.begin() as connection:
            return list(connection.execute(text(statement), parameters))

    def one(self, statement: str, **parameters: Any) -> Any:
        [row] = self.sql(statement, **parameters)
        return row[0]

    def digest(self) -> str:
        with self.database.begin() as connection:
            return digest(connection)

    def acknowledged(self) -> int:
        found: int = self.one("SELECT count(*) FROM frontier WHERE state = 'done'")
        return found

    def wait_for(self, ready: Callable[[], bool], process: subprocess.Popen[str]) -> bool:
        """Wait until `ready`; False if the process ended first."""
        until = time.monotonic() + TIMEOUT_S
        while time.monotonic() < until:
            if ready():
                return True
            if process.poll() is not None:
                return False
            time.sleep(0.01)
        raise AssertionError("nothing happened for too long")
