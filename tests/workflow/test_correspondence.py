"""What the recipient of a mail does through its link, without signing in."""

from __future__ import annotations

import datetime as dt
import time
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from tests.world import TOWN, World, contents
from workflow import correspondence, history, links, messages, people, prerequisites, tasks
from workflow.correspondence import Mend, Outcome
from workflow.engine import SYSTEM
from workflow.errors import LinkBroken, LinkClosed, LinkExpired, LinkRefused, LinkSpent, NotAllowed
from workflow.models import Case, Installation, Message, Prerequisite, Reply, Task
from workflow.replies import Answer, Kind, Says


@pytest.fixture
def mailed(world: World) -> tuple[World, UUID, str]:
    """A task the digi was mailed about, and the token of that mail."""
    task_id = world.task(world.open(), "express_interest")
    messages.compose(world.engine)
    return world, task_id, token_for(world, "digi")


def token_for(world: World, who: str) -> str:
    """The token of the last mail to somebody."""
    with world.look() as work:
        key = work.session.execute(sa.select(Installation.link_key)).scalar_one()
        last = sa.select(Message.id).where(Message.recipient_id == world[who]).order_by(Message.written_at.desc())
        return links.written(key, work.session.execute(last.limit(1)).scalar_one())


def answer(subject_id: UUID, says: Says = "seen", *, kind: Kind = "task", of: int = 1, days: int = 0) -> Answer:
    return Answer(kind, subject_id, of, says, working_days=days)


def replied(world: World) -> list[tuple[str, str, UUID | None]]:
    """What is in the ledger: what was said, by which door, by whom."""
    with world.look() as work:
        rows = work.session.execute(sa.select(Reply.kind, Reply.via, Reply.given_by).order_by(Reply.given_at))
        return [(row.kind, row.via, row.given_by) for row in rows]


def test_a_reply_through_a_link_is_its_recipients_and_is_possible_once(mailed: tuple[World, UUID, str]) -> None:
    world, task_id, token = mailed
    (outcome,) = correspondence.reply(world.engine, token, [answer(task_id)])
    assert outcome.replied is not None
    assert replied(world) == [("seen", "link", world["digi"])]
    before = contents(world)
    for again in (
        lambda: correspondence.open_link(world.engine, token),
        lambda: correspondence.reply(world.engine, token, [answer(task_id, "snoozed", days=1)]),
    ):
        with pytest.raises(LinkSpent):
            again()
    assert contents(world) == before
    assert not list(history.replay(world.engine))


def test_looking_changes_nothing_however_often(mailed: tuple[World, UUID, str]) -> None:
    world, task_id, token = mailed
    before = contents(world)
    for _ in range(3):
        opened = correspondence.open_link(world.engine, token)
        assert (opened.recipient_id, opened.about) == (world["digi"], (("task", task_id),))
    assert contents(world) == before


def test_a_link_is_good_for_thirty_days_of_the_process(mailed: tuple[World, UUID, str]) -> None:
    world, task_id, token = mailed
    until = correspondence.open_link(world.engine, token).until
    assert until == dt.date(2026, 12, 23)
    world.days(22)  # 23 December
    correspondence.open_link(world.engine, token)
    world.days(1)
    with pytest.raises(LinkExpired):
        correspondence.reply(world.engine, token, [answer(task_id)])
    meant = correspondence.meant_for(world.engine, token)
    assert (meant.recipient_id, meant.about) == (world["digi"], (("task", task_id),))


def test_a_link_somebody_made_up_or_cut_off_is_broken(mailed: tuple[World, UUID, str]) -> None:
    world, task_id, token = mailed
    with world.look() as work:
        key = work.session.execute(sa.select(Installation.link_key)).scalar_one()
    broken = ("", "x", token[:-2], token[1:], token.replace(".", ""), "ü" + token, token + "A", "." * 40)
    for made_up in (*broken, links.written("another key", uuid4()), links.written(key, uuid4())):
        for door in (correspondence.open_link, correspondence.meant_for):
            with pytest.raises(LinkBroken):
                door(world.engine, made_up)
    with pytest.raises(LinkBroken):  # a good link is good for what its mail was about
        correspondence.reply(world.engine, token, [answer(uuid4())])
    with pytest.raises(LinkBroken):
        correspondence.reply(world.engine, token, [answer(task_id, kind="hold")])
    with pytest.raises(LinkBroken):
        correspondence.reply(world.engine, token, [])


