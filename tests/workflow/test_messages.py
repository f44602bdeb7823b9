"""What notices become: one mail per person, with the right words and nothing personal."""

from __future__ import annotations

import dataclasses
import datetime as dt
import logging
import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from tests.world import EMPTY_TOWN, STRANGE_TOWN, TOWN, World
from workflow import (
    cases,
    correspondence,
    letters,
    links,
    messages,
    milestones,
    people,
    prerequisites,
    reminders,
    tasks,
    ticking,
    watch,
)
from workflow.engine import SYSTEM
from workflow.models import Body, Case, Definition, Hold, Installation, Message, Milestone, Notice, Person, Task

BASE = "https://startklar.example"


@pytest.fixture(autouse=True)
def _known_address(world: World) -> None:
    world.engine.settings = dataclasses.replace(
        world.engine.settings, base_url=BASE, mail_from="Startklar <startklar@programm.example>"
    )


def test_a_single_notice_becomes_a_mail_about_that_task_with_one_link_to_it(world: World) -> None:
    case_id = world.open()
    assert messages.compose(world.engine) == 1
    (mail,) = _mails(world)
    task_id = world.task(case_id, "express_interest")
    assert mail.subject == (
        "Neue Aufgabe: Vormerkung annehmen oder Interesse bekunden (Landkreis Mainz-Bingen) [wohngeld-07339-1]"
    )
    assert mail.address == "digi@startklar.example"
    assert re.findall(r'href="([^"]*)"', mail.html) == [_reply_link(world, mail)]
    assert re.findall(r"https?://\S+", mail.plain) == [_reply_link(world, mail)]
    assert correspondence.open_link(world.engine, _reply_link(world, mail).rpartition("/")[2]).about == (
        ("task", task_id),
    )
    assert mail.in_reply_to == f"<case.{case_id.hex}@programm.example>"
    for words in (_words(mail.plain), _words(mail.html)):
        assert "Neu, fällig am Mo., 7. Dezember" in words
        assert "Landkreis Mainz-Bingen" in words
        assert "wohngeld-07339-1" in words
        assert "Sie erhalten diese Nachricht in der Rolle: Digitalisierungsbeauftragte:r." in words
    assert mail.status == "queued"
    assert mail.try_at is not None


def test_only_people_of_a_body_read_that_their_team_answers_questions(world: World) -> None:
    case_id = world.open()
    messages.compose(world.engine)
    world.do(case_id, "express_interest", "digi")
    messages.compose(world.engine)
    for who, answers in (("digi", True), ("team", False)):
        mail = _mail_for(world, who)
        for words in (_words(mail.plain), _words(mail.html)):
            assert "Bitte antworten Sie nicht per E-Mail: Das liest niemand." in words
            assert ("Fragen beantwortet Ihr Umsetzungsteam." in words) is answers


def test_several_notices_become_one_digest_by_body_and_urgency_with_one_link_to_the_inbox(world: World) -> None:
    late = world.open()
    world.days(11)  # 8 December: one working day late
    with world.engine.change(SYSTEM) as work:
        people.grant(work, world["digi"], people.parse_role(f"digi@{STRANGE_TOWN}"))
        people.withdraw(work, world["stranger"], people.parse_role(f"digi@{STRANGE_TOWN}"))
    world.open("uvg")
    world.open(body=STRANGE_TOWN)
    ticking.decide_and_write(world.engine)
    (mail,) = _mails(world)
    assert mail.subject == "1 Aufgabe überfällig, 2 neu – Startklar am Di., 8. Dezember"
    assert re.findall(r'href="([^"]*)"', mail.html) == [_reply_link(world, mail)]
    assert re.findall(r"https?://\S+", mail.plain) == [_reply_link(world, mail)]
    assert mail.in_reply_to is None
    lines = [line for line in mail.plain.splitlines() if line.strip()]
    told = lines[lines.index("Landkreis Mainz-Bingen") : lines.index("Ansehen oder antworten:")]
    assert told == [
        "Landkreis Mainz-Bingen",
        "======================",
        "- Vormerkung annehmen oder Interesse bekunden",
        "  seit 1 Arbeitstag überfällig · Wohngeld",
        "- Vormerkung annehmen oder Interesse bekunden",
        "  neu, fällig am Di., 22. Dezember · Unterhaltsvorschuss",
        "Stadt Worms",
        "===========",
        "- Vormerkung annehmen oder Interesse bekunden",
        "  neu, fällig am Di., 22. Dezember · Wohngeld",
    ]
    assert world.case(late).number not in mail.subject


