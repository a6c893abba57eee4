"""Versions in PostgreSQL."""

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import text

from guiyi.kit.clock import Clock
from guiyi.plumbing.audit import api as audit
from guiyi.plumbing.config.api import Settings
from guiyi.plumbing.db.api import Database
from guiyi.see.register.api import (
    ChangeKind,
    Register,
    VersionSummary,
    diff_versions,
    example_bank,
    import_register,
    large_bank,
    latest_version,
    list_versions,
    load_register,
    register_digest,
    write_register,
)
from guiyi.see.register.errors import RegisterNotFound, RegisterRejected


def _import(database: Database, clock: Clock, register: Register) -> VersionSummary:
    return database.run(
        lambda session: import_register(session, register, clock=clock, actor="mei", source="register.xlsx")
    )


def test_register_is_loaded_as_it_was_when_imported(database: Database, clock: Clock) -> None:
    bank = example_bank()
    summary = _import(database, clock, bank)
    assert (summary.version, summary.is_new, summary.at, summary.actor) == (1, True, clock.now(), "mei")
    assert (summary.added, summary.removed, summary.changed) == (sum(summary.rows.values()), 0, 0)
    assert database.run(load_register) == bank
    assert summary.digest == register_digest(bank)
    assert database.run(latest_version) == summary


def test_no_version_is_made_when_content_is_the_same(database: Database, clock: Clock, small: Register) -> None:
    first = _import(database, clock, small)
    again = _import(database, clock, replace(small, channels=small.channels[::-1]))
    assert again == replace(first, is_new=False)
    assert database.run(list_versions) == (first,)
    assert len(database.run(lambda session: audit.newest(session, subject="register:1"))) == 1


def _changed(small: Register) -> Register:
    transfer = replace(small.functions[1], may_end=False, value_per_customer=Decimal(2))
    return replace(small, functions=(small.functions[0], transfer), costs=small.costs[1:], example=True)


def test_only_changes_are_written_when_next_version_is_imported(
    database: Database, clock: Clock, small: Register
) -> None:
    _import(database, clock, small)
    second = _import(database, clock, _changed(small))
    assert (second.version, second.added, second.removed, second.changed) == (2, 0, 1, 1)
    rows = database.run(
        lambda session: session.execute(text("SELECT count(*) FROM register_row WHERE valid_from_version = 2")).scalar()
    )
    assert rows == 1
    assert database.run(load_register) == _changed(small)
    assert database.run(lambda session: load_register(session, 1)) == small


def test_fields_before_and_after_are_told_when_versions_differ(
    database: Database, clock: Clock, small: Register
) -> None:
    _import(database, clock, small)
    _import(database, clock, _changed(small))
    changed, removed = database.run(lambda session: diff_versions(session, 1, 2))
    assert (changed.sheet, changed.key, changed.kind) == ("functions", ("payments.transfer",), ChangeKind.CHANGED)
    assert changed.fields == {"may_end": ("yes", "no"), "value_per_customer": ("0", "2")}
    assert (removed.key, removed.kind) == (("app", "运维", "per_year"), ChangeKind.REMOVED)
    assert removed.fields["amount"] == ("900000", None)
    back = database.run(lambda session: diff_versions(session, 2, 1))
    assert [change.kind for change in back] == [ChangeKind.CHANGED, ChangeKind.ADDED]


def test_row_comes_back_when_it_is_imported_again(database: Database, clock: Clock, small: Register) -> None:
    for register in (small, replace(small, costs=()), small):
        _import(database, clock, register)
    assert database.run(load_register) == small
    assert database.run(lambda session: load_register(session, 2)).costs == ()
    assert database.run(lambda session: diff_versions(session, 1, 3)) == ()


def test_versions_are_listed_newest_first_when_paged(database: Database, clock: Clock, small: Register) -> None:
    for amount in range(1, 5):
        _import(database, clock, replace(small, costs=(replace(small.costs[0], amount=Decimal(amount)),)))
    page = database.run(lambda session: list_versions(session, limit=2))
    assert [summary.version for summary in page] == [4, 3]
    rest = database.run(lambda session: list_versions(session, before=3))
    assert [summary.version for summary in rest] == [2, 1]


def test_import_is_recorded_when_it_changes_the_register(database: Database, clock: Clock, small: Register) -> None:
    first = _import(database, clock, small)
    second = _import(database, clock, _changed(small))
    entry, *_ = database.run(audit.newest)
    assert (entry.actor, entry.action, entry.subject) == ("mei", "register.import", "register:2")
    assert entry.details["digest"] == second.digest
    assert entry.details["previous_digest"] == first.digest
    assert database.run(audit.verify_chain).is_whole


def test_not_found_when_there_is_no_such_version(database: Database, clock: Clock, small: Register) -> None:
    with pytest.raises(RegisterNotFound, match="No register"):
        database.run(load_register)
    assert database.run(latest_version) is None
    _import(database, clock, small)
    with pytest.raises(RegisterNotFound, match="no version 7"):
        database.run(lambda session: load_register(session, 7))
    with pytest.raises(RegisterNotFound):
        database.run(lambda session: diff_versions(session, 1, 7))


def test_nothing_is_written_when_register_is_wrong(database: Database, clock: Clock, small: Register) -> None:
    with pytest.raises(RegisterRejected):
        _import(database, clock, replace(small, platforms=()))
    assert database.run(latest_version) is None


def test_imports_follow_one_another_when_they_start_together(database: Database, clock: Clock, small: Register) -> None:
    registers = [replace(small, costs=(replace(small.costs[0], amount=Decimal(n)),)) for n in range(1, 7)]
    threads = [threading.Thread(target=_import, args=(database, clock, register)) for register in registers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    versions = database.run(list_versions)
    assert [summary.version for summary in versions] == [6, 5, 4, 3, 2, 1]
    for summary in versions:
        register = database.run(lambda session, version=summary.version: load_register(session, version))
        assert register_digest(register) == summary.digest


IMPORT = """
import sys
from pathlib import Path
from guiyi.kit.clock import SystemClock
from guiyi.plumbing.config.api import get_settings
from guiyi.plumbing.db.api import open_database
from guiyi.see.register.api import import_register, read_register

registers = [read_register(Path(name)) for name in sys.argv[1:]]
with open_database(get_settings(), migrate=False) as database:
    print("ready", flush=True)
    while True:
        for register in registers:
            database.run(
                lambda session: import_register(session, register, clock=SystemClock(), actor="kill", source="kill")
            )
"""


def _kill_while_importing(settings: Settings, files: list[Path], seconds: float) -> None:
    assert settings.database_url is not None
    environment = os.environ | {
        "GUIYI_DATABASE_URL": settings.database_url.get_secret_value(),
        "GUIYI_HOME": str(settings.home),
    }
    command = [sys.executable, "-c", IMPORT, *map(str, files)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        process.wait()


@pytest.mark.parametrize("kills", [2, pytest.param(20, marks=pytest.mark.prove)])
def test_register_is_the_old_or_the_new_one_when_import_is_killed(
    database: Database, database_settings: Settings, tmp_path: Path, kills: int
) -> None:
    banks = [example_bank(), large_bank()]
    files = [tmp_path / "a.xlsx", tmp_path / "b.xlsx"]
    for bank, file in zip(banks, files, strict=True):
        write_register(bank, file)
    for kill in range(kills):
        _kill_while_importing(database_settings, files, 0.05 + 0.037 * kill)
        newest = database.run(latest_version)
        if newest is None:
            continue
        register = database.run(load_register)
        assert register in banks
        assert register_digest(register) == newest.digest
        assert database.run(audit.verify_chain).is_whole
