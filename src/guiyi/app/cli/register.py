"""`guiyi register …`, and `guiyi examples`."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from guiyi.app.cli.output import JSON_OPTION, new_console, plain, print_json, reports_errors, said

if TYPE_CHECKING:
    from rich.table import Table

    from guiyi.kit.text import Text
    from guiyi.see.register.api import ChannelScore, Register, RowChange, VersionSummary
    from guiyi.see.register.errors import RegisterRejected

app = typer.Typer(no_args_is_help=True)

SHOWN_CHANGES = 200
"""Rows of a diff that are shown to people; --json gives all."""

FileArgument = Annotated[Path, typer.Argument(help="XLSX workbook or folder of CSV files / 工作簿或 CSV 文件夹")]


@app.command("template")
@reports_errors
def template(
    file: Annotated[Path, typer.Argument(help="Workbook to write (.xlsx) / 要生成的工作簿")],
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """Write an empty workbook with help, dropdowns and examples / 生成空白台账模板."""
    from guiyi.kit.text import Text
    from guiyi.see.register.api import write_template

    write_template(file)
    _tell({"file": str(file)}, Text(f"已生成模板 {file}", f"Wrote the template {file}"), as_json=as_json)


@app.command("check")
@reports_errors
def check(file: FileArgument, as_json: Annotated[bool, JSON_OPTION] = False) -> None:
    """Check a file; nothing is imported / 只检查，不导入."""
    from guiyi.kit.text import Text
    from guiyi.see.register.api import register_digest

    register = _read(file, as_json=as_json)
    rows = _counts(register)
    told = Text(f"{file} 没有问题：{_listed(rows)}", f"{file} is fine: {_listed(rows)}")
    facts = {"file": str(file), "digest": register_digest(register), "example": register.example, "rows": rows}
    _tell(facts, told, as_json=as_json)


@app.command("import")
@reports_errors
def import_(file: FileArgument, as_json: Annotated[bool, JSON_OPTION] = False) -> None:
    """Import a file as the newest version, all or nothing / 导入台账，要么全部要么不导入."""
    from guiyi.app.cli.progress import progress_shown
    from guiyi.kit.clock import SystemClock
    from guiyi.kit.text import Text
    from guiyi.plumbing.audit.api import current_actor
    from guiyi.plumbing.config.api import get_settings
    from guiyi.plumbing.db.api import open_database
    from guiyi.see.register.api import import_register

    register = _read(file, as_json=as_json)
    with progress_shown() as progress, open_database(get_settings()) as database:
        summary = database.run(
            lambda session: import_register(
                session, register, clock=SystemClock(), actor=current_actor(), source=file.name, progress=progress
            )
        )
    if summary.is_new:
        told = Text(
            f"已导入为版本 {summary.version}：新增 {summary.added} 行，删除 {summary.removed} 行，"
            f"修改 {summary.changed} 行",
            f"Imported as version {summary.version}: {summary.added} rows added, {summary.removed} removed, "
            f"{summary.changed} changed",
        )
    else:
        told = Text(
            f"内容与版本 {summary.version} 相同，没有生成新版本",
            f"The content is that of version {summary.version}; no version was made",
        )
    _tell(_version_facts(summary) | {"is_new": summary.is_new}, told, as_json=as_json)


@app.command("export")
@reports_errors
def export(
    file: Annotated[Path, typer.Argument(help="Workbook (.xlsx) or folder for CSV files / 工作簿或 CSV 文件夹")],
    version: Annotated[int | None, typer.Option("--version", help="Older version to export / 要导出的版本")] = None,
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """Export the register as what can be imported again / 导出台账，可原样再导入."""
    from guiyi.kit.text import Text
    from guiyi.see.register.api import write_register

    register = _load(version)
    write_register(register, file)
    rows = _counts(register)
    told = Text(f"已导出到 {file}：{_listed(rows)}", f"Exported to {file}: {_listed(rows)}")
    _tell({"file": str(file), "rows": rows}, told, as_json=as_json)


@app.command("log")
@reports_errors
def log(
    before: Annotated[int | None, typer.Option("--before", help="Only older versions than this / 早于该版本")] = None,
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """List the versions, newest first, 100 at a time / 列出版本，新的在前."""
    from zoneinfo import ZoneInfo

    from guiyi.kit.text import Text
    from guiyi.plumbing.config.api import get_settings
    from guiyi.plumbing.db.api import open_database
    from guiyi.see.register.api import list_versions

    with open_database(get_settings()) as database:
        versions = database.run(lambda session: list_versions(session, before=before))
    if as_json:
        print_json([_version_facts(version) for version in versions])
        return
    table = _table(
        Text("版本", "Version"),
        Text("时间", "At"),
        Text("操作人", "Actor"),
        Text("来源", "Source"),
        Text("新增", "Added"),
        Text("删除", "Removed"),
        Text("修改", "Changed"),
        Text("摘要", "Digest"),
    )
    zone = ZoneInfo(get_settings().timezone)
    for version in versions:
        table.add_row(
            str(version.version),
            f"{version.at.astimezone(zone):%Y-%m-%d %H:%M}",
            version.actor,
            version.source,
            str(version.added),
            str(version.removed),
            str(version.changed),
            version.digest[:12],
        )
    new_console().print(table)


@app.command("diff")
@reports_errors
def diff(
    a: Annotated[int, typer.Argument(help="Version before / 旧版本")],
    b: Annotated[int, typer.Argument(help="Version after / 新版本")],
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """Show what changed from version A to version B / 比较两个版本."""
    from guiyi.plumbing.config.api import get_settings
    from guiyi.plumbing.db.api import open_database
    from guiyi.see.register.api import diff_versions

    with open_database(get_settings()) as database:
        changes = database.run(lambda session: diff_versions(session, a, b))
    if as_json:
        print_json({"from": a, "to": b, "changes": [_change_facts(change) for change in changes]})
        return
    _print_changes(changes)


@app.command("show")
@reports_errors
def show(
    version: Annotated[int | None, typer.Option("--version", help="Older version to show / 要查看的版本")] = None,
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """Show the channels with costs and the regulator's axes / 查看渠道、成本与四个维度的评分."""
    from guiyi.kit.text import Text
    from guiyi.see.register.api import (
        AXIS_LABELS,
        EXAMPLE_MARK,
        KIND_LABELS,
        STATUS_LABELS,
        Axis,
        score_channels,
        yearly_costs,
    )

    register = _load(version)
    costs = yearly_costs(register)
    scores = {(score.channel_id, score.axis): score for score in score_channels(register, None)}
    axes = (Axis.EXPERIENCE, Axis.REDUNDANCY, Axis.RISK)
    offered = [offering.channel_id for offering in register.offerings]
    if as_json:
        print_json(
            {
                "example": register.example,
                "channels": [
                    {
                        "id": channel.channel_id,
                        "name": {"zh": channel.name_zh, "en": channel.name_en},
                        "kind": channel.kind,
                        "platform": channel.platform_id,
                        "status": channel.status,
                        "functions": offered.count(channel.channel_id),
                        "cost_per_year": costs[channel.channel_id],
                        "scores": {axis: _score_facts(scores[channel.channel_id, axis]) for axis in axes},
                    }
                    for channel in register.channels
                ],
            }
        )
        return
    table = _table(Text("渠道", "Channel"), Text("名称", "Name"), Text("类型", "Kind"), Text("状态", "Status"))
    table.columns[0].no_wrap = True
    for heading in (
        Text("功能", "Functions"),
        Text("年成本", "Cost a year"),
        AXIS_LABELS[Axis.EXPERIENCE],
        AXIS_LABELS[Axis.REDUNDANCY],
        AXIS_LABELS[Axis.RISK],
    ):
        table.add_column(said(heading), justify="right")
    for channel in register.channels:
        found = [scores[channel.channel_id, axis].score for axis in axes]
        table.add_row(
            channel.channel_id,
            said(Text(channel.name_zh, channel.name_en)),
            said(KIND_LABELS[channel.kind]),
            said(STATUS_LABELS[channel.status]),
            str(offered.count(channel.channel_id)),
            f"{costs[channel.channel_id]:,}",
            *("–" if score is None else str(score) for score in found),
        )
    console = new_console()
    if register.example:
        console.print(said(EXAMPLE_MARK), style="bold yellow")
    console.print(table)


