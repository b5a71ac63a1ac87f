"""Connections of rendered pages to the outside: names resolved and addresses checked by us."""

from __future__ import annotations

import asyncio
import base64
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import h11

from crawler.addresses import AddressPolicy, AddressRefused
from crawler.rendering.refusals import Refusal

CONNECT_TIMEOUT_S = 15.0
MAX_HEAD_BYTES = 65_536
CHUNK_BYTES = 65_536

# (family, address as the kernel takes it), as `socket.getaddrinfo` gives them.
Address = tuple[int, Any]
Resolve = Callable[[str, int], Awaitable[Sequence[Address]]]


class NotCarriedOut(Exception):
    """A request that ends here: `status` goes to the renderer, `refusal` is remembered."""

    def __init__(
        self, status: int, reason: str, detail: str, *, concerns_host: bool = True
    ) -> None:
        """`concerns_host`: no other path of the host would fare better."""
        super().__init__(detail)
        self.status = status
        self.refusal = Refusal(reason, detail)
        self.concerns_host = concerns_host


@dataclass(frozen=True, slots=True)
class Upstream:
    """A proxy that the environment asks for."""

    scheme: str
    host: str
    port: int
    authorization: bytes | None

    @classmethod
    def read(cls, url: str) -> Upstream:
        """Read the URL of an HTTP proxy."""
        parts = urlsplit(url if "://" in url else f"http://{url}")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise NotCarriedOut(
                502,
                "connection_failed",
                f"the environment asks for a proxy of the kind {parts.scheme}://, which rendered "
                "pages cannot go through: set HTTP_PROXY and HTTPS_PROXY to an http:// one",
            )
        authorization = None
        if parts.username is not None:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            authorization = b"Basic " + base64.b64encode(pair.encode())
        port = parts.port or (443 if parts.scheme == "https" else 80)
        return cls(parts.scheme, parts.hostname, port, authorization)


@dataclass(frozen=True, slots=True)
class Connection:
    """An open connection: to the site, or for http to the proxy (`upstream`) that asks it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    upstream: Upstream | None = None
    early: bytes = b""


async def resolve_by_system(host: str, port: int) -> Sequence[Address]:
    """Return the addresses of a name, as the system knows them."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [(family, address) for family, _, _, _, address in found]


