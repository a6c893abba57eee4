"""The command line, called as `guiyi` is."""

from collections.abc import Callable, Generator

import pytest
from typer.testing import CliRunner, Result

from guiyi.app.cli.main import app
from guiyi.plumbing.config.api import Settings, get_settings

Cli = Callable[..., Result]


@pytest.fixture
def cli(database_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Generator[Cli]:
    """Run `guiyi` with the words given, on this worker's database."""
    assert database_settings.database_url is not None
    monkeypatch.setenv("GUIYI_DATABASE_URL", database_settings.database_url.get_secret_value())
    monkeypatch.setenv("GUIYI_LANGUAGE", "en")
    get_settings.cache_clear()

    def run(*words: object) -> Result:
        return CliRunner().invoke(app, [str(word) for word in words])

    yield run
    get_settings.cache_clear()