def test_all_links_end_when_their_key_is_renewed_and_new_mails_have_new_ones(mailed: tuple[World, UUID, str]) -> None:
    world, _, token = mailed
    for name in ("digi", "office", "supervisor"):
        with pytest.raises(NotAllowed):
            correspondence.renew_links(world.engine, world[name])
    message_id = correspondence.open_link(world.engine, token).message_id
    correspondence.renew_links(world.engine, world["admin"])
    with pytest.raises(LinkBroken):
        correspondence.open_link(world.engine, token)
    with world.look() as work:
        key = work.session.execute(sa.select(Installation.link_key)).scalar_one()
    assert correspondence.open_link(world.engine, links.written(key, message_id)).message_id == message_id


def test_the_link_of_somebody_whose_account_has_ended_is_closed(mailed: tuple[World, UUID, str]) -> None:
    world, task_id, token = mailed
    with world.by("admin") as work:
        people.erase(work, world["digi"])
    with pytest.raises(LinkClosed):
        correspondence.reply(world.engine, token, [answer(task_id)])
    assert correspondence.meant_for(world.engine, token).recipient_id is None


def test_a_link_mailed_to_an_address_somebody_gave_up_is_closed(mailed: tuple[World, UUID, str]) -> None:
    world, task_id, token = mailed
    with world.engine.change(SYSTEM) as work:  # it went out; what waits goes to the new address
        work.session.execute(sa.update(Message).values(status="sent", try_at=None))
    with world.by("admin") as work:
        people.change_address(work, world["digi"], "digi.neu@beispiel.example")
    before = contents(world)
    for door in (
        lambda: correspondence.open_link(world.engine, token),
        lambda: correspondence.reply(world.engine, token, [answer(task_id)]),
    ):
        with pytest.raises(LinkClosed):
            door()
    assert contents(world) == before
    assert correspondence.meant_for(world.engine, token).recipient_id == world["digi"]  # who may sign in and go on


def test_who_lost_the_role_learns_so_and_the_link_stays(mailed: tuple[World, UUID, str]) -> None:
    world, task_id, token = mailed
    with world.by("admin") as work:
        people.withdraw(work, world["digi"], people.parse_role(f"digi@{TOWN}"))
    before = contents(world)
    assert refused(correspondence.reply(world.engine, token, [answer(task_id)])) == ["error.not_found"]
    assert contents(world) == before
    with world.by("admin") as work:
        people.grant(work, world["digi"], people.parse_role(f"digi@{TOWN}"))
    (outcome,) = correspondence.reply(world.engine, token, [answer(task_id)])
    assert outcome.replied is not None


def test_what_changed_meanwhile_is_not_replied_to_unseen(mailed: tuple[World, UUID, str]) -> None:
    world, task_id, token = mailed
    with world.by("supervisor") as work:
        tasks.extend(work, task_id, 5, "Die Stelle ist neu besetzt.")
    assert refused(correspondence.reply(world.engine, token, [answer(task_id)])) == ["error.task_has_moved"]
    (outcome,) = correspondence.reply(world.engine, token, [answer(task_id, of=2)])
    assert outcome.replied is not None


def test_what_is_done_by_now_needs_no_reply(mailed: tuple[World, UUID, str]) -> None:
    world, task_id, token = mailed
    with world.look() as work:
        case_id = work.session.get_one(Task, task_id).case_id
    world.do(case_id, "express_interest", "digi")
    assert refused(correspondence.reply(world.engine, token, [answer(task_id)])) == ["error.task_not_available"]


