"""What holds for every page: closed doors, headers, words, errors, and files that are what they should be."""

from __future__ import annotations

import base64
import datetime as dt
import gzip
import hashlib
import json
import logging
import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask
from werkzeug.routing import Rule

import webui
from tests.webui.application import application
from tests.webui.visitor import PASSWORD, Visitor, address, token_in, words
from tests.world import World
from webui import PUBLIC, assets, forms, wording
from workflow import database, errors, sessions, settings, start, texts
from workflow.models import Message, Person

ROOM = Path(webui.__file__).parent
VENDORED = ROOM / "static" / "VENDORED.md"
TEMPLATES = sorted((ROOM / "templates").rglob("*.html"))
INLINE = (
    r"\sstyle\s*=",
    r"<style\b",
    r"<script(?![^>]*\bsrc=)",
    r"javascript:",
    r"\bhx-on\b",
    r"\bhx-vals\s*=\s*['\"]js:",
    r"\son(click|load|submit|change|input|error|focus|blur|toggle|key\w+|mouse\w+|pointer\w+)\s*=",
    r"\|\s*safe\b",
)
"""What the content security policy forbids, and what would switch escaping off."""
LANGUAGE_FILES = {language: ROOM / "locale" / f"{language}.po" for language in texts.LANGUAGES}


def addresses(app: Flask) -> Iterator[tuple[Rule, str]]:
    """Every address of the application, with something plausible for its parts."""
    made_up = {"UUIDConverter": str(uuid.UUID(int=7)), "IntegerConverter": "1"}
    for rule in app.url_map.iter_rules():
        url = rule.rule
        for name in rule.arguments:
            kind = type(rule._converters[name]).__name__
            url = re.sub(rf"<(?:[^:<>]+:)?{name}>", made_up.get(kind, "x"), url)
        yield rule, url


# --- closed doors ----------------------------------------------------------------------------------------------------


def test_a_stranger_is_asked_to_sign_in_at_every_door_that_is_not_public(app: Flask, stranger: Visitor) -> None:
    token = token_in(stranger.get("/sign-in").text)
    closed = 0
    for rule, url in addresses(app):
        if rule.endpoint in PUBLIC:
            continue
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            data = {"csrf_token": token} if method != "GET" else None
            answer = stranger.client.open(url, method=method, data=data)
            assert (answer.status_code, answer.location.partition("?")[0]) == (303, "/sign-in"), (method, url)
            closed += 1
    assert closed >= 6


def test_every_public_door_exists_and_is_meant(app: Flask) -> None:
    assert app.view_functions.keys() >= PUBLIC
    assert {
        "access.ask",
        "access.forgotten",
        "access.open_link",
        "access.use_link",
        "asset",
        "favicon",
        "feedback.give",
        "feedback.show",
        "feedback.thanks",
        "feeds.calendar",
        "healthz",
        "pages.accessibility",
        "pages.imprint",
        "pages.privacy",
        "replies.answer",
        "replies.open_link",
        "sign_in.show",
        "sign_in.enter",
        "statusz",
        "switches.language",
        "switches.theme",
    } == PUBLIC


def test_no_door_changes_anything_without_a_token(app: Flask, visit: Callable[[str], Visitor]) -> None:
    visitor = visit("leitung")
    for rule, url in addresses(app):
        for method in (rule.methods or set()) - {"GET", "HEAD", "OPTIONS"}:
            expected = 404 if rule.endpoint == "replies.answer" else 403  # the link of a mail is its own token
            assert visitor.client.open(url, method=method).status_code == expected, (method, url)


def test_a_part_of_a_page_sends_the_whole_page_of_a_stranger_to_sign_in(stranger: Visitor) -> None:
    answer = stranger.get("/account", headers={"HX-Request": "true"})
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (401, "/sign-in?next=/account")
    assert answer.text == ""


def test_the_programs_that_watch_over_us_get_a_plain_answer(stranger: Visitor) -> None:
    assert stranger.get("/healthz").json == {"status": "ok"}


# --- headers ---------------------------------------------------------------------------------------------------------


