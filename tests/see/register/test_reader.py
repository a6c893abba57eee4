from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import openpyxl
import pytest
from openpyxl.worksheet.worksheet import Worksheet

from guiyi.kit.text import Text
from guiyi.see.register import reader
from guiyi.see.register.api import Register, read_register, write_register
from guiyi.see.register.errors import PROBLEMS_LIMIT, ProblemCode, RegisterProblem, RegisterRejected
from guiyi.see.register.sheets import SHEETS

P = ProblemCode
SAMPLE = Path(__file__).parents[2] / "samples" / "register-12-mistakes.xlsx"
GRANTED = "url_link, template_message, subscribe_message, wx_login, wx_pay, menu, scene_qr, jssdk"
Problems = Callable[[Callable[[openpyxl.Workbook], None]], tuple[RegisterProblem, ...]]
Found = tuple[str, int | None, str | None, ProblemCode, str | None]


def _facts(problems: tuple[RegisterProblem, ...]) -> list[Found]:
    return [(p.sheet, p.row, p.column, p.code, p.suggestion) for p in problems]


def test_all_twelve_are_reported_when_workbook_has_twelve_mistakes() -> None:
    with pytest.raises(RegisterRejected) as caught:
        read_register(SAMPLE)
    assert _facts(caught.value.problems) == [
        ("channels", 3, "kind", P.NOT_A_CHOICE, "service_account"),
        ("channels", 4, "closed_on", P.WRONG_ORDER, None),
        ("channels", 5, "platform_id", P.UNKNOWN_REFERENCE, "wechat"),
        ("functions", 63, "function_id", P.BAD_FUNCTION_ID, None),
        ("offerings", 4, "running_cost", P.THOUSANDS_SEPARATOR, "12000"),
        ("offerings", 5, "channel_id", P.UNKNOWN_REFERENCE, "mobile_bank"),
        ("offerings", 100, "capabilities", P.CAPABILITY_NOT_GRANTED, GRANTED),
        ("hosting", 5, "function_id", P.OFFERED_ALREADY, None),
        ("costs", 6, "amount", P.FORMULA, None),
        ("costs", 7, "amount", P.NEGATIVE, "50000"),
        ("filings", 4, "filed_on", P.NOT_A_DATE, "2023-03-15"),
        ("attrition", 9, "rate", P.OUT_OF_RANGE, "0.35"),
    ]
    assert caught.value.more == 0
    for problem in caught.value.problems:
        assert problem.value
        assert problem.reason.zh
        assert problem.reason.en


def _sheet(book: openpyxl.Workbook, name: str) -> Worksheet:
    sheet = book[name]
    assert isinstance(sheet, Worksheet)
    return sheet


def _drop_sheet(book: openpyxl.Workbook) -> None:
    _sheet(book, "hosting").title = "hostings"


def _empty_sheet(book: openpyxl.Workbook) -> None:
    _sheet(book, "attrition").delete_rows(1, 9)


def _rename_column(book: openpyxl.Workbook) -> None:
    _sheet(book, "costs")["D1"] = "ammount"


def _rename_optional_column(book: openpyxl.Workbook) -> None:
    _sheet(book, "offerings")["D1"] = "runing_cost"


def _repeat_column(book: openpyxl.Workbook) -> None:
    _sheet(book, "costs")["E1"] = "amount"


def _write_beside(book: openpyxl.Workbook) -> None:
    _sheet(book, "costs")["G2"] = "?"


def _repeat_row(book: openpyxl.Workbook) -> None:
    _sheet(book, "costs").append(["app", "运维", "每年", 1])


def _cancel_early(book: openpyxl.Workbook) -> None:
    _sheet(book, "filings")["F2"] = date(2019, 1, 1)


def _level_of_a_filing(book: openpyxl.Workbook) -> None:
    _sheet(book, "filings")["D2"] = "3"


def _level_too_high(book: openpyxl.Workbook) -> None:
    _sheet(book, "filings")["D3"] = "6"


def _unknown_function(book: openpyxl.Workbook) -> None:
    _sheet(book, "hosting")["B2"] = "payments.transfers"


def _bad_reference(book: openpyxl.Workbook) -> None:
    _sheet(book, "hosting")["B2"] = "Transfer"


def _only_remarks(book: openpyxl.Workbook) -> None:
    for name in ("channels", "offerings", "hosting", "costs", "filings"):
        _sheet(book, name).delete_rows(2, 9)
    _sheet(book, "channels")["A2"] = "# example: app"


