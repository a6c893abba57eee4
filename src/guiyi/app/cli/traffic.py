"""`guiyi traffic …`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from guiyi.app.cli.output import JSON_OPTION, new_console, print_json, reports_errors, said

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console

    from guiyi.kit.text import Text
    from guiyi.see.register.api import Register
    from guiyi.see.traffic.api import Refusals, Scope, Traffic, TrafficReport

app = typer.Typer(no_args_is_help=True, help="Event logs and what they tell / 事件日志与流量")

SHOWN_OVERLAPS = 10
SHOWN_REFUSALS = 20
RETENTION_MONTHS = (1, 2, 3, 6, 12)
"""Months later that the table shows to people; --json gives all."""

RegisterOption = Annotated[Path, typer.Option("--register", help="Workbook, or folder of CSV files / 台账")]
EventsOption = Annotated[Path, typer.Option("--events", help="Event log: a file or a folder / 事件日志")]
IdentitiesOption = Annotated[
    Path | None, typer.Option("--identities", help="Channel identities: a file or a folder / 渠道身份")
]
MappingOption = Annotated[Path | None, typer.Option("--mapping", help="Renamed columns, YAML or JSON / 列名对照")]
MonthOption = Annotated[
    str | None, typer.Option("--month", metavar="YYYY-MM", help="Count this month only / 只统计该月")
]
FromOption = Annotated[
    str | None, typer.Option("--from", metavar="YYYY-MM", help="First month of the window / 窗口首月")
]
ToOption = Annotated[str | None, typer.Option("--to", metavar="YYYY-MM", help="Last month of the window / 窗口末月")]
RefusedOption = Annotated[
    str, typer.Option("--max-refused", metavar="SHARE", help="Share of refused rows that stops the load / 拒收上限")
]
MAX_REFUSED = "0.01"


@app.command("report")
@reports_errors
def report(
    register: RegisterOption,
    events: EventsOption,
    identities: IdentitiesOption = None,
    mapping: MappingOption = None,
    month: MonthOption = None,
    first: FromOption = None,
    last: ToOption = None,
    max_refused: RefusedOption = MAX_REFUSED,
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """Count reach, monthly customers and overlap of every channel / 统计触达、月活与重合."""
    from guiyi.see.register.api import read_register

    read = read_register(register)
    scope = _scope(read, first, last, max_refused)
    with _read(events, identities, mapping, scope) as traffic:
        found = traffic.report(month)
        if as_json:
            print_json(_report_facts(traffic, found, month))
        else:
            _print_report(read, traffic, found, month)


@app.command("close")
@reports_errors
def close(
    channels: Annotated[list[str], typer.Argument(metavar="ID...", help="Channels to close / 拟关停的渠道")],
    register: RegisterOption,
    events: EventsOption,
    identities: IdentitiesOption = None,
    mapping: MappingOption = None,
    month: MonthOption = None,
    first: FromOption = None,
    last: ToOption = None,
    max_refused: RefusedOption = MAX_REFUSED,
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """Count the customers whom no channel reaches once the given ones close / 统计关停后失去触达的客户."""
    from guiyi.kit.text import Text
    from guiyi.see.register.api import read_register

    scope = _scope(read_register(register), first, last, max_refused)
    with _read(events, identities, mapping, scope) as traffic:
        lost = traffic.reach_lost(channels, month)
        customers = traffic.report(month).customers
        synthetic = traffic.synthetic
    if as_json:
        facts = {"closed": channels, "reach_lost": lost, "customers": customers, "month": month, "synthetic": synthetic}
        print_json(facts)
        return
    console = new_console()
    _print_synthetic(console, synthetic=synthetic)
    share = lost / customers if customers else 0.0
    told = Text(
        f"关停 {'、'.join(channels)} 后失去触达 {lost:,} 人，占 {customers:,} 人的 {share:.2%}",
        f"Closing {', '.join(channels)} loses the reach of {lost:,} of {customers:,} customers ({share:.2%})",
    )
    console.print(said(told), markup=False, soft_wrap=True)


@app.command("curve")
@reports_errors
def curve(
    register: RegisterOption,
    events: EventsOption,
    identities: IdentitiesOption = None,
    mapping: MappingOption = None,
    month: MonthOption = None,
    first: FromOption = None,
    last: ToOption = None,
    max_refused: RefusedOption = MAX_REFUSED,
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """Find which set of 1, 2, … channels keeps the most customers / 保留几个渠道能留住多少客户."""
    from guiyi.kit.text import Text
    from guiyi.see.register.api import read_register

    scope = _scope(read_register(register), first, last, max_refused)
    with _read(events, identities, mapping, scope) as traffic:
        points = traffic.return_curve(month)
        customers = traffic.report(month).customers
        synthetic = traffic.synthetic
    if as_json:
        curve_facts = [
            {"channels": list(p.channels), "reach": p.reach, "bound": p.bound, "method": p.method} for p in points
        ]
        print_json({"customers": customers, "curve": curve_facts, "month": month, "synthetic": synthetic})
        return
    console = new_console()
    _print_synthetic(console, synthetic=synthetic)
    headings = (Text("渠道数", "Channels"), Text("触达", "Reach"), Text("占比", "Share"), Text("保留哪些", "Which"))
    rows = (
        (str(len(p.channels)), f"{p.reach:,}", f"{p.reach / customers:.1%}", _curve_step(p.channels, before, p.method))
        for p, before in zip(points, ((), *(p.channels for p in points)), strict=False)
    )
    _print_rows(console, headings, rows, right=(0, 1, 2))


def _curve_step(channels: tuple[str, ...], before: tuple[str, ...], method: str) -> str:
    """Say what a point of the curve has beside the one before, and when it is not proven best."""
    added = ", ".join(f"+{channel}" for channel in channels if channel not in before)
    dropped = ", ".join(f"−{channel}" for channel in before if channel not in channels)
    return " ".join(part for part in (added, dropped, "" if method == "exact" else f"({method})") if part)


@app.command("retention")
@reports_errors
def retention(
    register: RegisterOption,
    events: EventsOption,
    identities: IdentitiesOption = None,
    mapping: MappingOption = None,
    first: FromOption = None,
    last: ToOption = None,
    max_refused: RefusedOption = MAX_REFUSED,
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """Count who of each month's customers came back later / 各月客户此后的留存."""
    from guiyi.kit.text import Text
    from guiyi.see.register.api import read_register

    scope = _scope(read_register(register), first, last, max_refused)
    with _read(events, identities, mapping, scope) as traffic:
        months = traffic.retention()
        synthetic = traffic.synthetic
    if as_json:
        facts = [
            {"month": m.month, "customers": m.customers, "new": m.new, "still_active": list(m.still_active)}
            for m in months
        ]
        print_json({"retention": facts, "synthetic": synthetic})
        return
    console = new_console()
    _print_synthetic(console, synthetic=synthetic)
    after = [Text(f"{n} 个月后", f"after {n}") for n in RETENTION_MONTHS]
    headings = (Text("月份", "Month"), Text("客户", "Customers"), Text("新客户", "New"), *after)
    rows = (
        (
            m.month,
            f"{m.customers:,}",
            f"{m.new:,}",
            *(_retained(m.customers, m.still_active, n) for n in RETENTION_MONTHS),
        )
        for m in months
    )
    _print_rows(console, headings, rows, right=tuple(range(1, len(headings))))


