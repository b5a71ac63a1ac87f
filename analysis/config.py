"""Settings of the analysis package, read from the environment or `.env`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from storage.errors import SettingError
from storage.settings import ENV_PREFIX, describe_validation_error


class AnalysisSettings(BaseSettings):
    """How what is stored is worked on."""

    model_config = SettingsConfigDict(env_prefix=ENV_PREFIX, env_file=".env", extra="ignore")

    schedule: Path = Field(
        default=Path("schedule.toml"),
        description="The file that `artworks schedule` runs; see docs/schedule.md.",
    )
    embedding: str = Field(
        default="mobilenet_v2",
        description="Network that `artworks analyze embeddings` runs, or the path of a saved Keras "
        "model; see docs/embeddings.md.",
    )
    inference: Literal["auto", "openvino", "frozen", "keras"] = Field(
        default="auto",
        description="How networks run: the fastest way that agrees with Keras, or one by name.",
    )


def load_analysis_settings() -> AnalysisSettings:
    """Read the settings; raise SettingError naming the wrong one."""
    try:
        return AnalysisSettings()
    except ValidationError as error:
        raise SettingError(f"wrong setting: {describe_validation_error(error)}") from error
