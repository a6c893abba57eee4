import io
import json
import threading
from collections.abc import Generator
from dataclasses import replace

import pytest
import structlog
from sqlalchemy import text
from sqlalchemy.orm import Session

from guiyi.app.example import LOAD_TASK, PLAN_TASK, load_example_when_empty
from guiyi.app.services import Services
from guiyi.app.tasks import AUDIT_CHECK, all_tasks, enqueue_first_jobs
from guiyi.decide.planning.api import list_plans
from guiyi.plumbing.audit.api import record
from guiyi.plumbing.config.api import Settings
from guiyi.plumbing.jobs.api import Run, Task, counts
from guiyi.plumbing.logging.api import configure_logging
from guiyi.see.register.api import Register, import_register, list_versions


@pytest.fixture
def log() -> Generator[io.StringIO]:
    import logging  # noqa: PLC0415

    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    stream = io.StringIO()
    configure_logging(Settings(log_json=True), stream)
    yield stream
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


def _task(services: Services, name: str) -> Task:
    return next(task for task in all_tasks(services) if task.name == name)


def _run(services: Services, name: str) -> None:
    _task(services, name).work(Run(args={}, stopping=threading.Event()))


def _events(log: io.StringIO) -> list[tuple[str, str]]:
    return [(line["level"], line["event"]) for line in map(json.loads, log.getvalue().splitlines())]


def _import_own(services: Services, example: Register) -> None:
    own = replace(example, example=False)
    services.database.run(
        lambda session: import_register(session, own, clock=services.clock, actor="wang", source="own.xlsx")
    )


def test_names_are_unique_when_tasks_are_listed(services: Services) -> None:
    names = [task.name for task in all_tasks(services)]
    assert len(set(names)) == len(names)


def test_audit_chain_is_checked_every_quarter_hour_and_at_start_when_the_server_runs(
    services: Services, example: Register
) -> None:
    _import_own(services, example)
    assert _task(services, AUDIT_CHECK).cron == "*/15 * * * *"
    services.database.run(enqueue_first_jobs)
    services.database.run(enqueue_first_jobs)
    assert services.database.run(counts) == {"todo": 1}


def test_alarm_is_logged_when_the_audit_record_was_tampered_with(services: Services, log: io.StringIO) -> None:
    def unit(session: Session) -> None:
        record(session, clock=services.clock, actor="wang", action="test.note", subject="a", details={})

    services.database.run(unit)
    _run(services, AUDIT_CHECK)
    with services.database.engine.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text("UPDATE audit_record SET actor = 'nobody'"))
    _run(services, AUDIT_CHECK)
    assert _events(log) == [("info", "audit.whole"), ("critical", "audit.alarm")]


def test_example_is_asked_for_at_start_when_the_database_is_empty(services: Services) -> None:
    services.database.run(enqueue_first_jobs)
    services.database.run(enqueue_first_jobs)
    assert services.database.run(counts) == {"todo": 2}
    _run(services, LOAD_TASK)
    assert services.database.run(list_versions)[0].example


def test_example_is_loaded_once_when_the_database_is_empty(services: Services) -> None:
    assert load_example_when_empty(services)
    assert not load_example_when_empty(services)
    (version,) = services.database.run(list_versions)
    assert version.example
    assert services.database.run(counts) == {"todo": 1}


def test_example_is_not_loaded_when_there_is_a_register(services: Services, example: Register) -> None:
    _import_own(services, example)
    assert not load_example_when_empty(services)
    assert services.database.run(counts) == {}


def test_example_plan_is_made_once_when_the_job_runs_twice(services: Services) -> None:
    load_example_when_empty(services)
    _run(services, PLAN_TASK)
    _run(services, PLAN_TASK)
    (plan,) = services.database.run(list_plans)
    assert plan.status == "proven_optimal"


def test_no_example_plan_is_made_when_the_register_is_the_banks_own(services: Services, example: Register) -> None:
    _import_own(services, example)
    _run(services, PLAN_TASK)
    assert services.database.run(list_plans) == []
