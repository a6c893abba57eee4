"""Which operating-system account runs the embedded server."""

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from guiyi.kit.text import Text
from guiyi.plumbing.db.errors import ServerAccountError

ACCOUNT_NAME = "guiyi"
TOOL_TIMEOUT_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Account:
    """An account as the password database knows it."""

    name: str
    uid: int
    gid: int

    @property
    def is_own(self) -> bool:
        """Whether this process runs as the account itself."""
        return self.uid == os.geteuid()

    def give(self, path: Path) -> None:
        """Make the account the owner of `path`."""
        if not self.is_own:
            os.chown(path, self.uid, self.gid)

    def run(
        self, command: list[str], *, cwd: Path, timeout_seconds: float, environment: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run `command` as the account, without this process's environment; never raises for its exit code."""
        return subprocess.run(
            command,
            cwd=cwd,
            env={"PATH": os.defpath, "LC_ALL": "C", **(environment or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=timeout_seconds,
            umask=0o077,
            start_new_session=True,
            user=None if self.is_own else self.uid,
            group=None if self.is_own else self.gid,
            extra_groups=None if self.is_own else [],
        )


def server_account() -> Account:
    """Return the account that runs the server: this user, or, for root, the system account `guiyi`.

    Raises:
        ServerAccountError: root cannot make the account, or this user has no entry in the password database.
    """
    if os.geteuid() != 0:
        return _own_account()
    found = _find(ACCOUNT_NAME)
    if found is None:
        _create(ACCOUNT_NAME)
        found = _find(ACCOUNT_NAME)
    if found is None or found.uid == 0:
        raise ServerAccountError(
            Text(
                f"PostgreSQL 不能以 root 运行, 系统账户 {ACCOUNT_NAME} 也无法建立。"
                f"请手工建立该账户, 或以普通用户运行 guiyi, 或设置 GUIYI_DATABASE_URL。",
                f"PostgreSQL does not run as root, and the system account {ACCOUNT_NAME} could not be made. "
                f"Make it by hand, run guiyi as an ordinary user, or set GUIYI_DATABASE_URL.",
            ),
            account=ACCOUNT_NAME,
        )
    return found


def process_account_name() -> str:
    """Return the name of the account that this process runs as, whatever the environment says."""
    return pwd.getpwuid(os.geteuid()).pw_name


def _own_account() -> Account:
    uid = os.geteuid()
    try:
        entry = pwd.getpwuid(uid)
    except KeyError as error:
        raise ServerAccountError(
            Text(
                f"用户号 {uid} 在系统账户表 (passwd) 中没有记录, PostgreSQL 拒绝以它运行。"
                f"请为它添加账户, 或设置 GUIYI_DATABASE_URL。",
                f"User id {uid} has no entry in passwd, and PostgreSQL refuses to run without one. "
                f"Add an account for it, or set GUIYI_DATABASE_URL.",
            ),
            uid=uid,
        ) from error
    return Account(entry.pw_name, uid, entry.pw_gid)


def _find(name: str) -> Account | None:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _create(name: str) -> None:
    commands = (
        ["useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/", "--shell", "/bin/false", name],
        ["adduser", "-S", "-D", "-H", "-h", "/", "-s", "/bin/false", name],  # BusyBox, as on Alpine
    )
    for command in commands:
        if shutil.which(command[0]) is None:
            continue
        # Two processes may create it at once; the loser finds the account afterwards, whatever its exit code was.
        subprocess.run(command, check=False, capture_output=True, timeout=TOOL_TIMEOUT_SECONDS)
        if _find(name) is not None:
            return
