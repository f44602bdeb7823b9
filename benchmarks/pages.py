"""Pages beside a view that renders the same template from values kept in memory.

Both are asked through the same application and WSGI, so routing and headers cost the same; what is compared is
everything between them: session, rights, queries, and turning rows into values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import flask
import sqlalchemy as sa
from flask import Flask, g, render_template, template_rendered

import webui
from benchmarks import growth, installation
from benchmarks.databases import Database
from benchmarks.installation import PASSWORD, People
from benchmarks.measuring import Ratio, in_turns
from webui.session import Visitor
from workflow import cases, sessions, start, tasks
from workflow.engine import SYSTEM, Engine
from workflow.models import Case, Task

TARGET = 0.35
TOWN = "073390000000"
TEAM_HAS = 80
"""Tasks that wait for the team; a page of its inbox shows fifty."""
_FLASKS_OWN = ("g", "request", "session")


def measure(
    database: Database, url: str, people: People, *, each_round: int, data: Path, cases: int | None = None
) -> list[Ratio]:
    """Case page, inbox of a municipality and of a team, and overview, each so many times a round.

    With `cases` they are asked of a programme that is copied until it has about so many.
    """
    configured = installation.settings_for(url, data)
    engine = start.engine(configured)
    try:
        _move_on(engine, people)
        if cases is not None:
            growth.enlarge(engine, cases)
        database.settle(url)
        with engine.read(SYSTEM) as work:
            case = work.session.execute(
                sa.select(Case.id, Case.team).where(Case.body == TOWN, Case.service == "wohngeld")
            ).one()
            among = work.session.execute(sa.select(sa.func.count()).select_from(Case)).scalar_one()
        results = []
        for name, address, path in (
            ("case page", f"coordination-{TOWN}", f"/cases/{case.id}"),
            ("inbox, municipality", f"coordination-{TOWN}", "/"),
            ("inbox, team", f"team-{case.team}", "/"),
            ("overview", "office", "/programme"),
        ):
            new = sessions.sign_in(engine, f"{address}@startklar.example", PASSWORD, "127.0.0.1")
            real, floor = webui.create_app(engine, configured), webui.create_app(engine, configured)
            ours, size = _asked(real, path, new.token)
            _keep_in_memory(floor, engine, path, new.token)
            kept, kept_size = _asked(floor, path, new.token)
            if abs(size - kept_size) > size // 100:
                raise RuntimeError(f"{path}: the two views do not show the same page ({size} and {kept_size} bytes)")
            for warming in (_times(ours), _times(kept)):
                warming(slice(20))
            times = in_turns(_times(ours), _times(kept), each_round)
            results.append(
                Ratio(name, database.name, TARGET, *times, note=f"{size // 1000} kB of HTML among {among:,} cases")
            )
        return results
    finally:
        engine.close()


def _move_on(engine: Engine, people: People) -> None:
    """A case with some history and evidence is shown, not one just opened, and the team has things to do."""
    with engine.read(SYSTEM) as work:
        case = work.session.execute(
            sa.select(Case.id, Case.team).where(Case.body == TOWN, Case.service == "wohngeld")
        ).one()
        waiting = work.session.execute(
            sa.select(Task.id, Task.body)
            .where(Task.team == case.team, Task.name == "express_interest", Task.body != TOWN)
            .order_by(Task.service, Task.body)
            .limit(TEAM_HAS)
        ).all()
    for task in waiting:
        with engine.change(people.bodies[task.body, "digi"]) as work:
            tasks.submit(work, task.id, installation.answers(work, task.id))
    installation.finish_first_state(engine, people, case.id)
    with engine.change(people.teams[case.team]) as work:
        cases.advance(work, case.id, "contract")


def _asked(app: Flask, path: str, token: str) -> tuple[Callable[[], None], int]:
    """What asks for the page once, and how large the page is."""
    surroundings = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "127.0.0.1:8000",
        "HTTP_ACCEPT_LANGUAGE": "de",
        "HTTP_COOKIE": f"startklar_session={token}",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": None,
        "wsgi.multithread": True,
    }
    statuses: list[str] = []

    def begin(status: str, _headers: Any, _error: Any = None) -> Callable[[bytes], object]:
        statuses.append(status)
        return lambda _: None

    def ask() -> bytes:
        answer = app.wsgi_app(dict(surroundings), begin)
        try:
            return b"".join(answer)
        finally:
            getattr(answer, "close", lambda: None)()

    size = len(ask())
    if statuses != ["200 OK"]:
        raise RuntimeError(f"{path} answers {statuses}")

    def once() -> None:
        ask()

    return once, size


def _keep_in_memory(app: Flask, engine: Engine, path: str, token: str) -> None:
    """Replace the view by one that has template, values and person at hand, and take the gate away."""
    rendered: list[tuple[str, Mapping[str, Any]]] = []

    def note(_app: Flask, template: Any, context: Mapping[str, Any], **_: Any) -> None:
        rendered.append((template.name, {name: value for name, value in context.items() if name not in _FLASKS_OWN}))

    template_rendered.connect(note, app)
    try:
        _asked(app, path, token)
    finally:
        template_rendered.disconnect(note, app)
    ((name, values),) = rendered
    found = sessions.session(engine, token)
    if found is None:
        raise RuntimeError("nobody is signed in")
    visitor = Visitor(found)

    def view(**_: UUID) -> str:
        g._login_user = visitor  # noqa: SLF001 - where Flask-Login keeps whom it has found
        return render_template(name, **values)

    app.before_request_funcs.clear()
    with app.test_request_context(path):
        endpoint = flask.request.endpoint
    if endpoint is None:
        raise RuntimeError(f"there is no page {path}")
    app.view_functions[endpoint] = view


def _times(ask: Callable[[], None]) -> Callable[[slice], None]:
    def repeat(part: slice) -> None:
        for _ in range(part.start or 0, part.stop):
            ask()

    return repeat
