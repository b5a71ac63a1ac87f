"""Scrapy's settings for this project. What people configure is in `crawler.config`.

The profile of the site adds its politeness when the spider is made (see `spiders.artworks`).
"""

from __future__ import annotations

from scrapy.settings import default_settings

BOT_NAME = "artworks"
SPIDER_MODULES = ["crawler.spiders"]
COMMANDS_MODULE = "crawler.commands"

TWISTED_REACTOR = "twisted.internet.asyncioreactor.AsyncioSelectorReactor"
DOWNLOADER = "crawler.downloader.Downloader"
SCHEDULER = "crawler.frontier.scheduler.FrontierScheduler"
DOWNLOAD_HANDLERS = {
    "http": "crawler.download.GuardedDownloadHandler",
    "https": "crawler.download.GuardedDownloadHandler",
    # What the web must not be able to ask for.
    "data": None,
    "file": None,
    "ftp": None,
    "s3": None,
}

# Safety: Scrapy's own defaults are laxer.
DOWNLOAD_VERIFY_CERTIFICATES = True
REMOTE_CONTROL_ENABLED = False  # runs code sent over loopback
TELNETCONSOLE_ENABLED = False
COOKIES_ENABLED = False
REDIRECT_MAX_TIMES = 5
RETRY_EXCEPTIONS = [
    *default_settings.RETRY_EXCEPTIONS,
    "crawler.rendering.RendererDied",
    "crawler.rendering.RenderTimeout",
]
ROBOTSTXT_OBEY = True
DOWNLOAD_WARNSIZE = 0

# Politeness that a profile does not decide.
AUTOTHROTTLE_START_DELAY = 0.5
AUTOTHROTTLE_MAX_DELAY = 60.0

# Every answer gives exactly one item; Scrapy starts this many tasks for each answer.
CONCURRENT_ITEMS = 1

# Bodies in memory between download and commit, in bytes; and with those that are being received:
# beyond, only the oldest of them goes on.
SCRAPER_SLOT_MAX_ACTIVE_SIZE = 64_000_000
DOWNLOAD_BYTES_HELD = 96_000_000

DOWNLOADER_MIDDLEWARES = {
    "scrapy.downloadermiddlewares.offsite.OffsiteMiddleware": None,
    "scrapy.downloadermiddlewares.httpauth.HttpAuthMiddleware": None,
    "scrapy.downloadermiddlewares.robotstxt.RobotsTxtMiddleware": None,
    "crawler.middlewares.robots.RobotsTxtMiddleware": 100,
    # After it, for what robots.txt forbids is not asked about; sees answers last, as callbacks do.
    "crawler.middlewares.opt_outs.OptOutMiddleware": 110,
    "scrapy.downloadermiddlewares.redirect.MetaRefreshMiddleware": None,
    "scrapy.downloadermiddlewares.cookies.CookiesMiddleware": None,
    "scrapy.downloadermiddlewares.httpcache.HttpCacheMiddleware": None,
    # Compression is undone after the renderer's answer was unpacked.
    "scrapy.downloadermiddlewares.httpcompression.HttpCompressionMiddleware": None,
    "crawler.middlewares.compression.CompressionMiddleware": 810,
    "crawler.middlewares.splash.SplashMiddleware": 725,
    # Sees what Splash says of a page, and refusals before they would be tried again at once.
    "crawler.middlewares.pauses.PauseMiddleware": 700,
    "scrapy.downloadermiddlewares.redirect.RedirectMiddleware": None,
    "crawler.middlewares.redirect.RedirectMiddleware": 600,
}
SPIDER_MIDDLEWARES = {
    "scrapy.spidermiddlewares.referer.RefererMiddleware": None,
    "scrapy.spidermiddlewares.urllength.UrlLengthMiddleware": None,
    "scrapy.spidermiddlewares.depth.DepthMiddleware": None,
    "scrapy.spidermiddlewares.metacopy.MetaCopyDetectionMiddleware": None,
    "crawler.middlewares.outcomes.OutcomeMiddleware": 10,
}
ITEM_PIPELINES = {
    "crawler.pipelines.validate.ValidatePipeline": 100,
    "crawler.pipelines.images.ImagePipeline": 200,
    "crawler.pipelines.store.StorePipeline": 900,
}
EXTENSIONS = {
    "scrapy.extensions.telnet.TelnetConsole": None,
    "scrapy.extensions.remote_control.RemoteControl": None,
    "scrapy.extensions.feedexport.FeedExporter": None,
    "scrapy.extensions.spiderstate.SpiderState": None,
    "scrapy.extensions.memdebug.MemoryDebugger": None,
    "scrapy.extensions.throttle.AutoThrottle": None,
    "scrapy.extensions.logstats.LogStats": None,
    "crawler.extensions.chromium.Chromium": 0,
    "crawler.extensions.health.LoopLag": 0,
    "crawler.extensions.politeness.CrawlDelay": 0,
    "crawler.extensions.politeness.Throttle": 0,
    "crawler.extensions.progress.Progress": 0,
    "crawler.extensions.shutdown.Shutdown": 0,
    "crawler.extensions.runlog.RunLog": 1000,
}

LOG_FORMATTER = "crawler.log.QuietLogFormatter"
LOG_LEVEL = "INFO"
STATS_DUMP = False
WARN_ON_GENERATOR_RETURN_VALUE = False  # parses the source of every callback
