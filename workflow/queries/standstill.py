"""Why is this not moving: what a case or a task waits for, who must act, since when, until when, what would unblock it.

Causes come from the very requirements that refuse a transition (`requirements.unmet`), traced back to what somebody
can act on: a task that waits for another one is never a cause, the task it waits for is.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal
from uuid import UUID

import sqlalchemy as sa

from workflow import policy, registers, requirements, texts
from workflow.casework import PrerequisiteSeen, TaskRow
from workflow.definition import Needed, Text, Transition
from workflow.models import Case, Hold
from workflow.queries import parts
from workflow.queries.parts import Due
from workflow.queries.seen import OfBody, Party, SeenCase
from workflow.requirements import About, Reason

Kind = Literal[
    "task", "prerequisite", "milestone", "variant", "answer", "move", "rest", "aside", "round", "contact", "other"
]
Standing = Literal["ended", "rests", "aside", "waits", "move", "aftercare", "live"]


@dataclass(frozen=True, slots=True)
class Target:
    """Where one goes to unblock it: something with a page of its own."""

    kind: Literal["task", "prerequisite", "milestone", "case"]
    id: UUID


@dataclass(frozen=True, slots=True)
class Cause:
    """One thing a case waits for.

    `key` with `facts` says what it is, `unblocks` with the same facts what would have to happen. `party` is who must
    act, None where nobody in this programme can (an external owner). `behind` are the titles of what waits for it in
    turn, `others` how many other open cases, of those the reader sees, wait for the very same thing.
    """

    kind: Kind
    key: str
    facts: Mapping[str, Any]
    unblocks: str
    party: Party | None = None
    since: dt.date | None = None
    due: Due | None = None
    target: Target | None = None
    behind: tuple[Text, ...] = ()
    others: int = 0
    about: About | None = None
    """The requirement it comes from."""
    outside: str | None = None
    """Who is waited for outside, as registers write it: `vendor:prosoz`."""

    @property
    def nobody(self) -> bool:
        """Nobody has an account who could act, not even where it falls to."""
        return self.party is not None and not self.party.people

    @property
    def late(self) -> bool:
        """Its day is past."""
        return self.due is not None and self.due.overdue


@dataclass(frozen=True, slots=True)
class Standstill:
    """The answer for a case. `key` with `facts` is the headline; every case has one, whatever its state.

    `waits`: for `causes`, the most urgent first; `move`: nothing is missing but a transition; `aftercare`: it is live
    and tasks are left; `live`: it is live and nothing is left to do. `warnings` are about what is proved no more, or
    not for long: they stop nothing now.
    """

    kind: Standing
    key: str
    facts: Mapping[str, Any]
    since: dt.date
    causes: tuple[Cause, ...] = ()
    warnings: tuple[Cause, ...] = ()
    move: Text | None = None
    """The transition it waits to take."""


def of_case(found: SeenCase) -> Standstill:
    """Why a case is where it is. The names of its people are learnt already (`SeenCase.learn_names`).

    Behind what waits for people of whom nobody can be reached by mail stands that as a cause of its own.
    """
    answer = _of_case(found)
    return replace(answer, causes=_with_contacts(found, answer.causes))


def _of_case(found: SeenCase) -> Standstill:
    row, state = found.row, found.process.states[found.row.state]
    since, warnings = row.entered_on, tuple(_warnings(found))
    if row.ended_on is not None:
        return Standstill("ended", "standstill.ended", {"state": state.title}, row.ended_on)
    if row.rests:
        resting = _rest(found)
        facts = resting.facts if resting else {"blocker": texts.Key("standstill.about.rest")}
        key = "standstill.rests_external" if facts.get("external") else "standstill.rests"
        began = resting.since if resting and resting.since else since
        return Standstill("rests", key, facts, began, (resting,) if resting else (), warnings)
    onward = _onward(found)
    if state.aside:
        causes = (_aside(found, onward), *(_of_move(found, onward) if onward else ()))
        return Standstill("aside", "standstill.aside", {"state": state.title}, since, causes, warnings)
    if onward is None:
        causes = _ordered(_left_to_do(found))
        if causes:
            return Standstill("aftercare", "standstill.aftercare", _summed(causes), since, causes, warnings)
        rounds = tuple(_later_rounds(found))
        key = "standstill.next_round" if rounds else "standstill.live"
        return Standstill("live", key, rounds[0].facts if rounds else {}, row.live_on or since, rounds, warnings)
    causes = _ordered(_of_move(found, onward))
    title = onward.title
    if not causes:
        step = _the_move(found, onward)
        return Standstill(
            "move", "standstill.move", {**step.facts, **_summed((step,))}, since, (step,), warnings, title
        )
    return Standstill("waits", "standstill.waits", _summed(causes), since, causes, warnings, title)


def of_task(found: SeenCase, task: TaskRow) -> tuple[Cause, ...]:
    """What a task waits for: the tasks at the root of it, or who has it now; nothing once it is over."""
    if task.acting is not None:
        return _with_contacts(found, (_of_task(found, task),))
    if task.status != "waiting" or task.state != found.row.state:
        return ()
    return _with_contacts(found, _ordered(_traced(found, [task])))


def cause(found: SeenCase, reason: Reason) -> Cause:
    """One unmet requirement as a page shows it, not traced back."""
    about = reason.about
    kind = about.kind if about is not None else "other"
    if about is not None and about.kind == "task" and (task := found.tasks.get(about.name)) is not None:
        one = _of_task(found, task)
    elif about is not None and about.kind == "prerequisite":
        one = _of_prerequisite(found, about, reason.who)
    elif about is not None and about.kind == "milestone":
        one = _of_milestone(found, about, reason)
    else:
        one = Cause(
            kind=kind,
            key=reason.key,
            facts=reason.facts,
            unblocks=f"unblocks.{kind}",
            party=found.party(reason.who) if reason.who else None,
            since=found.row.entered_on,
            due=parts.due(found.work, reason.due_on),
            target=_of_answer(found, about),
        )
    return replace(one, about=about)


def _of_answer(found: SeenCase, about: About | None) -> Target | None:
    """The task whose answer is wanted."""
    task = found.tasks.get(about.name) if about is not None and about.kind == "answer" else None
    return Target("task", task.id) if task is not None else None


def plain(number: str, answer: Standstill) -> dict[str, Any]:
    """The answer for machines: every sentence in both languages, dates as ISO 8601."""
    return {
        "case": number,
        "standing": answer.kind,
        "headline": _said(answer.key, answer.facts),
        "since": answer.since.isoformat(),
        "next_step": _both(answer.move),
        "causes": [_plain(one) for one in answer.causes],
        "warnings": [_plain(one) for one in answer.warnings],
    }


def _plain(one: Cause) -> dict[str, Any]:
    party = one.party
    return {
        "kind": one.kind,
        "sentence": _said(one.key, one.facts),
        "who": None
        if party is None
        else {
            "role": party.role,
            "title": _both(party.title),
            "place": party.place,
            "people": list(party.people),
            "instead_of": _both(party.instead_of),
        },
        "since": one.since.isoformat() if one.since else None,
        "until": None
        if one.due is None
        else {"on": one.due.on.isoformat(), "working_days": one.due.working_days, "overdue": one.due.overdue},
        "unblocked_by": {
            "sentence": _said(one.unblocks, one.facts),
            "path": f"/{one.target.kind}s/{one.target.id}" if one.target else None,
        },
        "waiting_behind": [_both(title) for title in one.behind],
        "other_cases": one.others,
    }


def _said(key: str, facts: Mapping[str, Any]) -> dict[str, str]:
    return {language: texts.say(language, key, **facts) for language in texts.LANGUAGES}


def _both(title: Text | None) -> dict[str, str] | None:
    return None if title is None else {"de": title.de, "en": title.en}


# --- what a case lacks -----------------------------------------------------------------------------------------------


def _onward(found: SeenCase) -> Transition | None:
    """The first transition people take that leads forward on the main road; from aside, back to it."""
    machine = found.work.catalogue.machine(found.row.process, found.row.process_version)
    for move in machine.moves_from(found.row.state).values():
        transition: Transition = move.transition
        if not transition.back and not found.process.states[move.target].aside and set(transition.by) != {"system"}:
            return transition
    return None


def _of_move(found: SeenCase, transition: Transition) -> tuple[Cause, ...]:
    """Whatever keeps the case from this transition, traced back to what somebody can act on."""
    causes: list[Cause] = []
    waiting: list[TaskRow] = []
    for reason in requirements.unmet(found, transition.requires):
        about = reason.about
        task = found.tasks.get(about.name) if about is not None and about.kind in ("task", "answer") else None
        if task is not None and (about is None or about.kind == "task" or not task.is_settled):
            waiting.append(task)  # an answer comes with its task
        else:
            causes.append(cause(found, reason))
    return (*_traced(found, waiting), *_roots(found, causes))


def _traced(found: SeenCase, wanted: Iterable[TaskRow]) -> list[Cause]:
    """The tasks that hold these up, each once, with the titles of those that wait for it."""
    behind: dict[UUID, dict[UUID, Text]] = {}
    roots: dict[UUID, TaskRow] = {}
    for task in wanted:
        for root in _roots_of(found, task):
            roots[root.id] = root
            if root.id != task.id:
                behind.setdefault(root.id, {})[task.id] = found.definition_of(task).title
    return [replace(_of_task(found, root), behind=tuple(behind.get(root.id, {}).values())) for root in roots.values()]


def _roots_of(found: SeenCase, task: TaskRow) -> list[TaskRow]:
    """The tasks somebody can act on that have to be settled before this one; itself if there is none."""
    roots: dict[UUID, TaskRow] = {}
    looked_at: set[UUID] = set()
    waiting = [task]
    while waiting:
        one = waiting.pop()
        if one.id in looked_at:
            continue
        looked_at.add(one.id)
        before = [other for other in found.before(one) if not other.satisfies] if one.status == "waiting" else []
        if before:
            waiting.extend(before)
        else:
            roots[one.id] = one
    return sorted(roots.values(), key=lambda root: (root.due_on or dt.date.max, root.name, root.scope))


def _roots(found: SeenCase, causes: Sequence[Cause]) -> Iterator[Cause]:
    """Prerequisites that can only be finished after others stand behind those, where the others are causes already."""
    by_id = {one.target.id: one for one in causes if one.kind == "prerequisite" and one.target is not None}
    known = {seen_one.id: seen_one for seen_one in found.prerequisites().values()}
    behind: dict[UUID, list[Text]] = {}
    hidden: set[UUID] = set()
    for prerequisite_id in by_id:
        row = known[prerequisite_id]
        for entry in found.work.catalogue.needs_of(Needed(row.kind, row.scope)):
            before = found.prerequisites().get((entry.kind, entry.scope))
            if before is not None and before.id in by_id:
                behind.setdefault(before.id, []).append(parts.prerequisite_title(found.work.catalogue, row.kind))
                if _is_at_last_step(found, row):
                    hidden.add(prerequisite_id)
    for one in causes:
        if one.target is None or one.target.id not in hidden:
            yield replace(one, behind=tuple(behind.get(one.target.id, ()))) if one.target else one


def _is_at_last_step(found: SeenCase, row: PrerequisiteSeen) -> bool:
    kind = found.work.catalogue.prerequisite_kind(row.kind)
    return kind is None or not kind.steps or row.step == list(kind.steps)[-1]


def _left_to_do(found: SeenCase) -> Iterator[Cause]:
    """Open tasks of a state that leads nowhere any more: aftercare. Optional ones hold nothing up."""
    here = [task for task in found.tasks.values() if task.state == found.row.state and not task.is_settled]
    return iter(_traced(found, here))


def _the_move(found: SeenCase, transition: Transition) -> Cause:
    """Nothing is missing but that somebody takes the step."""
    ended = [task.ended_on for task in found.tasks.values() if task.state == found.row.state and task.ended_on]
    role = next(role for role in transition.by if role != "system")
    return Cause(
        kind="move",
        key="cause.move",
        facts={"move": transition.title},
        unblocks="unblocks.move",
        party=found.party(role),
        since=max([found.row.entered_on, *ended]),
        target=Target("case", found.row.id),
    )


def _aside(found: SeenCase, onward: Transition | None) -> Cause:
    role = next((role for role in onward.by if role != "system"), None) if onward else None
    return Cause(
        kind="aside",
        key="cause.aside",
        facts={"state": found.process.states[found.row.state].title, "move": onward.title if onward else ""},
        unblocks="unblocks.aside" if onward else "unblocks.other",
        party=found.party(role) if role else None,
        since=found.row.entered_on,
        target=Target("case", found.row.id),
    )


def _rest(found: SeenCase) -> Cause | None:
    lasting = next((hold for hold in found.holds() if hold.ended_on is None), None)
    if lasting is None:
        return None
    review = parts.due(found.work, lasting.review_on)
    external = lasting.waits_for
    facts: dict[str, Any] = {"blocker": lasting.blocker, "external": external or "", "review": lasting.review_on}
    if lasting.promised_on is not None:
        facts["promised"] = lasting.promised_on
    return Cause(
        kind="rest",
        key="cause.rest_external" if external else "cause.rest",
        facts=facts,
        unblocks="unblocks.rest_promised" if lasting.promised_on else "unblocks.rest",
        party=found.party("umsetzungsteam"),
        since=lasting.began_on,
        due=parts.due(found.work, lasting.promised_on) or review,
        target=Target("case", found.row.id),
        others=_resting_for(found, lasting.party) if lasting.party else 0,
        outside=lasting.party,
    )


# --- one cause of each kind ------------------------------------------------------------------------------------------


def _of_task(found: SeenCase, task: TaskRow) -> Cause:
    status = task.status if task.status in ("ready", "accepted", "submitted", "declined") else "waiting"
    return Cause(
        kind="task",
        key=f"cause.task_{status}",
        facts={"task": found.definition_of(task).title},
        unblocks=f"unblocks.task_{status}",
        party=found.party_of(task, holder=task.holder_id if status == "accepted" else None),
        since=task.counted_from or found.row.entered_on,
        due=parts.due(found.work, task.due_on) if task.acting else None,
        target=Target("task", task.id),
    )


def _of_prerequisite(found: SeenCase, about: About, owner: str | None) -> Cause:
    catalogue = found.work.catalogue
    known = found.prerequisites().get((about.name, about.scope))
    title = parts.prerequisite_title(catalogue, about.name)
    if known is None:
        return Cause(
            kind="prerequisite",
            key="cause.prerequisite_missing",
            facts={"prerequisite": title},
            unblocks="unblocks.prerequisite_missing",
            party=found.party("umsetzungsteam"),
            since=found.row.entered_on,
        )
    of = OfBody(found.row.body, known.team)
    step = parts.step_title(catalogue, known.kind, known.step) if known.acting else None
    lapsed = known.has_lapsed(found.work.today)
    status = "expired" if lapsed else "missing" if known.status in ("not_needed", "done") else known.status
    asked = known.acting or owner or known.owner
    return Cause(
        kind="prerequisite",
        key=f"cause.prerequisite_{status}{'_step' if step else ''}",
        facts={"prerequisite": title, **({"step": step} if step else {}), **_until(known, lapsed=lapsed)},
        unblocks="unblocks.prerequisite_set_aside" if known.status == "set_aside" else "unblocks.prerequisite",
        party=found.party(asked, holder=known.holder_id if known.status == "accepted" else None, of=of),
        since=known.valid_until if lapsed else known.counted_from,
        due=parts.due(found.work, known.due_on) if known.acting else None,
        target=Target("prerequisite", known.id),
        others=_needing(found, Needed(known.kind, known.scope)),
    )


def _until(known: PrerequisiteSeen, *, lapsed: bool) -> dict[str, dt.date]:
    return {"on": known.valid_until} if lapsed and known.valid_until else {}


def _of_milestone(found: SeenCase, about: About, reason: Reason) -> Cause:
    row = found.milestones().get(about.name)
    return Cause(
        kind="milestone",
        key="cause.milestone" if reason.due_on else "cause.milestone_undated",
        facts={**reason.facts, "service": parts.service_title(found.work.catalogue, found.row.service)},
        unblocks="unblocks.milestone",
        party=found.party(reason.who) if reason.who else None,
        since=found.row.entered_on,
        due=parts.due(found.work, reason.due_on),
        target=Target("milestone", row.id) if row else None,
        others=_of_service(found),
    )


def _with_contacts(found: SeenCase, causes: Iterable[Cause]) -> tuple[Cause, ...]:
    """The causes, and after the first that waits for people who cannot be reached by mail, that they cannot."""
    told: set[tuple[str, str | None]] = set()
    every: list[Cause] = []
    for one in causes:
        every.append(one)
        party = one.party
        if party is None or party.unreached_on is None or (party.role, party.place) in told:
            continue
        told.add((party.role, party.place))
        every.append(
            Cause(
                kind="contact",
                key="cause.contact_invalid",
                facts={"contact": who(party)},
                unblocks="unblocks.contact_invalid",
                party=party.told_instead or found.party("programme_office"),
                since=party.unreached_on,
                target=one.target,
            )
        )
    return tuple(every)


def _later_rounds(found: SeenCase) -> Iterator[Cause]:
    """The next round, while it is on its way: this one ends when that one goes live."""
    if not found.is_named_by_others:
        return
    rows = found.work.session.execute(
        sa.select(Case.id, Case.number, Case.opened_on, sa.case((policy.cases(found.work.actor), 1), else_=0))
        .where(Case.previous_id == found.row.id, Case.ended_on.is_(None))
        .order_by(Case.round)
    )
    for case_id, number, opened_on, visible in rows:
        target = Target("case", case_id) if visible else None
        yield Cause("round", "cause.round", {"case": number}, "unblocks.round", since=opened_on, target=target)


def _warnings(found: SeenCase) -> Iterator[Cause]:
    """What a live case relies on that is proved no more."""
    if found.row.live_on is None:
        return
    for entry in found.work.catalogue.needed(found.row.service, found.row.variant):
        known = found.prerequisites().get((entry.kind, entry.scope))
        if known is not None and not known.holds_on(found.work.today) and known.has_lapsed(found.work.today):
            yield _of_prerequisite(found, About("prerequisite", entry.kind, entry.scope), None)


# --- in one sentence -------------------------------------------------------------------------------------------------


def _ordered(causes: Iterable[Cause]) -> tuple[Cause, ...]:
    """The most urgent first; what has no date last."""
    return tuple(sorted(causes, key=lambda one: (one.due.on if one.due else dt.date.max, one.key)))


def _summed(causes: Sequence[Cause]) -> dict[str, Any]:
    """What the headline says: how much is missing, what of it comes first, and whose turn it is."""
    first = causes[0]
    return {"n": len(causes), "what": what(first), "who": who(first.party)}


def what(one: Cause) -> Text | texts.Key:
    """What a cause is about, in a few words."""
    for name in ("step", "task", "prerequisite", "milestone", "move", "blocker", "state"):
        if isinstance(title := one.facts.get(name), Text):
            return title
    return texts.Key(f"standstill.about.{one.kind}")


def who(party: Party | None) -> Text | texts.Key:
    """Who must act: the role and its place."""
    if party is None:
        return texts.Key("standstill.nobody")
    if party.role == "umsetzungsteam" and party.place:
        return Text(de=party.place, en=party.place)
    if party.place:
        return Text(de=f"{party.title.de}, {party.place}", en=f"{party.title.en}, {party.place}")
    return party.title


# --- who waits for the same ------------------------------------------------------------------------------------------


def _needing(found: SeenCase, entry: Needed) -> int:
    """Other cases of the body that need the same and are not in use yet, as far as the reader sees them."""
    return sum(
        1
        for case_id, service, variant in found.on_their_way()
        if case_id != found.row.id and entry in found.work.catalogue.needed(service, variant)
    )


def _of_service(found: SeenCase) -> int:
    """Other cases of the service that are not in use yet, as far as the reader sees them."""
    query = sa.select(sa.func.count()).where(
        policy.cases(found.work.actor),
        Case.service == found.row.service,
        Case.ended_on.is_(None),
        Case.live_on.is_(None),
        Case.id != found.row.id,
    )
    return found.work.session.execute(query).scalar_one()


def _resting_for(found: SeenCase, party: str) -> int:
    """Other cases that rest and wait for the same party, as far as the reader sees them."""
    kind, key = registers.party_of(party)
    query = (
        sa.select(sa.func.count())
        .select_from(Hold)
        .join(Case, Case.id == Hold.case_id)
        .where(
            policy.cases(found.work.actor),
            Hold.ended_on.is_(None),
            Hold.external_kind == kind,
            Hold.external_key == key if key else Hold.external_key.is_(None),
            Case.id != found.row.id,
        )
    )
    return found.work.session.execute(query).scalar_one()
