"""How people come to an account: invitations, links, forgotten passwords."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

import argon2
import pytest
import sqlalchemy as sa

from tests.smtp import MailServer
from tests.world import STRANGE_TOWN, TOWN, World, contents
from workflow import absences, access, commands, history, links, mailer, people, sessions
from workflow.access import Letterhead
from workflow.definition import Text
from workflow.engine import SYSTEM
from workflow.errors import (
    AccessRefused,
    Conflict,
    NetworkPaused,
    NotAllowed,
    NotFound,
    PasswordIsEmail,
    PasswordTooWeak,
    Refused,
    SignInPaused,
    SignInRefused,
    StartklarError,
)
from workflow.models import AccessLink, Event, Grant, Installation, Invitation, Message, Person
from workflow.policy import Role

HEAD = Letterhead("https://startklar.example", "startklar.example")
NEW, SECRET = "neu@kreis.example", "drei kluge worte dazu"
FACHAMT, LEITUNG, DIGI = (Role(role, body=TOWN) for role in ("fachamt", "leitung", "digi"))


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Argon2 with its smallest parameters: the same code, a thousand times faster."""
    monkeypatch.setattr(sessions, "_HASHER", argon2.PasswordHasher.from_parameters(argon2.profiles.CHEAPEST))
    sessions._nobodys_hash.cache_clear()


def test_whoever_is_invited_gets_the_role_on_taking_it_up_and_nothing_before(world: World, smtp: MailServer) -> None:
    _invite(world, "digi", FACHAMT)
    world.open()
    person = _person(world, NEW)
    assert (person.password, _roles(world, person.id)) == (None, [])
    with world.look("digi") as work:
        assert access.words_of(work, [FACHAMT])[0].place == "Landkreis Mainz-Bingen"
    token = _delivered(world, smtp)
    opened = access.open_link(world.engine, token)
    assert (opened.kind, opened.email, opened.name, opened.by) == ("invitation", NEW, "", "Digi")
    assert [(one.place, one.service) for one in opened.roles] == [("Landkreis Mainz-Bingen", None)]

    new = access.use_link(world.engine, token, SECRET, name="  Nora   Neu ", language="en", agent="Firefox")
    found = sessions.session(world.engine, new.token)
    assert found is not None
    assert (found.name, found.language, found.roles) == ("Nora Neu", "en", (FACHAMT,))
    assert _acts(world, person.id) == ["added", "invited", "took_up", "granted"]
    assert sessions.sign_in(world.engine, NEW, SECRET, "192.0.2.1").person_id == person.id
    with world.look() as work:
        assert work.session.execute(sa.select(Invitation.id)).all() == []
    assert [*history.verify(world.engine)] == []


def test_no_row_holds_the_secret_of_a_link(world: World, smtp: MailServer) -> None:
    _invite(world, "leitung", FACHAMT)
    token = _delivered(world, smtp)
    with world.look() as work:
        kept = work.session.execute(sa.select(Message.plain, Message.html).where(Message.access_id.is_not(None))).one()
    assert token not in kept.plain
    assert token not in kept.html
    assert links.UNSIGNED in kept.plain
    [mail] = smtp.sent_to(NEW)
    assert mail.text.count(token) == 1
    assert token in mail.html
    assert "Leitung lädt Sie ein" in mail.text
    assert links.UNSIGNED not in mail.text + mail.html


@pytest.mark.parametrize(
    ("who", "role"),
    [
        ("digi", LEITUNG),
        ("fachamt", FACHAMT),
        ("leitung", Role("fachamt", body=STRANGE_TOWN)),
        ("leitung", Role("admin")),
        ("leitung", Role("programme_office")),
        ("supervisor", FACHAMT),
        ("supervisor", Role("supervisor", team="mitte")),
        ("team", FACHAMT),
        ("office", FACHAMT),
        ("auditor", FACHAMT),
        ("stranger", FACHAMT),
    ],
)
def test_nobody_gives_more_than_is_theirs(world: World, who: str, role: Role) -> None:
    with pytest.raises(NotAllowed), world.by(who) as work:
        access.invite(work, NEW, role, head=HEAD)
    assert _person(world, NEW) is None


