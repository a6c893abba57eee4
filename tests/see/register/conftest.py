"""A small register that is right, and workbooks with one cell changed."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest

from guiyi.see.register.api import (
    Attrition,
    Channel,
    ChannelKind,
    Cost,
    CostTiming,
    Filing,
    FilingKind,
    Function,
    Hosting,
    Offering,
    Platform,
    Register,
    read_register,
    write_register,
)
from guiyi.see.register.errors import RegisterProblem, RegisterRejected


def channel(channel_id: str, kind: ChannelKind, platform_id: str = "own") -> Channel:
    return Channel(
        channel_id=channel_id,
        name_zh="渠道",
        name_en="Channel",
        kind=kind,
        platform_id=platform_id,
        owner_department="公司金融部",
        lead_department="数字银行部",
        opened_on=date(2019, 5, 1),
    )


SMALL = Register(
    channels=(channel("app", ChannelKind.APP), channel("oa", ChannelKind.SERVICE_ACCOUNT, "wechat")),
    functions=(
        Function(function_id="accounts.balance", name_zh="余额", name_en="Balance", value_per_customer=Decimal("3.5")),
        Function(function_id="payments.transfer", name_zh="转账", name_en="Transfer", may_end=True),
    ),
    offerings=(
        Offering(
            channel_id="app", function_id="accounts.balance", entry_path="首页 > 余额", running_cost=Decimal(4000)
        ),
        Offering(
            channel_id="oa",
            function_id="accounts.balance",
            entry_path="菜单 > 服务 > 更多 > 余额",
            capabilities=("wx_login", "url_link"),
        ),
    ),
    hosting=(Hosting(channel_id="app", function_id="payments.transfer", porting_cost=Decimal("80000.25")),),
    costs=(
        Cost(channel_id="app", heading="运维", timing=CostTiming.PER_YEAR, amount=Decimal(900_000)),
        Cost(channel_id="oa", heading="公告", timing=CostTiming.CLOSING, amount=Decimal(8_000)),
    ),
    filings=(
        Filing(channel_id="app", filing_kind=FilingKind.MIIT, number="浙ICP备1号", filed_on=date(2020, 1, 2)),
        Filing(channel_id="app", filing_kind=FilingKind.SECURITY_LEVEL, number="DJ-1", level="3"),
    ),
    platforms=(
        Platform(platform_id="own", name_zh="自有", name_en="Own"),
        Platform(platform_id="wechat", name_zh="微信", name_en="WeChat", capabilities=("url_link", "wx_login")),
    ),
    attrition=(
        Attrition(
            kind_from=ChannelKind.SERVICE_ACCOUNT,
            kind_host=ChannelKind.APP,
            segment="*",
            active=False,
            rate=Decimal("0.35"),
            source="假设",
            grade="C",
        ),
    ),
)


@pytest.fixture
def small() -> Register:
    return SMALL


Change = Callable[[openpyxl.Workbook], None]


@pytest.fixture
def problems_after(tmp_path: Path) -> Callable[[Change], tuple[RegisterProblem, ...]]:
    """Write SMALL, let the test change the workbook, and return what is wrong with it; empty when nothing is."""

    def problems(change: Change) -> tuple[RegisterProblem, ...]:
        path = tmp_path / "register.xlsx"
        write_register(SMALL, path)
        book = openpyxl.load_workbook(path)
        change(book)
        book.save(path)
        try:
            read_register(path)
        except RegisterRejected as error:
            return error.problems
        return ()

    return problems
