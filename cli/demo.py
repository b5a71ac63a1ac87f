"""`artworks demo`: the whole way from a web site to what its pictures say, on this machine."""

from __future__ import annotations

import os
import shlex
import shutil
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Group
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from cli import museum_memory
from cli.analyze import run_with_progress
from cli.console import (
    ACCENT,
    duration,
    facts,
    number,
    on_terminal,
    print_facts,
    progress,
    remark,
    size,
    stderr,
    stdout,
)
from cli.crawl_process import crawl_command, run_crawl
from cli.opening import existing_database, has_database, load_settings, redact
from storage.errors import ArtworksError, ExitCode, ServiceUnavailable, UsageError

if TYPE_CHECKING:
    from cli.museum_memory import Museum
    from demo.server import MuseumServer
    from storage.database import Database
    from storage.objects import ObjectStore
    from storage.settings import StorageSettings
    from storage.status import CollectionStatus

LOOPBACK = "127.0.0.0/8"
NEEDS_RENDERER = "renderer_unavailable"


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(demo)


@dataclass
class _Phases:
    """Seconds by phase, told as each one ends."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def phase(self, name: str) -> Iterator[list[str]]:
        """Time a phase; the caller appends what there is to say of it."""
        said: list[str] = []
        began = time.monotonic()
        yield said
        self.seconds[name] = time.monotonic() - began
        line = Text("✓ ", style="green")
        line.append(f"{name:<14}", style="bold")
        line.append(f"{', '.join(said)}  ")
        line.append(duration(self.seconds[name]), style="dim")
        stderr().print(line)


def demo(
    art: Annotated[
        Path | None,
        typer.Option("--art", metavar="FOLDER", help="Show the images of this folder instead."),
    ] = None,
    works: Annotated[
        int | None, typer.Option("--works", min=1, metavar="N", help="Works to generate.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", metavar="S", help="Another seed, other works.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            "--port",
            min=1,
            max=65535,
            metavar="P",
            help="Port of the museum; default: 8808, or a free one, and then always the same.",
        ),
    ] = None,
    home: Annotated[
        Path | None,
        typer.Option("--home", metavar="PATH", help="Keep everything here, not in ARTWORKS_HOME."),
    ] = None,
    serve: Annotated[
        bool, typer.Option("--serve", help="Only open the museum, until Ctrl-C.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="PNG", help="Contact sheet; default: HOME/demo/contact-sheet.png."
        ),
    ] = None,
) -> None:
    """Crawl a small museum on this machine, look at its images, and show the result.

    Starts an embedded PostgreSQL (unless ARTWORKS_DATABASE_URL is set), makes tables and object
    store, opens the bundled museum on loopback, runs the real crawl, and ends with a contact
    sheet. Stopped at any moment, the same command continues; run again, it finds nothing new.

    Example: `artworks demo --art ~/Pictures/paintings`
    """
    if art is not None and (works is not None or seed is not None):
        raise UsageError("--works and --seed are for generated works: leave them out with --art.")
    if home is not None:
        # The crawl inherits it.
        os.environ["ARTWORKS_HOME"] = str(home.expanduser().resolve())
    settings = load_settings()
    wishes = _Wishes("folder" if art is not None else "demo", art, works, seed, port)
    if serve:
        _serve(settings, wishes)
        return
    code = _run(settings, wishes, out, given_home=home is not None)
    if code is not ExitCode.DONE:
        raise typer.Exit(int(code))


@dataclass(frozen=True)
class _Wishes:
    """What was asked for on the command line."""

    site: museum_memory.Site
    folder: Path | None
    works: int | None
    seed: int | None
    port: int | None


def _run(
    settings: StorageSettings, wishes: _Wishes, out: Path | None, *, given_home: bool
) -> ExitCode:
    from storage.status import collection_status

    phases = _Phases()
    sheet = _sheet_file(out or settings.home_path / "demo" / "contact-sheet.png")
    with ExitStack() as stack:
        database, store = _collection(stack, settings, phases)
        with database.begin() as connection:
            crawled = museum_memory.crawled_port(connection, wishes.site)
            before = collection_status(connection, wishes.site)
        museum = stack.enter_context(_open_museum(settings, wishes, crawled, phases))
        renderer = stack.enter_context(_renderer(settings, phases))
        with phases.phase("crawl") as said:
            code = _crawl(wishes.site, museum.url, renderer)
            if code not in (ExitCode.DONE, ExitCode.RETRYABLE_FAILURES):
                # The crawl has said why.
                raise typer.Exit(code)
            with database.begin() as connection:
                after = collection_status(connection, wishes.site)
            said.append(_news(before, after))
        museum.stop()
        with phases.phase("pictures") as said:
            said += _look(database, store)
        with phases.phase("likeness") as said:
            said += _compare(database, store)
        with phases.phase("labels") as said:
            said += _learn(database, store)
        with phases.phase("contact sheet") as said:
            said.append(_draw(database, store, wishes.site, sheet))
        with database.begin() as connection:
            after = collection_status(connection, wishes.site)
    _summarise(
        after,
        seconds=phases.seconds,
        sheet=sheet,
        unchanged=before.digest == after.digest and before.artworks > 0,
        commands=_next_commands(after, settings if given_home else None),
    )
    if code == ExitCode.RETRYABLE_FAILURES and set(after.retryable_failures) <= {NEEDS_RENDERER}:
        return ExitCode.DONE
    return ExitCode(code)


def _collection(
    stack: ExitStack, settings: StorageSettings, phases: _Phases
) -> tuple[Database, ObjectStore]:
    from storage.database import Database
    from storage.objects import open_store

    with phases.phase("collection") as said:
        store = open_store(settings.objects_location, create=True)
        store.check()
        database = stack.enter_context(Database.open(settings))
        database.migrate()
        embedded = settings.database_url is None
        said.append("embedded PostgreSQL" if embedded else database.name)
        said.append(
            f"images in {settings.home_path / 'objects'}"
            if settings.objects_url is None
            else redact(settings.objects_location)
        )
    return database, store


@contextmanager
def _open_museum(
    settings: StorageSettings, wishes: _Wishes, crawled: int | None, phases: _Phases
) -> Iterator[MuseumServer]:
    """Open the museum that this home remembers, or the one asked for, and remember it."""
    from demo.catalogue import DEFAULT_SEED, DEFAULT_WORKS

    home = settings.home_path
    museum, movable = museum_memory.choose(
        home,
        wishes.site,
        folder=wishes.folder,
        works=wishes.works,
        seed=wishes.seed,
        port=wishes.port,
        crawled=crawled,
        defaults=(DEFAULT_WORKS, DEFAULT_SEED),
    )
    with ExitStack() as stack:
        with phases.phase("museum") as said, progress() as bars:
            task = bars.add_task("painting the works", total=None)

            def painted(done: int, total: int) -> None:
                bars.update(task, completed=done, total=total)

            server = _started(museum, home, movable, painted)
            stack.callback(server.stop)
            museum_memory.remember(
                home,
                museum_memory.Museum(
                    museum.site, server.port, museum.works, museum.seed, museum.folder
                ),
            )
            said.append(f"{museum.contents} at {server.url}")
        yield server


def _started(museum: Museum, home: Path, movable: bool, painted: object) -> MuseumServer:
    from demo.errors import PortBusy
    from demo.server import MuseumServer

    def server(port: int) -> MuseumServer:
        return MuseumServer(
            port=port,
            cache=home / "demo" / "museum",
            folder=museum.folder,
            progress=painted,  # type: ignore[arg-type]
            **({"works": museum.works, "seed": museum.seed} if museum.works else {}),  # type: ignore[arg-type]
        )

    try:
        return server(museum.port).start()
    except PortBusy as error:
        if not movable:
            raise PortBusy(
                f"port {museum.port} of the museum is taken by another program (another `artworks "
                "demo`?): stop it, or add --home for another collection."
            ) from error
        return server(0).start()


@contextmanager
def _renderer(settings: StorageSettings, phases: _Phases) -> Iterator[str | None]:
    """Yield the URL of a Splash: the one that is set, or one of ours while the demo runs."""
    from crawler.config import load_crawler_settings
    from storage.embedded.services import down, status, up

    configured = load_crawler_settings().splash_url
    if configured is not None:
        yield None
        return
    home = settings.home_path
    states = {one.name: one for one in status(home)}
    if states["splash"].state == "unavailable":
        yield None
        return
    # Nothing that we start for a demo is left behind; what ran before stays.
    ours = not any(one.pids for one in states.values())
    url: str | None = None
    with phases.phase("splash") as said:
        try:
            url = up(home, ["splash"])["splash"].url
            said.append(f"at {redact(url)}")
        except ArtworksError as error:
            said.append("does not start, so pages that need it are left for later")
            remark(str(error))
    try:
        yield url
    finally:
        if ours:
            down(home)


def _crawl(site: str, base_url: str, splash_url: str | None) -> int:
    from crawler.config import load_crawler_settings

    allowed = [str(network) for network in load_crawler_settings().allowed_networks]
    environment = {"ARTWORKS_ALLOWED_NETWORKS": ",".join(dict.fromkeys([*allowed, LOOPBACK]))}
    if splash_url is not None:
        environment["ARTWORKS_SPLASH_URL"] = splash_url
    return run_crawl(site, base_url, environment)


def _look(database: Database, store: ObjectStore) -> list[str]:
    """Look at every picture once: its colours, its layout, and what it is like."""
    from analysis.config import load_analysis_settings
    from analysis.embeddings.descriptors import NAME as DESCRIPTORS
    from analysis.embeddings.job import embeddings_job
    from analysis.errors import NetworkUnavailable

    settings = load_analysis_settings()
    try:
        embeddings = embeddings_job(settings)
    except NetworkUnavailable:
        if "embedding" in settings.model_fields_set:
            raise
        # Nothing is fetched from elsewhere for a demo.
        settings = settings.model_copy(update={"embedding": DESCRIPTORS})
        embeddings = embeddings_job(settings)
    [colors, _features, _layout, embedded] = run_with_progress(
        database, store, ["colors", "features", "layout", embeddings]
    )
    if not colors.done and not embedded.done:
        return ["nothing new"]
    return [f"{colors.done:,} palettes", f"{embedded.done:,} embeddings by {settings.embedding}"]


def _compare(database: Database, store: ObjectStore) -> list[str]:
    """Index the embeddings, and find what belongs together and what does not."""
    jobs = ["duplicates", "index", "look-alikes", "clusters", "map", "outliers"]
    _copies, _index, alike, groups, _map, odd = run_with_progress(database, store, jobs)
    told = (
        (groups.details.get("clusters", 0), "clusters"),
        (alike.details.get("pairs", 0), "pairs of look-alikes"),
        (odd.details.get("outliers", 0), "outliers"),
    )
    return [f"{count:,} {what}" for count, what in told if count] or ["nothing new"]


def _learn(database: Database, store: ObjectStore) -> list[str]:
    """Learn styles from the works that say theirs, and tell that of every picture."""
    from analysis.errors import NothingToTrain, WrongDataset
    from analysis.labels.dataset import DatasetQuery
    from analysis.labels.learning.training import train_labels

    try:
        training = train_labels(database, store, DatasetQuery(head="style", mode="single"))
    except (NothingToTrain, WrongDataset):
        return ["none: too few works say of which style they are"]
    labelled = sum(run.done for run in run_with_progress(database, store, ["labels"]))
    if not training.new and not labelled:
        return ["nothing new"]
    model = training.model
    return [
        f"{len(model.params['classes'])} styles, accuracy {model.metrics['accuracy']:.2f} on "
        f"{model.metrics['images']['test']:,} images not seen",
        f"{labelled:,} labelled",
    ]


def _news(before: CollectionStatus, after: CollectionStatus) -> str:
    works, images = after.artworks - before.artworks, after.images - before.images
    if before.digest == after.digest:
        return "nothing new"
    return f"{works:,} new artworks, {images:,} new images"


def _sheet_file(out: Path) -> Path:
    """Return where the contact sheet goes; a place that cannot be is told before the work."""
    if out.is_dir():
        out /= "contact-sheet.png"
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"cannot write {out} ({error.strerror}): name a file in a folder of yours with --out."
        ) from error
    return out


def _draw(database: Database, store: ObjectStore, site: str, sheet: Path) -> str:
    from analysis.contact_sheet import contact_sheet
    from analysis.errors import NothingToShow

    try:
        png = contact_sheet(database, store, site=site)
    except NothingToShow as error:
        return f"none: {error}"
    fresh = sheet.with_name(f".{sheet.name}.part")
    try:
        fresh.write_bytes(png)
        fresh.replace(sheet)
    except OSError as error:
        raise UsageError(f"cannot write {sheet} ({error.strerror}): add --out PNG.") from error
    return _near(sheet)


def _near(path: Path) -> str:
    """Return a path as it is typed from here."""
    path = path.absolute()
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)


def _summarise(
    status: CollectionStatus,
    *,
    seconds: Mapping[str, float],
    sheet: Path,
    unchanged: bool,
    commands: list[tuple[str, str]],
) -> None:
    failures = [f"{rows:,} {reason}" for reason, rows in status.failures.items()]
    rows: list[tuple[str, object]] = [
        (
            "artworks",
            f"{number(status.artworks)} by {number(status.artists)} artists in "
            f"{len(status.categories)} categories",
        ),
        ("images", f"{number(status.images)}, {size(status.image_bytes)}"),
        (
            "pages",
            f"{number(status.pages['done'])} read, {number(status.rendered_pages)} rendered",
        ),
        ("palettes", number(status.results["image_colors"])),
        ("embeddings", number(status.results["image_embeddings"])),
        ("labels", number(status.results["image_labels"])),
        ("failures", ", ".join(failures) or "none"),
        (
            "seconds",
            ", ".join(f"{name} {spent:.1f}" for name, spent in seconds.items())
            + f", together {sum(seconds.values()):.1f}",
        ),
        ("contact sheet", _near(sheet) if sheet.exists() else "none"),
    ]
    if unchanged:
        rows.insert(0, ("news", "nothing new: everything was there already"))
    if NEEDS_RENDERER in status.failures:
        rows.append(
            ("JavaScript", "some pages need a renderer: run `make services`, then this again")
        )
    if not on_terminal():
        print_facts("", [*rows, *(("next", command) for command, _ in commands)])
        return
    tries = Table.grid(padding=(0, 2))
    for command, purpose in commands:
        tries.add_row(Text(command, style="bold"), Text(purpose, style="dim"))
    console = stdout()
    console.print()
    console.print(
        Panel(
            Group(
                facts(rows),
                Text("\nNext, try", style=f"bold {ACCENT}"),
                Padding(tries, (0, 0, 0, 2)),
            ),
            title=f"[bold]{'The demo museum' if status.site == 'demo' else 'Your museum'}[/]",
            title_align="left",
            border_style=ACCENT,
            padding=(1, 2),
        )
    )


def _next_commands(status: CollectionStatus, home: StorageSettings | None) -> list[tuple[str, str]]:
    """Return three commands that work right now, in this shell."""
    name = _command_name()
    prefix = f"ARTWORKS_HOME={shlex.quote(str(home.home_path))} " if home is not None else ""
    replacing = " --force" if Path("artworks.csv").exists() else ""
    listed = [
        (f"{name} status", "what is stored, pending and missing"),
        (f"{name} failures", "why something is missing")
        if status.failures
        else (f"{name} sites {status.site}", "how the site is described"),
        (f"{name} export artworks.csv{replacing}", "everything in one table"),
    ]
    return [(f"{prefix}{command}", purpose) for command, purpose in listed]


def _command_name() -> str:
    """Return how this shell calls us: environments need not be on its PATH."""
    ours = Path(sys.argv[0]).absolute()
    found = shutil.which("artworks")
    if found is not None and Path(found).absolute() == ours:
        return "artworks"
    if ours.name != "artworks":
        return "artworks"
    return _near(ours)


def _serve(settings: StorageSettings, wishes: _Wishes) -> None:
    """Keep the museum open until Ctrl-C, and say how to crawl it."""
    phases = _Phases()
    with _open_museum(settings, wishes, _crawled_port(settings, wishes.site), phases) as museum:
        command = " ".join(crawl_command(wishes.site, museum.url))
        print_facts(
            "The museum is open",
            [
                ("address", museum.url),
                ("crawl it", f"ARTWORKS_ALLOWED_NETWORKS={LOOPBACK} {command}"),
                ("close it", "Ctrl-C"),
            ],
        )
        sys.stdout.flush()
        while _answers(museum):
            time.sleep(1)
    raise ServiceUnavailable("the museum closed by itself: start it again.")


def _crawled_port(settings: StorageSettings, site: museum_memory.Site) -> int | None:
    """Return the port that a collection knows the museum by; serving needs no database."""
    if not has_database(settings):
        return None
    try:
        with existing_database(settings) as database, database.begin() as connection:
            return museum_memory.crawled_port(connection, site)
    except ArtworksError:
        return None


def _answers(museum: MuseumServer) -> bool:
    try:
        socket.create_connection((museum.host, museum.port), timeout=10).close()
    except OSError:
        return False
    return True
