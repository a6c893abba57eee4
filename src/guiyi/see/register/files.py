"""From a workbook or a folder of CSV files to bare tables of cells; what the cells mean is none of its business.

A workbook comes from outside: its size, its rows and its columns are looked at before it is unfolded in memory.
Formulas and error values are found in the sheets' own XML, since a reader of values shows them as plain or empty cells.
"""

import csv
import html
import io
import re
import zipfile
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path, PurePosixPath

from python_calamine import CalamineError, CalamineWorkbook

from guiyi.kit.text import Text
from guiyi.see.register.cells import Broken, Cell
from guiyi.see.register.errors import RegisterUnreadable

FILE_LIMIT_BYTES = 100 * 1024 * 1024
"""Of a workbook as it lies on disk, and of one CSV file."""
UNFOLDED_LIMIT_BYTES = 1024 * 1024 * 1024
"""Of all parts of a workbook together, unzipped."""
ROWS_LIMIT = 200_000
"""Rows of a sheet, header included."""
COLUMNS_LIMIT = 100
"""Columns of a sheet."""
CSV_ESCAPE = "'"
"""Stands before a text that a spreadsheet would take for a formula, and is taken off at reading."""
CSV_ESCAPED = ("=", "+", "-", "@", "'", "\t", "\r")

_SHEET = re.compile(rb"<(?:\w+:)?sheet\s[^>]*>")
_RELATIONSHIP = re.compile(rb"<(?:\w+:)?Relationship\s[^>]*>")
_ATTRIBUTE = re.compile(rb"([\w:]+)\s*=\s*[\"']([^\"']*)[\"']")
_CELL = re.compile(rb"<(?:\w+:)?c\s([^>]*?)\br=\"([A-Z]{1,3})(\d{1,7})\"([^>]*)>(\s*<(?:\w+:)?f[\s/>])?")
_ERROR_TYPE = b't="e"'


@dataclass(frozen=True, slots=True)
class Table:
    """The cells of one sheet; row and column 0 are the first of the file."""

    name: str
    rows: list[list[Cell]]
    too_many_rows: bool = False
    too_many_columns: bool = False


def read_tables(path: Path) -> dict[str, Table]:
    """Return the tables of a workbook or folder by their names in lower case.

    Raises:
        RegisterUnreadable: There is nothing there, or it is neither an XLSX workbook nor a folder of CSV files.
    """
    if path.is_dir():
        tables = [_read_csv(file) for file in sorted(path.iterdir()) if file.suffix.lower() == ".csv"]
        if not tables:
            raise _unreadable(path, Text("文件夹里没有 CSV 文件", "the folder holds no CSV files"))
    elif path.is_file():
        tables = _read_workbook(path)
    else:
        raise _unreadable(path, Text("没有这个文件或文件夹", "there is no such file or folder"))
    return {table.name.strip().lower(): table for table in tables}


def _unreadable(path: Path, reason: Text) -> RegisterUnreadable:
    return RegisterUnreadable(
        Text(
            f"无法读取 {path}：{reason.zh}。请提供 XLSX 工作簿，或含同名 CSV 文件的文件夹。",
            f"Cannot read {path}: {reason.en}. Give an XLSX workbook, or a folder of CSV files of the sheets' names.",
        ),
        path=str(path),
    )


def _check_size(path: Path, size: int, limit: int) -> None:
    if size > limit:
        raise _unreadable(
            path,
            Text(f"大小 {size:,} 字节，上限 {limit:,}", f"it has {size:,} bytes, {limit:,} are allowed"),
        )


def _read_csv(path: Path) -> Table:
    _check_size(path, path.stat().st_size, FILE_LIMIT_BYTES)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        reason = Text(
            f"第 {line} 行不是 UTF-8；请另存为“CSV UTF-8”", f"line {line} is not UTF-8; save it as “CSV UTF-8”"
        )
        raise _unreadable(path, reason) from error
    rows: list[list[Cell]] = []
    widest = 0
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        for row in reader:
            # A quoted line break makes a record longer than a line; empty rows keep the numbers those of an editor.
            rows.extend([] for _ in range(reader.line_num - 1 - len(rows)))
            rows.append([_unescaped(cell) for cell in row])
            widest = max(widest, len(row))
            if len(rows) > ROWS_LIMIT or widest > COLUMNS_LIMIT:
                break
    except csv.Error as error:
        reason = Text(
            f"第 {reader.line_num} 行不是有效的 CSV（{error}）", f"line {reader.line_num} is no valid CSV ({error})"
        )
        raise _unreadable(path, reason) from error
    return Table(path.stem, rows, too_many_rows=len(rows) > ROWS_LIMIT, too_many_columns=widest > COLUMNS_LIMIT)


