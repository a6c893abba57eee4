from collections.abc import Callable, Mapping

import httpx
import pytest
from fastapi import Request
from starlette.types import ASGIApp

from guiyi.app.errors import HostNotLocalError
from guiyi.app.http import guard
from guiyi.app.http.factory import create_app
from guiyi.app.http.guard import HEADERS, Origin
from guiyi.app.http.problems import MEDIA_TYPE
from guiyi.app.services import Services

ORIGIN = "http://localhost:8000"


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:8000", 200),
        ("LOCALHOST:8000", 200),
        ("127.0.0.1:8000", 308),
        ("[::1]:8000", 308),
        ("localhost", 421),
        ("localhost:8001", 421),
        ("127.0.0.1", 421),
        ("evil.example", 421),
        ("evil.example:8000", 421),
        ("localhost.evil.example:8000", 421),
        ("localhost:8000@evil.example", 421),
        ("localhost:80a", 421),
        ("[::1", 421),
        ("", 421),
        ("0.0.0.0:8000", 421),
        ("127.0.0.2:8000", 421),
    ],
)
def test_host_is_served_redirected_or_refused_when_named(client: httpx.Client, host: str, status: int) -> None:
    answer = client.get("/api/v1/health", headers={"Host": host})
    assert answer.status_code == status
    if status == 421:
        assert answer.headers["content-type"] == MEDIA_TYPE
        assert answer.json()["code"] == "foreign_host"
    if status == 308:
        assert answer.headers["location"] == f"{ORIGIN}/api/v1/health"


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/register?lang=en&channel=a", "/register?lang=en&channel=a"),
        ("//evil.example/x", "/evil.example/x"),
        ("/%2F%2Fevil.example", "/%2F%2Fevil.example"),
    ],
)
def test_redirect_stays_on_the_origin_when_the_path_is_odd(client: httpx.Client, path: str, location: str) -> None:
    answer = client.get(f"{ORIGIN}{path}", headers={"Host": "127.0.0.1:8000"})
    assert answer.headers["location"] == f"{ORIGIN}{location}"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "application/json"}, 405),  # passed on: no endpoint takes it yet
        ({"Content-Type": "application/json; charset=utf-8", "Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"}, 405),
        ({"Content-Type": "application/json", "Sec-Fetch-Site": "none"}, 405),
        ({"Content-Type": "application/json", "Origin": "https://evil.example"}, 403),
        ({"Content-Type": "application/json", "Origin": "http://localhost:8001"}, 403),
        ({"Content-Type": "application/json", "Origin": "null"}, 403),
        ({"Content-Type": "application/json", "Sec-Fetch-Site": "cross-site"}, 403),
        ({"Content-Type": "application/json", "Sec-Fetch-Site": "same-site"}, 403),
        ({"Content-Type": "application/json", "Origin": ORIGIN, "Sec-Fetch-Site": "cross-site"}, 403),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content-Type": "text/plain"}, 415),
        ({}, 415),
        ({"Content-Type": "application/json", "Host": "127.0.0.1:8000"}, 421),
    ],
)
def test_change_is_passed_on_or_refused_when_its_source_is_known(
    client: httpx.Client, method: str, headers: Mapping[str, str], status: int
) -> None:
    assert client.request(method, "/api/v1/register", headers=dict(headers)).status_code == status


@pytest.mark.parametrize("address", ["192.168.1.7", "10.0.0.1", "2001:db8::1", ""])
def test_call_is_refused_when_it_comes_from_another_machine(
    services: Services, connect: Callable[[ASGIApp, str], httpx.Client], address: str
) -> None:
    with connect(create_app(services, Origin.parse(ORIGIN)), address) as client:
        for path in ("/", "/register", "/api", "/api/openapi.json", "/api/v1/health", "/assets/x.css"):
            answer = client.get(path)
            assert (answer.status_code, answer.json()["code"]) == (403, "not_local")


@pytest.mark.parametrize("path", ["/", "/api/v1/health", "/nothing", "/api/v1/register?version=x"])
def test_every_answer_carries_the_headers_when_served(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    for name, value in HEADERS.items():
        assert answer.headers[name] == value
    assert answer.headers["Cache-Control"] == "no-store"
    assert "script-src" not in HEADERS["Content-Security-Policy"]


def test_head_answers_as_get_without_a_body_when_asked(client: httpx.Client) -> None:
    head, get = client.head("/api/v1/health"), client.get("/api/v1/health")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == get.headers["content-length"]


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("http://localhost:8000", "http://localhost:8000"),
        ("http://localhost:8000/", "http://localhost:8000"),
        ("http://localhost", "http://localhost"),
        ("https://guiyi.localhost", "https://guiyi.localhost"),
        ("https://localhost:8443", "https://localhost:8443"),
    ],
)
def test_origin_is_read_when_it_is_of_this_machine(address: str, shown: str) -> None:
    assert str(Origin.parse(address)) == shown


@pytest.mark.parametrize(
    "address",
    [
        "http://guiyi.bank.cn",
        "http://192.168.1.7:8000",
        "http://127.0.0.1:8000",
        "http://0.0.0.0:8000",
        "ftp://localhost",
        "localhost:8000",
        "http://localhost:8000/path",
        "http://localhost?x=1",
        "",
    ],
)
def test_origin_is_refused_when_others_could_reach_it(address: str) -> None:
    with pytest.raises(HostNotLocalError):
        Origin.parse(address)


def test_defect_is_hidden_and_logged_when_an_endpoint_breaks(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(_request: Request) -> None:
        raise ZeroDivisionError("hunter2")

    monkeypatch.setattr("guiyi.app.pages.pages.operations_of", breaks)
    answer = client.get("/api")
    assert (answer.status_code, answer.headers["content-type"]) == (500, MEDIA_TYPE)
    assert answer.json()["code"] == "internal"
    assert "hunter2" not in answer.text
    assert "ZeroDivision" not in answer.text
    assert answer.headers["Content-Security-Policy"] == guard.CONTENT_SECURITY_POLICY
