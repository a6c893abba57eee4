"""The face of logging."""

import logging
import re
import sys
from typing import Final, TextIO, cast

import structlog
from structlog.typing import EventDict, Processor

from guiyi.plumbing.config.api import Settings

__all__ = ["REDACTED", "configure_logging"]

REDACTED: Final = "[redacted]"
_SECRET_KEYS: Final = re.compile(
    r"passw|secret|token|authori[sz]ation|cookie|api_?key|credential|private_?key", re.IGNORECASE
)
_URL_PASSWORD: Final = re.compile(r"(?P<start>[a-z][a-z0-9+.-]*://[^\s:/@]*):[^\s@]+@", re.IGNORECASE)
_LEAST_LEVELS: Final = {
    "alembic": logging.WARNING,
    "asyncio": logging.WARNING,
    "procrastinate": logging.WARNING,
    "psycopg.pool": logging.ERROR,
    "uvicorn": logging.WARNING,
}
"""Libraries that tell more than anybody wants to know; what matters of it, we log ourselves."""


def configure_logging(settings: Settings, stream: TextIO | None = None) -> None:
    """Send every log line of this process, ours and the libraries', to `stream` (standard error)."""
    target = sys.stderr if stream is None else stream
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _redact,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    renderer: Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if settings.log_json
        else structlog.dev.ConsoleRenderer(colors=target.isatty())
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    )
    handler = logging.StreamHandler(target)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.log_level.upper())
    for name, least in _LEAST_LEVELS.items():
        logging.getLogger(name).setLevel(max(least, root.level))


def _redact(_logger: object, _method: str, event: EventDict) -> EventDict:
    for key, value in event.items():
        event[key] = REDACTED if _SECRET_KEYS.search(key) else _clean(value)
    return event


def _clean(value: object) -> object:
    if isinstance(value, str):
        return _URL_PASSWORD.sub(rf"\g<start>:{REDACTED}@", value)
    if isinstance(value, dict):
        pairs = cast("dict[object, object]", value).items()
        return {key: REDACTED if _SECRET_KEYS.search(str(key)) else _clean(inner) for key, inner in pairs}
    if isinstance(value, list | tuple):
        return [_clean(inner) for inner in cast("list[object]", value)]
    return value
