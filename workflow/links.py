"""Links in mails that need no sign-in: who holds one may reply once, as the person the mail was written to, or set
the password of an account once.

A link names a message, or an access link, and is signed with the key of the installation; how long it is good for, and
whether somebody has used it, is asked of the database (`correspondence`, `access`).
"""

from __future__ import annotations

import hashlib
import secrets
from uuid import UUID

import itsdangerous

from workflow.errors import LinkBroken


def new_key() -> str:
    """A key nobody knows."""
    return secrets.token_urlsafe(32)


def written(key: str, message_id: UUID) -> str:
    """The last part of the address under which the recipient of a message replies to it."""
    return _sign(key, _REPLY, message_id)


def read(key: str, token: str) -> UUID:
    """The message a link names. Raises LinkBroken unless it was written with this key."""
    return _unsign(key, _REPLY, token)


ACCESS = "/access/"
"""Where the address of an access link begins; what follows is the secret."""
UNSIGNED = "not-signed-yet-"
"""Begins what stands in a mail that waits, where the secret will stand when the mail is handed over."""


def access_unsigned(link_id: UUID) -> str:
    """The path of an access link in a mail that waits. It names the link, so that nobody can have typed it before:
    what people write into a mail, their names, leads nowhere."""
    return f"{ACCESS}{UNSIGNED}{link_id.hex}"


def access_written(key: str, link_id: UUID) -> str:
    """The secret of an access link."""
    return _sign(key, _ACCESS, link_id)


def access_read(key: str, token: str) -> UUID:
    """The access link a secret names. Raises LinkBroken unless it was written with this key."""
    return _unsign(key, _ACCESS, token)


def signed_in(text: str, key: str, link_id: UUID) -> str:
    """The text of a mail with the secret of its access link in place."""
    return text.replace(access_unsigned(link_id), f"{ACCESS}{access_written(key, link_id)}")


_REPLY, _ACCESS = "startklar reply", "startklar access"


def _sign(key: str, salt: str, named: UUID) -> str:
    return _signer(key, salt).sign(itsdangerous.encoding.base64_encode(named.bytes)).decode()


def _unsign(key: str, salt: str, token: str) -> UUID:
    try:
        return UUID(bytes=itsdangerous.encoding.base64_decode(_signer(key, salt).unsign(token)))
    except (itsdangerous.BadData, ValueError, UnicodeError) as error:
        raise LinkBroken from error


def _signer(key: str, salt: str) -> itsdangerous.Signer:
    return itsdangerous.Signer(key, salt=salt, sep=".", digest_method=hashlib.sha256)
