"""The real `scrapy crawl artworks` against the demo museum, real PostgreSQL, real files."""

from __future__ import annotations

import hashlib
import random
import signal
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
from support.crawls import Workspace, get_json

from demo.server import MuseumServer
from storage.errors import ExitCode
from storage.objects import open_store

RETRYABLE = int(ExitCode.RETRYABLE_FAILURES)
ONLY_TRUTH = (
    "accession_number",
    "title",
    "date_text",
    "year_from",
    "year_to",
    "medium",
    "classification",
    "culture",
    "place",
    "dimensions_text",
    "height_cm",
    "width_cm",
    "description",
    "credit_line",
    "institution",
    "rights_text",
    "license_url",
)


def reachable(truth: dict[str, Any], *, rendered: bool) -> list[dict[str, Any]]:
    only_rendered = set(truth["recent"]["only_here"])
    return [work for work in truth["works"] if rendered or work["id"] not in only_rendered]


def expected_categories(work: dict[str, Any], truth: dict[str, Any], *, rendered: bool) -> set[str]:
    recent = truth["recent"]["name"]
    named = {name for name in work["categories"] if rendered or name != recent}
    # The page of a work names its categories too, whether or not their listings could be read.
    return named | set(work["categories"]) | ({work["color_category"]} - {None})


def check_collection(workspace: Workspace, truth: dict[str, Any], *, rendered: bool) -> None:
    """Every reachable work once, every field and term as in the truth, every image byte."""
    works = reachable(truth, rendered=rendered)
    rows = workspace.sql("SELECT * FROM artworks ORDER BY source_id")
    assert [row.source_id for row in rows] == sorted(work["id"] for work in works)
    by_id = {row.source_id: row for row in rows}
    for work in works:
        row = by_id[work["id"]]
        found = {name: getattr(row, name) for name in ONLY_TRUTH}
        assert found == {name: work[name] for name in ONLY_TRUTH}, work["id"]
        assert row.page_url == work["url"]
        assert row.run_id is not None
        assert row.raw["title"]["source"] == "css:h1.title"
        assert row.raw["title"]["values"] == [work["title"]]
        assert all(found["source"] and found["values"] for found in row.raw.values())

    makers = workspace.sql(
        "SELECT a.source_id, r.name, r.nationality, r.birth_year, r.death_year FROM artworks a "
        "JOIN artwork_artists m ON m.artwork_id = a.id JOIN artists r ON r.id = m.artist_id"
    )
    assert sorted(tuple(row) for row in makers) == sorted(
        (
            work["id"],
            *(work["artist"][key] for key in ("name", "nationality", "birth_year", "death_year")),
        )
        for work in works
    )
    assert workspace.one("SELECT count(*) FROM artists") == len(
        {work["artist"]["id"] for work in works}
    )

    terms: dict[str, set[tuple[str, str]]] = {}
    for row in workspace.sql(
        "SELECT a.source_id, t.kind, t.name FROM artworks a "
        "JOIN artwork_terms w ON w.artwork_id = a.id JOIN terms t ON t.id = w.term_id"
    ):
        terms.setdefault(row.source_id, set()).add((row.kind, row.name))
    for work in works:
        expected = {
            *(("category", name) for name in expected_categories(work, truth, rendered=rendered)),
            ("style", work["style"]),
            ("genre", work["genre"]),
            ("period", work["period"]),
            ("nationality", work["artist"]["nationality"]),
            *(("tag", tag) for tag in work["tags"]),
            *([("color", work["color_category"])] if work["color_category"] else []),
        }
        assert terms[work["id"]] == expected, work["id"]

    stored = {
        (row.source_id, row.position): row
        for row in workspace.sql(
            "SELECT a.source_id, s.position, s.url, s.caption, i.* FROM image_sources s "
            "JOIN artworks a ON a.id = s.artwork_id JOIN images i ON i.id = s.image_id"
        )
    }
    expected_images = {
        (work["id"], position): image
        for work in works
        for position, image in enumerate(work["images"])
        if image["available"]
    }
    assert stored.keys() == expected_images.keys()
    for key, image in expected_images.items():
        row = stored[key]
        assert (row.sha256, row.url, row.caption, row.width, row.height) == tuple(
            image[name] for name in ("sha256", "url", "caption", "width", "height")
        )
        assert hashlib.sha256(workspace.store.get(row.object_key)).hexdigest() == image["sha256"]
        assert workspace.store.exists(row.preview_key)
    distinct = {image["sha256"] for image in expected_images.values()}
    assert workspace.one("SELECT count(*) FROM images") == len(distinct)


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


def test_without_a_renderer_everything_else_is_complete(
    demo: Workspace, truth: dict[str, Any]
) -> None:
    done = demo.crawl(expect=RETRYABLE)
    assert "artworks failures" in done.stderr
    check_collection(demo, truth, rendered=False)
    missing = {(truth["recent"]["url"], "renderer_unavailable")}
    assert failures(demo) == expected_failures(truth) | missing


