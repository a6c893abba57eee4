import json
from decimal import Decimal

import httpx
from sqlalchemy.orm import Session

from guiyi.app.http.factory import create_application
from guiyi.app.services import Services
from guiyi.plumbing.audit.api import record
from guiyi.plumbing.db.migrations import known_head
from guiyi.plumbing.jobs.api import enqueue
from guiyi.see.register.api import Register


def test_register_is_complete_when_read(client: httpx.Client, imported: Register) -> None:
    answer = client.get("/api/v1/register").json()
    assert answer["version"]["version"] == 1
    assert answer["currency"] == "CNY"
    for sheet in ("channels", "functions", "offerings", "hosting", "costs", "filings", "platforms", "attrition"):
        assert len(answer["register"][sheet]) == len(getattr(imported, sheet))
    first = answer["register"]["offerings"][0]
    assert Decimal(first["running_cost"]) == imported.offerings[0].running_cost
    assert isinstance(first["running_cost"], str)


def test_version_is_answered_when_asked_for(client: httpx.Client, imported: Register) -> None:
    del imported
    assert client.get("/api/v1/register?version=1").json()["version"]["version"] == 1
    assert client.get("/api/v1/register?version=2").status_code == 404
    answer = client.get("/api/v1/register/versions").json()
    assert [one["version"] for one in answer["versions"]] == [1]
    assert answer["next_before"] is None


def test_pages_of_the_audit_record_follow_each_other_when_read(client: httpx.Client, services: Services) -> None:
    def unit(session: Session) -> None:
        for number in range(5):
            record(session, clock=services.clock, actor="wang", action="test.note", subject=str(number), details={})

    services.database.run(unit)
    seen: list[str] = []
    before = ""
    while True:
        page = client.get(f"/api/v1/audit?limit=2{before}").json()
        seen += [row["subject"] for row in page["entries"]]
        if page["next_before"] is None:
            break
        before = f"&before={page['next_before']}"
    assert seen == ["4", "3", "2", "1", "0"]
    only = client.get("/api/v1/audit?subject=3").json()["entries"]
    assert [(row["position"], len(row["digest"])) for row in only] == [(4, 64)]


def test_health_tells_revision_worker_and_jobs_when_asked(client: httpx.Client, services: Services) -> None:
    services.database.run(lambda session: enqueue(session, "test.note"))
    answer = client.get("/api/v1/health").json()
    assert answer["status"] == "ok"
    assert answer["revision"] == known_head()
    assert answer["jobs"] == {"todo": 1}


def test_plans_are_an_empty_page_when_there_are_none(client: httpx.Client) -> None:
    assert client.get("/api/v1/plans").json() == {"plans": [], "next_before": None}


def test_openapi_document_describes_every_endpoint_when_read(client: httpx.Client, services: Services) -> None:
    document = client.get("/api/openapi.json").json()
    assert document == json.loads(json.dumps(create_application(services).openapi()))
    assert set(document["paths"]) == {
        "/api/v1/register",
        "/api/v1/register/versions",
        "/api/v1/plans",
        "/api/v1/plans/latest",
        "/api/v1/health",
        "/api/v1/audit",
    }
    for methods in document["paths"].values():
        for operation in methods.values():
            assert operation["x-access"] == "local"
            assert operation["x-summary-zh"]
            assert operation["description"]
