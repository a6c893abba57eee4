"""The other pictures: cost bridge, function × channel matrix, overlap, trend. Bars start at zero."""

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from guiyi.decide.planning.facts import ChannelFacts, Facts, MatrixCell
from guiyi.decide.planning.report.flow import columns_of, shortened
from guiyi.decide.planning.report.svg import drawing, element, text, titled
from guiyi.decide.planning.report.words import DOMAINS, Words

WIDTH: Final = 1160.0
SHADES: Final = (0.0, 0.02, 0.1, 0.3)
"""Lower edges of the four shades of the matrix, as shares of the busiest offering."""
NAME_WIDTH: Final = 32
"""Half-width columns of a channel's name beside the overlap."""
HEAD_WIDTH: Final = 26
"""Half-width columns of a channel's name above the matrix."""
HALF_WIDTH: Final = 6.7
"""Of one half-width column in bold, at the pictures' size of 12."""
OVERLAP_SHADES: Final = (0.0, 0.1, 0.25, 0.5, 0.75)
"""Lower edges of the five shades of the overlap, as shares of the smaller channel's reach."""


def bridge_steps(facts: Facts) -> tuple[tuple[str, Decimal], ...]:
    """Return what leads from today's cost to the plan's, over the horizon: name and amount; they add up exactly."""
    costs = facts.costs
    channels_today = sum((c.running_cost for c in facts.channels), Decimal(0)) * facts.annuity
    hosting_today = costs["today"] - channels_today
    one_off = costs["channels_closing"] + costs["hosting_porting"] + costs["hosting_removal"]
    return (
        ("today", costs["today"]),
        ("channels", costs["channels_running"] - channels_today),
        ("hosting", costs["hosting_running"] - hosting_today),
        ("one_off", one_off),
        ("moves", costs["moves"]),
        ("total", costs["total"]),
    )


def bridge_chart(facts: Facts, words: Words) -> str:
    """Return the cost bridge over the horizon as SVG."""
    names = {
        "today": words("照旧", "as today"),
        "channels": words("关闭渠道", "channels closed"),
        "hosting": words("功能入口", "hosting"),
        "one_off": words("一次性", "one-off"),
        "moves": words("客户流失", "customers lost"),
        "total": words("方案", "the plan"),
    }
    width, height, top, bottom = 560.0, 300.0, 34.0, 262.0
    steps = bridge_steps(facts)
    scale = (bottom - top) / float(max(steps[0][1], steps[-1][1], Decimal(1)) * Decimal("1.02"))
    pitch = (width - 20) / len(steps)
    shapes = [element("line", x1=0, y1=bottom, x2=width, y2=bottom, class_="axis")]
    level = 0.0
    for index, (name, amount) in enumerate(steps):
        whole = name in {"today", "total"}
        start = 0.0 if whole else level
        end = float(amount) if whole else level + float(amount)
        x, bar = 10 + index * pitch, pitch - 18
        high, low = bottom - max(start, end) * scale, bottom - min(start, end) * scale
        kind = "whole" if whole else "less" if amount < 0 else "more"
        fill = {"fill": f"url(#hatch-bridge-{words.language})"} if kind == "more" else {}
        rectangle = element("rect", x=x, y=high, width=bar, height=max(low - high, 1.0), class_=f"bar-{kind}", **fill)
        sign = "+" if kind == "more" else ""
        shapes.append(titled(f"{names[name]}: {words.exact(amount)}", rectangle))
        figure = sign + words.money_figure(amount)
        shapes.append(text(x + bar / 2, high - 6, figure, text_anchor="middle", class_="b"))
        shapes.append(text(x + bar / 2, bottom + 18, names[name], text_anchor="middle"))
        if not whole or name == "today":
            y = bottom - end * scale
            shapes.append(element("line", x1=x + bar, y1=y, x2=x + pitch, y2=y, class_="link"))
        level = end
    years, unit = facts.horizon_years, words.money_unit
    label = words(f"{years} 年成本，{unit}", f"Cost over {years} years, {unit}")
    return drawing(width, height, label, shapes, name=f"bridge-{words.language}")


def ordered(facts: Facts) -> list[ChannelFacts]:
    """Return the channels, those that stay first, each group with the most functions first."""
    return sorted(facts.channels, key=lambda c: (c.fate != "keep", -len(c.functions_today), c.id))


