"""How the installation works by itself: regular jobs, what waits, what fails."""

from __future__ import annotations

from flask import Blueprint, render_template

from webui import session, watch, wording
from workflow import texts
from workflow.queries import operations as query
from workflow.watch import PARTS

blueprint = Blueprint("operations", __name__, url_prefix="/operations")


@blueprint.get("")
def show() -> str:
    """Jobs with their last run, queues, and what fails again and again."""
    with session.engine().read(session.me()) as work:
        found = query.operations(work)
    names = {job.name: _called("job", job.name) for job in found.jobs}
    kinds = {one.kind: _called("kind", one.kind) for one in found.failing}
    return render_template("operations.html", found=found, state=watch.state(), names=names, kinds=kinds, PARTS=PARTS)


def _called(what: str, name: str) -> str:
    """What people call a job, or what fails; by its name where there are no words for it yet."""
    key = f"operations.{what}.{name}"
    return wording.t(key) if texts.knows(wording.language(), key) else name
