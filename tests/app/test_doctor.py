from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.orm import Session

from guiyi.app import doctor
from guiyi.app.doctor import Finding, State, examine
from guiyi.kit.clock import Clock
from guiyi.plumbing.audit.api import record
from guiyi.plumbing.config.api import Settings
from guiyi.plumbing.db.api import Database


def _found(settings: Settings) -> dict[str, Finding]:
    return {finding.check: finding for finding in examine(settings)}


def test_all_is_well_when_everything_is_there(database: Database, database_settings: Settings) -> None:
    del database
    found = _found(database_settings)
    assert list(found) == [
        "python",
        "packages",
        "timezone",
        "origin",
        "disk",
        "examples",
        "browser",
        "database",
        "schema",
        "audit",
        "jobs",
    ]
    assert [one.check for one in found.values() if one.state is State.WRONG] == []
    for finding in found.values():
        assert finding.title.zh
        assert finding.found.en
        assert finding.state is State.OK or finding.advice is not None


def test_advice_is_given_when_the_database_does_not_answer() -> None:
    found = _found(Settings(database_url=SecretStr("postgresql://guiyi:hunter2@/x?host=/nowhere")))
    database = found["database"]
    assert database.state is State.WRONG
    assert database.advice is not None
    assert "hunter2" not in database.advice.en


def test_tampering_is_reported_when_the_chain_is_broken(
    database: Database, database_settings: Settings, clock: Clock
) -> None:
    def unit(session: Session) -> None:
        record(session, clock=clock, actor="wang", action="test.note", subject="a", details={})
        session.execute(text("SET LOCAL session_replication_role = replica"))
        session.execute(text("UPDATE audit_record SET actor = 'nobody'"))

    database.run(unit)
    assert _found(database_settings)["audit"].state is State.WRONG


@pytest.mark.parametrize(
    ("change", "check", "state"),
    [
        ({"public_origin": "https://guiyi.bank.cn"}, "origin", State.WRONG),
        ({"home": Path("/nowhere/at/all")}, "disk", State.OK),
    ],
)
def test_setting_is_judged_when_it_is_given(
    database: Database, database_settings: Settings, change: dict[str, object], check: str, state: State
) -> None:
    del database
    assert _found(database_settings.model_copy(update=change))[check].state is state


def test_finding_is_no_error_when_an_optional_thing_is_missing(
    database: Database, database_settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    del database
    monkeypatch.setattr(doctor, "BROWSERS", ("no-such-browser",))
    monkeypatch.setattr(doctor, "examples_folder", lambda: tmp_path)
    monkeypatch.setattr(doctor, "DISK_LEAST_BYTES", 10**30)
    found = _found(database_settings)
    assert (found["browser"].state, found["examples"].state) == (State.NOTE, State.NOTE)
    assert found["disk"].state is State.WRONG
