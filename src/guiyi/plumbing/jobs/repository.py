"""All SQL of the queue that is not procrastinate's own."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from guiyi.kit.errors import Detail
from guiyi.plumbing.jobs.task import ATTEMPTS_MAX

QUEUE: Final = "default"
STALLED_SECONDS: Final = 15
_LOCK_SPACE: Final = 4_777_003

_DEFER = text(
    "SELECT unnest(procrastinate_defer_jobs_v1(ARRAY[ROW(:queue, :task, 0, :lock, :once, CAST(:args AS jsonb),"
    " CAST(:run_at AS timestamptz))]::procrastinate_job_to_defer_v1[]))"
)


def defer(
    session: Session,
    *,
    task: str,
    args: Mapping[str, Detail],
    lock: str | None,
    once: str | None,
    run_at: datetime | None,
) -> int:
    """Insert a job and return its id."""
    return session.execute(
        _DEFER,
        {
            "queue": QUEUE,
            "task": task,
            "lock": lock,
            "once": once,
            "args": json.dumps(args, allow_nan=False),
            "run_at": run_at,
        },
    ).scalar_one()


def waiting(session: Session, *, once: str) -> int | None:
    """Return the id of the job that waits under the key `once`, and keep others from adding one until the commit."""
    session.execute(text("SELECT pg_advisory_xact_lock(:space, hashtext(:once))"), {"space": _LOCK_SPACE, "once": once})
    return session.execute(
        text("SELECT id FROM procrastinate_jobs WHERE queueing_lock = :once AND status = 'todo'"), {"once": once}
    ).scalar_one_or_none()


def requeue_stalled(session: Session, *, own_worker: int) -> int:
    """Take up again, or give up, the jobs of workers that died; return how many."""
    stalled = session.execute(
        text(
            "SELECT job.id, job.attempts FROM procrastinate_jobs AS job"
            " LEFT JOIN procrastinate_workers AS worker ON worker.id = job.worker_id"
            " WHERE job.status = 'doing' AND job.worker_id IS DISTINCT FROM :own AND (worker.id IS NULL"
            " OR worker.last_heartbeat < now() - make_interval(secs => :seconds)) FOR UPDATE OF job SKIP LOCKED"
        ),
        {"own": own_worker, "seconds": STALLED_SECONDS},
    ).all()
    for job, attempts in stalled:
        if int(attempts) + 1 >= ATTEMPTS_MAX:
            session.execute(text("SELECT procrastinate_finish_job_v1(:job, 'failed', false)"), {"job": job})
        else:
            session.execute(text("SELECT procrastinate_retry_job_v2(:job, now(), NULL, NULL, NULL)"), {"job": job})
    return len(stalled)


def counts(session: Session) -> dict[str, int]:
    """Return how many jobs stand in each status."""
    rows = session.execute(text("SELECT status::text, count(*) FROM procrastinate_jobs GROUP BY status"))
    return {str(status): int(jobs) for status, jobs in rows}
