"""A server that says exactly the bytes it is told to, on several loopback addresses at once."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import struct
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

HOSTS = ("127.0.0.1", "127.0.0.2", "127.0.0.3")
# Each for one refusal: it holds for a whole host.
REFUSING = tuple(f"127.0.1.{number}" for number in range(1, 11))
START_S = 30.0
PORTS = 20  # that are tried


@dataclass
class Exchange:
    """One request, and the connection to answer it on."""

    host: str
    path: str
    headers: Mapping[str, str]
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        """Send, as fast as the client reads."""
        self.writer.write(data)
        await self.writer.drain()

    def reset(self) -> None:
        """Break the connection off: the client sees a reset, not an end."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


Answer = bytes | Callable[[Exchange], Awaitable[None]]
Answers = Mapping[tuple[str, str], Answer]


@dataclass
class HostileServer:
    """Serves answers by (host, path) from a thread of its own; `asked` is what was asked for."""

    asked: list[tuple[str, str]] = field(default_factory=list)
    port: int = 0
    _answers: Answers = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def base(self, host: str = HOSTS[0]) -> str:
        return f"http://{host}:{self.port}"

    def answer(self, answers: Answers) -> None:
        """Set what is answered from now on; addresses are known by what precedes their query."""
        self._answers = answers

    def __enter__(self) -> Self:
        ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, args=(ready,), daemon=True)
        self._thread.start()
        assert ready.wait(START_S), "the hostile museum did not open"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(START_S)

    def _run(self, ready: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve(ready))
        self._loop.close()

    async def _serve(self, ready: threading.Event) -> None:
        self._stop = asyncio.Event()
        async with self._listening():
            ready.set()
            await self._stop.wait()
            # What drips and what waits for ever ends with the museum.
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

    @contextlib.asynccontextmanager
    async def _listening(self) -> AsyncIterator[None]:
        async with contextlib.AsyncExitStack() as servers:
            for _ in range(PORTS):
                try:
                    await self._listen(servers)
                    break
                except OSError as error:
                    # A port that is free on the first host need not be on the others.
                    if error.errno != errno.EADDRINUSE:
                        raise
                    await servers.aclose()
            else:
                raise AssertionError(f"none of {PORTS} ports is free on all hosts")
            yield

    async def _listen(self, servers: contextlib.AsyncExitStack) -> None:
        port = 0
        for host in (*HOSTS, *REFUSING):
            server = await asyncio.start_server(self._handle, host, port)
            await servers.enter_async_context(server)
            port = server.sockets[0].getsockname()[1]
        self.port = port

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)  # nobody else holds on to it
        task.add_done_callback(self._tasks.discard)
        stopped = (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError)
        with contextlib.suppress(*stopped):
            begin = await reader.readexactly(1)
            if begin == b"\x16":  # the begin of TLS, which is not spoken here
                writer.close()
                return
            rest = await reader.readuntil(b"\r\n\r\n")
            head = (begin + rest).decode("latin-1").split("\r\n")
            host = writer.get_extra_info("sockname")[0]
            path = head[0].split(" ")[1]
            headers = {
                name.lower(): value.strip()
                for name, _, value in (line.partition(":") for line in head[1:] if line)
            }
            self.asked.append((host, path))
            known = self._answers
            answer = known.get((host, path.partition("?")[0]), NOT_FOUND)
            exchange = Exchange(host, path, headers, writer)
            if isinstance(answer, bytes):
                await exchange.send(answer)
            else:
                await answer(exchange)
            writer.close()
            await writer.wait_closed()


NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
