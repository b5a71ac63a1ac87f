"""A museum for benchmarks: N works, a page and one distinct JPEG each, served as fast as may be.

Run as a process of its own: `python benchmarks/crawling/site.py --works 1000`; prints its URL.
"""

from __future__ import annotations

import argparse
from io import BytesIO

import numpy as np
from aiohttp import web
from PIL import Image, ImageFilter

PER_PAGE = 50
BASES = 16


def base_images(width: int, height: int, quality: int) -> list[bytes]:
    """Return a few JPEGs with structure at several scales, as photographs of paintings have."""
    images = []
    for seed in range(BASES):
        rng = np.random.default_rng(seed)
        layers = np.zeros((height, width, 3), np.float64)
        for cells, weight in ((4, 110), (16, 70), (64, 28)):
            noise = rng.uniform(0, 255, (cells, cells, 3)).astype(np.uint8)
            layer = Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC)
            layers += np.asarray(layer, np.float64) * weight / 255
        grain = rng.normal(0, 5, (height, width, 1))
        picture = Image.fromarray(np.clip(layers + grain, 0, 255).astype(np.uint8))
        buffer = BytesIO()
        picture.filter(ImageFilter.GaussianBlur(0.6)).save(buffer, "JPEG", quality=quality)
        images.append(buffer.getvalue())
    return images


def distinct(jpeg: bytes, number: int) -> bytes:
    """Return the JPEG with a comment that no other work's image has."""
    comment = f"work {number}".encode()
    return jpeg[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + jpeg[2:]


def application(works: int, bases: list[bytes]) -> web.Application:
    """Return the site: `/listing?page=`, `/work/N`, `/image/N.jpg`, and nothing in robots.txt."""
    pages = -(-works // PER_PAGE)

    async def listing(request: web.Request) -> web.Response:
        page = int(request.query.get("page", "1"))
        first = (page - 1) * PER_PAGE
        links = "".join(
            f'<li><a class="work" href="/work/{number}">Work {number}</a></li>'
            for number in range(first, min(first + PER_PAGE, works))
        )
        following = (
            f'<a rel="next" href="/listing?page={page + 1}">next</a>' if page < pages else ""
        )
        return web.Response(
            text=f"<html><body><ul>{links}</ul>{following}</body></html>", content_type="text/html"
        )

    async def work(request: web.Request) -> web.Response:
        number = int(request.match_info["number"])
        return web.Response(
            text=f"""<html><head><title>Work {number}</title></head><body>
            <article data-id="{number}"><h1>Work number {number}</h1>
            <a class="artist" href="/artist/{number % 40}">Painter {number % 40}</a>
            <dl><dt>Date</dt><dd class="date">c. {1500 + number % 400}</dd>
            <dt>Medium</dt><dd class="medium">Oil on canvas</dd>
            <dt>Dimensions</dt><dd class="dimensions">64.5 × 80 cm</dd></dl>
            <p class="description">{"A description of the work. " * 20}</p>
            <ul><li class="style">Style {number % 12}</li>
            <li class="genre">Genre {number % 7}</li></ul>
            <img class="image" src="/image/{number}.jpg"></article></body></html>""",
            content_type="text/html",
        )

    async def image(request: web.Request) -> web.Response:
        number = int(request.match_info["number"])
        return web.Response(body=distinct(bases[number % BASES], number), content_type="image/jpeg")

    async def robots(request: web.Request) -> web.Response:
        return web.Response(text="User-agent: *\nDisallow:\n", content_type="text/plain")

    site = web.Application()
    site.router.add_get("/listing", listing)
    site.router.add_get("/work/{number}", work)
    site.router.add_get(r"/image/{number:\d+}.jpg", image)
    site.router.add_get("/robots.txt", robots)
    return site


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--works", type=int, default=1000)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--width", type=int, default=640)
    parser.add_argument("--height", type=int, default=512)
    parser.add_argument("--quality", type=int, default=80)
    options = parser.parse_args()
    bases = base_images(options.width, options.height, options.quality)
    site = application(options.works, bases)

    async def announce(_: web.Application) -> None:
        size = sum(map(len, bases)) / len(bases)
        print(f"images of {size / 1000:.0f} kB", flush=True)

    site.on_startup.append(announce)
    web.run_app(
        site,
        host="127.0.0.1",
        port=options.port,
        access_log=None,
        print=lambda text: print(text, flush=True),
    )


if __name__ == "__main__":
    main()
