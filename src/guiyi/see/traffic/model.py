"""What traffic tells: counts of people, never samples."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal


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
    """Customers that two channels share; `a` < `b`."""

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