def test_who_gives_what(world: World) -> None:
    member = Role("umsetzungsteam", team=world.team)
    for who, role in (("leitung", LEITUNG), ("digi", DIGI), ("supervisor", member), ("admin", Role("admin"))):
        _invite(world, who, role, f"{role.role}@neu.example")
    with pytest.raises(NotAllowed), world.by("supervisor") as work:
        access.invite(work, NEW, Role("supervisor", team=world.team), head=HEAD)


def test_a_role_for_one_service_gives_roles_for_that_service_only(world: World) -> None:
    with world.by("admin") as work:
        people.withdraw(work, world["digi"], DIGI)
        people.grant(work, world["digi"], Role("digi", body=TOWN, service="wohngeld"))
    _invite(world, "digi", Role("fachamt", body=TOWN, service="wohngeld"))
    for role in (FACHAMT, Role("fachamt", body=TOWN, service="uvg")):
        with pytest.raises(NotAllowed), world.by("digi") as work:
            access.invite(work, NEW, role, head=HEAD)


def test_a_deputy_gives_no_roles(world: World) -> None:
    with world.by("leitung") as work:
        absences.enter(work, world["leitung"], world["it"], work.today, work.today)
    with pytest.raises(NotAllowed), world.by("it") as work:
        access.invite(work, NEW, LEITUNG, head=HEAD)


def test_an_account_that_is_there_gets_the_role_and_the_inviter_learns_the_same(world: World, smtp: MailServer) -> None:
    address = "stranger@startklar.example"
    with world.by("digi") as work:
        access.invite(work, address.upper(), FACHAMT, head=HEAD)
        access.invite(work, NEW, FACHAMT, head=HEAD)
    assert FACHAMT in _roles(world, world["stranger"])
    _deliver(world, smtp)
    [mail] = smtp.sent_to(address)
    assert "Sie haben eine neue Rolle" in mail.text
    assert "/access/" not in mail.text
    with pytest.raises(Conflict), world.by("digi") as work:
        access.invite(work, address, FACHAMT, head=HEAD)


def test_no_name_somebody_typed_becomes_a_link_with_a_secret(world: World, smtp: MailServer) -> None:
    with world.by("leitung") as work:
        name = f"https://evil.example{links.ACCESS}{links.UNSIGNED}"
        access.invite(work, NEW, FACHAMT, head=HEAD, name=name.rstrip("-"))
        access.invite(work, NEW, DIGI, head=HEAD, name=name)
    token = _delivered(world, smtp).rstrip(",")
    for mail in smtp.sent_to(NEW):
        assert "evil.example" in mail.text
        for written in (mail.text, mail.html):
            secrets = re.findall(r"(\S*)/access/[\w-]+\.[\w-]{20,}", written)
            assert secrets
            assert {one.rpartition('"')[2] for one in secrets} == {"https://startklar.example"}
    assert "evil" not in token


def test_what_makes_no_sense_is_refused_and_leaves_nobody(world: World) -> None:
    for email, role, more in (
        ("kein postfach", FACHAMT, {}),
        (NEW, Role("fachamt", body=TOWN, service="nichts"), {}),
        (NEW, FACHAMT, {"name": "x" * 201}),
        (NEW, FACHAMT, {"name": "Neu\r\nBcc: alle@example.org"}),
        (NEW, FACHAMT, {"language": "fr"}),
    ):
        with pytest.raises(Refused), world.by("leitung") as work:
            access.invite(work, email, role, head=HEAD, **more)
    with pytest.raises(NotAllowed), world.by("leitung") as work:
        access.invite(work, NEW, Role("fachamt", body="999999999999"), head=HEAD)
    assert _person(world, NEW) is None


