"""The published schemas are those of the code, and documents follow them."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from documents import small_problem
from pydantic import BaseModel

from guiyi.decide.planning.api import Plan, Policies, Problem, parse_problem, solve_document

ROOT = Path(__file__).parents[3]
SCHEMAS: dict[str, type[BaseModel]] = {
    "guiyi.problem-1.schema.json": Problem,
    "guiyi.plan-1.schema.json": Plan,
    "guiyi.policies-1.schema.json": Policies,
}


def published(name: str) -> dict[str, Any]:
    return json.loads((ROOT / "docs" / "schemas" / name).read_text())


@pytest.mark.parametrize("name", SCHEMAS)
def test_published_schema_is_that_of_the_code(name: str) -> None:
    mode = "serialization" if SCHEMAS[name] is Plan else "validation"
    assert published(name) == SCHEMAS[name].model_json_schema(by_alias=True, mode=mode), "run `make schemas`"


def test_written_documents_follow_the_published_schemas() -> None:
    document = json.dumps(small_problem()).encode()
    jsonschema.validate(json.loads(document), published("guiyi.problem-1.schema.json"))
    jsonschema.validate(json.loads(parse_problem(document).to_json()), published("guiyi.problem-1.schema.json"))
    jsonschema.validate(json.loads(solve_document(document).to_json()), published("guiyi.plan-1.schema.json"))


def test_plan_without_an_objective_follows_the_published_schema() -> None:
    problem = small_problem(policies=[{"id": "c", "type": "close", "channel": c} for c in ("app", "oa")][:1])
    problem["channels"][1]["fate"] = "close"
    plan = solve_document(json.dumps(problem).encode())
    assert plan.status == "infeasible"
    jsonschema.validate(json.loads(plan.to_json()), published("guiyi.plan-1.schema.json"))
