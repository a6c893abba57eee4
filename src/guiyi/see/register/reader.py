"""From tables of cells to a register, all or nothing."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from operator import attrgetter
from pathlib import Path
from typing import TypeVar

from guiyi.kit.progress import Progress, silent
from guiyi.kit.text import Text
from guiyi.see.register.cells import Broken, Cell, Refusal, is_empty, nearest, parse, shown
from guiyi.see.register.errors import PROBLEMS_LIMIT, ProblemCode, RegisterProblem, RegisterRejected
from guiyi.see.register.files import COLUMNS_LIMIT, ROWS_LIMIT, Table, read_tables
from guiyi.see.register.model import (
    Attrition,
    Channel,
    Cost,
    Filing,
    FilingKind,
    Function,
    Hosting,
    Offering,
    Platform,
    Register,
)
from guiyi.see.register.sheets import ABOUT_SHEET, COMMENT, SHEETS, SHEETS_BY_NAME, Column, Row, Sheet, Value, encode

SECURITY_LEVELS = ("1", "2", "3", "4", "5")
"""等保 levels."""

R = TypeVar("R", Channel, Function, Offering, Hosting, Cost, Filing, Platform, Attrition)


@dataclass(slots=True)
class _Problems:
    """Collects what is wrong; keeps the first ones and counts the rest."""

    kept: list[RegisterProblem] = field(default_factory=list[RegisterProblem])
    total: int = 0

    def add(self, sheet: str, row: int | None, column: str | None, cell: Cell, refusal: Refusal) -> None:
        self.total += 1
        if self.total <= PROBLEMS_LIMIT * 10:
            problem = RegisterProblem(sheet, row, column, shown(cell), refusal.code, refusal.reason, refusal.suggestion)
            self.kept.append(problem)

    def raise_if_any(self) -> None:
        if self.total:
            place = {sheet.name: index for index, sheet in enumerate(SHEETS)}
            self.kept.sort(key=lambda problem: (place.get(problem.sheet, -1), problem.row or 0))
            kept = tuple(self.kept[:PROBLEMS_LIMIT])
            raise RegisterRejected(kept, more=self.total - len(kept))


@dataclass(slots=True)
class _SheetRead:
    """One sheet's rows, and every first-column id that stands there, of refused rows too."""

    sheet: Sheet
    rows: list[tuple[int, Row]] = field(default_factory=list[tuple[int, Row]])
    ids: set[str] = field(default_factory=set[str])
    complete: bool = False
    """Whether the sheet was there with its header, so that a missing id is missing indeed."""


def read_register(path: Path, *, progress: Progress = silent) -> Register:
    """Read a register from one XLSX workbook or from a folder of CSV files.

    Raises:
        RegisterUnreadable: It is neither of the two.
        RegisterRejected: Something in it is wrong; nothing of it is used.
    """
    step = Text("读取台账", "Reading the register")
    progress(step, 0, len(SHEETS))
    return build_register(read_tables(path), progress=progress)


def build_register(tables: Mapping[str, Table], *, progress: Progress = silent) -> Register:
    """Check all cells and rows of `tables` (by lower-case name) and return the register, its rows in key order.

    Raises:
        RegisterRejected: Something is wrong.
    """
    step = Text("读取台账", "Reading the register")
    problems = _Problems()
    reads: dict[str, _SheetRead] = {}
    for done, sheet in enumerate(SHEETS, start=1):
        reads[sheet.name] = _read_sheet(sheet, tables, problems)
        progress(step, done, len(SHEETS))
    _check_rows(reads, problems)
    _suggest_known_ids(reads, problems)
    if not problems.total and not reads["channels"].rows:
        reason = Text(
            f"没有任何渠道；以 {COMMENT} 开头的示例行和备注行不会被读取，请在表头下填写自己的行",
            f"there are no channels; example rows and remarks, which begin with {COMMENT}, are not read: "
            "write rows of your own below the header",
        )
        problems.add("channels", None, None, None, Refusal(ProblemCode.EMPTY_SHEET, reason))
    problems.raise_if_any()
    return Register(
        channels=_rows(reads["channels"], Channel),
        functions=_rows(reads["functions"], Function),
        offerings=_rows(reads["offerings"], Offering),
        hosting=_rows(reads["hosting"], Hosting),
        costs=_rows(reads["costs"], Cost),
        filings=_rows(reads["filings"], Filing),
        platforms=_rows(reads["platforms"], Platform),
        attrition=_rows(reads["attrition"], Attrition),
        example=_is_example(tables.get(ABOUT_SHEET)),
    )


