"""What a report shows: every figure with the rows it was counted from, as one document `guiyi.report/1`."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from guiyi.decide.planning.costs import annuity
from guiyi.decide.planning.plan import ChannelFate, Money, Plan
from guiyi.decide.planning.policies import Sentence, sentence_of
from guiyi.decide.planning.problem import Problem
from guiyi.kit.text import Text
from guiyi.see.register.api import (
    Channel,
    ChannelActivity,
    ChannelScore,
    Precedent,
    Register,
    precedents_for,
    score_channels,
)
from guiyi.see.traffic.api import Traffic, TrafficReport, Trend

PRECEDENTS_MAX = 8
"""Precedents that a report lists for a channel."""


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Name(_Row):
    """A name in both languages."""

    zh: str
    en: str


class ScoreFacts(_Row):
    """One of the regulator's four axes."""

    axis: str
    score: int | None
    """0 to 100; None when it cannot be computed, for the reason that the rule states."""
    rule: Name
    """The rule that made the score, with its figures."""


class PrecedentFacts(_Row):
    """What another bank did with a channel of the same kind."""

    bank: str
    channel: str
    destination: str | None
    notice_days: int | None
    effective: str | None
    source: str


class TrendFacts(_Row):
    """Whether a channel still grows."""

    growth_rate: Decimal
    peaked_after: str | None


class MoveFacts(_Row):
    """Functions that one channel hands to another, or that end there."""

    host: str | None
    """None: these entrances end."""
    functions: tuple[str, ...]
    customers: int
    """Uses moved: (customer, function) pairs of the cells behind them."""


class ChannelFacts(_Row):
    """One channel today and tomorrow."""

    id: str
    name: Name
    kind: str
    platform: str
    owner: str
    fate: ChannelFate
    wave: int | None
    running_cost: Money
    """A year: the channel itself."""
    hosting_cost: Money
    """A year: what its functions cost today."""
    hosting_cost_tomorrow: Money
    closing_cost: Money
    reach: int
    exclusive_reach: int
    mau: tuple[int, ...]
    """In the order of the report's months."""
    trend: TrendFacts | None
    functions_today: tuple[str, ...]
    functions_tomorrow: tuple[str, ...]
    moves: tuple[MoveFacts, ...]
    """Where its functions of today go, itself left out; most functions first."""
    scores: tuple[ScoreFacts, ...]
    precedents: tuple[PrecedentFacts, ...]
    """Of the same kind; for channels that close."""


class FunctionFacts(_Row):
    """One function."""

    id: str
    name: Name
    domain: str


class MatrixCell(_Row):
    """A function on a channel, before and after."""

    function: str
    channel: str
    offered: bool
    hosted: bool
    customers: int
    """Who used it there in the window."""


class OverlapFacts(_Row):
    """Customers that two channels share."""

    a: str
    b: str
    customers: int


class PolicyFacts(_Row):
    """A policy as its sentence."""

    id: str
    sentence: Name


class Facts(_Row):
    """The document."""

    schema_: Annotated[Literal["guiyi.report/1"], Field(alias="schema")] = "guiyi.report/1"
    made_at: datetime
    made_by: str
    guiyi_version: str
    register_sha256: str
    problem_sha256: str
    currency: str
    horizon_years: int
    discount_rate: Decimal
    annuity: Decimal
    example: bool
    """The register is an example."""
    synthetic: bool
    """The events are synthetic."""
    months: tuple[str, ...]
    customers: int
    unlinked: int
    rows_in_file: int
    rows_refused: int
    segments: Mapping[str, int]
    policies: tuple[PolicyFacts, ...]
    channels: tuple[ChannelFacts, ...]
    functions: tuple[FunctionFacts, ...]
    matrix: tuple[MatrixCell, ...]
    overlap: tuple[OverlapFacts, ...]
    cells: int
    hostings: int
    solve_seconds: float
    status: str
    objective: Money
    bound: Money
    gap: float
    costs: Mapping[str, Money]
    """As in the plan."""
    uses_at_risk: Money | None
    reach_lost: int | None
    customers_moved: int | None


