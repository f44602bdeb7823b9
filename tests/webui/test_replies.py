"""Replying to reminders: on a page of one's own, among the ways of a task, and through the link of a mail."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from uuid import UUID

import pytest
import sqlalchemy as sa
from werkzeug.test import TestResponse

from tests.webui.visitor import Visitor, words
from tests.world import TOWN, World, contents
from workflow import cases, links, messages, milestones, people, prerequisites, tasks
from workflow.models import Hold, Installation, Message, Milestone, Prerequisite, Reply, SpentLink, Task

Visit = Callable[[str], Visitor]


@pytest.fixture
def mailed(world: World) -> tuple[UUID, str]:
    """A task the digi was mailed about, and the address in that mail."""
    task_id = world.task(world.open(), "express_interest")
    messages.compose(world.engine)
    return task_id, link_of(world, "digi")


def link_of(world: World, who: str) -> str:
    with world.look() as work:
        key = work.session.execute(sa.select(Installation.link_key)).scalar_one()
        last = sa.select(Message.id).where(Message.recipient_id == world[who]).order_by(Message.written_at.desc())
        return f"/reply/{links.written(key, work.session.execute(last.limit(1)).scalar_one())}"


def filled_in(subject_id: UUID, says: str, *, of: int = 1, **more: str) -> dict[str, str]:
    """The fields of the form about one matter."""
    own = {"says": says, "of": str(of), **more}
    return {f"{name}-{subject_id.hex}": value for name, value in own.items()}


def ledger(world: World) -> list[str]:
    with world.look() as work:
        return list(work.session.execute(sa.select(Reply.kind).order_by(Reply.given_at, Reply.kind)).scalars())


def is_discreet(answer: TestResponse) -> bool:
    """The address goes nowhere, and no copy is kept."""
    return (answer.headers["Referrer-Policy"], answer.headers["Cache-Control"]) == ("no-referrer", "no-store")


# --- through the link of a mail --------------------------------------------------------------------------------------


def test_whoever_has_the_mail_replies_without_signing_in(
    world: World, stranger: Visitor, mailed: tuple[UUID, str]
) -> None:
    task_id, link = mailed
    page = stranger.get(link)
    assert page.status_code == 200
    assert is_discreet(page)
    assert page.headers["X-Robots-Tag"] == "noindex"
    told = words(page.text)
    for said in ("Vormerkung annehmen oder Interesse bekunden", "Landkreis Mainz-Bingen", "Gesehen, ich kümmere mich"):
        assert said in told
    assert "Neuen Termin zusagen" not in told  # the short ladder does not ask
    assert f"/sign-in?next=/tasks/{task_id}" in page.text
    answer = stranger.client.post(link, data=filled_in(task_id, "seen"))  # no cookie, no token: the link is the proof
    assert answer.status_code == 200
    assert is_discreet(answer)
    assert "Vermerkt: Sie kümmern sich darum." in words(answer.text)
    assert ledger(world) == ["seen"]


def test_behind_a_link_nobody_reads_what_people_typed(world: World, stranger: Visitor, visit: Visit) -> None:
    """What a mail leaves out, its link does not tell either; whoever signs in reads it."""
    case_id = world.open()
    world.do(case_id, "express_interest", "digi")
    messages.compose(world.engine)
    with world.by("team") as work:
        task_id = tasks.add_ad_hoc(
            work, case_id, "Frau Muster in Elternzeit vertreten", "Dienstlich", owner="body.digi", working_days=3
        ).id
    messages.compose(world.engine)
    world.days(4)
    link = link_of(world, "digi")
    page = stranger.get(link)
    done = stranger.client.post(link, data=filled_in(task_id, "seen"))
    assert (page.status_code, done.status_code) == (200, 200)
    for answer in (page, done):
        assert "Muster" not in answer.text
        assert "Zusätzliche Aufgabe" in words(answer.text)
    assert "Frau Muster" in words(visit("digi").get(f"/replies/task/{task_id}").text)


def test_looking_at_a_link_changes_nothing(world: World, stranger: Visitor, mailed: tuple[UUID, str]) -> None:
    _, link = mailed
    before = contents(world)
    for method in ("get", "head", "options", "get"):
        assert getattr(stranger.client, method)(link).status_code == 200
    assert contents(world) == before


def test_a_spent_link_says_so_and_what_to_do(world: World, stranger: Visitor, mailed: tuple[UUID, str]) -> None:
    task_id, link = mailed
    stranger.client.post(link, data=filled_in(task_id, "snoozed", days="2"))
    for answer in (stranger.get(link), stranger.client.post(link, data=filled_in(task_id, "seen"))):
        assert answer.status_code == 410
        assert is_discreet(answer)
        assert "schon geantwortet" in words(answer.text)
        assert f"/sign-in?next=/tasks/{task_id}" in answer.text
    assert ledger(world) == ["snoozed"]


def test_an_expired_and_a_broken_link_say_so(world: World, stranger: Visitor, mailed: tuple[UUID, str]) -> None:
    _, link = mailed
    broken = stranger.get(link[:-3])
    assert (broken.status_code, is_discreet(broken)) == (404, True)
    assert "nicht vollständig" in words(broken.text)
    world.days(30)
    expired = stranger.get(link)
    assert (expired.status_code, "abgelaufen" in words(expired.text)) == (410, True)


def test_who_is_signed_in_goes_on_to_what_the_mail_was_about(
    world: World, visit: Visit, mailed: tuple[UUID, str]
) -> None:
    task_id, link = mailed
    answer = visit("digi").get(link)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/tasks/{task_id}")
    assert visit("team").get(link).status_code == 200  # somebody else's mail


def test_what_cannot_be_is_mended_on_the_same_page(world: World, stranger: Visitor, mailed: tuple[UUID, str]) -> None:
    with world.by("team") as work:
        subject_id = prerequisites.request(work, TOWN, "elster_account").id
    messages.compose(world.engine)
    link = link_of(world, "it")
    assert "Bis wann ist es fertig?" in words(stranger.get(link).text)
    for on, says in (
        ("", "promised"),
        ("morgen", "promised"),
        ("26.12.2026", "promised"),
        ("21.12.2031", "promised"),
        ("", ""),
        ("", "perhaps"),
    ):
        answer = stranger.client.post(link, data=filled_in(subject_id, says, on=on))
        assert answer.status_code == 422, (on, says)
        assert 'role="alert"' in answer.text or "error-summary" in answer.text
        assert ledger(world) == []
    answer = stranger.client.post(link, data=filled_in(subject_id, "promised", on="21.12.2026"))
    assert answer.status_code == 200
    assert "Zugesagt bis Mo., 21. Dezember" in words(answer.text)
    with world.look() as work:
        assert work.session.get_one(Prerequisite, subject_id).due_on == dt.date(2026, 12, 21)


def test_many_days_at_once_are_refused_and_the_link_stays(
    world: World, stranger: Visitor, mailed: tuple[UUID, str]
) -> None:
    task_id, link = mailed
    for days in ("9", "0", "-1", "viele", "³"):
        assert stranger.client.post(link, data=filled_in(task_id, "snoozed", days=days)).status_code == 422
    assert stranger.client.post(link, data=filled_in(task_id, "snoozed", days="5")).status_code == 200


def test_a_digest_is_replied_to_in_one_form(world: World, stranger: Visitor) -> None:
    ids = [world.task(world.open(service), "express_interest") for service in ("wohngeld", "uvg", "ikfz")]
    messages.compose(world.engine)
    link = link_of(world, "digi")
    page = stranger.get(link)
    assert page.text.count("<form") - page.text.count('action="/language"') - page.text.count('action="/theme"') >= 1
    assert page.text.count("Nichts vermerken") == 3
    assert "/sign-in" in page.text
    given = filled_in(ids[0], "seen") | filled_in(ids[1], "snoozed", days="3") | filled_in(ids[2], "")
    answer = stranger.client.post(link, data=given)
    assert answer.status_code == 200
    assert sorted(ledger(world)) == ["seen", "snoozed"]


def test_what_changed_meanwhile_is_told_and_the_link_stays(
    world: World, stranger: Visitor, mailed: tuple[UUID, str]
) -> None:
    task_id, link = mailed
    with world.by("supervisor") as work:
        tasks.extend(work, task_id, 5, "Die Stelle ist neu besetzt.")
    answer = stranger.client.post(link, data=filled_in(task_id, "seen"))
    assert answer.status_code == 409
    assert "Der Link gilt weiter." in words(answer.text)
    with world.look() as work:
        assert work.session.execute(sa.select(SpentLink)).first() is None
    world.do(world_case(world, task_id), "express_interest", "digi")
    page = stranger.get(link)
    assert "Es ist erledigt" in words(page.text)
    assert "says-" not in page.text


def test_who_lost_the_role_reads_so_and_need_not_do_anything(
    world: World, stranger: Visitor, mailed: tuple[UUID, str]
) -> None:
    task_id, link = mailed
    with world.by("admin") as work:
        people.withdraw(work, world["digi"], people.parse_role(f"digi@{TOWN}"))
    page = stranger.get(link)
    assert page.status_code == 200
    assert "Nicht mehr bei Ihnen" in words(page.text)
    assert "Vormerkung annehmen" not in words(re.sub("<details.*</details>", "", page.text, flags=re.DOTALL))
    answer = stranger.client.post(link, data=filled_in(task_id, "seen"))
    assert (answer.status_code, "Nicht mehr bei Ihnen" in words(answer.text)) == (409, True)
    with world.by("admin") as work:
        people.erase(work, world["digi"])
    gone = stranger.get(link)
    assert (gone.status_code, "kann niemand mehr antworten" in words(gone.text)) == (410, True)


def test_the_page_speaks_the_language_of_the_mail(world: World, stranger: Visitor, mailed: tuple[UUID, str]) -> None:
    _, link = mailed
    with world.by("digi") as work:
        work.session.execute(sa.update(Message).values(language="en"))
    assert "Seen, I see to it" in words(stranger.get(link).text)


def test_guessing_is_slowed_down(stranger: Visitor) -> None:
    found = {stranger.get(f"/reply/{number:x}").status_code for number in range(102)}
    assert found == {404, 429}


# --- signed in -------------------------------------------------------------------------------------------------------


def test_the_task_page_offers_replies_and_shows_them(world: World, visit: Visit, mailed: tuple[UUID, str]) -> None:
    task_id, _ = mailed
    digi = visit("digi")
    page = digi.get(f"/tasks/{task_id}").text
    assert f'action="/replies/task/{task_id}"' in page
    answer = digi.post(f"/replies/task/{task_id}", **filled_in(task_id, "seen"))
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/tasks/{task_id}")
    assert "Gesehen, kümmert sich darum. Digi" in words(visit("team").get(f"/tasks/{task_id}").text)
    assert "Gesehen, ich kümmere mich" not in words(digi.get(f"/tasks/{task_id}").text)
    assert "/replies/" not in visit("auditor").get(f"/tasks/{task_id}").text


def test_the_prerequisite_page_takes_a_promise(world: World, visit: Visit) -> None:
    with world.by("it") as work:
        subject_id = prerequisites.request(work, TOWN, "elster_account").id
    person = visit("it")
    assert f'action="/replies/prerequisite/{subject_id}"' in person.get(f"/prerequisites/{subject_id}").text
    wrong = person.post(f"/replies/prerequisite/{subject_id}", **filled_in(subject_id, "promised", on="26.12.2026"))
    assert wrong.status_code == 422
    assert 'value="26.12.2026"' in wrong.text
    person.post(f"/replies/prerequisite/{subject_id}", **filled_in(subject_id, "promised", on="21.12.2026"))
    page = words(person.get(f"/prerequisites/{subject_id}").text)
    assert "Zugesagt bis Mo., 21. Dezember." in page
    assert "Zugesagt von It." in page
    assert "Es ist zugesagt bis" in page


def test_holds_and_milestones_have_their_way_to_it(world: World, visit: Visit) -> None:
    case_id = world.open()
    with world.by("team") as work:
        cases.hold(work, case_id, blocker="no_staff", reason="Stelle", review_on=dt.date(2026, 12, 8))
        hold_id = work.session.execute(sa.select(Hold.id).where(Hold.case_id == case_id)).scalar_one()
    with world.by("office") as work:
        milestone_id = work.session.execute(sa.select(Milestone.id).where(Milestone.service == "wohngeld")).scalar_one()
        milestones.plan(work, milestone_id, dt.date(2027, 3, 1), "So vereinbart.")
    team, office = visit("team"), visit("office")
    for person, kind, subject_id, of, page in (
        (team, "hold", hold_id, 1, f"/cases/{case_id}"),
        (office, "milestone", milestone_id, 2, f"/milestones/{milestone_id}"),
    ):
        address = f"/replies/{kind}/{subject_id}"
        assert address in person.get(page).text
        assert person.get(address).status_code == 200
        answer = person.post(address, **filled_in(subject_id, "seen", of=of))
        assert (answer.status_code, answer.headers.get("Location")) == (303, page), words(answer.text)
    assert sorted(ledger(world)) == ["seen", "seen"]


def test_nothing_chosen_nothing_known_and_nothing_allowed_are_told(
    world: World, visit: Visit, mailed: tuple[UUID, str]
) -> None:
    task_id, _ = mailed
    digi = visit("digi")
    assert digi.post(f"/replies/task/{task_id}", **filled_in(task_id, "")).status_code == 422
    assert digi.get(f"/replies/person/{task_id}").status_code == 404
    assert digi.post(f"/replies/task/{task_id}", **filled_in(task_id, "seen", of=9)).status_code == 409
    assert visit("auditor").post(f"/replies/task/{task_id}", **filled_in(task_id, "seen")).status_code == 403
    assert visit("stranger").get(f"/replies/task/{task_id}").status_code == 404
    assert ledger(world) == []


def test_a_form_sent_twice_is_one_reply(world: World, visit: Visit, mailed: tuple[UUID, str]) -> None:
    task_id, _ = mailed
    digi = visit("digi")
    fields = filled_in(task_id, "snoozed", days="1") | {"command": "once-only"}
    for _ in range(2):
        assert digi.post(f"/replies/task/{task_id}", **fields).status_code == 303
    assert ledger(world) == ["snoozed"]


def world_case(world: World, task_id: UUID) -> UUID:
    with world.look() as work:
        return work.session.get_one(Task, task_id).case_id


def test_the_mail_says_what_its_link_is_good_for(world: World, mailed: tuple[UUID, str]) -> None:
    _, link = mailed
    with world.look() as work:
        plain = work.session.execute(sa.select(Message.plain).where(Message.recipient_id == world["digi"])).scalar_one()
    assert link in plain
    assert "einmal und bis Mi., 23. Dezember" in re.sub(r"\s+", " ", plain)
