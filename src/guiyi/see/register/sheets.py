"""The register's sheets, described once: reading, writing, template, validation and docs all follow from here.

A sheet's columns are the fields of its row class in `model`, under the same names and in the same order.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum

from guiyi.kit.text import Text
from guiyi.see.register.model import (
    Attrition,
    Channel,
    ChannelKind,
    ChannelStatus,
    Cost,
    CostTiming,
    Filing,
    FilingKind,
    Function,
    Hosting,
    Offering,
    Platform,
    Register,
)

Value = str | int | bool | Decimal | date | tuple[str, ...] | None
"""What a field of a row holds."""

Row = Channel | Function | Offering | Hosting | Cost | Filing | Platform | Attrition

EXAMPLE_MARK = Text("示例数据，机构与数字均为虚构", "Example data: the bank and all figures are invented")
"""Stands above the header of every sheet of a register that is marked as an example."""

KIND_LABELS: dict[ChannelKind, Text] = {
    ChannelKind.APP: Text("App", "App"),
    ChannelKind.SERVICE_ACCOUNT: Text("服务号", "Service account"),
    ChannelKind.SUBSCRIPTION_ACCOUNT: Text("订阅号", "Subscription account"),
    ChannelKind.MINI_PROGRAM: Text("小程序", "Mini-program"),
    ChannelKind.WEBSITE: Text("网站", "Website"),
    ChannelKind.DIRECT_BANK: Text("直销银行", "Direct bank"),
}
STATUS_LABELS: dict[ChannelStatus, Text] = {
    ChannelStatus.PLANNED: Text("筹备", "Planned"),
    ChannelStatus.OPEN: Text("在用", "Open"),
    ChannelStatus.CLOSING: Text("下线中", "Closing"),
    ChannelStatus.CLOSED: Text("已下线", "Closed"),
}
TIMING_LABELS: dict[CostTiming, Text] = {
    CostTiming.PER_YEAR: Text("每年", "Per year"),
    CostTiming.CLOSING: Text("下线时", "At closing"),
}
FILING_LABELS: dict[FilingKind, Text] = {
    FilingKind.MIIT: Text("工信部备案", "MIIT filing"),
    FilingKind.NIFA: Text("互金协会备案", "NIFA filing"),
    FilingKind.SECURITY_LEVEL: Text("等级保护", "Security level"),
}
GRADE_LABELS: dict[str, Text] = {
    "A": Text("官方", "Official"),
    "B": Text("间接", "Secondary"),
    "C": Text("较弱", "Weak"),
}


class ColumnType(Enum):
    """How a cell is read."""

    ID = Text("编号：字母、数字、. _ -，最长 64 个字符", "id: letters, digits, . _ -, at most 64 characters")
    FUNCTION_ID = Text("功能编号：领域.功能", "function id: domain.function")
    SEGMENT = Text("客群编号，或 *（其余全部客群）", "segment id, or * for all others")
    TEXT = Text("文本", "text")
    MONEY = Text("金额：非负，最多两位小数", "money: not negative, at most 2 decimals")
    RATE = Text("比例：0 到 1，最多六位小数", "share: 0 to 1, at most 6 decimals")
    SCORE = Text("整数：0 到 100", "whole number: 0 to 100")
    DATE = Text("日期：YYYY-MM-DD", "date: YYYY-MM-DD")
    YES_NO = Text("yes / no（是 / 否）", "yes / no (是 / 否)")
    CHOICE = Text("选项", "one of")
    ID_LIST = Text("编号清单，以逗号分隔", "ids, separated by commas")


@dataclass(frozen=True, slots=True)
class Choice:
    """An allowed value of a column, and its names for people (the Chinese one is accepted as input too)."""

    value: str
    label: Text


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a sheet."""

    name: str
    type: ColumnType
    title: Text
    help: Text
    example: str
    """What the template's example row shows, as text."""
    required: bool = True
    """Whether every row must fill it; a column that is not required may be left out of the sheet."""
    default: Value = None
    """What an empty cell means where the column is not required."""
    choices: tuple[Choice, ...] = ()
    refers_to: str | None = None
    """Name of the sheet whose first column must hold the value."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet of the workbook, or one CSV file of the folder."""

    name: str
    title: Text
    help: Text
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    """Columns that together name a row; unique within the sheet."""
    make: Callable[..., Row]
    """The row class."""
    rows: Callable[[Register], Sequence[Row]]
    """The sheet's rows of a register."""

    def column(self, name: str) -> Column:
        """Return the column `name`; KeyError when there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    def key_of(self, row: Row) -> tuple[str, ...]:
        """Return what names `row`, as texts."""
        return tuple(encode(getattr(row, name)) for name in self.key)


def encode(value: Value) -> str:
    """Return `value` as the text of a CSV cell: the one canonical form, also of digests and versions."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case Decimal():
            return encode_decimal(value)
        case date():
            return value.isoformat()
        case tuple():
            return ", ".join(value)
        case _:
            return str(value)


