"""Every job that the worker knows."""

from typing import Final

import structlog
from sqlalchemy.orm import Session

from guiyi.app.example import LOAD_TASK, example_tasks
from guiyi.app.services import Services
from guiyi.plumbing.audit.api import ChainCheck, verify_chain
from guiyi.plumbing.jobs.api import Run, Task, enqueue
from guiyi.see.register.api import latest_version

AUDIT_CHECK: Final = "audit.check"
EVERY_QUARTER_HOUR: Final = "*/15 * * * *"

_log = structlog.get_logger(__name__)


def all_tasks(services: Services) -> tuple[Task, ...]:
    """Return the tasks."""
    return (_audit_check(services), *example_tasks(services))


def enqueue_first_jobs(session: Session) -> None:
    """Add what every start does: a check of the audit chain, and the example bank when there is no register.

    A machine that runs ten minutes a day may never meet the quarter hour.
    """
    enqueue(session, AUDIT_CHECK, once=AUDIT_CHECK)
    if latest_version(session) is None:
        enqueue(session, LOAD_TASK, once=LOAD_TASK)


def report_chain(check: ChainCheck) -> None:
    """Log the outcome of a check; the head in the log is a witness outside the database."""
    if check.is_whole:
        _log.info("audit.whole", rows=check.rows, head=check.head.hex())
    else:
        _log.critical("audit.alarm", state=check.state.value, position=check.position, rows_right=check.rows)


def _audit_check(services: Services) -> Task:
    def work(_run: Run) -> None:
        report_chain(services.database.run(verify_chain))

    return Task(name=AUDIT_CHECK, work=work, cron=EVERY_QUARTER_HOUR)