def test_nobody_gets_two_mails_from_one_pass_and_none_from_the_next(world: World) -> None:
    with world.look("office") as work:
        planned = cases.plan(work, ["wohngeld", "uvg"])
    cases.open_planned(world.engine, world["office"], planned)
    written = messages.compose(world.engine)
    recipients = [mail.recipient_id for mail in _mails(world)]
    assert written == len(recipients) == len(set(recipients)) > 3
    assert messages.compose(world.engine) == 0
    assert _pending(world) == 0


def test_the_same_task_of_many_services_or_bodies_is_told_once(world: World) -> None:
    with world.look("office") as work:
        planned = cases.plan(work, ["wohngeld", "uvg"])
    cases.open_planned(world.engine, world["office"], planned)
    messages.compose(world.engine)
    own = _mail_for(world, "digi")
    assert own.subject.startswith("2 neue Aufgaben – ")
    lines = [line for line in own.plain.splitlines() if line.strip()]
    assert lines[lines.index("Landkreis Mainz-Bingen") :][2:4] == [
        "- Vormerkung annehmen oder Interesse bekunden (2-mal)",
        "  neu, fällig am Mo., 7. Dezember · Unterhaltsvorschuss, Wohngeld",
    ]
    mail = _mail_for(world, "team")
    with world.look() as work:
        told = work.session.execute(
            sa.select(sa.func.count()).select_from(Notice).where(Notice.recipient_id == world["team"])
        ).scalar_one()
    for words in (_words(mail.plain), _words(mail.html)):
        assert "Mehrere Kommunen" in words
        assert words.count("Vormerkung annehmen oder Interesse bekunden") == 1
        assert f"({told}-mal)" in words
        assert re.search(r"(Landkreis|Stadt) .*, .* und \d+ weitere", words)
    assert re.findall(r'href="([^"]*)"', mail.html) == [_reply_link(world, mail)]


def test_a_digest_names_the_most_urgent_and_counts_the_rest(world: World) -> None:
    with world.look("office") as work:
        planned = [one for one in cases.plan(work, ["wohngeld", "uvg"]) if one.team == world.team]
    for one in planned[: messages.MOST_ITEMS + 5]:
        cases.open_planned(world.engine, world["office"], [one])
        world.days(1)
    messages.compose(world.engine)
    mail = _mail_for(world, "team")
    shown = mail.plain.count("\n- ")
    with world.look() as work:
        told = work.session.execute(
            sa.select(sa.func.count()).select_from(Notice).where(Notice.recipient_id == world["team"])
        ).scalar_one()
    assert shown == messages.MOST_ITEMS < told
    assert f"Und {told - shown} weitere Sachen." in mail.plain
    counted = re.findall(r"\d+", mail.subject.partition(" – ")[0])
    assert sum(map(int, counted)) == told


def test_the_supervisor_reads_who_was_to_act_and_since_when(world: World) -> None:
    world.open()
    _days(world, 22)
    mail = _mail_for(world, "supervisor")
    assert mail.subject.startswith("Überfällig seit 12 Arbeitstagen: Vormerkung annehmen")
    for words in (mail.plain, _words(mail.html)):
        assert "Seit 12 Arbeitstagen überfällig" in words
        assert re.search(r"Zuständig:?\s+Digitalisierungsbeauftragte:r", words)
        assert "in der Rolle: Aufsicht" in words


def test_no_mail_says_anything_personal(world: World) -> None:
    """Neither a name nor an address of anybody, nor what somebody answered or gave as a reason."""
    case_id = world.open()
    world.do(case_id, "express_interest", "digi", authority="Fachbereich Geheimsache 17")
    world.do(case_id, "confirm_responsibility", "team")
    with world.by("it") as work:
        tasks.decline(work, world.task(case_id, "take_inventory"), "Kollege Meier ist krank.")
    with world.by("team") as work:
        tasks.hand_back(work, world.task(case_id, "take_inventory"), "Frau Schulze vertritt ihn.")
    _days(world, 30)
    sent = _mails(world)
    assert len(sent) > 10
    with world.look() as work:
        names = [(row.name, row.email) for row in work.session.execute(sa.select(Person.name, Person.email))]
    secrets = {"Geheimsache", "Meier", "Schulze"} | {email for _, email in names if email}
    secrets |= {name for name, _ in names if name and " " in name}  # others are words like "It"
    for mail in sent:
        for words in (mail.subject, mail.plain, mail.html):
            assert not [secret for secret in secrets if secret in words]


