from collections.abc import Callable

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from starlette.types import ASGIApp

from guiyi.app.http.access import Access, DeclaringRoute, access
from guiyi.app.http.guard import Guard, Origin
from guiyi.app.http.problems import MEDIA_TYPE, STATUS, TITLES, install_problem_handlers
from guiyi.kit.errors import ErrorKind, GuiyiError
from guiyi.kit.text import Text

ORIGIN = "http://localhost:8000"


Raising = Callable[[ErrorKind, bool], httpx.Client]


@pytest.fixture
def raising(connect: Callable[[ASGIApp, str], httpx.Client]) -> Raising:
    """A maker of clients of an application that raises an error of the given kind."""

    def make(kind: ErrorKind, retryable: bool = False) -> httpx.Client:
        return connect(_application(kind, retryable=retryable), "::1")

    return make


def _application(kind: ErrorKind, *, retryable: bool) -> ASGIApp:
    made = type("_Error", (GuiyiError,), {"code": "made_up", "kind": kind, "retryable": retryable})
    router = APIRouter(route_class=DeclaringRoute)

    @router.get("/raise")
    @access(Access.LOCAL)
    def endpoint() -> None:
        raise made(Text("台账第 3 行有误", "Row 3 is wrong"), row=3, values=["a", None])

    app = FastAPI()
    app.include_router(router)
    install_problem_handlers(app)
    return Guard(app, Origin.parse(ORIGIN))


def test_every_kind_has_a_status_and_a_title_when_listed() -> None:
    assert set(STATUS) == set(TITLES) == set(ErrorKind)


@pytest.mark.parametrize("kind", ErrorKind)
def test_error_becomes_a_problem_document_when_raised(raising: Raising, kind: ErrorKind) -> None:
    answer = raising(kind, False).get("/raise", headers={"Accept-Language": "en"})
    assert (answer.status_code, answer.headers["content-type"]) == (STATUS[kind], MEDIA_TYPE)
    assert answer.json() == {
        "type": "urn:guiyi:problem:made_up",
        "title": TITLES[kind].en,
        "status": STATUS[kind],
        "detail": "Row 3 is wrong",
        "code": "made_up",
        "retryable": False,
        "message": {"zh": "台账第 3 行有误", "en": "Row 3 is wrong"},
        "details": {"row": 3, "values": ["a", None]},
    }
    assert answer.headers["content-language"] == "en"


def test_problem_is_in_chinese_when_no_language_was_asked_for(raising: Raising) -> None:
    answer = raising(ErrorKind.CONFLICT, False).get("/raise", headers={"Accept-Language": ""})
    assert answer.json()["detail"] == "台账第 3 行有误"
    assert answer.headers["content-language"] == "zh-CN"


def test_retry_is_suggested_when_the_error_may_pass(raising: Raising) -> None:
    assert raising(ErrorKind.UNAVAILABLE, True).get("/raise").headers["retry-after"] == "1"
    assert "retry-after" not in raising(ErrorKind.UNAVAILABLE, False).get("/raise").headers


def test_error_is_a_page_when_a_browser_asks(raising: Raising) -> None:
    answer = raising(ErrorKind.NOT_FOUND, False).get("/raise", headers={"Accept": "text/html", "Accept-Language": "en"})
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert "Row 3 is wrong" in answer.text


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "page_not_found"),
        ("GET", "/api/v1/nothing", 404, "page_not_found"),
        ("GET", "/register/", 404, "page_not_found"),
        ("GET", "/assets/nothing.css", 404, "page_not_found"),
        ("GET", "/assets/../pyproject.toml", 404, "page_not_found"),
        ("DELETE", "/api/v1/register", 405, "request_refused"),
        ("GET", "/api/v1/register?version=x", 422, "request_invalid"),
        ("GET", "/api/v1/register?version=0", 422, "request_invalid"),
        ("GET", "/api/v1/audit?limit=100000", 422, "request_invalid"),
        ("GET", "/api/v1/register", 404, "register_not_found"),
        ("GET", "/api/v1/plans/latest", 404, "page_not_found"),
    ],
)
def test_problem_document_answers_when_a_request_is_wrong(
    client: httpx.Client, method: str, path: str, status: int, code: str
) -> None:
    answer = client.request(method, path, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == MEDIA_TYPE


def test_place_value_and_reason_are_named_when_a_parameter_is_wrong(client: httpx.Client) -> None:
    (error,) = client.get("/api/v1/audit?limit=0").json()["details"]["errors"]
    assert (error["place"], error["value"]) == ("query.limit", "0")
    assert "greater than or equal to 1" in error["reason"]
