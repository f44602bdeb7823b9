"""Whether services, groups, prerequisites and milestones refer to what exists."""

from __future__ import annotations

import re
from collections.abc import Mapping

from workflow.checking.faults import Findings, meant
from workflow.checking.fields import check_fields
from workflow.checking.names import Known, refer
from workflow.checking.process import check_owner
from workflow.checking.tree import Node
from workflow.definition import INFORMED, TASK_OWNERS


def check_service(root: Node, key: str, known: Known, teams: Mapping[str, str], findings: Findings) -> None:
    """Name every fault in the meaning of one service. `teams`: which team says that it looks after which service."""
    name = root.get("service")
    if name is not None and name.word is not None and name.word != key:
        findings.add(name.place, "fault.service_name", name=name.word, file=f"{key}.yaml")
    refer(findings, root.get("applies_to"), known.groups, "fault.unknown_group")
    refer(findings, root.get("operator"), known.operators, "fault.unknown_operator")
    team = root.get("team")
    if refer(findings, team, known.teams, "fault.unknown_team") and team is not None and team.word is not None:
        other = teams.get(key)
        if other is not None and other != team.word:
            findings.add(team.place, "fault.service_team_twice", name=key, team=team.word, other=other)
    group = root.get("applies_to")
    if group is not None and group.word is not None and not any(True for _ in root.each("variants")):
        findings.add(group.place, "fault.no_variants")
    for _, _, variant in root.each("variants"):
        for needed in variant.members("prerequisites"):
            _check_needed(needed, known, findings)
    for kind, place, _ in root.each("milestones"):
        if known.milestones is not None and kind not in known.milestones:
            findings.add(place, "fault.unknown_milestone", name=kind, meant=meant(kind, known.milestones))
    for participant in root.members("participants"):
        refer(findings, participant.get("group"), known.groups, "fault.unknown_group")


def check_groups(root: Node, known: Known, findings: Findings) -> None:
    """Name every fault in the meaning of `groups.yaml`."""
    bodies = known.bodies
    for group, place, node in root.each("groups"):
        for kind in node.members("kinds"):
            refer(findings, kind, known.kinds, "fault.unknown_kind")
        added, removed = node.members("add"), node.members("remove")
        for body in (*added, *removed):
            refer(findings, body, bodies, "fault.unknown_body")
        kinds = {kind.word for kind in node.members("kinds")}
        plus = {body.word for body in added}
        for body in removed:
            removed_body = bodies.get(body.word or "") if bodies is not None else None
            if body.word is not None and body.word in plus:
                findings.add(body.place, "fault.group_contradiction", ars=body.word)
            elif removed_body is not None and removed_body.kind not in kinds:
                findings.add(body.place, "fault.group_remove", ars=body.word)
        if node.entries is not None and not kinds and not plus and not node.has_broken():
            findings.add(place, "fault.group_empty", group=group)


def check_shared(root: Node, known: Known, findings: Findings) -> None:
    """Name every fault in the meaning of `prerequisites.yaml`."""
    for _, _, kind in root.each("prerequisites"):
        check_owner(kind, findings)
        for role in kind.members("informs"):
            refer(findings, role, INFORMED, "fault.unknown_role")
        refer(findings, kind.get("ladder"), known.ladders, "fault.unknown_ladder")
        refer(findings, kind.get("sample"), known.samples, "fault.unknown_sample")
        _check_fixed(kind.get("expiry_ladder"), known, findings)
        check_fields(kind.get("evidence"), findings, of_case=False)
        _check_steps(kind, known, findings)
        _check_expiry(kind, findings)
    _check_needs(root, known, findings)
    for name, place, kind in root.each("recurring"):
        if known.prerequisites is not None and name in known.prerequisites:
            findings.add(place, "fault.recurring_name", name=name)
        check_owner(kind, findings)
        for role in kind.members("informs"):
            refer(findings, role, INFORMED, "fault.unknown_role")
        refer(findings, kind.get("ladder"), known.ladders, "fault.unknown_ladder")
        refer(findings, kind.get("sample"), known.samples, "fault.unknown_sample")
        check_fields(kind.get("evidence"), findings, of_case=False)
    for _, _, kind in root.each("milestones"):
        _check_fixed(kind.get("ladder"), known, findings)
        check_fields(kind.get("evidence"), findings, of_case=False)


def _check_fixed(ladder: Node | None, known: Known, findings: Findings) -> None:
    """The ladder of a date that nobody can promise otherwise: the Land sets it, or a certificate has it."""
    refer(findings, ladder, known.ladders, "fault.unknown_ladder")
    if ladder is not None and ladder.word in known.promising:
        findings.add(ladder.place, "fault.ladder_promise", ladder=ladder.word)


