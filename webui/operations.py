"""How the installation works by itself: regular jobs, what waits, what fails."""

from __future__ import annotations

import os
import socket

from flask import Blueprint, redirect, render_template, url_for
from werkzeug.wrappers import Response as AnyResponse

from webui import deeds, session, watch, wording
from workflow import history_checks, texts
from workflow.queries import operations as query
from workflow.watch import PARTS

blueprint = Blueprint("operations", __name__, url_prefix="/operations")

_AT_ONCE_SECONDS = 2.0
"""How long somebody waits for a check; what is left then the scheduler does."""


@blueprint.get("")
def show() -> str:
    """Jobs with their last run, queues, and what fails again and again."""
    with session.engine().read(session.me()) as work:
        found = query.operations(work)
        checks = history_checks.checks(work)
    names = {job.name: _called("job", job.name) for job in found.jobs}
    kinds = {one.kind: _called("kind", one.kind) for one in found.failing}
    return render_template(
        "operations.html", found=found, checks=checks, state=watch.state(), names=names, kinds=kinds, PARTS=PARTS
    )


@blueprint.get("/history")
def history() -> str:
    """When the history was checked, and what did not fit."""
    with session.engine().read(session.me()) as work:
        found = history_checks.checks(work)
    chains = {one.chain: _called("chain", one.chain) for one in found.faults}
    whats = {one: _what(one) for one in found.faults}
    return render_template("history_checks.html", found=found, chains=chains, whats=whats)


@blueprint.post("/history")
def check_history() -> AnyResponse:
    """Have it checked: a small one at once, the rest of a large one by the scheduler."""
    deeds.do(history_checks.start)
    worker = f"web:{socket.gethostname()}:{os.getpid()}"
    history_checks.work_off(session.engine(), worker=worker, seconds=_AT_ONCE_SECONDS)
    return redirect(url_for("operations.history"), 303)


def _what(fault: history_checks.Fault) -> str:
    """What does not fit, in words that say nothing of the case."""
    if fault.place is None:
        return wording.t(f"history_check.what.{fault.what}", seq=fault.seq or 0)
    return wording.t(f"history_check.what.{fault.what}", place=fault.place, seq=fault.seq or 0)


def _called(what: str, name: str) -> str:
    """What people call a job, or what fails; by its name where there are no words for it yet."""
    key = f"operations.{what}.{name}"
    return wording.t(key) if texts.knows(wording.language(), key) else name
