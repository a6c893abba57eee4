"""All SQL of the register's versions."""

import json
from collections.abc import Iterable
from typing import Final

from sqlalchemy import RowMapping, text
from sqlalchemy.orm import Session

from guiyi.see.register.rows import ChangeKind, RowChange, StoredRow, key_of_text, key_text
from guiyi.see.register.versions import VersionSummary

ADVISORY_LOCK: Final = 4_777_010


def lock_imports(session: Session) -> None:
    """Wait until no other import runs, and keep others waiting until the transaction ends."""
    session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})


def newest_version(session: Session) -> VersionSummary | None:
    """Return the newest version, or None when there is none."""
    found = versions(session, before=None, limit=1)
    return found[0] if found else None


def version_of(session: Session, version: int) -> VersionSummary | None:
    """Return that version, or None."""
    row = (
        session.execute(
            text("SELECT version, at, actor, source, digest, example, counts FROM register_version WHERE version = :v"),
            {"v": version},
        )
        .mappings()
        .one_or_none()
    )
    return None if row is None else _summary(row)


def versions(session: Session, *, before: int | None, limit: int) -> list[VersionSummary]:
    """Return up to `limit` versions below `before`, newest first."""
    rows = session.execute(
        text(
            "SELECT version, at, actor, source, digest, example, counts FROM register_version"
            " WHERE CAST(:before AS integer) IS NULL OR version < :before ORDER BY version DESC LIMIT :limit"
        ),
        {"before": before, "limit": limit},
    ).mappings()
    return [_summary(row) for row in rows]


def _summary(row: RowMapping) -> VersionSummary:
    return VersionSummary(
        version=row["version"],
        at=row["at"],
        actor=row["actor"],
        source=row["source"],
        digest=row["digest"],
        example=row["example"],
        rows=row["counts"]["rows"],
        added=row["counts"]["added"],
        removed=row["counts"]["removed"],
        changed=row["counts"]["changed"],
    )


def insert_version(session: Session, summary: VersionSummary) -> None:
    """Insert the head of a version."""
    counts = {
        "rows": dict(summary.rows),
        "added": summary.added,
        "removed": summary.removed,
        "changed": summary.changed,
    }
    session.execute(
        text(
            "INSERT INTO register_version (version, at, actor, source, digest, example, counts)"
            " VALUES (:version, :at, :actor, :source, :digest, :example, CAST(:counts AS jsonb))"
        ),
        {
            "version": summary.version,
            "at": summary.at,
            "actor": summary.actor,
            "source": summary.source,
            "digest": summary.digest,
            "example": summary.example,
            "counts": json.dumps(counts),
        },
    )


def rows_at(session: Session, version: int) -> list[StoredRow]:
    """Return the rows as they stood in `version`."""
    found = session.execute(
        text(
            "SELECT sheet, row_key, body FROM register_row"
            " WHERE valid_from_version <= :version AND (valid_to_version IS NULL OR valid_to_version > :version)"
        ),
        {"version": version},
    ).mappings()
    return [StoredRow(row["sheet"], key_of_text(row["row_key"]), row["body"]) for row in found]


def apply_changes(session: Session, version: int, changes: Iterable[RowChange], rows: Iterable[StoredRow]) -> None:
    """End the rows that were changed or removed, and insert those that were changed or added."""
    kinds = {(change.sheet, change.key): change.kind for change in changes}
    ended = [
        {"sheet": sheet, "row_key": key_text(key)}
        for (sheet, key), kind in kinds.items()
        if kind is not ChangeKind.ADDED
    ]
    session.execute(
        text(
            "UPDATE register_row SET valid_to_version = :version"
            " FROM jsonb_to_recordset(CAST(:ended AS jsonb)) AS ended (sheet text, row_key text)"
            " WHERE register_row.sheet = ended.sheet AND register_row.row_key = ended.row_key"
            " AND register_row.valid_to_version IS NULL"
        ),
        {"version": version, "ended": json.dumps(ended, ensure_ascii=False)},
    )
    begun = [
        {"sheet": row.sheet, "row_key": key_text(row.key), "body": dict(row.body)}
        for row in rows
        if (row.sheet, row.key) in kinds
    ]
    session.execute(
        text(
            "INSERT INTO register_row (sheet, row_key, valid_from_version, body)"
            " SELECT sheet, row_key, :version, body"
            " FROM jsonb_to_recordset(CAST(:begun AS jsonb)) AS begun (sheet text, row_key text, body jsonb)"
        ),
        {"version": version, "begun": json.dumps(begun, ensure_ascii=False)},
    )
