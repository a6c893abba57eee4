"""The house's rules, as far as a program can check them; import-linter holds the layers."""

import ast
import importlib
import pkgutil
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from fastapi.routing import APIRoute, APIRouter

import guiyi
from guiyi.app.http.access import DeclaringRoute, access, declared_access
from guiyi.app.http.factory import create_application
from guiyi.app.services import Services
from guiyi.kit.clock import SystemClock
from guiyi.kit.errors import ErrorKind, GuiyiError
from guiyi.plumbing.config.api import Settings
from guiyi.plumbing.db.api import Database
from guiyi.plumbing.db.database import url_of

SOURCE = Path(guiyi.__file__).parent
CHECKOUT = SOURCE.parents[1]
WINGS = ("plumbing", "see", "decide")
FACE = {"api", "errors", "events"}


def _rooms() -> list[Path]:
    """Every module folder of a wing."""
    return [
        room
        for wing in WINGS
        for room in sorted((SOURCE / wing).iterdir())
        if room.is_dir() and (room / "__init__.py").exists()
    ]


def _files() -> list[Path]:
    return sorted(SOURCE.rglob("*.py"))


def _name_of(file: Path) -> str:
    parts = file.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def _tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def _imported(file: Path) -> Iterator[str]:
    """Every module or name that `file` imports, dotted; also within functions and for types alone."""
    for node in ast.walk(_tree(file)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _calls(file: Path) -> Iterator[str]:
    for node in ast.walk(_tree(file)):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func)


@cache
def _every_module() -> tuple[str, ...]:
    names = [found.name for found in pkgutil.walk_packages([str(SOURCE)], "guiyi.")]
    for name in names:
        importlib.import_module(name)
    return tuple(names)


@cache
def _every_error() -> tuple[type[GuiyiError], ...]:
    assert _every_module()

    def below(kind: type[GuiyiError]) -> Iterator[type[GuiyiError]]:
        for child in kind.__subclasses__():
            yield child
            yield from below(child)

    return tuple(error for error in below(GuiyiError) if error.__module__.startswith("guiyi."))


@pytest.mark.parametrize(
    "file", [file for file in _files() if "app" not in file.relative_to(SOURCE).parts], ids=_name_of
)
def test_only_faces_are_imported_when_another_module_is_used(file: Path) -> None:
    own = file.relative_to(SOURCE).parts[:2]
    for name in _imported(file):
        parts = name.split(".")
        if parts[0] != "guiyi" or len(parts) < 4 or parts[1] not in WINGS or tuple(parts[1:3]) == own:
            continue
        assert parts[3] in FACE, f"{_name_of(file)} imports {name}: only {', '.join(sorted(FACE))} are a module's face"


@pytest.mark.parametrize("room", _rooms(), ids=lambda room: room.name)
def test_module_says_what_it_is_when_opened(room: Path) -> None:
    assert (room / "api.py").exists()
    assert 3 <= len((room / "README.md").read_text(encoding="utf-8").splitlines()) <= 40
    assert getattr(importlib.import_module(_name_of(room / "api.py")), "__all__", None)


@pytest.mark.parametrize("wing", ["see", "decide"])
def test_sql_stands_in_repositories_when_a_wing_uses_the_database(wing: str) -> None:
    for file in sorted((SOURCE / wing).rglob("*.py")):
        if "sqlalchemy.text" in set(_imported(file)):
            assert file.name == "repository.py", f"{file} writes SQL outside a repository"


@pytest.mark.parametrize("wing", ["see", "decide"])
def test_nobody_commits_when_below_the_edge(wing: str) -> None:
    for file in sorted((SOURCE / wing).rglob("*.py")):
        assert not [call for call in _calls(file) if re.search(r"session\.(commit|rollback|begin)$", call)], file


def test_nobody_but_the_clock_asks_for_the_time_when_searched() -> None:
    asking = re.compile(r"^(datetime\.)*(datetime\.now|datetime\.utcnow|datetime\.today|date\.today)$|^time\.time$")
    found = [f"{_name_of(file)}: {call}" for file in _files() for call in _calls(file) if asking.match(call)]
    assert found == ["guiyi.kit.clock: datetime.now"]


def test_code_of_every_error_is_its_own_when_listed() -> None:
    concrete = [error for error in _every_error() if "code" in vars(error)]
    assert len(concrete) >= 20
    repeated = {code for code, times in Counter(error.code for error in concrete).items() if times > 1}
    assert not repeated
    for error in concrete:
        assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", error.code), error
        assert isinstance(error.kind, ErrorKind), error


def test_every_error_has_a_code_when_it_can_be_raised() -> None:
    raised = {
        call.rpartition(".")[2] for file in _files() for call in _calls(file) if call[:1].isupper() or "." in call
    }
    for error in _every_error():
        if error.__name__ in raised:
            assert "code" in dir(error), f"{error} is raised without a code"


def test_every_endpoint_declares_who_may_call_it_when_listed() -> None:
    database = Database(url_of("postgresql://nobody@/nothing?host=/nowhere"))
    app = create_application(Services(database=database, settings=Settings(), clock=SystemClock()))
    routes = list(_routes(app.routes))
    assert len(routes) >= 12
    for route in routes:
        assert isinstance(route, DeclaringRoute), f"{route.path} is not a DeclaringRoute"
        assert declared_access(route.endpoint) is not None


def _routes(routes: object) -> Iterator[APIRoute]:
    assert isinstance(routes, list)
    for route in routes:
        if isinstance(route, APIRoute):
            yield route
        else:
            inner = getattr(route, "original_router", None)
            assert isinstance(inner, APIRouter), f"{route} is no route that declares its access"
            yield from _routes(inner.routes)


def test_application_does_not_start_when_an_endpoint_declares_nothing() -> None:
    router = APIRouter(route_class=DeclaringRoute)

    def undeclared() -> None:
        """An endpoint that forgot."""

    with pytest.raises(TypeError, match="does not declare its access"):
        router.get("/forgotten")(undeclared)
    assert access


def test_every_setting_is_documented_when_the_page_is_read() -> None:
    page = (CHECKOUT / "docs" / "settings.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^\| `(GUIYI_[A-Z_]+)` \|", page, re.MULTILINE))
    assert documented == {f"GUIYI_{name.upper()}" for name in Settings.model_fields}
