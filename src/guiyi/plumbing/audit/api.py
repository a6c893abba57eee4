"""The face of the audit record."""

import os
import pwd
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sqlalchemy.orm import Session

from guiyi.kit.clock import Clock
from guiyi.kit.errors import Detail
from guiyi.plumbing.audit import repository
from guiyi.plumbing.audit.repository import Entry
from guiyi.plumbing.audit.rules import GENESIS, digest_of

__all__ = [
    "PAGE_ROWS_MAX",
    "ChainCheck",
    "ChainState",
    "Entry",
    "current_actor",
    "newest",
    "record",
    "restrict",
    "verify_chain",
]

PAGE_ROWS_MAX: Final = 500


class ChainState(StrEnum):
    """What a check of the chain found, in the order in which a row is looked at."""

    POSITION_MISSING = "position_missing"
    """A row between two others, or the first, is gone."""
    CHAIN_BROKEN = "chain_broken"
    """A row does not name the digest of the one before."""
    ROW_CHANGED = "row_changed"
    """A row's fields do not give its digest."""
    END_MISSING = "end_missing"
    """The head names another last row than the last one there is."""
    WHOLE = "whole"
    """Every row is as it was written."""


@dataclass(frozen=True, slots=True)
class ChainCheck:
    """Outcome of `verify_chain`."""

    state: ChainState
    rows: int
    """Rows that were read and found right."""
    position: int | None
    """Where the first fault is; None when the chain is whole."""
    head: bytes
    """Digest of the last row that was found right."""

    @property
    def is_whole(self) -> bool:
        """Whether nothing was found."""
        return self.state is ChainState.WHOLE


def current_actor() -> str:
    """Return the operating-system user that this process runs as: the actor until sign-in exists."""
    uid = os.getuid()
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def record(
    session: Session, *, clock: Clock, actor: str, action: str, subject: str, details: Mapping[str, Detail]
) -> None:
    """Append a row in the caller's transaction; appending waits for other transactions that do.

    Args:
        session: The transaction that makes the change.
        clock: Tells when.
        actor: Who: `current_actor()`, or the name of a job.
        action: What, as `module.verb`, e.g. `register.import`.
        subject: On what: the id of the thing changed.
        details: Ids, counts and digests; never personal text.

    Raises:
        ValueError: `details` hold NaN or an infinity.
    """
    position, previous = repository.locked_head(session)
    occurred_at = clock.now()
    digest = digest_of(
        previous=previous,
        position=position + 1,
        occurred_at=occurred_at,
        actor=actor,
        action=action,
        subject=subject,
        details=details,
    )
    repository.append(
        session,
        Entry(
            position=position + 1,
            occurred_at=occurred_at,
            actor=actor,
            action=action,
            subject=subject,
            details=details,
            previous_digest=previous,
            digest=digest,
        ),
    )


def restrict(session: Session) -> None:
    """Revoke the privileges to change or delete rows, as the migration does; a restore brings no privileges along."""
    repository.restrict(session)


def newest(session: Session, *, before: int | None = None, subject: str | None = None, limit: int = 100) -> list[Entry]:
    """Return up to `limit` rows (at most `PAGE_ROWS_MAX`), newest first.

    The next page is that with `before` set to the position of the last row; only rows of `subject` when it is given.
    """
    return repository.newest(session, before=before, subject=subject, limit=min(limit, PAGE_ROWS_MAX))


def verify_chain(session: Session) -> ChainCheck:
    """Read the whole chain and compute every digest anew; memory stays constant."""
    rows, previous = 0, GENESIS
    # The head is read first: rows appended meanwhile come after it.
    head_position, head_digest = repository.head(session)
    digest_at_head = GENESIS
    for entry in repository.walk(session):
        fault = _fault(entry, expected_position=rows + 1, previous=previous)
        if fault is not None:
            return ChainCheck(fault, rows, rows + 1, previous)
        rows, previous = rows + 1, entry.digest
        if rows == head_position:
            digest_at_head = previous
    if rows < head_position or digest_at_head != head_digest or (head_position == 0 and rows > 0):
        return ChainCheck(ChainState.END_MISSING, rows, min(rows, head_position) + 1, previous)
    return ChainCheck(ChainState.WHOLE, rows, None, previous)


def _fault(entry: Entry, *, expected_position: int, previous: bytes) -> ChainState | None:
    if entry.position != expected_position:
        return ChainState.POSITION_MISSING
    if entry.previous_digest != previous:
        return ChainState.CHAIN_BROKEN
    recomputed = digest_of(
        previous=previous,
        position=entry.position,
        occurred_at=entry.occurred_at,
        actor=entry.actor,
        action=entry.action,
        subject=entry.subject,
        details=entry.details,
    )
    return None if recomputed == entry.digest else ChainState.ROW_CHANGED
