"""The face of traffic: event logs in, exact counts of people out.

>>> with read_traffic(EventSource(events), Scope(channels, functions, "Asia/Shanghai")) as traffic:
...     traffic.report().customers
"""

from guiyi.see.traffic.answers import Traffic
from guiyi.see.traffic.model import (
    Audience,
    Cell,
    CellKey,
    ChannelTraffic,
    Conflict,
    CurveMethod,
    CurvePoint,
    EventSource,
    IdentityRefusalReason,
    LogFormat,
    MonthRetention,
    Overlap,
    Refusal,
    RefusalReason,
    Refusals,
    Scope,
    Segment,
    SynthChannel,
    SynthFiles,
    SynthSpec,
    TrafficReport,
    Trend,
)
from guiyi.see.traffic.rules import month_bounds
from guiyi.see.traffic.service import read_traffic, synthesise

__all__ = [
    "Audience",
    "Cell",
    "CellKey",
    "ChannelTraffic",
    "Conflict",
    "CurveMethod",
    "CurvePoint",
    "EventSource",
    "IdentityRefusalReason",
    "LogFormat",
    "MonthRetention",
    "Overlap",
    "Refusal",
    "RefusalReason",
    "Refusals",
    "Scope",
    "Segment",
    "SynthChannel",
    "SynthFiles",
    "SynthSpec",
    "Traffic",
    "TrafficReport",
    "Trend",
    "month_bounds",
    "read_traffic",
    "synthesise",
]
