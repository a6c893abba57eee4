"""Solve a problem to proven optimality on HiGHS. Pure: no clock, no files, no random numbers."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, localcontext

import highspy
import numpy as np
from highspy.highs import HighsCallbackEvent

from guiyi.decide.planning.costs import EXACT, NOWHERE, CellCosts
from guiyi.decide.planning.model import Hosting, Model, at_most_rows, build_model
from guiyi.decide.planning.plan import PROVEN_GAP, PlanInfeasibility
from guiyi.decide.planning.problem import Problem
from guiyi.kit.progress import Progress, silent
from guiyi.kit.text import Text

DEFAULT_TIME_LIMIT_SECONDS = 600.0
FEASIBILITY_TOLERANCE = 1e-9
"""Tighter than HiGHS's default of 1e-6, which could hide a cost of one yuan in a million."""
OPEN_THRESHOLD = 0.5
LARGEST_COEFFICIENT = 4096.0
"""Costs are scaled by a power of two, which is exact, until none is larger: HiGHS's tolerances are absolute."""
PROGRESS_UNITS = 1000
"""Progress is told in thousandths of the gap closed, on a logarithmic scale from 1 to the proof."""

_STEP = Text(zh="求解", en="Solving")


@dataclass(frozen=True, slots=True)
class Choice:
    """What the solver chose; the rest of a plan follows from it."""

    stays: frozenset[str]
    hosting: frozenset[Hosting]
    host_of: dict[str, str | None]
    """Cell id -> host, None where its function ends."""
    bound: Decimal
    """No plan costs less, up to float64 rounding."""


def solve(
    problem: Problem, *, time_limit_seconds: float = DEFAULT_TIME_LIMIT_SECONDS, progress: Progress = silent
) -> Choice | PlanInfeasibility | None:
    """Choose the cheapest plan.

    Returns:
        The choice with its bound; why there is none; or None when time ran out before any plan was found.

    Raises:
        AttritionRuleMissing: A possible move has no price.
    """
    model = build_model(problem)
    impossible = _impossible_at_once(model)
    if impossible is not None:
        return impossible
    program = _Program(model)
    solution = program.solve(time_limit_seconds=time_limit_seconds, progress=progress)
    if solution is None:
        return PlanInfeasibility(cells=_cells_without_host(model)) if program.infeasible else None
    return _choice(model, program, *solution)


def _impossible_at_once(model: Model) -> PlanInfeasibility | None:
    """Return what needs no search: cells without a host, contradicting fates, more kept channels than allowed."""
    problem = model.problem
    channels = tuple(sorted(problem.must_keep & problem.must_close))
    broken = [
        policy_id for policy_id, counted, n in at_most_rows(model) if len(problem.must_keep.intersection(counted)) > n
    ]
    if model.unserved or channels or broken:
        return PlanInfeasibility(cells=tuple(model.unserved), channels=channels, policies=tuple(broken))
    return None


class _QuietHighs(highspy.Highs):
    """HiGHS without its banner, which would stand in the middle of a command's JSON.

    Its output stays on, away from the console: switched off, it would not call back about its progress either.
    """

    def enableCallbacks(self) -> None:  # noqa: N802 - HiGHS's name; its constructor calls it, and it prints the banner
        self.setOptionValue("log_to_console", False)
        super().enableCallbacks()


