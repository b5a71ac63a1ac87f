"""How trouble with an S3 server is told, and that nobody waits long for it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from storage.errors import ObjectNotFound, ObjectStoreUnavailable
from storage.objects import ObjectStore, open_store, s3

SECRET = "sesame-open"


def store_at(port: int, options: str = "secure=0&region=us-east-1") -> ObjectStore:
    return open_store(f"minio://KEY:{SECRET}@127.0.0.1:{port}/artworks?{options}")


@contextmanager
def answering(status: int, body: str, content_type: str = "application/xml") -> Iterator[int]:
    """Serve one answer to every request, and yield the port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body.encode())

        do_GET = do_PUT = do_DELETE = do_HEAD = do_POST = answer  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def error_xml(code: str) -> str:
    return f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>told so</Message></Error>"


@pytest.mark.parametrize(
    ("code", "status", "told"),
    [
        ("InvalidAccessKeyId", 403, "does not know the access key: correct KEY"),
        ("SignatureDoesNotMatch", 403, "refuses the secret"),
        ("AccessDenied", 403, "denies it the bucket artworks"),
        ("NoSuchBucket", 404, "has no bucket artworks: run `artworks init`"),
        ("AuthorizationHeaderMalformed", 400, "set region="),
        ("RequestTimeTooSkewed", 403, "clock"),
        ("InternalError", 500, "answered InternalError"),
        ("SomethingNew", 400, "answered SomethingNew: told so"),
    ],
)
def test_error_codes_are_told_apart(code: str, status: int, told: str) -> None:
    with answering(status, error_xml(code)) as port:
        store = store_at(port)
        for use in (store.check, lambda: store.get("a"), lambda: list(store.list())):
            with pytest.raises(ObjectStoreUnavailable, match=told) as caught:
                use()
            assert SECRET not in str(caught.value)
            assert "\n" not in str(caught.value)


def test_missing_key_is_the_only_not_found() -> None:
    with answering(404, error_xml("NoSuchKey")) as port, pytest.raises(ObjectNotFound):
        store_at(port).get("a")
    with answering(404, error_xml("NoSuchKey")) as port:
        store_at(port).delete("a")
    # HEAD of the object and of the bucket both answer 404: it is the bucket that is missing.
    with answering(404, "") as port, pytest.raises(ObjectStoreUnavailable, match="no bucket"):
        store_at(port).stat("a")


@pytest.mark.parametrize(
    ("status", "body", "content_type", "told"),
    [
        (200, "<html>hello</html>", "text/html", "does not speak S3"),
        (200, '{"a": 1}', "application/json", "does not speak S3"),
        (404, "<html>not here</html>", "text/html", "does not speak S3"),
        (503, "starting", "text/plain", "HTTP 503"),
        (502, "", "text/plain", "HTTP 502"),
    ],
)
def test_other_servers(status: int, body: str, content_type: str, told: str) -> None:
    with answering(status, body, content_type) as port:
        started = time.monotonic()
        with pytest.raises(ObjectStoreUnavailable, match=told):
            store_at(port).check()
        assert time.monotonic() - started < 5


def test_refused_connection() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        started = time.monotonic()
        store = store_at(unused.getsockname()[1])
        for use in (
            store.check,
            lambda: store.get("a"),
            lambda: store.stat("a"),
            lambda: store.put("a", b"", content_type="x/y"),
        ):
            with pytest.raises(ObjectStoreUnavailable, match=r"cannot be reached .*refused"):
                use()
        assert time.monotonic() - started < 10


def test_plain_http_behind_https() -> None:
    with answering(200, "") as port:
        store = store_at(port, "secure=1&region=us-east-1")
        with pytest.raises(ObjectStoreUnavailable, match=r"add \?secure=0"):
            store.check()


def test_silent_server_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3, "CONNECT_SECONDS", 0.2)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(1)
        started = time.monotonic()
        with pytest.raises(ObjectStoreUnavailable, match="does not answer in time"):
            store_at(silent.getsockname()[1]).check()
        assert time.monotonic() - started < 1


def test_unknown_host() -> None:
    with pytest.raises(ObjectStoreUnavailable, match="cannot be resolved"):
        open_store("minio://K:S@no-such-host.invalid:1/artworks").check()


def test_answer_that_breaks_off() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(
                    b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n"
                    b"Content-Type: image/jpeg\r\n\r\nhalf"
                )

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(ObjectStoreUnavailable):
            store_at(server.getsockname()[1]).get("a")
        thread.join()


def test_wrong_credentials_on_a_real_server(s3_url: str) -> None:
    head, _, host = s3_url.rpartition("@")
    key = head.removeprefix("minio://").partition(":")[0]
    for credentials in (f"{key}:{SECRET}", f"nobody-knows-me:{SECRET}"):
        with pytest.raises(ObjectStoreUnavailable, match="KEY") as caught:
            open_store(f"minio://{credentials}@{host}").check()
        assert SECRET not in str(caught.value)
