"""The museum: all hostilities, what its server answers, and its profile."""

from __future__ import annotations

from collections.abc import Callable

from support.hostile import connections, images, listings, pages, pictures
from support.hostile.answers import whole
from support.hostile.hostility import Hostility, links, picture, work_page
from support.hostile.server import HOSTS, Answer, Answers

FRONT = HOSTS[0]
HONEST = 30
TIMEOUT_S = 8

PROFILE = """
base_url = "{base}"
domains = ["127.0.0.2", "127.0.0.3"]
[politeness]
delay = 0
concurrency = 8
retries = 0
timeout = {timeout}
autothrottle = false
[rendering]
listing = "never"
artwork = "never"
[categories]
all = "/"
[listing]
artworks = "css:a.work"
listings = "css:a.room"
next = "css:a.next"
[artwork]
required = ["title"]
title = ["css:h1", "jsonld:name"]
date = "css:.date"
description = "css:.description"
medium = "css:.medium"
[artwork.artist]
name = "css:.artist"
[artwork.images]
url = "css:img"
[artwork.terms]
tag = "css:.tag"
"""


def museum(base: Callable[[str], str]) -> list[Hostility]:
    """Return all hostilities; `base` gives the address of the server under one of its hosts."""
    return [
        *images.damaged_images(),
        *images.odd_images(),
        *images.other_files_as_images(),
        *images.image_bombs(),
        *connections.body_bombs(),
        *connections.evasive_images(base),
        *connections.broken_connections(),
        *connections.statuses(),
        *connections.refusals(),
        *pages.pages(),
        *pages.odd_pages(),
        *listings.listings(),
        listings.calendar(),
    ]


def honest_works() -> dict[str, Answer]:
    """Works that have nothing wrong with them, whose images are all different."""
    found: dict[str, Answer] = {}
    for number in range(HONEST):
        found[f"/honest/{number}"] = whole(
            work_page(f"Honest {number}", f'<img src="/honest/{number}.jpg">')
        )
        found[f"/honest/{number}.jpg"] = picture(pictures.jpeg(1_000 + number))
    return found


def open_museum(base: Callable[[str], str], hostilities: list[Hostility]) -> Answers:
    """Return what the server answers: the front page leads to all hostilities and honest works."""
    answers: dict[tuple[str, str], Answer] = {}
    works: list[str] = [f"/honest/{number}" for number in range(HONEST)]
    rooms: list[str] = []
    for path, answer in honest_works().items():
        answers[FRONT, path] = answer
    for one in hostilities:
        answers[one.host, one.path] = one.answer
        for path, answer in one.more.items():
            answers[one.host, path] = answer
        if one.kind == "image":
            page = work_page(one.name, f'<img src="{base(one.host)}{one.path}">')
            answers[FRONT, f"/of/{one.name}"] = whole(page)
            works.append(f"/of/{one.name}")
        elif one.kind == "artwork":
            works.append(base(one.host) + one.path)
        else:
            rooms.append(base(one.host) + one.path)
    answers[FRONT, "/"] = whole(links(*works) + links(*rooms, kind="room"))
    answers[FRONT, "/login"] = whole("<!doctype html><title>Log in</title><form></form>")
    return answers


def profile(base: Callable[[str], str]) -> str:
    """The museum's profile."""
    return PROFILE.format(base=base(FRONT), timeout=TIMEOUT_S)