def matrix_chart(facts: Facts, words: Words) -> str:
    """Return function × channel today and tomorrow, side by side, as SVG."""
    channels = ordered(facts)
    kept = [channel for channel in channels if channel.fate == "keep"]
    present = {cell.function for cell in facts.matrix}
    domains = list(DOMAINS)
    functions = sorted(
        (function for function in facts.functions if function.id in present),
        key=lambda f: (domains.index(f.domain) if f.domain in DOMAINS else len(domains), f.domain),
    )
    label_width, head, row = (160.0 if words.language == "zh" else 250.0), _head_height(channels, words), 15.0
    column = min(26.0, (WIDTH - label_width - 40) / max(len(channels) + len(kept), 1))
    today_x, tomorrow_x = label_width, label_width + len(channels) * column + 40
    busiest = max((cell.customers for cell in facts.matrix), default=0) or 1
    cells = {(cell.function, cell.channel): cell for cell in facts.matrix}
    shapes = [
        text(today_x, 12, words("今天", "Today"), class_="b"),
        text(tomorrow_x, 12, words("明天", "Tomorrow"), class_="b"),
        *_column_heads(channels, today_x, column, head, words),
        *_column_heads(kept, tomorrow_x, column, head, words),
    ]
    y, domain = head, ""
    right = tomorrow_x + len(kept) * column
    for function in functions:
        if function.domain != domain:
            domain = function.domain
            y += 6
            shapes.append(element("line", x1=0, y1=y - 2, x2=right, y2=y - 2, class_="grid"))
            shapes.append(text(0, y + 11, words.label(DOMAINS, domain), class_="b"))
        name = words.of(function.name)
        shapes.append(
            text(
                label_width - 8,
                y + 11,
                shortened(name, 16 if words.language == "zh" else 26),
                text_anchor="end",
                class_="nm",
            )
        )
        for index, channel in enumerate(channels):
            cell = cells.get((function.id, channel.id))
            if cell is not None and cell.offered:
                title = f"{name} · {words.of(channel.name)}: {words.count(cell.customers)}"
                shapes.append(titled(title, _today_mark(cell, today_x + index * column, y, column, busiest)))
        for index, channel in enumerate(kept):
            cell = cells.get((function.id, channel.id))
            if cell is not None:
                title = f"{name} · {words.of(channel.name)}"
                x = tomorrow_x + index * column
                shapes.append(titled(title, _tomorrow_mark(cell, x, y, column, words.language)))
        y += row
    label = words("功能 × 渠道：今天与明天", "Function × channel: today and tomorrow")
    return drawing(WIDTH, y + 6, label, shapes, name=f"matrix-{words.language}")


def _head_height(channels: Sequence[ChannelFacts], words: Words) -> float:
    """Return room for the longest name, turned upright, under the words "today" and "tomorrow"."""
    longest = max((columns_of(shortened(words.of(c.name), HEAD_WIDTH)) for c in channels), default=0)
    return 36 + longest * HALF_WIDTH


def _column_heads(channels: Sequence[ChannelFacts], x: float, column: float, head: float, words: Words) -> list[str]:
    shapes: list[str] = []
    for index, channel in enumerate(channels):
        at = x + index * column + column / 2 + 4
        style = "nm" if channel.fate == "keep" else "ss"
        name = shortened(words.of(channel.name), HEAD_WIDTH)
        shapes.append(text(at, head - 8, name, class_=style, transform=f"rotate(-90 {at:.1f} {head - 8:.1f})"))
    return shapes


def _today_mark(cell: MatrixCell, x: float, y: float, column: float, busiest: int) -> str:
    share = cell.customers / busiest
    shade = sum(share >= edge for edge in SHADES) - 1 if cell.customers else 0
    return element("rect", x=x + 1, y=y + 2, width=column - 2, height=11, class_=f"shade-{shade}")


def _tomorrow_mark(cell: MatrixCell, x: float, y: float, column: float, language: str) -> str:
    kind = "kept" if cell.offered and cell.hosted else "ported" if cell.hosted else "removed"
    fill = {"fill": f"url(#hatch-matrix-{language})"} if kind == "removed" else {}
    return element("rect", x=x + 1.5, y=y + 2.5, width=column - 3, height=10, class_=f"cell-{kind}", **fill)


