"""The commands of the system, as people and programs run them."""

import json
import stat
from collections.abc import Generator
from pathlib import Path

import pytest
from processes import guiyi, temporary_home
from sqlalchemy import text

from guiyi.kit.clock import SystemClock
from guiyi.plumbing.audit.api import record
from guiyi.plumbing.config.api import Settings
from guiyi.plumbing.db.api import open_database


@pytest.fixture
def home() -> Generator[Path]:
    with temporary_home() as found:
        yield found


def _record(home: Path, subject: str) -> None:
    with open_database(Settings(home=home)) as database:
        database.run(
            lambda session: record(
                session, clock=SystemClock(), actor="wang", action="test.note", subject=subject, details={}
            )
        )


def test_database_goes_to_another_home_when_backed_up_and_restored(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "bank.guiyi"
    _record(home, "公司金融")
    made = guiyi(home, "backup", str(file), "--json")
    assert made.returncode == 0, made.stderr
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with temporary_home() as other:
        restored = guiyi(other, "restore", str(file), "--json")
        assert restored.returncode == 0, restored.stderr
        assert json.loads(restored.stdout)["dump_sha256"] == json.loads(made.stdout)["dump_sha256"]
        rows = json.loads(guiyi(other, "audit", "log", "--json").stdout)
        assert [(row["action"], row["subject"]) for row in rows] == [
            ("system.restore", "database"),
            ("test.note", "公司金融"),
        ]
        checked = guiyi(other, "audit", "check", "--json")
        assert (checked.returncode, json.loads(checked.stdout)["rows"]) == (0, 2)


def test_exit_code_and_advice_tell_when_a_backup_file_is_wrong(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "no-backup.guiyi"
    file.write_text("hello")
    done = guiyi(home, "restore", str(file))
    assert done.returncode == 3
    assert str(file) in done.stderr
    assert "was not changed" in done.stderr
    assert "Traceback" not in done.stderr


def test_exit_code_tells_when_the_audit_chain_is_broken(home: Path) -> None:
    _record(home, "a")
    with open_database(Settings(home=home)) as database, database.engine.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text("UPDATE audit_record SET actor = 'nobody'"))
    done = guiyi(home, "audit", "check", "--json")
    assert (done.returncode, json.loads(done.stdout)["error"]) == (5, "audit_chain_broken")
    sick = guiyi(home, "doctor", "--json")
    report = json.loads(sick.stdout)
    assert (sick.returncode, report["ok"]) == (8, False)
    assert [one["check"] for one in report["findings"] if one["state"] == "wrong"] == ["audit"]


def test_doctor_names_what_it_found_when_all_is_well(home: Path) -> None:
    done = guiyi(home, "doctor")
    assert done.returncode == 0, done.stdout
    for word in ("Python", "Packages", "Database", "PostgreSQL 18", "Disk space"):
        assert word in done.stdout