def test_several_invitations_come_in_one_link_the_newest(world: World, smtp: MailServer) -> None:
    _invite(world, "digi", FACHAMT)
    first = _delivered(world, smtp)
    _invite(world, "supervisor", Role("umsetzungsteam", team=world.team))
    second = _delivered(world, smtp)
    _refused("error.access_ended", lambda: access.open_link(world.engine, first))
    access.use_link(world.engine, second, SECRET, name="Nora Neu")
    assert set(_roles(world, _person(world, NEW).id)) == {FACHAMT, Role("umsetzungsteam", team=world.team)}


def test_a_link_opens_once(world: World, smtp: MailServer) -> None:
    _invite(world, "digi", FACHAMT)
    token = _delivered(world, smtp)
    for _ in range(3):
        access.open_link(world.engine, token)  # looking spends nothing
    access.use_link(world.engine, token, SECRET, name="Nora")
    _refused("error.access_used", lambda: access.open_link(world.engine, token))
    _refused("error.access_used", lambda: access.use_link(world.engine, token, SECRET + "!", name="Nora"))
    assert sessions.sign_in(world.engine, NEW, SECRET, "192.0.2.1").language == "de"


def test_of_two_who_use_a_link_at_once_one_comes_in(world: World, smtp: MailServer) -> None:
    _invite(world, "digi", FACHAMT)
    token = _delivered(world, smtp)
    told = _at_once(*[partial(access.use_link, world.engine, token, SECRET + one, name="N") for one in "ab"])
    assert sorted(told) == ["", "error.access_used"]
    assert len(_roles(world, _person(world, NEW).id)) == 1


def test_an_invitation_taken_up_while_it_is_withdrawn_is_one_of_both(world: World, smtp: MailServer) -> None:
    _invite(world, "digi", FACHAMT)
    token, [invitation] = _delivered(world, smtp), _invitations(world)

    def withdraw() -> None:
        with world.by("digi") as work:
            access.withdraw(work, invitation.id)

    told = _at_once(partial(access.use_link, world.engine, token, SECRET, name="N"), withdraw)
    assert told in (["", "error.not_found"], ["error.access_ended", ""])
    assert _roles(world, invitation.person_id) == ([FACHAMT] if told[1] else [])
    assert _invitations(world) == []
    assert [*history.verify(world.engine)] == []


def test_an_invitation_taken_up_while_it_is_sent_again_lets_one_person_in(world: World, smtp: MailServer) -> None:
    _invite(world, "digi", FACHAMT)
    token, person = _delivered(world, smtp), _person(world, NEW).id

    def again() -> None:
        with world.by("digi") as work:
            access.invite_again(work, person, head=HEAD)

    told = _at_once(again, partial(access.use_link, world.engine, token, SECRET, name="N"))
    assert told in (["", "error.access_ended"], ["error.not_found", ""])
    if told[1]:
        access.use_link(world.engine, _delivered(world, smtp), SECRET, name="N")
    assert _roles(world, person) == [FACHAMT]


def test_two_who_invite_the_same_address_at_once_make_one_account(world: World) -> None:
    told = _at_once(*[partial(_invite, world, who, FACHAMT) for who in ("digi", "leitung", "admin")])
    assert told == ["", "", ""]
    with world.look() as work:
        assert len(work.session.execute(sa.select(Invitation.id)).all()) == 1
        open_ = (AccessLink.used_at.is_(None), AccessLink.ended_at.is_(None))
        assert len(work.session.execute(sa.select(AccessLink.id).where(*open_)).all()) == 1


