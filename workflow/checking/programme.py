"""Whether the programme makes sense: its calendar, targets, ladders, teams and waves."""

from __future__ import annotations

import datetime as dt

from workflow.checking.faults import Findings, Place, listed, meant
from workflow.checking.names import Known, refer
from workflow.checking.tree import Node
from workflow.definition import LAENDER, RECIPIENTS, ROLES, MailRules


def check_programme(root: Node, known: Known, findings: Findings) -> None:
    """Name every fault in the meaning of `programme.yaml`; its shape was looked at elsewhere."""
    refer(findings, root.get("process"), known.processes, "fault.unknown_process")
    _check_calendar(root.get("calendar"), known, findings)
    _check_mail(root.get("mail"), root.get("calendar"), findings)
    _check_targets(root, findings)
    _check_roles(root, findings)
    for _, _, ladder in root.each("ladders"):
        _check_ladder(ladder, known, findings)
    _check_teams(root, known, findings)
    for _, _, operator in root.each("operators"):
        refer(findings, operator.get("land"), [name for _, name in LAENDER.values()], "fault.unknown_land")
    for _, _, wave in root.each("waves"):
        for service in wave.members("services"):
            refer(findings, service, known.services, "fault.unknown_service")
    for _, _, training in root.each("trainings"):
        refer(findings, training.get("service"), known.services, "fault.unknown_service")
    seen: set[str] = set()
    for service in root.members("priorities"):
        if refer(findings, service, known.services, "fault.unknown_service") and service.word in seen:
            findings.add(service.place, "fault.priority_twice", service=service.word)
        seen.add(service.word or "")


def _check_calendar(calendar: Node | None, known: Known, findings: Findings) -> None:
    if calendar is None:
        return
    refer(findings, calendar.get("land"), LAENDER, "fault.unknown_land")
    refer(findings, calendar.get("confirm_ladder"), known.ladders, "fault.unknown_ladder")
    _is_time(calendar.get("reminders_at"), findings)
    for day in calendar.members("no_mail_on"):
        if day.word is not None and not _exists(f"2000-{day.word} 00:00"):
            findings.add(day.place, "fault.not_month_day", value=day.word)


def _check_mail(mail: Node | None, calendar: Node | None, findings: Findings) -> None:
    """Mail goes out at times that exist, and no digest in the hours that are quiet."""
    quiet = mail.get("quiet") if mail is not None else None
    usual = MailRules().quiet
    ends = {key: quiet.get(key) if quiet is not None else None for key in ("from", "until")}
    fine = [_is_time(node, findings) for node in ends.values()]
    if not all(fine):
        return
    begins, until = ((node.word if node is not None else None) for node in ends.values())
    begins, until = begins or usual.from_, until or usual.until
    if begins == until and quiet is not None:
        findings.add(quiet.place, "fault.quiet_all_day", time=begins)
        return
    times = list(mail.members("digest_times")) if mail is not None else []
    reminders_at = calendar.get("reminders_at") if calendar is not None else None
    if reminders_at is not None and _exists(f"2000-01-01 {reminders_at.word}"):
        times.append(reminders_at)
    for time in times:
        at = time.word or ""
        if not _is_time(time, findings) or len(at) != len("00:00"):
            continue
        if begins <= at < until if begins < until else at >= begins or at < until:
            findings.add(time.place, "fault.digest_in_quiet", value=at, begins=begins, until=until)


def _is_time(node: Node | None, findings: Findings) -> bool:
    """Whether a time of day exists; what has another form was reported as a matter of shape."""
    if node is None or node.word is None or _exists(f"2000-01-01 {node.word}"):
        return True
    findings.add(node.place, "fault.not_time", value=node.word)
    return False


def _exists(instant: str) -> bool:
    """Whether there is such a time on such a day. What has another form was reported as a matter of shape."""
    if len(instant) != len("2000-01-01 00:00"):
        return True
    try:
        dt.datetime.fromisoformat(instant)
    except ValueError:
        return False
    return True


