"""`Traffic`: every question, answered from the masks."""

import shutil
from collections.abc import Collection, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import TracebackType

import numpy as np

from guiyi.kit.text import Text
from guiyi.see.traffic.curve import return_curve
from guiyi.see.traffic.engine import Column, Engine
from guiyi.see.traffic.errors import MonthUnknownError, UnknownChannelError
from guiyi.see.traffic.masks import MaskTable, Words, bits_of, mask_of, names_of, places_set, words_for, words_of
from guiyi.see.traffic.model import (
    Audience,
    Cell,
    CellKey,
    ChannelTraffic,
    Conflict,
    CurvePoint,
    MonthRetention,
    Overlap,
    Refusals,
    Scope,
    Segment,
    TrafficReport,
    Trend,
)
from guiyi.see.traffic.trend import trend_of

SEGMENTS = tuple(Segment)
"""Place in it = the number of a segment in the tables."""


@dataclass(frozen=True, slots=True)
class ActivityMasks:
    """`activity` over one month or over the window, grouped; arrays of one length."""

    table: MaskTable
    """Masks as grouped by the engine: one mask may stand there for several segments."""
    segment: Column
    linked: Column


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What the load found out, besides the engine's tables."""

    months: tuple[str, ...]
    whole_months: tuple[str, ...]
    """Those of `months` that the window covers from end to end."""
    window: ActivityMasks
    by_month: tuple[ActivityMasks, ...]
    refusals: Refusals
    identity_refusals: Refusals | None
    conflicts: tuple[Conflict, ...]
    conflict_count: int
    synthetic: bool


