"""Who is at the door: the session cookie, the gate in front of every endpoint, the check of where a form comes from.

Flask-Login knows the person of a request; the session itself is a row in the database (`workflow.sessions`), so that
signing out ends it everywhere. Flask's own signed cookie is not used at all: the application has no secret key.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import Flask, Request, Response, abort, current_app, g, redirect, request, url_for
from flask_login import LoginManager, UserMixin, current_user
from werkzeug.wrappers import Response as AnyResponse

from webui.navigation import local_path, parts_of
from workflow import sessions
from workflow.engine import Engine, Work
from workflow.errors import SignInRequired, StartklarError
from workflow.sessions import NewSession, SignedIn
from workflow.settings import Settings

SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
YEAR = 365 * 24 * 60 * 60
TOKEN_FIELD, TOKEN_HEADER = "csrf_token", "X-CSRF-Token"


class ForgedRequest(StartklarError):
    """A form that did not come from a page of this session."""

    key = "error.forged_request"


@dataclass(frozen=True, slots=True)
class Door:
    """What every request of the application stands on."""

    engine: Engine
    settings: Settings
    quiet: AbstractSet[str] = frozenset()
    """Endpoints that pages ask by themselves."""


class Visitor(UserMixin):  # type: ignore[misc]  # Flask-Login ships no types
    """The signed-in person as Flask-Login wants to see one."""

    def __init__(self, person: SignedIn) -> None:
        self.person = person

    def get_id(self) -> str:
        """What names the person."""
        return str(self.person.person_id)


def engine() -> Engine:
    """The engine of this application."""
    return door().engine


def door() -> Door:
    """Engine and settings of this application."""
    found: Door = current_app.extensions["startklar"]
    return found


def person() -> SignedIn | None:
    """The signed-in person of this request, if there is one."""
    return current_user.person if current_user.is_authenticated else None


def me() -> UUID:
    """The id of the signed-in person: `with engine().read(me()) as work`. Raises SignInRequired for a stranger."""
    found = person()
    if found is None:
        raise SignInRequired
    return found.person_id


def looking() -> AbstractContextManager[Work]:
    """Look at things as the signed-in person, with what this request was told of them when it began; after a deed of
    its own with what has become of it. Raises SignInRequired for a stranger."""
    found = person()
    if found is None:
        raise SignInRequired
    return engine().read(found.beginning if request.method in SAFE else found.person_id)


def token() -> str | None:
    """The token of this request's session cookie."""
    return request.cookies.get(cookie_name("session"))


def csrf_token() -> str:
    """What a form of this page must send back; bound to the session, or to the browser while nobody is signed in."""
    found = person()
    return found.csrf if found is not None else _of_browser(_browser())


def install(app: Flask, public: AbstractSet[str], unbound: AbstractSet[str] = frozenset()) -> None:
    """Put the gate in front of every endpoint of the application. `unbound`: those whose forms prove themselves."""
    manager = LoginManager()
    manager.session_protection = None
    manager.request_loader(_load)
    manager.init_app(app, add_context_processor=False)
    app.jinja_env.globals.update(csrf_token=csrf_token, person=person)

    @app.before_request
    def gate() -> AnyResponse | None:
        _insist_well_formed()
        if request.method not in SAFE and request.endpoint not in unbound:
            _insist_from_here()
        if request.endpoint is None or request.endpoint in public or current_user.is_authenticated:
            return None
        return ask_to_sign_in()

    @app.after_request
    def keep_browser(response: Response) -> Response:
        """The cookie that binds forms of strangers, set only where such a form was written."""
        made = g.get("browser_made")
        if made is not None:
            set_cookie(response, "form", made)
        return response


def cookie_name(name: str) -> str:
    """`startklar_<name>`; over https with the prefix that keeps neighbouring hosts from setting it."""
    return f"__Host-startklar_{name}" if door().settings.cookie_secure else f"startklar_{name}"


def set_cookie(response: AnyResponse, name: str, value: str, *, max_age: int | None = None) -> None:
    """Set one of our cookies: never readable by scripts, never sent along from other sites' forms."""
    response.set_cookie(
        cookie_name(name),
        value,
        max_age=max_age,
        path="/",
        secure=door().settings.cookie_secure,
        httponly=True,
        samesite="Lax",
    )


def drop_cookie(response: AnyResponse, name: str) -> None:
    """Ask the browser to forget one of our cookies."""
    response.delete_cookie(
        cookie_name(name), path="/", secure=door().settings.cookie_secure, httponly=True, samesite="Lax"
    )


