"""Puts the application together."""

from importlib.metadata import version
from typing import Final

from fastapi import FastAPI
from starlette.types import ASGIApp

from guiyi.app.http.api import plans_router, register_router, system_router
from guiyi.app.http.guard import Guard, Origin
from guiyi.app.http.problems import install_problem_handlers
from guiyi.app.pages.pages import asset_router, page_router
from guiyi.app.services import Services

DESCRIPTION: Final = (
    "Everything that the console shows, as JSON. Money is a decimal string in units of the currency, moments are UTC, "
    "errors are problem documents (RFC 9457) with a stable `code`."
)


def create_application(services: Services) -> FastAPI:
    """Return the application without its guard; the OpenAPI document is generated from it."""
    app = FastAPI(
        title="归一 Guiyi",
        version=version("guiyi"),
        description=DESCRIPTION,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.include_router(asset_router())
    for router in (register_router(services), plans_router(services), system_router(services)):
        app.include_router(router)
    app.include_router(page_router(services, app.openapi))
    install_problem_handlers(app)
    return app


def create_app(services: Services, origin: Origin) -> ASGIApp:
    """Return what the server serves: the application behind its guard."""
    return Guard(create_application(services), origin)
