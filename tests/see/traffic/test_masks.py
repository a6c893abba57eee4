"""What the masks answer is what counting people one by one gives."""

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from guiyi.see.traffic.api import Traffic
from guiyi.see.traffic.curve import return_curve
from guiyi.see.traffic.errors import MonthUnknownError, UnknownChannelError
from guiyi.see.traffic.masks import MaskTable, mask_of, words_of
from guiyi.see.traffic.rules import segment_of

if TYPE_CHECKING:
    from .conftest import Bank

FUNCTIONS: tuple[str, ...] = ("a.one", "a.two", "corporate.pay", "b.one")
WIDE = tuple(f"ch{number:03d}" for number in range(130))
MONTHS = 5
START = datetime(2026, 1, 1)  # noqa: DTZ001 - the log's times are naive: UTC

Event = tuple[int, int, int, int]
"""Channel, function, customer, hours after the start."""

logs = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 2, 63, 64, 65, 127, 128, 129]),
        st.integers(0, len(FUNCTIONS) - 1),
        st.integers(0, 12),
        st.integers(0, MONTHS * 30 * 24),
    ),
    min_size=1,
    max_size=60,
)


def written(bank: "Bank", log: list[Event]) -> Path:
    bank.channels, bank.functions, bank.timezone = WIDE, FUNCTIONS, "UTC"
    return bank.events(
        [
            (START + timedelta(hours=hours), WIDE[channel], FUNCTIONS[function], f"u{customer}", f"C{customer}")
            for channel, function, customer, hours in log
        ]
    )


def counted(file: Path, sql: str) -> dict[object, int]:
    """Answer by plain SQL, one count(distinct) a group."""
    with duckdb.connect() as connection:
        return {
            row[0] if len(row) == 2 else row[:-1]: row[-1]
            for row in connection.execute(sql.replace("LOG", f"'{file}'")).fetchall()
        }


@given(logs)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_report_equals_count_distinct_when_log_is_random(banks: "Callable[[], Bank]", log: list[Event]) -> None:
    bank = banks()
    file = written(bank, log)
    with bank.read(file) as traffic:
        report = traffic.report()
        usage = traffic.usage_by_offering()
        assert traffic.segments == report.segments
        functions = traffic.function_overlap()
        function_reach = traffic.function_reach()
    reach = counted(file, "select channel_id, count(distinct customer_id) from LOG group by 1")
    assert {one.channel_id: one.reach for one in report.channels if one.reach} == reach
    exclusive = counted(
        file,
        """select channel_id, count(distinct customer_id) from LOG where customer_id in
        (select customer_id from LOG group by 1 having count(distinct channel_id) = 1) group by 1""",
    )
    assert {one.channel_id: one.exclusive_reach for one in report.channels if one.exclusive_reach} == exclusive
    monthly = counted(
        file, "select channel_id, strftime(event_time, '%Y-%m'), count(distinct customer_id) from LOG group by 1, 2"
    )
    found = {(one.channel_id, month): n for one in report.channels for month, n in one.mau.items() if n}
    assert found == monthly
    pairs = """select a.WHAT, b.WHAT, count(distinct a.customer_id) from LOG a join LOG b using (customer_id)
        where a.WHAT < b.WHAT group by 1, 2"""
    assert {(o.a, o.b): o.customers for o in report.overlap} == counted(file, pairs.replace("WHAT", "channel_id"))
    assert {(o.a, o.b): o.customers for o in functions} == counted(file, pairs.replace("WHAT", "function_id"))
    assert usage == counted(file, "select channel_id, function_id, count(distinct customer_id) from LOG group by 1, 2")
    assert {name: n for name, n in function_reach.items() if n} == counted(
        file, "select function_id, count(distinct customer_id) from LOG group by 1"
    )
    assert [report.customers] == list(counted(file, "select 1, count(distinct customer_id) from LOG").values())
    assert report.rows_in_file == len(log)


