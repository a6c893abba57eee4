"""`guiyi register …` as people and machines call it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from guiyi.plumbing.db.api import Database
from guiyi.see.register.api import example_bank, read_register, write_examples

SAMPLE = Path(__file__).parents[2] / "samples" / "register-12-mistakes.xlsx"
Cli = Callable[..., Result]


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("examples")
    write_examples(folder)
    return folder


def test_versions_are_made_listed_compared_and_exported_when_imported(
    database: Database, cli: Cli, examples: Path, tmp_path: Path
) -> None:
    assert database.server is None
    first = json.loads(cli("register", "import", examples / "example-bank.xlsx", "--json").stdout)
    assert (first["version"], first["is_new"], first["example"]) == (1, True, True)
    again = cli("register", "import", examples / "example-bank.xlsx")
    assert "no version was made" in again.stdout
    assert "Imported as version 2" in cli("register", "import", examples / "large-bank.xlsx").stdout
    log = json.loads(cli("register", "log", "--json").stdout)
    assert [entry["version"] for entry in log] == [2, 1]
    assert "large-bank.xlsx" in cli("register", "log").stdout
    diff = json.loads(cli("register", "diff", 1, 2, "--json").stdout)
    assert {change["change"] for change in diff["changes"]} >= {"added"}
    assert "further rows" in cli("register", "diff", 1, 2).stdout
    assert "same content" in cli("register", "diff", 1, 1).stdout
    assert cli("register", "export", tmp_path / "csv", "--version", 1).exit_code == 0
    assert read_register(tmp_path / "csv") == example_bank()
    shown = json.loads(cli("register", "show", "--version", 1, "--json").stdout)
    assert shown["example"]
    assert {channel["id"] for channel in shown["channels"]} == {c.channel_id for c in example_bank().channels}
    people = cli("register", "show", "--version", 1).stdout
    assert "Example data" in people
    assert "oa_corporate_finance" in people


def test_fields_are_told_when_a_row_changed(database: Database, cli: Cli, examples: Path, tmp_path: Path) -> None:
    assert database.server is None
    cli("register", "import", examples / "example-bank.xlsx")
    cli("register", "export", tmp_path / "csv")
    path = tmp_path / "csv" / "functions.csv"
    path.write_text(path.read_text(encoding="utf-8-sig").replace("余额查询", "[b]查余额"), encoding="utf-8")
    assert "1 changed" in cli("register", "import", tmp_path / "csv").stdout
    told = cli("register", "diff", 1, 2).stdout
    assert "余额查询" in told
    assert "[b]查余额" in told


def test_all_problems_are_told_with_code_3_when_file_is_wrong(cli: Cli) -> None:
    people = cli("register", "check", SAMPLE)
    assert people.exit_code == 3
    for word in ("service_account", "12000", "(formula)", "2023-03-15", "12 problems"):
        assert word in people.stderr
    machine = cli("register", "check", SAMPLE, "--json")
    assert machine.exit_code == 3
    assert len(json.loads(machine.stdout)["details"]["problems"]) == 12


def test_nothing_is_imported_when_file_is_wrong(database: Database, cli: Cli) -> None:
    assert database.server is None
    assert cli("register", "import", SAMPLE).exit_code == 3
    assert json.loads(cli("register", "log", "--json").stdout) == []
    missing = cli("register", "show", "--json")
    assert (missing.exit_code, json.loads(missing.stdout)["error"]) == (4, "register_not_found")


def test_files_are_written_and_checked_when_asked(cli: Cli, tmp_path: Path) -> None:
    assert cli("register", "template", tmp_path / "template.xlsx").exit_code == 0
    assert cli("register", "check", tmp_path / "template.xlsx").exit_code == 3
    assert cli("examples", tmp_path / "examples").exit_code == 0
    checked = json.loads(cli("register", "check", tmp_path / "examples" / "example-bank.xlsx", "--json").stdout)
    assert (checked["example"], checked["rows"]["channels"]) == (True, 24)
    assert "is fine" in cli("register", "check", tmp_path / "examples" / "large-bank.xlsx").stdout