def test_a_rendered_crawl_is_complete(
    demo: Workspace, truth: dict[str, Any], splash_url: str, museum: MuseumServer
) -> None:
    urllib.request.urlopen(  # noqa: S310
        urllib.request.Request(f"{museum.url}/_reset", method="POST")  # noqa: S310
    ).close()
    demo.crawl(expect=0, ARTWORKS_SPLASH_URL=splash_url)
    check_collection(demo, truth, rendered=True)
    assert failures(demo) == expected_failures(truth)
    stats = demo.one("SELECT stats FROM crawl_runs")
    assert stats["artworks/rendered/splash"] == 1
    assert stats["splash/execute/request_count"] == 1
    assert not any(
        path.startswith("/private") for path in get_json(f"{museum.url}/_requests.json")["paths"]
    )


def test_what_lacked_a_renderer_is_taken_up_when_there_is_one(
    demo: Workspace, truth: dict[str, Any], splash_url: str
) -> None:
    demo.crawl(expect=RETRYABLE)
    demo.crawl(expect=0, ARTWORKS_SPLASH_URL=splash_url)
    check_collection(demo, truth, rendered=True)
    resolved = demo.one(
        "SELECT count(*) FROM failures WHERE reason = 'renderer_unavailable' "
        "AND resolved_at IS NOT NULL"
    )
    assert resolved == 1


def test_running_again_fetches_no_work_and_changes_nothing(
    demo: Workspace, museum: MuseumServer
) -> None:
    demo.crawl(expect=RETRYABLE)
    before = demo.digest()
    rows = demo.sql("SELECT id, content_hash FROM artworks ORDER BY id")
    images = demo.sql("SELECT id, stored_at FROM images ORDER BY id")
    objects = objects_below(demo.objects)
    urllib.request.urlopen(  # noqa: S310
        urllib.request.Request(f"{museum.url}/_reset", method="POST")  # noqa: S310
    ).close()

    demo.crawl(expect=RETRYABLE)

    asked = get_json(f"{museum.url}/_requests.json")
    assert not [path for path in asked["paths"] if path.startswith(("/work/", "/image/"))]
    assert demo.digest() == before
    assert demo.sql("SELECT id, content_hash FROM artworks ORDER BY id") == rows
    assert demo.sql("SELECT id, stored_at FROM images ORDER BY id") == images
    assert objects_below(demo.objects) == objects
    assert demo.one("SELECT count(*) FROM artworks WHERE gone_at IS NOT NULL") == 0
    # Listings are asked whether they changed, and say no.
    assert demo.one("SELECT stats->'artworks/unchanged' FROM crawl_runs ORDER BY id DESC LIMIT 1")


def test_killed_again_and_again_it_ends_as_if_undisturbed(
    workspace_factory: Callable[[], Workspace], museum: MuseumServer
) -> None:
    undisturbed, killed = workspace_factory(), workspace_factory()
    for workspace in (undisturbed, killed):
        workspace.arguments = ["site=demo", f"base_url={museum.url}"]
    undisturbed.crawl(expect=RETRYABLE)

    rng = random.Random(20)
    kills = 0
    while kills < 6:
        goal = killed.acknowledged() + rng.randint(0, 20)
        process = killed.start()
        reached = killed.wait_for(lambda goal=goal: killed.acknowledged() >= goal, process)  # type: ignore[misc]
        assert reached, "the crawl ended before it could be killed often enough"
        process.kill()
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        kills += 1
    killed.crawl(expect=RETRYABLE)

    assert killed.digest() == undisturbed.digest()
    assert failures(killed) == failures(undisturbed)
    assert killed.one("SELECT count(*) FROM frontier WHERE state IN ('pending', 'leased')") == 0
    keys = {row[0] for row in killed.sql("SELECT object_key FROM images")}
    assert {info.key for info in killed.store.list("images/")} == keys


def test_interrupted_it_says_so_and_continues(demo: Workspace, truth: dict[str, Any]) -> None:
    process = demo.start()
    assert demo.wait_for(lambda: demo.acknowledged() > 5, process)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == int(ExitCode.INTERRUPTED), output[-3000:]
    assert demo.one("SELECT finish_reason FROM crawl_runs") == "shutdown"
    assert demo.one("SELECT count(*) FROM frontier WHERE state = 'leased'") == 0
    demo.crawl(expect=RETRYABLE)
    check_collection(demo, truth, rendered=False)


def test_two_workers_share_the_work(demo: Workspace, truth: dict[str, Any]) -> None:
    workers = [demo.start(), demo.start()]
    codes = []
    for worker in workers:
        output, _ = worker.communicate(timeout=120)
        codes.append(worker.returncode)
        assert "Traceback" not in output, output[-3000:]
    assert codes == [RETRYABLE, RETRYABLE]
    check_collection(demo, truth, rendered=False)
    done = demo.sql("SELECT stats FROM crawl_runs")
    fetched = sum(row.stats.get("artworks/artworks", 0) for row in done)
    assert fetched == len(reachable(truth, rendered=False))


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
    check_collection(demo, truth, rendered=False)


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
    demo.crawl(ARTWORKS_ALLOWED_NETWORKS="10.0.0.0/8", expect=RETRYABLE)
    assert {row[0] for row in demo.sql("SELECT DISTINCT reason FROM failures")} == {
        "address_refused",
        "renderer_unavailable",
    }


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
    check_collection(demo, truth, rendered=False)
