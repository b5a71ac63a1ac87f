"""Compressed answers: unpacked within the byte limit, or refused with the reason."""

from __future__ import annotations

from scrapy import Request, Spider
from scrapy.downloadermiddlewares.httpcompression import HttpCompressionMiddleware
from scrapy.exceptions import DownloadCancelledError, IgnoreRequest
from scrapy.http import Response

# A server packs once; a second time happens where a file was packed already. Each layer may unpack
# to the whole byte limit.
MAX_LAYERS = 2


class BadCompression(Exception):
    """The answer is not compressed as it says."""


class CompressionMiddleware(HttpCompressionMiddleware):
    """Scrapy's, told apart: what unpacks to too much, and what does not unpack.

    The limit is that of the request (`download_maxsize`), and unpacking ends where it is reached.
    Of what is cut off, Scrapy gives what could be unpacked: the client saw already whether the
    answer was whole.
    """

    def process_response(
        self, request: Request, response: Response, spider: Spider | None = None
    ) -> Request | Response:
        """Unpack an answer; raise DownloadCancelledError or BadCompression."""
        encodings = b",".join(response.headers.getlist("Content-Encoding"))
        if not encodings:
            return response
        if encodings.count(b",") >= MAX_LAYERS:
            raise BadCompression(
                f"the answer is packed {encodings.count(b',') + 1} times; more than {MAX_LAYERS} "
                "are not unpacked"
            )
        limit = request.meta.get("download_maxsize", self._max_size)
        packed = encodings.decode("latin-1")
        problem: Exception
        try:
            return super().process_response(request, response)
        except IgnoreRequest:
            problem = DownloadCancelledError(
                f"{len(response.body)} bytes of {packed} unpack to more than {limit}"
            )
        except Exception as error:  # noqa: BLE001 - each library raises its own
            problem = BadCompression(
                f"the answer does not unpack as {packed}: {str(error) or type(error).__name__}"
            )
        # Raised here, since what was caught holds on to all that was unpacked.
        raise problem
