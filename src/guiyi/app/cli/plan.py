"""`guiyi plan` and `guiyi solve`."""

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, cast

import typer

from guiyi.app.cli.output import EXIT_CODES, JSON_OPTION, print_json, reports_errors
from guiyi.kit.errors import ErrorKind
from guiyi.kit.text import Text

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from guiyi.decide.planning.api import Plan

TIME_LIMIT_OPTION = typer.Option("--time-limit", min=0.1, help="Seconds to search at most / 求解时限(秒)")
TIME_LIMIT_SECONDS = 600.0
MOST_NAMES: Final = 20
"""So many ids of an infeasible plan are named in the terminal; the document names all."""
FIGURES: Final = {
    "channels_running": Text("渠道运行", "channels running"),
    "channels_closing": Text("关闭渠道", "channels closing"),
    "hosting_running": Text("功能运行", "hosting running"),
    "hosting_porting": Text("移植功能", "porting"),
    "hosting_removal": Text("下架功能", "removal"),
    "moves": Text("客户流失", "customers lost"),
    "total": Text("方案合计", "plan, total"),
    "today": Text("照旧合计", "as today, total"),
    "savings": Text("净省", "net savings"),
    "uses_at_risk": Text("流失使用数", "uses at risk"),
    "reach_lost": Text("失去触达", "reach lost"),
    "customers_moved": Text("迁移客户数", "customers moved"),
    "cells": Text("没有承接渠道的单元", "cells without a host"),
    "channels": Text("既须保留又须关闭的渠道", "channels that must both stay and close"),
    "policies": Text("已被保留渠道突破的政策", "policies that kept channels break"),
    "keep": Text("保留的渠道", "channels kept"),
    "merge": Text("整合的渠道", "channels merged"),
    "retire": Text("关停的渠道", "channels retired"),
}


def add_to(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command("plan")(make_plan)
    app.command("solve")(solve)


@reports_errors
def make_plan(
    register: Annotated[Path, typer.Option(help="Workbook, or folder of CSV files / 台账")],
    events: Annotated[Path, typer.Option(help="Event log: a file or a folder / 事件日志")],
    policies: Annotated[Path, typer.Option(help="policies.yaml / 政策")],
    out: Annotated[Path, typer.Option(help="Folder for plan.json, plan.xlsx and report.html / 输出文件夹")],
    identities: Annotated[Path | None, typer.Option(help="Identities: a file or a folder / 渠道身份")] = None,
    mapping: Annotated[Path | None, typer.Option(help="Renamed columns / 列名对照")] = None,
    time_limit: Annotated[float, TIME_LIMIT_OPTION] = TIME_LIMIT_SECONDS,
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """Plan the bank's channels: keep, merge, retire; where each function goes / 制定渠道方案."""
    from guiyi.app.cli.progress import progress_shown
    from guiyi.app.planning import plan_from_files
    from guiyi.decide.planning.api import read_policies, record_plan, write_plan
    from guiyi.kit.clock import SystemClock
    from guiyi.plumbing.config.api import get_settings
    from guiyi.plumbing.db.api import open_database
    from guiyi.see.register.api import read_register
    from guiyi.see.traffic.api import EventSource

    read = read_register(register)
    demanded = read_policies(policies)
    with open_database(get_settings()) as database:
        with progress_shown() as progress:
            bank_plan = plan_from_files(
                read,
                EventSource(events, identities, mapping),
                demanded,
                settings=get_settings(),
                clock=SystemClock(),
                time_limit_seconds=time_limit,
                progress=progress,
            )

        def record_and_write(session: "Session") -> tuple[Path, ...]:
            """A plan whose files cannot be written is not recorded either."""
            record_plan(session, bank_plan, clock=SystemClock())
            return write_plan(bank_plan, out)

        files = database.run(record_and_write)
    _tell(bank_plan.plan, files, as_json=as_json)


@reports_errors
def solve(
    problem: Annotated[Path, typer.Argument(help="guiyi.problem/1")],
    out: Annotated[Path, typer.Option(help="Where to write guiyi.plan/1 / 方案文件")],
    time_limit: Annotated[float, TIME_LIMIT_OPTION] = TIME_LIMIT_SECONDS,
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """Solve a problem document alone / 求解问题文件."""
    from guiyi.app.cli.progress import progress_shown
    from guiyi.decide.planning.api import read_problem_document, solve_document, write_document

    document = read_problem_document(problem)
    with progress_shown() as progress:
        plan = solve_document(document, place=str(problem), time_limit_seconds=time_limit, progress=progress)
    write_document(out, plan.to_json())
    _tell(plan, (out,), as_json=as_json)


def _tell(plan: "Plan", files: tuple[Path, ...], *, as_json: bool) -> None:
    """Print status, objective, bound, costs and measures, and end with the exit code of what was found."""
    import json

    document: dict[str, Any] = json.loads(plan.to_json())
    shown: dict[str, Any] = {key: document[key] for key in ("status", "objective", "bound", "gap", "costs", "measures")}
    if plan.infeasibility is not None:
        shown["infeasibility"] = document["infeasibility"]
    shown["files"] = [str(file) for file in files]
    if as_json:
        print_json(shown)
    else:
        for key in ("status", "objective", "bound", "gap"):
            typer.echo(f"{key}: {shown[key]}")
        _tell_figures(plan, shown)
        for file in files:
            typer.echo(f"→ {file}")
    if plan.infeasibility is not None:
        raise typer.Exit(EXIT_CODES[ErrorKind.INFEASIBLE])


def _tell_figures(plan: "Plan", shown: dict[str, Any]) -> None:
    """Print costs, fates and measures as a table, or why there is no plan."""
    from collections import Counter

    from rich.console import Console
    from rich.table import Table

    from guiyi.plumbing.config.api import get_settings

    language = get_settings().language
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column()
    table.add_column(justify="right")
    for group in ("infeasibility",) if plan.infeasibility else ("costs", "measures"):
        figures: dict[str, Any] = shown.get(group) or {}
        for name, figure in figures.items():
            table.add_row(FIGURES[name].in_language(language), _written(figure))
    for fate, channels in Counter(channel.fate for channel in plan.channels).items():
        table.add_row(FIGURES[fate].in_language(language), str(channels))
    Console(highlight=False).print(table)


def _written(figure: object) -> str:
    match figure:
        case None | []:
            return "–"
        case str():
            return f"{Decimal(figure):,.2f}"
        case int():
            return f"{figure:,}"
        case _:
            return ", ".join(cast("list[str]", figure)[:MOST_NAMES])