def test_a_link_goes_with_its_time_its_address_and_its_account(world: World, smtp: MailServer) -> None:
    _invite(world, "digi", FACHAMT)
    token, person = _delivered(world, smtp), _person(world, NEW).id
    world.days(60)
    assert access.open_link(world.engine, token).email == NEW  # only real time counts
    _age(world, dt.timedelta(days=14, seconds=1))
    _refused("error.access_expired_invitation", lambda: access.use_link(world.engine, token, SECRET, name="N"))

    with world.by("digi") as work:
        access.invite_again(work, person, head=HEAD)
    token = _delivered(world, smtp)
    with world.by("admin") as work:
        people.change_address(work, person, "anders@kreis.example")
    _refused("error.access_ended", lambda: access.use_link(world.engine, token, SECRET, name="N"))

    with world.by("digi") as work:
        access.invite_again(work, person, head=HEAD)
    token = _delivered(world, smtp, "anders@kreis.example")
    with world.by("admin") as work:
        people.erase(work, person)
    _refused("error.access_broken", lambda: access.open_link(world.engine, token))


def test_an_invitation_that_is_withdrawn_opens_nothing_and_forgets_who_never_came(
    world: World, smtp: MailServer
) -> None:
    _invite(world, "digi", FACHAMT)
    _invite(world, "leitung", LEITUNG)
    token, person = _delivered(world, smtp), _person(world, NEW).id
    held = {one.role: one.id for one in _invitations(world)}
    with pytest.raises(NotFound), world.by("digi") as work:
        access.withdraw(work, held["leitung"])
    with world.by("digi") as work:
        access.withdraw(work, held["fachamt"])
    assert [one.place for one in access.open_link(world.engine, token).roles] == ["Landkreis Mainz-Bingen"]
    with world.by("leitung") as work:
        access.withdraw(work, held["leitung"])
    _refused("error.access_ended", lambda: access.use_link(world.engine, token, SECRET, name="N"))
    with world.look() as work:
        row = work.session.execute(sa.select(Person.__table__).where(Person.id == person)).one()
    assert (row.email, row.name, row.salt, row.search_key) == (None, None, None, "")
    with pytest.raises(NotFound), world.by("leitung") as work:
        access.withdraw(work, held["leitung"])
    _invite(world, "digi", FACHAMT)
    assert [*history.verify(world.engine)] == []


def test_of_who_never_came_no_row_keeps_name_or_address_and_no_mail_goes_out(world: World, smtp: MailServer) -> None:
    with world.by("digi") as work:
        commands.once(work, "einmal", access.invite, NEW, FACHAMT, head=HEAD, name="Nora Neuland")
    assert "Nora Neuland" in _kept(world)
    with world.by("digi") as work:
        access.withdraw(work, _invitations(world)[0].id)
    assert not [one for one in ("Nora Neuland", NEW) if one in _kept(world)]
    _deliver(world, smtp)
    assert smtp.received == []


@pytest.mark.parametrize(
    "token", ["", "x", "a.b", "=.=", "ä" * 40, "A" * 5000, "../../etc", "AAAAAAAAAAAAAAAAAAAAAA.AA"]
)
def test_a_made_up_link_opens_nothing(world: World, token: str) -> None:
    _refused("error.access_broken", lambda: access.open_link(world.engine, token))


def test_a_link_for_a_reply_or_of_another_installation_opens_no_account(world: World) -> None:
    _invite(world, "digi", FACHAMT)
    with world.look() as work:
        key = work.session.execute(sa.select(Installation.link_key)).scalar_one()
        link_id = work.session.execute(sa.select(AccessLink.id)).scalar_one()
    for token in (links.written(key, link_id), links.access_written(links.new_key(), link_id)):
        _refused("error.access_broken", partial(access.open_link, world.engine, token))
    assert access.open_link(world.engine, links.access_written(key, link_id)).email == NEW


