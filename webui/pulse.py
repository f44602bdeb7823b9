"""Tiny addresses that a page asks now and then whether it is still true. Asking is no sign of life of a person."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from uuid import UUID

from flask import Blueprint, jsonify
from werkzeug.wrappers import Response as AnyResponse

from webui import session
from workflow.engine import Work
from workflow.queries import pulse

blueprint = Blueprint("pulse", __name__)

QUIET: Final = frozenset({"pulse.case", "pulse.task", "pulse.prerequisite", "pulse.inbox"})
"""Endpoints a script asks by itself: a session ends although they are asked."""


@blueprint.get("/cases/<uuid:case_id>/pulse")
def case(case_id: UUID) -> AnyResponse:
    """Of the page of a case."""
    return _told(lambda work: pulse.case(work, case_id))


@blueprint.get("/tasks/<uuid:task_id>/pulse")
def task(task_id: UUID) -> AnyResponse:
    """Of the page of a task."""
    return _told(lambda work: pulse.task(work, task_id))


@blueprint.get("/prerequisites/<uuid:prerequisite_id>/pulse")
def prerequisite(prerequisite_id: UUID) -> AnyResponse:
    """Of the page of a prerequisite."""
    return _told(lambda work: pulse.prerequisite(work, prerequisite_id))


@blueprint.get("/pulse")
def inbox() -> AnyResponse:
    """Of what waits for the person."""
    return _told(pulse.inbox)


def _told(number: Callable[[Work], str]) -> AnyResponse:
    with session.engine().read(session.me()) as work:
        return jsonify(at=number(work))
