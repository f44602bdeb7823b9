"""Signing in, staying signed in, and everything that ends it."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import argon2
import pytest
import sqlalchemy as sa
from flask import Flask

from tests.webui.application import application
from tests.webui.visitor import PASSWORD, Visitor, address, token_in, words
from tests.world import World
from workflow import clock, database, sessions, texts
from workflow.engine import SYSTEM
from workflow.errors import NetworkPaused, NotFound, PasswordTooWeak, SignInPaused, SignInRefused
from workflow.models import LoginAttempt, Person, WebSession

HERE = "192.0.2.7"
ELSEWHERE = ["https://evil.example/", "//evil.example", "/\\evil.example", "\\\\evil.example", "javascript:alert(1)",
             "/ok\r\nSet-Cookie: a=b", "/\t/evil.example", "evil.example", ""]  # fmt: skip


def change(world: World, statement: sa.UpdateBase) -> None:
    with database.transaction(world.engine.pool, write=True) as session:
        session.execute(statement)


def rows(world: World, table: type[WebSession] | type[LoginAttempt]) -> list[sa.Row[tuple[object, ...]]]:
    with database.transaction(world.engine.pool, write=False) as session:
        return list(session.execute(sa.select(table.__table__)))


def enter(world: World, who: str = "leitung", password: str = PASSWORD, at: str = HERE) -> sessions.NewSession:
    return sessions.sign_in(world.engine, address(world, who), password, at)


# --- the way in ------------------------------------------------------------------------------------------------------


def test_the_right_password_leads_to_my_tasks(world: World, stranger: Visitor) -> None:
    answer = stranger.sign_in(address(world, "leitung"))
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert stranger.get("/account").status_code == 200


def test_email_is_read_whatever_its_case_and_the_blanks_around_it(world: World, stranger: Visitor) -> None:
    assert stranger.sign_in(f"  {address(world, 'leitung').upper()} ").status_code == 303


def test_after_signing_in_the_wanted_page_follows(world: World, stranger: Visitor) -> None:
    asked = stranger.get("/account?a=b%20c")
    assert asked.headers["Location"] == "/sign-in?next=/account?a%3Db%2520c"
    page = stranger.get(asked.headers["Location"]).text
    assert 'name="next" value="/account?a=b%20c"' in page
    answer = stranger.sign_in(address(world, "leitung"), next="/account?a=b%20c")
    assert answer.headers["Location"] == "/account?a=b%20c"


def test_signing_in_never_leads_to_another_site(world: World, stranger: Visitor) -> None:
    stranger.sign_in(address(world, "leitung"))
    for elsewhere in ELSEWHERE:
        assert stranger.get("/sign-in", query_string={"next": elsewhere}).headers["Location"] == "/", elsewhere
    csrf = token_in(stranger.get("/account").text)
    for elsewhere in ELSEWHERE[:3]:
        data = {"csrf_token": csrf, "email": address(world, "leitung"), "password": PASSWORD, "next": elsewhere}
        answer = stranger.client.post("/sign-in", data=data)
        assert answer.headers["Location"] == "/", elsewhere
        csrf = token_in(stranger.get("/account").text)


def test_the_cookie_is_out_of_reach_for_scripts_and_other_sites(world: World, stranger: Visitor) -> None:
    cookies = stranger.sign_in(address(world, "leitung")).headers.getlist("Set-Cookie")
    cookie = next(one for one in cookies if one.startswith("startklar_session="))
    assert set(cookie.split("; ")[1:]) == {"HttpOnly", "Path=/", "SameSite=Lax"}


def test_over_https_the_cookie_is_secure_and_bound_to_this_host(world: World) -> None:
    settings = replace(world.engine.settings, base_url="https://startklar.example", cookie_secure=True)
    visitor = Visitor(application(world.engine, settings))
    page = visitor.get("/sign-in", base_url="https://startklar.example")
    answer = visitor.client.post(
        "/sign-in",
        base_url="https://startklar.example",
        data={"csrf_token": token_in(page.text), "email": address(world, "leitung"), "password": PASSWORD},
    )
    cookies = answer.headers.getlist("Set-Cookie")
    cookie = next(one for one in cookies if one.startswith("__Host-startklar_session="))
    assert "Secure" in cookie
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"


def test_the_database_knows_no_token(world: World, stranger: Visitor) -> None:
    stranger.sign_in(address(world, "leitung"))
    token = stranger.cookie("session")
    assert token is not None
    assert len(token) >= 43
    kept = rows(world, WebSession)
    assert [row.token_digest for row in kept] == [sessions.digest(token)]
    assert token not in repr(kept)


def test_a_request_looks_with_what_its_session_told_of_the_person(world: World, stranger: Visitor) -> None:
    stranger.sign_in(address(world, "leitung"))
    found = sessions.session(world.engine, stranger.cookie("session") or "")
    assert found is not None
    with world.engine.read(found.beginning) as told, world.look("leitung") as asked:
        assert told.actor == asked.actor
        assert (told.actor.name, told.actor.commitment) == (asked.actor.name, asked.actor.commitment)
        assert (told.today, told.catalogue) == (asked.today, asked.catalogue)


def test_of_the_browser_only_its_kind_is_kept(world: World, stranger: Visitor) -> None:
    agent = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
    stranger.client.environ_base["HTTP_USER_AGENT"] = agent
    stranger.sign_in(address(world, "leitung"))
    assert [row.agent for row in rows(world, WebSession)] == ["Firefox, Windows"]


def test_signing_in_again_ends_the_session_this_browser_had(world: World, stranger: Visitor) -> None:
    stranger.sign_in(address(world, "leitung"))
    first = stranger.cookie("session")
    assert first is not None
    data = {"csrf_token": token_in(stranger.get("/account").text), "email": address(world, "digi")}
    stranger.client.post("/sign-in", data=data | {"password": PASSWORD})
    assert sessions.session(world.engine, first) is None
    second = sessions.session(world.engine, stranger.cookie("session") or "")
    assert second is not None
    assert second.person_id == world["digi"]


# --- wrong tries -----------------------------------------------------------------------------------------------------


def test_a_wrong_password_and_an_unknown_account_look_alike(world: World, stranger: Visitor) -> None:
    wrong = stranger.sign_in(address(world, "leitung"), "falsch")
    unknown = stranger.sign_in("niemand@startklar.example", "falsch")
    assert wrong.status_code == unknown.status_code == 422
    assert words(wrong.text) == words(unknown.text)
    assert "passen nicht zusammen" in words(wrong.text)
    assert stranger.cookie("session") is None


def test_a_wrong_password_and_an_unknown_account_take_alike(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "_HASHER", argon2.PasswordHasher())
    sessions._nobodys_hash.cache_clear()
    sessions.set_password(world.engine, world["leitung"], PASSWORD)

    def seconds(email: str, address_: str) -> float:
        began = time.perf_counter()
        with pytest.raises(SignInRefused):
            sessions.sign_in(world.engine, email, "falsch", address_)
        return time.perf_counter() - began

    known, unknown = address(world, "leitung"), "niemand@startklar.example"
    seconds(unknown, HERE)
    pairs = [(seconds(known, f"192.0.2.{n}"), seconds(unknown, f"192.0.2.{n}")) for n in range(20, 25)]
    wrong, nobody = (sorted(side)[2] for side in zip(*pairs, strict=True))
    assert 0.5 < wrong / nobody < 2


def test_the_page_keeps_the_email_and_never_the_password(world: World, stranger: Visitor) -> None:
    page = stranger.sign_in(address(world, "leitung"), "geheim-und-falsch").text
    assert f'value="{address(world, "leitung")}"' in page
    assert "geheim-und-falsch" not in page


def test_a_person_without_a_password_cannot_sign_in(world: World) -> None:
    change(world, sa.update(Person).where(Person.id == world["leitung"]).values(password=None))
    with pytest.raises(SignInRefused):
        enter(world, password="")


def test_a_person_who_left_cannot_sign_in_and_is_signed_out(world: World) -> None:
    token = enter(world).token
    change(world, sa.update(Person).where(Person.id == world["leitung"]).values(ended_at=database.real_now()))
    assert sessions.session(world.engine, token) is None
    with pytest.raises(SignInRefused):
        enter(world)


def test_after_five_wrong_tries_even_the_right_password_waits(world: World, stranger: Visitor) -> None:
    for _ in range(5):
        assert "passen nicht zusammen" in words(stranger.sign_in(address(world, "leitung"), "falsch").text)
    answer = stranger.sign_in(address(world, "leitung"))
    assert answer.status_code == 422
    assert "in einer Minute noch einmal" in words(answer.text)
    change(world, sa.update(LoginAttempt).values(blocked_until=database.real_now()))
    assert stranger.sign_in(address(world, "leitung")).status_code == 303


def test_an_unknown_account_is_paused_like_a_known_one(world: World) -> None:
    for name in ("niemand@startklar.example", address(world, "leitung")):
        for _ in range(5):
            with pytest.raises(SignInRefused) as refused:
                sessions.sign_in(world.engine, name, "falsch", HERE)
            assert type(refused.value) is SignInRefused
        with pytest.raises(SignInPaused) as paused:
            sessions.sign_in(world.engine, name, "falsch", HERE)
        assert paused.value.facts == {"n": 1}


def test_each_further_wrong_try_doubles_the_pause_up_to_a_quarter_of_an_hour(world: World) -> None:
    waits: list[int] = []
    for tried in (4, 5, 6, 7, 30):
        change(world, sa.delete(LoginAttempt))
        with pytest.raises(SignInRefused):
            enter(world, password="falsch")
        change(world, sa.update(LoginAttempt).values(failures=tried))
        began = database.real_now()
        with pytest.raises(SignInRefused):
            enter(world, password="falsch")
        blocked_until = max(row.blocked_until for row in rows(world, LoginAttempt))
        waits.append(round((blocked_until - began).total_seconds()))
    assert waits == [15, 30, 60, 120, 900]


def test_somebody_elsewhere_is_not_locked_out_by_wrong_tries_here(world: World) -> None:
    for _ in range(5):
        with pytest.raises(SignInRefused):
            enter(world, password="falsch")
    with pytest.raises(SignInPaused):
        enter(world)
    assert enter(world, at="198.51.100.4").person_id == world["leitung"]


def test_one_network_cannot_try_one_account_after_the_other(world: World) -> None:
    with pytest.raises(SignInRefused):
        sessions.sign_in(world.engine, "a@startklar.example", "falsch", HERE)
    own = sessions._key("account", "a@startklar.example", HERE)
    change(world, sa.update(LoginAttempt).where(LoginAttempt.key != own).values(failures=200))
    began = database.real_now()
    with pytest.raises(SignInRefused):
        sessions.sign_in(world.engine, "b@startklar.example", "falsch", HERE)
    assert max(row.blocked_until for row in rows(world, LoginAttempt)) - began < dt.timedelta(seconds=31)
    with pytest.raises(NetworkPaused) as paused:
        enter(world)
    assert "Ihr Konto ist nicht gesperrt" in texts.say("de", paused.value.key, **paused.value.facts)
    enter(world, at="198.51.100.4")


def test_the_typos_of_a_town_hall_lock_nobody_out(world: World) -> None:
    for n in range(90):
        with pytest.raises(SignInRefused):
            sessions.sign_in(world.engine, f"person{n}@startklar.example", "vertippt", HERE)
    enter(world)


def test_a_network_starts_afresh_every_quarter_of_an_hour_whoever_signs_in_meanwhile() -> None:
    noon = dt.datetime(2026, 1, 5, 12, tzinfo=dt.UTC)
    keys = [sessions._of_network(HERE, noon + dt.timedelta(minutes=minutes)).key for minutes in (0, 14, 15)]
    assert keys[0] == keys[1] != keys[2]


def test_the_addresses_of_one_ipv6_network_count_as_one(world: World) -> None:
    for host in range(5):
        with pytest.raises(SignInRefused):
            enter(world, password="falsch", at=f"2001:db8:1:2::{host}")
    with pytest.raises(SignInPaused):
        enter(world, at="2001:db8:1:2:ffff::9")
    enter(world, at="2001:db8:1:3::1")


def test_the_right_password_wipes_the_slate(world: World) -> None:
    for _ in range(4):
        with pytest.raises(SignInRefused):
            enter(world, password="falsch")
    enter(world)
    assert [row.failures for row in rows(world, LoginAttempt)] == [4]  # the network address alone remembers
    with pytest.raises(SignInRefused):
        enter(world, password="falsch")
    enter(world)


def test_tries_of_yesterday_are_forgotten(world: World) -> None:
    for _ in range(5):
        with pytest.raises(SignInRefused):
            enter(world, password="falsch")
    yesterday = database.real_now() - dt.timedelta(hours=25)
    change(world, sa.update(LoginAttempt).values(last_at=yesterday, blocked_until=yesterday))
    enter(world)
    assert sum(int(str(row.failures)) for row in rows(world, LoginAttempt)) == 0


def test_tries_side_by_side_are_counted_too(world: World) -> None:
    outcomes: Counter[str] = Counter()

    def attempt() -> None:
        try:
            enter(world, password="falsch")
        except SignInRefused as error:
            outcomes[type(error).__name__] += 1

    threads = [threading.Thread(target=attempt) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes == {"SignInRefused": 5, "SignInPaused": 7}


# --- the way out -----------------------------------------------------------------------------------------------------


def test_a_cookie_is_worth_nothing_after_signing_out(world: World, visit: Callable[[str], Visitor]) -> None:
    visitor = visit("leitung")
    token = visitor.cookie("session")
    assert token is not None
    assert visitor.sign_out().headers["Location"] == "/sign-in"
    assert visitor.cookie("session") is None
    assert "Sie sind abgemeldet" in words(visitor.get("/sign-in").text)
    visitor.client.set_cookie("startklar_session", token, httponly=True)
    assert visitor.get("/account").status_code == 303


def test_an_invented_cookie_is_a_stranger(stranger: Visitor) -> None:
    stranger.client.set_cookie("startklar_session", "x" * 43)
    assert stranger.get("/account").status_code == 303
    stranger.client.set_cookie("startklar_session", "ä\\x00'; DROP TABLE person; --")
    assert stranger.get("/account").status_code == 303


def test_a_remember_cookie_of_flask_login_is_ignored(visit: Callable[[str], Visitor], stranger: Visitor) -> None:
    for name in ("remember_token", "unused_remember", "session", "unused"):
        stranger.client.set_cookie(name, "1|abc")
    assert stranger.get("/account").status_code == 303
    visitor = visit("leitung")
    visitor.client.set_cookie("remember_token", "1|abc")
    assert visitor.get("/account").status_code == 200


def test_a_session_ends_eight_hours_after_it_was_last_seen(world: World) -> None:
    token = enter(world).token
    change(world, sa.update(WebSession).values(seen_at=database.real_now() - dt.timedelta(hours=7, minutes=59)))
    assert sessions.session(world.engine, token) is not None
    change(world, sa.update(WebSession).values(seen_at=database.real_now() - dt.timedelta(hours=8, seconds=1)))
    assert sessions.session(world.engine, token) is None


def test_a_session_ends_twenty_four_hours_after_it_began_however_busy(world: World) -> None:
    new = enter(world)
    assert dt.timedelta(hours=23, minutes=59) < new.expires_at - database.real_now() <= dt.timedelta(hours=24)
    change(world, sa.update(WebSession).values(expires_at=database.real_now()))
    assert sessions.session(world.engine, new.token) is None


def test_last_seen_is_written_at_most_every_five_minutes(world: World) -> None:
    token = enter(world).token
    earlier = database.real_now() - dt.timedelta(minutes=4)
    change(world, sa.update(WebSession).values(seen_at=earlier))
    sessions.session(world.engine, token)
    assert [row.seen_at for row in rows(world, WebSession)] == [earlier]
    change(world, sa.update(WebSession).values(seen_at=database.real_now() - dt.timedelta(minutes=6)))
    sessions.session(world.engine, token)
    (row,) = rows(world, WebSession)
    assert database.real_now() - row.seen_at < dt.timedelta(minutes=1)


def test_moving_the_rehearsal_clock_signs_nobody_out(world: World) -> None:
    token = enter(world).token
    with world.engine.change(SYSTEM) as work:
        clock.advance(work, 200)
    assert sessions.session(world.engine, token) is not None


def test_ended_sessions_are_swept_away_when_somebody_signs_in(world: World) -> None:
    enter(world)
    change(world, sa.update(WebSession).values(expires_at=database.real_now() - dt.timedelta(seconds=1)))
    enter(world)
    assert len(rows(world, WebSession)) == 1


# --- the own account -------------------------------------------------------------------------------------------------


def test_the_account_page_says_who_i_am_and_what_i_may(visit: Callable[[str], Visitor]) -> None:
    page = words(visit("leitung").get("/account").text)
    assert "Leitung" in page
    assert "leitung@startklar.example" in page
    assert "Leitung der Kommune" in page
    assert "Mainz-Bingen" in page


def test_a_new_password_counts_at_once_and_signs_out_all_other_devices(
    world: World, visit: Callable[[str], Visitor], stranger: Visitor
) -> None:
    here, elsewhere = visit("leitung"), visit("leitung")
    before = here.cookie("session")
    answer = here.post("/account/password", old=PASSWORD, new="vier ganz neue Wörter")
    assert before is not None
    assert here.cookie("session") not in (None, before)
    assert sessions.session(world.engine, before) is None, "a token somebody may have learnt is worth nothing any more"
    assert answer.headers["Location"] == "/account"
    assert "Ihr Passwort ist geändert" in words(here.get("/account").text)
    assert elsewhere.get("/account").status_code == 303
    assert stranger.sign_in(address(world, "leitung")).status_code == 422
    assert stranger.sign_in(address(world, "leitung"), "vier ganz neue Wörter").status_code == 303


def test_the_old_password_is_asked_for_and_guessing_it_is_paused(world: World, visit: Callable[[str], Visitor]) -> None:
    visitor = visit("leitung")
    for _ in range(5):
        answer = visitor.post("/account/password", old="geraten", new="vier ganz neue Wörter")
        assert answer.status_code == 422
        assert "Das bisherige Passwort stimmt nicht" in words(answer.text)
    assert "Pause" in words(visitor.post("/account/password", old=PASSWORD, new="vier ganz neue Wörter").text)
    enter(world)


def test_a_weak_password_is_refused_and_the_old_one_stays(world: World, visit: Callable[[str], Visitor]) -> None:
    answer = visit("leitung").post("/account/password", old=PASSWORD, new="elf zeichen")
    assert answer.status_code == 422
    assert "mindestens 12 Zeichen" in words(answer.text)
    assert 'href="#field-new"' in answer.text
    for weak in ("", "kurz", "elf zeichen", "aaaaaaaaaaaaaaaa", "x" * 257):
        with pytest.raises(PasswordTooWeak):
            sessions.set_password(world.engine, world["leitung"], weak)
    enter(world)


def test_neither_the_old_password_nor_the_own_email_is_a_new_one(world: World, visit: Callable[[str], Visitor]) -> None:
    visitor = visit("leitung")
    same = visitor.post("/account/password", old=PASSWORD, new=PASSWORD)
    assert (same.status_code, "ist das bisherige" in words(same.text)) == (422, True)
    email = visitor.post("/account/password", old=PASSWORD, new=address(world, "leitung").upper())
    assert (email.status_code, "kennen viele" in words(email.text)) == (422, True)
    enter(world)


def test_what_an_unknown_account_is_compared_with_is_made_at_the_start(app: Flask) -> None:
    assert app.extensions["startklar"].engine is not None
    assert sessions._nobodys_hash.cache_info().currsize == 1


def test_a_device_can_be_signed_out_from_another(world: World, visit: Callable[[str], Visitor]) -> None:
    here, lost = visit("leitung"), visit("leitung")
    name = sessions.digest(lost.cookie("session") or "")
    assert name in here.get("/account").text
    assert here.post(f"/account/devices/{name}/sign-out").status_code == 303
    assert lost.get("/account").status_code == 303
    assert here.get("/account").status_code == 200


def test_nobody_signs_out_somebody_elses_device(world: World, visit: Callable[[str], Visitor]) -> None:
    mine, theirs = visit("leitung"), visit("stranger")
    name = sessions.digest(theirs.cookie("session") or "")
    assert mine.post(f"/account/devices/{name}/sign-out").status_code == 404
    with pytest.raises(NotFound):
        sessions.revoke(world.engine, world["leitung"], name)
    assert theirs.get("/account").status_code == 200


# --- forms from elsewhere --------------------------------------------------------------------------------------------


def test_a_form_without_a_token_is_refused(visit: Callable[[str], Visitor]) -> None:
    visitor = visit("leitung")
    for token in (None, "", "x" * 64):
        answer = visitor.client.post("/sign-out", data={} if token is None else {"csrf_token": token})
        assert answer.status_code == 403
    assert visitor.get("/account").status_code == 200


def test_a_token_of_another_session_is_refused(visit: Callable[[str], Visitor]) -> None:
    victim, attacker = visit("leitung"), visit("stranger")
    token = token_in(attacker.get("/account").text)
    assert victim.client.post("/sign-out", data={"csrf_token": token}).status_code == 403


def test_a_token_may_come_in_a_header(visit: Callable[[str], Visitor]) -> None:
    visitor = visit("leitung")
    token = token_in(visitor.get("/account").text)
    assert visitor.client.post("/sign-out", headers={"X-CSRF-Token": token}).status_code == 303


def test_a_form_of_another_site_is_refused_even_with_the_token(visit: Callable[[str], Visitor]) -> None:
    visitor = visit("leitung")
    data = {"csrf_token": token_in(visitor.get("/account").text)}
    for headers in (
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost.evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
    ):
        assert visitor.client.post("/sign-out", data=data, headers=headers).status_code == 403
    own = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
    assert visitor.client.post("/sign-out", data=data, headers=own).status_code == 303


def test_a_broken_origin_is_refused_and_a_broken_referrer_is_nowhere(visit: Callable[[str], Visitor]) -> None:
    visitor = visit("leitung")
    data = {"csrf_token": token_in(visitor.get("/account").text)}
    for broken in ("http://[::1", "http://[x]", "//[", ""):
        headers = {"Origin": broken, "Referer": broken}
        answer = visitor.client.post("/sign-out", data=data, headers=headers)
        assert (answer.status_code, "Das hat nicht geklappt" in answer.text) == (403, False), broken
        assert visitor.get("/nowhere", headers={"Referer": broken}).status_code == 404
        assert visitor.client.get("/account?next=//[", headers={"Referer": broken}).status_code == 200


def test_a_stranger_with_a_broken_referrer_is_asked_to_sign_in(stranger: Visitor) -> None:
    data = {"csrf_token": token_in(stranger.get("/sign-in").text)}
    answer = stranger.client.post("/account/password", data=data, headers={"Referer": "http://[::1"})
    assert answer.status_code == 303


def test_the_sign_in_form_of_another_browser_is_refused(world: World, app: Flask) -> None:
    attacker, victim = Visitor(app), Visitor(app)
    data = {
        "email": address(world, "stranger"),
        "password": PASSWORD,
        "csrf_token": token_in(attacker.get("/sign-in").text),
    }
    assert victim.client.post("/sign-in", data=data).status_code == 403
    victim.get("/sign-in")
    assert victim.client.post("/sign-in", data=data).status_code == 403
    assert victim.cookie("session") is None
