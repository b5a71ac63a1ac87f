"""Splash: what is asked of it for a page."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from crawler.items import Kind
from crawler.profiles import BrowserOptions
from crawler.rendering.proxy import GuardProxy


@cache
def _script() -> str:
    return (Path(__file__).parent / "page.lua").read_text(encoding="utf-8")


def splash_meta(kind: Kind, options: BrowserOptions, proxy: GuardProxy) -> dict[str, Any]:
    """Return the `splash` entry of a request's meta that renders a page of this kind.

    Splash sends everything that the page asks for through `proxy`, pages on loopback included.
    """
    return {
        "endpoint": "execute",
        "args": {
            "lua_source": _script(),
            # As an argument and not in the script: so it holds for whatever the script forgets.
            "proxy": proxy.url.replace("//", f"//{proxy.username}:{proxy.password}@"),
            "timeout": options.timeout,
            "wait": options.wait,
            "wait_for": options.wait_for,
            "scroll": options.scroll and kind != "artwork",
            "max_scrolls": options.max_scrolls,
            "click": options.click,
            "max_clicks": options.max_clicks,
            "until_true": options.until,
            "images": options.images,
        },
    }