def _spare_id(book: openpyxl.Workbook) -> None:
    _sheet(book, "channels")["C3"] = None


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (_drop_sheet, [("hosting", None, None, P.MISSING_SHEET, "hostings")]),
        (_empty_sheet, [("attrition", None, None, P.EMPTY_SHEET, None)]),
        (
            _rename_column,
            [("costs", 1, "ammount", P.UNKNOWN_COLUMN, "amount"), ("costs", 1, "amount", P.MISSING_COLUMN, None)],
        ),
        (_rename_optional_column, [("offerings", 1, "runing_cost", P.UNKNOWN_COLUMN, "running_cost")]),
        (_repeat_column, [("costs", 1, "amount", P.REPEATED_COLUMN, None)]),
        (_write_beside, [("costs", 2, None, P.VALUE_WITHOUT_COLUMN, None)]),
        (_repeat_row, [("costs", 4, "timing", P.DUPLICATE, None)]),
        (_cancel_early, [("filings", 2, "cancelled_on", P.WRONG_ORDER, None)]),
        (_level_of_a_filing, [("filings", 2, "level", P.LEVEL_NOT_ALLOWED, None)]),
        (_level_too_high, [("filings", 3, "level", P.OUT_OF_RANGE, "1, 2, 3, 4, 5")]),
        (_unknown_function, [("hosting", 2, "function_id", P.UNKNOWN_REFERENCE, "payments.transfer")]),
        (_bad_reference, [("hosting", 2, "function_id", P.BAD_FUNCTION_ID, "payments.transfer")]),
        (_only_remarks, [("channels", None, None, P.EMPTY_SHEET, None)]),
        # The row's own mistake alone: what refers to its id is not blamed.
        (_spare_id, [("channels", 3, "name_en", P.REQUIRED, None)]),
    ],
)
def test_mistake_is_named_when_workbook_has_one(
    problems_after: Problems, change: Callable[[openpyxl.Workbook], None], expected: list[Found]
) -> None:
    assert _facts(problems_after(change)) == expected


def test_hundred_are_kept_and_the_rest_counted_when_there_are_more(tmp_path: Path, small: Register) -> None:
    costs = tuple(replace(small.costs[0], heading=f"h{n}") for n in range(1_250))
    write_register(replace(small, costs=costs), tmp_path / "csv")
    path = tmp_path / "csv" / "costs.csv"
    path.write_text(path.read_text(encoding="utf-8-sig").replace("900000", "many"), encoding="utf-8")
    with pytest.raises(RegisterRejected) as caught:
        read_register(tmp_path / "csv")
    assert len(caught.value.problems) == PROBLEMS_LIMIT
    assert caught.value.more == 1_150
    assert "1250 problems" in caught.value.message.en
    assert caught.value.details["more"] == 1_150


def test_remarks_and_other_sheets_are_passed_over_when_read(problems_after: Problems) -> None:
    def change(book: openpyxl.Workbook) -> None:
        _sheet(book, "channels").insert_rows(1)
        _sheet(book, "channels")["A1"] = "# our own note"
        _sheet(book, "channels").append(["# app2", "half a row"])
        book.create_sheet("Sheet1")["A1"] = "whatever"

    assert problems_after(change) == ()


def test_columns_may_stand_in_any_order_and_optional_ones_may_be_missing_when_read(
    tmp_path: Path, small: Register
) -> None:
    write_register(small, tmp_path / "csv")
    (tmp_path / "csv" / "functions.csv").write_text(
        "name_en,function_id,name_zh\nBalance,accounts.balance,余额\nTransfer,payments.transfer,转账\n",
        encoding="utf-8",
    )
    functions = read_register(tmp_path / "csv").functions
    assert [(f.name_en, f.may_end) for f in functions] == [("Balance", False), ("Transfer", False)]


def test_steps_are_told_when_read(tmp_path: Path, small: Register) -> None:
    told: list[tuple[int, int | None]] = []
    write_register(small, tmp_path / "register.xlsx")

    def tell(step: Text, done: int, total: int | None = None) -> None:
        assert step.zh
        told.append((done, total))

    read_register(tmp_path / "register.xlsx", progress=tell)
    assert told == [(0, 8), *((n, 8) for n in range(1, 9))]


def test_rows_are_in_key_order_when_ordered(small: Register) -> None:
    turned = replace(small, channels=small.channels[::-1], offerings=small.offerings[::-1])
    assert reader.ordered(turned) == small
    assert len(SHEETS) == 8
