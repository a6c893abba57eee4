"""Today against tomorrow: every entrance of today as a share of a ribbon to where it leads tomorrow."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Final, Literal

from guiyi.decide.planning.facts import ChannelFacts, Facts
from guiyi.decide.planning.report.svg import drawing, element, ribbon, text, titled
from guiyi.decide.planning.report.words import FATES, Words

WIDTH: Final = 1160.0
FATE_AT: Final = 216.0
LEFT: Final = 350.0
RIGHT: Final = 830.0
BAR: Final = 12.0
TOP: Final = 34.0
ENTRANCE_HEIGHT: Final = 2.6
"""Of one entrance; every width is a true share."""
ROW_MIN: Final = 17.0
"""So that two labels never collide."""
GAP: Final = 3.0
FIRST_WIDE: Final = "\u2e80"
"""From here on, characters are as wide as two."""
ENDED: Final = ""
"""Stands for "no host" at the right."""

BandKind = Literal["stays", "moves", "ends"]


@dataclass(slots=True)
class _Node:
    top: float
    middle: float
    height: float
    used: float = 0.0

    def take(self, thickness: float) -> float:
        at = self.top + self.used
        self.used += thickness
        return at


@dataclass(frozen=True, slots=True)
class _Band:
    source: str
    target: str
    entrances: int
    kind: BandKind


def _bands(facts: Facts) -> list[_Band]:
    bands: list[_Band] = []
    for channel in facts.channels:
        staying = len(set(channel.functions_today) & set(channel.functions_tomorrow))
        if staying:
            bands.append(_Band(channel.id, channel.id, staying, "stays"))
        bands.extend(
            _Band(channel.id, move.host or ENDED, len(move.functions), "moves" if move.host else "ends")
            for move in channel.moves
        )
    return bands


def _nodes(order: list[str], entrances: dict[str, int]) -> tuple[dict[str, _Node], float]:
    nodes: dict[str, _Node] = {}
    y = TOP
    for node in order:
        height = entrances[node] * ENTRANCE_HEIGHT
        row = max(height, ROW_MIN)
        nodes[node] = _Node(top=y + (row - height) / 2, middle=y + row / 2, height=height)
        y += row + GAP
    return nodes, y


def flow_chart(facts: Facts, words: Words) -> str:
    """Return the flow as SVG: closing channels stand next to their main host."""
    bands = _bands(facts)
    outgoing: dict[str, int] = defaultdict(int)
    incoming: dict[str, int] = defaultdict(int)
    for band in bands:
        outgoing[band.source] += band.entrances
        incoming[band.target] += band.entrances
    channels = {channel.id: channel for channel in facts.channels}
    hosts = sorted((t for t in incoming if t != ENDED), key=lambda host: -incoming[host])
    right_order = [*hosts, *([ENDED] if ENDED in incoming else [])]
    left_order = sorted((c for c in channels if outgoing[c]), key=lambda c: _left_key(channels[c], bands, right_order))
    left, left_bottom = _nodes(left_order, outgoing)
    right, right_bottom = _nodes(right_order, incoming)
    shapes = [_heads(facts, words), *_ribbons(bands, left, right, channels, words)]
    shapes.extend(_left_label(channels[c], left[c], outgoing[c], words) for c in left_order)
    shapes.extend(_right_label(t, right[t], bands, channels, words) for t in right_order)
    label = words("今天的入口与明天的去处", "Today's entrances and where they lead tomorrow")
    return drawing(WIDTH, max(left_bottom, right_bottom) + 4, label, shapes, name=f"flow-{words.language}")


def _left_key(channel: ChannelFacts, bands: list[_Band], order: list[str]) -> tuple[int, bool, int]:
    own = [band for band in bands if band.source == channel.id]
    main = max(own, key=lambda band: band.entrances)
    return order.index(main.target), channel.fate != "keep", -len(channel.functions_today)


def _heads(facts: Facts, words: Words) -> str:
    kept = sum(channel.fate == "keep" for channel in facts.channels)
    return (
        text(0, 16, words(f"今天 {len(facts.channels)} 个渠道", f"Today: {len(facts.channels)} channels"), class_="b")
        + text(FATE_AT, 16, words("去留", "fate"))
        + text(LEFT - 8, 16, words("入口", "entrances"), text_anchor="end")
        + text(RIGHT + BAR + 10, 16, words(f"明天 {kept} 个渠道", f"Tomorrow: {kept} channels"), class_="b")
        + text(WIDTH, 16, words("自有 + 承接", "own + taken over"), text_anchor="end")
    )


def _ribbons(
    bands: list[_Band],
    left: dict[str, _Node],
    right: dict[str, _Node],
    channels: dict[str, ChannelFacts],
    words: Words,
) -> list[str]:
    starts: dict[_Band, float] = {}
    for band in sorted(bands, key=lambda band: right[band.target].middle):
        starts[band] = left[band.source].take(band.entrances * ENTRANCE_HEIGHT)
    shapes: dict[_Band, str] = {}
    for band in sorted(bands, key=lambda band: left[band.source].middle):
        thickness = band.entrances * ENTRANCE_HEIGHT
        end = right[band.target].take(thickness)
        fill = {"fill": f"url(#hatch-flow-{words.language})"} if band.kind == "ends" else {}
        path = ribbon(LEFT + BAR, starts[band], RIGHT, end, thickness, class_=f"band {band.kind}", **fill)
        shapes[band] = titled(_band_title(band, channels, words), path)
    drawn_first = {"stays": 0, "ends": 1, "moves": 2}
    return [shapes[band] for band in sorted(bands, key=lambda band: drawn_first[band.kind])]


def _band_title(band: _Band, channels: dict[str, ChannelFacts], words: Words) -> str:
    source = words.of(channels[band.source].name)
    target = words("停止", "end") if band.target == ENDED else words.of(channels[band.target].name)
    return words(f"{source} → {target}:{band.entrances} 个入口", f"{source} → {target}: {band.entrances} entrances")


def _left_label(channel: ChannelFacts, node: _Node, entrances: int, words: Words) -> str:
    closing = channel.fate != "keep"
    fate = words.of(FATES[channel.fate])
    if closing:
        fate = words(f"{fate} · 批次 {channel.wave}", f"{fate} · wave {channel.wave}")
    elif channel.moves:
        moved = sum(len(move.functions) for move in channel.moves)
        fate = words(f"{fate} · 移出 {moved}", f"{fate} · {moved} leave")
    style = "ss" if closing else "nm"
    y = node.middle + 4
    return titled(
        words.of(channel.name),
        element("rect", x=LEFT, y=node.top, width=BAR, height=max(node.height, 1.5), class_=f"mark-{channel.platform}"),
        text(0, y, shortened(words.of(channel.name), 28), class_=style),
        text(FATE_AT, y, fate, class_="ss" if closing else ""),
        text(LEFT - 8, y, str(entrances), text_anchor="end"),
    )


def _right_label(target: str, node: _Node, bands: list[_Band], channels: dict[str, ChannelFacts], words: Words) -> str:
    y = node.middle + 4
    here = [band for band in bands if band.target == target]
    if target == ENDED:
        ended = sum(band.entrances for band in here)
        return (
            element("rect", x=RIGHT, y=node.top, width=BAR, height=max(node.height, 6), class_="mark-ended")
            + text(RIGHT + BAR + 10, y, words("停止，不承接", "end here, nothing moves"))
            + text(WIDTH, y, str(ended), text_anchor="end")
        )
    channel = channels[target]
    own = sum(band.entrances for band in here if band.kind == "stays")
    taken = sum(band.entrances for band in here if band.kind == "moves")
    figures = f"{own} + {taken}" if taken else str(own)
    return (
        element("rect", x=RIGHT, y=node.top, width=BAR, height=max(node.height, 1.5), class_=f"mark-{channel.platform}")
        + text(RIGHT + BAR + 10, y, shortened(words.of(channel.name), 36), class_="b" if taken else "nm")
        + text(WIDTH, y, figures, text_anchor="end", class_="b" if taken else "")
    )


def columns_of(name: str) -> int:
    """Return how many half-width columns `name` takes; a hanzi takes two."""
    return sum(2 if character >= FIRST_WIDE else 1 for character in name)


def shortened(name: str, width: int) -> str:
    """Cut `name` to so many half-width columns."""
    used = 0
    for index, character in enumerate(name):
        used += columns_of(character)
        if used > width:
            return name[:index].rstrip() + "…"
    return name
