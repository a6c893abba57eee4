"""From a register, its traffic and the policies to a problem."""

from collections.abc import Collection
from decimal import Decimal
from typing import Protocol

from rapidfuzz import process

from guiyi.decide.planning.documents import rejected
from guiyi.decide.planning.errors import PoliciesInvalid
from guiyi.decide.planning.policies import AtMost, CloseChannel, KeepChannel, OnlyOn, Policies, Policy
from guiyi.decide.planning.problem import (
    Fate,
    Problem,
    ProblemAttrition,
    ProblemAudience,
    ProblemCell,
    ProblemChannel,
    ProblemFunction,
    ProblemHosting,
)
from guiyi.see.register.api import Channel, ChannelStatus, CostTiming, Register
from guiyi.see.traffic.api import Audience, Cell

EVERYONE = "*"
"""The segment of a cell that stands for a function without observed use."""

FATES: dict[ChannelStatus, Fate] = {ChannelStatus.OPEN: "free", ChannelStatus.CLOSING: "close"}
"""Channels of other status are not there to decide on."""


class CellSource(Protocol):
    """What the planner asks of traffic; `see.traffic.Traffic` is one."""

    def cells(self, hosts: dict[str, Collection[str]]) -> tuple[Cell, ...]:
        """Return the cells, counted with who is active on the hosts of each function."""
        ...

    def audiences(self) -> tuple[Audience, ...]:
        """Return the groups of people active on the same channels."""
        ...


def build_problem(register: Register, traffic: CellSource, policies: Policies) -> Problem:
    """Freeze what the solver sees.

    Open channels are free, closing ones must close, planned and closed ones are left out. A function that may not end
    but of which no use was seen gets a cell without customers, so that a plan keeps it somewhere.

    Raises:
        PoliciesInvalid: A policy names a channel or a function that the problem does not have.
    """
    channels = [channel for channel in register.channels if channel.status in FATES]
    hosting = _hosting(register, {channel.channel_id for channel in channels})
    hosts: dict[str, Collection[str]] = {}
    for row in hosting:
        hosts[row.function] = [*hosts.get(row.function, ()), row.channel]
    functions = [function for function in register.functions if function.function_id in hosts]
    _check_policies(policies, channels={c.channel_id for c in channels}, functions=set(hosts))
    worth = {function.function_id: function.value_per_customer for function in functions}
    cells = [
        _cell(cell, worth[cell.function_id])
        for cell in traffic.cells(hosts)
        if cell.function_id in hosts and cell.customers
    ]
    seen = {cell.function for cell in cells}
    unseen = [f.function_id for f in functions if not f.may_end and f.function_id not in seen]
    return Problem(
        schema_="guiyi.problem/1",
        currency=policies.currency,
        horizon_years=policies.horizon_years,
        discount_rate=policies.discount_rate,
        channels=tuple(_channel(channel, register) for channel in channels),
        functions=tuple(ProblemFunction(id=f.function_id, may_end=f.may_end) for f in functions),
        hosting=tuple(hosting),
        cells=(*cells, *(_cell_without_customers(function) for function in unseen)),
        attrition=tuple(
            ProblemAttrition(
                kind_from=row.kind_from, kind_host=row.kind_host, segment=row.segment, active=row.active, rate=row.rate
            )
            for row in register.attrition
        ),
        audiences=tuple(
            ProblemAudience(segment=a.segment, channels=a.channels, customers=a.customers) for a in traffic.audiences()
        ),
        policies=policies.policies,
    )


def _channel(channel: Channel, register: Register) -> ProblemChannel:
    costs = [cost for cost in register.costs if cost.channel_id == channel.channel_id]
    return ProblemChannel(
        id=channel.channel_id,
        kind=channel.kind,
        platform=channel.platform_id,
        running_cost=sum((c.amount for c in costs if c.timing is CostTiming.PER_YEAR), Decimal(0)),
        closing_cost=sum((c.amount for c in costs if c.timing is CostTiming.CLOSING), Decimal(0)),
        fate=FATES[channel.status],
    )


def _hosting(register: Register, channels: Collection[str]) -> list[ProblemHosting]:
    offered = [
        ProblemHosting(
            channel=row.channel_id,
            function=row.function_id,
            offered=True,
            running_cost=row.running_cost,
            porting_cost=Decimal(0),
            removal_cost=row.removal_cost,
        )
        for row in register.offerings
        if row.channel_id in channels
    ]
    possible = [
        ProblemHosting(
            channel=row.channel_id,
            function=row.function_id,
            offered=False,
            running_cost=row.running_cost,
            porting_cost=row.porting_cost,
            removal_cost=Decimal(0),
        )
        for row in register.hosting
        if row.channel_id in channels
    ]
    return offered + possible


def cell_id(cell: Cell) -> str:
    """Return the id of a cell: function, segment and channels, so that it says what it is."""
    return f"{cell.function_id}|{cell.segment}|{'+'.join(cell.channels)}"


def _cell(cell: Cell, value: Decimal) -> ProblemCell:
    return ProblemCell(
        id=cell_id(cell),
        function=cell.function_id,
        segment=cell.segment,
        from_=cell.channels,
        customers=cell.customers,
        value=value,
        active=dict(sorted(cell.active.items())),
    )


def _cell_without_customers(function: str) -> ProblemCell:
    return ProblemCell(
        id=f"{function}|{EVERYONE}|", function=function, segment=EVERYONE, from_=(), customers=0, value=Decimal(0)
    )


def _check_policies(policies: Policies, *, channels: set[str], functions: set[str]) -> None:
    problems = [
        (f"policies.{index} ({policy.id})", _not_found(name, known))
        for index, policy in enumerate(policies.policies)
        for name, known in _named(policy, channels, functions)
        if name not in known
    ]
    if problems:
        raise rejected(problems, place="policies", error_class=PoliciesInvalid)


def _named(policy: Policy, channels: set[str], functions: set[str]) -> list[tuple[str, set[str]]]:
    match policy:
        case KeepChannel() | CloseChannel():
            return [(policy.channel, channels)]
        case OnlyOn():
            return [(policy.function, functions), *((channel, channels) for channel in policy.channels)]
        case AtMost():
            return []


def _not_found(name: str, known: set[str]) -> str:
    nearest = process.extractOne(name, sorted(known))
    hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
    return f"{name!r} is not an open channel or a function of the register{hint}"
