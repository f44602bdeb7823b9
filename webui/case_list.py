"""The list of cases."""

from __future__ import annotations

import datetime as dt
from typing import Any

from flask import Blueprint, render_template, request, url_for

from webui import session
from workflow.queries import case_list
from workflow.queries.case_list import Cursor, Filters

blueprint = Blueprint("case_list", __name__)


@blueprint.get("/cases")
def show() -> str:
    """Every case the person may know about, narrowed as the address says."""
    with session.engine().read(session.me()) as work:
        found = case_list.cases(work, asked(), Cursor(after=_one("after"), before=_one("before")))
    return render_template("case_list.html", found=found, address=_Addresses(found.filters))


def asked() -> Filters:
    """What the address narrows the list to."""
    return Filters(
        text=_one("q") or "",
        service=_one("service"),
        state=_one("state"),
        team=_one("team"),
        district=_one("district"),
        body=_one("body"),
        wave=_one("wave"),
        waits_for=_one("waiting_for") or (f"vendor:{_one('vendor')}" if _one("vendor") else None),
        blocker=_one("blocker"),
        live_since=_day("live_since"),
        left=_one("left") == "yes",
        overdue=_one("overdue") == "yes",
        escalated=_one("escalated") == "yes",
        rests=_one("rests") == "yes",
        next_rounds=_one("next_rounds") == "yes",
        taken_over=_one("taken_over") == "yes",
    )


class _Addresses:
    """Addresses of the same list, narrowed otherwise: `address(state="live")`, `address(overdue=None)`."""

    def __init__(self, filters: Filters) -> None:
        self.present = {
            "q": filters.text or None,
            "service": filters.service,
            "state": filters.state,
            "team": filters.team,
            "district": filters.district,
            "body": filters.body,
            "wave": filters.wave,
            "waiting_for": filters.waits_for,
            "blocker": filters.blocker,
            "live_since": filters.live_since.isoformat() if filters.live_since else None,
            "left": "yes" if filters.left else None,
            "overdue": "yes" if filters.overdue else None,
            "escalated": "yes" if filters.escalated else None,
            "rests": "yes" if filters.rests else None,
            "next_rounds": "yes" if filters.next_rounds else None,
            "taken_over": "yes" if filters.taken_over else None,
        }

    def __call__(self, **changed: str | None) -> str:
        wanted: dict[str, Any] = {name: value for name, value in {**self.present, **changed}.items() if value}
        return url_for("case_list.show", **wanted)

    def page(self, cursor: Cursor | None) -> str | None:
        """The address of a page of this very list."""
        if cursor is None:
            return None
        return self(after=cursor.after, before=cursor.before)


def _one(name: str) -> str | None:
    return request.args.get(name) or None


def _day(name: str) -> dt.date | None:
    """A day as addresses write it; whatever is none narrows nothing."""
    try:
        return dt.date.fromisoformat(request.args.get(name, ""))
    except ValueError:
        return None
