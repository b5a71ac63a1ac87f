"""scrapy-splash, importable on the Scrapy in use: everybody imports it from here."""

from __future__ import annotations

import scrapy.utils.url
import w3lib.url

# scrapy-splash 0.11 takes it from where it was before Scrapy 2.16.
if not hasattr(scrapy.utils.url, "canonicalize_url"):
    scrapy.utils.url.canonicalize_url = w3lib.url.canonicalize_url  # type: ignore[attr-defined]

from scrapy_splash import SplashJsonResponse, SplashMiddleware

__all__ = ["SplashJsonResponse", "SplashMiddleware"]
