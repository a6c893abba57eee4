from datetime import date, datetime, time
from decimal import Decimal

import pytest

from guiyi.see.register.cells import Broken, Cell, Refusal, nearest, parse, shown
from guiyi.see.register.errors import ProblemCode
from guiyi.see.register.model import ChannelKind, ChannelStatus
from guiyi.see.register.sheets import SHEETS_BY_NAME, Column, Value

P = ProblemCode


def column(name: str) -> Column:
    sheet, _, field = name.partition(".")
    return SHEETS_BY_NAME[sheet].column(field)


READ: list[tuple[str, Cell, Value]] = [
    ("channels.channel_id", " mobile_bank ", "mobile_bank"),
    ("channels.channel_id", 1001.0, "1001"),
    ("channels.name_zh", "=1+1", "=1+1"),
    ("channels.identifier", None, None),
    ("channels.identifier", "   ", None),
    ("channels.identifier", 2021000000000001 / 10, "202100000000000"),
    ("channels.kind", "Service_Account", ChannelKind.SERVICE_ACCOUNT),
    ("channels.kind", "服务号", ChannelKind.SERVICE_ACCOUNT),
    ("channels.status", None, ChannelStatus.OPEN),
    ("channels.opened_on", "2025-07-31", date(2025, 7, 31)),
    ("channels.opened_on", "2025/7/1", date(2025, 7, 1)),
    ("channels.opened_on", "2025年7月31日", date(2025, 7, 31)),
    ("channels.opened_on", date(2025, 7, 31), date(2025, 7, 31)),
    ("channels.opened_on", datetime(2025, 7, 31), date(2025, 7, 31)),  # noqa: DTZ001  # spreadsheets have no zone
    ("channels.risk_score", 20.0, 20),
    ("functions.may_end", "是", True),
    ("functions.may_end", "No", False),
    ("functions.may_end", True, True),
    ("functions.may_end", None, False),
    ("functions.value_per_customer", 0.1 + 0.2, Decimal("0.3")),
    ("functions.value_per_customer", "12.50", Decimal("12.5")),
    ("functions.value_per_customer", "１２", Decimal(12)),
    ("functions.value_per_customer", 999_999_999_999.99, Decimal("999999999999.99")),
    ("functions.value_per_customer", 1e-20 * 0, Decimal(0)),
    ("offerings.capabilities", "a，b; c、d", ("a", "b", "c", "d")),
    ("offerings.capabilities", None, ()),
    ("attrition.segment", "*", "*"),
    ("attrition.rate", 1, Decimal(1)),
    ("attrition.grade", "官方", "A"),
]


@pytest.mark.parametrize(("name", "cell", "value"), READ)
def test_value_is_read_when_cell_is_right(name: str, cell: Cell, value: Value) -> None:
    assert parse(column(name), cell) == value


