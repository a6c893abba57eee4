"""What the register's page shows: a row a channel, and one channel opened."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from itertools import groupby
from typing import Final

from guiyi.decide.planning.api import Facts
from guiyi.decide.planning.report.words import Words
from guiyi.kit.text import Text
from guiyi.see.register.api import (
    AXIS_LABELS,
    FILING_LABELS,
    KIND_LABELS,
    STATUS_LABELS,
    Axis,
    Channel,
    ChannelActivity,
    ChannelScore,
    ChannelStatus,
    Cost,
    Filing,
    FilingKind,
    Function,
    Offering,
    Register,
    score_channels,
    yearly_costs,
)

MANY_CHANNELS: Final = 3
"""A function that stands on at least so many channels is counted in the headline."""
OWN_PLATFORM: Final = "own"
_FILING_TAGS: Final = {
    FilingKind.MIIT: Text("工信部", "MIIT"),
    FilingKind.NIFA: Text("互金协会", "NIFA"),
    FilingKind.SECURITY_LEVEL: Text("等保", "Level"),
}


class SortKey(StrEnum):
    """By what the channels are sorted."""

    NAME = "name"
    KIND = "kind"
    OWNER = "owner"
    STATUS = "status"
    FUNCTIONS = "functions"
    COST = "cost"
    ACTIVITY = "activity"
    EXPERIENCE = "experience"
    REDUNDANCY = "redundancy"
    RISK = "risk"


@dataclass(frozen=True, slots=True)
class Tag:
    """A filing in one word."""

    label: Text
    title: Text
    cancelled: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One channel in the table."""

    channel: Channel
    name: Text
    kind: Text
    platform: Text
    platform_kind: str
    """`own`, `wechat`, `alipay` or `other`: the pattern of its sign."""
    status: Text
    is_open: bool
    functions: int
    cost: Decimal
    filings: tuple[Tag, ...]
    scores: Mapping[Axis, ChannelScore]


@dataclass(frozen=True, slots=True)
class OfferingRow:
    """One function of the opened channel."""

    offering: Offering
    name: Text
    elsewhere: int
    """Other open channels that offer it too."""


@dataclass(frozen=True, slots=True)
class Detail:
    """The opened channel."""

    row: Row
    domains: tuple[tuple[str, tuple[OfferingRow, ...]], ...]
    costs: tuple[Cost, ...]
    filings: tuple[tuple[Text, Filing], ...]


@dataclass(frozen=True, slots=True)
class RegisterView:
    """The page."""

    headline: Text
    lead: Text
    rows: tuple[Row, ...]
    axes: tuple[tuple[Axis, Text], ...]
    kinds: tuple[tuple[Text, int, Decimal], ...]
    """Kind, channels, cost a year; dearest first."""
    detail: Detail | None
    sort: SortKey
    currency: str
    example: bool
    has_activity: bool


def register_view(
    register: Register, facts: Facts | None, *, currency: str, sort: SortKey, chosen: str | None
) -> RegisterView:
    """Compute the page; activity comes from the plan's traffic where the plan knows the channel."""
    activity = _activity(facts)
    scores: dict[str, dict[Axis, ChannelScore]] = {}
    for score in score_channels(register, activity):
        scores.setdefault(score.channel_id, {})[score.axis] = score
    costs = yearly_costs(register)
    rows = [
        _row(channel, register, costs[channel.channel_id], scores[channel.channel_id]) for channel in register.channels
    ]
    headline, lead = _finding(register, sum((row.cost for row in rows), Decimal(0)), currency)
    found = next((row for row in rows if row.channel.channel_id == chosen), None)
    return RegisterView(
        headline=headline,
        lead=lead,
        rows=tuple(sorted(rows, key=_SORTING[sort])),
        axes=tuple(AXIS_LABELS.items()),
        kinds=_kinds(rows),
        detail=None if found is None else _detail(found, register),
        sort=sort,
        currency=currency,
        example=register.example,
        has_activity=activity is not None,
    )


def _activity(facts: Facts | None) -> dict[str, ChannelActivity] | None:
    if facts is None:
        return None
    return {one.id: ChannelActivity(one.mau[-1] if one.mau else 0, one.reach) for one in facts.channels}


