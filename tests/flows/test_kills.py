"""Kill -9 in the middle of an import: it starts again by itself, and the register is the old or the new one."""

import json
import random
import shutil
import signal
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from subprocess import Popen

import psutil
import psycopg
import pytest
from running import ANSWER_SECONDS, COMMAND_SECONDS, Running, free_port, get, new_home, processes_of, wait_until

from guiyi.plumbing.audit.api import verify_chain
from guiyi.plumbing.config.api import Settings
from guiyi.plumbing.db.api import EmbeddedServer, open_database
from guiyi.see.register.api import (
    Register,
    example_bank,
    load_register,
    read_register,
    register_digest,
    write_register,
)

pytestmark = pytest.mark.xdist_group("kills")

EXAMPLE = Path(__file__).parents[2] / "examples" / "example-bank.xlsx"
CHANNELS = 60
FEW_OFFERINGS = 2_000
MANY_OFFERINGS = 6_000
SEED = 20_261_124
FEW_ROUNDS = 4
MANY_ROUNDS = 20
ANSWERS_AGAIN_SECONDS = 60


class Victim(StrEnum):
    """Who is killed; the word is what the table of the rounds says."""

    SERVER = "postmaster and its children"
    UP = "guiyi up"
    UP_AND_IMPORT = "guiyi up and the import"
    EVERYTHING = "all of them"


@dataclass(frozen=True, slots=True)
class Round:
    """One line of the table."""

    number: int
    victim: Victim
    moment: float
    """Seconds after the import began."""
    doing: str
    """What the import was at."""
    exit_code: int
    """Of the import; negative: the signal that ended it."""
    seconds: float
    """From the kill until the register's page was answered."""
    outcome: str
    """`old` or `new`."""

    def __str__(self) -> str:
        return (
            f"{self.number:>3}  {self.moment:>6.2f} s  {self.doing:<10}  {self.victim:<28}  {self.exit_code:>4}  "
            f"{self.seconds:>6.2f} s  {self.outcome}"
        )


HEADING = (
    f"{'':>3}  {'moment':>8}  {'import was':<10}  {'killed':<28}  {'exit':>4}  {'answers':>8}  register",
    f"{'':>3}  {'':>8}  {'':<10}  {'':<28}  {'':>4}  {'again':>8}",
)