def add_examples_to(cli: typer.Typer) -> None:
    """Add `guiyi examples` to `cli`."""
    cli.command("examples")(_examples)


@reports_errors
def _examples(
    folder: Annotated[Path, typer.Argument(help="Folder to write into / 目标文件夹")],
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """Write the two example banks and the example policies / 生成示例银行与示例政策."""
    from guiyi.kit.text import Text
    from guiyi.see.register.api import write_examples

    files = [str(path) for path in write_examples(folder)]
    _tell({"files": files}, Text(f"已生成 {'、'.join(files)}", f"Wrote {', '.join(files)}"), as_json=as_json)


def _read(file: Path, *, as_json: bool) -> "Register":
    """Read a file; its problems go to people as a table before the error ends the command."""
    from guiyi.app.cli.progress import progress_shown
    from guiyi.see.register.api import read_register
    from guiyi.see.register.errors import RegisterRejected

    try:
        with progress_shown() as progress:
            return read_register(file, progress=progress)
    except RegisterRejected as error:
        if not as_json:
            _print_problems(error)
        raise


def _load(version: int | None) -> "Register":
    from guiyi.plumbing.config.api import get_settings
    from guiyi.plumbing.db.api import open_database
    from guiyi.see.register.api import load_register

    with open_database(get_settings()) as database:
        return database.run(lambda session: load_register(session, version))


def _print_problems(error: "RegisterRejected") -> None:
    from guiyi.kit.text import Text

    table = _table(
        Text("表", "Sheet"),
        Text("行", "Row"),
        Text("列", "Column"),
        Text("值", "Value"),
        Text("问题", "Reason"),
        Text("建议", "Suggestion"),
    )
    table.show_lines = True
    for problem in error.problems:
        table.add_row(
            problem.sheet,
            "" if problem.row is None else str(problem.row),
            problem.column or "",
            plain(problem.value),
            plain(said(problem.reason)),
            plain(problem.suggestion or ""),
        )
    console = new_console(stderr=True)
    console.print(table)
    if error.more:
        console.print(said(Text(f"还有 {error.more} 处问题未列出", f"{error.more} further problems are not listed")))


def _print_changes(changes: "tuple[RowChange, ...]") -> None:
    from guiyi.kit.text import Text

    console = new_console()
    if not changes:
        console.print(said(Text("两个版本内容相同", "The two versions have the same content")))
        return
    table = _table(
        Text("表", "Sheet"),
        Text("行", "Row"),
        Text("变化", "Change"),
        Text("列", "Column"),
        Text("之前", "Before"),
        Text("之后", "After"),
    )
    marks = {"added": "+", "removed": "−", "changed": "~"}
    for change in changes[:SHOWN_CHANGES]:
        place, mark = plain(" · ".join(change.key)), marks[change.kind]
        if mark != "~":
            table.add_row(change.sheet, place, mark)
            continue
        for column, (before, after) in change.fields.items():
            table.add_row(change.sheet, place, mark, column, plain(before or ""), plain(after or ""))
    console.print(table)
    if len(changes) > SHOWN_CHANGES:
        more = len(changes) - SHOWN_CHANGES
        console.print(said(Text(f"还有 {more} 行未列出（--json 全部列出）", f"{more} further rows (--json lists all)")))


def _counts(register: "Register") -> dict[str, int]:
    from guiyi.see.register.sheets import SHEETS

    return {sheet.name: len(sheet.rows(register)) for sheet in SHEETS}


def _listed(rows: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in rows.items())


def _version_facts(summary: "VersionSummary") -> dict[str, object]:
    return {
        "version": summary.version,
        "at": summary.at.isoformat(),
        "actor": summary.actor,
        "source": summary.source,
        "digest": summary.digest,
        "example": summary.example,
        "rows": dict(summary.rows),
        "added": summary.added,
        "removed": summary.removed,
        "changed": summary.changed,
    }


def _change_facts(change: "RowChange") -> dict[str, object]:
    fields = {column: {"before": before, "after": after} for column, (before, after) in change.fields.items()}
    return {"sheet": change.sheet, "key": list(change.key), "change": change.kind, "fields": fields}


def _score_facts(score: "ChannelScore") -> dict[str, object]:
    rule = {"zh": score.rule.zh, "en": score.rule.en}
    return {"score": score.score, "rule": rule, "figures": dict(score.figures)}


def _tell(facts: Mapping[str, object], told: "Text", *, as_json: bool) -> None:
    if as_json:
        print_json(facts)
    else:
        new_console().print(f"[green]✓[/] {plain(said(told))}", soft_wrap=True)


def _table(*headings: "Text") -> "Table":
    from rich.box import ROUNDED
    from rich.table import Table

    return Table(*(said(heading) for heading in headings), box=ROUNDED, header_style="bold")