REFUSED: list[tuple[str, Cell, ProblemCode, str | None]] = [
    ("channels.channel_id", None, P.REQUIRED, None),
    ("channels.channel_id", "手机 bank", P.BAD_ID, "bank"),
    ("channels.channel_id", "a" * 65, P.TOO_LONG, None),
    ("channels.channel_id", True, P.NOT_A_TEXT, None),
    ("channels.name_zh", "x" * 501, P.TOO_LONG, None),
    ("channels.name_zh", "第一\n第二", P.BAD_CHARACTER, "第一 第二"),
    ("channels.name_zh", Broken.ERROR, P.ERROR_VALUE, None),
    ("channels.name_zh", "#REF!", P.ERROR_VALUE, None),
    ("channels.name_zh", Broken.FORMULA, P.FORMULA, None),
    ("channels.identifier", 1.2345678901234567e17, P.NOT_A_TEXT, None),
    ("channels.identifier", date(2025, 1, 1), P.NOT_A_TEXT, None),
    ("channels.kind", "servce_account", P.NOT_A_CHOICE, "service_account"),
    (
        "channels.kind",
        7.0,
        P.NOT_A_CHOICE,
        "app, service_account, subscription_account, mini_program, website, direct_bank",
    ),
    ("channels.opened_on", 45000.0, P.NOT_A_DATE, "2023-03-15"),
    ("channels.opened_on", datetime(2025, 7, 31, 8), P.NOT_A_DATE, "2025-07-31"),  # noqa: DTZ001  # no zone there
    ("channels.opened_on", time(8), P.NOT_A_DATE, None),
    ("channels.opened_on", "2025-02-30", P.NOT_A_DATE, None),
    ("channels.opened_on", "31.7.2025", P.NOT_A_DATE, None),
    ("channels.risk_score", 20.5, P.TOO_MANY_DECIMALS, "20"),
    ("channels.risk_score", 101.0, P.OUT_OF_RANGE, None),
    ("channels.risk_score", -1.0, P.NEGATIVE, "1"),
    ("functions.function_id", "Payments Transfer", P.BAD_FUNCTION_ID, "payments.transfer"),
    ("functions.function_id", "transfer", P.BAD_FUNCTION_ID, None),
    ("functions.function_id", date(2025, 1, 1), P.NOT_A_TEXT, None),
    ("functions.may_end", "maybe", P.NOT_YES_NO, "yes, no"),
    ("functions.value_per_customer", "12,000.50", P.THOUSANDS_SEPARATOR, "12000.50"),
    ("functions.value_per_customer", "12，000", P.THOUSANDS_SEPARATOR, "12000"),
    ("functions.value_per_customer", "¥12000", P.NOT_A_NUMBER, "12000"),
    ("functions.value_per_customer", "12000元", P.NOT_A_NUMBER, "12000"),
    ("functions.value_per_customer", "many", P.NOT_A_NUMBER, None),
    ("functions.value_per_customer", True, P.NOT_A_NUMBER, None),
    ("functions.value_per_customer", "-5", P.NEGATIVE, "5"),
    ("functions.value_per_customer", 1.005, P.TOO_MANY_DECIMALS, "1.00"),
    ("functions.value_per_customer", 1e12, P.TOO_LARGE, None),
    ("functions.value_per_customer", float("inf"), P.NOT_A_NUMBER, None),
    ("functions.value_per_customer", float("nan"), P.NOT_A_NUMBER, None),
    ("offerings.capabilities", "a, a", P.REPEATED_VALUE, "a"),
    ("offerings.capabilities", "a, b!", P.BAD_ID, "b"),
    ("offerings.capabilities", ",".join(f"c{n}" for n in range(101)), P.TOO_LONG, None),
    ("offerings.capabilities", True, P.NOT_A_TEXT, None),
    ("attrition.rate", 35.0, P.OUT_OF_RANGE, "0.35"),
    ("attrition.rate", "3500", P.OUT_OF_RANGE, None),
]


@pytest.mark.parametrize(("name", "cell", "code", "suggestion"), REFUSED)
def test_reason_and_suggestion_are_given_when_cell_is_wrong(
    name: str, cell: Cell, code: ProblemCode, suggestion: str | None
) -> None:
    refusal = parse(column(name), cell)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.suggestion) == (code, suggestion)
    assert refusal.reason.zh
    assert refusal.reason.en


def test_known_word_is_suggested_when_it_is_like() -> None:
    assert nearest("mobile_bnk", ["online_bank", "mobile_bank"]) == "mobile_bank"
    assert nearest("zzz", ["online_bank", "mobile_bank"]) is None
    assert nearest("zzz", []) is None


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (None, ""),
        (True, "TRUE"),
        (12.0, "12"),
        ("a\n b", "a b"),
        (Broken.FORMULA, "(formula)"),
        ("x" * 90, "x" * 79 + "…"),
    ],
)
def test_cell_is_short_and_in_one_line_when_shown(cell: Cell, text: str) -> None:
    assert shown(cell) == text
