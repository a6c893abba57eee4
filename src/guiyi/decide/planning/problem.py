"""Everything that the solver sees, frozen in one document: `guiyi.problem/1`."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from guiyi.decide.planning.documents import MAX_DOCUMENT_BYTES, DecimalString, Id, listed, read_bytes, rejected
from guiyi.decide.planning.errors import ProblemInvalid
from guiyi.decide.planning.policies import AtMost, CloseChannel, KeepChannel, OnlyOn, Policy

ANY_SEGMENT = "*"
"""An attrition rule for every segment without a rule of its own."""

Fate = Literal["free", "keep", "close"]
Label = Annotated[str, StringConstraints(max_length=200)]
Count = Annotated[int, Field(ge=0, le=10**12)]


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class ProblemChannel(_Row):
    """A channel; money as in the document."""

    id: Id
    kind: Label = ""
    platform: Label = ""
    running_cost: DecimalString
    """A year, while the channel stays."""
    closing_cost: DecimalString
    """Once, when it closes."""
    fate: Fate


class ProblemFunction(_Row):
    """A function, and whether a plan may leave its customers without a host."""

    id: Id
    may_end: bool


class ProblemHosting(_Row):
    """A channel that may host a function; what is not listed is not allowed."""

    channel: Id
    function: Id
    offered: bool
    """Whether it exists today; then porting costs nothing."""
    running_cost: DecimalString = Decimal(0)
    """A year, while the function is hosted on a channel that stays."""
    porting_cost: DecimalString
    """Once, when it does not exist today."""
    removal_cost: DecimalString = Decimal(0)
    """Once, when an offered function is taken off a channel that stays."""


class ProblemCell(_Row):
    """Customers alike in function, segment and the set of channels on which they use the function."""

    id: Id
    function: Id
    segment: Id
    from_: Annotated[tuple[Id, ...], Field(alias="from")]
    customers: Count
    value: DecimalString
    """What one of the customers is worth a year by using the function."""
    active: dict[Id, Count] = Field(default_factory=dict)
    """Other channel -> how many of the customers are active there; channels outside the document do no harm."""


class ProblemAttrition(_Row):
    """The share of customers that a move from one kind of channel to another loses."""

    kind_from: Id
    kind_host: Id
    segment: Id
    """A segment, or `*` for every segment without a rule of its own."""
    active: bool
    """Whether the customers are active on the host already."""
    rate: Annotated[DecimalString, Field(le=1)]


class ProblemAudience(_Row):
    """Customers alike in segment and in the set of channels on which they are active."""

    segment: Id
    channels: tuple[Id, ...]
    customers: Count


class ProblemMoves(_Row):
    """Explicit costs of moves: cell -> host -> money, totals over the horizon in today's money."""

    costs: dict[Id, dict[Id, DecimalString]] = Field(default_factory=dict)


class Problem(_Row):
    """The document. Ids are unique in their list; every id that is named exists."""

    schema_: Annotated[Literal["guiyi.problem/1"], Field(alias="schema")]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    horizon_years: Annotated[int, Field(ge=1, le=50)]
    discount_rate: Annotated[DecimalString, Field(le=1)]
    channels: Annotated[tuple[ProblemChannel, ...], Field(min_length=1, max_length=10_000)]
    functions: Annotated[tuple[ProblemFunction, ...], Field(max_length=10_000)]
    hosting: Annotated[tuple[ProblemHosting, ...], Field(max_length=1_000_000)]
    cells: Annotated[tuple[ProblemCell, ...], Field(max_length=5_000_000)]
    attrition: tuple[ProblemAttrition, ...] = ()
    audiences: tuple[ProblemAudience, ...] | None = None
    moves: ProblemMoves = Field(default_factory=ProblemMoves)
    policies: tuple[Policy, ...] = ()

    @cached_property
    def hosts_by_function(self) -> dict[str, tuple[ProblemHosting, ...]]:
        """Function id -> its hostings that the policies `only_on` allow, in the order of the document."""
        allowed: dict[str, set[str]] = {}
        for policy in self.policies:
            if isinstance(policy, OnlyOn):
                channels = set(policy.channels)
                allowed[policy.function] = allowed.get(policy.function, channels) & channels
        hosts: dict[str, list[ProblemHosting]] = {function.id: [] for function in self.functions}
        for hosting in self.hosting:
            if hosting.function not in allowed or hosting.channel in allowed[hosting.function]:
                hosts[hosting.function].append(hosting)
        return {function: tuple(rows) for function, rows in hosts.items()}

    @cached_property
    def must_keep(self) -> frozenset[str]:
        """Channels that must stay, by fate or by policy."""
        by_policy = {policy.channel for policy in self.policies if isinstance(policy, KeepChannel)}
        return frozenset(by_policy | {channel.id for channel in self.channels if channel.fate == "keep"})

    @cached_property
    def must_close(self) -> frozenset[str]:
        """Channels that must close, by fate or by policy."""
        by_policy = {policy.channel for policy in self.policies if isinstance(policy, CloseChannel)}
        return frozenset(by_policy | {channel.id for channel in self.channels if channel.fate == "close"})

    def to_json(self) -> bytes:
        """Return the document as UTF-8 JSON; the same problem gives the same bytes."""
        return self.model_dump_json(by_alias=True, exclude_none=True).encode()


