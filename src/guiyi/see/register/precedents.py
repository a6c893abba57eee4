"""What other banks did: 31 real closures, each with its source (`data/precedents.csv`)."""

import csv
from dataclasses import dataclass
from functools import cache
from importlib import resources

from guiyi.see.register.model import ChannelKind

ACCOUNT_KINDS = frozenset((ChannelKind.SERVICE_ACCOUNT, ChannelKind.SUBSCRIPTION_ACCOUNT))
ANY_ACCOUNT = "official_account"
"""The kind of a precedent whose source does not say which kind of account it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Precedent:
    """One real closure; texts as the source gives them, None where it says nothing."""

    id: int
    bank: str
    channel: str
    kind: str
    """Kinds of channel joined by `+`; each a `ChannelKind` or `official_account`, after a dot more precisely what it
    was: `app.credit_card`, `app.lifestyle`, `app.loan`, `direct_bank.entity` (a bank of its own),
    `official_account.function` (one function was taken off, the account stayed)."""
    functions: str | None
    outcome: str
    """closed, phased_close, merged, migrated, function_moved, function_closed, filing_cancelled, delisted, disappeared,
    kept_linked."""
    destination: str | None
    notice_date: str | None
    """A date as YYYY-MM-DD where the source gives a full one, else its words."""
    effective_date: str | None
    date_note: str | None
    notice_days: int | None
    """From notice to end, where both are full dates."""
    reason: str | None
    grade: str
    """A, B or C: official or a named press report of a notice, secondary, weak."""
    source: str

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds without what stands after a dot."""
        return frozenset(part.partition(".")[0] for part in self.kind.split("+"))


@cache
def all_precedents() -> tuple[Precedent, ...]:
    """Return all precedents, in the order of their ids."""
    file = resources.files("guiyi.see.register").joinpath("data", "precedents.csv")
    lines = file.read_text(encoding="utf-8").splitlines()
    return tuple(_precedent(row) for row in csv.DictReader(lines))


def _precedent(row: dict[str, str]) -> Precedent:
    return Precedent(
        id=int(row["id"]),
        bank=row["bank"],
        channel=row["channel"],
        kind=row["kind"],
        functions=row["functions"] or None,
        outcome=row["outcome"],
        destination=row["destination"] or None,
        notice_date=row["notice_date"] or None,
        effective_date=row["effective_date"] or None,
        date_note=row["date_note"] or None,
        notice_days=int(row["notice_days"]) if row["notice_days"] else None,
        reason=row["reason"] or None,
        grade=row["grade"],
        source=row["source"],
    )


def precedents_for(kind: ChannelKind) -> tuple[Precedent, ...]:
    """Return the precedents of channels of `kind`, the best documented ones first.

    For an account these are also the precedents of accounts whose kind is not known. Best documented: by grade, then
    those that name a destination, then those whose notice time is known, then by id.
    """
    wanted = {str(kind), ANY_ACCOUNT} if kind in ACCOUNT_KINDS else {str(kind)}
    found = [precedent for precedent in all_precedents() if precedent.kinds & wanted]
    return tuple(sorted(found, key=_documented))


def _documented(precedent: Precedent) -> tuple[str, bool, bool, int]:
    return precedent.grade, precedent.destination is None, precedent.notice_days is None, precedent.id
