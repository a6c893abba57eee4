"""The regulator's four axes (金办发〔2024〕99号): low activity, poor experience, redundant functions, risk.

The notice names the axes and no threshold; thresholds are the bank's policy (`ScorePolicy`). A score goes from 0 to 100
and grows with the reason to improve, merge or end the channel: 100 is the strongest reason, on every axis.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum

from guiyi.kit.text import Text
from guiyi.see.register.model import Channel, ChannelStatus, CostTiming, Offering, Register

_STEP_MARKS = re.compile(r"[>›»→/]")


class Axis(StrEnum):
    """What the regulator looks at."""

    ACTIVITY = "activity"
    EXPERIENCE = "experience"
    REDUNDANCY = "redundancy"
    RISK = "risk"


AXIS_LABELS: dict[Axis, Text] = {
    Axis.ACTIVITY: Text("活跃度低", "Low activity"),
    Axis.EXPERIENCE: Text("体验差", "Poor experience"),
    Axis.REDUNDANCY: Text("功能冗余", "Redundant functions"),
    Axis.RISK: Text("安全合规风险", "Security and compliance risk"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ScorePolicy:
    """The bank's thresholds; the defaults are Guiyi's and no regulator's."""

    lively_share: Decimal = Decimal("0.10")
    """A channel with this share of the busiest channel's monthly customers is not low in activity."""
    easy_steps: int = 2
    """An entry path of so many steps is easy."""
    hard_steps: int = 5
    """From so many steps on it is as hard as it gets; above `easy_steps`."""


@dataclass(frozen=True, slots=True)
class ChannelActivity:
    """How many people a channel has."""

    monthly_customers: int
    """In the newest month."""
    reach: int
    """In the whole window."""


@dataclass(frozen=True, slots=True)
class ChannelScore:
    """One channel on one axis."""

    channel_id: str
    axis: Axis
    score: int | None
    """0 (no reason for concern) to 100; None when it cannot be told, for the reason that `rule` gives."""
    rule: Text
    """The rule that made the score, with its figures."""
    figures: Mapping[str, int]
    """The figures behind it, by name."""


def score_channels(
    register: Register,
    traffic: Mapping[str, ChannelActivity] | None,
    policy: ScorePolicy | None = None,
) -> tuple[ChannelScore, ...]:
    """Score every channel on the four axes, in the order of channels and axes.

    Args:
        register: The register.
        traffic: Channel id -> its people; None when no traffic has been measured.
        policy: The bank's thresholds.
    """
    policy = policy or ScorePolicy()
    facts = _Facts(register)
    busiest = max((activity.monthly_customers for activity in (traffic or {}).values()), default=0)
    scores: list[ChannelScore] = []
    for channel in register.channels:
        scores += [
            _activity(channel, (traffic or {}).get(channel.channel_id), busiest, policy),
            _experience(channel, facts, policy),
            _redundancy(channel, facts),
            _risk(channel),
        ]
    return tuple(scores)


class _Facts:
    """What the scores read of the register, by channel and by function."""

    def __init__(self, register: Register) -> None:
        self.offerings: dict[str, list[Offering]] = {channel.channel_id: [] for channel in register.channels}
        self.live_channels_of: dict[str, set[str]] = {}
        self.functions_of_domain: dict[str, set[str]] = {}
        live = {channel.channel_id for channel in register.channels if channel.status is ChannelStatus.OPEN}
        for offering in register.offerings:
            self.offerings[offering.channel_id].append(offering)
            if offering.channel_id in live:
                self.live_channels_of.setdefault(offering.function_id, set()).add(offering.channel_id)
        for function in register.functions:
            self.functions_of_domain.setdefault(function.domain, set()).add(function.function_id)


def _percent(part: Decimal | int, whole: Decimal | int) -> int:
    share = Decimal(part) * 100 / Decimal(whole)
    return int(max(Decimal(0), min(Decimal(100), share)).quantize(Decimal(1), ROUND_HALF_UP))


def _activity(channel: Channel, activity: ChannelActivity | None, busiest: int, policy: ScorePolicy) -> ChannelScore:
    if activity is None or busiest == 0:
        rule = Text("没有该渠道的流量数据，无法评分。", "No traffic of this channel is known, so it has no score.")
        return ChannelScore(channel.channel_id, Axis.ACTIVITY, None, rule, {})
    lively = policy.lively_share * busiest
    score = 100 - _percent(activity.monthly_customers, lively)
    share = f"{policy.lively_share:.0%}"
    rule = Text(
        f"月活客户 {activity.monthly_customers:,}；最活跃渠道 {busiest:,}。达到其 {share} 记 0 分，没有客户记 100 分。",
        f"{activity.monthly_customers:,} monthly customers; the busiest channel has {busiest:,}. "
        f"{share} of that scores 0, none scores 100.",
    )
    figures = {"monthly_customers": activity.monthly_customers, "reach": activity.reach, "busiest": busiest}
    return ChannelScore(channel.channel_id, Axis.ACTIVITY, score, rule, figures)


