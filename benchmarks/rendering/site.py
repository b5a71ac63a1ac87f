"""A site whose pages a script fills with 24 works, in the JavaScript that every engine knows.

Run as a process of its own: `python benchmarks/rendering/site.py`; prints its URL.
"""

from __future__ import annotations

import asyncio
import json

from aiohttp import web

WORKS = 24
PAGE = """<!doctype html><html><head><title>Works</title></head><body><h1>Works</h1>
<ul id="works"></ul><img src="/picture.png"><script>
var request = new XMLHttpRequest();
request.onload = function () {
  JSON.parse(request.responseText).forEach(function (work) {
    var link = document.createElement('a');
    link.className = 'work'; link.href = work.url; link.textContent = work.title;
    document.getElementById('works').appendChild(document.createElement('li')).appendChild(link);
  });
};
request.open('GET', '/works.json');
request.send();
</script></body></html>"""


def application() -> web.Application:
    """Return the site: `/page/N`, and what its script asks for."""
    works = [{"url": f"/work/{number}", "title": f"Work {number}"} for number in range(WORKS)]

    async def page(_: web.Request) -> web.Response:
        return web.Response(text=PAGE, content_type="text/html")

    async def data(_: web.Request) -> web.Response:
        return web.Response(text=json.dumps(works), content_type="application/json")

    site = web.Application()
    site.router.add_get("/page/{number}", page)
    site.router.add_get("/works.json", data)
    return site


async def serve() -> None:
    """Serve until killed."""
    runner = web.AppRunner(application(), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print("http://{}:{}".format(*runner.addresses[0]), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve())
