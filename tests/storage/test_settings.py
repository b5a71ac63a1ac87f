"""Settings: documented, checked, and silent about secrets."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import SecretStr

from crawler.config import CrawlerSettings
from storage.errors import ExitCode, SettingError
from storage.settings import StorageSettings, load_settings, percent_encode, redact

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root needs folders open to others")

# A word that no host, user or path of these tests holds.
passwords = st.text(st.characters(exclude_categories=["Cs"])).map(lambda drawn: f"hush{drawn}hush")


@pytest.mark.parametrize("settings", [StorageSettings, CrawlerSettings])
def test_every_setting_is_described(
    settings: type[StorageSettings] | type[CrawlerSettings],
) -> None:
    for name, field in settings.model_fields.items():
        assert field.description, name
        assert field.description.endswith("."), name


def test_names_of_settings_are_not_used_twice() -> None:
    assert not set(StorageSettings.model_fields) & set(CrawlerSettings.model_fields)


@given(password=passwords)
def test_settings_shown_in_any_way_are_silent_about_secrets(password: str) -> None:
    encoded = percent_encode(password)
    settings = StorageSettings(
        database_url=SecretStr(f"postgresql://me:{password}@host/art"),
        objects_url=SecretStr(f"minio://key:{encoded}@host:9000/bucket"),
    )
    shown = f"{settings} {settings!r} {settings.model_dump()} {settings.model_dump_json()}"
    assert "hush" not in shown


@given(password=passwords)
@example("[")
@example("hush]hush")
@example("hush//hush")
@example("hush#?hush")
def test_a_redacted_url_holds_no_part_of_the_password(password: str) -> None:
    encoded = percent_encode(password)
    tails = ("host/art", "host:5432/art?sslmode=prefer", "[::1]:5432/art", "/art?host=%2Ftmp")
    for tail in tails:
        assert redact(f"postgresql://me:{encoded}@{tail}") == f"postgresql://me:***@{tail}"
    assert redact(f"minio://{encoded}:{encoded}@host/b").endswith(":***@host/b")
    # Written as it is, with whatever delimiters it holds, it is no URL, and is hidden all the same.
    for url in (
        f"postgresql://me:{password}@host/art",
        f"me:{password}@host:8050",
        f"http://us/er:{password}@host/",
    ):
        assert "hush" not in redact(url)


def test_what_is_no_secret_is_shown() -> None:
    for url in (
        "http://127.0.0.1:8050",
        "file:///var/lib/artworks/objects",
        "postgresql+psycopg2://postgres@/art?host=%2Ftmp",
        "minio://host:9000/bucket?secure=0",
        "not a url",
        "",
    ):
        assert redact(url) == url


def test_secrets_in_the_query_are_hidden() -> None:
    assert redact("postgresql://h/art?password=a&x=1&sslpassword=b#c") == (
        "postgresql://h/art?password=***&x=1&sslpassword=***#c"
    )
    assert (
        redact("http://h/?session_token=a&X-Secret=b") == "http://h/?session_token=***&X-Secret=b"
    )


def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARTWORKS_LOG_LEVEL", "LOUD")
    monkeypatch.setenv("ARTWORKS_DATABASE_URL", "postgresql://me:s3cret@host/art")
    with pytest.raises(SettingError) as told:
        load_settings()
    assert "ARTWORKS_LOG_LEVEL" in str(told.value)
    assert "must be one of DEBUG, INFO" in str(told.value)
    assert "s3cret" not in str(told.value)


def test_a_level_may_be_written_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARTWORKS_LOG_LEVEL", "warning")
    assert load_settings().log_level == "WARNING"


def test_settings_are_read_from_the_environment_before_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(".env").write_text(
        "ARTWORKS_DATABASE_URL=postgresql://file/art\nARTWORKS_LOG_LEVEL=DEBUG\nOTHER=1\n"
    )
    monkeypatch.setitem(StorageSettings.model_config, "env_file", ".env")
    monkeypatch.setenv("ARTWORKS_DATABASE_URL", "postgresql://environment/art")
    settings = load_settings()
    assert settings.database_url is not None
    assert settings.database_url.get_secret_value() == "postgresql://environment/art"
    assert settings.log_level == "DEBUG"
    assert settings.home == Path("var")


def test_objects_lie_under_the_home_unless_told_otherwise(open_folder: Path) -> None:
    settings = StorageSettings(home=open_folder)
    assert settings.objects_location == (open_folder / "objects").as_uri()
    elsewhere = StorageSettings(objects_url=SecretStr("file:///elsewhere"))
    assert elsewhere.objects_location == "file:///elsewhere"


@as_root
def test_as_root_a_home_below_a_private_folder_is_refused_with_the_cure(open_folder: Path) -> None:
    private = open_folder / "private"
    private.mkdir(mode=0o700)
    settings = StorageSettings(home=private / "home")
    with pytest.raises(SettingError) as told:
        _ = settings.home_path
    assert f"lies below {private}" in str(told.value)
    assert f"chmod o+x {private}" in str(told.value)
    assert told.value.exit_code is ExitCode.USAGE
    private.chmod(0o701)
    assert StorageSettings(home=private / "home").home_path == private / "home"


@as_root
def test_a_link_into_a_private_folder_does_not_hide_it(open_folder: Path) -> None:
    private = open_folder / "private"
    (private / "home").mkdir(parents=True)
    private.chmod(0o700)
    link = open_folder / "link"
    link.symlink_to(private / "home")
    with pytest.raises(SettingError, match="lies below"):
        _ = StorageSettings(home=link).home_path


def test_the_home_is_absolute_and_knows_the_users_folder(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(open_folder)
    assert StorageSettings(home=Path("var")).home_path == open_folder / "var"
    monkeypatch.setenv("HOME", str(open_folder))
    assert StorageSettings(home=Path("~/art")).home_path == open_folder / "art"
