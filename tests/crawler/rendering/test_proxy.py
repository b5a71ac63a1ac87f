"""What rendered pages reach through the proxy, by the protocol that browsers speak with it."""

from __future__ import annotations

import asyncio
import base64
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from http.client import HTTPConnection, HTTPResponse, IncompleteRead
from ipaddress import ip_network
from typing import Any

import pytest
from support.web import PageServer, serve_pages

from crawler.addresses import AddressPolicy
from crawler.rendering.exchange import Limits
from crawler.rendering.outbound import Address
from crawler.rendering.proxy import GuardProxy
from crawler.rendering.refusals import MAX_REMEMBERED, Refusal, Refusals

LOOPBACK = AddressPolicy([ip_network("127.0.0.0/8")])
ONLY_127_0_0_2 = AddressPolicy([ip_network("127.0.0.2/32")])
MAX_BYTES = 100_000
PATIENT = Limits(MAX_BYTES)
QUICK = Limits(MAX_BYTES, head_s=0.3, idle_s=0.3)
TIMEOUT_S = 30


@pytest.fixture(autouse=True)
def no_proxies_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture(scope="module")
def site() -> Iterator[PageServer]:
    """A site on every address of this machine's loopback."""

    def pages(base: Callable[[str], str]) -> dict[str, Any]:
        return {
            "/": "welcome",
            "/large": "x" * (MAX_BYTES + 1),
            "/largest": "x" * MAX_BYTES,
            "/inside": (302, {"Location": f"{base('127.0.0.1')}/secret"}, ""),
            "/secret": "secret",
        }

    with serve_pages(pages, address="") as server:
        yield server


@pytest.fixture
def proxy() -> Iterator[GuardProxy]:
    with GuardProxy(LOOPBACK, max_bytes=MAX_BYTES) as one:
        yield one


