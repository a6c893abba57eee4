"""The OpenAPI document as a page shows it: operations by tag, each with its parameters and the fields it answers."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from guiyi.app.http.access import EXTENSION
from guiyi.kit.text import Text

DEPTH_MAX: Final = 3
"""Levels of fields inside fields that are shown."""
FIELDS_MAX: Final = 200
TAGS: Final = {
    "register": Text("台账", "Register"),
    "plans": Text("方案", "Plans"),
    "system": Text("系统", "System"),
}

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Field:
    """One field of an answer, or one parameter."""

    name: str
    depth: int
    type: str
    optional: bool
    """Of a parameter: it may be left out."""
    description: Text


@dataclass(frozen=True, slots=True)
class Operation:
    """One endpoint."""

    method: str
    path: str
    summary: Text
    access: str
    parameters: tuple[Field, ...]
    fields: tuple[Field, ...]
    answer: Text
    is_open: bool
    """Whether a browser can simply open it."""


def operations_of(document: Document) -> tuple[tuple[Text, tuple[Operation, ...]], ...]:
    """Return the operations of `document` by tag, in its order."""
    schemas: Document = document.get("components", {}).get("schemas", {})
    found: dict[str, list[Operation]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            found.setdefault(operation["tags"][0], []).append(_operation(path, method, operation, schemas))
    return tuple((TAGS[tag], tuple(operations)) for tag, operations in found.items())


def _operation(path: str, method: str, operation: Document, schemas: Document) -> Operation:
    description = str(operation.get("description", operation["summary"])).replace("`", "")
    success: Document = operation["responses"]["200"]
    schema: Document = success.get("content", {}).get("application/json", {}).get("schema", {})
    return Operation(
        method=method.upper(),
        path=path,
        summary=Text(str(operation["x-summary-zh"]), description),
        access=str(operation[EXTENSION]),
        parameters=tuple(
            Field(
                name=parameter["name"],
                depth=0,
                type=_type(parameter["schema"], schemas),
                optional=not parameter["required"],
                description=_both(str(parameter.get("description", ""))),
            )
            for parameter in operation.get("parameters", ())
        ),
        fields=tuple(_fields(schema, schemas, 0))[:FIELDS_MAX],
        answer=_both(_type(schema, schemas) if schema else str(success["description"])),
        is_open=method == "get" and "{" not in path,
    )


def _both(description: str) -> Text:
    """Split `中文 / English`; what is written in one language only is shown in both."""
    zh, separator, en = description.partition(" / ")
    return Text(zh, en) if separator else Text(description, description)


def _fields(schema: Document, schemas: Document, depth: int) -> Iterator[Field]:
    target = _resolved(schema, schemas)
    for name, inner in target.get("properties", {}).items():
        yield Field(
            name,
            depth,
            _type(inner, schemas),
            optional=False,
            description=_both(str(inner.get("description", ""))),
        )
        if depth + 1 < DEPTH_MAX:
            yield from _fields(inner, schemas, depth + 1)


def _resolved(schema: Document, schemas: Document) -> Document:
    """Follow references, lists and 'or null' to the object inside; an empty schema when there is none."""
    if "$ref" in schema:
        return schemas[str(schema["$ref"]).rpartition("/")[2]]
    if schema.get("type") == "array":
        return _resolved(schema.get("items", {}), schemas)
    for choice in schema.get("anyOf", ()):
        if choice.get("type") != "null":
            return _resolved(choice, schemas)
    return schema


def _type(schema: Document, schemas: Document) -> str:
    if "$ref" in schema:
        target = _resolved(schema, schemas)
        return _type(target, schemas) if "enum" in target else str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " | ".join(dict.fromkeys(_type(choice, schemas) for choice in schema["anyOf"]))
    if "enum" in schema:
        return " | ".join(str(value) for value in schema["enum"])
    if schema.get("type") == "array":
        return f"{_type(schema.get('items', {}), schemas)}[]"
    return str(schema.get("format") or schema.get("type") or "any")