@dataclass(frozen=True, slots=True)
class Circumstances:
    """How a plan was made."""

    made_at: datetime
    made_by: str
    guiyi_version: str
    register_sha256: str
    solve_seconds: float


def build_facts(
    register: Register, traffic: Traffic, problem: Problem, plan: Plan, circumstances: Circumstances
) -> Facts:
    """Collect what the report of a plan with an objective shows."""
    if plan.costs is None or plan.objective is None or plan.bound is None or plan.gap is None:
        raise ValueError("a plan without an objective has no report")
    report = traffic.report()
    usage = traffic.usage_by_offering()
    names = _names(register)
    return Facts(
        made_at=circumstances.made_at,
        made_by=circumstances.made_by,
        guiyi_version=circumstances.guiyi_version,
        register_sha256=circumstances.register_sha256,
        problem_sha256=plan.problem_sha256,
        currency=problem.currency,
        horizon_years=problem.horizon_years,
        discount_rate=problem.discount_rate,
        annuity=annuity(problem.discount_rate, problem.horizon_years),
        example=register.example,
        synthetic=report.synthetic,
        months=report.months,
        customers=report.customers,
        unlinked=report.unlinked,
        rows_in_file=report.rows_in_file,
        rows_refused=sum(report.refused.values()),
        segments=report.segments,
        policies=tuple(
            PolicyFacts(id=policy.id, sentence=_name(sentence_of(policy, names))) for policy in problem.policies
        ),
        channels=_channels(register, report, traffic.trends(), problem, plan),
        functions=tuple(
            FunctionFacts(id=f.function_id, name=Name(zh=f.name_zh, en=f.name_en), domain=f.domain)
            for f in register.functions
        ),
        matrix=_matrix(problem, plan, usage),
        overlap=tuple(OverlapFacts(a=o.a, b=o.b, customers=o.customers) for o in report.overlap),
        cells=len(problem.cells),
        hostings=len(problem.hosting),
        solve_seconds=circumstances.solve_seconds,
        status=plan.status,
        objective=plan.objective,
        bound=plan.bound,
        gap=plan.gap,
        costs=plan.costs.model_dump(),
        uses_at_risk=plan.measures.uses_at_risk,
        reach_lost=plan.measures.reach_lost,
        customers_moved=plan.measures.customers_moved,
    )


def _name(text: Text | Sentence) -> Name:
    return Name(zh=text.zh, en=text.en)


def _names(register: Register) -> dict[str, Text]:
    channels = {c.channel_id: Text(zh=c.name_zh, en=c.name_en) for c in register.channels}
    return channels | {f.function_id: Text(zh=f.name_zh, en=f.name_en) for f in register.functions}


def _matrix(problem: Problem, plan: Plan, usage: Mapping[tuple[str, str], int]) -> tuple[MatrixCell, ...]:
    hosted = {(row.function, row.channel) for row in plan.hosting}
    return tuple(
        MatrixCell(
            function=row.function,
            channel=row.channel,
            offered=row.offered,
            hosted=(row.function, row.channel) in hosted,
            customers=usage.get((row.channel, row.function), 0),
        )
        for row in problem.hosting
        if row.offered or (row.function, row.channel) in hosted
    )