def _check_needed(needed: Node, known: Known, findings: Findings) -> None:
    """A kind of which a body has several is needed with a scope, any other without one."""
    kind, scope = needed.get("kind"), needed.get("scope")
    if not refer(findings, kind, known.prerequisites, "fault.unknown_prerequisite"):
        return
    if kind is None or kind.word is None or known.prerequisites is None:
        return
    scoped = known.prerequisites[kind.word]
    if scoped and not (scope is not None and (scope.word or scope.broken)):
        findings.add(kind.place, "fault.scope_missing", kind=kind.word)
    if not scoped and scope is not None and scope.word:
        findings.add(scope.place, "fault.scope_unexpected", kind=kind.word)


def _check_steps(kind: Node, known: Known, findings: Findings) -> None:
    """Steps name owners and ladders that exist, ask for every field once, and share the days of the whole."""
    steps = list(kind.each("steps"))
    asked: dict[str, str] = {}
    for step, _, node in steps:
        check_owner(node, findings)
        for role in node.members("informs"):
            refer(findings, role, INFORMED, "fault.unknown_role")
        refer(findings, node.get("ladder"), known.ladders, "fault.unknown_ladder")
        refer(findings, node.get("confirm"), TASK_OWNERS, "fault.confirm")
        refer(findings, node.get("sample"), known.samples, "fault.unknown_sample")
        check_fields(node.get("evidence"), findings, of_case=False)
        for field, place, _ in node.each("evidence"):
            if field in asked:
                findings.add(place, "fault.steps_ask_twice", field=field, step=asked[field])
            asked.setdefault(field, step)
    if steps and any(True for _ in kind.each("evidence")):
        findings.add(kind.keys["evidence"], "fault.steps_and_evidence")
    days = [_working_days(node.text("due")) for _, _, node in steps]
    whole, due = _working_days(kind.text("due")), kind.get("due")
    if steps and due is not None and whole is not None and None not in days:
        together = sum(day or 0 for day in days)
        if together != whole:
            findings.add(due.place, "fault.steps_due", days=together, whole=whole)


def _working_days(written: str | None) -> int | None:
    match = re.fullmatch(r"(\d{1,4}) working days?", written or "")
    return int(match[1]) if match else None


def _check_needs(root: Node, known: Known, findings: Findings) -> None:
    """What a kind needs exists, can be told apart in the same way, and never needs the kind in turn."""
    kinds = {name: node for name, _, node in root.each("prerequisites")}
    told: set[str] = set()
    for name, node in kinds.items():
        for needed in node.members("needs"):
            if needed.word == name:
                findings.add(needed.place, "fault.needs_itself", kind=name)
            elif (
                refer(findings, needed, known.prerequisites, "fault.unknown_prerequisite")
                and needed.word is not None
                and known.prerequisites is not None
                and known.prerequisites.get(needed.word)
                and not known.prerequisites.get(name)
            ):
                findings.add(needed.place, "fault.needs_scope", kind=name, needed=needed.word)
        circle = _circle(kinds, name) if name not in told else ()
        if circle:
            told.update(circle)
            entry = next(entry for entry in node.members("needs") if entry.word == circle[1])
            findings.add(entry.place, "fault.needs_circle", circle=(" → ".join(circle),))


def _circle(kinds: Mapping[str, Node], start: str) -> tuple[str, ...]:
    """The shortest way along `needs` from a kind back to itself; empty when there is none or it names itself."""
    roads: list[tuple[str, ...]] = [(start,)]
    seen: set[str] = set()
    for road in roads:
        for entry in kinds[road[-1]].members("needs"):
            name = entry.word
            if name == start and len(road) > 1:
                return (*road, start)
            if name is not None and name in kinds and name not in seen and name != road[-1]:
                seen.add(name)
                roads.append((*road, name))
    return ()


def _check_expiry(kind: Node, findings: Findings) -> None:
    """`valid_until` names a date that is asked for, and without it no ladder warns of the expiry."""
    until, ladder = kind.get("valid_until"), kind.get("expiry_ladder")
    if until is not None and until.word is not None:
        places = [kind, *(step for _, _, step in kind.each("steps"))]
        dates = {name: node.text("type") for place in places for name, _, node in place.each("evidence")}
        if refer(findings, until, dates, "fault.unknown_field_name") and dates[until.word] not in ("date", None):
            findings.add(until.place, "fault.valid_until_type", field=until.word)
    elif ladder is not None and ladder.word is not None and until is None:
        findings.add(ladder.place, "fault.expiry_without_date")
