"""What each decision costs, exactly: Decimal, totals over the horizon in today's money."""

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext

from guiyi.decide.planning.errors import AttritionRuleMissing
from guiyi.decide.planning.problem import ANY_SEGMENT, Problem, ProblemCell
from guiyi.kit.text import Text

EXACT = Context(prec=60, rounding=ROUND_HALF_EVEN)
"""Products of an annuity and the document's decimals are exact in so many digits."""
ANNUITY_CONTEXT = Context(prec=30, rounding=ROUND_HALF_EVEN)

NOWHERE = ""
"""Stands for "no host" where a cell's function may end; no channel has an empty id."""


def annuity(discount_rate: Decimal, horizon_years: int) -> Decimal:
    """Return Σ (1+r)^−t for t = 0 … H−1, rounded once, half to even, to 30 significant digits.

    Args:
        discount_rate: r, as a share a year.
        horizon_years: H, at least 1.
    """
    with localcontext(EXACT):
        total = sum(((1 + discount_rate) ** -year for year in range(horizon_years)), Decimal(0))
    return ANNUITY_CONTEXT.plus(total)


@dataclass(frozen=True, slots=True)
class CellCosts:
    """What each host would cost one cell, cheapest first; ties are in the order of the document's channels."""

    cell: ProblemCell
    by_host: tuple[tuple[str, Decimal], ...]
    """Pairs of host (or `NOWHERE`) and cost; empty when nothing may serve the cell."""


class CostBook:
    """Prices the decisions of one problem."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.annuity = annuity(problem.discount_rate, problem.horizon_years)
        self._kind = {channel.id: channel.kind for channel in problem.channels}
        self._rates = {(row.kind_from, row.kind_host, row.segment, row.active): row.rate for row in problem.attrition}
        self._may_end = {function.id: function.may_end for function in problem.functions}

    def of_cell(self, cell: ProblemCell) -> CellCosts:
        """Price every host of `cell` that is not bound to close.

        Raises:
            AttritionRuleMissing: A host has neither an explicit cost nor an attrition rule.
        """
        hosts = (row.channel for row in self.problem.hosts_by_function[cell.function])
        priced = [(host, self.move(cell, host)) for host in hosts if host not in self.problem.must_close]
        if self._may_end[cell.function]:
            priced.append((NOWHERE, self.serving(cell, None)))
        return CellCosts(cell, tuple(sorted(priced, key=lambda item: item[1])))

    def serving(self, cell: ProblemCell, host: str | None) -> Decimal:
        """Return what `cell` costs when `host` serves it; None: its function ends, at the cost of its whole value."""
        return self._worth(cell, Decimal(cell.customers)) if host is None else self.move(cell, host)

    def _worth(self, cell: ProblemCell, customers: Decimal) -> Decimal:
        return EXACT.multiply(EXACT.multiply(cell.value, self.annuity), customers)

    def move(self, cell: ProblemCell, host: str) -> Decimal:
        """Return what serving `cell` by `host` costs: the explicit cost, or value × annuity × customers lost."""
        explicit = self.problem.moves.costs.get(cell.id, {}).get(host)
        if explicit is not None:
            return explicit
        return self._worth(cell, self.customers_lost(cell, host))

    def customers_lost(self, cell: ProblemCell, host: str) -> Decimal:
        """Return the expected customers lost when `cell` moves to `host`: the least over the kinds that they come from.

        Raises:
            AttritionRuleMissing: A rule that is needed is missing.
        """
        if host in cell.from_ or cell.customers == 0:
            return Decimal(0)
        active = cell.active.get(host, 0)
        counts = ((True, active), (False, cell.customers - active))
        kinds = sorted({self._kind[channel] for channel in cell.from_})
        if not kinds:
            raise self._missing(cell, "(none)", self._kind[host], active=active > 0)
        return min(
            sum(
                (
                    count * self._rate(cell, kind, self._kind[host], active=is_active)
                    for is_active, count in counts
                    if count
                ),
                Decimal(0),
            )
            for kind in kinds
        )

    def _rate(self, cell: ProblemCell, kind_from: str, kind_host: str, *, active: bool) -> Decimal:
        for segment in (cell.segment, ANY_SEGMENT):
            rate = self._rates.get((kind_from, kind_host, segment, active))
            if rate is not None:
                return rate
        raise self._missing(cell, kind_from, kind_host, active=active)

    @staticmethod
    def _missing(cell: ProblemCell, kind_from: str, kind_host: str, *, active: bool) -> AttritionRuleMissing:
        return AttritionRuleMissing(
            Text(
                zh=(
                    f"单元 {cell.id}:从类型“{kind_from}”迁到类型“{kind_host}”、客群“{cell.segment}”、"
                    f"{'已' if active else '未'}活跃,没有流失率规则。请在 attrition 中加一行,或为这次迁移给出明确成本。"
                ),
                en=(
                    f"cell {cell.id}: no attrition rule from kind {kind_from!r} to kind {kind_host!r}, segment "
                    f"{cell.segment!r}, {'active' if active else 'not active'}. Add a row to attrition, or give the "
                    "move's cost."
                ),
            ),
            cell=cell.id,
            kind_from=kind_from,
            kind_host=kind_host,
            segment=cell.segment,
            active=active,
        )
