"""Running the museum: in the foreground for people, in a subprocess for tests and commands."""

from __future__ import annotations

import argparse
import contextlib
import errno
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import uvicorn

from demo.catalogue import DEFAULT_SEED, DEFAULT_WORKS, build_catalogue
from demo.errors import MuseumError, PortBusy
from demo.exhibition import Exhibition, from_catalogue
from demo.folder import open_folder
from demo.images import ImageCache, Progress
from demo.museum import build_museum
from storage.errors import ArtworksError, ExitCode

OPEN = "museum open at "
PAINTED = "museum painted "
LOOPBACK = ("127.0.0.1", "::1", "localhost")
DEFAULT_CACHE = Path(tempfile.gettempdir()) / f"artworks-museum-{os.getuid()}"


def listen(host: str, port: int) -> socket.socket:
    """A bound socket; the museum is a test subject and never leaves loopback."""
    if host not in LOOPBACK:
        raise MuseumError(f"The museum listens on loopback only: use 127.0.0.1, not {host!r}.")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
        # Listening before the works are painted keeps a second museum off this port.
        bound.listen(512)
    except (OSError, OverflowError) as error:
        bound.close()
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            raise PortBusy(
                f"Port {port} is taken by another program: stop it, or choose another port "
                "(0 takes any free one)."
            ) from error
        raise MuseumError(f"The museum cannot listen on {host}:{port}: {error}.") from error
    return bound


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m demo", description="Open the demo museum.")
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address")
    parser.add_argument("--port", type=int, default=8808, help="0 takes any free one")
    parser.add_argument("--works", type=int, default=DEFAULT_WORKS, help="how many works to show")
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED, help="another seed, other works")
    parser.add_argument("--cache", type=Path, default=DEFAULT_CACHE, help="where images are kept")
    parser.add_argument("--folder", type=Path, help="show a folder of images instead")
    parser.add_argument("--crawl-delay", type=float, default=0.05, help="seconds; 0 leaves it out")
    parser.add_argument("--lazy", action="store_true", help="paint images when they are asked for")
    parser.add_argument("--prepare-only", action="store_true", help="paint all images and stop")
    parser.add_argument("--access-log", action="store_true", help="a line per request")
    parser.add_argument(
        "--until-stdin-closes", action="store_true", help="close with the program that started it"
    )
    return parser


def _tell(line: str) -> None:
    print(line, flush=True)


def _reporter() -> Progress:
    """A line for every twentieth part, so that a log stays short."""
    told = -1

    def report(done: int, total: int) -> None:
        nonlocal told
        part = done * 20 // max(1, total)
        if part > told:
            told = part
            _tell(f"{PAINTED}{done}/{total}")

    return report


def _exhibition(options: argparse.Namespace) -> Exhibition:
    if options.folder is not None:
        return open_folder(options.folder, options.cache)
    if options.works < 1:
        raise MuseumError(f"--works must be at least 1, not {options.works}.")
    catalogue = build_catalogue(options.seed, options.works)
    cache = ImageCache(options.cache)
    if not options.lazy or options.prepare_only:
        cache.prepare(catalogue, _reporter())
    return from_catalogue(catalogue, cache)


def _close_with_parent() -> None:
    """Close when standard input does: a killed parent leaves no museum behind."""

    def wait() -> None:
        while os.read(0, 4096):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, daemon=True, name="parent-watch").start()


def serve(options: argparse.Namespace) -> None:
    """Open the museum as the options say and stay until asked to close."""
    if options.prepare_only:
        _exhibition(options)
        return
    if options.until_stdin_closes:
        _close_with_parent()
    with listen(options.host, options.port) as bound:
        app = build_museum(_exhibition(options), options.crawl_delay)
        config = uvicorn.Config(
            app,
            log_level="info" if options.access_log else "warning",
            access_log=options.access_log,
            lifespan="off",
            server_header=False,
            timeout_graceful_shutdown=2,
        )
        server = uvicorn.Server(config)
        host = f"[{options.host}]" if ":" in options.host else options.host
        _tell(f"{OPEN}http://{host}:{bound.getsockname()[1]}")
        server.run(sockets=[bound])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    options = _parser().parse_args(arguments)
    # An exception, not sudden death: the pool of painters is then shut down in order.
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        serve(options)
    except ArtworksError as error:
        print(f"error: {error}", file=sys.stderr)
        return int(error.exit_code)
    except KeyboardInterrupt:
        return int(ExitCode.INTERRUPTED)
    finally:
        signal.signal(signal.SIGTERM, before)
    return int(ExitCode.DONE)


