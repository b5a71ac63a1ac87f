"""The proxy that renderers go out through: pages in a browser get no further than we do."""

from __future__ import annotations

import asyncio
import secrets
import socket
import threading
from concurrent.futures import Future
from types import TracebackType
from typing import Self

from crawler.addresses import AddressPolicy
from crawler.rendering.exchange import Exchange, Limits
from crawler.rendering.outbound import CHUNK_BYTES, Outbound, Resolve, resolve_by_system
from crawler.rendering.refusals import Refusal, Refusals
from storage.errors import ServiceUnavailable

LOOPBACK = "127.0.0.1"
# More than renderers open at a time (Chromium 32 in all, Splash 6 for each host of a page).
MAX_CONNECTIONS = 512


class GuardProxy:
    """A forward HTTP proxy on loopback, in a thread of its own, for http and (CONNECT) https.

    A page that is rendered asks for whatever it likes, from inside our network. Through this
    proxy, which is all that a renderer is given, it reaches what the crawl itself may fetch: each
    name is resolved here, the addresses are checked, and the connection is made to a checked one.
    Redirects are followed by the browser, so they come here as requests of their own.

    A request must bring `username` and `password`, a secret of this process: others on the machine
    are not to browse with our address. Splash shows them to the sites that it asks by https, who
    can do nothing with them, as the proxy cannot be reached from outside.

    One answer may be `max_bytes` long; in a tunnel, where nobody sees answers, that is what may
    come without a pause.
    """

    username = "artworks"

    def __init__(
        self,
        policy: AddressPolicy,
        *,
        max_bytes: int,
        facing: str | None = None,
        resolve: Resolve = resolve_by_system,
        limits: Limits | None = None,
    ) -> None:
        """Nothing is opened yet: the first use of `url` starts the proxy.

        Args:
            policy: what may be reached. Build it without the services that the crawl itself uses
                (Splash, upstream proxies), and exclude them where they are in an allowed network:
                `AddressPolicy(networks).without(services)`. The proxy excludes itself.
            max_bytes: longest answer that is passed on.
            facing: host of a renderer on another machine; the proxy then listens on the address
                that this machine has in its eyes.
            resolve: looks names up; the system by default.
            limits: times and sizes; `max_bytes` and patience by default.
        """
        self.password = secrets.token_urlsafe(24)
        self._policy = policy
        self._facing = facing
        self._resolve = resolve
        self._limits = limits or Limits(max_bytes)
        self._refusals = Refusals()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._url = ""
        self._is_closed = False

    @property
    def url(self) -> str:
        """Address of the proxy, `http://HOST:PORT`, without the credentials."""
        self.start()
        return self._url

    def start(self) -> None:
        """Listen; without effect where it does already. Raises ServiceUnavailable."""
        with self._starting:
            if self._is_closed:
                raise RuntimeError("the proxy was closed: make another one")
            if self._thread is not None:
                return
            ready: Future[str] = Future()
            thread = threading.Thread(
                target=self._run, args=(ready,), name="guard-proxy", daemon=True
            )
            thread.start()
            self._url = ready.result()
            self._thread = thread

    def close(self) -> None:
        """End all connections and stop listening."""
        with self._starting:
            self._is_closed = True
            thread, self._thread = self._thread, None
            if thread is None:
                return
            assert self._loop is not None
            assert self._stopping is not None
            self._loop.call_soon_threadsafe(self._stopping.set)
        thread.join()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def refusal(self, url: str) -> Refusal | None:
        """Return why a page was not let through to `url`, or to what that redirects to.

        None where no request for it failed, or the last one was answered.
        """
        return self._refusals.find(url)

    def _run(self, ready: Future[str]) -> None:
        # Not asyncio.run: it would wait for name servers that do not answer.
        loop = self._loop = asyncio.new_event_loop()
        try:
            loop.run_until_complete(self._serve(ready))
        finally:
            loop.close()

    async def _serve(self, ready: Future[str]) -> None:
        self._stopping = asyncio.Event()
        try:
            address = _address_towards(self._facing) if self._facing else LOOPBACK
            server = await asyncio.start_server(self._accept, address, 0, limit=CHUNK_BYTES)
        except OSError as error:
            ready.set_exception(
                ServiceUnavailable(
                    f"the proxy of the renderers cannot listen for {self._facing or LOOPBACK}: "
                    f"{error}; check ARTWORKS_SPLASH_URL and this machine's network"
                )
            )
            return
        port = server.sockets[0].getsockname()[1]
        url = f"http://[{address}]:{port}" if ":" in address else f"http://{address}:{port}"
        self._outbound = Outbound(self._policy.without([url]), self._resolve)
        self._open = 0
        ready.set_result(url)
        await self._stopping.wait()
        server.close()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._open >= MAX_CONNECTIONS:
            writer.transport.abort()
            return
        self._open += 1
        try:
            await Exchange(
                reader,
                writer,
                outbound=self._outbound,
                refusals=self._refusals,
                credentials=f"{self.username}:{self.password}".encode(),
                limits=self._limits,
            ).run()
        except asyncio.CancelledError:
            # Only `close` does that. asyncio (3.11) would log it as an error of its own.
            return
        finally:
            self._open -= 1


def _address_towards(host: str) -> str:
    """Return the address of this machine that packets to `host` leave from."""
    family, _, _, _, address = socket.getaddrinfo(host, 9, type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect(address)  # sends nothing
        return str(probe.getsockname()[0])
