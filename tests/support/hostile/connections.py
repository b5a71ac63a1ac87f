"""Connections and heads: bombs, breaks, drips, redirects and refusals."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from support.hostile import pictures
from support.hostile.answers import (
    announced,
    brotli_bomb,
    deflate_bomb,
    drip,
    endless,
    gzip_bomb,
    head,
    layers,
    redirect,
    reset_after,
    silence,
    status,
    whole,
    zstd_bomb,
)
from support.hostile.hostility import JPEG, Hostility, artwork, image, picture, stored
from support.hostile.server import HOSTS, REFUSING, Exchange


def body_bombs() -> list[Hostility]:
    in_chunks = head(200, f"Content-Type: {JPEG}", "Transfer-Encoding: chunked")
    packed = {"gzip": gzip_bomb, "br": brotli_bomb, "zstd": zstd_bomb, "deflate": deflate_bomb}
    return [
        *(
            image(f"{name}-bomb", whole(bomb(300), JPEG, f"Content-Encoding: {name}"),
                  "body_too_large")
            for name, bomb in packed.items()
        ),
        image("layers", whole(layers(b"x", 40), JPEG, "Content-Encoding: gzip" + ", gzip" * 39),
              "bad_compression"),
        image("no-gzip", whole(b"this is no gzip", JPEG, "Content-Encoding: gzip"),
              "bad_compression"),
        image("endless", endless(in_chunks), "body_too_large"),
        image("vast", announced(b"\xff\xd8\xff", 10**13, JPEG), "body_too_large"),
    ]  # fmt: skip


def evasive_images(base: Callable[[str], str]) -> list[Hostility]:
    secure = base(HOSTS[0]).replace("http:", "https:")
    private = {
        "lan": "http://10.0.0.1/",
        "metadata": "http://169.254.169.254/latest/meta-data/",
        "mapped": "http://[::ffff:10.0.0.1]/",
        "hexadecimal": "http://0x0a000001/",
        "carrier": "http://100.64.0.1/",
        "unique-local": "http://[fd00::1]/",
        "translated": "http://[64:ff9b::a00:1]/",
        "zero": "http://0.0.0.0/",
    }
    schemes = {
        "file": "file:///etc/passwd",
        "data": "data:image/gif;base64,R0lGODlhAQABAAAAACw=",
        "ftp": "ftp://127.0.0.1/a.jpg",
        "javascript": "javascript:alert(1)",
        "unix": "http+unix://%2Fvar%2Frun%2Fdocker.sock/",
    }
    return [
        *(image(f"to-{name}", redirect(url), "address_refused") for name, url in private.items()),
        *(image(f"to-{name}", redirect(url), "unsupported_scheme")
          for name, url in schemes.items()),
        image("to-nowhere", redirect("http://[bad/"), "unsupported_scheme"),
        image("to-decimal", redirect("http://167772161/"), "unsupported_scheme"),
        image("to-octal", redirect("http://012.0.0.1/"), "unsupported_scheme"),
        image("to-noise", redirect(b"http://\xff\xfe\x80/"), "dns_error"),
        image("to-secure", redirect(f"{secure}/secure.jpg"), "connection_refused"),
        image("without-location", head(302, "Content-Length: 0"), "http_error"),
        image("loop", redirect("/image/loop"), "too_many_redirects"),
        image("chain", redirect("/chain/0"), "too_many_redirects",
              more={f"/chain/{n}": redirect(f"/chain/{n + 1}") for n in range(30)}),
        image("hop", redirect("/hop", 308), stored("jpeg"),
              more={"/hop": picture(pictures.jpeg(30))}),
    ]  # fmt: skip


def broken_connections() -> list[Hostility]:
    start = head(200, f"Content-Type: {JPEG}", "Content-Length: 4000")
    in_chunks = head(200, f"Content-Type: {JPEG}", "Transfer-Encoding: chunked")
    return [
        image("reset-at-once", reset_after(b""), "connection_failed"),
        image("reset-in-head", reset_after(b"HTTP/1.1 200 O"), "connection_failed"),
        image("reset-in-body", reset_after(start + bytes(900)), "incomplete_body"),
        image("closed-at-once", b"", "connection_failed"),
        image("bad-chunk", in_chunks + b"zz\r\nnothing\r\n0\r\n\r\n", "connection_failed"),
        image("negative-chunk", in_chunks + b"-5\r\nnothing\r\n0\r\n\r\n", "connection_failed"),
        image("no-http", b"220 mail.example ESMTP ready\r\n\r\n", "connection_failed"),
        image("negative-length", head(200, "Content-Length: -1") + b"x", "connection_failed"),
        image("two-lengths", head(200, "Content-Length: 1", "Content-Length: 2") + b"xx",
              "connection_failed"),
        image("vast-header", head(200, "X-Noise: " + "x" * 200_000), "connection_failed"),
        image("endless-headers", endless(b"HTTP/1.1 200 OK\r\n", b"X-Noise: 1\r\n" * 9_000),
              "connection_failed"),
        image("drip", drip(start, b"\0"), "timeout"),
        image("drip-head", drip(b"HTTP/1.1 200 OK\r\nX-Noise: ", b"x"), "timeout"),
        image("silent", silence(), "timeout"),
    ]  # fmt: skip


def statuses() -> list[Hostility]:
    codes = {
        "not-found": (404, "not_found"),
        "gone": (410, "gone"),
        "login-needed": (401, "forbidden"),
        "forbidden": (403, "forbidden"),
        "teapot": (418, "http_error"),
        "no-content": (204, "empty_body"),
        "never-asked-304": (304, "http_error"),
        "broken": (500, "server_error"),
        "odd-status": (799, "server_error"),
    }
    return [
        *(image(name, status(code, body=""), reason) for name, (code, reason) in codes.items()),
        artwork("gone-page", status(410), "gone"),
    ]


def refusals() -> list[Hostility]:
    """429 and 503 with every kind of Retry-After, each on a host of its own, which is paused."""
    said = {
        "seconds": "1",
        "fraction": "0.5",
        "none": None,
        "negative": "-5",
        "words": "soon",
        "long-ago": "Sun, 06 Nov 1994 08:49:37 GMT",
        "absurd": "99999999999999999999",
        "end-of-time": "Fri, 31 Dec 9999 23:59:59 GMT",
        "no-date": "Thu, 99 Foo 2026 77:88:99 GMT",
    }
    words = [
        (name, [] if value is None else [f"Retry-After: {value}"]) for name, value in said.items()
    ]
    found = [
        image(f"refused-{name}", status(code, *lines), reason, host=host)
        for (name, lines), host, (code, reason) in zip(
            words, REFUSING, [(429, "rate_limited"), (503, "server_error")] * 5, strict=False
        )
    ]

    async def in_a_second(exchange: Exchange) -> None:
        moment = datetime.now(UTC) + timedelta(seconds=1)
        line = f"Retry-After: {format_datetime(moment, usegmt=True)}"
        await exchange.send(status(429, line))

    return [*found, image("refused-date", in_a_second, "rate_limited", host=REFUSING[-1])]
