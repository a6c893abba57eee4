"""The example bank: what an empty database shows at the first start."""

import tempfile
from pathlib import Path
from typing import Final

import structlog
from sqlalchemy.orm import Session

import guiyi
from guiyi.app.planning import plan_from_files
from guiyi.app.services import Services
from guiyi.app.traffic import synth_spec_of
from guiyi.decide.planning.api import list_plans, read_policies, record_plan
from guiyi.kit.progress import Progress, silent
from guiyi.plumbing.audit.api import current_actor
from guiyi.plumbing.jobs.api import Run, Task, enqueue
from guiyi.see.register.api import import_register, latest_version, load_register, read_register
from guiyi.see.traffic.api import EventSource, LogFormat, synthesise

REGISTER_FILE: Final = "example-bank.xlsx"
POLICIES_FILE: Final = "policies.yaml"
LOAD_TASK: Final = "example.load"
PLAN_TASK: Final = "example.plan"
EVENTS: Final = 200_000
CUSTOMERS: Final = 20_000
MONTHS: Final = 18
SEED: Final = 1

_log = structlog.get_logger(__name__)


def examples_folder() -> Path:
    """Return `examples/` of the checkout, or its copy inside the wheel."""
    package = Path(guiyi.__file__).parent
    inside = package / "examples"
    return inside if inside.is_dir() else package.parents[1] / "examples"


def load_example_when_empty(services: Services, progress: Progress = silent) -> bool:
    """Import the example bank, as a user's workbook is, when there is no register; its plan is made by a job.

    Returns:
        Whether it was loaded.
    """
    if services.database.run(latest_version) is not None:
        return False
    register = read_register(examples_folder() / REGISTER_FILE)

    def unit(session: Session) -> bool:
        summary = import_register(
            session,
            register,
            clock=services.clock,
            actor=current_actor(),
            source=REGISTER_FILE,
            progress=progress,
        )
        # Whoever imported a register of their own meanwhile keeps it as the first version, and gets no example plan.
        if summary.version == 1:
            enqueue(session, PLAN_TASK, once=PLAN_TASK)
        return summary.version == 1

    return services.database.run(unit)


def example_tasks(services: Services) -> tuple[Task, Task]:
    """Return the jobs that import the example bank, and that plan it on synthetic traffic."""

    def load(run: Run) -> None:
        load_example_when_empty(services, run.progress)

    def plan(run: Run) -> None:
        if services.database.run(lambda session: list_plans(session, limit=1)):
            return
        register = services.database.run(load_register)
        if not register.example:
            return
        with tempfile.TemporaryDirectory(prefix="guiyi-example-") as name:
            spec = synth_spec_of(
                register,
                services.settings,
                events=EVENTS,
                customers=CUSTOMERS,
                months=MONTHS,
                seed=SEED,
                log_format=LogFormat.PARQUET,
            )
            files = synthesise(spec, Path(name), run.progress)
            run.check_stop()
            bank_plan = plan_from_files(
                register,
                EventSource(files.events, files.identities),
                read_policies(examples_folder() / POLICIES_FILE),
                settings=services.settings,
                clock=services.clock,
                progress=run.progress,
            )
        services.database.run(lambda session: record_plan(session, bank_plan, clock=services.clock))
        _log.info("example.planned", status=str(bank_plan.plan.status))

    return Task(name=LOAD_TASK, work=load), Task(name=PLAN_TASK, work=plan)
