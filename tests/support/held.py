"""Sites whose every answer a test decides, and may hold back as long as it likes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from urllib.parse import urlsplit

from PIL import Image


@dataclass(frozen=True, slots=True)
class Asked:
    """A request: the address that was connected to, the path, and who asked."""

    address: str
    path: str
    agent: str


Answer = tuple[str, bytes] | None
"""Content type and body; None hangs up."""


@contextmanager
def serve(answer: Callable[[Asked], Answer], *, address: str = "127.0.0.1") -> Iterator[int]:
    """Serve what `answer` gives, each request in a thread of its own; give the port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            agent, path = self.headers.get("User-Agent") or "", urlsplit(self.path).path
            if path.startswith("/.well-known/"):
                self.send_error(404)
                return
            found = answer(Asked(self.connection.getsockname()[0], path, agent))
            if found is None:
                self.close_connection = True
                return
            kind, body = found
            with suppress(ConnectionError):  # nobody waits any more
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 64

    with Server((address, 0), Handler) as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        serving.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()


def painting(number: int = 0) -> bytes:
    """A JPEG that is another one for each number."""
    file = BytesIO()
    Image.linear_gradient("L").point(lambda grey: (grey + number) % 256).save(file, "JPEG")
    return file.getvalue()
