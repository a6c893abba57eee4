from dataclasses import MISSING, fields
from pathlib import Path

import pytest

from guiyi.see.register.errors import ProblemCode
from guiyi.see.register.sheets import SHEETS, Sheet
from guiyi.see.register.writer import help_row

DOCS = (Path(__file__).parents[3] / "docs" / "register.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda sheet: sheet.name)
def test_columns_are_the_fields_of_the_row_class_when_compared(sheet: Sheet) -> None:
    row_class = sheet.make
    assert isinstance(row_class, type)
    described = [(c.name, MISSING if c.required else c.default) for c in sheet.columns]
    assert described == [(f.name, f.default) for f in fields(row_class)]  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda sheet: sheet.name)
def test_docs_list_every_column_when_read(sheet: Sheet) -> None:
    for column in sheet.columns:
        _, name, required, kind, values, zh, en = help_row(sheet, column)
        assert f"| `{name}` | {required} | {kind} | {values} | {zh} | {en} |" in DOCS


def test_docs_list_every_problem_code_when_read() -> None:
    assert [code for code in ProblemCode if f"| `{code}` |" not in DOCS] == []
