"""The real `scrapy crawl artworks` against the demo museum, real PostgreSQL, real files."""

from __future__ import annotations

import signal
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
from support.collections import check_collection, unread
from support.crawls import Workspace, get_json

from demo.server import MuseumServer
from storage.errors import ExitCode
from storage.objects import open_store

RETRYABLE = int(ExitCode.RETRYABLE_FAILURES)
# Where the museum keeps what a finished crawl need not ask for again.
PAGES_AND_IMAGES = ("/work/", "/object/", "/image/", "/picture/", "/data/v1/works/", "/iiif/image/")


@pytest.fixture
def demo(demo: Workspace) -> Workspace:
    """The workspace without any browser; tests that need one say which."""
    return without_browsers(demo)


def without_browsers(workspace: Workspace) -> Workspace:
    workspace.environment["PATH"] = str(Path(sys.executable).parent)
    return workspace


def failures(workspace: Workspace) -> set[tuple[str, str]]:
    rows = workspace.sql("SELECT url, reason FROM failures WHERE resolved_at IS NULL")
    return {(row.url, row.reason) for row in rows}


def expected_failures(truth: dict[str, Any]) -> set[tuple[str, str]]:
    lost = {(failure["url"], "not_found") for failure in truth["failures"]}
    return lost | {(truth["forbidden"][0], "robots_disallowed")}


def objects_below(folder: Path) -> dict[str, int]:
    return {
        str(path.relative_to(folder)): path.stat().st_mtime_ns
        for path in folder.rglob("*")
        if path.is_file()
    }


def rendered(stats: dict[str, Any]) -> dict[str, int]:
    """How many pages each browser gave, by kind and shape of their addresses."""
    prefix = "artworks/rendering/"
    return {
        name.removeprefix(prefix): count
        for name, count in stats.items()
        if name.startswith((f"{prefix}splash/", f"{prefix}chromium/"))
    }


def forget_requests(museum: MuseumServer) -> None:
    urllib.request.urlopen(  # noqa: S310
        urllib.request.Request(f"{museum.url}/_reset", method="POST")  # noqa: S310
    ).close()


def test_without_a_renderer_everything_else_is_complete(
    demo: Workspace, truth: dict[str, Any]
) -> None:
    done = demo.crawl(expect=RETRYABLE)
    assert "artworks failures" in done.stderr
    check_collection(demo, truth)
    missing = {(url, "renderer_unavailable") for url in unread(truth, ())}
    assert len(missing) == 3
    assert failures(demo) == expected_failures(truth) | missing


def test_the_whole_museum_with_each_browser_only_where_it_is_needed(
    demo: Workspace,
    truth: dict[str, Any],
    splash_url: str,
    chromium_path: Path,
    museum: MuseumServer,
) -> None:
    forget_requests(museum)
    demo.crawl(expect=0, ARTWORKS_SPLASH_URL=splash_url, ARTWORKS_CHROMIUM=str(chromium_path))
    check_collection(demo, truth, {"splash", "chromium"})
    assert len(truth["works"]) == demo.one("SELECT count(*) FROM artworks")
    assert failures(demo) == expected_failures(truth)
    stats = demo.one("SELECT stats FROM crawl_runs")
    assert rendered(stats) == {
        "splash/listing/new": 1,
        "splash/listing/studio": 1,
        "chromium/listing/digital": 1,
    }
    asked = get_json(f"{museum.url}/_requests.json")["paths"]
    assert not any(path.startswith("/private") for path in asked)
    # Pages of one address are fetched once, whatever session hangs on the links to them.
    works = {path: count for path, count in asked.items() if path.startswith("/work/")}
    assert set(works.values()) == {1}


def test_chromium_alone_shows_what_splash_would(
    demo: Workspace, truth: dict[str, Any], chromium_path: Path
) -> None:
    demo.crawl(expect=0, ARTWORKS_CHROMIUM=str(chromium_path))
    check_collection(demo, truth, {"chromium"})
    assert rendered(demo.one("SELECT stats FROM crawl_runs")) == {
        "chromium/listing/new": 1,
        "chromium/listing/studio": 1,
        "chromium/listing/digital": 1,
    }
    demo.crawl(expect=0, ARTWORKS_CHROMIUM=str(chromium_path))
    again = demo.one("SELECT stats FROM crawl_runs ORDER BY id DESC LIMIT 1")
    assert again["artworks/rendering/remembered"] == 3
    assert not [name for name in again if name.startswith("artworks/rendering/escalated")]


