"""The two example banks: one drawn by hand after real cases, one generated; every figure is invented.

`data/example_bank.yaml` holds what is drawn by hand; the rules that make rows of it stand here. The same version of
Guiyi always writes the same bytes.
"""

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from importlib import resources
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict

from guiyi.see.register.model import (
    Attrition,
    Channel,
    ChannelKind,
    Cost,
    CostTiming,
    Filing,
    FilingKind,
    Function,
    Hosting,
    Offering,
    Platform,
    Register,
)
from guiyi.see.register.reader import ordered
from guiyi.see.register.writer import write_register

EXAMPLE_BANK_FILE = "example-bank.xlsx"
LARGE_BANK_FILE = "large-bank.xlsx"
POLICIES_FILE = "policies.yaml"
LARGE_BANK_SEED = 20250731
LARGE_BANK_CHANNELS = 60
SOURCE = "示例假设 example assumption"
STEP = Decimal(100)
"""Generated costs are whole multiples of it."""


class _Entry(BaseModel):
    """A part of the drawing; unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class _Name(_Entry):
    zh: str
    en: str


class _FunctionEntry(_Name):
    value: Decimal
    may_end: bool = False


class _PlatformEntry(_Name):
    capabilities: tuple[str, ...]


class _FunctionCost(_Entry):
    running: Decimal
    porting: Decimal


class _ChannelEntry(_Name):
    kind: ChannelKind
    platform: str
    owner: str
    identifier: str
    opened: date
    risk: int
    path: str
    costs: dict[str, Decimal]
    closing: dict[str, Decimal]
    filings: dict[FilingKind, tuple[str, date] | tuple[str, date, str]] = {}
    offers: tuple[str, ...]
    without: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    cannot_host: tuple[str, ...] = ()


class _Drawing(_Entry):
    """`data/example_bank.yaml`."""

    bank: _Name
    functions: dict[str, _FunctionEntry]
    domains: dict[str, str]
    platforms: dict[str, _PlatformEntry]
    capabilities: dict[str, dict[str, tuple[str, ...]]]
    headings: dict[str, str]
    closing_headings: dict[str, str]
    function_costs: dict[ChannelKind, _FunctionCost]
    domain_weights: dict[str, Decimal]
    attrition: dict[ChannelKind, dict[ChannelKind, Decimal]]
    active_share: Decimal
    segment_weights: dict[str, Decimal]
    channels: dict[str, _ChannelEntry]


def _data(name: str) -> str:
    return resources.files("guiyi.see.register").joinpath("data", name).read_text(encoding="utf-8")


def _drawing() -> _Drawing:
    return _Drawing.model_validate(yaml.safe_load(_data("example_bank.yaml")))


def write_examples(folder: Path) -> tuple[Path, ...]:
    """Write both workbooks and the policies into `folder` and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    example, large, policies = (folder / name for name in (EXAMPLE_BANK_FILE, LARGE_BANK_FILE, POLICIES_FILE))
    write_register(example_bank(), example)
    write_register(large_bank(), large)
    policies.write_text(_data("example_policies.yaml"), encoding="utf-8")
    return example, large, policies


def example_bank() -> Register:
    """Return the register of 澄湖银行 Chenghu Bank: 24 channels, 60 functions."""
    drawing = _drawing()
    return ordered(
        Register(
            channels=tuple(_channels(drawing)),
            functions=tuple(_functions(drawing)),
            offerings=tuple(_offerings(drawing)),
            hosting=tuple(_hosting(drawing)),
            costs=tuple(_costs(drawing)),
            filings=tuple(_filings(drawing)),
            platforms=tuple(_platforms(drawing)),
            attrition=tuple(_attrition(drawing)),
            example=True,
        )
    )


def _channels(drawing: _Drawing) -> Iterator[Channel]:
    for channel_id, entry in drawing.channels.items():
        yield Channel(
            channel_id=channel_id,
            name_zh=entry.zh,
            name_en=entry.en,
            kind=entry.kind,
            platform_id=entry.platform,
            owner_department=entry.owner,
            lead_department="数字银行部",
            identifier=entry.identifier,
            opened_on=entry.opened,
            risk_score=entry.risk,
        )


def _functions(drawing: _Drawing) -> Iterator[Function]:
    for function_id, entry in drawing.functions.items():
        yield Function(
            function_id=function_id,
            name_zh=entry.zh,
            name_en=entry.en,
            may_end=entry.may_end,
            value_per_customer=entry.value,
        )


