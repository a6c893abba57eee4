"""Write the JSON Schemas of Guiyi's documents to docs/schemas; `make schemas` runs it."""

import json
from pathlib import Path

from guiyi.decide.planning.api import Plan, Policies, Problem

FOLDER = Path(__file__).parent / "schemas"

for name, model, mode in (
    ("guiyi.problem-1", Problem, "validation"),
    ("guiyi.plan-1", Plan, "serialization"),
    ("guiyi.policies-1", Policies, "validation"),
):
    schema = model.model_json_schema(by_alias=True, mode=mode)
    (FOLDER / f"{name}.schema.json").write_text(json.dumps(schema, indent=2, ensure_ascii=False) + "\n")
