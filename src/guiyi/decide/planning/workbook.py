"""The plan as a workbook: one sheet for each list of figures, so that a report's figure leads to its rows."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from io import BytesIO
from typing import Final

from guiyi.decide.planning.facts import Facts
from guiyi.decide.planning.plan import Plan
from guiyi.decide.planning.problem import Problem
from guiyi.plumbing.workbooks.api import Look, Page, new_book

Value = str | int | float | Decimal | None
ROWS_MAX: Final = 1_048_575
"""Rows of a sheet under its header: Excel's own limit."""

_MONEY_FORMAT: Final = "#,##0.00"


def plan_workbook(problem: Problem, plan: Plan, facts: Facts) -> bytes:
    """Return `plan.xlsx`: summary, channels, moves, functions by channel, cells, overlap, monthly customers.

    Money is in units of the currency; a cell list longer than `ROWS_MAX` is cut, and the summary says so.
    """
    content = BytesIO()
    with new_book(content) as book:
        bold = book.add_format({"bold": True, "bottom": 1})
        money = book.add_format({"num_format": _MONEY_FORMAT})

        def sheet(name: str, header: Sequence[str], rows: Iterable[Sequence[Value]]) -> None:
            page = book.add_worksheet(name)
            for column, name_of_column in enumerate(header):
                page.write_string(0, column, name_of_column, bold)
            page.freeze_panes(1, 1)
            page.set_column(0, len(header) - 1, 18)
            for index, row in zip(range(1, ROWS_MAX + 1), rows, strict=False):
                for column, value in enumerate(row):
                    _write(page, index, column, value, money)

        sheet("summary 摘要", ("figure", "指标", "value 数值"), _summary(facts))
        sheet("channels 渠道", _CHANNEL_HEADER, _channel_rows(facts))
        sheet(
            "moves 迁移",
            ("channel 渠道", "host 承接渠道", "functions 功能数", "uses 使用数", "function_ids 功能"),
            _move_rows(facts),
        )
        sheet(
            "hosting 功能",
            ("function 功能", "channel 渠道", "offered 今天", "hosted 明天", "customers 客户"),
            _matrix_rows(facts),
        )
        sheet("cells 单元", _CELL_HEADER, _cell_rows(problem, plan))
        sheet(
            "overlap 重合", ("a 渠道一", "b 渠道二", "customers 客户"), ((o.a, o.b, o.customers) for o in facts.overlap)
        )
        sheet("months 月活", ("channel 渠道", *facts.months), ((c.id, *c.mau) for c in facts.channels))
        sheet(
            "policies 政策",
            ("id 编号", "zh 中文", "en 英文"),
            ((policy.id, policy.sentence.zh, policy.sentence.en) for policy in facts.policies),
        )
    return content.getvalue()


_CHANNEL_HEADER: Final = (
    "channel 渠道",
    "name_zh 中文名",
    "name_en 英文名",
    "kind 类型",
    "platform 平台",
    "owner 归口部门",
    "fate 去留",
    "wave 批次",
    "running_cost 渠道年成本",
    "hosting_cost 功能年成本",
    "hosting_cost_tomorrow 明天功能年成本",
    "closing_cost 关闭成本",
    "reach 触达",
    "exclusive_reach 独占触达",
    "functions_today 今天功能数",
    "functions_tomorrow 明天功能数",
)
_CELL_HEADER: Final = (
    "cell 单元",
    "function 功能",
    "segment 客群",
    "from 现用渠道",
    "customers 客户",
    "value 每客年价值",
    "host 承接渠道",
)


def _write(page: Page, row: int, column: int, value: Value, money: Look) -> None:
    match value:
        case None:
            return
        case Decimal():
            page.write_number(row, column, float(value), money)  # a spreadsheet has no other number
        case int() | float():
            page.write_number(row, column, value)
        case str():
            page.write_string(row, column, value)


def _summary(facts: Facts) -> list[tuple[Value, ...]]:
    rows: list[tuple[Value, ...]] = [
        ("made_at", "生成时间", facts.made_at.isoformat()),
        ("made_by", "生成者", facts.made_by),
        ("guiyi_version", "版本", facts.guiyi_version),
        ("register_sha256", "台账摘要", facts.register_sha256),
        ("problem_sha256", "问题摘要", facts.problem_sha256),
        ("example_register", "示例台账", "yes" if facts.example else "no"),
        ("synthetic_events", "合成日志", "yes" if facts.synthetic else "no"),
        ("currency", "币种", facts.currency),
        ("horizon_years", "年数", facts.horizon_years),
        ("discount_rate", "折现率", str(facts.discount_rate)),
        ("status", "状态", facts.status),
        ("objective", "目标值", facts.objective),
        ("bound", "下界", facts.bound),
        ("uses_at_risk", "流失使用数", facts.uses_at_risk),
        ("reach_lost", "失去触达", facts.reach_lost),
        ("customers_moved", "迁移客户数", facts.customers_moved),
        ("customers", "客户", facts.customers),
        ("unlinked", "未关联", facts.unlinked),
        ("cells", "单元", facts.cells),
    ]
    rows.extend((f"cost_{key}", "成本", value) for key, value in facts.costs.items())
    if facts.cells > ROWS_MAX:
        rows.append(("cells_cut", "单元表截断", ROWS_MAX))
    return rows


def _channel_rows(facts: Facts) -> Iterable[Sequence[Value]]:
    for c in facts.channels:
        yield (
            c.id, c.name.zh, c.name.en, c.kind, c.platform, c.owner, c.fate, c.wave, c.running_cost, c.hosting_cost,
            c.hosting_cost_tomorrow, c.closing_cost, c.reach, c.exclusive_reach, len(c.functions_today),
            len(c.functions_tomorrow),
        )  # fmt: skip


def _move_rows(facts: Facts) -> Iterable[Sequence[Value]]:
    for channel in facts.channels:
        for move in channel.moves:
            yield channel.id, move.host, len(move.functions), move.customers, ", ".join(move.functions)


def _matrix_rows(facts: Facts) -> Iterable[Sequence[Value]]:
    for cell in facts.matrix:
        yield cell.function, cell.channel, str(cell.offered).lower(), str(cell.hosted).lower(), cell.customers


def _cell_rows(problem: Problem, plan: Plan) -> Iterable[Sequence[Value]]:
    host_of = {cell.id: cell.host for cell in plan.cells}
    for cell in problem.cells:
        yield cell.id, cell.function, cell.segment, ", ".join(cell.from_), cell.customers, cell.value, host_of[cell.id]
