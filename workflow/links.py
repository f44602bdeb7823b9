"""Links in mails that need no sign-in: who holds one may reply once, as the person the mail was written to.

A link names a message and is signed with the key of the installation; how long it is good for, and whether somebody
has used it, is asked of the database (`correspondence`).
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
    return _signer(key).sign(itsdangerous.encoding.base64_encode(message_id.bytes)).decode()


def read(key: str, token: str) -> UUID:
    """The message a link names. Raises LinkBroken unless it was written with this key."""
    try:
        return UUID(bytes=itsdangerous.encoding.base64_decode(_signer(key).unsign(token)))
    except (itsdangerous.BadData, ValueError, UnicodeError) as error:
        raise LinkBroken from error


def _signer(key: str) -> itsdangerous.Signer:
    return itsdangerous.Signer(key, salt="startklar reply", sep=".", digest_method=hashlib.sha256)
