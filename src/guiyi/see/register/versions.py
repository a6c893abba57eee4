"""What a version of the register is."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionSummary:
    """One import that changed the register."""

    version: int
    """1, 2, 3, … without gaps."""
    at: datetime
    actor: str
    source: str
    """What was imported, as the importer names it: a file's name."""
    digest: str
    """SHA-256 of the whole content, in hex."""
    example: bool
    rows: Mapping[str, int]
    """Sheet -> rows."""
    added: int
    """Rows that the version before did not have."""
    removed: int
    changed: int
    is_new: bool = True
    """False as the answer to an import whose content was there already, so that no version was made."""
