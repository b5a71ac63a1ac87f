"""An S3 server from Debian's packages: OpenStack Swift with its S3 interface.

Four servers (account, container, object and the proxy that speaks S3) on one folder, and a
memcached that saves the proxy from asking the others who a bucket belongs to.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import unquote

import urllib3
from minio import Minio
from minio.error import MinioException

from storage.embedded.accounts import Account
from storage.embedded.packages import SYSTEM_PYTHON, missing_packages
from storage.embedded.processes import (
    LOOPBACK,
    MARKER,
    Daemon,
    free_ports,
    start_daemon,
    wait_until_healthy,
)
from storage.errors import ServiceUnavailable
from storage.settings import percent_encode

PACKAGES = ("memcached", "python3-swift")
SERVERS = ("account", "container", "object", "proxy")
LAUNCHER = Path(__file__).with_name("swift_launcher.py")
REGION = "us-east-1"
DEFAULT_BUCKET = "artworks"
START_TIMEOUT_S = 120.0

SWIFT_CONF = """\
[swift-hash]
swift_hash_path_suffix = {suffix}
swift_hash_path_prefix = {prefix}
[storage-policy:0]
name = gold
default = yes
"""
DEFAULTS = """\
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
workers = 0
user = {user}
swift_dir = {folder}
devices = {folder}/devices
mount_check = false
# Not to this machine's syslog: the log is what the server writes to its standard error.
log_address = {folder}/no-syslog
log_level = WARNING
"""
BACKEND_CONF = """\
[pipeline:main]
pipeline = {server}-server
[app:{server}-server]
use = egg:swift#{server}
"""
PROXY_CONF = """\
[pipeline:main]
pipeline = catch_errors gatekeeper healthcheck cache s3api tempauth bulk slo dlo copy proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:{memcached}
[filter:s3api]
use = egg:swift#s3api
location = {region}
[filter:tempauth]
use = egg:swift#tempauth
user_{account}_{name} = {secret} .admin
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:healthcheck]
use = egg:swift#healthcheck
[filter:bulk]
use = egg:swift#bulk
[filter:slo]
use = egg:swift#slo
[filter:dlo]
use = egg:swift#dlo
[filter:copy]
use = egg:swift#copy
"""


@dataclass(frozen=True, slots=True)
class Keys:
    """What is secret and may never change for one folder of data."""

    account: str
    name: str
    secret: str
    prefix: str
    suffix: str

    @property
    def access_key(self) -> str:
        """The access key of S3."""
        return f"{self.account}:{self.name}"


def obstacle() -> str | None:
    """Why the S3 server cannot be started from packages; None where it can."""
    missing = missing_packages(PACKAGES)
    return f"the packages {' '.join(missing)} are missing" if missing else None


def start(folder: Path, account: Account) -> tuple[str, list[Daemon]]:
    """Start the S3 server for the state folder `folder`; return its URL and processes."""
    data = folder / "s3"
    _make_private_folder(data, account)
    _make_private_folder(data / "devices", account)
    _make_private_folder(data / "devices" / "d1", account)
    _require_extended_attributes(data)
    keys = _keys(data / "keys.json")
    ports = _ports(data / "ports.json", account)
    _write_configuration(data, account, keys, ports)
    _write_rings(data, account)
    memcached = shutil.which("memcached", path="/usr/bin:/usr/local/bin") or "memcached"
    daemons = [
        start_daemon(
            "memcached",
            [memcached, "-l", LOOPBACK, "-p", str(ports["memcached"]), "-U", "0", "-m", "16"],
            folder=folder,
            account=account,
        )
    ]
    for server in SERVERS:
        command = [str(SYSTEM_PYTHON), str(data / LAUNCHER.name), str(data), server]
        # Of the machine's Python packages only Debian's: what users installed may not fit Swift.
        isolation = {"PYTHONNOUSERSITE": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        daemons.append(
            start_daemon(
                f"s3-{server}", command, folder=folder, account=account, environment=isolation
            )
        )
    return (
        f"minio://{percent_encode(keys.access_key)}:{percent_encode(keys.secret)}"
        f"@{LOOPBACK}:{ports['proxy']}/{DEFAULT_BUCKET}?secure=0&region={REGION}",
        daemons,
    )


def wait(url: str, daemons: list[Daemon], folder: Path) -> None:
    """Wait until the S3 server does what is asked of it."""
    wait_until_healthy("the S3 server", lambda: problem(url), daemons, folder, START_TIMEOUT_S)


def problem(url: str) -> str | None:
    """What is wrong with the S3 server at `url`; None when it serves a signed request."""
    parts = urllib3.util.parse_url(url)
    access_key, _, secret_key = (parts.auth or "").partition(":")
    pool = urllib3.PoolManager(timeout=5, retries=False)
    client = Minio(
        f"{parts.host}:{parts.port}",
        access_key=unquote(access_key),
        secret_key=unquote(secret_key),
        secure=False,
        region=REGION,
        http_client=pool,
    )
    try:
        client.list_buckets()
    except (MinioException, urllib3.exceptions.HTTPError, OSError) as error:
        return str(error)
    finally:
        pool.clear()
    return None


def _make_private_folder(folder: Path, account: Account) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)
    account.own(folder)


def _require_extended_attributes(folder: Path) -> None:
    """Swift keeps what it knows about an object in attributes of the object's file."""
    probe = folder / "attributes"
    try:
        probe.touch()
        os.setxattr(probe, "user.artworks", b"1")
    except OSError as error:
        raise ServiceUnavailable(
            f"the S3 server needs a file system with extended attributes, and {folder} has none "
            f"({error.strerror}): set ARTWORKS_HOME to a folder on another one, such as ext4."
        ) from error
    finally:
        probe.unlink(missing_ok=True)


