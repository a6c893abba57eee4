"""Solve, price and verify: a plan that does not verify never leaves this room."""

import time
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.orm import Session

from guiyi.decide.planning import repository
from guiyi.decide.planning.build import build_problem
from guiyi.decide.planning.documents import write_bytes
from guiyi.decide.planning.evaluate import plan_of
from guiyi.decide.planning.facts import Circumstances, Facts, build_facts
from guiyi.decide.planning.plan import Plan
from guiyi.decide.planning.policies import Policies
from guiyi.decide.planning.problem import Problem, document_sha256, parse_problem
from guiyi.decide.planning.report import render_report
from guiyi.decide.planning.repository import PlanSummary
from guiyi.decide.planning.solver import DEFAULT_TIME_LIMIT_SECONDS, Choice, solve
from guiyi.decide.planning.verify import verify
from guiyi.decide.planning.workbook import plan_workbook
from guiyi.kit.clock import Clock
from guiyi.kit.progress import Progress, silent
from guiyi.plumbing.audit import api as audit
from guiyi.see.register.api import Register
from guiyi.see.traffic.api import CellKey, Traffic


@dataclass(frozen=True, slots=True)
class BankPlan:
    """A verified plan with all that it came from."""

    problem: Problem
    problem_document: bytes
    plan: Plan
    plan_document: bytes
    facts: Facts | None
    """None when there is no plan to report on."""


def solve_document(
    document: bytes,
    *,
    place: str = "problem",
    time_limit_seconds: float = DEFAULT_TIME_LIMIT_SECONDS,
    progress: Progress = silent,
) -> Plan:
    """Return the verified plan of a problem document.

    Args:
        document: UTF-8 JSON, `guiyi.problem/1`.
        place: How errors name the document.
        time_limit_seconds: After it the best plan so far is returned with its gap.
        progress: Told the share of the gap that is closed.

    Raises:
        ProblemInvalid: The document is wrong.
        AttritionRuleMissing: A possible move has no price.
        PlanNotVerified: A defect of the solver; the plan is not returned.
    """
    problem = parse_problem(document, place=place)
    choice = solve(problem, time_limit_seconds=time_limit_seconds, progress=progress)
    plan = plan_of(problem, document_sha256(document), choice)
    verify(document, plan.to_json())
    return plan


def plan_bank(
    register: Register,
    traffic: Traffic,
    policies: Policies,
    *,
    clock: Clock,
    made_by: str,
    guiyi_version: str,
    register_sha256: str,
    time_limit_seconds: float = DEFAULT_TIME_LIMIT_SECONDS,
    progress: Progress = silent,
) -> BankPlan:
    """Plan a bank's channels and collect what the report shows.

    Raises:
        PoliciesInvalid: A policy names what the register does not have.
        AttritionRuleMissing: A possible move has no price.
        PlanNotVerified: A defect of the solver; the plan is not returned.
    """
    problem = build_problem(register, traffic, policies)
    document = problem.to_json()
    started_at = time.perf_counter()
    choice = solve(problem, time_limit_seconds=time_limit_seconds, progress=progress)
    solve_seconds = time.perf_counter() - started_at
    moved = traffic.customers_moved(_host_of_cell(problem, choice)) if isinstance(choice, Choice) else None
    plan = plan_of(problem, document_sha256(document), choice, customers_moved=moved)
    plan_document = plan.to_json()
    verify(document, plan_document)
    circumstances = Circumstances(
        made_at=clock.now(),
        made_by=made_by,
        guiyi_version=guiyi_version,
        register_sha256=register_sha256,
        solve_seconds=solve_seconds,
    )
    facts = build_facts(register, traffic, problem, plan, circumstances) if plan.costs else None
    return BankPlan(problem, document, plan, plan_document, facts)


def _host_of_cell(problem: Problem, choice: Choice) -> dict[CellKey, str | None]:
    return {(cell.function, cell.segment, cell.from_): choice.host_of[cell.id] for cell in problem.cells if cell.from_}


def write_plan(bank_plan: BankPlan, folder: Path) -> tuple[Path, ...]:
    """Write `problem.json`, `plan.json` and, when there is a plan to report on, `plan.xlsx` and `report.html`.

    Each file is complete before it takes its name; existing files of these names are replaced.

    Raises:
        OutputRefused: The folder cannot be written.
    """
    files: dict[str, bytes] = {"problem.json": bank_plan.problem_document, "plan.json": bank_plan.plan_document}
    if bank_plan.facts is not None:
        files["plan.xlsx"] = plan_workbook(bank_plan.problem, bank_plan.plan, bank_plan.facts)
        files["report.html"] = render_report(bank_plan.facts).encode()
    for name, content in files.items():
        write_bytes(folder / name, content)
    return tuple(folder / name for name in files)


def record_plan(session: Session, bank_plan: BankPlan, *, clock: Clock) -> PlanSummary | None:
    """Store a plan and its audit record in the caller's transaction; None when there is no plan to store."""
    facts = bank_plan.facts
    if facts is None:
        return None
    summary = repository.insert(
        session,
        problem_document=bank_plan.problem_document,
        plan_document=bank_plan.plan_document,
        facts=facts,
    )
    audit.record(
        session,
        clock=clock,
        actor=facts.made_by,
        action="plan.make",
        subject=f"plan/{summary.plan_id}",
        details={
            "status": summary.status,
            "problem_sha256": summary.problem_sha256,
            "plan_sha256": summary.plan_sha256,
            "register_sha256": facts.register_sha256,
        },
    )
    return summary
