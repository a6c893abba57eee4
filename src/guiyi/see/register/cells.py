"""One cell: from what stands in a file to a value, or to the reason why not.

Spreadsheets keep every number as a float and show 15 significant digits of it; so do we: 0.1 + 0.2 is read as 0.3.
Amounts stay below `MONEY_LIMIT`, so that 15 digits hold them exactly and nothing is lost on the way through XLSX.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum

from rapidfuzz import process

from guiyi.kit.text import Text
from guiyi.see.register.errors import ProblemCode
from guiyi.see.register.model import ChannelKind, ChannelStatus, CostTiming, FilingKind
from guiyi.see.register.sheets import Column, ColumnType, Value

TEXT_LIMIT = 500
"""Characters of a text."""
ID_LIMIT = 64
"""Characters of an id."""
LIST_LIMIT = 100
"""Ids in one cell."""
MONEY_LIMIT = Decimal(10) ** 12
"""Amounts are below it, in units of the currency."""
MONEY_DECIMALS = 2
RATE_DECIMALS = 6
SCORE_LIMIT = 100
SHOWN_CHARACTERS = 80
"""Of a refused value in a problem."""
LIKENESS = 60
"""From this score of rapidfuzz on (0 to 100), a known word is suggested."""
FLOAT_DIGITS = 15
"""Significant digits of a float that a spreadsheet shows and keeps."""
DAY_ZERO = date(1899, 12, 30)
"""Day 0 of spreadsheets."""
SERIALS = range(20_000, 80_000)
"""Numbers that are probably dates: 1954 to 2119."""

ERROR_VALUES = frozenset(
    ("#REF!", "#N/A", "#NAME?", "#VALUE!", "#DIV/0!", "#NULL!", "#NUM!", "#SPILL!", "#CALC!", "#FIELD!", "#BLOCKED!")
)
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_FUNCTION_ID = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_GROUPED = re.compile(r"-?\d{1,3}([,，' \u00a0\u202f]\d{3})+(\.\d+)?")
_DATE = re.compile(r"(\d{4})([-/.年])(\d{1,2})([-/.月])(\d{1,2})日?")
_LIST_SEPARATORS = re.compile(r"[,，;；、\n]")
_YES_NO = {"yes": True, "no": False, "是": True, "否": False, "true": True, "false": False}
_ENUMS: dict[str, Callable[[str], StrEnum]] = {
    "kind": ChannelKind,
    "kind_from": ChannelKind,
    "kind_host": ChannelKind,
    "status": ChannelStatus,
    "timing": CostTiming,
    "filing_kind": FilingKind,
}


class Broken(StrEnum):
    """A cell of a workbook that holds no value of its own."""

    FORMULA = "formula"
    ERROR = "error"


Cell = str | float | bool | date | datetime | time | Broken | None
"""What a file holds in one place; None is empty."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a cell cannot be read."""

    code: ProblemCode
    reason: Text
    suggestion: str | None = None


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that is most like `word`, or None when none is like it."""
    found = process.extractOne(word, list(known), score_cutoff=LIKENESS)
    return found[0] if found else None


def shown(cell: Cell) -> str:
    """Return `cell` as a problem shows it: short, in one line."""
    match cell:
        case None:
            text = ""
        case Broken():
            text = f"({cell.value})"
        case bool():
            text = "TRUE" if cell else "FALSE"
        case float() | int():
            text = _digits(cell)
        case _:
            text = str(cell)
    text = " ".join(text.split())
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…"


def is_empty(cell: Cell) -> bool:
    """Tell whether nothing stands in `cell`."""
    return cell is None or (isinstance(cell, str) and not isinstance(cell, Broken) and not cell.strip())


def parse(column: Column, cell: Cell) -> Value | Refusal:
    """Return the value of `cell` in `column`, or why it is refused."""
    if isinstance(cell, str) and (isinstance(cell, Broken) or cell.strip() in ERROR_VALUES):
        return _broken(cell)
    if is_empty(cell) or cell is None:
        if column.required:
            return Refusal(ProblemCode.REQUIRED, Text("必填，不能为空", "it is required and cannot be empty"))
        return column.default
    return _PARSERS[column.type](column, cell)


def _broken(cell: str) -> Refusal:
    if cell is Broken.FORMULA:
        return Refusal(
            ProblemCode.FORMULA,
            Text("是公式；请粘贴为值", "it is a formula; paste its value instead"),
        )
    return Refusal(ProblemCode.ERROR_VALUE, Text("是电子表格的错误值", "it is a spreadsheet's error value"))


def _digits(number: float) -> str:
    return f"{Decimal(f'{number:.{FLOAT_DIGITS}g}'):f}"


def _as_text(cell: Cell) -> str | Refusal:
    """Return a text cell's characters; a number that a spreadsheet made of them is turned back where that is exact."""
    if isinstance(cell, str):
        text = cell.strip()
        if any(unicodedata.category(char) in ("Cc", "Cs", "Cn", "Zl", "Zp") for char in text):
            return Refusal(
                ProblemCode.BAD_CHARACTER,
                Text("含有换行或控制字符", "it holds a line break or a control character"),
                " ".join("".join(char if char.isprintable() else " " for char in text).split()),
            )
        return text
    if isinstance(cell, float | int) and not isinstance(cell, bool) and abs(cell) < 10**FLOAT_DIGITS:
        return _digits(cell)
    return Refusal(
        ProblemCode.NOT_A_TEXT,
        Text(
            "表格软件已把它变成日期、真假值或被舍入的长数字；请把单元格设为文本后重新输入",
            "the spreadsheet turned it into a date, a truth value or a rounded long number; "
            "format the cell as text and type it again",
        ),
    )


