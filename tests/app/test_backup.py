from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from guiyi.app.backup import check_chain, make_backup, restore_from
from guiyi.app.errors import AuditChainBrokenError
from guiyi.kit.clock import Clock
from guiyi.plumbing.audit.api import newest
from guiyi.plumbing.config.api import Settings
from guiyi.plumbing.db.api import Database, open_database
from guiyi.see.register.api import Register, import_register, list_versions, load_register


@pytest.fixture
def own(new_database: Callable[[str], Settings], worker_name: str) -> Settings:
    return new_database(f"app_backup_{worker_name}")


def _import(database: Database, register: Register, clock: Clock) -> None:
    database.run(
        lambda session: import_register(session, register, clock=clock, actor="wang", source="example-bank.xlsx")
    )


def test_register_and_record_are_back_when_a_backup_is_restored(
    own: Settings, tmp_path: Path, clock: Clock, example: Register
) -> None:
    with open_database(own) as database:
        _import(database, example, clock)
        make_backup(database, tmp_path / "a.guiyi", clock=clock)
        _import(database, replace(example, example=False), clock)
        restore_from(database, tmp_path / "a.guiyi", clock=clock)
        assert database.run(load_register) == example
        assert len(database.run(list_versions)) == 1
        assert [row.action for row in database.run(newest)] == ["system.restore", "register.import"]
        assert check_chain(database).rows == 2


def test_restore_is_refused_when_the_record_in_the_backup_was_tampered_with(
    own: Settings, tmp_path: Path, clock: Clock, example: Register
) -> None:
    with open_database(own) as database:
        _import(database, example, clock)
        with database.engine.begin() as connection:
            connection.execute(text("SET LOCAL session_replication_role = replica"))
            connection.execute(text("UPDATE audit_record SET actor = 'nobody'"))
        make_backup(database, tmp_path / "a.guiyi", clock=clock)
        with pytest.raises(AuditChainBrokenError) as caught:
            restore_from(database, tmp_path / "a.guiyi", clock=clock)
        assert caught.value.details["position"] == 1
        assert [row.action for row in database.run(newest)] == ["system.backup", "register.import"]