def _large_register(mark: str, offerings_wanted: int) -> Register:
    """Return thousands of offerings, whose paths hold `mark`: all of them differ between two marks."""
    bank = example_bank()
    channel, function, offering = bank.channels[0], bank.functions[0], bank.offerings[0]
    channels = tuple(replace(channel, channel_id=f"c{number}") for number in range(CHANNELS))
    functions = tuple(replace(function, function_id=f"d.f{number}") for number in range(offerings_wanted // CHANNELS))
    offerings = tuple(
        replace(offering, channel_id=c.channel_id, function_id=f.function_id, entry_path=f"{mark} > {f.function_id}")
        for c in channels
        for f in functions
    )
    return Register(channels=channels, functions=functions, offerings=offerings, platforms=bank.platforms)


def _workbooks(folder: Path, offerings: int) -> dict[str, Path]:
    """Return the example bank and two large registers, by digest."""
    found = {register_digest(read_register(EXAMPLE)): EXAMPLE}
    for mark in ("left", "right"):
        register = _large_register(mark, offerings)
        path = folder / f"{mark}.xlsx"
        write_register(register, path)
        found[register_digest(register)] = path
    return found


_STATE = """
SELECT EXISTS (SELECT FROM pg_locks WHERE relation = 'register_version'::regclass AND mode = 'RowExclusiveLock'),
       (SELECT digest FROM register_version ORDER BY version DESC LIMIT 1)
"""


class Bench:
    """A home with a register, a `guiyi up` on it, and workbooks to import."""

    def __init__(self, running: Running, workbooks: dict[str, Path], chance: random.Random) -> None:
        self.running = running
        self.workbooks = workbooks
        self.chance = chance
        self.server = EmbeddedServer(running.home)
        self.import_seconds, self.writing_seconds = self._time_an_import()

    def play(self, number: int, victim: Victim) -> Round:
        """Import, kill in the middle, and check what must hold afterwards."""
        old, new = self._digest(), self._other_large()
        importing = self.running.begin("register", "import", str(self.workbooks[new]), "--json")
        began = time.monotonic()
        # Every second moment lies inside the transaction, where most can go wrong; the others lie anywhere.
        if number % 2:
            self._wait_for_writing(importing)
            time.sleep(self.chance.uniform(0, self.writing_seconds))
        else:
            time.sleep(self.chance.uniform(0.05, self.import_seconds))
        doing = self._doing(importing, new)
        moment = time.monotonic() - began
        killed_at = time.monotonic()
        self._kill(victim, importing)
        if victim is not Victim.SERVER:
            self.running.start()
        wait_until(self.running.answers, ANSWERS_AGAIN_SECONDS, f"round {number}: pages after killing {victim}")
        seconds = time.monotonic() - killed_at
        exit_code = _ended(importing)
        found = self._digest()
        assert found in {old, new}, f"round {number}: the register is neither the old nor the new one: {found}"
        assert exit_code != 0 or found == new, f"round {number}: the import said that it was done, and it is not there"
        self._check_whole(found)
        self._import_another(found)
        return Round(number, victim, moment, doing, exit_code, seconds, "new" if found == new else "old")

    def _kill(self, victim: Victim, importing: Popen[bytes]) -> None:
        if victim in {Victim.UP, Victim.UP_AND_IMPORT, Victim.EVERYTHING}:
            self.running.kill()
        if victim in {Victim.UP_AND_IMPORT, Victim.EVERYTHING}:
            importing.kill()
        if victim in {Victim.SERVER, Victim.EVERYTHING}:
            postmaster = self.running.postmaster()
            family = [postmaster, *postmaster.children(recursive=True)]
            for process in family:
                process.send_signal(signal.SIGKILL)
            psutil.wait_procs(family, timeout=ANSWER_SECONDS)

    def _time_an_import(self) -> tuple[float, float]:
        """Return the seconds of a whole import, and of its transaction."""
        began = time.monotonic()
        importing = self.running.begin("register", "import", str(self.workbooks[self._other_large()]), "--json")
        self._wait_for_writing(importing)
        writing = wait_until(lambda: not self._state()[0], COMMAND_SECONDS, "the end of the transaction")
        assert _ended(importing) == 0
        return time.monotonic() - began, writing

    def _other_large(self) -> str:
        current = self._digest()
        return next(digest for digest, path in self.workbooks.items() if digest != current and path != EXAMPLE)

    def _import_another(self, current: str) -> None:
        """Import what the register is not: the next import has to work."""
        wanted = next(digest for digest in self.workbooks if digest != current)
        told = self.running.command("register", "import", str(self.workbooks[wanted]))
        assert (told["is_new"], told["digest"]) == (True, wanted)
        assert self._digest() == wanted

    def _digest(self) -> str:
        """Return the digest of the register as it is stored, added up anew."""
        with open_database(Settings.model_validate({"home": self.running.home})) as database:
            return register_digest(database.run(load_register))

    def _check_whole(self, digest: str) -> None:
        with open_database(Settings.model_validate({"home": self.running.home})) as database:
            assert database.run(verify_chain).is_whole
        page = get(f"{self.running.origin}/api/v1/register").json()
        version = page["version"]
        assert isinstance(version, dict)
        assert version["digest"] == digest

    def _doing(self, importing: Popen[bytes], new: str) -> str:
        writing, committed = self._state()
        if importing.poll() is not None:
            return "done"
        return "writing" if writing else "committed" if committed == new else "reading"

    def _wait_for_writing(self, importing: Popen[bytes]) -> None:
        def begun() -> bool:
            return importing.poll() is not None or self._state()[0]

        wait_until(begun, COMMAND_SECONDS, "the import's transaction")

    def _state(self) -> tuple[bool, str]:
        """Return whether a transaction is writing to the register, and the digest that is committed."""
        url = self.server.url()
        with psycopg.connect(
            host=str(url.query["host"]), port=int(str(url.query["port"])), user=url.username, dbname=url.database
        ) as connection:
            row = connection.execute(_STATE).fetchone()
        assert row is not None
        return bool(row[0]), str(row[1])


def _ended(importing: Popen[bytes]) -> int:
    out, err = importing.communicate(timeout=COMMAND_SECONDS)
    code = importing.returncode
    # A server that went away under it is an error with its own code and words, not a defect.
    assert code in {0, -signal.SIGKILL} or json.loads(out)["error"] in {
        "database_unreachable",
        "embedded_server_failed",
    }, f"{code}: {out!r} {err!r}"
    return code


@contextmanager
def _bench(folder: Path, offerings: int) -> Generator[Bench]:
    home = new_home()
    try:
        with Running(home, free_port()) as running:
            running.wait_for_plan()
            yield Bench(running, _workbooks(folder, offerings), random.Random(SEED))  # noqa: S311  seeded moments
        assert processes_of(home) == []
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _play(bench: Bench, rounds: int) -> list[Round]:
    victims = list(Victim)
    played: list[Round] = []
    seconds = f"an import that is left alone takes {bench.import_seconds:.2f} s, {bench.writing_seconds:.2f} s to write"
    try:
        for number in range(1, rounds + 1):
            # Each victim meets moments of both kinds in turn.
            victim = victims[(number - 1 + (number - 1) // len(victims)) % len(victims)]
            played.append(bench.play(number, victim))
    finally:
        sys.stdout.write("\n".join(("", seconds, *HEADING, *(str(one) for one in played), "")))
    return played


def test_the_register_is_old_or_new_when_processes_are_killed_during_an_import(tmp_path: Path) -> None:
    with _bench(tmp_path, FEW_OFFERINGS) as bench:
        assert len(_play(bench, FEW_ROUNDS)) == FEW_ROUNDS


@pytest.mark.prove
def test_the_register_is_old_or_new_when_processes_are_killed_20_times(tmp_path: Path) -> None:
    with _bench(tmp_path, MANY_OFFERINGS) as bench:
        played = _play(bench, MANY_ROUNDS)

    assert {one.victim for one in played} == set(Victim)
    assert {"reading", "writing"} <= {one.doing for one in played}
