"""The demo's door: a small installation with example people, its programs started together, its mails caught here."""

from pathlib import Path

from workflow import texts

texts.register(Path(__file__).resolve().parent / "locale")