class Outbound:
    """Opens connections to the addresses that the policy allows, and to no others.

    Each name is resolved once for a connection, and the connection is made to an address that was
    checked, so a name that changes its mind in between gains nothing. Where the environment asks
    for a proxy, that proxy resolves names, as it does for the rest of the crawl; addresses
    written as numbers, and names of this machine, are checked here nevertheless.
    """

    def __init__(
        self,
        policy: AddressPolicy,
        resolve: Resolve = resolve_by_system,
        timeout: float = CONNECT_TIMEOUT_S,
    ) -> None:
        """`timeout`: seconds for resolving and connecting."""
        self._policy = policy
        self._resolve = resolve
        self._timeout = timeout

    async def open(self, scheme: str, host: str, port: int) -> Connection:
        """Connect to a site; raise NotCarriedOut."""
        upstream = _upstream(scheme, host)
        try:
            async with asyncio.timeout(self._timeout):
                if upstream is None:
                    reader, writer = await self._connect(host, port)
                    return Connection(reader, writer)
                await self._check_local(host, port)
                reader, writer = await _connect_upstream(upstream)
                if scheme == "http":
                    return Connection(reader, writer, upstream)
                try:
                    early = await _tunnel(reader, writer, upstream, host, port)
                except BaseException:
                    writer.transport.abort()
                    raise
                return Connection(reader, writer, early=early)
        except TimeoutError as error:
            raise NotCarriedOut(
                504, "timeout", f"no connection to {host}:{port} within {self._timeout:g} s"
            ) from error
        except (OSError, h11.ProtocolError) as error:
            raise NotCarriedOut(502, "connection_failed", f"{host}:{port}: {error}") from error

    async def _connect(
        self, host: str, port: int
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        problem: NotCarriedOut | None = None
        for family, address in await self._allowed(host, port):
            connecting = socket.socket(family, socket.SOCK_STREAM)
            try:
                connecting.setblocking(False)
                connecting.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                await asyncio.get_running_loop().sock_connect(connecting, address)
                return await asyncio.open_connection(sock=connecting)
            except OSError as error:
                connecting.close()
                refused = isinstance(error, ConnectionRefusedError)
                reason = "connection_refused" if refused else "connection_failed"
                problem = NotCarriedOut(502, reason, f"{host}:{port}: {error}")
            except BaseException:
                connecting.close()
                raise
        assert problem is not None
        raise problem

    async def _allowed(self, host: str, port: int) -> list[Address]:
        """Return the addresses of `host` that may be connected to; there is at least one."""
        try:
            found = await self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise NotCarriedOut(502, "dns_error", f"{host}: {error}") from error
        allowed, refusal = list[Address](), f"{host} has no address"
        for family, address in found:
            try:
                self._policy.check(str(address[0]), port)
            except AddressRefused as refused:
                refusal = str(refused) if host == address[0] else f"{host}: {refused}"
            else:
                allowed.append((family, address))
        if not allowed:
            raise NotCarriedOut(403, "address_refused", refusal)
        return allowed

    async def _check_local(self, host: str, port: int) -> None:
        """Check what needs no name server: numbers, in any spelling, and this machine's names."""
        flags = 0 if host.rstrip(".").endswith("localhost") else socket.AI_NUMERICHOST
        try:
            found = await asyncio.get_running_loop().getaddrinfo(
                host, port, type=socket.SOCK_STREAM, flags=flags
            )
        except (OSError, UnicodeError):
            return  # a name, which is the upstream proxy's to resolve
        for _, _, _, _, address in found:
            try:
                self._policy.check(str(address[0]), port)
            except AddressRefused as refused:
                raise NotCarriedOut(403, "address_refused", f"{host}: {refused}") from refused


def _upstream(scheme: str, host: str) -> Upstream | None:
    """Return the proxy of the environment for a site, chosen as Scrapy does."""
    url = getproxies().get(scheme)
    return None if url is None or proxy_bypass(host) else Upstream.read(url)


async def _connect_upstream(
    upstream: Upstream,
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    context = ssl.create_default_context() if upstream.scheme == "https" else None
    try:
        return await asyncio.open_connection(upstream.host, upstream.port, ssl=context)
    except OSError as error:
        raise NotCarriedOut(
            502, "connection_failed", f"the proxy at {upstream.host}:{upstream.port}: {error}"
        ) from error


async def _tunnel(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    upstream: Upstream,
    host: str,
    port: int,
) -> bytes:
    """Ask the upstream proxy for a tunnel; return what came behind its answer."""
    target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    headers = [(b"Host", target.encode())]
    if upstream.authorization is not None:
        headers.append((b"Proxy-Authorization", upstream.authorization))
    asking = h11.Connection(h11.CLIENT, MAX_HEAD_BYTES)
    asked = asking.send(h11.Request(method=b"CONNECT", target=target, headers=headers))
    assert asked is not None
    writer.write(asked)
    await writer.drain()
    while True:
        event = asking.next_event()
        if event is h11.NEED_DATA:
            asking.receive_data(await reader.read(CHUNK_BYTES))
        elif isinstance(event, h11.Response):
            if not 200 <= event.status_code < 300:
                raise NotCarriedOut(
                    502,
                    "connection_failed",
                    f"the proxy at {upstream.host}:{upstream.port} answers {event.status_code} "
                    f"for {target}",
                )
            return asking.trailing_data[0]
        elif isinstance(event, h11.ConnectionClosed):
            raise NotCarriedOut(
                502,
                "connection_failed",
                f"the proxy at {upstream.host}:{upstream.port} hung up when asked for {target}",
            )
