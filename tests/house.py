"""Which deeds there are, read from the code: so that tests that must name every deed notice a new one."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_WRITES = re.compile(
    r"record\(|APPEND|insert_missing\(|_hand_in\(|_write\(|_say_human\(|\bgive\(|_next\(|_lay_aside\(|tasks\.submit\("
    r"|_close\(|sa\.(insert|update|delete)\("
)
_NO_DEEDS = frozenset({"casework", "clock", "commands", "database", "engine", "events", "followups", "messages"})
"""What deeds are made of, what follows from them, and time itself."""


def deeds() -> frozenset[str]:
    """Every public function that changes something in one piece of work, as `module.name`."""
    return frozenset(_deeds())


def _deeds() -> Iterator[str]:
    for file in sorted((ROOT / "workflow").glob("*.py")):
        source = file.read_text(encoding="utf-8")
        for one in ast.parse(source).body if file.stem not in _NO_DEEDS else ():
            if not isinstance(one, ast.FunctionDef) or one.name.startswith("_") or not one.args.args:
                continue
            kind = one.args.args[0].annotation
            body = ast.get_source_segment(source, one) or ""
            if isinstance(kind, ast.Name) and kind.id == "Work" and _WRITES.search(body):
                yield f"{file.stem}.{one.name}"


def named_in(file: str, *functions: str) -> frozenset[str]:
    """Whatever of a module these functions of a file name, as `module.name`."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    chosen = [one for one in tree.body if isinstance(one, ast.FunctionDef) and one.name in functions]
    attributes = (one for function in chosen for one in ast.walk(function) if isinstance(one, ast.Attribute))
    return frozenset(f"{one.value.id}.{one.attr}" for one in attributes if isinstance(one.value, ast.Name))