def _rows(read: _SheetRead, row_class: type[R]) -> tuple[R, ...]:
    return _sorted(read.sheet, [row for _, row in read.rows if isinstance(row, row_class)])


def _sorted(sheet: Sheet, rows: Iterable[R]) -> tuple[R, ...]:
    return tuple(sorted(rows, key=sheet.key_of))


def ordered(register: Register) -> Register:
    """Return `register` with each sheet's rows in the order of their keys."""
    sheets = SHEETS_BY_NAME
    return Register(
        channels=_sorted(sheets["channels"], register.channels),
        functions=_sorted(sheets["functions"], register.functions),
        offerings=_sorted(sheets["offerings"], register.offerings),
        hosting=_sorted(sheets["hosting"], register.hosting),
        costs=_sorted(sheets["costs"], register.costs),
        filings=_sorted(sheets["filings"], register.filings),
        platforms=_sorted(sheets["platforms"], register.platforms),
        attrition=_sorted(sheets["attrition"], register.attrition),
        example=register.example,
    )


def _is_example(about: Table | None) -> bool:
    rows = about.rows if about else []
    pairs = {str(row[0]).strip().lower(): row[1] for row in rows if len(row) > 1}
    return str(pairs.get("example", "")).strip().lower() in ("yes", "是", "true")


def _read_sheet(sheet: Sheet, tables: Mapping[str, Table], problems: _Problems) -> _SheetRead:
    read = _SheetRead(sheet)
    table = tables.get(sheet.name)
    if table is None:
        others = [name for name in tables if name not in SHEETS_BY_NAME and name != ABOUT_SHEET]
        reason = Text(
            "缺少这个表；没有内容也要保留表头，可用 guiyi register template 生成",
            "the sheet is missing; keep it with its header even when empty (guiyi register template writes one)",
        )
        problems.add(
            sheet.name, None, None, None, Refusal(ProblemCode.MISSING_SHEET, reason, nearest(sheet.name, others))
        )
        return read
    if table.too_many_rows or table.too_many_columns:
        _refuse_size(sheet, table, problems)
        return read
    header = next((index for index, row in enumerate(table.rows) if _is_header(row)), None)
    if header is None:
        reason = Text("表是空的，没有表头", "the sheet is empty and has no header")
        problems.add(sheet.name, None, None, None, Refusal(ProblemCode.EMPTY_SHEET, reason))
        return read
    places = _places(sheet, table.rows[header], header + 1, problems)
    _read_rows(read, table, header, places, problems)
    read.complete = sheet.columns[0].name in places
    return read


def _refuse_size(sheet: Sheet, table: Table, problems: _Problems) -> None:
    if table.too_many_rows:
        reason = Text(f"行数超过上限 {ROWS_LIMIT:,}", f"it has more than {ROWS_LIMIT:,} rows")
        problems.add(sheet.name, None, None, None, Refusal(ProblemCode.TOO_MANY_ROWS, reason))
    if table.too_many_columns:
        reason = Text(f"列数超过上限 {COLUMNS_LIMIT}", f"it has more than {COLUMNS_LIMIT} columns")
        problems.add(sheet.name, None, None, None, Refusal(ProblemCode.TOO_MANY_COLUMNS, reason))


def _is_header(row: list[Cell]) -> bool:
    first = next((cell for cell in row if not is_empty(cell)), None)
    return first is not None and not str(first).lstrip().startswith(COMMENT)