def test_every_text_of_the_definitions_can_be_written_in_both_languages(world: World) -> None:
    case_id = world.open()
    with world.engine.change(SYSTEM) as work:
        task_id = _asking(work, case_id)
        names = sorted({name for _, name in work.catalogue.messages})
        work.session.execute(sa.delete(Notice))
        people_told = []
        for language in ("de", "en"):
            for name in names:
                person = people.add(
                    work,
                    email=f"{name}.{language}@startklar.example",
                    name="Jemand",
                    password_hash=None,
                    language=language,
                    roles=[people.parse_role(f"digi@{TOWN}")],
                )
                people_told.append((language, name, person.id))
                work.session.execute(
                    sa.insert(Notice).values(
                        id=uuid4(),
                        recipient_id=person.id,
                        name=name,
                        subject_kind="task",
                        subject_id=task_id,
                        case_id=case_id,
                        urgency=1,
                        facts='{"due":"2026-11-20","task":"express_interest"}',
                        created_at=work.now,
                        **messages.timing(name, work.now, last_rung=True),
                    )
                )
    assert messages.compose(world.engine) == len(people_told)
    with world.look() as work:
        for language, name, person_id in people_told:
            mail = work.session.execute(sa.select(Message).where(Message.recipient_id == person_id)).scalar_one()
            assert mail.language == language
            for words in (mail.subject, mail.plain, mail.html):
                assert "{" not in words.replace("{%", ""), (language, name)
            greeting = {"de": "Guten Tag,", "en": "Hello,"}[language]
            assert greeting in mail.plain
            assert f'<html lang="{language}"' in mail.html


def test_mails_about_prerequisites_milestones_and_holds_can_be_replied_to(world: World) -> None:
    case_id = world.open()
    with world.by("it") as work:
        prerequisite_id = prerequisites.request(work, TOWN, "elster_account").id
    with world.by("office") as work:
        milestone_id = work.session.execute(sa.select(Milestone.id).where(Milestone.service == "wohngeld")).scalar_one()
        milestones.plan(work, milestone_id, work.catalogue.calendar.add(work.today, 10), "So vereinbart.")
    with world.by("team") as work:
        review_on = work.catalogue.calendar.add(work.today, 10)
        cases.hold(work, case_id, blocker="no_staff", reason="Stelle", review_on=review_on)
    _days(world, 10)
    with world.look() as work:
        hold_id = work.session.execute(sa.select(Hold.id).where(Hold.case_id == case_id)).scalar_one()
    about = {
        name: correspondence.open_link(world.engine, _last_link(world, name).rpartition("/")[2]).about
        for name in ("it", "office", "colleague")
    }
    assert about == {
        "it": (("prerequisite", prerequisite_id),),
        "office": (("milestone", milestone_id),),
        "colleague": (("hold", hold_id),),
    }
    assert "Ruhenden Vorgang prüfen" in _mail_for(world, "colleague").subject
    assert "Rheinland-Pfalz" in _mail_for(world, "office").plain
    assert "Vorgang:" not in _mail_for(world, "it").plain  # a prerequisite has no number: the line is left out


def test_who_is_asked_for_help_or_only_informed_gets_a_plain_link(world: World) -> None:
    case_id = world.open()
    _days(world, 22)  # overdue_12
    assert _last_link(world, "supervisor") == f"{BASE}/tasks/{world.task(case_id, 'express_interest')}"


def test_a_mail_says_what_happened_and_not_only_that_something_is_new(world: World) -> None:
    case_id = world.open()
    messages.compose(world.engine)
    with world.by("digi") as work:
        tasks.decline(work, world.task(case_id, "express_interest"), "Das macht der Kreis.")
    messages.compose(world.engine)
    mail = _mail_for(world, "team")
    assert mail.subject.startswith("Aufgabe zurückgegeben: ")
    assert "Zurückgegeben, bitte klären" in mail.plain.splitlines()[2]
    assert "Neu" not in mail.plain