def document_sha256(document: bytes) -> str:
    """Return the digest by which a plan names its problem: SHA-256 of the document's bytes, in hexadecimal."""
    return hashlib.sha256(document).hexdigest()


def parse_problem(document: bytes, *, place: str = "problem") -> Problem:
    """Parse a problem document.

    Raises:
        ProblemInvalid: It is not JSON, does not follow the schema, or names what it does not have.
    """
    try:
        problem = Problem.model_validate_json(document)
    except ValidationError as error:
        raise listed(error, place=place, error_class=ProblemInvalid) from error
    contradictions = list(_contradictions(problem))
    if contradictions:
        raise rejected(contradictions, place=place, error_class=ProblemInvalid)
    return problem


def read_problem_document(path: Path) -> bytes:
    """Return the bytes of the problem document at `path`, for `solve_document`.

    Raises:
        ProblemInvalid: There is no such file, or it is larger than `MAX_DOCUMENT_BYTES`.
    """
    return read_bytes(path, error=ProblemInvalid, limit=MAX_DOCUMENT_BYTES)


def _contradictions(problem: Problem) -> Iterator[tuple[str, str]]:
    """Yield where and why for whatever the schema alone cannot see."""
    channels = {channel.id for channel in problem.channels}
    functions = {function.id for function in problem.functions}
    yield from _repeated("channels", (channel.id for channel in problem.channels))
    yield from _repeated("functions", (function.id for function in problem.functions))
    yield from _repeated("cells", (cell.id for cell in problem.cells))
    yield from _repeated("policies", (policy.id for policy in problem.policies))
    yield from _repeated("hosting", (f"{row.channel} / {row.function}" for row in problem.hosting))
    yield from _repeated(
        "attrition", (f"{row.kind_from} / {row.kind_host} / {row.segment} / {row.active}" for row in problem.attrition)
    )
    for index, hosting in enumerate(problem.hosting):
        yield from _unknown(f"hosting.{index}.channel", (hosting.channel,), channels)
        yield from _unknown(f"hosting.{index}.function", (hosting.function,), functions)
    for index, cell in enumerate(problem.cells):
        yield from _cell_contradictions(f"cells.{index}", cell, channels, functions)
    for index, audience in enumerate(problem.audiences or ()):
        yield from _unknown(f"audiences.{index}.channels", audience.channels, channels)
    cells = {cell.id for cell in problem.cells}
    yield from _unknown("moves.costs", problem.moves.costs, cells)
    for cell_id, costs in problem.moves.costs.items():
        yield from _unknown(f"moves.costs.{cell_id}", costs, channels)
    for index, policy in enumerate(problem.policies):
        yield from _policy_contradictions(f"policies.{index}", policy, channels, functions)


def _cell_contradictions(
    where: str, cell: ProblemCell, channels: set[str], functions: set[str]
) -> Iterator[tuple[str, str]]:
    yield from _unknown(f"{where}.function", (cell.function,), functions)
    yield from _unknown(f"{where}.from", cell.from_, channels)
    yield from _repeated(f"{where}.from", cell.from_)
    for host, count in cell.active.items():
        if count > cell.customers:
            yield f"{where}.active.{host}", f"{count} is more than the cell's {cell.customers} customers"


def _policy_contradictions(
    where: str, policy: Policy, channels: set[str], functions: set[str]
) -> Iterator[tuple[str, str]]:
    match policy:
        case KeepChannel() | CloseChannel():
            yield from _unknown(f"{where}.channel", (policy.channel,), channels)
        case OnlyOn():
            yield from _unknown(f"{where}.function", (policy.function,), functions)
            yield from _unknown(f"{where}.channels", policy.channels, channels)
        case AtMost():
            pass


def _repeated(where: str, ids: Iterable[str]) -> Iterator[tuple[str, str]]:
    for some_id, times in Counter(ids).items():
        if times > 1:
            yield where, f"{some_id!r} stands {times} times"


def _unknown(where: str, ids: Iterable[str], known: set[str]) -> Iterator[tuple[str, str]]:
    for some_id in ids:
        if some_id not in known:
            yield where, f"{some_id!r} is not in the document"
