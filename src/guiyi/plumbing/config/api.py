"""The settings of Guiyi: environment variables `GUIYI_…`, read once."""

import os
from functools import cache
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import platformdirs
from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from guiyi.kit.text import Language

__all__ = ["Settings", "get_settings"]

ROOT_HOME = Path("/var/lib/guiyi")


def _default_home() -> Path:
    if os.geteuid() == 0:
        return ROOT_HOME
    return platformdirs.user_data_path("guiyi", appauthor=False)


def _default_language() -> Language:
    locale = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    return "zh" if locale.lower().startswith("zh") else "en"


def _known_timezone(name: str) -> str:
    ZoneInfo(name)
    return name


class Settings(BaseSettings):
    """What can be set from outside; each field is the variable `GUIYI_` + its name in capitals."""

    model_config = SettingsConfigDict(env_prefix="GUIYI_", frozen=True, extra="ignore")

    home: Path = Field(default_factory=_default_home)
    """Folder of the database and of what `guiyi up` writes; absolute."""
    database_url: SecretStr | None = None
    """A PostgreSQL 18 to use instead of the embedded one, e.g. `postgresql://user@host/name`."""
    public_origin: str = "http://localhost:8000"
    """Where people reach the server; its port is the one that `guiyi up` listens on."""
    timezone: Annotated[str, AfterValidator(_known_timezone)] = "Asia/Shanghai"
    """IANA name; months and business dates are counted in it."""
    language: Language = Field(default_factory=_default_language)
    """Language of messages in the terminal: `zh` or `en`."""
    currency: str = Field(default="CNY", pattern=r"^[A-Z]{3}$")
    """ISO 4217 code in which the register states money."""
    log_level: str = "INFO"
    """Least level that is logged."""
    log_json: bool = False
    """One JSON object a line instead of text for people."""


@cache
def get_settings() -> Settings:
    """Return the settings of this process; the environment is read at the first call only."""
    return Settings()