@contextmanager
def listening(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server that does `serve` with each connection; its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=run, args=(connection,), daemon=True).start()

        def run(connection: socket.socket) -> None:
            with connection:
                connection.settimeout(TIMEOUT_S)
                try:
                    serve(connection)
                except OSError:
                    return  # the proxy hung up, as some tests make it do

        threading.Thread(target=accept, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def read_head(connection: socket.socket) -> bytes:
    head = b""
    while b"\r\n\r\n" not in head:
        data = connection.recv(1)
        if not data:
            break
        head += data
    return head


def read_all(connection: socket.socket) -> bytes:
    """Read until the other side ends; what a reset cuts off is not there."""
    found = b""
    try:
        while data := connection.recv(65536):
            found += data
    except ConnectionResetError:
        pass
    return found


def sends(answer: bytes, asked: list[bytes] | None = None) -> AbstractContextManager[int]:
    """A server that reads a head and sends `answer`."""

    def serve(connection: socket.socket) -> None:
        head = read_head(connection)
        if asked is not None:
            asked.append(head)
        connection.sendall(answer)

    return listening(serve)


def authorization(proxy: GuardProxy) -> bytes:
    pair = base64.b64encode(f"{proxy.username}:{proxy.password}".encode())
    return b"Proxy-Authorization: Basic " + pair + b"\r\n"


def connect(proxy: GuardProxy) -> socket.socket:
    host, _, port = proxy.url.removeprefix("http://").partition(":")
    return socket.create_connection((host, int(port)), timeout=TIMEOUT_S)


def exchange(proxy: GuardProxy, request: bytes) -> bytes:
    """Send bytes, with the credentials behind the first line; return all that comes back."""
    first, _, rest = request.partition(b"\r\n")
    with connect(proxy) as client:
        client.sendall(first + b"\r\n" + authorization(proxy) + rest)
        return read_all(client)


def get(proxy: GuardProxy, url: str) -> bytes:
    """Ask for a page as a browser does; return the whole answer."""
    host = url.split("/")[2]
    return exchange(proxy, f"GET {url} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())


def tunnel(proxy: GuardProxy, target: str) -> tuple[socket.socket, bytes]:
    """Ask for a tunnel; return the connection and the proxy's answer."""
    client = connect(proxy)
    client.sendall(
        f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n".encode() + authorization(proxy) + b"\r\n"
    )
    return client, read_head(client)


def resolver(*answers: str) -> Callable[[str, int], Any]:
    """A name server that gives another answer each time; the last one for good."""
    left = list(answers)

    async def resolve(host: str, port: int) -> list[Address]:
        address = left.pop(0) if len(left) > 1 else left[0]
        return [(socket.AF_INET, (one, port)) for one in address.split()]

    return resolve


def test_pages_are_passed_on_to_who_knows_the_secret(proxy: GuardProxy, site: PageServer) -> None:
    secret = f"{proxy.username}:{proxy.password}@"
    handler = urllib.request.ProxyHandler({"http": proxy.url.replace("//", f"//{secret}")})
    opener = urllib.request.build_opener(handler)
    with opener.open(site.base() + "/", timeout=TIMEOUT_S) as answer:
        assert answer.read() == b"welcome"
    with pytest.raises(urllib.error.HTTPError) as told:
        opener.open(site.base() + "/missing", timeout=TIMEOUT_S)
    assert (told.value.code, told.value.read()) == (404, b"not here")
    assert proxy.refusal(site.base() + "/missing") is None


@pytest.mark.parametrize("given", ["", "Basic YTpi", "Basic =", "Bearer x", "Basic Og=="])
@pytest.mark.parametrize("method", ["GET http://127.0.0.1:{}/ ", "CONNECT 127.0.0.1:{} "])
def test_nobody_else_may_use_it(
    proxy: GuardProxy, site: PageServer, method: str, given: str
) -> None:
    header = f"Proxy-Authorization: {given}\r\n" if given else ""
    asked = len(site.asked)
    with connect(proxy) as client:
        line = method.format(site.port)
        client.sendall(f"{line}HTTP/1.1\r\nHost: x\r\n{header}\r\n".encode())
        answer = read_all(client)
    assert answer.startswith(b"HTTP/1.1 407")
    assert b'Proxy-Authenticate: Basic realm="' in answer
    assert len(site.asked) == asked


def test_a_name_that_leads_to_a_private_address_is_refused(
    site: PageServer, caplog: pytest.LogCaptureFixture
) -> None:
    with GuardProxy(AddressPolicy([]), max_bytes=MAX_BYTES, resolve=resolver("127.0.0.1")) as proxy:
        url = f"http://museum.example:{site.port}/"
        for _ in range(2):
            answer = get(proxy, url)
            assert answer.startswith(b"HTTP/1.1 403")
            assert b"ARTWORKS_ALLOWED_NETWORKS" in answer
        refusal = proxy.refusal(url)
        assert refusal is not None
        assert refusal.reason == "address_refused"
        assert "museum.example" in refusal.detail
        assert proxy.refusal(f"http://museum.example:{site.port}/another/page") == refusal
        assert proxy.refusal("http://museum.example/") is None
    said = [record.getMessage() for record in caplog.records]
    assert len([line for line in said if "museum.example" in line]) == 1
    assert not any(proxy.password in line for line in said)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "127.1", "[::ffff:127.0.0.1]", "0"]
)
def test_however_this_machine_is_spelled(site: PageServer, host: str) -> None:
    async def resolve(name: str, port: int) -> list[Address]:
        """As the system's resolver does, which the tests keep from anything but plain names."""
        if name in ("localhost", "::ffff:127.0.0.1"):
            return [(socket.AF_INET6, ("::ffff:127.0.0.1", port, 0, 0))]
        return [(socket.AF_INET, (socket.inet_ntoa(socket.inet_aton(name)), port))]

    asked = len(site.asked)
    with GuardProxy(ONLY_127_0_0_2, max_bytes=MAX_BYTES, resolve=resolve) as proxy:
        assert get(proxy, f"http://{host}:{site.port}/").startswith(b"HTTP/1.1 403")
        client, answer = tunnel(proxy, f"{host}:{site.port}")
        client.close()
        assert answer.startswith(b"HTTP/1.1 403")
        found = proxy.refusal(f"https://{host}:{site.port}/any/page")
        assert found is not None
        assert found.reason == "address_refused"
        assert get(proxy, f"http://127.0.0.2:{site.port}/").endswith(b"welcome")
    assert [host for host, _ in site.asked[asked:]] == ["127.0.0.2"]