class _Program:
    """The reduced model as columns and rows of HiGHS."""

    def __init__(self, model: Model, *, unserved_cells: bool = False) -> None:
        self.model = model
        self.infeasible = False
        self._costs: list[float] = []
        self._lower: list[float] = []
        self._upper: list[float] = []
        self._integer: list[bool] = []
        self._rows: list[tuple[dict[int, float], float, float]] = []
        self._channel_column: dict[str, int] = {}
        self._hosting_column: dict[Hosting, int] = {}
        self._add_channels(priced=not unserved_cells)
        self._add_hostings(priced=not unserved_cells)
        if unserved_cells:
            self._add_elastic_covers()
        else:
            self._add_steps_and_covers()
        for _, channels, most in at_most_rows(model):
            self._rows.append(({self._channel_column[channel]: 1.0 for channel in channels}, -math.inf, float(most)))

    def _column(self, cost: Decimal | float, *, integer: bool, lower: float = 0.0, upper: float = 1.0) -> int:
        self._costs.append(float(cost))
        self._lower.append(lower)
        self._upper.append(upper)
        self._integer.append(integer)
        return len(self._costs) - 1

    def _add_channels(self, *, priced: bool) -> None:
        for channel in self.model.problem.channels:
            cost = self.model.channel_cost[channel.id] if priced else Decimal(0)
            stays = self.model.stays if priced else self.model.problem.must_keep
            self._channel_column[channel.id] = self._column(
                cost,
                integer=True,
                lower=float(channel.id in stays),
                upper=float(channel.id not in self.model.problem.must_close),
            )

    def _add_hostings(self, *, priced: bool) -> None:
        """A hosting that costs nothing is open wherever its channel stays: it needs no column of its own."""
        for hosting, cost in self.model.hosting_cost.items():
            channel_column = self._channel_column[hosting[1]]
            if not priced or cost <= 0 or hosting in self.model.certain:
                self._hosting_column[hosting] = channel_column
                self._costs[channel_column] += float(cost) if priced else 0.0
            else:
                column = self._column(cost, integer=True)
                self._hosting_column[hosting] = column
                self._rows.append(({column: 1.0, channel_column: -1.0}, -math.inf, 0.0))

    def _open(self, function: str, hosts: frozenset[str]) -> dict[int, float]:
        return {self._hosting_column[function, host]: 1.0 for host in sorted(hosts)}

    def _add_steps_and_covers(self) -> None:
        for (function, hosts), cost in self.model.step_cost.items():
            row = self._open(function, hosts)
            row[self._column(cost, integer=False)] = 1.0
            self._rows.append((row, 1.0, math.inf))
        for function, hosts in sorted(self.model.covers, key=lambda cover: (cover[0], sorted(cover[1]))):
            self._rows.append((self._open(function, hosts), 1.0, math.inf))

    def _add_elastic_covers(self) -> None:
        """One column a cell: 1 when it has no host; so many are the fewest that can be without."""
        self.cell_column: dict[str, int] = {}
        for costs in self.model.cells:
            hosts = frozenset(host for host, _ in costs.by_host)
            if NOWHERE in hosts:
                continue
            row = self._open(costs.cell.function, hosts)
            self.cell_column[costs.cell.id] = self._column(1.0, integer=False)
            row[self.cell_column[costs.cell.id]] = 1.0
            self._rows.append((row, 1.0, math.inf))

    def solve(self, *, time_limit_seconds: float, progress: Progress) -> tuple[list[float], float] | None:
        """Return the columns' values and the bound; None when there is no solution (see `infeasible`)."""
        highs = _QuietHighs()
        for option, value in (
            ("mip_rel_gap", 0.0),
            ("mip_abs_gap", 0.0),
            ("mip_feasibility_tolerance", FEASIBILITY_TOLERANCE),
            ("primal_feasibility_tolerance", FEASIBILITY_TOLERANCE),
            ("dual_feasibility_tolerance", FEASIBILITY_TOLERANCE),
            ("time_limit", time_limit_seconds),
            ("threads", 1),
            ("random_seed", 0),
        ):
            highs.setOptionValue(option, value)
        highs.passModel(self._linear_program())
        highs.HandleKeyboardInterrupt = True
        highs.cbMipLogging.subscribe(_teller(progress))
        highs.solve()
        status = highs.getModelStatus()
        info = highs.getInfo()
        self.infeasible = status == highspy.HighsModelStatus.kInfeasible
        if info.primal_solution_status != highspy.SolutionStatus.kSolutionStatusFeasible:
            return None
        return list(highs.getSolution().col_value), info.mip_dual_bound / self._scale

    @property
    def _scale(self) -> float:
        largest = max((abs(cost) for cost in self._costs), default=0.0)
        return 2.0 ** -max(0, math.ceil(math.log2(largest / LARGEST_COEFFICIENT))) if largest else 1.0

    def _linear_program(self) -> highspy.HighsLp:
        linear = highspy.HighsLp()
        columns = len(self._costs)
        linear.num_col_ = columns
        linear.num_row_ = len(self._rows)
        linear.col_cost_ = np.array(self._costs) * self._scale
        linear.col_lower_ = np.array(self._lower)
        linear.col_upper_ = np.array(self._upper)
        linear.row_lower_ = np.array([lower for _, lower, _ in self._rows])
        linear.row_upper_ = np.array([upper for _, _, upper in self._rows])
        linear.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        linear.a_matrix_.start_ = np.cumsum([0, *(len(row) for row, _, _ in self._rows)])
        linear.a_matrix_.index_ = np.array([column for row, _, _ in self._rows for column in row], dtype=np.int32)
        linear.a_matrix_.value_ = np.array([value for row, _, _ in self._rows for value in row.values()])
        kinds = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
        linear.integrality_ = [kinds[integer] for integer in self._integer]
        return linear

    def stays(self, values: list[float]) -> frozenset[str]:
        """Return the channels that stay in the solution `values`."""
        return frozenset(c for c, column in self._channel_column.items() if values[column] > OPEN_THRESHOLD)

    def hostings(self, values: list[float]) -> frozenset[Hosting]:
        """Return the hostings that are open in the solution `values`."""
        return frozenset(h for h, column in self._hosting_column.items() if values[column] > OPEN_THRESHOLD)


