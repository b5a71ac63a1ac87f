"""A small collection with everything that makes exporting hard."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, text

from storage.collection import add_terms, store_artworks, store_image_sources, store_images

AWKWARD_TITLE = 'Ünïcode "Quoted", 夕焼け\nsecond line; =not a formula'
FORMULA = '=HYPERLINK("http://evil.example","x")'


def work(source_id: str, site: str = "alpha", **fields: Any) -> dict[str, Any]:
    """Return an artwork as the crawler hands it to storage."""
    return {
        "site": site,
        "source_id": source_id,
        "page_url": f"http://{site}.example/work/{source_id}",
        "title": f"Work {source_id}",
        "raw": {},
        "content_hash": f"hash-{source_id}",
        "artists": [],
        **fields,
    }


def artist(name: str, **fields: Any) -> dict[str, Any]:
    """Return a maker of a work."""
    return {"name": name, "name_key": name.lower(), "role": "artist", **fields}


def image(number: int) -> dict[str, Any]:
    """Return a stored image."""
    sha256 = f"{number:064x}"
    key = f"images/{sha256[:2]}/{sha256[2:4]}/{sha256}.jpg"
    return {
        "sha256": sha256,
        "object_key": key,
        "preview_key": key,
        "format": "jpeg",
        "width": 640,
        "height": 480,
        "bytes": 1000 + number,
        "phash": number,
    }


def fill(connection: Connection) -> None:
    """Store four works of two sites, two images, a palette, pages and failures."""
    ids = store_artworks(
        connection,
        [
            work(
                "2",
                title=AWKWARD_TITLE,
                description="tab\there, carriage\rreturn",
                date_text="c. 1890",
                year_from=1885,
                year_to=1895,
                height_cm=30.5,
                license="CC0-1.0",
                opt_out=["noimageai", "tdm-reservation"],
                artists=[
                    artist("Ann Example", nationality="Dutch", birth_year=1850, death_year=1910),
                    artist("Bo Sample", qualifier="workshop of"),
                ],
            ),
            work("10", title=FORMULA, medium="-1+1"),
            work("1", artists=[artist("Ann Example", birth_year=1850)]),
            work("7", site="beta"),
        ],
    )
    second, tenth, first, other = ids
    add_terms(
        connection,
        [
            {"artwork_id": second, "kind": "category", "name": "Sunsets", "source": "page"},
            {"artwork_id": second, "kind": "category", "name": "prints", "source": "page"},
            {"artwork_id": second, "kind": "style", "name": "Ukiyo-e", "source": "page"},
            {"artwork_id": first, "kind": "category", "name": "prints", "source": "page"},
            {"artwork_id": other, "kind": "category", "name": "prints", "source": "page"},
        ],
    )
    images = store_images(connection, [image(1), image(2)])
    first_image, second_image = images[image(1)["sha256"]], images[image(2)["sha256"]]
    sources = [
        (second, 0, "http://alpha.example/a.jpg", first_image),
        (second, 1, "http://alpha.example/missing.jpg", None),
        (second, 2, "http://alpha.example/b.jpg", second_image),
        (other, 0, "http://beta.example/a.jpg", first_image),
    ]
    store_image_sources(
        connection,
        [
            {"artwork_id": artwork, "position": position, "url": url, "image_id": image_id}
            for artwork, position, url, image_id in sources
        ],
    )
    connection.execute(text("UPDATE artworks SET gone_at = now() WHERE id = :id"), {"id": tenth})
    _add_palette(connection, first_image)
    _add_pages(connection)


def _add_palette(connection: Connection, image_id: int) -> None:
    model = connection.execute(
        text(
            "INSERT INTO models (name, version, kind, is_default) "
            "VALUES ('palette-test', '1', 'palette', true) RETURNING id"
        )
    ).scalar_one()
    connection.execute(
        text("INSERT INTO image_results (image_id, model_id, state) VALUES (:i, :m, 'done')"),
        {"i": image_id, "m": model},
    )
    connection.execute(
        text(
            "INSERT INTO image_colors (image_id, model_id, rank, hex, lab_l, lab_a, lab_b, "
            "fraction, name) VALUES (:i, :m, 1, '#ff0000', 53, 80, 67, 0.75, 'red'), "
            "(:i, :m, 2, '#000000', 0, 0, 0, 0.25, 'black')"
        ),
        {"i": image_id, "m": model},
    )


FAILURES = [
    # site, path, kind, frontier state, stage, reason, retryable
    ("alpha", "/work/404", "artwork", "failed", "fetch", "not_found", False),
    ("alpha", "/missing.jpg", "image", "failed", "fetch", "not_found", False),
    ("alpha", "/slow", "artwork", "failed", "fetch", "timeout", True),
    ("alpha", "/private", "artwork", "skipped", "fetch", "robots_disallowed", False),
    ("beta", "/new", "listing", "failed", "render", "renderer_unavailable", True),
]


def _add_pages(connection: Connection) -> None:
    for site in ("alpha", "beta"):
        connection.execute(
            text(
                "INSERT INTO sites (name, profile_hash, generation, started_at, completed_at) "
                "VALUES (:site, 'x', 2, now(), now())"
            ),
            {"site": site},
        )
    connection.execute(
        text(
            "INSERT INTO crawl_runs (site, finished_at, finish_reason, stats) VALUES "
            "('alpha', now(), 'finished', CAST(:stats AS jsonb)), ('beta', NULL, NULL, '{}')"
        ),
        {"stats": json.dumps({"artworks/seconds": 12.5})},
    )
    for site, path, kind, state, stage, reason, retryable in FAILURES:
        url = f"http://{site}.example{path}"
        _add_row(connection, site, url, kind, state)
        connection.execute(
            text(
                "INSERT INTO failures (site, url, stage, reason, detail, retryable, attempts) "
                "VALUES (:site, :url, :stage, :reason, 'what happened', :retryable, 1)"
            ),
            {"site": site, "url": url, "stage": stage, "reason": reason, "retryable": retryable},
        )
    connection.execute(
        text(
            "INSERT INTO failures (site, url, stage, reason, detail, retryable, attempts, "
            "resolved_at) VALUES ('alpha', 'http://alpha.example/work/1', 'fetch', "
            "'server_error', 'HTTP 503', true, 2, now())"
        )
    )
    _add_row(connection, "alpha", "http://alpha.example/work/1", "artwork", "done")
    _add_row(connection, "alpha", "http://alpha.example/js", "listing", "done", "splash")
    _add_row(connection, "alpha", "http://alpha.example/a.jpg", "image", "done")


def _add_row(
    connection: Connection, site: str, url: str, kind: str, state: str, engine: str = "never"
) -> None:
    connection.execute(
        text(
            "INSERT INTO frontier (site, url, fingerprint, host, kind, state, meta) VALUES "
            "(:site, :url, :url, :host, :kind, :state, CAST(:meta AS jsonb))"
        ),
        {
            "site": site,
            "url": url,
            "host": f"{site}.example",
            "kind": kind,
            "state": state,
            "meta": json.dumps({"engine": engine}),
        },
    )
