"""The demo's data folder: what is in it, whose it is, how it is emptied."""

import errno
import json
import os
import secrets
import shutil
from pathlib import Path
from typing import IO, Any

from demo.refusal import Refusal

MARK = ".startklar-demo"
READY = "ready"
UNFINISHED = "unfinished"
NEEDED_MB = 100

# Everything the demo puts there, and so everything --reset takes away.
FILES = ["startklar.db", "startklar.db-wal", "startklar.db-shm", "secret", "accounts.json", "mails.jsonl"]
FILES += ["mail-ports.json", "demo.json"]
FOLDERS = ["documents", "log"]


class Folder:
    """One data folder. A mark in it says that the demo made it and whether it was finished."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._turn: IO[str] | None = None

    @property
    def announcement(self) -> Path:
        """What tells other programs that the demo runs, and where."""
        return self.path / "demo.json"

    @property
    def accounts(self) -> Path:
        """The example accounts, from the preparation to the next start."""
        return self.path / "accounts.json"

    @property
    def mails(self) -> Path:
        """Every mail that was caught."""
        return self.path / "mails.jsonl"

    @property
    def mail_ports(self) -> Path:
        """Where the mail catcher of this start listens."""
        return self.path / "mail-ports.json"

    @property
    def database(self) -> Path:
        """The SQLite database."""
        return self.path / "startklar.db"

    @property
    def secret(self) -> Path:
        """The file with the installation's secret, for this account's eyes only."""
        return self.path / "secret"

    def open(self) -> None:
        """Make the folder or take the one of last time, for this demo alone until `close`.

        Raises Refusal when something else is in it, when a demo runs in it, or when nothing can be written there.
        """
        try:
            strange = self.path.exists() and not self.path.is_dir()
            if strange or (self.path.is_dir() and not self._is_ours() and any(self.path.iterdir())):
                raise Refusal("demo.foreign_folder", folder=str(self.path))
            self.path.mkdir(parents=True, exist_ok=True)
            self.path.chmod(0o700)
            if shutil.disk_usage(self.path).free < NEEDED_MB * 1_000_000:
                raise Refusal("demo.no_disk", folder=str(self.path), needed=str(NEEDED_MB))
            self._turn = (self.path / MARK).open("a+", encoding="utf-8")
            if not lock(self._turn):
                raise Refusal("demo.runs_already", folder=str(self.path))
        except OSError as error:
            raise unwritable(error, self.path) from error

    def close(self) -> None:
        """Let the folder go; another demo may take it."""
        if self._turn is not None:
            self._turn.close()

    def is_ready(self) -> bool:
        """Whether the preparation once came to its end."""
        return (self.path / MARK).read_text(encoding="utf-8") == READY

    def mark(self, state: str) -> None:
        """Note how far the preparation is."""
        (self.path / MARK).write_text(state, encoding="utf-8")

    def empty(self) -> None:
        """Take away what the demo made; anything else stays."""
        self.mark(UNFINISHED)
        for name in FILES:
            (self.path / name).unlink(missing_ok=True)
        for name in FOLDERS:
            shutil.rmtree(self.path / name, ignore_errors=True)

    def make_secret(self) -> None:
        """A new secret, unless there is one."""
        if not self.secret.exists():
            write_privately(self.secret, secrets.token_urlsafe(48) + "\n")

    def write(self, path: Path, value: Any) -> None:
        """Put a value into a file as JSON, whole or not at all, for this account's eyes only."""
        write_privately(path, json.dumps(value, ensure_ascii=False, indent=2) + "\n")

    def _is_ours(self) -> bool:
        return (self.path / MARK).exists()


def write_privately(path: Path, text: str) -> None:
    """Write a file with mode 0600 that is there whole or not at all."""
    coming = path.with_name(path.name + ".new")
    coming.unlink(missing_ok=True)
    descriptor = os.open(coming, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    coming.replace(path)


def lock(file: IO[str]) -> bool:
    """Hold a file until it is closed; False when another process holds it."""
    try:
        import fcntl
    except ImportError:  # Windows has no such lock; there the busy port tells
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def unwritable(error: OSError, path: Path) -> Exception:
    """The refusal for a folder that takes nothing, or the error itself when it is something else."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Refusal("demo.no_disk", folder=str(path), needed=str(NEEDED_MB))
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR):
        return Refusal("demo.no_right", folder=str(path))
    return error
