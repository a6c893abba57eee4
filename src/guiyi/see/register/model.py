"""The register as frozen rows: one class a sheet, one field a column, money in units of the currency."""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum


class ChannelKind(StrEnum):
    """What a channel is; `official_account` in a policy stands for both kinds of account."""

    APP = "app"
    SERVICE_ACCOUNT = "service_account"
    SUBSCRIPTION_ACCOUNT = "subscription_account"
    MINI_PROGRAM = "mini_program"
    WEBSITE = "website"
    DIRECT_BANK = "direct_bank"


class ChannelStatus(StrEnum):
    """Where a channel stands in its life."""

    PLANNED = "planned"
    OPEN = "open"
    CLOSING = "closing"
    CLOSED = "closed"


class CostTiming(StrEnum):
    """When a cost is paid."""

    PER_YEAR = "per_year"
    CLOSING = "closing"
    """Once, when the channel closes."""


class FilingKind(StrEnum):
    """Which authority keeps the filing."""

    MIIT = "miit"
    NIFA = "nifa"
    SECURITY_LEVEL = "security_level"


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One online entrance that the bank runs; key: `channel_id`."""

    channel_id: str
    name_zh: str
    name_en: str
    kind: ChannelKind
    platform_id: str
    owner_department: str
    lead_department: str
    status: ChannelStatus = ChannelStatus.OPEN
    identifier: str | None = None
    """What the platform knows it by: an appid, a gh_ id, a bundle id, a host name."""
    opened_on: date | None = None
    closed_on: date | None = None
    risk_score: int | None = None
    """Security and compliance risk as entered by the bank, 0 (none) to 100."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """Something that a customer can do, named `domain.function`; key: `function_id`."""

    function_id: str
    name_zh: str
    name_en: str
    may_end: bool = False
    """Whether a plan may leave customers of this function without any host."""
    value_per_customer: Decimal = Decimal(0)
    """What one customer who uses the function is worth to the bank a year."""

    @property
    def domain(self) -> str:
        """The part before the first dot."""
        return self.function_id.partition(".")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Offering:
    """One function on one channel today; key: (`channel_id`, `function_id`)."""

    channel_id: str
    function_id: str
    entry_path: str
    running_cost: Decimal = Decimal(0)
    """A year, while the function is hosted there."""
    removal_cost: Decimal = Decimal(0)
    """Once, when the function is taken off a channel that stays."""
    capabilities: tuple[str, ...] = ()
    """Platform capabilities that it depends on, each listed for the channel's platform."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosting:
    """A channel to which a function could be ported; key: (`channel_id`, `function_id`); never also an offering."""

    channel_id: str
    function_id: str
    porting_cost: Decimal
    """Once."""
    running_cost: Decimal = Decimal(0)
    """A year, once it is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a channel costs under one heading; key: (`channel_id`, `heading`, `timing`)."""

    channel_id: str
    heading: str
    timing: CostTiming
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Filing:
    """A filing of a channel; key: (`channel_id`, `filing_kind`)."""

    channel_id: str
    filing_kind: FilingKind
    number: str
    level: str | None = None
    """For `security_level`: 1 to 5 (等保)."""
    filed_on: date | None = None
    cancelled_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """Who sets a channel's rules, and what it lets channels do; key: `platform_id`."""

    platform_id: str
    name_zh: str
    name_en: str
    capabilities: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Attrition:
    """The share of customers lost when they move; key: (`kind_from`, `kind_host`, `segment`, `active`)."""

    kind_from: ChannelKind
    kind_host: ChannelKind
    segment: str
    """A segment of see.traffic, or `*` for every segment without a row of its own."""
    active: bool
    """Whether the customers are active on the host already."""
    rate: Decimal
    """0 to 1."""
    source: str
    grade: str
    """A, B or C as in docs: official, secondary, weak."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """The whole register; rows of each sheet are in the order of their keys."""

    channels: tuple[Channel, ...] = ()
    functions: tuple[Function, ...] = ()
    offerings: tuple[Offering, ...] = ()
    hosting: tuple[Hosting, ...] = ()
    costs: tuple[Cost, ...] = ()
    filings: tuple[Filing, ...] = ()
    platforms: tuple[Platform, ...] = ()
    attrition: tuple[Attrition, ...] = ()
    example: bool = field(default=False)
    """Whether the register is marked as an example; shown wherever its figures are."""
