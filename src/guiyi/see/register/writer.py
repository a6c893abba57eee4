"""A register as a workbook or as a folder of CSV files, and the empty template; written whole or not at all."""

import csv
import io
import os
import shutil
import tempfile
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from operator import attrgetter
from pathlib import Path

from guiyi.kit.text import Text
from guiyi.plumbing.workbooks.api import Book, Look, Page, new_book
from guiyi.see.register.errors import RegisterExportRefused
from guiyi.see.register.files import ROWS_LIMIT, escaped
from guiyi.see.register.model import Register
from guiyi.see.register.sheets import (
    ABOUT_SHEET,
    COMMENT,
    EXAMPLE_MARK,
    HELP_SHEET,
    SHEETS,
    Column,
    ColumnType,
    Sheet,
    Value,
    encode,
)

CREATED_AT = datetime(2025, 1, 1, tzinfo=UTC)
"""Stands in every workbook, so that the same register gives the same bytes."""
FILE_SUFFIXES = (".csv", ".xls", ".xlsm", ".xlsb", ".ods")
"""Names that end so are no folders, and no workbooks that we write."""
WIDTHS = (8, 44)
"""Least and greatest width of a column, in characters."""
DROPDOWN_ROWS = 5_000
"""Rows below the header that have dropdowns."""
EXAMPLE_ROW = f"{COMMENT} 示例行 example"
"""Stands before the key of a template's example row, which is not read."""

_INK, _PAPER, _ACCENT, _LINE = "#1D2B2A", "#EEF4F2", "#0F6B5C", "#C9D6D2"


def write_register(register: Register, path: Path) -> None:
    """Write `register` to a workbook (`.xlsx`) or else to a folder of CSV files; what was there before is replaced.

    Raises:
        RegisterExportRefused: `path` is a folder that holds other things than an export, or a file of another kind.
    """
    if path.suffix.lower() == ".xlsx":
        with _replacing(path) as temporary:
            _write_workbook(temporary, register, template=False)
    else:
        _write_folder(register, path)


def write_template(path: Path) -> None:
    """Write an empty workbook with help, dropdowns and one example row a sheet (`#` rows, which are not read).

    Raises:
        RegisterExportRefused: `path` does not end in `.xlsx`.
    """
    if path.suffix.lower() != ".xlsx":
        raise _refused(path, Text("模板是 .xlsx 工作簿", "a template is an .xlsx workbook"))
    with _replacing(path) as temporary:
        _write_workbook(temporary, Register(), template=True)