def _channels(
    register: Register, report: TrafficReport, trends: tuple[Trend, ...], problem: Problem, plan: Plan
) -> tuple[ChannelFacts, ...]:
    rows = {channel.channel_id: channel for channel in register.channels}
    traffic = {channel.channel_id: channel for channel in report.channels}
    trend_of = {trend.channel_id: trend for trend in trends}
    last_month = report.months[-1] if report.months else None
    activity = {
        channel.channel_id: ChannelActivity(
            monthly_customers=channel.mau[last_month] if last_month else 0, reach=channel.reach
        )
        for channel in report.channels
    }
    scores: dict[str, list[ChannelScore]] = defaultdict(list)
    for score in score_channels(register, activity):
        scores[score.channel_id].append(score)
    hosted = {(row.function, row.channel) for row in plan.hosting}
    moves = _moves(problem, plan)
    fates = {row.id: row for row in plan.channels}
    facts: list[ChannelFacts] = []
    for channel in problem.channels:
        today = [row for row in problem.hosting if row.channel == channel.id and row.offered]
        tomorrow = [
            row for row in problem.hosting if (row.function, row.channel) in hosted and row.channel == channel.id
        ]
        people = traffic[channel.id]
        trend = trend_of.get(channel.id)
        row = rows[channel.id]
        facts.append(
            ChannelFacts(
                id=channel.id,
                name=Name(zh=row.name_zh, en=row.name_en),
                kind=row.kind,
                platform=row.platform_id,
                owner=row.owner_department,
                fate=fates[channel.id].fate,
                wave=fates[channel.id].wave,
                running_cost=channel.running_cost,
                hosting_cost=sum((hosting.running_cost for hosting in today), Decimal(0)),
                hosting_cost_tomorrow=sum((hosting.running_cost for hosting in tomorrow), Decimal(0)),
                closing_cost=channel.closing_cost,
                reach=people.reach,
                exclusive_reach=people.exclusive_reach,
                mau=tuple(people.mau[month] for month in report.months),
                trend=TrendFacts(growth_rate=trend.growth_rate, peaked_after=trend.peaked_after) if trend else None,
                functions_today=tuple(hosting.function for hosting in today),
                functions_tomorrow=tuple(hosting.function for hosting in tomorrow),
                moves=moves.get(channel.id, ()),
                scores=tuple(_score(score) for score in scores[channel.id]),
                precedents=_precedents(row, fates[channel.id].fate),
            )
        )
    return tuple(facts)


def _moves(problem: Problem, plan: Plan) -> dict[str, tuple[MoveFacts, ...]]:
    """Say for each function that leaves a channel which host takes most of its customers there."""
    hosted = {(row.function, row.channel) for row in plan.hosting}
    host_of = {cell.id: cell.host for cell in plan.cells}
    customers: dict[tuple[str, str], Counter[str | None]] = defaultdict(Counter)
    for cell in problem.cells:
        for channel in cell.from_:
            customers[cell.function, channel][host_of[cell.id]] += cell.customers
    functions: dict[tuple[str, str | None], list[str]] = defaultdict(list)
    uses: Counter[tuple[str, str | None]] = Counter()
    for row in problem.hosting:
        key = (row.function, row.channel)
        if not row.offered or key in hosted:
            continue
        hosts = customers[key]
        main_host = hosts.most_common(1)[0][0] if hosts else None
        functions[row.channel, main_host].append(row.function)
        uses[row.channel, main_host] += hosts.total()
    moves: dict[str, list[MoveFacts]] = defaultdict(list)
    for (channel, host), moved in sorted(functions.items(), key=lambda item: -len(item[1])):
        moves[channel].append(MoveFacts(host=host, functions=tuple(moved), customers=uses[channel, host]))
    return {channel: tuple(rows) for channel, rows in moves.items()}


def _score(score: ChannelScore) -> ScoreFacts:
    return ScoreFacts(axis=score.axis, score=score.score, rule=_name(score.rule))


def _precedents(channel: Channel, fate: ChannelFate) -> tuple[PrecedentFacts, ...]:
    if fate is ChannelFate.KEEP:
        return ()
    return tuple(_precedent(row) for row in precedents_for(channel.kind)[:PRECEDENTS_MAX])


def _precedent(row: Precedent) -> PrecedentFacts:
    return PrecedentFacts(
        bank=row.bank,
        channel=row.channel,
        destination=row.destination,
        notice_days=row.notice_days,
        effective=row.effective_date,
        source=row.source,
    )
