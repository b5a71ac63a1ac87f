"""Pages of works: none at all, too much of one, and odd ones that are read right."""

from __future__ import annotations

from support.hostile import pictures
from support.hostile.answers import (
    HTML,
    announced,
    brotli_bomb,
    drip,
    gzip_bomb,
    head,
    redirect,
    repeated,
    whole,
)
from support.hostile.hostility import JPEG, Hostility, Stored, artwork, picture, work_page


def pages() -> list[Hostility]:
    page = f"Content-Type: {HTML}"
    in_chunks = head(200, page, "Transfer-Encoding: chunked")
    sorry = "<!doctype html><title>Page not found</title><p>Sorry, we looked everywhere.</p>"
    spaces = b"f4240\r\n" + b" " * 1_000_000 + b"\r\n"
    return [
        artwork("soft-404", whole(sorry), "not_an_artwork"),
        artwork("cloudflare", whole(CLOUDFLARE), "blocked"),
        artwork("captcha", whole(CAPTCHA), "blocked"),
        artwork("page-bomb", whole(gzip_bomb(50), HTML, "Content-Encoding: gzip"),
                "body_too_large"),
        artwork("page-brotli-bomb", whole(brotli_bomb(50), HTML, "Content-Encoding: br"),
                "body_too_large"),
        artwork("fifty-megabytes", repeated(in_chunks, spaces, 50, b"0\r\n\r\n"),
                "body_too_large"),
        artwork("a-picture", whole(pictures.jpeg(31), JPEG), "not_text"),
        artwork("a-film", whole(b"\0\0\0\x18ftypmp42" + bytes(99), "video/mp4"), "not_text"),
        artwork("drip-page", drip(head(200, page, "Content-Length: 9000"), b"<p>"), "timeout"),
        artwork("cut-page", announced(b"<h1>cut", 5_000, HTML), "incomplete_body"),
        artwork("page-loop", redirect("/artwork/page-loop"), "too_many_redirects"),
        artwork("page-to-lan", redirect("http://192.168.1.1/admin"), "address_refused"),
        artwork("page-to-file", redirect("file:///etc/shadow"), "unsupported_scheme"),
    ]  # fmt: skip


def odd_pages() -> list[Hostility]:
    long = "word " * 2_000_000
    deep = "<div>" * 300 + "<h1>Three hundred deep</h1>" + "</div>" * 300
    abyss = "<h1>The abyss</h1>" + "<div>" * 100_000 + "<p>" + "</div>" * 100_000
    tables = "<h1>Tables</h1>" + "<table><tr><td>" * 20_000
    words = "<h1>A\0B \ud83d C</h1><p class=tag>re\0d</p><p class=artist>N\0ul \udc00</p>"
    broken = (
        '<script type="application/ld+json">{"@type": "Painting", "name": "Broken", }}}</script>'
        '<script type="application/ld+json">{"@type": </script>'
        '<script type="application/ld+json">' + "[" * 90_000 + "</script>"
    )
    surrogates = (
        '<script type="application/ld+json">{"@type": "Painting", '
        '"name": "Low \\ud83d high \\u0000 end"}</script>'
    )
    mixed = '<meta charset="utf-8"><h1>Café '.encode() + "Müller</h1>".encode("latin-1")
    local = ["file:///etc/passwd", "data:image/gif;base64,R0", "javascript:1", "ftp://x/a.jpg"]
    return [
        artwork("long", whole(work_page("Long", f"<p class=description>{long}</p>")),
                Stored({"title": "Long", "length(description)": 99_999},
                       raw={"description": {"cut": True}})),
        artwork("deep", whole(work_page("", deep)), Stored({"title": "Three hundred deep"})),
        artwork("abyss", whole(work_page("", abyss)), Stored({"title": "The abyss"})),
        artwork("tables", whole(work_page("", tables)), Stored({"title": "Tables"})),
        artwork("unstorable", whole(work_page("", words).encode("utf-8", "surrogatepass")),
                Stored({"title": "AB ��� C"})),
        artwork("references", whole(work_page("A&#0;B &#xD800; C &#1; &#x110000;")),
                Stored({"title": "A�B � C �"})),
        artwork("escapes", whole(surrogates), Stored({"title": "Low high end"})),
        artwork("malformed", whole(broken), Stored({"title": "Broken"})),
        artwork("mixed", whole(mixed, "text/html"), Stored({"title": "Café M�ller"})),
        artwork("latin", whole("<h1>Müller</h1>".encode("latin-1"), "text/html; charset=latin1"),
                Stored({"title": "Müller"})),
        artwork("lying-charset", whole("<h1>Müller</h1>".encode(), "text/html; charset=zz-9"),
                Stored({"title": "Müller"})),
        artwork("utf-16", whole(work_page("Müller").encode("utf-16"), "text/html"),
                Stored({"title": "Müller"})),
        artwork("date", whole(work_page("Mona Lisa", "<p class=date>c. 1503–19</p>")),
                Stored({"date_text": "c. 1503–19", "year_from": 1503, "year_to": 1519})),
        artwork("rtl", whole(work_page("لوحة \u202eفنية\u202c 1")),
                Stored({"title": "لوحة \u202eفنية\u202c 1"})),
        artwork("markup", whole(work_page("&lt;script&gt;alert(1)&lt;/script&gt; '; DROP TABLE x")),
                Stored({"title": "<script>alert(1)</script> '; DROP TABLE x"})),
        artwork("local-images", whole(work_page("Local", *(f'<img src="{url}">' for url in local))),
                Stored({"title": "Local"}, images=0)),
        artwork("traps", whole(work_page("Traps", '<img src="/trap.jpg?../../../x%00.php">')),
                Stored({"title": "Traps"}, images=1),
                more={"/trap.jpg": picture(pictures.jpeg(32))}),
        artwork("many-terms", whole(work_page("Terms", *(
            f"<p class=tag>{n}</p>" for n in range(20_000)))), Stored({"title": "Terms"})),
        artwork("odd-page-etag", whole(work_page("Etag"), HTML, b'ETag: W/"\xff\x80'),
                Stored({"title": "Etag"})),
    ]  # fmt: skip


CLOUDFLARE = """<!DOCTYPE html><html lang="en-US"><head><title>Just a moment...</title>
<meta name="robots" content="noindex,nofollow"></head><body><div class="main-wrapper">
<noscript>Enable JavaScript and cookies to continue</noscript></div>
<script>(function(){window._cf_chl_opt={cvId:'3',cZone:"museum.example"};
var a=document.createElement('script');
a.src='/cdn-cgi/challenge-platform/h/b/orchestrate/chl_page/v1';
}())</script></body></html>"""

CAPTCHA = """<html><head><title>Are you human?</title></head><body>
<form action="/verify" method="post"><p>Please show that you are not a robot.</p>
<div class="h-captcha" data-sitekey="10000000-ffff-ffff-ffff-000000000001"></div>
<script src="https://js.hcaptcha.com/1/api.js" async defer></script></form></body></html>"""
