"""The plan's document: `guiyi.plan/1`."""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema


class PlanStatus(StrEnum):
    """How far a plan is proven."""

    PROVEN_OPTIMAL = "proven_optimal"
    """Bound and verified objective differ by at most `PROVEN_GAP` relatively."""
    GAP = "gap"
    """Stopped before the proof; the gap is stated."""
    INFEASIBLE = "infeasible"
    """No plan meets the policies; there is no objective."""


class ChannelFate(StrEnum):
    """What becomes of a channel; glossary: fate 去留."""

    KEEP = "keep"
    MERGE = "merge"
    RETIRE = "retire"


PROVEN_GAP = Decimal("1e-9")

MONEY_PLACES = Decimal("0.000001")
"""A plan states money to a millionth of the currency's unit, rounded half to even."""


def _plain(value: Decimal) -> str:
    text = f"{value.quantize(MONEY_PLACES):f}".rstrip("0").rstrip(".")
    return "0" if text in {"", "-0"} else text


Money = Annotated[
    Decimal,
    PlainSerializer(_plain, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]{1,6})?$"}),
]
"""A decimal string in units of the currency, to a millionth."""


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class PlanChannel(_Row):
    """A channel's fate and, when it closes, its wave."""

    id: str
    fate: ChannelFate
    wave: Annotated[int, Field(ge=1)] | None = None


class PlanHosting(_Row):
    """A function that a channel hosts under the plan."""

    channel: str
    function: str


class PlanCell(_Row):
    """Who serves a cell; None when its function ends for it."""

    id: str
    host: str | None


class PlanCosts(_Row):
    """Where the objective comes from; totals over the horizon in today's money."""

    channels_running: Money
    channels_closing: Money
    hosting_running: Money
    hosting_porting: Money
    hosting_removal: Money
    moves: Money
    total: Money
    """The objective."""
    today: Money
    """What going on as today would cost: every channel and every offered function stays."""
    savings: Money
    """`today` less `total`."""


class PlanMeasures(_Row):
    """The three measures of the glossary; None where the problem does not carry what they are counted from."""

    uses_at_risk: Money | None = None
    """Expected (customer, function) pairs lost; None when a move has a cost but no attrition rule."""
    reach_lost: int | None = None
    """People none of whose channels stays; from the problem's audiences."""
    customers_moved: int | None = None
    """Distinct people who must use a function where they are not active today; from the traffic."""


class PlanInfeasibility(_Row):
    """Why there is no plan."""

    cells: tuple[str, ...]
    """Cells without a host: they have none at all, or the policies leave too few channels to serve every cell."""
    channels: tuple[str, ...] = ()
    """Channels that must both stay and close."""
    policies: tuple[str, ...] = ()
    """Ids of `at_most` policies that fewer channels than must stay already break."""


class Plan(_Row):
    """The document."""

    schema_: Annotated[Literal["guiyi.plan/1"], Field(alias="schema")] = "guiyi.plan/1"
    problem_sha256: str
    """SHA-256 of the bytes of the problem document, in hexadecimal."""
    status: PlanStatus
    objective: Money | None
    bound: Money | None
    """No plan of this problem costs less."""
    gap: float | None
    """(objective − bound) ÷ |objective|."""
    channels: tuple[PlanChannel, ...]
    hosting: tuple[PlanHosting, ...]
    cells: tuple[PlanCell, ...]
    costs: PlanCosts | None
    measures: PlanMeasures
    infeasibility: PlanInfeasibility | None = None

    def to_json(self) -> bytes:
        """Return the document as UTF-8 JSON; the same plan gives the same bytes."""
        excluded = {"infeasibility"} if self.infeasibility is None else None
        return (self.model_dump_json(by_alias=True, indent=1, exclude=excluded) + "\n").encode()
