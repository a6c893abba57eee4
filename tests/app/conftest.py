import asyncio
from collections.abc import Callable, Generator

import httpx
import pytest
from sqlalchemy.orm import Session
from starlette.types import ASGIApp

from guiyi.app.http.factory import create_app
from guiyi.app.http.guard import Origin
from guiyi.app.services import Services
from guiyi.kit.clock import Clock
from guiyi.plumbing.config.api import Settings
from guiyi.plumbing.db.api import Database
from guiyi.see.register.api import Register, example_bank, import_register

ORIGIN = "http://localhost:8000"
THIS_MACHINE = "127.0.0.1"

Connect = Callable[[ASGIApp, str], httpx.Client]


class _AppTransport(httpx.BaseTransport):
    """Hands requests to an application in this process, as if they came from `address`."""

    def __init__(self, app: ASGIApp, address: str) -> None:
        self._inner = httpx.ASGITransport(app, raise_app_exceptions=True, client=(address, 50_000))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        async def answer() -> httpx.Response:
            response = await self._inner.handle_async_request(request)
            content = await response.aread()
            return httpx.Response(response.status_code, headers=response.headers, content=content)

        return asyncio.run(answer())


@pytest.fixture(scope="session")
def connect() -> Connect:
    """A maker of clients: call it with an application and the caller's address."""

    def make(app: ASGIApp, address: str = THIS_MACHINE) -> httpx.Client:
        return httpx.Client(transport=_AppTransport(app, address), base_url=ORIGIN, headers={"Accept-Language": ""})

    return make


@pytest.fixture
def services(database: Database, database_settings: Settings, clock: Clock) -> Services:
    return Services(database=database, settings=database_settings, clock=clock)


@pytest.fixture
def client(services: Services, connect: Connect) -> Generator[httpx.Client]:
    """A program on this machine."""
    with connect(create_app(services, Origin.parse(ORIGIN)), THIS_MACHINE) as found:
        yield found


@pytest.fixture
def browser(client: httpx.Client) -> httpx.Client:
    """A browser on this machine, with no wish for a language."""
    client.headers["Accept"] = "text/html,application/xhtml+xml"
    return client


@pytest.fixture(scope="session")
def example() -> Register:
    return example_bank()


@pytest.fixture
def imported(services: Services, example: Register) -> Register:
    """The example bank's register, imported."""

    def unit(session: Session) -> None:
        import_register(session, example, clock=services.clock, actor="wang", source="example-bank.xlsx")

    services.database.run(unit)
    return example
