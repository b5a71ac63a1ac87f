from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from threading import Thread
from urllib.parse import quote, unquote, urlsplit

import pytest
from minio import Minio
from minio.error import S3Error

from storage.embedded import containers, packages, services, splash, swift
from storage.embedded.accounts import Account, service_account
from storage.embedded.chromium import find_chromium
from storage.embedded.processes import (
    Daemon,
    birth,
    free_ports,
    locked,
    marked_daemons,
    start_daemon,
    stop_daemons,
    wait_until_healthy,
)
from storage.errors import ServiceUnavailable, SettingError, UsageError

PAGE = b"""<html><body><p id=out>before</p><script>
let rows = [1, 2, 3].map(n => `row ${n}`);
setTimeout(() => { document.getElementById('out').textContent = rows.join(', ') }, 50);
</script></body></html>"""


class PageHandler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(PAGE)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def page_url():
    server = ThreadingHTTPServer(("127.0.0.1", 0), PageHandler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.fixture
def sleeper(open_folder: Path):
    """Starts a daemon that sleeps, and ends it after the test."""
    account = service_account(open_folder)
    account.own(open_folder)
    yield lambda name="sleeper": start_daemon(
        name, ["sleep", "60"], folder=open_folder, account=account
    )
    stop_daemons(marked_daemons(open_folder))


def ask(splash_url: str, path: str, body: bytes | None = None) -> bytes:
    headers = {"Content-Type": "application/json"} if body else {}
    request = urllib.request.Request(f"{splash_url}{path}", body, headers)  # noqa: S310
    with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
        content: bytes = response.read()
    return content


def client_of(url: str) -> Minio:
    parts = urlsplit(url)
    return Minio(
        f"{parts.hostname}:{parts.port}",
        access_key=unquote(parts.username or ""),
        secret_key=unquote(parts.password or ""),
        secure=False,
        region="us-east-1",
    )


# --- the real services


def test_splash_renders_a_page_with_javascript(splash_url: str, page_url: str) -> None:
    html = ask(splash_url, f"/render.html?wait=0.3&url={quote(page_url, safe='')}")
    assert b"row 1, row 2, row 3" in html


def test_splash_runs_lua_posted_as_json(splash_url: str, page_url: str) -> None:
    script = """
    function main(splash, args)
      assert(splash:go(args.url))
      splash:wait(args.wait)
      splash:mouse_click(10.5, 20.5)
      return splash:evaljs("document.getElementById('out').textContent")
    end"""
    body = json.dumps({"lua_source": script, "url": page_url, "wait": 0.3}).encode()
    assert ask(splash_url, "/execute", body) == b"row 1, row 2, row 3"


def test_splash_keeps_to_the_timeout_that_it_is_given(splash_url: str, page_url: str) -> None:
    script = "function main(splash, args) splash:go(args.url); splash:wait(20) end"
    body = json.dumps({"lua_source": script, "url": page_url, "timeout": 0.5}).encode()
    with pytest.raises(urllib.error.HTTPError) as error:
        ask(splash_url, "/execute", body)
    assert error.value.code == 504
    error.value.close()


def test_s3_keeps_what_it_is_given(s3_url: str) -> None:
    client = client_of(s3_url)
    bucket = urlsplit(s3_url).path.strip("/")
    assert not client.bucket_exists(bucket)
    client.make_bucket(bucket)
    client.put_object(
        bucket, "a/ü.jpg", BytesIO(b"bytes"), 5, "image/jpeg", metadata={"origin": "x"}
    )
    found = client.stat_object(bucket, "a/ü.jpg")
    assert (found.content_type, found.metadata["x-amz-meta-origin"]) == ("image/jpeg", "x")
    with client.get_object(bucket, "a/ü.jpg") as response:
        assert response.read() == b"bytes"


def test_s3_refuses_a_wrong_secret(s3_url: str) -> None:
    parts = urlsplit(s3_url)
    wrong = s3_url.replace(parts.password or "", "wrong")
    with pytest.raises(S3Error, match="SignatureDoesNotMatch"):
        client_of(wrong).list_buckets()


def test_chromium_dumps_a_page(chromium_path: Path, page_url: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [
            str(chromium_path),
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            f"--user-data-dir={tmp_path}",
            "--virtual-time-budget=1000",
            "--dump-dom",
            page_url,
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert "row 1, row 2, row 3" in done.stdout


def test_data_of_s3_survive_a_restart_on_other_ports(s3_url: str, open_folder: Path) -> None:
    del s3_url  # its fixture skips where the server cannot be had
    before = services.up(open_folder, ["s3"])["s3"].url
    client = client_of(before)
    client.make_bucket("kept")
    client.put_object("kept", "key", BytesIO(b"bytes"), 5)
    assert services.down(open_folder) == ["s3"]
    with socket.socket() as squatter:
        squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        squatter.bind(("127.0.0.1", urlsplit(before).port or 0))
        squatter.listen()
        after = services.up(open_folder, ["s3"])["s3"].url
    try:
        assert urlsplit(after).port != urlsplit(before).port
        with client_of(after).get_object("kept", "key") as response:
            assert response.read() == b"bytes"
    finally:
        services.down(open_folder)


def test_life_of_a_service(splash_url: str, open_folder: Path) -> None:
    del splash_url
    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda _: services.up(open_folder, ["splash"]), range(2)))
    assert both[0]["splash"].url == both[1]["splash"].url
    found = {one.name: one for one in services.status(open_folder)}
    assert found["splash"].state == "up"
    (pid,) = found["splash"].pids
    if os.geteuid() == 0:
        assert Path(f"/proc/{pid}").stat().st_uid != 0
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: services.status(open_folder)[0].state == "broken")
    assert services.up(open_folder, ["splash"])["splash"].url
    assert services.down(open_folder) == ["splash"]
    assert services.down(open_folder) == []
    assert services.status(open_folder)[0].state == "down"
    assert marked_daemons(open_folder / "services") == []