def test_every_answer_forbids_what_comes_from_elsewhere(stranger: Visitor, visit: Callable[[str], Visitor]) -> None:
    signed_in = visit("leitung")
    answers = [stranger.get("/sign-in"), stranger.get("/nowhere"), stranger.get("/account"), signed_in.get("/account"),
               signed_in.get("/components"), stranger.get("/healthz"), stranger.get("/favicon.ico")]  # fmt: skip
    for answer in answers:
        assert answer.headers["Content-Security-Policy"] == (
            "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; connect-src 'self'; "
            "img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        )
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert "camera=()" in answer.headers["Permissions-Policy"]
        assert "Strict-Transport-Security" not in answer.headers
    assert {answer.headers["Cache-Control"] for answer in answers[:-1]} == {"no-store"}


def test_fields_for_days_and_addresses_say_how_to_write_them(visit: Callable[[str], Visitor], world: World) -> None:
    said = words(visit("leitung").get("/components").text)
    with world.look() as work:
        assert f"Heute ist {work.today:%d.%m.%Y}" in said
    assert "Die ganze Adresse, mit https:// am Anfang" in said


def test_pages_fetch_nothing_from_other_sites(stranger: Visitor, visit: Callable[[str], Visitor]) -> None:
    for page in (stranger.get("/sign-in").text, visit("leitung").get("/components").text):
        for found in re.findall(r'(?:src|href|action|srcset)="([^"]*)"', page):
            assert found.startswith(("/", "#")), found
            assert not found.startswith("//")


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_no_template_carries_style_or_script_of_its_own(template: Path) -> None:
    text = template.read_text(encoding="utf-8")
    for what in INLINE:
        assert not re.search(what, text, re.IGNORECASE), what


@pytest.mark.parametrize("picture", sorted((ROOM / "static").glob("*.svg")), ids=lambda path: path.name)
def test_no_picture_carries_style_or_script_of_its_own(picture: Path) -> None:
    assert not re.search(
        r"style\s*=|<style|<script|\son[a-z]+=|xlink:href|@import", picture.read_text(encoding="utf-8")
    )


# --- files -----------------------------------------------------------------------------------------------------------


def test_vendored_files_are_the_ones_that_were_looked_at() -> None:
    listed = dict(re.findall(r"^\| `([^`]+)` \|.*\| `([0-9a-f]{64})` \|$", VENDORED.read_text("utf-8"), re.MULTILINE))
    present = {
        path.relative_to(ROOM / "static").as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (ROOM / "static/vendor").rglob("*")
        if path.is_file()
    }
    assert listed == present
    assert {Path(name).parent.name for name in present if "LICENSE" in name or "OFL" in name} == {
        "kern",
        "htmx",
        "fira-sans",
    }


def test_no_file_is_larger_than_a_megabyte_and_a_first_visit_stays_small() -> None:
    sizes = {path: path.stat().st_size for path in (ROOM / "static").rglob("*") if path.is_file()}
    assert max(sizes.values()) < 1_000_000
    first = [ROOM / "static" / name for name in (
        "vendor/kern/kern.min.css", "startklar.css", "vendor/htmx/htmx.min.js", "startklar.js", "mark.svg",
        "vendor/fira-sans/FiraSans-Regular.woff2", "vendor/fira-sans/FiraSans-SemiBold.woff2")]  # fmt: skip
    sent = sum(sizes[path] if path.suffix == ".woff2" else len(gzip.compress(path.read_bytes())) for path in first)
    assert sent < 380_000


def test_files_are_compressed_kept_for_a_year_and_asked_for_by_their_content(stranger: Visitor) -> None:
    url = re.findall(r'href="([^"]+startklar\.css)"', stranger.get("/sign-in").text)[0]
    plain, small = stranger.get(url), stranger.get(url, headers={"Accept-Encoding": "br, gzip"})
    assert gzip.decompress(small.data) == plain.data == (assets.FOLDER / "startklar.css").read_bytes()
    assert small.headers["Content-Encoding"] == "gzip"
    assert small.headers["Vary"] == "Accept-Encoding"
    assert plain.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert plain.headers["ETag"] != small.headers["ETag"]
    assert stranger.get(url, headers={"If-None-Match": plain.headers["ETag"]}).status_code == 304
    assert plain.content_type == "text/css; charset=utf-8"
    assert stranger.get(url, headers={"Accept-Encoding": "gzip;q=0"}).data == plain.data


def test_an_old_address_of_a_file_still_works_but_is_not_kept(stranger: Visitor) -> None:
    answer = stranger.get("/static/0123456789ab/startklar.css")
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "public, max-age=0, must-revalidate"


@pytest.mark.parametrize(
    "name", ["nothing.css", "../__init__.py", "..%2f__init__.py", "vendor", "startklar.css/", "//etc/passwd"]
)
def test_nothing_but_our_files_is_served(name: str) -> None:
    app = Flask(__name__, static_folder=None)
    assets.install(app)
    assert app.test_client().get(f"/static/x/{name}").status_code in (404, 308)


# --- words -----------------------------------------------------------------------------------------------------------


def test_both_languages_say_everything_and_name_the_same_facts() -> None:
    assert texts.keys("de") == texts.keys("en")
    for key in texts.keys("de"):
        assert texts.placeholders("de", key) == texts.placeholders("en", key), key


def test_every_text_a_page_asks_for_exists() -> None:
    asked = set()
    for template in TEMPLATES:
        asked |= set(re.findall(r"""\bt\(\s*["']([a-z_0-9.]+\.[a-z_0-9.]+)["']\s*[,)]""", template.read_text("utf-8")))
    for module in ROOM.rglob("*.py"):
        source = module.read_text("utf-8")
        asked |= set(re.findall(r'(?:\bt\(|\bkey = )"([a-z_]+\.[a-z_.]+)"', source))
        asked |= set(re.findall(r'"((?:error|notice|nav)\.[a-z_.]+)"', source))
    asked -= {"error.html"}
    asked |= {f"{place.key}{ending}" for place in webui.navigation.ENTRIES for ending in ("", "_short")}
    asked |= {
        f"error_page.{status}.{part}" for status in webui.errors.WORDED for part in ("title", "sentence", "way_on")
    }
    asked |= {f"switch.theme.{theme}" for theme in sessions.THEMES} | {
        f"stepper.{kind}" for kind in ("done", "current", "ahead")
    }
    assert len(asked) > 90
    assert sorted(asked - texts.keys("de")) == []


def test_no_text_is_written_twice_in_a_file() -> None:
    for path in LANGUAGE_FILES.values():
        keys = re.findall(r'^msgid "(.+)"$', path.read_text("utf-8"), re.MULTILINE)
        assert len(keys) == len(set(keys))


def test_a_stranger_is_spoken_to_in_the_language_of_the_browser_else_in_german(stranger: Visitor) -> None:
    for wished, title in (("en-US,en;q=0.9,de;q=0.5", "Sign in"), ("fr", "Anmelden"), ("de-AT, en;q=0.2", "Anmelden")):
        page = stranger.get("/sign-in", headers={"Accept-Language": wished}).text
        assert f"<title>{title} – Startklar</title>" in page
        assert f'<html lang="{"en" if title == "Sign in" else "de"}"' in page


def test_a_stranger_can_choose_language_and_appearance(stranger: Visitor) -> None:
    answer = stranger.post("/language", language="en", next="/sign-in?next=/account")
    assert answer.headers["Location"] == "/sign-in?next=/account"
    stranger.post("/theme", theme="dark", next="//evil.example")
    page = stranger.get("/sign-in").text
    assert '<html lang="en" data-kern-theme="dark">' in page
    assert stranger.post("/language", language="fr").status_code == 404
    assert stranger.post("/theme", theme="<b>").status_code == 404


def test_a_person_keeps_language_and_appearance_on_every_device(visit: Callable[[str], Visitor]) -> None:
    visitor = visit("leitung")
    visitor.post("/language", language="en", next="/account")
    assert visitor.post("/theme", theme="light", next="/account").headers["Location"] == "/account"
    page = visit("leitung").get("/account", headers={"Accept-Language": "de"}).text
    assert '<html lang="en" data-kern-theme="light">' in page
    assert "My roles" in page
    visitor.post("/theme", theme="system")
    assert '<html lang="en">' in visitor.get("/account").text


def test_dates_are_said_as_a_person_says_them(app: Flask) -> None:
    macros = app.jinja_env.get_template("_macros.html").make_module()
    this_year = dt.datetime.now(dt.UTC).year

    def due(language: str, **facts: object) -> str:
        with app.test_request_context(headers={"Accept-Language": language}):
            return words(str(macros.due_chip(dt.date(this_year, 6, 11), **facts)))  # type: ignore[attr-defined]

    day = wording._day("de", dt.date(this_year, 6, 11), with_year=False)
    assert day.endswith("., 11. Juni")
    assert due("de", working_days=3) == f"fällig am {day} (in 3 Arbeitstagen)"
    assert due("de", working_days=1) == f"fällig am {day} (nächster Arbeitstag)"
    assert due("de", working_days=0) == f"heute fällig ({day})"
    assert due("de") == f"fällig am {day}"
    assert due("de", working_days=4, overdue=True) == "seit 4 Arbeitstagen überfällig"
    assert due("de", working_days=1, overdue=True) == "seit 1 Arbeitstag überfällig"
    assert due("de", working_days=0, overdue=True) == f"überfällig seit {day}"
    assert due("en", working_days=3).endswith("11 June (in 3 working days)")
    assert due("de", working_days=3, compact=True) == f"{day} : fällig am {day} (in 3 Arbeitstagen)"


def test_a_year_is_said_when_it_is_not_this_year(app: Flask) -> None:
    with app.test_request_context(headers={"Accept-Language": "de"}):
        assert wording.plain_day(dt.date(2031, 1, 2)) == "Do., 2. Januar 2031"
        assert wording.day(dt.date(2031, 1, 2)) == '<time datetime="2031-01-02">Do., 2. Januar 2031</time>'
        assert wording.when(dt.datetime(2031, 7, 2, 5, 0, tzinfo=dt.UTC)).endswith("Mi., 2. Juli 2031, 07:00</time>")
        assert wording.number(1234567.5) == "1.234.567,5"


@pytest.mark.parametrize(
    ("words", "breaks"),
    [
        ("Digitalisierungsbeauftragte:r", "Digitalisierungs|beauftragte:r"),
        ("Informationssicherheitsbeauftragte:r", "Informations|sicherheits|beauftragte:r"),
        ("Leitung der Schulungen", "Leitung der Schulungen"),
        ("Digitalisation officer", "Digitalisation officer"),
    ],
)
def test_long_words_break_at_their_joints_and_short_ones_nowhere(words: str, breaks: str) -> None:
    assert wording.breakable(words).replace("\N{SOFT HYPHEN}", "|") == breaks


def test_the_scale_has_five_steps_however_many_states_a_process_has() -> None:
    assert [wording.scale(position, 5) for position in range(1, 6)] == [1, 2, 3, 4, 5]
    assert [wording.scale(position, 3) for position in range(1, 4)] == [1, 3, 5]
    assert [wording.scale(position, 9) for position in range(1, 10)] == [1, 1, 2, 2, 3, 3, 4, 4, 5]
    assert wording.scale(1, 1) == 5


def test_a_template_that_names_what_nobody_gave_it_fails(app: Flask) -> None:
    with app.test_request_context(), pytest.raises(Exception, match="undefined"):
        app.jinja_env.from_string("{{ nobody }}").render()


def test_what_people_type_is_never_markup(world: World, stranger: Visitor) -> None:
    page = stranger.sign_in('"><script>alert(1)</script>', "x").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page


# --- errors ----------------------------------------------------------------------------------------------------------


def breaking(world: World, error: Exception) -> Flask:
    """An application with one page that raises."""
    app = application(world.engine, world.engine.settings)

    @app.get("/break")
    def break_() -> str:
        raise error

    return app


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.NotFound(), 404),
        (errors.NotAllowed(roles=("supervisor",)), 403),
        (errors.CaseHasMoved(), 409),
        (errors.SecondPersonNeeded(people=""), 409),
        (errors.Refused("error.nobody_wrote_this"), 409),
        (errors.InvalidEvidence({"a": ("evidence.missing", {})}), 422),
        (errors.Busy(), 503),
        (errors.Unready("error.not_initialised"), 503),
    ],
)
def test_every_kind_of_refusal_has_its_status_and_a_way_on(world: World, error: Exception, status: int) -> None:
    visitor = Visitor(breaking(world, error))
    visitor.sign_in(address(world, "leitung"))
    answer = visitor.get("/break", headers={"Referer": "http://localhost/account?a=1"})
    assert answer.status_code == status
    page = words(answer.text)
    with visitor.client.application.test_request_context():
        assert texts.say("de", f"error_page.{status}.title") in page
        assert texts.say("de", f"error_page.{status}.way_on") in page
    assert 'href="/account?a=1"' in answer.text
    assert "Traceback" not in answer.text
    english = visitor.client.get("/break", headers={"HX-Request": "true"})
    assert english.status_code == status
    assert english.text.lstrip().startswith('<div role="alert">')
    assert "<html" not in english.text


