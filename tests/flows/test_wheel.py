"""What a bank's engineer installs: the wheel holds everything that runs."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from running import new_home

ROOT = Path(__file__).parents[2]
BUILD_SECONDS = 120
START_SECONDS = 60


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=BUILD_SECONDS)
    (built,) = folder.glob("*.whl")
    return built


def test_every_file_that_runs_is_in_the_wheel(wheel: Path) -> None:
    held = set(zipfile.ZipFile(wheel).namelist())
    source = ROOT / "src"
    wanted = {
        str(file.relative_to(source))
        for file in source.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    wanted |= {
        f"guiyi/migrations/{file.relative_to(ROOT / 'migrations')}" for file in (ROOT / "migrations").rglob("*.py")
    }
    wanted |= {f"guiyi/examples/{file.name}" for file in (ROOT / "examples").iterdir()}
    assert wanted <= held
    assert any(name.endswith("licenses/LICENSE") for name in held)


def test_examples_and_templates_are_found_when_the_package_runs_from_the_wheel(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path / "installed")
    program = (
        "from guiyi.app.example import examples_folder, REGISTER_FILE\n"
        "from guiyi.plumbing.db.api import known_head\n"
        "from guiyi.plumbing.design.api import tokens_css\n"
        "from guiyi.see.register.api import all_precedents, read_register\n"
        "import guiyi\n"
        "register = read_register(examples_folder() / REGISTER_FILE)\n"
        "print(guiyi.__file__, known_head(), len(register.channels), len(all_precedents()), len(tokens_css()) > 0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(tmp_path / "installed")},
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
    )
    path, head, channels, precedents, styled = done.stdout.split()
    assert path.startswith(str(tmp_path))
    assert (head, channels, precedents, styled) == ("0003_plan", "24", "31", "True")


def test_a_register_is_imported_when_only_the_wheel_is_installed(wheel: Path, tmp_path: Path) -> None:
    installed = tmp_path / "installed"
    zipfile.ZipFile(wheel).extractall(installed)
    home = new_home()

    def guiyi(*words: str) -> dict[str, object]:
        done = subprocess.run(
            [sys.executable, "-c", "from guiyi.app.cli.main import run; run()", *words, "--json"],
            env={**os.environ, "PYTHONPATH": str(installed), "GUIYI_HOME": str(home)},
            cwd=tmp_path,
            check=False,
            capture_output=True,
            text=True,
            timeout=BUILD_SECONDS,
        )
        assert done.returncode == 0, f"{words}: {done.stdout} {done.stderr}"
        found: dict[str, object] = json.loads(done.stdout)
        return found

    try:
        template = tmp_path / "template.xlsx"
        guiyi("register", "template", str(template))
        # Every migration runs, the one that is a file of SQL too.
        imported = guiyi("register", "import", str(installed / "guiyi" / "examples" / "example-bank.xlsx"))
        doctor = guiyi("doctor")

        assert template.stat().st_size > 0
        assert (imported["version"], imported["is_new"], doctor["ok"]) == (1, True, True)
    finally:
        shutil.rmtree(home, ignore_errors=True)