def _row(channel: Channel, register: Register, cost: Decimal, scores: Mapping[Axis, ChannelScore]) -> Row:
    platform = next((one for one in register.platforms if one.platform_id == channel.platform_id), None)
    return Row(
        channel=channel,
        name=Text(channel.name_zh, channel.name_en),
        kind=KIND_LABELS[channel.kind],
        platform=Text(platform.name_zh, platform.name_en)
        if platform
        else Text(channel.platform_id, channel.platform_id),
        platform_kind=channel.platform_id if channel.platform_id in {OWN_PLATFORM, "wechat", "alipay"} else "other",
        status=STATUS_LABELS[channel.status],
        is_open=channel.status is ChannelStatus.OPEN,
        functions=sum(offering.channel_id == channel.channel_id for offering in register.offerings),
        cost=cost,
        filings=tuple(_tag(filing) for filing in register.filings if filing.channel_id == channel.channel_id),
        scores=scores,
    )


def _tag(filing: Filing) -> Tag:
    short, full = _FILING_TAGS[filing.filing_kind], FILING_LABELS[filing.filing_kind]
    level = f" {filing.level}" if filing.level else ""
    return Tag(
        label=Text(f"{short.zh}{level}", f"{short.en}{level}"),
        title=Text(f"{full.zh} {filing.number}", f"{full.en} {filing.number}"),
        cancelled=filing.cancelled_on is not None,
    )


def _finding(register: Register, cost: Decimal, currency: str) -> tuple[Text, Text]:
    spread = Counter(offering.function_id for offering in register.offerings)
    many = sum(channels >= MANY_CHANNELS for channels in spread.values())
    channels, functions, entrances = len(register.channels), len(spread), len(register.offerings)
    spent = Text(Words("zh", currency).money(cost), Words("en", currency).money(cost))
    headline = Text(
        f"{channels} 个渠道把 {functions} 项功能开成 {entrances} 个入口，每年花费 {spent.zh}",
        f"{channels} channels offer {functions} functions at {entrances} entrances, for {spent.en} a year",
    )
    lead = Text(
        f"{many} 项功能开在 {MANY_CHANNELS} 个以上渠道。",
        f"{many} functions stand on {MANY_CHANNELS} channels or more.",
    )
    return headline, lead


def _kinds(rows: list[Row]) -> tuple[tuple[Text, int, Decimal], ...]:
    kinds = {row.kind for row in rows}
    summed = [
        (kind, sum(row.kind == kind for row in rows), sum((row.cost for row in rows if row.kind == kind), Decimal(0)))
        for kind in kinds
    ]
    return tuple(sorted(summed, key=lambda one: (-one[2], one[0].en)))


def _detail(row: Row, register: Register) -> Detail:
    functions: dict[str, Function] = {function.function_id: function for function in register.functions}
    channel_id = row.channel.channel_id
    is_open = {channel.channel_id for channel in register.channels if channel.status is ChannelStatus.OPEN}
    offered = [
        OfferingRow(
            offering=offering,
            name=Text(functions[offering.function_id].name_zh, functions[offering.function_id].name_en),
            elsewhere=sum(
                other.function_id == offering.function_id and other.channel_id in is_open - {channel_id}
                for other in register.offerings
            ),
        )
        for offering in register.offerings
        if offering.channel_id == channel_id
    ]
    offered.sort(key=lambda one: one.offering.function_id)
    return Detail(
        row=row,
        domains=tuple(
            (domain, tuple(group))
            for domain, group in groupby(offered, key=lambda one: one.offering.function_id.partition(".")[0])
        ),
        costs=tuple(cost for cost in register.costs if cost.channel_id == channel_id),
        filings=tuple(
            (FILING_LABELS[filing.filing_kind], filing)
            for filing in register.filings
            if filing.channel_id == channel_id
        ),
    )


def _by_score(axis: Axis) -> Callable[[Row], tuple[int, str]]:
    def key(row: Row) -> tuple[int, str]:
        score = row.scores[axis].score
        return (1 if score is None else -score), row.channel.channel_id

    return key


def _by_cost(row: Row) -> tuple[Decimal, str]:
    return -row.cost, row.channel.channel_id


_SORTING: Final[Mapping[SortKey, Callable[[Row], tuple[int | str | Decimal, str]]]] = {
    SortKey.NAME: lambda row: (row.channel.name_zh, row.channel.channel_id),
    SortKey.KIND: lambda row: (row.channel.kind.value, row.channel.channel_id),
    SortKey.OWNER: lambda row: (row.channel.owner_department, row.channel.channel_id),
    SortKey.STATUS: lambda row: (list(ChannelStatus).index(row.channel.status), row.channel.channel_id),
    SortKey.FUNCTIONS: lambda row: (-row.functions, row.channel.channel_id),
    SortKey.COST: _by_cost,
    SortKey.ACTIVITY: _by_score(Axis.ACTIVITY),
    SortKey.EXPERIENCE: _by_score(Axis.EXPERIENCE),
    SortKey.REDUNDANCY: _by_score(Axis.REDUNDANCY),
    SortKey.RISK: _by_score(Axis.RISK),
}
