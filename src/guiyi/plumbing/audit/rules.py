"""How a row's digest is made."""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from guiyi.kit.errors import Detail

GENESIS: Final = bytes(32)
"""What stands in for the digest before the first row."""


def canonical_json(value: Mapping[str, Detail]) -> str:
    """Return `value` as JSON with sorted keys, no spaces and no escapes but the necessary ones.

    Raises:
        ValueError: It holds NaN or an infinity.
    """
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest_of(
    *,
    previous: bytes,
    position: int,
    occurred_at: datetime,
    actor: str,
    action: str,
    subject: str,
    details: Mapping[str, Detail],
) -> bytes:
    """Return SHA-256 over `previous` and the row as canonical JSON in UTF-8; the moment in UTC to the microsecond."""
    row: dict[str, Detail] = {
        "position": position,
        "occurred_at": occurred_at.astimezone(UTC).isoformat(timespec="microseconds"),
        "actor": actor,
        "action": action,
        "subject": subject,
        "details": dict(details),
    }
    return hashlib.sha256(previous + canonical_json(row).encode()).digest()
