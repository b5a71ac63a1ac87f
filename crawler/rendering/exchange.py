"""One connection of a renderer to the proxy: one request and its answer, or one tunnel."""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

import h11

from crawler.rendering.outbound import (
    CHUNK_BYTES,
    MAX_HEAD_BYTES,
    Connection,
    NotCarriedOut,
    Outbound,
)
from crawler.rendering.refusals import Refusals, host_key

# A tunnel that was silent for so long begins a new count of its bytes: nobody can see where one
# answer in it ends, and browsers keep tunnels open from page to page.
TUNNEL_PAUSE_S = 1.0
# What is read after the answer, for a renderer that sends more than it was to see it.
LINGER_S = 1.0
LINGER_BYTES = 1_000_000

_ABSOLUTE = re.compile(rb"(?i:http)://(?:[^/?#@]*@)?([^/?#@]*)([^#]*)")
_AUTHORITY = re.compile(rb"(\[[0-9A-Fa-f:.]+\]|[^:\[\]]+)(?::([0-9]{0,5}))?")
_OTHER_SCHEME = re.compile(r"(?!https?:)[A-Za-z][A-Za-z0-9+.-]*:", re.IGNORECASE)
# They concern one connection and not the message (RFC 9110, 7.6.1).
_HOP_BY_HOP = {b"connection", b"keep-alive", b"te", b"trailer", b"upgrade"}