@contextmanager
def _replacing(path: Path) -> Generator[Path]:
    """Yield a file beside `path` that takes its place when all went well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _write_folder(register: Register, path: Path) -> None:
    ours = {f"{name}.csv" for name in (ABOUT_SHEET, *(sheet.name for sheet in SHEETS))}
    if path.suffix.lower() in FILE_SUFFIXES:
        raise _refused(path, Text("它像一个文件名", "it looks like a file's name"))
    if path.exists() and (not path.is_dir() or any(entry.name not in ours for entry in path.iterdir())):
        raise _refused(path, Text("那里已有其他内容", "something else is there"))
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent))
    try:
        for sheet in SHEETS:
            (temporary / f"{sheet.name}.csv").write_bytes(_csv(sheet, register))
        (temporary / f"{ABOUT_SHEET}.csv").write_bytes(_csv_text([["key", "value"], *_about(register)]))
        temporary.chmod(0o755)
        if path.exists():
            # Put aside first: whatever happens, the old export or the new one is there whole.
            aside = temporary.with_suffix(".old")
            path.rename(aside)
            temporary.rename(path)
            shutil.rmtree(aside)
        else:
            temporary.rename(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _refused(path: Path, reason: Text) -> RegisterExportRefused:
    return RegisterExportRefused(
        Text(
            f"不能导出到 {path}：{reason.zh}。请给出 .xlsx 文件名，或新的文件夹名。",
            f"Cannot write to {path}: {reason.en}. Give a name ending in .xlsx, or that of a new folder.",
        ),
        path=str(path),
    )


def _about(register: Register) -> list[list[str]]:
    return [["schema", "guiyi.register/1"], ["example", encode(register.example)]]


def _csv(sheet: Sheet, register: Register) -> bytes:
    lines: list[list[str]] = []
    if register.example:
        lines.append([f"{COMMENT} {EXAMPLE_MARK.zh} · {EXAMPLE_MARK.en}"])
    lines.append([column.name for column in sheet.columns])
    get = attrgetter(*(column.name for column in sheet.columns))
    lines.extend([escaped(encode(value)) for value in get(row)] for row in sheet.rows(register))
    return _csv_text(lines)


def _csv_text(lines: Iterable[list[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(lines)
    # The byte order mark makes spreadsheets read UTF-8.
    return text.getvalue().encode("utf-8-sig")


class _Formats:
    """The looks of a workbook's cells."""

    def __init__(self, book: Book) -> None:
        base = {"font_name": "Microsoft YaHei", "font_size": 10, "font_color": _INK, "valign": "vcenter"}
        head = {"bold": True, "bg_color": _PAPER, "bottom": 1, "bottom_color": _LINE}
        self.header: Look = book.add_format({**base, **head})
        self.required: Look = book.add_format({**base, **head, "font_color": _ACCENT})
        self.mark: Look = book.add_format({**base, "bold": True, "font_color": "#FFFFFF", "bg_color": "#B4531A"})
        self.remark: Look = book.add_format({**base, "italic": True, "font_color": "#7A8A86"})
        self.plain: Look = book.add_format(base)
        self.wrapped: Look = book.add_format({**base, "text_wrap": True, "valign": "top"})
        self.text: Look = book.add_format({**base, "num_format": "@"})
        self.money: Look = book.add_format({**base, "num_format": "#,##0.00"})
        self.rate: Look = book.add_format({**base, "num_format": "0.######"})
        self.date: Look = book.add_format({**base, "num_format": "yyyy-mm-dd", "align": "left"})

    def of(self, column: Column) -> Look:
        """Return the look of `column`'s cells."""
        match column.type:
            case ColumnType.MONEY:
                return self.money
            case ColumnType.RATE:
                return self.rate
            case ColumnType.DATE:
                return self.date
            case ColumnType.SCORE:
                return self.plain
            case _:
                return self.text


def _write_workbook(path: Path, register: Register, *, template: bool) -> None:
    with new_book(path) as book:
        book.set_properties({"title": "Guiyi register 渠道台账", "created": CREATED_AT.replace(tzinfo=None)})
        formats = _Formats(book)
        if template:
            _write_help(book.add_worksheet(HELP_SHEET), formats)
        for sheet in SHEETS:
            _write_sheet(book.add_worksheet(sheet.name), sheet, register, formats, template=template)
        _write_about(book.add_worksheet(ABOUT_SHEET), register, formats)


def _write_about(page: Page, register: Register, formats: _Formats) -> None:
    page.set_column(0, 1, 24)
    for row, pair in enumerate([["key", "value"], *_about(register)]):
        for column, text in enumerate(pair):
            page.write_string(row, column, text, formats.plain if row else formats.header)
    if register.example:
        _mark_as_example(page, 3, formats, width=2)


def _mark_as_example(page: Page, row: int, formats: _Formats, *, width: int) -> None:
    page.write_string(row, 0, f"{COMMENT} {EXAMPLE_MARK.zh} · {EXAMPLE_MARK.en}", formats.mark)
    for column in range(1, width):
        page.write_blank(row, column, None, formats.mark)
    page.set_tab_color("#B4531A")
    page.set_header(f"&C{EXAMPLE_MARK.zh} · {EXAMPLE_MARK.en}")


def _write_sheet(page: Page, sheet: Sheet, register: Register, formats: _Formats, *, template: bool) -> None:
    top = 0
    if register.example:
        _mark_as_example(page, 0, formats, width=len(sheet.columns))
        top = 1
    rows = sheet.rows(register)
    page.freeze_panes(top + 1, len(sheet.key) if len(sheet.key) < len(sheet.columns) else 1)
    for place, column in enumerate(sheet.columns):
        page.write_string(top, place, column.name, formats.required if column.required else formats.header)
        if template:
            page.write_comment(top, place, _note(column), {"x_scale": 2, "y_scale": 1.2})
        values: list[Value] = [getattr(row, column.name) for row in rows]
        for row, value in enumerate(values, start=top + 1):
            _write_value(page, row, place, value, formats.of(column))
        shown = [column.example] if template else [encode(value) for value in values[:200]]
        widest = max(_width(text) for text in (column.name, *shown))
        page.set_column(place, place, min(max(widest + 2, WIDTHS[0]), WIDTHS[1]), formats.of(column))
        _add_dropdown(
            page,
            column,
            place,
            first=top + 1,
            last=top + max(DROPDOWN_ROWS, len(rows)),
            ids_from=top + 3 if template else top + 2,
        )
    if template:
        _write_example_row(page, sheet, formats)
    else:
        page.autofilter(top, 0, min(top + max(len(rows), 1), ROWS_LIMIT), len(sheet.columns) - 1)


