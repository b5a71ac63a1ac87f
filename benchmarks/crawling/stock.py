"""The baseline: a stock Scrapy spider with Scrapy's own media pipelines, as its manual shows them.

`python benchmarks/crawling/stock.py URL images|files FOLDER` prints one JSON object.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

import scrapy
from scrapy.crawler import AsyncCrawlerProcess
from scrapy.http import Response


class StockSpider(scrapy.Spider):
    """Walks the listings, reads each work's page and yields its image."""

    name = "stock"

    def parse(self, response: Response) -> Iterator[Any]:
        for link in response.css("a.work::attr(href)").getall():
            yield response.follow(link, self.parse_work)
        following = response.css("a[rel=next]::attr(href)").get()
        if following:
            yield response.follow(following, self.parse)

    def parse_work(self, response: Response) -> Iterator[dict[str, Any]]:
        image = response.urljoin(response.css("img.image::attr(src)").get(""))
        yield {
            "title": response.css("h1::text").get(),
            "artist": response.css(".artist::text").get(),
            "date": response.css(".date::text").get(),
            "medium": response.css(".medium::text").get(),
            "dimensions": response.css(".dimensions::text").get(),
            "description": response.css(".description::text").get(),
            "style": response.css(".style::text").get(),
            "genre": response.css(".genre::text").get(),
            "image_urls": [image],
            "file_urls": [image],
        }


def main() -> None:
    """Crawl and print what Scrapy counted."""
    url, kind, folder = sys.argv[1:]
    pipelines = {
        "images": {"scrapy.pipelines.images.ImagesPipeline": 1},
        "files": {"scrapy.pipelines.files.FilesPipeline": 1},
    }
    process = AsyncCrawlerProcess(
        {
            "ITEM_PIPELINES": pipelines[kind],
            "IMAGES_STORE": folder,
            "IMAGES_THUMBS": {"small": (256, 256)},
            "FILES_STORE": folder,
            "CONCURRENT_REQUESTS": 32,
            "CONCURRENT_REQUESTS_PER_DOMAIN": 16,
            "ROBOTSTXT_OBEY": True,
            "LOG_LEVEL": "ERROR",
            "TELNETCONSOLE_ENABLED": False,
            "REMOTE_CONTROL_ENABLED": False,
        }
    )
    crawler = process.create_crawler(StockSpider)
    process.crawl(crawler, start_urls=[f"{url}/listing"])
    process.start()
    stats = crawler.stats.get_stats()
    counted = "file_status_count/downloaded"
    print(json.dumps({"seconds": stats["elapsed_time_seconds"], "images": stats.get(counted, 0)}))


if __name__ == "__main__":
    main()