@dataclass(eq=False)
class Traffic(AbstractContextManager["Traffic"]):
    """Traffic that was read; holds a session of the engine and a folder until it is closed."""

    scope: Scope
    _engine: Engine
    _loaded: Loaded
    _folder: Path
    _merged: dict[str | None, MaskTable] = field(default_factory=dict[str | None, MaskTable])

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give memory and temporary files back."""
        self._engine.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def months(self) -> tuple[str, ...]:
        """Every month `YYYY-MM` of the window, in the scope's time zone."""
        return self._loaded.months

    @property
    def synthetic(self) -> bool:
        """Whether any file read is marked as made up."""
        return self._loaded.synthetic

    @property
    def refusals(self) -> Refusals:
        """What of the event log was refused."""
        return self._loaded.refusals

    @property
    def identity_refusals(self) -> Refusals | None:
        """What of the identities was refused; None when there are no identities."""
        return self._loaded.identity_refusals

    @property
    def conflicts(self) -> tuple[Conflict, ...]:
        """The 20 identity conflicts with the most keys."""
        return self._loaded.conflicts

    @property
    def conflict_count(self) -> int:
        """All identity conflicts."""
        return self._loaded.conflict_count

    @property
    def unlinked(self) -> int:
        """Of the window's customers, the pairs (channel, user key) that no identity links to a customer."""
        return _unlinked(self._loaded.window)

    @property
    def segments(self) -> dict[str, int]:
        """Segment -> customers of the window; every segment is there."""
        return _segments(self._loaded.window)

    def report(self, month: str | None = None) -> TrafficReport:
        """Return the report of the window, or of one `month` of it (`mau` always lists every month).

        Raises:
            MonthUnknownError: The month is not in the window.
        """
        masks, table = self._masks(month), self._table(month)
        reach, exclusive = table.reach(), table.exclusive()
        return TrafficReport(
            customers=table.total,
            unlinked=_unlinked(masks),
            months=self.months,
            channels=tuple(
                ChannelTraffic(channel_id, int(reach[place]), int(exclusive[place]), self._mau[channel_id])
                for place, channel_id in enumerate(self.scope.channel_ids)
            ),
            overlap=_overlap(table, self.scope.channel_ids),
            segments=_segments(masks),
            refused=dict(self.refusals.counts),
            rows_in_file=self.refusals.rows_in_file,
            synthetic=self.synthetic,
        )

    def reach_lost(self, closed: Collection[str], month: str | None = None) -> int:
        """Return the customers none of whose channels stays when `closed` are gone.

        Raises:
            UnknownChannelError: A channel is not in the scope.
            MonthUnknownError: The month is not in the window.
        """
        return self._table(month).lost([self._channel_place(channel) for channel in closed])

    def return_curve(self, month: str | None = None) -> tuple[CurvePoint, ...]:
        """Return for 1, 2, … channels a best set of so many and what it reaches; each point states its method."""
        return return_curve(self._table(month), self.scope.channel_ids)

    def function_overlap(self) -> tuple[Overlap, ...]:
        """Return the customers that two functions share in the window; each pair once, pairs without any left out."""
        return _overlap(self._functions, self.scope.function_ids)

    def function_reach(self) -> dict[str, int]:
        """Return function -> customers who used it in the window."""
        return dict(zip(self.scope.function_ids, self._functions.reach().tolist(), strict=True))

    def retention(self) -> tuple[MonthRetention, ...]:
        """Return for each month who of its customers came back in each later one."""
        months = len(self.months)
        columns = self._engine.arrays("months_active", month_words=words_for(months))
        words = words_of(columns, "m", words_for(months))
        shared = MaskTable(words, columns["customers"].astype(np.int64), months).shared()
        bits = bits_of(words, months)
        first = np.bincount(bits.argmax(axis=1), weights=columns["customers"], minlength=months).astype(np.int64)
        return tuple(
            MonthRetention(
                month=month,
                customers=int(shared[place, place]),
                new=int(first[place]),
                still_active=tuple(shared[place, place + 1 :].tolist()),
            )
            for place, month in enumerate(self.months)
        )

    def trends(self) -> tuple[Trend, ...]:
        """Return the trend of every channel with 12 months or more; months that the window cuts do not count."""
        months = self._loaded.whole_months
        found = (
            trend_of(channel_id, months, [mau[month] for month in months]) for channel_id, mau in self._mau.items()
        )
        return tuple(trend for trend in found if trend is not None)

    def audiences(self) -> tuple[Audience, ...]:
        """Return the groups of customers alike in segment and channels of the window; together they are everybody."""
        audiences: list[Audience] = []
        window = self._loaded.window
        for place, segment in enumerate(SEGMENTS):
            rows = window.segment == place
            table = MaskTable.grouped(window.table.words[rows], window.table.customers[rows], window.table.places)
            names = names_of(table.words, self.scope.channel_ids)
            counts = table.customers.tolist()
            audiences += [Audience(segment.value, *group) for group in zip(names, counts, strict=True)]
        return tuple(audiences)

    def cells(self, hosts: Mapping[str, Collection[str]]) -> tuple[Cell, ...]:
        """Return the cells of every function, with how many of their customers are active on each possible host.

        Args:
            hosts: Function id -> channels that could host it; a function that is left out has no host to count.

        Cells come in the order of functions and segments, then of masks. Customers are counted once a function: summed
        over functions a person counts as often as there are functions that the person uses.

        Raises:
            UnknownChannelError: A channel or function is not in the scope.
        """
        for function_id in hosts:
            self._function_place(function_id)
        cells: list[Cell] = []
        for place, function_id in enumerate(self.scope.function_ids):
            channels = [self._channel_place(channel) for channel in hosts.get(function_id, ())]
            cells += self._cells_of(place, function_id, mask_of(channels, self._channel_words))
        return tuple(cells)

    def customers_moved(self, host_of: Mapping[CellKey, str | None]) -> int:
        """Return the distinct people who have at least one function served on a channel where they are not active.

        Args:
            host_of: Cell (function id, segment, channels) -> host; None where the cell is served nowhere: such cells,
                and cells left out, move nobody.

        Raises:
            UnknownChannelError: A channel or function is not in the scope.
        """
        served = [(key, host) for key, host in host_of.items() if host is not None]
        words = self._channel_words
        used = [mask_of(map(self._channel_place, channels), words) for (_, _, channels), _ in served]
        host = [mask_of([self._channel_place(channel)], words) for _, channel in served]
        uses, hosts = np.array(used, np.uint64).reshape(-1, words), np.array(host, np.uint64).reshape(-1, words)
        segments = [SEGMENTS.index(Segment(segment)) for (_, segment, _), _ in served]
        columns: dict[str, Column] = {
            "function": np.array([self._function_place(function) for (function, _, _), _ in served], dtype=np.uint32),
            "segment": np.array(segments, dtype=np.uint8),
        }
        columns |= {f"c{word}": uses[:, word].copy() for word in range(words)}
        columns |= {f"h{word}": hosts[:, word].copy() for word in range(words)}
        self._engine.store("move", columns)
        return int(str(self._engine.rows("moved", channel_words=words)[0][0]))

    def usage_by_offering(self) -> dict[tuple[str, str], int]:
        """Return (channel id, function id) -> customers who used it in the window; zeros are left out."""
        columns = self._engine.arrays("offering_masks", channel_words=self._channel_words)
        words, counts = words_of(columns, "c", self._channel_words), columns["customers"].astype(np.int64)
        usage: dict[tuple[str, str], int] = {}
        for place, function_id in enumerate(self.scope.function_ids):
            rows = columns["function"] == place
            reach = MaskTable(words[rows], counts[rows], len(self.scope.channel_ids)).reach()
            usage |= {
                (self.scope.channel_ids[channel], function_id): int(reach[channel]) for channel in places_set(reach)
            }
        return usage

    @property
    def _channel_words(self) -> int:
        return words_for(len(self.scope.channel_ids))

    @cached_property
    def _channel_places(self) -> dict[str, int]:
        return {channel: place for place, channel in enumerate(self.scope.channel_ids)}

    @cached_property
    def _function_places(self) -> dict[str, int]:
        return {function: place for place, function in enumerate(self.scope.function_ids)}

    @cached_property
    def _mau(self) -> dict[str, dict[str, int]]:
        by_month = [masks.table.reach().tolist() for masks in self._loaded.by_month]
        return {
            channel: {month: by_month[index][place] for index, month in enumerate(self.months)}
            for place, channel in enumerate(self.scope.channel_ids)
        }

    @cached_property
    def _functions(self) -> MaskTable:
        words = words_for(len(self.scope.function_ids))
        columns = self._engine.arrays("functions_used", function_words=words)
        counts = columns["customers"].astype(np.int64)
        return MaskTable(words_of(columns, "f", words), counts, len(self.scope.function_ids))

    def _masks(self, month: str | None) -> ActivityMasks:
        if month is None:
            return self._loaded.window
        if month not in self.months:
            first, last = self.months[0], self.months[-1]
            raise MonthUnknownError(
                Text(
                    f"月份 {month} 不在日志窗口 {first} 至 {last} 内。",
                    f"Month {month} is not in the log's window, {first} to {last}.",
                ),
                month=month,
            )
        return self._loaded.by_month[self.months.index(month)]

    def _table(self, month: str | None) -> MaskTable:
        """Return the masks over all segments, each once: a question about closing then takes milliseconds."""
        masks = self._masks(month)
        if month not in self._merged:
            self._merged[month] = MaskTable.grouped(masks.table.words, masks.table.customers, masks.table.places)
        return self._merged[month]

    def _cells_of(self, function: int, function_id: str, hosts: Words) -> Iterable[Cell]:
        words, channels = self._channel_words, self.scope.channel_ids
        places = {"function_place": function, "hosts": [int(word) for word in hosts], "channel_words": words}
        columns = self._engine.arrays("cells", **places)
        used, active = words_of(columns, "c", words), words_of(columns, "h", words)
        segment, counts = columns["segment"].astype(np.int64), columns["customers"].astype(np.int64)
        if not len(counts):
            return
        order = np.lexsort((*used.T, segment))
        used, active, segment, counts = used[order], active[order], segment[order], counts[order]
        changed = (used[1:] != used[:-1]).any(axis=1) | (segment[1:] != segment[:-1])
        starts = np.flatnonzero(np.concatenate(([True], changed)))
        customers = np.add.reduceat(counts, starts).tolist()
        on_host = np.add.reduceat(bits_of(active, len(channels)) * counts[:, None], starts)
        for row, (names, start) in enumerate(zip(names_of(used[starts], channels), starts, strict=True)):
            activity = {channels[place]: int(on_host[row, place]) for place in places_set(on_host[row])}
            yield Cell(function_id, SEGMENTS[int(segment[start])].value, names, customers[row], activity)

    def _channel_place(self, channel_id: str) -> int:
        if channel_id not in self._channel_places:
            raise _unknown(channel_id)
        return self._channel_places[channel_id]

    def _function_place(self, function_id: str) -> int:
        if function_id not in self._function_places:
            raise _unknown(function_id)
        return self._function_places[function_id]


def _unknown(wanted: str) -> UnknownChannelError:
    return UnknownChannelError(
        Text(f"台账中没有 {wanted}；请核对编号。", f"The register has no {wanted}; check the id."), id=wanted
    )


def _overlap(table: MaskTable, names: tuple[str, ...]) -> tuple[Overlap, ...]:
    shared = table.shared()
    pairs = np.argwhere(np.triu(shared, 1)).tolist()
    found = [(*sorted((names[a], names[b])), int(shared[a, b])) for a, b in pairs]
    return tuple(Overlap(a, b, customers) for a, b, customers in sorted(found))


def _segments(masks: ActivityMasks) -> dict[str, int]:
    counts = masks.table.customers
    return {segment.value: int(counts[masks.segment == place].sum()) for place, segment in enumerate(SEGMENTS)}


def _unlinked(masks: ActivityMasks) -> int:
    return int(masks.table.customers[~masks.linked.astype(np.bool_)].sum())