def _matching(drawing: _Drawing, patterns: tuple[str, ...]) -> list[str]:
    """Return the functions that a pattern names: an id, `domain.*` or `*`."""
    wanted = set(patterns)
    return [
        function_id
        for function_id in drawing.functions
        if function_id in wanted or "*" in wanted or f"{_domain(function_id)}.*" in wanted
    ]


def _domain(function_id: str) -> str:
    return function_id.partition(".")[0]


def _offered(drawing: _Drawing, entry: _ChannelEntry) -> list[str]:
    without = set(_matching(drawing, entry.without))
    return [function_id for function_id in _matching(drawing, entry.offers) if function_id not in without]


def _offerings(drawing: _Drawing) -> Iterator[Offering]:
    for channel_id, entry in drawing.channels.items():
        for function_id in _offered(drawing, entry):
            domain = _domain(function_id)
            running = _function_cost(drawing, entry.kind, function_id).running
            yield Offering(
                channel_id=channel_id,
                function_id=function_id,
                entry_path=f"{entry.path} > {drawing.domains[domain]} > {drawing.functions[function_id].zh}",
                running_cost=running,
                removal_cost=_rounded(running * Decimal("0.2")),
                capabilities=drawing.capabilities[entry.platform].get(domain, ()),
            )


def _hosting(drawing: _Drawing) -> Iterator[Hosting]:
    for channel_id, entry in drawing.channels.items():
        taken = {*_offered(drawing, entry), *_matching(drawing, entry.cannot_host)}
        for function_id in _matching(drawing, entry.hosts):
            if function_id not in taken:
                cost = _function_cost(drawing, entry.kind, function_id)
                yield Hosting(
                    channel_id=channel_id,
                    function_id=function_id,
                    porting_cost=cost.porting,
                    running_cost=cost.running,
                )


def _function_cost(drawing: _Drawing, kind: ChannelKind, function_id: str) -> _FunctionCost:
    base, weight = drawing.function_costs[kind], drawing.domain_weights[_domain(function_id)]
    return _FunctionCost(running=_rounded(base.running * weight), porting=_rounded(base.porting * weight))


def _rounded(amount: Decimal) -> Decimal:
    return (amount / STEP).quantize(Decimal(1), ROUND_HALF_UP) * STEP


def _costs(drawing: _Drawing) -> Iterator[Cost]:
    for channel_id, entry in drawing.channels.items():
        for heading, amount in entry.costs.items():
            yield Cost(
                channel_id=channel_id,
                heading=drawing.headings[heading],
                timing=CostTiming.PER_YEAR,
                amount=amount,
            )
        for heading, amount in entry.closing.items():
            yield Cost(
                channel_id=channel_id,
                heading=drawing.closing_headings[heading],
                timing=CostTiming.CLOSING,
                amount=amount,
            )


def _filings(drawing: _Drawing) -> Iterator[Filing]:
    for channel_id, entry in drawing.channels.items():
        for kind, (number, filed_on, *level) in entry.filings.items():
            yield Filing(
                channel_id=channel_id,
                filing_kind=kind,
                number=number,
                level=level[0] if level else None,
                filed_on=filed_on,
            )


def _platforms(drawing: _Drawing) -> Iterator[Platform]:
    for platform_id, entry in drawing.platforms.items():
        yield Platform(platform_id=platform_id, name_zh=entry.zh, name_en=entry.en, capabilities=entry.capabilities)


def _attrition(drawing: _Drawing) -> Iterator[Attrition]:
    weights = {"*": Decimal(1), **drawing.segment_weights}
    for kind_from, rates in drawing.attrition.items():
        for kind_host, rate in rates.items():
            for segment, weight in weights.items():
                for active in (False, True):
                    share = rate * weight * (drawing.active_share if active else 1)
                    yield Attrition(
                        kind_from=kind_from,
                        kind_host=kind_host,
                        segment=segment,
                        active=active,
                        rate=min(share, Decimal(1)).quantize(Decimal("0.0001")),
                        source=SOURCE,
                        grade="C",
                    )


