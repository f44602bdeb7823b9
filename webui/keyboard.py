"""The keys that lead about a page, told in one place; where they can be switched off."""

from __future__ import annotations

from flask import Blueprint, render_template

blueprint = Blueprint("keyboard", __name__)

KEYS = (("/",), ("j", "k"), ("x",), ("m",), ("n", "p"), ("?",))
"""As startklar.js knows them; the words of a line are named after its first."""
WORDS = {"/": "search", "j": "rows", "x": "tick", "m": "many", "n": "pages", "?": "help"}


@blueprint.get("/keyboard")
def show() -> str:
    """Nothing on this page comes from or goes to the database."""
    return render_template("keyboard.html", keys=[(keys, f"keys.{WORDS[keys[0]]}") for keys in KEYS])
