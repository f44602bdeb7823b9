"""A body asks to be connected to a service; its team opens the case or says why not."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from tests.world import TOWN, World
from workflow import cases, history, messages, onboarding, ticking
from workflow.engine import Work
from workflow.errors import AlreadyOpen, Conflict, InvalidEvidence, NotAllowed, NotFound, Refused, StartklarError
from workflow.models import Body, Event, Message, Notice, OnboardingRequest, Remark
from workflow.onboarding import RequestView
from workflow.queries import onboarding as query


def test_what_a_town_asks_for_is_opened_by_its_team_and_both_learn_of_it(world: World) -> None:
    asked = _ask(world, wish="Wir nutzen OK.SOZIUS.")
    assert asked.status == "open"
    assert _told(world, "onboarding_asked") == {"team", "colleague", "office"}
    with world.by("team") as work:
        opened = onboarding.accept(work, asked.id)
    assert (opened.status, opened.number) == ("accepted", "wohngeld-07339-1")
    assert _told(world, "onboarding_accepted") == {"digi"}

    world.days(1)
    messages.compose(world.engine)
    with world.look() as work:
        mails = work.session.execute(sa.select(Message.subject, Message.plain)).all()
        said = work.session.execute(sa.select(Remark.text).where(Remark.chain_id == asked.id)).scalars().all()
    assert said == ["Wir nutzen OK.SOZIUS."]
    assert any("Ihr Vorgang ist eröffnet" in mail.plain for mail in mails)
    assert not any("Anbindung angefragt" in mail.subject for mail in mails)  # nobody needs to be asked any more
    assert not any("SOZIUS" in mail.plain for mail in mails)
    assert list(history.replay(world.engine)) == []
    assert list(history.verify(world.engine)) == []


def test_the_team_is_asked_at_once_and_a_refusal_comes_with_a_reason(world: World) -> None:
    asked = _ask(world)
    messages.compose(world.engine)
    with world.look() as work:
        subjects = work.session.execute(sa.select(Message.subject).where(Message.recipient_id == world["team"]))
        assert subjects.scalars().all() == ["Anbindung angefragt: Wohngeld (Landkreis Mainz-Bingen)"]
    with world.by("team") as work, pytest.raises(InvalidEvidence):
        onboarding.decline(work, asked.id, " ")
    with world.by("team") as work:
        assert onboarding.decline(work, asked.id, "Erst nach dem Vertrag des Landes.").status == "declined"
    assert _told(world, "onboarding_declined") == {"digi"}
    with world.by("team") as work, pytest.raises(Conflict):
        onboarding.accept(work, asked.id)
    again = _ask(world, who="leitung")
    with world.by("digi") as work:
        assert onboarding.withdraw(work, again.id).status == "withdrawn"
    with world.by("leitung") as work, pytest.raises(Conflict):
        onboarding.withdraw(work, again.id)
    with world.look() as work:
        acts = work.session.execute(sa.select(Event.act).where(Event.chain_id == again.id).order_by(Event.seq))
        assert acts.scalars().all() == ["asked", "withdrawn"]
    assert list(history.replay(world.engine)) == []


def test_a_request_nobody_answers_comes_with_the_digest_once_a_week(world: World) -> None:
    asked = _ask(world)
    messages.compose(world.engine)
    assert onboarding.remind(world.engine) == 0
    world.days(onboarding.AGAIN_AFTER)
    assert onboarding.remind(world.engine) == 1
    assert onboarding.remind(world.engine) == 0
    messages.compose(world.engine)
    with world.look() as work:
        mails = work.session.execute(sa.select(Message.subject).where(Message.recipient_id == world["office"]))
        assert len(mails.scalars().all()) == 2
    with world.by("digi") as work:
        onboarding.withdraw(work, asked.id)
    world.days(onboarding.AGAIN_AFTER)
    assert onboarding.remind(world.engine) == 0
    assert list(history.replay(world.engine)) == []


def test_one_reminder_that_fails_stops_no_other(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = [_ask(world, service) for service in ("wohngeld", "uvg")]
    world.days(onboarding.AGAIN_AFTER)
    told: list[UUID] = []

    def tell(work: Work, request_id: UUID, *_: object) -> None:
        told.append(request_id)
        if len(told) == 1:
            raise RuntimeError

    with monkeypatch.context() as patched:
        patched.setattr(onboarding, "_tell_team", tell)
        assert onboarding.remind(world.engine) == 1
    assert {*told} == {one.id for one in asked}
    assert onboarding.remind(world.engine) == 1


def test_a_page_of_a_town_knows_its_latest_request_however_many_there_were(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(query, "MOST", 2)
    for _ in range(3):
        asked = _ask(world)
        with world.by("digi") as work:
            onboarding.withdraw(work, asked.id)
    asked = _ask(world)
    with world.look("digi") as work:
        assert query.of_body(work, TOWN)["wohngeld"].id == asked.id


def test_who_may_ask_and_what_for(world: World) -> None:
    refusals: list[tuple[str, str, str, type[StartklarError]]] = [
        ("digi", "hundesteuer", TOWN, NotFound),
        ("digi", "wohngeld", "079999999999", NotFound),
        ("fachamt", "wohngeld", TOWN, NotAllowed),
        ("stranger", "wohngeld", TOWN, NotAllowed),
        ("team", "wohngeld", TOWN, NotAllowed),
        ("office", "wohngeld", TOWN, NotAllowed),
        ("digi", "buergergeld", TOWN, Refused),
    ]
    for who, service, body, error in refusals:
        with world.by(who) as work, pytest.raises(error):
            onboarding.ask(work, service, body)
    world.open()
    with world.by("digi") as work, pytest.raises(AlreadyOpen):
        onboarding.ask(work, "wohngeld", TOWN)
    asked = _ask(world, "uvg")
    with world.by("leitung") as work, pytest.raises(Conflict):
        onboarding.ask(work, "uvg", TOWN)
    for who, deed in (
        ("stranger", onboarding.withdraw),
        ("other_team", onboarding.accept),
        ("admin", onboarding.accept),
    ):
        with world.by(who) as work, pytest.raises(NotFound):
            deed(work, asked.id)
    for who, deed in (("team", onboarding.withdraw), ("supervisor", onboarding.accept), ("auditor", onboarding.accept)):
        with world.by(who) as work, pytest.raises(NotAllowed):
            deed(work, asked.id)


def test_a_case_opened_some_other_way_answers_the_request(world: World) -> None:
    asked = _ask(world)
    case_id = world.open()
    ticking.decide_and_write(world.engine)
    row = _row(world, asked.id)
    assert (row.status, row.case_id, row.decided_by) == ("accepted", case_id, None)
    assert onboarding.settle(world.engine) == 0

    other = _ask(world, "uvg")
    world.open("uvg")
    with world.by("team") as work:  # before the next beat
        assert onboarding.accept(work, other.id).number == "uvg-07339-1"

    third = _ask(world, "ikfz")
    with world.engine.change("system") as work:
        work.session.execute(sa.update(Body).where(Body.ars == TOWN).values(valid_until=work.today))
    assert onboarding.settle(world.engine) == 1
    assert _row(world, third.id).status == "withdrawn"
    assert list(history.replay(world.engine)) == []


@pytest.mark.parametrize("turn", range(3))
def test_a_request_is_made_once_and_answered_once_whoever_meets_at_it(world: World, turn: int) -> None:
    asking: list[Callable[[Work], Any]] = [lambda work: onboarding.ask(work, "wohngeld", TOWN)] * 2
    told = _at_once(world, [("digi", asking[0]), ("leitung", asking[1])])
    assert [type(error) for error in told if error is not None] == [Conflict]

    told = _at_once(
        world,
        [
            ("digi", lambda work: onboarding.ask(work, "uvg", TOWN)),
            ("office", lambda work: cases.open_case(work, "uvg", TOWN)),
        ],
    )
    assert told[1] is None
    onboarding.settle(world.engine)
    with world.look() as work:
        rows = work.session.execute(sa.select(OnboardingRequest).order_by(OnboardingRequest.service)).scalars().all()
        assert [row.status for row in rows if row.service == "uvg"] in ([], ["accepted"])

    (wohngeld,) = (row.id for row in rows if row.service == "wohngeld")
    told = _at_once(
        world,
        [
            ("team", lambda work: onboarding.accept(work, wohngeld)),
            ("office", lambda work: onboarding.accept(work, wohngeld)),
            ("colleague", lambda work: cases.open_case(work, "wohngeld", TOWN)),
        ],
    )
    assert all(error is None or isinstance(error, Conflict) for error in told)
    onboarding.settle(world.engine)
    assert _row(world, wohngeld).status == "accepted"

    ikfz = _ask(world, "ikfz").id
    told = _at_once(
        world,
        [
            ("team", lambda work: onboarding.accept(work, ikfz)),
            ("office", lambda work: onboarding.decline(work, ikfz, "nein")),
            ("digi", lambda work: onboarding.withdraw(work, ikfz)),
        ],
    )
    assert sorted(type(error).__name__ for error in told if error is not None) == ["Conflict", "Conflict"]
    assert _row(world, ikfz).status == ("accepted", "declined", "withdrawn")[told.index(None)]
    assert list(history.replay(world.engine)) == []


def _ask(
    world: World, service: str = "wohngeld", *, who: str = "digi", body: str = TOWN, wish: str = ""
) -> RequestView:
    with world.by(who) as work:
        return onboarding.ask(work, service, body, wish)


def _row(world: World, request_id: UUID) -> Any:
    with world.look() as work:
        query = sa.select(OnboardingRequest.__table__).where(OnboardingRequest.id == request_id)
        return work.session.execute(query).one()


def _told(world: World, name: str) -> set[str]:
    with world.look() as work:
        people = set(work.session.execute(sa.select(Notice.recipient_id).where(Notice.name == name)).scalars())
    return {who for who, person in world.ids.items() if person in people}


def _at_once(world: World, deeds: list[tuple[str, Callable[[Work], Any]]]) -> list[StartklarError | None]:
    gate, told = threading.Barrier(len(deeds)), dict[int, StartklarError | None]()

    def act(number: int, who: str, deed: Callable[[Work], Any]) -> None:
        gate.wait()
        try:
            with world.by(who) as work:
                deed(work)
            told[number] = None
        except StartklarError as error:
            told[number] = error

    threads = [threading.Thread(target=act, args=(number, *one)) for number, one in enumerate(deeds)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return [told[number] for number in range(len(deeds))]