def test_what_lacked_a_renderer_is_taken_up_when_there_is_one(
    demo: Workspace, truth: dict[str, Any], splash_url: str
) -> None:
    demo.crawl(expect=RETRYABLE)
    # Splash cannot show everything, so something remains.
    demo.crawl(expect=RETRYABLE, ARTWORKS_SPLASH_URL=splash_url)
    check_collection(demo, truth, {"splash"})
    left = {(url, "renderer_unavailable") for url in unread(truth, {"splash"})}
    assert left == {(truth["wings"]["digital commissions"]["url"], "renderer_unavailable")}
    assert failures(demo) == expected_failures(truth) | left
    resolved = demo.one(
        "SELECT count(*) FROM failures WHERE reason = 'renderer_unavailable' "
        "AND resolved_at IS NOT NULL"
    )
    assert resolved == 2


def test_running_again_fetches_no_work_and_changes_nothing(
    demo: Workspace, museum: MuseumServer
) -> None:
    demo.crawl(expect=RETRYABLE)
    before = demo.digest()
    rows = demo.sql("SELECT id, content_hash FROM artworks ORDER BY id")
    images = demo.sql("SELECT id, stored_at FROM images ORDER BY id")
    objects = objects_below(demo.objects)
    forget_requests(museum)

    demo.crawl(expect=RETRYABLE)

    asked = get_json(f"{museum.url}/_requests.json")
    assert not [path for path in asked["paths"] if path.startswith(PAGES_AND_IMAGES)]
    assert not [path for path in asked["paths"] if path.endswith("/manifest.json")]
    assert demo.digest() == before
    assert demo.sql("SELECT id, content_hash FROM artworks ORDER BY id") == rows
    assert demo.sql("SELECT id, stored_at FROM images ORDER BY id") == images
    assert objects_below(demo.objects) == objects
    assert demo.one("SELECT count(*) FROM artworks WHERE gone_at IS NOT NULL") == 0
    # Listings are asked whether they changed, and say no.
    assert demo.one("SELECT stats->'artworks/unchanged' FROM crawl_runs ORDER BY id DESC LIMIT 1")


def test_interrupted_it_says_so_and_continues(demo: Workspace, truth: dict[str, Any]) -> None:
    process = demo.start()
    assert demo.wait_for(lambda: demo.acknowledged() > 5, process)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == int(ExitCode.INTERRUPTED), output[-3000:]
    assert demo.one("SELECT finish_reason FROM crawl_runs") == "shutdown"
    assert demo.one("SELECT count(*) FROM frontier WHERE state = 'leased'") == 0
    demo.crawl(expect=RETRYABLE)
    check_collection(demo, truth)


def test_limit_counts_works_and_their_images(demo: Workspace) -> None:
    demo.crawl("limit=10", expect=RETRYABLE)
    assert demo.one("SELECT count(*) FROM artworks") == 10
    assert demo.one("SELECT finish_reason FROM crawl_runs") == "limit"
    unfinished = demo.one(
        "SELECT count(*) FROM image_sources s JOIN frontier f ON f.id = s.frontier_id "
        "WHERE f.state NOT IN ('done', 'failed')"
    )
    assert unfinished == 0
    assert demo.one("SELECT completed_at IS NULL FROM sites")


def test_category_leaves_the_others_alone(demo: Workspace, truth: dict[str, Any]) -> None:
    name = max(truth["categories"], key=lambda name: len(truth["categories"][name]["works"]))
    demo.crawl(f"category={name.upper()}", expect=0)
    found = {row[0] for row in demo.sql("SELECT source_id FROM artworks")}
    assert found == set(truth["categories"][name]["works"])
    assert demo.one("SELECT completed_at IS NULL FROM sites")
    assert demo.one("SELECT count(*) FROM artworks WHERE gone_at IS NOT NULL") == 0


