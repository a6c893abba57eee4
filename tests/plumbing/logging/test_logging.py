import io
import json
import logging
from collections.abc import Generator

import pytest
import structlog

from guiyi.plumbing.config.api import Settings
from guiyi.plumbing.logging.api import REDACTED, configure_logging


@pytest.fixture(autouse=True)
def restored_logging() -> Generator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


def _lines(settings: Settings, **keys: object) -> list[dict[str, object]]:
    stream = io.StringIO()
    configure_logging(settings, stream)
    structlog.get_logger("guiyi.test").info("test.happened", **keys)
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_line_is_json_when_the_setting_says_so() -> None:
    (line,) = _lines(Settings(log_json=True), rows=3, name="公司金融")
    assert line["event"] == "test.happened"
    assert (line["rows"], line["name"], line["level"]) == (3, "公司金融", "info")


def test_line_is_text_when_the_setting_does_not_say_json() -> None:
    stream = io.StringIO()
    configure_logging(Settings(), stream)
    logging.getLogger("some.library").warning("disk %s is full", "sda")
    assert "disk sda is full" in stream.getvalue()
    assert not stream.getvalue().startswith("{")


def test_line_is_left_out_when_its_level_is_too_low() -> None:
    assert _lines(Settings(log_json=True, log_level="WARNING"), rows=1) == []


@pytest.mark.parametrize(
    ("keys", "secret"),
    [
        ({"password": "hunter2"}, "hunter2"),
        ({"access_token": "abc"}, "abc"),
        ({"headers": {"Authorization": "Bearer abc"}}, "abc"),
        ({"url": "postgresql://guiyi:hunter2@db.bank/guiyi"}, "hunter2"),
        ({"tried": ["postgresql://guiyi:hunter2@db.bank/guiyi"]}, "hunter2"),
    ],
)
def test_secret_is_replaced_when_it_is_logged(keys: dict[str, object], secret: str) -> None:
    (line,) = _lines(Settings(log_json=True), **keys)
    assert secret not in json.dumps(line)
    assert REDACTED in json.dumps(line)


def test_traceback_is_one_line_of_json_when_an_exception_is_logged() -> None:
    stream = io.StringIO()
    configure_logging(Settings(log_json=True), stream)
    try:
        int("postgresql://guiyi:hunter2@db.bank")
    except ValueError:
        structlog.get_logger("guiyi.test").exception("test.failed")
    (line,) = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert "Traceback" in line["exception"]
    assert "hunter2" not in stream.getvalue()