def _nothing_offered(channel: Channel, axis: Axis) -> ChannelScore:
    rule = Text("该渠道没有提供任何功能，无法评分。", "The channel offers no function, so it has no score.")
    return ChannelScore(channel.channel_id, axis, None, rule, {})


def steps_of(entry_path: str) -> int:
    """Return how many steps a customer takes along `entry_path`; at least 1."""
    return max(1, sum(1 for step in _STEP_MARKS.split(entry_path) if step.strip()))


def _experience(channel: Channel, facts: _Facts, policy: ScorePolicy) -> ChannelScore:
    """Half from the length of the entry paths, half from what is missing in the domains that the channel touches."""
    offerings = facts.offerings[channel.channel_id]
    if not offerings:
        return _nothing_offered(channel, Axis.EXPERIENCE)
    steps = sum(steps_of(offering.entry_path) for offering in offerings)
    # Mean steps above the easy ones, as a share of the way from easy to hard; whole numbers until the division.
    depth = _percent(
        steps - policy.easy_steps * len(offerings), (policy.hard_steps - policy.easy_steps) * len(offerings)
    )
    here = {offering.function_id for offering in offerings}
    domains = {function_id.partition(".")[0] for function_id in here}
    whole = set[str]().union(*(facts.functions_of_domain[domain] for domain in domains))
    missing = len(whole - here)
    gaps = _percent(missing, len(whole))
    score = _percent(depth + gaps, 200)
    mean = f"{Decimal(steps) / len(offerings):.1f}"
    rule = Text(
        f"入口平均 {mean} 步（{policy.easy_steps} 步记 0，{policy.hard_steps} 步记 100）得 {depth} 分；"
        f"所涉领域的 {len(whole)} 项功能中缺 {missing} 项，得 {gaps} 分；取平均。",
        f"Entry paths of {mean} steps on average ({policy.easy_steps} score 0, {policy.hard_steps} score 100) give "
        f"{depth}; "
        f"{missing} of the {len(whole)} functions of its domains are missing, which gives {gaps}; the mean of both.",
    )
    figures = {"steps": steps, "offerings": len(offerings), "domain_functions": len(whole), "missing": missing}
    return ChannelScore(channel.channel_id, Axis.EXPERIENCE, score, rule, figures)


def _redundancy(channel: Channel, facts: _Facts) -> ChannelScore:
    offerings = facts.offerings[channel.channel_id]
    if not offerings:
        return _nothing_offered(channel, Axis.REDUNDANCY)
    elsewhere = sum(
        1 for offering in offerings if facts.live_channels_of.get(offering.function_id, set()) - {channel.channel_id}
    )
    rule = Text(
        f"{len(offerings)} 项功能中有 {elsewhere} 项在其他在用渠道也有。",
        f"{elsewhere} of its {len(offerings)} functions stand on another open channel too.",
    )
    figures = {"offerings": len(offerings), "elsewhere": elsewhere}
    return ChannelScore(channel.channel_id, Axis.REDUNDANCY, _percent(elsewhere, len(offerings)), rule, figures)


def _risk(channel: Channel) -> ChannelScore:
    if channel.risk_score is None:
        rule = Text("台账未填写风险评分。", "The register states no risk score.")
        return ChannelScore(channel.channel_id, Axis.RISK, None, rule, {})
    rule = Text("由银行在台账中评定。", "As the bank judged it in the register.")
    figures = {"risk_score": channel.risk_score}
    return ChannelScore(channel.channel_id, Axis.RISK, channel.risk_score, rule, figures)


def yearly_costs(register: Register) -> dict[str, Decimal]:
    """Return what each channel costs a year today: its own costs and the running costs of what it offers."""
    costs = {channel.channel_id: Decimal(0) for channel in register.channels}
    for cost in register.costs:
        if cost.timing is CostTiming.PER_YEAR:
            costs[cost.channel_id] += cost.amount
    for offering in register.offerings:
        costs[offering.channel_id] += offering.running_cost
    return costs