def test_a_password_that_protects_nothing_spends_no_link(world: World, smtp: MailServer) -> None:
    _invite(world, "digi", FACHAMT)
    token = _delivered(world, smtp)
    for password, error in (("kurz", PasswordTooWeak), (NEW.upper(), PasswordIsEmail), ("a" * 20, PasswordTooWeak)):
        with pytest.raises(error):
            access.use_link(world.engine, token, password, name="N")
    for name in ("", "   ", "x" * 201, "N\u202eora"):
        with pytest.raises(Refused):
            access.use_link(world.engine, token, SECRET, name=name)
    access.use_link(world.engine, token, SECRET, name="Nora")


def test_a_forgotten_password_is_set_anew_and_every_session_ends(world: World, smtp: MailServer) -> None:
    with world.engine.change(SYSTEM) as work:
        old = sessions.begin_with_password(work.session, world["digi"], sessions.hash_password(SECRET))
    access.ask_reset(world.engine, " DIGI@startklar.example ", "192.0.2.1")
    token = _delivered(world, smtp, "digi@startklar.example")
    _age(world, dt.timedelta(minutes=59))
    new = access.use_link(world.engine, token, "ganz andere worte nun")
    assert sessions.session(world.engine, old.token) is None
    assert sessions.session(world.engine, new.token) is not None
    with pytest.raises(SignInRefused):
        sessions.sign_in(world.engine, "digi@startklar.example", SECRET, "192.0.2.1")
    assert "password_reset" in _acts(world, world["digi"])
    _deliver(world, smtp)
    assert "Ihr Passwort ist geändert" in smtp.sent_to("digi@startklar.example")[-1].text


def test_with_a_new_password_a_link_that_was_asked_for_ends(world: World, smtp: MailServer) -> None:
    me, address, other = world["digi"], "digi@startklar.example", f"{SECRET} anders"
    for set_anew in (
        lambda: sessions.set_password(world.engine, me, SECRET),
        lambda: sessions.change_password(world.engine, me, SECRET, other).person_id,
    ):
        _age(world, dt.timedelta(minutes=5))
        _ask(world, address)
        token = _delivered(world, smtp, address)
        set_anew()
        _refused("error.access_ended", partial(access.open_link, world.engine, token))


def test_a_role_for_a_service_the_catalogue_lost_is_named_by_its_key(world: World) -> None:
    lost = Role("fachamt", body=TOWN, service="verloren")
    with world.by("admin") as work:
        people.lock(work, world["fachamt"])
        people.give(work, world["fachamt"], lost)
    with world.look("fachamt") as work:
        assert access.words_of(work, [lost])[0].service == Text("verloren", "verloren")
        assert sessions.held_roles(work)[-1].service == Text("verloren", "verloren")


def test_a_reset_is_good_for_an_hour(world: World, smtp: MailServer) -> None:
    access.ask_reset(world.engine, "digi@startklar.example", "192.0.2.1")
    token = _delivered(world, smtp, "digi@startklar.example")
    _age(world, dt.timedelta(minutes=61))
    _refused("error.access_expired_reset", lambda: access.use_link(world.engine, token, SECRET))


def test_asking_for_a_new_password_says_nothing_and_fills_no_mailbox(world: World, smtp: MailServer) -> None:
    known, unknown = [], []
    for number in range(3):
        known.append(_seconds(partial(_ask, world, "digi@startklar.example", f"192.0.2.{number}")))
        unknown.append(_seconds(partial(_ask, world, f"x{number}@example.org", f"192.0.2.{number}")))
    assert abs(sorted(known)[1] - sorted(unknown)[1]) < access.ASKING_TAKES / 2
    _deliver(world, smtp)
    assert len(smtp.received) == 1


def test_whoever_asks_again_and_again_waits_known_or_not(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "ASKING_TAKES", 0.001)
    told = [
        [_told(partial(_ask, world, email)) for _ in range(7)]
        for email in ("digi@startklar.example", "niemand@example.org")
    ]
    assert told[0] == told[1]
    assert told[0][0] == ""
    assert told[0][-1] == SignInPaused.key