def _places(sheet: Sheet, header: list[Cell], number: int, problems: _Problems) -> dict[str, int]:
    """Return column name -> index; report columns that are unknown, repeated or missing."""
    names = [column.name for column in sheet.columns]
    places: dict[str, int] = {}
    unknown: list[tuple[str, Cell]] = []
    for index, cell in enumerate(header):
        if is_empty(cell):
            continue
        name = shown(cell).strip().lower()
        if name in places:
            reason = Text("这一列出现了两次", "the column stands there twice")
            problems.add(sheet.name, number, name, cell, Refusal(ProblemCode.REPEATED_COLUMN, reason))
        elif name in names:
            places[name] = index
        else:
            unknown.append((name, cell))
    for name, cell in unknown:
        left = [known for known in names if known not in places]
        reason = Text("没有这一列", "there is no such column")
        problems.add(
            sheet.name, number, shown(cell), cell, Refusal(ProblemCode.UNKNOWN_COLUMN, reason, nearest(name, left))
        )
    for column in sheet.columns:
        if column.required and column.name not in places:
            reason = Text("缺少这一列", "the column is missing")
            problems.add(sheet.name, number, column.name, None, Refusal(ProblemCode.MISSING_COLUMN, reason))
    return places


def _read_rows(read: _SheetRead, table: Table, header: int, places: dict[str, int], problems: _Problems) -> None:
    sheet = read.sheet
    columns = [(column, places[column.name]) for column in sheet.columns if column.name in places]
    headed = set(places.values()) | {i for i, cell in enumerate(table.rows[header]) if not is_empty(cell)}
    key_place = places.get(sheet.columns[0].name)
    complete = all(column.name in places for column in sheet.columns if column.required)
    for index, cells in enumerate(table.rows[header + 1 :], start=header + 2):
        if all(is_empty(cell) for cell in cells) or _is_remark(cells, key_place):
            continue
        fine = _check_unheaded(sheet, index, cells, headed, problems)
        values: dict[str, Value] = {}
        for column, place in columns:
            cell = cells[place] if place < len(cells) else None
            value = parse(column, cell)
            if isinstance(value, Refusal):
                problems.add(sheet.name, index, column.name, cell, value)
                fine = False
            else:
                values[column.name] = value
        first = values.get(sheet.columns[0].name)
        if isinstance(first, str):
            read.ids.add(first)
        if fine and complete:
            read.rows.append((index, sheet.make(**values)))


def _is_remark(cells: list[Cell], key_place: int | None) -> bool:
    cell = cells[key_place] if key_place is not None and key_place < len(cells) else None
    if isinstance(cell, Broken) or not isinstance(cell, str):
        return False
    return cell.lstrip().startswith(COMMENT) and not isinstance(parse(_ANY_TEXT, cell), Refusal)


_ANY_TEXT: Column = SHEETS_BY_NAME["channels"].column("identifier")


def _check_unheaded(sheet: Sheet, number: int, cells: list[Cell], headed: set[int], problems: _Problems) -> bool:
    for place, cell in enumerate(cells):
        if place not in headed and not is_empty(cell):
            reason = Text(f"第 {place + 1} 列没有列名", f"column {place + 1} has no name in the header")
            problems.add(sheet.name, number, None, cell, Refusal(ProblemCode.VALUE_WITHOUT_COLUMN, reason))
            return False
    return True


def _suggest_known_ids(reads: Mapping[str, _SheetRead], problems: _Problems) -> None:
    """Where an id of another sheet is badly written, suggest the known one that it is most like."""
    for index, problem in enumerate(problems.kept):
        if problem.code in (ProblemCode.BAD_ID, ProblemCode.BAD_FUNCTION_ID) and problem.column:
            target = reads.get(SHEETS_BY_NAME[problem.sheet].column(problem.column).refers_to or "")
            like = nearest(problem.value, sorted(target.ids)) if target else None
            problems.kept[index] = replace(problem, suggestion=like or problem.suggestion)


def _check_rows(reads: Mapping[str, _SheetRead], problems: _Problems) -> None:
    """Check what one row cannot tell alone."""
    for read in reads.values():
        _check_duplicates(read, problems)
        _check_references(read, reads, problems)
    _check_dates(reads["channels"], "opened_on", "closed_on", problems)
    _check_dates(reads["filings"], "filed_on", "cancelled_on", problems)
    _check_levels(reads["filings"], problems)
    _check_hosting(reads, problems)
    _check_capabilities(reads, problems)