def large_bank(seed: int = LARGE_BANK_SEED) -> Register:
    """Return a generated register: 60 channels and 120 functions, the same for the same seed.

    The example bank's channels come first; the others are copies of them in branches and subsidiaries with another
    choice of functions and other costs. Each function has a second one, its records.
    """
    dice = random.Random(seed)  # noqa: S311  # it draws examples, no secrets
    base = example_bank()
    functions = tuple(_with_records(base.functions))
    channels = list(base.channels)
    originals: dict[str, str] = {channel.channel_id: channel.channel_id for channel in channels}
    models = [channel for channel in base.channels if channel.channel_id != "mobile_bank"]
    for number in range(len(channels), LARGE_BANK_CHANNELS):
        model = models[int(dice.random() * len(models))]
        channel = _copied(model, number, dice)
        originals[channel.channel_id] = model.channel_id
        channels.append(channel)
    offerings = tuple(_drawn_offerings(base, originals, dice))
    return ordered(
        replace(
            base,
            channels=tuple(channels),
            functions=functions,
            offerings=offerings,
            hosting=tuple(_drawn_hosting(base, functions, offerings, channels, dice)),
            costs=tuple(_drawn_costs(base, originals, dice)),
            filings=base.filings,
        )
    )


def _with_records(functions: tuple[Function, ...]) -> Iterator[Function]:
    for function in functions:
        yield function
        yield replace(
            function,
            function_id=f"{function.function_id}_records",
            name_zh=f"{function.name_zh}记录",
            name_en=f"{function.name_en}: records",
            may_end=True,
            value_per_customer=(function.value_per_customer / 4).quantize(Decimal("0.01")),
        )


def _copied(model: Channel, number: int, dice: random.Random) -> Channel:
    return replace(
        model,
        channel_id=f"{model.channel_id}_{number:02}",
        name_zh=f"{model.name_zh} {number:02}",
        name_en=f"{model.name_en} {number:02}",
        identifier=f"{model.identifier}-{number:02}",
        owner_department=f"第{number:02}分行",
        opened_on=date(2015, 1, 1) + timedelta(days=int(dice.random() * 3_000)),
        risk_score=int(dice.random() * 100),
    )


def _drawn_offerings(base: Register, originals: dict[str, str], dice: random.Random) -> Iterator[Offering]:
    for channel_id, original in originals.items():
        for offering in base.offerings:
            if offering.channel_id != original:
                continue
            if channel_id == original or dice.random() < 0.8:  # noqa: PLR2004  # share of functions that a copy has
                yield replace(offering, channel_id=channel_id)
            if dice.random() < 0.4:  # noqa: PLR2004  # share of functions whose records are offered too
                yield replace(
                    offering,
                    channel_id=channel_id,
                    function_id=f"{offering.function_id}_records",
                    entry_path=f"{offering.entry_path} > 记录",
                    running_cost=_rounded(offering.running_cost / 4),
                    removal_cost=_rounded(offering.removal_cost / 4),
                )


def _drawn_hosting(
    base: Register,
    functions: tuple[Function, ...],
    offerings: tuple[Offering, ...],
    channels: list[Channel],
    dice: random.Random,
) -> Iterator[Hosting]:
    """The own app can host all; of the others, each can host some of what its kind offers elsewhere."""
    costs = _drawing()
    taken = {(offering.channel_id, offering.function_id) for offering in offerings}
    kind_of = {channel.channel_id: channel.kind for channel in channels}
    usual = {(kind_of[offering.channel_id], offering.function_id) for offering in offerings}
    possible = {(row.channel_id, row.function_id) for row in base.hosting}
    for channel in channels:
        for function in functions:
            place = (channel.channel_id, function.function_id)
            everywhere = channel.channel_id == "mobile_bank" or place in possible
            some = (channel.kind, function.function_id) in usual and dice.random() < 0.25  # noqa: PLR2004  # share
            if place not in taken and (everywhere or some):
                cost = _function_cost(costs, channel.kind, function.function_id)
                yield Hosting(
                    channel_id=channel.channel_id,
                    function_id=function.function_id,
                    porting_cost=cost.porting,
                    running_cost=cost.running,
                )


def _drawn_costs(base: Register, originals: dict[str, str], dice: random.Random) -> Iterator[Cost]:
    for channel_id, original in originals.items():
        weight = Decimal(1) if channel_id == original else Decimal(int(40 + dice.random() * 80)) / 100
        for cost in base.costs:
            if cost.channel_id == original:
                yield replace(cost, channel_id=channel_id, amount=_rounded(cost.amount * weight))
