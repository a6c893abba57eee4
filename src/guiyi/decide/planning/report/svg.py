"""SVG as text: elements with escaped attributes."""

from collections.abc import Iterable
from html import escape

Attribute = str | int | float


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def element(tag: str, content: str = "", /, **attributes: Attribute) -> str:
    """Return one element; `class_` and `text_anchor` become `class` and `text-anchor`; content is markup already."""
    rendered = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(_number(value) if isinstance(value, float) else str(value))}"'
        for name, value in attributes.items()
    )
    return f"<{tag}{rendered}>{content}</{tag}>" if content else f"<{tag}{rendered}/>"


def text(x: float, y: float, words: str, **attributes: Attribute) -> str:
    """Return a text element at (x, y), its words escaped."""
    return element("text", escape(words), x=x, y=y, **attributes)


def titled(title: str, *shapes: str) -> str:
    """Group shapes under a title, which browsers show on hover and screen readers read."""
    return element("g", element("title", escape(title)) + "".join(shapes))


def drawing(width: float, height: float, label: str, shapes: Iterable[str], *, name: str) -> str:
    """Return a whole drawing that scales with the page; `name` makes the ids of its patterns unique in the page."""
    hatch = element(
        "pattern",
        element("line", x1=0, y1=0, x2=0, y2=5, class_="hatch"),
        id=f"hatch-{name}",
        width=5,
        height=5,
        patternUnits="userSpaceOnUse",
        patternTransform="rotate(45)",
    )
    return element(
        "svg",
        element("title", escape(label)) + element("defs", hatch) + "".join(shapes),
        viewBox=f"0 0 {_number(width)} {_number(height)}",
        class_="drawing",
        role="img",
        aria_label=label,
    )


def ribbon(x0: float, y0: float, x1: float, y1: float, thickness: float, **attributes: Attribute) -> str:
    """Return a band of constant vertical thickness from (x0, y0) to (x1, y1), its upper edge given."""
    mid = (x0 + x1) / 2
    n = _number
    path = (
        f"M{n(x0)} {n(y0)}C{n(mid)} {n(y0)} {n(mid)} {n(y1)} {n(x1)} {n(y1)}V{n(y1 + thickness)}"
        f"C{n(mid)} {n(y1 + thickness)} {n(mid)} {n(y0 + thickness)} {n(x0)} {n(y0 + thickness)}Z"
    )
    return element("path", d=path, **attributes)
