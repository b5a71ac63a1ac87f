"""Tiny sites on loopback, for what the demo museum does not do."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

Page = str | bytes | tuple[int, Mapping[str, str], str | bytes]
# What is made anew for each request, given the address that was connected to.
Made = Callable[[str], Page]
Pages = Mapping[str, Page | Made]
VALIDATORS = {"If-None-Match": "ETag", "If-Modified-Since": "Last-Modified"}


@dataclass
class PageServer:
    """A running server; `asked` holds (address that was connected to, path), `times` when.

    A page with an ETag or Last-Modified is not sent to whoever has it: `answered` holds (path,
    status), and `conditional` the paths that were asked for with the word of what is known.
    """

    port: int
    asked: list[tuple[str, str]] = field(default_factory=list)
    times: list[tuple[float, str]] = field(default_factory=list)
    answered: list[tuple[str, int]] = field(default_factory=list)
    conditional: list[str] = field(default_factory=list)

    def base(self, host: str = "127.0.0.1") -> str:
        """The site's address under a name of this machine."""
        return f"http://{host}:{self.port}"


@contextmanager
def serve_pages(
    pages: Callable[[Callable[[str], str]], Pages], *, address: str = "127.0.0.1"
) -> Iterator[PageServer]:
    """Serve pages by path; `pages` is given a function that makes addresses of the server."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            server.times.append((time.monotonic(), path))
            server.asked.append((self.connection.getsockname()[0], path))
            found = known.get(path, (404, {}, "not here"))
            if callable(found):
                found = found(self.connection.getsockname()[0])
            status, headers, body = found if isinstance(found, tuple) else (200, {}, found)
            data = body.encode() if isinstance(body, str) else body
            known_there = {name: self.headers.get(name) for name in VALIDATORS}
            if any(known_there.values()):
                server.conditional.append(path)
            if status == 200 and any(
                value is not None and value == headers.get(VALIDATORS[name])
                for name, value in known_there.items()
            ):
                status, data = 304, b""
            server.answered.append((path, status))
            self.send_response(status)
            for name, value in {"Content-Type": "text/html; charset=utf-8", **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer((address, 0), Handler) as listening:
        server = PageServer(listening.server_port)
        known = pages(server.base)
        serving = threading.Thread(target=listening.serve_forever, args=(0.02,), daemon=True)
        serving.start()
        yield server
        listening.shutdown()
