"""Every address, asked by every account and by a stranger: what is not theirs is not there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from flask import Flask
from werkzeug.routing import Rule

from tests.webui.visitor import Visitor, words
from tests.world import EMPTY_TOWN, FILE, STRANGE_TOWN, TOWN, World, contents
from webui import PUBLIC
from workflow import (
    absences,
    announcements,
    bulk,
    closures,
    clusters,
    comments,
    delegations,
    onboarding,
    policy,
    views,
)
from workflow.models import (
    Absence,
    Announcement,
    Body,
    Bulk,
    Case,
    Closure,
    Cluster,
    Comment,
    Delegation,
    Document,
    Milestone,
    OnboardingRequest,
    Prerequisite,
    SavedView,
    Task,
)

OWN = frozenset(
    {
        "absences.enter",
        "absences.show",
        "account.mail",
        "account.show",
        "account.password",
        "account.sign_out_device",
        "components.show",
        "drafts.forget",
        "drafts.keep",
        "pulse.inbox",
        "feeds.make",
        "feeds.revoke",
        "inbox.show",
        "tour.end",
        "tour.show",
        "keyboard.show",
        "views.index",
        "views.keep",
        "views.new",
        "municipality.show",
    }
)
"""Pages about oneself; others cannot be named in their address."""

LISTS = frozenset(
    {
        "blockers.show",
        "case_list.board",
        "case_list.show",
        "escalations.show",
        "bodies.index",
        "prerequisites.index",
        "onboarding.index",
        "services.index",
        "programme.show",
        "inbox.show",
        "queue.show",
        "search.show",
        "matrix.show",
        "waves.index",
    }
)
SHARED = frozenset(
    {
        "announcements.index",
        "blockers.kept",
        "bodies.show",
        "clusters.index",
        "delegations.index",
        "definitions.index",
        "definitions.show",
        "definitions.show_part",
        "districts.show",
        "services.show",
        "waves.show",
        "services.delayed",
        "milestones.index",
        "milestones.show",
        "onboarding.ask",
        "samples.show",
        "trainings.cancel",
        "trainings.index",
        "trainings.plan",
        "samples.download",
    }
)
"""Pages everybody signed in may open; what they say of foreign cases is checked below."""

GUARDED: dict[str, Callable[[policy.Actor], sa.Select[Any]]] = {
    "case_id": lambda actor: sa.select(Case.id).where(policy.cases(actor)),
    "task_id": lambda actor: sa.select(Task.id).join(Case, Case.id == Task.case_id).where(policy.cases(actor)),
    "subject_id": lambda actor: sa.select(Task.id).join(Case, Case.id == Task.case_id).where(policy.cases(actor)),
    "prerequisite_id": lambda actor: sa.select(Prerequisite.id).where(policy.prerequisites(actor)),
    "absence_id": lambda actor: sa.select(Absence.id).where(
        sa.or_(sa.literal(policy.is_admin(actor)), Absence.person_id == actor.id)
    ),
    "comment_id": lambda actor: sa.select(Comment.id).join(Case, Case.id == Comment.case_id).where(policy.cases(actor)),
    "document_id": lambda actor: sa.select(Document.id).where(policy.documents(actor)),
    "cluster_id": lambda actor: sa.select(Cluster.id).where(policy.clusters(actor)),
    "delegation_id": lambda actor: sa.select(Delegation.id).where(policy.delegations(actor)),
    "bulk_id": lambda actor: sa.select(Bulk.id).where(policy.bulks(actor)),
    "closure_id": lambda actor: sa.select(Closure.id).where(policy.closures(actor)),
    "view_id": lambda actor: sa.select(SavedView.id).where(policy.saved_views(actor)),
    "request_id": lambda actor: sa.select(OnboardingRequest.id).where(policy.onboarding_requests(actor)),
    "announcement_id": lambda actor: sa.select(Announcement.id).where(policy.announcements(actor)),
}
"""What an address may name, and who may know that it exists."""

_MODELS: dict[str, Any] = {
    "case_id": Case,
    "task_id": Task,
    "subject_id": Task,
    "prerequisite_id": Prerequisite,
    "absence_id": Absence,
    "comment_id": Comment,
    "document_id": Document,
    "cluster_id": Cluster,
    "delegation_id": Delegation,
    "bulk_id": Bulk,
    "closure_id": Closure,
    "view_id": SavedView,
    "request_id": OnboardingRequest,
    "announcement_id": Announcement,
}

ACCOUNTS = (
    "digi",
    "leitung",
    "dsb",
    "team",
    "other_team",
    "supervisor",
    "operator",
    "office",
    "auditor",
    "admin",
    "stranger",
)


@dataclass
class Population:
    """What there is to find: ids of every kind, by who may know of them."""

    everything: dict[str, set[Any]] = field(default_factory=dict)
    visible: dict[tuple[str, str], set[Any]] = field(default_factory=dict)
    numbers: dict[Any, str] = field(default_factory=dict)
    milestones: list[Any] = field(default_factory=list)


def _busy(world: World) -> None:
    """Cases of three towns in several states, with documents and prerequisites."""
    for body in (TOWN, STRANGE_TOWN, EMPTY_TOWN):
        world.open(body=body)
    case_id = world.open("uvg")
    world.finish_state(case_id, accept_terms={"signed_terms": FILE})
    world.walk(case_id, until="contracted")
    with world.by("digi") as work:
        comments.write(work, case_id, "Bitte ansehen.")
    case_id = world.open("ewa", body=_verbandsgemeinde(world))
    assert world.case(case_id).team
    asked = bulk.start(world.engine, world["team"], bulk.Order("resume"), bulk.of_cases([case_id]))
    assert bulk.work_off(world.engine, asked.id)
    with world.by("office") as work:
        clusters.found(work, "Verbund", TOWN, [EMPTY_TOWN], ["wohngeld"])
        delegations.give(work, STRANGE_TOWN, "wohngeld", TOWN, from_on=work.today)
    assert delegations.apply(world.engine)
    with world.by("office") as work:
        delegations.give(work, EMPTY_TOWN, "uvg", STRANGE_TOWN, from_on=work.today)
    for who, body in (("leitung", TOWN), ("stranger", STRANGE_TOWN)):
        with world.by(who) as work:
            closures.enter(work, body, work.today, work.today)
    for body in (TOWN, STRANGE_TOWN):
        with world.by("office") as work:
            announcements.send(work, [body], "Schulung", "Am Montag.")
    with world.by("team") as work:
        views.keep(work, page="cases", query="overdue=yes", title="Überfällig", team=world.team)
    with world.by("digi") as work:
        views.keep(work, page="board", query="", title="Meine Tafel")
    with world.by("digi") as work:
        onboarding.ask(work, "bafoeg", TOWN)
    with world.by("stranger") as work:
        onboarding.ask(work, "bafoeg", STRANGE_TOWN)
    with world.by("dsb") as work:
        absences.enter(work, world["dsb"], world["isb"], work.today, work.today)


@pytest.fixture
def begun() -> Callable[[World], None]:
    """All tests here begin in a busy world."""
    return _busy


@pytest.fixture
def busy(world: World) -> World:
    """The same by its name."""
    return world


@pytest.fixture
def population(busy: World) -> Population:
    """The whole population and each account's part of it."""
    found = Population()
    with busy.look() as work:
        for name, model in _MODELS.items():
            ids = list(work.session.execute(sa.select(model.id).order_by(model.id)).scalars())
            found.everything[name] = set(ids[:: max(1, len(ids) // 12)])
            assert ids, name
        found.numbers = {row.id: row.number for row in work.session.execute(sa.select(Case.id, Case.number))}
        found.milestones = list(
            work.session.execute(sa.select(Milestone.id).where(Milestone.service == "uvg")).scalars()
        )
    for who in ACCOUNTS:
        with busy.look(who) as work:
            for name, clause in GUARDED.items():
                seen = set(work.session.execute(clause(work.actor)).scalars())
                found.visible[who, name] = seen & found.everything[name]
                if name == "case_id":
                    found.visible[who, "cases"] = seen
    return found


def test_a_stranger_gets_nothing_but_the_way_to_sign_in(
    app: Flask, stranger: Visitor, busy: World, population: Population
) -> None:
    before = contents(busy)
    for rule in _rules(app):
        if rule.endpoint in PUBLIC:
            continue
        for address, _ in _addresses(app, rule, population):
            if "GET" in (rule.methods or ()):
                answer = stranger.get(address)
                assert (answer.status_code, answer.headers["Location"].split("?")[0]) == (303, "/sign-in"), address
            else:
                assert stranger.post(address).status_code in (303, 403), address
    assert contents(busy) == before


@pytest.mark.parametrize("who", ACCOUNTS)
def test_what_is_not_theirs_does_not_exist(
    app: Flask, visit: Callable[[str], Visitor], busy: World, population: Population, who: str
) -> None:
    visitor = visit(who)
    foreign = 0
    for rule in _rules(app):
        named = [name for name in rule.arguments if name in GUARDED]
        if not named:
            continue
        for address, ids in _addresses(app, rule, population):
            if ids[named[0]] in population.visible[who, named[0]]:
                continue
            foreign += 1
            get = rule.methods is not None and "GET" in rule.methods
            answer = visitor.get(address) if get else visitor.post(address, reason="x", seen="1")
            assert answer.status_code == 404, (address, answer.status_code)
            for number in population.numbers.values():
                assert number not in answer.text
    assert foreign or who in ("office", "auditor")


@pytest.mark.parametrize("who", ACCOUNTS)
def test_what_is_theirs_opens(app: Flask, visit: Callable[[str], Visitor], population: Population, who: str) -> None:
    visitor = visit(who)
    for endpoint, name in (
        ("cases.show", "case_id"),
        ("cases.file", "case_id"),
        ("cases.dates", "case_id"),
        ("tasks.show", "task_id"),
        ("prerequisites.show", "prerequisite_id"),
        ("bulk.show", "bulk_id"),
    ):
        for identity in population.visible[who, name]:
            address = _build(app, endpoint, {name: identity})
            assert visitor.get(address).status_code == 200, address


@pytest.mark.parametrize("who", ACCOUNTS)
def test_no_list_or_shared_page_names_a_foreign_case(
    app: Flask, visit: Callable[[str], Visitor], population: Population, who: str
) -> None:
    visitor = visit(who)
    visible = {population.numbers[case_id] for case_id in population.visible[who, "cases"]}
    hidden = set(population.numbers.values()) - visible
    hidden_ids = {str(case_id) for case_id, number in population.numbers.items() if number in hidden}
    listed: set[str] = set()
    for rule in _rules(app):
        if rule.endpoint not in LISTS | SHARED or "GET" not in (rule.methods or ()):
            continue
        for address, _ in _addresses(app, rule, population):
            answer = visitor.get(address, follow_redirects=True)  # who only administers begins elsewhere
            assert answer.status_code == 200, address
            said = words(answer.text)
            for number in hidden:
                assert number not in said, (address, number)
            for identity in hidden_ids:
                assert identity not in answer.text, (address, identity)
            if rule.endpoint == "case_list.show":
                listed = {number for number in visible if number in said}
    assert listed == visible


@pytest.mark.parametrize("who", ["auditor", "admin"])
def test_who_only_looks_changes_nothing_through_any_door(
    app: Flask, visit: Callable[[str], Visitor], busy: World, population: Population, who: str
) -> None:
    visitor = visit(who)
    visitor.get("/account")
    about_themselves = OWN | {
        "feedback.give",
        "sign_out.leave",
        "sign_in.enter",
        "sign_in.leave",
        "switches.language",
        "switches.theme",
    }
    skipped = about_themselves | {
        "clock.advance",
        "absences.end",
        "mails.resend_all",
        "operations.check_history",
    }  # the administration's own
    before = _casework(busy)
    for rule in _rules(app):
        if "POST" not in (rule.methods or ()) or rule.endpoint in skipped:
            continue
        for address, _ in _addresses(app, rule, population):
            answer = visitor.post(address, reason="x", seen="1", kind="elster_account", due_on="01.02.2027")
            assert answer.status_code in (403, 404, 409, 422), (address, answer.status_code)
    assert _casework(busy) == before


def test_every_endpoint_is_public_about_oneself_shared_or_guarded(app: Flask) -> None:
    known = (
        PUBLIC
        | OWN
        | LISTS
        | SHARED
        | {
            "sign_in.leave",
            "clock.advance",
            "bodies.ask",
            "bodies.close",
            "bodies.end_mailbox",
            "bodies.set_mailbox",
            "clusters.found",
            "delegations.give",
            "milestones.plan",
            "milestones.reach",
        }
        | {"programme.set_target", "programme.move_wave"}
        | {"bulk.index", "bulk.choose", "bulk.try_out", "bulk.start"}
        | {
            "administration.show",
            "operations.show",
            "operations.history",
            "operations.check_history",
            "feedback.index",
            "feedback.done",
            "feedback.reopen",
        }
        | {"access.again", "access.withdraw", "access.end_role", "colleagues.show", "colleagues.invite"}
        | {"teams.index", "teams.show", "teams.invite"}
        | {f"people.{name}" for name in ("index", "invite", "invite_form", "show", "leave_form", "end", "erase")}
        | {f"people.{name}" for name in ("sign_out", "same_human", "not_same_human", "change_address", "address_works")}
        | {"mails.show", "mails.resend", "mails.resend_all", "mails.change_address", "mails.address_works"}
        | {"blockers.add_vendor", "blockers.end_vendor", "takeover.show", "takeover.preview", "takeover.confirm"}
        | {"load.show", "load.bodies", "load.tasks"}
        | {"meetings.index", "meetings.changes", "meetings.note", "meetings.withdraw"}
        | {"announcements.write", "announcements.preview", "announcements.send"}
        | {"ahead.show", "ahead.compare", "ahead.table"}
    )
    for rule in _rules(app):
        assert rule.endpoint in known or any(name in GUARDED for name in rule.arguments), rule.endpoint


def _casework(world: World) -> dict[str, Any]:
    everything = contents(world)
    return {name: rows for name, rows in everything.items() if name not in ("web_session", "login_attempt", "person")}


def _rules(app: Flask) -> Iterator[Rule]:
    yield from sorted(app.url_map.iter_rules(), key=lambda rule: (rule.endpoint, rule.rule))


def _addresses(app: Flask, rule: Rule, population: Population) -> Iterator[tuple[str, dict[str, Any]]]:
    """The address of a rule for every id of the population it can name."""
    choices: dict[str, list[Any]] = {
        **{name: sorted(ids) for name, ids in population.everything.items()},
        "ars": [TOWN, STRANGE_TOWN],
        "key": ["wohngeld", "uvg"],
        "wave": ["welle-2027-02"],
        "transition": ["not_responsible"],
        "point": ["imprint"],
        "name": ["contacts"],
        "training_id": [UUID(int=7)],
        "filename": ["startklar.css"],
        "secret": ["x" * 43],
        "digest": ["0" * 64],
        "part": ["services", "prerequisites", "reminders", "messages"],
        "process": ["efa-onboarding"],
        "version": [1],
        "message_id": [UUID(int=7)],
        "feedback_id": [UUID(int=7)],
        "person_id": [UUID(int=7)],
        "other_id": [UUID(int=8)],
        "invitation_id": [UUID(int=7)],
        "grant_id": [UUID(int=7)],
        "kind": ["task"],
        "token": ["x" * 60],
        "milestone_id": population.milestones,
    }
    combinations: list[dict[str, Any]] = [{}]
    for name in sorted(rule.arguments):
        combinations = [{**before, name: value} for before in combinations for value in choices[name]]
    for values in combinations:
        yield _build(app, rule.endpoint, values), values


def _build(app: Flask, endpoint: str, values: dict[str, Any]) -> str:
    return app.url_map.bind("localhost").build(endpoint, values, method=None)


def _verbandsgemeinde(world: World) -> str:
    with world.look() as work:
        return work.session.execute(
            sa.select(Body.ars)
            .where(Body.kind == "verbandsgemeinde", Body.district != TOWN)
            .order_by(Body.ars)
            .limit(1)
        ).scalar_one()
