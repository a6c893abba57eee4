"""A bank's traffic, made up: the generator of synthetic logs. Pure: numbers in, batches of arrays out.

How the made-up bank behaves (every draw comes from one seeded generator):

- *Skew.* A customer's activity follows a Zipf-Mandelbrot law, weight = (rank + customers / 50) ** -1.1.
- *Correlated channels.* A customer belongs to one of six archetypes, each with its own liking for every channel, and
  uses one to four channels drawn from it; channels with more functions, and apps, are more popular. Six customers in
  ten hold the main channel, the bank's own one with the most functions.
- *Tastes.* A customer has up to six favourite functions, those on many channels likelier. On a channel without the
  favourite the customer uses its nearest function there: of the same domain if there is one. So the same function is
  used on several channels, and only offered pairs occur. One customer in 25 is corporate and prefers functions of
  `corporate`.
- *Growth and churn.* Seven customers in ten were there before the window, others join, most of them early; a customer
  leaves with a hazard of 1.5 % a month. A channel's pull grows along a logistic curve that flattens early on the
  platforms of others and late on the bank's own.
- *Season.* February is weak, November and December are strong; nights are quiet.
- *Identities.* Events on the bank's own channels carry the customer number nine times in ten. Of the identities
  elsewhere 85 % are linked by a unionid; customers without an own channel have a customer number on one of them in 60 %
  of cases. One customer in 1,000 holds a unionid of the next: a conflict as soon as both have a customer number.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from guiyi.kit.text import Text
from guiyi.see.traffic.engine import Column
from guiyi.see.traffic.errors import NothingOfferedError
from guiyi.see.traffic.model import SynthSpec
from guiyi.see.traffic.rules import CORPORATE_DOMAIN, month_starts, months_from

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

BATCH_ROWS: Final = 1_000_000
"""Events held in memory at a time."""
MAX_EVENTS: Final = 10_000_000_000
MAX_CUSTOMERS: Final = 100_000_000
MAX_MONTHS: Final = 60
ARCHETYPES: Final = 6
PORTFOLIO: Final = 4
"""Most channels that one customer uses."""
TASTES: Final = 6
"""Most favourite functions of one customer."""
CORPORATE_SHARE: Final = 0.04
THERE_BEFORE_SHARE: Final = 0.7
MAIN_CHANNEL_SHARE: Final = 0.6
COMMON_EXPONENT: Final = 1.5
"""A function offered on twice the channels has 2 ** 1.5 times the taste."""
TASTE_SPREAD: Final = 0.6
"""Of a function's taste beside that, as the standard deviation of its logarithm."""
CHURN_PER_MONTH: Final = 0.015
PULL_BEFORE: Final = 0.5
"""Of a channel before its growth, as a share of its pull at the end."""
GROWTH_STEEPNESS: Final = 7.0
"""Of the logistic curve over the whole span."""
LOGGED_IN_SHARE: Final = 0.9
LINKED_SHARE: Final = 0.85
NUMBERED_SHARE: Final = 0.6
CONFLICT_SHARE: Final = 0.001
ZIPF_EXPONENT: Final = 1.1
ZIPF_SHIFT: Final = 1 / 50
KIND_PULL: Final = {
    "app": 3.0,
    "mini_program": 1.2,
    "service_account": 1.2,
    "website": 0.8,
    "subscription_account": 0.6,
}
SEASON: Final = (1.0, 0.82, 1.0, 0.98, 0.99, 1.02, 0.98, 0.97, 1.0, 1.01, 1.09, 1.16)
"""Factor of January … December."""
HOURS: Final = (1, 1, 1, 1, 1, 2, 4, 7, 10, 11, 11, 10, 11, 10, 9, 9, 9, 9, 10, 11, 11, 9, 6, 3)
"""Weight of each hour of the local day."""
KEY_BITS: Final = 44
KEY_MIX: Final = 0x9E3779B97F5
"""Odd: multiplying by it shuffles the numbers below 2 ** KEY_BITS without meeting."""
HOUR_US: Final = 3_600_000_000


