"""What a page says of its own form, so that only a page of the same session can have said it."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Sequence

from webui import session


def sealed(words: Sequence[str]) -> str:
    """These words, to be carried by a hidden field."""
    packed = base64.urlsafe_b64encode(json.dumps(words, separators=(",", ":")).encode()).decode()
    return f"{packed}.{_seal(packed)}"


def opened(written: str) -> tuple[str, ...] | None:
    """The words a page of this session sealed; None when none did."""
    packed, _, seal = written.rpartition(".")
    if not packed or not hmac.compare_digest(seal.encode(), _seal(packed).encode()):
        return None
    try:
        return tuple(json.loads(base64.urlsafe_b64decode(packed)))
    except (ValueError, binascii.Error):
        return None


def _seal(packed: str) -> str:
    return hmac.new(session.csrf_token().encode(), f"startklar seal\n{packed}".encode(), hashlib.sha256).hexdigest()
