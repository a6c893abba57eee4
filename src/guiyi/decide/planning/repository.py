"""Plans in the database."""

import zlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from guiyi.decide.planning.facts import Facts
from guiyi.decide.planning.problem import document_sha256

PAGE_ROWS_MAX = 200


@dataclass(frozen=True, slots=True)
class PlanSummary:
    """A plan in a list."""

    plan_id: int
    made_at: datetime
    made_by: str
    status: str
    problem_sha256: str
    plan_sha256: str


def insert(session: Session, *, problem_document: bytes, plan_document: bytes, facts: Facts) -> PlanSummary:
    """Store a plan with its problem."""
    plan_sha256 = document_sha256(plan_document)
    statement = text(
        "INSERT INTO plan (made_at, made_by, status, problem_sha256, plan_sha256, problem_zlib, plan_zlib, facts) "
        "VALUES (:made_at, :made_by, :status, :problem_sha256, :plan_sha256, :problem, :plan, CAST(:facts AS jsonb)) "
        "RETURNING plan_id"
    )
    plan_id: int = session.execute(
        statement,
        {
            "made_at": facts.made_at,
            "made_by": facts.made_by,
            "status": facts.status,
            "problem_sha256": facts.problem_sha256,
            "plan_sha256": plan_sha256,
            "problem": zlib.compress(problem_document),
            "plan": zlib.compress(plan_document),
            "facts": facts.model_dump_json(by_alias=True),
        },
    ).scalar_one()
    return PlanSummary(
        plan_id=plan_id,
        made_at=facts.made_at,
        made_by=facts.made_by,
        status=facts.status,
        problem_sha256=facts.problem_sha256,
        plan_sha256=plan_sha256,
    )


def newest_facts(session: Session) -> tuple[int, Facts] | None:
    """Return the id of the latest plan and what its report shows; None when there is no plan."""
    row = session.execute(text("SELECT plan_id, facts FROM plan ORDER BY plan_id DESC LIMIT 1")).one_or_none()
    return None if row is None else (row.plan_id, Facts.model_validate(row.facts))


def newest_document(session: Session) -> bytes | None:
    """Return the bytes of the latest plan document; None when there is no plan."""
    stored: bytes | None = session.execute(
        text("SELECT plan_zlib FROM plan ORDER BY plan_id DESC LIMIT 1")
    ).scalar_one_or_none()
    return None if stored is None else zlib.decompress(stored)


def newest(session: Session, *, before: int | None = None, limit: int = PAGE_ROWS_MAX) -> list[PlanSummary]:
    """Return up to `limit` plans (at most `PAGE_ROWS_MAX`), newest first, those with an id below `before`."""
    rows: Any = session.execute(
        text(
            "SELECT plan_id, made_at, made_by, status, problem_sha256, plan_sha256 FROM plan "
            "WHERE CAST(:before AS bigint) IS NULL OR plan_id < :before ORDER BY plan_id DESC LIMIT :limit"
        ),
        {"before": before, "limit": min(limit, PAGE_ROWS_MAX)},
    )
    return [PlanSummary(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name for a row's columns
