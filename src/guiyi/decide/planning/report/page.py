"""The page: figures with their trails, pictures, tables."""

from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from guiyi.decide.planning.facts import ChannelFacts, Facts
from guiyi.decide.planning.report.charts import (
    bridge_chart,
    bridge_steps,
    matrix_chart,
    ordered,
    overlap_chart,
    trend_chart,
    trend_words,
)
from guiyi.decide.planning.report.flow import flow_chart
from guiyi.decide.planning.report.words import AXES, FATES, KINDS, PLATFORMS, SEGMENTS, STATUSES, Words
from guiyi.kit.text import LANGUAGES, Language
from guiyi.plumbing.design.api import mark_svg, tokens_css


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums that the page states beside the plan's own."""

    channels_today: int
    channels_tomorrow: int
    merged: int
    retired: int
    yearly_today: Decimal
    """Running cost of a year, channels and functions."""
    yearly_tomorrow: Decimal
    one_off: Decimal
    """Closing, porting and removal."""
    ported: int
    """Functions that get a host where they are not today."""
    entrances_today: int
    entrances_tomorrow: int


def totals_of(facts: Facts) -> Totals:
    """Add up the facts of the channels."""
    channels = facts.channels
    zero = Decimal(0)
    kept = [c for c in channels if c.fate == "keep"]
    return Totals(
        channels_today=len(channels),
        channels_tomorrow=len(kept),
        merged=sum(c.fate == "merge" for c in channels),
        retired=sum(c.fate == "retire" for c in channels),
        yearly_today=sum((c.running_cost + c.hosting_cost for c in channels), zero),
        yearly_tomorrow=sum((c.running_cost + c.hosting_cost_tomorrow for c in kept), zero),
        one_off=facts.costs["channels_closing"] + facts.costs["hosting_porting"] + facts.costs["hosting_removal"],
        ported=sum(cell.hosted and not cell.offered for cell in facts.matrix),
        entrances_today=sum(cell.offered for cell in facts.matrix),
        entrances_tomorrow=sum(cell.hosted for cell in facts.matrix),
    )


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("guiyi.decide.planning.report", "templates"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def report_css() -> str:
    """Return the report's own rules; they stand on the tokens."""
    return files("guiyi.decide.planning.report").joinpath("report.css").read_text(encoding="utf-8")


def render_report_body(facts: Facts, language: Language) -> str:
    """Return the report as an HTML fragment in one language; it needs `tokens_css()` and `report_css()`."""
    words = Words(language, facts.currency)
    names = {c.id: words.of(c.name) for c in facts.channels} | {f.id: words.of(f.name) for f in facts.functions}
    return (
        _environment()
        .get_template("body.html.j2")
        .render(
            facts=facts,
            w=words,
            names=names,
            totals=totals_of(facts),
            channels=ordered(facts),
            closing=[c for c in ordered(facts) if c.fate != "keep"],
            bridge=bridge_steps(facts),
            scores=_scores,
            trend_words=trend_words,
            labels={"kind": KINDS, "platform": PLATFORMS, "axis": AXES, "segment": SEGMENTS},
            fates=FATES,
            statuses=STATUSES,
            flow_chart=Markup(flow_chart(facts, words)),  # noqa: S704 - made by svg.py, which escapes every word
            bridge_chart=Markup(bridge_chart(facts, words)),  # noqa: S704 - the same
            matrix_chart=Markup(matrix_chart(facts, words)),  # noqa: S704 - the same
            overlap_chart=Markup(overlap_chart(facts, words)),  # noqa: S704 - the same
            trend_chart=Markup(trend_chart(facts, words)),  # noqa: S704 - the same
        )
    )


def render_report(facts: Facts, language: Language = "zh") -> str:
    """Return the report as one self-contained HTML page in both languages.

    It asks for nothing from outside and runs no script: the language is switched by CSS alone.

    Args:
        facts: What it shows.
        language: The one shown first.
    """
    bodies = {each: Markup(render_report_body(facts, each)) for each in LANGUAGES}  # noqa: S704 - autoescaped
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            facts=facts,
            first=language,
            bodies=bodies,
            css=Markup(tokens_css() + report_css()),  # noqa: S704 - our own files
            mark=Markup(mark_svg()),  # noqa: S704 - our own file
        )
    )


def _scores(channel: ChannelFacts) -> dict[str, int | None]:
    return {score.axis: score.score for score in channel.scores}
