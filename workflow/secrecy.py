"""What nobody may keep here: private keys, passwords, tokens. Recognised in what people type and upload.

Better a password that slips through than ten sentences that are refused: a word after "Passwort:" counts only when it
stands where a password stands. What is recognised is refused and never kept, not even in a log.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any, Literal

from workflow.errors import InvalidEvidence

Secret = Literal["private_key", "password", "token", "credentials"]

_PEM = re.compile(r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----|PuTTY-User-Key-File-\d", re.IGNORECASE)
_JWK = re.compile(r'"kty"\s*:\s*"(?:RSA|EC|OKP|oct)"', re.IGNORECASE)
_JWK_SECRET = re.compile(r'"(?:d|k)"\s*:\s*"[A-Za-z0-9_-]{16,}={0,2}"')
_BASE64 = re.compile(r"(?<![A-Za-z0-9+/])M[A-Za-z0-9+/]{63,}(?:\s+[A-Za-z0-9+/]{16,})*={0,2}")
"""A DER structure begins with the byte 0x30, which base64 writes as M."""

_URL = re.compile(r"\b[a-z][a-z0-9+.-]{1,15}://[^\s/@:]{1,100}:[^\s/@]{1,200}@[^\s/]", re.IGNORECASE)
_TOKENS = re.compile(
    r"\bgh[pousr]_[A-Za-z0-9]{36}"
    r"|\bgithub_pat_[A-Za-z0-9_]{40}"
    r"|\bglpat-[A-Za-z0-9_-]{20}"
    r"|\bxox[abprs]-[A-Za-z0-9-]{20}"
    r"|\bAKIA[0-9A-Z]{16}\b"
    r"|\bAIza[A-Za-z0-9_-]{35}"
    r"|\b[sr]k_live_[A-Za-z0-9]{20}"
    r"|\bsk-[A-Za-z0-9_-]{32}"
    r"|\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10}"
    r"|\bBearer [A-Za-z0-9._~+/-]{24}"
)
_NAMED_TOKEN = re.compile(
    r"\b(?:client[ _-]?secret|client[ _-]?geheimnis|api[ _-]?key|api[ _-]?schlüssel|access[ _-]?token|secret[ _-]?key)"
    r"\s*[\"']?\s*(?:[:=]|lautet|ist|is)\s*[\"']?(?P<value>\S{8,})",
    re.IGNORECASE,
)
_PASSWORD = re.compile(
    r"\b(?:[\w-]{0,30}(?:passwor[dt]|kennwort|passphrase|passwd)|passwd|pwd|pw|pin)\b"
    r"[\"']?\s*(?P<how>[:=]|(?:lautet|ist|is)\b\s*:?)[ \t]*[\"'„“»]?(?P<value>[^\s\"'“”„«»]{4,})(?P<rest>[^\n]*)",
    re.IGNORECASE,
)
_EMPTY_WORDS = frozenset(
    " ".join(
        (
            "abgelaufen ablauf anbei anders angaben beantragt bei beim bekannt bitte bleibt changed das dem den",
            "der derzeit die dort ein eine einmal erfolgt erforderlich expired falsch folgt forgotten fällig",
            "geheim gesondert gesperrt getrennt geändert gibt gültig hier hinterlegt intern keepass keine keiner",
            "keines kept known lang liegt mindestens muss müssen nein neu nicht niemals noch none nötig per",
            "persönlich post required richtig safe schriftlich sent separat separately sicher siehe sind",
            "telefonisch tresor tresorsystem unbekannt ungültig unknown unverändert vault vergessen verschickt",
            "vertraulich vom von vorhanden will wird with wurde wurden xxxx zum zur zurückgesetzt zwölf",
        )
    ).split()
)
"""Words that follow "Passwort:" when no password follows."""
_MASKED = re.compile(r"[*x•.·_-]+\Z", re.IGNORECASE)

MOST = 2_000_000
"""Characters that are looked at; no key hides behind so much text by mistake."""


def found(text: str) -> Secret | None:
    """What must not be kept in a text, or None."""
    text = text[:MOST]
    if _PEM.search(text) or (_JWK.search(text) and _JWK_SECRET.search(text)) or _holds_key(text):
        return "private_key"
    if _URL.search(text):
        return "credentials"
    if _TOKENS.search(text) or any(_is_secret(match["value"]) for match in _NAMED_TOKEN.finditer(text)):
        return "token"
    return "password" if any(_tells(match) for match in _PASSWORD.finditer(text)) else None


def insist_none(given: Mapping[str, object]) -> None:
    """Raises InvalidEvidence where one of these texts, by name, must not be kept."""
    secrets = {name: found(text) for name, text in given.items() if isinstance(text, str)}
    faults: dict[str, tuple[str, dict[str, Any]]] = {
        name: (f"evidence.secret_{secret}", {}) for name, secret in secrets.items() if secret is not None
    }
    if faults:
        raise InvalidEvidence(faults)


def is_key(content: bytes) -> bool:
    """Whether bytes are a private key or a key store: PKCS#1, PKCS#8 (plain or encrypted), SEC 1, PKCS#12, JKS."""
    if content.startswith((b"\xfe\xed\xfe\xed", b"openssh-key-v1\x00")):
        return True
    body = _sequence(content)
    if body is None:
        return False
    if body[:4] in (b"\x02\x01\x00\x02", b"\x02\x01\x00\x30", b"\x02\x01\x01\x04", b"\x02\x01\x01\x30"):
        return True  # PKCS#1; PKCS#8; SEC 1; PKCS#8 of version 2
    if body.startswith(b"\x02\x01\x03\x30"):
        return True  # PKCS#12
    inner = _sequence(body)  # encrypted PKCS#8: an algorithm of password-based encryption comes first
    return inner is not None and inner.startswith(
        (b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x05", b"\x06\x0a\x2a\x86\x48\x86")
    )


def _holds_key(text: str) -> bool:
    """Whether a long run of base64 is a key."""
    for match in _BASE64.finditer(text):
        packed = re.sub(r"\s+", "", match[0]).rstrip("=")
        try:
            content = base64.b64decode(packed[: len(packed) // 4 * 4])
        except (binascii.Error, ValueError):
            continue
        if is_key(content):
            return True
    return False


def _sequence(content: bytes) -> bytes | None:
    """What an ASN.1 sequence contains, by its first bytes."""
    if len(content) < 8 or content[0] != 0x30:
        return None
    if content[1] < 0x80:
        return content[2:]
    more = content[1] - 0x80
    return content[2 + more :] if 1 <= more <= 4 else None


def _tells(match: re.Match[str]) -> bool:
    """Whether a password is told, and not only spoken of."""
    value = match["value"].rstrip(".,;!?)")
    if value.casefold() in _EMPTY_WORDS or _MASKED.match(value) or len(value) < 4:
        return False
    if _is_secret(value):
        return True
    alone = not match["rest"].strip(" .,;!?)“”\"'«»")
    return alone and match["how"].strip(" :").lower() in ("", "=", "lautet")


def _is_secret(value: str) -> bool:
    """Whether a word looks chosen by a machine, or by somebody who had to add a digit and a sign."""
    if len(value) < 6 or value.casefold() in _EMPTY_WORDS or re.fullmatch(r"https?://\S+", value):
        return False
    digits = any(character.isdigit() for character in value)
    letters = any(character.isalpha() for character in value)
    signs = any(character in "!#$%&*+=?@^~§" for character in value[:-1])
    mixed = any(character.isupper() for character in value[1:]) and any(character.islower() for character in value)
    return letters and ((digits and (mixed or signs or len(value) >= 8)) or (signs and mixed))
