"""Settings of the crawler, read from the environment or `.env`."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from storage.errors import SettingError
from storage.settings import ENV_PREFIX, describe_validation_error

MEGABYTE = 1_000_000


class CrawlerSettings(BaseSettings):
    """How pages and images are fetched."""

    model_config = SettingsConfigDict(env_prefix=ENV_PREFIX, env_file=".env", extra="ignore")

    splash_url: SecretStr | None = Field(
        default=None, description="A running Splash, e.g. `http://127.0.0.1:8050`."
    )
    chromium: str | None = Field(
        default=None,
        description=(
            "Chromium's program, for pages that Splash's engine cannot run; "
            "default: the one on PATH."
        ),
    )
    user_agent: str = Field(
        default="artworks/0.1 (+https://example.org/artworks; set ARTWORKS_USER_AGENT)",
        description="Name and contact URL sent with every request; real sites need a contact.",
        min_length=1,
    )
    max_page_bytes: int = Field(
        default=20 * MEGABYTE, description="Largest page fetched, in bytes.", gt=0
    )
    max_image_bytes: int = Field(
        default=100 * MEGABYTE, description="Largest image fetched, in bytes.", gt=0
    )
    max_image_pixels: int = Field(
        default=150 * MEGABYTE, description="Largest image decoded, in pixels.", gt=0
    )
    max_image_memory: int = Field(
        default=480 * MEGABYTE,
        description="Memory that checking images takes in a process at most, in bytes.",
        gt=0,
    )
    concurrency: int = Field(
        default=32, description="Requests in flight over all hosts.", gt=0, le=256
    )
    image_processes: int = Field(
        default=1, description="Processes that check, hash and store images.", gt=0, le=64
    )
    shutdown_seconds: float = Field(
        default=30.0,
        description=(
            "How long an interrupted crawl may go on with what is under way, in seconds; "
            "what is left then is given back."
        ),
        ge=0,
        le=3600,
    )
    opt_outs: Literal["obey", "record"] = Field(
        default="obey",
        description=(
            "What owners reserve (`noai`, `noimageai`, TDM reservations): `obey` leaves it out, "
            "`record` stores it and says so; see docs/rights.md."
        ),
    )
    allowed_networks: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = Field(
        default=(),
        description=(
            "Networks that may be fetched besides public addresses, comma-separated, "
            "e.g. `127.0.0.0/8` for a local museum."
        ),
    )

    @field_validator("allowed_networks", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(ip_network(part.strip()) for part in value.split(",") if part.strip())
        return value


def load_crawler_settings() -> CrawlerSettings:
    """Read the settings; raise SettingError naming the wrong one."""
    try:
        return CrawlerSettings()
    except ValidationError as error:
        raise SettingError(f"wrong setting: {describe_validation_error(error)}") from error