def encode_decimal(value: Decimal) -> str:
    """Return `value` in plain notation without trailing zeros: 1200, 0.5."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _choices(labels: Iterable[tuple[str, Text]]) -> tuple[Choice, ...]:
    return tuple(Choice(str(value), label) for value, label in labels)


_KINDS = _choices(KIND_LABELS.items())
_STATUSES = _choices(STATUS_LABELS.items())
_TIMINGS = _choices(TIMING_LABELS.items())
_FILINGS = _choices(FILING_LABELS.items())
_GRADES = _choices(GRADE_LABELS.items())

_CHANNEL_ID = Column(
    "channel_id",
    ColumnType.ID,
    Text("渠道", "Channel"),
    Text("渠道编号，见 channels 表", "The channel's id, from the sheet channels"),
    "mobile_bank",
    refers_to="channels",
)
_FUNCTION_ID = Column(
    "function_id",
    ColumnType.FUNCTION_ID,
    Text("功能", "Function"),
    Text("功能编号，见 functions 表", "The function's id, from the sheet functions"),
    "payments.transfer_bank",
    refers_to="functions",
)
_NAME_ZH = Column("name_zh", ColumnType.TEXT, Text("中文名称", "Chinese name"), Text("中文名称", "Name in Chinese"), "")
_NAME_EN = Column("name_en", ColumnType.TEXT, Text("英文名称", "English name"), Text("英文名称", "Name in English"), "")


def _named(column: Column, example: str) -> Column:
    return Column(column.name, column.type, column.title, column.help, example)


_CHANNELS = Sheet(
    "channels",
    Text("渠道", "Channels"),
    Text("银行运营的每一个线上渠道，一行一个", "Every online channel that the bank runs, one a row"),
    (
        Column(
            "channel_id",
            ColumnType.ID,
            Text("渠道编号", "Channel id"),
            Text("渠道的唯一编号，事件日志中用同一编号", "Names the channel, here and in the event logs"),
            "mobile_bank",
        ),
        _named(_NAME_ZH, "手机银行"),
        _named(_NAME_EN, "Mobile banking app"),
        Column(
            "kind",
            ColumnType.CHOICE,
            Text("类型", "Kind"),
            Text("渠道类型", "What the channel is"),
            "app",
            choices=_KINDS,
        ),
        Column(
            "platform_id",
            ColumnType.ID,
            Text("平台", "Platform"),
            Text(
                "平台编号，见 platforms 表；自有渠道为 own",
                "The platform's id, from the sheet platforms; own for the bank's own",
            ),
            "own",
            refers_to="platforms",
        ),
        Column(
            "owner_department",
            ColumnType.TEXT,
            Text("归属部门", "Owner"),
            Text("对该渠道负责的部门", "The department that owns the channel"),
            "数字银行部",
        ),
        Column(
            "lead_department",
            ColumnType.TEXT,
            Text("牵头部门", "Lead department"),
            Text("全行渠道管理的牵头部门", "The department that leads the bank's channel management"),
            "数字银行部",
        ),
        Column(
            "status",
            ColumnType.CHOICE,
            Text("状态", "Status"),
            Text("渠道所处阶段；空白为在用", "Where the channel stands; empty means open"),
            "open",
            required=False,
            default=ChannelStatus.OPEN,
            choices=_STATUSES,
        ),
        Column(
            "identifier",
            ColumnType.TEXT,
            Text("平台标识", "Identifier"),
            Text(
                "平台上的标识：appid、gh_ 原始号、包名或域名",
                "What the platform knows it by: appid, gh_ id, bundle id or host name",
            ),
            "com.example.bank",
            required=False,
        ),
        Column(
            "opened_on",
            ColumnType.DATE,
            Text("开通日期", "Opened on"),
            Text("对外开通的日期", "The day it opened to customers"),
            "2015-06-01",
            required=False,
        ),
        Column(
            "closed_on",
            ColumnType.DATE,
            Text("下线日期", "Closed on"),
            Text("停止服务的日期，不早于开通日期", "The day service stopped, not before it opened"),
            "",
            required=False,
        ),
        Column(
            "risk_score",
            ColumnType.SCORE,
            Text("安全合规风险", "Risk"),
            Text(
                "银行评定的安全与合规风险，0（无）到 100",
                "Security and compliance risk as the bank judges it, 0 (none) to 100",
            ),
            "20",
            required=False,
        ),
    ),
    ("channel_id",),
    Channel,
    lambda register: register.channels,
)

_FUNCTIONS = Sheet(
    "functions",
    Text("功能", "Functions"),
    Text("客户能办的每一件事", "Everything that a customer can do"),
    (
        Column(
            "function_id",
            ColumnType.FUNCTION_ID,
            Text("功能编号", "Function id"),
            Text("领域.功能，小写英文字母、数字与下划线", "domain.function, of lower-case letters, digits and _"),
            "payments.transfer_bank",
        ),
        _named(_NAME_ZH, "跨行转账"),
        _named(_NAME_EN, "Transfer to another bank"),
        Column(
            "may_end",
            ColumnType.YES_NO,
            Text("可终止", "May end"),
            Text(
                "规划是否可以让该功能不再有承接渠道；空白为否",
                "Whether a plan may leave it without any host; empty means no",
            ),
            "no",
            required=False,
            default=False,
        ),
        Column(
            "value_per_customer",
            ColumnType.MONEY,
            Text("客均年价值", "Value per customer"),
            Text(
                "一位使用该功能的客户每年给银行带来的价值", "What one customer who uses it is worth to the bank a year"
            ),
            "12.5",
            required=False,
            default=Decimal(0),
        ),
    ),
    ("function_id",),
    Function,
    lambda register: register.functions,
)

_OFFERINGS = Sheet(
    "offerings",
    Text("功能入口", "Offerings"),
    Text("今天哪个渠道提供哪个功能", "Which function stands on which channel today"),
    (
        _CHANNEL_ID,
        _FUNCTION_ID,
        Column(
            "entry_path",
            ColumnType.TEXT,
            Text("入口路径", "Entry path"),
            Text("客户走到功能的路径，以 > 分隔", "How a customer gets there, steps separated by >"),
            "首页 > 转账 > 跨行转账",
        ),
        Column(
            "running_cost",
            ColumnType.MONEY,
            Text("年运行成本", "Running cost"),
            Text("该功能在该渠道上每年的成本", "What the function costs a year on this channel"),
            "30000",
            required=False,
            default=Decimal(0),
        ),
        Column(
            "removal_cost",
            ColumnType.MONEY,
            Text("移除成本", "Removal cost"),
            Text("从保留的渠道上移除该功能的一次性成本", "Once, to take it off a channel that stays"),
            "5000",
            required=False,
            default=Decimal(0),
        ),
        Column(
            "capabilities",
            ColumnType.ID_LIST,
            Text("依赖能力", "Capabilities"),
            Text(
                "依赖的平台能力，须列在该渠道的平台上",
                "Platform capabilities it depends on; the channel's platform must list each",
            ),
            "push, biometrics",
            required=False,
            default=(),
        ),
    ),
    ("channel_id", "function_id"),
    Offering,
    lambda register: register.offerings,
)

_HOSTING = Sheet(
    "hosting",
    Text("可承接", "Hosting"),
    Text(
        "功能可以迁入哪些渠道；已提供的功能不再列出",
        "Where a function could be ported; never where it is offered already",
    ),
    (
        _CHANNEL_ID,
        Column(
            "function_id",
            ColumnType.FUNCTION_ID,
            _FUNCTION_ID.title,
            _FUNCTION_ID.help,
            "corporate.payroll",
            refers_to="functions",
        ),
        Column(
            "porting_cost",
            ColumnType.MONEY,
            Text("迁入成本", "Porting cost"),
            Text("迁入的一次性成本", "Once, to bring it there"),
            "80000",
        ),
        Column(
            "running_cost",
            ColumnType.MONEY,
            Text("年运行成本", "Running cost"),
            Text("迁入后每年的成本", "A year, once it is there"),
            "15000",
            required=False,
            default=Decimal(0),
        ),
    ),
    ("channel_id", "function_id"),
    Hosting,
    lambda register: register.hosting,
)

_COSTS = Sheet(
    "costs",
    Text("成本", "Costs"),
    Text("每个渠道按科目的成本", "What each channel costs, by heading"),
    (
        _CHANNEL_ID,
        Column(
            "heading",
            ColumnType.TEXT,
            Text("科目", "Heading"),
            Text("成本科目，例如 运维、合规、开发", "What it is paid for, e.g. operations, compliance, development"),
            "运维",
        ),
        Column(
            "timing",
            ColumnType.CHOICE,
            Text("时点", "Timing"),
            Text("每年支付，或下线时支付一次", "Paid each year, or once when the channel closes"),
            "per_year",
            choices=_TIMINGS,
        ),
        Column(
            "amount",
            ColumnType.MONEY,
            Text("金额", "Amount"),
            Text("金额，单位为元", "In units of the currency"),
            "900000",
        ),
    ),
    ("channel_id", "heading", "timing"),
    Cost,
    lambda register: register.costs,
)

_FILINGS_SHEET = Sheet(
    "filings",
    Text("备案", "Filings"),
    Text("渠道的备案与定级", "The channels' filings and security levels"),
    (
        _CHANNEL_ID,
        Column(
            "filing_kind",
            ColumnType.CHOICE,
            Text("备案类型", "Filing"),
            Text("由谁备案", "Which authority keeps it"),
            "miit",
            choices=_FILINGS,
        ),
        Column(
            "number",
            ColumnType.TEXT,
            Text("备案号", "Number"),
            Text("备案编号", "The filing's number"),
            "京ICP备00000000号-1A",
        ),
        Column(
            "level",
            ColumnType.TEXT,
            Text("等级", "Level"),
            Text("仅等级保护填写：1 到 5", "For security_level only: 1 to 5"),
            "",
            required=False,
        ),
        Column(
            "filed_on",
            ColumnType.DATE,
            Text("备案日期", "Filed on"),
            Text("备案日期", "The day of filing"),
            "2023-09-01",
            required=False,
        ),
        Column(
            "cancelled_on",
            ColumnType.DATE,
            Text("注销日期", "Cancelled on"),
            Text("注销日期，不早于备案日期", "The day of cancellation, not before the filing"),
            "",
            required=False,
        ),
    ),
    ("channel_id", "filing_kind"),
    Filing,
    lambda register: register.filings,
)

_PLATFORMS = Sheet(
    "platforms",
    Text("平台", "Platforms"),
    Text("规则由谁制定，以及平台开放的能力", "Who sets the channels' rules, and what channels may do there"),
    (
        Column(
            "platform_id",
            ColumnType.ID,
            Text("平台编号", "Platform id"),
            Text("own、wechat、alipay 等", "own, wechat, alipay, …"),
            "own",
        ),
        _named(_NAME_ZH, "自有"),
        _named(_NAME_EN, "Own"),
        Column(
            "capabilities",
            ColumnType.ID_LIST,
            Text("能力", "Capabilities"),
            Text(
                "平台开放的能力，例如 url_link、template_message",
                "What it lets channels do, e.g. url_link, template_message",
            ),
            "push, biometrics",
            required=False,
            default=(),
        ),
    ),
    ("platform_id",),
    Platform,
    lambda register: register.platforms,
)

_ATTRITION = Sheet(
    "attrition",
    Text("流失率", "Attrition"),
    Text(
        "客户从一类渠道迁到另一类渠道时流失的比例",
        "The share of customers lost when they move between kinds of channel",
    ),
    (
        Column(
            "kind_from",
            ColumnType.CHOICE,
            Text("原渠道类型", "From kind"),
            Text("客户现在使用的渠道类型", "The kind of channel they use now"),
            "service_account",
            choices=_KINDS,
        ),
        Column(
            "kind_host",
            ColumnType.CHOICE,
            Text("承接渠道类型", "Host kind"),
            Text("承接渠道的类型", "The kind of channel that takes over"),
            "app",
            choices=_KINDS,
        ),
        Column(
            "segment",
            ColumnType.SEGMENT,
            Text("客群", "Segment"),
            Text(
                "corporate、frequent、occasional；* 为其余全部",
                "corporate, frequent, occasional; * for every segment without its own row",
            ),
            "*",
        ),
        Column(
            "active",
            ColumnType.YES_NO,
            Text("已活跃", "Active"),
            Text("客户是否已在承接渠道活跃", "Whether the customers are active on the host already"),
            "no",
        ),
        Column(
            "rate",
            ColumnType.RATE,
            Text("流失率", "Rate"),
            Text("流失的比例，0 到 1", "The share lost, 0 to 1"),
            "0.35",
        ),
        Column(
            "source",
            ColumnType.TEXT,
            Text("来源", "Source"),
            Text("该比例的出处", "Where the rate comes from"),
            "本行 2024 年迁移",
        ),
        Column(
            "grade",
            ColumnType.CHOICE,
            Text("证据等级", "Grade"),
            Text("A 官方、B 间接、C 较弱", "A official, B secondary, C weak"),
            "B",
            choices=_GRADES,
        ),
    ),
    ("kind_from", "kind_host", "segment", "active"),
    Attrition,
    lambda register: register.attrition,
)

SHEETS: tuple[Sheet, ...] = (
    _CHANNELS,
    _FUNCTIONS,
    _OFFERINGS,
    _HOSTING,
    _COSTS,
    _FILINGS_SHEET,
    _PLATFORMS,
    _ATTRITION,
)
SHEETS_BY_NAME = {sheet.name: sheet for sheet in SHEETS}

ABOUT_SHEET = "about"
"""Optional sheet of pairs (key, value); `example` = yes marks the register as an example."""
HELP_SHEET = "help"
"""Sheet of a template that explains every column; never read."""
COMMENT = "#"
"""A row whose key column begins with it is a remark and not read."""
