from dataclasses import replace
from pathlib import Path

import openpyxl
import pytest

from guiyi.see.register import writer
from guiyi.see.register.api import Register, read_register, write_register, write_template
from guiyi.see.register.errors import ProblemCode, RegisterExportRefused, RegisterRejected
from guiyi.see.register.sheets import EXAMPLE_MARK, SHEETS


def test_bytes_are_equal_when_register_is_equal(tmp_path: Path, small: Register) -> None:
    for name in ("a.xlsx", "b.xlsx"):
        write_register(small, tmp_path / name)
    assert (tmp_path / "a.xlsx").read_bytes() == (tmp_path / "b.xlsx").read_bytes()


def test_every_sheet_says_so_when_register_is_an_example(tmp_path: Path, small: Register) -> None:
    register = replace(small, example=True)
    write_register(register, tmp_path / "example.xlsx")
    write_register(register, tmp_path / "example")
    book = openpyxl.load_workbook(tmp_path / "example.xlsx")
    for sheet in SHEETS:
        page = book[sheet.name]
        assert EXAMPLE_MARK.zh in str(page["A1"].value)
        assert page.freeze_panes is not None
        assert EXAMPLE_MARK.zh in (tmp_path / "example" / f"{sheet.name}.csv").read_text(encoding="utf-8-sig")
    assert EXAMPLE_MARK.zh in str(book["about"]["A4"].value)
    assert read_register(tmp_path / "example.xlsx") == read_register(tmp_path / "example") == register


def test_formula_like_texts_are_strings_when_workbook_is_opened(tmp_path: Path, small: Register) -> None:
    costs = (replace(small.costs[0], heading="=1+1"), replace(small.costs[0], heading="@x"))
    write_register(replace(small, costs=costs), tmp_path / "register.xlsx")
    page = openpyxl.load_workbook(tmp_path / "register.xlsx")["costs"]
    assert (page["B2"].value, page["B2"].data_type) == ("=1+1", "s")


def test_old_file_stays_when_writing_fails(tmp_path: Path, small: Register, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "register.xlsx"
    path.write_text("old")

    def fail(*_args: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(writer, "_write_about", fail)
    with pytest.raises(OSError, match="disk full"):
        write_register(small, path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["register.xlsx"]
    assert path.read_text() == "old"


def test_export_is_replaced_when_folder_holds_one(tmp_path: Path, small: Register) -> None:
    write_register(replace(small, costs=()), tmp_path / "csv")
    write_register(small, tmp_path / "csv")
    assert read_register(tmp_path / "csv") == small
    assert [entry.name for entry in tmp_path.iterdir()] == ["csv"]


def test_template_is_refused_when_it_would_be_no_workbook(tmp_path: Path) -> None:
    with pytest.raises(RegisterExportRefused):
        write_template(tmp_path / "template.csv")


@pytest.mark.parametrize("name", ["csv", "register.csv", "new.ods", "taken"])
def test_export_is_refused_when_other_things_are_there(tmp_path: Path, small: Register, name: str) -> None:
    (tmp_path / "csv").mkdir()
    (tmp_path / "csv" / "budget.docx").write_text("mine")
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(RegisterExportRefused):
        write_register(small, tmp_path / name)
    assert (tmp_path / "csv" / "budget.docx").read_text() == "mine"


def test_template_explains_every_column_when_opened(tmp_path: Path) -> None:
    write_template(tmp_path / "template.xlsx")
    book = openpyxl.load_workbook(tmp_path / "template.xlsx")
    explained = {(row[0].value, row[1].value) for row in book["help"].iter_rows(min_row=5)}
    assert explained == {(sheet.name, column.name) for sheet in SHEETS for column in sheet.columns}
    for sheet in SHEETS:
        page = book[sheet.name]
        assert [cell.value for cell in page[1]] == [column.name for column in sheet.columns]
        assert all(cell.comment and sheet.columns[n].help.zh in cell.comment.text for n, cell in enumerate(page[1]))
        assert str(page["A2"].value).startswith("# 示例行 example: ")
        assert page.freeze_panes is not None
    lists = {str(rule.formula1) for rule in book["channels"].data_validations.dataValidation}
    assert '"app,service_account,subscription_account,mini_program,website,direct_bank"' in lists
    assert any("platforms!" in formula for formula in lists)


def test_examples_are_not_read_when_template_is_filled_in(tmp_path: Path, small: Register) -> None:
    path = tmp_path / "template.xlsx"
    write_template(path)
    with pytest.raises(RegisterRejected) as caught:
        read_register(path)
    assert [problem.code for problem in caught.value.problems] == [ProblemCode.EMPTY_SHEET]
    assert "#" in caught.value.problems[0].reason.en
    book = openpyxl.load_workbook(path)
    book["platforms"].append(["own", "自有", "Own"])
    book["channels"].append(["app", "手机银行", "App", "App", "own", "a", "b"])
    book.save(path)
    assert read_register(path).channels == (
        replace(
            small.channels[0],
            name_zh="手机银行",
            name_en="App",
            owner_department="a",
            lead_department="b",
            opened_on=None,
        ),
    )
