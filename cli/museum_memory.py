"""What a home remembers of its demo museums.

Addresses of pages contain the museum's port, and works are told apart by their number in it: a
museum that came back elsewhere, or with other works, would be another site under the same name.
So the first choice is kept, and another one needs another home.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias
from urllib.parse import urlsplit

from storage.errors import UsageError

if TYPE_CHECKING:
    from sqlalchemy import Connection

Site: TypeAlias = Literal["demo", "folder"]

FIRST_PORT = 8808

_CRAWLED = "SELECT url FROM frontier WHERE site = :site ORDER BY id LIMIT 1"


@dataclass(frozen=True, slots=True)
class Museum:
    """Which museum: works generated from a seed, or a folder of images; and its port."""

    site: Site
    port: int
    works: int | None = None
    seed: int | None = None
    folder: Path | None = None

    @property
    def contents(self) -> str:
        """What it shows, for people."""
        if self.folder is not None:
            return f"the images of {self.folder}"
        return f"{self.works} works of seed {self.seed}"

    def shows_as(self, other: Museum) -> bool:
        """Whether both show the same."""
        return (self.works, self.seed, self.folder) == (other.works, other.seed, other.folder)


def file_of(home: Path) -> Path:
    """Return where a home keeps it."""
    return home / "demo" / "museums.json"


def recall(home: Path, site: Site) -> Museum | None:
    """Return the museum that this home served as `site`; None if there was none."""
    try:
        kept: dict[str, Any] = json.loads(file_of(home).read_text(encoding="utf-8"))
        values = kept[site]
        folder = values.get("folder")
        return Museum(
            site,
            int(values["port"]),
            works=values.get("works"),
            seed=values.get("seed"),
            folder=Path(folder) if folder else None,
        )
    except FileNotFoundError:
        return None
    except (KeyError, TypeError, ValueError, AttributeError):
        # A torn or foreign file: the frontier still knows the port.
        return None


def remember(home: Path, museum: Museum) -> None:
    """Keep a museum for the next run."""
    file = file_of(home)
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        kept = {}
    values = {
        "port": museum.port,
        "works": museum.works,
        "seed": museum.seed,
        "folder": str(museum.folder) if museum.folder else None,
    }
    kept[museum.site] = {name: value for name, value in values.items() if value is not None}
    fresh = file.with_suffix(".new")
    fresh.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
    fresh.replace(file)


def crawled_port(connection: Connection, site: Site) -> int | None:
    """Return the port under which a museum was crawled into this database."""
    from sqlalchemy import text

    url = connection.execute(text(_CRAWLED), {"site": site}).scalar_one_or_none()
    return urlsplit(url).port if url is not None else None


def choose(
    home: Path,
    site: Site,
    *,
    folder: Path | None = None,
    works: int | None = None,
    seed: int | None = None,
    port: int | None = None,
    crawled: int | None = None,
    defaults: tuple[int, int],
) -> tuple[Museum, bool]:
    """Return the museum to open, and whether its port may still be exchanged for a free one.

    Args:
        home: the home that remembers.
        site: name of the site.
        folder: the folder asked for.
        works: number of works asked for.
        seed: seed asked for.
        port: port asked for.
        crawled: port that the database knows.
        defaults: works and seed where nothing is asked for or remembered.

    Raises UsageError where another museum is asked for than this home has.
    """
    kept = recall(home, site)
    fixed = crawled
    if folder is not None:
        wanted = Museum(site, 0, folder=folder.expanduser().resolve())
    else:
        wanted = Museum(
            site,
            0,
            works=_first(works, kept.works if kept else None, defaults[0]),
            seed=_first(seed, kept.seed if kept else None, defaults[1]),
        )
    if fixed is not None and kept is not None and not wanted.shows_as(kept):
        raise UsageError(
            f"the collection in {home} holds {kept.contents} as site {site!r}, and "
            f"{wanted.contents} would be mixed with them: add --home for another collection."
        )
    if fixed is not None and port not in (None, fixed):
        raise UsageError(
            f"site {site!r} was crawled at port {fixed} into this collection, and at port {port} "
            "all its pages would be new ones: leave --port out, or add --home for another "
            "collection."
        )
    chosen = _first(port, fixed, kept.port if kept else None, FIRST_PORT)
    museum = Museum(site, chosen, works=wanted.works, seed=wanted.seed, folder=wanted.folder)
    return museum, fixed is None and port is None


def _first(*values: int | None) -> int:
    return next(value for value in values if value is not None)
