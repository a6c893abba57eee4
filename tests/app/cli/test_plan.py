"""`guiyi plan` and `guiyi solve` as people and machines call them."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from documents import small_problem
from typer.testing import Result

from guiyi.app.example import POLICIES_FILE, REGISTER_FILE, examples_folder
from guiyi.decide.planning.api import latest_facts, verify
from guiyi.plumbing.audit.api import newest
from guiyi.plumbing.db.api import Database

Cli = Callable[..., Result]


@pytest.fixture(scope="module")
def register() -> Path:
    return examples_folder() / REGISTER_FILE


@pytest.fixture
def problem(tmp_path: Path) -> Path:
    file = tmp_path / "problem.json"
    file.write_text(json.dumps(small_problem()))
    return file


def test_status_objective_and_bound_are_printed_when_a_document_is_solved(cli: Cli, problem: Path) -> None:
    out = problem.with_name("plan.json")
    result = cli("solve", problem, "--out", out)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[:3] == ["status: proven_optimal", "objective: 1125", "bound: 1125"]
    plan = json.loads(out.read_bytes())
    assert plan["problem_sha256"] == hashlib.sha256(problem.read_bytes()).hexdigest()
    assert verify(problem.read_bytes(), out.read_bytes()).rules > 10


def test_standard_output_is_one_json_document_when_json_is_asked(cli: Cli, problem: Path) -> None:
    result = cli("solve", problem, "--out", problem.with_name("plan.json"), "--json")
    assert json.loads(result.stdout)["costs"]["total"] == "1125"


def test_exit_code_says_infeasible_and_the_document_says_why_when_no_plan_is_possible(cli: Cli, tmp_path: Path) -> None:
    document = small_problem(
        policies=[{"id": str(i), "type": "close", "channel": c} for i, c in enumerate(["app", "oa"])]
    )
    (tmp_path / "problem.json").write_text(json.dumps(document))
    result = cli("solve", tmp_path / "problem.json", "--out", tmp_path / "plan.json", "--json")
    assert result.exit_code == 7
    assert json.loads((tmp_path / "plan.json").read_bytes())["infeasibility"]["cells"] == ["c1", "c2"]


@pytest.mark.parametrize("content", ["{", json.dumps(small_problem(currency="yuan"))])
def test_exit_code_is_3_and_nothing_is_written_when_the_document_is_wrong(
    cli: Cli, tmp_path: Path, content: str
) -> None:
    (tmp_path / "problem.json").write_text(content)
    result = cli("solve", tmp_path / "problem.json", "--out", tmp_path / "plan.json", "--json")
    assert result.exit_code == 3
    assert json.loads(result.stdout)["error"] == "problem_invalid"
    assert not (tmp_path / "plan.json").exists()


def test_plan_of_the_example_bank_is_proven_written_and_recorded(
    database: Database, cli: Cli, register: Path, tmp_path: Path
) -> None:
    made = json.loads(cli("traffic", "synth", "--register", register, "--out", tmp_path / "log", "--json").stdout)
    result = cli(
        "plan", "--register", register, "--events", made["events"], "--identities", made["identities"],
        "--policies", examples_folder() / POLICIES_FILE, "--out", tmp_path / "out", "--json",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["status"] == "proven_optimal"
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == [
        "plan.json",
        "plan.xlsx",
        "problem.json",
        "report.html",
    ]
    document = (tmp_path / "out" / "plan.json").read_bytes()
    verify((tmp_path / "out" / "problem.json").read_bytes(), document)
    plan = json.loads(document)
    fates = {row["id"]: row["fate"] for row in plan["channels"]}
    assert fates["mobile_bank"] == "keep"
    assert fates["oa_corporate_finance"] == "merge"
    assert {fate: list(fates.values()).count(fate) > 0 for fate in ("keep", "merge", "retire")} == {
        "keep": True,
        "merge": True,
        "retire": True,
    }
    stored = database.run(latest_facts)
    assert stored is not None
    assert stored[1].example
    assert stored[1].synthetic
    assert [entry.action for entry in database.run(newest)] == ["plan.make"]


def test_place_is_named_when_the_result_cannot_be_written(cli: Cli, problem: Path) -> None:
    result = cli("solve", problem, "--out", problem / "plan.json", "--json")
    assert result.exit_code == 3
    assert json.loads(result.stdout)["error"] == "plan_output_refused"


def test_plan_is_not_recorded_when_its_files_cannot_be_written(
    database: Database, cli: Cli, register: Path, tmp_path: Path
) -> None:
    made = json.loads(
        cli("traffic", "synth", "--register", register, "--out", tmp_path / "log", "--events", 2000, "--json").stdout
    )
    (tmp_path / "file").write_text("in the way")
    result = cli(
        "plan", "--register", register, "--events", made["events"], "--policies", examples_folder() / POLICIES_FILE,
        "--out", tmp_path / "file", "--json",
    )  # fmt: skip
    assert result.exit_code == 3
    assert json.loads(result.stdout)["error"] == "plan_output_refused"
    assert database.run(latest_facts) is None
    assert database.run(newest) == []


def test_nothing_is_written_or_recorded_when_a_policy_names_an_unknown_channel(
    database: Database, cli: Cli, register: Path, tmp_path: Path
) -> None:
    made = json.loads(
        cli("traffic", "synth", "--register", register, "--out", tmp_path / "log", "--events", 2000, "--json").stdout
    )
    policies = tmp_path / "policies.yaml"
    policies.write_text(
        'schema: guiyi.policies/1\ndiscount_rate: "0"\npolicies: [{id: k, type: keep, channel: mobilebank}]\n'
    )
    result = cli(
        "plan", "--register", register, "--events", made["events"], "--policies", policies, "--out", tmp_path / "out"
    )
    assert result.exit_code == 3
    assert "mobile_bank" in result.stderr
    assert not (tmp_path / "out").exists()
    assert database.run(latest_facts) is None