def overlap_chart(facts: Facts, words: Words) -> str:
    """Return the customers that each two channels share, shaded by their share of the smaller channel, as SVG."""
    channels = sorted(facts.channels, key=lambda c: -c.reach)
    shared: dict[tuple[str, str], int] = defaultdict(int)
    for row in facts.overlap:
        shared[row.a, row.b] = shared[row.b, row.a] = row.customers
    label_width = 290.0
    size = min(24.0, (WIDTH - label_width - 220) / max(len(channels), 1))
    shapes: list[str] = []
    for row, channel in enumerate(channels):
        y = 6 + row * size
        style = "nm" if channel.fate == "keep" else "ss"
        shapes.append(
            text(
                label_width - 64,
                y + size / 2 + 4,
                shortened(words.of(channel.name), NAME_WIDTH),
                text_anchor="end",
                class_=style,
            )
        )
        shapes.append(text(label_width - 8, y + size / 2 + 4, words.count(channel.reach), text_anchor="end"))
        for column, other in enumerate(channels[:row]):
            both = shared[channel.id, other.id]
            smaller = min(channel.reach, other.reach)
            if both:
                shade = sum(both / smaller >= edge for edge in OVERLAP_SHADES) - 1
                title = (
                    f"{words.of(channel.name)} ∩ {words.of(other.name)}: {words.count(both)} "
                    f"({words.percent(both / smaller)})"
                )
                square = element(
                    "rect",
                    x=label_width + column * size + 1,
                    y=y + 1,
                    width=size - 2,
                    height=size - 2,
                    class_=f"over-{shade}",
                )
                shapes.append(titled(title, square))
        end = label_width + row * size + 6
        shapes.append(text(end, y + size / 2 + 4, shortened(words.of(channel.name), NAME_WIDTH), class_=style))
    label = words("渠道之间的重合客户", "Customers that channels share")
    height = 12 + len(channels) * size
    return drawing(WIDTH, height, label, shapes, name=f"overlap-{words.language}")


def trend_chart(facts: Facts, words: Words) -> str:
    """Return each channel's monthly customers, from zero, with the month after which growth ended, as SVG."""
    channels = sorted(facts.channels, key=lambda c: -c.reach)
    columns, cell_width, cell_height = 6, WIDTH / 6, 118.0
    shapes: list[str] = []
    for index, channel in enumerate(channels):
        x, y = (index % columns) * cell_width, (index // columns) * cell_height
        shapes.append(_small_trend(channel, facts.months, x, y, cell_width - 22, words))
    rows = -(-len(channels) // columns)
    label = words("各渠道月活客户", "Monthly customers by channel")
    return drawing(WIDTH, rows * cell_height, label, shapes, name=f"trend-{words.language}")


def _small_trend(channel: ChannelFacts, months: Sequence[str], x: float, y: float, width: float, words: Words) -> str:
    top, bottom = y + 38, y + 86
    highest = max(channel.mau, default=0) or 1
    step = width / max(len(channel.mau) - 1, 1)
    points = [(x + i * step, bottom - (bottom - top) * value / highest) for i, value in enumerate(channel.mau)]
    line = " ".join(f"{px:.1f},{py:.1f}" for px, py in points)
    style = "nm" if channel.fate == "keep" else "ss"
    shapes = [
        text(x, y + 14, shortened(words.of(channel.name), 22), class_=f"{style} b"),
        text(x, y + 30, words.count(channel.mau[-1] if channel.mau else 0), class_="nm"),
        element("line", x1=x, y1=bottom, x2=x + width, y2=bottom, class_="axis"),
        element("polyline", points=line, class_="line"),
    ]
    peak = channel.trend.peaked_after if channel.trend else None
    if peak in months:
        at = x + months.index(peak) * step
        shapes.append(element("line", x1=at, y1=top - 4, x2=at, y2=bottom, class_="stop"))
    shapes.append(text(x, bottom + 16, trend_words(channel, words)))
    return titled(words.of(channel.name), *shapes)


def trend_words(channel: ChannelFacts, words: Words) -> str:
    """Return what the fit says of a channel, or that it says nothing."""
    if channel.trend is None:
        return words("不足 12 个月，不作判断", "under 12 months: no statement")
    if channel.trend.peaked_after:
        return words(f"{channel.trend.peaked_after} 后不再增长", f"no growth after {channel.trend.peaked_after}")
    rate = words.percent(float(channel.trend.growth_rate))
    return words(f"每月增长 {rate}", f"grows {rate} a month")