def _keys(file: Path) -> Keys:
    with contextlib.suppress(FileNotFoundError):
        return Keys(**json.loads(file.read_text()))
    keys = Keys(
        account="artworks",
        name=secrets.token_hex(4),
        secret=secrets.token_urlsafe(24),
        prefix=secrets.token_hex(16),
        suffix=secrets.token_hex(16),
    )
    fresh = file.with_suffix(".new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as handle:
        json.dump(asdict(keys), handle)
    fresh.rename(file)
    return keys


def _ports(file: Path, account: Account) -> dict[str, int]:
    names = (*SERVERS, "memcached")
    wanted: dict[str, int] = {}
    with contextlib.suppress(FileNotFoundError, ValueError):
        wanted = json.loads(file.read_text())
    numbers = free_ports(len(names), [wanted.get(name, 0) for name in names])
    ports = dict(zip(names, numbers, strict=True))
    file.write_text(json.dumps(ports))
    account.own(file)
    return ports


def _write_configuration(folder: Path, account: Account, keys: Keys, ports: dict[str, int]) -> None:
    texts = {"swift": SWIFT_CONF.format(prefix=keys.prefix, suffix=keys.suffix)}
    proxy = PROXY_CONF.format(
        memcached=ports["memcached"],
        region=REGION,
        account=keys.account,
        name=keys.name,
        secret=keys.secret,
    )
    for server in SERVERS:
        common = DEFAULTS.format(port=ports[server], user=account.name, folder=folder)
        own = proxy if server == "proxy" else BACKEND_CONF.format(server=server)
        texts[server] = common + own
    for name, text in texts.items():
        _write_private_file(folder / f"{name}.conf", text, account)
    # The account may be unable to read our own folder, such as a checkout of root's.
    _write_private_file(folder / LAUNCHER.name, LAUNCHER.read_text(), account)


def _write_private_file(file: Path, text: str, account: Account) -> None:
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
        handle.write(text)
    account.own(file)


def _write_rings(folder: Path, account: Account) -> None:
    done = subprocess.run(
        [str(SYSTEM_PYTHON), str(folder / LAUNCHER.name), str(folder), "rings"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "PYTHONNOUSERSITE": "1", MARKER: str(folder.parent)},
        check=False,
        **account.identity,
    )
    if done.returncode != 0:
        raise ServiceUnavailable(
            f"the S3 server cannot be configured in {folder}: {done.stderr.strip()[-600:]}"
        )