@given(logs, st.sets(st.sampled_from(WIDE[:2] + WIDE[63:66]), max_size=4))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_one_month_equals_a_log_of_that_month_when_log_is_random(
    banks: "Callable[[], Bank]", log: list[Event], closed: set[str]
) -> None:
    bank = banks()
    with bank.read(written(bank, log)) as traffic:
        for month in traffic.months:
            events = [event for event in log if f"{START + timedelta(hours=event[3]):%Y-%m}" == month]
            people = channels_by_customer(events)
            report = traffic.report(month)
            assert report.customers == len(people) == sum(report.segments.values())
            reach = [sum(name in channels for channels in people.values()) for name in WIDE]
            assert [one.reach for one in report.channels] == reach
            assert traffic.reach_lost(closed, month) == sum(channels <= closed for channels in people.values())
        assert traffic.reach_lost(closed) == sum(c <= closed for c in channels_by_customer(log).values())


@given(logs, st.lists(st.sampled_from(WIDE[:3] + WIDE[63:66] + WIDE[127:]), min_size=4, max_size=4))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_cells_and_moves_equal_people_one_by_one_when_log_is_random(
    banks: "Callable[[], Bank]", log: list[Event], host_of_function: list[str]
) -> None:
    bank = banks()
    with bank.read(written(bank, log)) as traffic:
        months = len(traffic.months)
        hosts = {function: set(host_of_function) for function in FUNCTIONS}
        cells = traffic.cells(hosts)
        chosen = dict(zip(FUNCTIONS, host_of_function, strict=True))
        moved = traffic.customers_moved({cell.key: chosen[cell.function_id] for cell in cells})
        nobody = traffic.customers_moved(dict.fromkeys((cell.key for cell in cells), None))
        audiences = {(one.segment, one.channels): one.customers for one in traffic.audiences()}
        retention = traffic.retention()
    people = channels_by_customer(log)
    segments = segment_by_customer(log, months)
    expected: dict[object, int] = {}
    active: dict[object, dict[str, int]] = {}
    movers: set[int] = set()
    for place, function in enumerate(FUNCTIONS):
        for customer in people:
            used = {WIDE[c] for c, f, who, _ in log if who == customer and f == place}
            if not used:
                continue
            key = (function, segments[customer], tuple(sorted(used)))
            expected[key] = expected.get(key, 0) + 1
            for host in (people[customer] & set(host_of_function)) - used:
                hosts_of_cell = active.setdefault(key, {})
                hosts_of_cell[host] = hosts_of_cell.get(host, 0) + 1
            if chosen[function] not in people[customer]:
                movers.add(customer)
    assert {cell.key: cell.customers for cell in cells} == expected
    assert {cell.key: dict(cell.active) for cell in cells if cell.active} == active
    assert (moved, nobody) == (len(movers), 0)
    grouped: dict[object, int] = {}
    for customer, channels in people.items():
        key = (segments[customer], tuple(sorted(channels)))
        grouped[key] = grouped.get(key, 0) + 1
    assert audiences == grouped
    seen = months_by_customer(log)
    for row in retention:
        here = [months for months in seen.values() if row.month in months]
        assert (row.customers, row.new) == (len(here), sum(min(months) == row.month for months in here))
        later = sorted(months for months in {r.month for r in retention} if months > row.month)
        assert row.still_active == tuple(sum(month in months for months in here) for month in later)


@given(logs)
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_curve_is_the_best_of_all_sets_when_channels_are_few(banks: "Callable[[], Bank]", log: list[Event]) -> None:
    bank = banks()
    with bank.read(written(bank, log)) as traffic:
        curve = traffic.return_curve()
    people = channels_by_customer(log)
    used = sorted(set().union(*people.values()))
    assert len(curve) == len(used)
    for size, point in enumerate(curve, start=1):
        best = max(sum(bool(c & set(kept)) for c in people.values()) for kept in combinations(used, size))
        assert (len(point.channels), point.reach, point.bound, point.method) == (size, best, best, "exact")
        assert sum(bool(channels & set(point.channels)) for channels in people.values()) == point.reach


