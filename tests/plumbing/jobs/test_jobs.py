import hashlib
import importlib.resources
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from guiyi.kit.text import Text
from guiyi.plumbing.db.api import Database
from guiyi.plumbing.db.migrations import migrations_folder
from guiyi.plumbing.jobs.api import Run, Task, Worker, counts, enqueue

WAIT_SECONDS = 20


@contextmanager
def _working(database: Database, *tasks: Task) -> Generator[Worker]:
    worker = Worker(database, tasks)
    worker.start()
    try:
        yield worker
    finally:
        assert worker.stop(WAIT_SECONDS)


def _eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.02)


def test_job_runs_with_its_arguments_when_it_was_enqueued(database: Database) -> None:
    seen: list[object] = []
    with _working(database, Task(name="test.note", work=lambda run: seen.append(dict(run.args)))):
        database.run(lambda session: enqueue(session, "test.note", {"plan": "p1", "rows": 3}))
        _eventually(lambda: seen == [{"plan": "p1", "rows": 3}])
    assert database.run(counts) == {}


def test_job_runs_when_it_was_enqueued_while_no_worker_ran(database: Database) -> None:
    done = threading.Event()
    database.run(lambda session: enqueue(session, "test.note"))
    with _working(database, Task(name="test.note", work=lambda _: done.set())):
        assert done.wait(WAIT_SECONDS)


def test_no_job_exists_when_the_transaction_rolled_back(database: Database) -> None:
    with Session(database.engine) as session:
        enqueue(session, "test.note")
        session.rollback()
    assert database.run(counts) == {}


def test_worker_is_woken_when_a_commit_enqueued(database: Database) -> None:
    times: list[float] = []
    with _working(database, Task(name="test.note", work=lambda _: times.append(time.monotonic()))):
        time.sleep(1.3)  # the worker is asleep between two polls
        started = time.monotonic()
        for number in range(1, 4):
            database.run(lambda session: enqueue(session, "test.note"))
            _eventually(lambda number=number: len(times) == number)
    assert times[-1] - started < 1.0  # three polls would take three seconds


def test_second_job_is_not_added_when_one_waits_under_the_same_key(database: Database) -> None:
    first = database.run(lambda session: enqueue(session, "test.note", once="k"))
    second = database.run(lambda session: enqueue(session, "test.note", once="k"))
    other = database.run(lambda session: enqueue(session, "test.note", once="l"))
    assert first == second != other
    assert database.run(counts) == {"todo": 2}


def test_job_waits_when_it_is_for_later(database: Database) -> None:
    def unit(session: Session) -> None:
        now = session.execute(text("SELECT now()")).scalar_one()
        enqueue(session, "test.note", run_at=now + timedelta(hours=1))
        enqueue(session, "test.other")

    database.run(unit)
    done = threading.Event()
    with _working(
        database,
        Task(name="test.note", work=lambda _: pytest.fail("too early")),
        Task(name="test.other", work=lambda _: done.set()),
    ):
        assert done.wait(WAIT_SECONDS)
    assert database.run(counts) == {"todo": 1}


def test_job_is_tried_again_when_it_failed(database: Database) -> None:
    attempts: list[int] = []

    def fail_once(_run: Run) -> None:
        attempts.append(1)
        if len(attempts) == 1:
            raise OSError("the mail server is away")

    database.run(lambda session: enqueue(session, "test.flaky"))
    with _working(database, Task(name="test.flaky", work=fail_once)):
        _eventually(lambda: len(attempts) == 2)
    assert database.run(counts) == {}


def test_job_is_kept_as_failed_when_its_attempts_are_used_up(database: Database) -> None:
    def fail(_run: Run) -> None:
        raise OSError("always")

    database.run(lambda session: enqueue(session, "test.broken"))
    with _working(database, Task(name="test.broken", work=fail, attempts=1)):
        _eventually(lambda: database.run(counts) == {"failed": 1})


def test_long_job_ends_within_seconds_and_waits_when_the_worker_stops(database: Database) -> None:
    started = threading.Event()

    def work_long(run: Run) -> None:
        while True:
            started.set()
            run.progress(Text("步", "step"), 1)
            time.sleep(0.01)

    database.run(lambda session: enqueue(session, "test.long"))
    with _working(database, Task(name="test.long", work=work_long)) as worker:
        assert started.wait(WAIT_SECONDS)
        before = time.monotonic()
        assert worker.stop(WAIT_SECONDS)
        assert time.monotonic() - before < 5
    assert database.run(counts) == {"todo": 1}


def test_job_is_taken_up_again_when_its_worker_died(database: Database) -> None:
    def leave_behind(session: Session) -> None:
        job = enqueue(session, "test.note")
        session.execute(text("UPDATE procrastinate_jobs SET status = 'doing' WHERE id = :job"), {"job": job})

    database.run(leave_behind)
    done = threading.Event()
    with _working(database, Task(name="test.note", work=lambda _: done.set())):
        assert done.wait(WAIT_SECONDS)


def test_job_has_failed_when_its_worker_died_too_often(database: Database) -> None:
    def leave_behind(session: Session) -> None:
        job = enqueue(session, "test.note")
        session.execute(
            text("UPDATE procrastinate_jobs SET status = 'doing', attempts = 4 WHERE id = :job"), {"job": job}
        )

    database.run(leave_behind)
    with _working(database, Task(name="test.note", work=lambda _: pytest.fail("it kills workers"))):
        _eventually(lambda: database.run(counts) == {"failed": 1})


def test_periodic_job_runs_when_its_time_came_lately(database: Database) -> None:
    done = threading.Event()
    with _working(database, Task(name="test.clock", work=lambda _: done.set(), cron="* * * * *")):
        assert done.wait(WAIT_SECONDS)


def test_insert_sends_no_notification_when_a_job_is_added(database: Database) -> None:
    triggers = database.run(
        lambda session: (
            session.execute(
                text(
                    "SELECT tgname FROM pg_trigger WHERE tgrelid = 'procrastinate_jobs'::regclass AND NOT tgisinternal"
                )
            )
            .scalars()
            .all()
        )
    )
    assert not [name for name in triggers if "notify_queue_job_inserted" in name]


def test_schema_is_that_of_the_installed_procrastinate_when_compared() -> None:
    """When this fails, procrastinate was updated: add a migration with what its release notes say."""
    ours = (migrations_folder() / "procrastinate-3.10.0.sql").read_text(encoding="utf-8").partition("\n")[2]
    theirs = Path(str(importlib.resources.files("procrastinate") / "sql" / "schema.sql")).read_text(encoding="utf-8")
    assert hashlib.sha256(ours.encode()).digest() == hashlib.sha256(theirs.encode()).digest()