@pytest.mark.parametrize(
    ("arguments", "environment", "code", "says"),
    [
        (["site=nowhere"], {}, 2, "unknown site 'nowhere'"),
        ([], {}, 2, "-a site=NAME"),
        (["site=demo", "limit=many"], {}, 2, "limit=many"),
        (["site=demo", "colour=red"], {}, 2, "unknown argument -a colour="),
        (["site=demo", "category=knitting"], {}, 2, "knitting"),
        (
            ["site=demo"],
            {"ARTWORKS_DATABASE_URL": "postgresql://me:secret@127.0.0.1:1/art"},
            3,
            "check ARTWORKS_DATABASE_URL",
        ),
        (["site=demo"], {"ARTWORKS_DATABASE_URL": "mysql://localhost/art"}, 2, "only PostgreSQL"),
        (["site=demo"], {"ARTWORKS_OBJECTS_URL": "ftp://nowhere/x"}, 2, "ARTWORKS_OBJECTS_URL"),
        (
            ["site=demo"],
            {"ARTWORKS_OBJECTS_URL": "minio://key:sesame@127.0.0.1:1/bucket"},
            3,
            "127.0.0.1:1",
        ),
        (["site=demo"], {"ARTWORKS_SPLASH_URL": "http://127.0.0.1:1"}, 3, "ARTWORKS_SPLASH_URL"),
        (["site=demo"], {"ARTWORKS_MAX_PAGE_BYTES": "lots"}, 2, "ARTWORKS_MAX_PAGE_BYTES"),
        (["site=demo"], {"ARTWORKS_ALLOWED_NETWORKS": "all"}, 2, "ARTWORKS_ALLOWED_NETWORKS"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(
    workspace: Workspace,
    museum: MuseumServer,
    arguments: list[str],
    environment: dict[str, str],
    code: int,
    says: str,
) -> None:
    if arguments:
        workspace.arguments = [f"base_url={museum.url}"]
    done = workspace.crawl(*arguments, **environment)
    assert done.returncode == code, done.stderr[-3000:]
    [line] = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert says in line
    for secret in ("secret", "sesame", "Traceback"):
        assert secret not in done.stderr
    assert workspace.one("SELECT count(*) FROM artworks") == 0


def test_images_are_stored_in_a_real_s3_server(
    demo: Workspace, truth: dict[str, Any], s3_url: str
) -> None:
    demo.store = open_store(s3_url, create=True)
    demo.crawl(expect=RETRYABLE, ARTWORKS_OBJECTS_URL=s3_url)
    check_collection(demo, truth)


def test_a_missing_bucket_and_wrong_credentials_are_told_apart(
    demo: Workspace, s3_url: str
) -> None:
    done = demo.crawl(ARTWORKS_OBJECTS_URL=s3_url)
    assert done.returncode == 3
    assert "artworks init" in done.stderr
    secret = str(urlsplit(s3_url).password)
    done = demo.crawl(ARTWORKS_OBJECTS_URL=s3_url.replace(f":{secret}@", ":sesame@"))
    assert done.returncode == 3
    assert "ARTWORKS_OBJECTS_URL" in done.stderr
    for word in ("Traceback", "sesame", secret):
        assert word not in done.stderr
    assert demo.one("SELECT count(*) FROM crawl_runs") == 0


def test_a_database_without_tables_is_told_to_be_initialised(
    workspace: Workspace, database_url_factory: Callable[[], str]
) -> None:
    done = workspace.crawl("site=demo", ARTWORKS_DATABASE_URL=database_url_factory())
    assert done.returncode == 3
    assert "artworks init" in done.stderr
    assert "Traceback" not in done.stderr


def test_private_addresses_are_refused_unless_allowed(demo: Workspace) -> None:
    # Nothing changes by asking again, so nothing is left to do.
    demo.crawl(ARTWORKS_ALLOWED_NETWORKS="10.0.0.0/8", expect=0)
    reasons = {row[0] for row in demo.sql("SELECT DISTINCT reason FROM failures")}
    assert reasons == {"address_refused"}


def test_losing_the_database_in_the_middle_ends_with_3(demo: Workspace) -> None:
    process = demo.start()
    assert demo.wait_for(lambda: demo.acknowledged() > 5, process)
    # What a restart of the server looks like to its clients.
    demo.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 3, output[-3000:]
    assert "error: cannot use the database" in output
    demo.crawl(expect=RETRYABLE)


def test_a_worker_that_dies_over_an_image_does_not_take_the_crawl_along(
    demo: Workspace, truth: dict[str, Any]
) -> None:
    process = demo.start()
    assert demo.wait_for(lambda: demo.one("SELECT count(*) FROM images") > 3, process)
    workers = [
        child
        for child in psutil.Process(process.pid).children()
        if "crawler.imaging.worker" in child.cmdline()
    ]
    assert workers
    for worker in workers:
        worker.kill()
    output, _ = process.communicate(timeout=120)
    assert process.returncode == RETRYABLE, output[-3000:]
    check_collection(demo, truth)
