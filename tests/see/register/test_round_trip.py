"""import(export(x)) = x, through XLSX, through CSV and through the database's form."""

import tempfile
import unicodedata
from datetime import date
from decimal import Decimal
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from guiyi.see.register.api import (
    Attrition,
    Channel,
    ChannelKind,
    ChannelStatus,
    Cost,
    CostTiming,
    Filing,
    FilingKind,
    Function,
    Hosting,
    Offering,
    Platform,
    Register,
    read_register,
    register_digest,
    write_register,
)
from guiyi.see.register.cells import ERROR_VALUES
from guiyi.see.register.reader import ordered
from guiyi.see.register.rows import checked

IDS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,8}", fullmatch=True)
FUNCTION_IDS = st.from_regex(r"[a-z][a-z0-9_]{0,4}\.[a-z][a-z0-9_]{0,4}", fullmatch=True)
LETTERS = st.characters(exclude_categories=("Cc", "Cs", "Cn", "Zl", "Zp"))
NASTY = st.sampled_from(
    (
        *("=1+1", "+86", "-x", "@SUM(A1)", "'=1", "'", "''", "#x", "a,b", 'a"b', "{=1}", "<a>&amp;", "a\\b"),
        *("_x0041_", "_x005F_", "https://x.example/#!y", "mailto:x", "甲　乙", "\ufeffx", "🙂"),
        *("01", "1e5", "1.10", "12,000", "2025-01-01", "TRUE", "yes"),
    )
)
TEXTS = (
    (st.text(LETTERS, min_size=1, max_size=12) | NASTY)
    .map(str.strip)
    .filter(lambda text: text != "" and text not in ERROR_VALUES and unicodedata.category(text[0]) != "Cn")
)
MONEY = st.decimals(min_value=0, max_value=Decimal("999999999999.99"), places=2)
RATES = st.decimals(min_value=0, max_value=1, places=6)
DATES = st.dates(min_value=date(1950, 1, 1), max_value=date(2100, 12, 31))
SPANS = st.tuples(st.none() | DATES, st.none() | DATES).filter(lambda d: d[0] is None or d[1] is None or d[0] <= d[1])


@st.composite
def registers(draw: st.DrawFn) -> Register:
    platforms = [
        Platform(
            platform_id=platform_id,
            name_zh=draw(TEXTS),
            name_en=draw(TEXTS),
            capabilities=tuple(draw(st.lists(IDS, max_size=3, unique=True))),
        )
        for platform_id in draw(st.lists(IDS, min_size=1, max_size=2, unique=True))
    ]
    channels: list[Channel] = []
    for channel_id in draw(st.lists(IDS, min_size=1, max_size=3, unique=True)):
        opened_on, closed_on = draw(SPANS)
        channels.append(
            Channel(
                channel_id=channel_id,
                name_zh=draw(TEXTS),
                name_en=draw(TEXTS),
                kind=draw(st.sampled_from(ChannelKind)),
                platform_id=draw(st.sampled_from(platforms)).platform_id,
                owner_department=draw(TEXTS),
                lead_department=draw(TEXTS),
                status=draw(st.sampled_from(ChannelStatus)),
                identifier=draw(st.none() | TEXTS),
                opened_on=opened_on,
                closed_on=closed_on,
                risk_score=draw(st.none() | st.integers(0, 100)),
            )
        )
    functions = [
        Function(
            function_id=function_id,
            name_zh=draw(TEXTS),
            name_en=draw(TEXTS),
            may_end=draw(st.booleans()),
            value_per_customer=draw(MONEY),
        )
        for function_id in draw(st.lists(FUNCTION_IDS, max_size=3, unique=True))
    ]
    granted = {platform.platform_id: platform.capabilities for platform in platforms}
    offerings: list[Offering] = []
    hosting: list[Hosting] = []
    for channel in channels:
        for function in functions:
            place = draw(st.sampled_from(["offered", "possible", "none"]))
            if place == "offered":
                capabilities = granted[channel.platform_id]
                offerings.append(
                    Offering(
                        channel_id=channel.channel_id,
                        function_id=function.function_id,
                        entry_path=draw(TEXTS),
                        running_cost=draw(MONEY),
                        removal_cost=draw(MONEY),
                        capabilities=tuple(draw(st.permutations(capabilities)))[: draw(st.integers(0, 3))],
                    )
                )
            elif place == "possible":
                hosting.append(
                    Hosting(
                        channel_id=channel.channel_id,
                        function_id=function.function_id,
                        porting_cost=draw(MONEY),
                        running_cost=draw(MONEY),
                    )
                )
    costs = [
        Cost(
            channel_id=channel.channel_id, heading=heading, timing=draw(st.sampled_from(CostTiming)), amount=draw(MONEY)
        )
        for channel in channels
        for heading in draw(st.lists(TEXTS, max_size=2, unique=True))
    ]
    filings: list[Filing] = []
    for kind in draw(st.lists(st.sampled_from(FilingKind), max_size=3, unique=True)):
        filed_on, cancelled_on = draw(SPANS)
        level = draw(st.none() | st.sampled_from("12345")) if kind is FilingKind.SECURITY_LEVEL else None
        filings.append(
            Filing(
                channel_id=channels[0].channel_id,
                filing_kind=kind,
                number=draw(TEXTS),
                level=level,
                filed_on=filed_on,
                cancelled_on=cancelled_on,
            )
        )
    rules = draw(
        st.lists(st.tuples(st.sampled_from(ChannelKind), st.just("*") | IDS, st.booleans()), max_size=3, unique=True)
    )
    attrition = [
        Attrition(
            kind_from=kind,
            kind_host=draw(st.sampled_from(ChannelKind)),
            segment=segment,
            active=active,
            rate=draw(RATES),
            source=draw(TEXTS),
            grade=draw(st.sampled_from("ABC")),
        )
        for kind, segment, active in rules
    ]
    return ordered(
        Register(
            channels=tuple(channels),
            functions=tuple(functions),
            offerings=tuple(offerings),
            hosting=tuple(hosting),
            costs=tuple(costs),
            filings=tuple(filings),
            platforms=tuple(platforms),
            attrition=tuple(attrition),
            example=draw(st.booleans()),
        )
    )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(registers())
def test_register_is_the_same_when_exported_and_imported(register: Register) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for path in (Path(folder) / "register.xlsx", Path(folder) / "register"):
            write_register(register, path)
            assert read_register(path) == register


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(registers())
def test_register_is_the_same_when_stored_and_loaded(register: Register) -> None:
    assert checked(register) == register
    assert register_digest(checked(register)) == register_digest(register)
