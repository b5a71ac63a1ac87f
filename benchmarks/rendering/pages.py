"""Fetches pages as a crawl does (settings, middlewares, download handler), with one engine.

Run as a process of its own: `python benchmarks/rendering/pages.py URL ENGINE CONCURRENCY PAGES…`;
prints one JSON object. PAGES are the sizes of batches: after each one the time that it took, and
the memory of the renderer that this process started, are noted. The first batch is for warming up.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Self

import psutil
from scrapy import Request, Spider
from scrapy.crawler import AsyncCrawlerProcess, Crawler
from scrapy.http import Response
from scrapy.settings import Settings
from site import WORKS  # of this folder

from crawler.config import load_crawler_settings
from crawler.context import CrawlArguments, CrawlContext
from crawler.profiles import BrowserOptions, parse_profile
from crawler.rendering.chromium import chromium_meta
from crawler.rendering.splash import splash_meta