def test_services_of_a_killed_starter_can_be_ended(splash_url: str, open_folder: Path) -> None:
    del splash_url
    code = (
        "import os, sys; from pathlib import Path\n"
        "from storage.embedded import processes, services\n"
        "start = services._KINDS['splash'].start\n"
        "object.__setattr__(services._KINDS['splash'], 'start',\n"
        "    lambda *args: (start(*args), os.kill(os.getpid(), 9)))\n"
        "services.up(Path(sys.argv[1]), ['splash'])\n"
    )
    starter = subprocess.run(
        [sys.executable, "-c", code, str(open_folder)],
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert starter.returncode == -signal.SIGKILL
    assert marked_daemons(open_folder / "services")
    services.down(open_folder)
    assert marked_daemons(open_folder / "services") == []


def test_the_state_is_private_and_redacted(s3_server: str, session_home: Path) -> None:
    password = urlsplit(s3_server).password or ""
    state = session_home / "services"
    assert (state / "state.json").stat().st_mode & 0o077 == 0
    assert (state / "s3" / "keys.json").stat().st_mode & 0o077 == 0
    assert state.stat().st_mode & 0o077 == 0
    assert password not in repr(services.status(session_home))
    assert password not in repr(services.up(session_home, ["s3"]))


# --- processes


def wait_for(condition, timeout_s: float = 10.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_daemon_is_ended_and_reaped(sleeper) -> None:
    daemon = sleeper()
    assert daemon.is_alive
    stop_daemons([daemon])
    assert not daemon.is_alive


def test_a_pid_that_somebody_else_has_by_now_is_left_alone(sleeper) -> None:
    daemon = sleeper()
    stop_daemons([Daemon("recycled", daemon.pid, "another-boot/123")])
    assert daemon.is_alive


def test_a_daemon_that_ignores_sigterm_is_killed(open_folder: Path, monkeypatch) -> None:
    monkeypatch.setattr("storage.embedded.processes.STOP_TIMEOUT_S", 0.3)
    account = service_account(open_folder)
    account.own(open_folder)
    daemon = start_daemon(
        "stubborn",
        ["sh", "-c", "trap '' TERM; echo ready; while :; do sleep 1; done"],
        folder=open_folder,
        account=account,
    )
    wait_for(lambda: "ready" in (open_folder / "log" / "stubborn.log").read_text())
    stop_daemons([daemon])
    assert not daemon.is_alive
    stop_daemons(marked_daemons(open_folder))


def test_daemons_are_found_by_their_mark(sleeper, open_folder: Path) -> None:
    daemon = sleeper()
    wait_for(lambda: [one.pid for one in marked_daemons(open_folder)] == [daemon.pid])
    assert marked_daemons(open_folder.parent) == []


def test_daemons_get_none_of_our_secrets(sleeper, monkeypatch) -> None:
    monkeypatch.setenv("ARTWORKS_OBJECTS_URL", "minio://a:secret@x/y")
    daemon = sleeper()
    wait_for(lambda: b"sleep" in Path(f"/proc/{daemon.pid}/cmdline").read_bytes())
    assert b"secret" not in Path(f"/proc/{daemon.pid}/environ").read_bytes()


def test_waiting_ends_with_the_log_of_what_ended(open_folder: Path) -> None:
    account = service_account(open_folder)
    account.own(open_folder)
    daemon = start_daemon(
        "broken", ["sh", "-c", "echo no such font >&2; exit 1"], folder=open_folder, account=account
    )
    with pytest.raises(ServiceUnavailable, match=r"ended at once(.|\n)*no such font"):
        wait_until_healthy("it", lambda: "silent", [daemon], open_folder, 10)


def test_waiting_is_bounded(sleeper, open_folder: Path) -> None:
    with pytest.raises(ServiceUnavailable, match=r"not ready after 0\.2 s"):
        wait_until_healthy("it", lambda: "silent", [sleeper()], open_folder, 0.2)


def test_free_ports_differ_and_keep_what_is_free() -> None:
    ports = free_ports(5)
    assert len(set(ports)) == 5
    assert free_ports(5, ports) == ports
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", ports[0]))
        squatter.listen()
        assert free_ports(2, ports)[0] != ports[0]


def test_a_lock_is_exclusive_and_bounded(tmp_path: Path) -> None:
    with (
        locked(tmp_path / "lock", 1),
        pytest.raises(ServiceUnavailable, match="another process has held"),
        locked(tmp_path / "lock", 0.1),
    ):
        pass


def test_birth_is_of_one_process_only() -> None:
    assert birth(os.getpid()) == birth(os.getpid())
    assert birth(os.getpid()) != birth(1)
    assert birth(2**22 + 1) is None


# --- where things are missing


def test_a_missing_service_tells_reason_and_cure(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(swift, "missing_packages", lambda names: ["memcached"])
    monkeypatch.setattr(splash, "missing_packages", lambda names: ["python3-pyqt5"])
    monkeypatch.setattr("storage.embedded.chromium.NAMES", ("no-such-browser",))
    monkeypatch.setattr(containers, "obstacle", lambda: "no Docker engine answers")
    with pytest.raises(ServiceUnavailable) as error:
        services.up(open_folder)
    for part in ("splash is not available", "s3 is not available", "chromium is not available"):
        assert part in str(error.value)
    assert str(error.value).count("make services") == 3
    assert {one.state for one in services.status(open_folder)} == {"unavailable"}


def test_without_root_and_apt_nothing_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "missing_packages", lambda names: list(names))
    monkeypatch.setattr(packages, "obstacle_to_installing", lambda: "we are nobody")
    with pytest.raises(ServiceUnavailable, match="we are nobody"):
        packages.install_packages(["memcached"])


def test_installing_again_does_nothing(splash_url: str, s3_server: str, capfd) -> None:
    services.install_services(["splash", "s3"])
    assert capfd.readouterr().err == ""


def test_policy_forbids_daemons_only_while_its_writer_lives(tmp_path: Path) -> None:
    def ask(pid: int, ticks: str) -> int:
        script = tmp_path / "policy"
        script.write_text(packages.POLICY_TEXT.format(pid=pid, ticks=ticks))
        return subprocess.run(["sh", str(script)], check=False).returncode

    ticks = str(birth(os.getpid())).rpartition("/")[2]
    assert ask(os.getpid(), ticks) == 101
    assert ask(os.getpid(), "1") == 0
    assert ask(2**22 + 1, ticks) == 0


def test_an_unknown_service_is_refused(open_folder: Path) -> None:
    with pytest.raises(UsageError, match=r"no service redis: choose from splash, s3, chromium"):
        services.up(open_folder, ["redis"])


def test_a_wrong_browser_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARTWORKS_CHROMIUM", "/no/such/browser")
    with pytest.raises(SettingError, match="ARTWORKS_CHROMIUM=/no/such/browser"):
        find_chromium()
    assert find_chromium(sys.executable) == Path(sys.executable)


def test_an_account_that_is_kept_out(tmp_path: Path) -> None:
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    (private / "home").mkdir(mode=0o755)
    outsider = Account("outsider", 54321, 54321)
    assert outsider.obstacle(private / "home") is not None
    owner = Account("owner", private.stat().st_uid, 0)
    assert owner._may_enter(private.stat())


# --- containers, with a docker that writes down what it is asked


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    calls = tmp_path / "calls"
    program = tmp_path / "bin" / "docker"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\necho "$@" >>{calls}\n'
        'case "$1" in info) echo 27.0;; run) echo 0123456789ab;; inspect) echo true;; esac\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return calls


def test_splash_as_a_container_listens_on_loopback_only(docker: Path, tmp_path: Path) -> None:
    assert containers.obstacle() is None
    url, container = containers.start_splash(tmp_path, splash.OPTIONS)
    assert container == "0123456789ab"
    (run,) = re.findall(r"^run .*", docker.read_text(), re.M)
    assert "scrapinghub/splash:3.5" in run
    assert "--ip=127.0.0.1" in run
    assert url.startswith("http://127.0.0.1:")


def test_s3_as_a_container_keeps_its_secret_off_the_command_line(
    docker: Path, tmp_path: Path
) -> None:
    url, _ = containers.start_s3(tmp_path, "artworks", "us-east-1")
    (run,) = re.findall(r"^run .*", docker.read_text(), re.M)
    assert re.search(r"--publish=127\.0\.0\.1:\d+:9000 ", run)
    secret = urlsplit(url).password or ""
    assert len(secret) > 20
    assert secret not in run
    assert secret in (tmp_path / "s3-container.env").read_text()
    assert (tmp_path / "s3-container.env").stat().st_mode & 0o077 == 0
    assert containers.start_s3(tmp_path, "artworks", "us-east-1")[0].split("@")[0] in url


def test_a_container_of_somebody_else_is_not_removed(docker: Path, tmp_path: Path) -> None:
    containers.stop(tmp_path, "stranger")
    assert "rm " not in docker.read_text()
