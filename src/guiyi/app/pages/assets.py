"""Static files under names that hold their digest: they never change, so browsers keep them for a year."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from guiyi.decide.planning.report import report_css
from guiyi.plumbing.design.api import mark_svg, tokens_css

PREFIX: Final = "/assets"
IMMUTABLE: Final = "public, max-age=31536000, immutable"
_DIGEST_CHARACTERS: Final = 16


@dataclass(frozen=True, slots=True)
class Asset:
    """One file as it is served."""

    content: bytes
    media_type: str
    etag: str


@cache
def _sources() -> Mapping[str, tuple[str, str]]:
    console = files("guiyi.app.pages").joinpath("assets", "console.css").read_text(encoding="utf-8")
    return {
        "tokens.css": (tokens_css(), "text/css; charset=utf-8"),
        "report.css": (report_css(), "text/css; charset=utf-8"),
        "console.css": (console, "text/css; charset=utf-8"),
        "mark.svg": (mark_svg(), "image/svg+xml"),
    }


@cache
def _addresses() -> Mapping[str, str]:
    """Plain name -> address with digest."""
    addresses: dict[str, str] = {}
    for name, (content, _media_type) in _sources().items():
        stem, _, suffix = name.rpartition(".")
        addresses[name] = f"{PREFIX}/{stem}.{_digest(content)}.{suffix}"
    return addresses


def asset_url(name: str) -> str:
    """Return the address of the asset `name`."""
    return _addresses()[name]


@cache
def assets() -> Mapping[str, Asset]:
    """Return every asset by the last part of its address."""
    return {
        _addresses()[name].rpartition("/")[2]: Asset(content.encode(), media_type, f'"{_digest(content)}"')
        for name, (content, media_type) in _sources().items()
    }


def _digest(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()[:_DIGEST_CHARACTERS]