def test_a_name_that_changes_its_mind_is_connected_where_it_was_checked(site: PageServer) -> None:
    moody = resolver("127.0.0.2", "127.0.0.1")
    asked = len(site.asked)
    with GuardProxy(ONLY_127_0_0_2, max_bytes=MAX_BYTES, resolve=moody) as proxy:
        url = f"http://moody.example:{site.port}/"
        assert get(proxy, url).endswith(b"welcome")
        assert proxy.refusal(url) is None
        assert get(proxy, url).startswith(b"HTTP/1.1 403")
        assert proxy.refusal(url) is not None
    assert [host for host, _ in site.asked[asked:]] == ["127.0.0.2"]


def test_of_several_addresses_those_that_are_allowed_are_tried(site: PageServer) -> None:
    both = resolver("127.0.0.1 127.0.0.2")
    with GuardProxy(ONLY_127_0_0_2, max_bytes=MAX_BYTES, resolve=both) as proxy:
        assert get(proxy, f"http://two.example:{site.port}/").endswith(b"welcome")
    assert site.asked[-1][0] == "127.0.0.2"


def test_a_redirect_to_a_private_address_is_followed_to_its_refusal(site: PageServer) -> None:
    with GuardProxy(ONLY_127_0_0_2, max_bytes=MAX_BYTES) as proxy:
        url = f"http://127.0.0.2:{site.port}/inside"
        answer = get(proxy, url)
        assert answer.startswith(b"HTTP/1.1 302")
        assert get(proxy, f"http://127.0.0.1:{site.port}/secret").startswith(b"HTTP/1.1 403")
        found = proxy.refusal(url)
        assert found is not None
        assert found.reason == "address_refused"
    assert "/secret" not in [path for host, path in site.asked if host == "127.0.0.1"]


def test_the_proxy_and_services_that_are_excluded_are_not_reached_through_it(
    site: PageServer,
) -> None:
    policy = LOOPBACK.without([site.base()])
    with GuardProxy(policy, max_bytes=MAX_BYTES) as proxy:
        port = proxy.url.rpartition(":")[2]
        for host in ("127.0.0.1", "0.0.0.0", "127.0.0.2", "localhost"):  # noqa: S104
            for target in (f"{host}:{port}", f"{host}:{site.port}"):
                assert get(proxy, f"http://{target}/").startswith(b"HTTP/1.1 403"), target


