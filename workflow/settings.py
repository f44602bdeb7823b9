"""Everything the environment decides, as one frozen value read once at start."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from workflow.errors import Unready

PACKAGED_DEFINITIONS = Path(__file__).resolve().parent.parent / "definitions"


@dataclass(frozen=True, slots=True)
class Settings:
    """One installation as its environment describes it."""

    database_url: str
    data: Path
    definitions: Path = PACKAGED_DEFINITIONS
    base_url: str = "http://127.0.0.1:8000"
    smtp_url: str | None = None
    mail_from: str = "startklar@localhost"
    bounces_to: str | None = None
    """Where reports go that a mail came back: `bounces@domain`, used as `bounces+…@domain` with the message's id."""
    bounces: Path | None = None
    """The Maildir in which they arrive."""
    secret: str | None = None
    clock: Literal["system", "manual"] | None = None
    cookie_secure: bool = False
    tick_seconds: float = 5.0
    """How often a scheduler looks for what is due."""

    @property
    def documents(self) -> Path:
        """Folder of uploaded files, shared between web machines."""
        return self.data / "documents"


def read(environment: Mapping[str, str] | None = None) -> Settings:
    """Settings from `STARTKLAR_…` variables. Raises Unready when one of them makes no sense."""
    given = os.environ if environment is None else environment
    data = Path(given.get("STARTKLAR_DATA") or "data").absolute()
    base_url = (given.get("STARTKLAR_BASE_URL") or "http://127.0.0.1:8000").rstrip("/")
    if not base_url.startswith(("http://", "https://")):
        raise Unready("error.setting", name="STARTKLAR_BASE_URL", value=base_url)
    clock = given.get("STARTKLAR_CLOCK") or None
    if clock not in (None, "system", "manual"):
        raise Unready("error.setting", name="STARTKLAR_CLOCK", value=clock)
    smtp_url = given.get("STARTKLAR_SMTP_URL") or None
    if smtp_url and not smtp_url.startswith(("smtp://", "smtps://")):
        raise Unready("error.setting", name="STARTKLAR_SMTP_URL", value=smtp_url.partition("://")[0])
    return Settings(
        database_url=_database(given.get("STARTKLAR_DATABASE_URL") or "", data),
        data=data,
        definitions=Path(given.get("STARTKLAR_DEFINITIONS") or PACKAGED_DEFINITIONS).absolute(),
        base_url=base_url,
        smtp_url=smtp_url,
        mail_from=given.get("STARTKLAR_MAIL_FROM") or "startklar@localhost",
        bounces_to=_bounces_to(given),
        bounces=_maildir(given),
        secret=_secret(given),
        clock=clock,  # type: ignore[arg-type]
        cookie_secure=_flag(given, "STARTKLAR_COOKIE_SECURE", default=base_url.startswith("https://")),
        tick_seconds=_seconds(given, "STARTKLAR_TICK_SECONDS", default=5.0),
    )


def _database(url: str, data: Path) -> str:
    if not url:
        return f"sqlite:///{data / 'startklar.db'}"
    if not url.startswith(("sqlite:///", "postgresql://", "postgresql+psycopg://")):
        raise Unready("error.setting", name="STARTKLAR_DATABASE_URL", value=url.partition("://")[0])
    return url


def _bounces_to(given: Mapping[str, str]) -> str | None:
    """A plain address, short enough that a message's id still fits in before the @ (64 letters, RFC 5321)."""
    value = given.get("STARTKLAR_BOUNCES_TO") or None
    if value is not None and not _PLAIN_ADDRESS.match(value):
        raise Unready("error.setting", name="STARTKLAR_BOUNCES_TO", value=value)
    return value


_PLAIN_ADDRESS = re.compile(r"[A-Za-z0-9._-]{1,31}@[A-Za-z0-9.-]{1,180}\Z")


def _maildir(given: Mapping[str, str]) -> Path | None:
    value = given.get("STARTKLAR_BOUNCES") or None
    if value is None:
        return None
    scheme, _, path = value.partition("://")
    if scheme != "maildir" or not path.startswith("/"):
        raise Unready("error.setting", name="STARTKLAR_BOUNCES", value=value)
    return Path(path)


def _secret(given: Mapping[str, str]) -> str | None:
    """The secret itself, or the content of the file that holds it (for container secrets)."""
    if given.get("STARTKLAR_SECRET"):
        return given["STARTKLAR_SECRET"]
    name = given.get("STARTKLAR_SECRET_FILE")
    if not name:
        return None
    try:
        return Path(name).read_text(encoding="utf-8").strip() or None
    except OSError as error:
        raise Unready("error.secret_file", name=name) from error


def _flag(given: Mapping[str, str], name: str, *, default: bool) -> bool:
    value = (given.get(name) or "").lower()
    if value in ("", "1", "0", "true", "false"):
        return default if not value else value in ("1", "true")
    raise Unready("error.setting", name=name, value=value)


def _seconds(given: Mapping[str, str], name: str, *, default: float) -> float:
    value = given.get(name) or ""
    try:
        seconds = float(value) if value else default
    except ValueError:
        seconds = 0.0
    if not 0.1 <= seconds <= 3600:
        raise Unready("error.setting", name=name, value=value)
    return seconds