def test_curve_is_greedy_within_its_bound_when_channels_are_many() -> None:
    generator = np.random.default_rng(5)
    bits = generator.random((400, 30)) < 0.06
    bits[~bits.any(axis=1), 0] = True
    words = np.stack([mask_of(np.flatnonzero(row), 1) for row in bits])
    table = MaskTable.grouped(words, np.ones(400, dtype=np.int64), 30)
    curve = return_curve(table, [f"c{number}" for number in range(30)])
    assert len(curve) == 30
    assert (curve[0].method, curve[-1].method, curve[-1].reach) == ("exact", "exact", 400)
    assert "greedy" in {point.method for point in curve}
    for point in curve:
        kept = [int(name[1:]) for name in point.channels]
        assert bits[:, kept].any(axis=1).sum() == point.reach <= point.bound <= 400


def test_curve_is_empty_when_nobody_is_reached() -> None:
    assert return_curve(MaskTable(np.zeros((0, 1), np.uint64), np.zeros(0, np.int64), 3), ["a", "b", "c"]) == ()


def test_bits_are_refused_when_engine_gives_another_type() -> None:
    with pytest.raises(AssertionError, match="float64"):
        words_of({"c0": np.array([1.0])}, "c", 1)


def test_question_is_refused_when_it_names_what_is_not_there(bank: "Bank") -> None:
    with bank.read(bank.events([("2026-01-05 00:00", "app", "accounts.balance", "u")])) as traffic:
        with pytest.raises(MonthUnknownError, match="2026-01 to 2026-01"):
            traffic.report("2025-12")
        for question in asked(traffic):
            with pytest.raises(UnknownChannelError, match="no ghost"):
                question()


def asked(traffic: Traffic) -> list[Callable[[], object]]:
    return [
        lambda: traffic.reach_lost(["ghost"]),
        lambda: traffic.cells({"ghost": ["app"]}),
        lambda: traffic.cells({"accounts.balance": ["ghost"]}),
        lambda: traffic.customers_moved({("accounts.balance", "frequent", ("app",)): "ghost"}),
    ]


def test_months_follow_the_banks_time_zone_when_it_is_not_utc(bank: "Bank") -> None:
    balance = "accounts.balance"
    file = bank.events(
        [
            ("2026-01-31 15:59:59.999999", "app", balance, "last-of-january"),
            ("2026-01-31 16:00:00", "app", balance, "first-of-february"),
            ("2026-02-28 15:59:59", "oa", balance, "last-of-february"),
        ]
    )
    with bank.read(file) as traffic:
        assert traffic.months == ("2026-01", "2026-02")
        mau = {one.channel_id: dict(one.mau) for one in traffic.report().channels}
    assert mau["app"] == {"2026-01": 1, "2026-02": 1}
    assert mau["oa"] == {"2026-01": 0, "2026-02": 1}


def test_months_are_right_when_clocks_change(bank: "Bank") -> None:
    bank.timezone = "America/New_York"
    balance = "accounts.balance"
    rows = [("2026-04-01 03:59:59", "app", balance, "a"), ("2026-04-01 04:00:00", "app", balance, "b")]
    rows += [("2026-12-01 04:59:59", "app", balance, "c"), ("2026-12-01 05:00:00", "app", balance, "d")]
    with bank.read(bank.events(rows)) as traffic:
        mau = traffic.report().channels[0].mau
    assert {month: n for month, n in mau.items() if n} == {"2026-03": 1, "2026-04": 1, "2026-11": 1, "2026-12": 1}
    assert len(mau) == 10


def channels_by_customer(log: list[Event]) -> dict[int, set[str]]:
    people: dict[int, set[str]] = {}
    for channel, _, customer, _ in log:
        people.setdefault(customer, set()).add(WIDE[channel])
    return people


def months_by_customer(log: list[Event]) -> dict[int, set[str]]:
    seen: dict[int, set[str]] = {}
    for _, _, customer, hours in log:
        seen.setdefault(customer, set()).add(f"{START + timedelta(hours=hours):%Y-%m}")
    return seen


def segment_by_customer(log: list[Event], months: int) -> dict[int, str]:
    corporate = {customer for _, function, customer, _ in log if FUNCTIONS[function].startswith("corporate.")}
    return {
        customer: segment_of(used_corporate=customer in corporate, active_months=len(active), months=months).value
        for customer, active in months_by_customer(log).items()
    }