def browser_name() -> str:
    """`Firefox, Windows`: enough to recognise one's own device by, and no more than that is kept."""
    agent = request.user_agent.string
    browsers = (("Edg", "Edge"), ("OPR", "Opera"), ("Firefox", "Firefox"), ("Chrom", "Chrome"), ("Safari", "Safari"))
    systems = (("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"),
               ("Mac OS", "macOS"), ("Linux", "Linux"))  # fmt: skip
    found = [next((name for sign, name in signs if sign in agent), "") for signs in (browsers, systems)]
    return ", ".join(part for part in found if part)


def begin(response: AnyResponse, new: NewSession) -> None:
    """Give a new session to the browser, ending the one it had. It ends with the browser, or earlier on the server."""
    if (present := token()) is not None:
        sessions.sign_out(engine(), present)
    set_cookie(response, "session", new.token)
    set_cookie(response, "language", new.language, max_age=YEAR)  # the sign-in page of tomorrow speaks it too
    drop_cookie(response, "form")


def end(response: AnyResponse) -> None:
    """End the session of this request on the server and in the browser."""
    if (present := token()) is not None:
        sessions.sign_out(engine(), present)
    drop_cookie(response, "session")


def is_partial() -> bool:
    """Whether htmx asks for a part of a page."""
    return request.headers.get("HX-Request") == "true" and request.headers.get("HX-Boosted") != "true"


def ask_to_sign_in() -> AnyResponse:
    """Ask a stranger to sign in, and remember where to go then."""
    asked = request.full_path.rstrip("?") if request.method in SAFE else parts_of(request.referrer).path
    wanted = local_path(asked)
    target = url_for("sign_in.show", next=wanted if wanted != "/" else None)
    if is_partial():
        return Response(status=401, headers={"HX-Redirect": target})
    return redirect(target, 303)


def _load(asked: Request) -> Visitor | None:
    present = asked.cookies.get(cookie_name("session"))
    if not present:
        return None
    if g.get("loading_failed"):
        return None  # the page that says so is written for a stranger
    g.loading_failed = True
    found = sessions.session(engine(), present, noting=asked.endpoint not in door().quiet)
    g.loading_failed = False
    return Visitor(found) if found is not None else None


def _insist_from_here() -> None:
    """Raises ForgedRequest unless the form was written by a page of this very session.

    Asked in this order: the browser's own word on where the form comes from, then the token in the form.
    """
    if request.headers.get("Sec-Fetch-Site") == "cross-site":
        raise ForgedRequest
    origin = request.headers.get("Origin")
    if origin is not None and parts_of(origin).netloc not in _own_hosts() and not _is_discreet(origin):
        raise ForgedRequest
    given = request.headers.get(TOKEN_HEADER) or request.form.get(TOKEN_FIELD) or ""
    found = person()
    if found is not None:
        expected = found.csrf
    elif (browser := request.cookies.get(cookie_name("form"))) is not None:
        expected = _of_browser(browser)
    else:
        raise ForgedRequest
    if not hmac.compare_digest(given.encode(), expected.encode()):
        raise ForgedRequest


def _is_discreet(origin: str) -> bool:
    """A page whose address is a key is never named (no-referrer), and browsers say `null` for where its forms come
    from. Newer ones say at the same time that it is this site; of older ones the token alone must do, for these."""
    if origin != "null":
        return False
    said = request.headers.get("Sec-Fetch-Site")
    return said == "same-origin" or (said is None and request.blueprint == "access")


def _own_hosts() -> tuple[str, ...]:
    return tuple(host for host in (request.host, parts_of(door().settings.base_url).netloc) if host)


def _insist_well_formed() -> None:
    """Answer 400 to what no browser on our pages sends: another host's name, and NUL bytes, which no database keeps.

    The host is checked where the installation has a public name. Programs that watch over us ask by any name.
    """
    public = parts_of(door().settings.base_url)
    is_named = public.scheme == "https" and request.endpoint not in ("healthz", "statusz")
    if is_named and parts_of(f"//{request.host}").hostname != public.hostname:
        abort(400)
    sent = [request.path, *(text for pair in request.args.items(multi=True) for text in pair)]
    if request.method not in SAFE:
        sent += (text for pair in request.form.items(multi=True) for text in pair)
        sent += (text for name, file in request.files.items(multi=True) for text in (name, file.filename or ""))
    if any("\0" in text for text in sent):
        abort(400)


def _browser() -> str:
    """A random name of this browser, made on the first form it sees while nobody is signed in."""
    made: Any = g.get("browser_made") or request.cookies.get(cookie_name("form"))
    if made is None:
        made = g.browser_made = secrets.token_urlsafe(32)
    return str(made)


def _of_browser(browser: str) -> str:
    return hashlib.sha256(b"startklar form\n" + browser.encode()).hexdigest()