def test_what_was_filled_in_wrongly_is_mended_through_the_same_link(world: World) -> None:
    with world.by("team") as work:
        prerequisite_id = prerequisites.request(work, TOWN, "elster_account").id
    messages.compose(world.engine)
    token = token_for(world, "it")
    before = contents(world)
    for on, why in (
        (dt.date(2026, 12, 26), "error.reply_promise_day"),
        (dt.date(2029, 1, 2), "error.reply_promise_late"),
    ):
        with pytest.raises(Mend) as mend:
            correspondence.reply(world.engine, token, [Answer("prerequisite", prerequisite_id, 1, "promised", on=on)])
        assert mend.value.refused.key == why
    assert contents(world) == before
    good = Answer("prerequisite", prerequisite_id, 1, "promised", on=dt.date(2026, 12, 21))
    correspondence.reply(world.engine, token, [good])
    with world.look() as work:
        assert work.session.get_one(Prerequisite, prerequisite_id).due_on == dt.date(2026, 12, 21)


def test_a_digest_is_replied_to_in_one_go_each_matter_by_itself(world: World) -> None:
    first, second, third = (world.open(service) for service in ("wohngeld", "uvg", "ikfz"))
    messages.compose(world.engine)
    token = token_for(world, "digi")
    ids = [world.task(case_id, "express_interest") for case_id in (first, second, third)]
    assert {subject for _, subject in correspondence.open_link(world.engine, token).about} == set(ids)
    world.do(second, "express_interest", "digi")
    given = [answer(ids[0]), answer(ids[1]), answer(ids[2], "snoozed", days=3)]
    outcomes = correspondence.reply(world.engine, token, given)
    assert [outcome.replied is not None for outcome in outcomes] == [True, False, True]
    assert refused(outcomes) == ["error.task_not_available"]
    assert sorted(one[0] for one in replied(world)) == ["seen", "snoozed"]
    with pytest.raises(LinkSpent):
        correspondence.open_link(world.engine, token)


def test_of_two_who_reply_through_one_link_at_once_one_wins(mailed: tuple[World, UUID, str]) -> None:
    world, task_id, token = mailed

    def spend(number: int) -> str:
        try:
            return refused_or_done(correspondence.reply(world.engine, token, [answer(task_id, "snoozed", days=number)]))
        except LinkRefused as error:
            return type(error).__name__

    with ThreadPoolExecutor(4) as pool:
        found = sorted(pool.map(spend, (1, 2, 3, 4)))
    assert found == ["LinkSpent"] * 3 + ["done"]
    assert len(replied(world)) == 1
    assert not list(history.verify(world.engine))


def test_who_replies_to_a_digest_waits_for_cases_in_the_order_of_all_others(world: World) -> None:
    """Whoever waits for one case keeps none that comes later, so two digests never wait for each other."""
    if world.engine.pool.dialect.name != "postgresql":
        return  # SQLite knows one writer
    tasks_of = {}
    for service in ("wohngeld", "uvg", "ikfz", "aufenthalt", "einbuergerung"):
        case_id = world.open(service)
        tasks_of[case_id] = world.task(case_id, "express_interest")
    messages.compose(world.engine)
    token = token_for(world, "digi")
    ordered = sorted(tasks_of)
    with ThreadPoolExecutor(1) as pool:
        with world.look() as looking, world.engine.change(SYSTEM) as keeping:
            keeping.session.execute(sa.select(Case.id).where(Case.id == ordered[0]).with_for_update())
            reply = pool.submit(correspondence.reply, world.engine, token, [answer(one) for one in tasks_of.values()])
            waits = sa.text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                            "AND wait_event_type = 'Lock'")  # fmt: skip
            while not looking.session.execute(waits).scalar_one():
                time.sleep(0.02)
                assert not reply.done()
            with world.engine.change(SYSTEM) as others:
                free = sa.select(Case.id).where(Case.id.in_(ordered[1:])).with_for_update(skip_locked=True)
                assert len(others.session.execute(free).all()) == len(ordered) - 1
        assert all(outcome.replied for outcome in reply.result())


def refused(outcomes: tuple[Outcome, ...]) -> list[str]:
    """Why there is no reply, by the key of the sentence."""
    return [outcome.refused.key for outcome in outcomes if outcome.refused is not None]


def refused_or_done(outcomes: tuple[Outcome, ...]) -> str:
    return ", ".join(refused(outcomes)) or "done"