def test_a_whole_network_that_asks_and_asks_waits(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "ASKING_TAKES", 0.001)
    told = [_told(partial(_ask, world, f"x{number}@example.org")) for number in range(103)]
    assert (told[0], told[-1]) == ("", NetworkPaused.key)


def test_whoever_is_only_invited_gets_the_invitation_once_more(world: World, smtp: MailServer) -> None:
    _invite(world, "digi", FACHAMT)
    first = _delivered(world, smtp)
    access.ask_reset(world.engine, NEW, "192.0.2.1")
    token = _delivered(world, smtp)
    assert token != first
    assert access.open_link(world.engine, token).kind == "invitation"


def test_nobody_fills_the_mailboxes_of_others(world: World) -> None:
    with world.by("leitung") as work:
        for number in range(access.MOST_INVITATIONS):
            access.invite(work, f"neu{number}@kreis.example", FACHAMT, head=HEAD)
        with pytest.raises(Refused) as told:
            access.invite(work, NEW, FACHAMT, head=HEAD)
    assert told.value.key == "error.many_invitations"


def test_nobody_fills_a_mailbox_by_giving_a_role_and_ending_it_again_and_again(world: World) -> None:
    with world.by("leitung") as work:
        for _ in range(access.MOST_INVITATIONS):
            access.invite(work, "stranger@startklar.example", FACHAMT, head=HEAD)
            query = sa.select(Grant.id).where(Grant.person_id == world["stranger"], Grant.role == "fachamt")
            access.end_role(work, work.session.execute(query.where(Grant.ended_at.is_(None))).scalar_one())
        with pytest.raises(Refused) as told:
            access.invite(work, "stranger@startklar.example", FACHAMT, head=HEAD)
    assert told.value.key == "error.many_invitations"
    _invite(world, "digi", FACHAMT)


def test_a_colleagues_role_is_ended_and_never_the_own_key(world: World) -> None:
    with pytest.raises(NotAllowed), world.by("digi") as work:
        access.end_role(work, _grant(world, "leitung"))
    for who in ("digi", "leitung", "admin"):
        with pytest.raises(Refused) as told, world.by(who) as work:
            access.end_role(work, _grant(world, who))
        assert told.value.key == "error.own_role"
    ended = _grant(world, "fachamt")
    with world.by("digi") as work:
        access.end_role(work, ended)
    with pytest.raises(NotFound), world.by("digi") as work:
        access.end_role(work, ended)
    with world.by("supervisor") as work:
        access.end_role(work, _grant(world, "colleague"))


def test_an_account_that_ended_opens_nowhere_and_begins_anew_when_invited(world: World, smtp: MailServer) -> None:
    with world.engine.change(SYSTEM) as work:
        old = sessions.begin_with_password(work.session, world["fachamt"], sessions.hash_password(SECRET))
    with world.by("admin") as work:
        people.end(work, world["fachamt"])
    with pytest.raises(Refused), world.by("admin") as work:
        people.end(work, world["admin"])
    assert sessions.session(world.engine, old.token) is None
    address = "fachamt@startklar.example"
    with pytest.raises(SignInRefused):
        sessions.sign_in(world.engine, address, SECRET, "192.0.2.1")
    access.ask_reset(world.engine, address, "192.0.2.1")
    _deliver(world, smtp)
    assert smtp.received == []

    _invite(world, "digi", FACHAMT, address)
    token = _delivered(world, smtp, address)
    assert access.open_link(world.engine, token).name == "Fachamt"
    [waiting] = _invitations(world)
    with world.by("digi") as work:
        access.withdraw(work, waiting.id)
    assert _person(world, address).ended_at is not None  # what the person did keeps its name
    _invite(world, "digi", FACHAMT, address)
    access.use_link(world.engine, _delivered(world, smtp, address), SECRET)
    assert _roles(world, world["fachamt"]) == [FACHAMT]
    assert [*history.verify(world.engine)] == []


