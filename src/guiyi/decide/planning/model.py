"""The strong two-level model, reduced exactly.

Planner's notes: y_c channel c stays, z_fc function f is hosted on c, x_qc cell q is served by c, with x ≤ z ≤ y; only
y and z are integer. Here x is projected out, which leaves the linear relaxation as strong as it was (Cornuéjols,
Nemhauser and Wolsey, "A canonical representation of simple plant location problems", SIAM J. Alg. Disc. Meth. 1, 1980):
a cell with its hosts sorted by cost pays its cheapest cost, and each step up to the next one only if none of the hosts
before is open. With p_S = 1 when no host of the set S is open, p_S ≥ 1 − Σ_{c ∈ S} z_c, its cost is
Σ_k (cost_{k+1} − cost_k) · p_{first k hosts}. All cells of a function that share such a set share one p_S: cells with
equal or proportional cost rows, and many more, merge by themselves, and no customer is dropped.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal, localcontext

from guiyi.decide.planning.costs import EXACT, NOWHERE, CellCosts, CostBook
from guiyi.decide.planning.policies import AtMost
from guiyi.decide.planning.problem import Problem

Hosting = tuple[str, str]
"""Function id, channel id."""


@dataclass(slots=True)
class Model:
    """Minimise constant + Σ channel_cost·y + Σ hosting_cost·z + Σ step_cost·p; money is exact."""

    problem: Problem
    constant: Decimal
    channel_cost: dict[str, Decimal]
    """Channel -> what staying costs more than closing."""
    listed_cost: dict[Hosting, Decimal]
    """Allowed hosting -> what it costs on a channel that stays, as listed."""
    hosting_cost: dict[Hosting, Decimal]
    """The same, less what opening it saves the cells."""
    step_cost: dict[tuple[str, frozenset[str]], Decimal]
    """(function, set of hosts) -> what it costs when none of the set is open."""
    covers: set[tuple[str, frozenset[str]]]
    """(function, set of hosts) of which one must be open."""
    cells: list[CellCosts]
    unserved: list[str]
    """Ids of cells that no host may serve."""
    stays: set[str] = field(default_factory=set)
    """Channels that stay in every plan."""
    certain: set[Hosting] = field(default_factory=set)
    """Hostings that are open in some best plan, whatever else is decided."""


def build_model(problem: Problem) -> Model:
    """Price the problem and reduce it exactly.

    Raises:
        AttritionRuleMissing: A possible move has no price.
    """
    with localcontext(EXACT):
        model = _priced(problem, CostBook(problem))
        _find_only_hosts(model)
        for costs in model.cells:
            _add_steps(model, costs)
        while _fold(model) or _open_what_costs_nothing(model):
            pass
    return model


def _priced(problem: Problem, book: CostBook) -> Model:
    removal: dict[str, Decimal] = defaultdict(Decimal)
    hosting_cost: dict[Hosting, Decimal] = {}
    allowed = {(f, row.channel) for f, rows in problem.hosts_by_function.items() for row in rows}
    for row in problem.hosting:
        if row.offered:
            removal[row.channel] += row.removal_cost
        key = (row.function, row.channel)
        if key in allowed and row.channel not in problem.must_close:
            one_off = -row.removal_cost if row.offered else row.porting_cost
            hosting_cost[key] = row.running_cost * book.annuity + one_off
    channel_cost = {
        channel.id: channel.running_cost * book.annuity - channel.closing_cost + removal[channel.id]
        for channel in problem.channels
    }
    cells = [book.of_cell(cell) for cell in problem.cells]
    return Model(
        problem=problem,
        constant=sum((channel.closing_cost for channel in problem.channels), Decimal(0)),
        channel_cost=channel_cost,
        listed_cost=hosting_cost,
        hosting_cost=dict(hosting_cost),
        step_cost=defaultdict(Decimal),
        covers=set(),
        cells=cells,
        unserved=[costs.cell.id for costs in cells if not costs.by_host],
        stays=set(problem.must_keep),
    )


def _find_only_hosts(model: Model) -> None:
    """A cell's only host is open in every plan, and its channel stays."""
    for costs in model.cells:
        if len(costs.by_host) == 1 and costs.by_host[0][0] != NOWHERE:
            host = costs.by_host[0][0]
            model.certain.add((costs.cell.function, host))
            model.stays.add(host)


def _add_steps(model: Model, costs: CellCosts) -> None:
    """Add the steps of one cell up to the first host that is certain, or to `NOWHERE`."""
    if not costs.by_host:
        return
    model.constant += costs.by_host[0][1]
    function = costs.cell.function
    hosts: list[str] = []
    for index, (host, cost) in enumerate(costs.by_host):
        if host == NOWHERE or (function, host) in model.certain:
            return
        hosts.append(host)
        if index + 1 == len(costs.by_host):
            model.covers.add((function, frozenset(hosts)))
        elif (step := costs.by_host[index + 1][1] - cost) > 0:
            model.step_cost[function, frozenset(hosts)] += step


def _fold(model: Model) -> bool:
    """Price a step over a single host into its hosting, since p = 1 − z there; tell whether there was one."""
    single = [key for key in model.step_cost if len(key[1]) == 1]
    for key in single:
        function, (host,) = key
        step = model.step_cost.pop(key)
        model.constant += step
        model.hosting_cost[function, host] -= step
    return bool(single)


def _open_what_costs_nothing(model: Model) -> bool:
    """Open hostings that cost nothing on channels that stay: no plan is worse for it. Tell whether there was one."""
    found = {
        hosting
        for hosting, cost in model.hosting_cost.items()
        if cost <= 0 and hosting[1] in model.stays and hosting not in model.certain
    }
    model.certain |= found
    for key in [key for key in model.step_cost if any((key[0], host) in found for host in key[1])]:
        del model.step_cost[key]
    model.covers = {(f, hosts) for f, hosts in model.covers if not any((f, host) in found for host in hosts)}
    return bool(found)


def at_most_rows(model: Model) -> list[tuple[str, list[str], int]]:
    """Return for each `at_most` policy its id, the channels that it counts, and its n."""
    return [
        (
            policy.id,
            [c.id for c in model.problem.channels if policy.counts(kind=c.kind, platform=c.platform)],
            policy.n,
        )
        for policy in model.problem.policies
        if isinstance(policy, AtMost)
    ]
