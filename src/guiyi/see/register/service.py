"""Versions of the register: import, load, list, compare."""

from dataclasses import replace
from typing import Final

from sqlalchemy.orm import Session

from guiyi.kit.clock import Clock
from guiyi.kit.progress import Progress, silent
from guiyi.kit.text import Text
from guiyi.plumbing.audit import api as audit
from guiyi.see.register import repository
from guiyi.see.register.errors import RegisterNotFound
from guiyi.see.register.model import Register
from guiyi.see.register.rows import (
    ChangeKind,
    RowChange,
    changes_between,
    checked,
    register_digest,
    register_of,
    stored_rows,
)
from guiyi.see.register.sheets import SHEETS
from guiyi.see.register.versions import VersionSummary

VERSIONS_PAGE: Final = 100
"""Versions that one call of `list_versions` returns at most."""
_STEP: Final = Text("导入台账", "Importing the register")
_STEPS: Final = 3


def import_register(
    session: Session, register: Register, *, clock: Clock, actor: str, source: str, progress: Progress = silent
) -> VersionSummary:
    """Make `register` the newest version, writing only what changed, and record it in the audit record.

    Imports wait for one another. When the newest version has the same content, none is made: the answer is that
    version, with `is_new` False.

    Args:
        session: The whole import is in its transaction.
        register: Checked once more, as a file is.
        clock: Tells when.
        actor: Who imports.
        source: What is imported, e.g. the file's name.
        progress: Told of each step.

    Raises:
        RegisterRejected: Something in `register` is wrong.
    """
    progress(_STEP, 0, _STEPS)
    register = checked(register)
    digest = register_digest(register)
    progress(_STEP, 1, _STEPS)
    repository.lock_imports(session)
    newest = repository.newest_version(session)
    if newest is not None and newest.digest == digest:
        return replace(newest, is_new=False)
    rows = stored_rows(register)
    changes = changes_between(repository.rows_at(session, newest.version) if newest else [], rows)
    kinds = [change.kind for change in changes]
    summary = VersionSummary(
        version=newest.version + 1 if newest else 1,
        at=clock.now(),
        actor=actor,
        source=source,
        digest=digest,
        example=register.example,
        rows={sheet.name: len(sheet.rows(register)) for sheet in SHEETS},
        added=kinds.count(ChangeKind.ADDED),
        removed=kinds.count(ChangeKind.REMOVED),
        changed=kinds.count(ChangeKind.CHANGED),
    )
    progress(_STEP, 2, _STEPS)
    repository.insert_version(session, summary)
    repository.apply_changes(session, summary.version, changes, rows)
    audit.record(
        session,
        clock=clock,
        actor=actor,
        action="register.import",
        subject=f"register:{summary.version}",
        details={
            "source": source,
            "digest": digest,
            "previous_digest": newest.digest if newest else None,
            "added": summary.added,
            "removed": summary.removed,
            "changed": summary.changed,
        },
    )
    progress(_STEP, _STEPS, _STEPS)
    return summary


def load_register(session: Session, version: int | None = None) -> Register:
    """Return the register as it stood in `version`, or the newest one.

    Raises:
        RegisterNotFound: There is none.
    """
    summary = _wanted(session, version)
    return register_of(repository.rows_at(session, summary.version), example=summary.example)


def latest_version(session: Session) -> VersionSummary | None:
    """Return the newest version, or None while nothing has been imported."""
    return repository.newest_version(session)


def list_versions(
    session: Session, *, before: int | None = None, limit: int = VERSIONS_PAGE
) -> tuple[VersionSummary, ...]:
    """Return up to `limit` versions (at most `VERSIONS_PAGE`), newest first; the next page is `before` the last one."""
    return tuple(repository.versions(session, before=before, limit=min(limit, VERSIONS_PAGE)))


def diff_versions(session: Session, a: int, b: int) -> tuple[RowChange, ...]:
    """Return what became of the rows from version `a` to version `b`.

    Raises:
        RegisterNotFound: One of them does not exist.
    """
    before, after = (repository.rows_at(session, _wanted(session, version).version) for version in (a, b))
    return changes_between(before, after)


def _wanted(session: Session, version: int | None) -> VersionSummary:
    newest = repository.newest_version(session)
    if newest is None:
        raise RegisterNotFound(
            Text(
                "还没有导入台账。请运行 guiyi register import FILE。",
                "No register has been imported yet. Run guiyi register import FILE.",
            )
        )
    found = newest if version is None else repository.version_of(session, version)
    if found is None:
        raise RegisterNotFound(
            Text(
                f"没有台账版本 {version}；现有版本 1 到 {newest.version}（guiyi register log）。",
                f"There is no version {version} of the register; there are 1 to {newest.version} (guiyi register log).",
            ),
            version=version,
        )
    return found