def _write_value(page: Page, row: int, place: int, value: Value, look: Look) -> None:
    if isinstance(value, Decimal | int) and not isinstance(value, bool):
        # A workbook keeps floats; 15 digits, the most an amount has, survive.
        page.write_number(row, place, float(value), look)
    elif isinstance(value, date):
        page.write_datetime(
            row, place, datetime(value.year, value.month, value.day, tzinfo=UTC).replace(tzinfo=None), look
        )
    elif text := encode(value):
        page.write_string(row, place, text, look)


def _write_example_row(page: Page, sheet: Sheet, formats: _Formats) -> None:
    for place, column in enumerate(sheet.columns):
        text = f"{EXAMPLE_ROW}: {column.example}" if place == 0 else column.example
        page.write_string(1, place, text, formats.remark)
    page.set_column(0, 0, _width(EXAMPLE_ROW) + _width(sheet.columns[0].example) + 4, formats.text)


def _add_dropdown(page: Page, column: Column, place: int, *, first: int, last: int, ids_from: int) -> None:
    """Offer the allowed values; known ids stand in the other sheet from its row `ids_from` (the first is 1) on."""
    values = [choice.value for choice in column.choices]
    if column.type is ColumnType.YES_NO:
        values = ["yes", "no"]
    if values:
        # "information": the Chinese names are fine too, so another value is only remarked on.
        options = {"validate": "list", "source": values, "error_type": "information", "ignore_blank": True}
        page.data_validation(first, place, last, place, options)
    elif column.refers_to:
        page.data_validation(
            first,
            place,
            last,
            place,
            {
                "validate": "list",
                "source": f"={column.refers_to}!$A${ids_from}:$A${DROPDOWN_ROWS}",
                "error_type": "information",
                "ignore_blank": True,
            },
        )


def _note(column: Column) -> str:
    need = Text("必填", "required") if column.required else Text("选填", "optional")
    return f"{column.title.zh} · {need.zh}\n{column.help.zh}\n{column.title.en} · {need.en}\n{column.help.en}"


def _write_help(page: Page, formats: _Formats) -> None:
    intro = Text(
        f"每个表的第一行是表头，不要改动列名。键列以 {COMMENT} 开头的行是备注或示例，不会被读取。"
        "选项可以写英文值，也可以写中文名称。",
        f"The first row of a sheet is its header; keep the names. Rows whose key begins with {COMMENT} are remarks or "
        "examples and are not read. Choices may be written by their English value or by their Chinese name.",
    )
    page.write_string(0, 0, intro.zh, formats.plain)
    page.write_string(1, 0, intro.en, formats.plain)
    titles = ("表 sheet", "列 column", "必填 required", "类型 type", "可选值 values", "说明", "help")
    for place, (title, width) in enumerate(zip(titles, (12, 20, 14, 34, 48, 44, 60), strict=True)):
        page.set_column(place, place, width)
        page.write_string(3, place, title, formats.header)
    row = 4
    for sheet in SHEETS:
        for column in sheet.columns:
            for place, text in enumerate(help_row(sheet, column)):
                page.write_string(row, place, text, formats.wrapped)
            row += 1
    page.freeze_panes(4, 2)


def help_row(sheet: Sheet, column: Column) -> tuple[str, ...]:
    """Return what explains `column`: sheet, name, required, type, values, help in Chinese, help in English."""
    if column.refers_to:
        values = f"→ {column.refers_to}"
    else:
        values = "; ".join(f"{choice.value} {choice.label.zh}" for choice in column.choices)
    kind = f"{column.type.value.zh} / {column.type.value.en}"
    return (sheet.name, column.name, encode(column.required), kind, values, column.help.zh, column.help.en)


def _width(text: str) -> int:
    """Return how many columns of a terminal or sheet `text` fills; a Chinese character fills two."""
    return sum(2 if ord(char) > 0x2E80 else 1 for char in text)  # noqa: PLR2004  # the first CJK block