class MuseumServer:
    """The museum in a subprocess, for as long as the `with` block lasts.

    `progress` is called from a thread of its own while images are painted.

    Example:
        with MuseumServer(works=60, cache=folder) as museum:
            print(museum.url)
    """

    def __init__(
        self,
        *,
        port: int = 0,
        works: int = DEFAULT_WORKS,
        seed: int = DEFAULT_SEED,
        cache: Path | None = None,
        folder: Path | None = None,
        crawl_delay: float = 0.05,
        lazy: bool = False,
        access_log: bool = False,
        host: str = "127.0.0.1",
        patience: float = 300.0,
        progress: Progress | None = None,
    ) -> None:
        self.host = host
        self.port = port
        self.works = works
        self.seed = seed
        self.cache = (cache or DEFAULT_CACHE).absolute()
        self.folder = folder and folder.expanduser().absolute()
        self.crawl_delay = crawl_delay
        self.lazy = lazy
        self.access_log = access_log
        self.patience = patience
        self.progress = progress
        self.url = ""
        self._process: subprocess.Popen[str] | None = None
        self._lines: deque[str] = deque(maxlen=40)
        self._open = threading.Event()
        self._readers: list[threading.Thread] = []

    def command(self) -> list[str]:
        """The command line that is run."""
        command = [sys.executable, "-m", "demo", "--host", self.host, "--port", str(self.port)]
        command += ["--works", str(self.works), "--seed", str(self.seed)]
        command += ["--cache", str(self.cache), "--crawl-delay", str(self.crawl_delay)]
        command += ["--folder", str(self.folder)] if self.folder is not None else []
        command += ["--lazy"] if self.lazy else []
        command += ["--access-log"] if self.access_log else []
        return [*command, "--until-stdin-closes"]

    def start(self) -> Self:
        """Start and wait until the museum answers; a museum that cannot open says why."""
        root = Path(__file__).resolve().parent.parent
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(filter(None, (str(root), os.environ.get("PYTHONPATH")))),
            "PYTHONIOENCODING": "utf-8",
        }
        self._open.clear()
        self._lines.clear()
        self._process = process = subprocess.Popen(
            self.command(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            env=environment,
            cwd=root,
            start_new_session=True,
        )
        heard = ((process.stdout, self._heard), (process.stderr, self._lines.append))
        self._readers = [self._reader(stream, tell) for stream, tell in heard if stream]
        try:
            self._wait(process)
        except BaseException:
            self.stop()
            raise
        return self

    def _wait(self, process: subprocess.Popen[str]) -> None:
        give_up = time.monotonic() + self.patience
        while not self._open.wait(0.02):
            if process.poll() is not None:
                raise self._failure(process.returncode)
            if time.monotonic() > give_up:
                raise MuseumError(
                    f"The museum did not open within {self.patience:g} s: "
                    "give it more time, fewer works, or --lazy."
                )

    def stop(self) -> None:
        """Close the museum; closing a closed one does nothing."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(5)
        # Its session holds the painters, should any be left.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        for reader in self._readers:
            reader.join(5)
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _heard(self, line: str) -> None:
        if line.startswith(OPEN):
            self.url = line.removeprefix(OPEN)
            self.port = int(self.url.rsplit(":", 1)[1])
            self._open.set()
        elif line.startswith(PAINTED) and self.progress:
            done, _, total = line.removeprefix(PAINTED).partition("/")
            self.progress(int(done), int(total))

    @staticmethod
    def _reader(stream: Iterable[str], tell: Callable[[str], object]) -> threading.Thread:
        def read() -> None:
            with contextlib.suppress(ValueError, OSError):
                for line in stream:
                    tell(line.rstrip("\n"))

        thread = threading.Thread(target=read, daemon=True, name="museum-output")
        thread.start()
        return thread

    def _failure(self, code: int) -> MuseumError:
        self.stop()
        told = [line for line in self._lines if line.strip()]
        said = next(
            (line.removeprefix("error: ") for line in told if line.startswith("error: ")),
            told[-1] if told else f"it ended with exit code {code} and said nothing",
        )
        if "is taken by another program" in said:
            return PortBusy(said)
        return MuseumError(
            said if said.startswith(("Port", "The ")) else f"The museum cannot open: {said}"
        )
