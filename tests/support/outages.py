"""Outages of real services, at the moment that a test chooses."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class Line:
    """What lies between a client and a server that speaks HTTP.

    `is_cut` refuses connections, as a server does that is not there. `loses_put` lets a PUT reach
    the server, waits for the answer, and hangs up instead of passing it on, as often as it says.
    """

    def __init__(self) -> None:
        self.port = 0
        self.is_cut = False
        self.loses_puts = 0
        self.lost = 0


@contextmanager
def line_to(host: str, port: int) -> Iterator[Line]:
    """Lay a line to a server; give it, with the port of its other end."""
    line = Line()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        line.port = listening.getsockname()[1]

        def serve() -> None:
            while True:
                try:
                    client, _ = listening.accept()
                except OSError:
                    return  # the line is taken away
                threading.Thread(
                    target=_carry, args=(line, client, (host, port)), daemon=True
                ).start()

        threading.Thread(target=serve, daemon=True).start()
        try:
            yield line
        finally:
            listening.shutdown(socket.SHUT_RDWR)


def _carry(line: Line, client: socket.socket, server: tuple[str, int]) -> None:
    """Pass request after request to the server, and answer after answer back."""
    with client, contextlib.suppress(OSError, EOFError), socket.create_connection(server) as far:
        asking, answering = client.makefile("rb"), far.makefile("rb")
        while True:
            if line.is_cut:
                return
            request = _message(asking)
            if line.is_cut:
                return
            far.sendall(request)
            if request.startswith(b"PUT ") and b"100-continue" in request[:4000].lower():
                raise AssertionError("the client waits for a go-ahead, which this line lacks")
            answer = _message(answering, bodiless=request.startswith(b"HEAD "))
            if request.startswith(b"PUT /") and line.loses_puts > 0:
                line.loses_puts -= 1
                line.lost += 1
                return
            client.sendall(answer)


def _message(stream: BinaryIO, *, bodiless: bool = False) -> bytes:
    """Read one request or answer, head and body."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        read = stream.readline()
        if not read:
            raise EOFError
        head += read
    if bodiless:
        return head
    if b"\r\ntransfer-encoding: chunked" in head.lower():
        body = b""
        while True:
            size = stream.readline()
            chunk = stream.read(int(size, 16) + 2)
            body += size + chunk
            if int(size, 16) == 0:
                return head + body
    found = _LENGTH.search(head)
    return head + (stream.read(int(found[1])) if found else b"")
