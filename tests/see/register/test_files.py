import zipfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest

from guiyi.see.register import files
from guiyi.see.register.api import Register, read_register, write_register
from guiyi.see.register.cells import Broken
from guiyi.see.register.errors import ProblemCode, RegisterProblem, RegisterRejected, RegisterUnreadable
from guiyi.see.register.files import read_tables

Problems = Callable[[Callable[[openpyxl.Workbook], None]], tuple[RegisterProblem, ...]]


def _refused(path: Path) -> str:
    with pytest.raises(RegisterUnreadable) as caught:
        read_tables(path)
    assert str(path) in caught.value.message.zh
    return caught.value.message.en


def test_unreadable_when_nothing_is_there(tmp_path: Path) -> None:
    assert "no such file" in _refused(tmp_path / "none.xlsx")


def test_unreadable_when_folder_holds_no_csv(tmp_path: Path) -> None:
    assert "no CSV files" in _refused(tmp_path)


@pytest.mark.parametrize("content", [b"", b"channel_id,name\n", b"PK\x03\x04broken"])
def test_unreadable_when_file_is_no_workbook(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "register.xlsx"
    path.write_bytes(content)
    assert "no valid XLSX" in _refused(path)


def test_unreadable_when_zip_is_no_workbook(tmp_path: Path) -> None:
    path = tmp_path / "register.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")
    assert "no valid XLSX" in _refused(path)


def test_unreadable_when_workbook_unfolds_beyond_the_limit(
    tmp_path: Path, small: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "register.xlsx"
    write_register(small, path)
    monkeypatch.setattr(files, "UNFOLDED_LIMIT_BYTES", 1_000)
    assert "1,000 are allowed" in _refused(path)
    monkeypatch.setattr(files, "FILE_LIMIT_BYTES", 100)
    assert "100 are allowed" in _refused(path)


def test_formula_and_error_cells_are_seen_when_their_values_look_empty_or_plain(problems_after: Problems) -> None:
    def change(book: openpyxl.Workbook) -> None:
        book["costs"]["D2"] = "=900000"
        book["costs"]["D3"] = "#REF!"
        book["costs"]["D3"].data_type = "e"
        book["costs"]["A9"] = "=A2"

    found = [(p.row, p.column, p.code) for p in problems_after(change)]
    assert (2, "amount", ProblemCode.FORMULA) in found
    assert (3, "amount", ProblemCode.ERROR_VALUE) in found
    assert (9, "channel_id", ProblemCode.FORMULA) in found


def test_far_away_cell_is_refused_without_unfolding_the_sheet_when_columns_are_limited(
    problems_after: Problems,
) -> None:
    def change(book: openpyxl.Workbook) -> None:
        book["costs"]["XFD1048576"] = 1

    found = [(p.sheet, p.code) for p in problems_after(change)]
    assert ("costs", ProblemCode.TOO_MANY_ROWS) in found
    assert ("costs", ProblemCode.TOO_MANY_COLUMNS) in found


def test_formatted_empty_cells_are_nothing_when_they_stand_far_away(problems_after: Problems) -> None:
    def change(book: openpyxl.Workbook) -> None:
        book["costs"]["XFD900000"].number_format = "0.00"

    assert problems_after(change) == ()


@pytest.fixture
def folder(tmp_path: Path, small: Register) -> Path:
    write_register(small, tmp_path / "csv")
    return tmp_path / "csv"


def test_csv_is_read_when_byte_order_mark_is_there_or_not(folder: Path, small: Register) -> None:
    assert (folder / "channels.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    text = (folder / "channels.csv").read_text(encoding="utf-8-sig")
    (folder / "channels.csv").write_text(text, encoding="utf-8")
    assert read_register(folder) == small


def test_csv_rows_have_an_editors_numbers_when_lines_are_blank_or_quoted(folder: Path) -> None:
    path = folder / "costs.csv"
    path.write_text(
        'channel_id,heading,timing,amount\n\napp,"运\n维",per_year,1\napp,x,per_year,many\n', encoding="utf-8"
    )
    with pytest.raises(RegisterRejected) as caught:
        read_register(folder)
    assert [(p.row, p.code) for p in caught.value.problems] == [
        (4, ProblemCode.BAD_CHARACTER),
        (5, ProblemCode.NOT_A_NUMBER),
    ]


def test_unreadable_when_csv_is_not_utf8(folder: Path) -> None:
    (folder / "costs.csv").write_bytes("channel_id\n运维".encode("gbk"))
    assert "line 2 is not UTF-8" in _refused_csv(folder)


def test_unreadable_when_csv_has_a_stray_quote(folder: Path) -> None:
    (folder / "costs.csv").write_text('channel_id\n"a"b,c\n', encoding="utf-8")
    assert "no valid CSV" in _refused_csv(folder)


def _refused_csv(folder: Path) -> str:
    with pytest.raises(RegisterUnreadable) as caught:
        read_tables(folder)
    return caught.value.message.en


def test_refused_when_csv_has_too_many_rows_or_columns(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "ROWS_LIMIT", 5)
    (folder / "costs.csv").write_text("channel_id\n" * 9, encoding="utf-8")
    (folder / "filings.csv").write_text("x," * 200, encoding="utf-8")
    tables = read_tables(folder)
    assert tables["costs"].too_many_rows
    assert tables["filings"].too_many_columns


def test_formula_like_texts_are_escaped_in_csv_when_exported(tmp_path: Path, small: Register) -> None:
    write_register(small, tmp_path / "csv")
    path = tmp_path / "csv" / "costs.csv"
    text = path.read_text(encoding="utf-8-sig").replace("运维", "'=HYPERLINK(1)")
    path.write_text(text, encoding="utf-8")
    register = read_register(tmp_path / "csv")
    assert register.costs[0].heading == "=HYPERLINK(1)"
    write_register(register, tmp_path / "csv")
    assert "'=HYPERLINK(1)" in path.read_text(encoding="utf-8-sig")


def test_broken_kinds_are_texts_when_compared() -> None:
    assert Broken("formula") is Broken.FORMULA