@dataclass(frozen=True, slots=True)
class EventBatch:
    """Events of consecutive times; arrays of one length."""

    time_us: Ints
    """Microseconds since 1970 in UTC, ascending."""
    channel: NDArray[np.uint16]
    """Place in `spec.channels`."""
    function: NDArray[np.uint16]
    """Place in `Bank.function_ids`."""
    key: Ints
    """Number of the user key, unique over all channels."""
    customer: Ints
    """Number of the customer; -1 where the event does not carry it."""

    def columns(self) -> dict[str, Column]:
        """Return the arrays by name."""
        names = ("time_us", "channel", "function", "key", "customer")
        return dict(zip(names, (self.time_us, self.channel, self.function, self.key, self.customer), strict=True))


@dataclass(frozen=True, slots=True)
class IdentityBatch:
    """Rows of the identities file; arrays of one length."""

    channel: NDArray[np.uint16]
    key: Ints
    is_number: NDArray[np.bool_]
    """Whether `value` is a customer number; else it is the number of a unionid."""
    value: Ints

    def columns(self) -> dict[str, Column]:
        """Return the arrays by name."""
        return {"channel": self.channel, "key": self.key, "is_number": self.is_number, "value": self.value}


class Bank:
    """The made-up customers and channels of one specification; holds about 40 bytes a customer."""

    def __init__(self, spec: SynthSpec) -> None:
        _check(spec)
        self.spec = spec
        self.function_ids = tuple(sorted({function for _, function in spec.offerings}))
        self._random = np.random.default_rng(spec.seed)
        self._offered = self._offered_matrix()
        self._corporate_function = np.array([name.startswith(f"{CORPORATE_DOMAIN}.") for name in self.function_ids])
        self._nearest = self._nearest_functions()
        self._own = np.array([channel.own for channel in spec.channels])
        self._pull_by_month = self._channel_growth()
        self._make_customers()

    def event_batches(self) -> Iterator[EventBatch]:
        """Yield all events in ascending order of time, `BATCH_ROWS` at most at a time."""
        spec = self.spec
        starts = month_starts(months_from(spec.first_month, spec.months), ZoneInfo(spec.timezone))
        for month, rows in enumerate(self._events_by_month()):
            parts = -(-rows // BATCH_ROWS)
            edges = np.linspace(0.0, 1.0, parts + 1)
            for part in range(parts):
                size = rows * (part + 1) // parts - rows * part // parts
                yield self._batch(month, size, edges[part], edges[part + 1], starts[month], starts[month + 1])

    def identity_batches(self) -> Iterator[IdentityBatch]:
        """Yield all rows of the identities file."""
        for first in range(0, self.spec.customers, BATCH_ROWS // PORTFOLIO):
            customers = np.arange(first, min(first + BATCH_ROWS // PORTFOLIO, self.spec.customers), dtype=np.int64)
            yield self._identities_of(customers)

    def _offered_matrix(self) -> NDArray[np.bool_]:
        place = {function: index for index, function in enumerate(self.function_ids)}
        row = {channel.channel_id: index for index, channel in enumerate(self.spec.channels)}
        offered = np.zeros((len(row), len(place)), dtype=np.bool_)
        for channel, function in self.spec.offerings:
            if channel in row:
                offered[row[channel], place[function]] = True
        return offered

    def _nearest_functions(self) -> NDArray[np.uint16]:
        """Return (channel, function) -> the function that a customer with that taste uses there."""
        domains = np.array([name.partition(".")[0] for name in self.function_ids])
        everything = np.arange(len(self.function_ids))
        nearest = np.zeros(self._offered.shape, dtype=np.uint16)
        for channel, offered in enumerate(self._offered):
            for function in everything:
                wishes = (
                    offered & (everything == function),
                    offered & (domains == domains[function]),
                    offered & (self._corporate_function == self._corporate_function[function]),
                    offered,
                )
                choice = next((np.flatnonzero(wish) for wish in wishes if wish.any()), np.zeros(1, dtype=np.intp))
                nearest[channel, function] = choice[self._random.integers(len(choice))]
        return nearest

    def _channel_growth(self) -> Floats:
        """Return (month, channel) -> pull, 0 to 1."""
        months = np.arange(self.spec.months, dtype=np.float64)[:, None] / self.spec.months
        channels = len(self.spec.channels)
        early = self._random.uniform(-0.3, 0.3, channels)
        late = self._random.uniform(0.6, 1.0, channels)
        middle = np.where(self._own, late, early)
        return PULL_BEFORE + (1.0 - PULL_BEFORE) / (1.0 + np.exp(-GROWTH_STEEPNESS * (months - middle)))

    def _make_customers(self) -> None:
        spec, random = self.spec, self._random
        people = spec.customers
        has_corporate = bool(self._corporate_function.any())
        corporate = (random.random(people) < CORPORATE_SHARE) & has_corporate
        self._portfolio = np.zeros((people, PORTFOLIO), dtype=np.uint16)
        self._tastes = np.zeros((people, TASTES), dtype=np.uint16)
        popularity = np.array([KIND_PULL.get(channel.kind, 1.0) for channel in spec.channels])
        archetype = random.integers(ARCHETYPES, size=people)
        for is_corporate in (False, True):
            functions = self._corporate_function == is_corporate
            if not (self._offered & functions).any():
                functions = np.ones_like(functions)
            size = (self._offered & functions).sum(axis=1)
            for kind in range(ARCHETYPES):
                liking = popularity * size**0.9 * random.lognormal(0.0, 0.9, len(spec.channels))
                who = np.flatnonzero((corporate == is_corporate) & (archetype == kind))
                self._portfolio[who] = _draw(random, liking, (len(who), PORTFOLIO))
            who = np.flatnonzero(corporate == is_corporate)
            holders = who[random.random(len(who)) < MAIN_CHANNEL_SHARE]
            self._portfolio[holders, random.integers(2, size=len(holders))] = np.argmax((1 + self._own) * size)
            common = self._offered.sum(axis=0) ** COMMON_EXPONENT
            taste = functions * common * random.lognormal(0.0, TASTE_SPREAD, len(functions))
            self._tastes[who] = _draw(random, taste, (len(who), TASTES))
        self._channels_used = np.minimum(random.geometric(0.4, size=people), PORTFOLIO).astype(np.uint8)
        self._functions_used = np.minimum(random.geometric(0.3, size=people), TASTES).astype(np.uint8)
        before = random.random(people) < THERE_BEFORE_SHARE
        joined = np.where(before, -1.0, spec.months * random.random(people) ** 2.5)
        stays = random.exponential(1.0 / CHURN_PER_MONTH, size=people)
        self._joined = joined.astype(np.float32)
        self._left = (np.maximum(joined, 0.0) + stays).astype(np.float32)

    def _events_by_month(self) -> list[int]:
        """Share the events out over the months: season × what is accepted of a sample of draws."""
        first = int(self.spec.first_month[5:7]) - 1
        expected = np.zeros(self.spec.months)
        for month in range(self.spec.months):
            when = np.full(20_000, month + 0.5)
            _, _, accepted = self._draws(month, when)
            expected[month] = max(accepted.mean(), 1e-3) * SEASON[(first + month) % 12]
        edges = np.rint(np.cumsum(expected) / expected.sum() * self.spec.events).astype(np.int64)
        return [int(rows) for rows in np.diff(edges, prepend=0)]

    def _draws(self, month: int, when: Floats) -> tuple[Ints, NDArray[np.uint16], NDArray[np.bool_]]:
        """Draw customer and channel for each moment (in months); tell which of them can be."""
        random, people, rows = self._random, self.spec.customers, len(when)
        shift = people * ZIPF_SHIFT + 1.0
        low, high = shift ** (1.0 - ZIPF_EXPONENT), (shift + people) ** (1.0 - ZIPF_EXPONENT)
        rank = (low + random.random(rows) * (high - low)) ** (1.0 / (1.0 - ZIPF_EXPONENT)) - shift
        customer = np.clip(rank.astype(np.int64), 0, people - 1)
        slot = (random.random(rows) ** 2 * self._channels_used[customer]).astype(np.int64)
        channel = self._portfolio[customer, slot]
        alive = (self._joined[customer] <= when) & (when < self._left[customer])
        pulled = random.random(rows) < self._pull_by_month[month, channel]
        return customer, channel, alive & pulled

    def _batch(self, month: int, size: int, low: float, high: float, start: datetime, end: datetime) -> EventBatch:
        random = self._random
        customers: list[Ints] = []
        channels: list[NDArray[np.uint16]] = []
        missing = size
        while missing > 0:
            customer, channel, accepted = self._draws(month, month + random.uniform(low, high, 2 * missing + 64))
            kept = np.flatnonzero(accepted)[:missing]
            customers.append(customer[kept])
            channels.append(channel[kept])
            missing -= len(kept)
        customer, channel = np.concatenate(customers), np.concatenate(channels)
        wish = (random.random(size) ** 2 * self._functions_used[customer]).astype(np.int64)
        function = self._nearest[channel, self._tastes[customer, wish]]
        logged_in = self._own[channel] & (random.random(size) < LOGGED_IN_SHARE)
        return EventBatch(
            time_us=self._times(size, low, high, start, end),
            channel=channel,
            function=function,
            key=self._keys(customer, channel),
            customer=np.where(logged_in, customer, -1),
        )

    def _times(self, size: int, low: float, high: float, start: datetime, end: datetime) -> Ints:
        """Return ascending moments in the part `low` … `high` of the month, more of them by day."""
        random = self._random
        first, last = round(start.timestamp()) * 1_000_000, round(end.timestamp()) * 1_000_000
        span = last - first
        moment = (random.uniform(low, high, size) * span).astype(np.int64)
        hours = np.array(HOURS, dtype=np.float64)
        hour = _draw(random, hours, (size,)).astype(np.int64)
        day_start = moment - moment % (24 * HOUR_US)
        shaped = day_start + hour * HOUR_US + moment % HOUR_US
        inside = (shaped >= int(low * span)) & (shaped < int(high * span))
        return np.sort(first + np.where(inside, shaped, moment))

    def _keys(self, customer: Ints, channel: NDArray[np.uint16]) -> Ints:
        number = customer * len(self.spec.channels) + channel
        return (number.astype(np.uint64) * np.uint64(KEY_MIX) & np.uint64((1 << KEY_BITS) - 1)).astype(np.int64)

    def _identities_of(self, customers: Ints) -> IdentityBatch:
        random = self._random
        channel = self._portfolio[customers]
        used = np.arange(PORTFOLIO) < self._channels_used[customers][:, None]
        for slot in range(1, PORTFOLIO):
            used[:, slot] &= (channel[:, :slot] != channel[:, [slot]]).all(axis=1)
        owner = np.broadcast_to(customers[:, None], channel.shape)
        own = self._own[channel]
        linked = used & (own | (random.random(channel.shape) < LINKED_SHARE))
        numbered = np.zeros_like(used)
        numbered[:, 0] = used[:, 0] & (random.random(len(customers)) < NUMBERED_SHARE)
        numbered &= ~np.any(used & own, axis=1)[:, None]
        mixed = used & (random.random(len(customers)) < CONFLICT_SHARE)[:, None]
        parts = ((linked, False, 0), (numbered, True, 0), (mixed, False, 1))
        return IdentityBatch(
            channel=np.concatenate([channel[rows] for rows, _, _ in parts]),
            key=np.concatenate([self._keys(owner[rows], channel[rows]) for rows, _, _ in parts]),
            is_number=np.concatenate([np.full(int(rows.sum()), is_number) for rows, is_number, _ in parts]),
            value=np.concatenate([(owner[rows] + step) % self.spec.customers for rows, _, step in parts]),
        )


def _draw(random: np.random.Generator, weight: Floats, shape: tuple[int, ...]) -> NDArray[np.uint16]:
    """Draw places of `weight` with probability in proportion to it."""
    edges = np.cumsum(weight)
    drawn: NDArray[np.float64] = random.random(shape) * edges[-1]
    return np.searchsorted(edges, drawn, side="right").astype(np.uint16)


def _check(spec: SynthSpec) -> None:
    known = {channel.channel_id for channel in spec.channels}
    if not any(channel in known for channel, _ in spec.offerings):
        raise NothingOfferedError(
            Text(
                "台账没有任何功能入口，无法生成流量；请先在 offerings 表登记。",
                "The register has no offering, so there is no traffic to generate; enter some in the sheet offerings.",
            )
        )
    limits = (
        ("events", spec.events, MAX_EVENTS),
        ("customers", spec.customers, MAX_CUSTOMERS),
        ("months", spec.months, MAX_MONTHS),
    )
    for name, value, most in limits:
        if not 1 <= value <= most:
            raise NothingOfferedError(
                Text(
                    f"{name} = {value}：须在 1 到 {most:,} 之间。",
                    f"{name} = {value}: give a number from 1 to {most:,}.",
                ),
                field=name,
                value=value,
            )