Headers = Iterable[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Limits:
    """What one connection may take, in bytes and seconds."""

    max_bytes: int
    head_s: float = 15.0
    idle_s: float = 60.0


class _Ended(Exception):
    """The connection cannot go on, and there is nobody to tell."""


class Exchange:
    """Carries out what a renderer asks for on one connection, then closes it."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        outbound: Outbound,
        refusals: Refusals,
        credentials: bytes,
        limits: Limits,
    ) -> None:
        """`credentials`: USERNAME:PASSWORD, which requests must bring."""
        self._reader = reader
        self._writer = writer
        self._outbound = outbound
        self._refusals = refusals
        self._credentials = credentials
        self._limits = limits
        self._http = h11.Connection(h11.SERVER, MAX_HEAD_BYTES)
        self._is_head = False
        self._key = ""
        self._host_key = ""
        self._active_at = 0.0

    async def run(self) -> None:
        """Serve the connection; whatever happens, it is closed afterwards."""
        try:
            try:
                request = await self._request()
                if not self._is_known(request):
                    await self._answer(
                        407, "the proxy of a crawler, for its renderers only", challenge=True
                    )
                elif request.method == b"CONNECT":
                    await self._tunnel(request)
                elif _header(request.headers, b"upgrade").lower() == b"websocket":
                    # Pages are read, not talked to; and none of its bytes could be attributed.
                    await self._answer(403, "no WebSockets")
                else:
                    await self._forward(request)
            except NotCarriedOut as problem:
                key = self._host_key if problem.concerns_host else self._key
                self._refusals.note(key, problem.refusal)
                if self._http.our_state is not h11.SEND_RESPONSE:
                    raise _Ended from problem  # a broken answer must not look whole
                await self._answer(
                    problem.status, f"{problem.refusal.reason}: {problem.refusal.detail}"
                )
            except h11.RemoteProtocolError as error:
                if self._http.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
                    raise _Ended from error
                await self._answer(error.error_status_hint, f"no request: {error}")
        except (_Ended, OSError, h11.ProtocolError):
            self._writer.transport.abort()
        except BaseException:
            self._writer.transport.abort()
            raise
        finally:
            self._writer.close()

    async def _request(self) -> h11.Request:
        async with asyncio.timeout(self._limits.head_s):
            while True:
                event = self._http.next_event()
                if isinstance(event, h11.Request):
                    self._is_head = event.method == b"HEAD"
                    return event
                if isinstance(event, h11.ConnectionClosed):
                    raise _Ended
                self._http.receive_data(await self._reader.read(CHUNK_BYTES))

    def _is_known(self, request: h11.Request) -> bool:
        scheme, _, given = _header(request.headers, b"proxy-authorization").partition(b" ")
        try:
            credentials = base64.b64decode(given.strip(), validate=True)
        except binascii.Error:
            return False
        return scheme.lower() == b"basic" and secrets.compare_digest(credentials, self._credentials)

    def _aim(self, authority: bytes, target: bytes, default_port: int) -> tuple[str, int]:
        """Read host and port, and note them for what may have to be told."""
        found = _AUTHORITY.fullmatch(authority)
        port = int(found[2] or default_port) if found else 0
        if found is None or not 0 < port < 65_536:
            raise h11.RemoteProtocolError(f"no host and port: {_shown(authority)}", 400)
        host = _shown(found[1]).strip("[]")
        self._host_key = host_key(host, port)
        self._key = self._host_key + _shown(target)
        return host, port

    # Plain HTTP

    async def _forward(self, request: h11.Request) -> None:
        found = _ABSOLUTE.fullmatch(request.target)
        if found is None:
            raise h11.RemoteProtocolError(
                f"{_shown(request.target[:200])} is no http:// address (https goes by CONNECT)", 400
            )
        authority, path = found[1], found[2]
        path = path if path.startswith(b"/") else b"/" + path
        host, port = self._aim(authority, path, 80)
        connection = await self._outbound.open("http", host, port)
        asking = h11.Connection(h11.CLIENT, MAX_HEAD_BYTES)
        headers = [(b"Host", authority), *_passed_on(request, without={b"host"})]
        target = path
        if connection.upstream is not None:
            target = b"http://" + authority + path
            if connection.upstream.authorization is not None:
                headers.append((b"Proxy-Authorization", connection.upstream.authorization))
        headers.append((b"Connection", b"close"))
        try:
            await self._send(
                connection,
                asking,
                h11.Request(method=request.method, target=target, headers=headers),
            )
            sending = asyncio.ensure_future(self._send_body(connection, asking))
            sending.add_done_callback(lambda done: _hang_up_if_broken(done, connection))
            try:
                await self._receive(connection, asking, sending)
            finally:
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)
        finally:
            connection.writer.transport.abort()

    async def _send_body(self, connection: Connection, asking: h11.Connection) -> None:
        """Pass the request's body on; stop reading at its end."""
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                self._http.receive_data(await self._reader.read(CHUNK_BYTES))
            elif isinstance(event, h11.Data):
                await self._send(connection, asking, h11.Data(bytes(event.data)))
            elif isinstance(event, h11.EndOfMessage):
                await self._send(connection, asking, h11.EndOfMessage())
                return
            else:
                return

    async def _receive(
        self,
        connection: Connection,
        asking: h11.Connection,
        sending: asyncio.Future[None],
    ) -> None:
        """Pass the answer on, up to the limit."""
        received = 0
        while True:
            try:
                event = asking.next_event()
                if event is h11.NEED_DATA:
                    asking.receive_data(await self._read(connection, sending))
                    continue
            except (OSError, h11.RemoteProtocolError) as error:
                raise NotCarriedOut(
                    502, "connection_failed", str(error), concerns_host=False
                ) from error
            if isinstance(event, h11.InformationalResponse):
                if event.status_code == 100:  # what else there is, old browsers take for the end
                    await self._reply(event)
            elif isinstance(event, h11.Response):
                self._refusals.forget(self._host_key)
                self._refusals.forget(self._key)
                has_body = not self._is_head and event.status_code not in (204, 304)
                announced = _header(event.headers, b"content-length")
                if has_body and announced and int(announced) > self._limits.max_bytes:
                    raise self._too_large()
                if event.status_code == 407:
                    raise NotCarriedOut(502, "connection_failed", "HTTP 407", concerns_host=False)
                location = _shown(_header(event.headers, b"location"))
                if event.status_code // 100 == 3 and location:
                    if _OTHER_SCHEME.match(location):
                        # Splash, for one, waits forever for what it does not follow.
                        raise NotCarriedOut(
                            403,
                            "unsupported_scheme",
                            f"redirect to {location}",
                            concerns_host=False,
                        )
                    self._refusals.note_redirect(self._key, location)
                passed_on = [*_passed_on(event), (b"Connection", b"close")]
                await self._reply(
                    h11.Response(
                        status_code=event.status_code, headers=passed_on, reason=event.reason
                    )
                )
            elif isinstance(event, h11.Data):
                received += len(event.data)
                if received > self._limits.max_bytes:
                    raise self._too_large()
                await self._reply(h11.Data(bytes(event.data)))
            elif isinstance(event, h11.EndOfMessage):
                await self._reply(h11.EndOfMessage())
                await self._linger()
                return
            else:
                raise NotCarriedOut(
                    502, "connection_failed", "the server hung up", concerns_host=False
                )

    async def _read(self, connection: Connection, sending: asyncio.Future[None]) -> bytes:
        """Wait for bytes of the answer; while a body is being sent, as long as that goes on."""
        while True:
            try:
                async with asyncio.timeout(self._limits.idle_s):
                    return await connection.reader.read(CHUNK_BYTES)
            except TimeoutError as error:
                now = asyncio.get_running_loop().time()
                if not sending.done() and now - self._active_at < self._limits.idle_s:
                    continue
                raise NotCarriedOut(
                    504,
                    "timeout",
                    f"nothing came for {self._limits.idle_s:g} s",
                    concerns_host=False,
                ) from error

    async def _send(self, connection: Connection, asking: h11.Connection, event: h11.Event) -> None:
        try:
            connection.writer.write(asking.send(event) or b"")
            async with asyncio.timeout(self._limits.idle_s):
                await connection.writer.drain()
        except OSError as error:
            raise NotCarriedOut(
                502, "connection_failed", str(error), concerns_host=False
            ) from error
        self._active_at = asyncio.get_running_loop().time()

    async def _reply(self, event: h11.Event) -> None:
        self._writer.write(self._http.send(event) or b"")
        async with asyncio.timeout(self._limits.idle_s):
            await self._writer.drain()

    def _too_large(self) -> NotCarriedOut:
        return NotCarriedOut(
            413,
            "body_too_large",
            f"more than {self._limits.max_bytes:,} bytes (ARTWORKS_MAX_PAGE_BYTES)",
            concerns_host=False,
        )

    # Tunnels, for https

    async def _tunnel(self, request: h11.Request) -> None:
        host, port = self._aim(request.target, b"", 443)
        while self._http.next_event() is not h11.PAUSED:
            pass
        connection = await self._outbound.open("https", host, port)
        self._refusals.forget(self._host_key)
        try:
            self._writer.write(
                self._http.send(h11.Response(status_code=200, headers=[], reason=b"Connected"))
                or b""
            )
            self._writer.write(connection.early)
            connection.writer.write(self._http.trailing_data[0])
            self._active_at = asyncio.get_running_loop().time()
            both = [
                asyncio.ensure_future(self._pump(self._reader, connection.writer)),
                asyncio.ensure_future(self._pump(connection.reader, self._writer, counted=True)),
            ]
            try:
                await asyncio.gather(*both)
            finally:
                for one in both:
                    one.cancel()
                await asyncio.gather(*both, return_exceptions=True)
        finally:
            connection.writer.transport.abort()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, counted: bool = False
    ) -> None:
        """Pass bytes on until their sender ends, then say so to the other side."""
        clock = asyncio.get_running_loop().time
        received = 0
        while True:
            try:
                async with asyncio.timeout(self._limits.idle_s):
                    data = await reader.read(CHUNK_BYTES)
            except TimeoutError:
                if clock() - self._active_at < self._limits.idle_s:
                    continue  # the other direction is alive
                raise
            if not data:
                break
            if counted:
                received = 0 if clock() - self._active_at > TUNNEL_PAUSE_S else received
                received += len(data)
                if received > self._limits.max_bytes:
                    raise self._too_large()
            self._active_at = clock()
            writer.write(data)
            async with asyncio.timeout(self._limits.idle_s):
                await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()

    async def _answer(self, status: int, text: str, *, challenge: bool = False) -> None:
        """Answer the renderer in the proxy's own name."""
        body = f"{text}\n".encode()
        headers: list[tuple[bytes, bytes]] = [
            (b"Content-Type", b"text/plain; charset=utf-8"),
            (b"Content-Length", str(len(body)).encode()),
            (b"Connection", b"close"),
        ]
        if challenge:
            headers.append((b"Proxy-Authenticate", b'Basic realm="artworks"'))
        await self._reply(h11.Response(status_code=status, headers=headers))
        if not self._is_head:
            await self._reply(h11.Data(body))
        await self._reply(h11.EndOfMessage())
        await self._linger()

    async def _linger(self) -> None:
        """Read what the renderer still sends: closing before that could undo the answer."""
        if self._writer.can_write_eof():
            self._writer.write_eof()
        left = LINGER_BYTES
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LINGER_S):
                while left > 0 and (data := await self._reader.read(CHUNK_BYTES)):
                    left -= len(data)


def _hang_up_if_broken(sending: asyncio.Future[None], connection: Connection) -> None:
    """End the request of a renderer that broke off in its middle: no answer would come."""
    if not sending.cancelled() and isinstance(sending.exception(), h11.ProtocolError):
        connection.writer.transport.abort()


def _header(headers: Headers, name: bytes) -> bytes:
    """Return a header's value; empty where there is none (names in h11 are lowercase)."""
    return next((value for known, value in headers if known == name), b"")


def _passed_on(
    message: h11.Request | h11.Response, without: Iterable[bytes] = ()
) -> list[tuple[bytes, bytes]]:
    """Return the headers that belong to the message, spelled as they came."""
    dropped = {*_HOP_BY_HOP, *without}
    for name, value in message.headers:
        if name == b"connection":
            dropped.update(part.strip().lower() for part in value.split(b","))
    return [
        (name, value)
        for name, value in message.headers.raw_items()
        if name.lower() not in dropped and not name.lower().startswith(b"proxy-")
    ]


def _shown(value: bytes) -> str:
    return value.decode("latin-1")
