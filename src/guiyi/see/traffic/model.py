"""What traffic tells: counts of people, never samples."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path


class RefusalReason(StrEnum):
    """Why a row of an event log is refused; in order of precedence, the first that holds counts."""

    MALFORMED = "malformed"
    """The record cannot be read at all: wrong number of fields, broken quotes, not UTF-8."""
    BAD_TIME = "bad_time"
    """The event time is missing or is not a date and time."""
    OUTSIDE_WINDOW = "outside_window"
    """The event time lies outside the window."""
    UNKNOWN_CHANNEL = "unknown_channel"
    """The register does not know the channel."""
    UNKNOWN_FUNCTION = "unknown_function"
    """The register does not know the function."""
    EMPTY_KEY = "empty_key"
    """The user key is missing or blank."""
    BAD_VALUE = "bad_value"
    """`value_minor` is given and is not a whole number."""


class IdentityRefusalReason(StrEnum):
    """Why a row of an identities file is refused; in order of precedence, the first that holds counts."""

    MALFORMED = "malformed"
    """The record cannot be read at all: wrong number of fields, broken quotes, not UTF-8."""
    UNKNOWN_CHANNEL = "unknown_channel"
    """The register does not know the channel."""
    EMPTY_KEY = "empty_key"
    """The user key is missing or blank."""
    EMPTY_TYPE = "empty_type"
    """The key type is missing or blank."""
    EMPTY_VALUE = "empty_value"
    """The key value is missing or blank."""


class Segment(StrEnum):
    """Groups of customers; `rules.segment_of` says which one a customer belongs to."""

    CORPORATE = "corporate"
    FREQUENT = "frequent"
    OCCASIONAL = "occasional"


CellKey = tuple[str, str, tuple[str, ...]]
"""Function id, segment and the channel ids (in the order of the scope) of a cell."""


@dataclass(frozen=True, slots=True)
class EventSource:
    """Files to read; a log and an identities file are each one file or a folder of them.

    Parquet (`.parquet`), CSV (`.csv`) or gzipped CSV (`.csv.gz`); CSV in UTF-8, comma, first row = column names.
    """

    events: Path
    """Columns `event_time`, `channel_id`, `function_id`, `user_key`; may have `customer_id`, `session_id`,
    `value_minor`; others are not read."""
    identities: Path | None = None
    """Columns `channel_id`, `user_key`, `key_type`, `key_value`."""
    mapping: Path | None = None
    """YAML or JSON: `{"events": {our name: file's name}, "identities": {…}}`; a bare `{our name: file's name}`
    renames columns of the events."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What is counted."""

    channel_ids: tuple[str, ...]
    """Channels that the register knows; their order is the order of every set of channels in an answer."""
    function_ids: tuple[str, ...]
    """Functions that the register knows, named `domain.function`."""
    timezone: str
    """IANA name; months are counted in it."""
    window: tuple[datetime, datetime] | None = None
    """From (inclusive) to (exclusive), both aware. None: the months of the log, see `rules.window_of`."""
    max_refused_share: Decimal = Decimal("0.01")
    """Refused rows above this share of a file's rows stop the load; 0 to 1."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """One row that was refused."""

    file: str
    """Path as found under the source."""
    row: int
    """Parquet: 1 is the first row. CSV: the line of the file on which the record begins (1 is the header)."""
    reason: str
    field: str
    """Our name of the column at fault; empty when the record is malformed."""
    value: str
    """What stands there, cut to 200 characters; empty when missing."""


@dataclass(frozen=True, slots=True)
class Refusals:
    """What of one source was refused."""

    rows_in_file: int
    counts: Mapping[str, int]
    """Reason -> rows, in order of precedence; reasons without a row are left out."""
    examples: tuple[Refusal, ...]
    """The first 20 of each reason, in the order of files and rows."""

    @property
    def refused(self) -> int:
        """Rows refused, over all reasons."""
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True)
class Conflict:
    """Channel identities that lead to two customers or more: reported, never merged; all of its keys stay unlinked."""

    customer_numbers: tuple[str, ...]
    """The first 20, in alphabetical order."""
    keys: int
    """Channel identities concerned."""
    examples: tuple[tuple[str, str], ...]
    """The first 20 of them: (channel id, user key)."""


@dataclass(frozen=True, slots=True)
class Cell:
    """Customers alike in function, segment and the set of channels on which they use the function."""

    function_id: str
    segment: str
    channels: tuple[str, ...]
    """Channel ids on which they use the function, in the order of the scope; never empty."""
    customers: int
    active: Mapping[str, int]
    """Host channel outside `channels` -> how many of the customers are active there; zeros are left out."""

    @property
    def key(self) -> CellKey:
        """What names the cell."""
        return (self.function_id, self.segment, self.channels)


@dataclass(frozen=True, slots=True)
class Audience:
    """Customers alike in segment and in the set of channels on which they are active in the window."""

    segment: str
    channels: tuple[str, ...]
    customers: int


@dataclass(frozen=True, slots=True)
class ChannelTraffic:
    """One channel's people."""

    channel_id: str
    reach: int
    exclusive_reach: int
    mau: Mapping[str, int]
    """Month `YYYY-MM` -> customers active in it; every month of the window is there."""


