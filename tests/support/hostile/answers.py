"""Answers: an honest one, and the ways in which answers go wrong."""

from __future__ import annotations

import asyncio
import gzip
import struct
import zlib
from collections.abc import Sequence

from support.hostile.server import Answer, Exchange

try:
    from backports import zstd
except ImportError:  # Python 3.14 has it
    from compression import zstd  # type: ignore[import-not-found,no-redef]

import brotli  # type: ignore[import-untyped]

HTML = "text/html; charset=utf-8"
DRIP_S = 0.2
MEGABYTE = 1_000_000
ZEROS = bytes(MEGABYTE)


def head(status: int = 200, *lines: str | bytes) -> bytes:
    """The head of an answer after which the connection closes."""
    raw = [line if isinstance(line, bytes) else line.encode() for line in lines]
    return b"\r\n".join([b"HTTP/1.1 %d Said" % status, *raw, b"Connection: close", b"", b""])


def whole(body: bytes | str, content_type: str | None = HTML, *lines: str | bytes) -> bytes:
    """An answer that is as it should be, with further lines in its head."""
    data = body.encode() if isinstance(body, str) else body
    kind = [] if content_type is None else [f"Content-Type: {content_type}"]
    return head(200, *kind, f"Content-Length: {len(data)}", *lines) + data


def status(code: int, *lines: str, body: str = "no") -> bytes:
    return head(code, f"Content-Type: {HTML}", f"Content-Length: {len(body)}", *lines) + (
        body.encode()
    )


def redirect(location: str | bytes, code: int = 302) -> bytes:
    where = location if isinstance(location, bytes) else location.encode()
    return head(code, b"Location: " + where, b"Content-Length: 0")


def announced(body: bytes, length: int, content_type: str) -> bytes:
    """An answer whose Content-Length is not that of its body."""
    return head(200, f"Content-Type: {content_type}", f"Content-Length: {length}") + body


def reset_after(sent: bytes) -> Answer:
    """Break off after what was sent, which may be nothing."""

    async def answer(exchange: Exchange) -> None:
        if sent:
            await exchange.send(sent)
            await asyncio.sleep(DRIP_S)  # what a reset overtakes is not read any more
        exchange.reset()

    return answer


def drip(start: bytes, drop: bytes) -> Answer:
    """Say a little for ever: no pause is long, and the whole never ends."""

    async def answer(exchange: Exchange) -> None:
        await exchange.send(start)
        while True:
            await exchange.send(drop)
            await asyncio.sleep(DRIP_S)

    return answer


def silence() -> Answer:
    """Take the request, and say nothing."""

    async def answer(exchange: Exchange) -> None:
        await asyncio.Event().wait()

    return answer


def endless(start: bytes, piece: bytes = b"f4240\r\n" + ZEROS + b"\r\n") -> Answer:
    """Send as fast as the client reads, for ever: by default zeros in chunks."""

    async def answer(exchange: Exchange) -> None:
        await exchange.send(start)
        while True:
            await exchange.send(piece)

    return answer


def repeated(start: bytes, piece: bytes, times: int, end: bytes = b"") -> Answer:
    """Send a long body piece by piece, without holding it in memory."""

    async def answer(exchange: Exchange) -> None:
        await exchange.send(start)
        for _ in range(times):
            await exchange.send(piece)
        await exchange.send(end)

    return answer


def chunked(content_type: str, *chunks: bytes) -> bytes:
    """An answer in chunks, without the last one that says that it is the end."""
    body = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    return head(200, f"Content-Type: {content_type}", "Transfer-Encoding: chunked") + body


def gzip_bomb(megabytes: int) -> bytes:
    """About a thousandth of what it unpacks to."""
    check = 0
    for _ in range(megabytes):
        check = zlib.crc32(ZEROS, check)
    end = struct.pack("<II", check, megabytes * MEGABYTE % 2**32)
    return b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + deflated([ZEROS] * megabytes) + end


def deflate_bomb(megabytes: int) -> bytes:
    return zlib_stream([ZEROS] * megabytes)


def brotli_bomb(megabytes: int) -> bytes:
    packer = brotli.Compressor(quality=1)
    parts = [packer.process(ZEROS) for _ in range(megabytes)]
    return b"".join([*parts, packer.finish()])


def zstd_bomb(megabytes: int) -> bytes:
    packer = zstd.ZstdCompressor()
    parts = [packer.compress(ZEROS) for _ in range(megabytes)]
    return b"".join([*parts, packer.flush()])


def layers(data: bytes, times: int) -> bytes:
    """Data packed again and again."""
    for _ in range(times):
        data = gzip.compress(data, 1, mtime=0)
    return data


def zlib_stream(blocks: Sequence[bytes]) -> bytes:
    """Return blocks as zlib packs them; equal ones are packed once."""
    check = 1
    for block in blocks:
        check = zlib.adler32(block, check)
    return b"\x78\x01" + deflated(blocks) + struct.pack(">I", check)


def deflated(blocks: Sequence[bytes]) -> bytes:
    """Return blocks deflated one by one: after a full flush, nothing refers to what was before."""
    packed: dict[bytes, bytes] = {}
    for block in blocks:
        if block not in packed:
            packer = zlib.compressobj(6, wbits=-15)
            packed[block] = packer.compress(block) + packer.flush(zlib.Z_FULL_FLUSH)
    return b"".join(packed[block] for block in blocks) + b"\x03\0"
