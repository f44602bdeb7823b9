"""Nobody is forgotten when a mail does not arrive: others learn of it, the case says so, and a new address ends it."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from tests.smtp import MailServer
from tests.workflow.conftest import Run
from tests.workflow.test_bounces import report
from tests.world import TOWN, World, contents
from workflow import absences, bounces, dead_letters, mailer, messages, people, tasks, ticking, unreached, wishes
from workflow.database import real_now
from workflow.engine import SYSTEM
from workflow.errors import Conflict, NotAllowed, NotFound, Refused
from workflow.models import Mailbox, Message, Notice, Person
from workflow.queries import bodies, case, standstill
from workflow.queries.standstill import Standstill


@pytest.fixture
def sending(world: World, smtp: MailServer) -> World:
    """A world whose mails go to the mail server."""
    world.engine.settings = dataclasses.replace(
        world.engine.settings, smtp_url=smtp.url, mail_from="Startklar <startklar@programm.example>"
    )
    return world


# --- who is told instead ---------------------------------------------------------------------------------------------


def test_what_a_refused_mail_said_is_told_to_those_who_answer_for_the_recipient(
    sending: World, smtp: MailServer
) -> None:
    case_id = sending.open()
    smtp.refuse("digi@startklar.example", 550)
    _write_and_send(sending)
    assert smtp.received == []
    _write_and_send(sending)
    (mail,) = smtp.received  # digi is refused, so leitung
    assert mail.recipients == ("leitung@startklar.example",)
    notice = _notices(sending, "leitung")[0]
    facts = json.loads(notice.facts)
    assert facts["unreached"] == [sending["digi"].hex]
    assert facts["role"] == "body.leitung"
    assert "Wer das bekommen sollte, ist per E-Mail nicht zu" in mail.text
    assert f"/tasks/{sending.task(case_id, 'express_interest')}" in mail.text  # to look at, not to answer for digi
    assert notice.subject_id == sending.task(case_id, "express_interest")
    _write_and_send(sending)
    assert len(smtp.received) == 1  # once


@pytest.mark.parametrize(
    ("marked", "role", "told"),
    [
        (["kasse"], "body.kasse", ["digi"]),
        (["kasse", "digi"], "body.kasse", ["leitung"]),
        (["kasse", "digi", "leitung"], "body.kasse", ["colleague", "team"]),
        (["kasse", "digi", "leitung", "team", "colleague"], "body.kasse", ["supervisor"]),
        (["leitung"], "body.leitung", ["digi"]),
        (["team"], "umsetzungsteam", ["colleague"]),
        (["team", "colleague"], "umsetzungsteam", ["supervisor"]),
        (["team", "colleague", "supervisor"], "umsetzungsteam", ["office"]),
        (["supervisor"], "supervisor", ["office"]),
        (["operator"], "rollout_team", ["colleague", "team"]),
        (["office", "supervisor"], "supervisor", []),
    ],
)
def test_others_in_the_role_come_first_then_whoever_answers_for_them(
    world: World, marked: list[str], role: str, told: list[str]
) -> None:
    case_id = world.open()
    _forget_notices(world)
    _mark(world, *marked)
    _notify(world, marked[0], case_id, role=role)
    unreached.pass_on(world.engine)
    assert sorted(_name(world, row) for row in _pending(world)) == told


def test_who_knows_it_from_the_same_decision_is_not_told_twice(world: World) -> None:
    case_id = world.open()
    _forget_notices(world)
    _mark(world, "team")
    for name in ("team", "colleague"):
        _notify(world, name, case_id, role="umsetzungsteam")
    unreached.pass_on(world.engine)
    assert [_name(world, row) for row in _pending(world)] == ["colleague"]
    assert "unreached" not in json.loads(_pending(world)[0].facts)


def test_two_who_cannot_be_reached_lead_to_one_notice_for_whoever_is_told_instead(world: World) -> None:
    case_id = world.open()
    _forget_notices(world)
    with world.engine.change(SYSTEM) as work:
        people.grant(work, world["it"], people.parse_role(f"kasse@{TOWN}"))
    _mark(world, "kasse", "it")
    for name in ("kasse", "it"):
        _notify(world, name, case_id, role="body.kasse")
    unreached.pass_on(world.engine)
    assert [_name(world, row) for row in _pending(world)] == ["digi"]


def test_without_a_role_said_it_is_the_one_in_which_the_recipient_acts(world: World) -> None:
    case_id = world.open()
    assert [_name(world, row) for row in _pending(world)] == ["digi"]
    _mark(world, "digi")
    unreached.pass_on(world.engine)
    assert [_name(world, row) for row in _pending(world)] == ["leitung"]
    assert case_id == _pending(world)[0].case_id


def test_mere_news_is_not_passed_on(world: World) -> None:
    case_id = world.open()
    _forget_notices(world)
    _mark(world, "kasse")
    _notify(world, "kasse", case_id, notice="informed")
    unreached.pass_on(world.engine)
    assert _pending(world) == []


def test_what_was_for_somebody_away_goes_on_when_the_deputy_cannot_be_reached(world: World) -> None:
    case_id = world.open()
    _forget_notices(world)
    with world.by("digi") as work:
        absences.enter(work, world["digi"], world["kasse"], from_on=work.today, until_on=work.today)
    _mark(world, "kasse")
    _notify(world, "kasse", case_id, role="body.digi", on_behalf_of=world["digi"])
    unreached.pass_on(world.engine)
    assert [_name(world, row) for row in _pending(world)] == ["leitung"]


def test_whoever_is_told_instead_and_away_is_told_through_the_deputy(world: World) -> None:
    case_id = world.open()
    _forget_notices(world)
    with world.by("digi") as work:
        absences.enter(work, world["digi"], world["it"], from_on=work.today, until_on=work.today)
    _mark(world, "kasse")
    _notify(world, "kasse", case_id, role="body.kasse")
    unreached.pass_on(world.engine)
    (row,) = _pending(world)
    assert row.recipient_id == world["it"]
    assert json.loads(row.facts)["on_behalf_of"] == world["digi"].hex


@pytest.mark.parametrize("how", ["erased", "without a role"])
def test_what_waits_for_the_digest_of_somebody_who_leaves_is_told_to_others(world: World, how: str) -> None:
    """A rung is decided once: whoever left before the mail was written must not take it along."""
    case_id = world.open()
    _forget_notices(world)
    with world.by("digi") as work:
        wishes.choose(work, at="12:00", weekdays=[5], asked_at_once=False)
    world.days(8)
    ticking.decide_and_write(world.engine)
    assert [_name(world, row) for row in _pending(world)] == ["digi"]
    with world.by("admin") as work:
        if how == "erased":
            people.erase(work, world["digi"])
        else:
            people.withdraw(work, world["digi"], people.parse_role(f"digi@{TOWN}"))
    ticking.decide_and_write(world.engine)
    with world.look() as work:
        row = work.session.execute(sa.select(Notice.__table__).where(Notice.urgency > 0)).one()
    assert (_name(world, row), row.subject_id) == ("leitung", world.task(case_id, "express_interest"))


def test_it_goes_further_when_the_next_one_cannot_be_reached_either_and_never_back(
    sending: World, smtp: MailServer
) -> None:
    sending.open()
    for name in ("digi", "leitung", "team", "colleague", "supervisor", "office"):
        smtp.refuse(f"{name}@startklar.example", 550)
    for _ in range(10):
        _write_and_send(sending)
    assert smtp.received == []
    with sending.look() as work:
        told = list(work.session.execute(sa.select(Message.address).order_by(Message.written_at, Message.id)).scalars())
    assert len(told) == len(set(told))  # each once
    assert {address.partition("@")[0] for address in told if address} == {
        "digi",
        "leitung",
        "team",
        "colleague",
        "supervisor",
        "office",
    }


def test_what_failed_for_its_content_is_told_in_a_mail_of_others(sending: World, smtp: MailServer) -> None:
    sending.open()
    smtp.refuse_all(554, "no")
    _write_and_send(sending)
    smtp.accept_again()
    _write_and_send(sending)
    assert [mail.recipients for mail in smtp.received] == [("leitung@startklar.example",)]
    assert _person(sending, "digi").bounced_at is None


def test_several_that_pass_on_at_once_tell_everybody_once(world: World) -> None:
    case_id = world.open()
    _forget_notices(world)
    _mark(world, "kasse")
    for _ in range(5):
        _notify(world, "kasse", case_id, role="body.kasse", notice="reminder")
    _failed(world, "kasse", case_id)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: unreached.pass_on(world.engine), range(4)))
    assert len(_pending(world)) == 1 + 1
    assert {_name(world, row) for row in _pending(world)} == {"digi"}


def test_whoever_marks_mends_and_tells_at_once_meets_no_deadlock(world: World) -> None:
    """Reports come in, addresses are entered, tasks assigned, notices passed on and mails written."""
    opened = [world.open(service) for service in ("wohngeld", "uvg", "ikfz")]
    for case_id in opened:
        _failed(world, "kasse", case_id) if case_id == opened[0] else _notify(world, "digi", case_id, role="body.digi")
    letters = [_sent(world) for _ in range(6)]

    def change(number: int) -> None:
        with world.by("admin") as work:
            people.change_address(work, world["digi"], f"neu{number}@startklar.example")

    def act(number: int) -> None:
        with world.by("leitung") as work:
            tasks.assign(work, world.task(opened[number % 3], "express_interest"), world["digi"])

    todo: list[Callable[[], object]] = []
    for number in range(6):
        todo += [
            partial(bounces.take, world.engine, report(letters[number])),
            partial(change, number),
            partial(act, number),
            partial(unreached.pass_on, world.engine),
            partial(messages.compose, world.engine),
        ]
    with ThreadPoolExecutor(5) as pool:
        for one in [pool.submit(deed) for deed in todo]:
            with suppress(Conflict):  # assigned to somebody who has it
                one.result(timeout=60)


def test_a_pass_with_nothing_to_do_changes_nothing(world: World) -> None:
    world.open()
    before = contents(world)
    assert unreached.pass_on(world.engine) == 0
    assert contents(world) == before


# --- what pages say of it --------------------------------------------------------------------------------------------


def test_a_case_whose_people_cannot_be_reached_says_so_and_who_is_told_instead(world: World) -> None:
    case_id = world.open()
    missing = _why(world, case_id).facts["n"]
    assert _contacts(world, case_id) == []
    _mark(world, "digi")
    answer = _why(world, case_id)
    first, second = answer.causes[:2]
    assert (first.kind, first.party and first.party.unreached_on) == ("task", dt.date(2026, 11, 23))
    assert (second.kind, second.key) == ("contact", "cause.contact_invalid")
    assert second.target == first.target
    assert second.since == dt.date(2026, 11, 23)
    assert second.party is not None
    assert (second.party.role, second.party.people) == ("body.leitung", ("Leitung",))
    said = standstill.plain("x", answer)["causes"][1]["sentence"]
    assert said == {
        "de": "Die Kontaktadresse ist ungültig: Digitalisierungsbeauftragte:r, Landkreis Mainz-Bingen ist per E-Mail "
        "nicht zu erreichen.",
        "en": "The contact address is invalid: Digitalisation officer, Landkreis Mainz-Bingen cannot be reached by "
        "e-mail.",
    }
    assert answer.facts["n"] == missing  # nothing more is missing than before


def test_one_of_several_who_can_be_reached_is_enough(world: World) -> None:
    case_id = world.open()
    with world.engine.change(SYSTEM) as work:
        people.grant(work, world["it"], people.parse_role(f"digi@{TOWN}"))
    _mark(world, "digi")
    assert _contacts(world, case_id) == []
    _mark(world, "it")
    assert _contacts(world, case_id) == ["body.leitung"]


def test_a_deputy_or_a_mailbox_of_the_role_is_reached_instead(world: World) -> None:
    case_id = world.open()
    _mark(world, "digi")
    with world.by("leitung") as work:
        absence = absences.enter(
            work, world["digi"], world["kasse"], work.today, work.today, place=absences.Place(body=TOWN)
        ).id
    assert _contacts(world, case_id) == []
    with world.by("leitung") as work:
        absences.end(work, absence)
    assert _contacts(world, case_id) == ["body.leitung"]
    with world.engine.change(SYSTEM) as work:
        box = {"id": UUID(int=3), "body": TOWN, "role": "digi", "address": "digi@town.example", "head": ""}
        work.session.execute(sa.insert(Mailbox).values(box))
    assert _contacts(world, case_id) == []
    unreached.pass_on(world.engine)
    assert [_name(world, row) for row in _pending(world)] == ["digi"]  # goes to the mailbox
    with world.engine.change(SYSTEM) as work:
        work.session.execute(sa.update(Mailbox).values(bounced_at=work.now))
    assert _contacts(world, case_id) == ["body.leitung"]
    unreached.pass_on(world.engine)
    assert [_name(world, row) for row in _pending(world)] == ["leitung"]


def test_where_nobody_can_be_reached_the_programme_office_stands_there(world: World) -> None:
    case_id = world.open()
    _mark(world, *world.ids)
    assert set(_contacts(world, case_id)) == {"programme_office"}


def test_the_page_of_the_body_says_whose_address_does_not_work(world: World) -> None:
    _mark(world, "digi")
    with world.look("leitung") as work:
        page = bodies.body(work, TOWN)
    assert page.roles is not None
    marked = [one.name for role in page.roles for one in role.holders if one.bounced_on]
    assert marked == ["Digi"]


# --- taking the mark away --------------------------------------------------------------------------------------------


def test_a_bounce_leads_to_others_until_a_new_address_is_entered(sending: World, smtp: MailServer) -> None:
    sending.open()
    _write_and_send(sending)
    (first,) = smtp.received
    message_id = _messages(sending)[0].id
    assert bounces.take(sending.engine, report(message_id)) == "bounced"
    _write_and_send(sending)
    assert smtp.received[-1].recipients == ("leitung@startklar.example",)

    with sending.by("admin") as work:
        people.change_address(work, sending["digi"], " Neu@Startklar.Example ")
    person = _person(sending, "digi")
    assert (person.email, person.bounced_at, person.bounce_reason) == ("neu@startklar.example", None, None)
    with sending.by("admin") as work:
        dead_letters.resend(work, message_id)
    _write_and_send(sending)
    again = smtp.received[-1]
    assert again.recipients == ("neu@startklar.example",)
    assert again.message["Message-ID"] == first.message["Message-ID"]
    assert {row.status for row in _messages(sending)} == {"sent"}


def test_mail_that_waits_goes_to_the_new_address(sending: World, smtp: MailServer) -> None:
    sending.open()
    messages.compose(sending.engine)
    with sending.by("admin") as work:
        people.change_address(work, sending["digi"], "neu@startklar.example")
    mailer.deliver(sending.engine, worker="one")
    assert [mail.recipients for mail in smtp.received] == [("neu@startklar.example",)]


def test_an_address_works_again_when_an_administrator_says_so(world: World) -> None:
    _mark(world, "digi")
    for name in ("digi", "office", "team", "supervisor"):
        with world.by(name) as work, pytest.raises(NotAllowed):
            people.address_works(work, world["digi"])
        with world.by(name) as work, pytest.raises(NotAllowed):
            people.change_address(work, world["digi"], "x@y.example")
    with world.by("admin") as work:
        people.address_works(work, world["digi"])
    assert _person(world, "digi").bounced_at is None
    with world.by("admin") as work, pytest.raises(Conflict):
        people.address_works(work, world["digi"])
    with world.by("admin") as work, pytest.raises(NotFound):
        people.address_works(work, UUID(int=1))


@pytest.mark.parametrize("address", ["", "kein Postfach", "a@b\r\nBcc: x@y.example", "a@" + "b" * 260 + ".example"])
def test_an_address_that_is_none_is_refused(world: World, address: str) -> None:
    with world.by("admin") as work, pytest.raises(Refused):
        people.change_address(work, world["digi"], address)


def test_an_address_somebody_has_is_refused_and_one_of_the_same_mailbox_makes_one_human(world: World) -> None:
    with world.by("admin") as work, pytest.raises(Conflict):
        people.change_address(work, world["digi"], "leitung@startklar.example")
    with world.by("admin") as work:
        people.change_address(work, world["digi"], "leitung+digi@startklar.example")
    assert _person(world, "digi").human_id == _person(world, "leitung").human_id


def test_an_account_that_was_erased_is_marked_no_more(world: World) -> None:
    _mark(world, "digi")
    with world.by("admin") as work:
        people.erase(work, world["digi"])
    assert (_person(world, "digi").bounced_at, _person(world, "digi").bounce_reason) == (None, None)
    with world.by("admin") as work, pytest.raises(NotFound):
        people.change_address(work, world["digi"], "neu@startklar.example")


# --- sending again ---------------------------------------------------------------------------------------------------


def test_only_what_failed_is_sent_again_and_only_where_mail_arrives(sending: World, smtp: MailServer) -> None:
    sending.open()
    smtp.refuse_all(554, "spam")
    _write_and_send(sending)
    (failed,) = _messages(sending)
    for name in ("digi", "team", "supervisor", "auditor"):
        with sending.by(name) as work, pytest.raises(NotAllowed):
            dead_letters.resend(work, failed.id)
    _mark(sending, "digi")
    with sending.by("office") as work, pytest.raises(Conflict):
        dead_letters.resend(work, failed.id)
    with sending.by("admin") as work:
        people.address_works(work, sending["digi"])
    smtp.accept_again()
    with sending.by("office") as work:
        dead_letters.resend(work, failed.id)
    with sending.by("office") as work, pytest.raises(Conflict):
        dead_letters.resend(work, failed.id)
    with sending.by("office") as work, pytest.raises(NotFound):
        dead_letters.resend(work, UUID(int=1))
    mailer.deliver(sending.engine, worker="one")
    assert smtp.received[0].message["Message-ID"] == failed.header_id


def test_all_are_sent_again_but_those_whose_address_does_not_work(sending: World, smtp: MailServer) -> None:
    case_id = sending.open()
    _forget_notices(sending)
    for name in ("kasse", "it", "digi"):
        _failed(sending, name, case_id)
    _mark(sending, "it")
    with sending.engine.change(SYSTEM) as work:
        people.erase(work, sending["digi"])
    with pytest.raises(NotAllowed):
        dead_letters.resend_all(sending.engine, sending["team"])
    assert dead_letters.resend_all(sending.engine, sending["admin"]) == (1, 2)
    mailer.deliver(sending.engine, worker="one")
    assert [mail.recipients for mail in smtp.received] == [("kasse@startklar.example",)]


def test_the_operator_does_the_same_at_the_shell(
    sending: World, smtp: MailServer, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STARTKLAR_DATABASE_URL", sending.engine.settings.database_url)
    assert "Jede Mail ist angekommen" in run("mails", "dead").err
    sending.open()
    smtp.refuse("digi@startklar.example", 550)
    _write_and_send(sending)
    smtp.accept_again()
    said = run("mails", "dead")
    assert "recipient: 550: no such mailbox" in said.out
    assert "Digi digi@startklar.example ist seit" in said.err
    (dead,) = run("mails", "dead", "--json").data["dead"]
    assert (dead["failure"], dead["may_resend"], dead["person"]) == ("recipient", False, "Digi")
    assert "digi@startklar.example ist seit" in run("person", "list").err
    for_team = run("mails", "dead", "--as", "team@startklar.example")
    assert (for_team.code, for_team.out) == (1, "")
    assert run("mails", "resend", dead["id"]).code == 1
    assert run("mails", "resend", "--all").code == 1
    assert run("mails", "resend").code == 2
    assert run("mails", "resend", "x").code == 2
    assert run("person", "address", "digi@startklar.example").code == 2
    assert run("person", "address", "digi@startklar.example", "--works").code == 0
    assert run("person", "address", "digi@startklar.example", "--works").code == 1
    assert run("person", "address", "digi@startklar.example", "neu@startklar.example").code == 0
    assert run("mails", "resend", dead["id"]).out == "Eine Mail geht noch einmal hinaus.\n"
    assert mailer.deliver(sending.engine, worker="one").sent == 1
    assert smtp.received[0].recipients == ("neu@startklar.example",)


# --- helpers ---------------------------------------------------------------------------------------------------------


def _write_and_send(world: World) -> None:
    unreached.pass_on(world.engine)
    messages.compose(world.engine)
    mailer.deliver(world.engine, worker="one")


def _why(world: World, case_id: UUID) -> Standstill:
    with world.look("team") as work:
        return case.why(work, case_id)[1]


def _contacts(world: World, case_id: UUID) -> list[str]:
    """Who is told instead, of each who cannot be reached."""
    return [one.party.role for one in _why(world, case_id).causes if one.kind == "contact" and one.party]


def _name(world: World, row: Any) -> str:
    return next(name for name, person_id in world.ids.items() if person_id == row.recipient_id)


def _mark(world: World, *names: str) -> None:
    with world.engine.change(SYSTEM) as work:
        for name in names:
            marked = {"bounced_at": work.now, "bounce_reason": "5.1.1"}
            work.session.execute(sa.update(Person).where(Person.id == world[name]).values(marked))


def _notify(world: World, who: str, case_id: UUID, *, notice: str = "asked", **facts: Any) -> None:
    plain = {key: value.hex if isinstance(value, UUID) else value for key, value in facts.items()}
    with world.engine.change(SYSTEM) as work:
        work.session.execute(
            sa.insert(Notice).values(
                recipient_id=world[who],
                name=notice,
                subject_kind="task",
                subject_id=world.task(case_id, "express_interest"),
                case_id=case_id,
                facts=json.dumps({"task": "express_interest", **plain}),
                created_at=work.now,
                **messages.timing(notice, work.now),
            )
        )


def _failed(world: World, name: str, case_id: UUID) -> None:
    """A mail that failed for its content, with a notice in it."""
    message_id = UUID(int=world[name].int ^ 1)
    with world.engine.change(SYSTEM) as work:
        work.session.execute(
            sa.insert(Message).values(
                id=message_id,
                key=message_id.hex * 2,
                recipient_id=world[name],
                address=f"{name}@startklar.example",
                header_id=f"<{message_id.hex}@programm.example>",
                language="de",
                subject="Betreff",
                plain="Text\n",
                html="<p>Text</p>",
                written_at=work.now,
                status="failed",
                failure="content",
                failed_at=real_now(),
            )
        )
        work.session.execute(
            sa.insert(Notice).values(
                recipient_id=world[name],
                name="reminder",
                subject_kind="task",
                subject_id=world.task(case_id, "express_interest"),
                case_id=case_id,
                facts=json.dumps({"task": "express_interest", "role": "body.kasse"}),
                created_at=real_now(),
                message_id=message_id,
                **messages.timing("reminder", work.now),
            )
        )


def _sent(world: World) -> UUID:
    message_id = uuid4()
    with world.engine.change(SYSTEM) as work:
        values = {"id": message_id, "key": message_id.hex * 2, "recipient_id": world["digi"], "language": "de"}
        values |= {"address": "digi@startklar.example", "header_id": f"<{message_id.hex}@x>", "status": "sent"}
        values |= {"subject": "x", "plain": "x", "html": "x", "written_at": work.now}
        work.session.execute(sa.insert(Message).values(values))
    return message_id


def _forget_notices(world: World) -> None:
    with world.engine.change(SYSTEM) as work:
        work.session.execute(sa.delete(Notice))


def _pending(world: World) -> list[Any]:
    with world.look() as work:
        query = sa.select(Notice.__table__).where(Notice.message_id.is_(None)).order_by(Notice.created_at, Notice.id)
        return list(work.session.execute(query))


def _notices(world: World, name: str) -> list[Any]:
    with world.look() as work:
        return list(work.session.execute(sa.select(Notice.__table__).where(Notice.recipient_id == world[name])))


def _messages(world: World) -> list[Any]:
    with world.look() as work:
        return list(
            work.session.execute(sa.select(Message.__table__).order_by(Message.written_at, Message.tries.desc()))
        )


def _person(world: World, name: str) -> Any:
    with world.look() as work:
        return work.session.execute(sa.select(Person.__table__).where(Person.id == world[name])).one()