def test_every_member_of_the_error_family_has_a_status() -> None:
    family = [errors.StartklarError]
    for kind in family:
        family += kind.__subclasses__()
    shown = {status for _, status in webui.errors.STATUS}
    assert len(family) > 12
    assert shown <= webui.errors.WORDED
    assert all(any(issubclass(kind, known) for known, _ in webui.errors.STATUS) for kind in family)


def test_what_breaks_is_told_without_a_trace_and_logged_without_a_name(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    visitor = Visitor(breaking(world, RuntimeError("petra.lehmann@vg.example lives in Mainz")))
    visitor.sign_in(address(world, "leitung"))
    with caplog.at_level(logging.INFO):
        answer = visitor.get("/break?q=petra.lehmann")
    assert answer.status_code == 500
    reference = re.search(r"Kennung ([0-9a-f]{8})", words(answer.text))
    assert reference is not None
    assert "RuntimeError" not in answer.text
    assert reference[1] in caplog.text
    assert "RuntimeError" in caplog.text
    assert "break_" in caplog.text
    assert "petra" not in caplog.text
    assert "Leitung" not in answer.text


def test_a_database_that_went_away_is_a_page_not_a_crash(
    world: World, visit: Callable[[str], Visitor], tmp_path: Path
) -> None:
    visitor = visit("leitung")
    working = world.engine.pool
    world.engine.pool = database.connect(f"sqlite:///{tmp_path / 'no' / 'such' / 'folder.db'}")
    try:
        answer = visitor.get("/account")
    finally:
        world.engine.pool = working
    assert answer.status_code in (500, 503)
    assert "Es wurde nichts gespeichert" in words(answer.text)
    assert visitor.get("/account").status_code == 200


def test_an_unknown_address_is_said_kindly_in_both_languages(stranger: Visitor) -> None:
    answer = stranger.get("/no/such/page")
    assert answer.status_code == 404
    assert "Diese Seite gibt es nicht" in answer.text
    english = stranger.get("/no/such/page", headers={"Accept-Language": "en"}).text
    assert "This page does not exist" in english
    wrong = stranger.get("/sign-out")
    assert (wrong.status_code, set(wrong.headers["Allow"].split(", "))) == (405, {"POST", "OPTIONS"})


def test_a_request_larger_than_a_document_may_be_gets_a_sentence(visit: Callable[[str], Visitor]) -> None:
    visitor = visit("leitung")
    answer = visitor.client.post(
        "/account/password", data=b"x" * (26 * 1024 * 1024 + 1), content_type="multipart/form-data; boundary=x"
    )
    assert answer.status_code == 413
    assert "höchstens 25 MB" in words(answer.text)


@pytest.mark.parametrize(
    "written",
    [
        "[" * 1400,
        '["success","notice.case_advanced",{"state":' + "[" * 1300 + "]",
        '["success","notice.case_advanced",{"state":"\\ud800"}]',
        '["success","notice.case_advanced",{"state":' + "9" * 1300 + "}]",
        '["success","notice.case_advanced",{"state":"x","key":"y","language":"z","n":"\\udfff"}]',
        '["success","notice.case_advanced",{"state":"' + "x" * 2000 + '"}]',
        '["success",["notice.signed_out"],{}]',
        '["success","notice.signed_out",7]',
        "7",
    ],
    ids=lambda written: written[:60],
)
def test_a_notice_somebody_else_wrote_breaks_no_page_and_is_dropped(stranger: Visitor, written: str) -> None:
    carried = base64.urlsafe_b64encode(written.encode()).decode()
    stranger.client.set_cookie("startklar_notice", carried)
    answer = stranger.get("/sign-in")
    assert answer.status_code == 200
    assert 'sk-notice"' not in answer.text
    assert stranger.cookie("notice") is None


def test_a_notice_takes_no_facts_its_sentence_does_not_name(stranger: Visitor) -> None:
    written = json.dumps(["success", "notice.signed_out", {"key": "x", "language": "y"}])
    stranger.client.set_cookie("startklar_notice", base64.urlsafe_b64encode(written.encode()).decode())
    assert "Sie sind abgemeldet" in words(stranger.get("/sign-in").text)


def test_when_the_page_of_an_error_breaks_too_a_plain_one_takes_its_place(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    app = breaking(world, RuntimeError("petra.lehmann"))
    nobody: dict[str, str] = {}
    app.jinja_env.globals["notice"] = lambda: nobody["petra.lehmann"]
    visitor = Visitor(app)
    visitor.client.set_cookie("startklar_session", "x")
    visitor.client.set_cookie("startklar_notice", "x")
    for url in ("/sign-in", "/nowhere"):
        visitor.client.set_cookie("startklar_notice", "x")
        answer = visitor.get(url)
        assert answer.status_code == 500
        assert re.search(r"Kennung [0-9a-f]{8}", answer.text)
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert answer.headers["Cache-Control"] == "no-store"
        assert visitor.cookie("notice") is None
    assert "petra" not in caplog.text
    assert "KeyError" in caplog.text


def test_nul_bytes_are_refused_at_the_gate(stranger: Visitor, visit: Callable[[str], Visitor]) -> None:
    for visitor in (stranger, visit("leitung")):
        for url in ("/nowhere%00", "/sign-in?next=%00", "/cases?q=a%00b", "/cases?%00=b", "/bodies/%00"):
            assert visitor.get(url).status_code == 400, url
        assert visitor.post("/sign-in", email="a\0b").status_code == 400
        assert visitor.post("/sign-in", **{"a\0b": "x"}).status_code == 400


def test_under_a_public_name_no_other_host_is_answered(world: World) -> None:
    settings_ = replace(world.engine.settings, base_url="https://Startklar.example", cookie_secure=True)
    client = application(world.engine, settings_).test_client()
    for host in ("evil.example", "startklar.example.evil.example", "localhost", "[", "a b"):
        answer = client.get("/sign-in", headers={"Host": host})
        assert answer.status_code == 400, host
        assert "Strict-Transport-Security" in answer.headers
    for host in ("startklar.example", "STARTKLAR.example:443"):
        assert client.get("/sign-in", headers={"Host": host}).status_code == 200, host
    assert client.get("/healthz", headers={"Host": "10.0.0.7"}).status_code == 200


def test_without_a_public_name_any_host_is_answered(stranger: Visitor) -> None:
    for host in ("localhost:8000", "127.0.0.1", "[::1]:8000"):
        assert stranger.get("/sign-in", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("written", [None, "", "x", "-1", "1.0", "9" * 5000, "9" * 10, "²", "٣"])
def test_a_form_that_does_not_say_what_it_saw_saw_nothing_that_ever_was(app: Flask, written: str | None) -> None:
    with app.test_request_context(method="POST", data={} if written is None else {"seen": written}):
        assert forms.seen() == -1


def test_every_form_of_a_deed_carries_what_its_page_showed() -> None:
    # What is ticked is ticked whoever else ticked meanwhile: nothing is decided on what the page showed. What is
    # decided for several members at once names each of them; those where somebody was faster are refused by name.
    deeds = r"url_for\([\"'](?!tasks\.untick|tasks\.together)(?:cases|tasks|milestones|prerequisites)\."
    asked = 0
    for template in TEMPLATES:
        text = template.read_text("utf-8")
        forms_ = [form for form in re.findall(r"<form\b.*?</form>", text, re.DOTALL) if 'method="post"' in form]
        buttons = re.findall(r"button_form\(.*?\) ?\}\}", text)
        for form in [one for one in (*forms_, *buttons) if re.search(deeds, one.partition(">")[0])]:
            assert re.search(r'seen_field\(|name="seen["-]|"seen":', form), (template.name, form)
            asked += 1
    assert asked >= 12


def test_a_form_says_what_it_saw(app: Flask) -> None:
    with app.test_request_context(method="POST", data={"seen": "7"}):
        assert forms.seen() == 7


def test_a_garbled_form_is_refused_not_a_crash(stranger: Visitor, visit: Callable[[str], Visitor]) -> None:
    garbled = {"data": b"\xff\xfe%zz&&==;" * 50, "content_type": "multipart/form-data; boundary=x"}
    for visitor in (stranger, visit("leitung")):
        assert visitor.client.post("/language", **garbled).status_code in (400, 403)
        assert visitor.client.post("/sign-out", data=b"\x00" * 999).status_code in (303, 400, 403)


# --- notices and the clock -------------------------------------------------------------------------------------------


def test_a_notice_is_said_once(visit: Callable[[str], Visitor]) -> None:
    visitor = visit("leitung")
    visitor.sign_out()
    assert "Sie sind abgemeldet" in words(visitor.get("/sign-in").text)
    assert "Sie sind abgemeldet" not in words(visitor.get("/sign-in").text)


@pytest.mark.parametrize("written", ["x", "e30=", "WyJzdWNjZXNzIiwiZXJyb3IuYnVzeSIse31d", "WzEsMiwzXQ==", "\u00e4"])
def test_a_notice_nobody_left_is_not_said(stranger: Visitor, written: str) -> None:
    stranger.client.set_cookie("startklar_notice", written)
    page = stranger.get("/sign-in")
    assert page.status_code == 200
    assert 'class="sk-notice"' not in page.text


def test_the_rehearsal_clock_stands_on_every_page_and_moves_by_a_working_day(
    world: World, visit: Callable[[str], Visitor]
) -> None:
    visitor = visit("leitung")
    assert "Probebetrieb mit Beispieldaten: Heute ist Mo., 23. November" in words(visitor.get("/account").text)
    assert visitor.post("/clock/advance", next="/components").headers["Location"] == "/components"
    page = words(visitor.get("/components").text)
    assert "Ein Arbeitstag ist vergangen. Heute ist Di., 24. November" in page
    assert "Probebetrieb mit Beispieldaten: Heute ist Di., 24. November" in page


def test_moving_the_clock_fires_what_is_due(world: World, visit: Callable[[str], Visitor]) -> None:
    world.open()  # its first task is due after ten working days and its owner is reminded two days before
    visitor = visit("digi")
    for _ in range(9):
        visitor.post("/clock/advance", next="/")
    with world.look() as work:
        subjects = work.session.execute(sa.select(Message.subject).order_by(Message.written_at)).scalars().all()
    assert len(subjects) == 2, "what was asked, and the reminder before it is due"


def test_where_the_clock_is_real_nobody_can_move_it(empty_database_url: str, tmp_path: Path) -> None:
    installation = settings.read({"STARTKLAR_DATABASE_URL": empty_database_url, "STARTKLAR_DATA": str(tmp_path)})
    start.init(installation, clock="system", now=database.real_now(), example=False)
    engine = start.engine(installation)
    try:
        with database.transaction(engine.pool, write=True) as session:
            own = uuid.uuid4()
            session.execute(
                sa.insert(Person).values(
                    id=own, human_id=own, email="a@startklar.example", name="A",
                    password=sessions.hash_password(PASSWORD),
                    language="de", theme="system", created_at=database.real_now(),
                )
            )  # fmt: skip
        visitor = Visitor(application(engine, installation))
        visitor.sign_in("a@startklar.example")
        page = visitor.get("/components").text
        assert "Probebetrieb" not in page
        answer = visitor.client.post("/clock/advance", data={"csrf_token": token_in(page)})
        assert answer.status_code == 404
    finally:
        engine.close()
