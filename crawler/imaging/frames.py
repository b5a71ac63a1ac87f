"""What travels between the crawl and an image worker, over a socket pair.

A job is a head (number and length) and the image's bytes; a reply is a length and JSON.
"""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Mapping
from typing import Any

JOB_HEAD = struct.Struct("!QI")
REPLY_HEAD = struct.Struct("!I")


def job_head(number: int, body: bytes) -> bytes:
    """Return what precedes the body of a job."""
    return JOB_HEAD.pack(number, len(body))


def encode_reply(reply: Mapping[str, Any]) -> bytes:
    """Return a reply with its length."""
    data = json.dumps(reply).encode()
    return REPLY_HEAD.pack(len(data)) + data


def receive_job(connection: socket.socket) -> tuple[int, bytes] | None:
    """Return the next job's number and body; None when the crawl has gone."""
    head = _receive(connection, JOB_HEAD.size)
    if head is None:
        return None
    number, length = JOB_HEAD.unpack(head)
    body = _receive(connection, length)
    return None if body is None else (number, body)


def _receive(connection: socket.socket, length: int) -> bytes | None:
    """Return the next bytes; large bodies are received whole, and not held twice."""
    parts: list[bytes] = []
    while length:
        try:
            part = connection.recv(length, socket.MSG_WAITALL)
        except ConnectionError:  # it went without reading the last replies
            return None
        if not part:
            return None
        parts.append(part)
        length -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)