def _check_targets(root: Node, findings: Findings) -> None:
    """The history of target dates is told in the order in which they were set."""
    before: Node | None = None
    for target in root.members("targets"):
        if before is not None:
            was, now = _date(before, "set_on"), _date(target, "set_on")
            if was is None or now is None:
                was, now = _date(before, "date"), _date(target, "date")
            if was is not None and now is not None and now <= was:
                findings.add(target.place, "fault.target_order", date=now, before=was)
        before = target


def _date(node: Node, key: str) -> dt.date | None:
    found = node.get(key)
    if found is None:
        return None
    if isinstance(found.value, dt.date):
        return found.value
    try:
        return dt.date.fromisoformat(found.word or "")
    except ValueError:
        return None


def _check_roles(root: Node, findings: Findings) -> None:
    """Every role has a title, and nothing else has."""
    roles = root.get("roles")
    if roles is None or roles.entries is None:
        return
    for role, place, _ in roles.items():
        if role not in ROLES:
            findings.add(place, "fault.unknown_role", name=role, known=listed(ROLES, most=20), meant=meant(role, ROLES))
    missing = [role for role in ROLES if role not in roles.entries]
    if missing:
        findings.add(root.keys["roles"], "fault.roles_missing", roles=listed(missing, most=20))


def _check_ladder(ladder: Node, known: Known, findings: Findings) -> None:
    """Each rung fires at some time, later than the one before, and reaches somebody."""
    ids: set[str] = set()
    latest: int | None = None
    for rung in ladder.members("rungs"):
        if rung.entries is None:
            continue
        name = rung.get("id")
        if name is not None and name.word is not None:
            if name.word in ids:
                findings.add(name.place, "fault.rung_twice", id=name.word)
            ids.add(name.word)
        _check_recipients(rung, findings)
        refer(findings, rung.get("message"), known.messages, "fault.unknown_message")
        at, every, times = rung.get("at"), rung.get("every"), rung.get("times")
        timed = [node for node in (at, every) if node is not None and node.value is not None]
        if not timed and not any(node.broken for node in (at, every) if node is not None):
            findings.add(rung.place, "fault.rung_no_time")
        if times is not None and times.value is not None and (every is None or every.value is None):
            findings.add(times.place, "fault.rung_times_alone")
        if at is not None and isinstance(at.value, int):
            if latest is not None and at.value <= latest:
                findings.add(at.place, "fault.rung_order", at=str(at.value), before=str(latest))
            latest = at.value


def _check_recipients(rung: Node, findings: Findings) -> None:
    recipients = rung.get("to")
    if recipients is not None and recipients.elements == () and not recipients.broken:
        findings.add(recipients.place, "fault.rung_nobody")
    for recipient in rung.members("to"):
        refer(findings, recipient, RECIPIENTS, "fault.unknown_recipient")


def _check_teams(root: Node, known: Known, findings: Findings) -> None:
    """Every district has exactly one team, every service at most one."""
    districts = known.districts
    district_team: dict[str, str] = {}
    service_team: dict[str, str] = {}
    for team, _, node in root.each("teams"):
        for district in node.members("districts"):
            if not refer(findings, district, known.bodies, "fault.unknown_body"):
                continue
            if districts is not None and district.word is not None and district.word not in districts:
                findings.add(district.place, "fault.not_a_district", ars=district.word)
            _claim(district, team, district_team, "fault.district_twice", findings)
        for service in node.members("services"):
            if refer(findings, service, known.services, "fault.unknown_service"):
                _claim(service, team, service_team, "fault.service_team_twice", findings)
    teams = root.get("teams")
    if districts is None or teams is None or teams.entries is None or teams.has_broken():
        return
    alone = [name for ars, name in districts.items() if ars not in district_team]
    if alone:
        findings.add(_place_of(root, "teams"), "fault.district_alone", districts=listed(alone), n=len(alone))


def _claim(node: Node, team: str, owners: dict[str, str], key: str, findings: Findings) -> None:
    if node.word is None:
        return
    if node.word in owners:
        findings.add(node.place, key, name=node.word, team=team, other=owners[node.word])
    owners.setdefault(node.word, team)


def _place_of(root: Node, key: str) -> Place:
    return root.keys.get(key, root.place)
