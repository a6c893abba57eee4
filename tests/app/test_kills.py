"""kill -9 in the middle of imports: the register is the old one or the new one, never anything between."""

import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from processes import WAIT_SECONDS, environment, eventually, guiyi_up, is_gone, server_pid, temporary_home

from guiyi.plumbing.audit.api import verify_chain
from guiyi.plumbing.config.api import Settings
from guiyi.plumbing.db.api import Database, open_database
from guiyi.see.register.api import example_bank, large_bank, latest_version, load_register, register_digest

_IMPORTER = textwrap.dedent(
    """
    from guiyi.kit.clock import SystemClock
    from guiyi.plumbing.config.api import get_settings
    from guiyi.plumbing.db.api import open_database
    from guiyi.see.register.api import example_bank, import_register, large_bank

    banks = [large_bank(), example_bank()]
    with open_database(get_settings()) as database:
        while True:
            for bank in banks:
                summary = database.run(
                    lambda session: import_register(
                        session, bank, clock=SystemClock(), actor="importer", source="kills"
                    )
                )
                print(summary.version, flush=True)
    """
)


def _check(database: Database, *, acknowledged: int, digests: set[str]) -> None:
    summary = database.run(latest_version)
    assert summary is not None
    assert summary.version >= acknowledged, "a committed import was lost"
    assert summary.digest in digests
    assert register_digest(database.run(load_register)) == summary.digest
    assert database.run(verify_chain).is_whole


def _import_until_killed(home: Path, dice: random.Random, victims: list[int]) -> int:
    """Import without end, kill `victims` and the importer somewhere in the middle; return the last version it saw."""
    with subprocess.Popen(
        [sys.executable, "-c", _IMPORTER], env=environment(home), stdout=subprocess.PIPE, text=True
    ) as importer:
        assert importer.stdout is not None
        acknowledged = int(importer.stdout.readline())
        time.sleep(dice.uniform(0, 0.8))
        for victim in (*victims, importer.pid):
            os.kill(victim, signal.SIGKILL)
        for line in importer.stdout:
            acknowledged = int(line)
    return acknowledged


@pytest.mark.parametrize("rounds", [2, pytest.param(20, marks=pytest.mark.prove)])
def test_register_is_old_or_new_when_killed_in_the_middle_of_an_import(rounds: int) -> None:
    dice = random.Random(rounds)  # noqa: S311  moments, not secrets
    digests = {register_digest(example_bank()), register_digest(large_bank())}
    with temporary_home() as home:
        for number in range(rounds):
            with guiyi_up(home) as up:
                eventually(lambda up=up: up.answers("/api/v1/register"))
                server = server_pid(home)
                whole = number % 2 == 1
                victims = [up.process.pid, server] if whole else [server]
                acknowledged = _import_until_killed(home, dice, victims)
                eventually(lambda server=server: is_gone(server))
                if not whole:
                    eventually(up.answers, WAIT_SECONDS)
            with open_database(Settings(home=home)) as database:
                _check(database, acknowledged=acknowledged, digests=digests)
