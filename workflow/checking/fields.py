"""Whether evidence fields make sense: what tasks, transitions, prerequisites and milestones ask for."""

from __future__ import annotations

from typing import get_args

from workflow.checking.faults import Findings
from workflow.checking.names import refer
from workflow.checking.tree import Node
from workflow.definition import DOCUMENT_KINDS, FieldType

TYPES: tuple[str, ...] = get_args(FieldType)

_CASE_TYPES = ("variant", "wave", "register")
_REUSABLE = ("text", "long_text", "choice", "date", "number", "url", "email", "register")
"""Types whose answers a body may be offered again; a flag is meant anew each time, a file belongs to its case."""
_SETTERS = {"variant": "variant", "wave": "wave", "stichtag": "date", "closed_on": "date"}
"""Column of a case → the type of field that can fill it."""


def check_fields(evidence: Node | None, findings: Findings, *, of_case: bool) -> None:
    """Name what contradicts itself. `of_case`: the answers belong to a case and may set its columns."""
    for name, _, node in evidence.items() if evidence is not None else ():
        kind = node.text("type")
        if kind not in TYPES:
            continue  # reported as a matter of shape
        _check_choice(name, kind, node, findings)
        _check_bounds(name, kind, node, findings)
        accepted = node.members("accept")
        if accepted and kind != "document":
            findings.add(node.keys["accept"], "fault.accept_without_document", field=name)
        for accept in accepted:
            refer(findings, accept, DOCUMENT_KINDS, "fault.unknown_document_kind")
        if not of_case and kind in _CASE_TYPES:
            findings.add(node.entries["type"].place if node.entries else node.place, "fault.case_type", type=kind)
        reuse = node.get("reuse")
        if reuse is not None and kind not in _REUSABLE:
            findings.add(reuse.place, "fault.reuse_type", type=kind)
        _check_register(kind, node, findings)
        _check_setter(name, kind, node, findings, of_case=of_case)


def _check_choice(name: str, kind: str, node: Node, findings: Findings) -> None:
    options = any(True for _ in node.each("options"))
    if kind == "choice" and not options:
        place = node.keys.get("options") or (node.entries or {})["type"].place
        findings.add(place, "fault.choice_without_options", field=name)
    if kind != "choice" and options:
        findings.add(node.keys["options"], "fault.options_without_choice", field=name)


def _check_register(kind: str, node: Node, findings: Findings) -> None:
    register, unlisted = node.get("register"), node.get("unlisted")
    if kind == "register" and register is None:
        findings.add((node.entries or {})["type"].place, "fault.register_missing")
    for name, found in (("register", register), ("unlisted", unlisted)):
        if kind != "register" and found is not None:
            findings.add(node.keys[name], "fault.register_outside", name=name)


def _check_bounds(name: str, kind: str, node: Node, findings: Findings) -> None:
    least, most = (_number(node, bound) for bound in ("least", "most"))
    for bound, value in (("least", least), ("most", most)):
        if value is not None and kind != "number":
            findings.add(node.keys[bound], "fault.bounds_without_number", field=name, bound=bound)
    if least is not None and most is not None and least > most:
        findings.add((node.entries or {})["most"].place, "fault.bounds_crossed", field=name)


def _number(node: Node, bound: str) -> float | None:
    found = node.get(bound)
    value = found.value if found is not None else None
    return value if isinstance(value, (int, float)) else None


def _check_setter(name: str, kind: str, node: Node, findings: Findings, *, of_case: bool) -> None:
    setter = node.get("sets")
    if setter is None or setter.word not in _SETTERS:
        return
    if not of_case:
        findings.add(setter.place, "fault.sets_outside", field=name)
    elif _SETTERS[setter.word] != kind:
        findings.add(setter.place, "fault.sets_type", field=name, sets=setter.word, type=_SETTERS[setter.word])
