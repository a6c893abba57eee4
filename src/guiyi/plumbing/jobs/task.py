"""What a job does."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from guiyi.kit.errors import Detail
from guiyi.kit.text import Text

ATTEMPTS_MAX: Final = 5


class JobInterruptedError(Exception):
    """Raised inside a task when the worker stops; the job is taken up again at the next start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of a task."""

    args: Mapping[str, Detail]
    stopping: threading.Event

    def check_stop(self) -> None:
        """End the run when the worker is stopping.

        Raises:
            JobInterruptedError: It is; let it pass.
        """
        if self.stopping.is_set():
            raise JobInterruptedError

    def progress(self, step: Text, done: int, total: int | None = None) -> None:
        """Be the `Progress` of long work: nobody listens, but every step is a chance to stop."""
        del step, done, total
        self.check_stop()


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A kind of job.

    Attributes:
        name: `module.verb`; stored in the queue, so it is never changed.
        work: Does it; idempotent; raises when it failed.
        attempts: Runs until it counts as failed, with growing pauses; at most `ATTEMPTS_MAX`.
        cron: Five fields in UTC, for tasks that run by the clock; they get no arguments.
    """

    name: str
    work: Callable[[Run], None]
    attempts: int = ATTEMPTS_MAX
    cron: str | None = None