def test_a_task_done_before_the_mail_was_written_is_not_written_about(world: World) -> None:
    case_id = world.open()
    world.do(case_id, "express_interest", "digi")
    messages.compose(world.engine)
    assert [mail for mail in _mails(world) if mail.recipient_id == world["digi"]] == []
    assert _pending(world) == 0


def test_a_reminder_of_a_date_that_moved_is_not_written(world: World) -> None:
    case_id = world.open()
    messages.compose(world.engine)
    world.days(8)
    reminders.decide(world.engine)
    with world.by("supervisor") as work:
        tasks.extend(work, world.task(case_id, "express_interest"), 20, "Neuer Termin vereinbart.")
    messages.compose(world.engine)
    assert len(_mails(world)) == 1
    assert _pending(world) == 0


def test_of_two_notices_about_one_thing_the_more_urgent_is_told(world: World) -> None:
    world.open()
    world.days(8)
    reminders.decide(world.engine)
    assert messages.compose(world.engine) == 1
    assert _mail_for(world, "digi").subject.startswith("Fällig am Mo., 7. Dezember: ")
    assert _pending(world) == 0


@pytest.mark.parametrize("how", ["ended", "erased"])
def test_who_has_no_account_any_more_gets_no_mail_and_the_log_names_nobody(
    world: World, caplog: pytest.LogCaptureFixture, how: str
) -> None:
    world.open()
    with world.engine.change(SYSTEM) as work:
        gone: dict[str, Any] = {"ended_at": work.now} if how == "ended" else {"email": None, "name": None}
        work.session.execute(sa.update(Person).where(Person.id == world["digi"]).values(**gone))
    with caplog.at_level(logging.INFO):
        assert messages.compose(world.engine) == 0
        assert _mails(world) == []
        ticking.decide_and_write(world.engine)
    assert [mail.address for mail in _mails(world)] == ["leitung@startklar.example"]  # told instead
    assert _pending(world) == 0
    assert "digi@" not in caplog.text


def test_two_that_write_at_once_write_each_mail_once(world: World) -> None:
    with world.look("office") as work:
        planned = cases.plan(work, ["wohngeld"])
    cases.open_planned(world.engine, world["office"], planned)
    with ThreadPoolExecutor(4) as pool:
        written = sum(pool.map(lambda _: messages.compose(world.engine), range(4)))
    recipients = [mail.recipient_id for mail in _mails(world)]
    assert written == len(recipients) == len(set(recipients))
    assert _pending(world) == 0


def test_words_from_outside_are_neither_filled_in_again_nor_markup_nor_a_header(world: World) -> None:
    with world.engine.change(SYSTEM) as work:
        evil = "Kreis {number} <b>fett</b>\r\nBcc: boese@example.org"
        work.session.execute(sa.update(Body).where(Body.ars == TOWN).values(display_name=evil))
    world.open()
    messages.compose(world.engine)
    (mail,) = _mails(world)
    assert "Kreis {number} <b>fett</b> Bcc: boese@example.org" in mail.subject
    assert "\n" not in mail.subject
    assert "\r" not in mail.subject
    assert "<b>fett</b>" not in mail.html
    assert "&lt;b&gt;fett&lt;/b&gt;" in mail.html


