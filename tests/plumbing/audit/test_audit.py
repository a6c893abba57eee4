from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from guiyi.kit.clock import Clock
from guiyi.plumbing.audit.api import ChainState, Entry, current_actor, newest, record, verify_chain
from guiyi.plumbing.audit.rules import GENESIS, digest_of
from guiyi.plumbing.db.api import Database

ROWS = 5


@pytest.fixture
def filled(database: Database, clock: Clock) -> Database:
    def fill(session: Session) -> None:
        for number in range(1, ROWS + 1):
            record(
                session,
                clock=clock,
                actor="wang",
                action="register.import",
                subject=f"version {number % 2}",
                details={"rows": number, "名称": "公司金融", "share": 1e16, "nothing": None},
            )

    database.run(fill)
    return database


def _tamper(database: Database, statement: str) -> None:
    """What somebody with all privileges on the database could do."""
    with database.engine.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text(statement))


def test_chain_is_whole_when_nothing_was_recorded(database: Database) -> None:
    check = database.run(verify_chain)
    assert (check.state, check.rows, check.head) == (ChainState.WHOLE, 0, GENESIS)


def test_chain_is_whole_when_rows_were_recorded(filled: Database) -> None:
    check = filled.run(verify_chain)
    assert (check.state, check.rows, check.position) == (ChainState.WHOLE, ROWS, None)


def test_record_vanishes_when_its_transaction_rolls_back(filled: Database, clock: Clock) -> None:
    with Session(filled.engine) as session:
        record(session, clock=clock, actor="li", action="plan.make", subject="p", details={})
        session.rollback()
    assert filled.run(verify_chain).rows == ROWS


def test_chain_stays_whole_when_two_append_at_once(database: Database, clock: Clock) -> None:
    def append(session: Session, before_commit: Callable[[], None] | None = None) -> None:
        record(session, clock=clock, actor="li", action="plan.make", subject="p", details={})
        if before_commit is not None:
            before_commit()

    def unit_that_must_wait() -> None:
        with Session(database.engine) as other:
            other.execute(text("SET LOCAL lock_timeout = '50ms'"))
            with pytest.raises(DBAPIError, match="lock timeout"):
                append(other)

    database.run(lambda session: append(session, unit_that_must_wait))
    database.run(append)
    assert database.run(verify_chain).rows == 2


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_record SET actor = 'x'",
        "DELETE FROM audit_record",
        "TRUNCATE audit_record",
        "DELETE FROM audit_head",
        "TRUNCATE audit_head",
    ],
)
def test_change_is_refused_when_the_record_exists(filled: Database, statement: str) -> None:
    with pytest.raises(DBAPIError, match="append-only"):
        filled.run(lambda session: session.execute(text(statement)))
    assert filled.run(verify_chain).is_whole


@pytest.mark.parametrize(
    ("statement", "state", "position"),
    [
        ("UPDATE audit_record SET actor = 'x' WHERE position = 2", ChainState.ROW_CHANGED, 2),
        ("UPDATE audit_record SET details = '{}' WHERE position = 5", ChainState.ROW_CHANGED, 5),
        (
            "UPDATE audit_record SET occurred_at = occurred_at + interval '1us' WHERE position = 1",
            ChainState.ROW_CHANGED,
            1,
        ),
        ("UPDATE audit_record SET previous_digest = digest WHERE position = 3", ChainState.CHAIN_BROKEN, 3),
        ("DELETE FROM audit_record WHERE position = 3", ChainState.POSITION_MISSING, 3),
        ("DELETE FROM audit_record WHERE position = 1", ChainState.POSITION_MISSING, 1),
        ("DELETE FROM audit_record WHERE position = 5", ChainState.END_MISSING, 5),
        ("DELETE FROM audit_record", ChainState.END_MISSING, 1),
        ("DELETE FROM audit_head", ChainState.END_MISSING, 1),
        ("UPDATE audit_head SET digest = sha256('x')", ChainState.END_MISSING, 6),
    ],
)
def test_fault_is_found_when_rows_were_tampered_with(
    filled: Database, statement: str, state: ChainState, position: int
) -> None:
    _tamper(filled, statement)
    check = filled.run(verify_chain)
    assert (check.state, check.position) == (state, position)


def test_pages_hold_every_row_once_when_read_newest_first(filled: Database) -> None:
    seen: list[Entry] = []
    before = None
    while page := filled.run(lambda session, before=before: newest(session, before=before, limit=2)):
        seen += page
        before = page[-1].position
    assert [entry.position for entry in seen] == [5, 4, 3, 2, 1]


def test_only_its_rows_are_listed_when_a_subject_is_given(filled: Database) -> None:
    rows = filled.run(lambda session: newest(session, subject="version 0"))
    assert [row.position for row in rows] == [4, 2]


def test_actor_is_a_name_when_asked() -> None:
    assert current_actor()


@given(
    st.dictionaries(st.text(max_size=5), st.none() | st.booleans() | st.integers() | st.text(max_size=5), max_size=4),
    st.binary(min_size=32, max_size=32),
    st.integers(0, 10**9),
)
def test_digest_changes_when_anything_changes(
    details: dict[str, bool | int | str | None], previous: bytes, seconds: int
) -> None:
    moment = datetime(2026, 3, 2, tzinfo=UTC) + timedelta(seconds=seconds)

    def digest(**changes: Any) -> bytes:  # noqa: ANN401  any field of a row
        row: dict[str, Any] = {
            "previous": previous,
            "position": 1,
            "occurred_at": moment,
            "actor": "a",
            "action": "b",
            "subject": "c",
            "details": details,
        }
        return digest_of(**(row | changes))

    original = digest()
    assert original == digest(details=dict(reversed(details.items())))
    assert original not in {
        digest(previous=bytes(32) if any(previous) else b"x" * 32),
        digest(position=2),
        digest(occurred_at=moment + timedelta(microseconds=1)),
        digest(actor="b", action="a"),
        digest(details={**details, "more": 1}),
    }
