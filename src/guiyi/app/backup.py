"""Backup and restore as the bank sees them: with the audit record checked and continued."""

from pathlib import Path
from typing import Final

from sqlalchemy.orm import Session

from guiyi.app.errors import AuditChainBrokenError
from guiyi.kit.clock import Clock
from guiyi.kit.progress import Progress, silent
from guiyi.kit.text import Text
from guiyi.plumbing.audit.api import ChainCheck, current_actor, record, restrict, verify_chain
from guiyi.plumbing.db.api import Backup, Database, read_backup, restore_backup, write_backup

SUBJECT: Final = "database"


def make_backup(database: Database, path: Path, *, clock: Clock, progress: Progress = silent) -> Backup:
    """Write a backup; that it was made is recorded afterwards, since a copy of everything left the database.

    Raises:
        DatabaseError: See `write_backup`.
    """
    backup = write_backup(database, path, clock=clock, progress=progress)
    database.run(lambda session: _record(session, "system.backup", backup, clock))
    return backup


def restore_from(database: Database, path: Path, *, clock: Clock, progress: Progress = silent) -> Backup:
    """Replace everything by a backup whose audit chain is whole; the restore is the record's next row.

    Raises:
        DatabaseError: See `restore_backup`; nothing has changed.
        AuditChainBrokenError: The backup's audit record is not as it was written; nothing has changed.
    """
    backup = read_backup(path)

    def before_swap(restored: Database) -> None:
        check_chain(restored)

        def unit(session: Session) -> None:
            restrict(session)
            _record(session, "system.restore", backup, clock)

        restored.run(unit)

    return restore_backup(database, path, before_swap=before_swap, progress=progress)


def check_chain(database: Database) -> ChainCheck:
    """Verify the audit chain.

    Raises:
        AuditChainBrokenError: It is not whole.
    """
    check = database.run(verify_chain)
    if check.is_whole:
        return check
    raise AuditChainBrokenError(
        Text(
            f"审计记录第 {check.position} 条不对 ({check.state.value}); 之前 {check.rows} 条完整。"
            f"请保留现场, 与最近的备份比较。",
            f"Row {check.position} of the audit record is wrong ({check.state.value}); the {check.rows} before it are "
            f"whole. Keep everything as it is and compare with the last backup.",
        ),
        position=check.position,
        state=check.state.value,
        rows=check.rows,
        head=check.head.hex(),
    )


def _record(session: Session, action: str, backup: Backup, clock: Clock) -> None:
    record(
        session,
        clock=clock,
        actor=current_actor(),
        action=action,
        subject=SUBJECT,
        details={
            "dump_sha256": backup.dump_sha256,
            "dump_bytes": backup.dump_bytes,
            "revision": backup.revision,
            "created_at": backup.created_at.isoformat(),
        },
    )