def _parse_text(_column: Column, cell: Cell) -> Value | Refusal:
    text = _as_text(cell)
    if isinstance(text, str) and len(text) > TEXT_LIMIT:
        return _too_long(len(text), TEXT_LIMIT)
    return text


def _too_long(length: int, limit: int) -> Refusal:
    return Refusal(
        ProblemCode.TOO_LONG,
        Text(f"有 {length} 个字符，最多 {limit} 个", f"it has {length} characters; {limit} are allowed"),
    )


def _parse_id(column: Column, cell: Cell) -> Value | Refusal:
    text = _as_text(cell)
    if isinstance(text, Refusal):
        return text
    if len(text) > ID_LIMIT:
        return _too_long(len(text), ID_LIMIT)
    if column.type is ColumnType.FUNCTION_ID:
        if _FUNCTION_ID.fullmatch(text):
            return text
        return Refusal(
            ProblemCode.BAD_FUNCTION_ID,
            Text(
                "功能编号应为 领域.功能，例如 payments.transfer_bank",
                "a function id is domain.function, as payments.transfer_bank",
            ),
            _suggested_function_id(text),
        )
    if _ID.fullmatch(text) or (column.type is ColumnType.SEGMENT and text == "*"):
        return text
    return Refusal(
        ProblemCode.BAD_ID,
        Text(
            "编号只能用英文字母、数字、. _ -，并以字母或数字开头",
            "an id has letters, digits, . _ - only and begins with a letter or digit",
        ),
        _suggested_id(text),
    )


def _suggested_id(text: str) -> str | None:
    plain = unicodedata.normalize("NFKC", text)
    return re.sub(r"[^A-Za-z0-9._-]+", "_", plain).strip("._-") or None


def _suggested_function_id(text: str) -> str | None:
    plain = unicodedata.normalize("NFKC", text).strip().lower()
    plain = re.sub(r"[^a-z0-9_]+", ".", plain).strip("._")
    return plain if _FUNCTION_ID.fullmatch(plain) else None


def _parse_id_list(_column: Column, cell: Cell) -> Value | Refusal:
    text = cell if isinstance(cell, str) else _as_text(cell)
    if isinstance(text, Refusal):
        return text
    words = tuple(word.strip() for word in _LIST_SEPARATORS.split(text) if word.strip())
    if len(words) > LIST_LIMIT:
        return Refusal(
            ProblemCode.TOO_LONG,
            Text(f"有 {len(words)} 个编号，最多 {LIST_LIMIT} 个", f"it has {len(words)} ids; {LIST_LIMIT} are allowed"),
        )
    for index, word in enumerate(words):
        if len(word) > ID_LIMIT or not _ID.fullmatch(word):
            return Refusal(
                ProblemCode.BAD_ID,
                Text(
                    f"“{shown(word)}” 不是有效编号；编号之间用逗号分隔",
                    f"“{shown(word)}” is no id; separate ids by commas",
                ),
                _suggested_id(word),
            )
        if word in words[:index]:
            return Refusal(
                ProblemCode.REPEATED_VALUE,
                Text(f"“{word}” 重复", f"“{word}” stands there twice"),
                ", ".join(dict.fromkeys(words)),
            )
    return words


def _parse_number(cell: Cell, decimals: int) -> Decimal | Refusal:
    if isinstance(cell, bool) or not isinstance(cell, str | float | int):
        return Refusal(ProblemCode.NOT_A_NUMBER, Text("不是数字", "it is not a number"))
    text = unicodedata.normalize("NFKC", cell.strip()) if isinstance(cell, str) else _digits(cell)
    if not _NUMBER.fullmatch(text):
        return _refused_number(text)
    number = Decimal(text)
    if number < 0:
        return Refusal(ProblemCode.NEGATIVE, Text("不能为负数", "it cannot be negative"), f"{-number:f}")
    if number != round(number, decimals):
        return Refusal(
            ProblemCode.TOO_MANY_DECIMALS,
            Text(f"最多 {decimals} 位小数", f"at most {decimals} decimals are allowed"),
            f"{round(number, decimals):f}",
        )
    return number


