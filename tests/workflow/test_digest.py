"""When the mail about a notice goes out: on its recipient's days, with what else there is, and to which mailbox."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from tests.world import STRANGE_TOWN, TOWN, World
from workflow import clock, closures, comments, mailboxes, messages, people, ticking, wishes
from workflow.engine import SYSTEM
from workflow.errors import Conflict, NotAllowed, NotFound, Refused
from workflow.mailboxes import Place
from workflow.models import Closure, Event, Message, Notice, Person

BERLIN = ZoneInfo("Europe/Berlin")
HERE = Place(body=TOWN)

# The world begins on Monday, 23 November 2026, at nine. Its ladders fire at seven.


def test_news_waits_for_the_digest_of_the_next_working_day(world: World) -> None:
    _tell(world, "digi", "confirmed")
    assert _pass(world) == 0
    _at(world, "2026-11-23 17:00")
    assert _pass(world) == 0
    _at(world, "2026-11-24 06:59")
    assert _pass(world) == 0
    _at(world, "2026-11-24 07:00")
    assert _pass(world) == 1
    (mail,) = _mails(world, "digi")
    assert (mail.day, mail.nth) == (dt.date(2026, 11, 24), 0)
    assert "Sammelmails kommen höchstens einmal am Tag." in " ".join(mail.plain.split())
    assert _pass(world) == 0


def test_what_was_just_asked_comes_at_once_together_with_what_else_was(world: World) -> None:
    _tell(world, "digi", "asked", "confirmed", "confirm_asked")
    assert _pass(world) == 1
    (mail,) = _mails(world, "digi")
    assert mail.nth == 1
    assert mail.subject.startswith("2 neue Aufgaben")
    _at(world, "2026-11-24 07:00")
    assert _pass(world) == 1, "the news is in the digest"


def test_what_was_asked_in_the_evening_waits_for_the_morning_and_is_in_the_digest(world: World) -> None:
    _at(world, "2026-11-27 18:00")  # a Friday
    _tell(world, "digi", "asked")
    _tell(world, "digi", "confirmed")
    assert _pass(world) == 0
    _at(world, "2026-11-29 12:00")
    assert _pass(world) == 0
    _at(world, "2026-11-30 07:30")  # whoever writes comes late
    assert _pass(world) == 1
    assert [mail.nth for mail in _mails(world, "digi")] == [0]


def test_there_is_one_digest_on_a_day_whatever_comes_after_it(world: World) -> None:
    _at(world, "2026-11-24 07:00")
    for expected in (1, 0, 0):
        _tell(world, "digi", "confirmed", since="2026-11-24 07:00")
        assert _pass(world) == expected
    _at(world, "2026-11-25 07:00")
    assert _pass(world) == 1
    assert [(mail.day.day, mail.nth) for mail in _mails(world, "digi")] == [(24, 0), (25, 0)]


def test_nobody_gets_more_mails_on_a_day_than_the_programme_allows(world: World) -> None:
    _at(world, "2026-11-24 07:00")
    _tell(world, "digi", "confirmed", since="2026-11-24 07:00")
    written = []
    for hour in range(8, 15):
        written.append(_pass(world))
        _at(world, f"2026-11-24 {hour:02}:00")
        _tell(world, "digi", "asked")
    assert written == [1, 1, 1, 1, 0, 0, 0]
    _at(world, "2026-11-25 07:00")
    assert _pass(world) == 1
    assert _pending(world) == 0
    assert [(mail.day.day, mail.nth) for mail in _mails(world, "digi")] == [
        (24, 0), (24, 1), (24, 2), (24, 3), (25, 0)
    ]  # fmt: skip


def test_the_last_rung_of_a_ladder_does_not_wait_for_the_hour_somebody_chose(world: World) -> None:
    for who in ("digi", "supervisor"):
        with world.by(who) as work:
            wishes.choose(work, at="12:00", weekdays=[1, 2, 3, 4, 5], asked_at_once=False)
    world.open()
    assert _pass(world) == 0
    _at(world, "2026-11-23 12:00")
    assert _pass(world) == 1
    _at(world, "2026-12-07 07:00")
    ticking.decide_and_write(world.engine)
    assert len(_mails(world, "digi")) == 1
    _at(world, "2026-12-07 12:00")
    assert _pass(world) == 1
    _at(world, "2026-12-23 07:00")  # twelve working days late: the highest rung is the last one
    ticking.decide_and_write(world.engine)
    (mail,) = _mails(world, "supervisor")
    assert (mail.nth, mail.written_at) == (1, _instant("2026-12-23 07:00"))


def test_a_person_chooses_hour_and_days_and_whether_new_tasks_come_at_once(world: World) -> None:
    with world.by("digi") as work:
        chosen = wishes.choose(work, at="09:00", weekdays=[2, 4], asked_at_once=False)
    assert (chosen.at, chosen.weekdays, chosen.asked_at_once) == ("09:00", (2, 4), False)
    _tell(world, "digi", "asked")
    for moment, written in (
        ("2026-11-23 12:00", 0),
        ("2026-11-24 08:59", 0),
        ("2026-11-24 09:00", 1),
    ):
        _at(world, moment)
        assert _pass(world) == written, moment
    _tell(world, "digi", "confirmed")
    _at(world, "2026-11-25 09:00")
    assert _pass(world) == 0
    _at(world, "2026-11-26 09:00")
    assert _pass(world) == 1


def test_what_is_pending_follows_a_new_choice(world: World) -> None:
    with world.by("digi") as work:
        wishes.choose(work, at="07:00", weekdays=[5], asked_at_once=False)
    _tell(world, "digi", "asked", "confirmed")
    assert _pass(world) == 0
    with world.by("digi") as work:
        wishes.choose(work, at="12:00", weekdays=[1, 2, 3, 4, 5], asked_at_once=True)
    assert _pass(world) == 1, "what was asked"
    _at(world, "2026-11-23 12:00")
    assert _pass(world) == 1, "the news"


def test_what_is_chosen_stays_within_the_programme_and_what_it_has_anyway_follows_it(world: World) -> None:
    with world.by("digi") as work:
        for at, weekdays, key in (
            ("06:00", [1], "error.mail_time"),
            ("nonsense", [1], "error.mail_time"),
            ("07:00", [], "error.mail_days"),
            ("07:00", [6], "error.mail_days"),
            ("07:00", [1, 7], "error.mail_days"),
        ):
            with pytest.raises(Refused) as caught:
                wishes.choose(work, at=at, weekdays=weekdays, asked_at_once=True)
            assert caught.value.key == key
        wishes.choose(work, at="07:00", weekdays=[1, 2, 3, 4, 5], asked_at_once=True)
        row = work.session.execute(
            sa.select(Person.mail_at, Person.mail_days, Person.mail_asked).where(Person.id == world["digi"])
        ).one()
    assert tuple(row) == (None, None, None)


def test_holidays_are_those_of_the_land_where_somebody_works(world: World) -> None:
    """1 November is a holiday in Rheinland-Pfalz and not in Mecklenburg-Vorpommern, 31 October the other way round."""
    with world.engine.change(SYSTEM) as work:
        there = people.add(
            work,
            email="schwerin@startklar.example",
            name="Schwerin",
            password_hash=None,
            language="de",
            roles=[people.parse_role("rollout_team@dvz-mv")],
        )
    world.ids["schwerin"] = there.id
    _at(world, "2028-10-30 12:00")
    _tell(world, "digi", "confirmed")
    _tell(world, "schwerin", "confirmed")
    _at(world, "2028-10-31 07:00")
    assert _pass(world) == 1
    assert (len(_mails(world, "digi")), len(_mails(world, "schwerin"))) == (1, 0)
    _tell(world, "digi", "confirmed")
    _at(world, "2028-11-01 07:00")
    assert _pass(world) == 1
    assert (len(_mails(world, "digi")), len(_mails(world, "schwerin"))) == (1, 1)
    _at(world, "2028-11-02 07:00")
    assert _pass(world) == 1


def test_what_somebody_chose_is_erased_with_the_account(world: World) -> None:
    with world.by("it") as work:
        wishes.choose(work, at="12:00", weekdays=[1], asked_at_once=False)
    with world.by("admin") as work:
        people.erase(work, world["it"])
        row = work.session.execute(
            sa.select(Person.mail_at, Person.mail_days, Person.mail_asked).where(Person.id == world["it"])
        ).one()
    assert tuple(row) == (None, None, None)


# --- closures --------------------------------------------------------------------------------------------------------


def test_while_the_office_is_closed_nobody_there_is_mailed_and_no_date_moves(world: World) -> None:
    case_id = world.open()
    _pass(world)
    due = world.row(case_id, "express_interest").due_on
    with world.by("leitung") as work:
        closures.enter(work, TOWN, dt.date(2026, 11, 30), dt.date(2026, 12, 8))
    for day in (3, 7, 8):
        _at(world, f"2026-12-{day:02} 07:00")
        ticking.decide_and_write(world.engine)
    assert len(_mails(world, "digi")) == 1
    assert world.row(case_id, "express_interest").due_on == due
    _at(world, "2026-12-09 07:00")
    ticking.decide_and_write(world.engine)
    (_, mail) = _mails(world, "digi")
    assert mail.subject.startswith("Jetzt fällig: ")
    assert "Seit 2 Arbeitstagen überfällig" in mail.plain


def test_who_works_elsewhere_too_is_mailed_when_one_office_is_open(world: World) -> None:
    with world.engine.change(SYSTEM) as work:
        people.grant(work, world["digi"], people.parse_role(f"it@{STRANGE_TOWN}"))
    with world.by("team") as work:
        closures.enter(work, TOWN, work.today, work.today)
    _tell(world, "digi", "asked")
    _tell(world, "it", "asked")
    assert _pass(world) == 1
    assert _mails(world, "it") == []


def test_an_office_that_opens_again_is_mailed_again(world: World) -> None:
    with world.by("digi") as work:
        closed = closures.enter(work, TOWN, work.today, dt.date(2026, 12, 24))
    _tell(world, "digi", "asked")
    assert _pass(world) == 0
    with world.by("team") as work:
        closures.end(work, closed.id)
        with pytest.raises(Conflict):
            closures.end(work, closed.id)
    assert _pass(world) == 1


def test_closures_that_make_no_sense_and_people_they_do_not_concern_are_refused(world: World) -> None:
    today = dt.date(2026, 11, 23)
    for who in ("fachamt", "stranger", "other_team", "office", "auditor", "admin", "supervisor"):
        with world.by(who) as work, pytest.raises(NotAllowed):
            closures.enter(work, TOWN, today, today)
    with world.by("leitung") as work:
        with pytest.raises(NotFound):
            closures.enter(work, "079999999999", today, today)
        for begins, ends in ((0, -1), (-3, -1), (5, 4), (0, closures.LONGEST)):
            with pytest.raises(Refused):
                closures.enter(work, TOWN, today + dt.timedelta(days=begins), today + dt.timedelta(days=ends))
        one = closures.enter(work, TOWN, today - dt.timedelta(days=2), today + dt.timedelta(days=3))
        for begins, ends in ((3, 3), (-5, 0), (1, 2), (-9, 40)):
            with pytest.raises(Conflict):
                closures.enter(work, TOWN, today + dt.timedelta(days=begins), today + dt.timedelta(days=ends))
        closures.enter(work, TOWN, today + dt.timedelta(days=4), today + dt.timedelta(days=5))
    for who, refusal in (
        ("stranger", NotFound),
        ("other_team", NotFound),
        ("fachamt", NotAllowed),
        ("admin", NotAllowed),
    ):
        with world.by(who) as work, pytest.raises(refusal):
            closures.end(work, one.id)
    with world.by("team") as work, pytest.raises(NotFound):
        closures.end(work, uuid4())


def test_of_two_who_close_the_same_days_at_once_one_does(world: World) -> None:
    def enter(who: str) -> str:
        try:
            with world.by(who) as work:
                closures.enter(work, TOWN, work.today, work.today)
        except Conflict:
            return "refused"
        return "done"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(enter, ("leitung", "team"))) == ["done", "refused"]
    with world.look() as work:
        assert work.session.execute(sa.select(sa.func.count()).select_from(Closure)).scalar_one() == 1


# --- mailboxes of roles ----------------------------------------------------------------------------------------------


def test_mail_for_a_role_goes_to_its_mailbox_once_and_not_to_the_people(world: World) -> None:
    with world.engine.change(SYSTEM) as work:
        people.add(
            work,
            email="zweite@startklar.example",
            name="Zweite",
            password_hash=None,
            language="de",
            roles=[people.parse_role(f"digi@{TOWN}")],
        )
    with world.by("leitung") as work:
        mailboxes.set_up(work, HERE, "digi", "digitales@kreis.example", language="en")
    case_id = world.open()
    assert _pass(world) == 1
    (mail,) = _mails(world)
    assert (mail.recipient_id, mail.address, mail.language) == (None, "digitales@kreis.example", "en")
    assert mail.mailbox_id is not None
    assert f"/tasks/{world.task(case_id, 'express_interest')}" in mail.plain
    assert "Digitalisation officer" in mail.plain
    assert "/reply/" not in mail.plain, "who reads it there is nobody in particular"
    assert _pending(world) == 0


def test_many_holders_of_a_role_are_one_mailbox_however_many_are_written_to_at_a_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(messages, "CHUNK", 1)
    with world.engine.change(SYSTEM) as work:
        for number in range(3):
            people.add(
                work,
                email=f"digi{number}@startklar.example",
                name="Noch jemand",
                password_hash=None,
                language="de",
                roles=[people.parse_role(f"digi@{TOWN}")],
            )
        mailboxes.set_up(work, HERE, "digi", "digitales@kreis.example")
    world.open()
    world.open("uvg")
    assert _pass(world) == 1
    (mail,) = _mails(world)
    assert mail.subject.startswith("2 neue Aufgaben")
    assert mail.plain.count("Vormerkung annehmen") == 1


def test_a_mailbox_of_all_roles_takes_what_has_none_of_its_own_and_nothing_meant_for_one_person(world: World) -> None:
    with world.by("digi") as work:
        mailboxes.set_up(work, HERE, mailboxes.ALL, "rathaus@kreis.example")
        mailboxes.set_up(work, HERE, "it", "it@kreis.example")
    case_id = world.open()
    assert _pass(world) == 1
    assert {mail.address for mail in _mails(world)} == {"rathaus@kreis.example"}
    with world.by("digi") as work:
        comments.write(work, case_id, "Wer kann das?", mentioned=[world["leitung"]])
    assert _pass(world) == 1
    assert len(_mails(world, "leitung")) == 1, "meant for a person by name"
    world.do(case_id, "express_interest", "digi")
    world.do(case_id, "confirm_responsibility", "team")
    _pass(world)
    assert {"rathaus@kreis.example", "it@kreis.example"} <= {mail.address for mail in _mails(world)}


def test_teams_and_operators_have_mailboxes_too_and_a_case_of_another_place_does_not_go_there(world: World) -> None:
    with world.by("supervisor") as work:
        mailboxes.set_up(work, Place(team=world.team), "supervisor", "aufsicht@land.example")
    with world.by("admin") as work:
        mailboxes.set_up(work, Place(operator="dataport"), "rollout_team", "rollout@dataport.example")
        known = mailboxes.everywhere(work)
    assert {one.address for one in known} == {"aufsicht@land.example", "rollout@dataport.example"}
    world.open()
    _at(world, "2026-12-23 07:00")
    ticking.decide_and_write(world.engine)
    assert _mails(world, "supervisor") == []
    (mail,) = [mail for mail in _mails(world) if mail.mailbox_id]
    assert (mail.address, mail.nth) == ("aufsicht@land.example", 0)


def test_a_mailbox_is_closed_with_its_office_and_has_a_cap_of_its_own(world: World) -> None:
    with world.by("leitung") as work:
        mailboxes.set_up(work, HERE, "digi", "digitales@kreis.example")
        closures.enter(work, TOWN, work.today, work.today)
    world.open()
    assert _pass(world) == 0
    _at(world, "2026-11-24 07:00")
    assert _pass(world) == 1
    services = ("uvg", "ikfz", "fuehrerschein", "aufenthalt", "elterngeld")
    for hour, service in enumerate(services, start=8):
        _at(world, f"2026-11-24 {hour:02}:00")
        world.open(service)
        _pass(world)
    assert [mail.nth for mail in _mails(world) if mail.mailbox_id] == [0, 1, 2, 3]


def test_a_mailbox_ends_changes_and_is_nobody_elses_to_name(world: World) -> None:
    for who in ("fachamt", "stranger", "team", "office", "auditor"):
        with world.by(who) as work, pytest.raises(NotAllowed):
            mailboxes.set_up(work, HERE, "digi", "x@kreis.example")
    with world.by("digi") as work:
        for place in (Place(team=world.team), Place(operator="dataport"), Place(body=STRANGE_TOWN)):
            with pytest.raises(NotAllowed):
                mailboxes.set_up(work, place, mailboxes.ALL, "x@kreis.example")
        for place in (Place(body="079999999999"), Place(team="nirgends"), Place(operator="niemand")):
            with pytest.raises(NotFound):
                mailboxes.set_up(work, place, mailboxes.ALL, "x@kreis.example")
        for role, address, language in (
            ("supervisor", "x@kreis.example", "de"),
            ("digi", "x", "de"),
            ("digi", "x@kreis.example\nBcc: y@z.example", "de"),
            ("digi", "x@kreis.example", "fr"),
        ):
            with pytest.raises(Refused):
                mailboxes.set_up(work, HERE, role, address, language=language)
        first = mailboxes.set_up(work, HERE, "digi", "x@kreis.example")
        assert mailboxes.set_up(work, HERE, "digi", "y@kreis.example").id == first.id
        assert [one.address for one in mailboxes.at(work, HERE)] == ["y@kreis.example"]
        mailboxes.end(work, HERE, "digi")
        assert mailboxes.at(work, HERE) == ()
        with pytest.raises(NotFound):
            mailboxes.end(work, HERE, "digi")
        assert mailboxes.set_up(work, HERE, "digi", "x@kreis.example").id != first.id
        said = work.session.execute(sa.select(Event.content).where(Event.chain == "mailbox")).scalars().all()
    assert len(said) == 4
    assert not any("kreis.example" in words for words in said), "an address is no history"


# --- whoever writes, and however often -------------------------------------------------------------------------------


def test_several_who_write_at_once_write_one_digest_each(world: World) -> None:
    _at(world, "2026-11-24 07:00")
    everybody = ("digi", "leitung", "it", "team", "supervisor", "office")
    for who in everybody:
        _tell(world, who, "confirmed", "reminder_due", "asked", since="2026-11-24 07:00")
    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(lambda _: messages.compose(world.engine), range(4))) == len(everybody)
    assert {(mail.day.day, mail.nth) for mail in _mails(world)} == {(24, 0)}
    assert _pending(world) == 0


def test_a_second_digest_on_one_day_is_impossible_even_for_somebody_who_saw_other_notices(world: World) -> None:
    _at(world, "2026-11-24 07:00")
    _tell(world, "digi", "confirmed", since="2026-11-24 07:00")
    with world.look() as work:
        (pile,) = messages._piles(work, [world["digi"]], set())
        draft = messages._draft(work, messages._Paper(world.engine.settings, "key", example=False), pile)
    _tell(world, "digi", "asked", since="2026-11-24 07:00")
    assert messages._keep(world.engine, [draft], recorded=False) == 1
    late = dataclasses.replace(
        draft, told=_pending_ids(world), values={**(draft.values or {}), "id": uuid4(), "key": "k" * 64}
    )
    assert messages._keep(world.engine, [late], recorded=False) == 0
    assert _pass(world) == 1, "what is left comes as what was asked does"
    assert [mail.nth for mail in _mails(world, "digi")] == [0, 1]


def test_a_pass_that_is_cut_anywhere_is_made_good_by_the_next(world: World) -> None:
    """Every statement once: each day brings news for two people, one digest each comes of it, and none twice."""
    day, cut_at, through = dt.date(2026, 11, 24), 0, False
    with world.by("digi") as work:
        wishes.choose(work, at="09:00", weekdays=[1, 2, 3, 4, 5], asked_at_once=True)
    while not through:
        cut_at += 1
        while day.isoweekday() > 5 or f"{day:%m-%d}" in ("12-24", "12-25", "12-31", "01-01"):
            day += dt.timedelta(days=1)
        for moment in ("07:00", "09:00"):
            _at(world, f"{day} {moment}")
            for who in ("digi", "leitung"):
                _tell(world, who, "confirmed", since=f"{day} 07:00")
            with _power_cut(world, at=cut_at) as cut:
                _pass(world)
            through = not cut
            _pass(world)
        mails = [(mail.recipient_id, mail.nth) for mail in _mails(world) if mail.day == day]
        assert sorted(mails) == sorted([(world["digi"], 0), (world["leitung"], 0)]), f"cut at statement {cut_at}"
        day += dt.timedelta(days=1)
    assert cut_at > 12


@contextmanager
def _power_cut(world: World, *, at: int) -> Iterator[list[str]]:
    """The process dies at its n-th statement; whether it did is in the list."""
    count, cut = 0, list[str]()

    def die(_connection: Any, _cursor: Any, words: str, *_: Any) -> None:
        nonlocal count
        count += 1
        if count == at:
            cut.append(words)
            raise _PowerCut

    sa.event.listen(world.engine.pool, "before_cursor_execute", die)
    try:
        yield cut
    except _PowerCut:
        pass
    finally:
        sa.event.remove(world.engine.pool, "before_cursor_execute", die)


class _PowerCut(BaseException):
    """Nobody catches it."""


def test_a_pass_with_nothing_due_asks_one_index(world: World) -> None:
    """However much waits for tomorrow."""
    for who in ("digi", "leitung", "it"):
        _tell(world, who, *["confirmed"] * 40)
    assert _pass(world) == 0
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, words: str, values: Any, _context: Any, _many: bool) -> None:
        asked.append((words, values))

    sa.event.listen(world.engine.pool, "before_cursor_execute", note)
    try:
        assert _pass(world) == 0
    finally:
        sa.event.remove(world.engine.pool, "before_cursor_execute", note)
    ((words, values),) = [one for one in asked if "FROM installation" not in one[0] and "SELECT" in one[0]]
    assert "ix_notice_try" in _plan(world, words, values)


def _plan(world: World, words: str, values: Any) -> str:
    with world.look() as work:
        if work.session.get_bind().dialect.name == "sqlite":
            rows = work.connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {words}", values)
        else:
            work.connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
            rows = work.connection.exec_driver_sql(f"EXPLAIN {words}", values)
        return "\n".join(str(row) for row in rows)


# --- helpers ---------------------------------------------------------------------------------------------------------


def _instant(words: str) -> dt.datetime:
    return dt.datetime.fromisoformat(words).replace(tzinfo=BERLIN)


def _at(world: World, words: str) -> None:
    with world.engine.change(SYSTEM) as work:
        clock.set_to(work, _instant(words))


def _pass(world: World) -> int:
    return messages.compose(world.engine)


def _tell(world: World, who: str, *names: str, since: str | None = None) -> None:
    """A notice of each name, each about something else; it matters from now or from an instant on."""
    with world.engine.change(SYSTEM) as work:
        for name in names:
            work.session.execute(
                sa.insert(Notice).values(
                    id=uuid4(),
                    recipient_id=world[who],
                    name=name,
                    subject_kind="milestone",
                    subject_id=uuid4(),
                    case_id=None,
                    urgency=1 if name.startswith("reminder") else 0,
                    facts="{}",
                    created_at=work.now,
                    **messages.timing(name, _instant(since) if since else work.now),
                )
            )


def _mails(world: World, who: str | None = None) -> list[Any]:
    with world.look() as work:
        rows = work.session.execute(sa.select(Message.__table__).order_by(Message.written_at, Message.nth)).all()
    return [row for row in rows if who is None or row.recipient_id == world[who]]


def _pending_ids(world: World) -> tuple[UUID, ...]:
    with world.look() as work:
        return tuple(work.session.execute(sa.select(Notice.id).where(Notice.message_id.is_(None))).scalars())


def _pending(world: World) -> int:
    return len(_pending_ids(world))
