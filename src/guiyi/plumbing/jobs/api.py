"""The face of jobs."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from guiyi.kit.errors import Detail
from guiyi.plumbing.jobs import repository
from guiyi.plumbing.jobs.task import ATTEMPTS_MAX, JobInterruptedError, Run, Task
from guiyi.plumbing.jobs.waking import wake_after_commit
from guiyi.plumbing.jobs.worker import Worker

__all__ = ["ATTEMPTS_MAX", "JobInterruptedError", "Run", "Task", "Worker", "counts", "enqueue"]


def enqueue(
    session: Session,
    task: str,
    args: Mapping[str, Detail] | None = None,
    *,
    lock: str | None = None,
    once: str | None = None,
    run_at: datetime | None = None,
) -> int:
    """Add a job in the caller's transaction and return its id; a worker of this process is woken after the commit.

    Args:
        session: The transaction of the change that wants the job.
        task: The name of a `Task` that the worker knows.
        args: What the task gets in `Run.args`; ids rather than data.
        lock: Jobs with the same lock run one after another, in the order in which they were added.
        once: While a job with this key waits, no second one is added; the id of the waiting one is returned.
        run_at: Not before this moment.
    """
    if once is not None:
        waiting = repository.waiting(session, once=once)
        if waiting is not None:
            return waiting
    job = repository.defer(session, task=task, args=args or {}, lock=lock, once=once, run_at=run_at)
    wake_after_commit(session)
    return job


def counts(session: Session) -> dict[str, int]:
    """Return how many jobs stand in each status: `todo`, `doing`, `failed`, …; successful ones are deleted."""
    return repository.counts(session)
