"""From a choice to a plan: fates, exact costs and measures."""

from decimal import Decimal, localcontext

from guiyi.decide.planning.costs import EXACT, CostBook
from guiyi.decide.planning.errors import AttritionRuleMissing
from guiyi.decide.planning.plan import (
    PROVEN_GAP,
    ChannelFate,
    Plan,
    PlanCell,
    PlanChannel,
    PlanCosts,
    PlanHosting,
    PlanInfeasibility,
    PlanMeasures,
    PlanStatus,
)
from guiyi.decide.planning.problem import Problem
from guiyi.decide.planning.solver import Choice

FIRST_WAVE = 1


def plan_of(
    problem: Problem, problem_sha256: str, choice: Choice | PlanInfeasibility | None, customers_moved: int | None = None
) -> Plan:
    """Return the plan document of the solver's `choice`; with None, of a search that found nothing in its time."""
    if not isinstance(choice, Choice):
        return _without_plan(problem_sha256, choice)
    with localcontext(EXACT):
        costs = _costs(problem, choice)
        objective = costs.total
        bound = min(choice.bound, objective)
        gap = (objective - bound) / (abs(objective) or Decimal(1))
        return Plan(
            problem_sha256=problem_sha256,
            status=PlanStatus.PROVEN_OPTIMAL if gap <= PROVEN_GAP else PlanStatus.GAP,
            objective=objective,
            bound=bound,
            gap=float(gap),
            channels=_fates(problem, choice),
            hosting=tuple(
                PlanHosting(channel=row.channel, function=row.function)
                for row in problem.hosting
                if (row.function, row.channel) in choice.hosting
            ),
            cells=tuple(PlanCell(id=cell.id, host=choice.host_of[cell.id]) for cell in problem.cells),
            costs=costs,
            measures=PlanMeasures(
                uses_at_risk=_uses_at_risk(problem, choice),
                reach_lost=_reach_lost(problem, choice),
                customers_moved=customers_moved,
            ),
        )


def _without_plan(problem_sha256: str, why: PlanInfeasibility | None) -> Plan:
    return Plan(
        problem_sha256=problem_sha256,
        status=PlanStatus.GAP if why is None else PlanStatus.INFEASIBLE,
        objective=None,
        bound=None,
        gap=None,
        channels=(),
        hosting=(),
        cells=(),
        costs=None,
        measures=PlanMeasures(),
        infeasibility=why,
    )


def _fates(problem: Problem, choice: Choice) -> tuple[PlanChannel, ...]:
    """Keep; else merge if a cell of the channel is served elsewhere or a function of it is ported; else retire."""
    offered = {(row.function, row.channel) for row in problem.hosting if row.offered}
    ported = {function for function, _ in choice.hosting - offered}
    moved = {channel for cell in problem.cells if choice.host_of[cell.id] for channel in cell.from_}
    moved |= {channel for function, channel in offered if function in ported}
    return tuple(
        PlanChannel(id=channel.id, fate=ChannelFate.KEEP)
        if channel.id in choice.stays
        else PlanChannel(
            id=channel.id, fate=ChannelFate.MERGE if channel.id in moved else ChannelFate.RETIRE, wave=FIRST_WAVE
        )
        for channel in problem.channels
    )


def _costs(problem: Problem, choice: Choice) -> PlanCosts:
    book = CostBook(problem)
    zero = Decimal(0)
    stays = choice.stays
    hosted = [row for row in problem.hosting if (row.function, row.channel) in choice.hosting]
    removed = [
        row
        for row in problem.hosting
        if row.offered and row.channel in stays and (row.function, row.channel) not in choice.hosting
    ]
    channels_running = sum((c.running_cost for c in problem.channels if c.id in stays), zero) * book.annuity
    channels_closing = sum((c.closing_cost for c in problem.channels if c.id not in stays), zero)
    hosting_running = sum((row.running_cost for row in hosted), zero) * book.annuity
    hosting_porting = sum((row.porting_cost for row in hosted if not row.offered), zero)
    hosting_removal = sum((row.removal_cost for row in removed), zero)
    moves = sum((book.serving(cell, choice.host_of[cell.id]) for cell in problem.cells), zero)
    total = channels_running + channels_closing + hosting_running + hosting_porting + hosting_removal + moves
    yearly_today = sum((c.running_cost for c in problem.channels), zero)
    yearly_today += sum((row.running_cost for row in problem.hosting if row.offered), zero)
    today = yearly_today * book.annuity
    return PlanCosts(
        channels_running=channels_running,
        channels_closing=channels_closing,
        hosting_running=hosting_running,
        hosting_porting=hosting_porting,
        hosting_removal=hosting_removal,
        moves=moves,
        total=total,
        today=today,
        savings=today - total,
    )


def _uses_at_risk(problem: Problem, choice: Choice) -> Decimal | None:
    """Σ customers × attrition to the host; whoever loses the function is lost whole."""
    book = CostBook(problem)
    total = Decimal(0)
    for cell in problem.cells:
        host = choice.host_of[cell.id]
        try:
            total += cell.customers if host is None else book.customers_lost(cell, host)
        except AttritionRuleMissing:
            return None
    return total


def _reach_lost(problem: Problem, choice: Choice) -> int | None:
    if problem.audiences is None:
        return None
    return sum(a.customers for a in problem.audiences if not choice.stays.intersection(a.channels))