def _check_duplicates(read: _SheetRead, problems: _Problems) -> None:
    seen: dict[tuple[str, ...], int] = {}
    for number, row in read.rows:
        key = read.sheet.key_of(row)
        if key in seen:
            reason = Text(
                f"与第 {seen[key]} 行重复（{'、'.join(read.sheet.key)}）",
                f"it repeats row {seen[key]} ({', '.join(read.sheet.key)})",
            )
            problems.add(
                read.sheet.name, number, read.sheet.key[-1], ", ".join(key), Refusal(ProblemCode.DUPLICATE, reason)
            )
        else:
            seen[key] = number


def _check_references(read: _SheetRead, reads: Mapping[str, _SheetRead], problems: _Problems) -> None:
    for column in read.sheet.columns:
        target = reads.get(column.refers_to or "")
        if target is None or not target.complete:
            continue
        get = attrgetter(column.name)
        for number, row in read.rows:
            value = encode(get(row))
            if value not in target.ids:
                reason = Text(f"{target.sheet.name} 表里没有它", f"the sheet {target.sheet.name} does not have it")
                refusal = Refusal(ProblemCode.UNKNOWN_REFERENCE, reason, nearest(value, sorted(target.ids)))
                problems.add(read.sheet.name, number, column.name, value, refusal)


def _check_dates(read: _SheetRead, first: str, last: str, problems: _Problems) -> None:
    for number, row in read.rows:
        start, end = getattr(row, first), getattr(row, last)
        if start and end and end < start:
            reason = Text(f"早于 {first}（{start}）", f"it is before {first} ({start})")
            problems.add(read.sheet.name, number, last, end, Refusal(ProblemCode.WRONG_ORDER, reason))


def _check_levels(read: _SheetRead, problems: _Problems) -> None:
    for number, row in read.rows:
        if not isinstance(row, Filing) or row.level is None:
            continue
        if row.filing_kind is not FilingKind.SECURITY_LEVEL:
            reason = Text("只有 security_level 才填等级", "only security_level has a level")
            problems.add("filings", number, "level", row.level, Refusal(ProblemCode.LEVEL_NOT_ALLOWED, reason))
        elif row.level not in SECURITY_LEVELS:
            reason = Text("等级为 1 到 5", "a level is 1 to 5")
            problems.add(
                "filings",
                number,
                "level",
                row.level,
                Refusal(ProblemCode.OUT_OF_RANGE, reason, ", ".join(SECURITY_LEVELS)),
            )


def _check_hosting(reads: Mapping[str, _SheetRead], problems: _Problems) -> None:
    offered = {reads["offerings"].sheet.key_of(row): number for number, row in reads["offerings"].rows}
    for number, row in reads["hosting"].rows:
        at = offered.get(reads["hosting"].sheet.key_of(row))
        if at is not None and isinstance(row, Hosting):
            reason = Text(
                f"该渠道已提供此功能（offerings 第 {at} 行），不能再列为可承接",
                f"the channel offers the function already (offerings row {at}); it cannot be a host to come",
            )
            problems.add(
                "hosting", number, "function_id", row.function_id, Refusal(ProblemCode.OFFERED_ALREADY, reason)
            )


def _check_capabilities(reads: Mapping[str, _SheetRead], problems: _Problems) -> None:
    granted = {row.platform_id: row.capabilities for _, row in reads["platforms"].rows if isinstance(row, Platform)}
    platform_of = {row.channel_id: row.platform_id for _, row in reads["channels"].rows if isinstance(row, Channel)}
    for number, row in reads["offerings"].rows:
        platform_id = platform_of.get(row.channel_id) if isinstance(row, Offering) else None
        if not isinstance(row, Offering) or platform_id is None or platform_id not in granted:
            continue  # a reference that leads nowhere is reported as such
        for capability in row.capabilities:
            if capability not in granted[platform_id]:
                reason = Text(f"平台 {platform_id} 没有开放这项能力", f"the platform {platform_id} does not grant it")
                like = nearest(capability, granted[platform_id]) or ", ".join(granted[platform_id])
                refusal = Refusal(ProblemCode.CAPABILITY_NOT_GRANTED, reason, like or None)
                problems.add("offerings", number, "capabilities", capability, refusal)
