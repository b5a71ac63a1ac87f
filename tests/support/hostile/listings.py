"""Listings: empty ones, and ones that never end."""

from __future__ import annotations

from support.hostile.answers import redirect, status, whole
from support.hostile.hostility import Hostility, Stored, links, listing, work_page
from support.hostile.pages import CLOUDFLARE
from support.hostile.server import HOSTS, Exchange


def listings() -> list[Hostility]:
    nothing = "<!doctype html><title>Nothing</title><p>There is nothing here.</p>"
    works = [f"/artwork/hidden-{n}" for n in range(3)]
    circle = {
        f"/circle/{n}": whole(links(works[n]) + links(f"/circle/{(n + 1) % 3}", kind="next"))
        for n in range(3)
    }
    hidden = {path: whole(work_page(path)) for path in works}
    return [
        listing("nothing", whole(nothing), "empty_listing"),
        listing("blocked", whole(CLOUDFLARE), "blocked"),
        listing("circle", whole(links("/circle/0", kind="next")),
                Stored(works=tuple(works)), more={**circle, **hidden}),
        listing("itself", whole(links("/artwork/seen") + links("/listing/itself", kind="next")),
                Stored(works=("/artwork/seen",)),
                more={"/artwork/seen": whole(work_page("Seen"))}),
        listing("moving", redirect("/listing/moving"), "too_many_redirects"),
        listing("no-robots", whole(nothing), "robots_unavailable", host=HOSTS[1],
                more={"/robots.txt": status(503)}),
    ]  # fmt: skip


def calendar() -> Hostility:
    """Every month leads to the next, and to the same few works."""

    async def month(exchange: Exchange) -> None:
        number = int(exchange.path.rpartition("=")[2]) if "=" in exchange.path else 0
        page = links("/artwork/event") + links(f"/calendar?month={number + 1}", kind="next")
        await exchange.send(whole(page))

    return Hostility(
        "calendar", "listing", month, "endless_listing", host=HOSTS[2],
        fails_at="/calendar", more={"/calendar": month, "/artwork/event": whole(work_page("Event")),
              },
    )  # fmt: skip