def escaped(text: str) -> str:
    """Return `text` so that no spreadsheet takes it for a formula when it opens the CSV file."""
    return CSV_ESCAPE + text if text.startswith(CSV_ESCAPED) else text


def _unescaped(text: str) -> str:
    return text[1:] if text.startswith(CSV_ESCAPE) and text[1:].startswith(CSV_ESCAPED) else text


@dataclass(frozen=True, slots=True)
class _Outline:
    """What a sheet's XML tells before its values are read."""

    rows: int
    columns: int
    broken: list[tuple[int, int, Broken]]


def _read_workbook(path: Path) -> list[Table]:
    _check_size(path, path.stat().st_size, FILE_LIMIT_BYTES)
    try:
        with zipfile.ZipFile(path) as archive:
            _check_size(path, sum(info.file_size for info in archive.infolist()), UNFOLDED_LIMIT_BYTES)
            outlines = {name: _outline(archive.read(part)) for name, part in _sheet_parts(archive)}
        with path.open("rb") as file, CalamineWorkbook.from_filelike(file) as workbook:
            return [_table(workbook, name, outline) for name, outline in outlines.items()]
    except (zipfile.BadZipFile, KeyError, CalamineError, NotImplementedError, OSError) as error:
        raise _unreadable(path, Text("不是有效的 XLSX 工作簿", "it is no valid XLSX workbook")) from error


def _sheet_parts(archive: zipfile.ZipFile) -> list[tuple[str, str]]:
    """Return each sheet's name with the archive's part that holds it."""
    targets: dict[str, str] = {}
    for tag in _RELATIONSHIP.findall(archive.read("xl/_rels/workbook.xml.rels")):
        attributes = _attributes(tag)
        targets[attributes["Id"]] = attributes["Target"]
    parts: list[tuple[str, str]] = []
    for tag in _SHEET.findall(archive.read("xl/workbook.xml")):
        attributes = _attributes(tag)
        target = targets[attributes["r:id"]]
        part = target.lstrip("/") if target.startswith("/") else str(PurePosixPath("xl") / target)
        if "worksheets/" in part:
            parts.append((attributes["name"], part))
    return parts


def _attributes(tag: bytes) -> dict[str, str]:
    return {name.decode(): html.unescape(value.decode()) for name, value in _ATTRIBUTE.findall(tag)}


def _outline(xml: bytes) -> _Outline:
    rows = columns = 0
    broken: list[tuple[int, int, Broken]] = []
    for before, letters, digits, after, formula in _CELL.findall(xml):
        if after.endswith(b"/"):  # formatted, and empty
            continue
        row, column = int(digits), _column_number(letters)
        rows, columns = max(rows, row), max(columns, column)
        if formula:
            broken.append((row - 1, column - 1, Broken.FORMULA))
        elif _ERROR_TYPE in after or _ERROR_TYPE in before:
            broken.append((row - 1, column - 1, Broken.ERROR))
    return _Outline(rows, columns, broken)


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - ord("A") + 1
    return number


def _table(workbook: CalamineWorkbook, name: str, outline: _Outline) -> Table:
    if outline.rows > ROWS_LIMIT or outline.columns > COLUMNS_LIMIT:
        return Table(
            name,
            [],
            too_many_rows=outline.rows > ROWS_LIMIT,
            too_many_columns=outline.columns > COLUMNS_LIMIT,
        )
    # A duration becomes a text, which is refused wherever another type is due.
    rows: list[list[Cell]] = [
        [str(value) if isinstance(value, timedelta) else value for value in values]
        for values in workbook.get_sheet_by_name(name).to_python(skip_empty_area=False)
    ]
    for row, column, kind in outline.broken:
        rows.extend([] for _ in range(row + 1 - len(rows)))
        rows[row].extend(None for _ in range(column + 1 - len(rows[row])))
        rows[row][column] = kind
    return Table(name, rows)
