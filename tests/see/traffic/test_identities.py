"""Which keys are one customer: linked, unlinked, chained, in conflict."""

from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from guiyi.see.traffic.identities import component_labels, resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .conftest import Bank

BALANCE = "accounts.balance"
AT = "2026-01-05 00:00:00"


def people(
    bank: "Bank", rows: "Sequence[tuple[str, str, str | None]]", identities: "list[tuple[str, ...]]"
) -> tuple[int, int, int]:
    """Return customers, unlinked, conflicts."""
    log = bank.events([(AT, channel, BALANCE, key, customer) for channel, key, customer in rows])
    traffic = bank.read(log, bank.identities(identities) if identities else None)
    report = traffic.report()
    return report.customers, report.unlinked, traffic.conflict_count


def test_keys_are_people_of_their_own_when_nothing_links_them(bank: "Bank") -> None:
    assert people(bank, [("app", "u", None), ("oa", "u", None), ("app", "u", None)], []) == (2, 2, 0)


def test_keys_are_one_customer_when_they_share_a_value(bank: "Bank") -> None:
    identities = [("app", "u", "unionid", "1"), ("oa", "v", "unionid", "1")]
    assert people(bank, [("app", "u", None), ("oa", "v", None), ("mini", "w", None)], identities) == (2, 1, 0)


def test_keys_stay_apart_when_values_are_of_different_types(bank: "Bank") -> None:
    identities = [("app", "u", "unionid", "1"), ("oa", "v", "phone", "1")]
    assert people(bank, [("app", "u", None), ("oa", "v", None)], identities) == (2, 0, 0)


def test_key_follows_its_customer_when_one_event_carries_the_number(bank: "Bank") -> None:
    rows = [("app", "u", "C1"), ("app", "u", None), ("oa", "v", "C1"), ("oa", "v", None), ("app", "w", "  ")]
    assert people(bank, rows, []) == (2, 1, 0)


def test_event_and_identities_agree_when_both_name_the_customer(bank: "Bank") -> None:
    identities = [("oa", "v", "customer_number", "C1"), ("mini", "w", "unionid", "9"), ("oa", "v", "unionid", "9")]
    assert people(bank, [("app", "u", "C1"), ("oa", "v", None), ("mini", "w", None)], identities) == (1, 0, 0)


def test_chain_is_one_customer_when_it_runs_through_keys_without_events(bank: "Bank") -> None:
    identities = [("oa", "v", "unionid", "1"), ("oa", "v", "phone", "2")]
    identities += [("app", "u", "unionid", "1"), ("mini", "w", "phone", "2")]
    assert people(bank, [("app", "u", None), ("mini", "w", None)], identities) == (1, 0, 0)


def test_keys_stay_unlinked_when_a_key_carries_two_customers(bank: "Bank") -> None:
    rows = [("app", "u", "C1"), ("app", "u", "C2"), ("oa", "v", "C1"), ("oa", "w", "C3")]
    assert people(bank, rows, []) == (3, 2, 1)


def test_conflict_is_reported_when_a_value_joins_two_customers(bank: "Bank") -> None:
    identities = [("app", "u", "unionid", "1"), ("oa", "v", "unionid", "1"), ("mini", "w", "unionid", "1")]
    rows = [("app", "u", "C1"), ("oa", "v", "C2"), ("oa", "x", "C2"), ("app", "y", "C4")]
    log = bank.events([(AT, channel, BALANCE, key, customer) for channel, key, customer in rows])
    traffic = bank.read(log, bank.identities(identities))
    (conflict,) = traffic.conflicts
    assert (conflict.customer_numbers, conflict.keys) == (("C1", "C2"), 4)
    assert conflict.examples == (("app", "u"), ("mini", "w"), ("oa", "v"), ("oa", "x"))
    assert (traffic.report().customers, traffic.unlinked) == (4, 3)


def test_chain_of_a_million_is_one_component_when_shuffled() -> None:
    count = 1_000_000
    order = np.random.default_rng(3).permutation(count)
    assert not component_labels(count, order[:-1], order[1:]).any()


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_components_equal_walking_the_graph_when_random(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 30))
    node = st.integers(0, count - 1)
    edges = data.draw(st.lists(st.tuples(node, node), max_size=40))
    numbers = sorted(data.draw(st.sets(node, max_size=5)))
    low, high = (np.array([edge[end] for edge in edges], dtype=np.int64) for end in (0, 1))
    found = resolve(count, low, high, np.array(numbers, dtype=np.int64))
    groups = walked(count, edges)
    clean = [group for group in groups if len(group & set(numbers)) <= 1]
    assert found.linked == len(clean)
    for group in groups:
        persons = {int(found.person[value]) for value in group}
        assert len(persons) == 1
        assert (persons == {-1}) == (group not in clean)
    assert sorted({int(person) for person in found.person} - {-1}) == list(range(found.linked))
    assert set(found.conflicted.tolist()) == set().union(*(group for group in groups if group not in clean))


def walked(count: int, edges: "list[tuple[int, int]]") -> "list[set[int]]":
    groups = [{node} for node in range(count)]
    for a, b in edges:
        one, other = (next(group for group in groups if end in group) for end in (a, b))
        if one is not other:
            groups.remove(other)
            one |= other
    return groups


KEYS = [(channel, f"u{number}") for channel in ("app", "oa", "mini") for number in range(4)]
VALUES = [("customer_number", f"C{number}") for number in range(4)] + [("unionid", f"{number}") for number in range(5)]


@given(
    st.lists(
        st.tuples(st.sampled_from(KEYS), st.sampled_from([None, None, "C0", "C1", "C2", "C3"])), min_size=1, max_size=15
    ),
    st.lists(st.tuples(st.sampled_from(KEYS), st.sampled_from(VALUES)), max_size=12),
)
@settings(max_examples=20, deadline=None)
def test_customers_equal_grouping_keys_by_hand_when_random(
    banks: "Callable[[], Bank]",
    rows: "list[tuple[tuple[str, str], str | None]]",
    given_values: "list[tuple[tuple[str, str], tuple[str, str]]]",
) -> None:
    bank = banks()
    log = [(channel, key, customer) for (channel, key), customer in rows]
    nodes: list[object] = [*KEYS, *VALUES]
    edges = [(nodes.index(key), nodes.index(("customer_number", customer))) for key, customer in rows if customer]
    edges += [(nodes.index(key), nodes.index(value)) for key, value in given_values]
    numbers = {nodes.index(value) for value in VALUES if value[0] == "customer_number"}
    active = {nodes.index(key) for key, _ in rows}
    customers = unlinked = conflicts = 0
    for group in walked(len(nodes), edges):
        conflict = len(group & numbers) > 1
        conflicts += conflict
        if conflict or not any(node >= len(KEYS) for node in group):
            customers += len(group & active)
            unlinked += len(group & active)
        elif group & active:
            customers += 1
    found = people(bank, log, [(*key, *value) for key, value in given_values])
    bank.close()
    assert found == (customers, unlinked, conflicts)
