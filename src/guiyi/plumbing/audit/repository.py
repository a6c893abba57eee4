"""All SQL of the audit record."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import RowMapping, text
from sqlalchemy.orm import Session

from guiyi.kit.errors import Detail
from guiyi.plumbing.audit.rules import GENESIS, canonical_json

ADVISORY_LOCK: Final = 4_777_002
ROWS_PER_FETCH: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One row of the record."""

    position: int
    occurred_at: datetime
    actor: str
    action: str
    subject: str
    details: Mapping[str, Detail]
    previous_digest: bytes
    digest: bytes


def locked_head(session: Session) -> tuple[int, bytes]:
    """Return position and digest of the last row, and keep others from appending until the transaction ends."""
    session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
    return head(session)


def head(session: Session) -> tuple[int, bytes]:
    """Return position and digest of the last row; (0, GENESIS) when there is none."""
    row = session.execute(text("SELECT position, digest FROM audit_head")).one_or_none()
    return (0, GENESIS) if row is None else (int(row[0]), bytes(row[1]))


def restrict(session: Session) -> None:
    """Take from the tables' owner what triggers refuse anyway."""
    session.execute(text("REVOKE UPDATE, DELETE, TRUNCATE ON audit_record FROM PUBLIC, CURRENT_USER"))
    session.execute(text("REVOKE DELETE, TRUNCATE ON audit_head FROM PUBLIC, CURRENT_USER"))


def append(session: Session, entry: Entry) -> None:
    """Insert `entry` and move the head to it."""
    session.execute(
        text(
            "INSERT INTO audit_record"
            " (position, occurred_at, actor, action, subject, details, previous_digest, digest) VALUES"
            " (:position, :occurred_at, :actor, :action, :subject, CAST(:details AS json), :previous_digest, :digest)"
        ),
        {
            "position": entry.position,
            "occurred_at": entry.occurred_at,
            "actor": entry.actor,
            "action": entry.action,
            "subject": entry.subject,
            "details": canonical_json(entry.details),
            "previous_digest": entry.previous_digest,
            "digest": entry.digest,
        },
    )
    session.execute(
        text(
            "INSERT INTO audit_head (position, digest) VALUES (:position, :digest)"
            " ON CONFLICT (one) DO UPDATE SET position = excluded.position, digest = excluded.digest"
        ),
        {"position": entry.position, "digest": entry.digest},
    )


def walk(session: Session) -> Iterator[Entry]:
    """Yield every row from the first to the last."""
    after = 0
    while True:
        rows = (
            session.execute(
                text("SELECT * FROM audit_record WHERE position > :after ORDER BY position LIMIT :rows"),
                {"after": after, "rows": ROWS_PER_FETCH},
            )
            .mappings()
            .all()
        )
        if not rows:
            return
        for row in rows:
            yield _entry(row)
        after = int(rows[-1]["position"])


def newest(session: Session, *, before: int | None, subject: str | None, limit: int) -> list[Entry]:
    """Return up to `limit` rows below position `before`, newest first."""
    rows = session.execute(
        text(
            "SELECT * FROM audit_record WHERE (CAST(:before AS bigint) IS NULL OR position < :before)"
            " AND (CAST(:subject AS text) IS NULL OR subject = :subject) ORDER BY position DESC LIMIT :limit"
        ),
        {"before": before, "subject": subject, "limit": limit},
    ).mappings()
    return [_entry(row) for row in rows]


def _entry(row: RowMapping) -> Entry:
    return Entry(
        position=row["position"],
        occurred_at=row["occurred_at"],
        actor=row["actor"],
        action=row["action"],
        subject=row["subject"],
        details=row["details"],
        previous_digest=bytes(row["previous_digest"]),
        digest=bytes(row["digest"]),
    )
