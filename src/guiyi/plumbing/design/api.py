"""The face of the design: its tokens and its mark as text."""

from functools import cache
from importlib.resources import files

__all__ = ["mark_svg", "tokens_css"]


@cache
def tokens_css() -> str:
    """Return the tokens as CSS: colours of both themes, sizes, strokes."""
    return files("guiyi.plumbing.design").joinpath("tokens.css").read_text(encoding="utf-8")


@cache
def mark_svg() -> str:
    """Return the mark 归一 as an SVG element; it takes the current colour."""
    return files("guiyi.plumbing.design").joinpath("mark.svg").read_text(encoding="utf-8")