def _refused_number(text: str) -> Refusal:
    plain = re.sub(r"[,，' \u00a0\u202f]", "", text)
    bare = re.sub(r"^[¥￥$€]|元$|[A-Z]{3}$", "", plain)
    if _GROUPED.fullmatch(text):
        return Refusal(
            ProblemCode.THOUSANDS_SEPARATOR,
            Text("请不要写千位分隔符", "write it without thousands separators"),
            plain,
        )
    return Refusal(
        ProblemCode.NOT_A_NUMBER,
        Text("不是数字", "it is not a number"),
        bare if _NUMBER.fullmatch(bare) else None,
    )


def _parse_money(_column: Column, cell: Cell) -> Value | Refusal:
    number = _parse_number(cell, MONEY_DECIMALS)
    if isinstance(number, Decimal) and number >= MONEY_LIMIT:
        return Refusal(
            ProblemCode.TOO_LARGE,
            Text(f"金额须小于 {MONEY_LIMIT:,f}", f"an amount is below {MONEY_LIMIT:,f}"),
        )
    return number


def _parse_rate(_column: Column, cell: Cell) -> Value | Refusal:
    number = _parse_number(cell, RATE_DECIMALS)
    if isinstance(number, Decimal) and number > 1:
        percent = number / 100
        return Refusal(
            ProblemCode.OUT_OF_RANGE,
            Text("比例须在 0 与 1 之间", "a share is between 0 and 1"),
            f"{percent:f}" if percent <= 1 else None,
        )
    return number


def _parse_score(_column: Column, cell: Cell) -> Value | Refusal:
    number = _parse_number(cell, 0)
    if isinstance(number, Refusal):
        return number
    if number > SCORE_LIMIT:
        return Refusal(
            ProblemCode.OUT_OF_RANGE,
            Text(f"须为 0 到 {SCORE_LIMIT} 的整数", f"it is a whole number from 0 to {SCORE_LIMIT}"),
        )
    return int(number)


def _parse_date(_column: Column, cell: Cell) -> Value | Refusal:
    suggestion: str | None = None
    if isinstance(cell, datetime):
        if cell.time() == time():
            return cell.date()
        suggestion = cell.date().isoformat()
    elif isinstance(cell, date):
        return cell
    elif isinstance(cell, str):
        found = _DATE.fullmatch(cell.strip())
        if found and (found[2] == found[4] or found[2] == "年"):
            try:
                return date(int(found[1]), int(found[3]), int(found[5]))
            except ValueError:
                suggestion = None
    elif isinstance(cell, float | int) and not isinstance(cell, bool) and int(cell) in SERIALS:
        suggestion = (DAY_ZERO + timedelta(days=int(cell))).isoformat()
    return Refusal(
        ProblemCode.NOT_A_DATE,
        Text(
            "不是日期；请写作 YYYY-MM-DD 或使用日期格式的单元格",
            "it is not a date; write YYYY-MM-DD or format the cell as a date",
        ),
        suggestion,
    )


def _parse_yes_no(_column: Column, cell: Cell) -> Value | Refusal:
    if isinstance(cell, bool):
        return cell
    if isinstance(cell, str) and cell.strip().lower() in _YES_NO:
        return _YES_NO[cell.strip().lower()]
    return Refusal(ProblemCode.NOT_YES_NO, Text("请填 yes 或 no（是 或 否）", "write yes or no (是 or 否)"), "yes, no")


def _parse_choice(column: Column, cell: Cell) -> Value | Refusal:
    words = {choice.value.lower(): choice.value for choice in column.choices}
    words |= {choice.label.zh.lower(): choice.value for choice in column.choices}
    text = cell.strip() if isinstance(cell, str) else shown(cell)
    value = words.get(text.lower())
    if value is None:
        like = nearest(text.lower(), words)
        allowed = ", ".join(choice.value for choice in column.choices)
        return Refusal(
            ProblemCode.NOT_A_CHOICE,
            Text(f"不在可选值内：{allowed}", f"it is none of: {allowed}"),
            words[like] if like else allowed,
        )
    return _ENUMS[column.name](value) if column.name in _ENUMS else value


_PARSERS: dict[ColumnType, Callable[[Column, Cell], Value | Refusal]] = {
    ColumnType.ID: _parse_id,
    ColumnType.FUNCTION_ID: _parse_id,
    ColumnType.SEGMENT: _parse_id,
    ColumnType.TEXT: _parse_text,
    ColumnType.MONEY: _parse_money,
    ColumnType.RATE: _parse_rate,
    ColumnType.SCORE: _parse_score,
    ColumnType.DATE: _parse_date,
    ColumnType.YES_NO: _parse_yes_no,
    ColumnType.CHOICE: _parse_choice,
    ColumnType.ID_LIST: _parse_id_list,
}
