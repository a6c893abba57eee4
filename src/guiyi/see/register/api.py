"""The face of the register."""

from guiyi.see.register.examples import example_bank, large_bank, write_examples
from guiyi.see.register.model import (
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
)
from guiyi.see.register.precedents import Precedent, all_precedents, precedents_for
from guiyi.see.register.reader import read_register
from guiyi.see.register.rows import ChangeKind, RowChange, register_digest
from guiyi.see.register.rules import (
    AXIS_LABELS,
    Axis,
    ChannelActivity,
    ChannelScore,
    ScorePolicy,
    score_channels,
    yearly_costs,
)
from guiyi.see.register.service import (
    diff_versions,
    import_register,
    latest_version,
    list_versions,
    load_register,
)
from guiyi.see.register.sheets import EXAMPLE_MARK, FILING_LABELS, KIND_LABELS, STATUS_LABELS
from guiyi.see.register.versions import VersionSummary
from guiyi.see.register.writer import write_register, write_template

__all__ = [
    "AXIS_LABELS",
    "EXAMPLE_MARK",
    "FILING_LABELS",
    "KIND_LABELS",
    "STATUS_LABELS",
    "Attrition",
    "Axis",
    "ChangeKind",
    "Channel",
    "ChannelActivity",
    "ChannelKind",
    "ChannelScore",
    "ChannelStatus",
    "Cost",
    "CostTiming",
    "Filing",
    "FilingKind",
    "Function",
    "Hosting",
    "Offering",
    "Platform",
    "Precedent",
    "Register",
    "RowChange",
    "ScorePolicy",
    "VersionSummary",
    "all_precedents",
    "diff_versions",
    "example_bank",
    "import_register",
    "large_bank",
    "latest_version",
    "list_versions",
    "load_register",
    "precedents_for",
    "read_register",
    "register_digest",
    "score_channels",
    "write_examples",
    "write_register",
    "write_template",
    "yearly_costs",
]