def test_a_message_the_definitions_lost_is_still_told(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.open()
    with world.engine.change(SYSTEM) as work:
        work.session.execute(
            sa.delete(Definition).where(Definition.kind == "message", Definition.name.in_(("de/asked", "en/asked")))
        )
        work.session.execute(sa.update(Installation).values(definitions_revision=Installation.definitions_revision + 1))
    assert messages.compose(world.engine) == 1
    assert "Vormerkung annehmen" in _mail_for(world, "digi").subject
    assert "no text for the message asked" in caplog.text


def test_one_recipients_trouble_is_no_others(world: World, caplog: pytest.LogCaptureFixture) -> None:
    broken = world.open()
    world.open(body=EMPTY_TOWN)
    with world.engine.change(SYSTEM) as work:
        work.session.execute(sa.update(Case).where(Case.id == broken).values(process_version=99))
    assert messages.compose(world.engine) == 2
    assert "worded without the definitions" in caplog.text
    assert _mail_for(world, "other_team").subject.startswith("Neue Aufgabe")
    assert _mail_for(world, "digi").subject


def test_a_mail_that_cannot_be_written_is_pushed_back_and_shown(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.open()
    world.open(body=EMPTY_TOWN)
    notice = sa.update(Notice).where(Notice.recipient_id == world["digi"])
    with world.engine.change(SYSTEM) as work:
        work.session.execute(notice.values(facts='{"role": 5}'))
    assert messages.compose(world.engine) == 1
    assert "tried again in an hour" in caplog.text
    caplog.clear()
    assert messages.compose(world.engine) == 0
    assert caplog.text == ""  # no loop
    assert watch.state(world.engine).failing == 1
    with world.engine.change(SYSTEM) as work:
        work.session.execute(notice.values(facts='{"role": "body.digi"}'))
    world.days(1)
    assert messages.compose(world.engine) == 1
    assert _mail_for(world, "digi").subject


def test_the_key_and_the_message_id_follow_from_the_notices(world: World) -> None:
    world.open()
    messages.compose(world.engine)
    (mail,) = _mails(world)
    assert re.fullmatch(r"<[0-9a-f]{40}@programm\.example>", mail.header_id)
    assert mail.header_id == f"<{mail.key[:40]}@programm.example>"
    with world.look() as work:
        assert work.session.execute(sa.select(Notice.message_id)).scalars().all() == [mail.id]
        assert mail.written_at == work.now


def test_plain_text_is_at_most_72_characters_wide_except_for_addresses(world: World) -> None:
    world.open()
    _days(world, 22)
    for mail in _mails(world):
        for line in mail.plain.splitlines():
            assert len(line) <= 72 or line.startswith("http")


def test_a_letter_carries_no_style_sheet_no_script_and_loads_nothing(world: World) -> None:
    letter = letters.Letter(
        language="de",
        subject="Betreff",
        day=dt.date(2026, 6, 11),
        urgency="overdue",
        headline="1 überfällig",
        title="Das steht für Sie an",
        passages=(),
        groups=(letters.Group("Worms", (letters.Item("overdue", "Aufgabe", "Wohngeld", "seit 4 Arbeitstagen"),)),),
        more="",
        button="Meine Aufgaben ansehen",
        link=f"{BASE}/",
        note="",
    )
    html = letters.html(letter)
    assert "Do., 11. Juni" in html
    assert "#bd1a12" in html
    for forbidden in ("<style", "<script", "<img", "<link", "src=", "url("):
        assert forbidden not in html


# --- helpers ---------------------------------------------------------------------------------------------------------


def _days(world: World, working_days: int) -> None:
    for _ in range(working_days):
        world.days(1)
        ticking.decide_and_write(world.engine)


def _mails(world: World) -> list[Any]:
    with world.look() as work:
        return list(work.session.execute(sa.select(Message.__table__).order_by(Message.written_at, Message.id)))


def _mail_for(world: World, who: str) -> Any:
    """The last mail to somebody."""
    return [mail for mail in _mails(world) if mail.recipient_id == world[who]][-1]


def _last_link(world: World, who: str) -> str:
    links: Iterable[str] = re.findall(r'href="([^"]*)"', _mail_for(world, who).html)
    (link,) = links
    return link


def _reply_link(world: World, mail: Any) -> str:
    """The address under which its recipient replies to a mail."""
    with world.look() as work:
        key = work.session.execute(sa.select(Installation.link_key)).scalar_one()
    return f"{BASE}/reply/{links.written(key, mail.id)}"


def _pending(world: World) -> int:
    with world.look() as work:
        return work.session.execute(
            sa.select(sa.func.count()).select_from(Notice).where(Notice.message_id.is_(None))
        ).scalar_one()


def _asking(work: Any, case_id: Any) -> Any:
    """A task somebody acts on."""
    return work.session.execute(
        sa.select(Task.id).where(Task.case_id == case_id, Task.acting.is_not(None)).limit(1)
    ).scalar_one()


def _words(html: str) -> str:
    """What a mail program shows."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html)).replace(" .", ".")
