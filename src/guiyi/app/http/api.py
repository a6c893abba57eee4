"""The JSON API."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query, Response
from sqlalchemy.orm import Session

from guiyi.app.errors import PageNotFoundError
from guiyi.app.http.access import Access, DeclaringRoute, access
from guiyi.app.http.problems import MEDIA_TYPE, Problem
from guiyi.app.services import Services
from guiyi.decide.planning.api import PlanSummary, latest_plan_document, list_plans
from guiyi.kit.text import Text
from guiyi.plumbing.audit.api import PAGE_ROWS_MAX, Entry, newest
from guiyi.plumbing.db.api import current_revision
from guiyi.plumbing.jobs.api import counts
from guiyi.see.register.api import Register, VersionSummary, list_versions, load_register

PREFIX: Final = "/api/v1"
PAGE_ROWS: Final = 100

Before = Annotated[
    int | None, Query(ge=1, description="只取此条之前的：下一页 / Only rows before this one: the next page")
]
Limit = Annotated[int, Query(ge=1, le=PAGE_ROWS_MAX, description="每页条数 / Rows a page")]


@dataclass(frozen=True, slots=True)
class Health:
    """Whether everything that is needed answers."""

    status: Literal["ok", "degraded"]
    """`degraded`: pages work, jobs do not run."""
    version: str
    revision: str | None
    """Of the database's schema."""
    worker: bool
    jobs: Mapping[str, int]
    """Status -> jobs; successful ones are not kept."""


@dataclass(frozen=True, slots=True)
class RegisterAnswer:
    """The register in one of its versions; money as decimal strings in units of the currency."""

    version: VersionSummary
    currency: str
    register: Register


@dataclass(frozen=True, slots=True)
class VersionsPage:
    """Versions of the register, newest first."""

    versions: tuple[VersionSummary, ...]
    next_before: int | None
    """`before` of the next page; null on the last one."""


@dataclass(frozen=True, slots=True)
class PlansPage:
    """Plans, newest first."""

    plans: tuple[PlanSummary, ...]
    next_before: int | None


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One row of the audit record; digests in hexadecimal."""

    position: int
    occurred_at: datetime
    actor: str
    action: str
    subject: str
    details: Mapping[str, object]
    previous_digest: str
    digest: str

    @classmethod
    def of(cls, entry: Entry) -> "AuditRow":
        """Return the row that shows `entry`."""
        return cls(
            entry.position,
            entry.occurred_at,
            entry.actor,
            entry.action,
            entry.subject,
            entry.details,
            entry.previous_digest.hex(),
            entry.digest.hex(),
        )


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Rows of the audit record, newest first."""

    entries: tuple[AuditRow, ...]
    next_before: int | None


def _zh(summary: str) -> dict[str, str]:
    return {"x-summary-zh": summary}


def _router(tag: str) -> APIRouter:
    problem: dict[int | str, dict[str, object]] = {
        "4XX": {"model": Problem, "description": "A problem document (RFC 9457)", "content": {MEDIA_TYPE: {}}},
        "5XX": {"model": Problem, "description": "A problem document (RFC 9457)", "content": {MEDIA_TYPE: {}}},
    }
    return APIRouter(prefix=PREFIX, route_class=DeclaringRoute, tags=[tag], responses=problem)


def register_router(services: Services) -> APIRouter:
    """Return the endpoints of the register."""
    router = _router("register")

    @router.get("/register", openapi_extra=_zh("台账：最新版本或指定版本"))
    @access(Access.LOCAL)
    def read_register(
        version: Annotated[int | None, Query(ge=1, description="不填为最新版本 / Absent: the newest")] = None,
    ) -> RegisterAnswer:
        """The register, newest version or a given one."""

        def unit(session: Session) -> RegisterAnswer:
            register = load_register(session, version)
            summary = next(iter(list_versions(session, before=None if version is None else version + 1, limit=1)))
            return RegisterAnswer(summary, services.settings.currency, register)

        return services.database.run(unit)

    @router.get("/register/versions", openapi_extra=_zh("台账的全部版本，最新在前"))
    @access(Access.LOCAL)
    def read_versions(before: Before = None, limit: Limit = PAGE_ROWS) -> VersionsPage:
        """Versions of the register, newest first."""
        rows = services.database.run(lambda session: list_versions(session, before=before, limit=limit))
        return VersionsPage(rows, rows[-1].version if len(rows) == limit else None)

    return router


def plans_router(services: Services) -> APIRouter:
    """Return the endpoints of the plans."""
    router = _router("plans")

    @router.get("/plans", openapi_extra=_zh("全部方案，最新在前"))
    @access(Access.LOCAL)
    def read_plans(before: Before = None, limit: Limit = PAGE_ROWS) -> PlansPage:
        """Plans, newest first."""
        rows = tuple(services.database.run(lambda session: list_plans(session, before=before, limit=limit)))
        return PlansPage(rows, rows[-1].plan_id if len(rows) == limit else None)

    @router.get(
        "/plans/latest",
        response_class=Response,
        responses={
            200: {
                "content": {"application/json": {}},
                "description": "guiyi.plan/1 格式的文档 / A document of schema guiyi.plan/1",
            }
        },
        openapi_extra=_zh("最新方案的文档，与 plan.json 逐字节相同"),
    )
    @access(Access.LOCAL)
    def read_latest_plan() -> Response:
        """The document of the latest plan, the same bytes as its `plan.json`."""
        document = services.database.run(latest_plan_document)
        if document is None:
            raise PageNotFoundError(
                Text(
                    "还没有方案。请运行 guiyi plan --register R.xlsx --events LOGS --policies P.yaml --out DIR。",
                    "There is no plan yet. Run guiyi plan --register R.xlsx --events LOGS --policies P.yaml --out DIR.",
                )
            )
        return Response(document, media_type="application/json")

    return router


def system_router(services: Services) -> APIRouter:
    """Return the endpoints of the system itself."""
    router = _router("system")

    @router.get("/health", openapi_extra=_zh("运行状况：数据库、后台任务、版本"))
    @access(Access.LOCAL)
    def read_health() -> Health:
        """Whether database and worker answer, and at which versions."""
        revision, jobs = services.database.run(
            lambda session: (current_revision(session.connection()), counts(session))
        )
        worker = services.worker_is_alive()
        return Health("ok" if worker else "degraded", version("guiyi"), revision, worker, jobs)

    @router.get("/audit", openapi_extra=_zh("审计记录，最新在前"))
    @access(Access.LOCAL)
    def read_audit(
        before: Before = None,
        limit: Limit = PAGE_ROWS,
        subject: Annotated[
            str | None, Query(max_length=200, description="只看此对象 / Only rows on this subject")
        ] = None,
    ) -> AuditPage:
        """The audit record: who changed what, newest first."""
        rows = services.database.run(lambda session: newest(session, before=before, subject=subject, limit=limit))
        entries = tuple(AuditRow.of(entry) for entry in rows)
        return AuditPage(entries, entries[-1].position if len(entries) == limit else None)

    return router
