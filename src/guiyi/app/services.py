"""What endpoints and jobs work with."""

from collections.abc import Callable
from dataclasses import dataclass

from guiyi.kit.clock import Clock
from guiyi.plumbing.config.api import Settings
from guiyi.plumbing.db.api import Database


def _always() -> bool:
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Handed over at start; nothing is looked up globally."""

    database: Database
    settings: Settings
    clock: Clock
    worker_is_alive: Callable[[], bool] = _always
