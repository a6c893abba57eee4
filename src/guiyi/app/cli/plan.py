"""`guiyi plan` and `guiyi solve`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from guiyi.app.cli.output import EXIT_CODES, JSON_OPTION, print_json, reports_errors
from guiyi.kit.errors import ErrorKind

if TYPE_CHECKING:
    from guiyi.decide.planning.api import Plan

TIME_LIMIT_OPTION = typer.Option("--time-limit", min=0.1, help="Seconds to search at most / 求解时限(秒)")
TIME_LIMIT_SECONDS = 600.0


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
        files = write_plan(bank_plan, out)
        database.run(lambda session: record_plan(session, bank_plan, clock=SystemClock()))
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
    from guiyi.decide.planning.api import ProblemInvalid, solve_document
    from guiyi.decide.planning.documents import MAX_DOCUMENT_BYTES, read_bytes

    document = read_bytes(problem, error=ProblemInvalid, limit=MAX_DOCUMENT_BYTES)
    with progress_shown() as progress:
        plan = solve_document(document, place=str(problem), time_limit_seconds=time_limit, progress=progress)
    out.parent.mkdir(parents=True, exist_ok=True)
    unfinished = out.with_name(f".{out.name}.unfinished")
    unfinished.write_bytes(plan.to_json())
    unfinished.replace(out)
    _tell(plan, (out,), as_json=as_json)


def _tell(plan: "Plan", files: tuple[Path, ...], *, as_json: bool) -> None:
    """Print status, objective, bound and measures, and end with the exit code of what was found."""
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
        for group in ("costs", "measures", "infeasibility"):
            figures: dict[str, Any] = shown.get(group) or {}
            for name, figure in figures.items():
                typer.echo(f"{group}.{name}: {figure}")
        for file in files:
            typer.echo(f"→ {file}")
    if plan.infeasibility is not None:
        raise typer.Exit(EXIT_CODES[ErrorKind.INFEASIBLE])
