"""Commands of the system: up, doctor, backup, restore, audit."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from guiyi.app.cli.output import EXIT_CODES, JSON_OPTION, print_json, reports_errors
from guiyi.kit.errors import ErrorKind

if TYPE_CHECKING:
    from guiyi.app.doctor import Finding
    from guiyi.app.http.guard import Origin
    from guiyi.plumbing.db.api import Backup

audit_app = typer.Typer(no_args_is_help=True, help="The audit record / 审计记录")


def add_to(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command("up")(up)
    app.command("doctor")(doctor)
    app.command("backup")(backup)
    app.command("restore")(restore)
    audit_app.command("log")(audit_log)
    audit_app.command("check")(audit_check)
    app.add_typer(audit_app, name="audit")


@reports_errors
def up(
    port: Annotated[
        int | None, typer.Option(min=0, max=65_535, help="Instead of GUIYI_PUBLIC_ORIGIN's; 0: a free one / 端口")
    ] = None,
    host: Annotated[str | None, typer.Option(help="Only this machine is allowed / 只允许本机")] = None,
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """Start database, server and worker; Ctrl-C stops them / 启动数据库、服务与后台任务."""
    import os
    import sys

    from guiyi.app.http.guard import Origin
    from guiyi.app.server import run_server
    from guiyi.kit.clock import SystemClock
    from guiyi.plumbing.config.api import get_settings
    from guiyi.plumbing.logging.api import configure_logging

    settings = get_settings()
    configure_logging(settings)

    def tell_ready(origin: Origin) -> None:
        _tell_ready(origin, as_json=as_json)

    ended = run_server(settings, SystemClock(), host=host, port=port, tell_ready=tell_ready)
    if not ended:
        # A job does not answer; waiting for its thread would keep the terminal. It is taken up again at the next start.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


def _tell_ready(origin: "Origin", *, as_json: bool) -> None:
    import json
    import os
    import sys
    from importlib.metadata import version

    from guiyi.kit.text import Text
    from guiyi.plumbing.config.api import get_settings

    pages = {
        "plan": (f"{origin}/", Text("方案", "Plan")),
        "register": (f"{origin}/register", Text("台账", "Register")),
        "api": (f"{origin}/api", Text("接口", "API")),
    }
    if as_json:
        document = {"ready": True, "pid": os.getpid(), "pages": {name: url for name, (url, _) in pages.items()}}
        sys.stdout.write(json.dumps(document) + "\n")
        sys.stdout.flush()
        return
    from rich.console import Console

    language = get_settings().language
    console = Console(highlight=False)
    console.print(f"\n[bold]归一 Guiyi[/] {version('guiyi')}\n")
    for url, label in pages.values():
        console.print(f"  {label.in_language(language):<10} [link={url}]{url}[/link]")
    console.print(f"\n[dim]{Text('Ctrl-C 停止', 'Ctrl-C stops it').in_language(language)}[/]\n")


@reports_errors
def doctor(as_json: Annotated[bool, JSON_OPTION] = False) -> None:
    """Say what is installed and reachable, and what to do about what is not / 自检."""
    from guiyi.app.doctor import Finding, State, examine
    from guiyi.plumbing.config.api import get_settings

    settings = get_settings()
    findings: list[Finding] = []
    signs = {State.OK: "[green]✓[/]", State.NOTE: "[yellow]•[/]", State.WRONG: "[bold red]✗[/]"}
    for finding in examine(settings):
        findings.append(finding)
        if not as_json:
            _print_finding(finding, signs[finding.state])
    wrong = any(finding.state is State.WRONG for finding in findings)
    if as_json:
        print_json(
            {
                "ok": not wrong,
                "findings": [
                    {
                        "check": one.check,
                        "state": one.state.value,
                        "found": {"zh": one.found.zh, "en": one.found.en},
                        "advice": None if one.advice is None else {"zh": one.advice.zh, "en": one.advice.en},
                    }
                    for one in findings
                ],
            }
        )
    if wrong:
        raise typer.Exit(EXIT_CODES[ErrorKind.UNAVAILABLE])


def _print_finding(finding: "Finding", sign: str) -> None:
    from rich.console import Console
    from rich.markup import escape

    from guiyi.plumbing.config.api import get_settings

    language = get_settings().language
    console = Console(highlight=False)
    console.print(
        f"{sign} [bold]{finding.title.in_language(language)}[/]  {escape(finding.found.in_language(language))}",
        soft_wrap=True,
    )
    if finding.advice is not None:
        console.print(f"    → {escape(finding.advice.in_language(language))}", soft_wrap=True)


@reports_errors
def backup(
    file: Annotated[Path, typer.Argument(help="File to write; an older one is replaced / 备份文件")],
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """Write everything to one file / 备份."""
    from guiyi.app.backup import make_backup
    from guiyi.app.cli.progress import progress_shown
    from guiyi.kit.clock import SystemClock
    from guiyi.plumbing.config.api import get_settings
    from guiyi.plumbing.db.api import open_database

    with open_database(get_settings(), migrate=False) as database, progress_shown() as progress:
        made = make_backup(database, file.absolute(), clock=SystemClock(), progress=progress)
    _tell_backup(made, "已备份", "Backed up", as_json=as_json)


@reports_errors
def restore(
    file: Annotated[Path, typer.Argument(help="A file that guiyi backup wrote / 备份文件")],
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """Replace everything by a backup, or nothing at all / 恢复."""
    from guiyi.app.backup import restore_from
    from guiyi.app.cli.progress import progress_shown
    from guiyi.kit.clock import SystemClock
    from guiyi.plumbing.config.api import get_settings
    from guiyi.plumbing.db.api import open_database

    with open_database(get_settings(), migrate=False) as database, progress_shown() as progress:
        restored = restore_from(database, file.absolute(), clock=SystemClock(), progress=progress)
    _tell_backup(restored, "已恢复", "Restored", as_json=as_json)


def _tell_backup(found: "Backup", zh: str, en: str, *, as_json: bool) -> None:
    from guiyi.kit.text import Text
    from guiyi.plumbing.config.api import get_settings

    if as_json:
        print_json(
            {
                "file": str(found.path),
                "revision": found.revision,
                "guiyi": found.guiyi,
                "created_at": found.created_at.isoformat(),
                "dump_sha256": found.dump_sha256,
                "dump_bytes": found.dump_bytes,
            }
        )
        return
    said = Text(zh, en).in_language(get_settings().language)
    typer.echo(
        f"{said}: {found.path} ({found.dump_bytes:,} B, {found.created_at:%Y-%m-%d %H:%M} UTC, {found.revision})"
    )


@reports_errors
def audit_log(
    limit: Annotated[int, typer.Option(min=1, max=500, help="Rows / 条数")] = 20,
    before: Annotated[int | None, typer.Option(min=1, help="Only rows before this one / 只看此条之前")] = None,
    subject: Annotated[str | None, typer.Option(help="Only rows on this subject / 只看此对象")] = None,
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """List who changed what, newest first / 谁改了什么."""
    from guiyi.plumbing.audit.api import newest
    from guiyi.plumbing.config.api import get_settings
    from guiyi.plumbing.db.api import open_database

    settings = get_settings()
    with open_database(settings) as database:
        rows = database.run(lambda session: newest(session, before=before, subject=subject, limit=limit))
    if as_json:
        print_json(
            [
                {
                    "position": row.position,
                    "occurred_at": row.occurred_at.isoformat(),
                    "actor": row.actor,
                    "action": row.action,
                    "subject": row.subject,
                    "details": dict(row.details),
                    "digest": row.digest.hex(),
                }
                for row in rows
            ]
        )
        return
    from zoneinfo import ZoneInfo

    for row in rows:
        at = row.occurred_at.astimezone(ZoneInfo(settings.timezone))
        typer.echo(f"{row.position:>6}  {at:%Y-%m-%d %H:%M}  {row.actor:<12} {row.action:<18} {row.subject}")


@reports_errors
def audit_check(as_json: Annotated[bool, JSON_OPTION] = False) -> None:
    """Compute every digest of the audit record anew / 校验审计链."""
    from guiyi.app.backup import check_chain
    from guiyi.kit.text import Text
    from guiyi.plumbing.config.api import get_settings
    from guiyi.plumbing.db.api import open_database

    with open_database(get_settings()) as database:
        check = check_chain(database)
    if as_json:
        print_json({"ok": True, "rows": check.rows, "head": check.head.hex()})
        return
    said = Text(f"审计链完整: {check.rows:,} 条", f"The audit chain is whole: {check.rows:,} rows")
    typer.echo(f"{said.in_language(get_settings().language)}, {check.head.hex()}")
