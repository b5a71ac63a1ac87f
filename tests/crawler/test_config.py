"""The crawler's settings: read, bounded, and told about when wrong."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from crawler.config import CrawlerSettings, load_crawler_settings
from storage.errors import ExitCode, SettingError


def test_the_defaults_are_polite_and_bounded() -> None:
    settings = load_crawler_settings()
    assert settings.splash_url is None
    assert "+https://" in settings.user_agent
    assert settings.max_page_bytes == 20_000_000
    assert settings.max_image_bytes == 100_000_000
    assert settings.max_image_pixels == 150_000_000
    assert settings.allowed_networks == ()


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("", []),
        (" , ", []),
        ("127.0.0.0/8", ["127.0.0.0/8"]),
        ("10.0.0.1", ["10.0.0.1/32"]),
        (" 127.0.0.0/8,::1 , fd00::/8", ["127.0.0.0/8", "::1/128", "fd00::/8"]),
    ],
)
def test_networks_are_separated_by_commas(
    monkeypatch: pytest.MonkeyPatch, written: str, read: list[str]
) -> None:
    monkeypatch.setenv("ARTWORKS_ALLOWED_NETWORKS", written)
    assert load_crawler_settings().allowed_networks == tuple(map(ip_network, read))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALLOWED_NETWORKS", "127.0.0.1/8"),
        ("ALLOWED_NETWORKS", "localhost"),
        ("MAX_PAGE_BYTES", "20 MB"),
        ("MAX_PAGE_BYTES", "0"),
        ("MAX_IMAGE_BYTES", "-1"),
        ("MAX_IMAGE_PIXELS", "0"),
        ("CONCURRENCY", "0"),
        ("CONCURRENCY", "1000"),
        ("IMAGE_PROCESSES", "0"),
        ("SHUTDOWN_SECONDS", "-1"),
        ("USER_AGENT", ""),
    ],
)
def test_what_is_wrong_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"ARTWORKS_{name}", value)
    with pytest.raises(SettingError) as told:
        load_crawler_settings()
    assert f"ARTWORKS_{name}:" in str(told.value)
    assert "\n" not in str(told.value)
    assert told.value.exit_code is ExitCode.USAGE


@given(password=st.text(min_size=1).map(lambda drawn: f"hush{drawn}"))
def test_credentials_of_the_renderer_are_not_shown(password: str) -> None:
    settings = CrawlerSettings(splash_url=SecretStr(f"http://me:{password}@127.0.0.1:8050"))
    assert "hush" not in f"{settings} {settings!r} {settings.model_dump()}"
