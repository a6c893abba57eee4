"""The pages and their addresses."""

import tempfile
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response
from markupsafe import Markup
from sqlalchemy.orm import Session

from guiyi.app.errors import PageNotFoundError
from guiyi.app.http.access import Access, DeclaringRoute, access
from guiyi.app.pages.assets import IMMUTABLE, PREFIX, assets
from guiyi.app.pages.language import language_of
from guiyi.app.pages.openapi_view import operations_of
from guiyi.app.pages.register_view import SortKey, register_view
from guiyi.app.pages.render import local_time, page
from guiyi.app.services import Services
from guiyi.decide.planning.api import Facts, latest_facts
from guiyi.decide.planning.report import render_report_body
from guiyi.kit.text import Language, Text
from guiyi.plumbing.jobs.api import counts
from guiyi.see.register.api import latest_version, list_versions, load_register, write_register

REPORTS_KEPT: Final = 4
"""Rendered reports in memory: the latest plan in both languages, and the one before."""
VERSIONS_SHOWN: Final = 8
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
UNMODIFIED: Final = 304


def page_router(services: Services, openapi: Callable[[], dict[str, Any]]) -> APIRouter:
    """Return every page."""
    router = APIRouter(route_class=DeclaringRoute, include_in_schema=False)
    _add_plan_page(router, services)
    _add_register_pages(router, services)
    _add_api_page(router, openapi)
    return router


def _add_plan_page(router: APIRouter, services: Services) -> None:
    @lru_cache(maxsize=REPORTS_KEPT)
    def report(plan_id: int, language: Language) -> Markup:
        del plan_id  # a stored plan never changes, so its id stands for it
        latest = services.database.run(latest_facts)
        if latest is None:
            raise AssertionError("the plan was there a moment ago, and plans are never deleted")
        return Markup(render_report_body(latest[1], language))  # noqa: S704  escaped by the report's own templates

    @router.get("/")
    @access(Access.LOCAL)
    def plan_page(request: Request) -> Response:
        """The report of the latest plan, or what to do to get one."""

        def unit(session: Session) -> tuple[int | None, int, bool]:
            jobs = counts(session)
            waiting = jobs.get("todo", 0) + jobs.get("doing", 0)
            latest = latest_facts(session)
            return (None if latest is None else latest[0]), waiting, latest_version(session) is not None

        plan_id, waiting, has_register = services.database.run(unit)
        if plan_id is None:
            return page(request, "no_plan.html.j2", {"waiting": waiting > 0, "has_register": has_register})
        return page(request, "plan.html.j2", {"report": report(plan_id, language_of(request)), "plan_id": plan_id})


def _add_register_pages(router: APIRouter, services: Services) -> None:
    @router.get("/register")
    @access(Access.LOCAL)
    def register_page(
        request: Request,
        version: Annotated[int | None, Query(ge=1)] = None,
        channel: Annotated[str | None, Query(max_length=64)] = None,
        sort: SortKey = SortKey.COST,
    ) -> Response:
        """The register as a table; one channel at a time is opened beside it."""

        def unit(session: Session) -> Mapping[str, object] | None:
            newest = latest_version(session)
            if newest is None:
                return None
            register = load_register(session, version)
            shown = newest if version is None else list_versions(session, before=version + 1, limit=1)[0]
            latest = latest_facts(session)
            facts: Facts | None = None if latest is None else latest[1]
            view = register_view(register, facts, currency=services.settings.currency, sort=sort, chosen=channel)
            versions = [
                (one, local_time(one.at, services.settings.timezone))
                for one in list_versions(session, limit=VERSIONS_SHOWN)
            ]
            return {"view": view, "shown": shown, "newest": newest, "versions": versions}

        values = services.database.run(unit)
        if values is None:
            return page(request, "no_register.html.j2", {})
        return page(request, "register.html.j2", values)

    @router.get("/register.xlsx")
    @access(Access.LOCAL)
    def register_workbook(version: Annotated[int | None, Query(ge=1)] = None) -> Response:
        """The register as the workbook that an import takes."""
        register = services.database.run(lambda session: load_register(session, version))
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "register.xlsx"
            write_register(register, path)
            content = path.read_bytes()
        return Response(
            content, media_type=XLSX, headers={"Content-Disposition": 'attachment; filename="register.xlsx"'}
        )


def _add_api_page(router: APIRouter, openapi: Callable[[], dict[str, Any]]) -> None:
    @router.get("/api")
    @access(Access.LOCAL)
    def api_page(request: Request) -> Response:
        """The OpenAPI document for people."""
        return page(
            request, "api.html.j2", {"tags": operations_of(openapi()), "origin": str(request.base_url).rstrip("/")}
        )

    @router.get("/api/openapi.json")
    @access(Access.LOCAL)
    def openapi_document() -> dict[str, Any]:
        """The OpenAPI document for programs."""
        return openapi()


def asset_router() -> APIRouter:
    """Return the static files."""
    router = APIRouter(prefix=PREFIX, route_class=DeclaringRoute, include_in_schema=False)

    @router.get("/{name}")
    @access(Access.LOCAL)
    def asset(request: Request, name: str) -> Response:
        """A static file; its address changes with its content."""
        found = assets().get(name)
        if found is None:
            raise PageNotFoundError(Text(f"没有文件 {name}。", f"There is no file {name}."), path=request.url.path)
        headers = {"Cache-Control": IMMUTABLE, "ETag": found.etag}
        if request.headers.get("if-none-match") == found.etag:
            return Response(status_code=UNMODIFIED, headers=headers)
        return Response(found.content, media_type=found.media_type, headers=headers)

    return router