@dataclass(frozen=True, slots=True)
class Overlap:
    """Customers that two channels, or two functions, share; `a` < `b`."""

    a: str
    b: str
    customers: int


@dataclass(frozen=True, slots=True)
class Trend:
    """A piecewise linear fit of a channel's monthly customers; absent below 12 months."""

    channel_id: str
    growth_rate: Decimal
    """Monthly growth in the last piece, as a share of the channel's mean."""
    peaked_after: str | None
    """Month after which growth is no longer distinguishable from zero; None while it still grows."""


@dataclass(frozen=True, slots=True)
class MonthRetention:
    """Who of one month's customers came back later."""

    month: str
    customers: int
    new: int
    """Of `customers`, those not seen in any earlier month of the window."""
    still_active: tuple[int, ...]
    """Of `customers`, those active 1, 2, … months later, up to the last month of the window."""


class CurveMethod(StrEnum):
    """How a point of the return curve was found."""

    EXACT = "exact"
    """Every set of channels was weighed."""
    GREEDY = "greedy"
    """The best channel was added step by step; no set of as many channels keeps more than `bound`."""


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """A best set of so many channels, and the customers it keeps."""

    channels: tuple[str, ...]
    """In the order of the scope."""
    reach: int
    bound: int
    """No set of as many channels reaches more; equal to `reach` when the set is proven best."""
    method: CurveMethod


@dataclass(frozen=True, slots=True)
class TrafficReport:
    """What `guiyi traffic report` prints."""

    customers: int
    unlinked: int
    """Of `customers`, the pairs (channel, user key) that no identity links to a customer."""
    months: tuple[str, ...]
    channels: tuple[ChannelTraffic, ...]
    overlap: tuple[Overlap, ...]
    segments: Mapping[str, int]
    refused: Mapping[str, int]
    """Reason -> rows."""
    rows_in_file: int
    synthetic: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SynthChannel:
    """What the generator needs to know of a channel."""

    channel_id: str
    kind: str
    """As in the register: `app`, `mini_program`, …; makes it more or less popular."""
    own: bool
    """Whether the bank runs the platform: then customers log in and events carry their number."""


class LogFormat(StrEnum):
    """How the generator writes its files."""

    PARQUET = "parquet"
    CSV = "csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class SynthSpec:
    """What to generate; the same specification always gives the same rows."""

    channels: tuple[SynthChannel, ...]
    offerings: Collection[tuple[str, str]]
    """(channel id, function id); no other pair is ever generated."""
    events: int = 200_000
    customers: int = 20_000
    """People of the bank; those who happen to have no event do not appear in the log."""
    first_month: str = "2025-01"
    months: int = 18
    seed: int = 1
    timezone: str = "Asia/Shanghai"
    format: LogFormat = LogFormat.PARQUET


@dataclass(frozen=True, slots=True)
class SynthFiles:
    """Where the generator has written; the source to read it back is `EventSource(events, identities)`."""

    events: Path
    """Folder."""
    identities: Path
    """File."""
    event_rows: int
    identity_rows: int