def test_headers_of_the_connection_stay_on_it_and_the_others_arrive_as_they_were() -> None:
    asked: list[bytes] = []
    answer = (
        b"HTTP/1.1 200 Fine\r\nX-Kept: yes\r\nKeep-Alive: timeout=5\r\nConnection: X-Private\r\n"
        b"X-Private: 1\r\nProxy-Authenticate: Basic\r\nContent-Length: 2\r\n\r\nok"
    )
    with (
        sends(answer, asked) as port,
        GuardProxy(LOOPBACK, max_bytes=MAX_BYTES) as proxy,
    ):
        got = exchange(
            proxy,
            f"GET http://user:word@127.0.0.1:{port}/a%2Fb//c?q=%41&x={{}} HTTP/1.1\r\n"
            "Host: other.example\r\nX-CamelCase: Yes\r\nConnection: keep-alive, X-Mine\r\n"
            "X-Mine: 1\r\nProxy-Connection: keep-alive\r\nTE: trailers\r\nUpgrade: h2c\r\n"
            "\r\n".encode(),
        )
    lines = asked[0].decode().split("\r\n")
    assert lines[0] == "GET /a%2Fb//c?q=%41&x={} HTTP/1.1"
    assert sorted(lines[1:]) == sorted(
        [f"Host: 127.0.0.1:{port}", "X-CamelCase: Yes", "Connection: close", "", ""]
    )
    head, _, body = got.partition(b"\r\n\r\n")
    assert body == b"ok"
    assert head.split(b"\r\n") == [
        b"HTTP/1.1 200 Fine",
        b"X-Kept: yes",
        b"Content-Length: 2",
        b"Connection: close",
    ]


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_bodies_of_requests_are_passed_on(proxy: GuardProxy, framing: str) -> None:
    received: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        head = read_head(connection)
        body = b""
        while len(body) < 11 if b"Content-Length: 11" in head else not body.endswith(b"0\r\n\r\n"):
            body += connection.recv(100)
        received.extend([head, body])
        connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    with listening(serve) as port:
        header, body = {
            "length": ("Content-Length: 11", b"hello world"),
            "chunked": ("Transfer-Encoding: chunked", b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"),
        }[framing]
        got = exchange(
            proxy,
            f"POST http://127.0.0.1:{port}/ HTTP/1.1\r\nHost: x\r\n{header}\r\n\r\n".encode()
            + body,
        )
    assert got.startswith(b"HTTP/1.1 204")
    assert header.encode() in received[0]
    assert received[1] == body


@pytest.mark.parametrize(
    ("method", "answer", "expected"),
    [
        ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n", b""),
        ("GET", b"HTTP/1.1 304 Not Modified\r\nETag: x\r\n\r\n", b""),
        ("GET", b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\nend", b"end"),
        ("GET", b"HTTP/1.0 200 OK\r\n\r\nuntil the end", b"until the end"),
        (
            "GET",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            b"abc",
        ),
        ("PATCH", b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc and more", b"abc"),
    ],
)
def test_answers_of_every_form_arrive(
    proxy: GuardProxy, method: str, answer: bytes, expected: bytes
) -> None:
    with sends(answer) as port:
        host, _, own = proxy.url.removeprefix("http://").partition(":")
        client = HTTPConnection(host, int(own), timeout=TIMEOUT_S)
        name, value = authorization(proxy).decode().strip().split(": ")
        client.request(method, f"http://127.0.0.1:{port}/", headers={name: value})
        found = client.getresponse()
        assert found.read() == expected
        client.close()


def test_an_answer_that_is_too_long_is_not_begun_where_it_says_so(
    proxy: GuardProxy, site: PageServer
) -> None:
    assert get(proxy, site.base() + "/large").startswith(b"HTTP/1.1 413")
    found = proxy.refusal(site.base() + "/large#fragment")
    assert found is not None
    assert found.reason == "body_too_large"
    assert proxy.refusal(site.base() + "/") is None
    assert get(proxy, site.base() + "/largest").endswith(b"x" * MAX_BYTES)


@pytest.mark.parametrize("head", [b"Transfer-Encoding: chunked\r\n", b""])
def test_an_endless_answer_is_cut_where_it_becomes_too_long(proxy: GuardProxy, head: bytes) -> None:
    def serve(connection: socket.socket) -> None:
        read_head(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n")
        while True:
            connection.sendall(b"3e8\r\n" + b"x" * 1000 + b"\r\n" if head else b"x" * 1000)

    with listening(serve) as port:
        host, _, own = proxy.url.removeprefix("http://").partition(":")
        client = HTTPConnection(host, int(own), timeout=TIMEOUT_S)
        name, value = authorization(proxy).decode().strip().split(": ")
        client.request("GET", f"http://127.0.0.1:{port}/x?y", headers={name: value})
        answer: HTTPResponse = client.getresponse()
        with pytest.raises((ConnectionResetError, IncompleteRead)):
            answer.read()
        client.close()
    found = proxy.refusal(f"http://127.0.0.1:{port}/x?y")
    assert found is not None
    assert found.reason == "body_too_large"


def test_a_tunnel_carries_bytes_both_ways_and_each_side_may_end_first(proxy: GuardProxy) -> None:
    def serve(connection: socket.socket) -> None:
        heard = read_all(connection)
        connection.sendall(b"you said " + heard)

    with listening(serve) as port:
        client, answer = tunnel(proxy, f"127.0.0.1:{port}")
        with client:
            assert answer.startswith(b"HTTP/1.1 200")
            client.sendall(b"\x16\x03hello")
            client.shutdown(socket.SHUT_WR)
            assert read_all(client) == b"you said \x16\x03hello"


def test_a_tunnel_ends_when_too_much_comes_out_of_it(proxy: GuardProxy) -> None:
    def serve(connection: socket.socket) -> None:
        while True:
            connection.sendall(b"x" * 1000)

    with listening(serve) as port:
        client, _ = tunnel(proxy, f"127.0.0.1:{port}")
        with client:
            assert len(read_all(client)) <= MAX_BYTES
    found = proxy.refusal(f"https://127.0.0.1:{port}/whatever")
    assert found is not None
    assert found.reason == "body_too_large"


@pytest.mark.parametrize(
    ("target", "status", "reason"),
    [
        ("nowhere.invalid", 502, "dns_error"),
        ("127.0.0.1", 502, "connection_refused"),
        ("10.0.0.1", 403, "address_refused"),
        ("169.254.169.254", 403, "address_refused"),
    ],
)
def test_what_cannot_be_reached_is_told_apart(
    proxy: GuardProxy, target: str, status: int, reason: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    for url in (f"http://{target}:{port}/", f"https://{target}:{port}/"):
        if url.startswith("https"):
            client, answer = tunnel(proxy, f"{target}:{port}")
            client.close()
        else:
            answer = get(proxy, url)
        assert answer.startswith(f"HTTP/1.1 {status}".encode())
        found = proxy.refusal(url)
        assert found is not None
        assert found.reason == reason


def test_what_is_told_is_forgotten_when_the_host_answers_again(proxy: GuardProxy) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    url = f"http://127.0.0.1:{port}/"
    get(proxy, url)
    assert proxy.refusal(url) is not None
    with socket.create_server(("127.0.0.1", port)) as server:

        def serve() -> None:
            with server.accept()[0] as connection:
                read_head(connection)
                connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")

        answering = threading.Thread(target=serve, daemon=True)
        answering.start()
        get(proxy, url)
        answering.join(TIMEOUT_S)
    assert proxy.refusal(url) is None


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000 + b"\r\n\r\n",
        b"HTTP/1.1 407 Mine\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n",
    ],
    ids=["silence", "another protocol", "two lengths", "huge head", "asks for our secret"],
)
def test_an_answer_that_is_none_is_a_failed_connection(proxy: GuardProxy, answer: bytes) -> None:
    with sends(answer) as port:
        got = get(proxy, f"http://127.0.0.1:{port}/page")
    assert got.startswith(b"HTTP/1.1 502")
    found = proxy.refusal(f"http://127.0.0.1:{port}/page")
    assert found is not None
    assert found.reason == "connection_failed"


@pytest.mark.parametrize("framing", [b"Content-Length: 100", b"Transfer-Encoding: chunked"])
def test_an_answer_that_ends_early_does_not_look_whole(proxy: GuardProxy, framing: bytes) -> None:
    begun = b"5\r\nbegun\r\n" if b"chunked" in framing else b"begun"
    with sends(b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n\r\n" + begun) as port:
        host, _, own = proxy.url.removeprefix("http://").partition(":")
        client = HTTPConnection(host, int(own), timeout=TIMEOUT_S)
        name, value = authorization(proxy).decode().strip().split(": ")
        client.request("GET", f"http://127.0.0.1:{port}/", headers={name: value})
        with pytest.raises((ConnectionResetError, IncompleteRead)):
            client.getresponse().read()
        client.close()


def test_a_server_that_falls_silent_is_a_timeout() -> None:
    def serve(connection: socket.socket) -> None:
        read_all(connection)

    with (
        listening(serve) as port,
        GuardProxy(LOOPBACK, max_bytes=MAX_BYTES, limits=QUICK) as proxy,
    ):
        url = f"http://127.0.0.1:{port}/"
        assert get(proxy, url).startswith(b"HTTP/1.1 504")
        found = proxy.refusal(url)
        assert found is not None
        assert found.reason == "timeout"
        client, answer = tunnel(proxy, f"127.0.0.1:{port}")
        with client:
            assert answer.startswith(b"HTTP/1.1 200")
            assert read_all(client) == b""


def test_a_client_that_does_not_finish_its_request_is_hung_up_on(site: PageServer) -> None:
    with GuardProxy(LOOPBACK, max_bytes=MAX_BYTES, limits=QUICK) as proxy:
        for begun in (b"", b"GET http://127", b"GET http://127.0.0.1/ HTTP/1.1\r\nA: b\r\n"):
            with connect(proxy) as client:
                client.sendall(begun)
                assert read_all(client) == b""


@pytest.mark.parametrize(
    "request_",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET ftp://127.0.0.1/ HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET https://127.0.0.1/ HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET http:///etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET http://127.0.0.1:99999/ HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET http://127.0.0.1:0/ HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET http://127.0.0.1:80:80/ HTTP/1.1\r\nHost: x\r\n\r\n",
        b"CONNECT 127.0.0.1/path HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET http://127.0.0.1/ HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 200_000 + b"\r\n\r\n",
    ],
)
def test_what_is_no_request_of_ours_is_answered_as_such(proxy: GuardProxy, request_: bytes) -> None:
    got = exchange(proxy, request_)
    assert got.startswith((b"HTTP/1.1 400", b"HTTP/1.1 431", b"HTTP/1.1 502", b"HTTP/1.1 403"))
    assert not got.startswith(b"HTTP/1.1 2")


def test_web_sockets_are_refused(proxy: GuardProxy, site: PageServer) -> None:
    got = exchange(
        proxy,
        f"GET {site.base()}/ HTTP/1.1\r\nHost: x\r\nUpgrade: WebSocket\r\n"
        "Connection: Upgrade\r\n\r\n".encode(),
    )
    assert got.startswith(b"HTTP/1.1 403")


def test_a_connection_is_for_one_request_so_a_second_one_goes_to_nobody(
    proxy: GuardProxy,
) -> None:
    first, second = list[bytes](), list[bytes]()
    with (
        sends(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst", first) as one,
        sends(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond", second) as other,
    ):
        again = f"GET http://127.0.0.1:{other}/ HTTP/1.1\r\nHost: x\r\n\r\n"
        got = exchange(
            proxy,
            f"GET http://127.0.0.1:{one}/ HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n"
            f"{again}".encode(),
        )
    assert b"Connection: close" in got
    assert got.endswith(b"first")
    assert len(first) == 1
    assert b"GET" not in first[0][3:]
    assert second == []


def test_a_client_that_has_said_all_still_gets_its_answer(
    proxy: GuardProxy, site: PageServer
) -> None:
    with connect(proxy) as client:
        client.sendall(
            f"GET {site.base()}/ HTTP/1.1\r\nHost: x\r\n".encode() + authorization(proxy) + b"\r\n"
        )
        client.shutdown(socket.SHUT_WR)
        assert read_all(client).endswith(b"welcome")


@pytest.mark.parametrize("by", ["GET", "POST", "CONNECT"])
def test_a_client_that_leaves_frees_the_server(proxy: GuardProxy, by: str) -> None:
    left = threading.Event()
    asked = threading.Event()

    def serve(connection: socket.socket) -> None:
        try:
            connection.recv(1)
            asked.set()
            connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            while True:
                connection.sendall(b"1\r\nx\r\n")
        except OSError:
            left.set()

    with listening(serve) as port:
        target = f"127.0.0.1:{port}" if by == "CONNECT" else f"http://127.0.0.1:{port}/"
        body = "Content-Length: 100\r\n" if by == "POST" else ""
        client = connect(proxy)
        client.sendall(
            f"{by} {target} HTTP/1.1\r\nHost: x\r\n{body}".encode()
            + authorization(proxy)
            + b"\r\nx"
        )
        assert asked.wait(TIMEOUT_S)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.close()
        assert left.wait(TIMEOUT_S)
    assert get(proxy, proxy.url).startswith(b"HTTP/1.1 403")


def test_closing_ends_what_is_open_and_can_be_repeated(site: PageServer) -> None:
    held = threading.Event()

    def serve(connection: socket.socket) -> None:
        held.set()
        read_all(connection)

    with listening(serve) as port:
        proxy = GuardProxy(LOOPBACK, max_bytes=MAX_BYTES)
        proxy.start()
        proxy.start()
        client, _ = tunnel(proxy, f"127.0.0.1:{port}")
        assert held.wait(TIMEOUT_S)
        address = proxy.url
        proxy.close()
        proxy.close()
        with client:
            assert read_all(client) == b""
    host, _, own = address.removeprefix("http://").partition(":")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(own)), timeout=TIMEOUT_S)
    with pytest.raises(RuntimeError, match="make another one"):
        _ = proxy.url


def test_one_that_was_never_used_has_nothing_to_close() -> None:
    before = threading.active_count()
    GuardProxy(LOOPBACK, max_bytes=MAX_BYTES).close()
    assert threading.active_count() == before


def test_it_listens_where_the_renderer_can_see_it() -> None:
    with GuardProxy(LOOPBACK, max_bytes=MAX_BYTES, facing="localhost") as proxy:
        assert proxy.url.startswith(("http://127.0.0.1:", "http://[::1]:"))


def test_the_proxies_of_the_environment_are_used_with_their_credentials(
    monkeypatch: pytest.MonkeyPatch, proxy: GuardProxy, site: PageServer
) -> None:
    asked: list[bytes] = []
    with sends(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nupstream", asked) as port:
        for name in ("http_proxy", "https_proxy"):
            monkeypatch.setenv(name, f"http://user:p%40ss@127.0.0.1:{port}")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        assert get(proxy, "http://museum.example/x?y").endswith(b"upstream")
        assert get(proxy, site.base() + "/").endswith(b"welcome")
        client, answer = tunnel(proxy, "museum.example:443")
        with client:
            assert answer.startswith(b"HTTP/1.1 200")
        refused = get(proxy, "http://10.0.0.1/")
    secret = b"Proxy-Authorization: Basic " + base64.b64encode(b"user:p@ss")
    assert [head.split(b" HTTP")[0] for head in asked] == [
        b"GET http://museum.example/x?y",
        b"CONNECT museum.example:443",
    ]
    assert all(secret in head for head in asked)
    assert refused.startswith(b"HTTP/1.1 403")


def test_an_upstream_proxy_that_refuses_is_named_without_its_secret(
    monkeypatch: pytest.MonkeyPatch, proxy: GuardProxy
) -> None:
    with sends(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n") as port:
        monkeypatch.setenv("https_proxy", f"http://user:hidden@127.0.0.1:{port}")
        client, answer = tunnel(proxy, "museum.example:443")
        client.close()
    assert answer.startswith(b"HTTP/1.1 502")
    found = proxy.refusal("https://museum.example/")
    assert found is not None
    assert "403" in found.detail
    assert "hidden" not in found.detail
    monkeypatch.setenv("https_proxy", "socks5://127.0.0.1:1080")
    client, answer = tunnel(proxy, "museum.example:443")
    client.close()
    assert answer.startswith(b"HTTP/1.1 502")


def test_only_the_newest_refusals_are_kept() -> None:
    refusals = Refusals()
    for number in range(MAX_REMEMBERED + 1):
        refusals.note(f"host{number}:80", Refusal("dns_error", str(number)))
    assert refusals.find("http://host0/") is None
    assert refusals.find("http://host1/") == Refusal("dns_error", "1")
    assert refusals.find(f"http://HOST{MAX_REMEMBERED}/any") is not None


def test_redirects_that_go_round_in_circles_lead_to_no_refusal() -> None:
    refusals = Refusals()
    refusals.note_redirect("a.example:80/", "http://b.example/")
    refusals.note_redirect("b.example:80/", "http://a.example/")
    assert refusals.find("http://a.example/") is None


@pytest.mark.parametrize("url", ["", "about:blank", "http://[", "http://a:b/", "nonsense"])
def test_no_address_has_no_refusal(url: str) -> None:
    assert Refusals().find(url) is None


def test_many_pages_at_once(proxy: GuardProxy, site: PageServer) -> None:
    found: list[bytes] = []
    readers = [
        threading.Thread(target=lambda: found.append(get(proxy, site.base() + "/largest")))
        for _ in range(40)
    ]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join(TIMEOUT_S)
    assert len(found) == 40
    assert all(answer.endswith(b"x" * MAX_BYTES) for answer in found)


def test_the_event_loop_of_the_caller_has_no_part_in_it(site: PageServer) -> None:
    async def use() -> bytes:
        with GuardProxy(LOOPBACK, max_bytes=MAX_BYTES) as proxy:
            return get(proxy, site.base() + "/")  # blocks the loop that runs here

    assert asyncio.run(use()).endswith(b"welcome")
