import json
from pathlib import Path
from typing import Any

import pytest
from documents import set_in, small_problem

from guiyi.decide.planning.api import ProblemInvalid, parse_problem, read_problem_document


def test_document_is_the_same_when_written_and_parsed_again() -> None:
    problem = parse_problem(json.dumps(small_problem()).encode())
    assert parse_problem(problem.to_json()) == problem
    assert parse_problem(problem.to_json()).to_json() == problem.to_json()


@pytest.mark.parametrize(
    ("path", "value", "where"),
    [
        ("schema", "guiyi.problem/9", "schema"),
        ("currency", "yuan", "currency"),
        ("horizon_years", 0, "horizon_years"),
        ("horizon_years", 51, "horizon_years"),
        ("discount_rate", "1.5", "discount_rate"),
        ("discount_rate", 0.04, "discount_rate"),
        ("channels", [], "channels"),
        ("channels.0.running_cost", "-1", "channels.0.running_cost"),
        ("channels.0.running_cost", "a lot", "channels.0.running_cost"),
        ("channels.0.running_cost", 12.5, "channels.0.running_cost"),
        ("channels.0.fate", "maybe", "channels.0.fate"),
        ("channels.0.id", "oa", "channels"),
        ("channels.0.colour", "red", "channels.0.colour"),
        ("functions.0.id", "lifestyle.cinema", "functions"),
        ("hosting.0.channel", "ap", "hosting.0.channel"),
        ("hosting.0.function", "payments.transfers", "hosting.0.function"),
        ("hosting.0.channel", "oa", "hosting"),
        ("cells.0.id", "c2", "cells"),
        ("cells.0.function", "x.y", "cells.0.function"),
        ("cells.0.from", ["oa", "oa"], "cells.0.from"),
        ("cells.0.from", ["ao"], "cells.0.from"),
        ("cells.0.customers", -1, "cells.0.customers"),
        ("cells.0.active.app", 101, "cells.0.active.app"),
        ("attrition.0.rate", "1.1", "attrition.0.rate"),
        ("attrition.0.active", False, "attrition"),
        ("audiences.0.channels", ["ao"], "audiences.0.channels"),
        ("moves", {"costs": {"c9": {}}}, "moves.costs"),
        ("moves", {"costs": {"c1": {"ap": "1"}}}, "moves.costs.c1"),
        ("policies", [{"id": "p", "type": "keep", "channel": "ap"}], "policies.0.channel"),
        ("policies", [{"id": "p", "type": "only_on", "function": "x.y", "channels": ["ap"]}], "policies.0.function"),
        ("policies", [{"id": "p", "type": "at_most", "n": 1}], "policies.0.at_most"),
        ("policies", [{"id": "p", "type": "at_least", "n": 1}], "policies.0"),
    ],
)
def test_place_is_named_when_the_document_is_wrong(path: str, value: object, where: str) -> None:
    document: dict[str, Any] = set_in(small_problem(), path, value)
    with pytest.raises(ProblemInvalid) as caught:
        parse_problem(json.dumps(document).encode())
    problems = caught.value.details["problems"]
    assert isinstance(problems, list)
    assert where in [row["where"] for row in problems if isinstance(row, dict)]


def test_document_is_the_same_when_what_may_be_left_out_was_left_out() -> None:
    document = small_problem(policies=[])
    for channel in document["channels"]:
        del channel["kind"], channel["platform"]
    for key in ("attrition", "audiences", "policies"):
        del document[key]
    problem = parse_problem(json.dumps(document).encode())
    assert parse_problem(problem.to_json()) == problem


def test_first_hundred_are_listed_when_there_are_more_mistakes() -> None:
    cells = [small_problem()["cells"][0] | {"id": f"c{i}", "function": "x.y"} for i in range(150)]
    with pytest.raises(ProblemInvalid) as caught:
        parse_problem(json.dumps(small_problem(cells=cells)).encode())
    problems = caught.value.details["problems"]
    assert isinstance(problems, list)
    assert len(problems) == 100
    assert caught.value.details["count"] == 150


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"null"])
def test_document_is_refused_when_it_is_not_json_of_a_problem(content: bytes) -> None:
    with pytest.raises(ProblemInvalid):
        parse_problem(content)


def test_file_is_named_when_it_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ProblemInvalid, match="absent"):
        read_problem_document(tmp_path / "absent.json")


def test_document_is_accepted_when_it_is_the_one_of_the_specification() -> None:
    problem = parse_problem(read_problem_document(Path(__file__).parents[2] / "samples" / "problem.json"))
    assert problem.cells[0].active == {"app": 800}
    assert "app" not in {channel.id for channel in problem.channels}