def _teller(progress: Progress) -> Callable[[HighsCallbackEvent], None]:
    def tell(event: HighsCallbackEvent) -> None:
        progress(_STEP, _share_closed(event.data_out.mip_gap), PROGRESS_UNITS)

    return tell


def _share_closed(gap: float) -> int:
    """Map a relative gap to thousandths of the way from 1 to the proof, on a logarithmic scale."""
    decades = -math.log10(min(1.0, max(gap, float(PROVEN_GAP))))
    return round(PROGRESS_UNITS * decades / -math.log10(float(PROVEN_GAP)))


def _cells_without_host(model: Model) -> tuple[str, ...]:
    """Return a smallest set of cells that the policies leave without a host."""
    program = _Program(model, unserved_cells=True)
    solution = program.solve(time_limit_seconds=DEFAULT_TIME_LIMIT_SECONDS, progress=silent)
    if solution is None:
        return ()
    values, _ = solution
    return tuple(cell for cell, column in program.cell_column.items() if values[column] > OPEN_THRESHOLD)


def _choice(model: Model, program: _Program, values: list[float], bound: float) -> Choice:
    """Round the solution and finish it exactly: each cell to its cheapest open host, no hosting that only costs."""
    with localcontext(EXACT):
        stays = program.stays(values) | model.stays
        opened = {h for h in program.hostings(values) | model.certain if h[1] in stays}
        host_of = {costs.cell.id: _cheapest_open(costs, opened) for costs in model.cells}
        used = {(costs.cell.function, host) for costs in model.cells if (host := host_of[costs.cell.id])}
        kept = {h for h in _free_hostings(model) if h[1] in stays}
        return Choice(
            stays=stays,
            hosting=frozenset(used | kept),
            host_of=host_of,
            bound=Decimal(repr(bound)) + model.constant,
        )


def _cheapest_open(costs: CellCosts, opened: set[Hosting]) -> str | None:
    for host, _ in costs.by_host:
        if host == NOWHERE:
            return None
        if (costs.cell.function, host) in opened:
            return host
    raise AssertionError("the model's cover rows leave a cell without a host")


def _free_hostings(model: Model) -> set[Hosting]:
    """Return the hostings that cost nothing where the channel stays, and whose function is there today."""
    return {
        (row.function, row.channel)
        for rows in model.problem.hosts_by_function.values()
        for row in rows
        if row.offered and (cost := model.listed_cost.get((row.function, row.channel))) is not None and cost <= 0
    }