def test_an_administrator_ends_all_sessions_of_somebody(world: World) -> None:
    with world.engine.change(SYSTEM) as work:
        old = sessions.begin_with_password(work.session, world["digi"], sessions.hash_password(SECRET))
    with pytest.raises(NotAllowed), world.by("leitung") as work:
        people.sign_out(work, world["digi"])
    with world.by("admin") as work:
        people.sign_out(work, world["digi"])
    assert sessions.session(world.engine, old.token) is None
    assert _acts(world, world["digi"])[-1] == "signed_out"


def test_links_are_forgotten_a_month_after_they_ended(world: World) -> None:
    _invite(world, "digi", FACHAMT)
    assert access.forget_links(world.engine) == 0
    _age(world, dt.timedelta(days=45))
    assert access.forget_links(world.engine) == 1


# --- helpers ---------------------------------------------------------------------------------------------------------


def _invite(world: World, who: str, role: Role, email: str = NEW) -> None:
    with world.by(who) as work:
        access.invite(work, email, role, head=HEAD)


def _deliver(world: World, smtp: MailServer) -> None:
    world.engine.settings = dataclasses.replace(world.engine.settings, smtp_url=smtp.url)
    mailer.deliver(world.engine, worker="test")


def _delivered(world: World, smtp: MailServer, email: str = NEW) -> str:
    """The secret of the newest mail to an address."""
    _deliver(world, smtp)
    found = re.search(r"/access/(\S+)", smtp.sent_to(email)[-1].text)
    assert found is not None
    return found[1]


def _person(world: World, email: str) -> Any:
    with world.look() as work:
        return work.session.execute(sa.select(Person.__table__).where(Person.email == email)).first()


def _roles(world: World, person_id: UUID) -> list[Role]:
    with world.look() as work:
        return list(access._held(work, person_id))


def _kept(world: World) -> str:
    """Every row of every table."""
    return repr(contents(world))


def _invitations(world: World) -> list[Any]:
    with world.look() as work:
        return list(work.session.execute(sa.select(Invitation.__table__)).all())


def _grant(world: World, who: str) -> UUID:
    with world.look() as work:
        query = sa.select(Grant.id).where(Grant.person_id == world[who], Grant.ended_at.is_(None))
        return work.session.execute(query).scalar_one()


def _acts(world: World, person_id: UUID) -> list[str]:
    with world.look() as work:
        query = sa.select(Event.act).where(Event.chain_id == person_id).order_by(Event.seq)
        return list(work.session.execute(query).scalars())


def _age(world: World, by: dt.timedelta) -> None:
    """Let real time have passed since every link was made."""
    with world.engine.change(SYSTEM) as work:
        for row in work.session.execute(sa.select(AccessLink.id, AccessLink.made_at, AccessLink.expires_at)).all():
            earlier = {"made_at": row.made_at - by, "expires_at": row.expires_at - by}
            work.session.execute(sa.update(AccessLink).where(AccessLink.id == row.id).values(earlier))


def _refused(key: str, do: Callable[[], object]) -> None:
    with pytest.raises(AccessRefused) as told:
        do()
    assert told.value.key == key


def _ask(world: World, email: str, address: str = "192.0.2.9") -> None:
    access.ask_reset(world.engine, email, address)


def _told(do: Callable[[], object]) -> str:
    try:
        do()
    except StartklarError as error:
        return error.key
    return ""


def _seconds(do: Callable[[], object]) -> float:
    began = time.monotonic()
    do()
    return time.monotonic() - began


def _at_once(*deeds: Callable[[], object]) -> list[str]:
    gate, told = threading.Barrier(len(deeds)), [""] * len(deeds)

    def act(number: int) -> None:
        gate.wait()
        told[number] = _told(deeds[number])

    threads = [threading.Thread(target=act, args=(number,)) for number in range(len(deeds))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return told