def _retained(customers: int, still_active: tuple[int, ...], months: int) -> str:
    known = months <= len(still_active) and customers > 0
    return f"{still_active[months - 1] / customers:.0%}" if known else ""


@app.command("synth")
@reports_errors
def synth(
    register: RegisterOption,
    out: Annotated[Path, typer.Option("--out", help="Folder to write into / 目标文件夹")],
    events: Annotated[int, typer.Option("--events", help="Rows of the event log / 事件数")] = 200_000,
    customers: Annotated[int, typer.Option("--customers", help="Customers of the bank / 客户数")] = 20_000,
    months: Annotated[int, typer.Option("--months", help="Months from 2025-01 on / 月数")] = 18,
    seed: Annotated[int, typer.Option("--seed", min=0, help="The same seed gives the same log / 随机种子")] = 1,
    log_format: Annotated[str, typer.Option("--format", metavar="parquet|csv", help="File format / 格式")] = "parquet",
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """Make traffic up for a register; every file is marked synthetic / 为台账生成合成流量."""
    from guiyi.app.cli.progress import progress_shown
    from guiyi.app.traffic import synth_spec_of
    from guiyi.kit.text import Text
    from guiyi.plumbing.config.api import get_settings
    from guiyi.see.register.api import read_register
    from guiyi.see.traffic.api import LogFormat, synthesise

    if log_format not in set(LogFormat):
        raise typer.BadParameter("parquet | csv", param_hint="--format")
    spec = synth_spec_of(
        read_register(register),
        get_settings(),
        events=events,
        customers=customers,
        months=months,
        seed=seed,
        log_format=LogFormat(log_format),
    )
    with progress_shown() as progress:
        files = synthesise(spec, out, progress)
    if as_json:
        print_json(
            {
                "events": str(files.events),
                "identities": str(files.identities),
                "event_rows": files.event_rows,
                "identity_rows": files.identity_rows,
                "synthetic": True,
            }
        )
        return
    told = Text(
        f"已生成 {files.event_rows:,} 条合成事件（{files.events}）与 {files.identity_rows:,} 条身份"
        f"（{files.identities}）",
        f"Made up {files.event_rows:,} events in {files.events} and {files.identity_rows:,} identities in "
        f"{files.identities}",
    )
    new_console().print(f"✓ {said(told)}", markup=False, soft_wrap=True)


def _scope(register: "Register", first: str | None, last: str | None, max_refused: str) -> "Scope":
    from dataclasses import replace
    from decimal import Decimal, InvalidOperation
    from zoneinfo import ZoneInfo

    from guiyi.app.traffic import scope_of
    from guiyi.plumbing.config.api import get_settings
    from guiyi.see.traffic.api import month_bounds

    try:
        share = Decimal(max_refused)
    except InvalidOperation as error:
        raise typer.BadParameter("0 … 1", param_hint="--max-refused") from error
    if not 0 <= share <= 1:
        raise typer.BadParameter("0 … 1", param_hint="--max-refused")
    scope = replace(scope_of(register, get_settings()), max_refused_share=share)
    if first is None and last is None:
        return scope
    if first is None or last is None:
        raise typer.BadParameter("give both --from and --to / 须同时给出", param_hint="--from, --to")
    return replace(scope, window=month_bounds(first, last, ZoneInfo(scope.timezone)))


def _read(events: Path, identities: Path | None, mapping: Path | None, scope: "Scope") -> "Traffic":
    from guiyi.app.cli.progress import progress_shown
    from guiyi.see.traffic.api import EventSource, read_traffic

    with progress_shown() as progress:
        return read_traffic(EventSource(events, identities, mapping), scope, progress=progress)


def _report_facts(traffic: "Traffic", report: "TrafficReport", month: str | None) -> dict[str, object]:
    identities = traffic.identity_refusals
    return {
        "customers": report.customers,
        "channels": [
            {"id": one.channel_id, "reach": one.reach, "exclusive_reach": one.exclusive_reach, "mau": dict(one.mau)}
            for one in report.channels
        ],
        "overlap": [{"a": one.a, "b": one.b, "customers": one.customers} for one in report.overlap],
        "refused": dict(report.refused),
        "refused_examples": _refusal_facts(traffic.refusals),
        "rows_in_file": report.rows_in_file,
        "window": {"from": report.months[0], "to": report.months[-1]},
        "month": month,
        "unlinked": report.unlinked,
        "segments": dict(report.segments),
        "conflicts": {
            "count": traffic.conflict_count,
            "examples": [
                {"customer_numbers": list(one.customer_numbers), "keys": one.keys, "examples": list(one.examples)}
                for one in traffic.conflicts
            ],
        },
        "identities": None
        if identities is None
        else {
            "rows_in_file": identities.rows_in_file,
            "refused": dict(identities.counts),
            "refused_examples": _refusal_facts(identities),
        },
        "trends": [
            {"id": one.channel_id, "growth_rate": str(one.growth_rate), "peaked_after": one.peaked_after}
            for one in traffic.trends()
        ],
        "synthetic": report.synthetic,
    }


def _refusal_facts(refusals: "Refusals") -> list[dict[str, object]]:
    return [
        {"file": one.file, "row": one.row, "reason": one.reason, "field": one.field, "value": one.value}
        for one in refusals.examples
    ]


def _print_report(register: "Register", traffic: "Traffic", report: "TrafficReport", month: str | None) -> None:
    from guiyi.kit.text import Text

    console = new_console()
    _print_synthetic(console, synthetic=report.synthetic)
    period = month or f"{report.months[0]} … {report.months[-1]}"
    segments = ", ".join(f"{segment} {customers:,}" for segment, customers in report.segments.items())
    refused = traffic.refusals.refused
    headline = Text(
        f"{period}：客户 {report.customers:,} 人（{segments}），其中未关联 {report.unlinked:,}；"
        f"日志 {report.rows_in_file:,} 行，拒收 {refused:,}；身份冲突 {traffic.conflict_count:,} 处",
        f"{period}: {report.customers:,} customers ({segments}), of them {report.unlinked:,} unlinked; "
        f"{report.rows_in_file:,} rows in the log, {refused:,} refused; {traffic.conflict_count:,} identity conflicts",
    )
    console.print(said(headline), markup=False, soft_wrap=True)
    _print_channels(console, register, traffic, report)
    _print_overlaps(console, report)
    found = [("", one) for one in traffic.refusals.examples]
    if traffic.identity_refusals is not None:
        found += [(said(Text("身份：", "identities: ")), one) for one in traffic.identity_refusals.examples]
    if found:
        _print_rows(
            console,
            (
                Text("文件", "File"),
                Text("行", "Row"),
                Text("拒收原因", "Refused for"),
                Text("列", "Column"),
                Text("值", "Value"),
            ),
            (
                (f"{kind}{one.file}", f"{one.row:,}", one.reason, one.field, one.value)
                for kind, one in found[:SHOWN_REFUSALS]
            ),
            right=(1,),
        )


def _print_channels(console: "Console", register: "Register", traffic: "Traffic", report: "TrafficReport") -> None:
    from guiyi.kit.text import Text

    names = {one.channel_id: said(Text(one.name_zh, one.name_en)) for one in register.channels}
    trends = {one.channel_id: one for one in traffic.trends()}
    last = report.months[-1]
    rows: list[tuple[str, ...]] = []
    for one in sorted(report.channels, key=lambda channel: -channel.reach):
        trend = trends.get(one.channel_id)
        rate = "–" if trend is None else f"{trend.growth_rate:+.1%}"
        peaked = "–" if trend is None or trend.peaked_after is None else trend.peaked_after
        figures = (f"{one.reach:,}", f"{one.exclusive_reach:,}", f"{one.mau[last]:,}")
        rows.append((one.channel_id, names[one.channel_id], *figures, rate, peaked))
    headings = (
        Text("渠道", "Channel"),
        Text("名称", "Name"),
        Text("触达", "Reach"),
        Text("独占触达", "Exclusive"),
        Text(f"{last} 月活", f"MAU {last}"),
        Text("月增长", "Growth a month"),
        Text("见顶于", "Peaked after"),
    )
    _print_rows(console, headings, rows, right=(2, 3, 4, 5))


def _print_overlaps(console: "Console", report: "TrafficReport") -> None:
    from guiyi.kit.text import Text

    most = sorted(report.overlap, key=lambda one: -one.customers)[:SHOWN_OVERLAPS]
    if most:
        headings = (Text("重合渠道", "Overlap of"), Text("与", "and"), Text("客户", "Customers"))
        _print_rows(console, headings, ((one.a, one.b, f"{one.customers:,}") for one in most), right=(2,))


def _print_rows(
    console: "Console", headings: "tuple[Text, ...]", rows: "Iterable[tuple[str, ...]]", right: tuple[int, ...]
) -> None:
    from rich.box import ROUNDED
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=ROUNDED, header_style="bold")
    for place, heading in enumerate(headings):
        table.add_column(said(heading), justify="right" if place in right else "left")
    for row in rows:
        table.add_row(*map(escape, row))
    console.print(table)


def _print_synthetic(console: "Console", *, synthetic: bool) -> None:
    from guiyi.kit.text import Text

    if synthetic:
        mark = Text("合成数据：由生成器编造，不是真实流量", "Synthetic: made up by a generator, not real traffic")
        console.print(said(mark), style="bold yellow")
