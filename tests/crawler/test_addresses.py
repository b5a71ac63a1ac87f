"""Which addresses are connected to: public ones and those allowed, however they are written."""

from __future__ import annotations

import socket
from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.crawls import Workspace
from support.web import Pages, serve_pages

from crawler.addresses import AddressPolicy, AddressRefused, proxy_urls

PUBLIC = [
    "1.1.1.1",
    "93.184.216.34",
    "172.32.0.1",
    "192.167.255.255",
    "100.63.255.255",
    "2606:4700::1111",
    "::ffff:1.1.1.1",
    "64:ff9b::101:101",
]
PRIVATE = [
    "127.0.0.1",
    "127.255.255.254",
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "169.254.169.254",  # metadata of cloud machines
    "100.64.0.1",  # shared by carriers
    "0.0.0.0",  # noqa: S104
    "192.0.2.1",
    "198.18.0.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "fd12:3456::1",
    "fec0::1",
    "ff02::1",
    "2001:db8::1",
    "::ffff:127.0.0.1",
    "::ffff:a00:1",
    "::127.0.0.1",
    "64:ff9b::7f00:1",  # 127.0.0.1 behind NAT64
    "64:ff9b::a9fe:a9fe",
    "2002:7f00:1::",  # 127.0.0.1 in 6to4
    "2002:c0a8:101::1",
    "2001:0:53aa:64c:0:0:80ff:fffe",  # 127.0.0.1 in Teredo
]

# How else 127.0.0.1 may be written in the address of a page.
ODD = ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "127.1", "[::ffff:127.0.0.1]"]


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_may_be_fetched(address: str) -> None:
    AddressPolicy([]).check(address, 443)


@pytest.mark.parametrize("address", PRIVATE)
def test_others_are_refused_with_the_cure(address: str) -> None:
    with pytest.raises(AddressRefused, match="ARTWORKS_ALLOWED_NETWORKS"):
        AddressPolicy([]).check(address, 80)


def test_allowed_networks_are_let_in_in_any_form_and_no_others() -> None:
    policy = AddressPolicy([ip_network("127.0.0.0/8"), ip_network("fd00::/8")])
    for address in ("127.0.0.1", "127.9.9.9", "::ffff:127.0.0.1", "fd00::1"):
        policy.check(address, 80)
    for address in ("10.0.0.1", "::1", "fc00::1"):
        with pytest.raises(AddressRefused):
            policy.check(address, 80)


def test_our_own_services_may_be_anywhere_at_their_port_only() -> None:
    policy = AddressPolicy([], ["http://127.0.0.1:8050", "http://nowhere.invalid:1"])
    policy.check("127.0.0.1", 8050)
    for address, port in (("127.0.0.1", 80), ("127.0.0.2", 8050)):
        with pytest.raises(AddressRefused):
            policy.check(address, port)


@given(st.ip_addresses(v=4))
def test_an_address_and_its_forms_in_the_other_family_are_treated_alike(address: object) -> None:
    def allowed(form: str) -> bool:
        try:
            AddressPolicy([]).check(form, 80)
        except AddressRefused:
            return False
        return True

    assert allowed(f"::ffff:{address}") == allowed(str(address))
    assert allowed(f"64:ff9b::{address}") == allowed(str(address))


def test_hosts_without_proxy_are_no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "ftp_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("https_proxy", "proxy.example:3128")
    monkeypatch.setenv("http_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert proxy_urls() == ["http://proxy.example:3128"] * 2
    with pytest.raises(AddressRefused):
        AddressPolicy([], proxy_urls()).check("127.0.0.1", 80)


def test_no_way_leads_to_a_private_address(workspace: Workspace, tmp_path: Path) -> None:
    """A redirect, a name and odd spellings of 127.0.0.1; only 127.0.0.2 may be fetched."""

    def answers(base: Callable[[str], str]) -> Pages:
        moved = {
            f"/away/{number}": (302, {"Location": f"{base(host)}/work/{number}"}, "")
            for number, host in enumerate(ODD)
        }
        links = "".join(f'<a class="work" href="{path}">x</a>' for path in ("/good", *moved))
        image = f'<img src="{base("localhost")}/secret.png">'
        return {"/": links, "/good": f'<h1 data-id="good">Good</h1>{image}', **moved}

    with serve_pages(answers, address="") as server:
        profile = tmp_path / "tiny.toml"
        profile.write_text(
            f"""
base_url = "{server.base("127.0.0.2")}"
[politeness]
delay = 0
retries = 0
[[start]]
category = "all"
url = "/"
[listing]
artworks = "css:a.work"
[artwork]
source_id = "css:h1::attr(data-id)"
title = "css:h1"
images = "css:img"
"""
        )
        done = workspace.crawl(f"site={profile}", ARTWORKS_ALLOWED_NETWORKS="127.0.0.2/32")
    assert done.returncode == 0, done.stderr[-3000:]
    assert {host for host, _ in server.asked} == {"127.0.0.2"}
    assert {f"/away/{number}" for number in range(len(ODD))} < {path for _, path in server.asked}
    failed = workspace.sql("SELECT url, reason FROM failures ORDER BY url")
    # Some spellings are no address at all to the HTTP client, or no name to the resolver.
    reasons = {row.url.rpartition("/")[2]: row.reason for row in failed}
    assert set(reasons.values()) <= {"address_refused", "unsupported_scheme", "dns_error"}
    assert {reasons[name] for name in ("0", "1", "secret.png")} == {"address_refused"}
    assert len(failed) == len(ODD) + 1
    assert workspace.sql("SELECT source_id FROM artworks") == [("good",)]


def test_the_tests_own_server_tells_its_addresses_apart() -> None:
    with serve_pages(lambda base: {"/": "x"}, address="") as server:
        for host in ("127.0.0.1", "127.0.0.2"):
            with socket.create_connection((host, server.port)) as connection:
                connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
                assert connection.recv(20).startswith(b"HTTP/1.0 200")
    assert {host for host, _ in server.asked} == {"127.0.0.1", "127.0.0.2"}


def test_services_can_be_excluded_wherever_they_are() -> None:
    policy = AddressPolicy(
        [ip_network("127.0.0.0/8"), ip_network("10.0.0.0/8")],
        ["http://127.0.0.1:8050", "http://127.0.0.1:9000"],
    ).without(["http://127.0.0.1:8050", "http://10.0.0.7", "http://1.1.1.1:3128"])
    for address in ("127.0.0.1", "127.0.0.2", "0.0.0.0", "::1", "::ffff:127.0.0.1"):  # noqa: S104
        with pytest.raises(AddressRefused, match="service of this crawler"):
            policy.check(address, 8050)
    for address, port in (("10.0.0.7", 80), ("1.1.1.1", 3128)):
        with pytest.raises(AddressRefused, match="service of this crawler"):
            policy.check(address, port)
    for address, port in (
        ("127.0.0.1", 80),
        ("127.0.0.1", 9000),
        ("10.0.0.8", 80),
        ("1.1.1.1", 80),
    ):
        policy.check(address, port)
