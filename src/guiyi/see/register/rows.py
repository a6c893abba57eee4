"""The stored form of a register: each row as texts under the names of its columns, as in a CSV file.

Versions, differences and digests are all made of it, so that they agree with what is exported.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import cast

from guiyi.see.register.files import Table
from guiyi.see.register.model import Register
from guiyi.see.register.reader import build_register
from guiyi.see.register.sheets import ABOUT_SHEET, SHEETS, SHEETS_BY_NAME, encode

Body = Mapping[str, str]
"""Column -> text; empty ones are left out."""


@dataclass(frozen=True, slots=True)
class StoredRow:
    """One row of one sheet."""

    sheet: str
    key: tuple[str, ...]
    body: Body


class ChangeKind(StrEnum):
    """What became of a row from one version to another."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class RowChange:
    """One row that differs between two versions."""

    sheet: str
    key: tuple[str, ...]
    kind: ChangeKind
    fields: Mapping[str, tuple[str | None, str | None]]
    """Column -> text before and after; None where the cell was or is empty."""


def stored_rows(register: Register) -> list[StoredRow]:
    """Return all rows, in the order of sheets and keys."""
    found: list[StoredRow] = []
    for sheet in SHEETS:
        for row in sheet.rows(register):
            texts = {column.name: encode(getattr(row, column.name)) for column in sheet.columns}
            found.append(StoredRow(sheet.name, sheet.key_of(row), {name: text for name, text in texts.items() if text}))
    return found


def register_of(rows: Iterable[StoredRow], *, example: bool) -> Register:
    """Return the register that `rows` are the stored form of; rows are checked as those of a file are.

    Raises:
        RegisterRejected: They do not form a register.
    """
    tables = {
        sheet.name: Table(sheet.name, [[column.name for column in sheet.columns]]) for sheet in SHEETS_BY_NAME.values()
    }
    for row in rows:
        columns = SHEETS_BY_NAME[row.sheet].columns
        tables[row.sheet].rows.append([row.body.get(column.name) for column in columns])
    tables[ABOUT_SHEET] = Table(ABOUT_SHEET, [["key", "value"], ["example", encode(example)]])
    return build_register(tables)


def checked(register: Register) -> Register:
    """Return `register` in its canonical form (rows in key order), having checked it as a file is checked.

    Raises:
        RegisterRejected: Something in it is wrong.
    """
    return register_of(stored_rows(register), example=register.example)


def register_digest(register: Register) -> str:
    """Return the SHA-256 of the content, in hex: equal for equal registers, whatever file they came from."""
    rows = sorted((row.sheet, row.key, sorted(row.body.items())) for row in stored_rows(register))
    document = json.dumps([register.example, rows], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(document.encode()).hexdigest()


def changes_between(before: Iterable[StoredRow], after: Iterable[StoredRow]) -> tuple[RowChange, ...]:
    """Return the rows that differ, in the order of sheets and keys."""
    old = {(row.sheet, row.key): row.body for row in before}
    new = {(row.sheet, row.key): row.body for row in after}
    place = {sheet.name: index for index, sheet in enumerate(SHEETS)}
    changes: list[RowChange] = []
    for sheet, key in sorted(old.keys() | new.keys(), key=lambda name: (place[name[0]], name[1])):
        was, is_now = old.get((sheet, key)), new.get((sheet, key))
        if was == is_now:
            continue
        kind = ChangeKind.ADDED if was is None else ChangeKind.REMOVED if is_now is None else ChangeKind.CHANGED
        changes.append(RowChange(sheet, key, kind, _fields(sheet, was or {}, is_now or {})))
    return tuple(changes)


def _fields(sheet: str, was: Body, is_now: Body) -> dict[str, tuple[str | None, str | None]]:
    names = [column.name for column in SHEETS_BY_NAME[sheet].columns]
    pairs = {name: (was.get(name), is_now.get(name)) for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def key_text(key: tuple[str, ...]) -> str:
    """Return `key` as the one text under which a row is stored."""
    return json.dumps(key, ensure_ascii=False, separators=(",", ":"))


def key_of_text(text: str) -> tuple[str, ...]:
    """Return the key whose text is `text`."""
    return tuple(cast("list[str]", json.loads(text)))
